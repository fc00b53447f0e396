//! Persistent ids that are not those of a torch storage.

use super::{Draft, Subject, op_location};
use wb_core::{
    Collection, Constant, Finding, FindingBuilder, Language, Op, OpKind, Program, Severity, Trigger,
    ValueId, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A persistent id that is no torch storage",
    severity: Severity::Medium,
    techniques: &["AML.T0011.000"],
    examine,
};

/// First items of the tuples that torch writes: `torch/serialization.py`, `torch/package/package_exporter.py`.
const TORCH: [&str; 3] = ["storage", "module", "reduce_package"];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let pickles = subject.content.programs.iter();
    pickles
        .filter(|program| program.language == Language::Pickle)
        .filter_map(|program| {
            let mut odd = program.ops.iter().filter(|op| is_odd(program, op));
            let first = odd.next()?;
            Some(finding(subject, program, first, odd.count()))
        })
        .collect()
}

fn is_odd(program: &Program, op: &Op) -> bool {
    matches!(op.kind, OpKind::Persistent { id } if !is_storage(program, id))
}

fn is_storage(program: &Program, id: ValueId) -> bool {
    let Some(OpKind::Collect { kind: Collection::Tuple, items, .. }) =
        program.op(id).map(|op| &op.kind)
    else {
        return false;
    };
    let first = items.first().and_then(|first| program.op(*first));
    matches!(
        first.map(|op| &op.kind),
        Some(OpKind::Constant(Constant::Text(word))) if TORCH.contains(&word.as_str())
    )
}

fn finding(subject: &Subject<'_>, program: &Program, op: &Op, more: usize) -> Finding {
    let location = op_location(&program.place, op.number, op.span);
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let headline =
        format!("loading this model asks its loader for an object by an id that is no torch storage{more}");
    FindingBuilder::new("pickle-persistent-id", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Unknown)
        .trigger(Trigger::Load)
        .techniques(RULE.techniques)
        .next("find out which program is meant to load this file, and what it does with such ids")
        .build()
}
