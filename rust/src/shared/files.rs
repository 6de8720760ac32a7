//! The file of a name: made by one writer at a time, trusted by readers of the same user only.
//!
//! The writer holds an exclusive flock(2) while it lives, which the system releases when its process
//! ends, however it ends. A file appears under its name complete and locked, by link(2) or
//! rename(2). The folder may belong to all users, as /dev/shm does: symbolic links and files of
//! others are refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often a writer looks whether a file is locked: readers lock it for an instant when they look
/// whether its writer lives.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Opens the file of another process to read it.
///
/// # Errors
///
/// `NotFound`. `PermissionDenied`: it is a link, or belongs to another user, or others may write it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    let file = system::open(&mut options, path)?;
    system::check_owner(&file).map(|()| file)
}

/// Whether a process holds the lock of the file.
pub(super) fn is_locked(file: &File) -> bool {
    let is_free = system::lock(file, false);
    if is_free {
        system::unlock(file);
    }
    !is_free
}

/// A locked file without content under a temporary name, which is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Unnamed {
    pub(super) file: File,
    temporary: PathBuf,
}

impl Unnamed {
    /// Makes a file of `size` zero bytes, all of them allocated: in a full file system a write to
    /// memory would end the process by SIGBUS.
    ///
    /// # Errors
    ///
    /// Those of open(2) and fallocate(2).
    pub(super) fn create(path: &Path, size: u64, unique: u64) -> io::Result<Self> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{unique:016x}"));
        let temporary = PathBuf::from(temporary);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = system::open(&mut options, &temporary)?;
        let made = Self { file, temporary };
        system::set_private(&made.file)?;
        system::allocate(&made.file, size)?;
        if !system::lock(&made.file, true) {
            return Err(ErrorKind::Unsupported.into());
        }
        Ok(made)
    }

    /// Gives the file its name, in place of the file of a dead writer if there is one.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`: a writer that lives has the name. Those of [`open`] if the name is not one of
    /// our files.
    pub(super) fn name(&self, path: &Path) -> io::Result<()> {
        for _ in 0..LOOKS {
            match fs::hard_link(&self.temporary, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Ok(()) => return fs::remove_file(&self.temporary),
                other => return other,
            }
            let old = match open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            if !system::lock(&old, true) {
                thread::sleep(BETWEEN_LOOKS);
            } else if is_at(&old, path) {
                // Who holds the lock of the file at `path` is the only one to replace it.
                return fs::rename(&self.temporary, path);
            }
        }
        let text = "a process that still runs shares books under this name";
        Err(io::Error::new(ErrorKind::AlreadyExists, text))
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // There is none once the file has its own.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Removes the name of a file, unless it is another file's by now.
pub(super) fn remove(file: &File, path: &Path) {
    if is_at(file, path) {
        let _ = fs::remove_file(path);
    }
}

/// Whether `path` is the name of this file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(one), Ok(other)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    system::identity(&one) == system::identity(&other)
}

#[cfg(unix)]
mod system {
    use std::fs::{File, Metadata, OpenOptions, Permissions};
    use std::io::{self, ErrorKind};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    const PRIVATE: u32 = 0o600;

    pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        // A pipe that someone put there must not block.
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let opened = options.mode(PRIVATE).custom_flags(flags).open(path);
        opened.map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => refused("is a symbolic link"),
            _ => error,
        })
    }

    pub(super) fn check_owner(file: &File) -> io::Result<()> {
        let about = file.metadata()?;
        // SAFETY: it has no preconditions.
        let user = unsafe { libc::geteuid() };
        if !about.is_file() {
            return Err(refused("is not a file"));
        }
        if about.uid() != user {
            return Err(refused("belongs to another user"));
        }
        if about.mode() & 0o022 != 0 {
            return Err(refused("can be written by others"));
        }
        Ok(())
    }

    fn refused(why: &str) -> io::Error {
        let text = format!("it {why}, so its books cannot be trusted");
        io::Error::new(ErrorKind::PermissionDenied, text)
    }

    pub(super) fn set_private(file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(PRIVATE))
    }

    pub(super) fn lock(file: &File, is_exclusive: bool) -> bool {
        let kind = if is_exclusive {
            libc::LOCK_EX
        } else {
            libc::LOCK_SH
        };
        // SAFETY: the descriptor is open.
        unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) == 0 }
    }

    pub(super) fn unlock(file: &File) {
        // SAFETY: the descriptor is open.
        unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
    }

    pub(super) fn identity(about: &Metadata) -> (u64, u64) {
        (about.dev(), about.ino())
    }

    #[cfg(target_os = "linux")]
    pub(super) fn allocate(file: &File, size: u64) -> io::Result<()> {
        let size = size.try_into().map_err(|_| ErrorKind::InvalidInput)?;
        // SAFETY: the descriptor is open.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, size) } {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn allocate(file: &File, size: u64) -> io::Result<()> {
        file.set_len(size)
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io::{self, ErrorKind};
    use std::path::Path;

    pub(super) fn open(_options: &mut OpenOptions, _path: &Path) -> io::Result<File> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn check_owner(_file: &File) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn set_private(_file: &File) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn lock(_file: &File, _is_exclusive: bool) -> bool {
        false
    }

    pub(super) fn unlock(_file: &File) {}

    pub(super) fn identity(_about: &Metadata) {}

    pub(super) fn allocate(_file: &File, _size: u64) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
