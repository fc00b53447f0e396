//! [`Story`]: what the report of a case has to say, as `cases/NAME.story.toml` writes it. What a story
//! lists is all there may be: one payload, indicator or accused artifact more is a false one.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wb_testkit::Ended;

/// Names in order, so that lists compare.
type Names = BTreeSet<String>;

/// What the report of a case has to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    compromised: bool,
    confidence: String,
    /// Exit code.
    exit: i32,
    /// Sentences of the text report.
    says: Vec<String>,
    /// Sentences in no report.
    never_says: Vec<String>,
    artifacts: BTreeMap<String, Artifact>,
    /// Key moment to time and record.
    #[serde(default)]
    moments: BTreeMap<String, String>,
    #[serde(default)]
    payloads: Vec<Payload>,
    /// Type to values. Digests are left out: every accused file has one.
    #[serde(default)]
    indicators: BTreeMap<String, Names>,
    #[serde(default)]
    identifiers: Vec<Identifier>,
    #[serde(default)]
    candidates: BTreeMap<String, String>,
    /// Artifact to `match RECORD`, `mismatch RECORD` or `unrecorded`.
    #[serde(default)]
    integrity: BTreeMap<String, Names>,
    /// Patterns: tables need to have the members named, lists an element for each one listed.
    #[serde(default)]
    facts: toml::Table,
    /// Stages of the attack that something shows, and how: `observed` or `inferred`.
    #[serde(default)]
    chain: BTreeMap<String, String>,
    /// `TYPE NAME, CONFIDENCE` of everything that is affected.
    #[serde(default)]
    blast_radius: Names,
    /// `RULE, STATUS, CONFIDENCE` of what is held to be true.
    judgements: Names,
    /// `TIME` of each deployment to the attributes that it lacks.
    #[serde(default)]
    lacks: BTreeMap<String, Names>,
    /// What the report says when a source is taken away: a file by its path, or `every network`, `every
    /// baseline`, `every log` and the like.
    #[serde(default)]
    pub without: BTreeMap<String, Without>,
}

/// What the report says without one source; what it does not list is held to what holds for every case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    compromised: bool,
    confidence: String,
    /// Key moments that are still known.
    moments: Names,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    never_says: Vec<String>,
    #[serde(default)]
    candidates: BTreeMap<String, String>,
}

