//! A connected stream socket, read and written without waiting; its owner closes it.
//!
//! The only module with system calls. Unix only.

use std::fmt;
use std::io::{self, Error, ErrorKind};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// No SIGPIPE for a socket whose other end is gone. Where sockets have no such flag for a single
/// call, Python ignores the signal.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: libc::c_int = 0;

/// Memory for unsent bytes that is kept when all of them are sent.
const KEPT: usize = 64 * 1024;

/// An error of a system call, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// The error of the last system call.
    fn last() -> Self {
        Self(Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    }

    /// Nothing to read yet, or no room to write.
    pub const WOULD_BLOCK: Self = Self(libc::EWOULDBLOCK);

    fn kind(self) -> ErrorKind {
        Error::from_raw_os_error(self.0).kind()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_would_block(self) -> bool {
        self.kind() == ErrorKind::WouldBlock
    }
}

impl fmt::Display for Errno {
    /// The system's text for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Error::from_raw_os_error(self.0).to_string();
        let number = format!(" (os error {})", self.0);
        f.write_str(text.strip_suffix(&number).unwrap_or(&text))
    }
}

/// A connected, non-blocking stream socket that somebody else owns.
#[derive(Debug)]
pub struct Socket {
    fd: RawFd,
    acknowledges_at_once: bool,
    has_stamps: bool,
    received_ns: i64,
    /// Bytes that wait for the socket, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// Errors other than that the call would block are final.
    recv_error: Option<Errno>,
    send_error: Option<Errno>,
}

impl Socket {
    /// The socket `fd`, which must stay open as long as this is used.
    ///
    /// With `quickack`, Linux acknowledges what is read at once, not with the next bytes sent or
    /// after some 40 ms (tcp(7)). With `stamps`, the kernel stamps what it receives, if it can.
    #[must_use]
    pub fn new(fd: RawFd, quickack: bool, stamps: bool) -> Self {
        Self {
            fd,
            acknowledges_at_once: quickack,
            has_stamps: stamps && options::enable_stamps(fd),
            received_ns: 0,
            unsent: Vec::new(),
            sent: 0,
            recv_error: None,
            send_error: None,
        }
    }

    /// When the kernel received the last bytes of the last read, in ns since the epoch; 0 if it did
    /// not say.
    #[must_use]
    pub const fn received_ns(&self) -> i64 {
        self.received_ns
    }

    /// Takes over the stamp of another reader of the same socket.
    pub const fn set_received_ns(&mut self, received_ns: i64) {
        self.received_ns = received_ns;
    }

    /// Reads once into `target`: how many bytes, 0 at the end of the stream.
    ///
    /// # Errors
    /// That of the system call. Any but "would block" is that of all later reads too.
    pub fn recv(&mut self, target: &mut [u8]) -> Result<usize, Errno> {
        if let Some(error) = self.recv_error {
            return Err(error);
        }
        let result = if self.has_stamps {
            options::recv_with_stamp(self.fd, target).map(|(received, stamp)| {
                if received > 0 {
                    self.received_ns = stamp;
                }
                received
            })
        } else {
            recv(self.fd, target)
        };
        if self.acknowledges_at_once && result.is_ok() {
            // The kernel leaves this mode by itself (tcp(7)). A socket of another kind has none.
            self.acknowledges_at_once = options::acknowledge_at_once(self.fd);
        }
        result.inspect_err(|error| {
            if !error.is_would_block() {
                self.recv_error = Some(*error);
            }
        })
    }

    /// Makes `error` that of all later reads: somebody else read it from the same socket, which
    /// tells it once.
    pub const fn fail_recv(&mut self, error: Errno) {
        self.recv_error = Some(error);
    }

