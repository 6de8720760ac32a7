//! The core of kraken-connector-rs: frames of Kraken's WebSocket API v2 in, events and books out.
//!
//! The engine is a function of its input: it owns no socket, clock, thread, logger or callback. Bytes
//! from the wire are never trusted, and prices and quantities never pass through a binary float on
//! their way into a book or a checksum.
//!
//! ```text
//! frame bytes ──► lexer ──► message ──► book ──► checksum ──► event
//! ```
//!
//! [`Engine`] does all of it; the modules can be used alone. The feature `tls` adds what brings the
//! bytes, on Unix: `socket`, `tls` and `reader`, which the engine does not use. The feature `python`
//! adds the extension module, the only part that uses an interpreter.

// Bytes from the wire must not be able to panic.
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![deny(clippy::undocumented_unsafe_blocks)]

pub mod book;
pub mod checksum;
mod crc32;
pub mod decimal;
pub mod engine;
pub mod error;
pub mod lexer;
pub mod message;
#[cfg(all(unix, feature = "tls"))]
pub mod reader;
pub mod shared;
pub mod short_text;
#[cfg(all(unix, feature = "tls"))]
pub mod socket;
pub mod time;
#[cfg(all(unix, feature = "tls"))]
pub mod tls;
pub mod websocket;

#[cfg(feature = "python")]
mod python;

pub use book::{Book, L2Book, L3Book, Level, Side};
pub use decimal::Decimal;
pub use engine::{BookSlot, BookState, Books, Engine, Notice, Outcome, SharedEngine};
pub use error::{ErrorKind, ParseError};
pub use message::{Message, parse_message};
