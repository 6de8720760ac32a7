//! A frame read by comparing it with fixed texts.

use crate::decimal::Decimal;
use crate::lexer::{Text, digits};

/// A time as the exchange writes it in book messages, with its closing quote.
const TIME: &[u8; 28] = b"0000-00-00T00:00:00.000000Z\"";

/// A position in a frame.
pub(super) struct Cursor<'f> {
    pub(super) frame: &'f [u8],
    /// What was not read yet.
    rest: &'f [u8],
}

impl<'f> Cursor<'f> {
    #[inline(always)]
    pub(super) const fn new(frame: &'f [u8]) -> Self {
        Self { frame, rest: frame }
    }

    /// The offset of the next byte.
    #[inline(always)]
    pub(super) const fn at(&self) -> usize {
        self.frame.len().wrapping_sub(self.rest.len())
    }

    /// Goes to an offset.
    #[inline(always)]
    pub(super) fn go_to(&mut self, at: usize) {
        self.rest = self.frame.get(at..).unwrap_or_default();
    }

    /// Reads exactly `text`.
    #[inline(always)]
    pub(super) fn take<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (next, rest) = self.rest.split_first_chunk()?;
        if next != text {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// Reads `text`, which must be the rest.
    #[inline(always)]
    pub(super) fn end<const N: usize>(&self, text: &[u8; N]) -> Option<()> {
        (self.rest == text).then_some(())
    }

    #[inline(always)]
    pub(super) fn next_two(&mut self) -> Option<[u8; 2]> {
        let (two, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*two)
    }

    /// A string, from its content on: printable ASCII without escapes.
    #[inline(always)]
    pub(super) fn text(&mut self) -> Option<Text> {
        let length = digits::plain_ascii_end(self.rest, 0);
        let (b'"', rest) = self.rest.get(length..)?.split_first()? else {
            return None;
        };
        let start = self.at();
        self.rest = rest;
        Some(Text::new(start, start.wrapping_add(length), false))
    }

    /// The same, for a time.
    #[inline(always)]
    pub(super) fn time(&mut self) -> Option<Text> {
        let Some((text, rest)) = self.rest.split_first_chunk() else {
            return self.text();
        };
        if !digits::has_form(text, TIME) {
            return self.text();
        }
        let start = self.at();
        self.rest = rest;
        Some(Text::new(start, start.wrapping_add(TIME.len() - 1), false))
    }

    /// A number of few digits without sign and exponent.
    #[inline(always)]
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        let number = digits::read_number(self.rest)?;
        self.rest = self.rest.get(number.length..)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 19")]
        Some(Decimal::short(number.mantissa, number.decimals as u32))
    }

    #[inline(always)]
    pub(super) fn integer(&mut self) -> Option<i64> {
        let (value, length) = digits::read_integer(self.rest)?;
        self.rest = self.rest.get(length..)?;
        i64::try_from(value).ok()
    }
}
