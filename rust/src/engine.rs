//! Frames of one connection to messages, notices and verified books.

mod books;
mod sequences;
mod shared;
mod sharing;
mod slot;

pub use books::Books;
pub use shared::SharedEngine;
pub use slot::{BookSlot, BookState};

use std::sync::Arc;

use crate::book::{Book, L2Book, L3Book};
use crate::error::{ErrorKind, ParseError};
use crate::lexer::Value;
use crate::message::{
    BookBatch, BookItem, Channel, DataMessage, Message, Reply, parse_message, recover,
};
use crate::shared::Writer;
use books::Applied;
use sequences::Sequences;
use slot::Verdict;

/// The message of a frame, and what the engine found out with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The frame's message, or why it cannot be read.
    pub message: Result<Message, ParseError>,
    /// The channel of a frame that cannot be read, if that much of it could be read.
    pub lost_channel: Option<String>,
    /// Whether the books of a book message now match the exchange's checksums: `None` when it is
    /// about no book.
    pub verified: Option<bool>,
    /// Events that come before the message.
    pub notices: Vec<Notice>,
}

/// An event that the messages do not state but the engine finds: a gap, a mismatch, a crossing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A private channel skipped or repeated messages.
    SequenceGap {
        /// The number that should have come.
        expected: i64,
        /// The number that came.
        received: i64,
        /// The channel.
        channel: Channel,
    },
    /// The checksum of a book does not match the exchange's.
    BookChecksum {
        /// The channel that fills the book.
        channel: Channel,
        /// Index of the book among those of the channel.
        book: usize,
        /// The exchange's checksum, `None` when the message had none.
        expected: Option<u32>,
        /// The checksum of the book.
        computed: u32,
    },
    /// A verified book has a best bid at or above its best ask, and had none before.
    BookCrossed {
        /// The channel that fills the book.
        channel: Channel,
        /// Index of the book among those of the channel.
        book: usize,
        /// Best bid price, at the scale.
        bid: u128,
        /// Best ask price, at the scale.
        ask: u128,
        /// Decimals of both.
        scale: u32,
    },
}

impl Notice {
    /// Channel and index of the book that it is about.
    #[must_use]
    pub const fn book(&self) -> Option<(Channel, usize)> {
        match self {
            Self::BookChecksum { channel, book, .. } | Self::BookCrossed { channel, book, .. } => {
                Some((*channel, *book))
            }
            Self::SequenceGap { .. } => None,
        }
    }
}

/// Counts since the engine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames fed.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that were messages.
    pub messages: u64,
    /// Messages that were replies to pings.
    pub pongs: u64,
    /// Messages of the channel `book`.
    pub book_messages: u64,
    /// Messages of the channel `level3`.
    pub level3_messages: u64,
    /// Checksums of both channels that matched.
    pub verified: u64,
    /// Checksums that did not, or were missing.
    pub mismatches: u64,
    /// Books that became crossed.
    pub crossed: u64,
    /// Gaps in the sequences of private channels.
    pub sequence_gaps: u64,
    /// Frames that could not be read.
    pub invalid_frames: u64,
    /// Messages of channels that this version does not know.
    pub unknown_channels: u64,
}

impl Counters {
    /// The counts by name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 12] {
        [
            ("frames", self.frames),
            ("bytes", self.bytes),
            ("messages", self.messages),
            ("pongs", self.pongs),
            ("book_messages", self.book_messages),
            ("level3_messages", self.level3_messages),
            ("verified", self.verified),
            ("mismatches", self.mismatches),
            ("crossed", self.crossed),
            ("sequence_gaps", self.sequence_gaps),
            ("invalid_frames", self.invalid_frames),
            ("unknown_channels", self.unknown_channels),
        ]
    }
}

/// Frames of one connection to messages, notices and verified books.
///
/// Book frames are applied and verified before [`Engine::feed`] returns. A message is applied
/// completely or not at all. Each symbol has one book of each channel, as a connection has one
/// depth a symbol.
///
/// ```
/// use kraken_connector::{BookState, Engine, Message, Side, book::Book};
///
/// let mut engine = Engine::new();
/// let frame = br#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",
///     "bids":[{"price":100.0,"qty":1.00}],"asks":[{"price":100.5,"qty":2.00}],
///     "checksum":3987161422}]}"#;
/// let outcome = engine.feed(frame, None);
/// assert!(matches!(outcome.message, Ok(Message::Data(_))));
/// assert_eq!(outcome.verified, Some(true));
///
/// let slot = engine.books().get("BTC/USD").unwrap();
/// assert_eq!(slot.state(), BookState::Valid);
/// assert_eq!(slot.book().best(Side::Bid).unwrap().price, 1000);
/// assert_eq!(slot.book().scales(), (1, 2));
/// ```
#[derive(Debug, Default)]
pub struct Engine {
    books: Books<L2Book>,
    level3_books: Books<L3Book>,
    sequences: Sequences,
    counters: Counters,
    batch: BookBatch,
}

