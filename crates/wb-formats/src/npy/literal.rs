//! [`Literal`]: the Python literals that occur in a `.npy` header.

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// A string.
    Text(String),
    /// A number, `True`, `False` or `None`, as written.
    Word(String),
    /// A list or tuple.
    List(Vec<Literal>),
    /// A dictionary with strings as keys.
    Dict(Vec<(String, Literal)>),
}

impl Literal {
    /// The literal that `text` is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let literal = parser.value(0)?;
        parser.rest.trim().is_empty().then_some(literal)
    }

    /// The last value of `key`, as Python keeps it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The counts in a tuple.
    pub(crate) fn counts(&self) -> Option<Vec<u64>> {
        let Self::List(items) = self else { return None };
        let count = |item: &Self| match item {
            Self::Word(word) => word.trim_end_matches('L').parse().ok(),
            _ => None,
        };
        items.iter().map(count).collect()
    }

    /// The literal as text: a string without quotes.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Word(word) => word.clone(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::show).collect();
                format!("({})", items.join(", "))
            }
            Self::Dict(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key}: {}", value.show())).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn value(&mut self, depth: u32) -> Option<Literal> {
        const DEEPEST: u32 = 24;
        if depth > DEEPEST {
            return None;
        }
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '{' => self.dict(depth),
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '\'' | '"' => self.text().map(Literal::Text),
            'u' | 'b' if self.rest.get(1..2).is_some_and(|next| "'\"".contains(next)) => {
                self.skip(1);
                self.text().map(Literal::Text)
            }
            _ => self.word(),
        }
    }

    fn dict(&mut self, depth: u32) -> Option<Literal> {
        self.skip(1);
        let mut entries = Vec::new();
        while !self.eat('}') {
            let Literal::Text(key) = self.value(depth.saturating_add(1))? else { return None };
            self.eat(':').then_some(())?;
            entries.push((key, self.value(depth.saturating_add(1))?));
            if !self.eat(',') {
                self.eat('}').then_some(())?;
                break;
            }
        }
        Some(Literal::Dict(entries))
    }

    fn list(&mut self, close: char, depth: u32) -> Option<Literal> {
        self.skip(1);
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth.saturating_add(1))?);
            if !self.eat(',') {
                self.eat(close).then_some(())?;
                break;
            }
        }
        Some(Literal::List(items))
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        self.skip(1);
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.push(characters.next()?.1),
                other if other == quote => {
                    self.rest = self.rest.get(at.checked_add(1)?..)?;
                    return Some(text);
                }
                other => text.push(other),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Literal> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)));
        let (word, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        (!word.is_empty()).then(|| Literal::Word(word.to_owned()))
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }
}
