//! Engines of TensorRT (`.engine`, `.plan`): networks compiled for one kind of GPU.
//!
//! NVIDIA does not document the layout. The mark, the version and the length are those that Netron reads
//! (`source/tensorrt.js` in `lutzroeder/netron`), and those that TensorRT for RTX 1.7 writes, which has a table of
//! sections in front; what follows is not read, and the engine says so.

use crate::notes::Notes;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Content, Field, Gap, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorRT engine",
    endings: &[".engine", ".plan", ".trt"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The marks of engines: plain ones, and those that other versions of TensorRT can load.
const MARKS: [&[u8; 4]; 2] = [b"ptrt", b"ftrt"];
/// The mark of engines with a table of sections.
const TABLED: &[u8] = b"vtrt\0\0\0\0";
/// Where the table begins, the length of an entry, and how many are read.
const TABLE: usize = 64;
const ENTRY: usize = 24;
const MOST: u64 = 64;
/// Longest description in front of an engine, in bytes: Ultralytics writes JSON there, with its length first.
const DESCRIPTION: u32 = 1 << 16;
/// The version up to which two words stand before the length, and that from which none does.
const SHORT: u32 = 0x2b;
const BARE: u32 = 0x64;

/// The index at which the engine begins.
fn begins(input: Bytes<'_>) -> Option<usize> {
    let marked = |at: usize| MARKS.iter().any(|mark| input.from(at).starts_with(*mark)) || is_tabled(input.from(at));
    let behind = |len: u32| {
        let at = usize::try_from(len).ok()?.checked_add(4)?;
        (len <= DESCRIPTION && input.byte(4) == Some(b'{') && marked(at)).then_some(at)
    };
    if marked(0) { Some(0) } else { behind(input.u32_le(0)?) }.filter(|at| input.from(*at).len() >= 24)
}

/// Whether an engine has a table of sections: its mark stands behind the version once more.
fn is_tabled(engine: Bytes<'_>) -> bool {
    engine.starts_with(TABLED) && engine.from(28).starts_with(b"vtrt")
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    begins(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, _budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(at) = begins(input) else { return content };
    let mut notes = Notes::default();
    if at > 0 {
        let text = String::from_utf8_lossy(input.from(4).head(at.saturating_sub(4)).as_slice());
        field("description", text, input.head(at).span(), &mut content);
    }
    let engine = input.from(at);
    match is_tabled(engine) {
        true => tabled(engine, &mut content, &mut notes),
        false => plain(engine, &mut content, &mut notes),
    }
    content.oddities = notes.oddities;
    content.gaps.push(Gap::over(engine.span(), "the layout of TensorRT engines is not documented"));
    content
}

fn field(path: &str, value: impl ToString, span: Span, content: &mut Content) {
    content.fields.push(Field { path: path.to_owned(), value: value.to_string(), span: Some(span) });
}

/// The header of an engine without a table.
fn plain(engine: Bytes<'_>, content: &mut Content, notes: &mut Notes) {
    let version = engine.u32_le(4).unwrap_or(0);
    let header = engine.head(24).span();
    field("version", version, header, content);
    let len = engine.u64_le(match version {
        0..=SHORT => 16,
        BARE.. => 8,
        _ => 12,
    });
    whole(len.unwrap_or(0), engine, header, notes);
}

fn whole(len: u64, engine: Bytes<'_>, header: Span, notes: &mut Notes) {
    if len > engine.len() as u64 {
        let what = format!("the engine is said to have {len} bytes, the file has {}", engine.len());
        notes.odd(OddityKind::Truncated, "header", Some(header), what);
    }
}

/// The version of the library, and the sections; the names of these are written backwards.
fn tabled(engine: Bytes<'_>, content: &mut Content, notes: &mut Notes) {
    let header = engine.head(TABLE).span();
    let library = engine.slice(24, 4).map(Bytes::as_slice).unwrap_or_default();
    let library: Vec<String> = library.iter().map(u8::to_string).collect();
    field("library", library.join("."), header, content);
    let (count, len) = (engine.u64_le(8).unwrap_or(0), engine.u64_le(16).unwrap_or(0));
    whole(len, engine, header, notes);
    let behind = engine.from(usize::try_from(len).unwrap_or(usize::MAX));
    if !behind.is_empty() {
        let what = format!("{} bytes follow the engine", behind.len());
        notes.odd(OddityKind::TrailingBytes, "behind the engine", Some(behind.span()), what);
    }
    if count > MOST {
        let what = format!("{count} sections are said, {MOST} are read");
        notes.odd(OddityKind::ImpossibleLength, "header", Some(header), what);
    }
    for entry in engine.from(TABLE).as_slice().chunks_exact(ENTRY).take(usize::try_from(count.min(MOST)).unwrap_or(0)) {
        section(Bytes::new(entry), engine, content, notes);
    }
}

fn section(entry: Bytes<'_>, engine: Bytes<'_>, content: &mut Content, notes: &mut Notes) {
    let name: Vec<u8> = entry.head(4).as_slice().iter().rev().copied().collect();
    let name = String::from_utf8_lossy(&name).into_owned();
    let (start, len) = (entry.u64_le(8).unwrap_or(0), entry.u64_le(16).unwrap_or(0));
    let span = Span::new(engine.offset().saturating_add(start), len);
    match usize::try_from(start).ok().zip(usize::try_from(len).ok()).and_then(|(start, len)| engine.slice(start, len)) {
        Some(bytes) => {
            field(&format!("section {name}"), format!("{len} bytes at offset {start}"), bytes.span(), content);
            if MARKS.iter().any(|mark| bytes.starts_with(*mark)) {
                plain(bytes, content, notes);
            }
        }
        None => {
            let what = format!("the section `{name}` of {len} bytes at offset {start} ends behind the file");
            notes.odd(OddityKind::ImpossibleLength, "header", Some(Span::new(span.start.min(engine.span().end()), 0)), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, has, parse, survive};
    use wb_core::OddityKind;

    fn engine(len: u64) -> Vec<u8> {
        [&b"ftrt"[..], &58_u32.to_le_bytes(), &[0; 4], &len.to_le_bytes(), &[0; 40]].concat()
    }

    #[test]
    fn an_engine_is_named_and_not_taken_as_read() {
        let bytes = engine(60);
        assert_eq!(claims(&bytes), "tensorrt");
        let content = parse("tensorrt", &bytes);
        assert_eq!(gaps(&content), ["the layout of TensorRT engines is not documented"]);
        assert!(content.oddities.is_empty() && content.fields[0].value == "58", "{content:?}");
        assert!(has(&parse("tensorrt", &engine(1 << 40)), OddityKind::Truncated));
    }

    fn sections(end: u64) -> Vec<u8> {
        let inner = [&b"ptrt"[..], &100_u32.to_le_bytes(), &4_u64.to_le_bytes(), &[0; 8]].concat();
        let entry = |name: &[u8; 4], start: u64, len: u64| [&name[..], &[0; 4], &start.to_le_bytes(), &len.to_le_bytes()].concat();
        let head = [b"vtrt\0\0\0\0", &2_u64.to_le_bytes()[..], &136_u64.to_le_bytes(), b"\x01\x07\x01tvtrt", &[0; 32]].concat();
        [&head[..], &entry(b"NGNE", 112, 24), &entry(b"THGW", 136, end), &inner].concat()
    }

    #[test]
    fn sections_are_named() {
        let bytes = sections(0);
        assert_eq!(claims(&bytes), "tensorrt");
        let content = parse("tensorrt", &bytes);
        let fields: Vec<String> = content.fields.iter().map(|one| format!("{}={}", one.path, one.value)).collect();
        let told = ["library=1.7.1.116", "section ENGN=24 bytes at offset 112", "version=100", "section WGHT=0 bytes at offset 136"];
        assert_eq!(fields, told);
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
        assert!(has(&parse("tensorrt", &sections(9)), OddityKind::ImpossibleLength));
        assert!(has(&parse("tensorrt", &[&bytes[..], b"more"].concat()), OddityKind::TrailingBytes));
        assert!(has(&parse("tensorrt", &bytes[..130]), OddityKind::Truncated));
        assert_eq!(claims(b"vtrt\0\0\0\0 is no engine, nor are these words"), "");
        survive("tensorrt", &bytes);
    }

    #[test]
    fn a_description_may_stand_before_it() {
        let text = br#"{"task": "detect"}"#;
        let len = u32::try_from(text.len()).expect("short").to_le_bytes();
        let bytes = [&len[..], text, &engine(60)].concat();
        assert_eq!(claims(&bytes), "tensorrt");
        assert_eq!(parse("tensorrt", &bytes).fields[0].value, r#"{"task": "detect"}"#);
        assert_eq!(claims(b"ptrt"), "");
        survive("tensorrt", &bytes);
    }
}
