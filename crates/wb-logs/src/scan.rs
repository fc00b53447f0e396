//! [`Scan`]: a position in a line that moves over ASCII, and small helpers on strings.

/// A position in `text`. A read that fails does not move it; it never stops inside a character.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Moves over `byte` if it is next. Only for ASCII.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    /// Moves over `prefix` if it is next.
    pub(crate) fn eat_str(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at = self.at.saturating_add(prefix.len());
        }
        found
    }

    /// Moves over spaces and says how many there were.
    pub(crate) fn spaces(&mut self) -> usize {
        let before = self.at;
        while self.eat(b' ') || self.eat(b'\t') {}
        self.at.saturating_sub(before)
    }

    /// The number in the next `least` to `most` digits; more digits than `most` are no match.
    pub(crate) fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let run = leading(self.rest(), |byte| byte.is_ascii_digit());
        if run.len() < least || run.len() > most {
            return None;
        }
        let value = run.parse().ok()?;
        self.at = self.at.saturating_add(run.len());
        Some(value)
    }

    /// The number in exactly the next `count` digits, whatever follows.
    pub(crate) fn exactly(&mut self, count: usize) -> Option<i64> {
        let run = self.rest().get(..count)?;
        if !run.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.at = self.at.saturating_add(count);
        run.parse().ok()
    }

    /// The next ASCII letters.
    pub(crate) fn letters(&mut self) -> &'a str {
        let run = leading(self.rest(), |byte| byte.is_ascii_alphabetic());
        self.at = self.at.saturating_add(run.len());
        run
    }

    /// Whether no letter, digit or underscore follows.
    pub(crate) fn at_boundary(&self) -> bool {
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}

/// The longest beginning of `text` whose bytes all satisfy `keep`.
pub(crate) fn leading(text: &str, keep: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|byte| !keep(byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `text` cut to at most `most` bytes, at a character boundary.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// A copy of `text`, cut to at most `most` bytes.
pub(crate) fn bounded(text: &str, most: usize) -> String {
    cut(text, most).to_owned()
}

/// Offset of `part` in `whole`, for a `part` that was sliced out of it.
pub(crate) fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}
