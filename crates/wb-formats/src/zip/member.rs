//! The bytes of one member: [`data`] hands out stored ones as they are and decodes the others. A lie in a
//! header (encrypted, wrong CRC, another method) never hides a member: some loader reads it all the same.

use super::directory::Entry;
use crate::decode::{self, Decoded, End};
use std::io::Read;
use wb_core::{Budget, Bytes, ChildData, Content, Gap, Oddity, OddityKind};

/// Stored members up to this size have their CRC checked; beyond it they are not read at all, in bytes.
const CHECKED: u64 = 1 << 20;

/// The bytes of a member.
#[derive(Debug)]
pub(crate) enum Member<'a> {
    /// Stored: a view of the archive.
    Stored(Bytes<'a>),
    /// Decoded.
    Decoded(Vec<u8>),
}

impl<'a> Member<'a> {
    /// The bytes. Offsets are those of the archive only for stored members.
    pub(crate) fn bytes(&'a self) -> Bytes<'a> {
        match self {
            Self::Stored(bytes) => *bytes,
            Self::Decoded(data) => Bytes::new(data),
        }
    }

    /// The bytes as a child's data.
    pub(crate) fn into_child_data(self) -> ChildData {
        match self {
            Self::Stored(bytes) => ChildData::Span(bytes.span()),
            Self::Decoded(data) => ChildData::Owned(data),
        }
    }
}

/// The bytes of `entry`; oddities and gaps go to `content`. `None` when nothing of it could be read.
pub(crate) fn data<'a>(
    input: Bytes<'a>,
    entry: &Entry,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Member<'a>> {
    let packed = input.at_span(entry.data)?;
    if entry.method == 0 {
        check_stored(entry, packed, content, budget);
        return Some(Member::Stored(packed));
    }
    let decoded = decode_as(entry.method, packed, budget);
    let decoded = match decoded {
        Some(decoded) if !(decoded.data.is_empty() && decoded.end != End::Complete) => decoded,
        _ if entry.local_method == Some(0) => return Some(Member::Stored(packed)),
        Some(decoded) => {
            decoded.report(&entry.name, packed, content);
            return stored_after_all(entry, packed);
        }
        None => {
            let why = format!("member `{}` uses compression method {}", entry.name, entry.method);
            content.gaps.push(Gap::over(entry.data, why));
            return stored_after_all(entry, packed);
        }
    };
    decoded.report(&entry.name, packed, content);
    if decoded.end == End::Complete {
        check_decoded(entry, &decoded.data, content);
    }
    Some(Member::Decoded(decoded.data))
}

/// A second reading of the member, by the method of its local header, where that is another one and
/// yields other bytes.
pub(crate) fn other_reading<'a>(
    input: Bytes<'a>,
    entry: &Entry,
    budget: &mut Budget,
) -> Option<Member<'a>> {
    let packed = input.at_span(entry.data)?;
    match entry.local_method? {
        0 => Some(Member::Stored(packed)),
        method => decode_as(method, packed, budget)
            .filter(|decoded| !decoded.data.is_empty())
            .map(|decoded| Member::Decoded(decoded.data)),
    }
}

/// Decodes by a method of APPNOTE 4.4.5; `None` for methods without a decoder here.
fn decode_as(method: u16, packed: Bytes<'_>, budget: &mut Budget) -> Option<Decoded> {
    let input = packed.as_slice();
    let broken = |why: String| Decoded { data: Vec::new(), end: End::Broken(why) };
    Some(match method {
        8 => decode::drain(&mut flate2::bufread::DeflateDecoder::new(input), budget),
        12 => decode::drain(&mut bzip2::bufread::BzDecoder::new(input), budget),
        14 => match lzma(packed) {
            Some(Ok(mut decoder)) => decode::drain(&mut decoder, budget),
            Some(Err(error)) => broken(error.to_string()),
            None => broken("the LZMA properties are cut".to_owned()),
        },
        20 | 93 => match ruzstd::decoding::StreamingDecoder::new(input) {
            Ok(mut decoder) => decode::drain(&mut decoder, budget),
            Err(error) => broken(error.to_string()),
        },
        95 => {
            let limit = decode::WINDOW >> 10;
            decode::drain(&mut lzma_rust2::XzReader::new_mem_limit(input, true, limit), budget)
        }
        _ => return None,
    })
}