    /// Sends `bytes` after those that wait; returns how many wait afterwards.
    ///
    /// # Errors
    /// That of the system call, which is that of all later writes too. "Would block" is none.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let mut rest = bytes;
        if self.flush()? == 0 {
            rest = self.send(bytes)?;
        }
        self.unsent.extend_from_slice(rest);
        Ok(self.waiting())
    }

    /// Sends bytes that wait; returns how many still do.
    ///
    /// # Errors
    /// As of [`Self::write`].
    pub fn flush(&mut self) -> Result<usize, Errno> {
        if let Some(error) = self.send_error {
            return Err(error);
        }
        if self.unsent.is_empty() {
            return Ok(0);
        }
        let unsent = mem::take(&mut self.unsent);
        let rest = self
            .send(unsent.get(self.sent..).unwrap_or_default())?
            .len();
        self.sent = unsent.len() - rest;
        self.unsent = unsent;
        if rest == 0 {
            self.unsent.clear();
            self.unsent.shrink_to(KEPT);
            self.sent = 0;
        } else if self.sent > rest {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        Ok(rest)
    }

    const fn waiting(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Sends until the socket takes no more; returns what is left.
    fn send<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Errno> {
        while !bytes.is_empty() {
            match send(self.fd, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.is_would_block() => break,
                Err(error) => {
                    self.send_error = Some(error);
                    return Err(error);
                }
            }
        }
        Ok(bytes)
    }
}

/// Another descriptor of what `fd` is open for.
///
/// # Errors
/// There is none left, or `fd` is not open.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is borrowed for this call only, and a closed one is an error.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// Waits until `fd` can be read, or has ended; false when `stop` can be read.
pub fn wait(fd: RawFd, stop: &impl AsRawFd) -> bool {
    let entry = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut entries = [entry(fd), entry(stop.as_raw_fd())];
    // SAFETY: the memory is that of `entries`, which are two.
    let result = uninterrupted(|| unsafe { libc::poll(entries.as_mut_ptr(), 2, -1) } as isize);
    result.is_ok() && entries.get(1).is_some_and(|stop| stop.revents == 0)
}

/// Leaves all signals to other threads.
pub fn block_signals() {
    // SAFETY: the set is filled before it is used, and a thread may change its own mask.
    unsafe {
        let mut all = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

/// Lets a thread run on processor `cpu` only.
///
/// # Errors
/// There is no such processor, it is not for this process, or the system cannot do it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn pin<T>(thread: &std::thread::JoinHandle<T>, cpu: usize) -> io::Result<()> {
    use std::os::unix::thread::JoinHandleExt;

    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: zeros are an empty set, `cpu` is a bit of it, and the thread has not been joined.
    let error = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::pthread_setaffinity_np(
            thread.as_pthread_t(),
            mem::size_of_val(&set),
            &raw const set,
        )
    };
    match error {
        0 => Ok(()),
        number => Err(Error::from_raw_os_error(number)),
    }
}

/// As above.
///
/// # Errors
/// Always: only Linux can do it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn pin<T>(_: &std::thread::JoinHandle<T>, _: usize) -> io::Result<()> {
    Err(Error::from_raw_os_error(libc::ENOTSUP))
}

/// The result of a system call, made again when a signal interrupted it.
fn uninterrupted(mut call: impl FnMut() -> isize) -> Result<usize, Errno> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = Errno::last();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn recv(fd: RawFd, target: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the memory is that of `target`.
    uninterrupted(|| unsafe {
        libc::recv(
            fd,
            target.as_mut_ptr().cast(),
            target.len(),
            libc::MSG_DONTWAIT,
        )
    })
}

