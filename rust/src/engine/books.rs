//! The books of one connection: which symbol has which, and when each may be read.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Moment, Notice};
use crate::book::{Book, L2Book, Side};
use crate::lexer::Value;
use crate::message::{BookBatch, BookItem};

/// Books of a connection that messages can bring about, some ten times what is listed; what comes
/// about further pairs is not kept, so that no stream of made-up names fills the memory.
const MAX_BOOKS: usize = 10_000;

/// Whether a book may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BookState {
    /// No verified snapshot has arrived yet.
    AwaitingSnapshot,
    /// The content is the exchange's as of the last message.
    Valid,
    /// It failed its checksum, or a message of it could not be read.
    Stale,
    /// It was given up; snapshots are ignored too.
    Quarantined,
}

impl BookState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::AwaitingSnapshot,
        Self::Valid,
        Self::Stale,
        Self::Quarantined,
    ];

    /// The state's name in the Python package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingSnapshot => "awaiting_snapshot",
            Self::Valid => "valid",
            Self::Stale => "stale",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What became of one item of a book message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The book was not in a state to take it.
    Ignored,
    /// Applied, and the checksum matches.
    Match,
    /// Applied, and the checksum does not match, or there is none.
    Mismatch {
        expected: Option<u32>,
        computed: u32,
    },
    /// A number has too many digits at the scale of the book; nothing was applied.
    Unfit,
}

/// What became of one item, and of which book.
pub(super) struct Taken {
    pub(super) book: usize,
    pub(super) verdict: Verdict,
    pub(super) crossing: Option<Notice>,
}

/// A book, its state and its history.
#[derive(Clone, Debug)]
pub struct BookSlot<B = L2Book> {
    symbol: Box<str>,
    book: B,
    state: BookState,
    expected_depth: Option<usize>,
    acked_depth: Option<usize>,
    was_crossed: bool,
    snapshot_levels: Option<usize>,
    updates: u64,
    verified: u64,
    mismatches: u64,
    timestamp: Vec<u8>,
    received_ns: Option<i64>,
    /// `received_ns` as it was when the book stopped being valid.
    verified_ns: Option<i64>,
}

impl<B: Book> BookSlot<B> {
    /// An empty book that awaits its snapshot.
    #[must_use]
    pub fn new(symbol: &str, depth: usize) -> Self {
        Self {
            symbol: symbol.into(),
            book: B::new(depth),
            state: BookState::AwaitingSnapshot,
            expected_depth: None,
            acked_depth: None,
            was_crossed: false,
            snapshot_levels: None,
            updates: 0,
            verified: 0,
            mismatches: 0,
            timestamp: Vec::new(),
            received_ns: None,
            verified_ns: None,
        }
    }

    /// Currency pair.
    #[must_use]
    pub const fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The book itself, whatever its state.
    #[inline]
    #[must_use]
    pub const fn book(&self) -> &B {
        &self.book
    }

    /// The book, to compute its checksum or to fill it by hand.
    #[must_use]
    pub const fn book_mut(&mut self) -> &mut B {
        &mut self.book
    }

    /// Whether the book may be read.
    #[inline]
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// Messages applied.
    #[must_use]
    pub const fn updates(&self) -> u64 {
        self.updates
    }

    /// Messages whose checksum matched.
    #[must_use]
    pub const fn verified_count(&self) -> u64 {
        self.verified
    }

    /// Messages whose checksum did not match.
    #[must_use]
    pub const fn mismatch_count(&self) -> u64 {
        self.mismatches
    }

    /// Exchange time of the last applied message that had one.
    #[must_use]
    pub fn timestamp(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.timestamp).ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// Local receive time of the last applied message.
    #[must_use]
    pub const fn received_ns(&self) -> Option<i64> {
        self.received_ns
    }

    /// Local receive time of the last message that verified, on this connection.
    #[must_use]
    pub const fn verified_ns(&self) -> Option<i64> {
        match self.state {
            BookState::Valid => self.received_ns,
            _ => self.verified_ns,
        }
    }

    /// How many levels the larger side of the last snapshot had, as [`Self::note_snapshot`] said.
    #[must_use]
    pub const fn snapshot_levels(&self) -> Option<usize> {
        self.snapshot_levels
    }

    /// Notes how many levels the larger side of a snapshot has.
    pub const fn note_snapshot(&mut self, levels: usize) {
        self.snapshot_levels = Some(levels);
    }

