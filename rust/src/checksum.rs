//! The checksum of an aggregated book; nothing else knows the rule.
//!
//! Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
//! first, then the ten best bids, highest price first; of each level the price and the quantity at
//! full precision without dot and leading zeros; CRC-32 of that text. With one scale for a whole
//! book such a text is the mantissa, printed.
//!
//! The text itself is never put together: [`crate::crc32`] adds up what each level contributes,
//! and a level that did not change still knows its contribution.

use crate::book::{Entry, Ladder, Level};
use crate::crc32::{Computation, Multiply, PartSum, WordSum, compute};

/// Levels of a side that count, whatever the depth.
pub const LEVELS: usize = 10;

/// What a level contributes: the remainder of its digits and their number, zero while nobody has
/// asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    remainder: u32,
    length: u32,
}

/// The CRC-32 over the ten best levels of both sides.
#[inline]
pub fn book_checksum(bids: &mut Ladder, asks: &mut Ladder) -> u32 {
    compute(BookText { bids, asks })
}

struct BookText<'b> {
    bids: &'b mut Ladder,
    asks: &'b mut Ladder,
}

impl Computation for BookText<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<M: Multiply>(self) -> u32 {
        let mut sum = PartSum::default();
        let mut after = 0;
        for entry in self.bids.top(LEVELS).rev() {
            add::<M>(&mut sum, &mut after, entry);
        }
        for entry in self.asks.top(LEVELS).rev() {
            add::<M>(&mut sum, &mut after, entry);
        }
        sum.finish::<M>(after)
    }
}

/// Adds a level in front of `after` bytes.
#[inline(always)]
fn add<M: Multiply>(sum: &mut PartSum, after: &mut usize, entry: &mut Entry) {
    if entry.digest.length == 0 {
        entry.digest = digest::<M>(&entry.level);
    }
    sum.add::<M>(entry.digest.remainder, *after);
    *after += entry.digest.length as usize;
}

#[inline(always)]
fn digest<M: Multiply>(level: &Level) -> Digest {
    let mut sum = WordSum::default();
    let length = add_number::<M>(&mut sum, level.qty, 0);
    let length = add_number::<M>(&mut sum, level.price, length);
    #[expect(clippy::cast_possible_truncation, reason = "at most 78")]
    Digest {
        remainder: sum.reduce::<M>(),
        length: length as u32,
    }
}

/// Adds the digits of a number in front of `after` bytes; returns how many bytes those are then.
#[inline(always)]
fn add_number<M: Multiply>(sum: &mut WordSum, value: u128, mut after: usize) -> usize {
    const WORD: u64 = 100_000_000;
    let mut rest = match u64::try_from(value) {
        Ok(rest) => rest,
        Err(_) => return add_wide::<M>(sum, value, after),
    };
    while rest >= WORD {
        sum.add::<M>(eight_digits(rest % WORD) | ZEROS, after);
        rest /= WORD;
        after += 8;
    }
    let digits = eight_digits(rest);
    let absent = (digits.trailing_zeros() / 8).min(7);
    sum.add::<M>((digits | ZEROS) & (u64::MAX << (absent * 8)), after);
    after + 8 - absent as usize
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

#[cold]
fn add_wide<M: Multiply>(sum: &mut WordSum, value: u128, after: usize) -> usize {
    const WORDS: u128 = 10_000_000_000_000_000;
    #[expect(clippy::cast_possible_truncation, reason = "below 10^16")]
    let low = (value % WORDS) as u64;
    sum.add::<M>(eight_digits(low % 100_000_000) | ZEROS, after);
    sum.add::<M>(eight_digits(low / 100_000_000) | ZEROS, after + 8);
    add_number::<M>(sum, value / WORDS, after + 16)
}

/// The eight decimal digits of a number below 10^8, one a byte, the first in the lowest byte.
///
/// Fours are split to pairs and pairs to digits, all at once: 10486 / 2^20 and 103 / 2^10 are one
/// hundredth and one tenth, exact for numbers of four and two digits.
#[inline(always)]
const fn eight_digits(value: u64) -> u64 {
    let fours = value / 10_000 | (value % 10_000) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16;
    let tens = (pairs.wrapping_mul(103) >> 10) & 0x000F_000F_000F_000F;
    tens | pairs.wrapping_sub(tens.wrapping_mul(10)) << 8
}
