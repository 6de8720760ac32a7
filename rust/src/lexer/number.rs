//! The JSON number grammar; the digits are kept as they were written.

use super::digits::{self, SHORT};
use crate::decimal::{Decimal, exact_float};
use crate::error::{ErrorKind, ParseError, Result};

/// A number of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    start: u32,
    end: u32,
    /// Digits before and after the point.
    count: u32,
    /// Digits after the point.
    decimals: u32,
    /// The value of all digits without the point; right while `count` is at most 19.
    mantissa: u64,
    is_negative: bool,
    has_point: bool,
    has_exponent: bool,
}

impl Number {
    /// The number that the whole of `text` is, if it is one; its offsets are those in the text.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Option<Self> {
        let number = scan(text, 0).ok()?;
        (number.end() == text.len()).then_some(number)
    }

    /// Its offset in the frame.
    #[inline]
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start as usize
    }

    /// Its end in the frame.
    #[inline]
    #[must_use]
    pub const fn end(&self) -> usize {
        self.end as usize
    }

    /// The characters as written.
    #[inline]
    #[must_use]
    pub fn lexeme<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        frame.get(self.start()..self.end()).unwrap_or_default()
    }

    /// Whether the mantissa holds the whole value but for the sign and the point.
    #[inline]
    const fn is_short(&self) -> bool {
        self.count as usize <= SHORT && !self.has_exponent
    }

    /// Whether it is written with an exponent.
    #[inline]
    #[must_use]
    pub const fn has_exponent(&self) -> bool {
        self.has_exponent
    }

    /// Whether it is written with a minus sign.
    #[inline]
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Whether it is written without point and exponent.
    #[inline]
    #[must_use]
    pub const fn is_integer(&self) -> bool {
        !self.has_point && !self.has_exponent
    }

    /// The exact value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Number`]: it is negative or beyond [`crate::decimal::MAX_DIGITS`].
    #[inline]
    pub fn decimal(&self, frame: &[u8]) -> Result<Decimal> {
        if self.is_short() && !self.is_negative {
            return Ok(Decimal::short(self.mantissa, self.decimals));
        }
        Decimal::from_lexeme(self.lexeme(frame))
            .ok_or(ParseError::new(ErrorKind::Number, self.start()))
    }

    /// Whether its absolute value is within [`crate::decimal::MAX_DIGITS`].
    #[inline]
    #[must_use]
    pub fn is_bounded(&self, frame: &[u8]) -> bool {
        self.is_short() || self.is_bounded_lexeme(self.lexeme(frame))
    }

    #[cold]
    fn is_bounded_lexeme(&self, lexeme: &[u8]) -> bool {
        let digits = lexeme.get(usize::from(self.is_negative)..);
        digits.and_then(Decimal::from_lexeme).is_some()
    }

    /// The integer; `None` if it is no integer or beyond 64 bits.
    #[inline]
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        if !self.is_integer() || !self.is_short() {
            return None;
        }
        let value = i128::from(self.mantissa);
        i64::try_from(if self.is_negative { -value } else { value }).ok()
    }

    /// The nearest binary float; infinite when it is too large for one.
    #[inline]
    #[must_use]
    pub fn to_f64(&self, frame: &[u8]) -> f64 {
        if self.is_short()
            && let Some(value) = exact_float(self.mantissa, self.decimals as usize)
        {
            // The integer -0 is 0, the float -0.0 is not.
            let is_negative = self.is_negative && (self.mantissa != 0 || self.has_point);
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
    let is_negative = frame.get(at) == Some(&b'-');
    at += usize::from(is_negative);
    let whole = at;
    let mut mantissa = 0;
    let mut count = digits::take(frame, &mut at, &mut mantissa);
    if count == 0 {
        return Err(stop(frame, at));
    }
    if count > 1 && frame.get(whole) == Some(&b'0') {
        // A leading zero is a whole number by itself; what follows it is not part of it.
        (at, count, mantissa) = (whole + 1, 1, 0);
        return Ok(number(start, at, mantissa, (count, 0), is_negative));
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
    Ok(Number {
        has_point,
        has_exponent,
        ..number(start, at, mantissa, (count, decimals), is_negative)
    })
}

/// A number without point and exponent.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a frame has less than 2^30 bytes"
)]
const fn number(
    start: usize,
    end: usize,
    mantissa: u64,
    (count, decimals): (usize, usize),
    is_negative: bool,
) -> Number {
    Number {
        start: start as u32,
        end: end as u32,
        count: count as u32,
        decimals: decimals as u32,
        mantissa,
        is_negative,
        has_point: false,
        has_exponent: false,
    }
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

/// The error of a number that is incomplete at `at`.
#[cold]
fn stop(frame: &[u8], at: usize) -> ParseError {
    let kind = if at < frame.len() {
        ErrorKind::Syntax
    } else {
        ErrorKind::Truncated
    };
    ParseError::new(kind, at)
}
