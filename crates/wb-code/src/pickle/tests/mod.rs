//! Tests of the pickle machine, on opcodes written by hand and on pickles made by `python3`.

mod hostile;
mod identify;
mod machine;
mod oracle;

use super::{Detail, Lifted, lift};
use wb_core::{Budget, Bytes, Collection, Constant, OpKind, Program, Trigger, ValueId};

fn effects(data: &[u8]) -> Lifted {
    lift(Bytes::new(data), Trigger::Load, Detail::Effects, &mut Budget::default())
}

fn full(data: &[u8]) -> Lifted {
    lift(Bytes::new(data), Trigger::Load, Detail::Full, &mut Budget::default())
}

fn ops(lifted: &Lifted) -> Vec<OpKind> {
    lifted.programs.iter().flat_map(|p| &p.ops).map(|op| op.kind.clone()).collect()
}

fn imports(data: &[u8]) -> Vec<String> {
    let named = |kind| match kind {
        OpKind::Import { module, name } => Some(format!("{module}.{name}")),
        _ => None,
    };
    ops(&effects(data)).into_iter().filter_map(named).collect()
}

/// Every call as text.
fn calls(lifted: &Lifted) -> Vec<String> {
    let mut calls = Vec::new();
    for program in &lifted.programs {
        for (index, op) in program.ops.iter().enumerate() {
            if matches!(op.kind, OpKind::Call { .. }) {
                calls.push(show(program, ValueId(u32::try_from(index).expect("few ops"))));
            }
        }
    }
    calls
}

/// A value as text, to a small depth.
fn show(program: &Program, value: ValueId) -> String {
    match &program.op(value).expect("an op").kind {
        OpKind::Constant(Constant::Text(text)) => format!("'{text}'"),
        OpKind::Constant(constant) => format!("{constant:?}"),
        OpKind::Import { module, name } => format!("{module}.{name}"),
        OpKind::Call { callee, arguments, keywords, .. } => {
            let mut all: Vec<String> = arguments.iter().map(|a| show(program, *a)).collect();
            all.extend(keywords.iter().map(|(name, v)| format!("{name}={}", show(program, *v))));
            format!("{}({})", show(program, *callee), all.join(", "))
        }
        OpKind::GetAttribute { of, name } => {
            let of = &program.op(*of).expect("an op").kind;
            format!("{}.{name}", if matches!(of, OpKind::Collect { .. }) { "[]" } else { "?" })
        }
        _ => "?".to_owned(),
    }
}

/// The paths of keys that lead to calls in nested dicts of the returned value.
fn paths(program: &Program) -> Vec<String> {
    let Some(OpKind::Return { value }) = program.ops.last().map(|op| &op.kind) else {
        return vec![];
    };
    let mut found = Vec::new();
    let mut work = vec![(String::new(), *value)];
    while let Some((path, value)) = work.pop() {
        match &program.op(value).expect("an op").kind {
            OpKind::Collect { kind: Collection::Dict, items, .. } => {
                for pair in items.chunks(2) {
                    let OpKind::Constant(Constant::Text(key)) =
                        &program.op(pair[0]).expect("op").kind
                    else {
                        continue;
                    };
                    work.push((format!("{path}/{key}"), pair[1]));
                }
            }
            OpKind::Call { .. } => found.push(path.trim_start_matches('/').to_owned()),
            _ => {}
        }
    }
    found
}
