//! Words that every report says the same way: the headline, moments, places, counts and sizes. Nothing
//! here is escaped; that is for the medium to do.

use crate::time;
use std::borrow::Cow;
use wb_core::{
    Answers, BeaconState, Case, Compromise, Decision, Flow, KeyMoment, Location, NetworkUse,
    ReadState, RecordRef, Span, Status, TimeBasis, Trigger, Verdict,
};

/// When something runs, as a sentence says it.
pub(crate) const fn when(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Load => "at load",
        Trigger::Inference => "at inference",
        Trigger::Import => "when imported",
        Trigger::Install => "when installed",
        Trigger::Template => "when the template is rendered",
        Trigger::Run => "when the script is started",
    }
}

/// How a headline is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Bad,
    Warn,
    Good,
}

/// The case in a few words.
pub(crate) fn headline(case: &Case) -> (Tone, &'static str) {
    let worst = case.verdicts.values().max().copied().unwrap_or_default();
    let unread = case.coverage.iter().any(|coverage| coverage.state != ReadState::Read);
    match (case.conclusion.compromised, worst) {
        (Compromise::Yes, _) => (Tone::Bad, "COMPROMISED"),
        (Compromise::No, Verdict::Malicious) => {
            (Tone::Bad, "MALICIOUS FILE FOUND, not where it would run")
        }
        (Compromise::No, _) if case.artifacts.is_empty() => (Tone::Warn, "NOTHING TO LOOK AT"),
        (Compromise::No, Verdict::Suspicious) => (Tone::Warn, "A PERSON MUST LOOK"),
        (Compromise::No, _) if doubtful(case) => (Tone::Warn, "A PERSON MUST LOOK"),
        (Compromise::No, Verdict::Unknown) => {
            (Tone::Warn, "nothing wrong found, but not everything could be judged")
        }
        (Compromise::No, Verdict::Clean) if unread => {
            (Tone::Good, "nothing wrong found in what was read")
        }
        (Compromise::No, Verdict::Clean) => {
            (Tone::Good, "nothing wrong found in what was supplied")
        }
    }
}

/// Whether something does not fit although no artifact is malicious.
fn doubtful(case: &Case) -> bool {
    case.integrity.iter().any(|row| row.matches == Some(false))
        || case.candidates.iter().any(|candidate| candidate.decision != Decision::Approve)
}

/// The five moments an answer names, with their labels.
pub(crate) const MOMENTS: [(KeyMoment, &str); 5] = [
    (KeyMoment::Introduced, "introduced"),
    (KeyMoment::Loaded, "loaded"),
    (KeyMoment::FirstOutbound, "first outbound"),
    (KeyMoment::Detection, "detected"),
    (KeyMoment::FirstBlock, "blocked"),
];

/// How long the compromise stayed unseen.
pub(crate) fn dwell(answers: &Answers) -> String {
    match (answers.dwell_seconds, answers.dwell_calendar_days) {
        (None, _) => "unknown: introduction or detection is missing".to_owned(),
        (Some(seconds), None | Some(0)) => {
            format!("{}, introduced to detected", time::elapsed(seconds))
        }
        (Some(seconds), Some(days)) => format!(
            "{} elapsed, {}, introduced to detected",
            time::elapsed(seconds),
            counted(days.unsigned_abs(), "calendar day")
        ),
    }
}

/// How a time is known, where its record does not say all of it.
pub(crate) const fn basis(basis: TimeBasis) -> Option<&'static str> {
    match basis {
        TimeBasis::Explicit => None,
        TimeBasis::OffsetFromName => Some("zone from the surroundings"),
        TimeBasis::ZoneFromClockChange => Some("zone from the clock change in its log"),
        TimeBasis::ZoneFromOtherLog => Some("zone from connections that another log has too"),
        TimeBasis::AssumedUtc => Some("UTC assumed"),
        TimeBasis::InferredYear => Some("year inferred"),
    }
}

/// Whether two sides agree, in one word.
pub(crate) const fn agrees(agrees: Option<bool>) -> &'static str {
    match agrees {
        Some(true) => "same",
        Some(false) => DIFFERS,
        None => "one side",
    }
}

