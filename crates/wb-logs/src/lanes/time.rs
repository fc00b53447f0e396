//! Where lines of a run have their time.

use crate::json::Value;
use crate::labels::{Slot, slot};
use crate::line::Line;
use crate::stamp::{Stamp, parse_prefix, parse_whole};
use memchr::memmem::Finder;

/// The key at the top of JSON objects that has their time, with its quotes and colon.
#[derive(Clone, Debug)]
pub(crate) struct TimeKey {
    name: String,
    finder: Finder<'static>,
}

impl PartialEq for TimeKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TimeKey {}

impl TimeKey {
    /// The key of `value`, an object written without spaces or with one after each colon.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let (name, _) = value.as_object()?.iter().find(|(key, value)| {
            let time = match value {
                Value::String(text) => parse_whole(text),
                Value::Number(number) => parse_whole(&number.to_string()),
                _ => None,
            };
            slot(key) == Some(Slot::Time) && time.is_some()
        })?;
        let finder = Finder::new(format!("\"{name}\":").as_bytes()).into_owned();
        Some(Self { name: name.clone(), finder })
    }

    /// The time of an object.
    pub(crate) fn stamp(&self, text: &str) -> Option<Stamp> {
        let at = self.finder.find(text.as_bytes())?.checked_add(self.finder.needle().len())?;
        let value = text.get(at..)?.trim_start();
        match value.strip_prefix('"') {
            Some(quoted) => parse_whole(quoted.get(..memchr::memchr(b'"', quoted.as_bytes())?)?),
            None => parse_whole(value.get(..value.find([',', '}'])?)?),
        }
    }
}

/// The time at the head of a line of text, behind the priority of a syslog line.
pub(crate) fn at_head(text: &str) -> Option<Stamp> {
    let text = match text.strip_prefix('<') {
        Some(inner) => {
            let (_, rest) = inner.split_once('>').filter(|(priority, _)| priority.len() <= 3)?;
            rest.strip_prefix("1 ").unwrap_or(rest)
        }
        None => text,
    };
    let head = Line::new(text).head.map(|head| head.stamp);
    head.or_else(|| {
        // Web servers write the client first, and the time in brackets.
        let bracket = memchr::memchr(b'[', text.as_bytes().get(..text.len().min(200))?)?;
        Some(parse_prefix(text.get(bracket.checked_add(1)?..)?)?.0)
    })
}
