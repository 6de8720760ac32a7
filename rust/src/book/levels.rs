//! The price levels of one side, in order.
//!
//! To the next maintainer: the levels are the part of `buffer` from `start` on, worst first, so
//! that the best are at the end. Updates cluster at the top: a search checks the best few levels
//! and the worst before it bisects, and an insertion there moves the few that are better. A full
//! book drops its worst level with almost every insertion; that only moves `start`, and the free
//! space before it is used for levels inserted at the worst end. When one end has no room left,
//! the levels are moved to the middle, which is rare. So the cost of an update hardly grows with
//! the depth. Whatever changes a level must reset its digest and, among those that count for the
//! checksum, that of the side.

use super::{Level, Side};
use crate::checksum::{LEVELS, level_digest};
use crate::crc32::{Arithmetic, Digest, Parts, Portable};

/// Ranks that a search compares all at once: most updates are found there, but a branch at the
/// right one would be mispredicted, which costs more than comparing the others.
const NEAR_TOP: usize = 8;

/// A level and what it contributes to the checksum.
#[derive(Clone, Copy, Debug)]
struct Entry<M> {
    price: M,
    qty: M,
    digest: Digest,
}

impl<M: Mantissa> Entry<M> {
    fn new(price: M, qty: M) -> Self {
        let digest = Digest::UNKNOWN;
        Self { price, qty, digest }
    }

    #[inline]
    fn level(&self) -> Level {
        Level {
            price: self.price.into(),
            qty: self.qty.into(),
        }
    }

    /// What the level contributes to the checksum, computed if the level changed.
    #[inline(always)]
    fn digest<A: Arithmetic>(&mut self) -> Digest {
        if self.digest.is_unknown() {
            self.digest = level_digest::<A>(self.price.into(), self.qty.into());
        }
        self.digest
    }
}

/// An integer that prices and quantities are kept in.
pub(super) trait Mantissa: Copy + Ord + Default + Into<u128> {}

impl Mantissa for u64 {}
impl Mantissa for u128 {}

/// The levels of one side, each price once.
#[derive(Clone, Debug)]
pub(super) struct Levels<M> {
    pub(super) side: Side,
    buffer: Vec<Entry<M>>,
    start: usize,
    /// What the levels that count contribute to the checksum together.
    digest: Digest,
}

impl<M> Levels<M> {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            buffer: Vec::new(),
            start: 0,
            digest: Digest::UNKNOWN,
        }
    }
}

impl<M: Mantissa> Levels<M> {
    /// The best level.
    #[inline]
    pub(super) fn best(&self) -> Option<Level> {
        self.entries().last().map(Entry::level)
    }

    /// The level of a rank, zero for the best.
    pub(super) fn get(&self, rank: usize) -> Option<Level> {
        self.entries().iter().rev().nth(rank).map(Entry::level)
    }

    /// Calls a function with the best `count` levels, best first.
    #[inline(always)]
    pub(super) fn visit(&self, count: usize, mut visit: impl FnMut(M, M)) {
        for entry in self.entries().iter().rev().take(count) {
            visit(entry.price, entry.qty);
        }
    }

    /// How many levels there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// Bytes of memory of the levels, room for further ones included.
    pub(super) fn memory(&self) -> usize {
        self.buffer.capacity() * size_of::<Entry<M>>()
    }

    /// The levels that count for the checksum, worst first.
    #[inline]
    fn top(&mut self) -> &mut [Entry<M>] {
        let first = self.buffer.len().saturating_sub(LEVELS).max(self.start);
        self.buffer.get_mut(first..).unwrap_or_default()
    }

    /// What the side contributes to the checksum, computed if one of its levels changed.
    #[inline(always)]
    pub(super) fn digest<A: Arithmetic>(&mut self) -> Digest {
        if self.digest.is_unknown() {
            let mut text = Parts::<A>::new();
            for entry in self.top() {
                text.prepend(entry.digest::<A>());
            }
            self.digest = text.digest();
        }
        self.digest
    }

