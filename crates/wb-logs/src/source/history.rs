//! Commands that a shell remembered: bash with `HISTTIMEFORMAT`, and zsh's extended history.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::stamp::{Stamp, epoch};
use wb_core::EventKind;

/// The time that holds for the commands that follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    stamp: Option<Stamp>,
    /// Whether lines were read, none of which was a time.
    foreign: bool,
}

impl State {
    /// Whether commands have the time of a line before them.
    pub(crate) fn is_inside(&self) -> bool {
        self.stamp.is_some()
    }
}

/// Reads a time or a command of a history; its first line must be one.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    if state.foreign {
        return None;
    }
    if let Some(stamp) = line.text.strip_prefix('#').and_then(epoch).filter(|(_, rest)| rest.is_empty()) {
        state.stamp = Some(stamp.0);
        return Some(Reading::Header("shell-history"));
    }
    // `: 1700000000:0;command`, time and duration.
    if let Some((stamp, rest)) = line.text.strip_prefix(": ").and_then(epoch)
        && let Some((_, command)) = rest.strip_prefix(':').and_then(|rest| rest.split_once(';'))
    {
        return Reading::record(command_of(command, stamp));
    }
    match state.stamp {
        Some(stamp) => Reading::record(command_of(line.text, stamp)),
        None => {
            state.foreign = true;
            None
        }
    }
}

fn command_of(command: &str, stamp: Stamp) -> Draft {
    let mut draft = Draft::new("shell-history", command);
    draft.stamp = Some(stamp);
    draft.structured = true;
    draft.textual = true;
    draft.kind = Some(EventKind::Exec);
    draft.set("process.command_line", command);
    draft
}
