//! Every case with one of its sources taken away: what is lost moves to *missing*, and nothing is claimed that
//! the whole evidence did not show. No case is special here: a new case is held to the same, and its story
//! may say more about a source (`[without."SOURCE"]`).

use crate::{case, files, recipes, story, weighbridge};
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
fn each_case_without_one_of_its_sources_stays_honest() {
    for name in recipes().keys() {
        let folder = case(name);
        let whole = Told::of(Path::new(&folder));
        let all = files(Path::new(&folder));
        let mut expected = story(name).without;
        for (source, gone) in sources(&whole, &all) {
            let kept = all.iter().filter(|(path, _)| !gone.contains(path.as_str()));
            let rest =
                kept.fold(Scratch::new(), |scratch, (path, bytes)| scratch.with(path, bytes));
            let told = Told::of(rest.folder());
            let context = format!("{name} without {source}");
            claims_nothing_new(&context, &whole, &told);
            rests_on_what_is_there(&context, &whole, &told, &gone);
            says_what_is_lost(&context, &whole, &told, &gone);
            argues_from_what_is_there(&context, &whole, &told);
            if let Some(expected) = expected.remove(&source) {
                let text = weighbridge(&["investigate", &rest.folder().to_string_lossy()]).end();
                expected.check(&context, &told.0, &text);
            }
        }
        assert!(expected.is_empty(), "{name} has no such source: {:?}", expected.keys());
    }
}

/// What can be taken away, by name: each file, and all files that are one kind of evidence to the case.
fn sources<'a>(
    whole: &Told,
    files: &'a BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, BTreeSet<&'a str>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for artifact in whole.list("artifacts") {
        kinds.entry(text(&artifact["role"])).or_default().insert(root(&artifact["path"]));
    }
    for flow in whole.list("flows") {
        let record = text(&flow["first_record"]);
        let log = record.rsplit_once(':').map(|(log, _)| log).unwrap_or_default();
        kinds.entry("network".to_owned()).or_default().insert(root(&Value::from(log)));
    }
    for entry in whole.list("timeline").filter(|entry| entry["kind"] == "exchange") {
        kinds.entry("network".to_owned()).or_default().insert(root(&entry["artifact"]));
    }
    let mut all: BTreeMap<String, BTreeSet<&str>> =
        files.keys().map(|path| (path.clone(), BTreeSet::from([path.as_str()]))).collect();
    for (kind, paths) in kinds {
        let gone: BTreeSet<&str> =
            files.keys().map(String::as_str).filter(|path| paths.contains(*path)).collect();
        if gone.len() > 1 && gone.len() < files.len() {
            all.insert(format!("every {kind}"), gone);
        }
    }
    all
}

/// The file on disk that an artifact is, or is a member of.
fn root(path: &Value) -> String {
    let path = text(path);
    path.split("!/").next().unwrap_or_default().to_owned()
}

/// What files that are still there show does not change because others are gone, and nothing is told from
/// those that are.
fn rests_on_what_is_there(context: &str, whole: &Told, told: &Told, gone: &BTreeSet<&str>) {
    let artifacts = |told: &Told| -> BTreeMap<String, (String, String)> {
        let describe = |it: &Value| (text(&it["path"]), (text(&it["role"]), text(&it["verdict"])));
        told.list("artifacts").map(describe).collect()
    };
    let (before, after) = (artifacts(whole), artifacts(told));
    for (path, (role, verdict)) in &after {
        let (had, was) = &before[path];
        assert_eq!(verdict, was, "{context}: the verdict on {path}");
        // A role that other evidence gave may be lost with it, never swapped for another one.
        assert!(role == had || role == "other", "{context}: {path} is {role}, it was {had}");
    }
    // A malicious model that is known to run is a compromise, whatever else is gone.
    let runs = |(role, verdict): &(String, String)| role == "production" && verdict == "malicious";
    assert!(!after.values().any(runs) || told.compromised(), "{context}: an all-clear");
    for list in ["timeline", "findings"] {
        let of_gone = told.list(list).find(|it| gone.contains(root(&it["artifact"]).as_str()));
        assert!(of_gone.is_none(), "{context}: {list} tells of what is gone: {of_gone:?}");
    }
    // A contradiction needs both of its sides.
    let said = whole.strings("contradictions", "what");
    for what in told.strings("contradictions", "what") {
        assert!(said.contains(&what), "{context}: a new contradiction: {what}");
    }
    for identifier in told.list("identifiers").filter(|it| it["confidence"] == "high") {
        let value = text(&identifier["value"]);
        let was = whole.list("identifiers").find(|it| it["value"] == value.as_str());
        let parts = |it: &Value| it["parts"].as_array().expect("a list").len();
        let kept = was.is_some_and(|was| was["confidence"] == "high" && parts(was) > 0);
        assert!(kept && parts(identifier) > 0, "{context}: {value} is surer than it was");
    }
    // Nothing that is held back is let through because the reason against it in another file is gone, unless
    // the file has nothing against it of its own.
    for candidate in whole.list("candidates").filter(|it| it["decision"] != "approve") {
        let path = text(&candidate["artifact"]);
        let now = told.list("candidates").find(|it| it["artifact"] == path.as_str());
        let approved = now.is_some_and(|now| now["decision"] == "approve");
        let spotless = after.get(&path).is_some_and(|(_, verdict)| verdict == "clean");
        assert!(!approved || spotless, "{context}: {path} is approved");
    }
    let baseline = after.values().any(|(role, _)| role == "baseline");
    for candidate in told.list("candidates") {
        let because = candidate["because"].to_string();
        let says = because.contains("no baseline was supplied");
        assert_eq!(says, !baseline, "{context}: {because}");
    }
}

