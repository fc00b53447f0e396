//! Pickles that change what they import.

use super::{Draft, Subject, op_location};
use std::collections::BTreeSet;
use wb_core::{
    Finding, FindingBuilder, Language, Op, OpKind, Program, Severity, Trigger, ValueId, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A pickle that sets attributes of what it imports",
    severity: Severity::Critical,
    techniques: &["AML.T0011.000", "T1027", "T1574"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let pickles = subject.content.programs.iter();
    pickles
        .filter(|program| program.language == Language::Pickle)
        .flat_map(|program| changed(program).into_iter().map(|(op, name)| finding(subject, program, op, &name)))
        .collect()
}

/// The first change of every imported object: BUILD with a state, or an item or attribute set.
fn changed(program: &Program) -> Vec<(&Op, String)> {
    let mut seen = BTreeSet::new();
    let ops = program.ops.iter();
    ops.filter_map(|op| {
        let target = match op.kind {
            OpKind::Build { of, .. }
            | OpKind::SetAttribute { of, .. }
            | OpKind::SetItem { of, .. } => of,
            _ => return None,
        };
        imported(program, target).map(|name| (op, name))
    })
    .filter(|(_, name)| seen.insert(name.clone()))
    .collect()
}

/// The dotted name of `value` when it is an import, or an attribute of one. What a call returns is the
/// pickle's own object, which BUILD is for.
fn imported(program: &Program, value: ValueId) -> Option<String> {
    match &program.op(value)?.kind {
        OpKind::Import { module, name } if name.is_empty() => Some(module.clone()),
        OpKind::Import { module, name } => Some(format!("{module}.{name}")),
        // An attribute of an attribute would have been imported by its dotted name.
        OpKind::GetAttribute { of, name } => match &program.op(*of)?.kind {
            OpKind::Import { module, name: owner } => Some(format!("{module}.{owner}.{name}")),
            _ => None,
        },
        _ => None,
    }
}

fn finding(subject: &Subject<'_>, program: &Program, op: &Op, name: &str) -> Finding {
    let location = op_location(&program.place, op.number, op.span);
    let headline = format!("loading this model changes attributes of `{name}`, which it imports");
    FindingBuilder::new("pickle-attribute-set-on-import", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Malicious)
        .call(name)
        .trigger(Trigger::Load)
        .techniques(RULE.techniques)
        .next("do not load this file: the change stays in the process and can call anything later")
        .build()
}
