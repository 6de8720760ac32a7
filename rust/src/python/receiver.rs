//! `Receiver`.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMemoryView, PySlice};

use super::engine::PyEngine;
use crate::websocket::{Frame, frame_at};

/// The least space of a read, and half of the buffer: a loopback or a fast network delivers as much
/// at once. Half as much saves `async for` a thirtieth, as pending messages stay in the processor's
/// nearer caches, and costs callbacks a tenth, as there are more reads.
const ROOM: usize = 128 * 1024;

// The receiving side of one socket: its bytes in, an engine's events out.
#[doc = doc!("Receiver" "")]
#[pyclass(frozen, name = "Receiver", module = "kraken_connector._native")]
pub(super) struct PyReceiver {
    engine: Py<PyEngine>,
    max_size: usize,
    buffer: Mutex<Buffer>,
}

/// Bytes that were read and not processed yet.
struct Buffer {
    memory: Py<PyByteArray>,
    /// A view of the whole memory, created at the first use.
    whole: Option<Py<PyAny>>,
    start: usize,
    end: usize,
    /// The least length of the frame at `start`.
    needed: usize,
    /// Whether text frames are fed to the engine.
    is_direct: bool,
    /// Whether a frame violated the protocol: the frames after it cannot be recognised.
    is_broken: bool,
}

/// The state of the buffer while the frames of a read are processed.
struct Progress<'py> {
    start: usize,
    end: usize,
    needed: usize,
    is_direct: bool,
    is_broken: bool,
    events: Vec<Bound<'py, PyAny>>,
}

#[pymethods]
impl PyReceiver {
    #[new]
    fn py_new(py: Python<'_>, engine: Py<PyEngine>, max_size: usize) -> Self {
        let memory = PyByteArray::new_with(py, 2 * ROOM, |_| Ok(()));
        let memory = memory
            .unwrap_or_else(|_| PyByteArray::new(py, &[]))
            .unbind();
        Self {
            engine,
            max_size,
            buffer: Mutex::new(Buffer {
                memory,
                whole: None,
                start: 0,
                end: 0,
                needed: 0,
                is_direct: false,
                is_broken: false,
            }),
        }
    }

    #[getter]
    fn is_direct(&self) -> bool {
        self.lock().is_direct
    }

    #[setter]
    fn set_is_direct(&self, is_direct: bool) {
        self.lock().is_direct = is_direct;
    }

    #[doc = doc!("Receiver" "take")]
    fn take<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let (memory, start, end) = {
            let mut buffer = self.lock();
            let (start, end) = (buffer.start, buffer.end);
            (buffer.start, buffer.needed) = (end, 0);
            (buffer.memory.clone_ref(py).into_bound(py), start, end)
        };
        // SAFETY: nothing runs between here and the copy that could resize or write the array.
        let bytes = unsafe { memory.as_bytes() };
        PyBytes::new(py, bytes.get(start..end).unwrap_or_default())
    }

    #[doc = doc!("Receiver" "get_buffer")]
    #[pyo3(signature = (sizehint = -1))]
    #[allow(
        unused_variables,
        reason = "asyncio passes it, and says that it may be ignored"
    )]
    fn get_buffer<'py>(&self, py: Python<'py>, sizehint: isize) -> PyResult<Bound<'py, PyAny>> {
        if let Some(whole) = self.whole(py) {
            return Ok(whole);
        }
        let (memory, start, end, needed) = {
            let buffer = self.lock();
            (
                buffer.memory.clone_ref(py).into_bound(py),
                buffer.start,
                buffer.end,
                buffer.needed,
            )
        };
        let (memory, end) = if start == end && needed <= memory.len() {
            (memory, 0)
        } else if memory.len() >= (end + ROOM).max(start + needed) {
            return room(&memory, end);
        } else {
            make_room(&memory, start, end, needed)?
        };
        let view = room(&memory, end)?;
        let mut buffer = self.lock();
        let old = std::mem::replace(&mut buffer.memory, memory.unbind());
        let old_whole = buffer.whole.take();
        buffer.whole = (end == 0).then(|| view.clone().unbind());
        buffer.start = 0;
        buffer.end = end;
        // Objects must not be freed under the lock.
        drop(buffer);
        drop((old, old_whole));
        Ok(view)
    }

    #[doc = doc!("Receiver" "buffer_updated")]
    fn buffer_updated<'py>(
        &self,
        py: Python<'py>,
        nbytes: usize,
        received_ns: i64,
        take: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut rest = Vec::new();
        let events = self.read_frames(py, nbytes, received_ns, &mut rest)?;
        if !events.is_empty() {
            take.call1((PyList::new(py, events)?, received_ns))?;
        }
        Ok((!rest.is_empty()).then(|| PyBytes::new(py, &rest)))
    }
}

