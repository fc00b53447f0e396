//! Searching: indicators of findings in every log, and the raw text of the records a case refers to.

use super::destinations::mentions;
use crate::body::{Body, LogRead};
use aho_corasick::{AhoCorasick, MatchKind};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    ArtifactPath, Finding, IndexedIndicator, Indicator, IndicatorKind, RecordRef, SeenAgain,
};

/// Hits kept per indicator and log at the most.
const HITS: usize = 20;

/// Lines shown around a record, on each side.
const AROUND: u64 = 2;

/// Longest line kept as raw text, in bytes.
const LONGEST_LINE: usize = 2_000;

/// Where each searchable indicator stands in the logs.
pub type Hits = BTreeMap<Indicator, Vec<RecordRef>>;

/// Searches every log for the indicators of `findings`.
pub fn in_logs(body: &Body, findings: &[Finding]) -> Hits {
    let wanted: BTreeSet<Indicator> = findings
        .iter()
        .flat_map(|finding| &finding.indicators)
        .filter(|indicator| is_searchable(indicator))
        .cloned()
        .collect();
    let wanted: Vec<Indicator> = wanted.into_iter().collect();
    let patterns = wanted.iter().map(Indicator::value);
    let Ok(searcher) = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .build(patterns)
    else {
        return Hits::new();
    };
    let found = body.logs.par_iter().map(|log| {
        let mut hits = Hits::new();
        search_log(log, &wanted, &searcher, &mut hits);
        hits
    });
    let mut hits = Hits::new();
    for (indicator, records) in found.collect::<Vec<Hits>>().into_iter().flatten() {
        hits.entry(indicator).or_default().extend(records);
    }
    hits
}

/// Whether an indicator says enough to be looked for: short words stand everywhere.
fn is_searchable(indicator: &Indicator) -> bool {
    let least = match indicator.kind() {
        IndicatorKind::Ip | IndicatorKind::Domain | IndicatorKind::Identifier => 4,
        IndicatorKind::Path => 6,
        IndicatorKind::Env | IndicatorKind::Account => 8,
        _ => 10,
    };
    indicator.value().len() >= least && indicator.kind() != IndicatorKind::Callable
}

fn search_log(log: &LogRead, wanted: &[Indicator], searcher: &AhoCorasick, hits: &mut Hits) {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for_each_line(log, |number, offset, line| {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        for hit in searcher.find_overlapping_iter(line) {
            found.insert(hit.pattern().as_usize());
        }
        if found.is_empty() {
            return true;
        }
        let text = String::from_utf8_lossy(line);
        let lower = text.to_lowercase();
        for index in found {
            let Some(indicator) = wanted.get(index) else { continue };
            let count = counts.entry(index).or_default();
            if *count >= HITS || !mentions(&lower, &indicator.value().to_lowercase()) {
                continue;
            }
            *count += 1;
            let record = RecordRef { artifact: log.artifact.path.clone(), line: number, offset };
            hits.entry(indicator.clone()).or_default().push(record);
        }
        true
    });
}

/// The hits of each finding, by its position.
pub fn seen_again(findings: &[Finding], hits: &Hits) -> BTreeMap<usize, Vec<SeenAgain>> {
    let mut all = BTreeMap::new();
    for (position, finding) in findings.iter().enumerate() {
        let mut again = Vec::new();
        for indicator in &finding.indicators {
            for record in hits.get(indicator).into_iter().flatten() {
                again.push(SeenAgain { indicator: indicator.clone(), record: record.clone() });
            }
        }
        again.sort();
        again.dedup();
        if !again.is_empty() {
            all.insert(position, again);
        }
    }
    all
}

/// Every indicator with its places: findings first, then log lines.
pub fn index(
    findings: &[Finding],
    hits: &Hits,
    more: impl IntoIterator<Item = (Indicator, ArtifactPath, String)>,
) -> Vec<IndexedIndicator> {
    let mut places: BTreeMap<Indicator, Vec<(ArtifactPath, String)>> = BTreeMap::new();
    let mut add = |indicator: Indicator, artifact: ArtifactPath, place: String| {
        let list = places.entry(indicator).or_default();
        if !list.iter().any(|known| *known == (artifact.clone(), place.clone())) {
            list.push((artifact, place));
        }
    };
    for finding in findings {
        for indicator in &finding.indicators {
            add(indicator.clone(), finding.artifact.clone(), finding.location.place.clone());
        }
    }
    for (indicator, records) in hits {
        for record in records {
            add(indicator.clone(), record.artifact.clone(), format!("line {}", record.line));
        }
    }
    for (indicator, artifact, place) in more {
        add(indicator, artifact, place);
    }
    places.into_iter().map(|(indicator, sources)| IndexedIndicator { indicator, sources }).collect()
}

/// The raw text of `records` and of their neighbours, by log.
pub fn excerpts(
    body: &Body,
    records: &BTreeSet<RecordRef>,
) -> BTreeMap<ArtifactPath, Vec<(u64, String)>> {
    let mut all = BTreeMap::new();
    for log in &body.logs {
        let wanted: BTreeSet<u64> = records
            .iter()
            .filter(|record| record.artifact == log.artifact.path)
            .flat_map(|record| {
                record.line.saturating_sub(AROUND)..=record.line.saturating_add(AROUND)
            })
            .collect();
        let Some(&last) = wanted.last() else { continue };
        let mut lines = Vec::new();
        for_each_line(log, |number, _, line| {
            if wanted.contains(&number) {
                let shown = line.get(..line.len().min(LONGEST_LINE)).unwrap_or(line);
                lines.push((number, String::from_utf8_lossy(shown).into_owned()));
            }
            number < last
        });
        all.insert(log.artifact.path.clone(), lines);
    }
    all
}

/// Hands each line of a log to `visit` until it says no, with its number from 1 and the offset of its first
/// byte. Only the first megabyte of a line is kept. A log that can no longer be read ends early: its coverage
/// already says what was read.
fn for_each_line(log: &LogRead, mut visit: impl FnMut(u64, u64, &[u8]) -> bool) {
    let Ok(mut reader) = log.text.open() else { return };
    if log.artifact.format == Some(wb_logs::CAPTURE) {
        let mut wanted = true;
        let mut said = |number, offset, text: &str| {
            wanted = wanted && visit(number, offset, text.as_bytes());
        };
        // A capture that can no longer be read ends early, like any log.
        drop(wb_logs::capture_records(&mut *reader, &mut said));
        return;
    }
    let (mut number, mut offset) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let Ok(read) = read_line(&mut *reader, &mut line) else { return };
        if read == 0 {
            return;
        }
        number += 1;
        let end =
            line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        if !visit(number, offset, line.get(..end).unwrap_or(&line)) {
            return;
        }
        offset += read;
    }
}

/// Longest part of a line that is searched, in bytes.
const SEARCHED: usize = 1 << 20;

/// Reads one line into `line`, keeping its first [`SEARCHED`] bytes, and returns its whole length.
fn read_line(reader: &mut dyn std::io::BufRead, line: &mut Vec<u8>) -> std::io::Result<u64> {
    let mut total = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(total);
        }
        let end = memchr::memchr(b'\n', buffer).map(|at| at + 1);
        let used = end.unwrap_or(buffer.len());
        let room = SEARCHED.saturating_sub(line.len());
        line.extend_from_slice(buffer.get(..used.min(room)).unwrap_or(buffer));
        reader.consume(used);
        total += used as u64;
        if end.is_some() {
            return Ok(total);
        }
    }
}
