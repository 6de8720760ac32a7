//! `Level3Book`: the book of one pair order by order.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::book_handle::{BookHandle, LiveBook, side_of};
use super::convert;
use super::decimals::{self, Decimals};
use super::schema::Registry;
use crate::book::{
    Book, L3Book, Level, Order, OrderCounts, OrderKind, Placement, QueuePosition, Side,
};
use crate::engine::{BookSlot, Books, Engine};
use crate::message::{OrderId, OrderRow};

// One pair's book of individual orders.
#[doc = doc!("Level3Book" "")]
#[pyclass(frozen, name = "Level3Book", module = "kraken_connector._native")]
pub(super) struct PyLevel3Book(BookHandle<L3Book>);

impl LiveBook for L3Book {
    type Object = PyLevel3Book;

    fn object(handle: BookHandle<Self>) -> PyLevel3Book {
        PyLevel3Book(handle)
    }

    fn books(engine: &mut Engine) -> &mut Books<Self> {
        engine.level3_books_mut()
    }

    fn caller_rows(rows: &Bound<'_, PyAny>) -> PyResult<Vec<OrderRow>> {
        convert::order_rows(rows)
    }
}

impl PyLevel3Book {
    fn counted<'py>(
        &self,
        py: Python<'py>,
        count: impl Fn(&OrderCounts, OrderKind) -> u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.0.with(|slot| *slot.book().counts());
        let named = PyDict::new(py);
        for kind in OrderKind::ALL {
            named.set_item(kind.name(), count(&counts, kind))?;
        }
        Ok(named)
    }
}

/// Instances of a model.
type Objects<'py> = Vec<Bound<'py, PyAny>>;

/// Orders of one moment with the scales of their numbers.
struct Orders {
    orders: Vec<Order>,
    scales: (u32, u32),
}

impl Orders {
    fn of(slot: &BookSlot<L3Book>, side: Side, levels: usize) -> Self {
        Self {
            orders: slot.book().orders(side, levels).cloned().collect(),
            scales: slot.book().scales(),
        }
    }

    /// As instances of `Level3Order`.
    fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Objects<'py>> {
        let registry = Registry::get(py)?;
        let schema = registry.schema(registry.events.level3_order);
        let mut decimals = Decimals::acquire();
        let (price_scale, qty_scale) = self.scales;
        let made = |order: &Order| {
            let instance = schema.instance(py)?;
            let id = PyString::from_bytes(py, order.id.bytes())?;
            let price = decimals.get(py, order.level.price, price_scale)?;
            instance.set_named("order_id", id.into_any());
            instance.set_named("limit_price", price);
            instance.set_named("order_qty", decimals.get(py, order.level.qty, qty_scale)?);
            if !order.timestamp.is_empty() {
                let text = PyString::from_bytes(py, order.timestamp.bytes())?;
                instance.set_named("timestamp", text.into_any());
            }
            Ok(instance.finish())
        };
        self.orders.iter().map(made).collect()
    }
}

fn position_to_python(
    py: Python<'_>,
    position: QueuePosition,
    scale: u32,
) -> PyResult<Bound<'_, PyAny>> {
    let registry = Registry::get(py)?;
    let schema = registry.schema(registry.events.queue_position);
    let instance = schema.instance(py)?;
    let count = |count: usize| Ok::<_, PyErr>(count.into_pyobject(py)?.into_any());
    instance.set_named("orders_ahead", count(position.orders_ahead)?);
    instance.set_named(
        "qty_ahead",
        decimals::decimal(py, position.qty_ahead, scale)?,
    );
    instance.set_named("orders", count(position.orders)?);
    instance.set_named("qty", decimals::decimal(py, position.qty, scale)?);
    Ok(instance.finish())
}

fn levels_of(levels: Option<i64>) -> PyResult<usize> {
    let Some(levels) = levels else {
        return Ok(usize::MAX);
    };
    usize::try_from(levels)
        .map_err(|_| PyValueError::new_err(format!("levels must not be negative, not {levels}")))
}

