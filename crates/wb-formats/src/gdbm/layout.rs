//! How the structures of a file lie in it: they are those of C on the machine that wrote it.

use crate::order::Order;
use wb_core::{Bytes, Span};

/// Magic numbers: whether file offsets have eight bytes, where the number says so, and whether the header is extended.
const MAGIC: [(u32, Option<bool>, bool); 5] = [
    (0x1357_9ace, None, false),
    (0x1357_9acd, Some(false), false),
    (0x1357_9acf, Some(true), false),
    (0x1357_9ad0, Some(false), true),
    (0x1357_9ad1, Some(true), true),
];
/// Free pieces that a bucket keeps for itself (`BUCKET_AVAIL`).
const BUCKET_FREE: usize = 6;
/// Bytes of the extended header (`gdbm_ext_header`).
const EXTENDED: usize = 32;
/// The hash of a place in a bucket where there is no record.
const NO_RECORD: u32 = u32::MAX;
/// Free pieces that are taken from one list.
const MOST_FREE: usize = 1 << 16;
/// The largest block that a file may have, in bytes.
const LARGEST_BLOCK: u32 = 1 << 30;

/// Sizes and places of the structures in one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    order: Order,
    /// Bytes of a file offset.
    offset_len: usize,
    /// Bytes of a free piece: its size, and its offset, before which some machines leave four bytes.
    free_len: usize,
    extended: bool,
    block_size: usize,
    bucket_size: u64,
    /// Places for records in a bucket.
    capacity: u64,
}

/// A place of a record in a bucket.
pub(super) struct Element {
    pub(super) hash: u32,
    /// The first bytes of the key.
    small: [u8; 4],
    /// Where the key begins, in bytes from the start of the file; the value follows it.
    pub(super) key_at: u64,
    pub(super) key_len: u64,
    pub(super) value_len: u64,
    pub(super) span: Span,
}

impl Element {
    /// The beginning of the key as far as the bucket has it.
    pub(super) fn beginning(&self) -> &[u8] {
        let len = usize::try_from(self.key_len).unwrap_or(usize::MAX).min(self.small.len());
        self.small.get(..len).unwrap_or_default()
    }
}

impl Layout {
    /// The layout of a file that begins as `input` does; `None` when it is of another kind, or the sizes in its header do
    /// not go together.
    pub(super) fn of(input: Bytes<'_>) -> Option<Self> {
        Order::BOTH.into_iter().find_map(|order| {
            let magic = order.u32(input, 0)?;
            let (_, wide, extended) = MAGIC.into_iter().find(|(number, _, _)| *number == magic)?;
            // Offset, and free piece: of 64 bits, of 64 bits on machines that align them to four bytes, of 32 bits.
            [(8, 16), (8, 12), (4, 8)]
                .into_iter()
                .filter(|(offset_len, _)| wide.is_none_or(|wide| wide == (*offset_len == 8)))
                .find_map(|(offset_len, free_len)| Self::with(input, order, offset_len, free_len, extended))
        })
    }

    fn with(
        input: Bytes<'_>,
        order: Order,
        offset_len: usize,
        free_len: usize,
        extended: bool,
    ) -> Option<Self> {
        let block_size = order.u32(input, 4).filter(|size| (1..=LARGEST_BLOCK).contains(size))?;
        let numbers = input.from(8_usize.saturating_add(offset_len));
        let (bucket_size, capacity) = (u64::from(order.u32(numbers, 8)?), u64::from(order.u32(numbers, 12)?));
        let layout = Self {
            order,
            offset_len,
            free_len,
            extended,
            block_size: usize::try_from(block_size).ok()?,
            bucket_size,
            capacity,
        };
        let room = bucket_size.checked_sub(layout.table_at() as u64)?;
        (capacity > 0 && room.checked_div(layout.element_len() as u64)? == capacity).then_some(layout)
    }

    /// The order of bytes and the size of offsets, in words.
    pub(super) fn words(self) -> String {
        format!("{}, offsets of {} bits", self.order.name(), self.offset_len.saturating_mul(8))
    }

    /// Whether the header is extended by the number that counts how often the file was synchronised.
    pub(super) const fn is_extended(self) -> bool {
        self.extended
    }

    /// Bytes of a block.
    pub(super) const fn block_size(self) -> usize {
        self.block_size
    }

    /// Bytes of a bucket.
    pub(super) const fn bucket_size(self) -> u64 {
        self.bucket_size
    }

    /// Places for records in a bucket.
    pub(super) const fn capacity(self) -> u64 {
        self.capacity
    }

    /// Bytes of the header without its list of free space.
    pub(super) const fn header_len(self) -> usize {
        let extended = if self.extended { EXTENDED } else { 0 };
        // Four numbers of four bytes behind an offset, two before it, and another offset.
        self.offset_len.saturating_mul(2).saturating_add(24).saturating_add(extended)
    }

    /// Where the directory is and how long, in bytes; and how many entries its bits say.
    pub(super) fn directory(self, input: Bytes<'_>) -> Option<(u64, u64, u64)> {
        let behind = input.from(8_usize.saturating_add(self.offset_len));
        let bits = self.order.u32(behind, 4)?;
        let said = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
        Some((self.offset(input, 8)?, u64::from(self.order.u32(behind, 0)?), said))
    }

