//! `PlainStream`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::buffers::{with_bytes, with_room};
use super::errors::os_error;
use crate::socket::Socket;

#[doc = doc!("PlainStream" "")]
#[pyclass(frozen, name = "PlainStream", module = "kraken_connector._native")]
pub(super) struct PyPlainStream {
    socket: Mutex<Socket>,
}

#[pymethods]
impl PyPlainStream {
    #[new]
    #[pyo3(signature = (fd, *, quickack = true, stamps = false))]
    fn py_new(fd: i32, quickack: bool, stamps: bool) -> Self {
        Self {
            socket: Mutex::new(Socket::new(fd, quickack, stamps)),
        }
    }

    #[doc = doc!("PlainStream" "handshake")]
    #[allow(clippy::unused_self, reason = "streams look alike")]
    const fn handshake(&self) -> bool {
        true
    }

    #[doc = doc!("PlainStream" "recv_into")]
    fn recv_into(&self, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_room(buffer, |room| self.lock().recv(room))?.map_err(os_error)
    }

    #[doc = doc!("PlainStream" "pending")]
    #[getter]
    #[allow(clippy::unused_self, reason = "streams look alike")]
    const fn pending(&self) -> bool {
        false
    }

    #[doc = doc!("PlainStream" "write")]
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_bytes(data, |bytes| self.lock().write(bytes))?.map_err(os_error)
    }

    #[doc = doc!("PlainStream" "flush")]
    fn flush(&self) -> PyResult<usize> {
        self.lock().flush().map_err(os_error)
    }

    #[doc = doc!("PlainStream" "close_write")]
    #[allow(clippy::unused_self, reason = "streams look alike")]
    const fn close_write(&self) {}

    #[doc = doc!("PlainStream" "received_ns")]
    #[getter]
    fn received_ns(&self) -> i64 {
        self.lock().received_ns()
    }
}

impl PyPlainStream {
    fn lock(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
