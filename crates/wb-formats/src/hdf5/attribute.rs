//! Attributes, in headers and in dense storage. Specification sections IV.A.2.m and IV.A.2.v.

use super::file::File;
use super::header::Message;
use super::heap::Heaps;
use super::inner::{self, Walk};
use super::link;
use super::value::{self, StoredText, Value};
use crate::notes::Notes;
use hdf5_reader::io::Cursor as LibraryCursor;
use hdf5_reader::messages::attribute::{self, AttributeMessage};
use wb_core::{Budget, Bytes, Content, OddityKind};

/// An attribute of a group or dataset.
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl Attribute {
    /// The single string, or the first of several.
    pub(crate) fn text(&self) -> Option<&StoredText> {
        match &self.value {
            Value::Texts(texts) => texts.first(),
            Value::Other(_) => None,
        }
    }
}

const ATTRIBUTE: u16 = 0x0C;
const ATTRIBUTE_INFO: u16 = 0x15;
/// Values from heap blocks are searched for in the file; shorter ones are too common to be found.
const SEARCHED: usize = 24;

/// Every attribute of the object with these header messages. What stands inside their elements comes to `inner`.
pub(super) fn attributes<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    messages: &[Message<'a>],
    place: &str,
    (notes, inner): (&mut Notes, &mut Content),
    budget: &mut Budget,
) -> Vec<Attribute> {
    let mut parsed = Vec::new();
    for message in messages {
        let read = match message.kind {
            ATTRIBUTE => parse(file, message.body.as_slice()).map(|attribute| {
                let raw = located(message.body, &attribute.raw_data);
                parsed.push((attribute, raw));
            }),
            ATTRIBUTE_INFO => dense(file, message.body, &mut parsed, budget),
            _ => Some(()),
        };
        if read.is_none() {
            let span = Some(message.body.span());
            notes.odd(OddityKind::Malformed, place, span, "an attribute that does not parse");
            notes.gap(span, format!("{place}: not all attributes were read"));
        }
    }
    let mut found = Vec::new();
    for (attribute, raw) in parsed {
        let held = walk(file, heaps, &attribute, raw, place, budget);
        inner.tensors.extend(held.tensors);
        inner.texts.extend(held.texts);
        inner.children.extend(held.children);
        held.gaps.into_iter().for_each(|gap| notes.gap(gap.span, gap.why));
        found.push(finish(file, heaps, attribute, raw, budget));
    }
    found
}

/// What stands inside the elements of an attribute, when they are more than strings and numbers.
fn walk<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    attribute: &AttributeMessage,
    raw: Option<Bytes<'a>>,
    place: &str,
    budget: &mut Budget,
) -> Content {
    let datatype = &attribute.datatype;
    if !inner::holds(datatype) {
        return Content::default();
    }
    let path = match place.trim_start_matches('/') {
        "" => attribute.name.clone(),
        place => format!("{place}@{}", attribute.name),
    };
    let walk = Walk::new(file, heaps, budget, inner::ATTRIBUTE, &path);
    walk.run(datatype, raw.unwrap_or(Bytes::new(&attribute.raw_data)), raw.is_some())
}

fn parse(file: &File<'_>, body: &[u8]) -> Option<AttributeMessage> {
    let mut cursor = LibraryCursor::new(body);
    attribute::parse(&mut cursor, file.offset_size, file.length_size, body.len()).ok()
}

/// The place of `raw` in `area`: values stand behind everything else.
fn located<'a>(area: Bytes<'a>, raw: &[u8]) -> Option<Bytes<'a>> {
    let start = memchr::memmem::rfind(area.as_slice(), raw)?;
    area.slice(start, raw.len())
}

fn finish<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    parsed: AttributeMessage,
    raw: Option<Bytes<'a>>,
    budget: &mut Budget,
) -> Attribute {
    let in_file = raw.is_some();
    let raw = raw.unwrap_or(Bytes::new(&parsed.raw_data));
    let mut value = value::read(file, heaps, &parsed.datatype, raw, in_file, budget);
    if let (false, Value::Texts(texts)) = (in_file, &mut value) {
        for stored in texts.iter_mut().filter(|stored| stored.text.len() >= SEARCHED) {
            stored.span = stored.span.or_else(|| file.search(&stored.text));
        }
    }
    Attribute { name: parsed.name, value }
}

/// Attributes in a fractal heap, listed by a version 2 B-tree.
fn dense<'a>(
    file: &File<'a>,
    body: Bytes<'_>,
    parsed: &mut Vec<(AttributeMessage, Option<Bytes<'a>>)>,
    budget: &mut Budget,
) -> Option<()> {
    let mut cursor = body.cursor();
    cursor.u8()?;
    let flags = cursor.u8()?;
    if flags & 1 != 0 {
        cursor.take(2)?;
    }
    let heap = file.offset(&mut cursor)?;
    let index = file.offset(&mut cursor)?;
    link::objects(file, heap, index, budget, |object| {
        parsed.push((parse(file, object)?, None));
        Some(())
    })
}
