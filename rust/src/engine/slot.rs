//! One book of a connection: its state, its history, and whether it may be read.

use super::Notice;
use crate::book::{Book, L2Book, Side};
use crate::message::{BookBatch, BookItem};

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
    /// Withdrawn for good: snapshots are ignored too.
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

/// The result of applying one item of a book message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The state of the book does not permit it.
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

/// A book, its state and its history.
///
/// [`BookSlot::book`] has the content in every state; trust it when the state is
/// [`BookState::Valid`].
#[derive(Clone, Debug)]
pub struct BookSlot<B = L2Book> {
    symbol: Box<str>,
    book: B,
    state: BookState,
    expected_depth: Option<usize>,
    acked_depth: Option<usize>,
    was_crossed: bool,
    snapshot_levels: Option<usize>,
    /// The number of the frame whose snapshot the content began with.
    begun: u64,
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
    pub(crate) fn new(symbol: &str, depth: usize) -> Self {
        Self {
            symbol: symbol.into(),
            book: B::new(depth),
            state: BookState::AwaitingSnapshot,
            expected_depth: None,
            acked_depth: None,
            was_crossed: false,
            snapshot_levels: None,
            begun: 0,
            updates: 0,
            verified: 0,
            mismatches: 0,
            timestamp: Vec::new(),
            received_ns: None,
            verified_ns: None,
        }
    }

