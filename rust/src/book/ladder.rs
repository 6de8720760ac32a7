//! One side of a book, in integers that its numbers fit into.

use super::levels::Levels;
use super::{Level, Side};
use crate::crc32::{Arithmetic, Digest, Portable};

/// One side of a book, each price once.
///
/// Mantissas of 64 bits suffice for the numbers that the exchange sends, and a side of them is half
/// as large to move and to search. The first level that needs more turns its side into one of 128 bits, until a
/// snapshot fits again.
#[derive(Clone, Debug)]
pub struct Ladder(Width);

#[derive(Clone, Debug)]
enum Width {
    Narrow(Levels<u64>),
    Wide(Levels<u128>),
}

impl Ladder {
    /// An empty side.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self(Width::Narrow(Levels::new(side)))
    }

    /// The levels, best first.
    #[must_use]
    pub fn levels(&self) -> impl ExactSizeIterator<Item = Level> {
        let nothing = Level { price: 0, qty: 0 };
        (0..self.len()).map(move |rank| self.get(rank).unwrap_or(nothing))
    }

    /// The best level.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<Level> {
        match &self.0 {
            Width::Narrow(levels) => levels.best(),
            Width::Wide(levels) => levels.best(),
        }
    }

    /// Calls a function with price and quantity of the best `count` levels, best first; returns
    /// false if some do not fit into 64 bits.
    #[inline(always)]
    pub(super) fn visit_narrow(&self, count: usize, mut visit: impl FnMut(u64, u64)) -> bool {
        match &self.0 {
            Width::Narrow(levels) => levels.visit(count, visit),
            Width::Wide(_) => {
                for level in self.levels().take(count) {
                    let Some((price, qty)) = narrow(level) else {
                        return false;
                    };
                    visit(price, qty);
                }
            }
        }
        true
    }

    /// The level of a rank, zero for the best.
    fn get(&self, rank: usize) -> Option<Level> {
        match &self.0 {
            Width::Narrow(levels) => levels.get(rank),
            Width::Wide(levels) => levels.get(rank),
        }
    }

    /// How many levels there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Width::Narrow(levels) => levels.len(),
            Width::Wide(levels) => levels.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the side contributes to the checksum, computed if one of its levels changed.
    #[inline(always)]
    pub(super) fn digest<A: Arithmetic>(&mut self) -> Digest {
        match &mut self.0 {
            Width::Narrow(levels) => levels.digest::<A>(),
            Width::Wide(levels) => wide_digest::<A>(levels),
        }
    }

    /// Bytes of memory of the levels, room for further ones included.
    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Width::Narrow(levels) => levels.memory(),
            Width::Wide(levels) => levels.memory(),
        }
    }

    /// Replaces all levels by `rows`; a later row of a price wins.
    pub(super) fn replace(&mut self, rows: impl DoubleEndedIterator<Item = Level> + Clone) {
        self.clear();
        let is_wide = rows.clone().any(|row| narrow(row).is_none());
        match &mut self.0 {
            Width::Narrow(levels) if !is_wide => levels.replace(rows.filter_map(narrow)),
            Width::Narrow(Levels { side, .. }) | Width::Wide(Levels { side, .. }) => {
                let mut levels = Levels::new(*side);
                levels.replace(rows.map(|row| (row.price, row.qty)));
                self.0 = Width::Wide(levels);
            }
        }
    }

    /// Sets the quantity at a price; zero removes the level, if there is one.
    #[inline(always)]
    pub(super) fn apply<A: Arithmetic>(&mut self, row: Level) {
        match (&mut self.0, narrow(row)) {
            (Width::Narrow(levels), Some((price, qty))) => levels.apply::<A>(price, qty),
            _ => self.apply_wide(row),
        }
    }

    #[cold]
    fn apply_wide(&mut self, row: Level) {
        if let Width::Narrow(Levels { side, .. }) = self.0 {
            let mut levels = Levels::new(side);
            self.levels()
                .for_each(|level| levels.apply::<Portable>(level.price, level.qty));
            self.0 = Width::Wide(levels);
        }
        if let Width::Wide(levels) = &mut self.0 {
            levels.apply::<Portable>(row.price, row.qty);
        }
    }

    /// Removes the levels below the best `depth`.
    #[inline]
    pub(super) fn cut(&mut self, depth: usize) {
        match &mut self.0 {
            Width::Narrow(levels) => levels.cut(depth),
            Width::Wide(levels) => levels.cut(depth),
        }
    }

    /// Removes all levels.
    pub(super) fn clear(&mut self) {
        match &mut self.0 {
            Width::Narrow(levels) => levels.clear(),
            Width::Wide(levels) => *self = Self::new(levels.side),
        }
    }

    /// Replaces every level by what `change` makes of it; the order must stay.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        let changed: Vec<Level> = self.levels().map(change).collect();
        self.replace(changed.into_iter());
    }
}

#[cold]
fn wide_digest<A: Arithmetic>(levels: &mut Levels<u128>) -> Digest {
    levels.digest::<A>()
}

/// Price and quantity, if they fit into 64 bits.
#[inline(always)]
fn narrow(level: Level) -> Option<(u64, u64)> {
    Some((level.price.try_into().ok()?, level.qty.try_into().ok()?))
}
