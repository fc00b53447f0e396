//! [`Line`]: a line's text with the timestamp at its head, if there is one.

use crate::labels::level;
use crate::scan::leading;
use crate::stamp::{Stamp, parse_prefix};

/// A line, unwrapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) head: Option<Head<'a>>,
}

/// The beginning of a line of text: a timestamp, perhaps a level before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) stamp: Stamp,
    /// Whether the timestamp stands in brackets.
    pub(crate) bracketed: bool,
    /// The level that stands before the timestamp.
    pub(crate) level: Option<&'static str>,
    /// What follows, without leading spaces.
    pub(crate) rest: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, head: head(text) }
    }

    /// What follows the timestamp, or the whole line.
    pub(crate) fn body(&self) -> &'a str {
        self.head.map_or(self.text, |head| head.rest)
    }
}

fn head(text: &str) -> Option<Head<'_>> {
    let text = text.trim_start();
    if let Some(head) = stamped(text, None) {
        return Some(head);
    }
    // `[GIN] 2023/10/06 - 13:41:53 | 200 ...`: a name in brackets before the time.
    if let Some((name, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once("] "))
        && name.len() <= 24
        && let Some(head) = stamped(rest.trim_start(), level(name))
    {
        return Some(head);
    }
    // `(worker pid=12) INFO 10-26 21:47:45 ...`, as servers with several processes write it.
    let text = match text.strip_prefix('(').and_then(|inner| inner.split_once(") ")) {
        Some((inner, rest)) if inner.len() < 80 => rest,
        _ => text,
    };
    let word = leading(text, |byte| byte.is_ascii_alphabetic() || byte == b'[' || byte == b']');
    let known = level(word.trim_matches(['[', ']']))?;
    let rest = text.get(word.len()..)?.trim_start_matches([' ', '\t', ':', '-', '|']);
    stamped(rest, Some(known))
}

fn stamped<'a>(text: &'a str, level: Option<&'static str>) -> Option<Head<'a>> {
    if let Some(inner) = text.strip_prefix('[') {
        let (stamp, rest) = parse_prefix(inner.trim_start())?;
        let rest = rest.trim_start().strip_prefix(']')?.trim_start();
        return Some(Head { stamp, bracketed: true, level, rest });
    }
    let (stamp, rest) = parse_prefix(text)?;
    if rest.starts_with(|next: char| next.is_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t', ':', '|', ',', ';']);
    Some(Head { stamp, bracketed: false, level, rest })
}
