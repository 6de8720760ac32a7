//! The books of one channel of a connection, by symbol.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::sharing::Sharing;
use super::slot::{BookSlot, BookState, Verdict, smallest_depth};
use super::{Moment, Notice};
use crate::book::Book;
use crate::lexer::Value;
use crate::message::{BookBatch, BookItem};
use crate::shared::{Sides, Writer};

/// Books of a channel that messages can create, some ten times the number of listed pairs. Books
/// of further pairs are not kept, so that made-up symbols cannot fill the memory.
const MAX_BOOKS: usize = 10_000;

/// The result of one item of a book message, and of which book.
pub(super) struct Applied {
    /// Index of the book.
    pub(super) book: usize,
    pub(super) verdict: Verdict,
    pub(super) crossing: Option<Notice>,
}

/// The books of one channel of a connection, by symbol.
///
/// A book is never removed, so that its index stays.
///
/// ```
/// use kraken_connector::{BookState, Engine};
///
/// let mut engine = Engine::new();
/// assert!(engine.books_mut().expect("BTC/USD", 10));
/// let slot = engine.books().get("BTC/USD").unwrap();
/// assert_eq!(slot.state(), BookState::AwaitingSnapshot);
/// ```
#[derive(Debug)]
pub struct Books<B> {
    slots: Vec<BookSlot<B>>,
    /// The book of the last message: messages of one pair often come in a row.
    latest: usize,
    indices: HashMap<Box<[u8]>, usize, RandomState>,
    /// See [`Engine::set_seen`](super::Engine::set_seen).
    seen: u64,
    /// Where other processes read the books, if they do.
    sharing: Option<Box<Sharing>>,
}

impl<B> Default for Books<B> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            latest: 0,
            indices: HashMap::default(),
            seen: u64::MAX,
            sharing: None,
        }
    }
}

impl<B: Book> Books<B> {
    /// The book of `symbol`, if there is one.
    #[must_use]
    pub fn get(&self, symbol: &str) -> Option<&BookSlot<B>> {
        self.at(*self.indices.get(symbol.as_bytes())?)
    }

    /// The index of the book of `symbol`, which is created if there is none; it never changes.
    pub fn index(&mut self, symbol: &str) -> usize {
        self.index_of(symbol.as_bytes())
    }