/// What [`agrees`] calls a difference.
pub(crate) const DIFFERS: &str = "DIFFERS";

/// A record as `path:line`.
pub(crate) fn record(record: &RecordRef) -> String {
    format!("{}:{}", record.artifact, record.line)
}

/// How sure an entry is, in capitals: it must be seen without colour.
pub(crate) const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Observed => "OBSERVED",
        Status::Inferred => "INFERRED",
        Status::Missing => "MISSING",
    }
}

/// Where something lies: in the format's own terms, then in bytes.
pub(crate) fn place(location: &Location) -> String {
    let mut parts = Vec::new();
    if !location.place.is_empty() {
        parts.push(location.place.clone());
    }
    if let Some(component) = &location.component
        && !location.place.contains(component.as_str())
    {
        parts.push(format!("in `{component}`"));
    }
    if let Some(span) = location.span {
        parts.push(decimal_offset(span));
    }
    parts.join(", ")
}

/// The regularity of a flow.
pub(crate) fn regularity(flow: &Flow) -> String {
    let mut text = match (flow.beacon.state, flow.beacon.period_seconds) {
        (state @ (BeaconState::Periodic | BeaconState::Jittered), Some(period)) => {
            let period = time::period(period);
            format!("{}, every {period} (score {:.2})", state.name(), flow.beacon.score)
        }
        (BeaconState::Insufficient, _) => "too few to tell".to_owned(),
        (state, _) => state.name().to_owned(),
    };
    if let Some(parts) = flow.beacon.parts.filter(|_| flow.of_compromise) {
        let size = parts.size.map(|size| format!(", sizes {size:.2}")).unwrap_or_default();
        text.push_str(&format!(
            "; intervals {:.2}{size}, evenness {:.2}, duration {:.2}",
            parts.timestamp, parts.histogram, parts.duration
        ));
    }
    if let Some(innocent) = flow.beacon.innocent {
        text.push_str(&format!("; usual for {innocent}"));
    }
    text
}

/// What is sent where.
pub(crate) fn network_use(network: &NetworkUse) -> String {
    let mut text = String::new();
    if let Some(method) = &network.method {
        text.push_str(method);
        text.push(' ');
    }
    if let Some(scheme) = &network.scheme {
        text.push_str(scheme);
        text.push_str("://");
    }
    text.push_str(&network.host);
    if let Some(port) = network.port {
        text.push_str(&format!(":{port}"));
    }
    if let Some(path) = &network.path {
        text.push_str(path);
    }
    format!("{text} ({})", network.seen_in)
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart: `1,588,112`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in words: exact below ten thousand, then in decimal units.
pub(crate) fn bytes(count: u64) -> String {
    let units =
        [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    match units.into_iter().rev().find(|(_, size)| count >= 10_000 && count >= *size) {
        None => format!("{} B", grouped(count)),
        // Two significant digits say enough.
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / size as f64),
    }
}

/// Host, address and port of a flow.
pub(crate) fn destination(flow: &Flow) -> String {
    let port = flow.port.map(|port| format!(":{port}")).unwrap_or_default();
    match &flow.host {
        Some(host) if *host != flow.destination => format!("{host}{port} ({})", flow.destination),
        _ => format!("{}{port}", flow.destination),
    }
}

/// A span in words: `offset 214, 1 byte`.
pub(crate) fn decimal_offset(span: Span) -> String {
    format!("offset {}, {}", span.start, counted(span.len, "byte"))
}

/// The shape of a tensor: `[768, 14]`.
pub(crate) fn shape(shape: &[u64]) -> String {
    let axes: Vec<String> = shape.iter().take(16).map(u64::to_string).collect();
    format!("[{}{}]", axes.join(", "), if shape.len() > 16 { ", …" } else { "" })
}

/// The first `most` characters, followed by `…` when there are more.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)).into(),
    }
}

/// The last `most` characters, after `…` when there are more: a path is known by its end.
pub(crate) fn cut_start(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth_back(most) {
        None => text.into(),
        Some((before, character)) => {
            let start = before.saturating_add(character.len_utf8());
            format!("…{}", text.get(start..).unwrap_or(text)).into()
        }
    }
}
