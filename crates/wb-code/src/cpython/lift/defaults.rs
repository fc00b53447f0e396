//! Default values of parameters, which the body of a function sees as variables.

use super::super::instructions::Instruction;
use super::super::{CodeObject, Value, Version};
use super::frame::Frame;
use super::state::Slot;
use std::collections::BTreeMap;
use wb_core::{Collection, Op, OpKind, Program, ValueId};

/// `MAKE_FUNCTION` and `SET_FUNCTION_ATTRIBUTE` bit: a tuple of defaults.
const POSITIONAL: usize = 1;
/// The same: a mapping of defaults of keyword-only parameters.
const KEYWORD: usize = 2;
/// How many ops the expression of one default may have to be shown.
const MAX_COPIED: usize = 64;

impl<'c> Frame<'c, '_> {
    /// The defaults of the function that the current instruction makes of `code`, by parameter. `extras` is
    /// what it takes from the stack besides the code, the lowest first. Plain constants are left out:
    /// they do nothing. Only from 3.6 on, whose flags say what each is.
    pub(super) fn parameter_defaults(
        &mut self,
        code: &CodeObject,
        one: &Instruction,
        extras: &[Slot<'c>],
    ) -> Vec<(String, ValueId)> {
        let (mut positional, mut keyword) = (None, None);
        if self.version >= Version::three(13) {
            let stack = self.state.stack.iter().rev();
            let setters = self.following().take_while(|one| one.name == "SET_FUNCTION_ATTRIBUTE");
            for (slot, setter) in stack.zip(setters) {
                match setter.arg() {
                    POSITIONAL => positional = Some(slot.clone()),
                    KEYWORD => keyword = Some(slot.clone()),
                    _ => {}
                }
            }
        } else if self.version >= Version::three(6) {
            let mut extras = extras.iter().cloned();
            if one.arg() & POSITIONAL != 0 {
                positional = extras.next();
            }
            if one.arg() & KEYWORD != 0 {
                keyword = extras.next();
            }
        }
        let mut defaults = positional.map_or_else(Vec::new, |slot| self.positional(code, &slot));
        if let Some(Slot::Value(mapping)) = keyword
            && let Some(OpKind::Collect { kind: Collection::Dict, items, .. }) =
                self.program.op(mapping).map(|op| &op.kind)
        {
            for pair in items.chunks_exact(2) {
                let &[name, value] = pair else { continue };
                if let Some(name) = self.text_of(name) {
                    defaults.push((name.to_owned(), value));
                }
            }
        }
        defaults
    }

    /// Defaults belong to the last of the positional parameters.
    fn positional(&self, code: &CodeObject, slot: &Slot<'c>) -> Vec<(String, ValueId)> {
        if matches!(slot, Slot::Const(Value::Tuple(_), _)) {
            return Vec::new();
        }
        let values = self.known_items(slot).unwrap_or_default();
        let count = usize::try_from(code.argument_count).unwrap_or(usize::MAX);
        let parameters = code.locals.get(..count.min(code.locals.len())).unwrap_or(&[]);
        let first = parameters.len().saturating_sub(values.len());
        let named = parameters.iter().skip(first).zip(values);
        let known = named.filter_map(|(name, value)| match value {
            Slot::Value(id) => Some((name.clone(), id)),
            _ => None,
        });
        known.collect()
    }
}

/// Copies the expression of `value` to the end of `body` and gives it the name `name` there. Constants are
/// left out, and expressions of more than a few ops. Yields how many ops it added.
pub(super) fn copy(from: &Program, value: ValueId, name: &str, body: &mut Program) -> u32 {
    let before = body.ops.len();
    if matches!(from.op(value).map(|op| &op.kind), Some(OpKind::Constant(_)) | None) {
        return 0;
    }
    let Some(needed) = needed(from, value) else { return 0 };
    let mut copies: BTreeMap<ValueId, ValueId> = BTreeMap::new();
    for id in needed {
        let Some(op) = from.op(id) else { continue };
        let mut op = op.clone();
        for used in uses_mut(&mut op.kind) {
            if let Some(copied) = copies.get(used) {
                *used = *copied;
            }
        }
        copies.insert(id, body.push(op));
    }
    if let (Some(copied), Some(op)) = (copies.get(&value).copied(), from.op(value)) {
        let kind = OpKind::Store { name: name.to_owned(), value: copied };
        body.push(Op { span: op.span, number: op.number, kind });
    }
    u32::try_from(body.ops.len().saturating_sub(before)).unwrap_or(u32::MAX)
}

/// The ops that `value` is made of, in order; `None` when they are many, or define code.
fn needed(from: &Program, value: ValueId) -> Option<Vec<ValueId>> {
    let mut found = vec![value];
    let mut index = 0;
    while let Some(id) = found.get(index) {
        let mut kind = from.op(*id)?.kind.clone();
        if matches!(kind, OpKind::Define { .. }) {
            return None;
        }
        for used in uses_mut(&mut kind) {
            if !found.contains(used) {
                found.push(*used);
            }
        }
        if found.len() > MAX_COPIED {
            return None;
        }
        index = index.saturating_add(1);
    }
    found.sort_unstable();
    Some(found)
}

/// The values that an op yielding one is made of.
fn uses_mut(kind: &mut OpKind) -> Vec<&mut ValueId> {
    match kind {
        OpKind::GetAttribute { of, .. } => vec![of],
        OpKind::GetItem { of, key } => vec![of, key],
        OpKind::Call { callee, arguments, keywords, .. } => {
            let mut uses = vec![callee];
            uses.extend(arguments);
            uses.extend(keywords.iter_mut().map(|(_, value)| value));
            uses
        }
        OpKind::Collect { items, .. } => items.iter_mut().collect(),
        OpKind::Opaque { uses, .. } => uses.iter_mut().collect(),
        _ => Vec::new(),
    }
}
