//! `BookWriter`, `BookFile` and `SharedBook`: books in shared memory.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::book_handle::{BookHandle, LiveBook, depth_of};
use super::engine::PyEngine;
use super::order_book::PyOrderBook;
use super::{convert, errors};
use crate::book::{Book, L2Book, Level};
use crate::decimal::Decimal;
use crate::engine::BookSlot;
use crate::message::Row;
use crate::shared::{Copied, Layout, Reader, State, Unready, Writer};

/// Bid price and quantity, ask price and quantity.
type Top = (f64, f64, f64, f64);

// The writer of a file of books.
#[doc = doc!("BookWriter" "")]
#[pyclass(frozen, name = "BookWriter", module = "kraken_connector._native")]
pub(super) struct PyBookWriter {
    writer: Arc<Writer>,
    engines: Mutex<Vec<Py<PyEngine>>>,
}

#[pymethods]
impl PyBookWriter {
    #[new]
    fn py_new(path: &str, levels: usize, capacity: usize) -> PyResult<Self> {
        let layout = Layout::new(levels, capacity).map_err(|error| refused(&error))?;
        let path = Path::new(path);
        let writer = Writer::create(path, layout);
        Ok(Self {
            writer: Arc::new(writer.map_err(|error| failed("make", path, &error))?),
            engines: Mutex::default(),
        })
    }

    #[doc = doc!("BookWriter" "add")]
    fn add(&self, engine: Py<PyEngine>) {
        engine.get().share(Some(Arc::clone(&self.writer)));
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.push(engine);
    }

    #[doc = doc!("BookWriter" "beat")]
    fn beat(&self) {
        self.writer.beat();
    }

    #[doc = doc!("BookWriter" "omitted")]
    #[getter]
    fn omitted(&self) -> usize {
        self.writer.omitted()
    }

    #[doc = doc!("BookWriter" "close")]
    fn close(&self) {
        self.writer.close();
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let engines = std::mem::take(&mut *engines);
        for engine in engines {
            engine.get().share(None);
        }
    }
}

// The reader of a file of books.
#[doc = doc!("BookFile" "")]
#[pyclass(frozen, name = "BookFile", module = "kraken_connector._native")]
pub(super) struct PyBookFile(Arc<Reader>);

#[pymethods]
impl PyBookFile {
    #[new]
    fn py_new(path: &str, max_age: f64) -> PyResult<Self> {
        let max_age = Duration::try_from_secs_f64(max_age);
        let max_age = max_age.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let path = Path::new(path);
        let reader = Reader::open(path, max_age);
        let reader = reader.map_err(|error| failed("open", path, &error))?;
        Ok(Self(Arc::new(reader)))
    }

    #[doc = doc!("BookFile" "book")]
    fn book(&self, symbol: &str) -> PyResult<PySharedBook> {
        let slot = self.0.symbols().position(|known| known == symbol);
        let slot = slot.ok_or_else(|| PyKeyError::new_err(symbol.to_owned()))?;
        Ok(PySharedBook {
            symbol: symbol.to_owned(),
            slot,
            seen: AtomicU64::new(self.0.sequence(slot)),
            reader: Arc::clone(&self.0),
        })
    }

    #[doc = doc!("BookFile" "symbols")]
    fn symbols(&self) -> Vec<String> {
        self.0.symbols().collect()
    }

    #[doc = doc!("BookFile" "state")]
    #[getter]
    fn state(&self) -> &'static str {
        match self.0.check() {
            Ok(()) => "open",
            Err(unready) => name(&self.0, unready),
        }
    }

    #[doc = doc!("BookFile" "levels")]
    #[getter]
    fn levels(&self) -> usize {
        self.0.layout().levels()
    }

    #[doc = doc!("BookFile" "omitted")]
    #[getter]
    fn omitted(&self) -> u64 {
        self.0.omitted()
    }

    #[doc = doc!("BookFile" "generation")]
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    #[doc = doc!("BookFile" "writer_pid")]
    #[getter]
    fn writer_pid(&self) -> u64 {
        self.0.writer_pid()
    }

    #[doc = doc!("BookFile" "close")]
    fn close(&self) {
        self.0.close();
    }
}

