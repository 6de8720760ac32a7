//! `Engine`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::books::{PyBooks, deprecated};
use super::{data_message, frame, reply};
use crate::book::{L2Book, L3Book};
use crate::engine::SharedEngine;
use crate::engine::{BookSlot, Notice, Outcome};
use crate::message::Channel;
use crate::shared::Writer;

/// The events before the message of a frame, if there are any, and the event of the message.
type Read<'py> = (Option<Vec<Bound<'py, PyAny>>>, Bound<'py, PyAny>);

/// Where nearly all book messages have the name of their channel.
const NAME: std::ops::Range<usize> = 12..16;

// Frames of one connection to events and books.
#[doc = doc!("Engine" "")]
#[pyclass(frozen, name = "Engine", module = "kraken_connector._native")]
pub(super) struct PyEngine {
    core: SharedEngine,
    books: Py<PyBooks>,
    level3_books: Py<PyBooks>,
    /// Whether other processes can wait for its books.
    is_shared: AtomicBool,
}

#[pymethods]
impl PyEngine {
    #[new]
    fn py_new(py: Python<'_>) -> PyResult<Self> {
        let core = SharedEngine::default();
        Ok(Self {
            books: PyBooks::new::<L2Book>(py, &core)?,
            level3_books: PyBooks::new::<L3Book>(py, &core)?,
            is_shared: AtomicBool::new(false),
            core,
        })
    }

    #[doc = doc!("Engine" "books")]
    #[getter]
    fn books(&self, py: Python<'_>) -> Py<PyBooks> {
        self.books.clone_ref(py)
    }

    #[doc = doc!("Engine" "level3_books")]
    #[getter]
    fn level3_books(&self, py: Python<'_>) -> Py<PyBooks> {
        self.level3_books.clone_ref(py)
    }

    #[doc = doc!("Engine" "feed")]
    #[pyo3(signature = (frame, received_ns = None))]
    fn feed<'py>(
        &self,
        frame: &Bound<'py, PyAny>,
        received_ns: Option<i64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = frame.py();
        let frame = frame::to_bytes(frame, "feed")?;
        let (notices, event) = self.read(&frame, received_ns)?;
        self.ring();
        let Some(mut events) = notices else {
            return PyList::new(py, [event]);
        };
        events.push(event);
        PyList::new(py, events)
    }

    #[doc = doc!("Engine" "book")]
    fn book(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyAny>> {
        self.books.get().get_or_create(py, symbol)
    }

    #[doc = doc!("Engine" "level3")]
    fn level3(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyAny>> {
        self.level3_books.get().get_or_create(py, symbol)
    }

    #[doc = doc!("Engine" "books_of")]
    fn books_of(&self, py: Python<'_>, channel: &str) -> PyResult<Py<PyBooks>> {
        match channel {
            "book" => Ok(self.books.clone_ref(py)),
            "level3" => Ok(self.level3_books.clone_ref(py)),
            _ => Err(PyValueError::new_err(format!(
                "channel must be 'book' or 'level3', not '{channel}'"
            ))),
        }
    }

    #[doc = doc!("Engine" "expect_book")]
    fn expect_book(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        deprecated(depth.py(), c"use Engine.books.expect")?;
        self.books.get().expect(symbol, depth)
    }

    #[doc = doc!("Engine" "invalidate_book")]
    #[pyo3(signature = (symbol, state = "stale"))]
    fn invalidate_book(&self, py: Python<'_>, symbol: &str, state: &str) -> PyResult<()> {
        deprecated(py, c"use Engine.books.invalidate")?;
        self.books.get().invalidate(symbol, state)
    }

    #[doc = doc!("Engine" "expect_level3")]
    fn expect_level3(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        deprecated(depth.py(), c"use Engine.level3_books.expect")?;
        self.level3_books.get().expect(symbol, depth)
    }

    #[doc = doc!("Engine" "invalidate_level3")]
    #[pyo3(signature = (symbol, state = "stale"))]
    fn invalidate_level3(&self, py: Python<'_>, symbol: &str, state: &str) -> PyResult<()> {
        deprecated(py, c"use Engine.level3_books.invalidate")?;
        self.level3_books.get().invalidate(symbol, state)
    }

    #[doc = doc!("Engine" "reset")]
    fn reset(&self) {
        self.core.lock().reset();
    }

    #[doc = doc!("Engine" "counters")]
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = *self.core.lock().counters();
        let named = PyDict::new(py);
        for (name, count) in counters.named() {
            named.set_item(name, count)?;
        }
        Ok(named)
    }
}

