//! The writer of a file: books in, slots out.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::files::{self, Unnamed};
use super::layout::{self, FACTS, Layout, MAX_SYMBOL, RANK, SYMBOL, State, head};
use super::mapping::Mapping;
use super::seqlock::{Change, store};
use super::system;
use crate::book::{Book, Side};

/// A book of one price for each level; others are not shared.
pub(super) const KIND: u64 = 1;

/// What is known of a book besides its levels.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether it may be read; if not, it is shared without levels.
    pub state: State,
    /// Its checksum, of the ten best levels of both sides.
    pub checksum: u32,
    /// Messages applied.
    pub updates: u64,
    /// Exchange time of the last of them, ns since the epoch; 0 if it had none.
    pub timestamp_ns: i64,
    /// Local receive time of the last of them, ns since the epoch; 0 if there is none.
    pub received_ns: i64,
}

/// The sides of a book that may have changed since it was last written.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// Whether bids may have.
    pub bids: bool,
    /// Whether asks may have.
    pub asks: bool,
}

impl Sides {
    /// Both.
    pub const BOTH: Self = Self {
        bids: true,
        asks: true,
    };
}

/// What a slot has, for its writers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content {
    /// The engine whose book it is, 0 for none.
    owner: u64,
    /// Decimals of the prices and of the quantities.
    scales: (u32, u32),
    /// Numbers of the levels; `None` for a book without.
    counts: Option<(u64, u64)>,
}

/// The only writer of a file, for all engines of a process.
///
/// Dropping it closes the file. In a child process made by fork(2) it does nothing.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    mapping: Mapping,
    named: Unnamed,
    path: PathBuf,
    forks: u64,
    closed: AtomicBool,
    /// The slot of each symbol, `None` if it has none.
    slots: Mutex<HashMap<Box<str>, Option<usize>>>,
    /// What each slot has; the lock of the slot.
    contents: Vec<Mutex<Content>>,
}

impl Writer {
    /// Makes the file of a name, in place of that of a dead writer.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`: a writer that lives has the name. Others of making, locking and mapping a file.
    pub fn create(path: &Path, layout: Layout) -> io::Result<Self> {
        system::watch_forks();
        let generation = RandomState::new().build_hasher().finish() | 1;
        let named = Unnamed::create(path, layout.words() as u64 * 8, generation)?;
        let writer = Self {
            mapping: Mapping::new(&named.file, layout.words(), true)?,
            layout,
            named,
            path: path.to_owned(),
            forks: system::forks(),
            closed: AtomicBool::new(false),
            slots: Mutex::default(),
            contents: std::iter::repeat_with(Mutex::default)
                .take(layout.capacity())
                .collect(),
        };
        for (at, value) in [
            (head::MAGIC, layout::MAGIC),
            (head::VERSION, layout.version()),
            (head::CAPACITY, layout.sizes()),
            (head::GENERATION, generation),
            (head::PID, u64::from(std::process::id())),
        ] {
            writer.set(at, value);
        }
        writer.beat();
        writer.named.name(path)?;
        Ok(writer)
    }

    /// Shows that the writer runs.
    pub fn beat(&self) {
        if !self.is_over() {
            self.set(head::HEARTBEAT, system::monotonic_ns().cast_unsigned());
        }
    }

