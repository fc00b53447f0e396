//! Vectors of public attacks as recipes, in `vectors/*.toml`: each is found by the right rule, with the right
//! callable, trigger and decoded payload; its nearest innocent neighbour finds nothing.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wb_core::{Finding, Limits, Severity, Trigger, Verdict};
use wb_engine::{Hashing, Inspection, Inspector, LogText, inspect};
use wb_testkit::{Node, Parts, pickle_with};

/// One file of vectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(default)]
    vector: Vec<Vector>,
    #[serde(default)]
    gadgets: Vec<Gadgets>,
}

/// One attack and its innocent neighbour.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// The family of public attacks it belongs to, and a name for this member.
    id: String,
    /// What is looked for.
    #[serde(flatten)]
    expected: Expected,
    /// Whether all of the file is read, as it is for its digest.
    #[serde(default)]
    whole: bool,
    /// The file that attacks.
    found: Node,
    /// The file that does not.
    innocent: Node,
}

#[derive(Clone, Deserialize)]
struct Expected {
    /// The rule that finds it.
    rule: String,
    /// The callable that the finding names; nothing is asked when it is left out.
    #[serde(default)]
    call: String,
    /// What makes it run; nothing is asked when it is left out.
    #[serde(default)]
    trigger: String,
    /// Text in one of the decoded payloads.
    #[serde(default)]
    payload: String,
    /// Encodings of that payload, outermost first.
    #[serde(default)]
    layers: Vec<String>,
    /// The verdict on the file.
    #[serde(default = "malicious")]
    verdict: String,
}

fn malicious() -> String {
    "malicious".to_owned()
}

/// Many callables that are called alike. Each is tried in every form in which a pickle calls; the same
/// strings as data are the innocent neighbour.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gadgets {
    id: String,
    #[serde(flatten)]
    expected: Expected,
    /// Dotted names; `module:name` where the name is dotted itself.
    names: String,
    /// Texts that each is called with.
    arguments: Vec<String>,
}

/// Every file of vectors, by name.
fn files() -> BTreeMap<String, Vectors> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let vectors = toml::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        files.insert(path.file_name().expect("a name").to_string_lossy().into_owned(), vectors);
    }
    files
}

fn inspected(node: &Node, hashing: Hashing) -> Inspection {
    let bytes =
        node.build(&BTreeMap::new()).unwrap_or_else(|error| panic!("{}: {error}", node.path));
    inspected_bytes(&node.path, &bytes, hashing)
}

fn inspected_bytes(path: &str, bytes: &[u8], hashing: Hashing) -> Inspection {
    let path = if path.is_empty() { "model.pkl" } else { path };
    let how = Inspector { limits: Limits::default(), hashing, keep_contents: false };
    inspect(&path.into(), bytes, LogText::Decoded(Arc::from(&[][..])), how)
}

fn findings(inspection: &Inspection) -> impl Iterator<Item = &Finding> {
    inspection.artifacts.iter().flat_map(|inspected| &inspected.findings)
}

fn verdict(inspection: &Inspection) -> Verdict {
    inspection.artifacts.first().map(|inspected| inspected.verdict).unwrap_or_default()
}

/// What is wrong with what was found; nothing when all is as expected.
fn missed(inspection: &Inspection, expected: &Expected) -> Option<String> {
    let verdict = verdict(inspection);
    if verdict.name() != expected.verdict {
        return Some(format!("the verdict is {}: {}", verdict.name(), told(inspection)));
    }
    let fits = |finding: &&Finding| {
        finding.rule == expected.rule
            && (expected.call.is_empty() || finding.call.as_deref() == Some(&expected.call))
            && (expected.trigger.is_empty()
                || finding.trigger.map(Trigger::name) == Some(&expected.trigger))
            && (expected.payload.is_empty()
                || finding.payloads.iter().any(|payload| {
                    payload.text.contains(&expected.payload)
                        && (expected.layers.is_empty() || payload.layers == expected.layers)
                }))
    };
    match findings(inspection).find(fits) {
        Some(_) => None,
        None => Some(format!("not found: {}", told(inspection))),
    }
}

/// The findings, for messages.
fn told(inspection: &Inspection) -> String {
    let mut told = String::new();
    for finding in findings(inspection) {
        let payloads: Vec<String> = finding
            .payloads
            .iter()
            .map(|payload| format!("{:?} {:.80}", payload.layers, payload.text))
            .collect();
        told.push_str(&format!(
            "\n      {} {} `{}` at {}: {}; {}",
            finding.rule,
            finding.severity.name(),
            finding.call.as_deref().unwrap_or_default(),
            finding.trigger.map(Trigger::name).unwrap_or_default(),
            finding.headline,
            payloads.join(" / ")
        ));
    }
    for inspected in &inspection.artifacts {
        told.push_str(&format!(
            "\n      {}: {:?} {} ({})",
            inspected.artifact.path,
            inspected.artifact.format,
            inspected.verdict.name(),
            inspected.coverage.why
        ));
    }
    told
}

/// What an innocent file should not have given.
fn alarm(inspection: &Inspection) -> Option<String> {
    let loud = findings(inspection).any(|finding| finding.severity > Severity::Info);
    (loud || verdict(inspection) != Verdict::Clean)
        .then(|| format!("is not innocent: {}", told(inspection)))
}

