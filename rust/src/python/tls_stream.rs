//! `TlsConfig` and `TlsStream`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustls::ClientConfig;

use super::buffers::{with_bytes, with_room};
use super::errors::{os_error, tls_error};
use crate::reader::{Incoming, Wire};
use crate::socket::{Errno, Socket, duplicate};
use crate::tls::{End, ROOM, Session, TlsError, config};

#[doc = doc!("TlsConfig" "")]
#[pyclass(frozen, name = "TlsConfig", module = "kraken_connector._native")]
pub(super) struct PyTlsConfig {
    config: Arc<ClientConfig>,
}

#[pymethods]
impl PyTlsConfig {
    #[new]
    fn py_new(py: Python<'_>, roots: Vec<Vec<u8>>) -> PyResult<Self> {
        let count = roots.len();
        match config(roots).map_err(|error| tls_error(py, &error))? {
            Some(config) => Ok(Self { config }),
            None => Err(PyValueError::new_err(format!(
                "no authority that can be used among {count} certificates in DER"
            ))),
        }
    }

    #[doc = doc!("TlsConfig" "stream")]
    #[pyo3(signature = (fd, server_name, *, quickack = true, stamps = false))]
    fn stream(
        &self,
        py: Python<'_>,
        fd: i32,
        server_name: &str,
        quickack: bool,
        stamps: bool,
    ) -> PyResult<PyTlsStream> {
        let session = Session::new(Arc::clone(&self.config), server_name)
            .map_err(|error| tls_error(py, &error))?
            .ok_or_else(|| {
                PyValueError::new_err(format!(
                    "server_name must be a DNS name or an IP address, not {server_name:?}"
                ))
            })?;
        Ok(PyTlsStream {
            fd,
            quickack,
            stamps,
            inner: Arc::new(Mutex::new(Inner {
                socket: Socket::new(fd, quickack, stamps),
                session,
                is_end_reported: false,
            })),
        })
    }
}

#[doc = doc!("TlsStream" "")]
#[pyclass(frozen, name = "TlsStream", module = "kraken_connector._native")]
pub(super) struct PyTlsStream {
    fd: RawFd,
    quickack: bool,
    stamps: bool,
    inner: Arc<Mutex<Inner>>,
}

/// A session and the socket below it.
struct Inner {
    socket: Socket,
    session: Session,
    is_end_reported: bool,
}

/// Why a call failed.
enum Failure {
    Os(Errno),
    Tls(TlsError),
    /// The handshake is incomplete.
    TooEarly,
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Os(error)
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl Failure {
    fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Os(error) => os_error(*error),
            Self::Tls(error) => tls_error(py, error),
            Self::TooEarly => PyValueError::new_err("the TLS handshake is not complete"),
        }
    }
}

impl Inner {
    /// Goes on with the handshake by one read at most; returns whether it is complete.
    fn shake_hands(&mut self) -> Result<bool, Failure> {
        self.send_outgoing()?;
        if self.session.is_handshaking() && self.session.ending().is_none() {
            let received = match self.socket.recv(self.session.room()) {
                Err(error) if error.is_would_block() => return Ok(false),
                result => result?,
            };
            self.session.received(received);
            self.session.shake_hands();
            // The server learns by an alert why its handshake failed, and otherwise if it did.
            let sent = self.send_outgoing();
            if self.session.ending().is_none() {
                sent?;
            }
        }
        match self.session.ending() {
            Some(End::Failed(error)) => Err(error.clone().into()),
            _ => Ok(!self.session.is_handshaking()),
        }
    }

    /// Reads once at most, and only if nothing that was read before is left.
    fn recv_into(&mut self, room: &mut [u8]) -> Result<usize, Failure> {
        if self.session.is_handshaking() && self.session.ending().is_none() {
            return Err(Failure::TooEarly);
        }
        let mut count = self.decrypt_into(room);
        if count == 0 && self.session.ending().is_none() {
            let received = self.socket.recv(self.session.room())?;
            self.session.received(received);
            count = self.decrypt_into(room);
        }
        if count > 0 {
            return Ok(count);
        }
        self.is_end_reported = self.session.ending().is_some();
        match self.session.ending() {
            None => Err(Errno::WOULD_BLOCK.into()),
            Some(End::Closed | End::Truncated) => Ok(0),
            Some(End::Failed(error)) => Err(error.clone().into()),
        }
    }

    /// Decrypts what was received before, and answers it.
    fn decrypt_into(&mut self, room: &mut [u8]) -> usize {
        let count = self.session.read(room);
        if self.session.has_outgoing() {
            // An alert, or new keys: best effort, as the next write fails the same way.
            let _ = self.send_outgoing();
        }
        count
    }

