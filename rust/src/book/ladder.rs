//! One side of a book: price levels in order.
//!
//! To the next maintainer: the levels are the part of `buffer` from `start` on, worst first, so
//! that the best are at the end. Updates cluster at the top: a search looks at the best few levels
//! before it bisects, and an insertion there moves the few that are better. A full book pushes its
//! worst level out with almost every insertion; that only moves `start`, and the gap in front takes
//! up what is inserted at the worst end. When there is no room left at one end, the levels are moved
//! to the middle, which is rare. So the cost of an update does not grow with the depth. Whatever
//! changes a level must reset its digest and, among those that count for the checksum, the ladder's.

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

    /// Replaces all levels by `rows`; a later row of a price wins.
    pub(super) fn replace(&mut self, rows: impl DoubleEndedIterator<Item = Level> + Clone) {
        self.clear();
        let (mut count, mut in_order, mut previous) = (0, true, None);
        for row in rows.clone() {
            let is_worse = previous.is_none_or(|price| self.is_better(price, row.price));
            in_order &= is_worse && row.qty != 0;
            previous = Some(row.price);
            count += 1;
        }
        self.buffer.reserve_exact(count + slack(count));
        if in_order {
            self.buffer.extend(rows.rev().map(Entry::new));
        } else {
            rows.for_each(|row| self.apply(row));
        }
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline(always)]
    pub(super) fn apply(&mut self, row: Level) {
        let place = self.place(row.price);
        let mut entry = Entry::new(row);
        if self.buffer.len() - place <= LEVELS {
            self.digest = Digest::UNKNOWN;
            entry.digest = digest(&row);
        }
        let known = self.buffer.get_mut(place);
        match known.filter(|known| known.level.price == row.price) {
            Some(_) if row.qty == 0 => self.remove(place),
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
    #[inline(always)]
    fn insert(&mut self, place: usize, entry: Entry) {
        let worse = place - self.start;
        let is_in_worse_half = worse < self.buffer.len() - place;
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

    /// Removes the entry at `place`, moving whatever is less.
    #[inline(always)]
    fn remove(&mut self, place: usize) {
        let is_in_worse_half = place - self.start < self.buffer.len() - place;
        if is_in_worse_half {
            self.buffer.copy_within(self.start..place, self.start + 1);
            self.start += 1;
        } else {
            self.buffer.remove(place);
        }
    }

    /// Moves the levels to the middle of the buffer, so that there is room at both ends; `filler`
    /// is put where no level is.
    #[cold]
    fn recenter(&mut self, filler: Entry) {
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

    /// Where in the buffer `price` stands, or the better price that it has to be inserted before.
    #[inline(always)]
    fn place(&self, price: u128) -> usize {
        match self.side {
            Side::Bid => self.place_by(|other| other >= price),
            Side::Ask => self.place_by(|other| other <= price),
        }
    }

    const fn is_better(&self, one: u128, other: u128) -> bool {
        match self.side {
            Side::Bid => one > other,
            Side::Ask => one < other,
        }
    }

    /// The place of the worst level whose price is at least as good.
    #[inline(always)]
    fn place_by(&self, is_as_good: impl Fn(u128) -> bool) -> usize {
        let entries = self.entries();
        let top = entries.iter().rev().take(NEAR_TOP);
        let better = top
            .take_while(|entry| is_as_good(entry.level.price))
            .count();
        if better < NEAR_TOP {
            return self.buffer.len() - better;
        }
        self.start + entries.partition_point(|entry| !is_as_good(entry.level.price))
    }
}

/// Room beyond the levels at hand.
const fn slack(levels: usize) -> usize {
    levels / 4 + 16
}
