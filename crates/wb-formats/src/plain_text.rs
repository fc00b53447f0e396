//! Text in files without any mark of their own: [`text`] as a whole, [`lines`] with number and bytes, and
//! [`strings`] in bytes that are no text.

use wb_core::{Bytes, Content, Gap, Span, Strength, Text};

/// `input` as text when it is that: UTF-8 without NUL, at most `most` bytes. The first bytes decide for
/// nearly every other file.
pub(crate) fn text(input: Bytes<'_>, most: usize) -> Option<&str> {
    let head = input.head(256);
    let control = |byte: &u8| *byte < b' ' && !b"\t\r\n\x0c".contains(byte);
    if input.is_empty() || input.len() > most || head.as_slice().iter().any(control) {
        return None;
    }
    let bytes = input.as_slice();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Like [`text`]; what is none is a gap in `content`.
pub(crate) fn text_or_gap<'a>(
    input: Bytes<'a>,
    most: usize,
    content: &mut Content,
) -> Option<&'a str> {
    let text = text(input, most);
    if text.is_none() {
        content.gaps.push(Gap::over(input.span(), "not read as text"));
    }
    text
}

/// What a file of one of these `endings` is when its text fits: the claim of a format that goes by the name.
pub(crate) fn named(
    name: &str,
    endings: &[&str],
    input: Bytes<'_>,
    most: usize,
    fits: impl FnOnce(&str) -> bool,
) -> Option<Strength> {
    let name = name.to_ascii_lowercase();
    let called = endings.iter().any(|ending| name.ends_with(ending));
    called.then(|| text(input, most)).flatten().filter(|text| fits(text)).map(|_| Strength::Weak)
}

/// The bytes of `part`, a slice of `text`, which is the end of `input`.
pub(crate) fn span_of(input: Bytes<'_>, text: &str, part: &str) -> Span {
    let mark = (input.len() as u64).saturating_sub(text.len() as u64);
    let at = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let start = input.offset().saturating_add(mark).saturating_add(at as u64);
    Span::new(start, part.len() as u64)
}

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Its text.
    pub text: &'a str,
    /// Where it begins in the artifact.
    pub start: u64,
}

impl Line<'_> {
    /// The bytes of `part`, a slice of the line's text.
    pub(crate) fn span_of(&self, part: &str) -> Span {
        let at = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Span::new(self.start.saturating_add(at as u64), part.len() as u64)
    }

    /// The bytes of the whole line.
    pub(crate) fn span(&self) -> Span {
        self.span_of(self.text)
    }
}

/// The lines of `text`, which is the end of `input`: a byte order mark may stand before it.
pub(crate) fn lines<'a>(input: Bytes<'_>, text: &'a str) -> impl Iterator<Item = Line<'a>> {
    let mark = (input.len() as u64).saturating_sub(text.len() as u64);
    let mut start = input.offset().saturating_add(mark);
    text.split_inclusive('\n').zip(1_u64..).map(move |(line, number)| {
        let here = start;
        start = start.saturating_add(line.len() as u64);
        Line { number, text: line.trim_end_matches(['\n', '\r']), start: here }
    })
}

/// The readable runs in `bytes`, as texts at `place`; all of it in one piece when it is text.
pub(crate) fn strings(bytes: Bytes<'_>, place: &str) -> Vec<Text> {
    const LONGEST: usize = 64 << 10;
    const MOST: usize = 500;
    const SEARCHED: usize = 16 << 20;
    let text = |run: Bytes<'_>| {
        let value = String::from_utf8_lossy(run.head(LONGEST).as_slice()).trim().to_owned();
        (!value.is_empty()).then(|| Text { place: place.to_owned(), value, span: Some(run.span()) })
    };
    if let Some(whole) = self::text(bytes, LONGEST) {
        return if whole.trim().is_empty() {
            Vec::new()
        } else {
            text(bytes).into_iter().collect()
        };
    }
    let bytes = bytes.head(SEARCHED);
    let mut texts = Vec::new();
    let mut at = 0_usize;
    let printable = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    for run in bytes.as_slice().split(|byte| !printable(byte)) {
        if is_written(run, bytes.len()) && texts.len() < MOST {
            texts.extend(bytes.slice(at, run.len()).and_then(text));
        }
        at = at.saturating_add(run.len()).saturating_add(1);
    }
    texts
}

/// Whether a run of printable bytes was written rather than found: among `among` random bytes, runs of six
/// are common and runs of fourteen are not. Shorter ones have to look like words, names or paths.
fn is_written(run: &[u8], among: usize) -> bool {
    let (shortest, long) = if among < 1024 { (6, 6) } else { (8, 14) };
    if run.len() < shortest || run.len() >= long {
        return run.len() >= long;
    }
    let plain = |byte: &&u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b" _-./:=".contains(byte)
    };
    run.iter().filter(plain).count().saturating_mul(10) >= run.len().saturating_mul(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_bytes() {
        let input = Bytes::at(b"\xef\xbb\xbfone\r\ntwo words", 10);
        let text = text(input, 100).expect("text");
        let lines: Vec<Line<'_>> = lines(input, text).collect();
        assert_eq!(lines[0].span(), Span::new(13, 3));
        assert_eq!(lines[1].span_of(&lines[1].text[4..]), Span::new(22, 5));
        assert_eq!(lines[1].number, 2);
    }

    #[test]
    fn strings_are_found_between_other_bytes() {
        let found = strings(Bytes::new(b"\x00\x01part two\xff\xfeab\x00another one\x00"), "tail");
        let values: Vec<&str> = found.iter().map(|text| text.value.as_str()).collect();
        assert_eq!(values, ["part two", "another one"]);
        assert_eq!(found[0].span, Some(Span::new(2, 8)));
        assert!(strings(Bytes::new(b"\n\n"), "tail").is_empty());
    }
}
