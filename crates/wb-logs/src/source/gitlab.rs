//! Logs of GitLab jobs: sections that begin and end with a time, and lines between.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::stamp::{Stamp, epoch};
use wb_core::EventKind;

/// The section that lines belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    stamp: Option<Stamp>,
    section: String,
}

impl State {
    /// Whether lines have the time of a section.
    pub(crate) fn is_inside(&self) -> bool {
        self.stamp.is_some()
    }
}

/// Reads `section_start:SECONDS:NAME`, its end, or a line after one.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let begins = line.text.strip_prefix("section_start:");
    let Some(mark) = begins.or_else(|| line.text.strip_prefix("section_end:")) else {
        // A line with a time of its own, or one of another format, is read as what it is.
        let plain = line.head.is_none() && !line.text.starts_with('{');
        return state.stamp.filter(|_| plain).and_then(|_| Reading::record(draft(line.text, state)));
    };
    let (stamp, rest) = epoch(mark)?;
    let name = rest.strip_prefix(':')?;
    let end = name.find(['\r', '[']).unwrap_or(name.len());
    let (name, title) = name.split_at(end);
    state.stamp = Some(stamp);
    state.section.clear();
    if begins.is_some() {
        state.section.push_str(crate::scan::cut(name, 100));
    }
    // The title of the section stands behind the mark, on the same line.
    let title = title.rsplit('\r').next().unwrap_or_default().trim();
    let mut draft = draft(if title.is_empty() { name } else { title }, state);
    draft.kind = Some(EventKind::Note);
    Reading::record(draft)
}

fn draft(text: &str, state: &State) -> Draft {
    let mut draft = Draft::new("gitlab-job", text);
    draft.stamp = state.stamp;
    draft.structured = true;
    draft.textual = true;
    draft.set("step", &state.section);
    draft
}
