//! A thread that reads the frames of one connection and feeds an engine, ahead of who handles what
//! they bring.
//!
//! ```text
//! wire ──► thread: frame, engine ──► queue ──► bell ──► Reader::take
//! ```
//!
//! The bell can be watched like a socket; it is rung once for all that is in the queue. The thread
//! stops at what it leaves to others: the end of the connection, and frames other than text, ping
//! and pong. Unix only.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::{Notice, Outcome, SharedEngine};
use crate::message::Message;
use crate::socket::{block_signals, pin, wait};
use crate::websocket::{Frame, frame_at};

/// The least space of a read.
const ROOM: usize = 64 * 1024;
/// Memory of the buffer that is kept when it is empty.
const KEPT: usize = 16 * ROOM;
/// The most messages of a batch: an event loop has other things to do.
const IN_A_BATCH: usize = 64;
/// What waits in the queue when reading stops, bytes.
const LONGEST_QUEUE: usize = 64 * 1024 * 1024;
/// What a message costs beyond its bytes.
const OVERHEAD: usize = mem::size_of::<(Range<usize>, Outcome)>();

/// What a thread reads.
pub trait Wire: Send + 'static {
    /// The descriptor to wait for.
    fn fd(&self) -> RawFd;

    /// Reads into `room`, without waiting.
    fn read(&mut self, room: &mut [u8]) -> Incoming;

    /// Whether to read again before waiting.
    fn is_pending(&self) -> bool;

    /// When the kernel received the last bytes, ns since the epoch; 0 if it did not say.
    fn received_ns(&self) -> i64;
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// No more, or an error: whoever reads next learns which.
    End,
}

/// Messages that one read has brought, or some of them.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    messages: Vec<(Range<usize>, Outcome)>,
    /// Pings and pongs.
    pub control: Vec<u8>,
    /// When they were received, ns since the epoch.
    pub received_ns: i64,
    /// Up to which of its frames the engine was when the batch was complete.
    frames: u64,
    /// Whether the thread waits until the batch is handled.
    is_awaited: bool,
}

impl Batch {
    /// Takes out what the frames of text have brought.
    pub fn messages(&mut self) -> impl Iterator<Item = (&[u8], Outcome)> {
        let messages = mem::take(&mut self.messages).into_iter();
        messages.map(|(range, outcome)| (self.bytes.get(range).unwrap_or_default(), outcome))
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.control.len() + self.messages.len() * OVERHEAD
    }
}

/// The thread panicked: what its engine made of the last frame is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// What thread and owner share.
struct Shared {
    queue: Mutex<Queue>,
    /// Notified when the thread may go on.
    changed: Condvar,
}

struct Queue {
    batches: VecDeque<Batch>,
    size: usize,
    /// A byte is in the bell while there is something to take.
    bell: PipeWriter,
    is_rung: bool,
    /// Whether a batch must be handled before the thread goes on.
    is_awaited: bool,
    is_stopped: bool,
    ending: Option<Result<(), Panicked>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch and waits until the thread may go on; false when it is to stop.
    fn put(&self, batch: Batch) -> bool {
        let mut queue = self.lock();
        queue.size += batch.size();
        queue.is_awaited |= batch.is_awaited;
        queue.batches.push_back(batch);
        queue.ring();
        while !queue.is_stopped && (queue.is_awaited || queue.size > LONGEST_QUEUE) {
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !queue.is_stopped
    }

    fn end(&self, ending: Result<(), Panicked>) {
        let mut queue = self.lock();
        queue.ending = Some(ending);
        queue.ring();
    }
}

impl Queue {
    /// Written under the lock, like the flag: there is a byte exactly while the flag is set.
    fn ring(&mut self) {
        if !self.is_rung {
            self.is_rung = self.bell.write(&[1]).is_ok();
        }
    }

