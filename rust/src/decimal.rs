//! Exact numbers: an integer mantissa and a scale, from the digits as they were written.
//!
//! `0.0270` is 270 at scale 4. Trailing zeros count, since the exchange's checksum is computed
//! over the digits that it sends.

use std::fmt;

/// A mantissa has at most this many digits and a number at most this many decimals. The exchange
/// sends far fewer; the bound keeps an absurd exponent from filling the memory.
pub const MAX_DIGITS: u32 = 38;

/// Integers up to here and the powers of ten below are exact in binary, so that one division of
/// them is rounded correctly.
const EXACT_INTEGER: u64 = 1 << 53;

const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

const LIMIT: u128 = 10_u128.pow(MAX_DIGITS);

/// A non-negative number: `mantissa / 10^scale`.
///
/// Equality compares the digits: `1.0` and `1.00` differ.
///
/// ```
/// use kraken_connector::Decimal;
///
/// let qty = Decimal::from_lexeme(b"0.0270").unwrap();
/// assert_eq!((qty.mantissa(), qty.scale()), (270, 4));
/// assert_eq!(qty.mantissa_at(6), Some(27_000));
/// assert_eq!(qty.to_string(), "0.0270");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: u128,
    scale: u32,
}

impl Decimal {
    /// The number `mantissa / 10^scale`; `None` beyond [`MAX_DIGITS`].
    #[must_use]
    pub const fn new(mantissa: u128, scale: u32) -> Option<Self> {
        if mantissa < LIMIT && scale <= MAX_DIGITS {
            Some(Self { mantissa, scale })
        } else {
            None
        }
    }

    /// The same for up to 19 digits, which always fit.
    #[inline]
    pub(crate) const fn short(mantissa: u64, scale: u32) -> Self {
        Self {
            mantissa: mantissa as u128,
            scale,
        }
    }

    /// The number written as `lexeme`, which must follow the JSON grammar; `None` if it is
    /// negative or beyond [`MAX_DIGITS`].
    ///
    /// An exponent is expanded: `1e-08` is 1 at scale 8, `1.5e3` is 1500 at scale 0. Zero has
    /// neither sign nor exponent: `-0.0` is 0 at scale 1, and `0e-8` is 0 at scale 0, as it has
    /// no digits after the point.
    #[must_use]
    pub fn from_lexeme(lexeme: &[u8]) -> Option<Self> {
        let (is_negative, lexeme) = match lexeme.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, lexeme),
        };
        Self::from_digits(lexeme).filter(|number| !is_negative || number.mantissa == 0)
    }

    fn from_digits(lexeme: &[u8]) -> Option<Self> {
        let mut mantissa = 0_u128;
        let mut scale = 0_i64;
        let mut in_fraction = false;
        for (at, &byte) in lexeme.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    mantissa = push_digit(mantissa, byte)?;
                    scale += i64::from(in_fraction);
                }
                b'.' => in_fraction = true,
                b'e' | b'E' if mantissa == 0 => break,
                b'e' | b'E' => {
                    return Self::with_exponent(mantissa, scale, lexeme.get(at + 1..)?);
                }
                _ => return None,
            }
        }
        Self::new(mantissa, u32::try_from(scale).ok()?)
    }

    fn with_exponent(mantissa: u128, scale: i64, exponent: &[u8]) -> Option<Self> {
        let exponent: i64 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
        let scale = scale.checked_sub(exponent)?;
        let decimals = u32::try_from(scale.unsigned_abs()).ok()?;
        if decimals > MAX_DIGITS {
            return None;
        }
        if scale >= 0 {
            return Self::new(mantissa, decimals);
        }
        Self::new(mantissa.checked_mul(10_u128.pow(decimals))?, 0)
    }

    /// The digits as an integer.
    #[must_use]
    pub const fn mantissa(self) -> u128 {
        self.mantissa
    }

    /// How many of the digits are after the point.
    #[must_use]
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// The mantissa of the same value at `scale`; `None` if that loses digits or goes beyond
    /// [`MAX_DIGITS`].
    #[inline]
    #[must_use]
    pub fn mantissa_at(self, scale: u32) -> Option<u128> {
        if self.scale == scale {
            return Some(self.mantissa);
        }
        rescale(self.mantissa, self.scale, scale)
    }
}

/// The nearest binary float of `mantissa / 10^scale`, where one division gives it.
#[inline]
pub(crate) fn exact_float(mantissa: u64, scale: usize) -> Option<f64> {
    if mantissa > EXACT_INTEGER {
        return long_float(mantissa, scale);
    }
    let power = EXACT_POWERS.get(scale)?;
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    Some(mantissa as f64 / power)
}

/// [`exact_float`] of a mantissa beyond [`EXACT_INTEGER`], by a division of integers: the quotient
/// has more bits than a float, and its last one shows whether there was a remainder, so that the float
/// is rounded as the exact quotient would be.
fn long_float(mantissa: u64, scale: usize) -> Option<f64> {
    /// Leaves 57 bits of the smallest quotient.
    const LARGEST_SCALE: u32 = 18;
    /// 2^-64
    const SHIFTED_BACK: f64 = 5.421_010_862_427_522e-20;
    let scale = u32::try_from(scale).ok()?;
    if scale > LARGEST_SCALE {
        return None;
    }
    let power = u128::from(10_u64.pow(scale));
    let shifted = u128::from(mantissa) << 64;
    let quotient = shifted / power;
    let is_inexact = quotient * power != shifted;
    #[expect(clippy::cast_precision_loss, reason = "rounded to the nearest")]
    Some((quotient | u128::from(is_inexact)) as f64 * SHIFTED_BACK)
}

/// The mantissa at the larger scale `to`; `None` beyond [`MAX_DIGITS`].
pub(crate) fn rescale(mantissa: u128, from: u32, to: u32) -> Option<u128> {
    let power = 10_u128.checked_pow(to.checked_sub(from)?)?;
    mantissa.checked_mul(power).filter(|&padded| padded < LIMIT)
}

fn push_digit(mantissa: u128, digit: u8) -> Option<u128> {
    let grown = mantissa
        .checked_mul(10)?
        .checked_add(u128::from(digit - b'0'))?;
    (grown < LIMIT).then_some(grown)
}

impl fmt::Display for Decimal {
    /// Writes all digits, trailing zeros included, and never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let unit = 10_u128.pow(self.scale);
        let (whole, fraction) = (self.mantissa / unit, self.mantissa % unit);
        let width = self.scale as usize;
        write!(f, "{whole}.{fraction:0width$}")
    }
}