/// Judgements rest on what is there, and are no surer than they were with all of it; a link of the chain that
/// was empty stays empty.
fn argues_from_what_is_there(context: &str, whole: &Told, told: &Told) {
    let rank = |item: &Value, key: &str, order: [&str; 3]| {
        order.iter().position(|name| item[key] == *name).expect("one of three")
    };
    let status = |item: &Value| rank(item, "status", ["missing", "inferred", "observed"]);
    let sure = |item: &Value| rank(item, "confidence", ["low", "medium", "high"]);
    let there = told.strings("artifacts", "path");
    for list in ["judgements", "kill_chain", "blast_radius"] {
        for item in told.list(list) {
            for ground in item["grounds"].as_array().expect("a list") {
                let path = text(&ground["artifact"]);
                assert!(there.contains(&path), "{context}: {list} rests on {path}: {item:#}");
            }
        }
    }
    for step in told.list("kill_chain") {
        let was = whole.list("kill_chain").find(|was| was["stage"] == step["stage"]);
        let was = was.map_or(0, &status);
        assert!(status(step) <= was, "{context}: a link is surer than it was: {step:#}");
    }
    for rule in ["payload-ran", "data-left", "came-in-with", "source-changed"] {
        let best = |told: &Told| {
            let of_rule = told.list("judgements").filter(|it| it["rule"] == rule);
            of_rule.map(|it| (status(it), sure(it))).max()
        };
        let (before, after) = (best(whole), best(told));
        assert!(after <= before, "{context}: {rule} is surer than it was: {after:?}");
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
fn says_what_is_lost(context: &str, whole: &Told, told: &Told, gone: &BTreeSet<&str>) {
    let missing: Vec<String> = told.missing().difference(&whole.missing()).cloned().collect();
    let says = |words: &str| missing.iter().any(|sentence| sentence.contains(words));
    let lost = whole.moments().into_keys().filter(|key| !told.moments().contains_key(key));
    let lost: Vec<String> = lost.collect();
    assert!(lost.is_empty() || !missing.is_empty(), "{context}: {lost:?} are lost without a word");
    // A moment that is shown as absent is said to be.
    for (key, words) in [
        ("introduced", "came into service"),
        ("loaded", "no load of"),
        ("first_outbound", "no connection to a destination"),
        ("detection", "no alert"),
    ] {
        let explained = says(words)
            || (key == "introduced" && says("stopped being the file whose digest"))
            || says("no production model")
            || says("was not supplied");
        if lost.iter().any(|known| known == key) && told.compromised() {
            assert!(explained, "{context}: {key} is lost without a word: {missing:?}");
        }
    }
    // No all-clear because the cause or its traces were taken away.
    if whole.compromised() && !told.compromised() {
        let summary = text(&told.0["conclusion"]["summary"]);
        assert!(!missing.is_empty(), "{context}: {summary}");
        assert!(told.confidence() < 2, "{context}: sure of an all-clear: {summary}");
        let runs = told.list("artifacts").any(|artifact| artifact["role"] == "production");
        let logs = told.list("artifacts").any(|artifact| artifact["role"] == "log");
        if logs && !runs {
            let words = "No model that runs in production was supplied";
            assert!(summary.contains(words), "{context}: {summary}");
        } else if summary == "Nothing malicious was found in what was supplied." {
            let explained = says("was not supplied") || says("explains the alert");
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
        let stays = |part: &&Value| !gone.contains(root(&part["artifact"]).as_str());
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
    // What is there is not said to be missing.
    let sentence = "no record of network connections was supplied";
    assert!(!says(sentence) || told.list("flows").next().is_none(), "{context}");
}