fn send(fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    let flags = SEND_FLAGS | libc::MSG_DONTWAIT;
    // SAFETY: the memory is that of `bytes`.
    uninterrupted(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// What only Linux has; on machines of 64 bits, where times have one layout.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(clippy::cast_possible_truncation, reason = "sizes of small types")]
mod options {
    use std::mem;
    use std::os::fd::RawFd;
    use std::ptr;

    use super::{Errno, uninterrupted};

    const STAMP: usize = mem::size_of::<libc::timespec>();

    /// Memory for one control message, aligned as they must be.
    #[repr(C)]
    union Control {
        header: libc::cmsghdr,
        space: [u8; 64],
    }

    /// Whether the socket has the option.
    fn enable(fd: RawFd, level: libc::c_int, option: libc::c_int) -> bool {
        let on: libc::c_int = 1;
        // SAFETY: the value is an integer of the length that is given.
        let result = unsafe {
            libc::setsockopt(
                fd,
                level,
                option,
                (&raw const on).cast(),
                mem::size_of_val(&on) as libc::socklen_t,
            )
        };
        result == 0
    }

    pub(super) fn enable_stamps(fd: RawFd) -> bool {
        enable(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
    }

    pub(super) fn acknowledge_at_once(fd: RawFd) -> bool {
        enable(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK)
    }

    /// Reads once; also the kernel's stamp in ns, 0 without.
    pub(super) fn recv_with_stamp(fd: RawFd, target: &mut [u8]) -> Result<(usize, i64), Errno> {
        let mut control = Control { space: [0; 64] };
        let mut part = libc::iovec {
            iov_base: target.as_mut_ptr().cast(),
            iov_len: target.len(),
        };
        // SAFETY: zeros are a valid message header: no name, no parts, no control messages.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        let received = uninterrupted(|| {
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = mem::size_of_val(&control) as _;
            // SAFETY: the message names the memory of `target` and of `control`.
            unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT) }
        })?;
        Ok((received, stamp(&message)))
    }

    /// The stamp among the control messages of `message`.
    fn stamp(message: &libc::msghdr) -> i64 {
        // SAFETY: `message` was filled by the kernel, and its control messages are still there.
        let header = unsafe { libc::CMSG_FIRSTHDR(message) };
        // SAFETY: it is null or the first control message.
        let Some(found) = (unsafe { header.as_ref() }) else {
            return 0;
        };
        // SAFETY: this computes a length.
        let length = unsafe { libc::CMSG_LEN(STAMP as u32) };
        if (found.cmsg_level, found.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)
            || found.cmsg_len < length as _
        {
            return 0;
        }
        // SAFETY: the message is long enough; its data may be unaligned.
        let time: libc::timespec =
            unsafe { ptr::read_unaligned(libc::CMSG_DATA(header).cast_const().cast()) };
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod options {
    use std::os::fd::RawFd;

    use super::Errno;

    pub(super) const fn enable_stamps(_: RawFd) -> bool {
        false
    }

    pub(super) const fn acknowledge_at_once(_: RawFd) -> bool {
        false
    }

    pub(super) fn recv_with_stamp(fd: RawFd, target: &mut [u8]) -> Result<(usize, i64), Errno> {
        super::recv(fd, target).map(|received| (received, 0))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    fn pair() -> (Socket, UnixStream, UnixStream) {
        let (ours, other) = UnixStream::pair().unwrap();
        (Socket::new(ours.as_raw_fd(), true, true), ours, other)
    }

    #[test]
    fn a_read_does_not_wait_and_ends_with_the_stream() {
        let (mut socket, _ours, mut other) = pair();
        let mut room = [0; 10];
        assert_eq!(socket.recv(&mut room), Err(Errno::WOULD_BLOCK));
        other.write_all(b"data").unwrap();
        assert_eq!(socket.recv(&mut room), Ok(4));
        assert_eq!(&room[..4], b"data");
        drop(other);
        assert_eq!(socket.recv(&mut room), Ok(0));
        assert_eq!(socket.received_ns(), 0);
    }

    #[test]
    fn bytes_wait_in_their_order() {
        let (mut socket, _ours, mut other) = pair();
        let data: Vec<u8> = (0..2_000_000_u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let (first, second) = data.split_at(1_500_000);
        let waiting = socket.write(first).unwrap();
        assert!(waiting > 0 && waiting < first.len());
        assert_eq!(socket.write(second), Ok(waiting + second.len()));
        let length = data.len();
        let reader = thread::spawn(move || {
            let mut received = vec![0; length];
            other.read_exact(&mut received).unwrap();
            (received, other)
        });
        while socket.flush().unwrap() > 0 {
            thread::yield_now();
        }
        let (received, _other) = reader.join().unwrap();
        assert!(received == data);
        assert!(socket.unsent.is_empty() && socket.unsent.capacity() <= KEPT);
        assert_eq!(socket.write(b""), Ok(0));
    }

    #[test]
    fn errors_are_final_for_their_direction() {
        let (mut socket, _ours, mut other) = pair();
        other.write_all(b"last").unwrap();
        drop(other);
        for _ in 0..2 {
            assert_eq!(socket.write(b"data"), Err(Errno(libc::EPIPE)));
            assert_eq!(socket.flush(), Err(Errno(libc::EPIPE)));
        }
        assert_eq!(socket.recv(&mut [0; 10]), Ok(4));
        let mut closed = Socket::new(-1, true, true);
        for _ in 0..2 {
            assert_eq!(closed.recv(&mut [0; 10]), Err(Errno(libc::EBADF)));
        }
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn the_kernel_stamps_what_comes_by_tcp() {
        use std::net::{TcpListener, TcpStream};
        use std::time::{SystemTime, UNIX_EPOCH};

        let now = || {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            i64::try_from(time.as_nanos()).unwrap()
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let mut socket = Socket::new(ours.as_raw_fd(), true, true);
        let mut room = [0; 10];
        // Stamping begins some time after the first socket asks for it.
        for _ in 0..1000 {
            let before = now();
            other.write_all(b"data").unwrap();
            while socket.recv(&mut room) == Err(Errno::WOULD_BLOCK) {}
            let stamp = socket.received_ns();
            if stamp != 0 {
                assert!(before <= stamp && stamp <= now());
                return;
            }
        }
        panic!("no stamps");
    }
}
