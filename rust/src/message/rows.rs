//! Items of the channels without books, checked when their message is made.
//!
//! Every item is an object. Of its fields only those are checked that a client relies on, so that a
//! change of the others does no harm: those of `Model.CHECKED` of the Python package, in the order
//! of its models.

use super::Channel;
use super::fields::skip_as;
use crate::error::{ErrorKind, ParseError, Result};
use crate::lexer::{Field, Kind, Lexer, Number, Value};

/// The type of a field that is present and not `null`.
enum Wanted {
    Text,
    /// One of 64 bits with sign.
    Integer,
    /// One with the bounds of prices and quantities, perhaps written as text.
    Number,
    Item(&'static Shape),
    Items(&'static Shape),
}

/// The fields of an item.
pub(super) struct Shape {
    fields: &'static [(&'static [u8], Wanted)],
    /// Bits of the fields that are only valid together.
    together: u32,
}

/// The shape of a channel's items, `None` on channels that have none.
pub(super) const fn shape(channel: Channel, is_snapshot: bool) -> Option<&'static Shape> {
    Some(match channel {
        Channel::Balances if is_snapshot => &BALANCE,
        Channel::Balances => &LEDGER_ENTRY,
        Channel::Executions => &EXECUTION,
        Channel::Instrument => &INSTRUMENT,
        Channel::Ticker => &TICKER,
        Channel::Status => &STATUS,
        Channel::Ohlc | Channel::Trade => &ANY,
        _ => return None,
    })
}

const ANY: Shape = Shape {
    fields: &[],
    together: 0,
};

const TICKER: Shape = Shape {
    fields: &[(b"symbol", Wanted::Text)],
    together: 0,
};

const STATUS: Shape = Shape {
    fields: &[(b"system", Wanted::Text)],
    together: 0,
};

const INSTRUMENT: Shape = Shape {
    fields: &[
        (b"assets", Wanted::Items(&ANY)),
        (b"pairs", Wanted::Items(&PAIR)),
    ],
    together: 0,
};

const PAIR: Shape = Shape {
    fields: &[
        (b"symbol", Wanted::Text),
        (b"status", Wanted::Text),
        (b"qty_increment", Wanted::Number),
        (b"qty_min", Wanted::Number),
        (b"price_increment", Wanted::Number),
        (b"cost_min", Wanted::Number),
    ],
    together: 0,
};

const BALANCE: Shape = Shape {
    fields: &[
        (b"asset", Wanted::Text),
        (b"balance", Wanted::Number),
        (b"wallets", Wanted::Items(&WALLET)),
    ],
    together: 0b11,
};

const WALLET: Shape = Shape {
    fields: &[
        (b"type", Wanted::Text),
        (b"id", Wanted::Text),
        (b"balance", Wanted::Number),
    ],
    together: 0b111,
};

const LEDGER_ENTRY: Shape = Shape {
    fields: &[
        (b"asset", Wanted::Text),
        (b"amount", Wanted::Number),
        (b"balance", Wanted::Number),
        (b"ledger_id", Wanted::Text),
        (b"type", Wanted::Text),
        (b"wallet_type", Wanted::Text),
        (b"wallet_id", Wanted::Text),
        (b"user", Wanted::Text),
    ],
    together: 0b1101,
};

const EXECUTION: Shape = Shape {
    fields: &[
        (b"exec_type", Wanted::Text),
        (b"order_id", Wanted::Text),
        (b"symbol", Wanted::Text),
        (b"order_status", Wanted::Text),
        (b"side", Wanted::Text),
        (b"order_type", Wanted::Text),
        (b"order_qty", Wanted::Number),
        (b"limit_price", Wanted::Number),
        (b"order_userref", Wanted::Integer),
        (b"cl_ord_id", Wanted::Text),
        (b"timestamp", Wanted::Text),
        (b"cum_qty", Wanted::Number),
        (b"cum_cost", Wanted::Number),
        (b"avg_price", Wanted::Number),
        (b"exec_id", Wanted::Text),
        (b"last_qty", Wanted::Number),
        (b"last_price", Wanted::Number),
        (b"cost", Wanted::Number),
        (b"fees", Wanted::Items(&FEE)),
        (b"cash_order_qty", Wanted::Number),
        (b"display_qty", Wanted::Number),
        (b"expire_time", Wanted::Text),
        (b"triggers", Wanted::Item(&ANY)),
        (b"contingent", Wanted::Item(&ANY)),
        (b"ord_ref_id", Wanted::Text),
        (b"user", Wanted::Text),
    ],
    together: 0b11,
};

