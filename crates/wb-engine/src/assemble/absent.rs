//! What the evidence itself says is not all there: files that records name and nobody supplied, pieces of
//! identifiers without the others, logs whose records cannot be placed in time.

use super::integrity;
use super::lifecycle::Lifecycle;
use super::missing::short;
use super::roles::base_name;
use super::timeline::cut;
use crate::body::{Body, Inspected, LogRead, LogText};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, Digest, Event, EventKind, Integrity, ReadState, RecordRef};

/// Sentences of one kind at the most: more are no answer.
const MOST: usize = 4;

/// Models that logs and manifests name and that were not supplied, under that name or by their digest.
pub fn named_files(body: &Body, lifecycle: &Lifecycle<'_>) -> Vec<String> {
    let supplied: BTreeSet<&str> =
        body.artifacts.iter().map(|inspected| inspected.artifact.path.file_name()).collect();
    let mut named: BTreeMap<&str, (String, RecordRef)> = BTreeMap::new();
    for event in lifecycle.events() {
        let Some(file) = event.field("file.name").filter(|_| is_of_model(event)) else { continue };
        let how = format!(" ({})", event.kind.name());
        named.entry(base_name(file)).or_insert_with(|| (how, event.record.clone()));
    }
    let records = integrity::records(body);
    let mut known_by_digest = BTreeSet::new();
    for record in &records {
        let Some(file) = &record.file else { continue };
        let of_digest = body.artifacts.iter().any(|inspected| {
            let digest = inspected.artifact.sha256;
            digest.is_some_and(|digest| record.digest.matches(&digest) == Some(true))
        });
        if of_digest {
            known_by_digest.insert(base_name(file));
        } else if !body.logs.iter().any(|log| log.artifact.path == record.record.artifact) {
            let how = " (its digest)".to_owned();
            named.entry(base_name(file)).or_insert_with(|| (how, record.record.clone()));
        }
    }
    named
        .into_iter()
        .filter(|(name, _)| !supplied.contains(name) && !known_by_digest.contains(name))
        .take(MOST)
        .map(|(name, (how, record))| {
            let place = format!("{}:{}", record.artifact, record.line);
            format!("`{name}` is named in {place}{how} and was not supplied")
        })
        .collect()
}

/// Models that logs give a digest of and that were not supplied, though a file of that name was: it is
/// another one.
pub fn other_bytes(body: &Body, integrity: &[Integrity]) -> Vec<String> {
    let told = |record: &RecordRef| {
        integrity.iter().any(|entry| {
            let place = entry.recorded_in.as_ref();
            entry.matches == Some(false)
                && place.is_some_and(|place| {
                    place.artifact == record.artifact && place.line == record.line
                })
        })
    };
    let fits = |digest: &Digest| {
        body.artifacts.iter().any(|inspected| {
            inspected.artifact.sha256.is_some_and(|own| digest.matches(&own) != Some(false))
        })
    };
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for record in integrity::records(body) {
        let Some(file) = record.file.as_deref().map(base_name) else { continue };
        let is_of_log = body.logs.iter().any(|log| log.artifact.path == record.record.artifact);
        let supplied = body.artifacts.iter().any(|it| it.artifact.path.file_name() == file);
        if is_of_log
            && supplied
            && !fits(&record.digest)
            && !told(&record.record)
            && seen.insert(record.digest.hex.clone())
        {
            all.push(format!(
                "the `{file}` of {}:{} (digest {}) was not supplied; the files of that name are others",
                record.record.artifact,
                record.record.line,
                short(&record.digest.hex)
            ));
        }
    }
    all.truncate(MOST);
    all
}

/// Whether the file that an event names is a model that came into service.
fn is_of_model(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Load | EventKind::Deploy | EventKind::Download | EventKind::Register
    )
}

/// Pieces of identifiers whose other parts are not in the evidence.
pub fn unfinished(pieces: &[(String, &ArtifactPath, &str)]) -> Vec<String> {
    pieces
        .iter()
        .take(MOST)
        .map(|(text, artifact, place)| {
            format!(
                "`{text}` ({artifact}, {place}) looks like a piece of an identifier; the rest of it is \
                 not in the supplied evidence"
            )
        })
        .collect()
}

/// Alerts whose cause is not among the evidence; only where nothing malicious was found at work.
pub fn unexplained_alerts(body: &Body) -> Vec<String> {
    const SHOWN: usize = 2;
    let alerts = body.events().filter(|event| event.kind == EventKind::Alert);
    let shown = alerts.take(SHOWN).map(|event| {
        let RecordRef { artifact, line, .. } = &event.record;
        let text = cut(&event.message, 100);
        format!(
            "nothing in the supplied evidence explains the alert in {artifact}:{line}: `{text}`"
        )
    });
    shown.collect()
}

/// Files that hold nothing, or less than they should: somebody may have emptied or cut them.
pub fn damaged(body: &Body) -> Vec<String> {
    let mut all: Vec<String> = body
        .artifacts
        .iter()
        .filter(|inspected| inspected.artifact.size == 0 && looks_like_evidence(inspected))
        .map(|inspected| format!("`{}` is empty: what it held is lost", inspected.artifact.path))
        .collect();
    all.extend(
        body.artifacts
            .iter()
            .filter(|inspected| inspected.artifact.size > 0 && looks_like_evidence(inspected))
            .filter(|inspected| inspected.coverage.state == ReadState::Unread)
            .map(|inspected| {
                format!("`{}` cannot be read as a log or capture", inspected.artifact.path)
            }),
    );
    all.extend(body.logs.iter().filter(|log| ends_early(log)).map(|log| {
        format!("`{}` ends in the middle of a line: its end may be cut off", log.artifact.path)
    }));
    all.truncate(MOST);
    all
}

/// Whether a name promises records. What a file is, its content says; one without content has only a name.
fn looks_like_evidence(inspected: &Inspected) -> bool {
    const ENDINGS: &[&str] = &["log", "pcap", "pcapng", "evtx", "jsonl", "journal", "csv"];
    let name = inspected.artifact.path.file_name().to_ascii_lowercase();
    name.rsplit('.').take(2).any(|ending| ENDINGS.contains(&ending))
}

/// Whether the text of a log of several lines ends without a line break, though every other line has one.
fn ends_early(log: &LogRead) -> bool {
    let is_text = !matches!(log.artifact.format, Some("packets" | "mail" | "csv"));
    let last = match &log.text {
        LogText::Decoded(bytes) => bytes.last().copied(),
        LogText::File(path) => last_byte(path),
        // A stream that was cut does not decode to its end, and says so.
        LogText::Compressed { .. } => None,
    };
    is_text && log.summary.lines > 1 && last.is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn last_byte(path: &std::path::Path) -> Option<u8> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path).ok()?;
    file.seek(SeekFrom::End(-1)).ok()?;
    let mut byte = [0];
    file.read_exact(&mut byte).ok()?;
    byte.first().copied()
}

/// Logs whose records have no year, and no other evidence gives it: they stand in no order with the rest.
pub fn undated(body: &Body) -> Vec<&ArtifactPath> {
    let is_undated = |log: &&LogRead| {
        log.summary.lacks_year && log.summary.range.is_none() && log.summary.understood > 0
    };
    body.logs.iter().filter(is_undated).map(|log| &log.artifact.path).collect()
}
