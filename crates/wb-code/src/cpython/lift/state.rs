//! What is known at one point of the bytecode: [`State`], made of [`Slot`]s.

use super::super::{CodeObject, Value};
use std::collections::BTreeMap;
use wb_core::ValueId;

/// Where an instruction stands in the bytecode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    /// Offset of its first byte.
    pub start: usize,
    /// Offset of its opcode.
    pub offset: usize,
    /// Offset after it.
    pub end: usize,
}

/// A value on the stack or in a local variable. Most become an op only when they are used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slot<'c> {
    /// The value of an op.
    Value(ValueId),
    /// A constant, loaded by the instruction at that place.
    Const(&'c Value, At),
    /// A small integer from the instruction itself.
    Int(i64, At),
    /// One of several values or constants, depending on the way that was taken.
    Either(Vec<Slot<'c>>),
    /// The NULL that stands beside a callable.
    Null,
    /// A module imported for names that follow (`from module import`).
    Module(String, At),
    /// Such a module, once a name was imported from it.
    Used(String),
    /// A value that an f-string formats.
    Formatted(ValueId),
    /// `builtins.__build_class__`.
    BuildClass,
    /// `__enter__` of a context manager.
    Enter(ValueId),
    /// `__exit__` of a context manager.
    Exit,
    /// What a comprehension saves of the variable it borrows (3.12 on).
    Saved(Option<Box<Slot<'c>>>),
    /// A value that cannot be known, and what it is.
    Opaque(&'static str),
}

impl<'c> Slot<'c> {
    /// The code object, when it is one.
    pub(super) fn code(&self) -> Option<&'c CodeObject> {
        match self {
            Self::Const(Value::Code(code), _) => Some(code),
            _ => None,
        }
    }
}

/// The stack and what names are bound to.
#[derive(Clone, Debug, Default)]
pub(super) struct State<'c> {
    /// The stack, the top last.
    pub stack: Vec<Slot<'c>>,
    /// Values of variables of the frame and of names it set itself. What is absent is not known.
    pub bound: BTreeMap<Binding<'c>, Slot<'c>>,
}

/// A variable: fast locals and cells live apart from globals and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding<'c> {
    /// A local variable or cell.
    Local(&'c str),
    /// A global, or a name of a module or class body.
    Name(&'c str),
}

impl<'c> State<'c> {
    /// How many slots it has: what a copy costs.
    pub(super) fn size(&self) -> u64 {
        let size = self.stack.len().saturating_add(self.bound.len());
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    /// What is known where `self` and `other` meet. Stacks of different height meet where a `finally`
    /// body is reached by an exception and by falling into it (before 3.9): the lower one is the latter.
    pub(super) fn meet(&mut self, other: &Self) {
        if other.stack.len() < self.stack.len() {
            self.stack.clone_from(&other.stack);
        } else if other.stack.len() == self.stack.len() {
            for (mine, theirs) in self.stack.iter_mut().zip(&other.stack) {
                *mine = meet(mine, theirs).unwrap_or(Slot::Opaque("unknown"));
            }
        }
        self.bound.retain(|name, mine| {
            let met = other.bound.get(name).and_then(|theirs| meet(mine, theirs));
            if let Some(met) = &met {
                *mine = met.clone();
            }
            met.is_some()
        });
    }

    /// Puts `new` wherever `old` is.
    pub(super) fn replace(&mut self, old: ValueId, new: ValueId) {
        for slot in self.stack.iter_mut().chain(self.bound.values_mut()) {
            match slot {
                Slot::Value(id) if *id == old => *id = new,
                Slot::Either(slots) => {
                    for slot in slots.iter_mut().filter(|slot| **slot == Slot::Value(old)) {
                        *slot = Slot::Value(new);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The most values that meet in one [`Slot::Either`].
const MOST_EITHER: usize = 16;

fn meet<'c>(one: &Slot<'c>, other: &Slot<'c>) -> Option<Slot<'c>> {
    let mut all = alternatives(one);
    for slot in alternatives(other) {
        if !all.iter().any(|known| same(known, slot)) {
            all.push(slot);
        }
    }
    let lone = all.len() == 1;
    let plain = |slot: &&Slot<'_>| matches!(slot, Slot::Value(_) | Slot::Const(..) | Slot::Int(..));
    if lone {
        return all.first().map(|slot| (*slot).clone());
    }
    let known = all.len() <= MOST_EITHER && all.iter().all(plain);
    known.then(|| Slot::Either(all.into_iter().cloned().collect()))
}

/// The slots that a slot may be.
fn alternatives<'s, 'c>(slot: &'s Slot<'c>) -> Vec<&'s Slot<'c>> {
    match slot {
        Slot::Either(slots) => slots.iter().collect(),
        other => vec![other],
    }
}

/// Whether two slots hold one value, wherever it was loaded.
fn same(one: &Slot<'_>, other: &Slot<'_>) -> bool {
    match (one, other) {
        (Slot::Const(one, _), Slot::Const(other, _)) => std::ptr::eq(*one, *other),
        (Slot::Int(one, _), Slot::Int(other, _)) => one == other,
        _ => one == other,
    }
}
