//! A pull lexer for JSON over the bytes of one frame.
//!
//! The caller reads the types that it expects. Tokens are offsets into the frame, nothing is
//! allocated. The grammar is strict (RFC 8259), nesting is bounded, and every error has an offset:
//! the first byte that no valid text has there, or the length of a text that ends too early.
//!
//! ```
//! use kraken_connector::lexer::Lexer;
//!
//! let frame = br#"{"price":64000.10}"#;
//! let mut lexer = Lexer::new(frame)?;
//! let key = lexer.first_key()?.unwrap();
//! assert!(key.is(frame, b"price"));
//! let price = lexer.number()?.decimal(frame)?;
//! assert_eq!((price.mantissa(), price.scale()), (6_400_010, 2));
//! assert!(lexer.next_key()?.is_none());
//! lexer.finish()?;
//! # Ok::<(), kraken_connector::ParseError>(())
//! ```

pub(crate) mod digits;
#[cfg(any(test, feature = "python"))]
mod key;
mod number;
mod skip;
mod string;

#[cfg(feature = "python")]
pub(crate) use key::ExpectedKey;
pub use number::Number;
pub use string::Text;

#[cfg(feature = "python")]
use crate::decimal::Decimal;
use crate::error::{ErrorKind, ParseError, Result};

/// Arrays and objects may be nested this deep. The protocol needs 5.
pub const MAX_DEPTH: u32 = 64;

/// Frames of this length and longer are refused, at this offset: the largest that the exchange
/// sends are below a megabyte.
pub const MAX_FRAME: usize = 1 << 30;

/// The JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{}`
    Object,
    /// `[]`
    Array,
    /// `""`
    String,
    /// `0`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// A value and its offset, as far as the reader of an envelope needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Offset of the value.
    pub offset: usize,
    /// The value.
    pub value: Value,
}

/// A value; of arrays and objects only the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(Text),
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Bool(bool),
    /// `null`, which counts as absent.
    Null,
    /// An array, checked and skipped.
    Array,
    /// An object, checked and skipped.
    Object,
}

/// A position in a frame of valid UTF-8.
#[derive(Clone, Debug)]
pub struct Lexer<'f> {
    frame: &'f [u8],
    at: usize,
    depth: u32,
}

impl<'f> Lexer<'f> {
    /// A lexer before the first byte of `frame`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encoding`], [`ErrorKind::Empty`], or beyond [`MAX_FRAME`].
    #[inline]
    pub fn new(frame: &'f [u8]) -> Result<Self> {
        let lexer = Self::at(frame, 0);
        if !digits::is_ascii(frame) {
            lexer.check_utf8()?;
        }
        match frame.first() {
            Some(b'{') if frame.len() < MAX_FRAME => Ok(lexer),
            _ => lexer.check_content(),
        }
    }

    /// A lexer at byte `at` of a frame that was checked before.
    #[must_use]
    pub const fn at(frame: &'f [u8], at: usize) -> Self {
        Self::inside(frame, at, 0)
    }

    /// Like [`Lexer::at`], inside of `depth` arrays and objects.
    #[must_use]
    pub(crate) const fn inside(frame: &'f [u8], at: usize, depth: u32) -> Self {
        Self { frame, at, depth }
    }

