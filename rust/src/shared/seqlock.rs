//! A copy of words that another process changes meanwhile is noticed, and made again.
//!
//! The rule is that of Hans Boehm, "Can seqlocks get along with programming language memory
//! models?" (MSPC 2012), with fences: the writer makes the first word odd, passes a release fence,
//! changes the others by relaxed stores, and makes the first word even by a release store. A reader
//! loads the first word (acquire), copies by relaxed loads, passes an acquire fence, and loads the
//! first word again. If it saw any store of a change, the fences order the odd first word before
//! its second load.
//!
//! `rust/loom` explores all interleavings of this file.

use super::atomic::{AtomicU64, Ordering, fence, own};

/// A change of one slot by its only writer.
///
/// If it is dropped unfinished, the first word stays odd and readers refuse the slot, until the next
/// change.
#[derive(Debug)]
pub(crate) struct Change<'w> {
    sequence: &'w AtomicU64,
    words: &'w [AtomicU64],
    odd: u64,
}

impl<'w> Change<'w> {
    /// Begins a change; `None` without words.
    #[inline(always)]
    pub(crate) fn begin(words: &'w [AtomicU64]) -> Option<Self> {
        let (sequence, _) = words.split_first()?;
        let odd = own(sequence).wrapping_add(1) | 1;
        sequence.store(odd, Ordering::Relaxed);
        fence(Ordering::Release);
        Some(Self {
            sequence,
            words,
            odd,
        })
    }

    /// Sets the words from `at` on.
    #[inline(always)]
    pub(crate) fn set<const N: usize>(&self, at: usize, values: [u64; N]) {
        let words = self.words.iter().skip(at);
        words
            .zip(values)
            .for_each(|(word, value)| store(word, value));
    }

    /// The words from `at` on, in groups.
    #[inline(always)]
    pub(crate) fn groups<const N: usize>(&self, at: usize) -> std::slice::Iter<'w, [AtomicU64; N]> {
        let words = self.words.get(at..).unwrap_or_default();
        words.as_chunks().0.iter()
    }

    /// Shows the change to readers.
    #[inline(always)]
    pub(crate) fn finish(self) {
        self.sequence
            .store(self.odd.wrapping_add(1), Ordering::Release);
    }
}

/// Changes a word. One that has its value already is not stored, so that its line stays in the caches
/// of readers.
#[inline(always)]
pub(crate) fn store(word: &AtomicU64, value: u64) {
    if own(word) != value {
        word.store(value, Ordering::Relaxed);
    }
}

/// Copies the first words once; false if they were changed meanwhile, and then the copy is of no
/// use.
#[inline(always)]
pub(crate) fn copy(words: &[AtomicU64], copy: &mut [u64]) -> bool {
    let (Some((sequence, words)), Some((first, rest))) =
        (words.split_first(), copy.split_first_mut())
    else {
        return false;
    };
    *first = sequence.load(Ordering::Acquire);
    for (to, word) in rest.iter_mut().zip(words) {
        *to = word.load(Ordering::Relaxed);
    }
    fence(Ordering::Acquire);
    *first & 1 == 0 && sequence.load(Ordering::Relaxed) == *first
}
