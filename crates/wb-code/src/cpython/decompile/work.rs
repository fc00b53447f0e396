//! What is left to spend, and what encloses a function: [`Work`], [`Scope`].

use super::ast::R;
use crate::cpython::CodeObject;
use std::collections::BTreeSet;

/// What decompiling may cost in all.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
    /// Functions that were looked at.
    pub(super) functions: usize,
    /// Functions that are shown as instructions, and why.
    pub(super) not_recovered: Vec<(String, String)>,
}

impl Work {
    pub(super) fn new(left: u64) -> Self {
        Self { left, functions: 0, not_recovered: Vec::new() }
    }

    /// What is left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn spend(&mut self, count: u64) -> R<()> {
        match self.left.checked_sub(count) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err("the budget of work ran out")
            }
        }
    }
}

/// What a code object is the code of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Class,
    Function,
}

/// What encloses a code object.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    /// Whether a class stands around: names like `__x` mean something else there.
    pub(super) in_class: bool,
    /// The name of the innermost class around.
    pub(super) class: String,
    /// Local variables of the functions around.
    pub(super) outer: BTreeSet<String>,
}

impl Scope {
    /// Nothing around.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, in_class: false, class: String::new(), outer: BTreeSet::new() }
    }

    /// The scope of code inside `code`.
    pub(super) fn within(&self, code: &CodeObject, kind: Kind) -> Self {
        let mut outer = self.outer.clone();
        if self.kind == Kind::Function {
            outer.extend(code.locals.iter().cloned());
            outer.extend(code.cells.iter().cloned());
        }
        let in_class = self.in_class || kind == Kind::Class;
        let own = self.kind == Kind::Class;
        let class = if own { code.name.clone() } else { self.class.clone() };
        Self { kind, in_class, class, outer }
    }

    /// The scope of a function inside `code`.
    pub(super) fn within_function(&self, code: &CodeObject) -> Self {
        self.within(code, Kind::Function)
    }
}
