//! Channels `book` and `level3`: the rows of a snapshot or an update, exact and fully checked
//! before any of them is applied.

use std::ops::Range;

use super::Channel;
use super::fields::{Checked, optional_text, required_decimal, required_text, skip_as};
use super::order_data::{OrderRow, read_order};
use crate::decimal::Decimal;
use crate::error::{ErrorKind, ParseError, Result};
use crate::lexer::{Field, Kind, Lexer, Text, Value};

/// One changed price level; a quantity of zero removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Price in quote currency.
    pub price: Decimal,
    /// Quantity in base currency.
    pub qty: Decimal,
}

/// One item of a book message, about one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookItem {
    /// Offset of the item in the frame.
    pub offset: usize,
    /// Currency pair.
    pub symbol: Text,
    /// CRC-32 of the ten best levels of both sides after this message.
    pub checksum: Option<u32>,
    /// RFC 3339 time of the exchange.
    pub timestamp: Option<Text>,
    pub(super) bids: Range<usize>,
    pub(super) asks: Range<usize>,
}

/// The content of one book message: a buffer to reuse, so that reading allocates nothing once the
/// buffer is large enough.
#[derive(Clone, Debug, Default)]
pub struct BookBatch {
    items: Vec<BookItem>,
    rows: Vec<Row>,
    orders: Vec<OrderRow>,
}

impl BookBatch {
    /// The message's items; the protocol sends one.
    #[must_use]
    pub fn items(&self) -> &[BookItem] {
        &self.items
    }

    /// Bid rows of `item`, in the order of the wire.
    #[inline]
    #[must_use]
    pub fn bids(&self, item: &BookItem) -> &[Row] {
        self.rows.get(item.bids.clone()).unwrap_or_default()
    }

    /// Ask rows of `item`, in the order of the wire.
    #[inline]
    #[must_use]
    pub fn asks(&self, item: &BookItem) -> &[Row] {
        self.rows.get(item.asks.clone()).unwrap_or_default()
    }

    /// Bid entries of an item of `level3`, in the order of the wire.
    #[must_use]
    pub fn bid_orders(&self, item: &BookItem) -> &[OrderRow] {
        self.orders.get(item.bids.clone()).unwrap_or_default()
    }

    /// Ask entries of an item of `level3`, in the order of the wire.
    #[must_use]
    pub fn ask_orders(&self, item: &BookItem) -> &[OrderRow] {
        self.orders.get(item.asks.clone()).unwrap_or_default()
    }

    /// Removes the content of the last message.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.rows.clear();
        self.orders.clear();
    }

    /// Adds an item whose rows were added.
    #[inline]
    pub(super) fn push(&mut self, item: BookItem) {
        self.items.push(item);
    }

    /// Adds a row.
    #[inline]
    pub(super) fn push_row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds an entry of `level3`.
    #[inline]
    pub(super) fn push_order(&mut self, order: OrderRow) {
        self.orders.push(order);
    }

    /// How many entries of `level3` there are.
    pub(super) fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// How many rows there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Reads the array `data` of a message of `channel`. Returns the first breach of the protocol
    /// instead of failing with it: a later error of the JSON takes precedence.
    ///
    /// # Errors
    ///
    /// Errors of the text.
    pub(super) fn read(
        &mut self,
        lexer: &mut Lexer<'_>,
        channel: Channel,
    ) -> Result<Option<ParseError>> {
        self.clear();
        let mut breach = None;
        let mut more = lexer.first_item()?;
        while more {
            match self.read_item(lexer, channel)? {
                Ok(item) => self.items.push(item),
                Err(error) => breach = breach.or(Some(error)),
            }
            more = lexer.next_item()?;
        }
        Ok(breach)
    }

    /// Reads one item; of several breaches the one of the first field in the order symbol, bids,
    /// asks, checksum counts, in whatever order they come.
    #[inline]
    fn read_item(&mut self, lexer: &mut Lexer<'_>, channel: Channel) -> Result<Checked<BookItem>> {
        if lexer.peek()? != Kind::Object {
            return skip_as(lexer, ErrorKind::Type).map(Err);
        }
        let offset = lexer.offset();
        let missing = ParseError::new(ErrorKind::Missing, offset);
        let mut symbol = Err(missing);
        let (mut bids, mut asks) = (Ok(0..0), Ok(0..0));
        let mut checksum = Ok(None);
        let mut timestamp = None;
        let mut key = lexer.first_key()?;
        while let Some(name) = key {
            match name.bytes(lexer.frame()).as_ref() {
                b"symbol" => symbol = required_text(lexer, missing)?,
                b"bids" => bids = self.read_side(lexer, channel)?,
                b"asks" => asks = self.read_side(lexer, channel)?,
                b"checksum" => checksum = read_checksum(lexer)?,
                b"timestamp" => timestamp = optional_text(lexer)?,
                _ => lexer.skip_value()?,
            }
            key = lexer.next_key()?;
        }
        Ok(symbol.and_then(|symbol| {
            Ok(BookItem {
                offset,
                symbol,
                bids: bids?,
                asks: asks?,
                checksum: checksum?,
                timestamp,
            })
        }))
    }

    fn read_side(
        &mut self,
        lexer: &mut Lexer<'_>,
        channel: Channel,
    ) -> Result<Checked<Range<usize>>> {
        match channel {
            Channel::Level3 => read_rows(lexer, &mut self.orders, read_order),
            _ => read_rows(lexer, &mut self.rows, read_row),
        }
    }
}

/// Reads an array of rows and appends them to `rows`.
fn read_rows<T>(
    lexer: &mut Lexer<'_>,
    rows: &mut Vec<T>,
    read: impl Fn(&mut Lexer<'_>) -> Result<Checked<T>>,
) -> Result<Checked<Range<usize>>> {
    let start = rows.len();
    match lexer.peek()? {
        Kind::Array => {}
        Kind::Null => return lexer.null().map(|()| Ok(start..start)),
        _ => return skip_as(lexer, ErrorKind::Type).map(Err),
    }
    let mut breach = None;
    let mut more = lexer.first_item()?;
    while more {
        match read(lexer)? {
            Ok(row) => rows.push(row),
            Err(error) => breach = breach.or(Some(error)),
        }
        more = lexer.next_item()?;
    }
    Ok(breach.map_or(Ok(start..rows.len()), Err))
}

fn read_row(lexer: &mut Lexer<'_>) -> Result<Checked<Row>> {
    if lexer.peek()? != Kind::Object {
        return skip_as(lexer, ErrorKind::Type).map(Err);
    }
    let missing = ParseError::new(ErrorKind::Missing, lexer.offset());
    let (mut price, mut qty) = (Err(missing), Err(missing));
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        match name.bytes(lexer.frame()).as_ref() {
            b"price" => price = required_decimal(lexer, missing)?,
            b"qty" => qty = required_decimal(lexer, missing)?,
            _ => lexer.skip_value()?,
        }
        key = lexer.next_key()?;
    }
    Ok(price.and_then(|price| Ok(Row { price, qty: qty? })))
}

#[inline]
fn read_checksum(lexer: &mut Lexer<'_>) -> Result<Checked<Option<u32>>> {
    let Field { offset, value } = lexer.field()?;
    Ok(match value {
        Value::Number(number) => number
            .to_i64()
            .and_then(|value| u32::try_from(value).ok())
            .map(Some)
            .ok_or(ParseError::new(ErrorKind::Number, offset)),
        Value::Null => Ok(None),
        _ => Err(ParseError::new(ErrorKind::Type, offset)),
    })
}
