//! The journal in its export format: blocks of `FIELD=value`, one per entry (systemd, "Journal Export
//! Formats"). A field with line breaks is its name, eight bytes of length, and the value.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::labels::level;
use crate::line::Line;
use crate::stamp::parse_whole;
use std::collections::BTreeMap;

/// The entry being read.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    fields: BTreeMap<String, String>,
    /// Line and offset where the entry began.
    began: Option<(u64, u64)>,
    /// Line and offset of the line being read.
    now: (u64, u64),
    /// The field whose value follows after its length.
    long: Option<String>,
    /// Whether the value of that field has begun.
    begun: bool,
}

/// Fields kept of an entry.
const MOST_FIELDS: usize = 64;

/// Length of a value kept.
const LONGEST: usize = 4000;

impl State {
    /// Whether an entry is being read.
    pub(crate) fn is_inside(&self) -> bool {
        self.began.is_some()
    }

    /// Notes where the line is that is read next.
    pub(crate) fn at(&mut self, line: u64, offset: u64) {
        self.now = (line, offset);
    }

    /// The entry that the end of the log ends.
    pub(crate) fn end(&mut self) -> Option<Draft> {
        let entry = std::mem::replace(self, Self { now: self.now, ..Self::default() });
        entry.fields.contains_key("MESSAGE").then(|| draft(&entry))
    }
}

/// Reads a line of an entry. The first one of an entry ends the one before.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let text = line.text;
    let begins = text.starts_with("__CURSOR=");
    if !begins && state.began.is_none() {
        return None;
    }
    let before = begins.then(|| state.end()).flatten();
    state.began = state.began.or(Some(state.now));
    take(text, state);
    match before {
        Some(draft) => Reading::record(draft),
        None => Some(Reading::Header("journald-export")),
    }
}

fn take(text: &str, state: &mut State) {
    let name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if let Some((key, value)) = text.split_once('=').filter(|(key, _)| name(key) && !key.is_empty()) {
        state.long = None;
        if state.fields.len() < MOST_FIELDS {
            state.fields.entry(key.to_owned()).or_insert_with(|| crate::scan::bounded(value, LONGEST));
        }
    } else if name(text) && !text.is_empty() {
        state.long = Some(text.to_owned());
        state.begun = false;
    } else if let Some(key) = state.long.clone() {
        let value = if state.begun { text } else { text.get(8..).unwrap_or_default() };
        state.begun = true;
        let known = state.fields.entry(key).or_default();
        if known.len() < LONGEST {
            if !known.is_empty() {
                known.push('\n');
            }
            known.push_str(crate::scan::cut(value, LONGEST));
        }
    }
}

fn draft(entry: &State) -> Draft {
    let at = |name: &str| entry.fields.get(name).map(String::as_str).unwrap_or_default();
    let mut draft = Draft::new("journald-export", at("MESSAGE"));
    draft.structured = true;
    draft.textual = true;
    draft.began = entry.began;
    draft.stamp =
        parse_whole(at("_SOURCE_REALTIME_TIMESTAMP")).or_else(|| parse_whole(at("__REALTIME_TIMESTAMP")));
    fill(&mut draft.host, at("_HOSTNAME"));
    draft.level = level(at("PRIORITY")).filter(|_| !at("PRIORITY").is_empty()).map(str::to_owned);
    for (name, field) in [
        ("service.name", "SYSLOG_IDENTIFIER"),
        ("service.unit", "_SYSTEMD_UNIT"),
        ("process.pid", "_PID"),
        ("process.executable", "_EXE"),
        ("journald.cmdline", "_CMDLINE"),
        ("user.id", "_UID"),
        ("unit", "UNIT"),
    ] {
        draft.set(name, at(field));
    }
    draft
}
