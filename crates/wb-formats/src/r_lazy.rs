//! Lazy-load databases of R packages (`.rdb`): objects one behind the other, each compressed by itself. The index
//! beside it (`.rdx`) is R data of its own.
//!
//! Specification: `lazyLoadDBinsertValue` and `R_compress1` in `src/main/serialize.c` and `connections.c` of R.

use crate::compressed;
use crate::notes::Notes;
use crate::{Family, Reader, Request};
use flate2::bufread::ZlibDecoder;
use std::io::Read as _;
use wb_core::{Budget, Bytes, Child, ChildData, Content, OddityKind, Span, Strength};

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

/// A length, and a zlib stream that begins like serialised objects of R.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let stream = begins(input)?;
    let mut some = [0; 6];
    ZlibDecoder::new(stream.head(1 << 12).as_slice()).read_exact(&mut some).ok()?;
    let serialised = matches!(some, [b'X', b'\n', 0, 0, 0, 2 | 3] | [b'B', b'\n', 2 | 3, 0, 0, 0]);
    serialised.then_some(Strength::Strong)
}

/// The zlib stream behind a length.
fn begins(input: Bytes<'_>) -> Option<Bytes<'_>> {
    let len = u32::from_be_bytes(input.array(0)?);
    let header = u16::from_be_bytes(input.array(PREFIX)?);
    let zlib = header >> 8 == 0x78 && header.checked_rem(31) == Some(0);
    (zlib && (1..LONGEST).contains(&len)).then(|| input.from(PREFIX))
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut notes) = (Content::default(), Notes::default());
    let mut rest = input;
    while let Some(stream) = begins(rest) {
        if budget.items(1).is_err() {
            notes.gap(Some(rest.span()), "the budget of items ran out");
            break;
        }
        let said = rest.array(0).map_or(0, u32::from_be_bytes);
        let read = compressed::run(ZlibDecoder::new(stream.as_slice()), budget, ZlibDecoder::into_inner);
        let taken = stream.len().saturating_sub(read.rest.len());
        let whole = rest.head(taken.saturating_add(PREFIX));
        let name = format!("object[{}]", content.children.len());
        read.decoded.report(&name, whole, &mut content);
        if read.decoded.data.len() as u64 != u64::from(said) {
            let what = format!("{said} bytes are said, {} decode", read.decoded.data.len());
            notes.odd(OddityKind::Disagreement, &name, Some(whole.span()), what);
        }
        content.children.push(Child { name, data: ChildData::Owned(read.decoded.data) });
        rest = rest.from(whole.len());
        if taken == 0 {
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
    use crate::testing::{claims, gaps, has, parse, survive};
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

    #[test]
    fn what_does_not_hold_is_told() {
        assert!(has(&parse("r-lazy", &object(NOTHING, 17)), OddityKind::Disagreement));
        let content = parse("r-lazy", &[object(NOTHING, 18), b"\0\0\0\x122BZh9".to_vec()].concat());
        assert_eq!(gaps(&content), ["objects in another compression are not read"]);
        assert_eq!(claims(&object(b"words of a poem", 15)), "");
    }
}
