//! Where what is in the file, in words of 64 bits; `docs/shared-books.md` has the same as a table.

use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicU64;

/// The first word: `KCBOOKS1`.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"KCBOOKS1");
pub(super) const VERSION: u64 = 1;

/// Words of a symbol in the table after the head.
pub(super) const SYMBOL: usize = 4;
/// The longest symbol in bytes; a zero follows.
pub(super) const MAX_SYMBOL: usize = SYMBOL * 8 - 1;
/// Words of a slot before its levels.
pub(super) const FACTS: usize = 8;
/// Words of a rank: price and quantity of its bid, then of its ask.
pub(super) const RANK: usize = 4;
/// Words of a line of the processor's caches, which each slot begins with.
const LINE: usize = 8;
/// Levels a side: those of the checksum, so that readers can verify what they read, up to those of
/// the deepest subscription.
const LEVELS: RangeInclusive<usize> = 10..=1000;
/// The most slots, some ten times the number of listed pairs.
const MAX_CAPACITY: usize = 16_384;

/// Positions in the head.
pub(super) mod head {
    /// Constant from here on: what the file is.
    pub(in crate::shared) const MAGIC: usize = 0;
    /// Version of the layout, and words of a slot above bit 32.
    pub(in crate::shared) const VERSION: usize = 1;
    /// Number of slots, and levels a side above bit 32.
    pub(in crate::shared) const CAPACITY: usize = 2;
    /// A random number, other in each file.
    pub(in crate::shared) const GENERATION: usize = 3;
    /// The writer's process.
    pub(in crate::shared) const PID: usize = 4;
    /// When the writer last showed that it runs, in ns of the monotonic clock.
    pub(in crate::shared) const HEARTBEAT: usize = 8;
    /// Number of slots in use.
    pub(in crate::shared) const USED: usize = 9;
    /// Number of symbols that have no slot.
    pub(in crate::shared) const OMITTED: usize = 10;
    /// 1 once the writer has closed the file.
    pub(in crate::shared) const CLOSED: usize = 11;
    /// How many there are.
    pub(in crate::shared) const WORDS: usize = 512;
}

/// Whether a shared book may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No verified snapshot has arrived yet.
    AwaitingSnapshot = 0,
    /// The content is the exchange's as of the last message.
    Valid = 1,
    /// It failed its checksum, or a message of it could not be read.
    Stale = 2,
    /// Withdrawn for good.
    Quarantined = 3,
    /// A number has more than 63 bits, or more than 255 decimals.
    Unrepresentable = 4,
}

impl State {
    /// The state of a code; one that this version does not know is never valid.
    #[inline]
    pub(super) const fn of(code: u64) -> Self {
        match code {
            1 => Self::Valid,
            2 => Self::Stale,
            3 => Self::Quarantined,
            4 => Self::Unrepresentable,
            _ => Self::AwaitingSnapshot,
        }
    }

    /// The state's name in the Python package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingSnapshot => "awaiting_snapshot",
            Self::Valid => "valid",
            Self::Stale => "stale",
            Self::Quarantined => "quarantined",
            Self::Unrepresentable => "unrepresentable",
        }
    }
}

/// The sizes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    levels: usize,
    capacity: usize,
    slot_words: usize,
    /// Where the first slot begins.
    slots: usize,
}

impl Layout {
    /// Every file has at least a head.
    pub(super) const MIN_BYTES: u64 = head::WORDS as u64 * 8;

    /// # Errors
    ///
    /// A number is too small or too large.
    pub fn new(levels: usize, capacity: usize) -> io::Result<Self> {
        let text = if !LEVELS.contains(&levels) {
            format!("levels must be 10 to 1000, not {levels}")
        } else if !(1..=MAX_CAPACITY).contains(&capacity) {
            format!("capacity must be 1 to {MAX_CAPACITY}, not {capacity}")
        } else {
            return Ok(Self {
                levels,
                capacity,
                slot_words: (FACTS + RANK * levels).next_multiple_of(LINE),
                slots: Self::symbol(capacity).next_multiple_of(LINE),
            });
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// The layout that a head describes, `None` if it is no head of this version.
    pub(super) fn of(head: [u64; 3]) -> Option<Self> {
        let [magic, version, sizes] = head;
        let low = |word: u64| (word & 0xFFFF_FFFF) as usize;
        let layout = Self::new(low(sizes >> 32), low(sizes)).ok()?;
        let is_ours = magic == MAGIC && version == layout.version();
        is_ours.then_some(layout)
    }

    /// Levels a side.
    #[must_use]
    pub const fn levels(&self) -> usize {
        self.levels
    }

    /// Number of slots.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The word of the head with version and size of a slot.
    pub(super) const fn version(&self) -> u64 {
        VERSION | (self.slot_words as u64) << 32
    }

    /// The word of the head with the number of slots and of levels.
    pub(super) const fn sizes(&self) -> u64 {
        self.capacity as u64 | (self.levels as u64) << 32
    }

    /// Where the symbol of a slot begins.
    pub(super) const fn symbol(slot: usize) -> usize {
        head::WORDS + SYMBOL * slot
    }

    /// The words of a slot, none if there is no such slot.
    #[inline]
    pub(super) fn slot<'w>(&self, words: &'w [AtomicU64], slot: usize) -> &'w [AtomicU64] {
        let words = words.get(self.slots..).unwrap_or_default();
        words
            .chunks_exact(self.slot_words)
            .nth(slot)
            .unwrap_or_default()
    }

    /// Words of the file.
    pub(super) const fn words(&self) -> usize {
        self.slots + self.capacity * self.slot_words
    }
}
