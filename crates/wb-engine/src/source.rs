//! [`Data`]: the bytes of a file on disk: small ones read, large ones mapped.

use memmap2::Mmap;
use sha2::{Digest as _, Sha256 as Hasher};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use wb_core::Sha256;

/// Files of at least this many bytes are mapped instead of read.
const MAP_FROM: u64 = 256 << 10;

/// The bytes of a file.
#[derive(Debug)]
pub enum Data {
    /// Read into memory.
    Read(Vec<u8>),
    /// Mapped.
    Mapped(Mmap),
}

impl Data {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Read(data) => data,
            Self::Mapped(map) => map,
        }
    }
}

/// Opens the file at `path`.
///
/// # Errors
/// What the operating system says, also when the path is no regular file.
pub fn open(path: &Path) -> io::Result<Data> {
    let mut file = without_waiting(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    if metadata.len() >= MAP_FROM {
        return map(&file).map(Data::Mapped);
    }
    let mut data = vec![0; usize::try_from(metadata.len()).unwrap_or(0)];
    let mut filled = 0;
    while let Some(rest) = data.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    data.truncate(filled);
    Ok(Data::Read(data))
}

/// The SHA-256 of the file at `path` and its length, a mebibyte of it in memory at a time.
pub fn sha256_of_file(path: &Path) -> io::Result<(Sha256, u64)> {
    let mut file = without_waiting(path)?;
    regular(&file.metadata()?)?;
    let mut hasher = Hasher::new();
    let mut length = 0_u64;
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok((Sha256(hasher.finalize().into()), length)),
            Ok(count) => {
                hasher.update(block.get(..count).unwrap_or_default());
                length = length.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens a file without waiting: opening a pipe would wait for a writer, perhaps for ever. The flag means
/// nothing for regular files.
#[cfg(unix)]
fn without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens a file, after asking whether it is one.
#[cfg(not(unix))]
fn without_waiting(path: &Path) -> io::Result<File> {
    regular(&std::fs::metadata(path)?)?;
    File::open(path)
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    let problem = match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => return Ok(()),
        (false, true) => "it is a folder",
        (false, false) => "it is a device, pipe or socket",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

/// Maps a file into memory. The kernel reads pages as they are touched, so that a model of many
/// gigabytes costs only what its parser looks at.
#[allow(
    unsafe_code,
    reason = "mapping a file is the one thing here that the compiler cannot check"
)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is private and read-only, and evidence is not written to while it is examined. A
    // file that another process truncates meanwhile ends this process with SIGBUS; it cannot be misread.
    unsafe { Mmap::map(file) }
}