/// The decoder for method 14: version, length of the properties, properties, raw LZMA (5.8.8).
fn lzma(packed: Bytes<'_>) -> Option<std::io::Result<impl Read>> {
    let mut cursor = packed.cursor();
    let _version = cursor.u16_le()?;
    let len = cursor.u16_le()?;
    let properties = cursor.take(usize::from(len))?;
    let (properties, window) = (properties.byte(0)?, properties.u32_le(1)?);
    let window = window.min(decode::WINDOW);
    let input = cursor.rest().as_slice();
    Some(lzma_rust2::LzmaReader::new_with_props(input, u64::MAX, properties, window, None))
}

/// The packed bytes as they are, for a member that no decoder understands although it might be stored:
/// its size says so.
fn stored_after_all<'a>(entry: &Entry, packed: Bytes<'a>) -> Option<Member<'a>> {
    (entry.size == entry.data.len).then_some(Member::Stored(packed))
}

fn check_stored(entry: &Entry, packed: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    if !entry.listed && entry.data.len < entry.size {
        // The data of a member that only its local header tells of is what the archive has of it.
        content.gaps.push(Gap::over(entry.data, format!("member `{}` is cut short", entry.name)));
        return;
    }
    if entry.size != entry.data.len {
        let what = format!("stored in {} bytes, size is given as {}", entry.data.len, entry.size);
        note(entry, OddityKind::Disagreement, what, content);
    }
    // A step stands for eight bytes: members that overlap could be checked over and over.
    let cost = (entry.data.len >> 3).saturating_add(1);
    if entry.data.len > CHECKED || budget.steps(cost).is_err() {
        return;
    }
    let right = crc(packed.as_slice()) == entry.crc;
    if !right && entry.says_encrypted() {
        let why = format!("encrypted member `{}`", entry.name);
        content.gaps.push(Gap::over(entry.data, why));
    } else if !right {
        mismatch(entry, content);
    }
}

fn check_decoded(entry: &Entry, data: &[u8], content: &mut Content) {
    if entry.size != data.len() as u64 && entry.listed {
        let what = format!("decodes to {} bytes, size is given as {}", data.len(), entry.size);
        note(entry, OddityKind::Disagreement, what, content);
    }
    if crc(data) != entry.crc && entry.listed {
        mismatch(entry, content);
    }
}

/// torch and older readers load a member whose CRC is wrong; scanners that refuse it see nothing
/// (CVE-2025-10156).
fn mismatch(entry: &Entry, content: &mut Content) {
    let what = format!("the CRC of `{}` is not {:08x}", entry.name, entry.crc);
    note(entry, OddityKind::ChecksumMismatch, what, content);
}

fn note(entry: &Entry, kind: OddityKind, what: String, content: &mut Content) {
    const MOST: usize = 2_000;
    if content.oddities.len() < MOST {
        let place = entry.name.clone();
        content.oddities.push(Oddity { kind, place, span: Some(entry.data), what });
    }
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// The first bytes of a deflated member, without the rest being decoded.
pub(crate) fn head(input: Bytes<'_>, entry: &Entry, budget: &mut Budget) -> Option<Vec<u8>> {
    const HEAD: u64 = 64 << 10;
    let packed = input.at_span(entry.data).filter(|_| entry.method == 8)?;
    let mut decoder = flate2::bufread::DeflateDecoder::new(packed.as_slice()).take(HEAD);
    let decoded = decode::drain(&mut decoder, budget);
    (decoded.end == End::Complete && !decoded.data.is_empty()).then_some(decoded.data)
}
