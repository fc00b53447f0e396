//! [`Hit`]: a record that a rule matches; [`Hits`]: those of one log, bounded.

use crate::fields::Record;
use rsigma_eval::FieldMatch;
use rsigma_eval::event::EventValue;
use std::collections::BTreeMap;
use wb_core::{EventKind, Instant, RecordRef};

/// Hits of one rule that are kept of one log, or of one stretch of it.
const PER_RULE: u32 = 20_000;

/// Hits that are kept of one log.
const ALL: usize = 50_000;

/// Longest text that is kept of a value, in characters.
const LONGEST: usize = 160;

/// Fields that are told of a match.
const TOLD: usize = 4;

/// A record that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule, by its place in the set.
    pub rule: usize,
    /// When.
    pub time: Option<Instant>,
    /// The record.
    pub record: RecordRef,
    /// The log source that read it.
    pub source: &'static str,
    /// What happened.
    pub kind: EventKind,
    /// What matched: fields by the rule's names, and their values.
    pub because: Vec<(String, String)>,
    /// What correlations and rules about new values need, by the rule's names.
    pub(crate) values: Vec<(String, String)>,
}

impl Hit {
    pub(crate) fn of<'a>(
        rule: usize,
        record: &Record<'_>,
        fields: &[FieldMatch],
        wanted: impl Iterator<Item = &'a str>,
    ) -> Self {
        let event = record.event;
        let because = fields.iter().map(|field| (field.field.clone(), short(&told(&field.value))));
        let values =
            wanted.filter_map(|name| Some((name.to_owned(), plain(&record.value(name)?)?)));
        Self {
            rule,
            time: event.time,
            record: event.record.clone(),
            source: event.source,
            kind: event.kind,
            because: because.take(TOLD).collect(),
            values: values.collect(),
        }
    }

    /// A value that was kept.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn told(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn short(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= LONGEST {
        return flat;
    }
    flat.chars().take(LONGEST).chain(['…']).collect()
}

fn plain(value: &EventValue<'_>) -> Option<String> {
    value.as_str().map(|text| text.chars().take(LONGEST * 4).collect())
}

/// The hits of one log.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// Those that are kept, in file order.
    all: Vec<Hit>,
    counts: BTreeMap<usize, u32>,
    left_out: u64,
}

impl Hits {
    /// Adds a hit of `rule`, if there is room.
    pub(crate) fn add(&mut self, rule: usize, hit: impl FnOnce() -> Hit) {
        let count = self.counts.entry(rule).or_default();
        if *count >= PER_RULE || self.all.len() >= ALL {
            self.left_out += 1;
            return;
        }
        *count += 1;
        self.all.push(hit());
    }

    /// Adds those of a stretch that follows `lines` others.
    pub fn join(&mut self, next: Self, lines: u64) {
        self.left_out += next.left_out;
        for mut hit in next.all {
            hit.record.line += lines;
            self.add(hit.rule, || hit);
        }
    }

    /// Those that are kept.
    pub fn all(&self) -> &[Hit] {
        &self.all
    }

    /// How many found no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}
