//! Book messages in the exchange's own spelling, read in one straight line.
//!
//! Whatever deviates in a single byte, be it a space, another order of keys or an error, is left
//! to the general reader; what is read here is read to the same result. Book updates are most of
//! all traffic, and this takes a fifth of the general reader's time.

use super::book::{BookBatch, BookItem, Row};
use super::{Channel, DataMessage};
use crate::decimal::Decimal;
use crate::lexer::{MAX_FRAME, Text, digits};

const HEAD: &[u8; 26] = br#"{"channel":"book","type":""#;
const UPDATE: &[u8; 27] = br#"update","data":[{"symbol":""#;
const SNAPSHOT: &[u8; 29] = br#"snapshot","data":[{"symbol":""#;

/// Where `channel`, `type` and `data` stand in a frame with this head.
const CHANNEL: usize = 12;
const KIND: usize = 26;

/// The message of `frame`, if that is a book message in the usual spelling.
#[inline]
pub(super) fn read(frame: &[u8], batch: &mut BookBatch) -> Option<DataMessage> {
    let mut cursor = Cursor { frame, at: 0 };
    cursor.take(HEAD)?;
    let is_snapshot = cursor.take(UPDATE).is_none();
    if is_snapshot {
        cursor.take(SNAPSHOT)?;
    }
    let data = cursor.at - br#"[{"symbol":""#.len();
    batch.clear();
    let item = read_item(&mut cursor, batch, data + 1)?;
    cursor.take(b"}]}")?;
    if cursor.at != frame.len() || frame.len() >= MAX_FRAME {
        return None;
    }
    batch.push(item);
    let word = |start, end| Text::new(start, end, false);
    Some(DataMessage {
        channel: Channel::Book,
        channel_name: word(CHANNEL, CHANNEL + 4),
        kind: word(KIND, data - br#"","data":"#.len()),
        is_snapshot,
        data,
        sequence: None,
        timestamp: None,
    })
}

/// Reads an item from the content of its symbol to the end of its last value.
#[inline]
fn read_item(cursor: &mut Cursor<'_>, batch: &mut BookBatch, offset: usize) -> Option<BookItem> {
    let symbol = cursor.text()?;
    cursor.take(br#","bids":["#)?;
    let first_bid = batch.len();
    read_rows(cursor, batch)?;
    cursor.take(br#","asks":["#)?;
    let first_ask = batch.len();
    read_rows(cursor, batch)?;
    cursor.take(br#","checksum":"#)?;
    let checksum = cursor.checksum()?;
    let has_timestamp = cursor.take(br#","timestamp":""#).is_some();
    let timestamp = if has_timestamp {
        Some(cursor.text()?)
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

/// Reads rows up to and with the bracket that ends them.
#[inline]
fn read_rows(cursor: &mut Cursor<'_>, batch: &mut BookBatch) -> Option<()> {
    if cursor.take(b"]").is_some() {
        return Some(());
    }
    loop {
        cursor.take(br#"{"price":"#)?;
        let price = cursor.decimal()?;
        cursor.take(br#","qty":"#)?;
        let qty = cursor.decimal()?;
        batch.push_row(Row { price, qty });
        match cursor.next_two()? {
            [b'}', b','] => {}
            [b'}', b']'] => return Some(()),
            _ => return None,
        }
    }
}

struct Cursor<'f> {
    frame: &'f [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Takes exactly `text`.
    #[inline(always)]
    fn take<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let hit = self.rest().first_chunk() == Some(text);
        self.at += if hit { N } else { 0 };
        hit.then_some(())
    }

    #[inline(always)]
    fn next_two(&mut self) -> Option<[u8; 2]> {
        let two = *self.rest().first_chunk()?;
        self.at += 2;
        Some(two)
    }

    /// A string from its content on: printable ASCII without escapes.
    #[inline(always)]
    fn text(&mut self) -> Option<Text> {
        let start = self.at;
        let end = digits::plain_ascii_end(self.frame, start);
        if self.frame.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        Some(Text::new(start, end, false))
    }

    /// A number of few digits without sign and exponent.
    #[inline(always)]
    fn decimal(&mut self) -> Option<Decimal> {
        let number = digits::take_number(self.frame, &mut self.at)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 19")]
        Some(Decimal::short(number.mantissa, number.decimals as u32))
    }

    #[inline(always)]
    fn checksum(&mut self) -> Option<u32> {
        let value = self.decimal()?;
        if value.scale() > 0 {
            return None;
        }
        u32::try_from(value.mantissa()).ok()
    }
}
