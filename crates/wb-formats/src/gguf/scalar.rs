//! [`Numbers`]: the integers and strings of a GGUF file, in its byte order and of its widths.

use super::types::ValueType;
use wb_core::{Bytes, Cursor, OddityKind, Span};

/// Why reading stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) kind: OddityKind,
    pub(super) place: String,
    pub(super) what: &'static str,
}

impl Stop {
    fn truncated(place: &'static str) -> Self {
        let what = "the file ends here";
        Self { kind: OddityKind::Truncated, place: place.to_owned(), what }
    }

    fn impossible(place: &'static str) -> Self {
        let what = "longer than what is left of the file";
        Self { kind: OddityKind::ImpossibleLength, place: place.to_owned(), what }
    }

    /// The budget ran out, which is no fault of the file's structure but of its size.
    pub(super) fn budget() -> Self {
        let what = "more entries than the budget allows";
        Self { kind: OddityKind::ImpossibleLength, place: "header".to_owned(), what }
    }
}

/// A cursor that knows the file's version and byte order.
pub(super) struct Numbers<'a> {
    cursor: Cursor<'a>,
    big_endian: bool,
    /// From 1 to 3.
    pub(super) version: u32,
}

impl<'a> Numbers<'a> {
    /// Reads magic and version; the byte order is the one in which the version is small.
    pub(super) fn detect(input: Bytes<'a>) -> Option<Self> {
        let mut cursor = input.cursor();
        cursor.take(4)?;
        let raw: [u8; 4] = cursor.array()?;
        let (little, big) = (u32::from_le_bytes(raw), u32::from_be_bytes(raw));
        let (version, big_endian) =
            if (1..=3).contains(&little) { (little, false) } else { (big, true) };
        (1..=3).contains(&version).then_some(Self { cursor, big_endian, version })
    }

    pub(super) const fn order_name(&self) -> &'static str {
        if self.big_endian { "big endian" } else { "little endian" }
    }

    pub(super) const fn position(&self) -> usize {
        self.cursor.position()
    }

    pub(super) const fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    pub(super) const fn span_from(&self, start: u64) -> Span {
        Span::new(start, self.cursor.offset().saturating_sub(start))
    }

    pub(super) fn u32(&mut self, place: &'static str) -> Result<u32, Stop> {
        self.raw().map(u32::from_le_bytes).ok_or_else(|| Stop::truncated(place))
    }

    pub(super) fn u64(&mut self, place: &'static str) -> Result<u64, Stop> {
        self.raw().map(u64::from_le_bytes).ok_or_else(|| Stop::truncated(place))
    }

    /// A count or length; 32 bits wide in version 1. Every counted thing takes at least one byte.
    pub(super) fn count(&mut self, place: &'static str) -> Result<u64, Stop> {
        let (count, left) = self.wide(place)?;
        if count > left { Err(Stop::impossible(place)) } else { Ok(count) }
    }

    /// A number as wide as a count, and how many bytes are left behind it.
    pub(super) fn wide(&mut self, place: &'static str) -> Result<(u64, u64), Stop> {
        let number =
            if self.version == 1 { self.u32(place).map(u64::from) } else { self.u64(place) }?;
        Ok((number, self.cursor.remaining() as u64))
    }

    /// A string's bytes, and their span.
    pub(super) fn string(&mut self, place: &'static str) -> Result<(Bytes<'a>, Span), Stop> {
        let len = self.count(place)?;
        let text = self.cursor.take_u64(len).ok_or_else(|| Stop::impossible(place))?;
        Ok((text, text.span()))
    }

    pub(super) fn skip(&mut self, count: u64, size: u64) -> Result<(), Stop> {
        let place = "array";
        let len = count.checked_mul(size).ok_or_else(|| Stop::impossible(place))?;
        self.cursor.take_u64(len).map(drop).ok_or_else(|| Stop::impossible(place))
    }

    /// A number or truth value, as text.
    pub(super) fn scalar(&mut self, kind: ValueType) -> Result<String, Stop> {
        let text = match kind {
            ValueType::U8 => self.raw().map(|raw| u8::from_le_bytes(raw).to_string()),
            ValueType::I8 => self.raw().map(|raw| i8::from_le_bytes(raw).to_string()),
            ValueType::U16 => self.raw().map(|raw| u16::from_le_bytes(raw).to_string()),
            ValueType::I16 => self.raw().map(|raw| i16::from_le_bytes(raw).to_string()),
            ValueType::U32 => self.raw().map(|raw| u32::from_le_bytes(raw).to_string()),
            ValueType::I32 => self.raw().map(|raw| i32::from_le_bytes(raw).to_string()),
            ValueType::F32 => self.raw().map(|raw| f32::from_le_bytes(raw).to_string()),
            ValueType::U64 => self.raw().map(|raw| u64::from_le_bytes(raw).to_string()),
            ValueType::I64 => self.raw().map(|raw| i64::from_le_bytes(raw).to_string()),
            ValueType::F64 => self.raw().map(|raw| f64::from_le_bytes(raw).to_string()),
            ValueType::Bool => self.raw().map(|[byte]| (byte != 0).to_string()),
            ValueType::Text | ValueType::Array => None,
        };
        text.ok_or_else(|| Stop::truncated("metadata value"))
    }

    /// The next bytes as little-endian ones.
    fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut raw: [u8; N] = self.cursor.array()?;
        if self.big_endian {
            raw.reverse();
        }
        Some(raw)
    }
}
