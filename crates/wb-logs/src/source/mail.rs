//! A message in a file: its headers, then its text, all of the time that `Date:` gives (RFC 5322).

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::stamp::{Stamp, parse_whole};

/// Where in the message the line before was.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    part: Part,
    stamp: Option<Stamp>,
    subject: Option<String>,
}

impl State {
    /// Whether the lines are of a message.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.part, Part::Headers | Part::Body)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Nothing was read yet.
    #[default]
    Before,
    Headers,
    Body,
    /// The file is no message.
    None,
}

/// Headers with which a message begins.
const FIRST: &[&str] = &[
    "from", "to", "date", "subject", "received", "return-path", "message-id", "delivered-to",
    "mime-version", "x-original-to", "arc-seal", "dkim-signature",
];

/// Reads a line of a message; the first line of the file decides whether it is one.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let header = header(line.text);
    if state.part == Part::Before {
        let begins = header.is_some_and(|(name, _)| {
            FIRST.iter().any(|first| name.eq_ignore_ascii_case(first))
        });
        state.part = if begins { Part::Headers } else { Part::None };
    }
    match state.part {
        Part::Before | Part::None => None,
        Part::Headers => match header {
            Some((name, value)) => Some(headers(name, value, state)),
            None if line.text.starts_with([' ', '\t']) => Some(Reading::Header("mail")),
            None => {
                state.part = Part::Body;
                body(line.text, state)
            }
        },
        Part::Body => body(line.text, state),
    }
}

/// `Name: value`; the name is one word.
fn header(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(": ")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && !name.is_empty()).then_some((name, value.trim()))
}

/// The subject is a record once the date is known, in whichever order they stand.
fn headers(name: &str, value: &str, state: &mut State) -> Reading {
    if name.eq_ignore_ascii_case("date") {
        let parsed = jiff::fmt::rfc2822::parse(value).ok();
        state.stamp = parsed.map(|time| Stamp::Exact(time.timestamp())).or_else(|| parse_whole(value));
    } else if name.eq_ignore_ascii_case("subject") {
        state.subject = Some(value.to_owned());
    }
    match (state.stamp, &state.subject) {
        (Some(_), Some(subject)) => {
            let subject = subject.clone();
            state.subject = None;
            Reading::Record(Box::new(draft(&subject, state)))
        }
        _ => Reading::Header("mail"),
    }
}

fn body(text: &str, state: &State) -> Option<Reading> {
    // A line with a time of its own, such as a quoted log, is read as what it is.
    let timed = Line::new(text.trim_start_matches(['>', ' '])).head.is_some();
    (!timed).then(|| Reading::Record(Box::new(draft(text, state))))
}

fn draft(text: &str, state: &State) -> Draft {
    let mut draft = Draft::new("mail", text);
    draft.stamp = state.stamp;
    draft.structured = true;
    draft.textual = true;
    draft
}
