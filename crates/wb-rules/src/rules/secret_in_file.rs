//! Keys and tokens that were left in a file.

use super::{Draft, Subject};
use crate::secrets::{secrets, strings};
use std::collections::BTreeSet;
use wb_core::{Confidence, Finding, FindingBuilder, Location, Severity, Span, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A key or token left in a file",
    severity: Severity::Medium,
    techniques: &["T1552.001"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    for (place, text, span) in strings(subject.content) {
        for (name, secret, confidence) in secrets(text) {
            if told.insert(secret) {
                findings.push(finding(subject, place, span, name, secret, confidence));
            }
        }
    }
    findings
}

fn finding(
    subject: &Subject<'_>,
    place: &str,
    span: Option<Span>,
    name: &str,
    secret: &str,
    confidence: Confidence,
) -> Finding {
    // A report is passed on: it does not hold the secret itself.
    let shown: String = secret.chars().take(8).collect();
    let headline = format!("a {name} was left in the file: `{shown}...`, {} characters", secret.chars().count());
    let place = if place.is_empty() { subject.format() } else { place };
    FindingBuilder::new("secret-in-file", &subject.artifact.path, Location::at(place, span), headline)
        .severity(RULE.severity)
        .confidence(confidence)
        .verdict(Verdict::Suspicious)
        .techniques(RULE.techniques)
        .next("revoke it, and look for its use; then take it out of the file and of its history")
        .build()
}
