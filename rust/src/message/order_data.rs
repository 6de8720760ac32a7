//! Channel `level3`: the entries of a snapshot or an update, each about one order.

use super::fields::{Checked, skip_as};
use crate::decimal::Decimal;
use crate::error::{ErrorKind, ParseError, Result};
use crate::lexer::{Field, Kind, Lexer, Value};
use crate::short_text::ShortText;
use crate::time::timestamp_ns;

/// The id of an order; those of the exchange have 19 characters.
pub type OrderId = ShortText<23>;

/// A timestamp as written; those of orders have 30 characters.
pub type TimeText = ShortText<31>;

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The entry has no event, as in snapshots.
    Absent,
    /// It came into the scope of the subscription.
    Add,
    /// Its quantity, or something else about it, changed.
    Modify,
    /// It left the book.
    Delete,
    /// An event that this version does not know.
    Unknown,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// What happened.
    pub event: OrderEvent,
    /// The order's id; may be empty where the event is not known.
    pub order_id: OrderId,
    /// Its limit price in quote currency; zero where the order is gone or the event not known.
    pub price: Decimal,
    /// Its remaining quantity in base currency; zero likewise.
    pub qty: Decimal,
    /// When it was inserted or last amended, as written; empty if the entry has none.
    pub timestamp: TimeText,
    /// The same in ns since the epoch, `None` if it is not a timestamp.
    pub time: Option<i128>,
}

impl OrderRow {
    /// An entry about an order that stays.
    #[must_use]
    pub fn new(
        event: OrderEvent,
        order_id: &[u8],
        price: Decimal,
        qty: Decimal,
        timestamp: &[u8],
    ) -> Self {
        Self {
            event,
            order_id: OrderId::new(order_id),
            price,
            qty,
            timestamp: TimeText::new(timestamp),
            time: timestamp_ns(timestamp),
        }
    }
}

impl OrderEvent {
    /// The event called `name`.
    #[must_use]
    pub const fn of(name: &[u8]) -> Self {
        match name {
            b"add" => Self::Add,
            b"modify" => Self::Modify,
            b"delete" => Self::Delete,
            _ => Self::Unknown,
        }
    }
}

/// Reads an entry. What its event does not need may be absent or anything; of several breaches
/// the one of the first field in the order id, price, quantity counts.
pub(super) fn read_order(lexer: &mut Lexer<'_>) -> Result<Checked<OrderRow>> {
    if lexer.peek()? != Kind::Object {
        return skip_as(lexer, ErrorKind::Type).map(Err);
    }
    let frame = lexer.frame();
    let missing = ParseError::new(ErrorKind::Missing, lexer.offset());
    let mut fields = [None; 5];
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        let index = match name.bytes(frame).as_ref() {
            b"event" => Some(0),
            b"order_id" => Some(1),
            b"limit_price" => Some(2),
            b"order_qty" => Some(3),
            b"timestamp" => Some(4),
            _ => None,
        };
        match index.and_then(|index| fields.get_mut(index)) {
            Some(entry) => *entry = Some(lexer.field()?),
            None => lexer.skip_value()?,
        }
        key = lexer.next_key()?;
    }
    Ok(order_of(frame, fields, missing))
}

fn order_of(frame: &[u8], fields: [Option<Field>; 5], missing: ParseError) -> Checked<OrderRow> {
    let [event, order_id, price, qty, timestamp] =
        fields.map(|field| field.filter(|field| field.value != Value::Null));
    let event = match event.map(|field| field.value) {
        None => OrderEvent::Absent,
        Some(Value::Text(name)) => OrderEvent::of(&name.bytes(frame)),
        Some(_) => OrderEvent::Unknown,
    };
    let nothing = Decimal::short(0, 0);
    let mut row = OrderRow::new(event, b"", nothing, nothing, b"");
    if event == OrderEvent::Unknown {
        return Ok(row);
    }
    row.order_id = match order_id {
        None => return Err(missing),
        Some(Field { offset, value }) => match value {
            Value::Text(id) => OrderId::new(&id.bytes(frame)),
            _ => return Err(ParseError::new(ErrorKind::Type, offset)),
        },
    };
    if event == OrderEvent::Delete {
        return Ok(row);
    }
    row.price = number(frame, price.ok_or(missing)?)?;
    row.qty = number(frame, qty.ok_or(missing)?)?;
    if let Some(Value::Text(text)) = timestamp.map(|field| field.value) {
        let text = text.bytes(frame);
        row.timestamp = TimeText::new(&text);
        row.time = timestamp_ns(&text);
    }
    Ok(row)
}

fn number(frame: &[u8], field: Field) -> Checked<Decimal> {
    match field.value {
        Value::Number(number) => number.decimal(frame),
        _ => Err(ParseError::new(ErrorKind::Type, field.offset)),
    }
}
