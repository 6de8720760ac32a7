//! Frames of one connection to messages, notices and verified books.

mod books;
mod sequence;

pub use books::{BookSlot, BookState};

use crate::book::{Book, L2Book, L3Book};
use crate::error::{ErrorKind, ParseError};
use crate::lexer::Value;
use crate::message::{
    BookBatch, BookItem, Channel, DataMessage, Message, Reply, parse_message, salvage,
};
use books::{Books, Taken, Verdict};
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
        /// The channel that fills the book.
        channel: Channel,
        /// Index of the book among those of the channel.
        book: usize,
        /// The exchange's checksum, `None` when the message had none.
        expected: Option<u32>,
        /// The checksum of the book at hand.
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
    pub const fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("frames", self.frames),
            ("bytes", self.bytes),
            ("messages", self.messages),
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
#[derive(Debug, Default)]
pub struct Engine {
    books: Books<L2Book>,
    level3: Books<L3Book>,
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
            Ok(Message::Data(message)) if message.channel == Channel::Level3 => {
                self.apply_level3(frame, &message, received_ns, &mut outcome);
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

    /// The book at `index`, to compute its checksum. Updates apply to what is in it, so what else
    /// is written there stays until the next snapshot, and fails the checksums until then.
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
        self.books.expect(symbol.as_bytes(), depth)
    }

    /// Withdraws a book from reading until its next verified snapshot; a quarantined book ignores
    /// snapshots too, until [`Engine::expect_book`] or [`Engine::reset`].
    pub fn invalidate_book(&mut self, symbol: &str, state: BookState) {
        self.books.withdraw(symbol.as_bytes(), state);
    }

    /// [`Engine::book_index`] for the book of individual orders.
    pub fn level3_index(&mut self, symbol: &str) -> usize {
        self.level3.index(symbol.as_bytes())
    }

    /// [`Engine::book`] for the book of individual orders.
    #[must_use]
    pub fn level3(&self, index: usize) -> Option<&BookSlot<L3Book>> {
        self.level3.slots().get(index)
    }

    /// [`Engine::book_mut`] for the book of individual orders.
    #[must_use]
    pub fn level3_mut(&mut self, index: usize) -> Option<&mut BookSlot<L3Book>> {
        self.level3.slots_mut().get_mut(index)
    }

    /// [`Engine::books`] for the books of individual orders.
    #[must_use]
    pub fn level3_books(&self) -> &[BookSlot<L3Book>] {
        self.level3.slots()
    }

    /// [`Engine::expect_book`] for the book of individual orders.
    #[must_use]
    pub fn expect_level3(&mut self, symbol: &str, depth: usize) -> bool {
        self.level3.expect(symbol.as_bytes(), depth)
    }

    /// [`Engine::invalidate_book`] for the book of individual orders.
    pub fn invalidate_level3(&mut self, symbol: &str, state: BookState) {
        self.level3.withdraw(symbol.as_bytes(), state);
    }

    /// Starts a new connection: all books await a snapshot, sequences begin anew, depths that
    /// acks told are forgotten.
    pub fn reset(&mut self) {
        self.sequences = Sequences::default();
        self.books.reset();
        self.level3.reset();
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
        let moment = Moment { frame, received_ns };
        let (batch, counters) = (&self.batch, &mut self.counters);
        take_items(&mut self.books, batch, message, moment, counters, outcome);
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
        let moment = Moment { frame, received_ns };
        let (batch, counters) = (&self.batch, &mut self.counters);
        take_items(&mut self.level3, batch, message, moment, counters, outcome);
        self.counters.level3_messages += u64::from(outcome.message.is_ok());
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
        let Some(Value::Text(symbol)) = reply.result_field(frame, b"symbol") else {
            return;
        };
        let symbol = symbol.bytes(frame);
        let depth = reply.result_field(frame, b"depth");
        match channel {
            Channel::Book => self.books.acknowledge(&symbol, subscribed, depth),
            Channel::Level3 => self.level3.acknowledge(&symbol, subscribed, depth),
            _ => {}
        }
    }

    /// Counts a frame that cannot be read; what a broken book message may have changed cannot be
    /// trusted any more.
    #[cold]
    fn refuse(&mut self, frame: &[u8], error: ParseError, outcome: &mut Outcome) {
        self.counters.invalid_frames += 1;
        let found = salvage(frame, error);
        match found.book_channel() {
            Some(Channel::Book) => self.books.distrust(&found.symbols),
            Some(_) => self.level3.distrust(&found.symbols),
            None => {}
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

/// Takes a message to its books, its items in order.
#[inline(always)]
fn take_items<B: Book>(
    books: &mut Books<B>,
    batch: &BookBatch,
    message: &DataMessage,
    moment: Moment<'_>,
    counters: &mut Counters,
    outcome: &mut Outcome,
) {
    outcome.verified = (!batch.items().is_empty()).then_some(true);
    for item in batch.items() {
        let taken = books.take(batch, item, message.is_snapshot, moment);
        let verified = judge(counters, taken, item, B::CHANNEL, outcome);
        outcome.verified = outcome.verified.map(|all| all && verified);
    }
}

/// Reports what became of an item; returns whether its book now matches the exchange's.
#[inline(always)]
fn judge(
    counters: &mut Counters,
    taken: Taken,
    item: &BookItem,
    channel: Channel,
    outcome: &mut Outcome,
) -> bool {
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
                channel,
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
