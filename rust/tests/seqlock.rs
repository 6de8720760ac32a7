//! A writer and readers of a slot in threads, for Miri and the thread sanitizer too; `loom.rs`
//! explores their orders.

use std::sync::atomic::AtomicU64;
use std::thread;

use slot::{Change, copy, store};

mod atomic {
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

    pub(crate) fn own(word: &AtomicU64) -> u64 {
        word.load(Ordering::Relaxed)
    }
}
#[path = "../src/shared/seqlock.rs"]
mod slot;

const CHANGES: u64 = if cfg!(miri) { 50 } else { 100_000 };

#[test]
fn copies_are_of_one_state() {
    let words: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let write = || {
        for value in 1..=CHANGES {
            let change = Change::begin(&words).unwrap();
            change.set(1, [value; 3]);
            for group in change.groups::<4>(4) {
                for word in group {
                    store(word, value);
                }
            }
            change.finish();
        }
    };
    let read = || {
        let (mut copied, mut last) = ([0; 16], 0);
        while last < CHANGES * 2 {
            if copy(&words, &mut copied) {
                let [sequence, first, ..] = copied;
                assert!(copied[1..].iter().all(|word| *word == first), "{copied:?}");
                assert_eq!(sequence, first * 2);
                assert!(sequence >= last);
                last = sequence;
            }
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(write);
        scope.spawn(read);
        scope.spawn(read);
    });
}

#[test]
fn an_unfinished_change_is_not_copied() {
    let words: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    let mut copied = [0; 4];
    Change::begin(&words).unwrap().set(1, [7]);
    assert!(!copy(&words, &mut copied));
    let change = Change::begin(&words).unwrap();
    change.set(1, [8]);
    change.finish();
    assert!(copy(&words, &mut copied));
    assert_eq!(copied, [4, 8, 0, 0]);
    assert!(!copy(&[], &mut copied));
    assert!(Change::begin(&[]).is_none());
}
