//! [`read`]: text of protocol buffers as the tree that every configuration is read as. Without the description of
//! a message nothing is known of its fields but their names; a field that stands twice is kept twice.

use crate::decode::exhausted;
use crate::spanned_json::{Json, MAX_DEPTH, Node};
use wb_core::{Budget, Gap, Limits, Span};

/// What was read.
pub(super) struct Read {
    /// The fields of the whole text.
    pub(super) message: Json,
    /// What was not read.
    pub(super) gap: Option<Gap>,
}

/// Whether the whole text is a message with at least one field.
pub(super) fn is_message(text: &str) -> bool {
    let mut budget = Budget::new(Limits { items: 100_000, ..Limits::default() });
    let read = read(text, 0, &mut budget);
    read.gap.is_none() && !read.message.entries().is_empty()
}

/// Reads `text`, which begins at `start` in its artifact, as far as it is a message.
pub(super) fn read(text: &str, start: u64, budget: &mut Budget) -> Read {
    let mut parser = Parser { text, at: 0, start, depth: 0, budget };
    let (entries, stopped) = parser.fields(None);
    let rest = Span::new(parser.offset(), text.len().saturating_sub(parser.at) as u64);
    let gap = stopped.err().map(|stop| match stop {
        Stop::Exhausted(limit) => exhausted(limit, "the message", rest),
        Stop::Expected(what) => Gap::over(rest, format!("not a message: expected {what}")),
    });
    let span = Span::new(start, text.len() as u64);
    Read { message: Json { node: Node::Object(entries), span, tag: None }, gap }
}

