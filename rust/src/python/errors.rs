//! The package's Python exceptions, made from the core's errors; nowhere else.

#[cfg(all(unix, feature = "tls"))]
use pyo3::exceptions::PyOSError;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error::ParseError;
#[cfg(all(unix, feature = "tls"))]
use crate::{socket::Errno, tls::TlsError, tls::TlsErrorKind};

/// `kraken_connector.exceptions.<name>(*args)`.
fn exception<'py, A>(py: Python<'py>, name: &Bound<'py, PyString>, args: A) -> PyErr
where
    A: pyo3::call::PyCallArgs<'py>,
{
    let made = py
        .import(intern!(py, "kraken_connector.exceptions"))
        .and_then(|module| module.getattr(name))
        .and_then(|class| class.call1(args));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// Whether an exception is a `ParseError`.
pub(super) fn is_parse_error(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let module = py.import(intern!(py, "kraken_connector.exceptions"))?;
    error
        .value(py)
        .is_instance(&module.getattr(intern!(py, "ParseError"))?)
}

/// A frame that cannot be read, of which nothing else is known.
pub(super) fn parse_error(py: Python<'_>, error: ParseError) -> PyErr {
    let args = (error.kind.name(), error.offset);
    exception(py, intern!(py, "ParseError"), args)
}

/// A frame that cannot be read, with its channel and the position of the error.
pub(super) fn unreadable(
    frame: &Bound<'_, PyBytes>,
    error: ParseError,
    channel: Option<&str>,
) -> PyErr {
    let py = frame.py();
    let (kind, offset) = (error.kind.name(), error.offset);
    let place = py
        .import(intern!(py, "kraken_connector.models.value_path"))
        .and_then(|module| module.call_method1(intern!(py, "path_of"), (frame, kind, offset)));
    match place {
        Ok(place) => exception(
            py,
            intern!(py, "ParseError"),
            (kind, offset, channel, place),
        ),
        Err(error) => error,
    }
}

/// A book whose checksum differs. `expected` is a Python int of any size.
pub(super) fn checksum_error(symbol: &str, expected: &Bound<'_, PyAny>, computed: u32) -> PyErr {
    let py = expected.py();
    exception(
        py,
        intern!(py, "ChecksumError"),
        (symbol, expected, computed),
    )
}

/// The same with a note that the snapshot may have had another depth than the book.
pub(super) fn with_depths(py: Python<'_>, error: PyErr, levels: usize, depth: usize) -> PyErr {
    let note = format!(
        "the last snapshot had {levels} levels a side and the book keeps {depth}: \
         is that the depth of the subscription?"
    );
    match error
        .value(py)
        .call_method1(intern!(py, "add_note"), (note,))
    {
        Ok(_) => error,
        Err(other) => other,
    }
}

/// A depth that no subscription can have.
pub(super) fn unknown_depth(depth: impl std::fmt::Display, known: &[usize]) -> PyErr {
    let known: Vec<_> = known.iter().map(ToString::to_string).collect();
    PyValueError::new_err(format!(
        "depth must be one of {}, not {depth}",
        known.join(", ")
    ))
}

/// A live book that was read in a state other than valid.
pub(super) fn book_not_ready(py: Python<'_>, symbol: &str, state: &str) -> PyErr {
    exception(py, intern!(py, "BookNotReady"), (symbol, state))
}

/// A live book that a caller tried to write.
pub(super) fn live_book(symbol: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "book of {symbol} is live; only its engine writes it"
    ))
}

/// A price or quantity that no book can hold.
pub(super) fn unfit_number(field: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!(
        "{field} must be a number not below zero, not {value}"
    ))
}

/// A frame of another type.
pub(super) fn frame_type(function: &str, frame: &Bound<'_, PyAny>) -> PyErr {
    let given = match frame.get_type().name() {
        Ok(name) => name,
        Err(error) => return error,
    };
    PyTypeError::new_err(format!(
        "{function}() takes bytes, bytearray, memoryview or str, not {given}"
    ))
}

/// An error of a system call: `BlockingIOError`, `ConnectionResetError`, ...
#[cfg(all(unix, feature = "tls"))]
pub(super) fn os_error(error: Errno) -> PyErr {
    PyOSError::new_err((error.0, error.to_string()))
}

/// An error of TLS: an exception of the module `ssl`, with the number of its kind.
#[cfg(all(unix, feature = "tls"))]
pub(super) fn tls_error(py: Python<'_>, error: &TlsError) -> PyErr {
    let (name, number) = match error.kind {
        TlsErrorKind::Certificate => (intern!(py, "SSLCertVerificationError"), 1),
        TlsErrorKind::EndInHandshake => (intern!(py, "SSLEOFError"), 8),
        TlsErrorKind::Closed => (intern!(py, "SSLZeroReturnError"), 6),
        TlsErrorKind::Protocol => (intern!(py, "SSLError"), 1),
    };
    let made = py
        .import(intern!(py, "ssl"))
        .and_then(|module| module.getattr(name))
        .and_then(|class| class.call1((number, &*error.text)));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}
