//! Contradictions: what the evidence says against itself. None of them decides anything; each is a
//! question that the analyst has to be told.

use super::integrity::{Recorded, records};
use super::missing::{short, stamp};
use super::moments::{Moment, is_load};
use super::roles::base_name;
use super::timeline::cut;
use crate::body::Body;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Compared, Contradiction, Digest, Event, EventKind, Finding, Flow, Integrity, KeyMoment, Role,
    RoleAssignment, Trigger, Verdict,
};

/// A payload that runs at load and talks later than this after the last load has not been explained.
const EXPLAINED: SignedDuration = SignedDuration::from_mins(30);

/// Seconds by which records of one connection are apart when clocks are to blame: less is the way of the
/// packet, more is another connection.
const CLOCKS_APART: std::ops::RangeInclusive<i64> = 5..=600;

/// Changed digests that are told at the most.
const MOST_CHANGES: usize = 4;

/// Finds the contradictions.
pub fn find(
    body: &Body,
    findings: &[Finding],
    roles: &BTreeMap<wb_core::ArtifactPath, RoleAssignment>,
    integrity: &[Integrity],
    moments: &BTreeMap<KeyMoment, Moment>,
    exchanges: &[Compared],
    flows: &[Flow],
) -> Vec<Contradiction> {
    let mut all = digests(integrity, roles);
    all.extend(payload_and_capture(exchanges));
    all.extend(trigger(body, findings, moments));
    all.extend(quiet_claims(body, moments));
    all.extend(changed_digests(body));
    all.extend(clocks(flows));
    all
}

/// A log gives one file two digests, and nothing between says that it was to change.
fn changed_digests(body: &Body) -> Vec<Contradiction> {
    let mut last: BTreeMap<(&wb_core::ArtifactPath, &str), &Recorded> = BTreeMap::new();
    let records = records(body);
    let mut all = Vec::new();
    for record in &records {
        let Some(file) = record.file.as_deref().map(base_name) else { continue };
        let Some(log) = body.logs.iter().find(|log| log.artifact.path == record.record.artifact)
        else {
            continue;
        };
        let before = last.insert((&record.record.artifact, file), record);
        let Some(before) = before.filter(|before| !agree(&before.digest, &record.digest)) else {
            continue;
        };
        let lines = before.record.line..=record.record.line;
        let ordered = log.events.iter().any(|event| {
            lines.contains(&event.record.line)
                && (matches!(event.kind, EventKind::Request | EventKind::Approve)
                    || event.field("change.id").is_some())
        });
        if !ordered {
            all.push(Contradiction {
                what: format!(
                    "the digest recorded for `{file}` changed from {} to {}, and no record between \
                     orders a change",
                    short(&before.digest.hex),
                    short(&record.digest.hex)
                ),
                evidence: [before, record]
                    .map(|at| format!("{}:{}", at.record.artifact, at.record.line))
                    .to_vec(),
            });
        }
    }
    all.truncate(MOST_CHANGES);
    all
}

fn agree(one: &Digest, other: &Digest) -> bool {
    one.algorithm != other.algorithm
        || one.hex.starts_with(&other.hex)
        || other.hex.starts_with(&one.hex)
}

/// One connection in two logs at two times: the clocks are apart, or there were two connections. Nothing in
/// the records decides which.
fn clocks(flows: &[Flow]) -> Vec<Contradiction> {
    let hostile: Vec<&Flow> = flows.iter().filter(|flow| flow.of_compromise).collect();
    let mut all = Vec::new();
    for (index, one) in hostile.iter().enumerate() {
        for other in hostile.iter().skip(index.saturating_add(1)) {
            let same = one.destination == other.destination && one.port == other.port;
            let apart = one.first.duration_since(other.first).abs();
            if !same
                || one.first_record.artifact == other.first_record.artifact
                || !CLOCKS_APART.contains(&apart.as_secs())
            {
                continue;
            }
            all.push(Contradiction {
                what: format!(
                    "the first connection to {} stands at {} in one log and at {} in another: their \
                     clocks are {} apart, or these are two connections",
                    one.destination,
                    stamp(one.first),
                    stamp(other.first),
                    in_words(apart)
                ),
                evidence: [&one.first_record, &other.first_record]
                    .map(|record| format!("{}:{}", record.artifact, record.line))
                    .to_vec(),
            });
        }
    }
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

/// Where the payload and the capture differ.
fn payload_and_capture(exchanges: &[Compared]) -> Vec<Contradiction> {
    let differs = exchanges.iter().filter(|compared| compared.agrees == Some(false));
    let mut all: Vec<Contradiction> = Vec::new();
    for compared in differs {
        let contradiction = match (&compared.payload, &compared.capture) {
            (Some(payload), Some(capture)) => Contradiction {
                what: format!(
                    "the payload would use {} `{payload}`, the capture shows `{capture}`: another \
                     version of it, a second stage or a proxy",
                    compared.field
                ),
                evidence: vec![format!("payload for {}", compared.host), "capture".to_owned()],
            },
            _ => Contradiction {
                what: format!(
                    "the capture has a {} that the payload does not send: another version of it, or a \
                     second stage",
                    compared.field
                ),
                evidence: extra_field(compared, exchanges),
            },
        };
        if !all.contains(&contradiction) {
            all.push(contradiction);
        }
    }
    all
}

/// Where a field stands that the payload does not send, and what it does send.
fn extra_field(extra: &Compared, exchanges: &[Compared]) -> Vec<String> {
    let sent: BTreeSet<&str> = exchanges
        .iter()
        .filter(|other| other.record == extra.record && other.payload.is_some())
        .filter_map(|other| other.field.strip_prefix("field "))
        .collect();
    let sent: Vec<&str> = sent.into_iter().collect();
    let record = extra.record.iter().map(|at| format!("{}:{}", at.artifact, at.line));
    record.chain([format!("the payload sends {}", sent.join(", "))]).collect()
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
    // A payload that waits talks late by its own doing.
    let waits = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Malicious)
        .flat_map(|finding| &finding.payloads)
        .filter_map(|payload| longest_wait(&payload.text))
        .max()
        .unwrap_or(SignedDuration::ZERO);
    // Half as much again is room for jitter.
    if between <= EXPLAINED.saturating_add(waits).saturating_add(waits / 2) {
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

/// The longest pause that a command or script orders: `sleep 600`, `sleep 2h`, `time.sleep(21600)`.
pub fn longest_wait(code: &str) -> Option<SignedDuration> {
    let after = code.match_indices("sleep").filter_map(|(at, word)| code.get(at + word.len()..));
    let waits = after.filter_map(|rest| {
        let rest = rest.trim_start_matches([' ', '(']);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count().min(9);
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.get(digits..)?.chars().next() {
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => 1,
        };
        Some(SignedDuration::from_secs(number.saturating_mul(unit)))
    });
    waits.max()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_read_from_shell_and_python() {
        let seconds = |code: &str| longest_wait(code).map(|wait| wait.as_secs());
        assert_eq!(seconds("while sleep 21600; do id; done"), Some(21_600));
        assert_eq!(seconds("time.sleep(5); sleep 2h"), Some(7_200));
        assert_eq!(seconds("sleep $X; sleepy"), None);
    }
}
