//! Datasets: type, shape, where the bytes are, and the strings of small ones.

use super::chunks::Chunked;
use super::file::File;
use super::header::Message;
use super::heap::Heaps;
use super::link::{heap_text, local_heap};
use super::inner::{self, Walk};
use super::value::{self, StoredText, Value};
use crate::notes::Notes;
use hdf5_reader::io::Cursor as LibraryCursor;
use hdf5_reader::messages::dataspace::{self, DataspaceMessage};
use hdf5_reader::messages::datatype::{self, Datatype};
use hdf5_reader::messages::external_files;
use hdf5_reader::messages::layout::{self, DataLayout};
use std::sync::Arc;
use wb_core::{Budget, Bytes, Content, OddityKind, Span};

/// A dataset.
pub(crate) struct Dataset {
    /// Path from the root, without the leading `/`.
    pub(crate) path: String,
    /// The element type as NumPy writes it.
    pub(crate) dtype: String,
    /// Sizes of the axes, in elements.
    pub(crate) shape: Vec<u64>,
    /// Where the bytes are, when they lie in one piece.
    pub(crate) span: Option<Span>,
    /// The elements of a small dataset of strings.
    pub(crate) texts: Vec<StoredText>,
    /// What stands inside its elements, where these are more than numbers.
    pub(crate) inner: Content,
    /// Where its chunks are, when that is asked for.
    pub(crate) chunks: Option<Arc<Chunked>>,
}

const DATASPACE: u16 = 0x01;
const DATATYPE: u16 = 0x03;
const EXTERNAL_FILES: u16 = 0x07;
const FILL: u16 = 0x05;
const LAYOUT: u16 = 0x08;
const FILTERS: u16 = 0x0B;
/// Datasets of strings are read up to this size, in bytes.
const TEXT_BYTES: u64 = 1 << 20;
/// Datasets whose elements hold more than numbers are walked up to this size, in bytes; what the elements name in
/// heaps comes to it.
const WALKED_BYTES: u64 = 256 << 20;
/// Of a dataset of bytes that lies in chunks so much is looked at, in bytes.
const PACKED_BYTES: u64 = 16 << 20;

/// Reads the dataset with these header messages. `None` when they are not those of a dataset.
pub(super) fn read<'a>(
    file: &File<'a>,
    heaps: &mut Heaps<'a>,
    messages: &[Message<'a>],
    path: &str,
    notes: &mut Notes,
    budget: &mut Budget,
) -> Option<Dataset> {
    let body = |kind| messages.iter().find(|message| message.kind == kind);
    let layout = body(LAYOUT)?;
    let description = Description {
        file,
        space: body(DATASPACE).and_then(|message| dataspace_of(file, message.body)),
        datatype: body(DATATYPE).and_then(|message| datatype_of(file, message, budget)),
        layout: layout.body,
        filters: body(FILTERS).map(|message| message.body),
        path,
    };
    if let Some(external) = body(EXTERNAL_FILES) {
        description.external(external.body, notes);
    }
    if description.layout_class() == Some(3) {
        description.virtual_sources(heaps, notes, budget);
    }
    let mut dataset = Dataset {
        path: path.to_owned(),
        dtype: description.datatype.as_ref().map(value::name).unwrap_or_default(),
        shape: description.space.as_ref().map(|space| space.dims.clone()).unwrap_or_default(),
        span: None,
        texts: Vec::new(),
        inner: Content::default(),
        chunks: None,
    };
    if description.space.is_none() || description.datatype.is_none() {
        let span = Some(layout.body.span());
        notes.odd(OddityKind::Malformed, path, span, "no readable shape or element type");
        notes.gap(span, format!("dataset `{path}`: shape or element type not understood"));
    }
    if body(EXTERNAL_FILES).is_none() {
        dataset.span = description.contiguous(notes);
        dataset.texts = description.texts(heaps, notes, budget);
        dataset.inner = description.inner(heaps, notes, budget);
        if file.with_chunks {
            let fill = body(FILL).filter(|message| !message.shared).map(|message| message.body);
            dataset.chunks = description.chunked(fill, budget).map(Arc::new);
        }
    }
    Some(dataset)
}

