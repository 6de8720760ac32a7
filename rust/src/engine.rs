//! Frames of one connection to messages, notices and verified books.

mod books;
mod sequence;

pub use books::{BookSlot, BookState};

use crate::error::{ErrorKind, ParseError};
use crate::lexer::Value;
use crate::message::{
    BookBatch, BookItem, Channel, DataMessage, Message, Reply, parse_message, salvage,
};
use books::{Books, DEPTHS, Taken, Verdict};
use sequence::Sequences;

/// What a frame said, and what the engine noticed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The frame's message, or why it cannot be read.
    pub message: Result<Message, ParseError>,
    /// The channel of a frame that cannot be read, where it could still be told.
    pub lost_channel: Option<String>,
    /// Whether the books of a book message now match the exchange's checksums: `None` when it is
    /// about no book.
    pub verified: Option<bool>,
    /// What comes before the message.
    pub notices: Vec<Notice>,
}

/// Something about a stream that its messages do not say themselves.
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
    /// A book stopped being the exchange's.
    BookChecksum {
        /// Index of the book.
        book: usize,
        /// The exchange's checksum, `None` when the message had none.
        expected: Option<u32>,
        /// The checksum of the book at hand.
        computed: u32,
    },
    /// A verified book has a best bid at or above its best ask, and had none before.
    BookCrossed {
        /// Index of the book.
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
    /// Index of the book that it is about.
    #[must_use]
    pub const fn book(&self) -> Option<usize> {
        match self {
            Self::BookChecksum { book, .. } | Self::BookCrossed { book, .. } => Some(*book),
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
    /// Messages of the channel `book`.
    pub book_messages: u64,
    /// Checksums that matched.
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
    pub const fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("frames", self.frames),
            ("bytes", self.bytes),
            ("messages", self.messages),
            ("book_messages", self.book_messages),
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
/// completely or not at all. Each symbol has one book, as a connection has one depth a symbol.
#[derive(Debug, Default)]
pub struct Engine {
    books: Books,
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

    /// Takes one text frame; `received_ns` is its local receive time.
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
            Ok(Message::Data(message)) => self.follow(&message, &mut outcome),
            Ok(Message::Reply(reply)) if reply.success => self.acknowledge(frame, &reply),
            _ => {}
        }
        match outcome.message {
            Ok(_) => self.counters.messages += 1,
            Err(error) => self.refuse(frame, error, &mut outcome),
        }
        outcome
    }

    /// Takes a message whose items a caller has decoded by itself, see
    /// [`crate::message::plain_head`]; returns what comes before it.
    pub fn take_plain(&mut self, frame: &[u8], message: &DataMessage) -> Option<Notice> {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        self.counters.messages += 1;
        let gap = self.sequences.follow(message);
        self.counters.sequence_gaps += u64::from(gap.is_some());
        gap
    }

    /// The index of the book of `symbol`, made when first asked for; it never changes.
    pub fn book_index(&mut self, symbol: &str) -> usize {
        self.books.index(symbol.as_bytes())
    }

    /// The book at `index`.
    #[inline]
    #[must_use]
    pub fn book(&self, index: usize) -> Option<&BookSlot> {
        self.books.slots().get(index)
    }

    /// The book at `index`, to compute on; what is written there is lost with the next message.
    #[must_use]
    pub fn book_mut(&mut self, index: usize) -> Option<&mut BookSlot> {
        self.books.slots_mut().get_mut(index)
    }

    /// All books, in the order in which they came up.
    #[must_use]
    pub fn books(&self) -> &[BookSlot] {
        self.books.slots()
    }

    /// Sets the depth of a coming subscription; the book awaits a snapshot, whatever its state.
    ///
    /// Returns whether `depth` is one that the exchange knows; if not, nothing happens.
    #[must_use]
    pub fn expect_book(&mut self, symbol: &str, depth: usize) -> bool {
        let known = DEPTHS.contains(&depth);
        if known {
            self.books.expect(symbol.as_bytes(), depth);
        }
        known
    }

    /// Withdraws a book from reading until its next verified snapshot; a quarantined book ignores
    /// snapshots too, until [`Engine::expect_book`] or [`Engine::reset`].
    pub fn invalidate_book(&mut self, symbol: &str, state: BookState) {
        let index = self.book_index(symbol);
        if let Some(slot) = self.book_mut(index) {
            slot.withdraw(state);
        }
    }

    /// Starts a new connection: all books await a snapshot, sequences begin anew, depths that
    /// acks told are forgotten.
    pub fn reset(&mut self) {
        self.sequences = Sequences::default();
        self.books.reset();
    }

    /// Counts since the engine was made.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a book message to the books, its items in order.
    #[inline(always)]
    fn apply(
        &mut self,
        frame: &[u8],
        message: &DataMessage,
        received_ns: Option<i64>,
        outcome: &mut Outcome,
    ) {
        outcome.verified = (!self.batch.items().is_empty()).then_some(true);
        for item in self.batch.items() {
            let moment = Moment { frame, received_ns };
            let taken = self
                .books
                .take(&self.batch, item, message.is_snapshot, moment);
            let verified = judge(&mut self.counters, taken, item, outcome);
            outcome.verified = outcome.verified.map(|all| all && verified);
        }
        self.counters.book_messages += u64::from(outcome.message.is_ok());
    }

    /// Watches the sequence of the private channels.
    fn follow(&mut self, message: &DataMessage, outcome: &mut Outcome) {
        if message.channel == Channel::Other {
            self.counters.unknown_channels += 1;
        }
        if let Some(gap) = self.sequences.follow(message) {
            self.counters.sequence_gaps += 1;
            outcome.notices.push(gap);
        }
    }

    /// Learns from the ack of a subscribe or unsubscribe.
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
        if channel == Channel::Book
            && let Some(Value::Text(symbol)) = reply.result_field(frame, b"symbol")
        {
            let symbol = symbol.bytes(frame);
            if !subscribed {
                self.books.forget_subscription(&symbol);
            } else if let Some(Value::Number(depth)) = reply.result_field(frame, b"depth") {
                self.books.learn_depth(&symbol, depth.to_i64());
            }
        }
    }

    /// Counts a frame that cannot be read; what a broken book message may have changed cannot be
    /// trusted any more.
    #[cold]
    fn refuse(&mut self, frame: &[u8], error: ParseError, outcome: &mut Outcome) {
        self.counters.invalid_frames += 1;
        let found = salvage(frame, error);
        if found.is_book() {
            self.books.distrust(&found.symbols);
        }
        outcome.lost_channel = found.channel;
    }
}

/// The frame at hand and when it came.
#[derive(Clone, Copy)]
struct Moment<'f> {
    frame: &'f [u8],
    received_ns: Option<i64>,
}

/// Reports what became of an item; returns whether its book now matches the exchange's.
#[inline(always)]
fn judge(counters: &mut Counters, taken: Taken, item: &BookItem, outcome: &mut Outcome) -> bool {
    if let Some(crossing) = taken.crossing {
        counters.crossed += 1;
        outcome.notices.push(crossing);
    }
    match taken.verdict {
        Verdict::Match => {
            counters.verified += 1;
            true
        }
        Verdict::Mismatch { expected, computed } => {
            counters.mismatches += 1;
            outcome.notices.push(Notice::BookChecksum {
                book: taken.book,
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
