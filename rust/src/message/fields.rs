//! Fields of an object: what they must be, and how a breach of the protocol is reported.

use crate::decimal::Decimal;
use crate::error::{ErrorKind, ParseError, Result};
use crate::lexer::{Field, Lexer, Text, Value};

/// A value, or how it breaks the protocol. The `Result` around it is for frames that are not JSON.
pub(super) type Checked<T> = std::result::Result<T, ParseError>;

pub(super) fn required_decimal(
    lexer: &mut Lexer<'_>,
    missing: ParseError,
) -> Result<Checked<Decimal>> {
    let Field { offset, value } = lexer.field()?;
    Ok(match value {
        Value::Number(number) => number.decimal(lexer.frame()),
        Value::Null => Err(missing),
        _ => Err(ParseError::new(ErrorKind::Type, offset)),
    })
}

#[inline]
pub(super) fn required_text(lexer: &mut Lexer<'_>, missing: ParseError) -> Result<Checked<Text>> {
    let Field { offset, value } = lexer.field()?;
    Ok(match value {
        Value::Text(text) => Ok(text),
        Value::Null => Err(missing),
        _ => Err(ParseError::new(ErrorKind::Type, offset)),
    })
}

#[inline]
pub(super) fn optional_text(lexer: &mut Lexer<'_>) -> Result<Option<Text>> {
    let field = lexer.field()?;
    Ok(match field.value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

#[cold]
pub(super) fn skip_as(lexer: &mut Lexer<'_>, kind: ErrorKind) -> Result<ParseError> {
    let error = lexer.error(kind);
    lexer.skip_value()?;
    Ok(error)
}
