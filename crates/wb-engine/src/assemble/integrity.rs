//! Integrity: digests as recorded in logs and manifests against files as they are, three ways: match,
//! mismatch, unrecorded.

use super::roles::base_name;
use crate::body::{Body, Inspected};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    ArtifactPath, Digest, DigestAlgorithm, Integrity, RecordRef, RecordedDigest, Role,
    RoleAssignment,
};

/// A digest with the record it stands in.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The file it is said to be of.
    pub file: Option<String>,
    /// The digest.
    pub digest: Digest,
    /// The record.
    pub record: RecordRef,
}

/// Every recorded digest of the case, logs first.
pub fn records(body: &Body) -> Vec<Recorded> {
    let from_logs = body.logs.iter().flat_map(|log| {
        log.summary.digests.iter().map(|digest| recorded(&log.artifact.path, digest))
    });
    let from_files = body.artifacts.iter().flat_map(|inspected| {
        let path = &inspected.artifact.path;
        inspected.content.digests.iter().map(move |digest| recorded(path, digest))
    });
    from_logs.chain(from_files).collect()
}

fn recorded(artifact: &ArtifactPath, digest: &RecordedDigest) -> Recorded {
    Recorded {
        file: digest.file.clone(),
        digest: digest.digest.clone(),
        record: RecordRef {
            artifact: artifact.clone(),
            line: digest.line,
            offset: digest.span.map_or(0, |span| span.start),
        },
    }
}

/// Compares every model, and every other file that a record names, with the records about it.
pub fn compare(body: &Body, roles: &BTreeMap<ArtifactPath, RoleAssignment>) -> Vec<Integrity> {
    let records = records(body);
    let times = times(body);
    let mut all = Vec::new();
    for inspected in &body.artifacts {
        let is_whole = inspected.family == Some(wb_formats::Family::Model)
            && body.model_around(&inspected.artifact.path).is_none();
        let role = roles.get(&inspected.artifact.path).map_or(Role::Other, |given| given.role);
        let about = without_outdated(about(inspected, role, &records, body), role, &times);
        if !about.is_empty() {
            all.extend(about);
        } else if is_whole {
            all.extend(unrecorded(inspected));
        }
    }
    all
}

/// A comparison, and whether the record names the file rather than only fitting it.
type Compared = (Integrity, bool);

/// When the records of digests in logs were written, by log and line.
fn times(body: &Body) -> BTreeMap<(ArtifactPath, u64), Timestamp> {
    let mut times = BTreeMap::new();
    for log in &body.logs {
        let lines: BTreeSet<u64> = log.summary.digests.iter().map(|digest| digest.line).collect();
        let events = log.events.iter().filter(|event| lines.contains(&event.record.line));
        for (event, time) in events.filter_map(|event| Some((event, event.timestamp()?))) {
            times.entry((log.artifact.path.clone(), event.record.line)).or_insert(time);
        }
    }
    times
}

/// Leaves out mismatches with a log's record when a later record about the same file fits: the file was
/// replaced since, and that is on record too. A baseline is what was there before: once a record fits it,
/// later ones are about what took its place. Manifests have no time and always count.
fn without_outdated(
    all: Vec<Compared>,
    role: Role,
    times: &BTreeMap<(ArtifactPath, u64), Timestamp>,
) -> Vec<Integrity> {
    let time = |entry: &Integrity| {
        let record = entry.recorded_in.as_ref()?;
        times.get(&(record.artifact.clone(), record.line)).copied()
    };
    let fits = |(entry, named): &&Compared| *named && entry.matches == Some(true);
    let fitted = all.iter().filter(fits).filter_map(|(entry, _)| time(entry)).max();
    let outdated = |entry: &Integrity| {
        entry.matches == Some(false)
            && time(entry)
                .zip(fitted)
                .is_some_and(|(written, fitted)| written < fitted || role == Role::Baseline)
    };
    all.into_iter().map(|(entry, _)| entry).filter(|entry| !outdated(entry)).collect()
}

/// Whether the file of which the record speaks may be a namesake of `inspected` that it fits. The one that
/// runs stays answerable: a copy beside it that still fits shows what it should be.
fn means_namesake(record: &Recorded, inspected: &Inspected, role: Role, body: &Body) -> bool {
    role != Role::Production
        && record.file.as_deref().is_some_and(|file| {
            body.artifacts.iter().any(|other| {
                other.artifact.path != inspected.artifact.path
                    && names(file, other, body)
                    && other
                        .artifact
                        .sha256
                        .is_some_and(|actual| record.digest.matches(&actual) == Some(true))
            })
        })
}

