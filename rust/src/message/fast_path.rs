//! The fast path: messages in exactly the format that the exchange sends.
//!
//! A frame that differs in a single byte, such as a space, another order of keys or an error, is left
//! to the general reader; the result is the same. Book updates are most of all traffic, and the
//! fast path takes a fifth of the general reader's time.

use super::book_data::{BookBatch, BookItem, Row};
use super::cursor::Cursor;
use super::{BookHead, Channel, DataMessage, fast_path_orders, rows};
use crate::lexer::{Lexer, MAX_FRAME, Text, digits};

const HEAD: &[u8; 12] = br#"{"channel":""#;
/// The text between the channel's name and the type, and between the type and the data.
const TYPE: &[u8; 10] = br#"","type":""#;
const DATA: &[u8; 9] = br#"","data":"#;

/// How messages with books begin, up to their item's content.
const BOOK_UPDATE: &[u8; 53] = br#"{"channel":"book","type":"update","data":[{"symbol":""#;
const BOOK_SNAPSHOT: &[u8; 55] = br#"{"channel":"book","type":"snapshot","data":[{"symbol":""#;
const LEVEL3_UPDATE: &[u8; 44] = br#"{"channel":"level3","type":"update","data":["#;
const LEVEL3_SNAPSHOT: &[u8; 46] = br#"{"channel":"level3","type":"snapshot","data":["#;
const SYMBOL: &[u8; 11] = br#"{"symbol":""#;

/// The message of `frame`, if it is one of a channel in the exchange's format.
#[inline(always)]
pub(super) fn read(frame: &[u8], batch: &mut BookBatch) -> Option<DataMessage> {
    let mut cursor = Cursor::new(frame);
    let message = if cursor.take(BOOK_UPDATE).is_some() {
        read_book(&mut cursor, batch, false)?
    } else {
        // Not with this cursor, which would then be in memory for book updates too.
        read_other(&mut Cursor::new(frame), batch)?
    };
    (frame.len() < MAX_FRAME).then_some(message)
}

/// Reads a message of `book` from the symbol to the end.
#[inline(always)]
fn read_book(
    cursor: &mut Cursor<'_>,
    batch: &mut BookBatch,
    is_snapshot: bool,
) -> Option<DataMessage> {
    let offset = cursor.at() - SYMBOL.len();
    batch.clear();
    let item = read_item(cursor, batch, offset)?;
    cursor.end(b"}]}")?;
    Some(message_of(item, batch, Channel::Book, is_snapshot))
}

/// The message of one item, which goes into `batch`.
#[inline(always)]
fn message_of(
    item: BookItem,
    batch: &mut BookBatch,
    channel: Channel,
    is_snapshot: bool,
) -> DataMessage {
    let book = item.checksum.map(|checksum| BookHead {
        symbol: item.symbol,
        checksum,
        timestamp: item.timestamp,
    });
    let data = item.offset - 1;
    let kind_end = data - DATA.len();
    let kind = kind_end - if is_snapshot { "snapshot" } else { "update" }.len();
    batch.push(item);
    DataMessage {
        channel,
        channel_name: Text::new(HEAD.len(), kind - TYPE.len(), false),
        kind: Text::new(kind, kind_end, false),
        is_snapshot,
        data,
        sequence: None,
        timestamp: None,
        book,
    }
}

/// Reads a snapshot of a book, or a message of another channel.
#[inline(never)]
fn read_other(cursor: &mut Cursor<'_>, batch: &mut BookBatch) -> Option<DataMessage> {
    if cursor.take(BOOK_SNAPSHOT).is_some() {
        return read_book(cursor, batch, true);
    }
    let is_snapshot = cursor.take(LEVEL3_SNAPSHOT).is_some();
    if is_snapshot || cursor.take(LEVEL3_UPDATE).is_some() {
        batch.clear();
        let item = fast_path_orders::read_item(cursor, batch)?;
        cursor.end(b"]}")?;
        return Some(message_of(item, batch, Channel::Level3, is_snapshot));
    }
    cursor.take(HEAD)?;
    let mut message = read_head(cursor)?;
    let mut lexer = Lexer::inside(cursor.frame, message.data, 1);
    match rows::shape(message.channel, message.is_snapshot) {
        // The general reader reports what is wrong.
        Some(shape) if rows::read(&mut lexer, shape).ok()?.is_some() => return None,
        Some(_) => {}
        None => lexer.skip_value().ok()?,
    }
    cursor.go_to(lexer.offset());
    read_tail(cursor, &mut message)?;
    cursor.end(b"}")?;
    Some(message)
}