impl PyReceiver {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole buffer, if it is empty and the next frame fits: nearly always.
    #[inline]
    fn whole<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let mut buffer = self.lock();
        let whole = buffer.whole.as_ref()?.clone_ref(py);
        if buffer.start != buffer.end || buffer.needed > 2 * ROOM {
            return None;
        }
        (buffer.start, buffer.end) = (0, 0);
        drop(buffer);
        Some(whole.into_bound(py))
    }

    /// Processes the complete frames after `nbytes` more; other frames than text go to `rest`.
    fn read_frames<'py>(
        &self,
        py: Python<'py>,
        nbytes: usize,
        received_ns: i64,
        rest: &mut Vec<u8>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (memory, mut progress) = {
            let buffer = self.lock();
            let progress = Progress {
                start: buffer.start,
                end: buffer.end.saturating_add(nbytes),
                needed: 0,
                is_direct: buffer.is_direct,
                is_broken: buffer.is_broken,
                events: Vec::new(),
            };
            (buffer.memory.clone_ref(py).into_bound(py), progress)
        };
        if progress.end > memory.len() {
            return Err(PyValueError::new_err("more bytes than there was room for"));
        }
        while self.read_frame(&memory, &mut progress, received_ns, rest)? {}
        self.engine.get().ring();
        let mut buffer = self.lock();
        buffer.start = progress.start;
        buffer.end = progress.end;
        buffer.needed = progress.needed;
        buffer.is_direct = progress.is_direct;
        buffer.is_broken = progress.is_broken;
        drop(buffer);
        Ok(progress.events)
    }

    /// Processes the next complete frame; false when there is none.
    #[inline]
    fn read_frame<'py>(
        &self,
        memory: &Bound<'py, PyByteArray>,
        progress: &mut Progress<'py>,
        received_ns: i64,
        rest: &mut Vec<u8>,
    ) -> PyResult<bool> {
        // SAFETY: nothing runs between here and the last use of `bytes` below that could resize or
        // write the array: it is filled by its reader before this is called.
        let bytes = unsafe { memory.as_bytes() }
            .get(progress.start..progress.end)
            .unwrap_or_default();
        let mut pass = |frame: &[u8]| {
            rest.extend(frame);
            frame.len()
        };
        if progress.is_broken {
            progress.start += pass(bytes);
            return Ok(false);
        }
        progress.start += match frame_at(bytes, self.max_size) {
            Frame::Text(payload) if progress.is_direct => {
                let end = payload.end;
                let frame = PyBytes::new(memory.py(), bytes.get(payload).unwrap_or_default());
                let (notices, event) = self.engine.get().read(&frame, Some(received_ns))?;
                progress.events.extend(notices.into_iter().flatten());
                progress.events.push(event);
                end
            }
            Frame::Control(end) | Frame::Text(Range { end, .. }) => {
                pass(bytes.get(..end).unwrap_or_default())
            }
            Frame::Foreign(end) => {
                progress.is_direct = false;
                pass(bytes.get(..end).unwrap_or_default())
            }
            Frame::Broken => {
                (progress.is_direct, progress.is_broken) = (false, true);
                0
            }
            Frame::Partial(needed) => {
                progress.needed = needed;
                return Ok(false);
            }
        };
        Ok(true)
    }
}

/// The part of `memory` from `end` on, to write into.
fn room<'py>(memory: &Bound<'py, PyByteArray>, end: usize) -> PyResult<Bound<'py, PyAny>> {
    let py = memory.py();
    let length = isize::try_from(memory.len())?;
    let slice = PySlice::new(py, isize::try_from(end)?, length, 1);
    PyMemoryView::from(memory)?.get_item(slice)
}

/// A new array that begins with the pending bytes, since there may be views of the old one.
fn make_room<'py>(
    memory: &Bound<'py, PyByteArray>,
    start: usize,
    end: usize,
    needed: usize,
) -> PyResult<(Bound<'py, PyByteArray>, usize)> {
    let pending = end - start;
    let size = (pending.max(needed) + ROOM).next_power_of_two();
    let larger = PyByteArray::new_with(memory.py(), size, |target| {
        // SAFETY: nothing runs between here and the copy that could resize or write the array.
        let source = unsafe { memory.as_bytes() }
            .get(start..end)
            .unwrap_or_default();
        target
            .iter_mut()
            .zip(source)
            .for_each(|(to, from)| *to = *from);
        Ok(())
    })?;
    Ok((larger, pending))
}
