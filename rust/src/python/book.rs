//! `OrderBook`: live in an engine, or free in a caller's hand.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList, PyMemoryView};

use super::engine::SharedEngine;
use super::{convert, decimals, errors};
use crate::book::{Level, Side, measures};
use crate::engine::{BookSlot, BookState};

/// One pair's aggregated book.
#[pyclass(frozen, name = "OrderBook", module = "kraken_connector._native")]
pub(super) struct PyOrderBook(Home);

/// Where a book lives.
enum Home {
    Live { engine: SharedEngine, index: usize },
    Free(Box<Mutex<BookSlot>>),
}

/// Levels of one moment with the scales of their numbers.
struct Levels {
    levels: Vec<Level>,
    scales: (u32, u32),
}

impl PyOrderBook {
    /// The book at `index` of an engine.
    pub(super) const fn live(engine: SharedEngine, index: usize) -> Self {
        Self(Home::Live { engine, index })
    }

    /// Calls `read` with the book, whatever its state. It runs under a lock: no Python in it.
    #[inline]
    fn with<T>(&self, read: impl FnOnce(&mut BookSlot) -> T) -> T {
        match &self.0 {
            Home::Free(slot) => read(&mut slot.lock().unwrap_or_else(PoisonError::into_inner)),
            Home::Live { engine, index } => {
                let mut engine = engine.lock();
                match engine.book_mut(*index) {
                    Some(slot) => read(slot),
                    None => read(&mut BookSlot::new("", 0)),
                }
            }
        }
    }

    /// Calls `read` with the book if it may be read.
    ///
    /// # Errors
    ///
    /// `BookNotReady`: it is live and not valid.
    #[inline]
    fn read<T>(&self, py: Python<'_>, read: impl FnOnce(&mut BookSlot) -> T) -> PyResult<T> {
        let is_live = self.is_live();
        let outcome = self.with(|slot| match slot.state() {
            state if is_live && state != BookState::Valid => {
                Err((slot.symbol().to_owned(), state.name()))
            }
            _ => Ok(read(slot)),
        });
        outcome.map_err(|(symbol, state)| errors::book_not_ready(py, &symbol, state))
    }

    fn read_levels(&self, side: &Bound<'_, PyAny>, depth: Option<i64>) -> PyResult<Levels> {
        let py = side.py();
        self.read(py, |_| ())?;
        let depth = depth.map(depth_of).transpose()?;
        let side = side_of(side)?;
        self.read(py, |slot| Levels::of(slot, side, depth))
    }

    fn best(&self, py: Python<'_>, side: Side) -> PyResult<Levels> {
        self.read(py, |slot| Levels::of(slot, side, Some(1)))
    }

    fn all<'py>(&self, py: Python<'py>, side: Side) -> PyResult<Bound<'py, PyList>> {
        self.read(py, |slot| Levels::of(slot, side, None))?
            .decimals(py)
    }

    fn best_float(&self, py: Python<'_>, side: Side) -> PyResult<Option<(f64, f64)>> {
        self.read(py, |slot| best_float(slot, side))
    }

    /// Best bid and best ask price and their scale, `None` when a side is empty.
    fn top(&self, py: Python<'_>) -> PyResult<Option<(u128, u128, u32)>> {
        self.read(py, |slot| {
            let book = slot.book();
            let bid = book.side(Side::Bid).best()?;
            let ask = book.side(Side::Ask).best()?;
            Some((bid.price, ask.price, book.price_scale()))
        })
    }

    /// Puts a caller's rows into a free book, then compares the checksum if there is one.
    fn apply(&self, data: &Bound<'_, PyAny>, is_snapshot: bool) -> PyResult<()> {
        let py = data.py();
        if self.is_live() {
            return Err(errors::live_book(&self.symbol()));
        }
        let bids = convert::rows(&data.getattr(intern!(py, "bids"))?)?;
        let asks = convert::rows(&data.getattr(intern!(py, "asks"))?)?;
        let timestamp: Option<String> = data.getattr(intern!(py, "timestamp"))?.extract()?;
        let applied = self.with(|slot| {
            let book = slot.book_mut();
            let applied = if is_snapshot {
                book.apply_snapshot(&bids, &asks)
            } else {
                book.apply_update(&bids, &asks)
            };
            if applied.is_ok() {
                slot.stamp(timestamp.as_deref().map(str::as_bytes), None);
            }
            applied
        });
        if applied.is_err() {
            let reason = "a number has too many digits at the decimals of the book";
            return Err(PyValueError::new_err(reason));
        }
        let checksum = data.getattr(intern!(py, "checksum"))?;
        if !checksum.is_none() {
            self.demand(&checksum)?;
        }
        if is_snapshot {
            self.with(|slot| slot.withdraw(BookState::Valid));
        }
        Ok(())
    }

    /// Compares and counts; a free book that does not match waits for a snapshot.
    fn demand(&self, expected: &Bound<'_, PyAny>) -> PyResult<()> {
        // What no checksum can be does not match either.
        let wanted: Option<u32> = expected.extract().ok();
        let mismatch = self.with(|slot| {
            let computed = slot.verify(wanted)?;
            slot.withdraw(BookState::AwaitingSnapshot);
            Some((slot.symbol().to_owned(), computed))
        });
        match mismatch {
            Some((symbol, computed)) => Err(errors::checksum_error(&symbol, expected, computed)),
            None => Ok(()),
        }
    }
}

