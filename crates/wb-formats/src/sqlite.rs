//! SQLite databases: the rows of every table, read from the pages of the file. What is a pickle, an archive or an
//! executable in a cell becomes a child, wherever its pages lie; `shelve` of Python 3.13 keeps its pickles so.
//!
//! [`Pages`] knows where the file's pages are, `record` takes a row apart, [`Tables`] goes through the trees.
//!
//! Specification: "Database File Format" of SQLite.

use crate::notes::Notes;
use crate::{Family, Reader, Request, carve};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, OddityKind, Span, Strength, Text};

mod record;

use record::{Cell, Value};

pub(crate) const FORMAT: Reader = Reader {
    title: "SQLite database",
    endings: &[".sqlite", ".sqlite3", ".db", ".db3"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How the file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Children that are taken from one database.
const MOST: usize = 10_000;
/// How deep the tree of a table may be; one of a full file is of twenty levels.
const DEEPEST: u32 = 32;
/// The longest text that is kept, in bytes.
const KEPT: usize = 4 << 10;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    input.starts_with(MAGIC).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let Some(pages) = Pages::of(input) else {
        notes.odd(OddityKind::Malformed, "header", Some(input.head(100).span()), "the size of a page is none");
        notes.gap(Some(input.span()), "the pages of the database");
        (content.oddities, content.gaps) = (notes.oddities, notes.gaps);
        return content;
    };
    if let Some(missing) = pages.missing() {
        notes.odd(OddityKind::Truncated, "header", Some(input.head(100).span()), missing.as_str());
        notes.gap(None, missing);
    }
    let mut tables = Tables { pages, content: &mut content, notes: &mut notes, budget, seen: BTreeSet::new() };
    let mut roots = Vec::new();
    tables.rows(1, DEEPEST, &mut |_, _, cell| {
        // `type`, `name`, `tbl_name`, `rootpage`, `sql`.
        let [Value::Text(kind), Value::Text(name), _, Value::Integer(root), ..] = cell.values.as_slice() else {
            return;
        };
        if kind.as_ref() == b"table" {
            roots.push((String::from_utf8_lossy(name).into_owned(), *root, cell.span));
        }
    });
    for (name, root, span) in roots {
        tables.table(&name, root, span);
    }
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// Where the pages of a file are.
#[derive(Clone, Copy)]
pub(super) struct Pages<'a> {
    input: Bytes<'a>,
    size: usize,
    /// Bytes of a page without those at its end that extensions keep for themselves.
    usable: usize,
}

impl<'a> Pages<'a> {
    fn of(input: Bytes<'a>) -> Option<Self> {
        let size = match u16_be(input, 16)? {
            1 => 1 << 16,
            size => usize::from(size),
        };
        let usable = size.checked_sub(usize::from(input.byte(20)?))?;
        let plain = size.is_power_of_two() && size >= 512 && usable >= 480;
        plain.then_some(Self { input, size, usable })
    }

    /// What is not there of the file, by the number of pages that its header gives.
    fn missing(self) -> Option<String> {
        let Some(count) = self.input.u32_be(28).filter(|_| self.input.len() >= self.size) else {
            return Some("the file ends in its first page".to_owned());
        };
        let said = u64::from(count).saturating_mul(self.size as u64);
        let len = self.input.len() as u64;
        (said > len).then(|| format!("the header says {count} pages, which are {said} bytes; the file has {len}"))
    }

    /// The page of that number, counted from 1, as far as the file has it.
    fn page(self, number: u64) -> Option<Bytes<'a>> {
        let start = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.size)?;
        let page = self.input.from(start).head(self.usable);
        (!page.is_empty()).then_some(page)
    }
}

/// The rows of tables as they are gone through.
struct Tables<'a, 'c> {
    pages: Pages<'a>,
    content: &'c mut Content,
    notes: &'c mut Notes,
    budget: &'c mut Budget,
    /// Pages of trees that were read.
    seen: BTreeSet<u64>,
}

