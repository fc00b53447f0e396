//! XML documents, read with the crate `quick-xml`: [`read`] hands each element with its attributes and its
//! text to whoever knows what they mean, and notes what the document type declares. Nothing is fetched and
//! no entity is expanded.
//!
//! Specification: Extensible Markup Language (XML) 1.0, fifth edition.

mod entities;

use crate::notes::Notes;
use crate::{Family, Reader, Request, plain_text};
use quick_xml::events::{BytesStart, Event};
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "XML document",
    endings: &[".xml"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Longest value of an attribute, or text of an element, that is kept, in bytes.
const KEPT: usize = 1 << 16;
/// Elements that may stand in one another.
const DEEPEST: usize = 1_000;
/// Values that are listed of a document of no format known.
const LISTED: usize = 10_000;
/// Attributes of one element that are read.
const ATTRIBUTES: usize = 256;

/// A part of a document.
#[derive(Clone, Debug)]
pub(crate) enum Part<'a> {
    /// The beginning of an element: its name without prefix, and its attributes.
    Open { name: &'a str, attributes: &'a [(String, String)], span: Span },
    /// The text of the innermost element.
    Text { text: &'a str, span: Span },
    /// The end of the innermost element.
    Close,
}

/// The value of the attribute `name`.
pub(crate) fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The name of the first element, without prefix.
pub(crate) fn root(input: Bytes<'_>) -> Option<String> {
    let head = input.head(64 << 10);
    let first = head.as_slice().iter().find(|byte| !byte.is_ascii_whitespace() && **byte < 0x80)?;
    if *first != b'<' {
        return None;
    }
    let mut reader = quick_xml::Reader::from_reader(head.as_slice());
    for _ in 0..64 {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => {
                return std::str::from_utf8(start.local_name().as_ref()).ok().map(str::to_owned);
            }
            Event::Eof => return None,
            _ => {}
        }
    }
    None
}

/// A declaration or a document type says that it is XML and no other markup.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = input.as_slice();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let html = text.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype html"));
    let opens = text.starts_with(b"<?xml ") || (text.starts_with(b"<!DOCTYPE ") && !html);
    (opens && root(input).is_some()).then_some(Strength::Weak)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut path: Vec<String> = Vec::new();
    read(input, &mut notes, budget, |part| match part {
        Part::Open { name, attributes, span } => {
            path.push((*name).to_owned());
            for (name, value) in *attributes {
                list(&mut content, format!("{}@{name}", path.join(".")), value, *span);
            }
        }
        Part::Text { text, span } => list(&mut content, path.join("."), text, *span),
        Part::Close => {
            path.pop();
        }
    });
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

fn list(content: &mut Content, mut path: String, value: &str, span: Span) {
    const LONGEST: usize = 512;
    if content.fields.len() < LISTED {
        path.truncate(path.floor_char_boundary(LONGEST));
        content.fields.push(Field { path, value: value.to_owned(), span: Some(span) });
    }
}

/// Reads `input` from the first element to the last. What does not parse ends it, with a gap.
pub(crate) fn read(
    input: Bytes<'_>,
    notes: &mut Notes,
    budget: &mut Budget,
    mut visit: impl FnMut(&Part<'_>),
) {
    if plain_text::text(input, usize::MAX).is_none() {
        notes.gap(Some(input.span()), "the document is not in UTF-8");
        return;
    }
    let mut reader = quick_xml::Reader::from_reader(input.as_slice());
    let mut depth = 0_usize;
    let mut run = Run::default();
    loop {
        let start = reader.buffer_position();
        let rest = Span::new(start, (input.len() as u64).saturating_sub(start));
        if budget.steps(8).is_err() {
            run.end(&mut visit);
            notes.gap(Some(rest), "the budget of steps ran out");
            return;
        }
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                run.end(&mut visit);
                notes.odd(OddityKind::Malformed, "document", Some(rest), error.to_string());
                notes.gap(Some(rest), format!("not XML: {error}"));
                return;
            }
        };
        let span = Span::new(start, reader.buffer_position().saturating_sub(start));
        if matches!(event, Event::Start(_) | Event::Empty(_) | Event::End(_) | Event::Eof) {
            run.end(&mut visit);
        }
        match event {
            Event::Start(tag) => {
                depth = depth.saturating_add(1);
                if depth > DEEPEST {
                    notes.gap(Some(rest), format!("elements nest deeper than {DEEPEST}"));
                    return;
                }
                open(&tag, span, notes, budget, &mut visit);
            }
            Event::Empty(tag) => {
                open(&tag, span, notes, budget, &mut visit);
                visit(&Part::Close);
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                visit(&Part::Close);
            }
            Event::Text(text) => run.add(&unescaped(&text), span),
            Event::CData(text) => run.add(&String::from_utf8_lossy(&text), span),
            Event::GeneralRef(name) => run.add(&unescaped(&[b"&", &*name, b";"].concat()), span),
            Event::DocType(text) => entities::declared(&text, span, notes),
            Event::Eof => break,
            _ => {}
        }
    }
    if depth > 0 {
        let end = Span::new(input.len() as u64, 0);
        let what = format!("{depth} elements are not closed");
        notes.odd(OddityKind::Truncated, "document", Some(end), what.as_str());
        notes.gap(Some(end), what);
    }
}

fn open(
    tag: &BytesStart<'_>,
    span: Span,
    notes: &mut Notes,
    budget: &mut Budget,
    visit: &mut impl FnMut(&Part<'_>),
) {
    let name = tag.local_name();
    let name = String::from_utf8_lossy(name.as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in tag.attributes().take(ATTRIBUTES) {
        let Ok(attribute) = attribute else {
            let what = "an attribute stands twice, or is not written as attributes are";
            notes.odd(OddityKind::DuplicateKey, &name, Some(span), what);
            break;
        };
        if budget.items(1).is_err() {
            notes.gap(Some(span), "the budget of items ran out");
            break;
        }
        let key = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
        let raw = attribute.value.get(..KEPT.min(attribute.value.len())).unwrap_or_default();
        attributes.push((key, unescaped(raw)));
    }
    visit(&Part::Open { name: &name, attributes: &attributes, span });
}

/// Text up to the next element: references, comments and marked sections do not end it.
#[derive(Default)]
struct Run {
    text: String,
    span: Option<Span>,
}

impl Run {
    fn add(&mut self, text: &str, span: Span) {
        let room = KEPT.saturating_sub(self.text.len());
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        let start = self.span.map_or(span.start, |before| before.start);
        self.span = Some(Span::new(start, span.end().saturating_sub(start)));
    }

    fn end(&mut self, visit: &mut impl FnMut(&Part<'_>)) {
        let text = self.text.trim_ascii();
        if let Some(span) = self.span.take().filter(|_| !text.is_empty()) {
            visit(&Part::Text { text, span });
        }
        self.text.clear();
    }
}

/// The text with the entities that XML itself defines resolved; all others stay as they are written.
fn unescaped(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    match quick_xml::escape::unescape(&text) {
        Ok(plain) => plain.into_owned(),
        Err(_) => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