// A book of another process.
#[doc = doc!("SharedBook" "")]
#[pyclass(frozen, name = "SharedBook", module = "kraken_connector._native")]
pub(super) struct PySharedBook {
    symbol: String,
    slot: usize,
    /// The sequence of the last read.
    seen: AtomicU64,
    reader: Arc<Reader>,
}

#[pymethods]
impl PySharedBook {
    #[doc = doc!("SharedBook" "symbol")]
    #[getter]
    fn symbol(&self) -> &str {
        &self.symbol
    }

    #[doc = doc!("SharedBook" "state")]
    #[getter]
    fn state(&self) -> &'static str {
        match self.read(&mut [0; FACTS]) {
            Ok(copied) => copied.state().name(),
            Err(unready) => name(&self.reader, unready),
        }
    }

    #[doc = doc!("SharedBook" "is_valid")]
    #[getter]
    fn is_valid(&self) -> bool {
        self.read(&mut [0; FACTS]).is_ok()
    }

    #[doc = doc!("SharedBook" "top")]
    fn top(&self, py: Python<'_>) -> PyResult<Option<Top>> {
        let mut words = [0; Copied::words(1)];
        let copied = self.valid(py, &mut words)?;
        let (Some((bid, bid_qty)), Some((ask, ask_qty))) =
            (copied.bids().next(), copied.asks().next())
        else {
            return Ok(None);
        };
        let (price_scale, qty_scale) = copied.scales();
        Ok(Some((
            convert::float(bid.into(), price_scale),
            convert::float(bid_qty.into(), qty_scale),
            convert::float(ask.into(), price_scale),
            convert::float(ask_qty.into(), qty_scale),
        )))
    }

    #[doc = doc!("SharedBook" "bids")]
    #[pyo3(signature = (depth = None))]
    fn bids<'py>(&self, py: Python<'py>, depth: Option<i64>) -> PyResult<Bound<'py, PyList>> {
        self.levels(py, depth, |copied| copied.bids().map(level).collect())
    }

    #[doc = doc!("SharedBook" "asks")]
    #[pyo3(signature = (depth = None))]
    fn asks<'py>(&self, py: Python<'py>, depth: Option<i64>) -> PyResult<Bound<'py, PyList>> {
        self.levels(py, depth, |copied| copied.asks().map(level).collect())
    }

    #[doc = doc!("SharedBook" "frozen")]
    fn frozen(&self, py: Python<'_>) -> PyResult<Py<PyOrderBook>> {
        let mut words = vec![0; Copied::words(self.reader.layout().levels())];
        let copied = self.valid(py, &mut words)?;
        let timestamp = match copied.timestamp_ns() {
            None => String::new(),
            Some(time) => py
                .import(intern!(py, "kraken_connector.models.timestamps"))?
                .call_method1(intern!(py, "timestamp_text"), (time,))?
                .extract()?,
        };
        let (updates, received_ns) = (copied.updates(), copied.received_ns());
        let book = book_of(&copied);
        let mut slot = BookSlot::frozen(&self.symbol, book, updates, &timestamp, received_ns);
        if slot.verify(Some(copied.checksum())).is_some() {
            return Err(errors::book_not_ready(py, &self.symbol, "corrupt"));
        }
        Py::new(
            py,
            L2Book::object(BookHandle::Free(Box::new(Mutex::new(slot)))),
        )
    }

    #[doc = doc!("SharedBook" "checksum")]
    fn checksum(&self, py: Python<'_>) -> PyResult<u32> {
        self.valid(py, &mut [0; FACTS])
            .map(|copied| copied.checksum())
    }

    #[doc = doc!("SharedBook" "depth")]
    #[getter]
    fn depth(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.facts(py, &mut [0; FACTS])?.depth())
    }

    #[doc = doc!("SharedBook" "updates")]
    #[getter]
    fn updates(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.facts(py, &mut [0; FACTS])?.updates())
    }

    #[doc = doc!("SharedBook" "timestamp_ns")]
    #[getter]
    fn timestamp_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.facts(py, &mut [0; FACTS])?.timestamp_ns())
    }

    #[doc = doc!("SharedBook" "received_ns")]
    #[getter]
    fn received_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.facts(py, &mut [0; FACTS])?.received_ns())
    }

    #[doc = doc!("SharedBook" "wait")]
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let until = match timeout {
            None => None,
            Some(seconds) if seconds.is_nan() => {
                return Err(PyValueError::new_err("timeout must be a number of seconds"));
            }
            // Longer than the clock can count is for ever.
            Some(seconds) => Duration::try_from_secs_f64(seconds.max(0.0))
                .ok()
                .and_then(|length| Instant::now().checked_add(length)),
        };
        let seen = self.seen.load(Ordering::Relaxed);
        loop {
            let sequence = self.reader.sequence(self.slot);
            if sequence != seen {
                self.seen.store(sequence, Ordering::Relaxed);
                return Ok(true);
            }
            let alive = self.reader.check();
            alive.map_err(|unready| self.not_ready(py, unready))?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
            py.detach(|| self.reader.wait(self.slot, seen, until));
            py.check_signals()?;
        }
    }

    fn __repr__(&self) -> String {
        format!("<SharedBook {} {}>", self.symbol, self.state())
    }
}