impl<'a> Tables<'a, '_> {
    /// Lists a table and takes out of it what is a file.
    fn table(&mut self, name: &str, root: i64, span: Span) {
        let mut rows = 0_u64;
        // A virtual table has no pages.
        if let Ok(root @ 1..) = u64::try_from(root) {
            self.rows(root, DEEPEST, &mut |content, budget, cell| {
                rows = rows.saturating_add(1);
                keep(name, &cell, content, budget);
            });
        }
        let setting = |path: &str, value: String| wb_core::Field { path: path.to_owned(), value, span: None };
        self.content.components.push(Component {
            kind: "table",
            name: name.to_owned(),
            class: "table".to_owned(),
            place: "schema".to_owned(),
            span: Some(span),
            settings: vec![setting("rows", rows.to_string())],
            ..Component::default()
        });
    }

    /// Calls `visit` with each row of the tree whose root is the page `number`.
    fn rows(&mut self, number: u64, deepest: u32, visit: &mut impl FnMut(&mut Content, &mut Budget, Cell<'a>)) {
        let place = format!("page {number}");
        let (Some(page), Some(deeper), true) =
            (self.pages.page(number), deepest.checked_sub(1), self.seen.insert(number))
        else {
            let what = "a page is not there, is reached twice, or lies too deep";
            self.notes.odd(OddityKind::Malformed, &place, None, what);
            self.notes.gap(None, format!("{place}: {what}"));
            return;
        };
        // The first page begins with the header of the file.
        let start = if number == 1 { 100 } else { 0 };
        let header = page.from(start);
        let kind = header.byte(0).unwrap_or(0);
        let count = u16_be(header, 3).unwrap_or(0);
        let (interior, table) = match kind {
            0x05 => (true, true),
            0x0d => (false, true),
            0x02 => (true, false),
            0x0a => (false, false),
            _ => {
                self.notes.odd(OddityKind::Malformed, &place, Some(page.span()), "no page of a tree");
                self.notes.gap(Some(page.span()), format!("{place}: no page of a tree"));
                return;
            }
        };
        let pointers = header.from(if interior { 12 } else { 8 });
        for index in 0..usize::from(count) {
            if self.budget.steps(1).is_err() {
                self.notes.gap(Some(page.span()), "the budget of steps ran out");
                return;
            }
            let cell = index.checked_mul(2).and_then(|at| u16_be(pointers, at)).map(|at| page.from(usize::from(at)));
            let Some(mut cell) = cell else { break };
            if interior {
                let left = cell.u32_be(0).unwrap_or(0);
                self.rows(u64::from(left), deeper, visit);
                cell = cell.from(4);
            }
            // The interior pages of a table have keys only.
            if !(interior && table) {
                match Cell::read(self.pages, cell, table, self.budget) {
                    Ok(cell) => visit(self.content, self.budget, cell),
                    Err(why) => self.notes.gap(Some(cell.head(16).span()), format!("{place}: {why}")),
                }
            }
        }
        if interior {
            let right = header.u32_be(8).unwrap_or(0);
            self.rows(u64::from(right), deeper, visit);
        }
    }
}

/// Keeps of a row what may be of use: files as children, words as texts.
fn keep(table: &str, cell: &Cell<'_>, content: &mut Content, budget: &mut Budget) {
    for (column, value) in cell.values.iter().enumerate() {
        let (Value::Blob(data) | Value::Text(data)) = value else { continue };
        let name = format!("{table}, row {}, column {column}", cell.row);
        if let Some(hidden) = carve::hidden(data, content, budget) {
            if content.children.len() >= MOST {
                return;
            }
            let data = match hidden.data {
                Ok(at) => data.get(at..).unwrap_or_default().to_vec(),
                Err(data) => data,
            };
            let name = if hidden.how.is_empty() { name } else { format!("{name}, {}", hidden.how) };
            content.children.push(Child { name, data: ChildData::Owned(data) });
        } else if let Value::Text(text) = value
            && content.texts.len() < budget.limits().texts
        {
            let head = Bytes::new(text).head(KEPT);
            let value = String::from_utf8_lossy(head.as_slice()).into_owned();
            content.texts.push(Text { place: name, value, span: None });
        }
    }
}

fn u16_be(bytes: Bytes<'_>, at: usize) -> Option<u16> {
    bytes.array(at).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests;
