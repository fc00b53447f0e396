//! [`File`]: addresses, superblock and the two widths of an HDF5 file.
//!
//! Specification: "HDF5 File Format Specification Version 3.0", section II.A.

use hdf5_reader::error::Error;
use hdf5_reader::superblock::Superblock;
use hdf5_reader::{Storage, StorageBuffer};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use wb_core::{Bytes, Cursor, Span};

/// Bytes of metadata that the library may read from one file, so that a structure that leads it round in
/// circles ends.
const METADATA_BYTES: u64 = 256 << 20;

/// Bytes that searches for strings may look at in one file.
const SEARCH_BYTES: u64 = 1 << 30;

/// A file whose superblock was read. Addresses count from the superblock.
pub(super) struct File<'a> {
    /// From the superblock to the end of the file.
    pub(super) bytes: Bytes<'a>,
    /// Bytes of an address.
    pub(super) offset_size: u8,
    /// Bytes of a length.
    pub(super) length_size: u8,
    /// Address of the root group's header.
    pub(super) root: u64,
    /// Size of the user block, in bytes.
    pub(super) user_block: u64,
    /// Where the file should end, in bytes from its beginning.
    pub(super) end: u64,
    /// Superblock version.
    pub(super) version: u8,
    /// Whether the chunks of datasets are looked up.
    pub(super) with_chunks: bool,
    view: View<'a>,
    /// Bytes that searches for strings may still look at.
    search: Cell<u64>,
}

impl<'a> File<'a> {
    /// Finds the superblock at 0, 512, 1024, 2048...
    pub(super) fn open(input: Bytes<'a>) -> Result<Self, String> {
        let whole = View::new(input.as_slice());
        let superblock =
            Superblock::parse_from_storage(&whole).map_err(|error| error.to_string())?;
        let root = superblock.root_object_header_address().map_err(|error| error.to_string())?;
        let user_block = superblock.base_address;
        let bytes = input.from(usize::try_from(user_block).unwrap_or(usize::MAX));
        Ok(Self {
            bytes,
            offset_size: superblock.offset_size,
            length_size: superblock.length_size,
            root,
            user_block,
            end: superblock.eof_address,
            version: superblock.version,
            with_chunks: false,
            view: View::new(bytes.as_slice()),
            search: Cell::new(SEARCH_BYTES),
        })
    }

    /// The file as the library wants it.
    pub(super) fn storage(&self) -> &(dyn Storage + 'a) {
        &self.view
    }

    /// Everything from `address` on; `None` for the undefined address and for those outside.
    pub(super) fn at(&self, address: u64) -> Option<Bytes<'a>> {
        let start = usize::try_from(address).ok()?;
        (start < self.bytes.len()).then(|| self.bytes.from(start))
    }

    /// Reads an address.
    pub(super) fn offset(&self, cursor: &mut Cursor<'_>) -> Option<u64> {
        number(cursor, self.offset_size)
    }

    /// Reads a length.
    pub(super) fn length(&self, cursor: &mut Cursor<'_>) -> Option<u64> {
        number(cursor, self.length_size)
    }

    /// The first place of `text` in the file, as far as searches have not become too long.
    pub(super) fn search(&self, text: &str) -> Option<Span> {
        let left = self.search.get();
        let area = self.bytes.head(usize::try_from(left).unwrap_or(usize::MAX));
        let start = area.find(text.as_bytes());
        let looked = start.unwrap_or(area.len()) as u64;
        self.search.set(left.saturating_sub(looked));
        Some(area.slice(start?, text.len())?.span())
    }

    /// Whether `address` is the one that stands for none: all bits set.
    pub(super) fn is_undefined(&self, address: u64) -> bool {
        let bits = u32::from(self.offset_size).saturating_mul(8);
        address == u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
    }
}

/// Reads an unsigned number of `width` bytes, little endian.
pub(super) fn number(cursor: &mut Cursor<'_>, width: u8) -> Option<u64> {
    if width > 8 {
        return None;
    }
    let raw = cursor.take(usize::from(width))?;
    Some(
        raw.as_slice()
            .iter()
            .rev()
            .fold(0_u64, |sum, byte| sum.checked_shl(8).unwrap_or(0) | u64::from(*byte)),
    )
}

/// Borrowed bytes that lend the library copies of the small ranges it asks for.
struct View<'a> {
    data: &'a [u8],
    left: AtomicU64,
}

impl<'a> View<'a> {
    const fn new(data: &'a [u8]) -> Self {
        Self { data, left: AtomicU64::new(METADATA_BYTES) }
    }
}

impl Storage for View<'_> {
    fn len(&self) -> u64 {
        self.data.len() as u64
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer, Error> {
        let left = self.left.load(Ordering::Relaxed);
        let Some(rest) = left.checked_sub(len as u64) else {
            return Err(Error::ResourceLimit("too much metadata".to_owned()));
        };
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| self.data.get(start..start.checked_add(len)?))
            .ok_or(Error::OffsetOutOfBounds(offset))?;
        self.left.store(rest, Ordering::Relaxed);
        Ok(StorageBuffer::from_vec(range.to_vec()))
    }
}
