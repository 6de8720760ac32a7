//! Errors of frames: a kind and an offset, small and `Copy`.

use std::fmt;

/// The kinds of errors, the same as `ParseError.KINDS` of the Python package.
///
/// The rules of the protocol are only checked in valid JSON: a frame that is not JSON in UTF-8 has
/// one of the first six kinds or [`ErrorKind::Depth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The frame is empty but for whitespace.
    Empty,
    /// The frame is not UTF-8.
    Encoding,
    /// No JSON text has this byte here.
    Syntax,
    /// The JSON text ends too early.
    Truncated,
    /// Something follows the JSON value.
    Trailing,
    /// Arrays and objects are nested deeper than [`crate::lexer::MAX_DEPTH`].
    Depth,
    /// A number that cannot be represented, or that the field cannot hold.
    Number,
    /// A value of another type than the protocol has.
    Type,
    /// A field that the protocol requires is missing.
    Missing,
    /// The message has neither a channel nor a method.
    Unclassified,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Empty,
        Self::Encoding,
        Self::Syntax,
        Self::Truncated,
        Self::Trailing,
        Self::Depth,
        Self::Number,
        Self::Type,
        Self::Missing,
        Self::Unclassified,
    ];

    /// The kind's name in `ParseError.KINDS`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Encoding => "encoding",
            Self::Syntax => "syntax",
            Self::Truncated => "truncated",
            Self::Trailing => "trailing",
            Self::Depth => "depth",
            Self::Number => "number",
            Self::Type => "type",
            Self::Missing => "missing",
            Self::Unclassified => "unclassified",
        }
    }

    /// Whether the frame is JSON and only breaks the rules of the protocol.
    #[must_use]
    pub const fn is_protocol(self) -> bool {
        matches!(
            self,
            Self::Number | Self::Type | Self::Missing | Self::Unclassified
        )
    }
}

/// Why a frame cannot be read, and where.
///
/// ```
/// use kraken_connector::{ErrorKind, parse_message, message::BookBatch};
///
/// let error = parse_message(br#"{"channel":"book"}"#, &mut BookBatch::default()).unwrap_err();
/// assert_eq!((error.kind, error.offset), (ErrorKind::Missing, 0));
/// assert_eq!(error.to_string(), "missing at byte 0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset in the frame.
    pub offset: usize,
}

impl ParseError {
    /// An error of `kind` at byte `offset`.
    #[must_use]
    pub const fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind.name(), self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Most results of the core.
pub type Result<T> = std::result::Result<T, ParseError>;
