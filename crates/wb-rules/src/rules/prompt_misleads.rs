//! Prompts that send the conversation elsewhere, or put other instructions out of force.

use super::{Draft, Subject};
use wb_core::{Component, Confidence, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A prompt that sends the conversation elsewhere or overrides other instructions",
    severity: Severity::Medium,
    techniques: &["AML.T0051", "AML.T0025"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    subject.content.components.iter().filter_map(|part| finding(subject, part)).collect()
}

fn finding(subject: &Subject<'_>, part: &Component) -> Option<Finding> {
    let (what, severity, verdict) = match part.kind {
        "prompt-picture" => {
            ("whoever shows the answer fetches a picture whose address is made of the conversation", Severity::Medium, Verdict::Suspicious)
        }
        "prompt-link" => ("an address that is made of the conversation is put into the answer", Severity::Low, Verdict::Clean),
        "prompt-override" => ("the prompt puts other instructions out of force", Severity::Low, Verdict::Clean),
        _ => return None,
    };
    let says: String = part.setting("says")?.chars().take(200).collect();
    let location = Location::at(&*part.place, part.span);
    let builder = FindingBuilder::new("prompt-misleads", &subject.artifact.path, location, format!("{what}: `{says}`"))
        .severity(severity)
        .confidence(Confidence::Medium)
        .verdict(verdict)
        .techniques(RULE.techniques)
        .next("compare the prompt with the one that the model's authors published");
    Some(builder.build())
}
