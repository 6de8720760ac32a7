//! The books of an engine in a file that other processes read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::slot::{BookSlot, BookState};
use crate::book::Book;
use crate::shared::{Facts, Sides, State, Writer};
use crate::time::RecentTime;

/// Tells engines apart.
static ENGINES: AtomicU64 = AtomicU64::new(1);

/// Where the books of an engine are shared.
#[derive(Debug)]
pub(super) struct Sharing {
    writer: Arc<Writer>,
    owner: u64,
    /// By index of the book.
    places: Vec<Place>,
    /// The slots that changed since the last [`Sharing::ring`].
    changed: Vec<usize>,
    time: RecentTime,
}

/// Where a book is shared.
#[derive(Clone, Copy, Debug)]
enum Place {
    Unknown,
    Nowhere,
    Slot { slot: usize, is_changed: bool },
}

impl Sharing {
    pub(super) fn new(writer: Arc<Writer>) -> Self {
        Self {
            writer,
            owner: ENGINES.fetch_add(1, Ordering::Relaxed),
            places: Vec::new(),
            changed: Vec::new(),
            time: RecentTime::default(),
        }
    }

    /// Writes a book as it is; `checksum` is that of a valid one, and `sides` are those that may
    /// have changed since it was written last.
    #[inline]
    pub(super) fn write<B: Book>(
        &mut self,
        index: usize,
        book: &BookSlot<B>,
        checksum: u32,
        sides: Sides,
    ) {
        let place = self.places.get_mut(index);
        let Some(Place::Slot { slot, is_changed }) = place else {
            return self.write_first(index, book, checksum);
        };
        if !std::mem::replace(is_changed, true) {
            self.changed.push(index);
        }
        let timestamp_ns = self.time.timestamp_ns(book.timestamp_bytes());
        let facts = Facts {
            state: shared(book.state()),
            checksum,
            updates: book.updates(),
            timestamp_ns: timestamp_ns.unwrap_or_default(),
            received_ns: book.received_ns().unwrap_or_default(),
        };
        self.writer
            .write(*slot, self.owner, &facts, book.book(), sides);
    }

    /// Finds a place for a book, and writes it if there is one.
    #[cold]
    fn write_first<B: Book>(&mut self, index: usize, book: &BookSlot<B>, checksum: u32) {
        if self.places.len() <= index {
            self.places.resize(index + 1, Place::Unknown);
        }
        let Some(place @ Place::Unknown) = self.places.get_mut(index) else {
            return;
        };
        match self.writer.slot(book.symbol()) {
            None => *place = Place::Nowhere,
            Some(slot) => {
                let is_changed = false;
                *place = Place::Slot { slot, is_changed };
                self.write(index, book, checksum, Sides::BOTH);
            }
        }
    }

    /// Wakes who waits for the books that changed.
    pub(super) fn ring(&mut self) {
        for index in self.changed.drain(..) {
            if let Some(Place::Slot { slot, is_changed }) = self.places.get_mut(index) {
                *is_changed = false;
                self.writer.ring(*slot);
            }
        }
    }
}

const fn shared(state: BookState) -> State {
    match state {
        BookState::AwaitingSnapshot => State::AwaitingSnapshot,
        BookState::Valid => State::Valid,
        BookState::Stale => State::Stale,
        BookState::Quarantined => State::Quarantined,
    }
}
