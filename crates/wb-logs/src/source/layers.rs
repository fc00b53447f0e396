//! Lines that only a layer, or nothing, is known of. They stay searchable.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::stamp::{Stamp, parse_prefix};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Layers are taken off before sources are asked.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// A line that no source knows.
pub(crate) fn unknown(text: &str) -> Draft {
    let mut draft = Draft::new("unknown-text", text);
    draft.textual = true;
    draft.stamp = inner_stamp(text);
    draft
}

/// A full timestamp inside a line: a date and a time, not far from its beginning.
fn inner_stamp(text: &str) -> Option<Stamp> {
    let bytes = text.as_bytes();
    (1..bytes.len().min(240))
        .filter(|&at| {
            let before = at.checked_sub(1).and_then(|index| bytes.get(index));
            let starts = bytes.get(at).is_some_and(u8::is_ascii_digit);
            starts && before.is_some_and(|byte| !byte.is_ascii_alphanumeric() && !b".-_/:".contains(byte))
        })
        .filter_map(|at| parse_prefix(text.get(at..)?))
        .map(|(stamp, _)| stamp)
        .find(|stamp| matches!(stamp, Stamp::Exact(_) | Stamp::Local(_)))
}