#[pymethods]
impl PyOrderBook {
    #[new]
    #[pyo3(signature = (symbol, depth = 10))]
    fn py_new(symbol: &str, depth: i64) -> PyResult<Self> {
        match usize::try_from(depth) {
            Ok(levels @ 1..) => Ok(Self(Home::Free(Box::new(Mutex::new(BookSlot::new(
                symbol, levels,
            )))))),
            _ => Err(PyValueError::new_err(format!(
                "depth must be at least 1, not {depth}"
            ))),
        }
    }

    #[getter]
    fn symbol(&self) -> String {
        self.with(|slot| slot.symbol().to_owned())
    }

    #[getter]
    fn depth(&self) -> usize {
        self.with(|slot| slot.book().depth())
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.with(|slot| slot.state().name())
    }

    #[getter]
    fn is_valid(&self) -> bool {
        self.with(|slot| slot.state() == BookState::Valid)
    }

    #[getter]
    const fn is_live(&self) -> bool {
        matches!(self.0, Home::Live { .. })
    }

    fn apply_snapshot(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.apply(data, true)
    }

    fn apply_update(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.apply(data, false)
    }

    fn validate_checksum(&self, expected: &Bound<'_, PyAny>) -> PyResult<()> {
        let computed = self.checksum(expected.py())?;
        if expected.eq(computed)? {
            return Ok(());
        }
        Err(errors::checksum_error(&self.symbol(), expected, computed))
    }

    fn checksum(&self, py: Python<'_>) -> PyResult<u32> {
        self.read(py, |slot| slot.book_mut().checksum())
    }

