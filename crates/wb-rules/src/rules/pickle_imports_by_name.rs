//! Pickles that call an importer for a module nobody vouches for.

use super::{Draft, Subject, op_location};
use crate::knowledge;
use std::collections::BTreeSet;
use wb_core::{
    Capability, Constant, Finding, FindingBuilder, Language, Op, OpKind, Program, Severity, Trigger,
    ValueId, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A pickle that imports a module by its name",
    severity: Severity::Medium,
    techniques: &["AML.T0011.000", "T1574"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let pickles = subject.content.programs.iter();
    let mut findings = Vec::new();
    for program in pickles.filter(|program| program.language == Language::Pickle) {
        let mut seen = BTreeSet::new();
        let imports = program.ops.iter().filter_map(|op| imported(program, op));
        for (op, importer, module) in imports {
            let root = module.split('.').next().unwrap_or_default();
            let known = knowledge::is_standard_library(root)
                || knowledge::table().knows_package(root);
            if !known && seen.insert(module) {
                findings.push(finding(subject, program, op, &importer, module));
            }
        }
    }
    findings
}

/// The op, importer and module of a call such as `importlib.import_module('a.b')`.
fn imported<'a>(program: &'a Program, op: &'a Op) -> Option<(&'a Op, String, &'a str)> {
    let OpKind::Call { callee, arguments, .. } = &op.kind else { return None };
    let OpKind::Import { module, name } = &program.op(*callee)?.kind else { return None };
    let importer = format!("{module}.{name}");
    let known = knowledge::table().known(&importer)?;
    let imports =
        known.fact.capability == Capability::Import || known.canonical == "builtins.__import__";
    let module = text(program, *arguments.first()?)?;
    imports.then_some((op, importer, module))
}

fn text(program: &Program, value: ValueId) -> Option<&str> {
    match &program.op(value)?.kind {
        OpKind::Constant(Constant::Text(text)) if text.len() < 256 => Some(text),
        _ => None,
    }
}

fn finding(
    subject: &Subject<'_>,
    program: &Program,
    op: &Op,
    importer: &str,
    module: &str,
) -> Finding {
    let location = op_location(&program.place, op.number, op.span);
    let headline = format!("loading this model imports the module `{module}` through `{importer}`");
    FindingBuilder::new("pickle-imports-by-name", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Suspicious)
        .call(importer)
        .trigger(Trigger::Load)
        .techniques(RULE.techniques)
        .next("find the module and read it: importing it runs its top-level code")
        .build()
}
