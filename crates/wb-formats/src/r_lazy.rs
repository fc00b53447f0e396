//! Lazy-load databases of R packages (`.rdb`): objects one behind the other, each compressed by itself. The index
//! beside it (`.rdx`) is R data of its own.
//!
//! Specification: `lazyLoadDBinsertValue` in `src/main/serialize.c` of R, and `R_compress1`, `R_compress2` and
//! `R_compress3` in `connections.c`.

use crate::compressed::{self, Stream};
use crate::notes::Notes;
use crate::{Family, Reader, Request};
use bzip2::bufread::BzDecoder;
use flate2::bufread::ZlibDecoder;
use lzma_rust2::{DICT_SIZE_MIN, Lzma2Reader};
use std::io::{Read as _, Take};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Limits, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Lazy-load database of an R package",
    endings: &[".rdb"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The length of an object before it was compressed, in bytes of the file.
const PREFIX: usize = 4;
/// Longest object that is believed, in bytes.
const LONGEST: u32 = 1 << 30;

/// Longest window that is needed, in bytes: that of `xz -9`, which R asks for.
const LONGEST_WINDOW: u32 = 64 << 20;

/// How an object is packed: `R_compress1` writes a zlib stream, the others a letter and then the stream.
#[derive(Clone, Copy)]
enum Packing {
    Zlib,
    Bzip2,
    /// LZMA2 without a container.
    Xz,
    /// As it is, where packing makes it no shorter.
    Plain,
}

/// An object of the database.
struct Object<'a> {
    /// Its length before it was packed, in bytes, as the file says.
    said: u32,
    packing: Packing,
    /// The stream, and what follows it.
    stream: Bytes<'a>,
}

/// A length, and a stream that begins like serialised objects of R.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let object = begins(input.head(1 << 12))?;
    let mut budget = Budget::new(Limits { decoded_bytes: 1 << 16, ..Limits::default() });
    let data = unpack(&object, &mut budget).decoded.data;
    let starts: [&[u8]; 4] = [b"X\n\0\0\0\x02", b"X\n\0\0\0\x03", b"B\n\x02\0\0\0", b"B\n\x03\0\0\0"];
    starts.iter().any(|start| data.starts_with(start)).then_some(Strength::Strong)
}

