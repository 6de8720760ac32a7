//! What the benches read, and what a user of a JSON parser would decode it into.

#![expect(missing_docs, reason = "the fields are those of the exchange")]

use serde::Deserialize;

/// A recorded BTC/USD session of depth 10: one snapshot, then updates. Source: see
/// `tests/fixtures/README.md`.
const SESSION: &str =
    include_str!("../../tests/fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl");

/// The frames of the session.
#[must_use]
pub fn session() -> Vec<&'static [u8]> {
    SESSION.lines().map(str::as_bytes).collect()
}

/// A book message, decoded and nothing else. Prices and quantities are floats, which is cheaper
/// than what a checksum needs.
#[derive(Debug, Deserialize)]
pub struct BookMessage<'f> {
    #[serde(borrow)]
    pub channel: &'f str,
    #[serde(borrow, rename = "type")]
    pub kind: &'f str,
    #[serde(borrow)]
    pub data: Vec<Book<'f>>,
}

#[derive(Debug, Deserialize)]
pub struct Book<'f> {
    #[serde(borrow)]
    pub symbol: &'f str,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
    pub checksum: u32,
    #[serde(borrow)]
    pub timestamp: Option<&'f str>,
}

#[derive(Debug, Deserialize)]
pub struct Level {
    pub price: f64,
    pub qty: f64,
}