const FACTS: usize = Copied::words(0);

impl PySharedBook {
    /// A copy of the first words of a book that may be read.
    #[inline]
    fn read<'c>(&self, words: &'c mut [u64]) -> Result<Copied<'c>, Unready> {
        let copied = self.reader.read(self.slot, words)?;
        self.seen.store(copied.sequence(), Ordering::Relaxed);
        Ok(copied)
    }

    #[inline]
    fn valid<'c>(&self, py: Python<'_>, words: &'c mut [u64]) -> PyResult<Copied<'c>> {
        let copied = self.read(words);
        copied.map_err(|unready| self.not_ready(py, unready))
    }

    /// What is known of the book in any state.
    fn facts<'c>(&self, py: Python<'_>, words: &'c mut [u64]) -> PyResult<Copied<'c>> {
        let copied = self.reader.copy(self.slot, words);
        copied.map_err(|unready| self.not_ready(py, unready))
    }

    fn levels<'py>(
        &self,
        py: Python<'py>,
        depth: Option<i64>,
        side: impl FnOnce(&Copied<'_>) -> Vec<Level>,
    ) -> PyResult<Bound<'py, PyList>> {
        let most = self.reader.layout().levels();
        let depth = depth.map(depth_of).transpose()?.unwrap_or(most).min(most);
        let mut words = vec![0; Copied::words(depth)];
        let copied = self.valid(py, &mut words)?;
        PyList::new(
            py,
            convert::decimal_levels(py, &side(&copied), copied.scales())?,
        )
    }

    #[cold]
    fn not_ready(&self, py: Python<'_>, unready: Unready) -> PyErr {
        errors::book_not_ready(py, &self.symbol, name(&self.reader, unready))
    }
}

/// The name of the state; a writer that is not there any more may have a successor.
fn name(reader: &Reader, unready: Unready) -> &'static str {
    match unready {
        Unready::Book(State::Valid) => "valid",
        Unready::WriterSilent | Unready::WriterDead | Unready::WriterClosed
            if reader.is_replaced() =>
        {
            "replaced"
        }
        other => other.name(),
    }
}

fn level((price, qty): (u64, u64)) -> Level {
    Level {
        price: price.into(),
        qty: qty.into(),
    }
}

fn book_of(copied: &Copied<'_>) -> L2Book {
    let (price_scale, qty_scale) = copied.scales();
    let row = |(price, qty): (u64, u64)| {
        let price = Decimal::new(price.into(), price_scale)?;
        Some(Row {
            price,
            qty: Decimal::new(qty.into(), qty_scale)?,
        })
    };
    let bids: Vec<Row> = copied.bids().filter_map(row).collect();
    let asks: Vec<Row> = copied.asks().filter_map(row).collect();
    let mut book = L2Book::new(copied.depth());
    // What does not fit was in no book, and a book without it fails its checksum.
    let _ = book.apply_snapshot(&bids, &asks);
    book
}

fn refused(error: &io::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn failed(action: &str, path: &Path, error: &io::Error) -> PyErr {
    let text = format!("cannot {action} {}: {error}", path.display());
    io::Error::new(error.kind(), text).into()
}