/// The object at the beginning of some bytes.
fn begins(input: Bytes<'_>) -> Option<Object<'_>> {
    let said = u32::from_be_bytes(input.array(0)?);
    let behind = input.from(PREFIX.saturating_add(1));
    let (packing, stream) = match input.byte(PREFIX)? {
        b'2' if behind.starts_with(b"BZh") => (Packing::Bzip2, behind),
        // The first part of LZMA2 clears the window.
        b'Z' if matches!(behind.byte(0)?, 1 | 0xe0..) => (Packing::Xz, behind),
        b'0' if (1..=behind.len() as u64).contains(&u64::from(said)) => (Packing::Plain, behind),
        b'1' if zlib(behind) => (Packing::Zlib, behind),
        _ if zlib(input.from(PREFIX)) => (Packing::Zlib, input.from(PREFIX)),
        _ => return None,
    };
    (1..LONGEST).contains(&said).then_some(Object { said, packing, stream })
}
fn zlib(input: Bytes<'_>) -> bool {
    let header = u16::from_be_bytes(input.array(0).unwrap_or_default());
    header >> 8 == 0x78 && header.checked_rem(31) == Some(0)
}

fn unpack<'a>(object: &Object<'a>, budget: &mut Budget) -> Stream<'a> {
    let packed = object.stream.as_slice();
    match object.packing {
        Packing::Zlib => compressed::run(ZlibDecoder::new(packed), budget, ZlibDecoder::into_inner),
        Packing::Bzip2 => compressed::run(BzDecoder::new(packed), budget, BzDecoder::into_inner),
        Packing::Xz => {
            // Nothing reaches further back than the object is long.
            let window = object.said.clamp(DICT_SIZE_MIN, LONGEST_WINDOW);
            compressed::run(Lzma2Reader::new(packed, window, None), budget, Lzma2Reader::into_inner)
        }
        Packing::Plain => compressed::run(packed.take(u64::from(object.said)), budget, Take::into_inner),
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut notes) = (Content::default(), Notes::default());
    let mut rest = input;
    while let Some(object) = begins(rest) {
        if budget.items(1).is_err() {
            notes.gap(Some(rest.span()), "the budget of items ran out");
            break;
        }
        let read = unpack(&object, budget);
        let whole = rest.head(rest.len().saturating_sub(read.rest.len()));
        let name = format!("object[{}]", content.children.len());
        read.decoded.report(&name, whole, &mut content);
        if read.decoded.data.len() as u64 != u64::from(object.said) {
            let what = format!("{} bytes are said, {} decode", object.said, read.decoded.data.len());
            notes.odd(OddityKind::Disagreement, &name, Some(whole.span()), what);
        }
        content.children.push(Child { name, data: ChildData::Owned(read.decoded.data) });
        rest = rest.from(whole.len());
        if read.rest.len() >= object.stream.len() {
            break;
        }
    }
    if !rest.is_empty() {
        let span = Span::new(rest.span().start, rest.len() as u64);
        notes.gap(Some(span), "objects in another compression are not read");
    }
    content.oddities.extend(notes.oddities);
    content.gaps.extend(notes.gaps);
    content
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, gaps, has, parse, survive};
    use std::io::Write as _;
    use wb_core::OddityKind;

    fn object(data: &[u8], said: u32) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(said.to_be_bytes().to_vec(), flate2::Compression::default());
        writer.write_all(data).expect("in memory");
        writer.finish().expect("in memory")
    }

    const NOTHING: &[u8] = b"X\n\0\0\0\x02\0\x04\x03\x01\0\x02\x03\0\0\0\0\xfe";

    #[test]
    fn objects_are_children() {
        let one = object(NOTHING, 18);
        let bytes = [one.clone(), one].concat();
        assert_eq!(claims(&bytes), "r-lazy");
        let content = parse("r-lazy", &bytes);
        assert_eq!((content.children.len(), gaps(&content).len(), content.oddities.len()), (2, 0, 0));
        survive("r-lazy", &bytes);
    }

    /// Environments of a package are told by names of their own, which no other R data has.
    #[test]
    fn what_r_installed_is_read_to_the_end() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/written/r/tiny.rdb");
        let bytes = std::fs::read(file).expect("the file is there");
        let database = parse("r-lazy", &bytes);
        assert_eq!(database.children.len(), 9);
        for (name, data) in children(&bytes, &database) {
            let object = parse("r-data", data);
            assert!(object.oddities.is_empty() && gaps(&object).is_empty(), "{name}: {:?}", object.oddities);
        }
    }

    #[test]
    fn each_packing_of_r_is_read() {
        let mut bzip2 = bzip2::write::BzEncoder::new(b"\0\0\0\x122".to_vec(), bzip2::Compression::best());
        bzip2.write_all(NOTHING).expect("in memory");
        let bzip2 = bzip2.finish().expect("in memory");
        let plain = [b"\0\0\0\x120", NOTHING].concat();
        let xz = [b"\0\0\0\x12Z\x01\0\x11", NOTHING, b"\0"].concat();
        let zlib = object(NOTHING, 18);
        let lettered = [&zlib[..4], b"1", &zlib[4..]].concat();
        for first in [&bzip2, &plain, &xz, &lettered] {
            let bytes = [first, &xz[..], &bzip2, &plain, &lettered, &zlib].concat();
            assert_eq!(claims(&bytes), "r-lazy");
            let content = parse("r-lazy", &bytes);
            assert_eq!((content.children.len(), gaps(&content).len(), content.oddities.len()), (6, 0, 0));
            survive("r-lazy", &bytes);
        }
        let astray = parse("r-lazy", &[&zlib, &b"\0\0\0\x12Z\xe0\0\x11"[..]].concat());
        assert!(has(&astray, OddityKind::Malformed) && !gaps(&astray).is_empty());
        assert_eq!(claims(b"\0\0\0\x120words of a poem"), "");
    }

    #[test]
    fn what_does_not_hold_is_told() {
        assert!(has(&parse("r-lazy", &object(NOTHING, 17)), OddityKind::Disagreement));
        let content = parse("r-lazy", &[object(NOTHING, 18), b"\0\0\0\x12LBZh9".to_vec()].concat());
        assert_eq!(gaps(&content), ["objects in another compression are not read"]);
        assert_eq!(claims(&object(b"words of a poem", 15)), "");
    }
}
