//! The records of a zip archive as they are written: [`Header`] for local and central ones, [`End`] for
//! the end of the central directory. Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.

use memchr::memmem::Finder;
use std::sync::LazyLock;
use wb_core::Bytes;

pub(crate) const LOCAL: &[u8] = b"PK\x03\x04";
pub(crate) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(crate) const END: &[u8] = b"PK\x05\x06";
/// Finds [`END`]; made once, since every format on top of zip asks every file.
static END_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";
pub(crate) const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// Length of an end record without its comment.
pub(crate) const END_LEN: usize = 22;
/// The furthest from the end of the file that readers look for the end record: it and a full comment.
const END_SEARCH: usize = 65_557;

/// What a local header and a central header both say about a member.
#[derive(Clone, Debug)]
pub(crate) struct Header<'a> {
    pub name: Bytes<'a>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub compressed: u64,
    pub size: u64,
    /// Central headers only: where the local header is, and the Unix mode.
    pub offset: u64,
    pub mode: u32,
    /// Length of the whole record.
    pub len: usize,
}

impl<'a> Header<'a> {
    /// The local header at the start of `input`.
    pub(crate) fn local(input: Bytes<'a>) -> Option<Self> {
        let mut cursor = input.cursor();
        cursor.take(4).filter(|signature| signature.as_slice() == LOCAL)?;
        let _version = cursor.u16_le()?;
        let (flags, method) = (cursor.u16_le()?, cursor.u16_le()?);
        let _time = cursor.u32_le()?;
        let crc = cursor.u32_le()?;
        let (compressed, size) = (u64::from(cursor.u32_le()?), u64::from(cursor.u32_le()?));
        let (name_len, extra_len) = (cursor.u16_le()?, cursor.u16_le()?);
        let name = cursor.take(usize::from(name_len))?;
        let extra = cursor.take(usize::from(extra_len))?;
        let mut wide = Wide::of(extra);
        let size = wide.or(size)?;
        let compressed = wide.or(compressed)?;
        let len = cursor.position();
        Some(Self { name, flags, method, crc, compressed, size, offset: 0, mode: 0, len })
    }

    /// The central header at the start of `input`.
    pub(crate) fn central(input: Bytes<'a>) -> Option<Self> {
        let mut cursor = input.cursor();
        cursor.take(4).filter(|signature| signature.as_slice() == CENTRAL)?;
        let _versions = cursor.u32_le()?;
        let (flags, method) = (cursor.u16_le()?, cursor.u16_le()?);
        let _time = cursor.u32_le()?;
        let crc = cursor.u32_le()?;
        let (compressed, size) = (u64::from(cursor.u32_le()?), u64::from(cursor.u32_le()?));
        let (name_len, extra_len) = (cursor.u16_le()?, cursor.u16_le()?);
        let comment_len = cursor.u16_le()?;
        let _disk_and_internal = cursor.u32_le()?;
        let mode = cursor.u32_le()? >> 16;
        let offset = u64::from(cursor.u32_le()?);
        let name = cursor.take(usize::from(name_len))?;
        let extra = cursor.take(usize::from(extra_len))?;
        cursor.take(usize::from(comment_len))?;
        let mut wide = Wide::of(extra);
        let size = wide.or(size)?;
        let compressed = wide.or(compressed)?;
        let offset = wide.or(offset)?;
        let len = cursor.position();
        Some(Self { name, flags, method, crc, compressed, size, offset, mode, len })
    }

    /// The name as text; what is not UTF-8 is read as code page 437 would show its ASCII part.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name.as_slice()).into_owned()
    }
}

/// The zip64 extra field (4.5.3): eight-byte values, in the order of the fields they stand in for.
struct Wide<'a>(Option<wb_core::Cursor<'a>>);

impl<'a> Wide<'a> {
    fn of(extra: Bytes<'a>) -> Self {
        let mut cursor = extra.cursor();
        while let (Some(id), Some(len)) = (cursor.u16_le(), cursor.u16_le()) {
            let Some(field) = cursor.take(usize::from(len)) else { break };
            if id == 1 {
                return Self(Some(field.cursor()));
            }
        }
        Self(None)
    }

    /// `narrow`, or the wide value where `narrow` says that there is one. A missing one is tolerated.
    fn or(&mut self, narrow: u64) -> Option<u64> {
        if narrow != u64::from(u32::MAX) {
            return Some(narrow);
        }
        Some(self.0.as_mut().and_then(wb_core::Cursor::u64_le).unwrap_or(narrow))
    }
}

