//! Pickles that take objects from the extension registry.

use super::{Draft, Subject, op_location};
use wb_core::{Finding, FindingBuilder, OpKind, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A pickle that takes an object from the extension registry",
    severity: Severity::High,
    techniques: &["AML.T0011.000", "T1027"],
    examine,
};

/// One finding for each code: what it stands for is known only to the process that loads the pickle.
fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut seen = std::collections::BTreeSet::new();
    let mut findings = Vec::new();
    for program in &subject.content.programs {
        for op in &program.ops {
            let OpKind::Extension { code } = op.kind else { continue };
            if !seen.insert(code) {
                continue;
            }
            let location = op_location(&program.place, op.number, op.span);
            let headline = format!("loading this model takes extension {code}, whatever `copyreg` holds under it");
            findings.push(
                FindingBuilder::new("pickle-extension-code", &subject.artifact.path, location, headline)
                    .severity(RULE.severity)
                    .verdict(Verdict::Suspicious)
                    .trigger(Trigger::Load)
                    .techniques(RULE.techniques)
                    .next("ask what registers this code; no model format uses the registry")
                    .build(),
            );
        }
    }
    findings
}
