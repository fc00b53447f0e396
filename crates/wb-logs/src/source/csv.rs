//! Tables: a header line with the name of a time column, then rows.

use super::Reading;
use crate::draft::Draft;
use crate::labels::{Slot, assign, slot};
use crate::line::Line;
use crate::stamp::parse_whole;

/// The header, once seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    columns: Vec<String>,
    time: Vec<usize>,
    separator: char,
    started: bool,
}

/// Columns read per row at the most.
const MOST_COLUMNS: usize = 256;

/// Reads the header, which must be the first line that is not empty, or a row under it.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    if !state.started {
        state.started = true;
        return header(line.text, state).then_some(Reading::Header("csv"));
    }
    if state.columns.is_empty() {
        return None;
    }
    let values = split(line.text, state.separator);
    if values.len() != state.columns.len() {
        return None;
    }
    let timed = |at: &usize| values.get(*at).is_some_and(|value| parse_whole(value).is_some());
    if !state.time.iter().any(timed) {
        return None;
    }
    let mut draft = Draft { source: "csv", structured: true, ..Draft::default() };
    for (name, value) in state.columns.iter().zip(&values) {
        assign(&mut draft, name, value);
    }
    if draft.message.is_empty() {
        draft.message = crate::scan::bounded(line.text, crate::draft::LONGEST_MESSAGE);
    } else {
        draft.textual = true;
    }
    Reading::record(draft)
}

/// Whether `text` names columns, one of them a time. A name is a short word or two, never a number.
fn header(text: &str, state: &mut State) -> bool {
    for separator in [',', '\t', ';', '|'] {
        let names = split(text.trim_start_matches('#').trim(), separator);
        let plausible = names.len() >= 3
            && names.iter().all(|name| {
                let name = name.trim();
                name.len() <= 60
                    && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(&byte))
                    && name.split_whitespace().count() <= 4
                    && !name.contains(['=', ':', '{', '('])
            });
        if !plausible {
            continue;
        }
        let time: Vec<usize> = names
            .iter()
            .enumerate()
            .filter(|(_, name)| slot(name) == Some(Slot::Time))
            .map(|(at, _)| at)
            .collect();
        if !time.is_empty() {
            state.columns = names;
            state.time = time;
            state.separator = separator;
            return true;
        }
    }
    false
}

/// Splits a row; quotes protect separators, doubled quotes are quotes (RFC 4180).
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(value) = values.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                value.push('"');
            }
            '"' if quoted || value.is_empty() => quoted = !quoted,
            other if other == separator && !quoted => {
                if values.len() >= MOST_COLUMNS {
                    break;
                }
                values.push(String::new());
            }
            other => value.push(other),
        }
    }
    for value in &mut values {
        if value.trim().len() != value.len() {
            *value = value.trim().to_owned();
        }
    }
    values
}
