//! A frame read by comparing it with fixed texts.

use crate::decimal::Decimal;
use crate::lexer::{Text, digits};

/// A position in a frame.
pub(super) struct Cursor<'f> {
    pub(super) frame: &'f [u8],
    pub(super) at: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Reads exactly `text`.
    #[inline(always)]
    pub(super) fn take<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let hit = self.rest().first_chunk() == Some(text);
        self.at += if hit { N } else { 0 };
        hit.then_some(())
    }

    #[inline(always)]
    pub(super) fn next_two(&mut self) -> Option<[u8; 2]> {
        let two = *self.rest().first_chunk()?;
        self.at += 2;
        Some(two)
    }

    /// A string, from its content on: printable ASCII without escapes.
    #[inline(always)]
    pub(super) fn text(&mut self) -> Option<Text> {
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
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        let number = digits::read_number(self.frame, &mut self.at)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 19")]
        Some(Decimal::short(number.mantissa, number.decimals as u32))
    }

    #[inline(always)]
    pub(super) fn integer(&mut self) -> Option<i64> {
        i64::try_from(digits::read_integer(self.frame, &mut self.at)?).ok()
    }
}
