//! Values that are checked and skipped.
//!
//! Most bytes of most frames are skipped when their message is made, so no tokens are made of
//! them.

use super::{Lexer, digits, number, string};
use crate::error::{ErrorKind, Result};

impl Lexer<'_> {
    /// Checks a value of any type and skips it.
    ///
    /// # Errors
    ///
    /// Errors of the text.
    pub fn skip_value(&mut self) -> Result<()> {
        let base = self.depth;
        let mut objects = 0_u64; // one bit a level, the innermost lowest: whether it is an object
        loop {
            match self.skip_space()? {
                b'"' => self.skip_text()?,
                b'0'..=b'9' | b'-' => self.skip_number()?,
                b'{' => {
                    self.enter()?;
                    objects = objects << 1 | 1;
                    if self.skip_space()? != b'}' {
                        self.skip_key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter()?;
                    objects <<= 1;
                    if self.skip_space()? != b']' {
                        continue;
                    }
                }
                _ => self.skip_word()?,
            }
            if self.skip_ends(base, &mut objects)? {
                return Ok(());
            }
        }
    }

    /// Reads what follows a value: the ends of arrays and objects, up to the comma before the next
    /// value. Returns whether the value at depth `base` ended.
    #[inline(always)]
    fn skip_ends(&mut self, base: u32, objects: &mut u64) -> Result<bool> {
        while self.depth > base {
            let in_object = *objects & 1 == 1;
            match (self.skip_space()?, in_object) {
                (b',', true) => {
                    self.at += 1;
                    self.skip_space()?;
                    self.skip_key()?;
                    return Ok(false);
                }
                (b',', false) => {
                    self.at += 1;
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => {
                    self.leave();
                    *objects >>= 1;
                }
                _ => return Err(self.error(ErrorKind::Syntax)),
            }
        }
        Ok(true)
    }

    #[inline(always)]
    fn skip_key(&mut self) -> Result<()> {
        if self.frame.get(self.at) != Some(&b'"') {
            return Err(self.error(ErrorKind::Syntax));
        }
        self.skip_text()?;
        if self.skip_space()? != b':' {
            return Err(self.error(ErrorKind::Syntax));
        }
        self.at += 1;
        Ok(())
    }

    /// Skips the string whose opening quote comes next.
    #[inline(always)]
    fn skip_text(&mut self) -> Result<()> {
        let end = digits::plain_end(self.frame, self.at + 1);
        if self.frame.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(());
        }
        let (_, end) = string::scan(self.frame, self.at + 1)?;
        self.at = end + 1;
        Ok(())
    }

    /// Skips the next number: the fast path is digits, a point and digits; others are scanned.
    #[inline(always)]
    fn skip_number(&mut self) -> Result<()> {
        let start = self.at + usize::from(self.frame.get(self.at) == Some(&b'-'));
        let point = digits::run_of_digits_end(self.frame, start);
        let leads_with_zero = self.frame.get(start) == Some(&b'0') && point - start > 1;
        if self.frame.get(point) == Some(&b'.') && point > start && !leads_with_zero {
            let end = digits::run_of_digits_end(self.frame, point + 1);
            let goes_on = matches!(self.frame.get(end), Some(b'e' | b'E'));
            if end > point + 1 && !goes_on {
                self.at = end;
                return Ok(());
            }
        }
        self.at = number::scan(self.frame, self.at)?.end();
        Ok(())
    }

    #[cold]
    fn skip_word(&mut self) -> Result<()> {
        match self.frame.get(self.at) {
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }
}
