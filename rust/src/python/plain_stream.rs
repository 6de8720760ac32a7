//! `PlainStream`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::buffers::{with_bytes, with_room};
use super::errors::os_error;
use crate::reader::{Incoming, Wire};
use crate::socket::{Socket, duplicate};

#[doc = doc!("PlainStream" "")]
#[pyclass(frozen, name = "PlainStream", module = "kraken_connector._native")]
pub(super) struct PyPlainStream {
    fd: RawFd,
    quickack: bool,
    stamps: bool,
    socket: Arc<Mutex<Socket>>,
}

#[pymethods]
impl PyPlainStream {
    #[new]
    #[pyo3(signature = (fd, *, quickack = true, stamps = false))]
    fn py_new(fd: i32, quickack: bool, stamps: bool) -> Self {
        Self {
            fd,
            quickack,
            stamps,
            socket: Arc::new(Mutex::new(Socket::new(fd, quickack, stamps))),
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
        lock(&self.socket)
    }

    /// The receiving side for a thread. Reads and writes do not wait for each other.
    pub(super) fn wire(&self) -> io::Result<impl Wire + use<>> {
        let fd = duplicate(self.fd)?;
        Ok(PlainWire {
            incoming: Socket::new(fd.as_raw_fd(), self.quickack, self.stamps),
            fd,
            stream: Arc::clone(&self.socket),
        })
    }
}

fn lock(socket: &Mutex<Socket>) -> MutexGuard<'_, Socket> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

struct PlainWire {
    incoming: Socket,
    /// Its own, so that it cannot become that of another connection.
    fd: OwnedFd,
    stream: Arc<Mutex<Socket>>,
}

impl Wire for PlainWire {
    fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn read(&mut self, room: &mut [u8]) -> Incoming {
        match self.incoming.recv(room) {
            Ok(0) => Incoming::End,
            Ok(count) => {
                if self.incoming.received_ns() != 0 {
                    lock(&self.stream).set_received_ns(self.incoming.received_ns());
                }
                Incoming::Bytes(count)
            }
            Err(error) if error.is_would_block() => Incoming::Nothing,
            Err(error) => {
                lock(&self.stream).fail_recv(error);
                Incoming::End
            }
        }
    }

    fn is_pending(&self) -> bool {
        false
    }

    fn received_ns(&self) -> i64 {
        self.incoming.received_ns()
    }
}
