//! bpf(2): maps, programs, links and pins. The layouts are those of `union bpf_attr` in `linux/bpf.h`.

use super::checked;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::path::Path;

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP: i32 = 1;
const MAP_UPDATE: i32 = 2;
const MAP_DELETE: i32 = 3;
const MAP_NEXT_KEY: i32 = 4;
const PROG_LOAD: i32 = 5;
const OBJ_PIN: i32 = 6;
const OBJ_GET: i32 = 7;
const OBJ_INFO: i32 = 15;
const PROG_QUERY: i32 = 16;
const RAW_TRACEPOINT_OPEN: i32 = 17;
const LINK_CREATE: i32 = 28;

/// The kinds of maps in use (`enum bpf_map_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    Array = 2,
    LruHash = 9,
    LpmTrie = 11,
    RingBuffer = 27,
}

/// Where a program is attached to a cgroup (`enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Ingress = 0,
    Egress = 1,
    Connect4 = 10,
    Connect6 = 11,
    Sendmsg4 = 14,
    Sendmsg6 = 15,
}

/// What a program is loaded as (`enum bpf_prog_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgramKind {
    /// A packet filter of a cgroup.
    Packet(Hook),
    /// A filter of addresses given to connect and sendmsg.
    Address(Hook),
    /// A raw tracepoint.
    Tracepoint,
}

/// A map with the sizes that the kernel reads and writes.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) fd: OwnedFd,
    pub(crate) key: usize,
    pub(crate) value: usize,
    pub(crate) entries: u32,
}

impl Map {
    /// Makes a map. Tries are made without preallocation, as the kernel demands.
    pub(crate) fn create(kind: MapKind, key: u32, value: u32, entries: u32) -> io::Result<Self> {
        let flags: u32 = if kind == MapKind::LpmTrie { 1 } else { 0 };
        let mut attr = Attr::new();
        attr.u32(0, kind as u32).u32(4, key).u32(8, value).u32(12, entries).u32(16, flags);
        attr.bytes(28, b"weighbridge");
        let fd = attr.fd(MAP_CREATE)?;
        Ok(Self { fd, key: key as usize, value: value as usize, entries })
    }

    /// Opens a pinned map, with the sizes that the kernel reports of it.
    pub(crate) fn pinned(path: &Path) -> io::Result<Self> {
        let fd = pinned(path)?;
        let info = info(&fd)?;
        let word = |at: usize| {
            info.get(at..at + 4).map_or(0, |bytes| {
                u32::from_ne_bytes(bytes.try_into().expect("four bytes were taken"))
            })
        };
        Ok(Self { fd, key: word(8) as usize, value: word(12) as usize, entries: word(16) })
    }

    /// Sets an entry.
    pub(crate) fn set(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.sized(key, Some(value.len()))?;
        let mut attr = Attr::new();
        attr.fd_at(0, &self.fd).pointer(8, key.as_ptr()).pointer(16, value.as_ptr());
        attr.call(MAP_UPDATE).map(drop)
    }

