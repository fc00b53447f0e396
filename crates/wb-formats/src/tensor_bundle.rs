//! The index of a TensorFlow checkpoint (`.index`): which tensor lies where in the files beside it.
//!
//! Specification: `tensorflow/core/protobuf/tensor_bundle.proto`, and `table_format.txt` of LevelDB for the
//! table that the messages stand in.

use crate::notes::Notes;
use crate::protobuf::{Fields, Value};
use crate::{Family, Reader, Request, extents};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, Cursor, Field, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "index of a TensorFlow checkpoint",
    endings: &[".index"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// What a table ends with.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// Size of what a table ends with: two handles, padding, the magic number.
const FOOTER: usize = 48;
/// Size of what follows a block: how it is compressed, and its checksum.
const TRAILER: u64 = 5;
/// Longest key that is kept, in bytes.
const KEY: usize = 4096;
/// Most axes of a tensor.
const AXES: usize = 254;

/// Element types by number (`DataType` in `types.proto`) and their size in bytes; 0 where it is not fixed.
fn dtype(number: u64) -> (&'static str, u64) {
    match number {
        1 => ("float32", 4),
        2 => ("float64", 8),
        3 => ("int32", 4),
        4 => ("uint8", 1),
        5 => ("int16", 2),
        6 => ("int8", 1),
        7 => ("string", 0),
        8 => ("complex64", 8),
        9 => ("int64", 8),
        10 => ("bool", 1),
        11 => ("qint8", 1),
        12 => ("quint8", 1),
        13 => ("qint32", 4),
        14 => ("bfloat16", 2),
        15 => ("qint16", 2),
        16 => ("quint16", 2),
        17 => ("uint16", 2),
        18 => ("complex128", 16),
        19 => ("float16", 2),
        20 => ("resource", 0),
        21 => ("variant", 0),
        22 => ("uint32", 4),
        23 => ("uint64", 8),
        _ => ("unknown", 0),
    }
}

/// Where the table of contents and the table of other blocks lie.
fn handles(input: Bytes<'_>) -> Option<[Span; 2]> {
    let start = input.len().checked_sub(FOOTER)?;
    (input.u64_le(start.checked_add(40)?)? == MAGIC).then_some(())?;
    let mut cursor = input.slice(start, 40)?.cursor();
    let others = handle(&mut cursor)?;
    let index = handle(&mut cursor)?;
    let inside = |span: &Span| span.len.checked_add(span.start).is_some_and(|end| end <= start as u64);
    [others, index].iter().all(inside).then_some([index, others])
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    handles(input).map(|_| Strength::Strong)
}

/// Where the numbers of each tensor lie that the index `input` lists, and in how many files all of them do.
pub fn places(input: Bytes<'_>, budget: &mut Budget) -> (Vec<ShardPlace>, u64) {
    let mut reader = Index::new(input);
    reader.table(budget);
    let place = |(shard, start, len, name)| ShardPlace { name, shard, span: Span::new(start, len) };
    (reader.places.into_iter().map(place).collect(), reader.shards.unwrap_or(0))
}

/// Where the numbers of a tensor of a TensorFlow checkpoint lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPlace {
    /// The tensor.
    pub name: String,
    /// The number of the file beside the index, from 0.
    pub shard: u64,
    /// Its bytes in that file.
    pub span: Span,
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut reader = Index::new(input);
    if reader.table(budget).is_none() {
        let what = "a block or message does not parse, is compressed, or a limit was reached";
        reader.notes.odd(OddityKind::Malformed, "table", Some(input.span()), what);
        reader.notes.gap(Some(input.span()), what);
    } else {
        reader.overlaps();
        let owned = &mut reader.owned;
        extents::check(input, input.span(), owned, 1, &mut reader.notes.oddities);
    }
    reader.content.oddities = reader.notes.oddities;
    reader.content.gaps = reader.notes.gaps;
    reader.content
}

struct Index<'a> {
    input: Bytes<'a>,
    notes: Notes,
    content: Content,
    /// In how many files the tensors lie; nothing before the header was met.
    shards: Option<u64>,
    /// What of the table was read.
    owned: Vec<(Span, &'static str)>,
    /// File, offset, size and name of each tensor.
    places: Vec<(u64, u64, u64, String)>,
    names: BTreeSet<Vec<u8>>,
}

impl<'a> Index<'a> {
    fn new(input: Bytes<'a>) -> Self {
        Self {
            input,
            notes: Notes::default(),
            content: Content::default(),
            shards: None,
            owned: Vec::new(),
            places: Vec::new(),
            names: BTreeSet::new(),
        }
    }

    fn table(&mut self, budget: &mut Budget) -> Option<()> {
        let [index, others] = handles(self.input)?;
        let footer = self.input.len().checked_sub(FOOTER)? as u64;
        self.owned.push((Span::new(footer, FOOTER as u64), "the footer"));
        self.block(others)?;
        let index = self.block(index)?;
        for (_, value) in entries(index, budget)? {
            let block = self.block(handle(&mut value.cursor())?)?;
            for (key, value) in entries(block, budget)? {
                self.entry(key, value)?;
            }
        }
        if self.shards.is_none() {
            self.notes.gap(Some(self.input.span()), "a table without the header of a checkpoint");
        }
        Some(())
    }