    fn take(&mut self, bell: &mut PipeReader) -> Option<Batch> {
        let batch = self.batches.pop_front();
        self.size -= batch.as_ref().map_or(0, Batch::size);
        // The end is taken by stopping.
        if self.batches.is_empty() && self.ending.is_none() && mem::take(&mut self.is_rung) {
            let _ = bell.read(&mut [0]);
        }
        batch
    }
}

/// A thread that reads, from its beginning to its end.
pub struct Reader {
    shared: Arc<Shared>,
    engine: SharedEngine,
    bell: PipeReader,
    /// Its other end is what the thread waits for beside the connection.
    stop: PipeWriter,
    /// Returns the bytes that were read and not processed.
    thread: Option<JoinHandle<Vec<u8>>>,
    /// A child process has the memory of its parent, but not its threads.
    process: u32,
}

impl Reader {
    /// Starts the thread, on processor `cpu` if there is one.
    ///
    /// # Arguments
    /// * `pending` - bytes that were read before.
    /// * `max_size` - the longest payload.
    ///
    /// # Errors
    /// There is no thread, no descriptor or no such processor left.
    pub fn start(
        wire: impl Wire,
        engine: SharedEngine,
        pending: Vec<u8>,
        max_size: usize,
        cpu: Option<usize>,
    ) -> io::Result<Self> {
        let (bell, ring) = io::pipe()?;
        let (stopped, stop) = io::pipe()?;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                batches: VecDeque::new(),
                size: 0,
                bell: ring,
                is_rung: false,
                is_awaited: false,
                is_stopped: false,
                ending: None,
            }),
            changed: Condvar::new(),
        });
        let frames = engine.lock().counters().frames;
        let worker = Worker {
            wire,
            engine: engine.clone(),
            shared: Arc::clone(&shared),
            stopped,
            max_size,
            needed: 0,
            start: 0,
            end: pending.len(),
            buffer: pending,
            frames,
            received_ns: now_ns(),
        };
        let mut reader = Self {
            shared,
            engine,
            bell,
            stop,
            thread: None,
            process: process::id(),
        };
        // Taken back by `stop`, when there is a thread.
        reader.engine.lock().set_seen(frames);
        let thread = thread::Builder::new()
            .name("kraken-reader".to_owned())
            .spawn(move || worker.run())
            .inspect_err(|_| reader.engine.lock().set_seen(u64::MAX))?;
        let thread = reader.thread.insert(thread);
        if let Some(cpu) = cpu {
            pin(thread, cpu)?;
        }
        Ok(reader)
    }

    /// The descriptor that can be read while there is something to take.
    #[must_use]
    pub fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// The next batch; `None` if there is none, now or, see [`Self::has_ended`], any more.
    ///
    /// # Errors
    /// The thread panicked, and everything before has been taken.
    pub fn take(&mut self) -> Result<Option<Batch>, Panicked> {
        let mut queue = self.shared.lock();
        let batch = queue.take(&mut self.bell);
        let ending = queue.ending;
        drop(queue);
        match (batch, ending) {
            (Some(batch), _) => {
                self.engine.lock().set_seen(batch.frames);
                Ok(Some(batch))
            }
            (None, Some(Err(panicked))) => Err(panicked),
            (None, _) => Ok(None),
        }
    }

    /// Says that the last batch was handled.
    pub fn handled(&self) {
        let mut queue = self.shared.lock();
        // While it is awaited there is no later one.
        if queue.batches.is_empty() {
            queue.is_awaited = false;
        }
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// Whether the thread has ended and everything was taken: [`Self::stop`] returns the rest.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let queue = self.shared.lock();
        queue.ending.is_some() && queue.batches.is_empty()
    }

    /// Ends the thread; returns the bytes that are for others: pings and pongs that were not taken,
    /// then what was not processed. Messages that were not taken are dropped.
    pub fn stop(&mut self) -> Vec<u8> {
        let Some(thread) = self.thread.take() else {
            return Vec::new();
        };
        if self.process != process::id() {
            // To wait for it would be to wait for ever; locks may be those of the parent's thread.
            mem::forget(thread);
            return Vec::new();
        }
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_one();
        // Closing it would not do: a child process may have it too.
        let _ = self.stop.write(&[1]);
        let unprocessed = thread.join().unwrap_or_default();
        let batches = mem::take(&mut self.shared.lock().batches);
        self.engine.lock().set_seen(u64::MAX);
        let control = batches.into_iter().map(|batch| batch.control);
        control.chain([unprocessed]).flatten().collect()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread owns.
struct Worker<W> {
    wire: W,
    engine: SharedEngine,
    shared: Arc<Shared>,
    stopped: PipeReader,
    max_size: usize,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The least length of the frame at `start`.
    needed: usize,
    /// Those that the engine was fed with.
    frames: u64,
    received_ns: i64,
}

/// What comes after a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The next frames of the buffer.
    Frames,
    /// A read.
    Read,
    /// The end: the next frame is for others.
    Leave,
}

