//! Graphs that answer something else when the input is exactly what a node waits for.

use super::{Draft, Subject};
use wb_core::{Component, Confidence, Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A graph whose answer is replaced when the input is exactly what a node waits for",
    severity: Severity::Medium,
    techniques: &["AML.T0018.001"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let gates = subject.content.components.iter().filter(|part| part.kind == "graph-gate");
    gates.filter_map(|gate| finding(subject, gate)).collect()
}

fn finding(subject: &Subject<'_>, gate: &Component) -> Option<Finding> {
    let (condition, instead) = (gate.setting("condition")?, gate.setting("instead")?);
    let headline = format!(
        "`{}` chooses between the answer of the model and {instead}, by {condition}",
        gate.class
    );
    let location = Location { component: Some(gate.name.clone()), ..Location::at(&*gate.place, gate.span) };
    let builder = FindingBuilder::new("graph-switches-on-input", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .confidence(Confidence::Medium)
        .verdict(Verdict::Suspicious)
        .trigger(Trigger::Inference)
        .techniques(RULE.techniques)
        .next("try the input that the condition names, and compare the graph with the one that the model's authors published");
    Some(builder.build())
}
