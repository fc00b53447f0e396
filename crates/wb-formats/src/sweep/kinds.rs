//! What a file has to have for its beginning not to be chance.

use super::{File, Search};
use flate2::Crc;
use flate2::read::GzDecoder;
use std::io::Read as _;
use wb_core::{Bytes, Exhausted};

/// Bytes of a stream that are decoded; one that decodes so far is a stream.
const DECODED: usize = 64 << 10;
/// Program headers, sections and load commands of an executable.
const PARTS: u16 = 256;

impl Search<'_, '_> {
    /// The file that begins at `at`.
    ///
    /// # Errors
    /// When the budget runs out.
    pub(super) fn file(&mut self, at: usize) -> Result<Option<File>, Exhausted> {
        let rest = Bytes::new(self.data.get(at..).unwrap_or_default());
        let found = match rest.as_slice() {
            [0x7f, b'E', b'L', b'F', ..] => elf(rest),
            [b'M', b'Z', ..] => windows(rest),
            [0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(rest),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => xz(rest),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => seven_zip(rest),
            [b'P', b'K', 3, 4, ..] => return self.zip(at),
            [0x1f, 0x8b, 8, ..] => return self.gzip(at),
            _ => None,
        };
        Ok(found)
    }

    /// A local header with a name, and a directory that ends where it says and begins so far behind this header.
    fn zip(&mut self, at: usize) -> Result<Option<File>, Exhausted> {
        let rest = Bytes::new(self.data.get(at..).unwrap_or_default());
        if !is_local_header(rest) {
            return Ok(None);
        }
        let Some(end) = self.directory_end(at)? else { return Ok(None) };
        let Some(behind) = end.checked_sub(at) else { return Ok(None) };
        let record = rest.from(behind);
        let directory = record.u32_le(12).zip(record.u32_le(16)).and_then(|(len, start)| {
            let (len, start) = (usize::try_from(len).ok()?, usize::try_from(start).ok()?);
            (start.checked_add(len)? == behind && rest.from(start).starts_with(b"PK\x01\x02"))
                .then_some(())
        });
        let comment = u64::from(record.u16_le(20).unwrap_or(0));
        let len = (behind as u64).saturating_add(22).saturating_add(comment);
        Ok(directory.map(|()| File { what: "a zip archive", len: Some(len) }))
    }

    /// Where the first end of a directory behind `at` stands; looked for once, however many headers there are.
    fn directory_end(&mut self, at: usize) -> Result<Option<usize>, Exhausted> {
        if let Some((from, end)) = self.directory
            && from <= at
            && end.is_none_or(|end| end > at)
        {
            return Ok(end);
        }
        let rest = self.data.get(at..).unwrap_or_default();
        let end = memchr::memmem::find(rest, b"PK\x05\x06");
        self.budget.steps((end.unwrap_or(rest.len()) as u64) >> 6)?;
        let end = end.map(|end| at.saturating_add(end));
        self.directory = Some((at, end));
        Ok(end)
    }

    /// A stream that decodes to its checksum, or for a long stretch.
    fn gzip(&mut self, at: usize) -> Result<Option<File>, Exhausted> {
        let rest = self.data.get(at..).unwrap_or_default();
        // The upper flags are reserved (RFC 1952, 2.3.1).
        if rest.get(3).is_none_or(|flags| flags & 0xe0 != 0) {
            return Ok(None);
        }
        let mut decoder = GzDecoder::new(rest);
        let (mut chunk, mut total) = ([0; 4 << 10], 0_usize);
        let whole = loop {
            match decoder.read(&mut chunk) {
                Ok(0) => break total > 0,
                Ok(count) => {
                    self.budget.decoded_bytes(count as u64)?;
                    total = total.saturating_add(count);
                    if total >= DECODED {
                        break true;
                    }
                }
                Err(_) => break false,
            }
        };
        Ok(whole.then_some(File { what: "a gzip stream", len: None }))
    }
}

/// Version needed, flags, method and a name of letters (APPNOTE, 4.3.7).
fn is_local_header(bytes: Bytes<'_>) -> bool {
    let name = usize::from(bytes.u16_le(26).unwrap_or(0));
    let letters =
        |name: Bytes<'_>| name.as_slice().iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    bytes.byte(5) == Some(0)
        && bytes.byte(4).is_some_and(|version| version <= 63)
        && bytes.u16_le(8).is_some_and(|method| method <= 99)
        && (1..=1_024).contains(&name)
        && bytes.slice(30, name).is_some_and(letters)
}

/// Class, byte order and version; a type and a machine; headers of the right size that lie in the file, and one
/// of them is loaded (System V ABI, chapters 4 and 5). Only little-endian ones, which processors of today run.
fn elf(bytes: Bytes<'_>) -> Option<File> {
    let wide = match bytes.array::<3>(4)? {
        [1, 1, 1] => false,
        [2, 1, 1] => true,
        _ => return None,
    };
    let word = |at: usize| if wide { bytes.u64_le(at) } else { bytes.u32_le(at).map(u64::from) };
    let (programs, sections) = if wide { (word(32)?, word(40)?) } else { (word(28)?, word(32)?) };
    let tail = if wide { 52 } else { 40 };
    let half = |index: usize| bytes.u16_le(tail_at(tail, index)?);
    let (size, entry, count) = (half(0)?, half(1)?, half(2)?);
    let (section, sections_count) = (half(3)?, half(4)?);
    let sizes = if wide { (64, 56, 64) } else { (52, 32, 40) };
    let (kind, machine) = (bytes.u16_le(16)?, bytes.u16_le(18)?);
    let plain = matches!(kind, 1..=4) && machine != 0 && bytes.u32_le(20)? == 1 && size == sizes.0;
    let whole = bytes.len() as u64;
    let end_of = |start: u64, entry: u16, count: u16| {
        start
            .checked_add(u64::from(entry).checked_mul(u64::from(count))?)
            .filter(|end| *end <= whole)
    };
    let sections_end = if sections == 0 { 0 } else { end_of(sections, section, sections_count)? };
    if !plain || (sections != 0 && section != sizes.2) {
        return None;
    }
    if kind == 1 {
        let object = sections_count > 1;
        return object.then_some(File { what: "an ELF object", len: Some(sections_end) });
    }
    if entry != sizes.1 || !(1..=PARTS).contains(&count) {
        return None;
    }
    let mut end = sections_end.max(end_of(programs, entry, count)?);
    let mut loaded = false;
    for index in 0..count {
        let header = end_of(programs, entry, index)?;
        let header = bytes.from(usize::try_from(header).ok()?);
        let (start, len) = match wide {
            true => (header.u64_le(8)?, header.u64_le(32)?),
            false => (u64::from(header.u32_le(4)?), u64::from(header.u32_le(16)?)),
        };
        loaded |= header.u32_le(0)? == 1;
        end = end.max(start.checked_add(len).filter(|end| *end <= whole)?);
    }
    loaded.then_some(File { what: "an ELF executable", len: Some(end) })
}

/// The offset of a 16-bit number in a row of them.
fn tail_at(start: usize, index: usize) -> Option<usize> {
    start.checked_add(index.checked_mul(2)?)
}

/// `PE\0\0` where the header says, a machine, sections, and an optional header of the right size (PE format, "COFF
/// File Header").
fn windows(bytes: Bytes<'_>) -> Option<File> {
    const MACHINES: [u16; 6] = [0x014c, 0x8664, 0xaa64, 0x01c4, 0x01c0, 0x0200];
    let header = bytes.from(usize::try_from(bytes.u32_le(0x3c)?).ok()?);
    if !header.starts_with(b"PE\0\0") {
        return None;
    }
    let (machine, sections, size) = (header.u16_le(4)?, header.u16_le(6)?, header.u16_le(20)?);
    let optional = matches!(header.u16_le(24)?, 0x010b | 0x020b);
    let plain = MACHINES.contains(&machine)
        && (1..=PARTS).contains(&sections)
        && (96..=1_024).contains(&size);
    (plain && optional).then_some(File { what: "a Windows executable", len: None })
}

/// A processor, a type, and a first load command that fits (`mach-o/loader.h`).
fn mach_o(bytes: Bytes<'_>) -> Option<File> {
    const PROCESSORS: [u32; 2] = [0x0100_0007, 0x0100_000c];
    let (processor, kind, count, size) =
        (bytes.u32_le(4)?, bytes.u32_le(12)?, bytes.u32_le(16)?, bytes.u32_le(20)?);
    let first = bytes.u32_le(36)?;
    let plain = PROCESSORS.contains(&processor)
        && (1..=12).contains(&kind)
        && (1..=u32::from(PARTS)).contains(&count)
        && (8..=size).contains(&first)
        && first.is_multiple_of(8)
        && (size as usize) <= bytes.len();
    plain.then_some(File { what: "a Mach-O executable", len: None })
}

/// The checksum of the stream flags (".xz File Format", 2.1.1.3).
fn xz(bytes: Bytes<'_>) -> Option<File> {
    let flags = bytes.slice(6, 2)?;
    (crc(flags) == bytes.u32_le(8)?).then_some(File { what: "an xz stream", len: None })
}

/// The checksum of the start header (7zFormat.txt, "SignatureHeader").
fn seven_zip(bytes: Bytes<'_>) -> Option<File> {
    let header = bytes.slice(12, 20)?;
    (crc(header) == bytes.u32_le(8)?).then_some(File { what: "a 7z archive", len: None })
}

fn crc(bytes: Bytes<'_>) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes.as_slice());
    crc.sum()
}