    /// The copy of a book of another process.
    #[cfg(feature = "python")]
    pub(crate) fn frozen(
        symbol: &str,
        book: B,
        updates: u64,
        timestamp: &str,
        received_ns: Option<i64>,
    ) -> Self {
        Self {
            book,
            state: BookState::Valid,
            updates,
            timestamp: timestamp.into(),
            received_ns,
            ..Self::new(symbol, 0)
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

    /// The book, to compute its checksum, or to fill one that is in no engine.
    pub(crate) const fn book_mut(&mut self) -> &mut B {
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

    /// The same as it was sent; empty if there is none.
    pub(super) fn timestamp_bytes(&self) -> &[u8] {
        &self.timestamp
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

    /// How many levels the larger side of a caller's last snapshot had.
    #[must_use]
    pub const fn snapshot_levels(&self) -> Option<usize> {
        self.snapshot_levels
    }

    /// Sets how many levels the larger side of a caller's snapshot had.
    #[cfg(feature = "python")]
    pub(crate) const fn set_snapshot_levels(&mut self, levels: usize) {
        self.snapshot_levels = Some(levels);
    }

    /// Puts the book into `state`.
    pub(crate) fn withdraw(&mut self, state: BookState) {
        self.verified_ns = self.verified_ns();
        self.state = state;
        self.was_crossed = false;
    }

    /// Counts a message that was applied, and keeps its times.
    #[inline(always)]
    pub(crate) fn stamp(&mut self, timestamp: Option<&[u8]>, received_ns: Option<i64>) {
        self.updates += 1;
        self.received_ns = received_ns;
        let Some(text) = timestamp else {
            return;
        };
        let kept = self.timestamp.as_mut_slice();
        if let (Ok(kept), Ok(text)) = (kept.try_into(), text.try_into()) {
            copy_time(kept, text);
        } else {
            self.timestamp.clear();
            self.timestamp.extend_from_slice(text);
        }
    }

    /// Compares the book's checksum with the exchange's, and counts. Returns `None` if they match,
    /// else the checksum of the book; an `expected` of `None` never matches.
    #[cfg(feature = "python")]
    pub(crate) fn verify(&mut self, expected: Option<u32>) -> Option<u32> {
        let computed = self.book.checksum();
        self.compare(computed, expected)
    }

    /// [`BookSlot::verify`] with the checksum of the book.
    #[inline(always)]
    fn compare(&mut self, computed: u32, expected: Option<u32>) -> Option<u32> {
        if Some(computed) == expected || expected.is_some_and(|it| self.book.reconcile(it)) {
            self.book.confirm();
            self.verified += 1;
            return None;
        }
        self.mismatches += 1;
        self.book.count_mismatch();
        Some(computed)
    }

    /// Sets the depth of a coming subscription. A snapshot after frame `seen` comes after this call,
    /// and is what the book would begin with.
    pub(super) fn expect(&mut self, depth: usize, seen: u64) {
        self.expected_depth = Some(depth);
        self.book.set_depth(depth);
        if self.has_begun_after(seen) {
            self.book.cut();
        } else {
            self.withdraw(BookState::AwaitingSnapshot);
        }
    }

    /// Withdraws the book because of something up to frame `seen`: a later snapshot stays, unless
    /// the book is to ignore snapshots.
    pub(super) fn invalidate(&mut self, state: BookState, seen: u64) {
        if state == BookState::Quarantined || !self.has_begun_after(seen) {
            self.withdraw(state);
        }
    }

    /// Whether its content is that of a snapshot after frame `seen`; a quarantined book has none.
    const fn has_begun_after(&self, seen: u64) -> bool {
        self.begun > seen && !matches!(self.state, BookState::Quarantined)
    }

    /// Keeps the depth of an ack; the snapshot may have come before it.
    pub(super) fn acknowledge_depth(&mut self, depth: usize) {
        self.acked_depth = Some(depth);
        if self.expected_depth.is_none() {
            self.book.set_depth(depth);
            self.book.cut();
        }
    }

    /// Ends the subscription.
    pub(super) fn unsubscribed(&mut self) {
        self.acked_depth = None;
        self.withdraw_unless_quarantined(BookState::AwaitingSnapshot);
    }

    /// Starts a new connection.
    pub(super) fn reset(&mut self) {
        self.acked_depth = None;
        self.withdraw(BookState::AwaitingSnapshot);
        self.verified_ns = None;
    }

    pub(super) fn withdraw_unless_quarantined(&mut self, state: BookState) {
        if self.state != BookState::Quarantined {
            self.withdraw(state);
        }
    }

    /// Applies an item of a snapshot.
    #[inline(never)]
    pub(super) fn apply_snapshot(
        &mut self,
        batch: &BookBatch,
        item: &BookItem,
        number: u64,
    ) -> Verdict {
        if self.state == BookState::Quarantined {
            return Verdict::Ignored;
        }
        let known = self.expected_depth.or(self.acked_depth);
        let (bids, asks) = B::rows(batch, item);
        let levels = || B::levels_of(bids).max(B::levels_of(asks));
        self.book
            .set_depth(known.unwrap_or_else(|| smallest_depth::<B>(levels())));
        if self.book.apply_snapshot(bids, asks).is_err() {
            return Verdict::Unfit;
        }
        self.begun = number;
        let computed = self.book.checksum();
        self.judge(computed, item.checksum)
    }

    /// Applies an item of an update.
    #[inline(always)]
    pub(super) fn apply_update(&mut self, batch: &BookBatch, item: &BookItem) -> Verdict {
        if self.state != BookState::Valid {
            return Verdict::Ignored;
        }
        let (bids, asks) = B::rows(batch, item);
        let Ok(computed) = self.book.apply_update(bids, asks) else {
            return Verdict::Unfit;
        };
        self.judge(computed, item.checksum)
    }

    #[inline(always)]
    fn judge(&mut self, computed: u32, expected: Option<u32>) -> Verdict {
        match self.compare(computed, expected) {
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

    /// The notice of a valid book that has just become crossed; `book` is its index.
    #[inline]
    pub(super) fn crossing(&mut self, book: usize) -> Option<Notice> {
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

/// Copies a time of the length that the exchange writes, without a call.
#[inline(always)]
const fn copy_time(to: &mut [u8; 27], from: &[u8; 27]) {
    *to = *from;
}

/// The smallest depth of a subscription that holds so many levels.
pub(super) fn smallest_depth<B: Book>(levels: usize) -> usize {
    let larger = B::DEPTHS.iter().find(|depth| **depth >= levels);
    larger.or(B::DEPTHS.last()).copied().unwrap_or_default()
}
