//! `OrderBook`: the aggregated book of one pair.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::book_handle::{BookHandle, LiveBook};
use super::convert;
use crate::book::{L2Book, Level};
use crate::engine::{BookSlot, Books, Engine};
use crate::message::Row;

// One pair's aggregated book.
#[doc = doc!("OrderBook" "")]
#[pyclass(frozen, name = "OrderBook", module = "kraken_connector._native")]
pub(super) struct PyOrderBook(BookHandle<L2Book>);

impl LiveBook for L2Book {
    type Object = PyOrderBook;

    fn object(handle: BookHandle<Self>) -> PyOrderBook {
        PyOrderBook(handle)
    }

    #[inline]
    fn books(engine: &mut Engine) -> &mut Books<Self> {
        engine.books_mut()
    }

    fn caller_rows(rows: &Bound<'_, PyAny>) -> PyResult<Vec<Row>> {
        convert::rows(rows)
    }
}

book_methods!(PyOrderBook, "OrderBook", {
    #[doc = doc!("BookHandle" "to_dict")]
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
