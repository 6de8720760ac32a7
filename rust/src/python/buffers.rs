//! The memory of Python objects with the buffer protocol.

use std::slice;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Calls `read` with the bytes of `object`; it must run no Python code.
pub(super) fn with_bytes<T>(
    object: &Bound<'_, PyAny>,
    read: impl FnOnce(&[u8]) -> T,
) -> PyResult<T> {
    let buffer = contiguous(object)?;
    if buffer.len_bytes() == 0 {
        return Ok(read(&[]));
    }
    // SAFETY: the buffer is contiguous, of this length, and stays as it is while it is held. As of
    // all functions that take buffers, its owner does not write to it from another thread meanwhile.
    let bytes = unsafe { slice::from_raw_parts(buffer.buf_ptr().cast(), buffer.len_bytes()) };
    Ok(read(bytes))
}

/// Calls `fill` with the memory of `object`; it must run no Python code.
pub(super) fn with_room<T>(
    object: &Bound<'_, PyAny>,
    fill: impl FnOnce(&mut [u8]) -> T,
) -> PyResult<T> {
    let buffer = contiguous(object)?;
    if buffer.readonly() {
        return Err(PyTypeError::new_err("a writable buffer is needed"));
    }
    if buffer.len_bytes() == 0 {
        return Err(PyValueError::new_err("the buffer has no room"));
    }
    // SAFETY: as above, and the buffer is writable.
    let room = unsafe { slice::from_raw_parts_mut(buffer.buf_ptr().cast(), buffer.len_bytes()) };
    Ok(fill(room))
}

fn contiguous(object: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(object)?;
    if !buffer.is_c_contiguous() {
        return Err(PyBufferError::new_err("a contiguous buffer is needed"));
    }
    Ok(buffer)
}
