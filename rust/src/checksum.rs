//! The checksum of a book; nothing else knows the rule.
//!
//! Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
//! first, then the ten best bids, highest price first; of each level the price and the quantity at
//! full precision without dot and leading zeros; CRC-32 of that text. With one scale for a whole
//! book such a text is the mantissa, printed.
//!
//! In a book of individual orders each order of these levels counts instead of the level, in the
//! order of its queue: guide "L3 checksum (WebSocket v2)".
//!
//! The text itself is never put together: `crc32` adds up what each level contributes,
//! and a level that did not change still knows its contribution.

use crate::book::levels::{Levels, Mantissa};
use crate::book::queue::{Arena, Queue};
use crate::book::queues::Queues;
use crate::book::{Ladder, Level, Order, Width};
use crate::crc32::{Arithmetic, Computation, Digest, LongParts, Parts, Words, compute};

/// Levels of a side that count, whatever the depth.
pub const LEVELS: usize = 10;

/// The CRC-32 over the ten best levels of both sides.
#[inline]
pub fn book_checksum(bids: &mut Ladder, asks: &mut Ladder) -> u32 {
    compute(BookText { bids, asks })
}

/// What a level contributes if it is among those that count.
#[inline]
pub(crate) fn digest(level: &Level) -> Digest {
    compute(LevelText(level))
}

/// The CRC-32 over the orders of the ten best levels of both sides.
pub(crate) fn orders_checksum(bids: &mut Queues, asks: &mut Queues, orders: &mut Arena) -> u32 {
    compute(OrdersText { bids, asks, orders })
}

/// What a queue contributes together with one more order, which counts like a level: with its
/// price and its quantity.
pub(crate) fn with_order(queue: Digest, order: &mut Order) -> Digest {
    compute(QueueAndOrder(queue, order))
}

struct QueueAndOrder<'o>(Digest, &'o mut Order);

impl Computation for QueueAndOrder<'_> {
    type Output = Digest;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Digest {
        self.0.append::<A>(order_digest::<A>(self.1))
    }
}

struct OrdersText<'b> {
    bids: &'b mut Queues,
    asks: &'b mut Queues,
    orders: &'b mut Arena,
}

impl Computation for OrdersText<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> u32 {
        let asks = queues_digest::<A>(self.asks, self.orders);
        asks.crc_with::<A>(queues_digest::<A>(self.bids, self.orders))
    }
}

/// The digest of a side, computed if the side changed.
#[inline(always)]
fn queues_digest<A: Arithmetic>(side: &mut Queues, orders: &mut Arena) -> Digest {
    if side.digest.is_unknown() {
        let mut text = Digest::UNKNOWN;
        for queue in side.top(LEVELS) {
            if queue.digest.is_unknown() {
                queue.digest = queue_digest::<A>(queue, orders);
                queue.is_fresh = true;
            }
            text = text.append::<A>(queue.digest);
        }
        side.digest = text;
    }
    side.digest
}

#[inline(always)]
fn queue_digest<A: Arithmetic>(queue: &Queue, orders: &mut Arena) -> Digest {
    let mut text = LongParts::<A>::new();
    let mut place = queue.back;
    while let Some(order) = orders.get_mut(place) {
        text.prepend(order_digest::<A>(order));
        place = order.ahead;
    }
    text.digest()
}

#[inline(always)]
fn order_digest<A: Arithmetic>(order: &mut Order) -> Digest {
    if order.digest.is_unknown() {
        order.digest = level_digest::<A>(&order.level);
    }
    order.digest
}

struct LevelText<'l>(&'l Level);

impl Computation for LevelText<'_> {
    type Output = Digest;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Digest {
        level_digest::<A>(self.0)
    }
}

struct BookText<'b> {
    bids: &'b mut Ladder,
    asks: &'b mut Ladder,
}

impl Computation for BookText<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> u32 {
        let mut text = Parts::<A>::new();
        text.prepend(side_digest::<A>(self.bids));
        text.prepend(side_digest::<A>(self.asks));
        text.crc()
    }
}

/// The digest of a side, computed if the side changed.
#[inline(always)]
fn side_digest<A: Arithmetic>(side: &mut Ladder) -> Digest {
    match &mut side.0 {
        Width::Narrow(levels) => levels_digest::<A, _>(levels),
        Width::Wide(levels) => wide_digest::<A>(levels),
    }
}

#[cold]
fn wide_digest<A: Arithmetic>(levels: &mut Levels<u128>) -> Digest {
    levels_digest::<A, _>(levels)
}

#[inline(always)]
fn levels_digest<A: Arithmetic, M: Mantissa>(side: &mut Levels<M>) -> Digest {
    if side.digest.is_unknown() {
        let mut text = Parts::<A>::new();
        for entry in side.top(LEVELS) {
            if entry.digest.is_unknown() {
                entry.digest = level_digest::<A>(&entry.level());
            }
            text.prepend(entry.digest);
        }
        side.digest = text.digest();
    }
    side.digest
}

#[inline(always)]
fn level_digest<A: Arithmetic>(level: &Level) -> Digest {
    let mut text = Words::<A>::new();
    prepend_number(&mut text, level.qty);
    prepend_number(&mut text, level.price);
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
