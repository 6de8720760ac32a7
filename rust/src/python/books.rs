//! `Books`: the books of one channel of an engine, by symbol.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyDeprecationWarning, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyMapping, PyString};

use super::book_handle::{BookHandle, LiveBook};
use super::errors;
use crate::engine::BookState;
use crate::engine::SharedEngine;

// The books of one channel.
#[doc = doc!("Books" "")]
#[pyclass(frozen, mapping, name = "Books", module = "kraken_connector._native")]
pub(super) struct PyBooks(Box<dyn Registry>);

/// The books of a channel, of either kind: a Python class has no type parameters.
trait Registry: Send + Sync {
    fn get_or_create(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyAny>>;
    fn get(&self, py: Python<'_>, symbol: &str) -> PyResult<Option<Py<PyAny>>>;
    fn symbols(&self) -> Vec<String>;
    fn expect(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()>;
    fn invalidate(&self, symbol: &str, state: BookState);
}

struct Channel<B: LiveBook> {
    engine: SharedEngine,
    /// The Python objects that were made, at the index of their book.
    objects: Mutex<Vec<Option<Py<B::Object>>>>,
}

impl<B: LiveBook> Channel<B> {
    /// The one Python object of the book at `index`.
    fn object(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyAny>> {
        let lock = || self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock()
            .get(index)
            .and_then(Option::as_ref)
            .map(|it| it.clone_ref(py));
        if let Some(object) = known {
            return Ok(object.into_any());
        }
        let engine = self.engine.clone();
        let made = Py::new(py, B::object(BookHandle::Live { engine, index }))?;
        let mut objects = lock();
        if objects.len() <= index {
            objects.resize_with(index + 1, || None);
        }
        // If another thread was faster, its object is used.
        let object = objects.get_mut(index).map(|entry| {
            entry
                .get_or_insert_with(|| made.clone_ref(py))
                .clone_ref(py)
        });
        drop(objects);
        Ok(object.unwrap_or(made).into_any())
    }
}

impl<B: LiveBook> Registry for Channel<B> {
    fn get_or_create(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyAny>> {
        let index = B::books(&mut self.engine.lock()).index(symbol);
        self.object(py, index)
    }

    fn get(&self, py: Python<'_>, symbol: &str) -> PyResult<Option<Py<PyAny>>> {
        let is_known = B::books(&mut self.engine.lock()).get(symbol).is_some();
        is_known.then(|| self.get_or_create(py, symbol)).transpose()
    }

    fn symbols(&self) -> Vec<String> {
        let mut engine = self.engine.lock();
        let slots = B::books(&mut engine).iter();
        slots.map(|slot| slot.symbol().to_owned()).collect()
    }

    fn expect(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        let levels = depth.extract().unwrap_or_default();
        if B::books(&mut self.engine.lock()).expect(symbol, levels) {
            return Ok(());
        }
        Err(errors::unknown_depth(depth, B::DEPTHS))
    }

    fn invalidate(&self, symbol: &str, state: BookState) {
        B::books(&mut self.engine.lock()).invalidate(symbol, state);
    }
}

impl PyBooks {
    /// The books of the channel of `B`.
    pub(super) fn new<B: LiveBook>(py: Python<'_>, engine: &SharedEngine) -> PyResult<Py<Self>> {
        let channel: Channel<B> = Channel {
            engine: engine.clone(),
            objects: Mutex::default(),
        };
        Py::new(py, Self(Box::new(channel)))
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let books = PyDict::new(py);
        for symbol in self.0.symbols() {
            books.set_item(&symbol, self.0.get_or_create(py, &symbol)?)?;
        }
        Ok(books)
    }

    fn find(&self, symbol: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        match symbol.cast::<PyString>() {
            Ok(text) => self.0.get(symbol.py(), text.to_str()?),
            Err(_) => Ok(None),
        }
    }
}

#[pymethods]
impl PyBooks {
    #[doc = doc!("Books" "get_or_create")]
    pub(super) fn get_or_create(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyAny>> {
        self.0.get_or_create(py, symbol)
    }

    #[doc = doc!("Books" "expect")]
    pub(super) fn expect(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.expect(symbol, depth)
    }

    #[doc = doc!("Books" "invalidate")]
    #[pyo3(signature = (symbol, state = "stale"))]
    pub(super) fn invalidate(&self, symbol: &str, state: &str) -> PyResult<()> {
        let known = |known: &BookState| known.name() == state && *known != BookState::Valid;
        let known = BookState::ALL.into_iter().find(known).ok_or_else(|| {
            PyValueError::new_err(format!(
                "state must be 'awaiting_snapshot', 'stale' or 'quarantined', not '{state}'"
            ))
        })?;
        self.0.invalidate(symbol, known);
        Ok(())
    }

    fn __getitem__(&self, symbol: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let unknown = || PyKeyError::new_err(symbol.clone().unbind());
        self.find(symbol)?.ok_or_else(unknown)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.0.symbols())?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.0.symbols().len()
    }

    fn __contains__(&self, symbol: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.find(symbol)?.is_some())
    }

    /// Return the book of a symbol, or `default` if it has none.
    #[pyo3(signature = (key, default = None, /))]
    fn get(
        &self,
        key: &Bound<'_, PyAny>,
        default: Option<Py<PyAny>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        Ok(self.find(key)?.or(default))
    }

    /// The symbols that have a book.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("keys")
    }

    /// The books.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("values")
    }

    /// Pairs of a symbol and its book.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.dict(py)?.call_method0("items")
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.dict(py)?.eq(other)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Books({})",
            PyList::new(py, self.0.symbols())?.repr()?
        ))
    }

    /// Deprecated: return the books as a new dict, as `Engine.books()` did.
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        deprecated(py, c"Engine.books is a mapping: do not call it")?;
        self.dict(py)
    }
}

/// Warns the caller of a Python method.
pub(super) fn deprecated(py: Python<'_>, text: &std::ffi::CStr) -> PyResult<()> {
    PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 1)
}

/// Makes `isinstance(books, Mapping)` true.
pub(super) fn register(py: Python<'_>) -> PyResult<()> {
    PyMapping::register::<PyBooks>(py)
}
