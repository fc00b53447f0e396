//! [`Link`]s: what a group holds, in old groups (symbol tables) and new ones (link messages, dense links).
//!
//! Specification sections III.A.1 (B-trees), III.C (symbol table nodes), III.D (local heaps), IV.A.2.g
//! (link messages). A damaged entry hides no other.

use super::file::{File, number};
use super::header::Message;
use crate::notes::Notes;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, OddityKind, Span};

/// A named member of a group.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) target: Target,
    /// The bytes of the entry, where they can be named.
    pub(super) span: Option<Span>,
}

/// Where a link leads.
pub(super) enum Target {
    /// To the object whose header is at this address.
    Object(u64),
    /// To a path in the same file.
    Soft(String),
    /// To an object of another file: CVE-2026-1669.
    External { file: String, path: String },
    /// Wherever a registered callback says.
    UserDefined(u8),
}

const LINK_INFO: u16 = 0x02;
const LINK: u16 = 0x06;
const SYMBOL_TABLE: u16 = 0x11;

/// Every link of the group with these header messages.
pub(super) fn links(
    file: &File<'_>,
    messages: &[Message<'_>],
    place: &str,
    notes: &mut Notes,
    budget: &mut Budget,
) -> Vec<Link> {
    let mut found = Vec::new();
    for message in messages {
        let read = match message.kind {
            LINK => parse(file, message.body).map(|link| {
                found.push(Link { span: Some(message.body.span()), ..link });
            }),
            LINK_INFO => dense(file, message.body, &mut found, budget),
            SYMBOL_TABLE => symbol_table(file, message.body, &mut found, budget),
            _ => Some(()),
        };
        if read.is_none() {
            let span = Some(message.body.span());
            notes.odd(OddityKind::Malformed, place, span, "a list of members that does not parse");
            notes.gap(span, format!("{place}: not all members were read"));
        }
    }
    found
}

/// Whether these messages are those of a group.
pub(super) fn is_group(messages: &[Message<'_>]) -> bool {
    messages.iter().any(|message| [LINK_INFO, LINK, SYMBOL_TABLE].contains(&message.kind))
}

fn parse(file: &File<'_>, body: Bytes<'_>) -> Option<Link> {
    let mut cursor = body.cursor();
    let version = cursor.u8()?;
    let flags = cursor.u8()?;
    let kind = if flags & 8 != 0 { cursor.u8()? } else { 0 };
    if flags & 4 != 0 {
        cursor.take(8)?;
    }
    if flags & 16 != 0 {
        cursor.u8()?;
    }
    let len = number(&mut cursor, 1_u8.checked_shl(u32::from(flags & 3))?)?;
    let name = text(cursor.take_u64(len)?);
    let target = match kind {
        0 => Target::Object(file.offset(&mut cursor)?),
        1 => {
            let len = cursor.u16_le()?;
            Target::Soft(text(cursor.take(usize::from(len))?))
        }
        64 => {
            let len = cursor.u16_le()?;
            let mut info = cursor.take(usize::from(len))?.cursor();
            info.u8()?;
            Target::External { file: text(info.take_until(0)?), path: text(until_nul(info.rest())) }
        }
        other => Target::UserDefined(other),
    };
    (version == 1).then_some(Link { name, target, span: None })
}

/// Links in a fractal heap, listed by a version 2 B-tree.
fn dense(
    file: &File<'_>,
    body: Bytes<'_>,
    found: &mut Vec<Link>,
    budget: &mut Budget,
) -> Option<()> {
    let mut cursor = body.cursor();
    cursor.u8()?;
    let flags = cursor.u8()?;
    if flags & 1 != 0 {
        cursor.take(8)?;
    }
    let heap = file.offset(&mut cursor)?;
    let index = file.offset(&mut cursor)?;
    objects(file, heap, index, budget, |object| {
        found.push(parse(file, Bytes::new(object))?);
        Some(())
    })
}

/// Hands `each` object of the fractal heap at `heap`, as the B-tree at `index` lists them. `None` when
/// not all were read.
pub(super) fn objects(
    file: &File<'_>,
    heap: u64,
    index: u64,
    budget: &mut Budget,
    mut each: impl FnMut(&[u8]) -> Option<()>,
) -> Option<()> {
    if file.is_undefined(heap) {
        return Some(());
    }
    let (storage, offsets, lengths) = (file.storage(), file.offset_size, file.length_size);
    let heap = FractalHeap::parse_at_storage(storage, heap, offsets, lengths).ok()?;
    let tree = BTreeV2Header::parse_at_storage(storage, index, offsets, lengths).ok()?;
    let records =
        collect_btree_v2_records_storage(storage, &tree, offsets, lengths, None, &[], None).ok()?;
    let mut cache = FractalHeapDirectBlockCache::default();
    let mut complete = Some(());
    for record in &records {
        budget.steps(1).ok()?;
        let (BTreeV2Record::LinkNameHash { heap_id, .. }
        | BTreeV2Record::CreationOrder { heap_id, .. }
        | BTreeV2Record::AttributeNameHash { heap_id, .. }
        | BTreeV2Record::AttributeCreationOrder { heap_id, .. }) = record
        else {
            continue;
        };
        let object =
            heap.get_object_storage_cached(heap_id, storage, offsets, lengths, &mut cache).ok();
        if object.as_deref().and_then(&mut each).is_none() {
            complete = None;
        }
    }
    complete
}

/// An old group: a version 1 B-tree of symbol table nodes, names in a local heap.
fn symbol_table(
    file: &File<'_>,
    body: Bytes<'_>,
    found: &mut Vec<Link>,
    budget: &mut Budget,
) -> Option<()> {
    let mut cursor = body.cursor();
    let tree = file.offset(&mut cursor)?;
    let names = local_heap(file, file.offset(&mut cursor)?)?;
    let mut pending = vec![tree];
    let mut seen = BTreeSet::new();
    let mut complete = Some(());
    while let Some(address) = pending.pop() {
        budget.steps(1).ok()?;
        if !seen.insert(address) {
            continue;
        }
        let node = file.at(address).unwrap_or(Bytes::new(&[]));
        let read = if node.starts_with(b"SNOD") {
            symbols(file, node, names, found, budget)
        } else {
            children(file, node, &mut pending)
        };
        if read.is_none() {
            complete = None;
        }
    }
    complete
}

/// The segment of a local heap that holds the names.
pub(super) fn local_heap<'a>(file: &File<'a>, address: u64) -> Option<Bytes<'a>> {
    let mut cursor = file.at(address)?.cursor();
    let signature = cursor.take(8)?;
    let size = usize::try_from(file.length(&mut cursor)?).ok()?;
    file.length(&mut cursor)?;
    let segment = file.at(file.offset(&mut cursor)?)?;
    signature.starts_with(b"HEAP").then(|| segment.head(size))
}

