//! Raw logs of GitHub Actions: a time with seven digits of fraction, then text or a `##[command]`.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use wb_core::EventKind;

/// The step that lines belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    step: String,
}

/// Reads a line with such a time.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let head = line.head.filter(|head| !head.bracketed)?;
    let written = line.text.get(..line.text.len().checked_sub(head.rest.len())?)?;
    let fraction = written.trim_end().trim_end_matches('Z').rsplit('.').next()?;
    if fraction.len() != 7 || !written.contains('T') || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut draft = Draft::new("github-actions", head.rest);
    draft.stamp = Some(head.stamp);
    draft.textual = true;
    draft.structured = true;
    let command = head.rest.strip_prefix("##[").and_then(|rest| rest.split_once(']'));
    match command {
        Some(("group", name)) => {
            state.step = name.to_owned();
            draft.kind = Some(EventKind::Note);
        }
        Some(("endgroup", _)) => {
            state.step.clear();
            draft.kind = Some(EventKind::Note);
        }
        Some((level @ ("error" | "warning" | "notice" | "debug"), _)) => {
            draft.level = crate::labels::level(level).map(str::to_owned);
        }
        _ => {}
    }
    draft.set("step", &state.step.clone());
    Reading::record(draft)
}