impl PyEngine {
    /// Shares the books of the channel `book` with other processes, or ends that.
    pub(super) fn share(&self, writer: Option<Arc<Writer>>) {
        self.is_shared.store(writer.is_some(), Ordering::Relaxed);
        self.core.lock().share(writer);
    }

    /// Wakes other processes that wait for a book that changed. It is called once for all frames of
    /// a read, as it is a system call.
    #[inline]
    pub(super) fn ring(&self) {
        if self.is_shared.load(Ordering::Relaxed) {
            self.core.lock().ring();
        }
    }

    /// Reads a frame: the events before its message, and the message or why there is none.
    #[inline(always)]
    pub(super) fn read<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        received_ns: Option<i64>,
    ) -> PyResult<Read<'py>> {
        if frame.as_bytes().get(NAME) != Some(b"book")
            && let Some(read) = self.read_plain(frame, received_ns)?
        {
            return Ok(read);
        }
        let outcome = self.core.lock().feed(frame.as_bytes(), received_ns);
        self.events(frame, outcome, received_ns)
    }

    /// The events of a frame that was fed.
    #[inline(always)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "by reference it stays in memory, which costs the shortest messages a hundredth"
    )]
    pub(super) fn events<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        outcome: Outcome,
        received_ns: Option<i64>,
    ) -> PyResult<Read<'py>> {
        let notices = if outcome.notices.is_empty() {
            None
        } else {
            Some(self.notices(frame.py(), &outcome, received_ns)?)
        };
        let event = match &outcome.message {
            Ok(message) => data_message::to_python(frame, message, received_ns, outcome.verified)?,
            Err(error) => {
                let channel = outcome.lost_channel.as_deref();
                reply::invalid_frame(frame, *error, channel, received_ns)?
            }
        };
        Ok((notices, event))
    }

    /// The engine behind it.
    #[cfg(all(unix, feature = "tls"))]
    pub(super) fn shared(&self) -> SharedEngine {
        self.core.clone()
    }

    /// A message of a channel without books, with its items decoded at once: the listeners of such
    /// a channel read them, so one pass over the frame is enough.
    #[inline(never)]
    fn read_plain<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        received_ns: Option<i64>,
    ) -> PyResult<Option<Read<'py>>> {
        let py = frame.py();
        let Some(message) = data_message::read_plain(frame, received_ns)? else {
            return Ok(None);
        };
        let Some(envelope) = message.envelope() else {
            return Ok(None);
        };
        let gap = self.core.lock().feed_decoded(frame.as_bytes(), envelope);
        let gap = gap.map(|gap| reply::notice(py, &gap, "", received_ns));
        let notices = gap.transpose()?.map(|gap| vec![gap]);
        Ok(Some((notices, message.into_object(py)?)))
    }

    #[cold]
    fn notices<'py>(
        &self,
        py: Python<'py>,
        outcome: &Outcome,
        received_ns: Option<i64>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let event = |notice: &Notice| {
            let symbol = notice.book().map(|book| self.symbol(book));
            reply::notice(py, notice, &symbol.unwrap_or_default(), received_ns)
        };
        outcome.notices.iter().map(event).collect()
    }

    fn symbol(&self, (channel, book): (Channel, usize)) -> String {
        let core = self.core.lock();
        let symbol = match channel {
            Channel::Level3 => core.level3_books().at(book).map(BookSlot::symbol),
            _ => core.books().at(book).map(BookSlot::symbol),
        };
        symbol.unwrap_or_default().to_owned()
    }
}
