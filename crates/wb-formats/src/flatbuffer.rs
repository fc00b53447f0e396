//! The wire format of FlatBuffers: a [`Table`] has numbered slots, each an offset to a value or nothing. The
//! reader needs no schema; what a slot means is the caller's to know.
//!
//! [`Walk`] carries what was odd and how much may still be done. Offsets only lead forward, so nothing is
//! cyclic, but many tables may share one: kept parts and the depth are bounded.
//!
//! Specification: "FlatBuffers internals" in the documentation of FlatBuffers.

use crate::notes::Notes;
use wb_core::{Budget, Bytes, OddityKind, Span};

/// How deep tables may nest.
const DEEPEST: u32 = 64;
/// Longest string that is kept, in bytes.
const KEPT: usize = 1 << 16;

/// An offset or length that leads out of the buffer, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    /// Offset in the artifact.
    at: u64,
}

type Read<T> = Result<Option<T>, Outside>;

/// A table: slots behind a list of their offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    buffer: Bytes<'a>,
    at: usize,
    slots: Bytes<'a>,
    /// Its own bytes, without what it points at.
    pub span: Span,
}

/// A list: where its first element stands, and how many there are.
#[derive(Clone, Copy, Debug)]
struct List<'a> {
    buffer: Bytes<'a>,
    at: usize,
    len: usize,
}

impl<'a> Table<'a> {
    /// The table that the buffer begins with.
    pub(crate) fn root(buffer: Bytes<'a>) -> Option<Self> {
        Self::behind(buffer, 0).ok()
    }

    /// The table that the offset at `at` leads to.
    fn behind(buffer: Bytes<'a>, at: usize) -> Result<Self, Outside> {
        let outside = Outside { at: buffer.offset().saturating_add(at as u64) };
        Self::follow(buffer, at).ok_or(outside)
    }

    fn follow(buffer: Bytes<'a>, at: usize) -> Option<Self> {
        let at = at.checked_add(usize::try_from(buffer.u32_le(at)?).ok()?)?;
        // The list of slots may stand before or behind the table.
        let back = i32::from_le_bytes(buffer.array(at)?);
        let slots = usize::try_from(i64::try_from(at).ok()?.checked_sub(i64::from(back))?).ok()?;
        let len = usize::from(buffer.u16_le(slots)?);
        let size = usize::from(buffer.u16_le(slots.checked_add(2)?)?);
        let slots = buffer.slice(slots, len).filter(|_| len >= 4 && size >= 4)?;
        let span = buffer.slice(at, size)?.span();
        Some(Self { buffer, at, slots, span })
    }

    /// Where the value of a slot stands; `None` when the slot is empty.
    fn slot(&self, slot: u16) -> Option<usize> {
        let entry = usize::from(slot).checked_mul(2)?.checked_add(4)?;
        let offset = usize::from(self.slots.u16_le(entry)?);
        (offset > 0).then(|| self.at.checked_add(offset)).flatten()
    }

    fn outside(&self, at: usize) -> Outside {
        Outside { at: self.buffer.offset().saturating_add(at as u64) }
    }

    /// A byte.
    pub(crate) fn u8(&self, slot: u16) -> Option<u8> {
        self.buffer.byte(self.slot(slot)?)
    }

    /// A number of four bytes.
    pub(crate) fn u32(&self, slot: u16) -> Option<u32> {
        self.buffer.u32_le(self.slot(slot)?)
    }

    /// A number of eight bytes.
    pub(crate) fn u64(&self, slot: u16) -> Option<u64> {
        self.buffer.u64_le(self.slot(slot)?)
    }

