//! The methods that both kinds of books have in Python; `book_handle` implements them.

/// The `#[pymethods]` of a class around a [`super::book_handle::BookHandle`], and `$own` ones.
macro_rules! book_methods {
    ($class:ident, $name:tt, { $($own:tt)* }) => {
        const _: () = {
        use pyo3::types::{PyInt, PyList};
        use $crate::book::{Book as _, Side};
        use $crate::engine::BookState;

        #[pyo3::pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (symbol, depth = 10))]
            fn py_new(symbol: &str, depth: i64) -> PyResult<Self> {
                BookHandle::free(symbol, depth).map(Self)
            }

            #[doc = doc!("BookHandle" "symbol")]
            #[getter]
            fn symbol(&self) -> String {
                self.0.symbol()
            }

            #[doc = doc!("BookHandle" "depth")]
            #[getter]
            fn depth(&self) -> usize {
                self.0.with(|slot| slot.book().depth())
            }

            #[doc = doc!("BookHandle" "state")]
            #[getter]
            fn state(&self) -> &'static str {
                self.0.with(|slot| slot.state().name())
            }

            #[doc = doc!("BookHandle" "is_valid")]
            #[getter]
            fn is_valid(&self) -> bool {
                self.0.with(|slot| slot.state() == BookState::Valid)
            }

            #[doc = doc!("BookHandle" "is_live")]
            #[getter]
            const fn is_live(&self) -> bool {
                self.0.is_live()
            }

            #[doc = doc!("BookHandle" "apply_snapshot")]
            fn apply_snapshot(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
                self.0.apply(data, true)
            }

            #[doc = doc!("BookHandle" "apply_update")]
            fn apply_update(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
                self.0.apply(data, false)
            }

            #[doc = doc!("BookHandle" "validate_checksum")]
            fn validate_checksum(&self, expected: &Bound<'_, PyAny>) -> PyResult<()> {
                let computed = self.checksum(expected.py())?;
                if expected.eq(computed)? {
                    return Ok(());
                }
                Err(self.0.checksum_error(expected, computed))
            }

            #[doc = doc!("BookHandle" "checksum")]
            fn checksum(&self, py: Python<'_>) -> PyResult<u32> {
                self.0.read(py, |slot| slot.book_mut().checksum())
            }

            #[doc = doc!("BookHandle" "bids")]
            #[getter]
            fn bids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
                self.0.all(py, Side::Bid)
            }

            #[doc = doc!("BookHandle" "asks")]
            #[getter]
            fn asks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
                self.0.all(py, Side::Ask)
            }

            #[doc = doc!("BookHandle" "levels")]
            #[pyo3(signature = (side, depth = None))]
            fn levels<'py>(
                &self,
                side: &Bound<'py, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<Bound<'py, PyList>> {
                self.0.read_levels(side, depth)?.decimals(side.py())
            }

            #[doc = doc!("BookHandle" "levels_float")]
            #[pyo3(signature = (side, depth = None))]
            fn levels_float(
                &self,
                side: &Bound<'_, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<Vec<(f64, f64)>> {
                self.0.levels_float(side, depth)
            }

            #[doc = doc!("BookHandle" "levels_ticks")]
            #[pyo3(signature = (side, depth = None))]
            fn levels_ticks<'py>(
                &self,
                side: &Bound<'py, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<Vec<(Bound<'py, PyInt>, Bound<'py, PyInt>)>> {
                self.0.levels_ticks(side, depth)
            }

            #[doc = doc!("BookHandle" "levels_array")]
            #[pyo3(signature = (side, depth = None))]
            fn levels_array<'py>(
                &self,
                side: &Bound<'py, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<Bound<'py, PyAny>> {
                self.0.levels_array(side, depth)
            }

            #[doc = doc!("BookHandle" "microprice")]
            #[getter]
            fn microprice(&self, py: Python<'_>) -> PyResult<Option<f64>> {
                self.0.microprice(py)
            }

            #[doc = doc!("BookHandle" "imbalance")]
            #[pyo3(signature = (depth = 1))]
            fn imbalance(&self, py: Python<'_>, depth: i64) -> PyResult<Option<f64>> {
                self.0.imbalance(py, depth)
            }

            #[doc = doc!("BookHandle" "cumulative_qty")]
            #[pyo3(signature = (side, depth = None))]
            fn cumulative_qty(
                &self,
                side: &Bound<'_, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<f64> {
                self.0.cumulative_qty(side, depth)
            }

            #[doc = doc!("BookHandle" "cumulated_qty")]
            #[pyo3(signature = (side, depth = None))]
            fn cumulated_qty(
                &self,
                side: &Bound<'_, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<f64> {
                $crate::python::books::deprecated(side.py(), c"use cumulative_qty")?;
                self.0.cumulative_qty(side, depth)
            }

            #[doc = doc!("BookHandle" "weighted_price")]
            #[pyo3(signature = (side, depth = None))]
            fn weighted_price(
                &self,
                side: &Bound<'_, PyAny>,
                depth: Option<i64>,
            ) -> PyResult<Option<f64>> {
                self.0.weighted_price(side, depth)
            }

            #[doc = doc!("BookHandle" "price_scale")]
            #[getter]
            fn price_scale(&self, py: Python<'_>) -> PyResult<u32> {
                self.0.read(py, |slot| slot.book().scales().0)
            }

            #[doc = doc!("BookHandle" "qty_scale")]
            #[getter]
            fn qty_scale(&self, py: Python<'_>) -> PyResult<u32> {
                self.0.read(py, |slot| slot.book().scales().1)
            }

            #[doc = doc!("BookHandle" "best_bid")]
            #[getter]
            fn best_bid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.best(py, Side::Bid)?.first(py)
            }

            #[doc = doc!("BookHandle" "best_ask")]
            #[getter]
            fn best_ask<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.best(py, Side::Ask)?.first(py)
            }

            #[doc = doc!("BookHandle" "spread")]
            #[getter]
            fn spread<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.spread(py)
            }

            #[doc = doc!("BookHandle" "mid")]
            #[getter]
            fn mid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                self.0.mid(py)
            }

            #[doc = doc!("BookHandle" "bid")]
            #[getter]
            fn bid(&self, py: Python<'_>) -> PyResult<Option<f64>> {
                self.0.best_price(py, Side::Bid)
            }

            #[doc = doc!("BookHandle" "bid_qty")]
            #[getter]
            fn bid_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
                self.0.best_qty(py, Side::Bid)
            }

            #[doc = doc!("BookHandle" "ask")]
            #[getter]
            fn ask(&self, py: Python<'_>) -> PyResult<Option<f64>> {
                self.0.best_price(py, Side::Ask)
            }

            #[doc = doc!("BookHandle" "ask_qty")]
            #[getter]
            fn ask_qty(&self, py: Python<'_>) -> PyResult<Option<f64>> {
                self.0.best_qty(py, Side::Ask)
            }

            #[doc = doc!("BookHandle" "top_of_book")]
            fn top_of_book(&self, py: Python<'_>) -> PyResult<Option<(f64, f64, f64, f64)>> {
                self.0.top_of_book(py)
            }

            #[doc = doc!("BookHandle" "unverified")]
            fn unverified<'py>(
                &self,
                py: Python<'py>,
            ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
                self.0.unverified(py)
            }

            #[doc = doc!("BookHandle" "crossed")]
            #[getter]
            fn crossed(&self, py: Python<'_>) -> PyResult<bool> {
                self.0.read(py, |slot| slot.book().is_crossed())
            }

            #[doc = doc!("BookHandle" "updates")]
            #[getter]
            fn updates(&self) -> u64 {
                self.0.with(|slot| slot.updates())
            }

            #[doc = doc!("BookHandle" "verified_count")]
            #[getter]
            fn verified_count(&self) -> u64 {
                self.0.with(|slot| slot.verified_count())
            }

            #[doc = doc!("BookHandle" "mismatch_count")]
            #[getter]
            fn mismatch_count(&self) -> u64 {
                self.0.with(|slot| slot.mismatch_count())
            }

            #[doc = doc!("BookHandle" "timestamp")]
            #[getter]
            fn timestamp(&self) -> Option<String> {
                self.0.with(|slot| slot.timestamp().map(ToOwned::to_owned))
            }

            #[doc = doc!("BookHandle" "received_ns")]
            #[getter]
            fn received_ns(&self) -> Option<i64> {
                self.0.with(|slot| slot.received_ns())
            }

            #[doc = doc!("BookHandle" "verified_ns")]
            #[getter]
            fn verified_ns(&self) -> Option<i64> {
                self.0.with(|slot| slot.verified_ns())
            }

            fn __len__(&self) -> usize {
                self.0.with(|slot| {
                    let book = slot.book();
                    book.levels(Side::Bid).len() + book.levels(Side::Ask).len()
                })
            }

            /// A book is true even when it is empty, so that `if book:` tests whether there is one.
            #[allow(clippy::unused_self, reason = "Python calls it as a method")]
            const fn __bool__(&self) -> bool {
                true
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                Ok(format!(concat!($name, "({})"), self.0.summary(py)?))
            }

            $($own)*
        }
        };
    };
}
