//! One page after the other: the items of leaves, put together where they lie on pages of their own.

use super::Base;
use crate::notes::Notes;
use crate::shelf::{self, Value};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, OddityKind, Span};

// Types of page.
pub(super) const FREE: u8 = 0;
pub(super) const HASH_UNSORTED: u8 = 2;
pub(super) const BTREE_INNER: u8 = 3;
pub(super) const NUMBERED_INNER: u8 = 4;
pub(super) const BTREE_LEAF: u8 = 5;
pub(super) const NUMBERED_LEAF: u8 = 6;
pub(super) const OVERFLOW: u8 = 7;
pub(super) const HASH_META: u8 = 8;
pub(super) const BTREE_META: u8 = 9;
pub(super) const DUPLICATES: u8 = 12;
pub(super) const HASH: u8 = 13;

// Types of item on hash pages.
const PLAIN: u8 = 1;
const SEVERAL: u8 = 2;
const ELSEWHERE: u8 = 3;
const SEVERAL_ELSEWHERE: u8 = 4;

/// The bit of an item's type in a tree that says it was deleted.
const DELETED: u8 = 0x80;

/// A file as it is gone through.
pub(super) struct Walk<'a, 'c> {
    pub(super) base: Base<'a>,
    pub(super) content: &'c mut Content,
    pub(super) notes: &'c mut Notes,
    pub(super) budget: &'c mut Budget,
    pub(super) records: u64,
    /// Pages that items were put together from.
    pub(super) joined: BTreeSet<u32>,
}

