//! The JSON number grammar; the digits are kept as they were written.

use super::digits::{self, SHORT};
use crate::decimal::{Decimal, EXACT_INTEGER, EXACT_POWERS};
use crate::error::{ErrorKind, ParseError, Result};

/// A number of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Where it begins in the frame.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    digits: Digits,
}

/// What one pass over the digits tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digits {
    /// The value of all digits without the point; right while `count` is at most 19.
    mantissa: u64,
    /// Digits before and after the point.
    count: usize,
    /// Digits after the point.
    decimals: usize,
    negative: bool,
    has_point: bool,
    has_exponent: bool,
}

impl Number {
    /// The characters as written.
    #[must_use]
    pub fn lexeme<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        frame.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is written without point and exponent.
    #[inline]
    #[must_use]
    pub const fn is_integer(&self) -> bool {
        !self.digits.has_point && !self.digits.has_exponent
    }

    /// The exact value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Number`]: it is negative or beyond [`crate::decimal::MAX_DIGITS`].
    #[inline]
    pub fn decimal(&self, frame: &[u8]) -> Result<Decimal> {
        let digits = &self.digits;
        if digits.count <= SHORT && !digits.has_exponent && !digits.negative {
            #[expect(clippy::cast_possible_truncation, reason = "at most 19")]
            return Ok(Decimal::short(digits.mantissa, digits.decimals as u32));
        }
        Decimal::from_lexeme(self.lexeme(frame))
            .ok_or(ParseError::new(ErrorKind::Number, self.start))
    }

    /// The integer; `None` if it is no integer or beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        if !self.is_integer() || self.digits.count > SHORT {
            return None;
        }
        let value = i128::from(self.digits.mantissa);
        i64::try_from(if self.digits.negative { -value } else { value }).ok()
    }

    /// The nearest binary float; infinite when it is too large for one.
    #[inline]
    #[must_use]
    pub fn to_f64(&self, frame: &[u8]) -> f64 {
        let digits = &self.digits;
        let power = EXACT_POWERS.get(digits.decimals);
        if let Some(power) = power
            && digits.count <= SHORT
            && digits.mantissa <= EXACT_INTEGER
            && !digits.has_exponent
        {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            let value = digits.mantissa as f64 / power;
            let is_negative = digits.negative && (digits.mantissa != 0 || digits.has_point);
            return if is_negative { -value } else { value };
        }
        let text = std::str::from_utf8(self.lexeme(frame)).unwrap_or_default();
        text.parse().unwrap_or(f64::NAN)
    }
}

/// The number that begins at `start`, whose first byte is a digit or a minus sign.
#[inline]
pub(super) fn scan(frame: &[u8], start: usize) -> Result<Number> {
    let mut at = start;
    let negative = frame.get(at) == Some(&b'-');
    at += usize::from(negative);
    let whole = at;
    let mut mantissa = 0;
    let mut count = digits::take(frame, &mut at, &mut mantissa);
    if count == 0 {
        return Err(stop(frame, at));
    }
    if count > 1 && frame.get(whole) == Some(&b'0') {
        return Ok(zero(start, whole + 1, negative));
    }
    let has_point = frame.get(at) == Some(&b'.');
    let mut decimals = 0;
    if has_point {
        at += 1;
        decimals = digits::take(frame, &mut at, &mut mantissa);
        if decimals == 0 {
            return Err(stop(frame, at));
        }
        count += decimals;
    }
    let has_exponent = matches!(frame.get(at), Some(b'e' | b'E'));
    if has_exponent {
        at = exponent_end(frame, at + 1)?;
    }
    let digits = Digits {
        mantissa,
        count,
        decimals,
        negative,
        has_point,
        has_exponent,
    };
    Ok(Number {
        start,
        end: at,
        digits,
    })
}

/// A leading zero is a whole number by itself; what follows it is not part of it.
#[cold]
const fn zero(start: usize, end: usize, negative: bool) -> Number {
    let digits = Digits {
        mantissa: 0,
        count: 1,
        decimals: 0,
        negative,
        has_point: false,
        has_exponent: false,
    };
    Number { start, end, digits }
}

#[cold]
fn exponent_end(frame: &[u8], mut at: usize) -> Result<usize> {
    at += usize::from(matches!(frame.get(at), Some(b'+' | b'-')));
    let digits = at;
    while frame.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == digits {
        return Err(stop(frame, at));
    }
    Ok(at)
}

/// The error for a number that does not go on at `at`.
#[cold]
fn stop(frame: &[u8], at: usize) -> ParseError {
    let kind = if at < frame.len() {
        ErrorKind::Syntax
    } else {
        ErrorKind::Truncated
    };
    ParseError::new(kind, at)
}