    /// The book at `index`.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<&BookSlot<B>> {
        self.slots.get(index)
    }

    /// The book at `index`, to write to it.
    #[inline]
    pub(crate) fn at_mut(&mut self, index: usize) -> Option<&mut BookSlot<B>> {
        self.slots.get_mut(index)
    }

    /// The checksum of the book at `index`, whatever its state.
    #[must_use]
    pub fn checksum(&mut self, index: usize) -> Option<u32> {
        Some(self.at_mut(index)?.book_mut().checksum())
    }

    /// All books, in the order in which they were created.
    pub fn iter(&self) -> std::slice::Iter<'_, BookSlot<B>> {
        self.slots.iter()
    }

    /// Sets the depth of a coming subscription; the book awaits a snapshot, whatever its state.
    ///
    /// Returns whether `depth` is one that the exchange knows; if not, nothing happens.
    #[must_use]
    pub fn expect(&mut self, symbol: &str, depth: usize) -> bool {
        let is_known = B::DEPTHS.contains(&depth);
        if is_known {
            let (index, seen) = (self.index(symbol), self.seen);
            self.change(index, |slot| slot.expect(depth, seen));
        }
        is_known
    }

    /// Withdraws a book from reading until its next verified snapshot; a quarantined book ignores
    /// snapshots too, until [`Books::expect`] or [`Engine::reset`](super::Engine::reset).
    pub fn invalidate(&mut self, symbol: &str, state: BookState) {
        let (index, seen) = (self.index(symbol), self.seen);
        self.change(index, |slot| slot.invalidate(state, seen));
    }

    pub(super) const fn set_seen(&mut self, frames: u64) {
        self.seen = frames;
    }

    /// Shares the books with other processes, or ends that.
    pub(super) fn share(&mut self, writer: Option<Arc<Writer>>) {
        self.sharing = writer.map(|writer| Box::new(Sharing::new(writer)));
        (0..self.slots.len()).for_each(|index| self.change(index, |_| {}));
    }

    /// Wakes processes that wait for a book that changed.
    pub(super) fn ring(&mut self) {
        if let Some(sharing) = &mut self.sharing {
            sharing.ring();
        }
    }

    /// Changes a book otherwise than by a message about it, and shares the change.
    fn change(&mut self, index: usize, change: impl FnOnce(&mut BookSlot<B>)) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        change(slot);
        if let Some(sharing) = &mut self.sharing {
            let checksum = slot.book_mut().checksum();
            sharing.write(index, slot, checksum, Sides::BOTH);
            sharing.ring();
        }
    }

    fn index_of(&mut self, symbol: &[u8]) -> usize {
        match self.indices.get(symbol) {
            Some(index) => *index,
            None => self.add(symbol),
        }
    }

    /// The index of the book that a message is about, which is created if there is room for it.
    #[inline(always)]
    fn index_of_message(&mut self, symbol: &[u8]) -> usize {
        let latest = self.slots.get(self.latest);
        if latest.is_none_or(|slot| slot.symbol().as_bytes() != symbol) {
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

    /// Applies one item of a book message to its book.
    #[inline(always)]
    pub(super) fn apply(
        &mut self,
        batch: &BookBatch,
        item: &BookItem,
        is_snapshot: bool,
        moment: Moment<'_>,
    ) -> Applied {
        let book = self.index_of_message(&item.symbol.bytes(moment.frame));
        let mut applied = Applied {
            book,
            verdict: Verdict::Ignored,
            crossing: None,
        };
        let Some(slot) = self.slots.get_mut(book) else {
            return applied;
        };
        applied.verdict = if is_snapshot {
            slot.apply_snapshot(batch, item, moment.number)
        } else {
            slot.apply_update(batch, item)
        };
        if !matches!(applied.verdict, Verdict::Ignored | Verdict::Unfit) {
            let timestamp = item.timestamp.map(|text| text.bytes(moment.frame));
            slot.stamp(timestamp.as_deref(), moment.received_ns);
            applied.crossing = slot.crossing(book);
            if let Some(sharing) = &mut self.sharing {
                // That of a book that is shared with its levels: it has matched.
                let checksum = item.checksum.unwrap_or_default();
                let (bids, asks) = B::rows(batch, item);
                let sides = Sides {
                    bids: is_snapshot || !bids.is_empty(),
                    asks: is_snapshot || !asks.is_empty(),
                };
                sharing.write(book, slot, checksum, sides);
            }
        }
        applied
    }

    /// Handles the ack of a subscribe or unsubscribe.
    pub(super) fn acknowledge(&mut self, symbol: &[u8], subscribed: bool, depth: Option<Value>) {
        if !subscribed {
            if let Some(index) = self.known(symbol) {
                self.change(index, BookSlot::unsubscribed);
            }
        } else if let Some(Value::Number(depth)) = depth {
            self.acknowledge_depth(symbol, depth.to_i64());
        }
    }

    fn acknowledge_depth(&mut self, symbol: &[u8], depth: Option<i64>) {
        let depth = depth.and_then(|depth| usize::try_from(depth).ok());
        if let Some(depth) = depth.filter(|depth| B::DEPTHS.contains(depth)) {
            let index = self.index_of_message(symbol);
            self.change(index, |slot| slot.acknowledge_depth(depth));
        }
    }

    /// Turns the named books stale, or all valid ones when no name is that of a book: the damage
    /// may be in the name.
    pub(super) fn distrust(&mut self, symbols: &[String]) {
        let mut is_named = false;
        for symbol in symbols {
            if let Some(index) = self.known(symbol.as_bytes()) {
                is_named = true;
                self.change(index, |slot| {
                    slot.withdraw_unless_quarantined(BookState::Stale);
                });
            }
        }
        let is_valid = |slot: &BookSlot<B>| slot.state() == BookState::Valid;
        for index in 0..self.slots.len() {
            if !is_named && self.at(index).is_some_and(is_valid) {
                self.change(index, |slot| slot.withdraw(BookState::Stale));
            }
        }
    }

    pub(super) fn reset(&mut self) {
        (0..self.slots.len()).for_each(|index| self.change(index, BookSlot::reset));
    }

    fn known(&self, symbol: &[u8]) -> Option<usize> {
        self.indices.get(symbol).copied()
    }
}

impl<'b, B: Book> IntoIterator for &'b Books<B> {
    type Item = &'b BookSlot<B>;
    type IntoIter = std::slice::Iter<'b, BookSlot<B>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
