//! The strings of a case as [`Atom`]s: everything that may hold a piece of an identifier.

use super::destinations::Destinations;
use super::fragments::Atom;
use crate::body::{Body, Inspected, LogRead};
use std::collections::BTreeSet;
use wb_core::{ArtifactPath, Budget, Constant, OpKind, Payload, Program, Verdict};

/// Longest string kept as an atom, in bytes.
const LONGEST: usize = 16 << 10;

/// Every string of the case that may hold a piece of an identifier.
pub fn atoms(body: &Body, destinations: &Destinations) -> Vec<Atom> {
    let mut all = Vec::new();
    let mut budget = Budget::default();
    for inspected in &body.artifacts {
        of_artifact(inspected, &mut all, &mut budget);
    }
    for log in &body.logs {
        of_log(log, destinations, &mut all);
    }
    all
}

/// Every string of one artifact, with its place in words.
pub fn strings(inspected: &Inspected) -> Vec<(String, String)> {
    let mut all = Vec::new();
    of_artifact(inspected, &mut all, &mut Budget::default());
    all.into_iter().map(|atom| (atom.place, atom.text)).collect()
}

/// Collects atoms of one artifact.
struct Collector<'a> {
    artifact: &'a ArtifactPath,
    of_compromise: bool,
    seen: BTreeSet<String>,
    all: &'a mut Vec<Atom>,
}

impl Collector<'_> {
    fn add(&mut self, place: impl Into<String>, key: Option<&str>, text: &str) {
        if text.len() < 3 || text.len() > LONGEST || is_structured(text) {
            return;
        }
        if !self.seen.insert(text.to_owned()) {
            return;
        }
        self.all.push(Atom {
            artifact: self.artifact.clone(),
            place: place.into(),
            key: key.map(str::to_owned),
            text: text.to_owned(),
            of_compromise: self.of_compromise,
        });
    }

    /// Adds a string, and what is under its encodings.
    fn add_peeled(&mut self, place: &str, key: Option<&str>, text: &str, budget: &mut Budget) {
        self.add(place, key, text);
        if !(16..=LONGEST).contains(&text.len()) {
            return;
        }
        let mut gaps = Vec::new();
        for peeled in wb_code::peel::peel(text.as_bytes(), budget, &mut gaps) {
            if let Ok(inner) = std::str::from_utf8(&peeled.data) {
                self.add(format!("{place}, under {}", peeled.layers.join(", ")), key, inner);
            }
        }
    }
}

fn of_artifact(inspected: &Inspected, all: &mut Vec<Atom>, budget: &mut Budget) {
    let of_compromise = inspected.verdict >= Verdict::Suspicious;
    let mut into =
        Collector { artifact: &inspected.artifact.path, of_compromise, seen: BTreeSet::new(), all };
    for finding in &inspected.findings {
        for Payload { text, layers, .. } in &finding.payloads {
            let under = if layers.is_empty() {
                String::new()
            } else {
                format!(", under {}", layers.join(", "))
            };
            into.add(format!("{}{under}", finding.location.place), None, text);
        }
    }
    let content = &inspected.content;
    for program in &content.programs {
        of_program(program, &mut into, budget);
    }
    for component in &content.components {
        into.add(format!("{} name", component.kind), None, &component.name);
        for setting in &component.settings {
            let place =
                format!("{} `{}`, setting `{}`", component.kind, component.name, setting.path);
            into.add_peeled(&place, Some(last_key(&setting.path)), &setting.value, budget);
        }
    }
    for field in &content.fields {
        let place = format!("field `{}`", field.path);
        into.add_peeled(&place, Some(last_key(&field.path)), &field.value, budget);
    }
    for text in &content.texts {
        into.add_peeled(&text.place, None, &text.value, budget);
    }
    for tensor in &content.tensors {
        into.add("tensor name", None, &tensor.name);
    }
}

/// Text constants of a program and of everything it defines.
fn of_program(program: &Program, into: &mut Collector<'_>, budget: &mut Budget) {
    for op in &program.ops {
        let place = || match program.place.as_str() {
            "" => format!("op {}", op.number),
            place => format!("{place}, op {}", op.number),
        };
        match &op.kind {
            OpKind::Constant(Constant::Text(text)) => {
                into.add_peeled(&place(), None, text, budget);
            }
            OpKind::Constant(Constant::Bytes(bytes)) => {
                if let Ok(text) = std::str::from_utf8(bytes) {
                    into.add_peeled(&place(), None, text, budget);
                }
            }
            OpKind::Define { body, .. } => of_program(body, into, budget),
            _ => {}
        }
    }
}

fn of_log(log: &LogRead, destinations: &Destinations, all: &mut Vec<Atom>) {
    for event in &log.events {
        let mut into = Collector {
            artifact: &log.artifact.path,
            of_compromise: destinations.covers_event(event),
            seen: BTreeSet::new(),
            all,
        };
        let place = format!("line {}", event.record.line);
        into.add(place.clone(), None, &event.message);
        for (key, value) in &event.fields {
            if !event.message.contains(value.as_str()) {
                into.add(place.clone(), Some(key), value);
            }
        }
    }
}

/// Whether a string is a JSON document: its brackets are its own, and what it holds is listed value by
/// value.
fn is_structured(text: &str) -> bool {
    let text = text.trim();
    let ends = |open: char, close: char| text.starts_with(open) && text.ends_with(close);
    (ends('{', '}') && text.contains('"') && text.contains(':'))
        || (ends('[', ']') && text.contains('"'))
}

fn last_key(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
