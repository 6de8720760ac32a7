//! Order books on the digits of the wire.

mod l2;
mod ladder;
pub mod measures;

pub use l2::{L2Book, OutOfRange};
pub use ladder::Ladder;

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
