//! Contradictions: what the evidence says against itself. None of them decides anything; each is a
//! question that the analyst has to be told.

use super::moments::{Moment, is_load};
use super::timeline::cut;
use crate::body::Body;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use wb_code::indicators::requests;
use wb_core::{
    Answers, Contradiction, Event, EventKind, Finding, Integrity, KeyMoment, NetworkUse, Role,
    RoleAssignment, Trigger, Verdict,
};

/// A payload that runs at load and talks later than this after the last load has not been explained.
const EXPLAINED: SignedDuration = SignedDuration::from_mins(30);

/// Finds the contradictions.
pub fn find(
    body: &Body,
    findings: &[Finding],
    roles: &BTreeMap<wb_core::ArtifactPath, RoleAssignment>,
    integrity: &[Integrity],
    moments: &BTreeMap<KeyMoment, Moment>,
    answers: &Answers,
) -> Vec<Contradiction> {
    let mut all = digests(integrity, roles);
    all.extend(payload_and_capture(body, findings, answers));
    all.extend(trigger(body, findings, moments));
    all.extend(quiet_claims(body, moments));
    all
}

/// A record gives one digest, the file has another.
fn digests(
    integrity: &[Integrity],
    roles: &BTreeMap<wb_core::ArtifactPath, RoleAssignment>,
) -> Vec<Contradiction> {
    let mut all = Vec::new();
    for entry in integrity.iter().filter(|entry| entry.matches == Some(false)) {
        let (Some(recorded), Some(record)) = (&entry.recorded, &entry.recorded_in) else {
            continue;
        };
        let role = roles.get(&entry.artifact).map_or(Role::Other, |role| role.role);
        all.push(Contradiction {
            what: format!(
                "the {} file `{}` is not what was recorded: SHA-256 {} instead of {}",
                role.name(),
                entry.artifact,
                short(&entry.actual),
                short(recorded)
            ),
            evidence: vec![
                format!("{}:{}", record.artifact, record.line),
                format!("{} (SHA-256 {})", entry.artifact, entry.actual),
            ],
        });
    }
    all
}

fn short(hex: &str) -> String {
    hex.get(..16).map_or_else(|| hex.to_owned(), |head| format!("{head}…"))
}

/// What the payload would send against what was captured, field by field.
fn payload_and_capture(body: &Body, findings: &[Finding], answers: &Answers) -> Vec<Contradiction> {
    let mut all = Vec::new();
    let captured = answers.network.iter().filter(|network| network.seen_in == "capture");
    for capture in captured {
        let same_host = |sent: &&NetworkUse| sent.seen_in == "payload" && sent.host == capture.host;
        let Some(sent) = answers.network.iter().find(same_host) else { continue };
        let mut differs = |name: &str, payload: String, capture: String| {
            if payload != capture && !payload.is_empty() && !capture.is_empty() {
                all.push(Contradiction {
                    what: format!(
                        "the payload would use {name} `{payload}`, the capture shows `{capture}`: \
                         another version of it, a second stage or a proxy"
                    ),
                    evidence: vec![format!("payload for {}", sent.host), "capture".to_owned()],
                });
            }
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        differs("method", text(&sent.method), text(&capture.method));
        differs("path", text(&sent.path), text(&capture.path));
        differs("scheme", text(&sent.scheme), text(&capture.scheme));
    }
    all.extend(body_keys(body, findings, answers));
    all
}

/// Keys in a captured body that the payload does not send, and the other way round.
fn body_keys(body: &Body, findings: &[Finding], answers: &Answers) -> Vec<Contradiction> {
    let hosts: BTreeSet<&str> =
        answers.network.iter().map(|network| network.host.as_str()).collect();
    let mut sent = BTreeSet::new();
    for finding in findings.iter().filter(|finding| finding.verdict >= Verdict::Suspicious) {
        for payload in &finding.payloads {
            for request in requests(&payload.text) {
                if hosts.contains(request.host.as_str()) {
                    sent.extend(request.body_keys);
                }
            }
        }
    }
    let mut all = Vec::new();
    if sent.is_empty() {
        return all;
    }
    for event in body.events().filter(|event| event.kind == EventKind::Exchange) {
        let Some(content) = event.field("http.request.body.content") else { continue };
        let keys: BTreeSet<String> = content
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, _)| key.trim().to_owned())
            .collect();
        if keys.is_disjoint(&sent) {
            continue;
        }
        for extra in keys.difference(&sent) {
            all.push(Contradiction {
                what: format!(
                    "the capture has a field `{extra}` that the payload does not send: another \
                     version of it, or a second stage"
                ),
                evidence: vec![
                    format!("{}:{}", event.record.artifact, event.record.line),
                    format!("the payload sends {}", quoted(&sent)),
                ],
            });
        }
    }
    all
}

fn quoted(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A payload that runs at load, with traffic that no load explains.
fn trigger(
    body: &Body,
    findings: &[Finding],
    moments: &BTreeMap<KeyMoment, Moment>,
) -> Vec<Contradiction> {
    let at_load = findings.iter().any(|finding| {
        finding.verdict == Verdict::Malicious && finding.trigger == Some(Trigger::Load)
    });
    let Some(outbound) = moments.get(&KeyMoment::FirstOutbound).filter(|_| at_load) else {
        return Vec::new();
    };
    let is_load = |event: &&Event| event.kind == EventKind::Restart || is_load(event);
    let last = body
        .events()
        .filter(is_load)
        .filter_map(|event| Some((event, event.timestamp()?)))
        .filter(|(_, time)| *time <= outbound.time.timestamp)
        .max_by_key(|(_, time)| *time);
    let Some((load, time)) = last else { return Vec::new() };
    let between = outbound.time.timestamp.duration_since(time);
    if between <= EXPLAINED {
        return Vec::new();
    }
    vec![Contradiction {
        what: format!(
            "the payload runs when the model is loaded, but the last load on record is {} before the \
             first connection: a load that was not logged, or another trigger",
            in_words(between)
        ),
        evidence: vec![
            format!("{}:{}", load.record.artifact, load.record.line),
            format!("{}:{}", outbound.record.artifact, outbound.record.line),
        ],
    }]
}

/// A duration in its largest sensible unit.
pub fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s >= 2 * 86_400 => format!("{} days", s / 86_400),
        s if s >= 2 * 3_600 => format!("{} hours", s / 3_600),
        s if s >= 120 => format!("{} minutes", s / 60),
        s => format!("{s} seconds"),
    }
}

/// Records that say nothing changed, written while something had.
fn quiet_claims(body: &Body, moments: &BTreeMap<KeyMoment, Moment>) -> Vec<Contradiction> {
    let Some(introduced) = moments.get(&KeyMoment::Introduced) else { return Vec::new() };
    let unlogged = matches!(introduced.kind, EventKind::Change | EventKind::Exec);
    let mut all = Vec::new();
    for event in body.events().filter(|event| event.kind == EventKind::Health && unlogged) {
        let message = event.message.to_lowercase();
        let denies = message.contains("none") || message.contains("no change");
        let near = event.timestamp().is_some_and(|time| {
            let after = time.duration_since(introduced.time.timestamp);
            after >= SignedDuration::ZERO && after <= SignedDuration::from_hours(24)
        });
        if denies && near {
            all.push(Contradiction {
                what: format!(
                    "a record says `{}`, after a change that nothing orders",
                    cut(&event.message, 80)
                ),
                evidence: vec![
                    format!("{}:{}", event.record.artifact, event.record.line),
                    format!("{}:{}", introduced.record.artifact, introduced.record.line),
                ],
            });
        }
    }
    all
}
