//! Pickles that write into a tensor while it is restored.

use super::{Draft, Subject, op_location};
use wb_core::{
    CallStyle, Finding, FindingBuilder, Language, Op, OpKind, Program, Severity, Trigger, ValueId, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A pickle that sets items of a tensor it restores",
    severity: Severity::High,
    techniques: &["AML.T0011.000", "T1203"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let pickles = subject.content.programs.iter();
    pickles
        .filter(|program| program.language == Language::Pickle)
        .filter_map(|program| Some((program, first_write(program)?)))
        .map(|(program, op)| finding(subject, program, op))
        .collect()
}

/// The first item that is set on a tensor.
fn first_write(program: &Program) -> Option<&Op> {
    program.ops.iter().find(|op| match op.kind {
        OpKind::SetItem { of, .. } => is_tensor(program, of),
        _ => false,
    })
}

/// Whether `value` is what a function of torch that rebuilds tensors returns.
fn is_tensor(program: &Program, value: ValueId) -> bool {
    let Some(OpKind::Call { callee, style: CallStyle::Call, .. }) = program.op(value).map(|op| &op.kind)
    else {
        return false;
    };
    match program.op(*callee).map(|op| &op.kind) {
        Some(OpKind::Import { module, name }) => {
            matches!(module.as_str(), "torch._utils" | "torch._tensor") && name.starts_with("_rebuild_")
        }
        _ => false,
    }
}

fn finding(subject: &Subject<'_>, program: &Program, op: &Op) -> Finding {
    let location = op_location(&program.place, op.number, op.span);
    let headline = "loading this model writes items into a tensor while it is restored";
    FindingBuilder::new("torch-item-set-on-tensor", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Suspicious)
        .trigger(Trigger::Load)
        .techniques(RULE.techniques)
        .next("do not load this file, not even with `weights_only=True`: torch before 2.10 corrupts memory (CVE-2026-24747)")
        .build()
}
