//! Order books on the digits of the wire.

mod counts;
mod doubts;
mod l2;
mod l3;
mod ladder;
pub(crate) mod levels;
pub mod measures;
pub(crate) mod queue;
pub(crate) mod queues;

pub use counts::{OrderCounts, OrderKind, Placement};
pub use l2::L2Book;
pub use l3::{L3Book, QueuePosition};
pub use ladder::Ladder;
pub(crate) use ladder::Width;
pub use queue::Order;

use crate::message::{BookBatch, BookItem, Channel};

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those who want to buy; best is the highest price.
    Bid,
    /// Those who want to sell; best is the lowest price.
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

/// What an engine needs of a book, and what both kinds of books can show.
pub trait Book {
    /// The channel that fills it.
    const CHANNEL: Channel;
    /// Levels a side that a subscription can have; docs.kraken.com, WebSocket v2, the channel's
    /// page.
    const DEPTHS: &'static [usize];

    /// An empty book.
    fn new(depth: usize) -> Self;

    /// Levels kept a side.
    fn depth(&self) -> usize;

    /// Changes the depth, which counts from the next [`Book::cut`] or message on.
    fn set_depth(&mut self, depth: usize);

    /// Forgets the levels below the depth.
    fn cut(&mut self);

    /// Decimals of the prices and of the quantities.
    fn scales(&self) -> (u32, u32);

    /// The levels of one side, best first.
    fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level>;

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

    /// Tries what else the last message can have meant; returns whether the book now has this
    /// checksum. If not, it is as it was.
    fn reconcile(&mut self, _expected: u32) -> bool {
        false
    }

    /// Notes that the book has the exchange's checksum.
    #[inline(always)]
    fn settle(&mut self) {}

    /// Notes that the last message led to another checksum than the exchange's.
    fn note_mismatch(&mut self) {}

    /// How many levels the larger side of a snapshot has.
    fn levels_of(batch: &BookBatch, item: &BookItem) -> usize;

    /// Replaces the content by that of a snapshot.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    fn take_snapshot(&mut self, batch: &BookBatch, item: &BookItem) -> Result<(), OutOfRange>;

    /// Applies an update, then cuts to the depth.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    fn take_update(&mut self, batch: &BookBatch, item: &BookItem) -> Result<(), OutOfRange>;
}