fn children(file: &File<'_>, node: Bytes<'_>, pending: &mut Vec<u64>) -> Option<()> {
    let mut cursor = node.cursor();
    let head = cursor.take(8)?;
    if !head.starts_with(b"TREE\0") {
        return None;
    }
    file.offset(&mut cursor)?;
    file.offset(&mut cursor)?;
    let first = pending.len();
    for _ in 0..head.u16_le(6)? {
        file.length(&mut cursor)?;
        pending.push(file.offset(&mut cursor)?);
    }
    // The stack hands out what was pushed last; names are to come in order.
    if let Some(pushed) = pending.get_mut(first..) {
        pushed.reverse();
    }
    Some(())
}

fn symbols(
    file: &File<'_>,
    node: Bytes<'_>,
    names: Bytes<'_>,
    found: &mut Vec<Link>,
    budget: &mut Budget,
) -> Option<()> {
    let mut cursor = node.cursor();
    let count = cursor.take(8)?.u16_le(6)?;
    for _ in 0..count {
        budget.steps(1).ok()?;
        let start = cursor.offset();
        let name = file.offset(&mut cursor)?;
        let address = file.offset(&mut cursor)?;
        let cached = cursor.u32_le()?;
        cursor.take(4)?;
        let scratch = cursor.take(16)?;
        let target = if cached == 2 {
            Target::Soft(heap_text(names, u64::from(scratch.u32_le(0)?))?)
        } else {
            Target::Object(address)
        };
        let span = Some(Span::new(start, cursor.offset().saturating_sub(start)));
        found.push(Link { name: heap_text(names, name)?, target, span });
    }
    Some(())
}

/// The string at `offset` of a local heap.
pub(super) fn heap_text(segment: Bytes<'_>, offset: u64) -> Option<String> {
    let start = usize::try_from(offset).ok().filter(|start| *start < segment.len())?;
    Some(text(until_nul(segment.from(start))))
}

fn until_nul(bytes: Bytes<'_>) -> Bytes<'_> {
    bytes.head(bytes.find_byte(0).unwrap_or(bytes.len()))
}

fn text(bytes: Bytes<'_>) -> String {
    String::from_utf8_lossy(bytes.as_slice()).into_owned()
}
