//! [`RuleSet::judge`]: what the hits of all logs come to. Here the order of time decides: which values are new, and
//! what correlations see. Times are given to them in thousandths of a second, so that what happens in one second
//! keeps its order.

use crate::hit::Hit;
use crate::rule::New;
use crate::set::RuleSet;
use rsigma_eval::event::{Event as Looked, EventValue};
use rsigma_eval::{
    CorrelationConfig, CorrelationEngine, CorrelationEventMode, DetectionBody, EvaluationResult,
    ResultBody, RuleHeader,
};
use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, SigmaCollection,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use wb_core::ArtifactPath;

/// Hits that are named of one match.
const EVIDENCE: usize = 8;

/// Records that one correlation names.
const CORRELATED: usize = 16;

/// Entries that a window of a correlation holds for one group.
const PER_GROUP: usize = 100_000;

/// A rule that matches: in one log, or for one group of a correlation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule, by its place in the set.
    pub rule: usize,
    /// The first hits it rests on, in time order; never empty.
    pub hits: Vec<Hit>,
    /// How often it matched.
    pub count: u64,
    /// Whether the rule is a correlation: then the last of the hits completed it.
    pub correlated: bool,
    /// What the records of a correlation have in common.
    pub group: Vec<(String, String)>,
}

impl RuleSet {
    /// What the hits of all logs come to.
    pub fn judge<'a>(&self, hits: impl IntoIterator<Item = &'a Hit>) -> Vec<Match> {
        let mut hits: Vec<&Hit> = hits.into_iter().collect();
        let when = |hit: &Hit| hit.time.map(|time| time.timestamp);
        hits.sort_by(|a, b| (when(a), &a.record, a.rule).cmp(&(when(b), &b.record, b.rule)));
        let hits = self.that_count(hits);
        let mut matches: BTreeMap<(usize, &ArtifactPath), Match> = BTreeMap::new();
        for hit in &hits {
            if self.rules().get(hit.rule).is_none_or(|rule| rule.silent) {
                continue;
            }
            let found = matches.entry((hit.rule, &hit.record.artifact)).or_insert_with(|| Match {
                rule: hit.rule,
                hits: Vec::new(),
                count: 0,
                correlated: false,
                group: Vec::new(),
            });
            found.count += 1;
            if found.hits.len() < EVIDENCE {
                found.hits.push((*hit).clone());
            }
        }
        let mut all: Vec<Match> = matches.into_values().collect();
        all.extend(self.correlate(&hits));
        all
    }

    /// Hits without those whose value is not new.
    fn that_count<'a>(&self, hits: Vec<&'a Hit>) -> Vec<&'a Hit> {
        let mut seen: BTreeMap<usize, (usize, BTreeSet<&str>)> = BTreeMap::new();
        let counts = |hit: &&'a Hit| {
            let Some(New { field, after }) = self.rules().get(hit.rule).and_then(|rule| rule.new)
            else {
                return true;
            };
            // Without a time or a value nothing can be said to be new.
            let (Some(value), true) = (hit.value(field), hit.time.is_some()) else { return false };
            let (count, values) = seen.entry(hit.rule).or_default();
            let new = values.insert(value) && *count >= after;
            *count += 1;
            new
        };
        let mut counts = counts;
        hits.into_iter().filter(|hit| counts(hit)).collect()
    }

    /// What the correlations see in `hits`, which are in the order of time.
    fn correlate(&self, hits: &[&Hit]) -> Vec<Match> {
        let mut matches: BTreeMap<(usize, Vec<(String, String)>), Match> = BTreeMap::new();
        let Some(mut engine) = self.correlating(hits) else { return Vec::new() };
        for (at, hit) in hits.iter().enumerate() {
            let (Some(time), Some(rule)) = (hit.time, self.rules().get(hit.rule)) else { continue };
            let correlated = Correlated { hit, at };
            let found = vec![matched(rule.id, rule.title)];
            let moment = time.timestamp.as_millisecond();
            for result in engine.process_with_detections(&correlated, found, moment) {
                let Some(body) = result.as_correlation() else { continue };
                let id = result.header.rule_id.as_deref().unwrap_or_default();
                let Some(place) = self.at(id) else { continue };
                if !self.holds(id, body.aggregated_value) {
                    continue;
                }
                let key = (place, body.group_key.clone());
                let known = matches.entry(key).or_insert_with(|| {
                    let refs = body.event_refs.iter().flatten();
                    let mut named: BTreeSet<usize> =
                        refs.filter_map(|one| one.id.as_ref()?.parse().ok()).collect();
                    named.insert(at);
                    let mut rests_on: Vec<Hit> = named
                        .into_iter()
                        .filter_map(|at| hits.get(at).map(|hit| (*hit).clone()))
                        .collect();
                    // The record that completed it stands last and has to stay.
                    if rests_on.len() > EVIDENCE {
                        rests_on.drain(EVIDENCE - 1..rests_on.len() - 1);
                    }
                    Match {
                        rule: place,
                        hits: rests_on,
                        count: 0,
                        correlated: true,
                        group: body.group_key.clone(),
                    }
                });
                known.count += 1;
            }
        }
        let silent = |found: &Match| self.rules().get(found.rule).is_none_or(|rule| rule.silent);
        matches.into_values().filter(|found| !silent(found)).collect()
    }

    /// The engine of the correlations, if any of `hits` is correlated.
    fn correlating(&self, hits: &[&Hit]) -> Option<CorrelationEngine> {
        let rules = self.correlated();
        let ids: HashSet<&str> = rules.iter().filter_map(|rule| rule.id.as_deref()).collect();
        let id = |hit: &Hit| self.rules().get(hit.rule).map_or("", |rule| rule.id);
        if !hits.iter().any(|hit| ids.contains(id(hit))) {
            return None;
        }
        let correlations = self.correlations().iter().cloned().map(in_thousandths).collect();
        let mut collection = SigmaCollection::new();
        collection.rules = rules;
        collection.correlations = correlations;
        let mut engine = CorrelationEngine::new(CorrelationConfig {
            emit_detections: false,
            correlation_event_mode: CorrelationEventMode::Refs,
            max_correlation_events: CORRELATED,
            max_group_entries: Some(PER_GROUP),
            ..CorrelationConfig::default()
        });
        engine.add_collection(&collection).expect("correlations were compiled when they were read");
        Some(engine)
    }

    /// Whether a value meets the condition of a correlation: of percentiles nothing else asks.
    fn holds(&self, id: &str, value: f64) -> bool {
        let rule = self.correlations().iter().find(|rule| rule.id.as_deref() == Some(id));
        let Some(CorrelationRule {
            correlation_type: CorrelationType::ValuePercentile,
            condition: CorrelationCondition::Threshold { predicates, .. },
            ..
        }) = rule
        else {
            return true;
        };
        predicates.iter().all(|(operator, bound)| {
            #[expect(clippy::cast_precision_loss, reason = "bounds of rules are far below 2^53")]
            let bound = *bound as f64;
            match operator {
                ConditionOperator::Lt => value < bound,
                ConditionOperator::Lte => value <= bound,
                ConditionOperator::Gt => value > bound,
                ConditionOperator::Gte => value >= bound,
                ConditionOperator::Eq => (value - bound).abs() < f64::EPSILON,
                ConditionOperator::Neq => (value - bound).abs() >= f64::EPSILON,
            }
        })
    }
}

