//! The fast path for items of `level3`.
//!
//! Entries have a fixed order of keys. The keys of the item may come in any order, since the
//! documentation's examples differ in it.

use super::book_data::{BookBatch, BookItem};
use super::cursor::Cursor;
use super::order_data::{OrderEvent, OrderId, OrderRow, TimeText};
use crate::decimal::Decimal;
use crate::time::timestamp_ns;

/// Reads an item with each of its keys at most once.
pub(super) fn read_item(cursor: &mut Cursor<'_>, batch: &mut BookBatch) -> Option<BookItem> {
    let offset = cursor.at();
    let (mut symbol, mut checksum, mut timestamp) = (None, None, None);
    let (mut bids, mut asks) = (None, None);
    cursor.take(b"{")?;
    loop {
        let is_new = if cursor.take(br#""bids":["#).is_some() {
            bids.replace(read_rows(cursor, batch)?).is_none()
        } else if cursor.take(br#""asks":["#).is_some() {
            asks.replace(read_rows(cursor, batch)?).is_none()
        } else if cursor.take(br#""symbol":""#).is_some() {
            symbol.replace(cursor.text()?).is_none()
        } else if cursor.take(br#""checksum":"#).is_some() {
            let value = u32::try_from(cursor.integer()?).ok()?;
            checksum.replace(value).is_none()
        } else {
            cursor.take(br#""timestamp":""#)?;
            timestamp.replace(cursor.text()?).is_none()
        };
        if !is_new {
            return None;
        }
        if cursor.take(b"}").is_some() {
            break;
        }
        cursor.take(b",")?;
    }
    Some(BookItem {
        offset,
        symbol: symbol?,
        checksum,
        timestamp,
        bids: bids.unwrap_or_default(),
        asks: asks.unwrap_or_default(),
    })
}

/// Reads entries up to and with the bracket that ends them.
fn read_rows(cursor: &mut Cursor<'_>, batch: &mut BookBatch) -> Option<std::ops::Range<usize>> {
    let start = batch.order_count();
    if cursor.take(b"]").is_some() {
        return Some(start..start);
    }
    loop {
        batch.push_order(read_row(cursor)?);
        match cursor.next_two()? {
            [b'}', b','] => {}
            [b'}', b']'] => return Some(start..batch.order_count()),
            _ => return None,
        }
    }
}

/// Reads an entry up to its closing brace.
#[inline(always)]
fn read_row(cursor: &mut Cursor<'_>) -> Option<OrderRow> {
    cursor.take(b"{")?;
    let mut event = OrderEvent::Absent;
    if cursor.take(br#""event":""#).is_some() {
        event = OrderEvent::of(cursor.text()?.raw(cursor.frame));
        cursor.take(b",")?;
    }
    cursor.take(br#""order_id":""#)?;
    let order_id = OrderId::new(cursor.text()?.raw(cursor.frame));
    cursor.take(br#","limit_price":"#)?;
    let price = cursor.decimal()?;
    cursor.take(br#","order_qty":"#)?;
    let qty = cursor.decimal()?;
    cursor.take(br#","timestamp":""#)?;
    let timestamp = cursor.text()?.raw(cursor.frame);
    match event {
        OrderEvent::Unknown => None,
        OrderEvent::Delete => {
            let nothing = Decimal::short(0, 0);
            Some(OrderRow {
                event,
                order_id,
                price: nothing,
                qty: nothing,
                timestamp: TimeText::default(),
                time: None,
            })
        }
        _ => Some(OrderRow {
            event,
            order_id,
            price,
            qty,
            timestamp: TimeText::new(timestamp),
            time: timestamp_ns(timestamp),
        }),
    }
}
