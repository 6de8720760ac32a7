//! A reader of a file: consistent copies of slots, and whether they may be believed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::files;
use super::layout::{FACTS, Layout, RANK, SYMBOL, State, head};
use super::mapping::Mapping;
use super::seqlock;
use super::system::{self, monotonic_ns};
use super::writer::KIND;

/// How often a copy is made again before the clock is read, and before other threads get a turn.
const SPINS: u32 = 200;
/// How long a change may take. A writer needs less than a microsecond, unless it was stopped.
const PATIENCE: Duration = Duration::from_millis(1);
/// How long changes may follow each other too closely to copy what is between them.
const LONGEST: Duration = Duration::from_millis(100);
/// The age of a heartbeat from which on the lock of the writer is looked at; it beats every 100 ms.
const SUSPICIOUS_NS: i64 = 300_000_000;
/// The longest wait without a look at the writer.
const SLICE: Duration = Duration::from_millis(100);

/// Why a shared book cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// Its state is not valid.
    Book(State),
    /// No consistent copy could be made: a change of it took longer than 1 ms.
    Unfinished,
    /// The last heartbeat is older than permitted, or from the future.
    WriterSilent,
    /// The process of the writer has ended without closing the file.
    WriterDead,
    /// The writer has closed the file.
    WriterClosed,
    /// The reader has closed the file.
    Closed,
}

impl Unready {
    /// The name of the state in the Python package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Book(state) => state.name(),
            Self::Unfinished => "unfinished",
            Self::WriterSilent => "writer_silent",
            Self::WriterDead => "writer_dead",
            Self::WriterClosed => "writer_closed",
            Self::Closed => "closed",
        }
    }
}

/// The first words of a slot, all of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Copied<'c>(&'c [u64]);

impl Copied<'_> {
    /// Words of a copy with so many levels a side.
    #[must_use]
    pub const fn words(levels: usize) -> usize {
        FACTS + RANK * levels
    }

    /// The word that every change increases.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.word(0)
    }

    /// Whether the book may be read.
    #[must_use]
    pub fn state(&self) -> State {
        match self.word(1) & 0xFF {
            KIND => State::of(self.word(1) >> 8 & 0xFF),
            _ => State::AwaitingSnapshot,
        }
    }

    /// Decimals of the prices and of the quantities.
    #[must_use]
    pub fn scales(&self) -> (u32, u32) {
        let byte = |shift: u32| (self.word(1) >> shift & 0xFF) as u32;
        (byte(16), byte(24))
    }

    /// The checksum of the book.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        (self.word(1) >> 32) as u32
    }

    /// Levels that the writer keeps a side.
    #[must_use]
    pub fn depth(&self) -> usize {
        (self.word(2) & 0xFFFF) as usize
    }

    /// Messages applied.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.word(3)
    }

    /// Exchange time of the last message, ns since the epoch.
    #[must_use]
    pub fn timestamp_ns(&self) -> Option<i64> {
        Some(self.word(4).cast_signed()).filter(|time| *time != 0)
    }

    /// Local receive time of the last message, ns since the epoch.
    #[must_use]
    pub fn received_ns(&self) -> Option<i64> {
        Some(self.word(5).cast_signed()).filter(|time| *time != 0)
    }

    /// The copied bids `(price, qty)`, best first.
    pub fn bids(&self) -> impl Iterator<Item = (u64, u64)> {
        self.side(16, 0)
    }

    /// The copied asks `(price, qty)`, best first.
    pub fn asks(&self) -> impl Iterator<Item = (u64, u64)> {
        self.side(32, 2)
    }

    fn side(&self, shift: u32, first: usize) -> impl Iterator<Item = (u64, u64)> {
        let count = (self.word(2) >> shift & 0xFFFF) as usize;
        let ranks = self.0.get(FACTS..).unwrap_or_default();
        ranks.chunks_exact(RANK).take(count).map(move |rank| {
            let word = |at: usize| rank.get(at).copied().unwrap_or_default();
            (word(first), word(first + 1))
        })
    }

    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or_default()
    }
}

/// A reader of a file; it needs no write access.
#[derive(Debug)]
pub struct Reader {
    layout: Layout,
    mapping: Mapping,
    file: File,
    path: PathBuf,
    max_age_ns: i64,
    closed: AtomicBool,
}

