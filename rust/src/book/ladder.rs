//! One side of a book: price levels in order.
//!
//! To the next maintainer: levels lie best first in a ring buffer. Updates cluster at the top, so
//! a search looks at the first few levels before it bisects, and an insertion moves the few
//! levels above it. A full book pushes a level out at the worst end with almost every insertion;
//! a ring buffer forgets it without moving anything, which is what keeps the cost of an update
//! independent of the depth. `dirty` must be lowered by everything that changes a level at that
//! rank or better: the checksum's text is rebuilt from there on.

use std::collections::VecDeque;

use super::{Level, Side};

/// Ranks that a search tries one by one; most updates are found there.
const NEAR_TOP: usize = 8;

/// One side of a book, best level first, each price once.
#[derive(Clone, Debug)]
pub struct Ladder {
    side: Side,
    levels: VecDeque<Level>,
    dirty: usize,
}

impl Ladder {
    /// An empty side.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            levels: VecDeque::new(),
            dirty: 0,
        }
    }

    /// The levels, best first.
    #[must_use]
    pub const fn levels(&self) -> &VecDeque<Level> {
        &self.levels
    }

    /// The best level.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        self.levels.front().copied()
    }

    /// Makes room for `levels` levels and some that a message adds before the cut.
    pub(super) fn reserve(&mut self, levels: usize) {
        let wanted = levels + levels / 4 + 16;
        self.levels
            .reserve_exact(wanted.saturating_sub(self.levels.len()));
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline]
    pub(super) fn apply(&mut self, row: Level) {
        let rank = self.rank(row.price);
        let known = self
            .levels
            .get_mut(rank)
            .filter(|level| level.price == row.price);
        match known {
            Some(_) if row.qty == 0 => {
                self.levels.remove(rank);
            }
            Some(level) => level.qty = row.qty,
            None if row.qty == 0 => return,
            None => self.levels.insert(rank, row),
        }
        self.dirty = self.dirty.min(rank);
    }

    /// Forgets the levels below the best `depth`.
    #[inline]
    pub(super) fn cut(&mut self, depth: usize) {
        if depth < self.levels.len() {
            self.levels.truncate(depth);
            self.dirty = self.dirty.min(depth);
        }
    }

    /// Forgets all levels.
    pub(super) fn clear(&mut self) {
        self.levels.clear();
        self.dirty = 0;
    }

    /// Replaces every level by what `change` makes of it; the order must stay.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for level in &mut self.levels {
            *level = change(*level);
        }
        self.dirty = 0;
    }

    /// The best rank that changed since this was last called; beyond all ranks if none did.
    #[inline]
    pub(crate) fn take_dirty(&mut self) -> usize {
        std::mem::replace(&mut self.dirty, usize::MAX)
    }

    /// Where `price` stands or would have to stand.
    #[inline]
    fn rank(&self, price: u128) -> usize {
        for (rank, level) in self.levels.iter().take(NEAR_TOP).enumerate() {
            if !self.is_better(level.price, price) {
                return rank;
            }
        }
        self.far_rank(price)
    }

    fn far_rank(&self, price: u128) -> usize {
        // A snapshot arrives in order: each row belongs behind all others.
        match self.levels.back() {
            Some(last) if !self.is_better(last.price, price) => self
                .levels
                .partition_point(|level| self.is_better(level.price, price)),
            _ => self.levels.len(),
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