/// What an item says.
enum Item<'a> {
    /// The item itself.
    Here(Bytes<'a>),
    /// Several values, each between its length and its length again.
    Several(Bytes<'a>),
    /// It lies on pages of its own, from that one on, and is that long.
    Chain(u32, u32),
    /// Its values are on leaves of their own, which are read like all others.
    Tree,
    /// None that is known.
    Unknown,
}

impl<'a> Walk<'a, '_> {
    /// Reads a page. `false` when a limit was reached.
    pub(super) fn page(&mut self, number: u32) -> bool {
        let page = self.base.page(number);
        if self.budget.steps(page.len() as u64 >> 4).is_err() {
            return false;
        }
        let Some(kind) = self.base.page_type(number) else { return true };
        let place = format!("page {number}");
        if self.base.u32(page, 8) != number {
            let what = format!("the page calls itself {}", self.base.u32(page, 8));
            self.notes.odd(OddityKind::Disagreement, &place, Some(page.head(26).span()), what);
        }
        match kind {
            HASH | HASH_UNSORTED => self.leaf(page, &place, |walk, page, index| walk.hash_item(page, index), 2),
            BTREE_LEAF => self.leaf(page, &place, |walk, page, index| walk.tree_item(page, index), 2),
            NUMBERED_LEAF | DUPLICATES => self.leaf(page, &place, |walk, page, index| walk.tree_item(page, index), 1),
            FREE => {
                shelf::left_over(self.base.input, page.from(self.base.overhead).span(), self.content, self.budget);
                true
            }
            // What they lead to is read by itself.
            BTREE_INNER | NUMBERED_INNER | OVERFLOW | HASH_META | BTREE_META => true,
            _ => {
                self.wrong(&place, page.span(), "a page of an unknown type");
                true
            }
        }
    }

    /// Reads the items of a leaf; `of_one` is how many belong to one record.
    fn leaf(
        &mut self,
        page: Bytes<'a>,
        place: &str,
        item: impl Fn(&Self, Bytes<'a>, usize) -> Option<(Item<'a>, Span)>,
        of_one: usize,
    ) -> bool {
        let count = self.base.u16(page, 20);
        if !count.is_multiple_of(of_one) {
            self.wrong(place, page.head(26).span(), "a key has no value");
        }
        let mut lowest = page.len();
        for index in (0..count).step_by(of_one) {
            let value_at = index.saturating_add(of_one.saturating_sub(1));
            let Some((value, span)) = item(self, page, value_at) else {
                self.wrong(place, page.span(), &format!("item {value_at} is not on its page"));
                continue;
            };
            let (key, key_span) = if of_one == 2 {
                item(self, page, index).unwrap_or((Item::Unknown, span))
            } else {
                (Item::Unknown, span)
            };
            let start = span.start.min(key_span.start).saturating_sub(page.offset());
            lowest = lowest.min(usize::try_from(start).unwrap_or(usize::MAX));
            let name = match key {
                Item::Here(key) => key.as_slice().to_vec(),
                Item::Chain(first, len) => match self.chain(first, len) {
                    Ok(Value::Whole(key)) => key.as_slice().to_vec(),
                    Ok(Value::Joined(key)) => key,
                    Err(_) => format!("{place}, item {index}").into_bytes(),
                },
                _ => format!("{place}, item {index}").into_bytes(),
            };
            if !self.value(&name, value, span, place) {
                return false;
            }
        }
        let items = self.base.overhead.saturating_add(count.saturating_mul(2));
        // What was deleted may still stand between the offsets and the items.
        shelf::left_over(self.base.input, page.head(lowest).from(items).span(), self.content, self.budget);
        true
    }

    /// Keeps a value. `false` when a limit was reached.
    fn value(&mut self, key: &[u8], item: Item<'a>, span: Span, place: &str) -> bool {
        if !matches!(item, Item::Tree) {
            self.records = self.records.saturating_add(1);
        }
        let keep = |walk: &mut Self, value: Value<'_>| {
            // Any number of items may be the same bytes.
            walk.budget.steps(value.len() as u64).is_ok()
                && shelf::keep(Bytes::new(key), value, walk.content, walk.budget)
        };
        match item {
            Item::Here(value) => keep(self, Value::Whole(value)),
            Item::Several(mut rest) => {
                while !rest.is_empty() {
                    let len = self.base.u16(rest, 0);
                    let (Some(value), true) = (rest.slice(2, len), rest.len() >= 4) else {
                        self.wrong(place, span, "one of several values leaves its item");
                        break;
                    };
                    if !keep(self, Value::Whole(value)) {
                        return false;
                    }
                    rest = rest.from(len.saturating_add(4));
                }
                true
            }
            Item::Chain(first, len) => match self.chain(first, len) {
                Ok(value) => keep(self, value),
                Err(what) => {
                    self.wrong(place, span, what);
                    true
                }
            },
            Item::Tree => true,
            Item::Unknown => {
                self.wrong(place, span, "an item of an unknown type");
                true
            }
        }
    }

    /// An item of a hash page: it ends where the one before it begins.
    fn hash_item(&self, page: Bytes<'a>, index: usize) -> Option<(Item<'a>, Span)> {
        let at = |index: usize| self.offset(page, index);
        let start = at(index)?;
        let end = index.checked_sub(1).map_or(Some(self.base.page_size), at)?;
        let bytes = page.slice(start, end.checked_sub(start)?)?;
        let item = match bytes.byte(0)? {
            PLAIN => Item::Here(bytes.from(1)),
            SEVERAL => Item::Several(bytes.from(1)),
            ELSEWHERE => Item::Chain(self.base.u32(bytes, 4), self.base.order.u32(bytes, 8)?),
            SEVERAL_ELSEWHERE => Item::Tree,
            _ => Item::Unknown,
        };
        Some((item, bytes.span()))
    }

    /// An item of a leaf of a tree: its length, its type, its bytes.
    fn tree_item(&self, page: Bytes<'a>, index: usize) -> Option<(Item<'a>, Span)> {
        let bytes = page.from(self.offset(page, index)?);
        Some(match bytes.byte(2)? & !DELETED {
            1 => {
                let data = bytes.slice(3, self.base.u16(bytes, 0))?;
                (Item::Here(data), bytes.head(data.len().saturating_add(3)).span())
            }
            2 => (Item::Tree, bytes.slice(0, 12)?.span()),
            3 => {
                let bytes = bytes.slice(0, 12)?;
                (Item::Chain(self.base.u32(bytes, 4), self.base.u32(bytes, 8)), bytes.span())
            }
            _ => (Item::Unknown, bytes.head(12).span()),
        })
    }

    /// Where an item begins on its page: behind the offsets of all items.
    fn offset(&self, page: Bytes<'a>, index: usize) -> Option<usize> {
        let at = self.base.overhead.checked_add(index.checked_mul(2)?)?;
        let offset = usize::from(self.base.order.u16(page, at)?);
        (offset >= at.checked_add(2)?).then_some(offset)
    }

    /// Puts an item together from the pages of its own.
    ///
    /// # Errors
    /// What is wrong with them.
    fn chain(&mut self, first: u32, len: u32) -> Result<Value<'a>, &'static str> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.base.input.len());
        let len = len.ok_or("an item is said to be longer than the file")?;
        let mut next = first;
        let mut data = Vec::new();
        while data.len() < len {
            let part = self.piece(next).filter(|part| !part.is_empty());
            let part = part.ok_or("a page of a long item is not there, or is of another type")?;
            let part = part.head(len.saturating_sub(data.len()));
            self.joined.insert(next);
            if part.len() == len {
                return Ok(Value::Whole(part));
            }
            let count = part.len() as u64;
            self.budget.decoded_bytes(count).map_err(|_| "the budget of decoded bytes ran out")?;
            data.extend_from_slice(part.as_slice());
            next = self.base.u32(self.base.page(next), 16);
        }
        Ok(Value::Joined(data))
    }

    /// The bytes of a long item on one of its pages.
    fn piece(&self, number: u32) -> Option<Bytes<'a>> {
        let page = self.base.page(number);
        (page.byte(25)? == OVERFLOW).then_some(())?;
        page.slice(self.base.overhead, self.base.u16(page, 22))
    }

    /// Looks at pages of long items that no item has.
    pub(super) fn lost_pieces(&mut self) {
        for number in 0..self.base.count() {
            if self.budget.steps(1).is_err() {
                return self.notes.gap(None, "the budget of steps ran out");
            }
            if self.base.page(number).byte(25) == Some(OVERFLOW)
                && !self.joined.contains(&number)
            {
                let page = self.base.page(number).from(self.base.overhead);
                shelf::left_over(self.base.input, page.span(), self.content, self.budget);
            }
        }
    }

    fn wrong(&mut self, place: &str, span: Span, what: &str) {
        self.notes.odd(OddityKind::Malformed, place, Some(span), what);
        self.notes.gap(Some(span), what);
    }
}
