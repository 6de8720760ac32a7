//! A thread that reads: nothing is lost, no wake-up is missing, and a panic ends it.

use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kraken_connector::reader::{Incoming, Panicked, Reader, Wire};
use kraken_connector::socket::{Socket, wait};
use kraken_connector::{BookState, SharedEngine};

const MAX_SIZE: usize = 1024;
const SNAPSHOT: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":100.0,"qty":1.00}],"asks":[{"price":100.5,"qty":2.00}],"checksum":3987161422}]}"#;

/// One end of a pair of sockets; it panics when it is told to.
struct Pair {
    end: UnixStream,
    socket: Socket,
    panics: Arc<AtomicBool>,
}

impl Wire for Pair {
    fn fd(&self) -> RawFd {
        self.end.as_raw_fd()
    }

    fn read(&mut self, room: &mut [u8]) -> Incoming {
        assert!(!self.panics.load(Ordering::SeqCst), "as told by the test");
        match self.socket.recv(room) {
            Ok(0) => Incoming::End,
            Ok(count) => Incoming::Bytes(count),
            Err(_) => Incoming::Nothing,
        }
    }

    fn is_pending(&self) -> bool {
        false
    }

    fn received_ns(&self) -> i64 {
        7
    }
}

fn start(engine: &SharedEngine) -> (Reader, UnixStream, Arc<AtomicBool>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let panics = Arc::new(AtomicBool::new(false));
    let wire = Pair {
        socket: Socket::new(ours.as_raw_fd(), false, false),
        end: ours,
        panics: Arc::clone(&panics),
    };
    let reader = Reader::start(wire, engine.clone(), Vec::new(), MAX_SIZE, None).unwrap();
    (reader, theirs, panics)
}

fn framed(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 126];
    frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

/// Waits for the bell, which must ring whenever something is still to come.
fn listen(reader: &Reader, silence: &UnixStream) {
    assert!(wait(reader.bell(), silence));
}

#[test]
fn no_wake_up_is_missing() {
    let engine = SharedEngine::default();
    let (mut reader, mut theirs, _) = start(&engine);
    let (silence, _other) = UnixStream::pair().unwrap();
    let frame = framed(r#"{"channel":"heartbeat"}"#);
    let sent = 5_000;
    let sender = std::thread::spawn(move || {
        for number in 0..sent {
            theirs.write_all(&frame).unwrap();
            if number % 7 == 0 {
                std::thread::yield_now();
            }
        }
        theirs
    });
    let mut taken = 0;
    while taken < sent {
        listen(&reader, &silence);
        while let Some(mut batch) = reader.take().unwrap() {
            assert_eq!(batch.received_ns, 7);
            taken += batch.messages().count();
            reader.handled();
        }
    }
    assert_eq!(taken, sent);
    assert_eq!(engine.lock().counters().frames, sent as u64);
    let _theirs = sender.join().unwrap();
    assert_eq!(reader.stop(), b"");
}

#[test]
fn a_panic_ends_the_thread_and_is_told_after_what_came_before() {
    let engine = SharedEngine::default();
    let (mut reader, mut theirs, panics) = start(&engine);
    let (silence, _other) = UnixStream::pair().unwrap();
    theirs.write_all(&framed(SNAPSHOT)).unwrap();
    listen(&reader, &silence);
    panics.store(true, Ordering::SeqCst);
    theirs.write_all(&framed(SNAPSHOT)).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    let mut taken = 0;
    let outcome = loop {
        match reader.take() {
            Ok(Some(mut batch)) => {
                taken += batch.messages().count();
                reader.handled();
            }
            Ok(None) => assert!(Instant::now() < end),
            Err(panicked) => break panicked,
        }
    };
    assert_eq!((outcome, taken), (Panicked, 1));
    assert!(reader.has_ended());
    reader.stop();
}

#[test]
fn a_panic_amid_a_message_makes_all_books_invalid() {
    let engine = SharedEngine::default();
    engine.lock().feed(SNAPSHOT.as_bytes(), None);
    let state = |engine: &SharedEngine| engine.lock().books().get("BTC/USD").unwrap().state();
    assert_eq!(state(&engine), BookState::Valid);
    let shared = engine.clone();
    let panicked = std::thread::spawn(move || {
        let _engine = shared.lock();
        panic!("as told by the test");
    });
    assert!(panicked.join().is_err());
    assert_eq!(state(&engine), BookState::AwaitingSnapshot);
    engine.lock().feed(SNAPSHOT.as_bytes(), None);
    assert_eq!(state(&engine), BookState::Valid);
}

#[test]
fn dropping_a_reader_ends_its_thread() {
    let engine = SharedEngine::default();
    let (reader, mut theirs, _) = start(&engine);
    drop(reader);
    // Nobody has the other end any more.
    assert!(theirs.write_all(&framed(SNAPSHOT)).is_err());
}