/// Whether header messages are those of a type that has a name of its own.
pub(super) fn is_type(messages: &[Message<'_>]) -> bool {
    let has = |kind| messages.iter().any(|message| message.kind == kind);
    has(DATATYPE) && !has(DATASPACE)
}

/// What the messages of a header say of its dataset.
pub(super) struct Description<'f, 'a> {
    pub(super) file: &'f File<'a>,
    pub(super) space: Option<DataspaceMessage>,
    datatype: Option<Datatype>,
    layout: Bytes<'a>,
    pub(super) filters: Option<Bytes<'a>>,
    path: &'f str,
}

impl<'a> Description<'_, 'a> {
    /// 0 compact, 1 contiguous, 2 chunked, 3 virtual.
    fn layout_class(&self) -> Option<u8> {
        let version = self.layout.byte(0)?;
        self.layout.byte(if version < 3 { 2 } else { 1 })
    }

    pub(super) fn parsed_layout(&self) -> Option<DataLayout> {
        let (offsets, lengths) = (self.file.offset_size, self.file.length_size);
        let mut cursor = LibraryCursor::new(self.layout.as_slice());
        let parsed = layout::parse(&mut cursor, offsets, lengths, self.layout.len()).ok()?;
        Some(parsed.layout)
    }

    /// Size of all elements in bytes.
    fn total(&self) -> Option<u64> {
        let count = self.space.as_ref()?.num_elements().ok()?;
        count.checked_mul(self.element_size()? as u64)
    }

    pub(super) fn element_size(&self) -> Option<usize> {
        inner::element_size(self.file, self.datatype.as_ref()?)
    }

    /// Raw data in other files: the library would open whatever is named here. CVE-2026-1669.
    fn external(&self, body: Bytes<'_>, notes: &mut Notes) {
        let (offsets, lengths) = (self.file.offset_size, self.file.length_size);
        let mut cursor = LibraryCursor::new(body.as_slice());
        let parsed = external_files::parse(&mut cursor, offsets, lengths, body.len()).ok();
        let names: Vec<String> = parsed
            .and_then(|parsed| {
                let heap = local_heap(self.file, parsed.heap_address)?;
                let names = parsed.slots.iter().take(16);
                Some(names.filter_map(|slot| heap_text(heap, slot.name_offset)).collect())
            })
            .unwrap_or_default();
        let what = format!("its data are in other files: `{}`", names.join("`, `"));
        notes.odd(OddityKind::ExternalReference, self.path, Some(body.span()), what);
    }

    /// A virtual dataset maps parts of other datasets, in other files or (`.`) in this one.
    fn virtual_sources(&self, heaps: &mut Heaps<'a>, notes: &mut Notes, budget: &mut Budget) {
        let span = Some(self.layout.span());
        let mut cursor = self.layout.cursor();
        cursor.take(2);
        let block = self
            .file
            .offset(&mut cursor)
            .zip(cursor.u32_le())
            .and_then(|(address, index)| heaps.object(self.file, address, index, budget));
        let Some(block) = block else {
            notes.gap(span, format!("virtual dataset `{}`: sources not readable", self.path));
            return;
        };
        // Since HDF5 2.0 (version 1 of the block) flags stand before each source; one of this file has no name then.
        const SAME_FILE: u8 = 4;
        let mut cursor = block.cursor();
        let version = cursor.u8().unwrap_or(0);
        let count = self.file.length(&mut cursor).unwrap_or(0);
        let flags = if version == 0 { 0 } else { cursor.u8().unwrap_or(0) };
        let source = match flags & SAME_FILE {
            0 => cursor.take_until(0).unwrap_or(Bytes::new(&[])),
            _ => Bytes::new(b"."),
        };
        let source = String::from_utf8_lossy(source.as_slice());
        // Sources after the first are not told apart, so that only a single `.` is known to be inside.
        if count > 1 || source != "." {
            let what = format!("virtual dataset of {count} parts, the first from `{source}`");
            notes.odd(OddityKind::ExternalReference, self.path, span, what);
        }
    }

    /// What stands inside the elements, when these are more than numbers.
    fn inner(&self, heaps: &mut Heaps<'a>, notes: &mut Notes, budget: &mut Budget) -> Content {
        let chunked = self.layout_class() == Some(2);
        // What lies in one piece is looked at there, like every tensor.
        let single = |datatype: &Datatype| {
            chunked && matches!(datatype, Datatype::FixedPoint { size: 1, .. })
        };
        let walked = |datatype: &&Datatype| inner::holds(datatype) || single(datatype);
        let total = self.total().unwrap_or(u64::MAX);
        let Some(datatype) = self.datatype.as_ref().filter(walked).filter(|_| total > 0) else {
            return Content::default();
        };
        let path = self.path;
        if single(datatype) {
            let packed = self.chunks(total.min(PACKED_BYTES), budget).unwrap_or_default();
            return Walk::new(self.file, heaps, budget, inner::DATASET, path).packed(&packed);
        }
        let one = self.element_size().map(|size| size as u64) == Some(total);
        if inner::is_plain(datatype) && one && !chunked {
            return Content::default();
        }
        if total > WALKED_BYTES {
            notes.gap(None, format!("dataset `{path}`: {total} bytes of elements not read"));
            return Content::default();
        }
        let located = self.contiguous(&mut Notes::default());
        if let Some(raw) = located.and_then(|span| self.file.bytes.at_span(span)) {
            return Walk::new(self.file, heaps, budget, inner::DATASET, path).run(datatype, raw, true);
        }
        let Some(raw) = self.chunks(u64::MAX, budget) else {
            if chunked {
                notes.gap(None, format!("dataset `{path}`: chunks not decoded"));
            } else if self.layout_class() != Some(3) && self.parsed_layout().is_none() {
                notes.gap(None, format!("dataset `{path}`: where its data lie is not understood"));
            }
            return Content::default();
        };
        Walk::new(self.file, heaps, budget, inner::DATASET, path).run(datatype, Bytes::new(&raw), false)
    }

    fn contiguous(&self, notes: &mut Notes) -> Option<Span> {
        let span = match self.layout_class()? {
            0 if self.layout.byte(0)? >= 3 => {
                let size = usize::from(self.layout.u16_le(2)?);
                self.layout.slice(4, size)?.span()
            }
            1 => {
                let DataLayout::Contiguous { address, size } = self.parsed_layout()? else {
                    return None;
                };
                if self.file.is_undefined(address) {
                    return None;
                }
                let size = self.total().unwrap_or(size);
                Span::new(address.checked_add(self.file.user_block)?, size)
            }
            _ => return None,
        };
        if span.end() > self.file.bytes.span().end() {
            let what = format!("its data end at {}, behind the file", span.end());
            notes.odd(OddityKind::Truncated, self.path, Some(self.layout.span()), what);
            return None;
        }
        Some(span)
    }

    /// The strings of a small dataset of strings.
    fn texts(
        &self,
        heaps: &mut Heaps<'a>,
        notes: &mut Notes,
        budget: &mut Budget,
    ) -> Vec<StoredText> {
        let Some(datatype) = self.datatype.as_ref().filter(|datatype| value::is_text(datatype))
        else {
            return Vec::new();
        };
        let total = self.total().unwrap_or(u64::MAX);
        if total == 0 {
            return Vec::new();
        }
        if total > TEXT_BYTES {
            notes.gap(None, format!("dataset `{}`: {total} bytes of strings not read", self.path));
            return Vec::new();
        }
        let located = self.contiguous(&mut Notes::default());
        let value = if let Some(raw) = located.and_then(|span| self.file.bytes.at_span(span)) {
            value::read(self.file, heaps, datatype, raw, true, budget)
        } else {
            // Where chunks reach over the edge of the dataset, what is read of several axes is not in its order.
            let flat = self.space.as_ref().is_none_or(|space| space.dims.len() < 2);
            let Some(raw) = self.chunks(if flat { total } else { u64::MAX }, budget) else {
                if self.layout_class() == Some(2) {
                    notes.gap(None, format!("dataset `{}`: chunks not decoded", self.path));
                }
                return Vec::new();
            };
            value::read(self.file, heaps, datatype, Bytes::new(&raw), false, budget)
        };
        match value {
            Value::Texts(texts) => texts,
            Value::Other(_) => Vec::new(),
        }
    }
}

