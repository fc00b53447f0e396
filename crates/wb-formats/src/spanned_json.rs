//! JSON that forgets nothing: [`Reader`] yields [`Json`] values with the bytes they stand in, keeps the
//! order of keys and every duplicate, and never nests deeper than [`MAX_DEPTH`].
//!
//! A loader that sees the last of two equal keys and a scanner that sees the first do not read the same
//! file; here both values are kept, and the duplicate is reported.

use crate::notes::note;
use wb_core::{Budget, Bytes, Content, Cursor, Gap, Oddity, OddityKind, Span};

/// Values nested deeper than this are skipped and reported as a gap. Python's own decoder stops near
/// 1,000; real model configurations stay below 40.
pub(crate) const MAX_DEPTH: u32 = 100;

/// A value and the bytes it stands in, quotes and brackets included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Json {
    /// What it is.
    pub(crate) node: Node,
    /// Its bytes, in the offsets of the [`Bytes`] that were read.
    pub(crate) span: Span,
    /// The tag that it bears in YAML, in full, unless that is one of the plain types; JSON has none.
    pub(crate) tag: Option<Box<str>>,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// `null`, `true`, `false`, a number, or Python's `NaN` and `Infinity`, as written.
    Plain(String),
    /// A string, escapes resolved.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: every entry in file order, duplicates included.
    Object(Vec<(String, Json)>),
    /// Something nested too deeply to be read.
    TooDeep,
}

impl Json {
    /// The last value of `key`, as loaders see it.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The last value of `key` when it is a string.
    pub(crate) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of an array; none for anything else.
    pub(crate) fn items(&self) -> &[Json] {
        match &self.node {
            Node::Array(items) => items,
            _ => &[],
        }
    }

