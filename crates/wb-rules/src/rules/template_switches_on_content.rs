//! Templates that tell the model something of their own when a word occurs, or from some day on.

use super::{Draft, Subject};
use wb_core::{
    Component, Confidence, Finding, FindingBuilder, Location, Payload, PayloadKind, Severity, Trigger, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A chat template that changes what the model is told by the words of a message or by the date",
    severity: Severity::High,
    techniques: &["AML.T0051", "AML.T0018.000"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let components = subject.content.components.iter();
    components.filter_map(|branch| finding(subject, branch)).collect()
}

fn finding(subject: &Subject<'_>, branch: &Component) -> Option<Finding> {
    let on = match branch.kind {
        "template-branch-on-content" => "on the words of a message",
        "template-branch-on-date" => "on the date",
        _ => return None,
    };
    let (condition, says) = (branch.setting("condition")?, branch.setting("says")?);
    let headline = format!("what the model is told depends {on}: `{condition}`");
    let component = (!branch.name.is_empty()).then(|| branch.name.clone());
    let place = if branch.place.is_empty() { branch.name.clone() } else { branch.place.clone() };
    let location = Location { component, ..Location::at(place, branch.span) };
    let text = says.trim().to_owned();
    let builder =
        FindingBuilder::new("template-switches-on-content", &subject.artifact.path, location, headline)
            .severity(RULE.severity)
            .confidence(Confidence::Medium)
            .verdict(Verdict::Suspicious)
            .payloads(vec![Payload { kind: PayloadKind::Text, layers: Vec::new(), text }])
            .trigger(Trigger::Template)
            .techniques(RULE.techniques)
            .next("read the branch, and compare the template with the one that the model's authors published");
    Some(builder.build())
}
