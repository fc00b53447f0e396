//! A row: its payload, put together from its pages, and the values in it.

use super::Pages;
use std::borrow::Cow;
use wb_core::{Budget, Bytes, Span};

/// Columns of a table; SQLite's own limit is 32,767.
const COLUMNS: usize = 1 << 15;

/// A row of a table, or an entry of an index.
pub(super) struct Cell<'a> {
    /// The number of the row; 0 in an index.
    pub(super) row: i64,
    pub(super) values: Vec<Value<'a>>,
    /// Its bytes in the page where it begins.
    pub(super) span: Span,
}

/// A value of a column.
pub(super) enum Value<'a> {
    /// Nothing, or a number with a fraction.
    Other,
    Integer(i64),
    Text(Cow<'a, [u8]>),
    Blob(Cow<'a, [u8]>),
}

impl<'a> Cell<'a> {
    /// The cell at the beginning of `bytes`; only those of tables have a row.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(
        pages: Pages<'a>,
        bytes: Bytes<'a>,
        table: bool,
        budget: &mut Budget,
    ) -> Result<Self, &'static str> {
        let cut = "a row ends before its time";
        let (len, used) = varint(bytes).ok_or(cut)?;
        let mut rest = bytes.from(used);
        let mut row = 0;
        if table {
            let (number, used) = varint(rest).ok_or(cut)?;
            (row, rest) = (number.cast_signed(), rest.from(used));
        }
        let len = usize::try_from(len).ok().filter(|len| *len <= pages.input.len());
        let len = len.ok_or("a row is said to be longer than the file")?;
        // Any number of cells may be the same bytes.
        budget.steps(len as u64).map_err(|_| "the budget of steps ran out")?;
        let payload = payload(pages, rest, len, table, budget)?;
        let values = match payload {
            Cow::Borrowed(data) => values(data, Cow::Borrowed),
            Cow::Owned(data) => values(&data, |part| Cow::Owned(part.to_vec())),
        };
        Ok(Self { row, values: values.ok_or("the header of a row does not fit it")?, span: bytes.head(used).span() })
    }
}

/// The payload of a cell, with what lies on the pages behind its own.
fn payload<'a>(
    pages: Pages<'a>,
    rest: Bytes<'a>,
    len: usize,
    table: bool,
    budget: &mut Budget,
) -> Result<Cow<'a, [u8]>, &'static str> {
    let local = local(pages.usable, len, table).ok_or("a page is too small")?;
    let head = rest.slice(0, local).ok_or("a row leaves its page")?;
    if local == len {
        return Ok(Cow::Borrowed(head.as_slice()));
    }
    budget.decoded_bytes(len as u64).map_err(|_| "the budget of decoded bytes ran out")?;
    let mut data = head.as_slice().to_vec();
    let mut next = rest.u32_be(local).ok_or("a row leaves its page")?;
    while data.len() < len {
        let page = pages.page(u64::from(next)).ok_or("a page of a long row is not there")?;
        next = page.u32_be(0).ok_or("a page of a long row is not there")?;
        let part = page.from(4).head(len.saturating_sub(data.len()));
        if part.is_empty() {
            return Err("a page of a long row is empty");
        }
        data.extend_from_slice(part.as_slice());
    }
    Ok(Cow::Owned(data))
}

/// How much of a payload lies on the page of its cell ("Cell Payload Overflow Pages").
fn local(usable: usize, len: usize, table: bool) -> Option<usize> {
    let share = |parts: usize| usable.checked_sub(12)?.checked_mul(parts)?.checked_div(255)?.checked_sub(23);
    let most = if table { usable.checked_sub(35)? } else { share(64)? };
    if len <= most {
        return Some(len);
    }
    let least = share(32)?;
    let spread = len.checked_sub(least)?.checked_rem(usable.checked_sub(4)?)?.checked_add(least)?;
    Some(if spread <= most { spread } else { least })
}

/// The values of a record: a header of their types, then one behind the other.
fn values<'a, 'd>(data: &'d [u8], own: impl Fn(&'d [u8]) -> Cow<'a, [u8]>) -> Option<Vec<Value<'a>>> {
    let data = Bytes::new(data);
    let (header_len, mut at) = varint(data)?;
    let header_len = usize::try_from(header_len).ok()?;
    let header = data.slice(0, header_len)?;
    let mut body = data.from(header_len);
    let mut values = Vec::new();
    while at < header_len && values.len() < COLUMNS {
        let (kind, used) = varint(header.from(at))?;
        at = at.checked_add(used)?;
        let len = usize::try_from(match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            kind => kind.checked_sub(12)?.checked_div(2)?,
        })
        .ok()?;
        let part = body.slice(0, len)?.as_slice();
        body = body.from(len);
        values.push(match kind {
            1..=6 => Value::Integer(integer(part)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            0 | 7 => Value::Other,
            kind if kind.is_multiple_of(2) => Value::Blob(own(part)),
            _ => Value::Text(own(part)),
        });
    }
    Some(values)
}

/// A big-endian number in two's complement.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { u64::MAX } else { 0 };
    bytes.iter().fold(start, |number, byte| number.wrapping_shl(8) | u64::from(*byte)).cast_signed()
}

/// The number at the beginning of `bytes`, and how many bytes it takes: seven bits each, eight in the ninth.
fn varint(bytes: Bytes<'_>) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for index in 0..8 {
        let byte = bytes.byte(index)?;
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, index.checked_add(1)?));
        }
    }
    Some((number.wrapping_shl(8) | u64::from(bytes.byte(8)?), 9))
}