    /// The offsets of buckets in the directory.
    pub(super) fn addresses(self, directory: Bytes<'_>) -> impl Iterator<Item = u64> {
        let count = directory.len().checked_div(self.offset_len).unwrap_or(0);
        (0..count).map_while(move |index| self.offset(directory, index.checked_mul(self.offset_len)?))
    }

    /// How many records the bucket says it has.
    pub(super) fn count(self, bucket: Bytes<'_>) -> u32 {
        let at = self.table_at().saturating_sub(4);
        self.order.u32(bucket, at).unwrap_or(0)
    }

    /// The records of a bucket.
    pub(super) fn elements(self, bucket: Bytes<'_>) -> Vec<Element> {
        let table = bucket.from(self.table_at());
        let count = usize::try_from(self.capacity).unwrap_or(usize::MAX);
        let at = |index: usize| table.slice(index.checked_mul(self.element_len())?, self.element_len());
        (0..count).map_while(at).filter_map(|bytes| self.element(bytes)).collect()
    }

    fn element(self, bytes: Bytes<'_>) -> Option<Element> {
        let hash = self.order.u32(bytes, 0).filter(|hash| *hash != NO_RECORD)?;
        let lengths = bytes.from(8_usize.saturating_add(self.offset_len));
        Some(Element {
            hash,
            small: bytes.array(4)?,
            key_at: self.offset(bytes, 8)?,
            key_len: u64::from(self.order.u32(lengths, 0)?),
            value_len: u64::from(self.order.u32(lengths, 4)?),
            span: bytes.span(),
        })
    }

    /// The list of free space at the end of the header.
    pub(super) fn first_list(self, input: Bytes<'_>) -> Bytes<'_> {
        input.head(self.block_size).from(self.header_len())
    }

    /// The free pieces of a list, the bytes that the list takes, and where the next one is, 0 for nowhere.
    pub(super) fn list(self, list: Bytes<'_>) -> Option<(Vec<Span>, usize, u64)> {
        let (size, count) = (self.order.u32(list, 0)?, self.order.u32(list, 4)?);
        let next = self.offset(list, 8)?;
        let pieces = list.from(8_usize.saturating_add(self.offset_len));
        let pieces = self.pieces(pieces, usize::try_from(count).ok()?.min(MOST_FREE));
        // A list behind the header is written with room for half of the pieces of a whole one, and one more.
        let room = usize::try_from(size).ok()?.checked_div(2)?.checked_add(1)?.checked_mul(self.free_len)?;
        Some((pieces, room.checked_add(8)?.checked_add(self.offset_len)?, next))
    }

    /// The free pieces that a bucket keeps for itself.
    pub(super) fn free_of_bucket(self, bucket: Bytes<'_>) -> Vec<Span> {
        let count = self.order.u32(bucket, 0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        self.pieces(bucket.from(self.free_len.saturating_sub(self.offset_len)), count.min(BUCKET_FREE))
    }

    fn pieces(self, bytes: Bytes<'_>, count: usize) -> Vec<Span> {
        let piece = |index: usize| {
            let bytes = bytes.slice(index.checked_mul(self.free_len)?, self.free_len)?;
            let len = u64::from(self.order.u32(bytes, 0)?);
            Some(Span::new(self.offset(bytes, self.free_len.checked_sub(self.offset_len)?)?, len))
        };
        (0..count).map_while(piece).collect()
    }

    fn offset(self, bytes: Bytes<'_>, at: usize) -> Option<u64> {
        if self.offset_len == 8 { self.order.u64(bytes, at) } else { self.order.u32(bytes, at).map(u64::from) }
    }

    /// Where the table of records begins in a bucket: behind the number of free pieces, the pieces, and two numbers.
    const fn table_at(self) -> usize {
        // The number is aligned like the offset in a piece.
        let number = self.free_len.saturating_sub(self.offset_len);
        self.free_len.saturating_mul(BUCKET_FREE).saturating_add(number).saturating_add(8)
    }

    /// Bytes of a place of a record: hash, beginning of the key, offset, and two lengths.
    const fn element_len(self) -> usize {
        self.offset_len.saturating_add(16)
    }
}

/// Whether the hash of `key` is `hash` (`_gdbm_hash`). The library adds the letters as numbers with a sign where the
/// machine's have one.
pub(super) fn hashes_to(key: Bytes<'_>, hash: u32) -> bool {
    const BITS: u32 = 0x7fff_ffff;
    // Keys are at most as long as the file, and the library counts their bytes in 32 bits.
    let len = u32::try_from(key.len()).unwrap_or(u32::MAX);
    [true, false].into_iter().any(|signed| {
        let start = 0x238f_13af_u32.wrapping_mul(len);
        let mixed = (0_u32..).zip(key.as_slice()).fold(start, |value, (index, byte)| {
            let letter = if signed { i32::from(byte.cast_signed()).cast_unsigned() } else { u32::from(*byte) };
            let shift = index.wrapping_mul(5).checked_rem(24).unwrap_or(0);
            value.wrapping_add(letter.wrapping_shl(shift)) & BITS
        });
        1_103_515_243_u32.wrapping_mul(mixed).wrapping_add(12_345) & BITS == hash
    })
}
