//! Python source text.
//!
//! [`lift`] parses with ruff's parser and walks the tree ([`statement`], [`expression`]). Functions and
//! lambdas become `Define` ops; their parameters are `Load`s of `parameter NAME` that are stored under their
//! name, so that a call can bind them. A class body runs where it stands, with its names stored as
//! `CLASS.NAME`. A comprehension is a `map` of a function over what it iterates. The number of an op is its
//! line.

mod expression;
mod guard;
mod nesting;
mod old;
mod statement;
mod torchscript;

pub use torchscript::is_of_archive;

use ruff_python_ast::{ModModule, Parameters, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextRange};
use std::rc::Rc;
use wb_core::{Budget, Constant, Language, Op, OpKind, Program, Span, Trigger, ValueId};

/// The longest source that is parsed, in bytes.
const MAX_SOURCE: usize = 8 << 20;

/// How deep expressions and statements are followed.
const MAX_DEPTH: u32 = 200;

/// The most ops that are made of one source.
const MAX_OPS: usize = 1 << 20;

/// Lifts Python source: what runs when it is executed, with functions and classes as `Define` ops.
/// `None` when it does not parse as Python.
///
/// Python 2's `print` and `exec` statements are understood. Source over the size limit, or nested so deeply
/// that CPython itself refuses it, yields `None` too.
pub fn lift(source: &str, trigger: Trigger, budget: &mut Budget) -> Option<Program> {
    let length = u64::try_from(source.len()).ok()?;
    budget.steps(length).ok()?;
    if source.len() > MAX_SOURCE || source.trim().is_empty() || !nesting::is_bounded(source) {
        return None;
    }
    if let Ok(parsed) = ruff_python_parser::parse_module(source) {
        return Some(lift_suite(parsed.suite(), source, trigger, budget));
    }
    let newer = old::modernised(source)?;
    let parsed = ruff_python_parser::parse_module(&newer).ok()?;
    Some(lift_suite(parsed.suite(), &newer, trigger, budget))
}

/// The tree of Python 3 source; `None` when it does not parse, is too large or is nested so deeply that
/// CPython itself refuses it.
pub fn parse(source: &str) -> Option<Parsed<ModModule>> {
    if source.len() > MAX_SOURCE || !nesting::is_bounded(source) {
        return None;
    }
    ruff_python_parser::parse_module(source).ok()
}

fn lift_suite(suite: &[Stmt], source: &str, trigger: Trigger, budget: &mut Budget) -> Program {
    let length = u64::try_from(source.len()).unwrap_or(u64::MAX);
    let lines = Rc::new(Lines::new(source));
    let mut program = Program::new(Language::Python, trigger, Span::new(0, length));
    let mut lifter = Lifter {
        program: &mut program,
        budget,
        lines,
        depth: MAX_DEPTH,
        class: None,
        guards: !guard::may_rename(source),
        at: TextRange::default(),
    };
    if torchscript::is_torchscript(suite) {
        lifter.torchscript();
    }
    lifter.suite(suite);
    program
}

/// Lifts one scope.
struct Lifter<'p, 'b> {
    program: &'p mut Program,
    budget: &'b mut Budget,
    lines: Rc<Lines>,
    /// How many levels may still be entered.
    depth: u32,
    /// The class whose body this is.
    class: Option<String>,
    /// Whether what stands under `if __name__ == "__main__"` is kept from an import.
    guards: bool,
    /// The statement or expression that is being lifted.
    at: TextRange,
}

impl Lifter<'_, '_> {
    fn push(&mut self, kind: OpKind) -> ValueId {
        // The op that says so is the last one.
        let kind = match self.budget.items(1) {
            Ok(()) if self.program.ops.len() < MAX_OPS => kind,
            _ => OpKind::Opaque { what: "source over the budget".to_owned(), uses: Vec::new() },
        };
        let start = u64::from(self.at.start().to_u32());
        let len = u64::from(self.at.len().to_u32());
        let number = self.lines.number(self.at.start().to_u32());
        if self.program.ops.len() > MAX_OPS {
            return ValueId(u32::try_from(MAX_OPS).unwrap_or(u32::MAX));
        }
        self.program.push(Op { span: Span::new(start, len), number, kind })
    }

    fn constant(&mut self, constant: Constant) -> ValueId {
        self.push(OpKind::Constant(constant))
    }

    fn load(&mut self, name: &str) -> ValueId {
        self.push(OpKind::Load { name: name.to_owned() })
    }

    fn opaque(&mut self, what: &str, uses: Vec<ValueId>) -> ValueId {
        self.push(OpKind::Opaque { what: what.to_owned(), uses })
    }

    fn store(&mut self, name: &str, value: ValueId) -> ValueId {
        let name = match &self.class {
            Some(class) => format!("{class}.{name}"),
            None => name.to_owned(),
        };
        self.push(OpKind::Store { name, value })
    }

    /// Runs `work` one level deeper; what is too deep is opaque.
    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> ValueId) -> ValueId {
        let Some(depth) = self.depth.checked_sub(1) else {
            return self.opaque("nested deeper than is read", Vec::new());
        };
        let before = std::mem::replace(&mut self.depth, depth);
        let value = work(self);
        self.depth = before;
        value
    }

    /// Lifts a scope of its own and defines it.
    fn define(
        &mut self,
        name: &str,
        range: TextRange,
        body: impl FnOnce(&mut Lifter<'_, '_>),
    ) -> ValueId {
        let span = Span::new(u64::from(range.start().to_u32()), u64::from(range.len().to_u32()));
        let mut program = Program::new(Language::Python, self.program.trigger, span);
        match self.depth.checked_sub(1) {
            Some(depth) => {
                let mut inner = Lifter {
                    program: &mut program,
                    budget: self.budget,
                    lines: Rc::clone(&self.lines),
                    depth,
                    class: None,
                    guards: self.guards,
                    at: self.at,
                };
                body(&mut inner);
            }
            None => {
                self.opaque("nested deeper than is read", Vec::new());
            }
        }
        self.push(OpKind::Define { name: name.to_owned(), body: Box::new(program) })
    }

    /// Gives the parameters of a function their names.
    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter_non_variadic_params() {
            self.at = parameter.range();
            self.parameter(parameter.name());
        }
        for extra in parameters.vararg.iter().chain(parameters.kwarg.iter()) {
            self.at = extra.range();
            let value = self.opaque("arguments", Vec::new());
            self.store(extra.name(), value);
        }
    }

    fn parameter(&mut self, name: &str) {
        let value = self.load(&format!("parameter {name}"));
        self.store(name, value);
    }
}

/// Where lines begin.
#[derive(Debug)]
struct Lines(Vec<u32>);

impl Lines {
    fn new(source: &str) -> Self {
        let starts = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(starts.filter_map(|(at, _)| u32::try_from(at).ok()).collect())
    }

    /// The line of an offset, counted from 1.
    fn number(&self, offset: u32) -> u64 {
        let before = self.0.partition_point(|newline| *newline < offset);
        u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests;
