//! `ThreadReader`.

use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::engine::PyEngine;
use super::plain_stream::PyPlainStream;
use super::tls_stream::PyTlsStream;
use crate::reader::{Batch, Panicked, Reader};

// A thread that reads a stream and feeds an engine.
#[doc = doc!("ThreadReader" "")]
#[pyclass(frozen, name = "ThreadReader", module = "kraken_connector._native")]
pub(super) struct PyThreadReader {
    engine: Py<PyEngine>,
    reader: Mutex<Reader>,
}

#[pymethods]
impl PyThreadReader {
    #[new]
    #[pyo3(signature = (stream, engine, max_size, pending = None, cpu = None))]
    fn py_new(
        stream: &Bound<'_, PyAny>,
        engine: Py<PyEngine>,
        max_size: usize,
        pending: Option<Vec<u8>>,
        cpu: Option<usize>,
    ) -> PyResult<Self> {
        let (core, pending) = (engine.get().shared(), pending.unwrap_or_default());
        let reader = if let Ok(stream) = stream.cast::<PyPlainStream>() {
            Reader::start(stream.get().wire()?, core, pending, max_size, cpu)?
        } else if let Ok(stream) = stream.cast::<PyTlsStream>() {
            Reader::start(stream.get().wire()?, core, pending, max_size, cpu)?
        } else {
            let kind = stream.get_type();
            let text = format!("a stream of the native core is needed, not {kind}");
            return Err(PyTypeError::new_err(text));
        };
        Ok(Self {
            engine,
            reader: Mutex::new(reader),
        })
    }

    #[doc = doc!("ThreadReader" "fileno")]
    fn fileno(&self) -> RawFd {
        self.lock().bell()
    }

    #[doc = doc!("ThreadReader" "has_ended")]
    #[getter]
    fn has_ended(&self) -> bool {
        self.lock().has_ended()
    }

    #[doc = doc!("ThreadReader" "drain")]
    fn drain<'py>(
        &self,
        py: Python<'py>,
        take: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(usize, Bound<'py, PyBytes>)>> {
        let next = self.lock().take();
        let Some(mut batch) = next.map_err(|Panicked| {
            PyRuntimeError::new_err("the reading thread panicked; its books are invalid")
        })?
        else {
            return Ok(None);
        };
        let events = self.events(py, &mut batch)?;
        let count = events.len();
        if !events.is_empty() {
            take.call1((PyList::new(py, events)?, batch.received_ns))?;
        }
        self.lock().handled();
        Ok(Some((count, PyBytes::new(py, &batch.control))))
    }

    #[doc = doc!("ThreadReader" "stop")]
    fn stop<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let rest = py.detach(|| self.lock().stop());
        PyBytes::new(py, &rest)
    }
}

impl PyThreadReader {
    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn events<'py>(&self, py: Python<'py>, batch: &mut Batch) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut events = Vec::new();
        let received_ns = Some(batch.received_ns);
        for (frame, outcome) in batch.messages() {
            let frame = PyBytes::new(py, frame);
            let (notices, event) = self.engine.get().events(&frame, outcome, received_ns)?;
            events.extend(notices.into_iter().flatten());
            events.push(event);
        }
        Ok(events)
    }
}