    /// Puts the book into `state`.
    pub fn withdraw(&mut self, state: BookState) {
        self.verified_ns = self.verified_ns();
        self.state = state;
        self.was_crossed = false;
    }

    /// Notes the times of a message that was applied.
    #[inline(always)]
    pub fn stamp(&mut self, timestamp: Option<&[u8]>, received_ns: Option<i64>) {
        self.updates += 1;
        self.received_ns = received_ns;
        if let Some(text) = timestamp {
            self.timestamp.clear();
            self.timestamp.extend_from_slice(text);
        }
    }

    /// Compares the book's checksum with the exchange's, and counts. Returns the checksum that the
    /// book has instead; `None` as `expected` is what no book has.
    #[inline(always)]
    pub fn verify(&mut self, expected: Option<u32>) -> Option<u32> {
        let computed = self.book.checksum();
        if Some(computed) == expected || expected.is_some_and(|it| self.book.reconcile(it)) {
            self.book.settle();
            self.verified += 1;
            return None;
        }
        self.mismatches += 1;
        self.book.note_mismatch();
        Some(computed)
    }

    #[inline(never)]
    pub(super) fn take_snapshot(&mut self, batch: &BookBatch, item: &BookItem) -> Verdict {
        if self.state == BookState::Quarantined {
            return Verdict::Ignored;
        }
        let known = self.expected_depth.or(self.acked_depth);
        let depth = known.unwrap_or_else(|| smallest_depth::<B>(B::levels_of(batch, item)));
        self.book.set_depth(depth);
        if self.book.take_snapshot(batch, item).is_err() {
            return Verdict::Unfit;
        }
        self.judge(item.checksum)
    }

    #[inline(always)]
    pub(super) fn take_update(&mut self, batch: &BookBatch, item: &BookItem) -> Verdict {
        if self.state != BookState::Valid {
            return Verdict::Ignored;
        }
        if self.book.take_update(batch, item).is_err() {
            return Verdict::Unfit;
        }
        self.judge(item.checksum)
    }

    #[inline(always)]
    fn judge(&mut self, expected: Option<u32>) -> Verdict {
        match self.verify(expected) {
            None => {
                self.state = BookState::Valid;
                Verdict::Match
            }
            Some(computed) => {
                self.verified_ns = self.verified_ns();
                self.state = BookState::Stale;
                Verdict::Mismatch { expected, computed }
            }
        }
    }

    /// Tells when a valid book has just become crossed; `book` is its index.
    #[inline]
    fn crossing(&mut self, book: usize) -> Option<Notice> {
        let is_crossed = self.state == BookState::Valid && self.book.is_crossed();
        let was_crossed = std::mem::replace(&mut self.was_crossed, is_crossed);
        if was_crossed || !is_crossed {
            return None;
        }
        Some(Notice::BookCrossed {
            channel: B::CHANNEL,
            book,
            bid: self.book.best(Side::Bid)?.price,
            ask: self.book.best(Side::Ask)?.price,
            scale: self.book.scales().0,
        })
    }
}

fn smallest_depth<B: Book>(levels: usize) -> usize {
    let larger = B::DEPTHS.iter().find(|depth| **depth >= levels);
    larger.or(B::DEPTHS.last()).copied().unwrap_or_default()
}

/// All books of one kind of a connection. A book is never removed, so its index stays.
#[derive(Debug)]
pub(super) struct Books<B> {
    slots: Vec<BookSlot<B>>,
    /// The book of the last message: messages of one pair often come in a row.
    latest: usize,
    indices: HashMap<Box<[u8]>, usize, RandomState>,
}

impl<B> Default for Books<B> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            latest: 0,
            indices: HashMap::default(),
        }
    }
}

impl<B: Book> Books<B> {
    pub(super) fn slots(&self) -> &[BookSlot<B>] {
        &self.slots
    }

    pub(super) fn slots_mut(&mut self) -> &mut [BookSlot<B>] {
        &mut self.slots
    }

    /// The index of the book of `symbol`, made if there is none.
    pub(super) fn index(&mut self, symbol: &[u8]) -> usize {
        match self.indices.get(symbol) {
            Some(index) => *index,
            None => self.add(symbol),
        }
    }

    /// The index of the book that a message is about, made if there is none and room for one.
    #[inline(always)]
    fn index_of_message(&mut self, symbol: &[u8]) -> usize {
        let latest = self.slots.get(self.latest);
        if latest.is_none_or(|slot| slot.symbol.as_bytes() != symbol) {
            self.latest = match self.indices.get(symbol) {
                Some(index) => *index,
                None if self.slots.len() >= MAX_BOOKS => return usize::MAX,
                None => self.add(symbol),
            };
        }
        self.latest
    }