impl Without {
    /// Compares it with both reports.
    pub fn check(&self, context: &str, case: &Value, text: &Ended) {
        let conclusion = &case["conclusion"];
        assert_eq!(conclusion["compromised"], self.compromised, "{context}");
        assert_eq!(conclusion["confidence"], self.confidence.as_str(), "{context}");
        let known: Names = moments(case).into_keys().collect();
        assert_eq!(known, self.moments, "{context}: moments");
        assert_eq!(candidates(case), self.candidates, "{context}: candidates");
        for sentence in &self.says {
            text.prints(sentence);
        }
        for sentence in &self.never_says {
            text.never_says(sentence);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Artifact {
    role: String,
    format: String,
    verdict: String,
    /// Rules with a finding in it, in order.
    #[serde(default)]
    rules: Names,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    artifact: String,
    call: String,
    trigger: String,
    kind: String,
    text: String,
    #[serde(default)]
    layers: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identifier {
    value: String,
    confidence: String,
    /// `TEXT in ARTIFACT`, in the order in which they are joined.
    parts: Vec<String>,
}

impl Story {
    /// Reads a story.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Compares it with both reports of the case `name`.
    pub fn check(&self, name: &str, json: &Ended, text: &Ended) {
        let case: Value = serde_json::from_str(&json.code(self.exit).out).expect("valid JSON");
        text.code(self.exit);
        assert_eq!(case["conclusion"]["compromised"], self.compromised, "{name}");
        assert_eq!(case["conclusion"]["confidence"], self.confidence.as_str(), "{name}");
        assert_eq!(artifacts(&case), self.artifacts, "{name}: artifacts");
        assert_eq!(moments(&case), self.moments, "{name}: moments");
        assert_eq!(
            payloads(&case).iter().collect_sorted(),
            self.payloads.iter().collect_sorted(),
            "{name}: payloads"
        );
        assert_eq!(indicators(&case), self.indicators, "{name}: indicators");
        assert_eq!(identifiers(&case), self.identifiers, "{name}: identifiers");
        assert_eq!(candidates(&case), self.candidates, "{name}: candidates");
        assert_eq!(integrity(&case), self.integrity, "{name}: integrity");
        self.check_reasoning(name, &case);
        self.check_facts(name, &case["facts"]);
        for sentence in &self.says {
            text.prints(sentence);
        }
        for sentence in &self.never_says {
            text.never_says(sentence);
            json.never_says(sentence);
        }
    }

    fn check_reasoning(&self, name: &str, case: &Value) {
        let words = |value: &Value, keys: [&str; 3]| {
            let [one, two, three] = keys.map(|key| text(&value[key]));
            (one, two, three)
        };
        let filled = list(case, "kill_chain").filter(|step| step["status"] != "missing");
        let chain: BTreeMap<String, String> =
            filled.map(|step| (text(&step["stage"]), text(&step["status"]))).collect();
        assert_eq!(chain, self.chain, "{name}: chain");
        let reached: Names = list(case, "blast_radius")
            .map(|reached| {
                let (kind, name, sure) = words(reached, ["type", "name", "confidence"]);
                format!("{kind} {name}, {sure}")
            })
            .collect();
        assert_eq!(reached, self.blast_radius, "{name}: blast radius");
        let judgements: Names = list(case, "judgements")
            .map(|judgement| {
                let (rule, status, sure) = words(judgement, ["rule", "status", "confidence"]);
                format!("{rule}, {status}, {sure}")
            })
            .collect();
        assert_eq!(judgements, self.judgements, "{name}: judgements");
        let lacking = list(case, "deployments").filter(|row| row["lacks"] != Value::Array(vec![]));
        let lacks: BTreeMap<String, Names> = lacking
            .map(|row| (text(&row["began"]), list(row, "lacks").map(text).collect()))
            .collect();
        assert_eq!(lacks, self.lacks, "{name}: deployments");
    }

    /// Facts that are not in the story may not be known, and those at a time agree with the moments.
    fn check_facts(&self, name: &str, facts: &Value) {
        let expected = serde_json::to_value(&self.facts).expect("TOML without dates is JSON");
        assert!(fits(&expected, facts), "{name}: {expected:#} is not in {facts:#}");
        let actual = facts.as_object().expect("facts are an object");
        let known: Vec<&String> = actual.keys().filter(|key| !key.ends_with("_at")).collect();
        let told: Vec<&String> = self.facts.keys().collect();
        assert_eq!(known.iter().collect_sorted(), told.iter().collect_sorted(), "{name}: facts");
        for (key, moment) in [
            ("introduced_at", "introduced"),
            ("loaded_at", "loaded"),
            ("first_outbound_at", "first_outbound"),
            ("detected_at", "detection"),
            ("blocked_at", "first_block"),
            ("last_outbound_at", "last_outbound"),
        ] {
            let time = self.moments.get(moment).and_then(|at| at.split(' ').next());
            assert_eq!(actual.get(key).and_then(Value::as_str), time, "{name}: {key}");
        }
    }
}

/// Whether `actual` has everything that `expected` asks for.
fn fits(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|actual| fits(value, actual))),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.iter().all(|value| actual.iter().any(|actual| fits(value, actual)))
        }
        _ => expected == actual,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list<'a>(case: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    case[key].as_array().expect("a list").iter()
}

fn artifacts(case: &Value) -> BTreeMap<String, Artifact> {
    let rules = |path: &Value| {
        let found = list(case, "findings").filter(|finding| &finding["artifact"] == path);
        found.map(|finding| text(&finding["rule"])).collect()
    };
    let describe = |artifact: &Value| Artifact {
        role: text(&artifact["role"]),
        format: text(&artifact["format"]),
        verdict: text(&artifact["verdict"]),
        rules: rules(&artifact["path"]),
    };
    list(case, "artifacts").map(|found| (text(&found["path"]), describe(found))).collect()
}

fn moments(case: &Value) -> BTreeMap<String, String> {
    let marked = list(case, "timeline").filter(|entry| !entry["key"].is_null());
    let describe = |entry: &Value| {
        format!("{} {}:{}", text(&entry["time"]), text(&entry["artifact"]), entry["line"])
    };
    marked.map(|entry| (text(&entry["key"]), describe(entry))).collect()
}

fn payloads(case: &Value) -> Vec<Payload> {
    let of = |finding: &Value| -> Vec<Payload> {
        let describe = |payload: &Value| Payload {
            artifact: text(&finding["artifact"]),
            call: text(&finding["call"]),
            trigger: text(&finding["trigger"]),
            kind: text(&payload["kind"]),
            text: text(&payload["text"]),
            layers: list(payload, "layers").map(text).collect(),
        };
        list(finding, "payloads").map(describe).collect()
    };
    list(case, "findings").flat_map(of).collect_sorted()
}

fn indicators(case: &Value) -> BTreeMap<String, Names> {
    let mut by_type: BTreeMap<String, Names> = BTreeMap::new();
    for indicator in list(case, "indicators").filter(|indicator| indicator["type"] != "sha256") {
        by_type.entry(text(&indicator["type"])).or_default().insert(text(&indicator["value"]));
    }
    by_type
}

fn identifiers(case: &Value) -> Vec<Identifier> {
    let part = |part: &Value| format!("{} in {}", text(&part["text"]), text(&part["artifact"]));
    let describe = |found: &Value| Identifier {
        value: text(&found["value"]),
        confidence: text(&found["confidence"]),
        parts: list(found, "parts").map(part).collect(),
    };
    list(case, "identifiers").map(describe).collect()
}

fn candidates(case: &Value) -> BTreeMap<String, String> {
    list(case, "candidates")
        .map(|candidate| (text(&candidate["artifact"]), text(&candidate["decision"])))
        .collect()
}

fn integrity(case: &Value) -> BTreeMap<String, Names> {
    let mut by_artifact: BTreeMap<String, Names> = BTreeMap::new();
    for row in list(case, "integrity") {
        let state = match row["match"].as_bool() {
            Some(true) => format!("match {}", text(&row["recorded_in"])),
            Some(false) => format!("mismatch {}", text(&row["recorded_in"])),
            None => "unrecorded".to_owned(),
        };
        by_artifact.entry(text(&row["artifact"])).or_default().insert(state);
    }
    by_artifact
}

/// Collects in order.
trait CollectSorted: Iterator + Sized {
    fn collect_sorted(self) -> Vec<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut all: Vec<Self::Item> = self.collect();
        all.sort();
        all
    }
}

impl<I: Iterator> CollectSorted for I {}
