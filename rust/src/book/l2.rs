//! The aggregated book of one pair.

use super::{Book, Ladder, Level, OutOfRange, Side};
use crate::crc32::{Arithmetic, Computation, Parts, compute};
use crate::decimal::rescale;
use crate::message::{BookBatch, BookItem, Channel, Row};

/// The aggregated book of one pair, cut to `depth` levels a side.
///
/// ```
/// use kraken_connector::Decimal;
/// use kraken_connector::book::{Book, L2Book, Side};
/// use kraken_connector::message::Row;
///
/// let number = |text: &str| Decimal::from_lexeme(text.as_bytes()).unwrap();
/// let row = |price, qty| Row { price: number(price), qty: number(qty) };
/// let mut book = L2Book::new(10);
/// book.apply_snapshot(&[row("100.0", "1.00")], &[row("100.5", "2.00")]).unwrap();
/// book.apply_update(&[row("100.0", "0.00"), row("99.5", "3.00")], &[]).unwrap();
/// assert_eq!(book.best(Side::Bid).unwrap().price, 995);
/// assert_eq!(book.checksum(), 3_714_613_664);
/// ```
///
/// All prices have one scale and all quantities another, the largest that the snapshot showed;
/// numbers written shorter are padded. A later row with a larger scale widens the whole book: its
/// checksum then shows whether the exchange did the same.
#[derive(Clone, Debug)]
pub struct L2Book {
    depth: usize,
    price_scale: u32,
    qty_scale: u32,
    bids: Ladder,
    asks: Ladder,
}

impl L2Book {
    /// One side.
    #[must_use]
    pub const fn side(&self, side: Side) -> &Ladder {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Bytes of memory of the book.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.bids.memory() + self.asks.memory()
    }

    /// Removes all levels and scales.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        (self.price_scale, self.qty_scale) = (0, 0);
    }

    /// Applies rows of other scales than the book's.
    #[cold]
    fn apply_rescaled(&mut self, bids: &[Row], asks: &[Row]) -> Result<u32, OutOfRange> {
        self.widen(bids, asks)?;
        let (price_scale, qty_scale) = (self.price_scale, self.qty_scale);
        Ok(compute(Update {
            book: self,
            bids,
            asks,
            level: |row: &Row| scaled(row, price_scale, qty_scale),
        }))
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
}

/// The checksum of a book.
struct Checksum<'b>(&'b mut L2Book);

impl Computation for Checksum<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> u32 {
        let mut text = Parts::<A>::new();
        text.prepend(self.0.bids.digest::<A>());
        text.prepend(self.0.asks.digest::<A>());
        text.crc()
    }
}

/// Rows for a book, and its checksum after them: one function, as [`compute`] is not inlined.
struct Update<'b, L> {
    book: &'b mut L2Book,
    bids: &'b [Row],
    asks: &'b [Row],
    /// The row at the book's scales.
    level: L,
}

impl<L: Fn(&Row) -> Level> Computation for Update<'_, L> {
    type Output = u32;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> u32 {
        for row in self.bids {
            self.book.bids.apply::<A>((self.level)(row));
        }
        for row in self.asks {
            self.book.asks.apply::<A>((self.level)(row));
        }
        self.book.cut();
        Checksum(self.book).run::<A>()
    }
}

impl Book for L2Book {
    const CHANNEL: Channel = Channel::Book;
    const DEPTHS: &'static [usize] = &[10, 25, 100, 500, 1000];

    type Row = Row;

    fn new(depth: usize) -> Self {
        Self {
            depth,
            price_scale: 0,
            qty_scale: 0,
            bids: Ladder::new(Side::Bid),
            asks: Ladder::new(Side::Ask),
        }
    }

    #[inline]
    fn depth(&self) -> usize {
        self.depth
    }

    fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    #[inline]
    fn cut(&mut self) {
        self.bids.cut(self.depth);
        self.asks.cut(self.depth);
    }

    #[inline]
    fn scales(&self) -> (u32, u32) {
        (self.price_scale, self.qty_scale)
    }

    #[inline]
    fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level> {
        self.side(side).levels()
    }

    #[inline(always)]
    fn narrow_levels(&self, side: Side, count: usize, visit: impl FnMut(u64, u64)) -> bool {
        self.side(side).visit_narrow(count, visit)
    }

    #[inline]
    fn best(&self, side: Side) -> Option<Level> {
        self.side(side).best()
    }

    #[inline(always)]
    fn checksum(&mut self) -> u32 {
        compute(Checksum(self))
    }

    #[inline(always)]
    fn rows<'b>(batch: &'b BookBatch, item: &BookItem) -> (&'b [Row], &'b [Row]) {
        (batch.bids(item), batch.asks(item))
    }

    fn levels_of(rows: &[Row]) -> usize {
        rows.len()
    }

    /// A later row of a price wins.
    #[inline]
    fn apply_snapshot(&mut self, bids: &[Row], asks: &[Row]) -> Result<(), OutOfRange> {
        let (price_scale, qty_scale) = largest_scales((0, 0), bids, asks);
        check_rows(bids, asks, price_scale, qty_scale)?;
        (self.price_scale, self.qty_scale) = (price_scale, qty_scale);
        let scaled = |row| scaled(row, price_scale, qty_scale);
        self.bids.replace(bids.iter().map(scaled));
        self.asks.replace(asks.iter().map(scaled));
        self.cut();
        Ok(())
    }

    #[inline(always)]
    fn apply_update(&mut self, bids: &[Row], asks: &[Row]) -> Result<u32, OutOfRange> {
        let fits =
            |row: &Row| row.price.scale() == self.price_scale && row.qty.scale() == self.qty_scale;
        if !(bids.iter().all(fits) && asks.iter().all(fits)) {
            return self.apply_rescaled(bids, asks);
        }
        Ok(compute(Update {
            book: self,
            bids,
            asks,
            level: |row: &Row| Level {
                price: row.price.mantissa(),
                qty: row.qty.mantissa(),
            },
        }))
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