fn dataspace_of(file: &File<'_>, body: Bytes<'_>) -> Option<DataspaceMessage> {
    let mut cursor = LibraryCursor::new(body.as_slice());
    dataspace::parse(&mut cursor, file.offset_size, file.length_size, body.len()).ok()
}

/// The datatype of a message, which may be a reference to a committed datatype.
fn datatype_of(file: &File<'_>, message: &Message<'_>, budget: &mut Budget) -> Option<Datatype> {
    let body = if message.shared { committed(file, message.body, budget)? } else { message.body };
    let mut cursor = LibraryCursor::new(body.as_slice());
    Some(datatype::parse(&mut cursor, body.len()).ok()?.datatype)
}

/// The datatype message in the header that a shared message points to: specification section IV.A.2.
fn committed<'a>(file: &File<'a>, reference: Bytes<'_>, budget: &mut Budget) -> Option<Bytes<'a>> {
    let mut cursor = reference.cursor();
    let version = cursor.u8()?;
    cursor.take(if version == 1 { 7 } else { 1 })?;
    let address = file.offset(&mut cursor)?;
    let messages = super::header::messages(file, address, "", &mut Notes::default(), budget);
    let found = messages.iter().find(|found| found.kind == DATATYPE && !found.shared)?;
    Some(found.body)
}
