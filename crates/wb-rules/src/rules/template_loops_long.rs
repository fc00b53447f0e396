//! Templates that keep a server busy.

use super::{Draft, Subject};
use wb_core::{Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A chat template with a loop that takes very long",
    severity: Severity::Medium,
    techniques: &["AML.T0029"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let loops = subject.content.components.iter().filter(|one| one.kind == "template-loop");
    loops
        .map(|found| {
            let rounds = found.setting("rounds").unwrap_or_default();
            let headline = format!("rendering the template `{}` does {rounds} rounds of a loop", found.name);
            let place = if found.place.is_empty() { &found.name } else { &found.place };
            let location = Location::at(place.as_str(), found.span);
            FindingBuilder::new("template-loops-long", &subject.artifact.path, location, headline)
                .severity(RULE.severity)
                .verdict(Verdict::Suspicious)
                .trigger(Trigger::Template)
                .techniques(RULE.techniques)
                .next("replace the template by one that is known (CVE-2025-61620)")
                .build()
        })
        .collect()
}
