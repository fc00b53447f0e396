//! [`Lines`]: lines of a log, each held up to a bound, in whatever encoding the log is.

use memchr::memchr;
use std::borrow::Cow;
use std::io::{self, BufRead};

/// How much of a line is read for its fields. The rest is counted, not held.
pub(crate) const LONGEST_LINE: usize = 1 << 20;

/// A line as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the line, from 1.
    pub(crate) number: u64,
    /// Offset of its first byte.
    pub(crate) offset: u64,
    /// Length in bytes, without the line's end.
    pub(crate) length: u64,
    /// Whether the line's end was there.
    pub(crate) ended: bool,
}

impl Place {
    /// Whether more of the line is in the file than was read.
    pub(crate) const fn is_cut(&self) -> bool {
        self.length > LONGEST_LINE as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// Reads lines from `text`.
pub(crate) struct Lines<'a> {
    text: &'a mut dyn BufRead,
    held: Vec<u8>,
    encoding: Encoding,
    number: u64,
    offset: u64,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a mut dyn BufRead) -> Self {
        Self { text, held: Vec::new(), encoding: Encoding::Utf8, number: 0, offset: 0 }
    }

    /// Reads the next line; [`Self::held`] then has its bytes.
    pub(crate) fn advance(&mut self) -> io::Result<Option<Place>> {
        if self.number == 0 {
            self.byte_order_mark()?;
        }
        self.held.clear();
        let (length, ended) = self.fill()?;
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let place = Place { number: self.number, offset: self.offset, length, ended };
        let end = match (ended, self.encoding) {
            (false, _) => 0,
            (true, Encoding::Utf8) => 1,
            (true, _) => 2,
        };
        self.offset = self.offset.saturating_add(length).saturating_add(end);
        Ok(Some(place))
    }

    /// The bytes of the line, at most [`LONGEST_LINE`].
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// The line as text: decoded, without colour codes and carriage return.
    pub(crate) fn decoded(&self) -> Cow<'_, str> {
        match self.encoding {
            Encoding::Utf8 => clean(&self.held),
            Encoding::Utf16Le => Cow::Owned(utf16(&self.held, u16::from_le_bytes)),
            Encoding::Utf16Be => Cow::Owned(utf16(&self.held, u16::from_be_bytes)),
        }
    }

    fn byte_order_mark(&mut self) -> io::Result<()> {
        let head = self.text.fill_buf()?;
        let (encoding, mark) = match head {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
            [first, 0, second, 0, ..] if first.is_ascii() && second.is_ascii() => {
                (Encoding::Utf16Le, 0)
            }
            [0, first, 0, second, ..] if first.is_ascii() && second.is_ascii() => {
                (Encoding::Utf16Be, 0)
            }
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = encoding;
        self.text.consume(mark);
        self.offset = mark as u64;
        Ok(())
    }

    /// Reads up to and over the line's end. Returns the length without it and whether it was there.
    fn fill(&mut self) -> io::Result<(u64, bool)> {
        let mut length: u64 = 0;
        let mut previous = 0_u8;
        loop {
            let available = self.text.fill_buf()?;
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
            self.text.consume(used);
            if newline.is_some() && self.is_line_end(&mut length, previous)? {
                return Ok((length, true));
            }
        }
    }

    /// Whether the newline byte just read ends the line. In UTF-16 it may be half of another character.
    fn is_line_end(&mut self, length: &mut u64, previous: u8) -> io::Result<bool> {
        let even = length.is_multiple_of(2);
        match self.encoding {
            Encoding::Utf8 => return Ok(true),
            Encoding::Utf16Le
                if even && self.text.fill_buf()?.first().is_none_or(|&next| next == 0) =>
            {
                let half = self.text.fill_buf()?.len().min(1);
                self.text.consume(half);
                return Ok(true);
            }
            Encoding::Utf16Be if !even && previous == 0 => {
                *length = length.saturating_sub(1);
                self.held.truncate(usize::try_from(*length).unwrap_or(usize::MAX));
                return Ok(true);
            }
            Encoding::Utf16Le | Encoding::Utf16Be => {}
        }
        *length = length.saturating_add(1);
        if self.held.len() < LONGEST_LINE {
            self.held.push(b'\n');
        }
        Ok(false)
    }
}

/// Decodes UTF-8 with replacement characters; drops colour codes and the carriage return.
pub(crate) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    if memchr(0x1b, text.as_bytes()).is_some() { Cow::Owned(without_escapes(&text)) } else { text }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    let text: String =
        char::decode_utf16(units).map(|item| item.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    without_escapes(text.trim_end_matches('\r'))
}

/// Drops terminal escape sequences: ECMA-48 control sequences, and operating system commands up to BEL.
fn without_escapes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            kept.push(character);
            continue;
        }
        match characters.next() {
            Some('[') => {
                let _ = characters.find(|next| ('@'..='~').contains(next));
            }
            Some(']') => {
                let _ = characters.find(|next| matches!(next, '\u{7}' | '\u{1b}'));
            }
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(Place, String)> {
        let mut input = bytes;
        let mut lines = Lines::new(&mut input);
        let mut seen = Vec::new();
        while let Some(place) = lines.advance().expect("memory") {
            seen.push((place, lines.decoded().into_owned()));
        }
        seen
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        lines(bytes).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn line_ends_marks_and_colours() {
        assert_eq!(
            texts(b"\xef\xbb\xbfa\r\n\x1b[31;1mred\x1b[0m b\n\nlast"),
            ["a", "red b", "", "last"]
        );
        assert_eq!(texts(b""), Vec::<String>::new());
        assert_eq!(texts(b"\xff\xfea\0\r\0\n\0\x0a\x01\n\0b\0"), ["a", "\u{10a}", "b"]);
        assert_eq!(texts(b"\xfe\xff\0a\0\n\0b"), ["a", "b"]);
        assert_eq!(texts(b"bad \xff byte\n"), ["bad \u{fffd} byte"]);
    }

    #[test]
    fn offsets_and_lengths_count_what_is_not_held() {
        let mut long = vec![b'x'; LONGEST_LINE + 10];
        long.extend_from_slice(b"\nnext");
        let seen = lines(&long);
        let (place, text) = seen.first().expect("a line");
        assert_eq!(
            (place.length, place.is_cut(), text.len()),
            ((LONGEST_LINE + 10) as u64, true, LONGEST_LINE)
        );
        let (place, _) = seen.get(1).expect("a second line");
        assert_eq!(
            (place.offset, place.number, place.ended),
            ((LONGEST_LINE + 11) as u64, 2, false)
        );
    }
}