book_methods!(PyLevel3Book, "Level3Book", {
    #[doc = doc!("Level3Book" "orders")]
    #[pyo3(signature = (side, levels = None))]
    fn orders<'py>(&self, side: &Bound<'py, PyAny>, levels: Option<i64>) -> PyResult<Objects<'py>> {
        let py = side.py();
        self.0.read(py, |_| ())?;
        let levels = levels_of(levels)?;
        let side = side_of(side)?;
        let orders = self.0.read(py, |slot| Orders::of(slot, side, levels))?;
        orders.to_python(py)
    }

    #[doc = doc!("Level3Book" "order")]
    fn order<'py>(&self, py: Python<'py>, order_id: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let id = OrderId::new(order_id.as_bytes());
        let found = self.0.read(py, |slot| Orders {
            orders: slot.book().order(&id).cloned().into_iter().collect(),
            scales: slot.book().scales(),
        })?;
        Ok(found.to_python(py)?.pop())
    }

    #[doc = doc!("Level3Book" "queue_position")]
    fn queue_position<'py>(
        &self,
        py: Python<'py>,
        order_id: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let id = OrderId::new(order_id.as_bytes());
        let (position, (_, scale)) = self.0.read(py, |slot| {
            (slot.book().queue_position(&id), slot.book().scales())
        })?;
        position
            .map(|position| position_to_python(py, position, scale))
            .transpose()
    }

    #[doc = doc!("BookHandle" "to_dict")]
    #[pyo3(signature = (*, exact = false))]
    fn to_dict<'py>(&self, py: Python<'py>, exact: bool) -> PyResult<Bound<'py, PyDict>> {
        let orders = |slot: &BookSlot<L3Book>, side| {
            let orders = slot.book().orders(side, usize::MAX);
            orders.cloned().collect()
        };
        self.0
            .to_dict(py, orders, |order: &Order, (price_scale, qty_scale)| {
                let row = PyDict::new(py);
                let Level { price, qty } = order.level;
                row.set_item("order_id", PyString::from_bytes(py, order.id.bytes())?)?;
                row.set_item(
                    "limit_price",
                    convert::number(py, price, price_scale, exact)?,
                )?;
                row.set_item("order_qty", convert::number(py, qty, qty_scale, exact)?)?;
                let timestamp = Some(order.timestamp.bytes()).filter(|text| !text.is_empty());
                let timestamp = timestamp.map(|text| PyString::from_bytes(py, text));
                row.set_item("timestamp", timestamp.transpose()?)?;
                Ok(row)
            })
    }

    #[doc = doc!("Level3Book" "unverified_orders")]
    fn unverified_orders<'py>(&self, py: Python<'py>) -> PyResult<(Objects<'py>, Objects<'py>)> {
        let (bids, asks) = self.0.with(|slot| {
            let bids = Orders::of(slot, Side::Bid, usize::MAX);
            (bids, Orders::of(slot, Side::Ask, usize::MAX))
        });
        Ok((bids.to_python(py)?, asks.to_python(py)?))
    }

    #[doc = doc!("Level3Book" "order_count")]
    #[getter]
    fn order_count(&self) -> usize {
        self.0.with(|slot| slot.book().order_count())
    }

    #[doc = doc!("Level3Book" "event_counts")]
    #[getter]
    fn event_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.counted(py, OrderCounts::entries)
    }

    #[doc = doc!("Level3Book" "mismatch_counts")]
    #[getter]
    fn mismatch_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.counted(py, OrderCounts::mismatches)
    }

    #[doc = doc!("Level3Book" "placement_counts")]
    #[getter]
    fn placement_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.0.with(|slot| *slot.book().counts());
        let named = PyDict::new(py);
        for placement in Placement::ALL {
            named.set_item(placement.name(), counts.placements(placement))?;
        }
        Ok(named)
    }
});
