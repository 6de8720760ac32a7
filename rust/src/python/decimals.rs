//! Exact numbers as Python's `Decimal`.
//!
//! Making one takes longer than the rest of reading a level, and strategies read the same levels
//! repeatedly: the latest are cached.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::pool::{Pool, PoolGuard};
use super::schema::Registry;
use crate::decimal::MAX_DIGITS;

/// Mantissa and scale.
type Key = (u128, u32);

static DECIMALS: Pool<Key, PyAny> = Pool::new();

pub(super) struct Decimals(PoolGuard<Key, PyAny>);

impl Decimals {
    pub(super) fn acquire() -> Self {
        Self(DECIMALS.acquire())
    }

    /// The `Decimal` `mantissa / 10^scale`, with exactly `scale` decimals.
    #[inline]
    pub(super) fn get<'py>(
        &mut self,
        py: Python<'py>,
        mantissa: u128,
        scale: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.get_or(py, mantissa, scale, || decimal(py, mantissa, scale))
    }

    /// Like [`Decimals::get`] for a number that was written as `lexeme`, without exponent.
    #[inline]
    pub(super) fn get_written<'py>(
        &mut self,
        py: Python<'py>,
        mantissa: u128,
        scale: u32,
        lexeme: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.get_or(py, mantissa, scale, || from_text(py, lexeme))
    }

    #[inline(always)]
    fn get_or<'py>(
        &mut self,
        py: Python<'py>,
        mantissa: u128,
        scale: u32,
        make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        #[expect(clippy::cast_possible_truncation, reason = "both halves count")]
        let hash = (mantissa as u64) ^ ((mantissa >> 64) as u64) ^ (u64::from(scale) << 56);
        self.0.get(py, (mantissa, scale), hash, make)
    }
}

/// The `Decimal` with the digits of `text`.
pub(super) fn from_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let class = Registry::get(py)?.decimal_class(py);
    class.call1((PyString::new(py, text),))
}

/// The `Decimal` `mantissa / 10^scale`, with exactly `scale` decimals.
pub(super) fn decimal(py: Python<'_>, mantissa: u128, scale: u32) -> PyResult<Bound<'_, PyAny>> {
    from_text(py, DecimalText::default().write(mantissa, scale))
}

/// A buffer for the decimal text of one number: all digits, a point and a leading zero.
pub(super) struct DecimalText([u8; 2 * MAX_DIGITS as usize + 4]);

impl Default for DecimalText {
    fn default() -> Self {
        Self([b'0'; 2 * MAX_DIGITS as usize + 4])
    }
}

impl DecimalText {
    /// Writes backwards, from the last digit.
    pub(super) fn write(&mut self, mantissa: u128, scale: u32) -> &str {
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

/// The digits of a mantissa that are not written yet; in 64 bits if possible, since dividing 128
/// bits is slow.
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
