//! What the Python objects of both kinds of books hold, and how they are read.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyMemoryView, PySlice};
use pyo3::{PyClass, PyClassInitializer};

use super::decimals::DecimalText;
use super::{convert, decimals, errors};
use crate::book::{Book, Level, OutOfRange, Side, measures};
use crate::engine::SharedEngine;
use crate::engine::{BookSlot, BookState, Books, Engine};

/// A book that an engine updates (live), or its caller (free).
pub(super) enum BookHandle<B> {
    Live { engine: SharedEngine, index: usize },
    Free(Box<Mutex<BookSlot<B>>>),
}

/// A kind of book: how it is found in an engine, and how Python sees it.
pub(super) trait LiveBook: Book + Send + Sized + 'static {
    /// The Python class.
    type Object: PyClass + Into<PyClassInitializer<Self::Object>> + Send + Sync;

    /// The Python object around a handle.
    fn object(handle: BookHandle<Self>) -> Self::Object;

    /// An engine's books of this kind.
    fn books(engine: &mut Engine) -> &mut Books<Self>;

    /// The rows of one side that a caller gives.
    fn caller_rows(rows: &Bound<'_, PyAny>) -> PyResult<Vec<Self::Row>>;
}

/// Levels of one moment with the scales of their numbers.
pub(super) struct Levels {
    levels: Vec<Level>,
    scales: (u32, u32),
}

impl<B: LiveBook> BookHandle<B> {
    /// A free book.
    ///
    /// # Errors
    ///
    /// `ValueError`: no such depth.
    pub(super) fn free(symbol: &str, depth: i64) -> PyResult<Self> {
        match usize::try_from(depth) {
            Ok(levels) if B::DEPTHS.contains(&levels) => Ok(Self::Free(Box::new(Mutex::new(
                BookSlot::new(symbol, levels),
            )))),
            _ => Err(errors::unknown_depth(depth, B::DEPTHS)),
        }
    }