/// Why reading stopped.
enum Stop {
    Exhausted(wb_core::Exhausted),
    Expected(&'static str),
}

struct Parser<'a, 'b> {
    text: &'a str,
    /// Where reading is, in bytes of the text.
    at: usize,
    start: u64,
    depth: u32,
    budget: &'b mut Budget,
}

type Entries = Vec<(String, Json)>;

impl<'a> Parser<'a, '_> {
    fn offset(&self) -> u64 {
        self.start.saturating_add(self.at as u64)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at = self.at.saturating_add(rest.len().saturating_sub(trimmed.len()));
            if !trimmed.starts_with('#') {
                return;
            }
            self.at = self.at.saturating_add(trimmed.find('\n').unwrap_or(trimmed.len()));
        }
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip();
        let found = self.rest().starts_with(sign);
        if found {
            self.at = self.at.saturating_add(sign.len_utf8());
        }
        found
    }

    /// Characters as long as they are `of` a word.
    fn word(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c: char| !of(c)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
        rest.get(..len).unwrap_or_default()
    }

    /// Fields up to `end`, or up to the end of the text; what was read before an error is kept.
    fn fields(&mut self, end: Option<char>) -> (Entries, Result<(), Stop>) {
        let mut entries = Vec::new();
        loop {
            self.skip();
            let ends = match end {
                Some(end) => self.eat(end),
                None => self.rest().is_empty(),
            };
            if ends {
                return (entries, Ok(()));
            }
            match self.field() {
                Ok(field) => entries.push(field),
                Err(stop) => return (entries, Err(stop)),
            }
            let _ = self.eat(',') || self.eat(';');
        }
    }

    fn field(&mut self) -> Result<(String, Json), Stop> {
        self.budget.items(1).map_err(Stop::Exhausted)?;
        let name = if self.rest().starts_with('[') {
            // The name of an extension.
            self.eat('[');
            let name = self.word(|c| c.is_ascii_alphanumeric() || "._/".contains(c));
            if name.is_empty() || !self.eat(']') {
                return Err(Stop::Expected("the name of an extension"));
            }
            name
        } else {
            self.word(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Stop::Expected("the name of a field"));
        }
        let colon = self.eat(':');
        self.skip();
        if !colon && !self.rest().starts_with(['{', '<']) {
            return Err(Stop::Expected("`:` or `{`"));
        }
        Ok((name.to_owned(), self.value()?))
    }

    fn value(&mut self) -> Result<Json, Stop> {
        self.skip();
        let from = self.at;
        let start = self.offset();
        let node = match self.rest().chars().next() {
            Some(open @ ('{' | '<' | '[')) => {
                if self.depth >= MAX_DEPTH {
                    return Err(Stop::Expected("messages that nest less deep"));
                }
                self.eat(open);
                self.depth = self.depth.saturating_add(1);
                let node = match open {
                    '[' => self.list()?,
                    open => {
                        let (entries, read) = self.fields(Some(if open == '{' { '}' } else { '>' }));
                        read?;
                        Node::Object(entries)
                    }
                };
                self.depth = self.depth.saturating_sub(1);
                node
            }
            Some('"' | '\'') => self.strings()?,
            _ => {
                let word = self.word(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
                if word.is_empty() {
                    return Err(Stop::Expected("a value"));
                }
                Node::Plain(word.to_owned())
            }
        };
        let len = self.at.saturating_sub(from) as u64;
        Ok(Json { node, span: Span::new(start, len), tag: None })
    }

    fn list(&mut self) -> Result<Node, Stop> {
        let mut items = Vec::new();
        while !self.eat(']') {
            self.budget.items(1).map_err(Stop::Exhausted)?;
            items.push(self.value()?);
            if !self.eat(',') {
                return if self.eat(']') { Ok(Node::Array(items)) } else { Err(Stop::Expected("`,` or `]`")) };
            }
        }
        Ok(Node::Array(items))
    }

    /// Strings that stand behind each other are one.
    fn strings(&mut self) -> Result<Node, Stop> {
        let mut bytes = Vec::new();
        loop {
            let end = self.at;
            self.skip();
            let Some(quote) = self.rest().chars().next().filter(|sign| matches!(sign, '"' | '\'')) else {
                self.at = end;
                return Ok(Node::Text(String::from_utf8_lossy(&bytes).into_owned()));
            };
            self.eat(quote);
            self.string(quote, &mut bytes)?;
        }
    }

    fn string(&mut self, quote: char, out: &mut Vec<u8>) -> Result<(), Stop> {
        loop {
            let plain = self.word(|c| c != quote && c != '\\' && c != '\n');
            out.extend_from_slice(plain.as_bytes());
            match self.rest().chars().next() {
                Some(sign) if sign == quote => {
                    self.at = self.at.saturating_add(1);
                    return Ok(());
                }
                Some('\\') => {
                    self.at = self.at.saturating_add(1);
                    self.escape(out)?;
                }
                _ => return Err(Stop::Expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Stop> {
        let Some(sign) = self.rest().chars().next() else { return Err(Stop::Expected("an escape")) };
        if sign.is_digit(8) {
            let byte = self.digits(3, 8);
            out.push(u8::try_from(byte & 0xff).unwrap_or_default());
            return Ok(());
        }
        self.at = self.at.saturating_add(sign.len_utf8());
        match sign {
            'x' | 'X' => {
                let byte = self.digits(2, 16);
                out.push(u8::try_from(byte & 0xff).unwrap_or_default());
            }
            'u' | 'U' => {
                let code = self.digits(if sign == 'u' { 4 } else { 8 }, 16);
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            sign => out.push(match sign {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' | '\'' | '"' | '?' => u8::try_from(sign).unwrap_or(b'?'),
                _ => return Err(Stop::Expected("a known escape")),
            }),
        }
        Ok(())
    }

    /// At most `most` digits to the base `radix`.
    fn digits(&mut self, most: usize, radix: u32) -> u32 {
        let mut number = 0_u32;
        for _ in 0..most {
            let Some(digit) = self.rest().chars().next().and_then(|c| c.to_digit(radix)) else { break };
            number = number.wrapping_mul(radix).wrapping_add(digit);
            self.at = self.at.saturating_add(1);
        }
        number
    }
}
