//! Pictures, sounds, fonts and documents that lie beside models. They are followed to their end, so that what
//! lies behind it is found; what they show is not looked at.
//!
//! Specifications: see the page.

mod walk;

use crate::notes::Notes;
use crate::tensor_shard::search;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "picture, sound, font or document",
    endings: &[],
    family: Family::Media,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// What a file is, and how its end is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Gif,
    Jpeg,
    /// Chunks of one length: WAV, WebP, AVI.
    Riff,
    /// Its whole length is in the header.
    Woff,
    Flac,
    Ogg,
    Mp4,
    Font,
    Icon,
    Pdf,
}

/// Most tables of a font, and pictures of an icon.
const PARTS: u16 = 256;
/// Where the end of a PDF must be named, in bytes from its end.
const PDF_END: usize = 2048;

fn kind(input: Bytes<'_>) -> Option<Kind> {
    let second = |magic: &[u8], at: usize| input.from(at).starts_with(magic);
    let found = match input.head(4).as_slice() {
        b"\x89PNG" if second(b"\r\n\x1a\n\0\0\0\rIHDR", 4) => Kind::Png,
        b"GIF8" if (second(b"7a", 4) || second(b"9a", 4)) && walk::gif_begins(input) => Kind::Gif,
        [0xff, 0xd8, 0xff, 0xc0..=0xfe] if walk::jpeg_begins(input) => Kind::Jpeg,
        b"RIFF" if [&b"WAVE"[..], b"WEBP", b"AVI "].iter().any(|form| second(form, 8)) => Kind::Riff,
        b"wOFF" | b"wOF2" if input.u32_be(8).is_some_and(|len| len as usize <= input.len() && len > 44) => {
            Kind::Woff
        }
        b"fLaC" if second(b"\0\0\x22", 5) => Kind::Flac,
        b"OggS" if second(b"\0\x02", 4) => Kind::Ogg,
        [0, 0, 0, 8..=64] if second(b"ftyp", 4) => Kind::Mp4,
        [0, 1, 0, 0] | b"OTTO" if is_font(input) => Kind::Font,
        [0, 0, 1 | 2, 0] if is_icon(input) => Kind::Icon,
        b"%PDF" if is_pdf(input) => Kind::Pdf,
        _ => return None,
    };
    Some(found)
}

/// Text in a picture (ISO/IEC 15948, clause 11.3.4): ComfyUI writes the workflow that made the picture there, and
/// takes it from there again. What is a document or compressed becomes a child.
fn written(kind: [u8; 4], data: Bytes<'_>, content: &mut Content) {
    const MOST: usize = 64;
    let Some(end) = data.find_byte(0).filter(|_| content.children.len() < MOST) else { return };
    let keyword = String::from_utf8_lossy(data.head(end).as_slice()).into_owned();
    let text = data.from(end.saturating_add(1));
    let text = match &kind {
        b"tEXt" => text,
        // The method of compression stands before the stream.
        b"zTXt" => text.from(1),
        b"iTXt" => {
            let mut rest = text.from(2);
            // Language and translated keyword.
            for _ in 0..2 {
                let Some(end) = rest.find_byte(0) else { return };
                rest = rest.from(end.saturating_add(1));
            }
            rest
        }
        _ => return,
    };
    let told = text.starts_with(b"{") || text.starts_with(b"[") || text.starts_with(b"\x78");
    if told {
        let name = format!("text `{keyword}`");
        content.children.push(Child { name, data: ChildData::Span(text.span()) });
    }
}

/// Whether every table of the font lies inside of the file.
fn is_font(input: Bytes<'_>) -> bool {
    let count = input.array(4).map_or(0, u16::from_be_bytes);
    let table = |index: u16| {
        let at = usize::from(index).checked_mul(16)?.checked_add(12)?;
        let tag = input.array::<4>(at)?.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let (start, len) = (input.u32_be(at.checked_add(8)?)?, input.u32_be(at.checked_add(12)?)?);
        input.at_span(Span::new(u64::from(start), u64::from(len))).filter(|_| tag)
    };
    (4..=PARTS).contains(&count) && (0..count).all(|index| table(index).is_some())
}

/// Whether every picture of the icon lies inside of the file.
fn is_icon(input: Bytes<'_>) -> bool {
    let count = input.u16_le(4).unwrap_or(0);
    let picture = |index: u16| {
        let at = usize::from(index).checked_mul(16)?.checked_add(6)?;
        let (len, start) = (input.u32_le(at.checked_add(8)?)?, input.u32_le(at.checked_add(12)?)?);
        let bytes = input.at_span(Span::new(u64::from(start), u64::from(len)))?;
        // A PNG, or the header of a bitmap.
        (bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\x28\0\0\0")).then_some(())
    };
    (1..=PARTS).contains(&count) && (0..count).all(|index| picture(index).is_some())
}

fn is_pdf(input: Bytes<'_>) -> bool {
    let version = matches!(input.array::<4>(4), Some([b'-', b'1' | b'2', b'.', b'0'..=b'9']));
    let tail = input.from(input.len().saturating_sub(PDF_END));
    version && tail.find(b"startxref").is_some() && tail.find(b"%%EOF").is_some()
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    kind(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(kind) = kind(input) else { return content };
    let value = format!("{kind:?}").to_lowercase();
    content.fields.push(Field { path: "kind".to_owned(), value, span: None });
    let end = match kind {
        Kind::Png => walk::png(input, budget, &mut |kind, data| written(kind, data, &mut content)),
        Kind::Gif => walk::gif(input, budget),
        Kind::Jpeg => walk::jpeg(input, budget),
        Kind::Riff => walk::riff(input),
        Kind::Woff => input.u32_be(8).and_then(|len| usize::try_from(len).ok()),
        // Their end is not followed: all of them is searched.
        _ => {
            search(input, "a picture, sound or document", &mut content, budget);
            if kind == Kind::Pdf {
                actions(input, &mut content);
            }
            return content;
        }
    };
    let mut notes = Notes::default();
    match end {
        Some(end) if end < input.len() => {
            let rest = input.from(end);
            let what = format!("{} bytes behind the end of the {kind:?}", rest.len());
            if rest.as_slice().iter().any(|byte| *byte != 0) {
                notes.odd(OddityKind::TrailingBytes, "behind the end", Some(rest.span()), what);
                search(rest, "bytes behind a picture or sound", &mut content, budget);
            }
        }
        Some(_) => {}
        None => {
            let what = "it breaks off, its chunks do not fit, or a limit was reached";
            notes.odd(OddityKind::Truncated, "file", Some(input.span()), what);
            notes.gap(Some(input.span()), what);
            search(input, "a broken picture or sound", &mut content, budget);
        }
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// What a PDF does or holds besides being shown. It is not read, which is a gap.
fn actions(input: Bytes<'_>, content: &mut Content) {
    let mut notes = Notes::default();
    for name in ["/JavaScript", "/Launch", "/EmbeddedFile"] {
        if let Some(at) = input.find(name.as_bytes()) {
            let span = input.slice(at, name.len()).map(Bytes::span);
            notes.gap(span, format!("the document has `{name}`, which is not read"));
        }
    }
    content.gaps.append(&mut notes.gaps);
}

#[cfg(test)]
mod tests;
