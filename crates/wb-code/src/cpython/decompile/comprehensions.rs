//! Comprehensions, from the loops that they are compiled to.

use super::ast::{Clause, Comp, Expr, Node, R, Stmt};
use super::machine::{End, Machine};
use super::step::{Function, Slot, Stack};

/// The comprehension that a loop is.
pub(super) fn from_loop(kind: Comp, stmt: Stmt) -> R<Expr> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut stmt = stmt;
    loop {
        match stmt {
            Stmt::For(is_async, target, iter, body, other) if other.is_empty() => {
                clauses.push(Clause { is_async, target, iter, tests: Vec::new() });
                stmt = only(body)?;
            }
            Stmt::If(test, body, other) if other.is_empty() && !clauses.is_empty() => {
                if let Some(clause) = clauses.last_mut() {
                    clause.tests.push(test);
                }
                // `if a: continue` and an element behind it are the same as a test.
                stmt = only(body)?;
            }
            Stmt::Collect(key, value) => {
                let fits = key.is_some() == (kind == Comp::Dict) && kind != Comp::Generator;
                if !fits {
                    return Err("a comprehension collects another kind of element");
                }
                return Expr::new(Node::Comp(kind, key, value, clauses));
            }
            Stmt::Expr(value) if kind == Comp::Generator => match *value.node {
                Node::Yield(value) => {
                    let none = || Expr::constant(crate::cpython::Value::None);
                    let value = value.unwrap_or_else(none);
                    return Expr::new(Node::Comp(kind, None, value, clauses));
                }
                _ => return Err("a generator yields no element"),
            },
            _ => return Err("a comprehension is more than a loop"),
        }
    }
}

fn only(body: Vec<Stmt>) -> R<Stmt> {
    let mut body = body;
    // `if test: continue` before the rest is the rest under the opposite test.
    if let [Stmt::If(_, then, other), _, ..] = body.as_slice()
        && matches!(then.as_slice(), [Stmt::Continue])
        && other.is_empty()
    {
        let rest = body.split_off(1);
        if let Some(Stmt::If(test, ..)) = body.pop() {
            return Ok(Stmt::If(test.negated()?, rest, Vec::new()));
        }
    }
    match (body.pop(), body.is_empty()) {
        (Some(stmt), true) => Ok(stmt),
        _ => Err("a comprehension is more than a loop"),
    }
}

impl Machine<'_, '_> {
    /// A comprehension whose function is called with what its first loop runs over.
    pub(super) fn comprehension(&mut self, function: &Function, iter: Expr) -> R<Expr> {
        let kind = match function.code.name.as_str() {
            "<listcomp>" => Comp::List,
            "<setcomp>" => Comp::Set,
            "<dictcomp>" => Comp::Dict,
            "<genexpr>" => Comp::Generator,
            _ => return Err("a function is called before it is stored"),
        };
        let plain = function.defaults.is_empty()
            && function.keyword_defaults.is_empty()
            && function.annotations.is_empty()
            && function.decorators.is_empty();
        if !plain || function.code.argument_count != 1 {
            return Err("a comprehension has parameters");
        }
        let names = self.names.within_function(self.code);
        let code = function.code.clone();
        let (body, stored) = self.deeper(|machine| {
            let mut inner = Machine::new(&code, names, machine.work)?;
            inner.recursion = machine.recursion;
            let (body, end) = inner.body(Stack::default())?;
            if end != End::Gone {
                return Err("a comprehension does not return");
            }
            inner.accounted()?;
            Ok((body, (inner.nonlocals, inner.globals)))
        })?;
        // What `:=` binds in a comprehension belongs to the function around.
        for name in stored.0 {
            self.uses("STORE_DEREF", &name)?;
        }
        for name in stored.1 {
            self.uses("STORE_GLOBAL", &name)?;
        }
        let whole = match (kind, <[Stmt; 2]>::try_from(body)) {
            (Comp::Generator, Ok([stmt, Stmt::Return(_)])) => from_loop(kind, stmt)?,
            (_, Err(body)) => match <[Stmt; 1]>::try_from(body) {
                Ok([Stmt::Return(Some(value))]) => value,
                _ => return Err("a comprehension is more than a loop"),
            },
            _ => return Err("a comprehension is more than a loop"),
        };
        let Node::Comp(found, key, value, mut clauses) = *whole.node else {
            return Err("a comprehension is more than a loop");
        };
        match clauses.first_mut() {
            Some(first) if first.iter.as_name() == Some(".0") && found == kind => first.iter = iter,
            _ => return Err("a comprehension runs over something else"),
        }
        Expr::new(Node::Comp(kind, key, value, clauses))
    }

    /// The element that a comprehension's loop collects.
    pub(super) fn collected(&mut self, name: &str, depth: usize, stack: &mut Stack) -> R<Stmt> {
        let value = stack.take()?;
        let (key, value) = if name == "MAP_ADD" {
            let other = stack.take()?;
            // Before 3.8 the key is on top.
            if self.code.version.minor >= 8 { (Some(other), value) } else { (Some(value), other) }
        } else {
            (None, value)
        };
        // Iterators stand between the element and what it is added to.
        let between = (1..depth).all(|below| matches!(stack.peek(below), Some(Slot::Iter)));
        let display = matches!(
            stack.peek(depth),
            Some(Slot::Expr(display)) if matches!(
                (display.node.as_ref(), name),
                (Node::List(items), "LIST_APPEND") | (Node::Set(items), "SET_ADD") if items.is_empty()
            ) || matches!((display.node.as_ref(), name), (Node::Dict(pairs), "MAP_ADD") if pairs.is_empty())
        );
        if depth < 2 || !between || !display {
            return Err("an element is added to what no comprehension fills");
        }
        Ok(Stmt::Collect(key, value))
    }
}