    /// An entry's value.
    pub(crate) fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.sized(key, None)?;
        let mut value = vec![0_u8; self.value];
        let mut attr = Attr::new();
        attr.fd_at(0, &self.fd).pointer(8, key.as_ptr()).pointer(16, value.as_mut_ptr());
        match attr.call(MAP_LOOKUP) {
            Ok(_) => Ok(Some(value)),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an entry, if it is there.
    pub(crate) fn remove(&self, key: &[u8]) -> io::Result<()> {
        self.sized(key, None)?;
        let mut attr = Attr::new();
        attr.fd_at(0, &self.fd).pointer(8, key.as_ptr());
        match attr.call(MAP_DELETE) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }

    /// Every key, at most as many as the map can hold.
    pub(crate) fn keys(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        while keys.len() <= self.entries as usize {
            let mut next = vec![0_u8; self.key];
            let mut attr = Attr::new();
            attr.fd_at(0, &self.fd).pointer(16, next.as_mut_ptr());
            if let Some(last) = keys.last() {
                attr.pointer(8, last.as_ptr());
            }
            match attr.call(MAP_NEXT_KEY) {
                Ok(_) => keys.push(next),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
    }

    /// The kernel reads and writes as many bytes as the map was made for; fewer are refused here.
    fn sized(&self, key: &[u8], value: Option<usize>) -> io::Result<()> {
        if key.len() == self.key && value.is_none_or(|length| length == self.value) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "the map has other sizes"))
    }
}

/// Loads a program of instructions as the kernel encodes them. On refusal the error carries the last lines
/// of the verifier's log.
pub(crate) fn load(kind: ProgramKind, code: &[u64]) -> io::Result<OwnedFd> {
    let (program, attach) = match kind {
        ProgramKind::Packet(hook) => (8, hook as u32),
        ProgramKind::Address(hook) => (18, hook as u32),
        ProgramKind::Tracepoint => (17, 0),
    };
    let license = CString::from(c"Apache-2.0");
    // Reading memory of the kernel is offered to programs with a licence compatible with its own.
    let license = if kind == ProgramKind::Tracepoint { CString::from(c"GPL") } else { license };
    let attempt = |log: &mut [u8]| {
        let mut attr = Attr::new();
        attr.u32(0, program).u32(4, u32::try_from(code.len()).unwrap_or(u32::MAX));
        attr.pointer(8, code.as_ptr().cast()).pointer(16, license.as_ptr().cast());
        if !log.is_empty() {
            attr.u32(24, 1).u32(28, u32::try_from(log.len()).unwrap_or(u32::MAX));
            attr.pointer(32, log.as_mut_ptr());
        }
        attr.bytes(48, b"weighbridge").u32(68, attach);
        attr.fd(PROG_LOAD)
    };
    attempt(&mut []).or_else(|first| {
        let mut log = vec![0_u8; 256 << 10];
        attempt(&mut log).map_err(|_| {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
            let text = String::from_utf8_lossy(log.get(..end).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(6)..).unwrap_or_default().join(" | ");
            io::Error::new(first.kind(), format!("{first} ({kind:?}): {last}"))
        })
    })
}

/// Attaches a program to a cgroup, beside others that are there.
pub(crate) fn attach(program: &OwnedFd, cgroup: BorrowedFd<'_>, hook: Hook) -> io::Result<OwnedFd> {
    let mut attr = Attr::new();
    attr.fd_at(0, program).u32(4, cgroup.as_raw_fd().cast_unsigned()).u32(8, hook as u32);
    attr.fd(LINK_CREATE)
}

/// Attaches a program to a raw tracepoint.
pub(crate) fn attach_tracepoint(program: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    let mut attr = Attr::new();
    attr.pointer(0, name.as_ptr().cast()).fd_at(8, program);
    attr.fd(RAW_TRACEPOINT_OPEN)
}

/// Keeps a map, program or link under a path of the bpf file system after this process is gone.
pub(crate) fn pin(fd: &OwnedFd, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr = Attr::new();
    attr.pointer(0, path.as_ptr().cast()).fd_at(8, fd);
    attr.call(OBJ_PIN).map(drop)
}

/// Opens what is pinned at `path`.
pub(crate) fn pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let mut attr = Attr::new();
    attr.pointer(0, path.as_ptr().cast());
    attr.fd(OBJ_GET)
}

/// The kernel's number of a program.
pub(crate) fn program_id(program: &OwnedFd) -> io::Result<u32> {
    let info = info(program)?;
    let id = info.get(4..8).and_then(|bytes| bytes.try_into().ok());
    Ok(id.map_or(0, u32::from_ne_bytes))
}

/// The numbers of the programs attached to a cgroup at `hook`.
pub(crate) fn attached(cgroup: BorrowedFd<'_>, hook: Hook) -> io::Result<Vec<u32>> {
    let mut ids = vec![0_u32; 64];
    let mut attr = Attr::new();
    attr.u32(0, cgroup.as_raw_fd().cast_unsigned()).u32(4, hook as u32);
    attr.pointer(16, ids.as_mut_ptr().cast()).u32(24, 64);
    attr.call(PROG_QUERY)?;
    let count = attr.read_u32(24) as usize;
    ids.truncate(count);
    Ok(ids)
}

/// The first bytes of what the kernel tells of a map or program.
fn info(fd: &OwnedFd) -> io::Result<[u8; 64]> {
    let mut info = [0_u8; 64];
    let mut attr = Attr::new();
    attr.fd_at(0, fd).u32(4, 64).pointer(8, info.as_mut_ptr());
    attr.call(OBJ_INFO)?;
    Ok(info)
}

fn c_path(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// `union bpf_attr`: zeros, with fields written at their offsets.
#[repr(align(8))]
struct Attr([u8; 128]);

impl Attr {
    fn new() -> Self {
        Self([0; 128])
    }

    fn bytes(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self
    }

    fn u32(&mut self, at: usize, value: u32) -> &mut Self {
        self.bytes(at, &value.to_ne_bytes())
    }

    fn fd_at(&mut self, at: usize, fd: &OwnedFd) -> &mut Self {
        self.bytes(at, &fd.as_raw_fd().to_ne_bytes())
    }

    fn pointer(&mut self, at: usize, pointer: *const u8) -> &mut Self {
        self.bytes(at, &(pointer.expose_provenance() as u64).to_ne_bytes())
    }

    fn read_u32(&self, at: usize) -> u32 {
        let bytes = self.0.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_ne_bytes)
    }

    fn call(&mut self, command: i32) -> io::Result<libc::c_long> {
        // SAFETY: the attributes outlive the call, as do all buffers whose addresses were written to them;
        // the functions above give each the size that the kernel will read or write.
        checked(unsafe { libc::syscall(libc::SYS_bpf, command, self.0.as_mut_ptr(), 128) })
    }

    fn fd(&mut self, command: i32) -> io::Result<OwnedFd> {
        let number = self.call(command)?;
        let number = i32::try_from(number).map_err(io::Error::other)?;
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    }
}
