//! Order books on the digits of the wire.

mod amendments;
mod counts;
mod l2;
mod l3;
mod ladder;
mod levels;
pub mod measures;
mod queue;
mod queues;

pub use counts::{OrderCounts, OrderKind, Placement};
pub use l2::L2Book;
pub use l3::{L3Book, QueuePosition};
pub use ladder::Ladder;
pub use queue::Order;

use crate::message::{BookBatch, BookItem, Channel};

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Buyers; the highest price is best.
    Bid,
    /// Sellers; the lowest price is best.
    Ask,
}

/// Price and quantity as integers, at the scales of their book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price times `10^price_scale`.
    pub price: u128,
    /// Quantity times `10^qty_scale`; zero in a row that removes a level, never in a book.
    pub qty: u128,
}

/// A number has too many digits at the scale of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// What both kinds of books have: a depth, levels to read, a checksum.
///
/// ```
/// use kraken_connector::book::{Book, L2Book, Side};
///
/// let book = L2Book::new(10);
/// assert_eq!(book.depth(), 10);
/// assert_eq!(book.best(Side::Bid), None);
/// ```
pub trait Book {
    /// The channel that fills it.
    const CHANNEL: Channel;
    /// Levels a side that a subscription can have; docs.kraken.com, WebSocket v2, the channel's
    /// page.
    const DEPTHS: &'static [usize];

    /// One entry of a message of that channel.
    type Row;

    /// An empty book.
    fn new(depth: usize) -> Self;

    /// Levels kept a side.
    fn depth(&self) -> usize;

    /// Changes the depth, which counts from the next [`Book::cut`] or message on.
    fn set_depth(&mut self, depth: usize);

    /// Removes the levels below the depth.
    fn cut(&mut self);

    /// Decimals of the prices and of the quantities.
    fn scales(&self) -> (u32, u32);

    /// The levels of one side, best first.
    fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level>;

    /// Calls a function with price and quantity of the best `count` levels of one side, best first;
    /// returns false if some do not fit into 64 bits.
    fn narrow_levels(&self, side: Side, count: usize, mut visit: impl FnMut(u64, u64)) -> bool {
        self.levels(side).take(count).all(|level| {
            let price = u64::try_from(level.price).ok();
            let row = price.zip(u64::try_from(level.qty).ok());
            row.map(|(price, qty)| visit(price, qty)).is_some()
        })
    }

    /// The best level of one side.
    fn best(&self, side: Side) -> Option<Level>;

    /// Whether the best bid is at or above the best ask.
    #[inline]
    fn is_crossed(&self) -> bool {
        match (self.best(Side::Bid), self.best(Side::Ask)) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// The CRC-32 over the ten best levels of both sides.
    fn checksum(&mut self) -> u32;

    /// Tries other readings of the last message; returns whether the book now has this checksum.
    /// If not, the book is unchanged.
    fn reconcile(&mut self, _expected: u32) -> bool {
        false
    }

    /// Called when the book has the exchange's checksum.
    #[inline(always)]
    fn confirm(&mut self) {}

    /// Called when the last message led to another checksum than the exchange's.
    fn count_mismatch(&mut self) {}

    /// The rows of one item of a message of its channel, bids and asks.
    fn rows<'b>(batch: &'b BookBatch, item: &BookItem) -> (&'b [Self::Row], &'b [Self::Row]);

    /// How many price levels the rows of one side of a snapshot have.
    fn levels_of(rows: &[Self::Row]) -> usize;

    /// Replaces the content, then cuts to the depth.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    fn apply_snapshot(&mut self, bids: &[Self::Row], asks: &[Self::Row]) -> Result<(), OutOfRange>;

    /// Applies the rows in order, bids first, then cuts to the depth; returns the checksum.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    fn apply_update(&mut self, bids: &[Self::Row], asks: &[Self::Row]) -> Result<u32, OutOfRange>;
}