    /// Calls `read` with the book in any state. It runs under a lock: it must not run Python.
    #[inline(always)]
    pub(super) fn with<T>(&self, read: impl FnOnce(&mut BookSlot<B>) -> T) -> T {
        match self {
            Self::Free(slot) => read(&mut slot.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Live { engine, index } => {
                let mut engine = engine.lock();
                match B::books(&mut engine).at_mut(*index) {
                    Some(slot) => read(slot),
                    None => read(&mut BookSlot::new("", 0)),
                }
            }
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Calls `read` with the book if it may be read.
    ///
    /// # Errors
    ///
    /// `BookNotReady`: it is live and not valid.
    #[inline(always)]
    pub(super) fn read<T>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&mut BookSlot<B>) -> T,
    ) -> PyResult<T> {
        let is_live = self.is_live();
        let outcome = self.with(|slot| match slot.state() {
            state if is_live && state != BookState::Valid => Err(state),
            _ => Ok(read(slot)),
        });
        outcome.map_err(|state| self.not_ready(py, state))
    }

    #[cold]
    fn not_ready(&self, py: Python<'_>, state: BookState) -> PyErr {
        errors::book_not_ready(py, &self.symbol(), state.name())
    }

    pub(super) fn read_levels(
        &self,
        side: &Bound<'_, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Levels> {
        let py = side.py();
        self.read(py, |_| ())?;
        let depth = depth.map(depth_of).transpose()?;
        let side = side_of(side)?;
        self.read(py, |slot| Levels::of(slot, side, depth))
    }

    pub(super) fn best(&self, py: Python<'_>, side: Side) -> PyResult<Levels> {
        self.read(py, |slot| Levels::of(slot, side, Some(1)))
    }

    pub(super) fn all<'py>(&self, py: Python<'py>, side: Side) -> PyResult<Bound<'py, PyList>> {
        self.read(py, |slot| Levels::of(slot, side, None))?
            .decimals(py)
    }

    /// The best price of a side. This and the next convert one number only: they are what a
    /// strategy reads most.
    #[inline(always)]
    pub(super) fn best_price(&self, py: Python<'_>, side: Side) -> PyResult<Option<f64>> {
        self.read(py, |slot| {
            let level = slot.book().best(side)?;
            Some(convert::float(level.price, slot.book().scales().0))
        })
    }

    /// The quantity at the best price of a side.
    #[inline(always)]
    pub(super) fn best_qty(&self, py: Python<'_>, side: Side) -> PyResult<Option<f64>> {
        self.read(py, |slot| {
            let level = slot.book().best(side)?;
            Some(convert::float(level.qty, slot.book().scales().1))
        })
    }

    /// Best bid and best ask price and their scale, `None` when a side is empty.
    pub(super) fn top(&self, py: Python<'_>) -> PyResult<Option<(u128, u128, u32)>> {
        self.read(py, |slot| {
            let book = slot.book();
            let (bid, ask) = (book.best(Side::Bid)?, book.best(Side::Ask)?);
            Some((bid.price, ask.price, book.scales().0))
        })
    }

    /// Applies a caller's data to a free book, then compares the checksum if there is one.
    ///
    /// # Errors
    ///
    /// `RuntimeError`: the book is live. `ValueError`: a number does not fit. `ChecksumError`.
    pub(super) fn apply(&self, data: &Bound<'_, PyAny>, is_snapshot: bool) -> PyResult<()> {
        let py = data.py();
        self.check_free()?;
        let bids = B::caller_rows(&data.getattr(intern!(py, "bids"))?)?;
        let asks = B::caller_rows(&data.getattr(intern!(py, "asks"))?)?;
        let timestamp: Option<String> = data.getattr(intern!(py, "timestamp"))?.extract()?;
        let checksum = data.getattr(intern!(py, "checksum"))?;
        let written = self.with(|slot| {
            if is_snapshot {
                slot.book_mut().apply_snapshot(&bids, &asks)?;
                slot.set_snapshot_levels(B::levels_of(&bids).max(B::levels_of(&asks)));
            } else {
                slot.book_mut().apply_update(&bids, &asks)?;
            }
            slot.stamp(timestamp.as_deref().map(str::as_bytes), None);
            Ok::<_, OutOfRange>(())
        });
        if written.is_err() {
            let reason = "a number has too many digits at the decimals of the book";
            return Err(PyValueError::new_err(reason));
        }
        if !checksum.is_none() {
            self.verify(&checksum)?;
        }
        if is_snapshot {
            self.with(|slot| slot.withdraw(BookState::Valid));
        }
        Ok(())
    }

    /// # Errors
    ///
    /// `RuntimeError`: the book is live; only its engine writes it.
    pub(super) fn check_free(&self) -> PyResult<()> {
        if self.is_live() {
            return Err(errors::live_book(&self.symbol()));
        }
        Ok(())
    }

    pub(super) fn symbol(&self) -> String {
        self.with(|slot| slot.symbol().to_owned())
    }

    /// Compares a caller's checksum and counts; a book that does not match awaits a snapshot.
    fn verify(&self, expected: &Bound<'_, PyAny>) -> PyResult<()> {
        // A value that no checksum can have does not match either.
        let wanted: Option<u32> = expected.extract().ok();
        let mismatch = self.with(|slot| {
            let computed = slot.verify(wanted)?;
            slot.withdraw(BookState::AwaitingSnapshot);
            Some(computed)
        });
        mismatch.map_or(Ok(()), |computed| {
            Err(self.checksum_error(expected, computed))
        })
    }

    /// A `ChecksumError`, with a note if the depth may be the reason.
    pub(super) fn checksum_error(&self, expected: &Bound<'_, PyAny>, computed: u32) -> PyErr {
        let (symbol, depth, levels) = self.with(|slot| {
            let depth = slot.book().depth();
            (slot.symbol().to_owned(), depth, slot.snapshot_levels())
        });
        let error = errors::checksum_error(&symbol, expected, computed);
        let is_other = |levels| levels > depth || (levels < depth && B::DEPTHS.contains(&levels));
        match levels.filter(|levels| is_other(*levels)) {
            Some(levels) => errors::with_depths(expected.py(), error, levels, depth),
            None => error,
        }
    }

    /// The state, and best bid and best ask price where they may be read.
    pub(super) fn summary(&self, py: Python<'_>) -> PyResult<String> {
        let is_live = self.is_live();
        let (symbol, depth, state, prices, scale) = self.with(|slot| {
            let (book, state) = (slot.book(), slot.state());
            let is_readable = !is_live || state == BookState::Valid;
            let prices = [Side::Bid, Side::Ask].map(|side| book.best(side).map(|it| it.price));
            let prices = is_readable.then_some(prices);
            (
                slot.symbol().to_owned(),
                book.depth(),
                state,
                prices,
                book.scales().0,
            )
        });
        let symbol = symbol.into_pyobject(py)?.repr()?.to_string();
        let mut parts = vec![format!(
            "symbol={symbol}, depth={depth}, state='{}'",
            state.name()
        )];
        for (name, price) in ["bid", "ask"].iter().zip(prices.unwrap_or_default()) {
            if let Some(price) = price {
                let mut digits = DecimalText::default();
                parts.push(format!("{name}={}", digits.write(price, scale)));
            }
        }
        Ok(parts.join(", "))
    }

    /// The content as plain data, with rows that `row` makes.
    pub(super) fn to_dict<'py, R>(
        &self,
        py: Python<'py>,
        rows_of: impl Fn(&BookSlot<B>, Side) -> Vec<R>,
        row: impl Fn(&R, (u32, u32)) -> PyResult<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (bids, asks, scales, checksum, timestamp) = self.read(py, |slot| {
            let (bids, asks) = (rows_of(slot, Side::Bid), rows_of(slot, Side::Ask));
            let timestamp = slot.timestamp().map(ToOwned::to_owned);
            let scales = slot.book().scales();
            (bids, asks, scales, slot.book_mut().checksum(), timestamp)
        })?;
        let plain = PyDict::new(py);
        plain.set_item("symbol", self.symbol())?;
        for (name, rows) in [("bids", bids), ("asks", asks)] {
            let rows: PyResult<Vec<_>> = rows.iter().map(|one| row(one, scales)).collect();
            plain.set_item(name, rows?)?;
        }
        plain.set_item("checksum", checksum)?;
        if let Some(timestamp) = timestamp {
            plain.set_item("timestamp", timestamp)?;
        }
        Ok(plain)
    }

    pub(super) fn levels_float(
        &self,
        side: &Bound<'_, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Vec<(f64, f64)>> {
        let Levels { levels, scales } = self.read_levels(side, depth)?;
        Ok(levels.iter().map(|level| floats(level, scales)).collect())
    }

    pub(super) fn levels_ticks<'py>(
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

    pub(super) fn levels_array<'py>(
        &self,
        side: &Bound<'py, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = side.py();
        let Levels { levels, scales } = self.read_levels(side, depth)?;
        // A cast to a dimension of length zero is refused, a slice of length zero is not.
        let bytes = PyBytes::new_with(py, levels.len().max(1) * 16, |target| {
            for (target, level) in target.chunks_exact_mut(16).zip(&levels) {
                let (price, qty) = floats(level, scales);
                let (first, second) = target.split_at_mut(8);
                first.copy_from_slice(&price.to_ne_bytes());
                second.copy_from_slice(&qty.to_ne_bytes());
            }
            Ok(())
        })?;
        let view = PyMemoryView::from(&bytes)?;
        let shape = [levels.len().max(1), 2];
        let view = view.call_method1(intern!(py, "cast"), ("d", shape))?;
        view.get_item(PySlice::new(py, 0, levels.len().cast_signed(), 1))
    }

    pub(super) fn imbalance(&self, py: Python<'_>, depth: i64) -> PyResult<Option<f64>> {
        let depth = Some(depth_of(depth)?);
        self.read(py, |slot| {
            let bid_qty = measures::cumulative_qty(level_floats(slot, Side::Bid, depth));
            let ask_qty = measures::cumulative_qty(level_floats(slot, Side::Ask, depth));
            (bid_qty + ask_qty > 0.0).then(|| measures::imbalance(bid_qty, ask_qty))
        })
    }

    pub(super) fn cumulative_qty(
        &self,
        side: &Bound<'_, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<f64> {
        let (side, depth, py) = (side_of(side)?, depth.map(depth_of).transpose()?, side.py());
        self.read(py, |slot| {
            measures::cumulative_qty(level_floats(slot, side, depth))
        })
    }

    pub(super) fn weighted_price(
        &self,
        side: &Bound<'_, PyAny>,
        depth: Option<i64>,
    ) -> PyResult<Option<f64>> {
        let (side, depth, py) = (side_of(side)?, depth.map(depth_of).transpose()?, side.py());
        self.read(py, |slot| {
            measures::weighted_price(level_floats(slot, side, depth))
        })
    }

    pub(super) fn spread<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
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

    pub(super) fn mid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((bid, ask, scale)) = self.top(py)? else {
            return Ok(None);
        };
        let twice = bid + ask;
        if twice.is_multiple_of(2) {
            return decimals::decimal(py, twice / 2, scale).map(Some);
        }
        // One digit more than a mantissa of the largest prices has room for.
        let mut half = DecimalText::default();
        let point = if scale == 0 { "." } else { "" };
        let text = format!("{}{point}5", half.write(twice / 2, scale));
        decimals::from_text(py, &text).map(Some)
    }

    pub(super) fn top_of_book(&self, py: Python<'_>) -> PyResult<Option<(f64, f64, f64, f64)>> {
        self.read(py, |slot| {
            let (bid, bid_qty) = best_float(slot, Side::Bid)?;
            let (ask, ask_qty) = best_float(slot, Side::Ask)?;
            Some((bid, bid_qty, ask, ask_qty))
        })
    }

    pub(super) fn unverified<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let (bids, asks) = self.with(|slot| {
            let bids = Levels::of(slot, Side::Bid, None);
            (bids, Levels::of(slot, Side::Ask, None))
        });
        Ok((bids.decimals(py)?, asks.decimals(py)?))
    }

    pub(super) fn microprice(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.read(py, |slot| {
            let bid = best_float(slot, Side::Bid)?;
            Some(measures::microprice(bid, best_float(slot, Side::Ask)?))
        })
    }
}

