//! Findings of rules over events. They rest on records, and leave the verdict on the log as it is: a log is
//! evidence, nothing in it runs. They are told beside what the artifacts show and decide nothing about those.

use super::timeline::cut;
use crate::body::Body;
use std::collections::BTreeMap;
use wb_core::{
    ArtifactPath, Evidence, Finding, FindingBuilder, Location, RecordRef, Severity, Span, Verdict,
};
use wb_sigma::{Hit, Match, Rule};

/// Longest raw record in a finding, in characters.
const LONGEST_RAW: usize = 240;

/// Raw records by log: number and text, in order.
pub type Excerpts = BTreeMap<ArtifactPath, Vec<(u64, String)>>;

/// The records that findings will cite.
pub fn records(body: &Body) -> impl Iterator<Item = &RecordRef> {
    body.detections.iter().flat_map(|(_, found)| &found.hits).map(|hit| &hit.record)
}

/// The findings, with the raw records out of `excerpts`.
pub fn findings(body: &Body, excerpts: &Excerpts) -> Vec<Finding> {
    let built = body.detections.iter().filter_map(|(rule, found)| finding(rule, found, excerpts));
    built.collect()
}

/// Whether a person must look at what a rule found.
pub fn needs_a_look(rule: &Rule) -> bool {
    rule.severity >= Severity::High
}

fn finding(rule: &Rule, found: &Match, excerpts: &Excerpts) -> Option<Finding> {
    // What completed a correlation is its last record; else the first match stands for all.
    let main = if found.correlated { found.hits.last() } else { found.hits.first() }?;
    let verdict = if needs_a_look(rule) { Verdict::Suspicious } else { Verdict::Clean };
    let location = location(&main.record, excerpts);
    let mut builder =
        FindingBuilder::new(rule.name, &main.record.artifact, location, headline(rule, found))
            .severity(rule.severity)
            .confidence(wb_core::Confidence::Medium)
            .verdict(verdict)
            .techniques(rule.techniques)
            .next(next(rule));
    for hit in &found.hits {
        builder = builder.evidence(Evidence {
            artifact: hit.record.artifact.clone(),
            location: self::location(&hit.record, excerpts),
            because: because(hit, excerpts),
        });
    }
    Some(builder.build())
}

fn headline(rule: &Rule, found: &Match) -> String {
    let mut text = rule.title.to_owned();
    let group: Vec<String> =
        found.group.iter().map(|(name, value)| format!("{name} `{}`", cut(value, 60))).collect();
    if !group.is_empty() {
        text.push_str(&format!(": {}", group.join(", ")));
    }
    if found.count > 1 {
        text.push_str(&format!(" ({} times)", found.count));
    }
    text
}

fn next(rule: &Rule) -> String {
    let mut text = "look at the records and at what ran before them".to_owned();
    if !rule.false_positives.is_empty() {
        text.push_str("; it may also be: ");
        let all: Vec<String> = rule.false_positives.iter().map(|text| lower(text)).collect();
        text.push_str(&all.join("; "));
    }
    text
}

/// A sentence as a clause: its first letter is lower case if the next one is.
fn lower(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// What matched, and the record as it stands in the log.
fn because(hit: &Hit, excerpts: &Excerpts) -> String {
    let fields: Vec<String> =
        hit.because.iter().map(|(name, value)| format!("{name} `{value}`")).collect();
    let raw = raw(&hit.record, excerpts).map(|text| cut(text.trim(), LONGEST_RAW));
    match (fields.is_empty(), raw) {
        (false, Some(raw)) => format!("{}: {raw}", fields.join(", ")),
        (true, Some(raw)) => raw,
        (_, None) => fields.join(", "),
    }
}

fn raw<'a>(record: &RecordRef, excerpts: &'a Excerpts) -> Option<&'a str> {
    let lines = excerpts.get(&record.artifact)?;
    let at = lines.binary_search_by_key(&record.line, |(number, _)| *number).ok()?;
    lines.get(at).map(|(_, text)| text.as_str())
}

fn location(record: &RecordRef, excerpts: &Excerpts) -> Location {
    let length = raw(record, excerpts).map_or(0, |text| text.len() as u64);
    let span = (length > 0).then(|| Span::new(record.offset, length));
    Location { span, ..Location::line(record.line) }
}
