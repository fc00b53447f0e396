//! Clocks, signals, waiting, mounts and identities of the host.

use super::checked;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::path::Path;

/// Bytes in a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Nanoseconds since the machine was started, including sleep.
pub(crate) fn boot_time() -> u64 {
    clock(libc::CLOCK_BOOTTIME)
}

/// Nanoseconds since 1970, as the host's clock has it.
pub(crate) fn wall_time() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

fn clock(which: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills the structure.
    unsafe { libc::clock_gettime(which, &raw mut time) };
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// Waits until one of `fds` can be read or `milliseconds` are over.
pub(crate) fn wait(fds: &[BorrowedFd<'_>], milliseconds: i32) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    // SAFETY: the list and its length belong together.
    let result = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as u64, milliseconds) };
    match checked(result.into()) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Turns the signals that end or reload a service into something to read. Has to be called before threads
/// are started, which inherit that these signals wait.
pub(crate) fn signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is filled by the kernel's library before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&raw mut set, signal);
        }
        checked(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()).into())?;
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        checked(fd.into())?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// The signal that came, if one did.
pub(crate) fn signal(fd: &OwnedFd) -> Option<i32> {
    let mut info = [0_u8; 128];
    let length = read(fd.as_raw_fd(), &mut info).ok()?;
    let number = info.get(..4).filter(|_| length == 128)?;
    Some(i32::from_ne_bytes(number.try_into().ok()?))
}

/// Whether `signal` asks for the policy to be read again, rather than for an end.
pub(crate) fn means_reload(signal: i32) -> bool {
    signal == libc::SIGHUP
}

/// Reads from a descriptor.
pub(crate) fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    let result = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    checked(result as libc::c_long).map(|length| usize::try_from(length).unwrap_or(0))
}

/// Mounts the bpf file system.
pub(crate) fn mount_bpf(at: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let at = CString::new(at.as_os_str().as_bytes())?;
    // SAFETY: three strings that end in zero; this file system takes no data.
    let result =
        unsafe { libc::mount(c"bpf".as_ptr(), at.as_ptr(), c"bpf".as_ptr(), 0, std::ptr::null()) };
    checked(result.into()).map(drop)
}

/// Gives `fd` up to whoever owns it from here on.
pub(crate) fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: callers hand over descriptors that the kernel has just made for them.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
