//! fanotify(7) and inotify(7): which process opens, executes, writes or replaces a file.

use super::{checked, host};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Something that happened to a file below a marked folder.
#[derive(Debug)]
pub(crate) struct FileEvent {
    /// The process that did it.
    pub(crate) pid: u32,
    /// The file.
    pub(crate) file: OwnedFd,
    /// Whether it was opened.
    pub(crate) opened: bool,
    /// Whether it was closed after writing. The kernel joins events that wait: one may be both.
    pub(crate) written: bool,
    /// Whether it was opened to be executed.
    pub(crate) executed: bool,
    /// Whether the process waits until it is answered.
    pub(crate) asks: bool,
}

/// What reading the queue gave.
#[derive(Debug, Default)]
pub(crate) struct FileEvents {
    pub(crate) events: Vec<FileEvent>,
    /// Whether the queue was full and events were lost.
    pub(crate) overflow: bool,
}

/// A queue of file events with their processes.
#[derive(Debug)]
pub(crate) struct Fanotify {
    pub(crate) fd: OwnedFd,
    holds: bool,
}

impl Fanotify {
    /// Opens a queue; `holds` says whether opening a file waits for an answer. Needs CAP_SYS_ADMIN.
    pub(crate) fn new(holds: bool) -> io::Result<Self> {
        let class = if holds { libc::FAN_CLASS_CONTENT } else { libc::FAN_CLASS_NOTIF };
        let flags = class | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK;
        let files = (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_LARGEFILE).cast_unsigned();
        // SAFETY: two numbers.
        let fd = unsafe { libc::fanotify_init(flags, files) };
        checked(fd.into())?;
        Ok(Self { fd: host::own(fd), holds })
    }

    /// Watches the files that lie directly in `folder`. Returns whether their being executed is told, which kernels
    /// before 5.0 cannot.
    pub(crate) fn mark(&self, folder: &Path) -> io::Result<bool> {
        let opening = if self.holds { libc::FAN_OPEN_PERM } else { libc::FAN_OPEN };
        let mask = opening | libc::FAN_CLOSE_WRITE | libc::FAN_EVENT_ON_CHILD;
        match self.mark_for(folder, mask | libc::FAN_OPEN_EXEC) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.mark_for(folder, mask).map(|()| false)
            }
            result => result.map(|()| true),
        }
    }

    fn mark_for(&self, folder: &Path, mask: u64) -> io::Result<()> {
        let path = CString::new(folder.as_os_str().as_bytes())?;
        let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_ONLYDIR;
        // SAFETY: the path ends in zero.
        let result = unsafe {
            libc::fanotify_mark(self.fd.as_raw_fd(), flags, mask, libc::AT_FDCWD, path.as_ptr())
        };
        checked(result.into()).map(drop)
    }

    /// Reads what has happened.
    pub(crate) fn read(&self) -> io::Result<FileEvents> {
        let mut found = FileEvents::default();
        let mut buffer = vec![0_u8; 16 << 10];
        loop {
            let length = match host::read(self.fd.as_raw_fd(), &mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(found),
                Err(error) => return Err(error),
            };
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((event, more)) = split(rest) {
                rest = more;
                match event {
                    Some(event) => found.events.push(event),
                    None => found.overflow = true,
                }
            }
        }
    }

    /// Answers a process that waits to open a file.
    pub(crate) fn answer(&self, event: &FileEvent, allow: bool) -> io::Result<()> {
        let response = if allow { libc::FAN_ALLOW } else { libc::FAN_DENY };
        let mut answer = [0_u8; 8];
        answer[..4].copy_from_slice(&event.file.as_raw_fd().to_ne_bytes());
        answer[4..].copy_from_slice(&response.to_ne_bytes());
        // SAFETY: eight bytes are written from a buffer of eight.
        let result = unsafe { libc::write(self.fd.as_raw_fd(), answer.as_ptr().cast(), 8) };
        checked(result as libc::c_long).map(drop)
    }
}

/// The first event of `bytes` (`struct fanotify_event_metadata`) and what follows it; no event when the
/// record says that the queue was full.
fn split(bytes: &[u8]) -> Option<(Option<FileEvent>, &[u8])> {
    let word = |at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(i32::from_ne_bytes)
    };
    let length = usize::try_from(word(0)?).ok().filter(|length| *length >= 24)?;
    let mask = u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
    let (fd, pid) = (word(16)?, word(20)?);
    let event = (fd >= 0).then(|| FileEvent {
        pid: u32::try_from(pid).unwrap_or(0),
        file: host::own(fd),
        opened: mask & (libc::FAN_OPEN | libc::FAN_OPEN_PERM) != 0,
        written: mask & libc::FAN_CLOSE_WRITE != 0,
        executed: mask & libc::FAN_OPEN_EXEC != 0,
        asks: mask & libc::FAN_OPEN_PERM != 0,
    });
    Some((event, bytes.get(length..)?))
}

/// A queue of names that appear, disappear or are opened in folders, without their processes.
#[derive(Debug)]
pub(crate) struct Inotify {
    pub(crate) fd: OwnedFd,
}

/// A name that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameEvent {
    /// The watch, as [`Inotify::watch`] returned it; below zero when names were lost.
    pub(crate) watch: i32,
    /// The name in the folder.
    pub(crate) name: String,
    /// Whether the name was opened, rather than written or moved there.
    pub(crate) opened: bool,
    /// Whether it was only made.
    pub(crate) made: bool,
    /// Whether it is a folder.
    pub(crate) folder: bool,
}

impl Inotify {
    /// Opens a queue.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a number.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        checked(fd.into())?;
        Ok(Self { fd: host::own(fd) })
    }

    /// Watches `folder`: names moved or made there and, with `all`, names opened and written too.
    pub(crate) fn watch(&self, folder: &Path, all: bool) -> io::Result<i32> {
        let path = CString::new(folder.as_os_str().as_bytes())?;
        let mut mask = libc::IN_MOVED_TO | libc::IN_CREATE | libc::IN_ONLYDIR;
        if all {
            mask |= libc::IN_OPEN | libc::IN_CLOSE_WRITE;
        }
        // SAFETY: the path ends in zero.
        let watch = unsafe { libc::inotify_add_watch(self.fd.as_raw_fd(), path.as_ptr(), mask) };
        checked(watch.into())?;
        Ok(watch)
    }

    /// Reads what has happened.
    pub(crate) fn read(&self) -> Vec<NameEvent> {
        let mut found = Vec::new();
        let mut buffer = vec![0_u8; 16 << 10];
        while let Ok(length) = host::read(self.fd.as_raw_fd(), &mut buffer) {
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((event, more)) = split_name(rest) {
                found.push(event);
                rest = more;
            }
        }
        found
    }
}

/// The first event of `bytes` (`struct inotify_event`) and what follows it.
fn split_name(bytes: &[u8]) -> Option<(NameEvent, &[u8])> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let (watch, mask, length) = (word(0)?, word(4)?, word(12)? as usize);
    let name = bytes.get(16..16 + length)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(length);
    let event = NameEvent {
        watch: watch.cast_signed(),
        name: String::from_utf8_lossy(name.get(..end)?).into_owned(),
        opened: mask & libc::IN_OPEN != 0,
        made: mask & libc::IN_CREATE != 0,
        folder: mask & libc::IN_ISDIR != 0,
    };
    Some((event, bytes.get(16 + length..)?))
}