    #[cold]
    fn add(&mut self, symbol: &[u8]) -> usize {
        let index = self.slots.len();
        let text = String::from_utf8_lossy(symbol);
        self.slots
            .push(BookSlot::new(&text, smallest_depth::<B>(0)));
        self.indices.insert(symbol.into(), index);
        index
    }

    /// Takes one item of a book message to its book.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        batch: &BookBatch,
        item: &BookItem,
        is_snapshot: bool,
        moment: Moment<'_>,
    ) -> Taken {
        let book = self.index_of_message(&item.symbol.bytes(moment.frame));
        let mut taken = Taken {
            book,
            verdict: Verdict::Ignored,
            crossing: None,
        };
        let Some(slot) = self.slots.get_mut(book) else {
            return taken;
        };
        taken.verdict = if is_snapshot {
            slot.take_snapshot(batch, item)
        } else {
            slot.take_update(batch, item)
        };
        if !matches!(taken.verdict, Verdict::Ignored | Verdict::Unfit) {
            let timestamp = item.timestamp.map(|text| text.bytes(moment.frame));
            slot.stamp(timestamp.as_deref(), moment.received_ns);
            taken.crossing = slot.crossing(book);
        }
        taken
    }

    fn slot(&mut self, symbol: &[u8]) -> Option<&mut BookSlot<B>> {
        let index = self.index(symbol);
        self.slots.get_mut(index)
    }

    /// Sets the depth of a coming subscription; returns whether there are such.
    pub(super) fn expect(&mut self, symbol: &[u8], depth: usize) -> bool {
        let is_known = B::DEPTHS.contains(&depth);
        if is_known && let Some(slot) = self.slot(symbol) {
            slot.expected_depth = Some(depth);
            slot.book.set_depth(depth);
            slot.withdraw(BookState::AwaitingSnapshot);
        }
        is_known
    }

    pub(super) fn withdraw(&mut self, symbol: &[u8], state: BookState) {
        if let Some(slot) = self.slot(symbol) {
            slot.withdraw(state);
        }
    }

    /// Learns from the ack of a subscribe or unsubscribe.
    pub(super) fn acknowledge(&mut self, symbol: &[u8], subscribed: bool, depth: Option<Value>) {
        if !subscribed {
            self.forget_subscription(symbol);
        } else if let Some(Value::Number(depth)) = depth {
            self.learn_depth(symbol, depth.to_i64());
        }
    }

    /// Takes the depth of an ack; the snapshot may have come before it.
    fn learn_depth(&mut self, symbol: &[u8], depth: Option<i64>) {
        let depth = depth.and_then(|depth| usize::try_from(depth).ok());
        let Some(depth) = depth.filter(|depth| B::DEPTHS.contains(depth)) else {
            return;
        };
        let index = self.index_of_message(symbol);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.acked_depth = Some(depth);
            if slot.expected_depth.is_none() {
                slot.book.set_depth(depth);
                slot.book.cut();
            }
        }
    }

    fn forget_subscription(&mut self, symbol: &[u8]) {
        if let Some(slot) = self.known(symbol) {
            slot.acked_depth = None;
            if slot.state != BookState::Quarantined {
                slot.withdraw(BookState::AwaitingSnapshot);
            }
        }
    }

    /// Turns the named books stale, or all valid ones when no name is that of a book: a name may be
    /// what was damaged.
    pub(super) fn distrust(&mut self, symbols: &[String]) {
        let mut is_named = false;
        for symbol in symbols {
            if let Some(slot) = self.known(symbol.as_bytes()) {
                is_named = true;
                if slot.state != BookState::Quarantined {
                    slot.withdraw(BookState::Stale);
                }
            }
        }
        let valid = |slot: &&mut BookSlot<B>| slot.state == BookState::Valid;
        if !is_named {
            for slot in self.slots.iter_mut().filter(valid) {
                slot.withdraw(BookState::Stale);
            }
        }
    }

    pub(super) fn reset(&mut self) {
        for slot in &mut self.slots {
            slot.acked_depth = None;
            slot.withdraw(BookState::AwaitingSnapshot);
            slot.verified_ns = None;
        }
    }

    fn known(&mut self, symbol: &[u8]) -> Option<&mut BookSlot<B>> {
        let index = *self.indices.get(symbol)?;
        self.slots.get_mut(index)
    }
}
