//! `Engine`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::book::PyOrderBook;
use super::message::PyDataMessage;
use super::{frame, message, reply};
use crate::engine::{BookState, Engine, Notice, Outcome};

/// What comes before the event of a frame, and the event.
type Read<'py> = (Vec<Bound<'py, PyAny>>, Bound<'py, PyAny>);

/// How nearly all book messages begin.
const BOOK: &[u8] = br#"{"channel":"book","#;

/// The engine of a connection, shared with its live books.
#[derive(Clone, Default)]
pub(super) struct SharedEngine(Arc<Mutex<Engine>>);

impl SharedEngine {
    /// The engine, for as long as the guard lives; no Python object may be made meanwhile.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().unwrap_or_else(|poisoned| {
            // A panic left a message half applied: no book can be trusted.
            let mut engine = poisoned.into_inner();
            engine.reset();
            self.0.clear_poison();
            engine
        })
    }
}

/// Frames of one connection to events and books.
#[pyclass(frozen, name = "Engine", module = "kraken_connector._native")]
pub(super) struct PyEngine {
    core: SharedEngine,
    /// The books that were asked for, at their index in the core.
    books: Mutex<Vec<Option<Py<PyOrderBook>>>>,
}

#[pymethods]
impl PyEngine {
    #[new]
    fn py_new() -> Self {
        Self {
            core: SharedEngine::default(),
            books: Mutex::new(Vec::new()),
        }
    }

    #[pyo3(signature = (frame, received_ns = None))]
    fn feed<'py>(
        &self,
        frame: &Bound<'py, PyAny>,
        received_ns: Option<i64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = frame.py();
        let frame = frame::to_bytes(frame, "feed")?;
        let (mut events, event) = self.read(&frame, received_ns)?;
        if events.is_empty() {
            return PyList::new(py, [event]);
        }
        events.push(event);
        PyList::new(py, events)
    }

    fn book(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyOrderBook>> {
        let index = self.core.lock().book_index(symbol);
        self.book_at(py, index)
    }

    fn books<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let symbols: Vec<String> = {
            let core = self.core.lock();
            let symbols = core.books().iter().map(|slot| slot.symbol().to_owned());
            symbols.collect()
        };
        let books = PyDict::new(py);
        for (index, symbol) in symbols.iter().enumerate() {
            books.set_item(symbol, self.book_at(py, index)?)?;
        }
        Ok(books)
    }

    fn expect_book(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        let legal = depth.extract().unwrap_or_default();
        if self.core.lock().expect_book(symbol, legal) {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "depth must be one of 10, 25, 100, 500, 1000, not {depth}"
        )))
    }

    #[pyo3(signature = (symbol, state = "stale"))]
    fn invalidate_book(&self, symbol: &str, state: &str) -> PyResult<()> {
        let wanted = BookState::ALL
            .into_iter()
            .find(|known| known.name() == state && *known != BookState::Valid);
        let Some(wanted) = wanted else {
            return Err(PyValueError::new_err(format!(
                "state must be 'awaiting_snapshot', 'stale' or 'quarantined', not '{state}'"
            )));
        };
        self.core.lock().invalidate_book(symbol, wanted);
        Ok(())
    }

    fn reset(&self) {
        self.core.lock().reset();
    }

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
    /// What comes before the message of a frame, and the message or why there is none.
    #[inline(always)]
    pub(super) fn read<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        received_ns: Option<i64>,
    ) -> PyResult<Read<'py>> {
        if !frame.as_bytes().starts_with(BOOK)
            && let Some(read) = self.read_plain(frame, received_ns)
        {
            return read;
        }
        let outcome = self.core.lock().feed(frame.as_bytes(), received_ns);
        let notices = if outcome.notices.is_empty() {
            Vec::new()
        } else {
            self.notices(frame.py(), &outcome, received_ns)?
        };
        let event = match outcome.message {
            Ok(message) => message::to_python(frame, message, received_ns, outcome.verified)?,
            Err(error) => {
                let channel = outcome.lost_channel.as_deref();
                reply::invalid_frame(frame, error, channel, received_ns)?
            }
        };
        Ok((notices, event))
    }

    /// A message of a channel without books, with its items decoded at once: who listens to such a
    /// channel reads them, and so the frame is looked at only once.
    #[inline(never)]
    fn read_plain<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        received_ns: Option<i64>,
    ) -> Option<PyResult<Read<'py>>> {
        let py = frame.py();
        let (message, data) = message::read_plain(frame)?;
        let gap = self.core.lock().take_plain(frame.as_bytes(), &message);
        let read = || {
            let gap = gap.map(|gap| reply::notice(py, &gap, "", received_ns));
            let notices = gap.into_iter().collect::<PyResult<_>>()?;
            let frame = frame.clone().unbind();
            let message = PyDataMessage::decoded(frame, message, data.unbind(), received_ns);
            Ok((notices, Bound::new(py, message)?.into_any()))
        };
        Some(read())
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

    fn symbol(&self, book: usize) -> String {
        let core = self.core.lock();
        core.book(book)
            .map_or_else(String::new, |slot| slot.symbol().to_owned())
    }

    /// The one Python object of the book at `index`.
    fn book_at(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyOrderBook>> {
        if let Some(Some(book)) = self.lock_books().get(index) {
            return Ok(book.clone_ref(py));
        }
        let made = Py::new(py, PyOrderBook::live(self.core.clone(), index))?;
        let mut books = self.lock_books();
        if books.len() <= index {
            books.resize_with(index + 1, || None);
        }
        let Some(place) = books.get_mut(index) else {
            return Ok(made);
        };
        // Another thread may have been here in between; its object is the one then.
        let kept = place
            .get_or_insert_with(|| made.clone_ref(py))
            .clone_ref(py);
        drop(books);
        Ok(kept)
    }

    fn lock_books(&self) -> MutexGuard<'_, Vec<Option<Py<PyOrderBook>>>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
