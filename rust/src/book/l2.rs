//! The aggregated book of one pair.

use super::{Book, Ladder, Level, OutOfRange, Side};
use crate::checksum::book_checksum;
use crate::decimal::rescale;
use crate::message::{BookBatch, BookItem, Channel, Row};

/// The aggregated book of one pair, cut to `depth` levels a side.
///
/// All prices have one scale and all quantities another, the largest that the snapshot showed;
/// numbers written shorter are padded. A later row with a larger scale widens the whole book: its
/// checksum then tells whether the exchange did the same.
#[derive(Clone, Debug)]
pub struct L2Book {
    depth: usize,
    price_scale: u32,
    qty_scale: u32,
    bids: Ladder,
    asks: Ladder,
}

impl L2Book {
    /// An empty book.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self {
            depth,
            price_scale: 0,
            qty_scale: 0,
            bids: Ladder::new(Side::Bid),
            asks: Ladder::new(Side::Ask),
        }
    }

    /// Levels kept a side.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// Changes the depth, which counts from the next [`L2Book::cut`] or message on.
    pub const fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Decimals of the prices.
    #[must_use]
    pub const fn price_scale(&self) -> u32 {
        self.price_scale
    }

    /// Decimals of the quantities.
    #[must_use]
    pub const fn qty_scale(&self) -> u32 {
        self.qty_scale
    }

    /// One side.
    #[must_use]
    pub const fn side(&self, side: Side) -> &Ladder {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Bytes of memory that the book takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.bids.memory() + self.asks.memory()
    }

    /// Forgets all levels and scales.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        (self.price_scale, self.qty_scale) = (0, 0);
    }

    /// Replaces the content; a later row of a price wins.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub fn apply_snapshot(&mut self, bids: &[Row], asks: &[Row]) -> Result<(), OutOfRange> {
        let (price_scale, qty_scale) = largest_scales((0, 0), bids, asks);
        check_rows(bids, asks, price_scale, qty_scale)?;
        (self.price_scale, self.qty_scale) = (price_scale, qty_scale);
        let scaled = |row| scaled(row, price_scale, qty_scale);
        self.bids.replace(bids.iter().map(scaled));
        self.asks.replace(asks.iter().map(scaled));
        self.cut();
        Ok(())
    }

    /// Applies the rows in order, then cuts to the depth.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    #[inline(always)]
    pub fn apply_update(&mut self, bids: &[Row], asks: &[Row]) -> Result<(), OutOfRange> {
        let usual =
            |row: &Row| row.price.scale() == self.price_scale && row.qty.scale() == self.qty_scale;
        if !(bids.iter().all(usual) && asks.iter().all(usual)) {
            return self.apply_unusual(bids, asks);
        }
        let level = |row: &Row| Level {
            price: row.price.mantissa(),
            qty: row.qty.mantissa(),
        };
        for row in bids {
            self.bids.apply(level(row));
        }
        for row in asks {
            self.asks.apply(level(row));
        }
        self.cut();
        Ok(())
    }

    /// Applies rows of other scales than the book's.
    #[cold]
    fn apply_unusual(&mut self, bids: &[Row], asks: &[Row]) -> Result<(), OutOfRange> {
        self.widen(bids, asks)?;
        let (price_scale, qty_scale) = (self.price_scale, self.qty_scale);
        let level = |row: &Row| scaled(row, price_scale, qty_scale);
        bids.iter().map(level).for_each(|row| self.bids.apply(row));
        asks.iter().map(level).for_each(|row| self.asks.apply(row));
        self.cut();
        Ok(())
    }

    /// The CRC-32 over the ten best levels of both sides.
    #[inline(always)]
    pub fn checksum(&mut self) -> u32 {
        book_checksum(&mut self.bids, &mut self.asks)
    }

    /// Gives the book the scales that the rows need, after checking that everything fits them.
    fn widen(&mut self, bids: &[Row], asks: &[Row]) -> Result<(), OutOfRange> {
        let (price_from, qty_from) = (self.price_scale, self.qty_scale);
        let (price_to, qty_to) = largest_scales((price_from, qty_from), bids, asks);
        check_rows(bids, asks, price_to, qty_to)?;
        let widened = |level: Level| {
            let price = rescale(level.price, price_from, price_to)?;
            let qty = rescale(level.qty, qty_from, qty_to)?;
            Some(Level { price, qty })
        };
        let mut levels = self.bids.levels().chain(self.asks.levels());
        if levels.any(|level| widened(level).is_none()) {
            return Err(OutOfRange);
        }
        drop(levels);
        self.bids.transform(|level| widened(level).unwrap_or(level));
        self.asks.transform(|level| widened(level).unwrap_or(level));
        (self.price_scale, self.qty_scale) = (price_to, qty_to);
        Ok(())
    }

    /// Forgets the levels below the depth.
    #[inline]
    pub fn cut(&mut self) {
        self.bids.cut(self.depth);
        self.asks.cut(self.depth);
    }
}

impl Book for L2Book {
    const CHANNEL: Channel = Channel::Book;
    const DEPTHS: &'static [usize] = &[10, 25, 100, 500, 1000];

    fn new(depth: usize) -> Self {
        Self::new(depth)
    }

    #[inline]
    fn depth(&self) -> usize {
        self.depth()
    }

    fn set_depth(&mut self, depth: usize) {
        self.set_depth(depth);
    }

    fn cut(&mut self) {
        self.cut();
    }

    #[inline]
    fn scales(&self) -> (u32, u32) {
        (self.price_scale, self.qty_scale)
    }

    #[inline]
    fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level> {
        self.side(side).levels()
    }

    #[inline]
    fn best(&self, side: Side) -> Option<Level> {
        self.side(side).best()
    }

    #[inline(always)]
    fn checksum(&mut self) -> u32 {
        self.checksum()
    }

    fn levels_of(batch: &BookBatch, item: &BookItem) -> usize {
        batch.bids(item).len().max(batch.asks(item).len())
    }

    #[inline]
    fn take_snapshot(&mut self, batch: &BookBatch, item: &BookItem) -> Result<(), OutOfRange> {
        self.apply_snapshot(batch.bids(item), batch.asks(item))
    }

    #[inline(always)]
    fn take_update(&mut self, batch: &BookBatch, item: &BookItem) -> Result<(), OutOfRange> {
        self.apply_update(batch.bids(item), batch.asks(item))
    }
}

/// The row at the book's scales. What does not fit was refused before.
fn scaled(row: &Row, price_scale: u32, qty_scale: u32) -> Level {
    Level {
        price: row.price.mantissa_at(price_scale).unwrap_or(u128::MAX),
        qty: row.qty.mantissa_at(qty_scale).unwrap_or(u128::MAX),
    }
}

fn largest_scales(from: (u32, u32), bids: &[Row], asks: &[Row]) -> (u32, u32) {
    bids.iter().chain(asks).fold(from, |(price, qty), row| {
        (price.max(row.price.scale()), qty.max(row.qty.scale()))
    })
}

fn check_rows(
    bids: &[Row],
    asks: &[Row],
    price_scale: u32,
    qty_scale: u32,
) -> Result<(), OutOfRange> {
    let fits = |row: &Row| {
        row.price.mantissa_at(price_scale).is_some() && row.qty.mantissa_at(qty_scale).is_some()
    };
    let all_fit = bids.iter().all(fits) && asks.iter().all(fits);
    if all_fit { Ok(()) } else { Err(OutOfRange) }
}
