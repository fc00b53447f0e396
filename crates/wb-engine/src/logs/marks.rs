//! [`Marks`]: which records rules over events match.

use crate::body::LogRead;
use jiff::Timestamp;
use std::collections::BTreeMap;
use wb_core::{Event, RecordRef};
use wb_sigma::{Rule, RuleSet};

/// The names of the rules that match a record, by its time.
type Names = Vec<(Option<Timestamp>, Vec<&'static str>)>;

/// The names of the rules that match a record. An export may hold all its records in one line: the time tells
/// them apart.
pub(super) struct Marks(BTreeMap<RecordRef, Names>);

impl Marks {
    /// What rules match in `logs`: each record that one of them rests on.
    pub(super) fn of(logs: &[LogRead], rules: &RuleSet) -> Self {
        let mut marks: BTreeMap<RecordRef, Names> = BTreeMap::new();
        let hits = logs.iter().flat_map(|log| log.hits.all());
        let by_itself = |rule: usize| rules.rules().get(rule).is_some_and(Rule::is_told_by_itself);
        let single = hits.clone().filter(|hit| by_itself(hit.rule)).map(|hit| (hit, hit.rule));
        let matches = rules.judge(hits.clone());
        let judged =
            matches.iter().flat_map(|found| found.hits.iter().map(|hit| (hit, found.rule)));
        for (hit, rule) in single.chain(judged) {
            let Some(rule) = rules.rules().get(rule) else { continue };
            let time = hit.time.map(|time| time.timestamp);
            let times = marks.entry(hit.record.clone()).or_default();
            let at = times.iter().position(|(known, _)| *known == time).unwrap_or_else(|| {
                times.push((time, Vec::new()));
                times.len() - 1
            });
            let Some((_, names)) = times.get_mut(at) else { continue };
            if !names.contains(&rule.name) {
                names.push(rule.name);
            }
        }
        Self(marks)
    }

    /// The names of the rules that match `event`.
    pub(super) fn on(&self, event: &Event) -> &[&'static str] {
        if self.0.is_empty() {
            return &[];
        }
        let times = self.0.get(&event.record).map_or(&[][..], Vec::as_slice);
        let same = times.iter().find(|(time, _)| *time == event.timestamp());
        same.map_or(&[], |(_, names)| names.as_slice())
    }
}