    #[getter]
    fn bids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.all(py, Side::Bid)
    }

    #[getter]
    fn asks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.all(py, Side::Ask)
    }

    #[pyo3(signature = (side, depth = None))]
    fn levels<'py>(
        &self,
        side: &Bound<'py, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.read_levels(side, depth)?.decimals(side.py())
    }

    #[pyo3(signature = (side, depth = None))]
    fn levels_float(
        &self,
        side: &Bound<'_, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Vec<(f64, f64)>> {
        let Levels { levels, scales } = self.read_levels(side, depth)?;
        Ok(levels.iter().map(|level| floats(level, scales)).collect())
    }

    #[pyo3(signature = (side, depth = None))]
    fn levels_ticks<'py>(
        &self,
        side: &Bound<'py, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Vec<(Bound<'py, PyInt>, Bound<'py, PyInt>)>> {
        let py = side.py();
        let Levels { levels, .. } = self.read_levels(side, depth)?;
        let pair = |level: &Level| {
            let price = convert::integer(py, level.price);
            (price, convert::integer(py, level.qty))
        };
        Ok(levels.iter().map(pair).collect())
    }

    #[pyo3(signature = (side, depth = None))]
    fn levels_array<'py>(
        &self,
        side: &Bound<'py, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = side.py();
        let Levels { levels, scales } = self.read_levels(side, depth)?;
        let bytes = PyBytes::new_with(py, levels.len() * 16, |target| {
            for (target, level) in target.chunks_exact_mut(16).zip(&levels) {
                let (price, qty) = floats(level, scales);
                let (first, second) = target.split_at_mut(8);
                first.copy_from_slice(&price.to_ne_bytes());
                second.copy_from_slice(&qty.to_ne_bytes());
            }
            Ok(())
        })?;
        let view = PyMemoryView::from(&bytes)?;
        // A memoryview has no dimension of length zero.
        if levels.is_empty() {
            return view.call_method1(intern!(py, "cast"), ("d",));
        }
        view.call_method1(intern!(py, "cast"), ("d", [levels.len(), 2]))
    }

    #[getter]
    fn microprice(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |slot| {
            let bid = best_float(slot, Side::Bid)?;
            Some(measures::microprice(bid, best_float(slot, Side::Ask)?))
        })
    }

    #[pyo3(signature = (depth = 1))]
    fn imbalance(&self, py: Python<'_>, depth: i64) -> PyResult<Option<f64>> {
        let depth = Some(depth_of(depth)?);
        self.read(py, |slot| {
            let bid_qty = measures::cumulated_qty(level_floats(slot, Side::Bid, depth));
            let ask_qty = measures::cumulated_qty(level_floats(slot, Side::Ask, depth));
            (bid_qty + ask_qty > 0.0).then(|| measures::imbalance(bid_qty, ask_qty))
        })
    }

    #[pyo3(signature = (side, depth = None))]
    fn cumulated_qty(&self, side: &Bound<'_, PyAny>, depth: Option<i64>) -> PyResult<f64> {
        let (side, depth, py) = (side_of(side)?, depth.map(depth_of).transpose()?, side.py());
        self.read(py, |slot| {
            measures::cumulated_qty(level_floats(slot, side, depth))
        })
    }

    #[pyo3(signature = (side, depth = None))]
    fn weighted_price(&self, side: &Bound<'_, PyAny>, depth: Option<i64>) -> PyResult<Option<f64>> {
        let (side, depth, py) = (side_of(side)?, depth.map(depth_of).transpose()?, side.py());
        self.read(py, |slot| {
            measures::weighted_price(level_floats(slot, side, depth))
        })
    }

    #[getter]
    fn price_scale(&self, py: Python<'_>) -> PyResult<u32> {
        self.read(py, |slot| slot.book().price_scale())
    }

    #[getter]
    fn qty_scale(&self, py: Python<'_>) -> PyResult<u32> {
        self.read(py, |slot| slot.book().qty_scale())
    }

    #[getter]
    fn best_bid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.best(py, Side::Bid)?.first(py)
    }

    #[getter]
    fn best_ask<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.best(py, Side::Ask)?.first(py)
    }

    #[getter]
    fn spread<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((bid, ask, scale)) = self.top(py)? else {
            return Ok(None);
        };
        let width = decimals::decimal(py, ask.abs_diff(bid), scale)?;
        if ask >= bid {
            return Ok(Some(width));
        }
        // Unlike the operator this does not round to the decimal context.
        width.call_method0(intern!(py, "copy_negate")).map(Some)
    }

    /// Half the sum, with one decimal more than the prices where it needs it.
    #[getter]
    fn mid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((bid, ask, scale)) = self.top(py)? else {
            return Ok(None);
        };
        let twice = bid + ask;
        if twice.is_multiple_of(2) {
            return decimals::decimal(py, twice / 2, scale).map(Some);
        }
        decimals::decimal(py, twice * 5, scale + 1).map(Some)
    }

    #[getter]
    fn bid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.best_float(py, Side::Bid)?.map(|(price, _)| price))
    }

    #[getter]
    fn bid_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.best_float(py, Side::Bid)?.map(|(_, qty)| qty))
    }

    #[getter]
    fn ask(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.best_float(py, Side::Ask)?.map(|(price, _)| price))
    }

    #[getter]
    fn ask_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.best_float(py, Side::Ask)?.map(|(_, qty)| qty))
    }

    fn top_of_book(&self, py: Python<'_>) -> PyResult<Option<(f64, f64, f64, f64)>> {
        self.read(py, |slot| {
            let (bid, bid_qty) = best_float(slot, Side::Bid)?;
            let (ask, ask_qty) = best_float(slot, Side::Ask)?;
            Some((bid, bid_qty, ask, ask_qty))
        })
    }

    fn unverified<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let (bids, asks) = self.with(|slot| {
            let bids = Levels::of(slot, Side::Bid, None);
            (bids, Levels::of(slot, Side::Ask, None))
        });
        Ok((bids.decimals(py)?, asks.decimals(py)?))
    }

    #[getter]
    fn crossed(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, |slot| slot.book().is_crossed())
    }

    #[getter]
    fn updates(&self) -> u64 {
        self.with(|slot| slot.updates())
    }

    #[getter]
    fn verified_count(&self) -> u64 {
        self.with(|slot| slot.verified_count())
    }

    #[getter]
    fn mismatch_count(&self) -> u64 {
        self.with(|slot| slot.mismatch_count())
    }

    #[getter]
    fn timestamp(&self) -> Option<String> {
        self.with(|slot| slot.timestamp().map(ToOwned::to_owned))
    }

    #[getter]
    fn received_ns(&self) -> Option<i64> {
        self.with(|slot| slot.received_ns())
    }

    #[getter]
    fn verified_ns(&self) -> Option<i64> {
        self.with(|slot| slot.verified_ns())
    }

    fn __len__(&self) -> usize {
        self.with(|slot| {
            let book = slot.book();
            book.side(Side::Bid).len() + book.side(Side::Ask).len()
        })
    }

    /// A book is true even when it is empty, so that `if book:` asks whether there is one.
    #[allow(clippy::unused_self, reason = "Python calls it as a method")]
    const fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let symbol = self.symbol().into_pyobject(py)?.repr()?.to_string();
        let (depth, state) = (self.depth(), self.state());
        Ok(format!(
            "OrderBook(symbol={symbol}, depth={depth}, state='{state}')"
        ))
    }
}