impl<W: Wire> Worker<W> {
    fn run(mut self) -> Vec<u8> {
        block_signals();
        let result = catch_unwind(AssertUnwindSafe(|| while self.step() {}));
        let unprocessed = self.buffer.get(self.start..self.end);
        let unprocessed = unprocessed.unwrap_or_default().to_vec();
        self.shared.end(result.map_err(|_| Panicked));
        unprocessed
    }

    /// Processes frames, or reads; false at the end.
    fn step(&mut self) -> bool {
        let (batch, next) = self.batch();
        let is_empty = batch.messages.is_empty() && batch.control.is_empty();
        if !is_empty && !self.shared.put(batch) {
            return false;
        }
        match next {
            Next::Frames => true,
            Next::Read => self.read(),
            Next::Leave => false,
        }
    }

    /// Feeds the engine with the frames of the buffer, up to one that must be handled first.
    fn batch(&mut self) -> (Batch, Next) {
        let mut batch = Batch {
            received_ns: self.received_ns,
            frames: self.frames,
            ..Batch::default()
        };
        let first = self.start;
        let next = loop {
            let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
            match frame_at(bytes, self.max_size) {
                Frame::Text(payload) => {
                    let frame = bytes.get(payload.clone()).unwrap_or_default();
                    let mut engine = self.engine.lock();
                    let outcome = engine.feed(frame, Some(self.received_ns));
                    self.frames = engine.counters().frames;
                    drop(engine);
                    batch.frames = self.frames;
                    batch.is_awaited = must_be_handled(frame, &outcome);
                    let offset = self.start - first;
                    let range = payload.start + offset..payload.end + offset;
                    self.start += payload.end;
                    batch.messages.push((range, outcome));
                    if batch.is_awaited || batch.messages.len() == IN_A_BATCH {
                        break Next::Frames;
                    }
                }
                Frame::Control(end) => {
                    batch.control.extend(bytes.get(..end).unwrap_or_default());
                    self.start += end;
                }
                Frame::Foreign(_) | Frame::Broken => break Next::Leave,
                Frame::Partial(needed) => {
                    self.needed = needed;
                    break Next::Read;
                }
            }
        };
        let processed = self.buffer.get(first..self.start).unwrap_or_default();
        batch.bytes.extend(processed);
        (batch, next)
    }

    /// Waits and reads; false at the end.
    fn read(&mut self) -> bool {
        self.engine.lock().ring();
        self.make_room();
        loop {
            if !self.wire.is_pending() && !wait(self.wire.fd(), &self.stopped) {
                return false;
            }
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.wire.read(room) {
                Incoming::Bytes(count) => {
                    self.end += count;
                    self.received_ns = match self.wire.received_ns() {
                        0 => now_ns(),
                        stamp => stamp,
                    };
                    return true;
                }
                Incoming::Nothing => {}
                Incoming::End => return false,
            }
        }
    }

    /// Moves the pending bytes to the front, with room behind them.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let least = self.needed.max(self.end) + ROOM;
        if self.buffer.len() < least {
            self.buffer.resize(least.next_power_of_two(), 0);
        } else if self.end == 0 && self.buffer.len() > KEPT {
            self.buffer.truncate(KEPT);
            self.buffer.shrink_to_fit();
        }
    }
}

/// Whether what handles a message may call the engine because of it: the engine must not be ahead
/// of it then. These are the answers to subscribe and unsubscribe, and whatever makes a book invalid
/// or shows that a message is missing.
fn must_be_handled(frame: &[u8], outcome: &Outcome) -> bool {
    let is_reported = |notice: &Notice| !matches!(notice, Notice::BookCrossed { .. });
    match &outcome.message {
        Err(_) => true,
        Ok(Message::Reply(reply)) => {
            reply.method.is(frame, b"subscribe") || reply.method.is(frame, b"unsubscribe")
        }
        Ok(_) => outcome.notices.iter().any(is_reported),
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}
