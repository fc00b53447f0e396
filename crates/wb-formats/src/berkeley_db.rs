//! Databases of Berkeley DB: hash tables, which `dbm.ndbm` of Python writes where it is linked with that library, and
//! B-trees. Each value that is a file becomes a child that is called as its key.
//!
//! Every page of the file is read as what it says it is ([`page`]); [`Roots`] then follows what refers to pages, to find
//! those that are not what they are taken for.
//!
//! Specification: `src/dbinc/db_page.h` of Berkeley DB 5.3 (`DBMETA`, `HMETA`, `BTMETA`, `PAGE`, `HOFFPAGE`, `BKEYDATA`,
//! `BOVERFLOW`), and `BUCKET_TO_PAGE` of `src/dbinc/hash.h`.

use crate::notes::Notes;
use crate::order::Order;
use crate::{Family, Reader, Request, names};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Strength};

mod page;
mod roots;

pub(crate) const FORMAT: Reader = Reader {
    title: "Berkeley DB database, also of shelve",
    endings: &[".db", ".bdb", ".dbm", ".shelve", ".shelf"],
    family: Family::Archive,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// The magic numbers, the types of page that have them, and the versions whose pages are read.
const KINDS: [(u32, u8, std::ops::RangeInclusive<u32>, &str); 2] =
    [(0x0006_1561, page::HASH_META, 7..=10, "hash"), (0x0005_3162, page::BTREE_META, 8..=10, "btree")];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    Base::of(input).map(|_| Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    if let Some(base) = Base::of(input) {
        let header = base.page(0).head(HEADER).span();
        let known = [
            ("kind", base.kind.to_owned()),
            ("version", base.version.to_string()),
            ("numbers", base.order.name().to_owned()),
            ("page size", base.page_size.to_string()),
        ];
        content.fields.extend(known.map(|(path, value)| Field { path: path.to_owned(), value, span: Some(header) }));
        if let Some((kind, why)) = base.unreadable() {
            notes.odd(kind, "header", Some(header), why);
            notes.gap(Some(input.span()), why);
        } else {
            pages(base, &mut content, &mut notes, budget);
        }
    } else {
        notes.gap(Some(input.span()), "the numbers of the header do not go together");
    }
    names::tell_apart(&mut content.children);
    content.oddities.append(&mut notes.oddities);
    content.gaps.append(&mut notes.gaps);
    content
}

/// Bytes of the header that all kinds have.
const HEADER: usize = 72;

/// A database as its first page describes it.
#[derive(Clone, Copy)]
struct Base<'a> {
    input: Bytes<'a>,
    order: Order,
    kind: &'static str,
    version: u32,
    is_known: bool,
    page_size: usize,
    /// Bytes of a page before the offsets of its items.
    overhead: usize,
}

impl<'a> Base<'a> {
    fn of(input: Bytes<'a>) -> Option<Self> {
        Order::BOTH.into_iter().find_map(|order| {
            let magic = order.u32(input, 12)?;
            let (_, page, versions, kind) = KINDS.into_iter().find(|(number, ..)| *number == magic)?;
            let version = order.u32(input, 16)?;
            let page_size = usize::try_from(order.u32(input, 20)?).ok()?;
            let plain = page_size.is_power_of_two() && (512..=1 << 16).contains(&page_size);
            let has_checksums = input.byte(26)? & 1 != 0;
            let overhead = if has_checksums { 32 } else { 26 };
            let is_known = versions.contains(&version);
            (plain && input.byte(25)? == page)
                .then_some(Self { input, order, kind, version, is_known, page_size, overhead })
        })
    }

    /// Why none of the pages can be read.
    fn unreadable(self) -> Option<(OddityKind, &'static str)> {
        if self.input.byte(24) != Some(0) {
            return Some((OddityKind::Encrypted, "the pages are encrypted"));
        }
        (!self.is_known).then_some((OddityKind::Malformed, "the pages of this version are not read"))
    }

    /// How many pages the file has, the last one not necessarily whole.
    fn count(self) -> u32 {
        u32::try_from(self.input.len().div_ceil(self.page_size)).unwrap_or(u32::MAX)
    }

    /// The page of that number, as far as the file has it.
    fn page(self, number: u32) -> Bytes<'a> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.input.from(number.saturating_mul(self.page_size)).head(self.page_size)
    }

    /// The type of a page; `None` when it was never written, or is not in the file.
    fn page_type(self, number: u32) -> Option<u8> {
        let page = self.page(number);
        let kind = page.byte(25)?;
        (kind != 0 || page.as_slice().iter().any(|byte| *byte != 0)).then_some(kind)
    }

    fn u32(self, bytes: Bytes<'_>, at: usize) -> u32 {
        self.order.u32(bytes, at).unwrap_or(0)
    }

    fn u16(self, bytes: Bytes<'_>, at: usize) -> usize {
        self.order.u16(bytes, at).map_or(0, usize::from)
    }
}

/// Reads every page, and looks at what refers to which.
fn pages(base: Base<'_>, content: &mut Content, notes: &mut Notes, budget: &mut Budget) {
    let last = base.u32(base.input, 32);
    let said = u64::from(last).saturating_add(1).saturating_mul(base.page_size as u64);
    let len = base.input.len() as u64;
    if said > len {
        let what = format!("the header says {said} bytes of pages, the file has {len}");
        notes.odd(OddityKind::Truncated, "header", Some(base.page(0).head(HEADER).span()), what.as_str());
        notes.gap(None, what);
    }
    let behind = base.input.from(usize::try_from(said).unwrap_or(usize::MAX));
    if behind.as_slice().iter().any(|byte| *byte != 0) {
        let what = format!("{} bytes follow the last page of the header", behind.len());
        notes.odd(OddityKind::TrailingBytes, "behind the pages", Some(behind.span()), what);
    }
    let mut walk = page::Walk { base, content, notes, budget, records: 0, joined: BTreeSet::new() };
    for number in 0..base.count() {
        if !walk.page(number) {
            walk.notes.gap(Some(base.page(number).span()), "the budget ran out, or there are too many values");
            break;
        }
    }
    walk.lost_pieces();
    let value = walk.records.to_string();
    content.fields.push(Field { path: "records".to_owned(), value, span: None });
    roots::check(base, notes, budget);
}

#[cfg(test)]
mod tests;