#[test]
fn attacks_are_found_and_their_neighbours_are_not() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, vectors) in files() {
        for vector in &vectors.vector {
            count += 1;
            let hashing = if vector.whole { Hashing::All } else { Hashing::Off };
            let found = missed(&inspected(&vector.found, hashing), &vector.expected);
            wrong.extend(found.map(|why| format!("{file} {}: {why}", vector.id)));
            let found = alarm(&inspected(&vector.innocent, hashing));
            wrong.extend(found.map(|why| format!("{file} {}: the neighbour {why}", vector.id)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} vectors:\n{}", wrong.len(), wrong.join("\n"));
}

/// How grave what is found is at the least.
#[derive(Deserialize)]
struct Severities {
    /// Families by their identifiers.
    family: BTreeMap<String, Vec<String>>,
    /// Vectors that are less grave than their family, and why.
    less: BTreeMap<String, String>,
}

impl Severities {
    fn of(&self, vector: &str) -> Option<Severity> {
        let family = vector.split(' ').next().unwrap_or_default();
        let own =
            |(_, families): &(&String, &Vec<String>)| families.iter().any(|one| one == family);
        let (severity, _) = self.family.iter().find(own)?;
        Some(Severity::from_name(severity).expect("a severity"))
    }
}

#[test]
fn what_is_found_says_how_grave_it_is_where_it_stands_and_which_technique() {
    let table: Severities =
        toml::from_str(include_str!("severities.toml")).expect("the table parses");
    let mut less: BTreeSet<&str> = table.less.keys().map(String::as_str).collect();
    let mut wrong = Vec::new();
    for (file, vectors) in files() {
        for vector in &vectors.vector {
            let hashing = if vector.whole { Hashing::All } else { Hashing::Off };
            let inspection = inspected(&vector.found, hashing);
            let own = |finding: &&Finding| finding.rule == vector.expected.rule;
            let gravest = findings(&inspection).map(|finding| finding.severity).max();
            if gravest < table.of(&vector.id) && !less.remove(vector.id.as_str()) {
                let gravest = gravest.map_or("nothing", Severity::name);
                wrong.push(format!("{file} {}: {gravest}", vector.id));
            }
            for finding in findings(&inspection).filter(own) {
                let placed = !finding.location.place.is_empty() || finding.location.span.is_some();
                let technique = |id: &&str| id.starts_with("AML.T") || id.starts_with('T');
                if !placed
                    || finding.techniques.is_empty()
                    || !finding.techniques.iter().all(technique)
                {
                    wrong.push(format!("{file} {}: {:?}", vector.id, finding.location));
                }
            }
        }
    }
    wrong.extend(less.iter().map(|id| format!("{id}: not less grave than its family")));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn gadgets_are_found_in_every_form() {
    let mut wrong = Vec::new();
    for (file, vectors) in files() {
        for gadgets in &vectors.gadgets {
            for name in gadgets.names.split_whitespace() {
                for (form, opcodes) in forms(name, &gadgets.arguments) {
                    let place = || format!("{file} {}: {name} by {form}", gadgets.id);
                    let bytes = pickle_with(&opcodes, &Parts::new()).expect("known opcodes");
                    let inspection = inspected_bytes("model.pkl", &bytes, Hashing::Off);
                    let found = match form {
                        "data" => alarm(&inspection),
                        _ => missed(&inspection, &gadgets.expected),
                    };
                    wrong.extend(found.map(|why| format!("{} {why}", place())));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The opcodes that call `name` with `arguments`, in each form; last the same strings as data.
fn forms(name: &str, arguments: &[String]) -> Vec<(&'static str, String)> {
    let (module, name) =
        name.split_once(':').or_else(|| name.rsplit_once('.')).expect("a dotted name");
    let words = |opcode: &str| -> String {
        arguments.iter().map(|text| format!("{opcode} {text}\n")).collect()
    };
    let texts = words("BINUNICODE");
    let global = format!("PROTO 4\nGLOBAL {module} {name}\n");
    let stack = format!("SHORT_BINUNICODE {module}\nSHORT_BINUNICODE {name}\n");
    vec![
        ("GLOBAL", format!("{global}MARK\n{texts}TUPLE\nREDUCE\nSTOP")),
        ("STACK_GLOBAL", format!("PROTO 4\n{stack}STACK_GLOBAL\nMARK\n{texts}TUPLE\nREDUCE\nSTOP")),
        ("INST", format!("PROTO 4\nMARK\n{texts}INST {module} {name}\nSTOP")),
        ("OBJ", format!("PROTO 4\nMARK\nGLOBAL {module} {name}\n{texts}OBJ\nSTOP")),
        ("NEWOBJ", format!("{global}MARK\n{texts}TUPLE\nNEWOBJ\nSTOP")),
        ("data", format!("PROTO 4\nEMPTY_LIST\nMARK\n{stack}{texts}APPENDS\nSTOP")),
    ]
}

#[test]
fn every_vector_has_an_id_of_its_own() {
    let mut ids: Vec<String> = Vec::new();
    for (_, vectors) in files() {
        ids.extend(vectors.vector.into_iter().map(|vector| vector.id));
        ids.extend(vectors.gadgets.into_iter().map(|gadgets| gadgets.id));
    }
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), ids.len());
}
