//! [`Walk`]: what stands inside elements that are more than a number: sequences of variable length, whose bytes lie in
//! global heaps, members of compounds, and arrays of these.
//!
//! Specification sections IV.A.2.d (classes 3, 5, 6, 9 and 10 of types) and III.E (global heaps). An element of
//! variable length is a count of 4 bytes, the address of a collection and the number of an object in it.

use super::file::File;
use super::heap::Heaps;
use super::value::{self, StoredText};
use crate::storage::{Disguised, disguised};
use hdf5_reader::{Datatype, StringSize, dtype_element_size};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Child, ChildData, Content, Gap, Span, Tensor, Text};

/// What is walked, in words.
pub(super) const DATASET: &str = "dataset";
pub(super) const ATTRIBUTE: &str = "attribute";
/// No file is shorter, in bytes.
const SHORTEST: usize = 16;
/// Sequences of fewer numbers than this hide nothing between their numbers; they are listed when they are a file.
const LISTED: u64 = 64;

/// Whether elements of `datatype` are strings or bytes of one length. Their texts, and what they all are together, is read
/// where their dataset or attribute is; each of them may be a file all the same.
pub(super) fn is_plain(datatype: &Datatype) -> bool {
    value::is_text(datatype) || matches!(datatype, Datatype::Opaque { .. })
}

/// Whether elements of `datatype` hold more than numbers.
pub(super) fn holds(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::VarLen { .. } | Datatype::String { .. } | Datatype::Opaque { .. } => true,
        Datatype::Compound { fields, .. } => fields.iter().any(|field| holds(&field.datatype)),
        Datatype::Array { base, .. } => holds(base),
        _ => false,
    }
}

/// Bytes of one element of `datatype` in `file`. `None` when that overflows.
pub(super) fn element_size(file: &File<'_>, datatype: &Datatype) -> Option<usize> {
    let reference = usize::from(file.offset_size).saturating_add(8);
    match datatype {
        Datatype::VarLen { .. } | Datatype::String { size: StringSize::Variable, .. } => {
            Some(reference)
        }
        Datatype::Array { base, dims } => dims
            .iter()
            .try_fold(element_size(file, base)?, |size, dim| {
                size.checked_mul(usize::try_from(*dim).ok()?)
            }),
        _ => dtype_element_size(datatype).ok(),
    }
}

/// A walk through the elements of one dataset or attribute.
pub(super) struct Walk<'w, 'a> {
    file: &'w File<'a>,
    heaps: &'w mut Heaps<'a>,
    budget: &'w mut Budget,
    /// What is found: sequences of numbers as tensors, strings as texts, files that were packed as children.
    held: Content,
    /// [`DATASET`] or [`ATTRIBUTE`].
    what: &'static str,
    /// Its path, with the names of members behind it.
    path: String,
    /// Where the element stands that is looked at, from the outermost list in.
    at: Vec<u64>,
    /// Sequences that were read, and how deep they stood: one that many elements name is read once.
    seen: BTreeSet<(u64, usize)>,
    /// Whether the elements are plain: of those only files are looked for.
    plain: bool,
    /// What is looked at already: bytes that lie in one piece, in bytes of the file.
    known: Option<Span>,
    /// Elements whose bytes are not where they should be.
    lost: u64,
    /// Whether the budget ran out.
    spent: bool,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(super) fn new(
        file: &'w File<'a>,
        heaps: &'w mut Heaps<'a>,
        budget: &'w mut Budget,
        what: &'static str,
        path: &str,
    ) -> Self {
        let (held, path, at) = (Content::default(), path.to_owned(), Vec::new());
        let seen = BTreeSet::new();
        let (plain, known) = (false, None);
        Self { file, heaps, budget, held, what, path, at, seen, plain, known, lost: 0, spent: false }
    }

    /// What is in `raw`, elements of `datatype`. `located` says whether the offsets of `raw` are those of the file.
    pub(super) fn run(mut self, datatype: &Datatype, raw: Bytes<'_>, located: bool) -> Content {
        self.plain = is_plain(datatype);
        let size = element_size(self.file, datatype).unwrap_or(0);
        let whole = self.what == DATASET || raw.len() == size;
        self.known = (located && whole).then(|| raw.span());
        let fixed = !matches!(
            datatype,
            Datatype::VarLen { .. } | Datatype::String { size: StringSize::Variable, .. }
        );
        if !(self.plain && fixed && size < SHORTEST) {
            self.list(datatype, raw, located);
        }
        let mut told = |why: String| self.held.gaps.push(Gap { span: None, why });
        let (what, path) = (self.what, &self.path);
        if self.spent {
            told(format!("{what} `{path}`: more elements than the budget allows"));
        }
        if self.lost > 0 {
            let lost = self.lost;
            told(format!("{what} `{path}`: {lost} values whose bytes are not where they should be"));
        }
        self.held
    }

    /// The file that `packed`, the bytes of all elements as far as they were decoded, is.
    pub(super) fn packed(mut self, packed: &[u8]) -> Content {
        self.bytes(Bytes::new(packed), "", 0, true, false);
        self.held
    }

