//! A caller's frame to `bytes`.

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};

use super::errors;

/// The frame's bytes: the caller's own object, or a copy of an object that can change.
///
/// # Errors
///
/// `TypeError`: it is neither bytes-like nor `str`.
#[inline(always)]
pub(super) fn to_bytes<'py>(
    frame: &Bound<'py, PyAny>,
    function: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    match frame.cast::<PyBytes>() {
        Ok(bytes) => Ok(bytes.clone()),
        Err(_) => copy(frame, function),
    }
}

#[cold]
fn copy<'py>(frame: &Bound<'py, PyAny>, function: &str) -> PyResult<Bound<'py, PyBytes>> {
    let py = frame.py();
    if let Ok(text) = frame.cast::<PyString>() {
        return encode(text);
    }
    if frame.is_instance_of::<PyByteArray>() || frame.is_instance_of::<PyMemoryView>() {
        let bytes = py.get_type::<PyBytes>().call1((frame,))?;
        return Ok(bytes.cast_into()?);
    }
    Err(errors::frame_type(function, frame))
}

/// Half a surrogate pair becomes bytes that are not UTF-8, and is reported like those.
fn encode<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let py = text.py();
    match text.to_str() {
        Ok(utf8) => Ok(PyBytes::new(py, utf8.as_bytes())),
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => {
            let args = (intern!(py, "utf-8"), intern!(py, "surrogatepass"));
            let bytes = text.call_method1(intern!(py, "encode"), args)?;
            Ok(bytes.cast_into()?)
        }
        Err(error) => Err(error),
    }
}
