//! Books that other processes read: a file in shared memory, one writer, any number of readers.
//!
//! `docs/shared-books.md` has the layout and the promises, `include/kraken_shared_books.h` a reader
//! in C. Unlike the rest of the core this maps memory and reads the monotonic clock, as a reader
//! has to notice that the writer died.
//!
//! A file is a sequence of little-endian 64-bit words, so that every access is one atomic load or
//! store: a head, the symbols, and a slot for each symbol.

/// The atomics of `seqlock.rs`, which the model test replaces by those of loom.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};

    /// The value of a word that only the caller stores.
    #[inline(always)]
    pub(super) fn own(word: &AtomicU64) -> u64 {
        word.load(Ordering::Relaxed)
    }
}
mod files;
mod layout;
mod mapping;
mod reader;
mod seqlock;
mod system;
mod writer;

pub use layout::{Layout, State};
pub use reader::{Copied, Reader, Unready};
pub use writer::{Facts, Sides, Writer};