impl Levels {
    fn of(slot: &BookSlot, side: Side, depth: Option<usize>) -> Self {
        let book = slot.book();
        let levels = book.side(side).levels();
        Self {
            levels: levels.take(depth.unwrap_or(usize::MAX)).copied().collect(),
            scales: (book.price_scale(), book.qty_scale()),
        }
    }

    fn decimals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, convert::decimal_levels(py, &self.levels, self.scales)?)
    }

    fn first<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let levels = convert::decimal_levels(py, &self.levels, self.scales)?;
        let first = levels.into_iter().next();
        first
            .map(|level| Ok(level.into_pyobject(py)?.into_any()))
            .transpose()
    }
}

fn best_float(slot: &BookSlot, side: Side) -> Option<(f64, f64)> {
    let book = slot.book();
    let level = book.side(side).best()?;
    Some(floats(&level, (book.price_scale(), book.qty_scale())))
}

/// Price and quantity of the best `depth` levels.
fn level_floats(
    slot: &BookSlot,
    side: Side,
    depth: Option<usize>,
) -> impl Iterator<Item = (f64, f64)> + '_ {
    let book = slot.book();
    let scales = (book.price_scale(), book.qty_scale());
    let levels = book.side(side).levels();
    let best = levels.take(depth.unwrap_or(usize::MAX));
    best.map(move |level| floats(level, scales))
}

fn floats(level: &Level, (price_scale, qty_scale): (u32, u32)) -> (f64, f64) {
    let price = convert::float(level.price, price_scale);
    (price, convert::float(level.qty, qty_scale))
}

fn depth_of(depth: i64) -> PyResult<usize> {
    usize::try_from(depth)
        .map_err(|_| PyValueError::new_err(format!("depth must not be negative, not {depth}")))
}

fn side_of(side: &Bound<'_, PyAny>) -> PyResult<Side> {
    let name: Option<&str> = side.extract().ok();
    match name {
        Some("bid") => Ok(Side::Bid),
        Some("ask") => Ok(Side::Ask),
        _ => Err(PyValueError::new_err(format!(
            "side must be 'bid' or 'ask', not {}",
            side.repr()?
        ))),
    }
}
