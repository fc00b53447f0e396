//! The records of key-value files: what `shelve` of Python keeps in them. A value that is a pickle, or another file, is a
//! child that is called as its key.

use crate::carve;
use std::borrow::Cow;
use wb_code::pickle;
use wb_core::{Budget, Bytes, Child, ChildData, Content, Span, Text};

/// Children that are taken from one file.
const MOST: usize = 100_000;
/// The longest text that is kept, in bytes.
const KEPT: usize = 4 << 10;
/// The longest key that names a child whole, in bytes.
const LONGEST_NAME: usize = 200;

/// A value, as its format found it.
pub(crate) enum Value<'a> {
    /// In one piece.
    Whole(Bytes<'a>),
    /// Put together from pieces.
    Joined(Vec<u8>),
}

impl<'a> Value<'a> {
    fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::Whole(bytes) => *bytes,
            Self::Joined(data) => Bytes::new(data),
        }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn part(self, at: usize) -> ChildData {
        match self {
            Self::Whole(bytes) => ChildData::Span(bytes.from(at).span()),
            Self::Joined(data) => ChildData::Owned(data.get(at..).unwrap_or_default().to_vec()),
        }
    }
}

/// Keeps a record: its value as a child where it is a file, as a text where it is one. `false` when there are too many
/// children already.
pub(crate) fn keep(
    key: Bytes<'_>,
    value: Value<'_>,
    content: &mut Content,
    budget: &mut Budget,
) -> bool {
    let name = name(key);
    let bytes = value.bytes();
    if pickle::is_pickle(bytes) {
        return push(content, name, value.part(0));
    }
    if let Some(hidden) = carve::hidden(bytes.as_slice(), content, budget) {
        let name = if hidden.how.is_empty() { name } else { format!("{name}, {}", hidden.how) };
        let data = match hidden.data {
            Ok(at) => value.part(at),
            Err(data) => ChildData::Owned(data),
        };
        return push(content, name, data);
    }
    if content.texts.len() < budget.limits().texts
        && let Ok(text) = std::str::from_utf8(bytes.head(KEPT).as_slice())
    {
        let span = matches!(value, Value::Whole(_)).then(|| bytes.head(KEPT).span());
        content.texts.push(Text { place: name, value: text.to_owned(), span });
    }
    true
}

/// Takes the pickles that do something out of bytes that no record owns, such as those of a record that was deleted. What
/// does nothing is left: it may be any part of what once was there. `span` is not at the beginning of `input`.
pub(crate) fn left_over(input: Bytes<'_>, span: Span, content: &mut Content, budget: &mut Budget) {
    // Behind one byte that is none of them: a pickle may stand at their beginning.
    let start = span.start.saturating_sub(1);
    let wider = Span::new(start, span.end().saturating_sub(start));
    let Some(mut bytes) = input.at_span(wider) else { return };
    while let Some(found) = pickle::behind_bytes(bytes, usize::MAX).map(|at| bytes.from(at)) {
        let len = pickle::stream_len(found, budget).filter(|len| *len > 0).unwrap_or(found.len());
        let span = found.head(len).span();
        let name = format!("bytes at offset {} that no record owns", span.start);
        if !push(content, name, ChildData::Span(span)) {
            return;
        }
        // The last byte of the one is what stands before the next.
        bytes = found.from(len.saturating_sub(1));
    }
}

/// The bytes of `area` that none of `owned` covers, in order; sorts `owned`.
pub(crate) fn holes(area: Span, owned: &mut [Span]) -> Vec<Span> {
    owned.sort_unstable();
    let mut holes = Vec::new();
    let mut reached = area.start;
    let end = Span::new(area.end(), 0);
    for span in owned.iter().chain([&end]) {
        let until = span.start.min(area.end());
        if until > reached {
            holes.push(Span::new(reached, until.saturating_sub(reached)));
        }
        reached = reached.max(span.end());
    }
    holes
}

fn push(content: &mut Content, name: String, data: ChildData) -> bool {
    let room = content.children.len() < MOST;
    if room {
        content.children.push(Child { name, data });
    }
    room
}

fn name(key: Bytes<'_>) -> String {
    match String::from_utf8_lossy(key.head(LONGEST_NAME).as_slice()) {
        Cow::Borrowed("") => "the empty key".to_owned(),
        name => name.into_owned(),
    }
}
