//! The timeline of a case: the records that matter, in time order, and their raw text.

use super::destinations::Destinations;
use super::lifecycle::Lifecycle;
use super::moments::Moment;
use crate::body::Body;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{Event, EventKind, Instant, KeyMoment, NetVerdict, RecordRef, Status, TimelineEntry};

/// Entries of one kind kept per log at the most; the rest of them is in the flows.
const PER_KIND: usize = 60;

/// Records of traffic kept per log and kind at the most: every attempt is like the last one.
const PER_TRAFFIC: usize = 6;

/// Alerts of one wording kept per log at the most: a rule that keeps firing says nothing new.
const PER_ALERT: usize = 3;

/// Longest summary, in characters.
const SUMMARY: usize = 180;

/// The entries: key moments, deployments and changes, alerts and tickets, and everything about a
/// destination of the compromise.
pub fn build(
    body: &Body,
    lifecycle: &Lifecycle<'_>,
    destinations: &Destinations,
    moments: &BTreeMap<KeyMoment, Moment>,
) -> Vec<TimelineEntry> {
    let mut entries = Vec::new();
    // An export may hold all its records in one line: the time tells them apart.
    let mut taken: BTreeSet<(RecordRef, Timestamp)> = BTreeSet::new();
    for (key, moment) in moments {
        taken.insert((moment.record.clone(), moment.time.timestamp));
        entries.push(entry(
            moment.time,
            &moment.record,
            moment.kind,
            Some(*key),
            moment.summary.clone(),
            moment.status,
        ));
    }
    let mut alerts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut counts: BTreeMap<(EventKind, &str), usize> = BTreeMap::new();
    for event in body.events() {
        let about = destinations.covers_event(event);
        let in_story = matters(event.kind) && !lifecycle.is_of_another_model(event);
        let (true, Some(time)) = (in_story || about, event.time) else { continue };
        if event.kind == EventKind::Alert {
            let same = alerts.entry((event.record.artifact.as_str(), event.message.as_str()));
            let fired = same.or_default();
            *fired += 1;
            if *fired > PER_ALERT {
                continue;
            }
        }
        let count = counts.entry((event.kind, event.record.artifact.as_str())).or_default();
        *count += 1;
        let most = if matters(event.kind) { PER_KIND } else { PER_TRAFFIC };
        if *count > most || !taken.insert((event.record.clone(), time.timestamp)) {
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
    for (rule, hit) in detected(body) {
        let Some(time) = hit.time else { continue };
        if taken.insert((hit.record.clone(), time.timestamp)) {
            let said = hit.because.first().map(|(name, value)| format!(" ({name} `{value}`)"));
            let text = cut(&format!("{}{}", rule.title, said.unwrap_or_default()), SUMMARY);
            entries.push(entry(time, &hit.record, hit.kind, None, text, Status::Observed));
        }
    }
    entries
        .sort_by(|a, b| a.time.cmp(&b.time).then(a.record.cmp(&b.record)).then(a.key.cmp(&b.key)));
    entries
}

/// Records that rules over events rest on, of those that a person must look at.
fn detected(body: &Body) -> impl Iterator<Item = (&wb_sigma::Rule, &wb_sigma::Hit)> {
    let grave = body.detections.iter().filter(|(rule, _)| super::detections::needs_a_look(rule));
    grave.flat_map(|(rule, found)| found.hits.iter().map(move |hit| (rule, hit)))
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

/// An event in one line: who reached what for traffic of structured records, otherwise its message, or its
/// fields where the message is a record of fields.
pub fn summary(event: &Event) -> String {
    let message = event.message.trim();
    let fields_only = message.starts_with('{') || message.is_empty();
    let text = match traffic(event).filter(|_| fields_only || is_row(event)) {
        Some(traffic) => traffic,
        None if fields_only => of_fields(event),
        None => without_clock(message).to_owned(),
    };
    cut(&text, SUMMARY)
}

/// Whether the message is a row of a table or a proxy's log, which nobody reads aloud.
fn is_row(event: &Event) -> bool {
    matches!(event.source, "csv" | "squid" | "vpc-flow" | "netfilter" | "envoy")
        || event.source.starts_with("zeek")
}

/// `a to b:443, CONNECT, stopped` for a record of traffic.
fn traffic(event: &Event) -> Option<String> {
    let net = event.net.as_ref()?;
    let kinds = [EventKind::Connect, EventKind::Block, EventKind::Exchange, EventKind::Dns];
    let to =
        net.host.as_ref().or(net.destination.as_ref()).filter(|_| kinds.contains(&event.kind))?;
    let from = net.source.as_ref().or(event.host.as_ref());
    let from = from.map(String::as_str).unwrap_or_default();
    let mut text = match event.kind {
        EventKind::Dns => format!("{from} looks up {to}"),
        _ => format!("{from} to {to}"),
    };
    if let Some(port) = net.destination_port.filter(|_| event.kind != EventKind::Dns) {
        text.push_str(&format!(":{port}"));
    }
    if let Some(method) = &net.method {
        let request = format!(" {method} {}", net.path.as_deref().unwrap_or_default());
        text.push_str(request.trim_end());
    }
    if event.kind == EventKind::Block || net.verdict == Some(NetVerdict::Blocked) {
        text.push_str(", stopped");
    }
    Some(text.trim_start().to_owned())
}

/// The fields of a record in one line, the event and the actor first.
fn of_fields(event: &Event) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(event.field("event.action").map(str::to_owned));
    parts.extend(event.actor.as_ref().map(|actor| format!("by {actor}")));
    let skipped = ["event.action", "user.name"];
    let fields = event.fields.iter().filter(|(key, _)| !skipped.contains(&key.as_str()));
    // Names with a dot are the ones whose meaning is known; the record's own come after them.
    let (known, own): (Vec<_>, Vec<_>) = fields.partition(|(key, _)| key.contains('.'));
    let pairs = known.into_iter().chain(own);
    parts.extend(pairs.map(|(key, value)| format!("{key}={value}")));
    parts.join(" ")
}

/// The message without the time and level that `key=value` lines begin with: both stand beside it.
fn without_clock(message: &str) -> &str {
    const KEYS: [&str; 9] =
        ["ts", "t", "time", "timestamp", "@timestamp", "date", "level", "lvl", "severity"];
    let mut rest = message;
    while let Some((_, after)) = rest.split_once('=').filter(|(key, _)| KEYS.contains(key)) {
        let end = match after.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map(|at| at + 2),
            None => after.find(' '),
        };
        let Some(next) = end.and_then(|end| after.get(end..)) else { break };
        rest = next.trim_start();
    }
    if rest.is_empty() { message } else { rest }
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

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::{ArtifactPath, Net};

    fn event(source: &'static str, kind: EventKind, message: &str) -> Event {
        let artifact = ArtifactPath::from("a.log");
        Event {
            time: None,
            record: RecordRef { artifact, line: 1, offset: 0 },
            source,
            kind,
            host: None,
            actor: None,
            object: None,
            level: None,
            net: None,
            fields: BTreeMap::new(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn traffic_of_structured_records_reads_as_who_reached_what() {
        let mut record = event("suricata-eve", EventKind::Exchange, "");
        record.net = Some(Net {
            source: Some("192.0.2.5".to_owned()),
            host: Some("hub.example".to_owned()),
            destination_port: Some(443),
            ..Net::default()
        });
        record.fields.insert("flow_id".to_owned(), "77".to_owned());
        assert_eq!(summary(&record), "192.0.2.5 to hub.example:443");
        record.message = "the server calls hub.example".to_owned();
        assert_eq!(summary(&record), "the server calls hub.example");
    }

    #[test]
    fn the_clock_at_the_head_of_a_line_is_left_out_and_other_fields_stay() {
        assert_eq!(without_clock("ts=2026-01-01T00:00:00Z level=info msg=\"x y\""), "msg=\"x y\"");
        assert_eq!(without_clock("time=\"a b\" event=load"), "event=load");
        assert_eq!(without_clock("file=a.pkl ts=1"), "file=a.pkl ts=1");
        assert_eq!(without_clock("ts=1"), "ts=1");
    }
}
