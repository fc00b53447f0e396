//! Every case with one file taken away: what is lost moves to *missing*, and nothing is claimed that the
//! whole evidence did not show. No case is special here: a new case is held to the same.

use crate::{case, files, recipes, weighbridge};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wb_testkit::Scratch;

/// A case as far as honesty goes.
struct Told(Value);

impl Told {
    fn of(folder: &Path) -> Self {
        let folder = folder.to_string_lossy();
        let ended = weighbridge(&["investigate", &folder, "--format", "json"]).end();
        ended.quiet();
        Self(serde_json::from_str(&ended.out).expect("valid JSON"))
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.0[key].as_array().expect("a list").iter()
    }

    fn strings(&self, key: &str, member: &str) -> BTreeSet<String> {
        self.list(key).map(|item| text(&item[member])).collect()
    }

    fn missing(&self) -> BTreeSet<String> {
        self.list("missing").map(text).collect()
    }

    fn indicators(&self) -> BTreeSet<(String, String)> {
        self.list("indicators").map(|item| (text(&item["type"]), text(&item["value"]))).collect()
    }

    /// Key moment to its time and record.
    fn moments(&self) -> BTreeMap<String, (String, String)> {
        let marked = self.list("timeline").filter(|entry| !entry["key"].is_null());
        let record = |entry: &Value| format!("{}:{}", text(&entry["artifact"]), entry["line"]);
        marked.map(|entry| (text(&entry["key"]), (text(&entry["time"]), record(entry)))).collect()
    }

    fn compromised(&self) -> bool {
        self.0["conclusion"]["compromised"] == true
    }

    fn confidence(&self) -> u8 {
        match self.0["conclusion"]["confidence"].as_str() {
            Some("high") => 2,
            Some("medium") => 1,
            _ => 0,
        }
    }

    /// Digests that agree with a record, by artifact.
    fn vouched(&self) -> BTreeSet<String> {
        let agrees = |row: &&Value| row["match"] == true;
        self.list("integrity").filter(agrees).map(|row| text(&row["artifact"])).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_case_without_one_of_its_files_stays_honest() {
    for name in recipes().keys() {
        let folder = case(name);
        let whole = Told::of(Path::new(&folder));
        let all = files(Path::new(&folder));
        for gone in all.keys() {
            let kept = all.iter().filter(|(path, _)| *path != gone);
            let rest =
                kept.fold(Scratch::new(), |scratch, (path, bytes)| scratch.with(path, bytes));
            let told = Told::of(rest.folder());
            let context = format!("{name} without {gone}");
            claims_nothing_new(&context, &whole, &told);
            says_what_is_lost(&context, &whole, &told, gone);
        }
    }
}

/// Less evidence shows nothing that more did not.
fn claims_nothing_new(context: &str, whole: &Told, told: &Told) {
    let new = |what: &str, more: BTreeSet<String>, less: BTreeSet<String>| {
        let invented: Vec<_> = less.difference(&more).collect();
        assert!(invented.is_empty(), "{context}: {what} {invented:?}");
    };
    let indicators: Vec<_> = told.indicators().difference(&whole.indicators()).cloned().collect();
    assert!(indicators.is_empty(), "{context}: indicators {indicators:?}");
    new("identifiers", whole.strings("identifiers", "value"), told.strings("identifiers", "value"));
    new("findings", whole.strings("findings", "headline"), told.strings("findings", "headline"));
    new("vouched for", whole.vouched(), told.vouched());
    assert!(whole.compromised() || !told.compromised(), "{context}: a compromise");
    if whole.compromised() && told.compromised() {
        assert!(told.confidence() <= whole.confidence(), "{context}: more confidence");
    }
    // A moment may move to another record of the whole story, never to one that was none.
    let entries = whole.list("timeline");
    let entries = entries.map(|entry| format!("{}:{}", text(&entry["artifact"]), entry["line"]));
    let flows = whole.list("flows").map(|flow| text(&flow["first_record"]));
    let known: BTreeSet<String> = entries.chain(flows).collect();
    for (key, (_, record)) in told.moments() {
        let was = whole.moments().contains_key(&key);
        assert!(was && known.contains(&record), "{context}: {key} at {record}");
    }
    for fact in ["source_before", "source_after"] {
        let (more, less) = (&whole.0["facts"][fact], &told.0["facts"][fact]);
        assert!(less.is_null() || less == more || !more.is_null(), "{context}: {fact} {less}");
    }
}

/// What the file showed and nothing else does is said to be missing.
fn says_what_is_lost(context: &str, whole: &Told, told: &Told, gone: &str) {
    let missing: Vec<String> = told.missing().difference(&whole.missing()).cloned().collect();
    let says = |words: &str| missing.iter().any(|sentence| sentence.contains(words));
    let lost = whole.moments().into_keys().filter(|key| !told.moments().contains_key(key));
    let lost: Vec<String> = lost.collect();
    assert!(lost.is_empty() || !missing.is_empty(), "{context}: {lost:?} are lost without a word");
    // A moment that is shown as absent is said to be.
    for (key, words) in [
        ("loaded", "no load of"),
        ("first_outbound", "no connection to a destination"),
        ("detection", "no alert"),
    ] {
        let explained = says(words) || says("no production model") || says("was not supplied");
        if lost.iter().any(|known| known == key) && told.compromised() {
            assert!(explained, "{context}: {key} is lost without a word: {missing:?}");
        }
    }
    // No all-clear because the cause or its traces were taken away.
    if whole.compromised() && !told.compromised() {
        let summary = text(&told.0["conclusion"]["summary"]);
        assert!(!missing.is_empty(), "{context}: {summary}");
        if summary == "Nothing malicious was found in what was supplied." {
            let explained = says("no production model")
                || says("was not supplied")
                || says("explains the alert");
            assert!(explained, "{context}: an all-clear: {missing:?}");
        }
    }
    // A part of an identifier that stays is told as one.
    let whole_identifiers = whole.list("identifiers").filter(|it| it["confidence"] == "high");
    for identifier in whole_identifiers {
        let value = text(&identifier["value"]);
        if told.strings("identifiers", "value").contains(&value) || !told.compromised() {
            continue;
        }
        let stays = |part: &&Value| !text(&part["artifact"]).starts_with(gone);
        let parts = identifier["parts"].as_array().expect("a list");
        let of_model = |part: &&Value| {
            let path = text(&part["artifact"]);
            told.list("artifacts").any(|artifact| {
                artifact["path"] == path.as_str()
                    && matches!(artifact["verdict"].as_str(), Some("malicious" | "suspicious"))
            })
        };
        if parts.iter().filter(stays).any(|part| of_model(&part)) {
            assert!(says("looks like a piece of an identifier"), "{context}: {value}: {missing:?}");
        }
    }
    // What a log or manifest names by a file name is not forgotten because the file is.
    let sentence = "no record of network connections was supplied";
    let flows = whole.list("flows").any(|flow| !text(&flow["first_record"]).starts_with(gone));
    assert!(!(says(sentence) && flows && told.list("flows").next().is_some()), "{context}");
}