    /// The slot of a symbol, a new one if it has none; `None` if it is too long or there is no room.
    pub fn slot(&self, symbol: &str) -> Option<usize> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(symbol) {
            return *slot;
        }
        let used = slots.values().flatten().count();
        let is_fit = (1..=MAX_SYMBOL).contains(&symbol.len())
            && !symbol.contains('\0')
            && used < self.layout.capacity();
        let slot = is_fit.then_some(used);
        if let Some(slot) = slot {
            let mut text = [0; SYMBOL * 8];
            text.iter_mut()
                .zip(symbol.bytes())
                .for_each(|(to, byte)| *to = byte);
            for (index, word) in text.as_chunks::<8>().0.iter().enumerate() {
                self.set(Layout::symbol(slot) + index, u64::from_le_bytes(*word));
            }
            self.set(head::USED, used as u64 + 1);
        } else {
            let omitted = slots.len() - used;
            self.set(head::OMITTED, omitted as u64 + 1);
        }
        slots.insert(symbol.into(), slot);
        slot
    }

    /// Writes a book of an engine into a slot.
    ///
    /// A symbol can move from one engine to another. The last one to have it valid owns the slot,
    /// and only that one can withdraw it.
    #[inline]
    pub fn write<B: Book>(&self, slot: usize, owner: u64, facts: &Facts, book: &B, sides: Sides) {
        let Some(content) = self.contents.get(slot).filter(|_| !self.is_over()) else {
            return;
        };
        let mut content = lock(content);
        let is_valid = facts.state == State::Valid;
        if !is_valid && ![0, owner].contains(&content.owner) {
            return;
        }
        let Some(change) = Change::begin(self.words(slot)) else {
            return;
        };
        let scales = book.scales();
        let before = content.counts;
        let is_same = content.owner == owner && content.scales == scales;
        content.owner = owner;
        content.scales = scales;
        content.counts = None;
        if is_valid && scales.0.max(scales.1) <= 0xFF {
            let known = before.filter(|_| is_same);
            content.counts = self.write_levels(&change, book, sides, known);
        }
        let state = match content.counts {
            None if is_valid => State::Unrepresentable,
            _ => facts.state,
        };
        let (bids, asks) = content.counts.unwrap_or_default();
        let scales = u64::from(scales.0 & 0xFF) << 16 | u64::from(scales.1 & 0xFF) << 24;
        change.set(
            1,
            [
                KIND | (state as u64) << 8 | scales | u64::from(facts.checksum) << 32,
                (book.depth() as u64 & 0xFFFF) | bids << 16 | asks << 32,
                facts.updates,
                facts.timestamp_ns.cast_unsigned(),
                facts.received_ns.cast_unsigned(),
            ],
        );
        change.finish();
    }

    /// Wakes who waits for a change of a slot.
    pub fn ring(&self, slot: usize) {
        if let Some(word) = self.words(slot).first() {
            system::wake(word);
        }
    }

    /// Closes the file and removes its name.
    pub fn close(&self) {
        if self.is_over() || self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        self.set(head::CLOSED, 1);
        let used = lock(&self.slots).values().flatten().count();
        (0..used).for_each(|slot| self.ring(slot));
        files::remove(&self.named.file, &self.path);
    }

    /// Number of symbols that have no slot.
    #[must_use]
    pub fn omitted(&self) -> usize {
        let slots = lock(&self.slots);
        slots.values().filter(|slot| slot.is_none()).count()
    }

    /// Writes the best levels of the sides that may have changed, or of both if the numbers of
    /// those in the slot are not `known`; returns their numbers, `None` if a number has more than
    /// 63 bits.
    #[inline(always)]
    fn write_levels<B: Book>(
        &self,
        change: &Change<'_>,
        book: &B,
        sides: Sides,
        known: Option<(u64, u64)>,
    ) -> Option<(u64, u64)> {
        let (mut bids, mut asks) = known.unwrap_or_default();
        if sides.bids || known.is_none() {
            bids = self.write_side(change, book, Side::Bid)?;
        }
        if sides.asks || known.is_none() {
            asks = self.write_side(change, book, Side::Ask)?;
        }
        Some((bids, asks))
    }

    #[inline(always)]
    fn write_side<B: Book>(&self, change: &Change<'_>, book: &B, side: Side) -> Option<u64> {
        let (mut used_bits, mut count) = (0, 0);
        let mut ranks = change.groups::<RANK>(FACTS);
        let fits = book.narrow_levels(side, self.layout.levels(), |price, qty| {
            if let Some([bid_price, bid_qty, ask_price, ask_qty]) = ranks.next() {
                let (to_price, to_qty) = match side {
                    Side::Bid => (bid_price, bid_qty),
                    Side::Ask => (ask_price, ask_qty),
                };
                store(to_price, price);
                store(to_qty, qty);
            }
            used_bits |= price | qty;
            count += 1;
        });
        (fits && used_bits >> 63 == 0).then_some(count)
    }

    #[inline]
    fn words(&self, slot: usize) -> &[AtomicU64] {
        self.layout.slot(self.mapping.words(), slot)
    }

    fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.mapping.words().get(at) {
            word.store(value, Ordering::Release);
        }
    }

    /// Whether it is closed, or this is a child of the process that made it.
    #[inline]
    fn is_over(&self) -> bool {
        self.closed.load(Ordering::Relaxed) || self.forks != system::forks()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