const FEE: Shape = Shape {
    fields: &[(b"asset", Wanted::Text), (b"qty", Wanted::Number)],
    together: 0b11,
};

/// No shape has more fields.
const MAX_FIELDS: usize = 32;

/// Reads the `data` of a message, an array or the one object of `instrument`; returns the first
/// breach in the order of the items and then of the shape's fields.
///
/// # Errors
///
/// Errors of the text.
pub(super) fn read(lexer: &mut Lexer<'_>, shape: &Shape) -> Result<Option<ParseError>> {
    if lexer.peek()? == Kind::Object {
        return read_item(lexer, shape);
    }
    read_items(lexer, shape)
}

fn read_items(lexer: &mut Lexer<'_>, shape: &Shape) -> Result<Option<ParseError>> {
    let mut breach = None;
    let mut more = lexer.first_item()?;
    while more {
        let found = read_item(lexer, shape)?;
        breach = breach.or(found);
        more = lexer.next_item()?;
    }
    Ok(breach)
}

fn read_item(lexer: &mut Lexer<'_>, shape: &Shape) -> Result<Option<ParseError>> {
    if lexer.peek()? != Kind::Object {
        return skip_as(lexer, ErrorKind::Type).map(Some);
    }
    if shape.fields.is_empty() {
        return lexer.skip_value().map(|()| None);
    }
    let missing = lexer.error(ErrorKind::Missing);
    // Of a repeated key the last one counts.
    let mut breaches = [None; MAX_FIELDS];
    let mut present = 0_u32;
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        let name = name.bytes(lexer.frame());
        let named = |(_, (field, _)): &(usize, &(&[u8], Wanted))| **field == *name;
        if let Some((index, (_, wanted))) = shape.fields.iter().enumerate().find(named)
            && let Some(entry) = breaches.get_mut(index)
        {
            let (is_present, breach) = read_field(lexer, wanted)?;
            present = present & !(1 << index) | u32::from(is_present) << index;
            *entry = breach;
        } else {
            lexer.skip_value()?;
        }
        key = lexer.next_key()?;
    }
    let is_partial = present & shape.together != 0 && present & shape.together != shape.together;
    let breach = breaches.into_iter().flatten().next();
    Ok(breach.or(is_partial.then_some(missing)))
}

/// Reads a field; returns whether it is present, and what is wrong with it.
fn read_field(lexer: &mut Lexer<'_>, wanted: &Wanted) -> Result<(bool, Option<ParseError>)> {
    match (wanted, lexer.peek()?) {
        (_, Kind::Null) => lexer.null().map(|()| (false, None)),
        (Wanted::Item(shape), Kind::Object) => read_item(lexer, shape).map(|found| (true, found)),
        (Wanted::Items(shape), Kind::Array) => read_items(lexer, shape).map(|found| (true, found)),
        _ => {
            let field = lexer.field()?;
            let wrong = wrong(lexer.frame(), field.value, wanted);
            let Field { offset, .. } = field;
            Ok((true, wrong.map(|kind| ParseError::new(kind, offset))))
        }
    }
}

fn wrong(frame: &[u8], value: Value, wanted: &Wanted) -> Option<ErrorKind> {
    match (wanted, value) {
        (Wanted::Text, Value::Text(_)) => None,
        (Wanted::Integer, Value::Number(number)) if number.is_integer() => {
            number.to_i64().is_none().then_some(ErrorKind::Number)
        }
        (Wanted::Number, Value::Number(number)) => out_of_bounds(number, frame),
        (Wanted::Number, Value::Text(text)) => {
            let text = text.bytes(frame);
            match Number::of_text(&text) {
                Some(number) => out_of_bounds(number, &text),
                None => Some(ErrorKind::Type),
            }
        }
        _ => Some(ErrorKind::Type),
    }
}

fn out_of_bounds(number: Number, frame: &[u8]) -> Option<ErrorKind> {
    (!number.is_bounded(frame)).then_some(ErrorKind::Number)
}
