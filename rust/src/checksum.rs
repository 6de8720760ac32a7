//! The checksum of a book: which levels count, and with which digits.
//!
//! Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
//! first, then the ten best bids, highest price first; of each level the price and the quantity at
//! full precision without dot and leading zeros; CRC-32 of that text. With one scale for a whole
//! book such a text is the mantissa, printed.
//!
//! In a book of individual orders each order of these levels counts instead of the level, in the
//! order of its queue: guide "L3 checksum (WebSocket v2)".
//!
//! The checksum is computed without building the text: `crc32` adds up what each level contributes.
//! Levels, queues and sides store their digest next to their other fields until they change. Books
//! join the two sides, asks first.

use crate::crc32::{Arithmetic, Digest, Words};

/// Levels of a side that count, whatever the depth.
pub const LEVELS: usize = 10;

/// What a level, or an order, contributes if it is among those that count.
#[inline(always)]
pub(crate) fn level_digest<A: Arithmetic>(price: u128, qty: u128) -> Digest {
    let mut text = Words::<A>::new();
    prepend_number(&mut text, qty);
    prepend_number(&mut text, price);
    text.digest()
}

/// Puts the digits of a number before the text.
#[inline(always)]
fn prepend_number<A: Arithmetic>(text: &mut Words<A>, value: u128) {
    const WORD: u64 = 100_000_000;
    let Ok(mut rest) = u64::try_from(value) else {
        return prepend_wide(text, value);
    };
    while rest >= WORD {
        text.prepend(eight_digits(rest % WORD) | ZEROS, 8);
        rest /= WORD;
    }
    let digits = eight_digits(rest);
    let absent = (digits.trailing_zeros() / 8).min(7);
    let present = u64::MAX << (absent * 8);
    text.prepend((digits | ZEROS) & present, 8 - absent as usize);
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

#[cold]
fn prepend_wide<A: Arithmetic>(text: &mut Words<A>, value: u128) {
    const WORD: u128 = 100_000_000;
    let mut rest = value;
    while rest >= WORD {
        let word = u64::try_from(rest % WORD).unwrap_or_default();
        text.prepend(eight_digits(word) | ZEROS, 8);
        rest /= WORD;
    }
    prepend_number(text, rest);
}

/// The eight decimal digits of a number below 10^8, one a byte, the first in the lowest byte.
///
/// Fours are split to pairs and pairs to digits, all at once: 10486 / 2^20 and 103 / 2^10 are one
/// hundredth and one tenth, exact for numbers of four and two digits.
#[inline(always)]
const fn eight_digits(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | (fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
    let tens = (pairs.wrapping_mul(103) >> 10) & 0x000F_000F_000F_000F;
    tens | (pairs.wrapping_sub(tens.wrapping_mul(10)) << 8)
}
