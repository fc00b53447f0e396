//! [`Bytes`]: a view of hostile input that knows where it came from, and [`Cursor`] to walk it.

use std::fmt;

/// A half-open range of bytes in an artifact: `start..start + len`, both in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte, from the start of the artifact.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
}

impl Span {
    /// The span of `len` bytes at `start`.
    pub const fn new(start: u64, len: u64) -> Self {
        Self { start, len }
    }

    /// One past the last byte, saturating.
    pub const fn end(self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// A view of hostile input that knows its offset in the artifact.
///
/// No method panics, none allocates, and every read is checked: what is not there is `None`.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    data: &'a [u8],
    base: u64,
}

impl<'a> Bytes<'a> {
    /// A view of a whole artifact: offset 0 is the first byte.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, base: 0 }
    }

    /// A view whose first byte stands at `base` in its artifact.
    pub const fn at(data: &'a [u8], base: u64) -> Self {
        Self { data, base }
    }

    /// The offset of the first byte in the artifact.
    pub const fn offset(self) -> u64 {
        self.base
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.data.len()
    }

    /// Whether there is nothing in view.
    pub const fn is_empty(self) -> bool {
        self.data.is_empty()
    }

    /// The bytes themselves.
    pub const fn as_slice(self) -> &'a [u8] {
        self.data
    }

    /// The span of this view in its artifact.
    pub const fn span(self) -> Span {
        Span::new(self.base, self.data.len() as u64)
    }

    /// The byte at `index` from the start of the view.
    pub fn byte(self, index: usize) -> Option<u8> {
        self.data.get(index).copied()
    }

    /// The `len` bytes at `start`, if all of them are there.
    pub fn slice(self, start: usize, len: usize) -> Option<Bytes<'a>> {
        let end = start.checked_add(len)?;
        let data = self.data.get(start..end)?;
        Some(Self { data, base: self.base.saturating_add(start as u64) })
    }

    /// Everything from `start` on; empty when `start` is past the end.
    pub fn from(self, start: usize) -> Bytes<'a> {
        let start = start.min(self.data.len());
        let data = self.data.get(start..).unwrap_or(&[]);
        Self { data, base: self.base.saturating_add(start as u64) }
    }

    /// The first `len` bytes, or all of them when there are fewer.
    pub fn head(self, len: usize) -> Bytes<'a> {
        let data = self.data.get(..len.min(self.data.len())).unwrap_or(&[]);
        Self { data, base: self.base }
    }

    /// The bytes that `span`, given in artifact offsets, covers in this view.
    pub fn at_span(self, span: Span) -> Option<Bytes<'a>> {
        let start = usize::try_from(span.start.checked_sub(self.base)?).ok()?;
        self.slice(start, usize::try_from(span.len).ok()?)
    }

    /// Whether the view begins with `prefix`.
    pub fn starts_with(self, prefix: &[u8]) -> bool {
        self.data.starts_with(prefix)
    }

    /// The position of the first `needle` in the view.
    pub fn find(self, needle: &[u8]) -> Option<usize> {
        memchr::memmem::find(self.data, needle)
    }

    /// The position of the first `byte` in the view.
    pub fn find_byte(self, byte: u8) -> Option<usize> {
        memchr::memchr(byte, self.data)
    }

    /// A copy of the `N` bytes at `index`.
    pub fn array<const N: usize>(self, index: usize) -> Option<[u8; N]> {
        self.slice(index, N)?.data.try_into().ok()
    }

    /// Little-endian `u16` at `index`.
    pub fn u16_le(self, index: usize) -> Option<u16> {
        self.array(index).map(u16::from_le_bytes)
    }

    /// Little-endian `u32` at `index`.
    pub fn u32_le(self, index: usize) -> Option<u32> {
        self.array(index).map(u32::from_le_bytes)
    }

    /// Little-endian `u64` at `index`.
    pub fn u64_le(self, index: usize) -> Option<u64> {
        self.array(index).map(u64::from_le_bytes)
    }

    /// Big-endian `u32` at `index`.
    pub fn u32_be(self, index: usize) -> Option<u32> {
        self.array(index).map(u32::from_be_bytes)
    }

    /// A cursor at the first byte.
    pub const fn cursor(self) -> Cursor<'a> {
        Cursor { bytes: self, position: 0 }
    }
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} at {})", self.data.len(), self.base)
    }
}

/// A position in [`Bytes`] that moves forward as it reads. A read that fails does not move it.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: Bytes<'a>,
    position: usize,
}

impl<'a> Cursor<'a> {
    /// Index of the next byte, from the start of the view.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Offset of the next byte in the artifact.
    pub const fn offset(&self) -> u64 {
        self.bytes.offset().saturating_add(self.position as u64)
    }

    /// Bytes left to read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// Whether everything was read.
    pub const fn is_at_end(&self) -> bool {
        self.remaining() == 0
    }

    /// What is left, without moving.
    pub fn rest(&self) -> Bytes<'a> {
        self.bytes.from(self.position)
    }

    /// Moves to `position`, at most to the end.
    pub fn seek(&mut self, position: usize) {
        self.position = position.min(self.bytes.len());
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Option<Bytes<'a>> {
        let taken = self.bytes.slice(self.position, len)?;
        self.position = self.position.saturating_add(len);
        Some(taken)
    }

    /// The next `len` bytes, for a length as read from the file.
    pub fn take_u64(&mut self, len: u64) -> Option<Bytes<'a>> {
        self.take(usize::try_from(len).ok()?)
    }

    /// The bytes up to `delimiter`, which is read too but not returned.
    pub fn take_until(&mut self, delimiter: u8) -> Option<Bytes<'a>> {
        let len = self.rest().find_byte(delimiter)?;
        let taken = self.take(len)?;
        self.position = self.position.saturating_add(1);
        Some(taken)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.as_slice().try_into().ok()
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next little-endian `u16`.
    pub fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next little-endian `u32`.
    pub fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next little-endian `i32`.
    pub fn i32_le(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    /// The next little-endian `u64`.
    pub fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next unsigned number in LEB128 of at most ten bytes: groups of seven bits, the lowest first (DWARF 5,
    /// section 7.6).
    pub fn leb128(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_know_their_offset_and_refuse_what_is_not_there() {
        let bytes = Bytes::at(b"abcdef", 100);
        let part = bytes.slice(2, 3).expect("inside");
        assert_eq!((part.offset(), part.as_slice()), (102, &b"cde"[..]));
        assert!(bytes.slice(4, 3).is_none());
        assert!(bytes.slice(usize::MAX, 2).is_none());
        assert_eq!(bytes.at_span(Span::new(103, 2)).map(Bytes::as_slice), Some(&b"de"[..]));
        assert!(bytes.at_span(Span::new(99, 2)).is_none());
        assert!(bytes.from(9).is_empty());
    }

    #[test]
    fn a_failed_read_does_not_move_the_cursor() {
        let mut cursor = Bytes::new(b"\x01\x02\nxy").cursor();
        assert_eq!(cursor.u16_le(), Some(0x0201));
        assert_eq!(cursor.u64_le(), None);
        assert_eq!(cursor.take_until(b'\n').map(Bytes::len), Some(0));
        assert_eq!(cursor.take_until(b'\n').map(Bytes::len), None);
        assert_eq!(cursor.rest().as_slice(), b"xy");
    }
}
