//! The lexer and `serde_json` agree on what is JSON, and on what it says.
//!
//! Tolerated differences, all of them:
//! - nesting deeper than `MAX_DEPTH` is an error here; `serde_json` allows twice as much;
//! - an object with the key under which `serde_json` hides numbers of any size is taken by it for
//!   such a number, or refused.

#![no_main]

use kraken_connector::ErrorKind;
use kraken_connector::error::Result;
use kraken_connector::lexer::{Kind, Lexer, MAX_DEPTH, Number, validate};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const PRIVATE_KEY: &str = "$serde_json::private::Number";

fuzz_target!(|data: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(data);
    match (validate(data), theirs) {
        (Ok(()), Ok(theirs)) => compare(data, &theirs),
        (Err(error), Ok(_)) => {
            assert_eq!(error.kind, ErrorKind::Depth, "only serde_json takes it");
            assert!(nesting(&data[..=error.offset]) > MAX_DEPTH);
        }
        (Ok(()), Err(error)) => {
            let text = read(&mut Lexer::new(data).unwrap()).unwrap().to_string();
            assert!(text.contains(PRIVATE_KEY), "serde_json refuses it: {error}");
        }
        (Err(_), Err(_)) => {}
    }
});

fn compare(data: &[u8], theirs: &Value) {
    let mut lexer = Lexer::new(data).unwrap();
    let ours = read(&mut lexer).unwrap();
    lexer.finish().unwrap();
    if !ours.to_string().contains(PRIVATE_KEY) {
        assert_eq!(&ours, theirs);
    }
}

/// Builds with the lexer what `serde_json` builds; of a repeated key the last value counts.
fn read(lexer: &mut Lexer<'_>) -> Result<Value> {
    Ok(match lexer.peek()? {
        Kind::Object => Value::Object(read_object(lexer)?),
        Kind::Array => Value::Array(read_array(lexer)?),
        Kind::String => Value::String(lexer.string()?.decode(lexer.frame()).into_owned()),
        Kind::Number => read_number(lexer.number()?, lexer.frame()),
        Kind::Bool => Value::Bool(lexer.bool()?),
        Kind::Null => lexer.null().map(|()| Value::Null)?,
    })
}

fn read_object(lexer: &mut Lexer<'_>) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    let mut key = lexer.first_key()?;
    while let Some(name) = key {
        members.insert(name.decode(lexer.frame()).into_owned(), read(lexer)?);
        key = lexer.next_key()?;
    }
    Ok(members)
}

fn read_array(lexer: &mut Lexer<'_>) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut more = lexer.first_item()?;
    while more {
        items.push(read(lexer)?);
        more = lexer.next_item()?;
    }
    Ok(items)
}

fn read_number(number: Number, frame: &[u8]) -> Value {
    let lexeme = std::str::from_utf8(number.lexeme(frame)).unwrap();
    Value::Number(lexeme.parse().unwrap())
}

/// The deepest nesting in some JSON text.
fn nesting(text: &[u8]) -> u32 {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_u32, 0, false, false);
    for &byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
