//! One side of a book: price levels in order.
//!
//! To the next maintainer: levels lie best first in a ring buffer. Updates cluster at the top, so
//! a search looks at the first few levels before it bisects, and an insertion moves the few
//! levels above it. A full book pushes a level out at the worst end with almost every insertion;
//! a ring buffer forgets it without moving anything, which is what keeps the cost of an update
//! independent of the depth. Whatever changes a level must reset its digest.

use std::collections::VecDeque;

use super::{Level, Side};
use crate::checksum::Digest;

/// Ranks that a search tries one by one; most updates are found there.
const NEAR_TOP: usize = 8;

/// A level and what it contributes to the checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) digest: Digest,
}

impl Entry {
    fn new(level: Level) -> Self {
        let digest = Digest::default();
        Self { level, digest }
    }
}

/// One side of a book, best level first, each price once.
#[derive(Clone, Debug)]
pub struct Ladder {
    side: Side,
    entries: VecDeque<Entry>,
}

impl Ladder {
    /// An empty side.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            entries: VecDeque::new(),
        }
    }

    /// The levels, best first.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.entries.iter().map(|entry| &entry.level)
    }

    /// The best level.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        self.entries.front().map(|entry| entry.level)
    }

    /// How many levels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The best `count` levels, or as many as there are, with their digests.
    #[inline]
    pub(crate) fn top(&mut self, count: usize) -> impl DoubleEndedIterator<Item = &mut Entry> {
        let count = count.min(self.entries.len());
        self.entries.range_mut(..count)
    }

    /// Makes room for `levels` levels and some that a message adds before the cut.
    pub(super) fn reserve(&mut self, levels: usize) {
        let wanted = levels + levels / 8 + 16;
        self.entries
            .reserve_exact(wanted.saturating_sub(self.entries.len()));
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline]
    pub(super) fn apply(&mut self, row: Level) {
        let rank = self.rank(row.price);
        let known = self.entries.get_mut(rank);
        match known.filter(|entry| entry.level.price == row.price) {
            Some(_) if row.qty == 0 => {
                self.entries.remove(rank);
            }
            Some(entry) => *entry = Entry::new(row),
            None if row.qty == 0 => {}
            None => self.entries.insert(rank, Entry::new(row)),
        }
    }

    /// Forgets the levels below the best `depth`.
    #[inline]
    pub(super) fn cut(&mut self, depth: usize) {
        self.entries.truncate(depth);
    }

    /// Forgets all levels.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Replaces every level by what `change` makes of it; the order must stay.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for entry in &mut self.entries {
            *entry = Entry::new(change(entry.level));
        }
    }

    /// Where `price` stands or would have to stand.
    #[inline]
    fn rank(&self, price: u128) -> usize {
        for (rank, entry) in self.entries.iter().take(NEAR_TOP).enumerate() {
            if !self.is_better(entry.level.price, price) {
                return rank;
            }
        }
        self.far_rank(price)
    }

    fn far_rank(&self, price: u128) -> usize {
        let is_better = |entry: &Entry| self.is_better(entry.level.price, price);
        // A snapshot arrives in order: each row belongs behind all others.
        match self.entries.back() {
            Some(last) if !is_better(last) => self.entries.partition_point(is_better),
            _ => self.entries.len(),
        }
    }

    #[inline]
    const fn is_better(&self, one: u128, other: u128) -> bool {
        match self.side {
            Side::Bid => one > other,
            Side::Ask => one < other,
        }
    }
}