    fn pending(&mut self) -> bool {
        let is_end_new = self.session.ending().is_some() && !self.is_end_reported;
        is_end_new || self.session.has_plaintext()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        if self.session.is_handshaking() && self.session.ending().is_none() {
            return Err(Failure::TooEarly);
        }
        self.session.write(bytes)?;
        self.send_outgoing()
    }

    /// Sends what the session has for the server; returns how many bytes wait for the socket.
    fn send_outgoing(&mut self) -> Result<usize, Failure> {
        let mut outgoing = Vec::new();
        self.session.take_outgoing(&mut outgoing);
        Ok(self.socket.write(&outgoing)?)
    }
}

#[pymethods]
impl PyTlsStream {
    #[doc = doc!("TlsStream" "handshake")]
    fn handshake(&self, py: Python<'_>) -> PyResult<bool> {
        // A handshake takes about a millisecond of the processor's time.
        let result = py.detach(|| self.lock().shake_hands());
        result.map_err(|failure| failure.raise(py))
    }

    #[doc = doc!("TlsStream" "recv_into")]
    fn recv_into(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_room(buffer, |room| self.lock().recv_into(room))?.map_err(|failure| failure.raise(py))
    }

    #[doc = doc!("TlsStream" "pending")]
    #[getter]
    fn pending(&self) -> bool {
        self.lock().pending()
    }

    #[doc = doc!("TlsStream" "write")]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_bytes(data, |bytes| self.lock().write(bytes))?.map_err(|failure| failure.raise(py))
    }

    #[doc = doc!("TlsStream" "flush")]
    fn flush(&self, py: Python<'_>) -> PyResult<usize> {
        let waiting = self.lock().send_outgoing();
        waiting.map_err(|failure| failure.raise(py))
    }

    #[doc = doc!("TlsStream" "close_write")]
    fn close_write(&self) {
        let mut inner = self.lock();
        inner.session.close();
        let _ = inner.send_outgoing();
    }

    #[doc = doc!("TlsStream" "received_ns")]
    #[getter]
    fn received_ns(&self) -> i64 {
        self.lock().socket.received_ns()
    }

    #[doc = doc!("TlsStream" "is_truncated")]
    #[getter]
    fn is_truncated(&self) -> bool {
        self.lock().session.ending() == Some(&End::Truncated)
    }

    #[doc = doc!("TlsStream" "version")]
    #[getter]
    fn version(&self) -> Option<&'static str> {
        self.lock().session.version()
    }

    #[doc = doc!("TlsStream" "cipher")]
    #[getter]
    fn cipher(&self) -> Option<String> {
        self.lock().session.cipher()
    }
}

impl PyTlsStream {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The receiving side for a thread. Writes wait for its decrypting only.
    pub(super) fn wire(&self) -> io::Result<impl Wire + use<>> {
        let fd = duplicate(self.fd)?;
        Ok(TlsWire {
            incoming: Socket::new(fd.as_raw_fd(), self.quickack, self.stamps),
            fd,
            ciphertext: vec![0; ROOM].into_boxed_slice(),
            stream: Arc::clone(&self.inner),
        })
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

struct TlsWire {
    incoming: Socket,
    /// Its own, so that it cannot become that of another connection.
    fd: OwnedFd,
    ciphertext: Box<[u8]>,
    stream: Arc<Mutex<Inner>>,
}

impl Wire for TlsWire {
    fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn read(&mut self, room: &mut [u8]) -> Incoming {
        let mut inner = lock(&self.stream);
        let count = inner.decrypt_into(room);
        if count > 0 {
            return Incoming::Bytes(count);
        }
        if inner.session.ending().is_some() {
            return Incoming::End;
        }
        drop(inner);
        let received = self.incoming.recv(&mut self.ciphertext);
        let mut inner = lock(&self.stream);
        match received {
            Ok(count) => {
                let ciphertext = self.ciphertext.get(..count).unwrap_or_default();
                inner.session.receive(ciphertext);
                inner.socket.set_received_ns(self.incoming.received_ns());
            }
            Err(error) if error.is_would_block() => return Incoming::Nothing,
            Err(error) => {
                inner.socket.fail_recv(error);
                return Incoming::End;
            }
        }
        match inner.decrypt_into(room) {
            0 if inner.session.ending().is_some() => Incoming::End,
            0 => Incoming::Nothing,
            count => Incoming::Bytes(count),
        }
    }

    fn is_pending(&self) -> bool {
        let mut inner = lock(&self.stream);
        inner.session.has_plaintext() || inner.session.ending().is_some()
    }

    fn received_ns(&self) -> i64 {
        self.incoming.received_ns()
    }
}