impl Levels {
    fn of<B: Book>(slot: &BookSlot<B>, side: Side, depth: Option<usize>) -> Self {
        let book = slot.book();
        let levels = book.levels(side).take(depth.unwrap_or(usize::MAX));
        Self {
            levels: levels.collect(),
            scales: book.scales(),
        }
    }

    pub(super) fn decimals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, convert::decimal_levels(py, &self.levels, self.scales)?)
    }

    pub(super) fn first<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let levels = convert::decimal_levels(py, &self.levels, self.scales)?;
        let first = levels.into_iter().next();
        first
            .map(|level| Ok(level.into_pyobject(py)?.into_any()))
            .transpose()
    }
}

fn best_float<B: Book>(slot: &BookSlot<B>, side: Side) -> Option<(f64, f64)> {
    let level = slot.book().best(side)?;
    Some(floats(&level, slot.book().scales()))
}

/// Price and quantity of the best `depth` levels.
fn level_floats<B: Book>(
    slot: &BookSlot<B>,
    side: Side,
    depth: Option<usize>,
) -> impl Iterator<Item = (f64, f64)> {
    let scales = slot.book().scales();
    let best = slot.book().levels(side).take(depth.unwrap_or(usize::MAX));
    best.map(move |level| floats(&level, scales))
}

fn floats(level: &Level, (price_scale, qty_scale): (u32, u32)) -> (f64, f64) {
    let price = convert::float(level.price, price_scale);
    (price, convert::float(level.qty, qty_scale))
}

pub(super) fn depth_of(depth: i64) -> PyResult<usize> {
    usize::try_from(depth)
        .map_err(|_| PyValueError::new_err(format!("depth must not be negative, not {depth}")))
}

pub(super) fn side_of(side: &Bound<'_, PyAny>) -> PyResult<Side> {
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