    /// The data of a block, when it is not compressed.
    fn block(&mut self, span: Span) -> Option<Bytes<'a>> {
        let end = span.start.checked_add(span.len)?;
        let data = self.input.at_span(span)?;
        let plain = self.input.byte(usize::try_from(end).ok()?)? == 0;
        self.owned.push((Span::new(span.start, span.len.checked_add(TRAILER)?), "a block"));
        plain.then_some(data)
    }

    fn entry(&mut self, key: Vec<u8>, value: Bytes<'a>) -> Option<()> {
        let span = Some(value.span());
        let name = String::from_utf8_lossy(&key).into_owned();
        if !self.names.insert(key) {
            let what = format!("`{name}` appears more than once");
            self.notes.odd(OddityKind::DuplicateName, &format!("tensor `{name}`"), span, what);
        }
        if name.is_empty() {
            return self.header(value);
        }
        let entry = entry(value)?;
        let (dtype, size) = dtype(entry.dtype);
        let place = format!("tensor `{name}`");
        let mut odd = |kind, what: String| self.notes.odd(kind, &place, span, what);
        if self.shards.is_some_and(|shards| entry.shard >= shards) {
            odd(OddityKind::Disagreement, format!("it lies in file {} of fewer", entry.shard));
        }
        // A tensor in slices has no bytes of its own; its slices are entries of their own.
        if size > 0 && !entry.sliced {
            let elements = entry.shape.iter().try_fold(size, |product, axis| product.checked_mul(*axis));
            if elements != Some(entry.size) {
                let what = format!("shape {:?} of {dtype} is not {} bytes", entry.shape, entry.size);
                odd(OddityKind::Disagreement, what);
            }
        }
        if entry.offset.checked_add(entry.size).is_none_or(|end| end > i64::MAX as u64) {
            odd(OddityKind::ImpossibleLength, format!("{} bytes at {}", entry.size, entry.offset));
        } else if entry.size > 0 {
            self.places.push((entry.shard, entry.offset, entry.size, name.clone()));
        }
        let dtype = dtype.to_owned();
        self.content.tensors.push(Tensor { name, dtype, shape: entry.shape, span: None, strides: None });
        Some(())
    }

    /// `BundleHeaderProto`.
    fn header(&mut self, message: Bytes<'_>) -> Option<()> {
        let mut shards = 0;
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next().ok()? {
            if let (1, Value::Varint(number)) = (field.number, field.value) {
                shards = number;
            }
        }
        self.shards = Some(shards);
        let (path, value) = ("num_shards".to_owned(), shards.to_string());
        self.content.fields.push(Field { path, value, span: Some(message.span()) });
        Some(())
    }

    /// Tensors that share bytes of one file.
    fn overlaps(&mut self) {
        self.places.sort_unstable();
        let mut reached: Option<(u64, u64, &str)> = None;
        for (shard, offset, size, name) in &self.places {
            let end = offset.saturating_add(*size);
            let before = reached.filter(|(file, _, _)| file == shard);
            if let Some((_, _, other)) = before.filter(|(_, reached, _)| reached > offset) {
                let what = format!("`{name}` shares bytes with `{other}`");
                self.notes.odd(OddityKind::Overlap, &format!("tensor `{name}`"), None, what);
            }
            if before.is_none_or(|(_, reached, _)| end > reached) {
                reached = Some((*shard, end, name));
            }
        }
    }
}

/// `BundleEntryProto`.
#[derive(Default)]
struct Entry {
    dtype: u64,
    shape: Vec<u64>,
    shard: u64,
    offset: u64,
    size: u64,
    sliced: bool,
}

fn entry(message: Bytes<'_>) -> Option<Entry> {
    let mut entry = Entry::default();
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next().ok()? {
        match (field.number, field.value) {
            (1, Value::Varint(number)) => entry.dtype = number,
            (2, _) => entry.shape = shape(field.bytes()?)?,
            (3, Value::Varint(number)) => entry.shard = number,
            (4, Value::Varint(number)) => entry.offset = number,
            (5, Value::Varint(number)) => entry.size = number,
            (7, _) => entry.sliced = true,
            _ => {}
        }
    }
    Some(entry)
}

/// `TensorShapeProto`: a message for each axis.
fn shape(message: Bytes<'_>) -> Option<Vec<u64>> {
    let mut shape = Vec::new();
    let mut axes = Fields::of(message);
    while let Some(axis) = axes.next().ok()? {
        if axis.number != 2 {
            continue;
        }
        let mut size = 0;
        let mut fields = Fields::of(axis.bytes()?);
        while let Some(field) = fields.next().ok()? {
            if let (1, Value::Varint(number)) = (field.number, field.value) {
                size = number;
            }
        }
        shape.push(size);
        (shape.len() <= AXES).then_some(())?;
    }
    Some(shape)
}

/// The keys and values of a block. Each key says how much of the one before it begins with.
fn entries<'a>(block: Bytes<'a>, budget: &mut Budget) -> Option<Vec<(Vec<u8>, Bytes<'a>)>> {
    let restarts = block.u32_le(block.len().checked_sub(4)?)?;
    let tail = usize::try_from(restarts).ok()?.checked_mul(4)?.checked_add(4)?;
    let mut cursor = block.head(block.len().checked_sub(tail)?).cursor();
    let mut found = Vec::new();
    let mut key: Vec<u8> = Vec::new();
    while !cursor.is_at_end() {
        let shared = usize::try_from(cursor.leb128()?).ok()?;
        let [own, len] = [cursor.leb128()?, cursor.leb128()?];
        (shared <= key.len()).then_some(())?;
        key.truncate(shared);
        key.extend(cursor.take_u64(own)?.as_slice());
        (key.len() <= KEY).then_some(())?;
        budget.items(1).ok()?;
        budget.steps(key.len() as u64).ok()?;
        found.push((key.clone(), cursor.take_u64(len)?));
    }
    Some(found)
}

/// Where a block lies.
fn handle(cursor: &mut Cursor<'_>) -> Option<Span> {
    let (start, len) = (cursor.leb128()?, cursor.leb128()?);
    start.checked_add(len)?;
    Some(Span::new(start, len))
}

#[cfg(test)]
mod tests;
