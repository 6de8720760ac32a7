//! The parts of an unreadable frame that can be read before its error.

use std::collections::BTreeMap;

use super::Channel;
use crate::error::{ParseError, Result};
use crate::lexer::{Kind, Lexer, Text, Value};

/// Channel and symbols of an unreadable frame, if they could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The frame's channel.
    pub channel: Option<String>,
    /// The symbols of its items.
    pub symbols: Vec<String>,
    has_method: bool,
}

impl Recovered {
    /// The channel, if the frame was a message about books and not a reply.
    #[must_use]
    pub fn book_channel(&self) -> Option<Channel> {
        let channel = Channel::of(self.channel.as_deref()?.as_bytes());
        (!self.has_method && channel.has_books()).then_some(channel)
    }
}

/// Reads the frame up to its first byte that is not JSON.
#[must_use]
pub fn recover(frame: &[u8], error: ParseError) -> Recovered {
    let readable = if error.kind.is_protocol() {
        frame
    } else {
        frame.get(..error.offset).unwrap_or(frame)
    };
    let mut found = Recovered::default();
    // The error is known already; only what was read before it matters here.
    let _ = read_top(&mut Lexer::at(readable, 0), &mut found);
    found
}

fn read_top(lexer: &mut Lexer<'_>, found: &mut Recovered) -> Result<()> {
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        match name.bytes(lexer.frame()).as_ref() {
            b"channel" => found.channel = text(lexer)?.map(|text| decoded(lexer, text)),
            b"method" => found.has_method = lexer.field()?.value != Value::Null,
            b"data" if lexer.peek()? == Kind::Array => read_items(lexer, found)?,
            b"data" => {
                lexer.skip_value()?;
                found.symbols.clear();
            }
            _ => lexer.skip_value()?,
        }
        key = lexer.next_key()?;
    }
    Ok(())
}

fn read_items(lexer: &mut Lexer<'_>, found: &mut Recovered) -> Result<()> {
    found.symbols.clear();
    let mut symbols = BTreeMap::new();
    let outcome = read_symbols(lexer, &mut symbols);
    found.symbols.extend(symbols.into_values());
    outcome
}

/// Collects each item's symbol under the item's index; of a repeated key the last one counts.
fn read_symbols(lexer: &mut Lexer<'_>, symbols: &mut BTreeMap<usize, String>) -> Result<()> {
    let mut more = lexer.first_item()?;
    for index in 0.. {
        if !more {
            break;
        }
        if lexer.peek()? == Kind::Object {
            read_symbol(lexer, index, symbols)?;
        } else {
            lexer.skip_value()?;
        }
        more = lexer.next_item()?;
    }
    Ok(())
}

fn read_symbol(
    lexer: &mut Lexer<'_>,
    index: usize,
    symbols: &mut BTreeMap<usize, String>,
) -> Result<()> {
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        if name.is(lexer.frame(), b"symbol") {
            match text(lexer)? {
                Some(symbol) => symbols.insert(index, decoded(lexer, symbol)),
                None => symbols.remove(&index),
            };
        } else {
            lexer.skip_value()?;
        }
        key = lexer.next_key()?;
    }
    Ok(())
}

fn text(lexer: &mut Lexer<'_>) -> Result<Option<Text>> {
    Ok(match lexer.field()?.value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

fn decoded(lexer: &Lexer<'_>, text: Text) -> String {
    text.decode(lexer.frame()).into_owned()
}
