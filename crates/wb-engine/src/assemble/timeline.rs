//! The timeline of a case: the records that matter, in time order, and their raw text.

use super::destinations::Destinations;
use super::moments::Moment;
use crate::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{Event, EventKind, Instant, KeyMoment, RecordRef, Status, TimelineEntry};

/// Entries of one kind kept per log at the most; the rest of them is in the flows.
const PER_KIND: usize = 60;

/// Longest summary, in characters.
const SUMMARY: usize = 180;

/// The entries: key moments, deployments and changes, alerts and tickets, and everything about a
/// destination of the compromise.
pub fn build(
    body: &Body,
    destinations: &Destinations,
    moments: &BTreeMap<KeyMoment, Moment>,
) -> Vec<TimelineEntry> {
    let mut entries = Vec::new();
    let mut taken: BTreeSet<(RecordRef, Option<KeyMoment>)> = BTreeSet::new();
    for (key, moment) in moments {
        taken.insert((moment.record.clone(), None));
        entries.push(entry(
            moment.time,
            &moment.record,
            moment.kind,
            Some(*key),
            moment.summary.clone(),
            moment.status,
        ));
    }
    let mut counts: BTreeMap<(EventKind, &str), usize> = BTreeMap::new();
    for event in body.events() {
        let about = destinations.covers_event(event);
        let (true, Some(time)) = (matters(event.kind) || about, event.time) else { continue };
        let count = counts.entry((event.kind, event.record.artifact.as_str())).or_default();
        *count += 1;
        if *count > PER_KIND || !taken.insert((event.record.clone(), None)) {
            continue;
        }
        entries.push(entry(
            time,
            &event.record,
            event.kind,
            None,
            summary(event),
            Status::Observed,
        ));
    }
    entries
        .sort_by(|a, b| a.time.cmp(&b.time).then(a.record.cmp(&b.record)).then(a.key.cmp(&b.key)));
    entries
}

fn entry(
    time: Instant,
    record: &RecordRef,
    kind: EventKind,
    key: Option<KeyMoment>,
    summary: String,
    status: Status,
) -> TimelineEntry {
    TimelineEntry {
        time: time.timestamp,
        time_basis: time.basis,
        record: record.clone(),
        kind,
        key,
        summary,
        status,
        raw: String::new(),
    }
}

/// Kinds that belong in the story whatever they are about.
fn matters(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Connect
            | EventKind::Dns
            | EventKind::Exchange
            | EventKind::Block
            | EventKind::Note
            | EventKind::Health
    )
}

/// An event in one line: its message, or for structured records its fields.
pub fn summary(event: &Event) -> String {
    let message = event.message.trim();
    let text = if message.starts_with('{') || message.is_empty() {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(event.field("event.action").map(str::to_owned));
        parts.extend(event.actor.as_ref().map(|actor| format!("by {actor}")));
        let skipped = ["event.action", "user.name"];
        let fields = event.fields.iter().filter(|(key, _)| !skipped.contains(&key.as_str()));
        parts.extend(fields.map(|(key, value)| format!("{key}={value}")));
        parts.join(" ")
    } else {
        message.to_owned()
    };
    cut(&text, SUMMARY)
}

/// `text` on one line, cut to `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= most {
        return flat;
    }
    let mut short: String = flat.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}
