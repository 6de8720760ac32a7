//! JSON strings: their ends and their escapes.

use std::borrow::Cow;
use std::num::NonZeroU32;

use super::digits::plain_end;
use crate::error::{ErrorKind, ParseError, Result};

/// A string in a frame: its offsets, quotes excluded, and whether it has escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    start: u32,
    /// The length times two, plus one if there are escapes, plus one: a message holds several texts
    /// and is moved about, so they are small, and no larger where they are optional.
    extent: NonZeroU32,
}

impl Text {
    /// The content between `start` and `end`, both below [`super::MAX_FRAME`].
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a frame has less than 2^31 bytes"
    )]
    pub(crate) const fn new(start: usize, end: usize, is_escaped: bool) -> Self {
        Self {
            start: start as u32,
            extent: NonZeroU32::MIN
                .saturating_add((end.wrapping_sub(start) as u32) << 1 | is_escaped as u32),
        }
    }

    #[inline(always)]
    const fn measure(self) -> u32 {
        self.extent.get() - 1
    }

    /// Whether it has escapes.
    #[inline]
    #[must_use]
    pub const fn is_escaped(self) -> bool {
        self.measure() & 1 == 1
    }

    /// The content as written in the frame, escapes included.
    #[inline]
    #[must_use]
    pub fn raw(self, frame: &[u8]) -> &[u8] {
        let start = self.start as usize;
        let end = start + (self.measure() >> 1) as usize;
        frame.get(start..end).unwrap_or_default()
    }

    /// The content as one number with its length in the highest byte; `None` beyond fifteen bytes
    /// and with escapes.
    #[cfg(any(test, feature = "python"))]
    #[inline]
    pub(crate) fn short(self, frame: &[u8]) -> Option<u128> {
        let length = self.measure() >> 1;
        if length > 15 || self.is_escaped() {
            return None;
        }
        let start = self.start as usize;
        let content = match frame.get(start..).and_then(<[u8]>::first_chunk) {
            Some(word) => u128::from_le_bytes(*word) & !(u128::MAX << (8 * length)),
            None => last_word(self.raw(frame)),
        };
        Some(content | u128::from(length) << 120)
    }

    /// The content; copied only when it has escapes.
    #[inline(always)]
    #[must_use]
    pub fn bytes(self, frame: &[u8]) -> Cow<'_, [u8]> {
        if self.is_escaped() {
            Cow::Owned(unescape(self.raw(frame)))
        } else {
            Cow::Borrowed(self.raw(frame))
        }
    }

    /// The content as text.
    #[must_use]
    pub fn decode(self, frame: &[u8]) -> Cow<'_, str> {
        match self.bytes(frame) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Whether the content is `text`.
    #[inline]
    #[must_use]
    pub fn is(self, frame: &[u8], text: &[u8]) -> bool {
        *self.bytes(frame) == *text
    }
}

/// The number of a content so close to the frame's end that no sixteen bytes can be read.
#[cfg(any(test, feature = "python"))]
#[cold]
fn last_word(content: &[u8]) -> u128 {
    let bytes = content.iter().rev();
    bytes.fold(0, |number, &byte| number << 8 | u128::from(byte))
}

/// The string whose content begins at `start`, and the offset of its closing quote.
#[inline]
pub(super) fn scan(frame: &[u8], start: usize) -> Result<(Text, usize)> {
    let mut at = plain_end(frame, start);
    let mut is_escaped = false;
    loop {
        match frame.get(at) {
            Some(b'"') => return Ok((Text::new(start, at, is_escaped), at)),
            Some(b'\\') => {
                is_escaped = true;
                at = plain_end(frame, escape_end(frame, at)?);
            }
            Some(_) => return Err(ParseError::new(ErrorKind::Syntax, at)),
            None => return Err(ParseError::new(ErrorKind::Truncated, frame.len())),
        }
    }
}

/// Checks the escape whose backslash is at `at`, and returns where it ends. A high surrogate and
/// the low one after it are one escape; a surrogate alone stands for no character.
fn escape_end(frame: &[u8], at: usize) -> Result<usize> {
    match frame.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(frame, at + 2)? {
            0xD800..=0xDBFF => low_surrogate(frame, at),
            0xDC00..=0xDFFF => Err(ParseError::new(ErrorKind::Syntax, at)),
            _ => Ok(at + 6),
        },
        Some(_) => Err(ParseError::new(ErrorKind::Syntax, at + 1)),
        None => Err(ParseError::new(ErrorKind::Truncated, frame.len())),
    }
}

/// Checks the second half of the pair whose first half's backslash is at `high`.
fn low_surrogate(frame: &[u8], high: usize) -> Result<usize> {
    let at = high + 6;
    for (place, wanted) in [(at, b'\\'), (at + 1, b'u')] {
        match frame.get(place) {
            Some(&byte) if byte == wanted => {}
            Some(_) => return Err(ParseError::new(ErrorKind::Syntax, high)),
            None => return Err(ParseError::new(ErrorKind::Truncated, frame.len())),
        }
    }
    match hex4(frame, at + 2)? {
        0xDC00..=0xDFFF => Ok(at + 6),
        _ => Err(ParseError::new(ErrorKind::Syntax, high)),
    }
}

fn hex4(frame: &[u8], at: usize) -> Result<u32> {
    let mut value = 0;
    for place in at..at + 4 {
        let Some(&byte) = frame.get(place) else {
            return Err(ParseError::new(ErrorKind::Truncated, frame.len()));
        };
        let Some(digit) = char::from(byte).to_digit(16) else {
            return Err(ParseError::new(ErrorKind::Syntax, place));
        };
        value = value * 16 + digit;
    }
    Ok(value)
}

/// The content of a string that was scanned before, its escapes replaced.
#[cold]
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte == b'\\' {
            let (character, length) = unescape_one(raw, at);
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += length;
        } else {
            plain.push(byte);
            at += 1;
        }
    }
    plain
}

/// The character of the escape at `at`, and the length of the escape.
fn unescape_one(raw: &[u8], at: usize) -> (char, usize) {
    let simple = match raw.get(at + 1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(raw, at),
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 2)
}

fn unescape_unicode(raw: &[u8], at: usize) -> (char, usize) {
    let high = hex4(raw, at + 2).unwrap_or(0xFFFD);
    if !(0xD800..0xDC00).contains(&high) {
        return (
            char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER),
            6,
        );
    }
    let low = hex4(raw, at + 8).unwrap_or(0xDC00);
    let code = 0x1_0000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00);
    (
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        12,
    )
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn a_short_text_is_the_same_number_wherever_it_stands() {
        let content = b"0123456789abcdef";
        for length in 0..=content.len() {
            let text = &content[..length];
            let at_end = Text::new(0, length, false).short(text);
            let frame = [b"{\"", text, b"\":1234567890123456}"].concat();
            assert_eq!(Text::new(2, length + 2, false).short(&frame), at_end);
            assert_eq!(at_end.is_some(), length < 16);
            let with_nul = Text::new(0, length + 1, false).short(&[text, b"\0"].concat());
            assert!(at_end.is_none() || with_nul != at_end);
            assert_eq!(Text::new(2, length + 2, true).short(&frame), None);
        }
    }
}