    /// The next byte to be read.
    #[inline]
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The frame.
    #[inline]
    #[must_use]
    pub const fn frame(&self) -> &'f [u8] {
        self.frame
    }

    /// The type of the next value, which is not read yet; the offset is then its first byte.
    ///
    /// # Errors
    ///
    /// No value begins here.
    #[inline]
    pub fn peek(&mut self) -> Result<Kind> {
        match self.skip_space()? {
            b'"' => Ok(Kind::String),
            b'0'..=b'9' | b'-' => Ok(Kind::Number),
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }

    /// Enters an object and returns its first key, or `None` after an empty one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is no object; errors of the text.
    #[inline]
    pub fn first_key(&mut self) -> Result<Option<Text>> {
        self.expect(Kind::Object)?;
        self.enter()?;
        if self.skip_space()? == b'}' {
            self.leave();
            return Ok(None);
        }
        self.key().map(Some)
    }

    /// Returns the key after a value, or `None` when the object ended.
    ///
    /// # Errors
    ///
    /// Errors of the text.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<Text>> {
        match self.skip_space()? {
            b',' => {
                self.at += 1;
                self.skip_space()?;
                self.key().map(Some)
            }
            b'}' => {
                self.leave();
                Ok(None)
            }
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }

    /// Enters an array and returns whether an item follows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is no array; errors of the text.
    #[inline]
    pub fn first_item(&mut self) -> Result<bool> {
        self.expect(Kind::Array)?;
        self.enter()?;
        if self.skip_space()? == b']' {
            self.leave();
            return Ok(false);
        }
        Ok(true)
    }

    /// Returns whether another item follows the one just read.
    ///
    /// # Errors
    ///
    /// Errors of the text.
    #[inline]
    pub fn next_item(&mut self) -> Result<bool> {
        match self.skip_space()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b']' => {
                self.leave();
                Ok(false)
            }
            _ => Err(self.error(ErrorKind::Syntax)),
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is no string; errors of the text.
    #[inline]
    pub fn string(&mut self) -> Result<Text> {
        self.expect(Kind::String)?;
        self.text()
    }

    /// Reads a number.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is no number; errors of the text.
    #[inline]
    pub fn number(&mut self) -> Result<Number> {
        match self.frame.get(self.at) {
            Some(b'0'..=b'9') => {}
            _ => self.expect(Kind::Number)?,
        }
        let number = number::scan(self.frame, self.at)?;
        self.at = number.end();
        Ok(number)
    }

    /// Reads the next number as a float, if it has few digits and no exponent.
    #[cfg(feature = "python")]
    #[inline]
    pub(crate) fn short_float(&mut self) -> Option<f64> {
        let is_negative = self.frame.get(self.at) == Some(&b'-');
        let start = self.at + usize::from(is_negative);
        let number = digits::read_number(self.frame.get(start..)?)?;
        let end = start + number.length;
        let goes_on = matches!(self.frame.get(end), Some(b'e' | b'E'));
        // The integer -0 is 0, the float -0.0 is not.
        let is_integer_zero = number.mantissa == 0 && number.decimals == 0;
        let float = crate::decimal::exact_float(number.mantissa, number.decimals)?;
        if goes_on || is_negative && is_integer_zero {
            return None;
        }
        self.at = end;
        Some(if is_negative { -float } else { float })
    }

    /// Reads the next number exactly, with its text, if it has few digits and neither sign nor
    /// exponent.
    #[cfg(feature = "python")]
    #[inline]
    pub(crate) fn short_decimal(&mut self) -> Option<(Decimal, &'f str)> {
        let number = digits::read_number(self.frame.get(self.at..)?)?;
        let end = self.at + number.length;
        if matches!(self.frame.get(end), Some(b'e' | b'E')) {
            return None;
        }
        let lexeme = std::str::from_utf8(self.frame.get(self.at..end)?).ok()?;
        self.at = end;
        #[expect(clippy::cast_possible_truncation, reason = "at most 19")]
        Some((
            Decimal::short(number.mantissa, number.decimals as u32),
            lexeme,
        ))
    }

    /// Reads the next number, if it is an integer of few digits and no sign.
    #[cfg(feature = "python")]
    #[inline]
    pub(crate) fn short_integer(&mut self) -> Option<u64> {
        if !matches!(self.frame.get(self.at), Some(b'0'..=b'9')) {
            return None;
        }
        let (value, length) = digits::read_integer(self.frame.get(self.at..)?)?;
        let end = self.at + length;
        if matches!(self.frame.get(end), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at = end;
        Some(value)
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is neither; errors of the text.
    pub fn bool(&mut self) -> Result<bool> {
        self.expect(Kind::Bool)?;
        let value = self.frame.get(self.at) == Some(&b't');
        self.literal(if value { b"true" } else { b"false" })?;
        Ok(value)
    }

    /// Reads `null`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Type`] when the next value is another; errors of the text.
    pub fn null(&mut self) -> Result<()> {
        self.expect(Kind::Null)?;
        self.literal(b"null")
    }

    /// Reads a value of any type; arrays and objects are checked and skipped.
    ///
    /// # Errors
    ///
    /// Errors of the text.
    pub fn field(&mut self) -> Result<Field> {
        let kind = self.peek()?;
        let offset = self.at;
        let value = match kind {
            Kind::String => Value::Text(self.text()?),
            Kind::Number => Value::Number(self.number()?),
            Kind::Bool => Value::Bool(self.bool()?),
            Kind::Null => self.null().map(|()| Value::Null)?,
            Kind::Array => self.skip_value().map(|()| Value::Array)?,
            Kind::Object => self.skip_value().map(|()| Value::Object)?,
        };
        Ok(Field { offset, value })
    }

    /// Reads the next key if it is this one in the exchange's format, which is cheaper than reading
    /// tokens.
    #[inline(always)]
    #[cfg(feature = "python")]
    pub(crate) fn next_if_key(&mut self, key: &ExpectedKey) -> bool {
        let hit = key.comes_at(self.frame, self.at);
        self.at += if hit { key.length() } else { 0 };
        hit
    }

    /// Enters an object if it begins with this key.
    #[inline]
    #[cfg(feature = "python")]
    pub(crate) fn first_if_key(&mut self, key: &ExpectedKey) -> Result<bool> {
        let hit = self.frame.get(self.at) == Some(&b'{') && key.comes_first_at(self.frame, self.at);
        if hit {
            self.enter()?;
            self.at += key.length() - 1;
        }
        Ok(hit)
    }

    /// Checks that nothing but whitespace follows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailing`].
    #[inline]
    pub fn finish(&mut self) -> Result<()> {
        while let Some(byte) = self.frame.get(self.at) {
            if !is_space(*byte) {
                return Err(self.error(ErrorKind::Trailing));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// An error at the present offset.
    #[cold]
    #[must_use]
    pub const fn error(&self, kind: ErrorKind) -> ParseError {
        ParseError::new(kind, self.at)
    }

    #[inline]
    fn key(&mut self) -> Result<Text> {
        if self.frame.get(self.at) != Some(&b'"') {
            return Err(self.error(ErrorKind::Syntax));
        }
        let key = self.text()?;
        if self.skip_space()? != b':' {
            return Err(self.error(ErrorKind::Syntax));
        }
        self.at += 1;
        Ok(key)
    }

    /// Reads the string whose opening quote comes next.
    #[inline]
    fn text(&mut self) -> Result<Text> {
        let (text, end) = string::scan(self.frame, self.at + 1)?;
        self.at = end + 1;
        Ok(text)
    }

    #[cold]
    fn literal(&mut self, word: &[u8]) -> Result<()> {
        for &wanted in word {
            match self.frame.get(self.at) {
                Some(&byte) if byte == wanted => self.at += 1,
                Some(_) => return Err(self.error(ErrorKind::Syntax)),
                None => return Err(self.error(ErrorKind::Truncated)),
            }
        }
        Ok(())
    }

    #[inline]
    fn expect(&mut self, kind: Kind) -> Result<()> {
        if self.peek()? == kind {
            Ok(())
        } else {
            Err(self.error(ErrorKind::Type))
        }
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(ErrorKind::Depth));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    const fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    /// The next byte that is no whitespace; it is not read yet.
    #[inline(always)]
    fn skip_space(&mut self) -> Result<u8> {
        match self.frame.get(self.at) {
            Some(&byte) if !is_space(byte) => Ok(byte),
            _ => self.skip_long_space(),
        }
    }

    #[inline(never)]
    fn skip_long_space(&mut self) -> Result<u8> {
        while let Some(&byte) = self.frame.get(self.at) {
            if !is_space(byte) {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(self.error(ErrorKind::Truncated))
    }

    fn check_content(self) -> Result<Self> {
        if self.frame.iter().all(|&byte| is_space(byte)) {
            return Err(ParseError::new(ErrorKind::Empty, 0));
        }
        if self.frame.len() >= MAX_FRAME {
            return Err(ParseError::new(ErrorKind::Syntax, MAX_FRAME));
        }
        Ok(self)
    }

    /// Finds the first error of a frame that is not UTF-8: the invalid bytes, unless the JSON is
    /// wrong before them or they are outside of a string.
    #[cold]
    fn check_utf8(&self) -> Result<()> {
        let Err(error) = std::str::from_utf8(self.frame) else {
            return Ok(());
        };
        let invalid = error.valid_up_to();
        let mut scan = Self::at(self.frame, 0);
        match scan.skip_value().and_then(|()| scan.finish()) {
            Err(earlier) if earlier.offset <= invalid => Err(earlier),
            _ => Err(ParseError::new(ErrorKind::Encoding, invalid)),
        }
    }
}

/// Checks that `frame` is one JSON value in UTF-8.
///
/// ```
/// use kraken_connector::{ErrorKind, lexer::validate};
///
/// assert!(validate(b"[1, 2]").is_ok());
/// let error = validate(b"[1, 2").unwrap_err();
/// assert_eq!((error.kind, error.offset), (ErrorKind::Truncated, 5));
/// ```
///
/// # Errors
///
/// Every kind that is not [`ErrorKind::is_protocol`].
pub fn validate(frame: &[u8]) -> Result<()> {
    let mut lexer = Lexer::new(frame)?;
    lexer.skip_value()?;
    lexer.finish()
}

#[inline]
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
