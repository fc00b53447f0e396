//! Files of GNU dbm: a directory of hash buckets, and the records that they refer to. `shelve` of Python keeps pickles in
//! them; each value that is a file becomes a child that is called as its key.
//!
//! [`Layout`] knows how the machine that wrote a file lays out its structures, [`Walk`] goes from the directory to the
//! records and to the space that is free.
//!
//! Specification: `gdbmdefs.h` of GNU dbm 1.23 (`gdbm_file_header`, `avail_block`, `hash_bucket`), and `hash.c`.

use crate::notes::Notes;
use crate::shelf::{self, Value};
use crate::{Family, Reader, Request, names};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span, Strength};

mod layout;

use layout::{Element, Layout};

pub(crate) const FORMAT: Reader = Reader {
    title: "GNU dbm file, also of shelve",
    endings: &[".gdbm", ".db", ".pag", ".dat", ".shelve", ".shelf"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The library loses pieces of free space that are shorter, as it divides others (`IGNORE_SIZE`), in bytes.
const LOST: u64 = 64;
/// Pieces of free space that lists behind the header may name.
const MOST_FREE: usize = 1 << 20;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    Layout::of(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let Some(layout) = Layout::of(input) else {
        notes.gap(Some(input.span()), "the sizes in the header do not go together");
        content.gaps = notes.gaps;
        return content;
    };
    let header = input.head(layout.header_len()).span();
    let owned = vec![input.head(layout.block_size()).span()];
    let mut walk = Walk { input, layout, content: &mut content, notes: &mut notes, budget, header, owned, records: 0 };
    let mut free = walk.lists();
    walk.directory(&mut free);
    walk.left_over(&free);
    let records = walk.records.to_string();
    let numbers = [
        ("numbers", layout.words()),
        ("extended header", layout.is_extended().to_string()),
        ("records", records),
    ];
    let field = |(path, value): (&str, String)| Field { path: path.to_owned(), value, span: Some(header) };
    content.fields.extend(numbers.map(field));
    names::tell_apart(&mut content.children);
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// A file as it is gone through.
struct Walk<'a, 'c> {
    input: Bytes<'a>,
    layout: Layout,
    content: &'c mut Content,
    notes: &'c mut Notes,
    budget: &'c mut Budget,
    header: Span,
    /// What structures and records take.
    owned: Vec<Span>,
    records: u64,
}

impl<'a> Walk<'a, '_> {
    /// The free space of the header's list and of those that it leads to.
    fn lists(&mut self) -> Vec<Span> {
        let mut free = Vec::new();
        let mut seen = BTreeSet::new();
        let mut list = self.layout.first_list(self.input);
        while let Some((mut pieces, len, next)) = self.layout.list(list) {
            free.append(&mut pieces);
            if list.offset() != self.header.end() {
                self.owned.push(list.head(len).span());
            }
            let Some(start) = usize::try_from(next).ok().filter(|start| *start > 0 && seen.insert(*start)) else {
                break;
            };
            if free.len() > MOST_FREE || self.budget.steps(1).is_err() {
                self.notes.gap(Some(list.span()), "more lists of free space than are read");
                break;
            }
            list = self.input.from(start);
        }
        free
    }

    /// Goes through the buckets that the directory names. The library finds one record by some bits of its hash, and the
    /// first and the next one by going through the whole directory, as is done here.
    fn directory(&mut self, free: &mut Vec<Span>) {
        let (at, len, said) = self.layout.directory(self.input).unwrap_or_default();
        let Some(directory) = self.place(at, len).filter(|directory| !directory.is_empty()) else {
            let what = format!("the directory of {len} bytes at offset {at} is not in the file");
            return self.wrong("header", self.header, &what);
        };
        self.owned.push(directory.span());
        let mut seen = BTreeSet::new();
        let mut entries = 0_u64;
        for address in self.layout.addresses(directory) {
            entries = entries.saturating_add(1);
            if self.budget.steps(1).is_err() {
                return self.notes.gap(Some(directory.span()), "the budget of steps ran out");
            }
            if seen.insert(address) && !self.bucket(address, free) {
                return;
            }
        }
        if entries != said {
            let what = format!("the directory has {entries} entries, its bits say {said}");
            self.notes.odd(OddityKind::Disagreement, "header", Some(self.header), what);
        }
    }

    /// Reads the records of a bucket. `false` when a limit was reached.
    fn bucket(&mut self, address: u64, free: &mut Vec<Span>) -> bool {
        let place = format!("bucket at offset {address}");
        let Some(bucket) = self.place(address, self.layout.bucket_size()) else {
            self.wrong(&place, self.header, "the directory names a bucket that is not in the file");
            return true;
        };
        self.owned.push(bucket.span());
        free.append(&mut self.layout.free_of_bucket(bucket));
        if self.budget.steps(self.layout.capacity()).is_err() {
            self.notes.gap(Some(bucket.span()), "the budget of steps ran out");
            return false;
        }
        let elements = self.layout.elements(bucket);
        let said = self.layout.count(bucket);
        if u64::from(said) != elements.len() as u64 {
            let what = format!("the bucket says that it has {said} records, it has {}", elements.len());
            self.notes.odd(OddityKind::Disagreement, &place, Some(bucket.span()), what);
        }
        elements.iter().all(|element| self.record(element, &place))
    }

    /// Reads a key and the value that follows it. `false` when a limit was reached.
    fn record(&mut self, element: &Element, place: &str) -> bool {
        self.records = self.records.saturating_add(1);
        let value_at = element.key_at.saturating_add(element.key_len);
        let pair = self.place(element.key_at, element.key_len).zip(self.place(value_at, element.value_len));
        let Some((key, value)) = pair else {
            let what = format!("a record at offset {} is not in the file", element.key_at);
            self.wrong(place, element.span, &what);
            return true;
        };
        self.owned.extend([key.span(), value.span()]);
        if !key.starts_with(element.beginning()) || !layout::hashes_to(key, element.hash) {
            let what = "the bucket has another beginning or hash than the key that it leads to";
            self.notes.odd(OddityKind::Disagreement, place, Some(key.span()), what);
        }
        // Any number of records may be the same bytes.
        let cost = element.key_len.saturating_add(element.value_len);
        if self.budget.steps(cost).is_err() || !shelf::keep(key, Value::Whole(value), self.content, self.budget) {
            self.notes.gap(Some(value.span()), "more records than are taken from one file");
            return false;
        }
        true
    }

    /// Looks at what no structure and no record takes: nothing clears the bytes of a record that was deleted.
    fn left_over(&mut self, free: &[Span]) {
        for hole in shelf::holes(self.input.span(), &mut self.owned) {
            shelf::left_over(self.input, hole, self.content, self.budget);
        }
        self.owned.extend(free);
        for hole in shelf::holes(self.input.span(), &mut self.owned) {
            let bytes = self.input.at_span(hole).map(Bytes::as_slice).unwrap_or_default();
            if hole.len > LOST && bytes.iter().any(|byte| *byte != 0) {
                let what = format!("{} bytes at offset {} are neither a record nor free", hole.len, hole.start);
                self.notes.odd(OddityKind::UnownedBytes, "file", Some(hole), what);
            }
        }
    }

    /// Bytes behind the header.
    fn place(&self, at: u64, len: u64) -> Option<Bytes<'a>> {
        (at >= self.header.end()).then(|| self.input.at_span(Span::new(at, len)))?
    }

    fn wrong(&mut self, place: &str, span: Span, what: &str) {
        self.notes.odd(OddityKind::Malformed, place, Some(span), what);
        self.notes.gap(Some(span), what);
    }
}

#[cfg(test)]
mod tests;