impl Reader {
    /// Opens the file of a name; the writer may have ended.
    ///
    /// # Errors
    ///
    /// `NotFound`. `PermissionDenied`: it is no file of this user. `InvalidData`: it is no file of
    /// this version.
    pub fn open(path: &Path, max_age: Duration) -> io::Result<Self> {
        let file = files::open(path)?;
        let invalid = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "it has no shared books of version 1",
            )
        };
        let size = file.metadata()?.len();
        if size < Layout::MIN_BYTES {
            return Err(invalid());
        }
        let start = Mapping::new(&file, head::WORDS, false)?;
        let word = |at: usize| {
            start
                .words()
                .get(at)
                .map_or(0, |word| word.load(Ordering::Relaxed))
        };
        let head = [word(head::MAGIC), word(head::VERSION), word(head::CAPACITY)];
        let layout = Layout::of(head).ok_or_else(invalid)?;
        if size < layout.words() as u64 * 8 {
            return Err(invalid());
        }
        Ok(Self {
            mapping: Mapping::new(&file, layout.words(), false)?,
            layout,
            file,
            path: path.to_owned(),
            max_age_ns: max_age.as_nanos().try_into().unwrap_or(i64::MAX),
            closed: AtomicBool::new(false),
        })
    }

    /// The sizes of the file.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// A number that differs between the files of a name.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.head(head::GENERATION)
    }

    /// The process of the writer, as it numbers itself.
    #[must_use]
    pub fn writer_pid(&self) -> u64 {
        self.head(head::PID)
    }

    /// Number of symbols for which the file has no room.
    #[must_use]
    pub fn omitted(&self) -> u64 {
        self.head(head::OMITTED)
    }

    /// The symbols in the order of their slots.
    pub fn symbols(&self) -> impl Iterator<Item = String> {
        let used = usize::try_from(self.head(head::USED)).unwrap_or_default();
        (0..used.min(self.layout.capacity())).map(|slot| self.symbol(slot))
    }

    /// Copies the first words of a slot, whatever its state.
    ///
    /// # Errors
    ///
    /// `Unfinished`.
    #[inline]
    pub fn copy<'c>(&self, slot: usize, copy: &'c mut [u64]) -> Result<Copied<'c>, Unready> {
        let words = self.words(slot);
        if !(seqlock::copy(words, copy) || copy_again(words, copy)) {
            return Err(Unready::Unfinished);
        }
        Ok(Copied(copy))
    }

    /// The same for a book that may be read: it is valid and its writer lives.
    ///
    /// # Errors
    ///
    /// Why it may not be read.
    #[inline]
    pub fn read<'c>(&self, slot: usize, copy: &'c mut [u64]) -> Result<Copied<'c>, Unready> {
        let copied = self.copy(slot, copy)?;
        self.check()?;
        match copied.state() {
            State::Valid => Ok(copied),
            state => Err(Unready::Book(state)),
        }
    }

    /// Whether the writer lives and nobody has closed the file.
    ///
    /// # Errors
    ///
    /// Why not.
    #[inline]
    pub fn check(&self) -> Result<(), Unready> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Unready::Closed);
        }
        // In this order, as a clock that is read earlier may show an earlier time.
        let beat = self.head(head::HEARTBEAT).cast_signed();
        let age = monotonic_ns().wrapping_sub(beat);
        if self.head(head::CLOSED) != 0 {
            return Err(Unready::WriterClosed);
        }
        if (0..SUSPICIOUS_NS.min(self.max_age_ns)).contains(&age) {
            return Ok(());
        }
        self.check_late_writer(age)
    }

    #[cold]
    fn check_late_writer(&self, age: i64) -> Result<(), Unready> {
        if !files::is_locked(&self.file) {
            return Err(Unready::WriterDead);
        }
        // A heartbeat from the future is that of another machine's clock, or of another namespace's.
        if (0..=self.max_age_ns).contains(&age) {
            return Ok(());
        }
        Err(Unready::WriterSilent)
    }

    /// The first word of a slot.
    #[must_use]
    pub fn sequence(&self, slot: usize) -> u64 {
        let word = self.words(slot).first();
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Waits until a slot changes, but not much longer than 100 ms and not after `until`.
    pub fn wait(&self, slot: usize, seen: u64, until: Option<Instant>) {
        let left = until.map_or(SLICE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if let Some(word) = self.words(slot).first() {
            system::wait(word, seen, left.min(SLICE));
        }
    }

    /// Whether the name is that of another file by now.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.path.exists() && !files::is_at(&self.file, &self.path)
    }

    /// Lets all further reads fail.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    fn symbol(&self, slot: usize) -> String {
        let words = (0..SYMBOL).map(|index| self.head(Layout::symbol(slot) + index));
        let bytes: Vec<u8> = words
            .flat_map(u64::to_le_bytes)
            .take_while(|byte| *byte != 0)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[inline]
    fn words(&self, slot: usize) -> &[AtomicU64] {
        self.layout.slot(self.mapping.words(), slot)
    }

    #[inline]
    fn head(&self, at: usize) -> u64 {
        let word = self.mapping.words().get(at);
        word.map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// Tries again until a change takes too long; returns whether it succeeded.
#[cold]
fn copy_again(words: &[AtomicU64], copy: &mut [u64]) -> bool {
    let start = Instant::now();
    let (mut since, mut last) = (start, None);
    loop {
        for _ in 0..SPINS {
            if seqlock::copy(words, copy) {
                return true;
            }
            std::hint::spin_loop();
        }
        let now = Instant::now();
        if last != copy.first().copied() {
            (since, last) = (now, copy.first().copied());
        }
        if now - since > PATIENCE || now - start > LONGEST {
            return false;
        }
        // The writer may be waiting for this processor.
        thread::yield_now();
    }
}
