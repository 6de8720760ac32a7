//! All interleavings of a writer and readers of a slot, with all the values that relaxed loads may
//! return: `RUSTFLAGS="--cfg loom" cargo test --release --test loom`.

#![cfg(loom)]

mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

    /// Not a load, after which loom would not try the orders of a following store.
    pub(crate) fn own(word: &AtomicU64) -> u64 {
        // SAFETY: only the caller stores.
        unsafe { word.unsync_load() }
    }
}
#[path = "../src/shared/seqlock.rs"]
mod seqlock;

use atomic::AtomicU64;
use loom::sync::Arc;
use loom::thread;
use seqlock::{Change, copy};

fn slot() -> Arc<Vec<AtomicU64>> {
    Arc::new((0..3).map(|_| AtomicU64::new(0)).collect())
}

/// Writes a state whose words are all `value`.
fn write(words: &[AtomicU64], value: u64) {
    let change = Change::begin(words).unwrap();
    change.set(1, [value; 2]);
    change.finish();
}

fn assert_is_a_state(copied: &[u64; 3]) {
    let [sequence, first, second] = *copied;
    assert!(first == second, "torn: {copied:?}");
    // Each change has a sequence of its own.
    assert_eq!(sequence, first * 2);
}

#[test]
fn a_copy_is_of_one_state() {
    loom::model(|| {
        let words = slot();
        let shared = Arc::clone(&words);
        let writer = thread::spawn(move || {
            write(&shared, 1);
            write(&shared, 2);
        });
        let mut copied = [0; 3];
        if copy(&words, &mut copied) {
            assert_is_a_state(&copied);
        }
        writer.join().unwrap();
        assert!(copy(&words, &mut copied));
        assert_eq!(copied, [4, 2, 2]);
    });
}

#[test]
fn copies_never_go_back() {
    loom::model(|| {
        let words = slot();
        let shared = Arc::clone(&words);
        let writer = thread::spawn(move || write(&shared, 1));
        let (mut first, mut second) = ([0; 3], [0; 3]);
        if copy(&words, &mut first) && copy(&words, &mut second) {
            assert_is_a_state(&second);
            assert!(first[0] <= second[0]);
        }
        writer.join().unwrap();
    });
}

#[test]
fn an_unfinished_change_is_never_copied() {
    loom::model(|| {
        let words = slot();
        let shared = Arc::clone(&words);
        let writer = thread::spawn(move || {
            write(&shared, 1);
            let change = Change::begin(&shared).unwrap();
            change.set(1, [2]);
            drop(change);
        });
        let mut copied = [0; 3];
        if copy(&words, &mut copied) {
            assert_is_a_state(&copied);
        }
        writer.join().unwrap();
        assert!(!copy(&words, &mut copied));
        // The next change repairs it.
        let change = Change::begin(&words).unwrap();
        change.set(1, [3; 2]);
        change.finish();
        assert!(copy(&words, &mut copied));
        assert_eq!(copied[1..], [3; 2]);
    });
}