/// The beginning of a message without a book, whose items the caller decodes: see [`plain_head`].
#[derive(Clone, Copy, Debug)]
pub struct PlainHead(DataMessage);

/// Reads the beginning of a message of `ticker`, `trade`, `ohlc`, `executions` or `balances` in the
/// exchange's format, so that the caller can decode its items in the same pass.
#[must_use]
pub fn plain_head(frame: &[u8]) -> Option<PlainHead> {
    let mut cursor = Cursor::new(frame);
    cursor.take(HEAD)?;
    let head = read_head(&mut cursor)?;
    let is_plain = matches!(
        head.channel,
        Channel::Ticker | Channel::Trade | Channel::Ohlc | Channel::Executions | Channel::Balances
    );
    is_plain.then_some(PlainHead(head))
}

impl PlainHead {
    /// The message up to its items; what follows them is known after [`PlainHead::finish`].
    #[must_use]
    pub const fn message(&self) -> &DataMessage {
        &self.0
    }

    /// Reads what follows the items, which end before byte `end` of the frame; returns whether that
    /// is in the exchange's format too, so that the message is complete.
    #[must_use]
    pub fn finish(&mut self, frame: &[u8], end: usize) -> bool {
        let mut cursor = Cursor::new(frame);
        cursor.go_to(end);
        read_tail(&mut cursor, &mut self.0).is_some()
            && cursor.end(b"}").is_some()
            && frame.len() < MAX_FRAME
    }
}

/// Reads from the channel's name up to the items, an array.
#[inline(always)]
fn read_head(cursor: &mut Cursor<'_>) -> Option<DataMessage> {
    let frame = cursor.frame;
    let channel_name = cursor.text()?;
    cursor.take(br#","type":""#)?;
    let kind = cursor.text()?;
    let has_timestamp = cursor.take(br#","timestamp":""#).is_some();
    let timestamp = if has_timestamp {
        Some(cursor.text()?)
    } else {
        None
    };
    cursor.take(br#","data":"#)?;
    let data = cursor.at();
    let channel = Channel::of(channel_name.raw(frame));
    let has_items = !channel.has_books() && channel != Channel::Heartbeat;
    let is_snapshot = kind.raw(frame) == b"snapshot";
    let is_known = is_snapshot || !channel.has_state() || kind.raw(frame) == b"update";
    if !has_items || !is_known || frame.get(data) != Some(&b'[') || !digits::is_ascii(frame) {
        return None;
    }
    Some(DataMessage {
        channel,
        channel_name,
        kind,
        is_snapshot,
        data,
        sequence: None,
        timestamp,
        book: None,
    })
}

/// Reads what may follow the items.
#[inline(always)]
fn read_tail(cursor: &mut Cursor<'_>, message: &mut DataMessage) -> Option<()> {
    if cursor.take(br#","sequence":"#).is_some() {
        message.sequence = Some(cursor.integer()?);
    }
    Some(())
}

/// Reads the item of a book message from the symbol on, up to its closing brace; the item begins at
/// `offset`.
#[inline(always)]
fn read_item(cursor: &mut Cursor<'_>, batch: &mut BookBatch, offset: usize) -> Option<BookItem> {
    let symbol = cursor.text()?;
    let first_bid = batch.len();
    if cursor.take(br#","bids":[{"price":"#).is_some() {
        read_rows(cursor, batch)?;
    } else {
        cursor.take(br#","bids":[]"#)?;
    }
    let first_ask = batch.len();
    if cursor.take(br#","asks":[{"price":"#).is_some() {
        read_rows(cursor, batch)?;
    } else {
        cursor.take(br#","asks":[]"#)?;
    }
    cursor.take(br#","checksum":"#)?;
    let checksum = u32::try_from(cursor.integer()?).ok()?;
    let has_timestamp = cursor.take(br#","timestamp":""#).is_some();
    let timestamp = if has_timestamp {
        Some(cursor.time()?)
    } else {
        None
    };
    Some(BookItem {
        offset,
        symbol,
        checksum: Some(checksum),
        timestamp,
        bids: first_bid..first_ask,
        asks: first_ask..batch.len(),
    })
}

/// Reads rows from the first price on, up to and with the bracket that ends them.
#[inline(always)]
fn read_rows(cursor: &mut Cursor<'_>, batch: &mut BookBatch) -> Option<()> {
    loop {
        let price = cursor.decimal()?;
        cursor.take(br#","qty":"#)?;
        let qty = cursor.decimal()?;
        batch.push_row(Row { price, qty });
        if cursor.take(b"}]").is_some() {
            return Some(());
        }
        cursor.take(br#"},{"price":"#)?;
    }
}