    /// Replaces all levels by `rows`; a later row of a price wins.
    pub(super) fn replace(&mut self, rows: impl DoubleEndedIterator<Item = (M, M)> + Clone) {
        self.clear();
        let (mut count, mut in_order, mut previous) = (0, true, None);
        for (price, qty) in rows.clone() {
            let is_worse = previous.is_none_or(|previous| self.is_better(previous, price));
            in_order &= is_worse && qty != M::default();
            previous = Some(price);
            count += 1;
        }
        self.buffer.reserve_exact(count + slack(count));
        if in_order {
            // In the middle of the room, where `recenter` would soon put them.
            self.start = slack(count) / 2;
            let nothing = Entry::new(M::default(), M::default());
            self.buffer.resize(self.start, nothing);
            let entries = rows.rev().map(|(price, qty)| Entry::new(price, qty));
            self.buffer.extend(entries);
        } else {
            rows.for_each(|(price, qty)| self.apply::<Portable>(price, qty));
        }
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline(always)]
    pub(super) fn apply<A: Arithmetic>(&mut self, price: M, qty: M) {
        let at = self.position(price);
        let mut entry = Entry::new(price, qty);
        if self.buffer.len() - at <= LEVELS {
            self.digest = Digest::UNKNOWN;
            if qty != M::default() {
                entry.digest = level_digest::<A>(price.into(), qty.into());
            }
        }
        let known = self.buffer.get_mut(at);
        match known.filter(|known| known.price == price) {
            Some(_) if qty == M::default() => self.remove(at),
            Some(known) => *known = entry,
            None if qty == M::default() => {}
            None => self.insert(at, entry),
        }
    }

    /// Removes the levels below the best `depth`.
    #[inline]
    pub(super) fn cut(&mut self, depth: usize) {
        let start = self.buffer.len().saturating_sub(depth);
        if self.start < start {
            self.start = start;
            if depth < LEVELS {
                self.digest = Digest::UNKNOWN;
            }
        }
    }

    /// Removes all levels.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.digest = Digest::UNKNOWN;
    }

    /// The levels, worst first.
    #[inline]
    fn entries(&self) -> &[Entry<M>] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Inserts in front of the entry at `at`, moving whatever is less.
    #[inline(always)]
    fn insert(&mut self, at: usize, entry: Entry<M>) {
        let worse = at - self.start;
        let is_in_worse_half = worse < self.buffer.len() - at;
        let is_full = if is_in_worse_half {
            self.start == 0
        } else {
            self.buffer.len() == self.buffer.capacity()
        };
        if is_full {
            self.recenter(entry);
        }
        if is_in_worse_half {
            let end = self.start + worse;
            self.buffer.copy_within(self.start..end, self.start - 1);
            self.start -= 1;
            if let Some(free) = self.buffer.get_mut(end - 1) {
                *free = entry;
            }
        } else {
            self.buffer.insert(self.start + worse, entry);
        }
    }

    /// Removes the entry at `at`, moving whatever is less.
    #[inline(always)]
    fn remove(&mut self, at: usize) {
        let is_in_worse_half = at - self.start < self.buffer.len() - at;
        if is_in_worse_half {
            self.buffer.copy_within(self.start..at, self.start + 1);
            self.start += 1;
        } else {
            self.buffer.remove(at);
        }
    }

    /// Moves the levels to the middle of the buffer, so that there is room at both ends; `filler`
    /// is put where no level is.
    #[cold]
    fn recenter(&mut self, filler: Entry<M>) {
        let count = self.len();
        let room = slack(count).max(self.buffer.capacity() - count);
        let start = room / 2;
        self.buffer.reserve_exact(count + room - self.buffer.len());
        self.buffer
            .resize(self.buffer.len().max(start + count), filler);
        self.buffer
            .copy_within(self.start..self.start + count, start);
        self.buffer.truncate(start + count);
        self.start = start;
    }

    /// The index in the buffer of `price`, or of the better price to insert it before.
    #[inline(always)]
    fn position(&self, price: M) -> usize {
        match self.side {
            Side::Bid => self.position_by(|other| other >= price),
            Side::Ask => self.position_by(|other| other <= price),
        }
    }

    fn is_better(&self, one: M, other: M) -> bool {
        match self.side {
            Side::Bid => one > other,
            Side::Ask => one < other,
        }
    }

    /// The index of the worst level whose price is at least as good.
    #[inline(always)]
    fn position_by(&self, is_as_good: impl Fn(M) -> bool) -> usize {
        let entries = self.entries();
        if let Some(top) = entries.last_chunk::<NEAR_TOP>() {
            let better = top.iter().filter(|entry| is_as_good(entry.price)).count();
            if better < NEAR_TOP {
                return self.buffer.len() - better;
            }
        }
        // What a removal lets into a full book comes in here.
        if entries.first().is_some_and(|entry| is_as_good(entry.price)) {
            return self.start;
        }
        self.start + entries.partition_point(|entry| !is_as_good(entry.price))
    }
}

/// Room beyond the levels at hand.
const fn slack(levels: usize) -> usize {
    levels / 4 + 16
}