impl Engine {
    /// An engine without books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one text frame and applies it; `received_ns` is its local receive time.
    ///
    /// A frame that cannot be read is reported in [`Outcome::message`]; nothing else fails.
    #[inline(always)]
    pub fn feed(&mut self, frame: &[u8], received_ns: Option<i64>) -> Outcome {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        let mut outcome = Outcome {
            message: parse_message(frame, &mut self.batch),
            lost_channel: None,
            verified: None,
            notices: Vec::new(),
        };
        match outcome.message {
            Ok(Message::Data(message)) if message.channel == Channel::Book => {
                self.apply(frame, &message, received_ns, &mut outcome);
            }
            Ok(Message::Data(message)) if message.channel == Channel::Level3 => {
                self.apply_level3(frame, &message, received_ns, &mut outcome);
            }
            Ok(Message::Data(message)) => self.follow(&message, &mut outcome),
            Ok(Message::Reply(reply)) if reply.success => self.acknowledge(frame, &reply),
            Ok(Message::Pong) => self.counters.pongs += 1,
            _ => {}
        }
        match outcome.message {
            Ok(_) => self.counters.messages += 1,
            Err(error) => self.refuse(frame, error, &mut outcome),
        }
        outcome
    }

    /// Counts a message whose items the caller has decoded, see [`crate::message::plain_head`];
    /// returns the gap before it, if there is one.
    pub fn feed_decoded(&mut self, frame: &[u8], message: &DataMessage) -> Option<Notice> {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        self.counters.messages += 1;
        let gap = self.sequences.follow(message);
        self.counters.sequence_gaps += u64::from(gap.is_some());
        gap
    }

    /// The aggregated books, of the channel `book`.
    #[inline]
    #[must_use]
    pub const fn books(&self) -> &Books<L2Book> {
        &self.books
    }

    /// The aggregated books, to expect a depth or to invalidate one of them.
    #[inline]
    pub const fn books_mut(&mut self) -> &mut Books<L2Book> {
        &mut self.books
    }

    /// The books of individual orders, of the channel `level3`.
    #[must_use]
    pub const fn level3_books(&self) -> &Books<L3Book> {
        &self.level3_books
    }

    /// The books of individual orders, to expect a depth or to invalidate one of them.
    pub const fn level3_books_mut(&mut self) -> &mut Books<L3Book> {
        &mut self.level3_books
    }

    /// Says up to which of the frames the caller knows what they brought; at first it is all.
    ///
    /// An engine that is fed by a thread of its own is ahead of those who call [`Books::expect`] and
    /// [`Books::invalidate`] because of earlier frames: a snapshot that they do not know of yet
    /// comes after such a call, not before it, so it stays.
    pub const fn set_seen(&mut self, frames: u64) {
        self.books.set_seen(frames);
        self.level3_books.set_seen(frames);
    }

    /// Starts a new connection: all books await a snapshot, sequences begin anew, depths
    /// from acks are forgotten.
    pub fn reset(&mut self) {
        self.sequences = Sequences::default();
        self.books.reset();
        self.level3_books.reset();
    }

    /// Shares the aggregated books with other processes, or ends that.
    pub fn share(&mut self, writer: Option<Arc<Writer>>) {
        self.books.share(writer);
    }

    /// Wakes processes that wait for shared books which changed since the last call.
    pub fn ring(&mut self) {
        self.books.ring();
    }

    /// Counts since the engine was made.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Applies a message of aggregated books, its items in order.
    #[inline(always)]
    fn apply(
        &mut self,
        frame: &[u8],
        message: &DataMessage,
        received_ns: Option<i64>,
        outcome: &mut Outcome,
    ) {
        let number = self.counters.frames;
        let moment = Moment {
            frame,
            received_ns,
            number,
        };
        let (batch, counters) = (&self.batch, &mut self.counters);
        apply_items(&mut self.books, batch, message, moment, counters, outcome);
        self.counters.book_messages += u64::from(outcome.message.is_ok());
    }

