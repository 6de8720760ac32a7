//! `OrderBook`: live in an engine, or free in a caller's hand.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convert;
use super::engine::SharedEngine;
use super::home::Home;
use crate::book::{L2Book, Level};
use crate::engine::BookSlot;

// One pair's aggregated book.
#[doc = doc!("OrderBook" "")]
#[pyclass(frozen, name = "OrderBook", module = "kraken_connector._native")]
pub(super) struct PyOrderBook(Home<L2Book>);

impl PyOrderBook {
    /// The book at `index` of an engine.
    pub(super) const fn live(engine: SharedEngine, index: usize) -> Self {
        Self(Home::Live { engine, index })
    }

    /// Puts a caller's rows into a free book, then compares the checksum if there is one.
    fn apply(&self, data: &Bound<'_, PyAny>, is_snapshot: bool) -> PyResult<()> {
        let py = data.py();
        self.0.check_free()?;
        let bids = convert::rows(&data.getattr(intern!(py, "bids"))?)?;
        let asks = convert::rows(&data.getattr(intern!(py, "asks"))?)?;
        let timestamp: Option<String> = data.getattr(intern!(py, "timestamp"))?.extract()?;
        let checksum = data.getattr(intern!(py, "checksum"))?;
        let timestamp = timestamp.as_deref();
        let levels = is_snapshot.then(|| bids.len().max(asks.len()));
        self.0.write(&checksum, timestamp, levels, |book| {
            if is_snapshot {
                book.apply_snapshot(&bids, &asks)
            } else {
                book.apply_update(&bids, &asks)
            }
        })
    }
}

book_methods!(PyOrderBook, "OrderBook", {
    #[doc = doc!("OrderBook" "to_dict")]
    #[pyo3(signature = (*, exact = false))]
    fn to_dict<'py>(&self, py: Python<'py>, exact: bool) -> PyResult<Bound<'py, PyDict>> {
        let levels = |slot: &BookSlot, side| slot.book().levels(side).collect();
        self.0
            .to_dict(py, levels, |level: &Level, (price_scale, qty_scale)| {
                let row = PyDict::new(py);
                row.set_item(
                    "price",
                    convert::number(py, level.price, price_scale, exact)?,
                )?;
                row.set_item("qty", convert::number(py, level.qty, qty_scale, exact)?)?;
                Ok(row)
            })
    }
});
