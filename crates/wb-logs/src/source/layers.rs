//! Lines that only a layer, or nothing, is known of. They stay searchable.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;

/// Nothing is remembered.
#[derive(Debug, Default)]
pub(crate) struct State;

/// Layers are taken off before sources are asked.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// A line that no source knows.
pub(crate) fn unknown(text: &str) -> Draft {
    let mut draft = Draft::new("unknown-text", text);
    draft.textual = true;
    draft
}
