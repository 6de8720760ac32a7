//! One side of a book: price levels in order.
//!
//! To the next maintainer: the levels are the part of `buffer` from `start` on, worst first, so
//! that the best are at the end. Updates cluster at the top: a search looks at the best few levels
//! before it bisects, and an insertion there moves the few that are better. A full book pushes its
//! worst level out with almost every insertion; that only moves `start`, and the gap in front takes
//! up what is inserted at the worst end. When the buffer is full the gap is closed, which is rare
//! enough to be free. So the cost of an update does not grow with the depth. Whatever changes a
//! level must reset its digest and, among those that count for the checksum, the ladder's.

use super::{Level, Side};
use crate::checksum::{LEVELS, digest};
use crate::crc32::Digest;

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
        let digest = Digest::UNKNOWN;
        Self { level, digest }
    }
}

/// One side of a book, each price once.
#[derive(Clone, Debug)]
pub struct Ladder {
    side: Side,
    buffer: Vec<Entry>,
    start: usize,
    /// What the levels that count contribute to the checksum together.
    pub(crate) digest: Digest,
}

impl Ladder {
    /// An empty side.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            buffer: Vec::new(),
            start: 0,
            digest: Digest::UNKNOWN,
        }
    }

    /// The levels, best first.
    #[must_use]
    pub fn levels(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.entries().iter().rev().map(|entry| &entry.level)
    }

    /// The best level.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        self.entries().last().map(|entry| entry.level)
    }

    /// How many levels there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Bytes that the levels take, room for further ones included.
    pub(super) fn memory(&self) -> usize {
        self.buffer.capacity() * size_of::<Entry>()
    }

    /// The best `count` levels, or as many as there are, worst first, with their digests.
    #[inline]
    pub(crate) fn top(&mut self, count: usize) -> &mut [Entry] {
        let first = self.buffer.len().saturating_sub(count).max(self.start);
        self.buffer.get_mut(first..).unwrap_or_default()
    }

    /// Makes room for `levels` levels and a gap.
    pub(super) fn reserve(&mut self, levels: usize) {
        let wanted = levels + levels / 8 + 16;
        self.buffer
            .reserve_exact(wanted.saturating_sub(self.buffer.len()));
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline]
    pub(super) fn apply(&mut self, row: Level) {
        let place = self.place(row.price);
        let mut entry = Entry::new(row);
        if self.buffer.len() - place <= LEVELS {
            self.digest = Digest::UNKNOWN;
            entry.digest = digest(&row);
        }
        let known = self.buffer.get_mut(place);
        match known.filter(|known| known.level.price == row.price) {
            Some(_) if row.qty == 0 => {
                self.buffer.remove(place);
            }
            Some(known) => *known = entry,
            None if row.qty == 0 => {}
            None => self.insert(place, entry),
        }
    }

    /// Forgets the levels below the best `depth`.
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

    /// Forgets all levels.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.digest = Digest::UNKNOWN;
    }

    /// Replaces every level by what `change` makes of it; the order must stay.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for entry in self.top(usize::MAX) {
            *entry = Entry::new(change(entry.level));
        }
        self.digest = Digest::UNKNOWN;
    }

    /// The levels, worst first.
    #[inline]
    fn entries(&self) -> &[Entry] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Inserts in front of the entry at `place`, moving whatever is less.
    #[inline]
    fn insert(&mut self, place: usize, entry: Entry) {
        let worse = place - self.start;
        if worse < self.buffer.len() - place && self.start > 0 {
            self.buffer.copy_within(self.start..place, self.start - 1);
            self.start -= 1;
            if let Some(free) = self.buffer.get_mut(place - 1) {
                *free = entry;
            }
            return;
        }
        if self.buffer.len() == self.buffer.capacity() && self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.insert(self.start + worse, entry);
    }

    /// Where in the buffer `price` stands, or the better price that it has to be inserted before.
    #[inline]
    fn place(&self, price: u128) -> usize {
        match self.side {
            Side::Bid => self.place_by(|other| other >= price),
            Side::Ask => self.place_by(|other| other <= price),
        }
    }

    /// The place of the worst level whose price is at least as good.
    #[inline]
    fn place_by(&self, is_as_good: impl Fn(u128) -> bool) -> usize {
        let entries = self.entries();
        let top = entries.iter().rev().take(NEAR_TOP);
        let better = top
            .take_while(|entry| is_as_good(entry.level.price))
            .count();
        if better < NEAR_TOP {
            return self.buffer.len() - better;
        }
        // A snapshot arrives in order: each row belongs below all others.
        match entries.first() {
            Some(worst) if is_as_good(worst.level.price) => self.start,
            _ => self.start + entries.partition_point(|entry| !is_as_good(entry.level.price)),
        }
    }
}