/// What the records say about one artifact. The same value recorded twice is named once per place.
fn about(inspected: &Inspected, role: Role, records: &[Recorded], body: &Body) -> Vec<Compared> {
    let Some(actual) = inspected.artifact.sha256 else { return Vec::new() };
    let sha256 = |record: &&Recorded| record.digest.algorithm == DigestAlgorithm::Sha256;
    let records: Vec<(&Recorded, bool)> = records
        .iter()
        .filter(sha256)
        .map(|record| {
            let named = record.file.as_deref().is_some_and(|file| names(file, inspected, body));
            (record, named)
        })
        .collect();
    // A list of several releases has a file of the same name in each; it is the one it fits.
    let is_in_list = |record: &Recorded| {
        records.iter().any(|(other, named)| {
            *named
                && other.digest.matches(&actual) == Some(true)
                && other.record.artifact == record.record.artifact
                && other.file != record.file
        })
    };
    let meant = |record: &Recorded| is_meant(record, &records, inspected, body);
    let mut found = Vec::new();
    for (record, named) in &records {
        let matches = record.digest.matches(&actual);
        let named = *named && (matches == Some(true) || (!is_in_list(record) && meant(record)));
        // A digest that fits the file is about it under whatever name it was recorded: files get renamed.
        // A prefix has to be of some length before it says as much.
        let fits = matches == Some(true) && record.digest.hex.len() >= 16;
        if fits || (named && !means_namesake(record, inspected, role, body)) {
            let entry = Integrity {
                artifact: inspected.artifact.path.clone(),
                actual: actual.to_string(),
                recorded: Some(record.digest.hex.clone()),
                recorded_in: Some(record.record.clone()),
                matches,
            };
            found.push((entry, named));
        }
    }
    found
}

/// Whether a list that has several files of this name, none of which fits, means this one by `record`: the one
/// whose folder has its name in a file beside this one, such as `7.4.2/` beside `model-7.4.2.joblib`, or else
/// the first.
fn is_meant(
    record: &Recorded,
    records: &[(&Recorded, bool)],
    inspected: &Inspected,
    body: &Body,
) -> bool {
    let folder = |path: &str| path.rsplit_once('/').map_or("", |(up, _)| up).to_owned();
    let here = folder(inspected.artifact.path.as_str());
    let beside = || {
        let paths = body.artifacts.iter().map(|other| &other.artifact.path);
        paths.filter(|path| folder(path.as_str()) == here).map(ArtifactPath::file_name)
    };
    let fits_here = |record: &Recorded| {
        let up = folder(record.file.as_deref().unwrap_or_default());
        up.split('/').any(|part| part.len() > 2 && beside().any(|name| name.contains(part)))
    };
    let rivals = || {
        let named = records.iter().filter(|(_, named)| *named).map(|(other, _)| *other);
        named.filter(|other| other.record.artifact == record.record.artifact)
    };
    if rivals().all(|other| other.file == record.file) {
        return true;
    }
    match rivals().find(|other| fits_here(other)) {
        Some(_) => fits_here(record),
        None => rivals().next().is_some_and(|first| first.file == record.file),
    }
}

fn unrecorded(inspected: &Inspected) -> Option<Integrity> {
    Some(Integrity {
        artifact: inspected.artifact.path.clone(),
        actual: inspected.artifact.sha256?.to_string(),
        recorded: None,
        recorded_in: None,
        matches: None,
    })
}

/// Whether the name `recorded` means this artifact: the longest suffix of path components decides among
/// files of one name.
fn names(recorded: &str, inspected: &Inspected, body: &Body) -> bool {
    let path = inspected.artifact.path.as_str();
    if base_name(recorded) != inspected.artifact.path.file_name() {
        return false;
    }
    let here = common_suffix(recorded, path);
    let best = body
        .artifacts
        .iter()
        .map(|other| common_suffix(recorded, other.artifact.path.as_str()))
        .max();
    best == Some(here)
}

/// How many trailing path components two paths share.
fn common_suffix(a: &str, b: &str) -> usize {
    let split = |path: &str| -> Vec<String> {
        path.split(['/', '\\']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (a, b) = (split(a), split(b));
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
