//! The operating system: the monotonic clock, waiting for a word to change, forks.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often this process is the child of a fork of one that shared books.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// The forks so far; the number changes in the child.
#[inline]
pub(super) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Lets [`forks`] count from now on.
pub(super) fn watch_forks() {
    #[cfg(unix)]
    {
        extern "C" fn count() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler only changes an atomic, and this code is never unloaded: Python
            // does not unload extension modules.
            unsafe { libc::pthread_atfork(None, None, Some(count)) };
        });
    }
    #[cfg(not(unix))]
    let _ = Once::new();
}

/// Nanoseconds of the monotonic clock, which all processes of a machine share and which no one can
/// set.
#[cfg(unix)]
#[inline]
pub(super) fn monotonic_ns() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(not(unix))]
pub(super) fn monotonic_ns() -> i64 {
    0
}

/// Waits until another process wakes the word, at most `longest`; returns at once if its lower half
/// is not `seen` any more. It may return early.
///
/// Read access to the memory is enough (futex(2), `FUTEX_WAIT`).
#[cfg(target_os = "linux")]
pub(super) fn wait(word: &AtomicU64, seen: u64, longest: Duration) {
    let timeout = libc::timespec {
        tv_sec: longest.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: longest.subsec_nanos().into(),
    };
    // SAFETY: the word is 8-byte aligned and lives during the call; the kernel reads its lower half,
    // the first on a little-endian machine, and the timeout.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr().cast::<u32>(),
            libc::FUTEX_WAIT,
            (seen & 0xFFFF_FFFF) as u32,
            &raw const timeout,
        )
    };
}

/// Wakes all processes that wait for the word.
#[cfg(target_os = "linux")]
pub(super) fn wake(word: &AtomicU64) {
    // SAFETY: the kernel takes the address as a name only.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr().cast::<u32>(),
            libc::FUTEX_WAKE,
            i32::MAX,
        )
    };
}

/// Without futexes: look again after a millisecond.
#[cfg(not(target_os = "linux"))]
pub(super) fn wait(word: &AtomicU64, seen: u64, longest: Duration) {
    if word.load(Ordering::Relaxed) == seen {
        std::thread::sleep(longest.min(Duration::from_millis(1)));
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn wake(_word: &AtomicU64) {}
