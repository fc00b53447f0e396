//! Templates that keep a server busy.

use super::{Draft, Subject};
use wb_core::{Component, Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A chat template that takes very long",
    severity: Severity::Medium,
    techniques: &["AML.T0029"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    subject.content.components.iter().filter_map(|part| finding(subject, part)).collect()
}

fn finding(subject: &Subject<'_>, part: &Component) -> Option<Finding> {
    let does = match part.kind {
        "template-loop" => format!("does {} rounds of a loop", part.setting("rounds").unwrap_or_default()),
        "template-repeat" => {
            format!("repeats a text to {} bytes", part.setting("length").unwrap_or_default())
        }
        _ => return None,
    };
    let headline = format!("rendering the template `{}` {does}", part.name);
    let place = if part.place.is_empty() { &part.name } else { &part.place };
    let location = Location::at(place.as_str(), part.span);
    let finding = FindingBuilder::new("template-loops-long", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Suspicious)
        .trigger(Trigger::Template)
        .techniques(RULE.techniques)
        .next("replace the template by one that is known (CVE-2025-61620)");
    Some(finding.build())
}
