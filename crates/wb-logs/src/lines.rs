//! [`Lines`]: lines of a log, each held up to a bound, in whatever encoding the log is.

use crate::wide::{ByteOrder, WideLines};
use memchr::memchr;
use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

/// How much of a line is read for its fields. The rest is counted, not held.
pub(crate) const LONGEST_LINE: usize = 1 << 20;

/// Text read at once: at first, and once there is more.
const FIRST_BLOCK: usize = 64 << 10;
const BLOCK: usize = 512 << 10;

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

/// Reads lines from `text`. Lines lie in a block of text and are not copied.
pub(crate) struct Lines<'a> {
    text: &'a mut dyn BufRead,
    block: Vec<u8>,
    /// What of the block was read from the text and not yet handed out.
    unread: Range<usize>,
    line: Range<usize>,
    wide: Option<WideLines>,
    begun: bool,
    number: u64,
    offset: u64,
}

impl<'a> Lines<'a> {
    /// The lines of `text`, which begins at `offset` of its log, after `number` lines.
    pub(crate) fn new(text: &'a mut dyn BufRead, number: u64, offset: u64) -> Self {
        Self {
            text,
            block: Vec::new(),
            unread: 0..0,
            line: 0..0,
            wide: None,
            begun: offset > 0,
            number,
            offset,
        }
    }

    /// Reads the next line; [`Self::held`] then has its bytes.
    pub(crate) fn advance(&mut self) -> io::Result<Option<Place>> {
        if !self.begun {
            self.begun = true;
            self.byte_order_mark()?;
        }
        if let Some(wide) = &mut self.wide {
            return wide.advance(self.text);
        }
        let Some((length, ended)) = self.next_line()? else { return Ok(None) };
        self.number = self.number.saturating_add(1);
        let place = Place { number: self.number, offset: self.offset, length, ended };
        self.offset = self.offset.saturating_add(length).saturating_add(u64::from(ended));
        Ok(Some(place))
    }

    /// Where the next line begins.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes of the line, at most [`LONGEST_LINE`].
    pub(crate) fn held(&self) -> &[u8] {
        match &self.wide {
            Some(wide) => wide.held(),
            None => self.block.get(self.line.clone()).unwrap_or_default(),
        }
    }

    /// The line as text: decoded, without colour codes and carriage return.
    pub(crate) fn decoded(&self) -> Cow<'_, str> {
        match &self.wide {
            Some(wide) => Cow::Owned(wide.decoded()),
            None => clean(self.held()),
        }
    }

    fn byte_order_mark(&mut self) -> io::Result<()> {
        let head = self.text.fill_buf()?;
        let (order, mark) = ByteOrder::of(head);
        self.text.consume(mark);
        self.offset = mark as u64;
        self.wide = order.map(|order| WideLines::new(order, mark as u64));
        Ok(())
    }

    /// Finds the next line. Returns its length without its end, and whether the end was there.
    fn next_line(&mut self) -> io::Result<Option<(u64, bool)>> {
        // Where no line's end was found before.
        let mut searched = 0_usize;
        loop {
            let unread = self.block.get(self.unread.clone()).unwrap_or_default();
            let start = self.unread.start;
            if let Some(found) = memchr(b'\n', unread.get(searched..).unwrap_or_default()) {
                let length = searched.saturating_add(found);
                let end = start.saturating_add(length);
                self.line = start..start.saturating_add(length.min(LONGEST_LINE));
                self.unread.start = end.saturating_add(1);
                return Ok(Some((length as u64, true)));
            }
            searched = unread.len();
            if searched > LONGEST_LINE {
                return self.overlong().map(Some);
            }
            if self.more()? == 0 {
                let left = self.unread.len();
                self.line = self.unread.clone();
                self.unread.start = self.unread.end;
                return Ok((left > 0).then_some((left as u64, false)));
            }
        }
    }

    /// Reads more text behind what is unread. Returns how many bytes there were.
    fn more(&mut self) -> io::Result<usize> {
        if self.unread.end == self.block.len() {
            self.block.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            if self.block.is_empty() {
                // Most texts are short, and their length is known before they are read.
                let known = self.text.fill_buf()?.len().saturating_add(1);
                self.block.resize(known.min(FIRST_BLOCK), 0);
            } else if self.block.len().saturating_sub(self.unread.end) < BLOCK.div_euclid(2) {
                self.block.resize(self.unread.end.saturating_add(BLOCK), 0);
            }
        }
        let room = self.block.get_mut(self.unread.end..).unwrap_or_default();
        let read = read_some(self.text, room)?;
        self.unread.end = self.unread.end.saturating_add(read);
        Ok(read)
    }

    /// Keeps the beginning of a line longer than [`LONGEST_LINE`] and passes over the rest.
    fn overlong(&mut self) -> io::Result<(u64, bool)> {
        self.block.copy_within(self.unread.clone(), 0);
        let mut length = self.unread.len() as u64;
        self.line = 0..LONGEST_LINE;
        self.block.resize(self.block.len().max(LONGEST_LINE.saturating_add(BLOCK)), 0);
        loop {
            let room = self.block.get_mut(LONGEST_LINE..).unwrap_or_default();
            let read = read_some(self.text, room)?;
            let rest = room.get(..read).unwrap_or_default();
            let end = LONGEST_LINE.saturating_add(read);
            if let Some(found) = memchr(b'\n', rest) {
                self.unread = LONGEST_LINE.saturating_add(found).saturating_add(1)..end;
                return Ok((length.saturating_add(found as u64), true));
            }
            if read == 0 {
                self.unread = end..end;
                return Ok((length, false));
            }
            length = length.saturating_add(read as u64);
        }
    }
}

/// Reads what there is, again when a signal came in between.
fn read_some(text: &mut dyn BufRead, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match text.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Decodes UTF-8 with replacement characters; drops colour codes and the carriage return.
pub(crate) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    };
    if memchr(0x1b, text.as_bytes()).is_some() { Cow::Owned(without_escapes(&text)) } else { text }
}

/// Drops terminal escape sequences: ECMA-48 control sequences, and operating system commands up to BEL.
pub(crate) fn without_escapes(text: &str) -> String {
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
        let mut lines = Lines::new(&mut input, 0, 0);
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
