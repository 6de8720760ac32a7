//! The books of an engine in a file, read by other threads; `tests/shared_books` has other processes.

use std::env::temp_dir;
use std::path::PathBuf;
use std::process::id;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kraken_connector::Engine;
use kraken_connector::shared::{Copied, Layout, Reader, State, Unready, Writer};

use crate::fixtures;

const MAX_AGE: Duration = Duration::from_secs(60);

fn path(name: &str) -> PathBuf {
    temp_dir().join(format!("kraken-rust-{name}-{}", id()))
}

#[test]
fn readers_in_threads_copy_whole_books() {
    let path = path("threads");
    let writer = Arc::new(Writer::create(&path, Layout::new(10, 4).unwrap()).unwrap());
    let mut engine = Engine::new();
    engine.share(Some(Arc::clone(&writer)));
    let frames = fixtures::session();
    engine.feed(frames[0], None);
    let is_done = AtomicBool::new(false);
    let read = || {
        let reader = Reader::open(&path, MAX_AGE).unwrap();
        let mut words = [0; Copied::words(10)];
        let mut last = 0;
        while !is_done.load(Ordering::Relaxed) {
            let Ok(copied) = reader.read(0, &mut words) else {
                continue;
            };
            assert_eq!(copied.state(), State::Valid);
            assert!(copied.updates() >= last);
            assert!(copied.bids().is_sorted_by(|one, other| one.0 > other.0));
            assert!(copied.asks().is_sorted_by(|one, other| one.0 < other.0));
            assert!(copied.bids().next().unwrap().0 < copied.asks().next().unwrap().0);
            last = copied.updates();
        }
    };
    thread::scope(|scope| {
        scope.spawn(read);
        scope.spawn(read);
        for _ in 0..20 {
            for frame in &frames {
                engine.feed(frame, None);
                engine.ring();
            }
            writer.beat();
        }
        is_done.store(true, Ordering::Relaxed);
    });
    let reader = Reader::open(&path, MAX_AGE).unwrap();
    assert_eq!(reader.symbols().collect::<Vec<_>>(), ["BTC/USD"]);
    drop(engine);
    drop(writer);
    assert_eq!(reader.check(), Err(Unready::WriterClosed));
    assert!(!path.exists());
}