    /// A table.
    pub(crate) fn table(&self, slot: u16) -> Read<Table<'a>> {
        self.slot(slot).map(|at| Self::behind(self.buffer, at)).transpose()
    }

    fn list(&self, slot: u16, size: usize) -> Read<List<'a>> {
        let Some(at) = self.slot(slot) else { return Ok(None) };
        self.list_at(at, size).map(Some).ok_or_else(|| self.outside(at))
    }

    fn list_at(&self, at: usize, size: usize) -> Option<List<'a>> {
        let at = at.checked_add(usize::try_from(self.buffer.u32_le(at)?).ok()?)?;
        let len = usize::try_from(self.buffer.u32_le(at)?).ok()?;
        let at = at.checked_add(4)?;
        self.buffer.slice(at, len.checked_mul(size)?)?;
        Some(List { buffer: self.buffer, at, len })
    }

    /// The bytes of a list of bytes.
    pub(crate) fn bytes(&self, slot: u16) -> Read<Bytes<'a>> {
        let list = self.list(slot, 1)?;
        Ok(list.and_then(|list| list.buffer.slice(list.at, list.len)))
    }

    /// The bytes of a list of numbers of `size` bytes.
    pub(crate) fn elements(&self, slot: u16, size: usize) -> Read<Bytes<'a>> {
        let list = self.list(slot, size)?;
        Ok(list.and_then(|list| list.buffer.slice(list.at, list.len.checked_mul(size)?)))
    }

    /// Whether a slot from number `count` on holds something.
    pub(crate) fn has_beyond(&self, count: u16) -> bool {
        let from = usize::from(count).saturating_mul(2).saturating_add(4);
        self.slots.from(from).as_slice().iter().any(|byte| *byte != 0)
    }

    /// Whether no other slot than `slot` holds something.
    pub(crate) fn is_only(&self, slot: u16) -> bool {
        (0..slot).all(|before| self.slot(before).is_none())
            && !self.has_beyond(slot.saturating_add(1))
    }

    /// The numbers of a list of numbers of four bytes, at most `most`.
    pub(crate) fn i32s(&self, slot: u16, most: usize) -> Read<Vec<i32>> {
        let Some(list) = self.list(slot, 4)? else { return Ok(None) };
        let bytes = list.buffer.slice(list.at, list.len.min(most).saturating_mul(4));
        let chunks = bytes.map_or(&[][..], Bytes::as_slice).as_chunks::<4>().0;
        Ok(Some(chunks.iter().map(|chunk| i32::from_le_bytes(*chunk)).collect()))
    }

    /// The numbers of a list of numbers of eight bytes, at most `most`.
    pub(crate) fn u64s(&self, slot: u16, most: usize) -> Read<Vec<u64>> {
        let Some(list) = self.list(slot, 8)? else { return Ok(None) };
        let bytes = list.buffer.slice(list.at, list.len.min(most).saturating_mul(8));
        let chunks = bytes.map_or(&[][..], Bytes::as_slice).as_chunks::<8>().0;
        Ok(Some(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect()))
    }

    /// A string.
    pub(crate) fn text(&self, slot: u16) -> Read<String> {
        Ok(self.bytes(slot)?.map(text))
    }

    /// The tables of a list of tables, one by one.
    pub(crate) fn tables(
        &self,
        slot: u16,
    ) -> Result<impl ExactSizeIterator<Item = Result<Table<'a>, Outside>> + use<'a>, Outside> {
        let list = self.list(slot, 4)?;
        let (buffer, at, len) =
            list.map_or((self.buffer, 0, 0), |list| (list.buffer, list.at, list.len));
        Ok((0..len)
            .map(move |index| Self::behind(buffer, at.saturating_add(index.saturating_mul(4)))))
    }

    /// The strings of a list of strings, at most `most`.
    pub(crate) fn texts(&self, slot: u16, most: usize) -> Result<Vec<String>, Outside> {
        let Some(list) = self.list(slot, 4)? else { return Ok(Vec::new()) };
        (0..list.len.min(most))
            .map(|index| {
                let at = list.at.saturating_add(index.saturating_mul(4));
                let bytes =
                    self.list_at(at, 1).and_then(|list| list.buffer.slice(list.at, list.len));
                bytes.map(text).ok_or_else(|| self.outside(at))
            })
            .collect()
    }
}

fn text(bytes: Bytes<'_>) -> String {
    String::from_utf8_lossy(bytes.head(KEPT).as_slice()).into_owned()
}

/// Whether a buffer begins with an offset to a table and the four letters `identifier`.
pub(crate) fn is(input: Bytes<'_>, identifier: &[u8; 4]) -> bool {
    input.from(4).starts_with(identifier) && Table::root(input).is_some()
}

/// What reading a tree of tables carries along.
pub(crate) struct Walk<'b> {
    /// What was odd and what was not read.
    pub notes: Notes,
    /// The work that is left.
    pub budget: &'b mut Budget,
    /// One past the last byte of the tables that were visited.
    pub reached: u64,
    depth: u32,
    exhausted: bool,
}

impl<'b> Walk<'b> {
    /// At the root of a tree.
    pub(crate) fn new(budget: &'b mut Budget) -> Self {
        Self { notes: Notes::default(), budget, reached: 0, depth: 0, exhausted: false }
    }

    /// Spends one kept item; `false` when there are none left, which is noted once.
    pub(crate) fn keeps(&mut self, span: Span) -> bool {
        let spent = self.budget.steps(1).and_then(|()| self.budget.items(1));
        if let Err(limit) = spent {
            if !self.exhausted {
                self.exhausted = true;
                self.notes.gap(Some(span), format!("the budget of {} ran out", limit.name()));
            }
            return false;
        }
        true
    }

    /// The value, or nothing with a note that it lies outside the file.
    pub(crate) fn some<T>(&mut self, place: &str, read: Read<T>) -> Option<T> {
        self.sound(place, read).flatten()
    }

    /// The value, unless it lies outside the file.
    pub(crate) fn sound<T>(&mut self, place: &str, read: Result<T, Outside>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(Outside { at }) => {
                let span = Some(Span::new(at, 4));
                let what = "an offset or length leads out of the file";
                self.notes.odd(OddityKind::ImpossibleLength, place, span, what);
                self.notes.gap(span, format!("{place}: {what}"));
                None
            }
        }
    }

    /// Calls `visit` with each table of a list and its number, as long as the budget lasts.
    pub(crate) fn each<'a>(
        &mut self,
        table: &Table<'a>,
        slot: u16,
        place: &str,
        mut visit: impl FnMut(usize, Table<'a>, &mut Self),
    ) {
        let Some(tables) = self.sound(place, table.tables(slot)) else { return };
        for (index, inner) in tables.enumerate() {
            if !self.keeps(table.span) {
                return;
            }
            if let Some(inner) = self.sound(place, inner) {
                self.reached = self.reached.max(inner.span.end());
                visit(index, inner, self);
            }
        }
    }

    /// Runs `work` one level deeper, unless that is too deep.
    pub(crate) fn deeper(&mut self, place: &str, span: Span, work: impl FnOnce(&mut Self)) {
        if self.depth >= DEEPEST {
            let what = format!("{place}: nested deeper than {DEEPEST}");
            self.notes.gap(Some(span), what);
            return;
        }
        self.depth = self.depth.saturating_add(1);
        work(self);
        self.depth = self.depth.saturating_sub(1);
    }
}

#[cfg(test)]
pub(crate) mod recipes;
#[cfg(test)]
mod tests;