    fn list(&mut self, datatype: &Datatype, raw: Bytes<'_>, located: bool) {
        let size = element_size(self.file, datatype).filter(|size| *size > 0);
        let mut cursor = raw.cursor();
        let mut number = 0_u64;
        while let Some(element) = size.and_then(|size| cursor.take(size)) {
            if self.spent || self.budget.steps(1).is_err() {
                self.spent = true;
                return;
            }
            self.at.push(number);
            self.element(datatype, element, located);
            self.at.pop();
            number = number.saturating_add(1);
        }
        // Elements that are said to be larger than they are.
        self.lost = self.lost.saturating_add(u64::from(!cursor.is_at_end()));
    }

    fn element(&mut self, datatype: &Datatype, raw: Bytes<'_>, located: bool) {
        match datatype {
            Datatype::VarLen { base, .. } => self.sequence(datatype, base, raw),
            Datatype::String { size: StringSize::Variable, .. } => {
                self.sequence(datatype, datatype, raw);
            }
            Datatype::String { padding, .. } => {
                let text = raw.head(value::kept(raw, *padding));
                self.text(text, located);
                self.bytes(text, &value::name(datatype), 1, true, located);
            }
            Datatype::Opaque { .. } => {
                self.bytes(raw, &value::name(datatype), 1, true, located);
            }
            Datatype::Compound { fields, .. } => {
                let before = self.path.len();
                for field in fields.iter().filter(|field| holds(&field.datatype)) {
                    let size = element_size(self.file, &field.datatype);
                    let start = usize::try_from(field.byte_offset).ok();
                    let member = start.zip(size).and_then(|(start, size)| raw.slice(start, size));
                    let Some(member) = member else {
                        self.lost = self.lost.saturating_add(1);
                        continue;
                    };
                    self.path.push('.');
                    self.path.push_str(&field.name);
                    self.element(&field.datatype, member, located);
                    self.path.truncate(before);
                }
            }
            Datatype::Array { base, .. } if holds(base) => self.list(base, raw, located),
            _ => {}
        }
    }

    /// An element of variable length: strings are texts, anything else is a list of `base`.
    fn sequence(&mut self, datatype: &Datatype, base: &Datatype, raw: Bytes<'_>) {
        let text = value::is_text(datatype);
        let size = if text { Some(1) } else { element_size(self.file, base) };
        let mut cursor = raw.cursor();
        let (Some(count), Some(address), Some(index)) =
            (cursor.u32_le(), self.file.offset(&mut cursor), cursor.u32_le())
        else {
            return;
        };
        if count == 0 {
            return;
        }
        let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(size?));
        let object = self.heaps.object(self.file, address, index, self.budget);
        let Some(bytes) = object.zip(len).and_then(|(object, len)| object.slice(0, len)) else {
            self.lost = self.lost.saturating_add(1);
            return;
        };
        if !self.seen.insert((bytes.offset(), self.at.len())) {
            return;
        }
        if text {
            self.text(bytes.head(bytes.find_byte(0).unwrap_or(bytes.len())), true);
            self.bytes(bytes, &format!("|S{count}"), 1, true, true);
        } else if holds(base) {
            self.list(base, bytes, true);
        } else {
            let single = size == Some(1);
            if single && is_words(bytes) {
                self.text(bytes, true);
            }
            self.bytes(bytes, &value::name(base), u64::from(count), single, true);
        }
    }

    fn text(&mut self, text: Bytes<'_>, located: bool) {
        if self.plain || text.is_empty() || !self.may_keep() {
            return;
        }
        let place = format!("{} `{}`{}", self.what, self.path, self.places());
        let StoredText { text, span } = value::stored(text, located);
        self.held.texts.push(Text { place, value: text, span });
    }

    /// Bytes that may be a file, `count` elements of the type `dtype`. Those of a file are looked at where they are,
    /// like every tensor's; those that were packed are handed over.
    fn bytes(&mut self, bytes: Bytes<'_>, dtype: &str, count: u64, single: bool, located: bool) {
        // The whole of a dataset or attribute is looked at by its beginning.
        let begins = |known: Span| known.start == bytes.offset();
        if self.plain && located && self.known.is_some_and(begins) {
            return;
        }
        // Wider numbers begin like a pickle by chance.
        let file = disguised(bytes).filter(|kind| single || *kind != Disguised::Pickle);
        if (file.is_none() && count < LISTED) || !self.may_keep() {
            return;
        }
        let name = format!("{}{}", self.path, self.places());
        if located {
            let (dtype, span) = (dtype.to_owned(), Some(bytes.span()));
            let shape = vec![count];
            self.held.tensors.push(Tensor { name, dtype, shape, span, strides: None });
        } else if file.is_some() && self.budget.decoded_bytes(bytes.len() as u64).is_ok() {
            let data = ChildData::Owned(bytes.as_slice().to_vec());
            self.held.children.push(Child { name: format!("{} {name}", self.what), data });
        }
    }

    fn may_keep(&mut self) -> bool {
        self.spent = self.spent || self.budget.items(1).is_err();
        !self.spent
    }

    fn places(&self) -> String {
        self.at.iter().map(|number| format!("[{number}]")).collect()
    }
}

/// Whether bytes are text that somebody may have written.
fn is_words(bytes: Bytes<'_>) -> bool {
    let plain = |c: char| !c.is_control() || c.is_ascii_whitespace();
    std::str::from_utf8(bytes.as_slice()).is_ok_and(|text| text.chars().all(plain))
}
