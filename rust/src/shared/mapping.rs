//! The memory of a file, as words.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

/// The mapped words of a file; unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    words: &'static [AtomicU64],
}

impl Mapping {
    /// Maps the first `count` words, which the file must have.
    ///
    /// # Errors
    ///
    /// Those of mmap(2). `Unsupported`: not a little-endian Unix.
    pub(super) fn new(file: &File, count: usize, is_writable: bool) -> io::Result<Self> {
        if cfg!(not(all(unix, target_endian = "little"))) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        map(file, count, is_writable).map(|words| Self { words })
    }

    #[inline]
    pub(super) const fn words(&self) -> &[AtomicU64] {
        self.words
    }
}

#[cfg(unix)]
fn map(file: &File, count: usize, is_writable: bool) -> io::Result<&'static [AtomicU64]> {
    use std::os::fd::AsRawFd;

    let write = if is_writable { libc::PROT_WRITE } else { 0 };
    // SAFETY: the kernel chooses the address, so no other memory is replaced.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            count * size_of::<u64>(),
            libc::PROT_READ | write,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: pages are aligned, all bit patterns are valid, other processes use atomic accesses
    // too, and files never become shorter. A mapping without `PROT_WRITE` is only loaded from.
    // The slice lives until `Mapping::drop`, and no copy of it leaves `Mapping`.
    Ok(unsafe { std::slice::from_raw_parts(address.cast::<AtomicU64>(), count) })
}

#[cfg(not(unix))]
fn map(_file: &File, _count: usize, _is_writable: bool) -> io::Result<&'static [AtomicU64]> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
impl Drop for Mapping {
    fn drop(&mut self) {
        let address = self.words.as_ptr().cast_mut().cast();
        // SAFETY: this is the memory that `map` has mapped; nothing can use it afterwards.
        unsafe { libc::munmap(address, size_of_val(self.words)) };
    }
}