    /// The same for a message of individual orders.
    #[inline(never)]
    fn apply_level3(
        &mut self,
        frame: &[u8],
        message: &DataMessage,
        received_ns: Option<i64>,
        outcome: &mut Outcome,
    ) {
        let number = self.counters.frames;
        let moment = Moment {
            frame,
            received_ns,
            number,
        };
        let (batch, counters) = (&self.batch, &mut self.counters);
        apply_items(
            &mut self.level3_books,
            batch,
            message,
            moment,
            counters,
            outcome,
        );
        self.counters.level3_messages += u64::from(outcome.message.is_ok());
    }

    /// Checks the sequence of the private channels.
    fn follow(&mut self, message: &DataMessage, outcome: &mut Outcome) {
        if message.channel == Channel::Other {
            self.counters.unknown_channels += 1;
        }
        if let Some(gap) = self.sequences.follow(message) {
            self.counters.sequence_gaps += 1;
            outcome.notices.push(gap);
        }
    }

    /// Handles the ack of a subscribe or unsubscribe.
    #[cold]
    fn acknowledge(&mut self, frame: &[u8], reply: &Reply) {
        let subscribed = reply.method.is(frame, b"subscribe");
        if !subscribed && !reply.method.is(frame, b"unsubscribe") {
            return;
        }
        let Some(Value::Text(channel)) = reply.result_field(frame, b"channel") else {
            return;
        };
        let channel = Channel::of(&channel.bytes(frame));
        if !subscribed {
            self.sequences.forget(channel);
        }
        let Some(Value::Text(symbol)) = reply.result_field(frame, b"symbol") else {
            return;
        };
        let symbol = symbol.bytes(frame);
        let depth = reply.result_field(frame, b"depth");
        match channel {
            Channel::Book => self.books.acknowledge(&symbol, subscribed, depth),
            Channel::Level3 => self.level3_books.acknowledge(&symbol, subscribed, depth),
            _ => {}
        }
    }

    /// Counts a frame that cannot be read; the books that it may have changed turn stale.
    #[cold]
    fn refuse(&mut self, frame: &[u8], error: ParseError, outcome: &mut Outcome) {
        self.counters.invalid_frames += 1;
        let found = recover(frame, error);
        match found.book_channel() {
            Some(Channel::Book) => self.books.distrust(&found.symbols),
            Some(_) => self.level3_books.distrust(&found.symbols),
            None => {}
        }
        outcome.lost_channel = found.channel;
    }
}

/// A frame, its receive time and its number among all frames, from 1.
#[derive(Clone, Copy)]
struct Moment<'f> {
    frame: &'f [u8],
    received_ns: Option<i64>,
    number: u64,
}

/// Applies a message to its books, its items in order.
#[inline(always)]
fn apply_items<B: Book>(
    books: &mut Books<B>,
    batch: &BookBatch,
    message: &DataMessage,
    moment: Moment<'_>,
    counters: &mut Counters,
    outcome: &mut Outcome,
) {
    outcome.verified = (!batch.items().is_empty()).then_some(true);
    for item in batch.items() {
        let applied = books.apply(batch, item, message.is_snapshot, moment);
        let verified = report(counters, applied, item, B::CHANNEL, outcome);
        outcome.verified = outcome.verified.map(|all| all && verified);
    }
}

/// Counts and reports the result of an item; returns whether its book matches the exchange's.
#[inline(always)]
fn report(
    counters: &mut Counters,
    applied: Applied,
    item: &BookItem,
    channel: Channel,
    outcome: &mut Outcome,
) -> bool {
    if let Some(crossing) = applied.crossing {
        counters.crossed += 1;
        outcome.notices.push(crossing);
    }
    match applied.verdict {
        Verdict::Match => {
            counters.verified += 1;
            true
        }
        Verdict::Mismatch { expected, computed } => {
            counters.mismatches += 1;
            outcome.notices.push(Notice::BookChecksum {
                channel,
                book: applied.book,
                expected,
                computed,
            });
            false
        }
        Verdict::Unfit => {
            outcome.message = Err(ParseError::new(ErrorKind::Number, item.offset));
            false
        }
        Verdict::Ignored => false,
    }
}
