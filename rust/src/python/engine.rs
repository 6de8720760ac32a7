//! `Engine`.

use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::book::PyOrderBook;
use super::level3::PyLevel3Book;
use super::live::LiveObjects;
use super::{frame, message, reply};
use crate::book::{Book, L2Book, L3Book};
use crate::engine::{BookSlot, BookState, Engine, Notice, Outcome};
use crate::message::Channel;

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

// Frames of one connection to events and books.
#[doc = doc!("Engine" "")]
#[pyclass(frozen, name = "Engine", module = "kraken_connector._native")]
pub(super) struct PyEngine {
    core: SharedEngine,
    books: LiveObjects<PyOrderBook>,
    level3_books: LiveObjects<PyLevel3Book>,
}

#[pymethods]
impl PyEngine {
    #[new]
    fn py_new() -> Self {
        Self {
            core: SharedEngine::default(),
            books: LiveObjects::default(),
            level3_books: LiveObjects::default(),
        }
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
        let (mut events, event) = self.read(&frame, received_ns)?;
        if events.is_empty() {
            return PyList::new(py, [event]);
        }
        events.push(event);
        PyList::new(py, events)
    }

    #[doc = doc!("Engine" "book")]
    fn book(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyOrderBook>> {
        let index = self.core.lock().book_index(symbol);
        self.book_at(py, index)
    }

    #[doc = doc!("Engine" "books")]
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

    #[doc = doc!("Engine" "expect_book")]
    fn expect_book(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        let legal = depth.extract().unwrap_or_default();
        let is_known = self.core.lock().expect_book(symbol, legal);
        check_depth::<L2Book>(is_known, depth)
    }

    #[doc = doc!("Engine" "invalidate_book")]
    #[pyo3(signature = (symbol, state = "stale"))]
    fn invalidate_book(&self, symbol: &str, state: &str) -> PyResult<()> {
        let state = withdrawn(state)?;
        self.core.lock().invalidate_book(symbol, state);
        Ok(())
    }

    #[doc = doc!("Engine" "level3")]
    fn level3(&self, py: Python<'_>, symbol: &str) -> PyResult<Py<PyLevel3Book>> {
        let index = self.core.lock().level3_index(symbol);
        self.level3_at(py, index)
    }

    #[doc = doc!("Engine" "level3_books")]
    fn level3_books<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let symbols: Vec<String> = {
            let core = self.core.lock();
            let slots = core.level3_books().iter();
            slots.map(|slot| slot.symbol().to_owned()).collect()
        };
        let books = PyDict::new(py);
        for (index, symbol) in symbols.iter().enumerate() {
            books.set_item(symbol, self.level3_at(py, index)?)?;
        }
        Ok(books)
    }

    #[doc = doc!("Engine" "expect_level3")]
    fn expect_level3(&self, symbol: &str, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        let legal = depth.extract().unwrap_or_default();
        let is_known = self.core.lock().expect_level3(symbol, legal);
        check_depth::<L3Book>(is_known, depth)
    }

    #[doc = doc!("Engine" "invalidate_level3")]
    #[pyo3(signature = (symbol, state = "stale"))]
    fn invalidate_level3(&self, symbol: &str, state: &str) -> PyResult<()> {
        let state = withdrawn(state)?;
        self.core.lock().invalidate_level3(symbol, state);
        Ok(())
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
    /// What comes before the message of a frame, and the message or why there is none.
    #[inline(always)]
    pub(super) fn read<'py>(
        &self,
        frame: &Bound<'py, PyBytes>,
        received_ns: Option<i64>,
    ) -> PyResult<Read<'py>> {
        if !frame.as_bytes().starts_with(BOOK)
            && let Some(read) = self.read_plain(frame, received_ns)?
        {
            return Ok(read);
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
    ) -> PyResult<Option<Read<'py>>> {
        let py = frame.py();
        let Some(message) = message::read_plain(frame, received_ns)? else {
            return Ok(None);
        };
        let Some(envelope) = message.envelope() else {
            return Ok(None);
        };
        let gap = self.core.lock().take_plain(frame.as_bytes(), envelope);
        let gap = gap.map(|gap| reply::notice(py, &gap, "", received_ns));
        let notices = gap.into_iter().collect::<PyResult<_>>()?;
        Ok(Some((notices, Bound::new(py, message)?.into_any())))
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
            Channel::Level3 => core.level3(book).map(BookSlot::symbol),
            _ => core.book(book).map(BookSlot::symbol),
        };
        symbol.unwrap_or_default().to_owned()
    }

    fn book_at(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyOrderBook>> {
        let make = || PyOrderBook::live(self.core.clone(), index);
        self.books.get(py, index, make)
    }

    fn level3_at(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyLevel3Book>> {
        let make = || PyLevel3Book::live(self.core.clone(), index);
        self.level3_books.get(py, index, make)
    }
}

/// The state called `name` that a book can be put into.
fn withdrawn(name: &str) -> PyResult<BookState> {
    let known = |state: &BookState| state.name() == name && *state != BookState::Valid;
    BookState::ALL.into_iter().find(known).ok_or_else(|| {
        PyValueError::new_err(format!(
            "state must be 'awaiting_snapshot', 'stale' or 'quarantined', not '{name}'"
        ))
    })
}

fn check_depth<B: Book>(is_known: bool, depth: &Bound<'_, PyAny>) -> PyResult<()> {
    if is_known {
        return Ok(());
    }
    let known: Vec<String> = B::DEPTHS.iter().map(ToString::to_string).collect();
    let known = known.join(", ");
    Err(PyValueError::new_err(format!(
        "depth must be one of {known}, not {depth}"
    )))
}
