//! Measures of a book in floats, which never go back into a book. The order of operations is part
//! of the contract: the pure core has the same.
//!
//! ```
//! use kraken_connector::book::measures::{microprice, weighted_price};
//!
//! assert_eq!(microprice((100.0, 1.0), (101.0, 3.0)), 100.25);
//! assert_eq!(weighted_price([(100.0, 1.0), (99.0, 1.0)]), Some(99.5));
//! ```

/// The mean of best bid and best ask price, each weighted with the quantity of the other side.
#[must_use]
pub fn microprice((bid, bid_qty): (f64, f64), (ask, ask_qty): (f64, f64)) -> f64 {
    (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)
}

/// The difference of the quantities as a share of their sum, from -1 to 1.
#[must_use]
pub fn imbalance(bid_qty: f64, ask_qty: f64) -> f64 {
    (bid_qty - ask_qty) / (bid_qty + ask_qty)
}

/// The sum of the quantities of some levels.
pub fn cumulative_qty(levels: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    levels.into_iter().fold(0.0, |sum, (_, qty)| sum + qty)
}

/// The average price of some levels, weighted with their quantities; `None` without levels.
pub fn weighted_price(levels: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (value, qty) = levels
        .into_iter()
        .fold((0.0, 0.0), |(value, sum), (price, qty)| {
            (value + price * qty, sum + qty)
        });
    (qty > 0.0).then(|| value / qty)
}