/// The end of central directory record, with its zip64 counterpart folded in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// Index of the record in the input.
    pub at: usize,
    /// Index of the first byte after the central directory: the record, or its zip64 counterpart.
    pub directory_end: usize,
    /// Number of entries it claims.
    pub entries: u64,
    /// Length of the central directory.
    pub size: u64,
    /// Where the central directory begins, counted from where the archive begins.
    pub offset: u64,
    /// Length of the comment it claims.
    pub comment_len: usize,
}

impl End {
    /// The record at index `at`.
    fn read(input: Bytes<'_>, at: usize) -> Option<Self> {
        let record = input.slice(at, END_LEN)?;
        let mut end = Self {
            at,
            directory_end: at,
            entries: u64::from(record.array::<2>(10).map(u16::from_le_bytes)?),
            size: u64::from(record.u32_le(12)?),
            offset: u64::from(record.u32_le(16)?),
            comment_len: usize::from(record.u16_le(20)?),
        };
        end.widen(input);
        Some(end)
    }

    /// Takes the zip64 values when a locator stands before the record (4.3.15).
    fn widen(&mut self, input: Bytes<'_>) -> Option<()> {
        let locator = input.slice(self.at.checked_sub(20)?, 20)?;
        if !locator.starts_with(LOCATOR64) {
            return None;
        }
        // The record usually lies right before the locator; the locator's own offset is wrong when
        // something was put before the archive.
        let near = self.at.checked_sub(76)?;
        let told = usize::try_from(locator.u64_le(8)?).ok()?;
        let at = [near, told]
            .into_iter()
            .find(|at| input.slice(*at, 56).is_some_and(|record| record.starts_with(END64)))?;
        let record = input.slice(at, 56)?;
        self.directory_end = at;
        self.entries = record.u64_le(32)?;
        self.size = record.u64_le(40)?;
        self.offset = record.u64_le(48)?;
        Some(())
    }

    /// One past the last byte of the record and its comment.
    pub(crate) const fn stop(&self) -> usize {
        self.at.saturating_add(END_LEN).saturating_add(self.comment_len)
    }

    /// Where the central directory may begin, with the number of bytes before the archive that follows:
    /// by its size, as CPython's zipfile finds it, and by its offset.
    pub(crate) fn starts(&self) -> Vec<(usize, u64)> {
        let mut starts = Vec::new();
        let by_size = usize::try_from(self.size).ok().and_then(|size| self.directory_end.checked_sub(size));
        if let Some(start) = by_size {
            starts.push((start, (start as u64).saturating_sub(self.offset)));
        }
        let by_offset = usize::try_from(self.offset).ok().filter(|start| Some(*start) != by_size);
        starts.extend(by_offset.map(|start| (start, 0)));
        starts
    }
}

/// The end records among the last bytes of `input`, the last one first: readers take that one.
pub(crate) fn ends(input: Bytes<'_>) -> Vec<End> {
    const MOST: usize = 16;
    // Nearly always the record is the very end of the file.
    let last = input.len().checked_sub(END_LEN);
    if let Some(end) = last.and_then(|at| exactly(input, at)) {
        return vec![end];
    }
    let tail = input.from(input.len().saturating_sub(END_SEARCH));
    let base = input.len().saturating_sub(tail.len());
    // Searching forward is what the processor is fast at; the last ones are wanted.
    let found: Vec<usize> = END_FINDER.find_iter(tail.as_slice()).collect();
    let last = found.into_iter().rev().take(MOST);
    last.filter_map(|at| End::read(input, base.checked_add(at)?)).collect()
}

fn exactly(input: Bytes<'_>, at: usize) -> Option<End> {
    let end = End::read(input, at).filter(|_| input.from(at).starts_with(END))?;
    (end.comment_len == 0 && end.starts().iter().any(|(start, _)| leads(input, *start, &end))).then_some(end)
}

/// The length of the central directory that `input` begins with, its end record included, where they agree.
pub(crate) fn whole_directory(input: Bytes<'_>) -> Option<usize> {
    let (mut len, mut entries) = (0_usize, 0_u64);
    while let Some(header) = Header::central(input.from(len)) {
        (len, entries) = (len.checked_add(header.len)?, entries.saturating_add(1));
    }
    let wide = input.from(len).starts_with(END64);
    let at = if wide { len.checked_add(76)? } else { len };
    let end = End::read(input, at).filter(|_| input.from(at).starts_with(END))?;
    (end.entries == entries && end.size == len as u64).then(|| end.stop())
}

/// Whether a central directory, or nothing for an empty archive, begins at `start`.
pub(crate) fn leads(input: Bytes<'_>, start: usize, end: &End) -> bool {
    (end.entries == 0 && start == end.directory_end) || input.from(start).starts_with(CENTRAL)
}
