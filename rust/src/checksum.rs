//! The checksum of an aggregated book; nothing else knows the rule.
//!
//! Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
//! first, then the ten best bids, highest price first; of each level the price and the quantity at
//! full precision without dot and leading zeros; CRC-32 of that text. With one scale for a whole
//! book such a text is the mantissa, printed.

use crate::book::{Ladder, Level};

/// Levels of a side that count, whatever the depth.
pub const LEVELS: usize = 10;

/// Digits that one number can have: [`crate::decimal::MAX_DIGITS`], rounded up to whole words.
const NUMBER: usize = 40;

const CAPACITY: usize = LEVELS * 2 * NUMBER;

/// What one side contributes, kept from message to message: only the part from the first changed
/// level on is printed anew.
#[derive(Clone, Debug)]
pub struct TopText {
    text: Box<[u8; CAPACITY]>,
    /// Where the text of each level ends, with a zero before the first.
    ends: [usize; LEVELS + 1],
    levels: usize,
}

impl Default for TopText {
    fn default() -> Self {
        Self {
            text: Box::new([0; CAPACITY]),
            ends: [0; LEVELS + 1],
            levels: 0,
        }
    }
}

impl TopText {
    /// Takes over what changed in `ladder` since the last call.
    #[inline]
    pub fn refresh(&mut self, ladder: &mut Ladder) {
        let first = ladder.take_dirty().min(self.levels);
        self.levels = first;
        let mut at = self.ends.get(first).copied().unwrap_or_default();
        for level in ladder.levels().iter().take(LEVELS).skip(first) {
            at = self.push(at, level);
        }
    }

    /// The CRC-32 of the asks' text followed by the bids'.
    #[inline]
    #[must_use]
    pub fn checksum(asks: &Self, bids: &Self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(asks.bytes());
        hasher.update(bids.bytes());
        hasher.finalize()
    }

    /// The text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.ends.get(self.levels).copied().unwrap_or_default();
        self.text.get(..end).unwrap_or_default()
    }

    #[inline]
    fn push(&mut self, at: usize, level: &Level) -> usize {
        let at = write_digits(&mut *self.text, at, level.price);
        let at = write_digits(&mut *self.text, at, level.qty);
        self.levels += 1;
        if let Some(end) = self.ends.get_mut(self.levels) {
            *end = at;
        }
        at
    }
}

/// Writes `value` at `at` and returns where it ends.
#[inline]
fn write_digits(text: &mut [u8], at: usize, value: u128) -> usize {
    let Ok(value) = u64::try_from(value) else {
        return write_wide(text, at, value);
    };
    if value < 100_000_000 {
        return write_eight(text, at, value, true);
    }
    let (high, low) = (value / 100_000_000, value % 100_000_000);
    if high < 100_000_000 {
        let at = write_eight(text, at, high, true);
        return write_eight(text, at, low, false);
    }
    write_wide(text, at, u128::from(value))
}

/// Writes eight digits of `value`, less leading zeros if `strip`; all eight bytes are written
/// either way, the next number overwrites what is too much.
#[inline]
fn write_eight(text: &mut [u8], at: usize, value: u64, strip: bool) -> usize {
    let digits = eight_digits(value);
    let zeros = if strip {
        (digits.trailing_zeros() / 8).min(7)
    } else {
        0
    };
    let ascii = (digits | 0x3030_3030_3030_3030) >> (zeros * 8);
    if let Some(place) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) {
        *place = ascii.to_le_bytes();
    }
    at + 8 - zeros as usize
}

/// The eight decimal digits of a number below 10^8, one a byte, the first in the lowest byte.
///
/// Fours are split to pairs and pairs to digits, all at once: 10486 / 2^20 and 103 / 2^10 are one
/// hundredth and one tenth, exact for numbers of four and two digits.
#[inline]
const fn eight_digits(value: u64) -> u64 {
    let fours = value / 10_000 | (value % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (pairs - tens * 10) << 8
}

#[cold]
fn write_wide(text: &mut [u8], at: usize, value: u128) -> usize {
    const CHUNK: u128 = 100_000_000;
    #[expect(clippy::cast_possible_truncation, reason = "below 10^8")]
    let low = (value % CHUNK) as u64;
    if value < CHUNK {
        return write_eight(text, at, low, true);
    }
    let at = write_wide(text, at, value / CHUNK);
    write_eight(text, at, low, false)
}
