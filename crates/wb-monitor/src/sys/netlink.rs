//! Netlink sockets: a request, its answers, and multicast groups.

use super::{checked, host};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

/// The families of netlink in use (`linux/netlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Sockets of the host.
    SockDiag = 4,
    /// Processes of the host.
    Connector = 11,
    /// Connection tracking and the log of firewalls.
    Netfilter = 12,
}

/// A netlink socket.
#[derive(Debug)]
pub(crate) struct Netlink {
    pub(crate) fd: OwnedFd,
    /// Room for messages, kept: most readings find none.
    buffer: RefCell<Vec<u8>>,
}

impl Netlink {
    /// Opens a socket that listens to the multicast groups in `groups` (a bit each).
    pub(crate) fn new(family: Family, groups: u32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: three numbers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, family as i32) };
        checked(fd.into())?;
        let fd = host::own(fd);
        // SAFETY: the address is a structure of the family given, with its size.
        let bound = unsafe {
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = u16::try_from(libc::AF_NETLINK).unwrap_or(0);
            address.nl_groups = groups;
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast(),
                u32::try_from(size_of::<libc::sockaddr_nl>()).unwrap_or(0),
            )
        };
        checked(bound.into())?;
        let room: i32 = 8 << 20;
        // SAFETY: an option of four bytes. Without it the queue is short, and losses are told.
        unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUFFORCE,
                (&raw const room).cast(),
                4,
            )
        };
        Ok(Self { fd, buffer: RefCell::new(vec![0; 64 << 10]) })
    }

    /// Sends a message, header included.
    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        // SAFETY: the buffer and its length belong together.
        let sent =
            unsafe { libc::send(self.fd.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
        checked(sent as libc::c_long).map(drop)
    }

    /// Hands every message that waits to `each`: its type and what follows the header. Returns whether
    /// messages were lost because the queue was full.
    pub(crate) fn receive(&self, each: &mut dyn FnMut(u16, &[u8])) -> io::Result<bool> {
        // Taken for the time of the reading: who is handed a message may read again.
        let mut buffer = self.buffer.take();
        buffer.resize(64 << 10, 0);
        let result = self.receive_into(&mut buffer, each);
        self.buffer.replace(buffer);
        result
    }

    fn receive_into(
        &self,
        buffer: &mut [u8],
        each: &mut dyn FnMut(u16, &[u8]),
    ) -> io::Result<bool> {
        let mut lost = false;
        loop {
            let length = match host::read(self.fd.as_raw_fd(), buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(lost),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    lost = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((kind, body, more)) = split(rest) {
                each(kind, body);
                rest = more;
            }
        }
    }
}

/// The first message of `bytes` (`struct nlmsghdr`): type, body and what follows.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(16..length)?;
    let next = length.next_multiple_of(4).min(bytes.len());
    Some((kind, body, bytes.get(next..)?))
}

/// Attributes (`struct nlattr`): kind, without the marks for nested ones and for byte order, and value. What is cut
/// off is left out.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let half = |at: usize| rest.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes);
        let (length, kind) = (usize::from(half(0)?), half(2)? & 0x3fff);
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}
