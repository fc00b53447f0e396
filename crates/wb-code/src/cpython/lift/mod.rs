//! Bytecode to [`Program`]: a symbolic walk over every reachable instruction.
//!
//! A [`Frame`] walks one code object. Each instruction is visited once, in order of offset, with the stack
//! and the local variables that its predecessors leave ([`state`]); where these differ, or cannot be
//! known, the value is opaque. The instructions are grouped by subject: [`names`], [`operators`],
//! [`collections`], [`calls`], [`flow`].

mod calls;
mod collections;
mod defaults;
mod flow;
mod frame;
mod guard;
mod names;
mod operators;
mod state;

use super::{CodeObject, Version, instructions};
use frame::Frame;
pub(super) use operators::{BINARY, COMPARE, arithmetic, comparison_shift};
use std::cell::Cell;
use std::collections::BTreeSet;
use wb_core::{Budget, Constant, OpKind, Program, Trigger};

/// How deep functions in functions are lifted.
const MAX_DEPTH: u16 = 48;

/// Lifts a code object: the program of its body, with nested functions as `Define` ops.
///
/// The number of an op is its bytecode offset; its span is known when the code object was read from
/// marshal. Parameters and names that the code does not set itself are `Load`s; a local variable that is
/// set and used again is the value that was set. Two values that meet where branches join are
/// `Opaque { what: "either" }` of both.
pub fn lift(code: &CodeObject, trigger: Trigger, budget: &mut Budget) -> Program {
    lift_bound(code, &[], trigger, budget)
}

/// Like [`lift`], for a function some of whose parameters or free variables are known: `values` by name, as
/// they are stored beside the code. They become the first ops.
pub fn lift_bound(
    code: &CodeObject,
    values: &[(&str, Constant)],
    trigger: Trigger,
    budget: &mut Budget,
) -> Program {
    let shared = shared_names(code, budget);
    let ops_left = Cell::new(frame::MAX_OPS);
    let mut frame = Frame::new(code, code.version, trigger, &shared, budget, &ops_left, 0);
    for (name, constant) in values {
        let value = frame.emit(OpKind::Constant(constant.clone()));
        frame.emit(OpKind::Store { name: (*name).to_owned(), value });
    }
    frame.walk()
}

/// How many things in `code` do not fit `version` when its stack is followed: the fewer the likelier.
pub(super) fn misfits(code: &CodeObject, version: Version, budget: &mut Budget) -> u32 {
    let shared = BTreeSet::new();
    let ops_left = Cell::new(frame::MAX_OPS);
    // Nested functions have bytecode of their own, so this frame alone is walked.
    let frame = Frame::new(code, version, Trigger::Load, &shared, budget, &ops_left, MAX_DEPTH);
    frame.walk().unfollowed
}

/// Variables that nested functions set in an outer scope: their value in the outer function can change
/// between two of its instructions.
fn shared_names<'c>(code: &'c CodeObject, budget: &mut Budget) -> BTreeSet<&'c str> {
    let mut names = BTreeSet::new();
    let mut todo: Vec<(&CodeObject, u16)> = vec![(code, 0)];
    // A code object may be shared by many; its address is asked for, never shown.
    let mut seen = BTreeSet::new();
    while let Some((code, depth)) = todo.pop() {
        if !seen.insert(std::ptr::from_ref(code)) {
            continue;
        }
        let cost = u64::try_from(code.code.len()).unwrap_or(u64::MAX).saturating_add(1);
        if budget.steps(cost).is_err() {
            break;
        }
        for instruction in instructions::decode(code, code.version) {
            let name = match instruction.name {
                "STORE_GLOBAL" | "DELETE_GLOBAL" => code.names.get(instruction.arg()),
                "STORE_DEREF" | "DELETE_DEREF" if depth > 0 => code
                    .cell_name(instruction.arg())
                    .and_then(|name| code.free.iter().find(|free| *free == name)),
                _ => None,
            };
            names.extend(name.map(String::as_str));
        }
        if depth < MAX_DEPTH {
            todo.extend(code.nested().map(|nested| (nested, depth.saturating_add(1))));
        }
    }
    names
}
