//! One frame to one message: which channel or method it is, and what a book needs of it.
//!
//! Book messages are read completely. Of the other channels the whole frame is checked to be
//! JSON, the envelope is read, and those fields of the items are checked that a client relies on;
//! the caller decodes the items, from the offset in the message.

mod book_data;
mod cursor;
mod envelope;
mod fast_path;
mod fast_path_orders;
mod fields;
mod order_data;
mod recovered;
mod rows;

pub use book_data::{BookBatch, BookItem, Row};
pub use fast_path::{PlainHead, plain_head};
pub use order_data::{OrderEvent, OrderId, OrderRow, TimeText};
pub use recovered::{Recovered, recover};

use crate::error::Result;
use crate::lexer::{Field, Lexer, Text, Value};
use envelope::Envelope;

/// A message of the exchange; positions are offsets in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// Content of a channel.
    Data(DataMessage),
    /// The reply to a request.
    Reply(Reply),
    /// The reply to a ping.
    Pong,
    /// A heartbeat.
    Heartbeat,
}

/// The channels that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// Wallets and ledger entries.
    Balances,
    /// Aggregated book.
    Book,
    /// Orders and fills.
    Executions,
    /// Heartbeat; has no content.
    Heartbeat,
    /// Reference data.
    Instrument,
    /// Book of individual orders.
    Level3,
    /// Candles.
    Ohlc,
    /// State of the trading engine.
    Status,
    /// Best bid and offer.
    Ticker,
    /// Public trades.
    Trade,
    /// A channel that this version does not know.
    Other,
}

impl Channel {
    /// The channel called `name`.
    #[inline]
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"balances" => Self::Balances,
            b"book" => Self::Book,
            b"executions" => Self::Executions,
            b"heartbeat" => Self::Heartbeat,
            b"instrument" => Self::Instrument,
            b"level3" => Self::Level3,
            b"ohlc" => Self::Ohlc,
            b"status" => Self::Status,
            b"ticker" => Self::Ticker,
            b"trade" => Self::Trade,
            _ => Self::Other,
        }
    }

    /// Whether a client keeps state from its messages, so that it matters whether a message is a
    /// snapshot or an update.
    #[inline]
    #[must_use]
    pub const fn has_state(self) -> bool {
        matches!(self, Self::Balances | Self::Executions | Self::Instrument)
    }

    /// Whether its messages are about books.
    #[inline]
    #[must_use]
    pub const fn has_books(self) -> bool {
        matches!(self, Self::Book | Self::Level3)
    }
}

/// Content of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataMessage {
    /// The channel.
    pub channel: Channel,
    /// Its name as written.
    pub channel_name: Text,
    /// The message's `type`.
    pub kind: Text,
    /// Whether that is `snapshot`.
    pub is_snapshot: bool,
    /// Offset of `data`.
    pub data: usize,
    /// Sequence number of the message, private channels only.
    pub sequence: Option<i64>,
    /// RFC 3339 time of the message itself.
    pub timestamp: Option<Text>,
    /// What was read with the only item of a book message, if it has a checksum.
    pub book: Option<BookHead>,
}

/// The fields of a book message's item that tell it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookHead {
    /// Currency pair.
    pub symbol: Text,
    /// CRC-32 of the book after the message.
    pub checksum: u32,
    /// RFC 3339 time of the exchange.
    pub timestamp: Option<Text>,
}

impl DataMessage {
    /// The symbol of the first item.
    #[inline]
    #[must_use]
    pub fn symbol(&self, frame: &[u8]) -> Option<Text> {
        match self.book {
            Some(book) => Some(book.symbol),
            None => self.first_item_text(frame, b"symbol"),
        }
    }

    /// The RFC 3339 time of the first item.
    #[inline]
    #[must_use]
    pub fn item_timestamp(&self, frame: &[u8]) -> Option<Text> {
        match self.book {
            Some(book) => book.timestamp,
            None => self.first_item_text(frame, b"timestamp"),
        }
    }

    /// The checksum of the first item of a book message.
    #[inline]
    #[must_use]
    pub fn checksum(&self, frame: &[u8]) -> Option<u32> {
        match self.book {
            Some(book) => Some(book.checksum),
            None if self.channel.has_books() => match self.first_item_field(frame, b"checksum")? {
                Value::Number(number) => number.to_i64()?.try_into().ok(),
                _ => None,
            },
            None => None,
        }
    }

    fn first_item_text(&self, frame: &[u8], name: &[u8]) -> Option<Text> {
        match self.first_item_field(frame, name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A field of the first item, without decoding the rest.
    fn first_item_field(&self, frame: &[u8], name: &[u8]) -> Option<Value> {
        let mut lexer = Lexer::at(frame, self.data);
        if !lexer.first_item().ok()? {
            return None;
        }
        object_field(&mut lexer, name)
    }
}

/// The reply to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request's method; `error` when the exchange could not read the request, empty in an
    /// error that names none.
    pub method: Text,
    /// Offset of the text of an error that names no method.
    pub bare_error: Option<usize>,
    /// Whether the request was granted.
    pub success: bool,
    /// Whether there is a `result`.
    pub has_result: bool,
    /// Offset of `result` if it is an object.
    pub result: Option<usize>,
}

impl Reply {
    /// A field of `result`.
    #[must_use]
    pub fn result_field(&self, frame: &[u8], name: &[u8]) -> Option<Value> {
        object_field(&mut Lexer::at(frame, self.result?), name)
    }
}

/// Reads one frame; a book's rows go into `batch`.
///
/// # Errors
///
/// The frame is no JSON or no message of the protocol; [`recover()`] then reads what it may have
/// been about.
///
/// ```
/// use kraken_connector::message::{BookBatch, Channel};
/// use kraken_connector::{Message, parse_message};
///
/// let frame = br#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD",
///     "bids":[{"price":100.0,"qty":1.50}],"asks":[],"checksum":1}]}"#;
/// let mut batch = BookBatch::default();
/// let Message::Data(message) = parse_message(frame, &mut batch)? else {
///     unreachable!();
/// };
/// assert_eq!(message.channel, Channel::Book);
/// let [row] = batch.bids(&batch.items()[0]) else {
///     unreachable!();
/// };
/// assert_eq!((row.price.mantissa(), row.qty.mantissa()), (1000, 150));
/// # Ok::<(), kraken_connector::ParseError>(())
/// ```
#[inline(always)]
pub fn parse_message(frame: &[u8], batch: &mut BookBatch) -> Result<Message> {
    match fast_path::read(frame, batch) {
        Some(message) => Ok(Message::Data(message)),
        None => read_any(frame, batch),
    }
}

/// Reads a frame in any format.
#[cold]
fn read_any(frame: &[u8], batch: &mut BookBatch) -> Result<Message> {
    let mut envelope = Envelope::default();
    envelope.read(frame, batch)?;
    envelope.classify(frame)
}

/// The last field called `name` of the object that comes next.
fn object_field(lexer: &mut Lexer<'_>, name: &[u8]) -> Option<Value> {
    let mut found = None;
    let mut key = lexer.first_key().ok()?;
    while let Some(text) = key {
        let Field { value, .. } = lexer.field().ok()?;
        if text.is(lexer.frame(), name) {
            found = Some(value);
        }
        key = lexer.next_key().ok()?;
    }
    found
}
