//! [`Data`]: the bytes of a file on disk: small ones read, large ones mapped.

use memmap2::Mmap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

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
    // Opening a pipe waits for a writer, perhaps for ever, so the question comes first; it comes again
    // afterwards because another process may put something else in the file's place.
    regular(&std::fs::metadata(path)?)?;
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    if metadata.len() < MAP_FROM {
        let mut data = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.read_to_end(&mut data)?;
        return Ok(Data::Read(data));
    }
    map(&file).map(Data::Mapped)
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
