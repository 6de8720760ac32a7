//! Exact numbers to Python's `Decimal` and `float`, and back.

use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::decimals::{DecimalText, Decimals, decimal};
use super::errors;
use crate::book::Level;
use crate::decimal::{Decimal, exact_float};
use crate::lexer::{Kind, Lexer};
use crate::message::{OrderEvent, OrderRow, Row};

/// The nearest `float` of `mantissa / 10^scale`.
#[inline]
#[must_use]
pub(super) fn float(mantissa: u128, scale: u32) -> f64 {
    let narrow = u64::try_from(mantissa).ok();
    if let Some(value) = narrow.and_then(|mantissa| exact_float(mantissa, scale as usize)) {
        return value;
    }
    let mut text = DecimalText::default();
    text.write(mantissa, scale).parse().unwrap_or(f64::NAN)
}

/// A caller's levels to rows.
///
/// # Errors
///
/// `ValueError`: a price or quantity is negative or no number. Whatever reading the attributes raises.
pub(super) fn rows(levels: &Bound<'_, PyAny>) -> PyResult<Vec<Row>> {
    levels.try_iter()?.map(|level| row(&level?)).collect()
}

fn row(level: &Bound<'_, PyAny>) -> PyResult<Row> {
    Ok(Row {
        price: exact_number(level, "price")?,
        qty: exact_number(level, "qty")?,
    })
}

/// A caller's orders to entries; fields that an event does not need are not read.
///
/// # Errors
///
/// As [`rows`], and `TypeError` for an id, event or timestamp that is no text.
pub(super) fn order_rows(orders: &Bound<'_, PyAny>) -> PyResult<Vec<OrderRow>> {
    orders.try_iter()?.map(|order| order_row(&order?)).collect()
}

fn order_row(order: &Bound<'_, PyAny>) -> PyResult<OrderRow> {
    let text = |name: &str| order.getattr(name)?.extract::<Option<String>>();
    let event = match text("event")? {
        None => OrderEvent::Absent,
        Some(name) => OrderEvent::of(name.as_bytes()),
    };
    let order_id = text("order_id")?.unwrap_or_default();
    let timestamp = text("timestamp")?.unwrap_or_default();
    let nothing = Decimal::short(0, 0);
    let (mut price, mut qty) = (nothing, nothing);
    if !matches!(event, OrderEvent::Delete | OrderEvent::Unknown) {
        price = exact_number(order, "limit_price")?;
        qty = exact_number(order, "order_qty")?;
    }
    let (order_id, timestamp) = (order_id.as_bytes(), timestamp.as_bytes());
    Ok(OrderRow::new(event, order_id, price, qty, timestamp))
}

/// A `Decimal`, `int`, `str` or `float` (by its shortest repr) as an exact number.
fn exact_number(level: &Bound<'_, PyAny>, field: &str) -> PyResult<Decimal> {
    let value = level.getattr(field)?;
    let text = value.str()?;
    number_from_text(text.to_str()?.as_bytes()).ok_or_else(|| errors::unfit_number(field, &value))
}

fn number_from_text(text: &[u8]) -> Option<Decimal> {
    let mut lexer = Lexer::new(text).ok()?;
    let is_number = lexer.peek().ok()? == Kind::Number;
    let number = lexer.number().ok().filter(|_| is_number)?;
    lexer.finish().ok()?;
    number.decimal(text).ok()
}

/// A mantissa as `int`; those that fit into 64 bits are cheaper.
#[inline]
pub(super) fn integer(py: Python<'_>, mantissa: u128) -> Bound<'_, PyInt> {
    match u64::try_from(mantissa) {
        Ok(narrow) => PyInt::new(py, narrow),
        Err(_) => PyInt::new(py, mantissa),
    }
}

/// A number as `Decimal` or as `float`.
pub(super) fn number(
    py: Python<'_>,
    mantissa: u128,
    scale: u32,
    is_exact: bool,
) -> PyResult<Bound<'_, PyAny>> {
    if is_exact {
        return decimal(py, mantissa, scale);
    }
    Ok(float(mantissa, scale).into_pyobject(py)?.into_any())
}

/// Levels as pairs of `Decimal`.
pub(super) fn decimal_levels<'py>(
    py: Python<'py>,
    levels: &[Level],
    (price_scale, qty_scale): (u32, u32),
) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let mut decimals = Decimals::acquire();
    let pair = |level: &Level| {
        let price = decimals.get(py, level.price, price_scale)?;
        Ok((price, decimals.get(py, level.qty, qty_scale)?))
    };
    levels.iter().map(pair).collect()
}