    /// The entries of an object; none for anything else.
    pub(crate) fn entries(&self) -> &[(String, Json)] {
        match &self.node {
            Node::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The number, when it is a whole one that is not negative.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match &self.node {
            Node::Plain(plain) => plain.parse().ok(),
            _ => None,
        }
    }

    /// The value as text: strings as they are, everything else as JSON.
    pub(crate) fn display(&self) -> String {
        match &self.node {
            Node::Text(text) => text.clone(),
            _ => {
                let mut out = String::new();
                self.write(&mut out);
                out
            }
        }
    }

    fn write(&self, out: &mut String) {
        match &self.node {
            Node::Plain(plain) => out.push_str(plain),
            Node::Text(text) => write_quoted(text, out),
            Node::TooDeep => out.push_str("..."),
            Node::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.write(out);
                }
                out.push(']');
            }
            Node::Object(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    write_quoted(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    let digit = (u32::from(control) >> shift) & 15;
                    out.push(char::from_digit(digit, 16).unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Why reading stopped: what stands at `offset` instead of what JSON needs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    /// Where, in the offsets of the input.
    pub(crate) offset: u64,
    /// What was expected, in one clause.
    pub(crate) expected: &'static str,
    /// Whether it is not the text that is wrong: the budget ran out.
    pub(crate) exhausted: bool,
}

impl NotJson {
    /// The oddity that says so; none when the budget ran out.
    pub(crate) fn oddity(&self, place: &str) -> Option<Oddity> {
        (!self.exhausted).then(|| Oddity {
            kind: OddityKind::Malformed,
            place: place.to_owned(),
            span: Some(Span::new(self.offset, 1)),
            what: format!("not JSON: expected {}", self.expected),
        })
    }

    /// The gap over the rest of `text`.
    pub(crate) fn gap(&self, text: Span, name: &str) -> Gap {
        let rest = Span::new(self.offset, text.end().saturating_sub(self.offset));
        let why = if self.exhausted { "the budget ran out in" } else { "not JSON: rest of" };
        Gap::over(rest, format!("{why} {name}"))
    }
}

/// The one value that `text` is, whose bytes are called `name`. What is odd in it, and why it is no value, goes to
/// `content`.
pub(crate) fn document(
    text: Bytes<'_>,
    name: &str,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Json> {
    only_value(Reader::new(text), (text.span(), name, name), content, budget)
}

/// The one value that the file `text` is, as `reader` reads it.
pub(crate) fn file(
    text: Bytes<'_>,
    reader: Reader<'_>,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Json> {
    only_value(reader, (text.span(), "", "the file"), content, budget)
}

/// `text` is its bytes, where what is odd stands, and what a gap calls it.
fn only_value(
    mut reader: Reader<'_>,
    text: (Span, &str, &str),
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Json> {
    let (span, place, name) = text;
    let value = reader.value(budget);
    content.oddities.append(&mut reader.oddities);
    content.gaps.append(&mut reader.gaps);
    if let Err(error) = &value {
        content.oddities.extend(error.oddity(place));
        content.gaps.push(error.gap(span, name));
    }
    value.ok()
}

/// Reads JSON from hostile bytes, value by value.
pub(crate) struct Reader<'a> {
    cursor: Cursor<'a>,
    depth: u32,
    path: Vec<Step>,
    dictionaries: bool,
    /// Duplicate keys met so far.
    pub(crate) oddities: Vec<Oddity>,
    /// What was skipped.
    pub(crate) gaps: Vec<Gap>,
}

enum Step {
    Key(String),
    Index(usize),
}

type Read<T> = Result<T, NotJson>;

impl<'a> Reader<'a> {
    /// A reader at the first byte of `input`.
    pub(crate) fn new(input: Bytes<'a>) -> Self {
        let mut cursor = input.cursor();
        if input.starts_with(b"\xef\xbb\xbf") {
            cursor.seek(3);
        }
        Self {
            cursor,
            depth: 0,
            path: Vec::new(),
            dictionaries: false,
            oddities: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Lets words stand twice in dictionaries without a note: for documents of any kind.
    pub(crate) fn with_dictionaries(self) -> Self {
        Self { dictionaries: true, ..self }
    }

    /// What follows the values that were read, white space skipped.
    pub(crate) fn rest(&mut self) -> Bytes<'a> {
        self.skip_space();
        self.cursor.rest()
    }

    /// Whether an object begins here; if so its `{` is read.
    pub(crate) fn enter_object(&mut self) -> bool {
        self.skip_space();
        self.eat(b'{')
    }

    /// The next key of the object that was entered, or `None` after its `}`. The value has to be read
    /// before the next call.
    pub(crate) fn next_key(&mut self, first: bool) -> Read<Option<(String, Span)>> {
        self.skip_space();
        if self.eat(b'}') {
            return Ok(None);
        }
        if !first {
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
            self.skip_space();
        }
        let start = self.cursor.offset();
        let key = self.string()?;
        let span = self.span_from(start);
        self.skip_space();
        if !self.eat(b':') {
            return Err(self.expected("`:`"));
        }
        Ok(Some((key, span)))
    }

    /// The next value.
    pub(crate) fn value(&mut self, budget: &mut Budget) -> Read<Json> {
        self.skip_space();
        if budget.items(1).is_err() || budget.steps(1).is_err() {
            return Err(NotJson { exhausted: true, ..self.expected("fewer values") });
        }
        let start = self.cursor.offset();
        let node = match self.peek() {
            Some(b'{' | b'[') if self.depth >= MAX_DEPTH => self.skip_nested()?,
            Some(b'{') => self.object(budget)?,
            Some(b'[') => self.array(budget)?,
            Some(b'"') => Node::Text(self.string()?),
            _ => Node::Plain(self.plain()?),
        };
        Ok(Json { node, span: self.span_from(start), tag: None })
    }

    fn object(&mut self, budget: &mut Budget) -> Read<Node> {
        self.enter_object();
        self.depth = self.depth.saturating_add(1);
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let told = self.oddities.len();
        while let Some((key, span)) = self.next_key(entries.is_empty())? {
            if !seen.insert(key.clone()) {
                self.note_duplicate(&key, span);
            }
            self.path.push(Step::Key(key.clone()));
            let value = self.value(budget)?;
            self.path.pop();
            entries.push((key, value));
        }
        self.depth = self.depth.saturating_sub(1);
        if self.dictionaries && is_dictionary(&entries) {
            self.oddities.truncate(told);
        }
        Ok(Node::Object(entries))
    }

    /// Records that `key` stands twice in the object at the current path.
    pub(crate) fn note_duplicate(&mut self, key: &str, span: Span) {
        let oddity = Oddity {
            kind: OddityKind::DuplicateKey,
            what: format!("the key `{key}` appears more than once in one object"),
            place: join(&self.path),
            span: Some(span),
        };
        note(&mut self.oddities, oddity);
    }

    fn array(&mut self, budget: &mut Budget) -> Read<Node> {
        self.eat(b'[');
        self.depth = self.depth.saturating_add(1);
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.eat(b']') {
                break;
            }
            if !items.is_empty() && !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
            self.path.push(Step::Index(items.len()));
            items.push(self.value(budget)?);
            self.path.pop();
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(Node::Array(items))
    }

    /// Skips one bracketed value without recursion, so that nesting costs no stack.
    fn skip_nested(&mut self) -> Read<Node> {
        let start = self.cursor.offset();
        let mut open = 0_u64;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => open = open.saturating_add(1),
                Some(b'}' | b']') => open = open.saturating_sub(1),
                Some(_) => {}
                None => return Err(self.expected("a closing bracket")),
            }
            self.cursor.u8();
            if open == 0 {
                break;
            }
        }
        let span = self.span_from(start);
        self.gaps.push(Gap::over(span, format!("JSON nested deeper than {MAX_DEPTH} levels")));
        Ok(Node::TooDeep)
    }

    fn plain(&mut self) -> Read<String> {
        let rest = self.cursor.rest();
        let len = rest
            .as_slice()
            .iter()
            .take(400)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
            .count();
        let text = rest.head(len).as_slice();
        let known =
            matches!(text, b"null" | b"true" | b"false" | b"NaN" | b"Infinity" | b"-Infinity");
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        if !known && !digits.first().is_some_and(u8::is_ascii_digit) {
            return Err(self.expected("a value"));
        }
        self.cursor.take(len);
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn string(&mut self) -> Read<String> {
        if !self.eat(b'"') {
            return Err(self.expected("a string"));
        }
        let mut out: Vec<u8> = Vec::new();
        loop {
            let rest = self.cursor.rest();
            let Some(len) = memchr::memchr2(b'"', b'\\', rest.as_slice()) else {
                return Err(self.expected("the end of the string"));
            };
            out.extend_from_slice(rest.head(len).as_slice());
            self.cursor.take(len);
            if self.eat(b'"') {
                break;
            }
            self.cursor.u8();
            self.escape(&mut out)?;
        }
        Ok(match String::from_utf8(out) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Read<()> {
        let character = match self.cursor.u8() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => self.unicode_escape()?,
            Some(other) if b"\"\\/".contains(&other) => char::from(other),
            _ => return Err(self.expected("a known escape")),
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if !self.cursor.rest().starts_with(b"\\u") {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.cursor.take(2);
        let low = self.hex4()?;
        let pair = (high & 0x3ff).checked_shl(10).unwrap_or(0) | (low & 0x3ff);
        Ok(char::from_u32(pair.saturating_add(0x1_0000)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Read<u32> {
        let digits = self.cursor.take(4).map(Bytes::as_slice).unwrap_or(&[]);
        std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 4)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.expected("four hexadecimal digits"))
    }

    fn skip_space(&mut self) {
        let rest = self.cursor.rest();
        let space = rest.as_slice().iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.cursor.take(space);
    }

    fn peek(&self) -> Option<u8> {
        self.cursor.rest().byte(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.cursor.u8();
        }
        found
    }

    fn span_from(&self, start: u64) -> Span {
        Span::new(start, self.cursor.offset().saturating_sub(start))
    }

    fn expected(&self, expected: &'static str) -> NotJson {
        NotJson { offset: self.cursor.offset(), expected, exhausted: false }
    }
}

fn join(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) => join_key(&mut out, key),
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// Paths are not written on beyond this length, in bytes: every value below has to carry its own.
const LONGEST_PATH: usize = 400;

/// Appends `key` to a path as [`wb_core::Field::path`] writes it. Long paths end in `...`.
pub(crate) fn join_key(path: &mut String, key: &str) {
    if path.len() > LONGEST_PATH {
        if !path.ends_with("...") {
            path.push_str("...");
        }
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key.get(..key.floor_char_boundary(LONGEST_PATH)).unwrap_or(key));
}

/// Whether an object is a list of words with a text or a number each. No loader acts on its keys, and lists that
/// people gathered have words twice.
fn is_dictionary(entries: &[(String, Json)]) -> bool {
    const LEAST: usize = 1_000;
    entries.len() >= LEAST
        && entries.iter().all(|(_, value)| matches!(value.node, Node::Text(_) | Node::Plain(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Read<Json>, Vec<Oddity>, Vec<Gap>) {
        let mut reader = Reader::new(Bytes::new(text.as_bytes()));
        let value = reader.value(&mut Budget::default());
        (value, reader.oddities, reader.gaps)
    }

    #[test]
    fn words_that_stand_twice_in_a_dictionary_are_ordinary() {
        let words: String = (0..1_000).map(|n| format!("\"word{n}\": \"w\", ")).collect();
        let odd = |text: &str| {
            let mut reader = Reader::new(Bytes::new(text.as_bytes())).with_dictionaries();
            reader.value(&mut Budget::default()).expect("valid");
            reader.oddities.len()
        };
        assert_eq!(odd(&format!("{{{words}\"word7\": \"x\"}}")), 0);
        assert_eq!(odd(&format!("{{{words}\"word7\": [\"x\"]}}")), 1);
        assert_eq!(read(&format!("{{{words}\"word7\": \"x\"}}")).1.len(), 1);
    }

    #[test]
    fn values_know_their_bytes_and_duplicates_are_kept() {
        let text = r#"{"a": {"k": 1, "k": "x\n\u00e9\ud83d\ude00"}, "b": [true, NaN]}"#;
        let (value, oddities, _) = read(text);
        let value = value.expect("valid");
        let last = value.get("a").and_then(|a| a.get("k")).expect("there");
        assert_eq!(last.text(), Some("x\né😀"));
        let start = usize::try_from(last.span.start).expect("small");
        assert!(text[start..].starts_with("\"x"));
        assert_eq!(oddities.len(), 1);
        assert_eq!((oddities[0].kind, oddities[0].place.as_str()), (OddityKind::DuplicateKey, "a"));
        assert_eq!(value.get("b").map(Json::display).as_deref(), Some("[true, NaN]"));
    }

    #[test]
    fn equal_keys_in_different_objects_are_no_duplicates() {
        assert!(read(r#"[{"k": 1}, {"k": 2}]"#).1.is_empty());
    }

    #[test]
    fn deep_nesting_is_a_gap_not_a_crash() {
        let text = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let (value, _, gaps) = read(&text);
        assert!(value.is_ok());
        assert_eq!(gaps.len(), 1);
        assert!(read(&"[".repeat(200_000)).0.is_err());
    }

    #[test]
    fn what_is_not_json_says_where() {
        assert_eq!(read("{\"a\" 1}").0.expect_err("no colon").offset, 5);
        assert!(read("").0.is_err());
        assert!(read("\"abc").0.is_err());
        assert!(read("{\"a\": import}").0.is_err());
    }
}
