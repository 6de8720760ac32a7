//! Exact numbers to Python's `Decimal` and `float`, and back.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::errors;
use super::schema::Registry;
use crate::book::Level;
use crate::decimal::{Decimal, EXACT_INTEGER, EXACT_POWERS, MAX_DIGITS};
use crate::lexer::{Kind, Lexer};
use crate::message::Row;

/// The `Decimal` with the digits of `text`.
#[inline]
pub(super) fn decimal_from_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let class = Registry::get(py)?.decimal_class(py);
    class.call1((PyString::new(py, text),))
}

/// The `Decimal` `mantissa / 10^scale`, with exactly `scale` decimals.
pub(super) fn decimal(py: Python<'_>, mantissa: u128, scale: u32) -> PyResult<Bound<'_, PyAny>> {
    let mut text = DecimalText::default();
    decimal_from_text(py, text.write(mantissa, scale))
}

/// A buffer for the decimal text of one number: all digits, a point and a leading zero.
struct DecimalText([u8; 2 * MAX_DIGITS as usize + 4]);

impl Default for DecimalText {
    fn default() -> Self {
        Self([b'0'; 2 * MAX_DIGITS as usize + 4])
    }
}

impl DecimalText {
    /// Writes from the end, as the digits come.
    fn write(&mut self, mantissa: u128, scale: u32) -> &str {
        let mut start = self.0.len();
        let mut rest = Rest::of(mantissa);
        let mut written = 0;
        while written <= scale || !rest.is_zero() {
            if written == scale && scale > 0 {
                start -= 1;
                self.put(start, b'.');
            }
            start -= 1;
            let digit = rest.pop_digit();
            self.put(start, digit);
            written += 1;
        }
        let text = self.0.get(start..).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    fn put(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.0.get_mut(at) {
            *place = byte;
        }
    }
}

/// The digits of a mantissa that are still to be written; 64 bits while they suffice, since
/// dividing 128 is slow.
enum Rest {
    Narrow(u64),
    Wide(u128),
}

impl Rest {
    fn of(value: u128) -> Self {
        u64::try_from(value).map_or(Self::Wide(value), Self::Narrow)
    }

    const fn is_zero(&self) -> bool {
        matches!(self, Self::Narrow(0) | Self::Wide(0))
    }

    const fn pop_digit(&mut self) -> u8 {
        let digit = match self {
            Self::Narrow(value) => {
                let digit = (*value % 10) as u8;
                *value /= 10;
                digit
            }
            Self::Wide(value) => {
                let digit = (*value % 10) as u8;
                *value /= 10;
                digit
            }
        };
        b'0' + digit
    }
}

/// The nearest `float` of `mantissa / 10^scale`.
#[inline]
#[must_use]
pub(super) fn float(mantissa: u128, scale: u32) -> f64 {
    if let Some(power) = EXACT_POWERS.get(scale as usize)
        && mantissa <= u128::from(EXACT_INTEGER)
    {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        return mantissa as f64 / power;
    }
    let mut text = DecimalText::default();
    text.write(mantissa, scale).parse().unwrap_or(f64::NAN)
}

/// A caller's levels to rows.
///
/// # Errors
///
/// `ValueError`: a price or quantity is negative or no number. What reading the attributes raises.
pub(super) fn rows(levels: &Bound<'_, PyAny>) -> PyResult<Vec<Row>> {
    levels.try_iter()?.map(|level| row(&level?)).collect()
}

fn row(level: &Bound<'_, PyAny>) -> PyResult<Row> {
    Ok(Row {
        price: exact_number(level, "price")?,
        qty: exact_number(level, "qty")?,
    })
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

/// Levels as pairs of `Decimal`.
pub(super) fn decimal_levels<'py>(
    py: Python<'py>,
    levels: &[Level],
    (price_scale, qty_scale): (u32, u32),
) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let pair = |level: &Level| {
        let price = decimal(py, level.price, price_scale)?;
        Ok((price, decimal(py, level.qty, qty_scale)?))
    };
    levels.iter().map(pair).collect()
}
