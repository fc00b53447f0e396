//! [`WideLines`]: lines of a log in UTF-16, as consoles and exports of Windows write them.

use crate::lines::{LONGEST_LINE, Place, without_escapes};
use memchr::memchr;
use std::io::{self, BufRead};

/// The order of the two bytes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The order of a text in UTF-16 that begins with `head`, and the length of the mark at its beginning.
    pub(crate) const fn of(head: &[u8]) -> (Option<Self>, usize) {
        match head {
            [0xef, 0xbb, 0xbf, ..] => (None, 3),
            [0xff, 0xfe, ..] => (Some(Self::Little), 2),
            [0xfe, 0xff, ..] => (Some(Self::Big), 2),
            [first, 0, second, 0, ..] if first.is_ascii() && second.is_ascii() => {
                (Some(Self::Little), 0)
            }
            [0, first, 0, second, ..] if first.is_ascii() && second.is_ascii() => {
                (Some(Self::Big), 0)
            }
            _ => (None, 0),
        }
    }
}

/// Reads lines of UTF-16 from a text, each held up to a bound.
pub(crate) struct WideLines {
    held: Vec<u8>,
    order: ByteOrder,
    number: u64,
    offset: u64,
}

impl WideLines {
    /// Lines that begin at `offset`.
    pub(crate) const fn new(order: ByteOrder, offset: u64) -> Self {
        Self { held: Vec::new(), order, number: 0, offset }
    }

    /// Reads the next line; [`Self::held`] then has its bytes.
    pub(crate) fn advance(&mut self, text: &mut dyn BufRead) -> io::Result<Option<Place>> {
        self.held.clear();
        let (length, ended) = self.fill(text)?;
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let place = Place { number: self.number, offset: self.offset, length, ended };
        let end = if ended { 2 } else { 0 };
        self.offset = self.offset.saturating_add(length).saturating_add(end);
        Ok(Some(place))
    }

    /// The bytes of the line, at most [`LONGEST_LINE`].
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// The line as text.
    pub(crate) fn decoded(&self) -> String {
        let unit: fn([u8; 2]) -> u16 = match self.order {
            ByteOrder::Little => u16::from_le_bytes,
            ByteOrder::Big => u16::from_be_bytes,
        };
        utf16(&self.held, unit)
    }

    /// Reads up to and over the line's end. Returns the length without it and whether it was there.
    fn fill(&mut self, text: &mut dyn BufRead) -> io::Result<(u64, bool)> {
        let mut length: u64 = 0;
        let mut previous = 0_u8;
        loop {
            let available = text.fill_buf()?;
            if available.is_empty() {
                return Ok((length, false));
            }
            let newline = memchr(b'\n', available);
            let taken = available.get(..newline.unwrap_or(available.len())).unwrap_or_default();
            let room = LONGEST_LINE.saturating_sub(self.held.len());
            self.held.extend_from_slice(taken.get(..taken.len().min(room)).unwrap_or_default());
            length = length.saturating_add(taken.len() as u64);
            previous = taken.last().copied().unwrap_or(previous);
            let used = taken.len().saturating_add(usize::from(newline.is_some()));
            text.consume(used);
            if newline.is_some() && self.is_line_end(text, &mut length, previous)? {
                return Ok((length, true));
            }
        }
    }

    /// Whether the newline byte just read ends the line: it may be half of another character.
    fn is_line_end(
        &mut self,
        text: &mut dyn BufRead,
        length: &mut u64,
        previous: u8,
    ) -> io::Result<bool> {
        let even = length.is_multiple_of(2);
        match self.order {
            ByteOrder::Little if even && text.fill_buf()?.first().is_none_or(|&next| next == 0) => {
                let half = text.fill_buf()?.len().min(1);
                text.consume(half);
                return Ok(true);
            }
            ByteOrder::Big if !even && previous == 0 => {
                *length = length.saturating_sub(1);
                self.held.truncate(usize::try_from(*length).unwrap_or(usize::MAX));
                return Ok(true);
            }
            ByteOrder::Little | ByteOrder::Big => {}
        }
        *length = length.saturating_add(1);
        if self.held.len() < LONGEST_LINE {
            self.held.push(b'\n');
        }
        Ok(false)
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    let text: String =
        char::decode_utf16(units).map(|item| item.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    without_escapes(text.trim_end_matches('\r'))
}
