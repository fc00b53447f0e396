//! Object headers: the [`Message`]s that describe a group or dataset, versions 1 and 2.
//!
//! Specification section IV.A. One message that does not parse hides no other.

use super::file::{File, number};
use crate::notes::Notes;
use hdf5_reader::checksum::jenkins_lookup3;
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, OddityKind};

/// A message: its type, and its bytes in the file.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// The type, such as 0x0C for an attribute.
    pub(super) kind: u16,
    /// Whether the body is a reference to a message elsewhere.
    pub(super) shared: bool,
    /// Its contents.
    pub(super) body: Bytes<'a>,
}

const CONTINUATION: u16 = 0x10;

/// The messages of the header at `address`, continuations included.
pub(super) fn messages<'a>(
    file: &File<'a>,
    address: u64,
    place: &str,
    notes: &mut Notes,
    budget: &mut Budget,
) -> Vec<Message<'a>> {
    let mut found = Vec::new();
    let Some(start) = file.at(address) else {
        notes.gap(None, format!("{place}: its header would be at {address}, outside the file"));
        return found;
    };
    let chunk = if start.starts_with(b"OHDR") { second(start) } else { first(start) };
    let Some((mut layout, body)) = chunk else {
        notes.odd(OddityKind::Malformed, place, Some(start.head(16).span()), "no object header");
        notes.gap(Some(start.head(16).span()), format!("{place}: its header does not parse"));
        return found;
    };
    let mut pending = vec![body];
    let mut seen = BTreeSet::new();
    while let Some(chunk) = pending.pop() {
        let before = found.len();
        let complete = layout.chunk(chunk, &mut found, budget);
        if !complete {
            let what = "a header message ends outside its block";
            notes.odd(OddityKind::Malformed, place, Some(chunk.span()), what);
            notes.gap(Some(chunk.span()), format!("{place}: part of its header was not read"));
        }
        let continuations: Vec<Bytes<'a>> = found
            .iter()
            .skip(before)
            .filter(|message| message.kind == CONTINUATION)
            .filter_map(|message| layout.continuation(file, message.body))
            .collect();
        pending.extend(continuations.into_iter().filter(|next| seen.insert(next.offset())));
    }
    if let Some(what) = layout.checksum {
        notes.odd(OddityKind::ChecksumMismatch, place, Some(start.head(16).span()), what);
    }
    found
}

/// How messages stand in the blocks of a header.
struct Layout {
    version: u8,
    /// Whether each message carries its creation order.
    ordered: bool,
    /// What is wrong with the checksum of a block.
    checksum: Option<&'static str>,
}

/// Version 1: 16 bytes of prefix, then the messages.
fn first(start: Bytes<'_>) -> Option<(Layout, Bytes<'_>)> {
    let mut cursor = start.cursor();
    let version = cursor.u8()?;
    cursor.take(7)?;
    let size = usize::try_from(cursor.u32_le()?).ok()?;
    cursor.take(4)?;
    let body = cursor.rest().head(size);
    (version == 1).then_some((Layout { version, ordered: false, checksum: None }, body))
}

/// Version 2: signature, flags that say which fields follow, the messages, a checksum.
fn second(start: Bytes<'_>) -> Option<(Layout, Bytes<'_>)> {
    let mut cursor = start.cursor();
    cursor.take(4)?;
    let version = cursor.u8()?;
    let flags = cursor.u8()?;
    if flags & 0x20 != 0 {
        cursor.take(16)?;
    }
    if flags & 0x10 != 0 {
        cursor.take(4)?;
    }
    let width = 1_u8.checked_shl(u32::from(flags & 3))?;
    let size = usize::try_from(number(&mut cursor, width)?).ok()?;
    let prefix = cursor.position();
    let body = cursor.rest().head(size);
    let mut layout = Layout { version, ordered: flags & 4 != 0, checksum: None };
    layout.verify(start.head(prefix.saturating_add(size)), cursor.rest().u32_le(size));
    (version == 2).then_some((layout, body))
}

impl Layout {
    fn verify(&mut self, covered: Bytes<'_>, stored: Option<u32>) {
        if stored != Some(jenkins_lookup3(covered.as_slice())) {
            self.checksum = Some("the checksum of a header block does not match");
        }
    }

    fn continuation<'a>(&mut self, file: &File<'a>, body: Bytes<'_>) -> Option<Bytes<'a>> {
        let mut cursor = body.cursor();
        let address = file.offset(&mut cursor)?;
        let length = usize::try_from(file.length(&mut cursor)?).ok()?;
        let block = file.at(address)?.head(length);
        if self.version == 1 {
            return Some(block);
        }
        let inner = length.checked_sub(8)?;
        self.verify(block.head(length.checked_sub(4)?), block.u32_le(length.checked_sub(4)?));
        block.starts_with(b"OCHK").then(|| block.from(4).head(inner))
    }

    /// Reads the messages of one block; false when one of them is not all there.
    fn chunk<'a>(
        &self,
        chunk: Bytes<'a>,
        found: &mut Vec<Message<'a>>,
        budget: &mut Budget,
    ) -> bool {
        let mut cursor = chunk.cursor();
        let prefix = match (self.version, self.ordered) {
            (1, _) => 8,
            (_, false) => 4,
            (_, true) => 6,
        };
        while cursor.remaining() >= prefix {
            if budget.steps(1).is_err() {
                return false;
            }
            let head = cursor.take(prefix).unwrap_or(chunk);
            let (kind, size, flags) = if self.version == 1 {
                (head.u16_le(0), head.u16_le(2), head.byte(4))
            } else {
                (head.byte(0).map(u16::from), head.u16_le(1), head.byte(3))
            };
            let (Some(kind), Some(size), Some(flags)) = (kind, size, flags) else { return false };
            let Some(body) = cursor.take(usize::from(size)) else {
                // A gap at the end of a version 2 block is filled with zeros.
                return kind == 0;
            };
            if kind != 0 {
                found.push(Message { kind, shared: flags & 2 != 0, body });
            }
        }
        true
    }
}
