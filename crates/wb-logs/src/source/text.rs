//! Lines of text that begin with a time: in brackets, plain, or as glog writes it.

use super::Reading;
use crate::draft::Draft;
use crate::enrich::component;
use crate::labels::{Slot, level, slot};
use crate::line::{Head, Line};
use crate::scan::leading;
use crate::stamp::Stamp;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads any line that has a time at its head.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let head = line.head?;
    if let Some(draft) = glog(line, &head) {
        return Reading::record(draft);
    }
    let source = if head.bracketed { "bracketed-text" } else { "timestamped-text" };
    let (found, body) = leading_level(head.rest);
    let mut draft = Draft::new(source, body);
    draft.stamp = Some(head.stamp);
    draft.textual = true;
    draft.level = head.level.or(found).map(str::to_owned);
    components(&mut draft, body);
    Reading::record(draft)
}

/// `I0120 10:28:48.767944 1 model_lifecycle.cc:473] message`.
fn glog(line: &Line<'_>, head: &Head<'_>) -> Option<Draft> {
    let letter = line.text.trim_start().as_bytes().first()?;
    if head.bracketed || !line.text.trim_start().as_bytes().get(1)?.is_ascii_digit() {
        return None;
    }
    let level = match letter {
        b'I' => "info",
        b'W' => "warn",
        b'E' => "error",
        b'F' => "fatal",
        b'D' => "debug",
        _ => return None,
    };
    if !matches!(head.stamp, Stamp::NoYear(..) | Stamp::Local(_)) {
        return None;
    }
    let (place, message) = head.rest.split_once("] ").unwrap_or(("", head.rest));
    let mut draft = Draft::new("glog", message.trim_matches('"'));
    draft.stamp = Some(head.stamp);
    draft.level = Some(level.to_owned());
    draft.textual = true;
    draft.structured = true;
    let mut words = place.split_whitespace();
    draft.set("process.thread.id", words.next().unwrap_or_default());
    draft.set("service.name", words.next().unwrap_or_default().split(':').next().unwrap_or_default());
    Some(draft)
}

/// The level at the start of `text`, bare or in brackets, and what follows it.
pub(super) fn leading_level(text: &str) -> (Option<&'static str>, &str) {
    let text = text.trim_start_matches([' ', '\t', '-', '|']);
    if let Some((inner, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']'))
        && let Some(level) = level(inner)
        && inner.len() > 1
    {
        return (Some(level), rest.trim_start_matches([' ', '\t', ':', '-', '|']));
    }
    let word = leading(text, |byte| byte.is_ascii_alphabetic());
    let rest = text.get(word.len()..).unwrap_or_default();
    // Lower-case words such as "warning" are levels only when punctuation sets them off.
    let upper = word.len() > 2 && !word.bytes().any(|byte| byte.is_ascii_lowercase());
    let set_off = rest.starts_with([':', '|', ']']);
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', ':', '|', ']', '-']);
    match level(word).filter(|_| ends && (upper || set_off)) {
        Some(level) => (Some(level), rest.trim_start_matches([' ', '\t', ':', '|', '-', ']'])),
        None => (None, text),
    }
}

/// The component before the message: `deploy-svc: ...`, `name - LEVEL - ...`, `[file.py:12] ...`.
fn components(draft: &mut Draft, body: &str) {
    if let Some((left, right)) = body.split_once(" - ")
        && left.len() <= 100
        && !left.contains(": ")
    {
        let (found, message) = leading_level(right);
        if let (None, Some(found)) = (&draft.level, found) {
            draft.level = Some(found.to_owned());
            component(draft, left.trim());
            draft.message = crate::scan::bounded(message, crate::draft::LONGEST_MESSAGE);
            return;
        }
    }
    if let Some((inner, _)) = body.strip_prefix('[').and_then(|inner| inner.split_once("] "))
        && inner.len() <= 60
    {
        component(draft, inner.split(':').next().unwrap_or(inner));
        return;
    }
    let name = leading(body, |byte| byte.is_ascii_alphanumeric() || b"_.@/-[]()".contains(&byte));
    let rest = body.get(name.len()..).unwrap_or_default();
    if !rest.starts_with(": ") || name.len() > 80 || name.len() < 2 {
        return;
    }
    let (name, pid) = name.split_once('[').unwrap_or((name, ""));
    let value = rest.trim_start_matches([':', ' ']);
    let single = !value.contains(' ') || value.contains(" (");
    let labelled = slot(name).is_some_and(|slot| slot != Slot::Service) && single;
    if labelled {
        return;
    }
    draft.set("process.pid", pid.trim_end_matches(']'));
    component(draft, name);
    if draft.level.is_none() {
        draft.level = leading_level(value).0.map(str::to_owned);
    }
}