/// A correlation whose spans of time are in thousandths of a second.
fn in_thousandths(mut rule: CorrelationRule) -> CorrelationRule {
    rule.timespan.seconds = rule.timespan.seconds.saturating_mul(1000);
    if let Some(gap) = &mut rule.gap {
        gap.seconds = gap.seconds.saturating_mul(1000);
    }
    rule
}

/// A hit as the engine of correlations takes it.
fn matched(id: &str, title: &str) -> EvaluationResult {
    EvaluationResult {
        header: RuleHeader {
            rule_title: title.to_owned(),
            rule_id: Some(id.to_owned()),
            level: None,
            tags: Vec::new(),
            custom_attributes: Arc::default(),
            enrichments: None,
        },
        body: ResultBody::Detection(DetectionBody {
            matched_selections: Vec::new(),
            matched_fields: Vec::new(),
            event: None,
        }),
    }
}

/// A hit as an event: with the fields that were kept, and its place among the hits as its id.
struct Correlated<'a> {
    hit: &'a Hit,
    at: usize,
}

impl Looked for Correlated<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.hit.value(path).map(|value| EventValue::Str(Cow::Borrowed(value)))
    }

    fn any_string_value(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.hit.values.iter().any(|(_, value)| wanted(value))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.hit.values.iter().map(|(_, value)| Cow::Borrowed(value.as_str())).collect()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "id": self.at.to_string() })
    }
}
