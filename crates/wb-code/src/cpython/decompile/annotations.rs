//! Annotations that a function of their own computes (PEP 649, 3.14 on): [`Annotation`].
//!
//! The function is called `__annotate__` and returns a mapping from names to annotations. Where a variable
//! is annotated only if control comes by, as in a module, it is one of a set of numbers then.

use super::ast::{Expr, Node, R, Stmt};
use super::machine::Machine;
use super::step::{Function, Slot, Stack};
use super::work::Kind;
use crate::cpython::{CodeObject, Value};
use std::collections::VecDeque;
use std::sync::Arc;

/// The variable for the set of the annotations that control came by.
pub(super) const CONDITIONAL: &str = "__conditional_annotations__";

/// The variable for the names of a class, which what is computed outside of it looks names up in.
pub(super) const CLASS: &str = "__classdict__";

/// What is wrong where control never comes by an annotation.
const UNPLACED: &str = "an annotation has no place";

/// What is wrong with a function that computes annotations as no compiler does.
const WRONG: &str = "annotations are computed as the compiler does not";

/// An annotation of a variable or of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Annotation {
    pub(super) name: String,
    /// Its number, where it holds only if control came by.
    pub(super) number: Option<Value>,
    pub(super) value: Expr,
}

/// Whether the code object is that of a function with the parameter that these have.
fn takes_format(code: &CodeObject) -> bool {
    let one = code.argument_count == 1 && code.positional_only_count == 1;
    one && code.name == "__annotate__" && code.parameters() == ["format"]
}

impl Machine<'_, '_> {
    /// Takes note of the annotations of this module or class, if that is what the function that is stored to
    /// `target` computes.
    pub(super) fn annotates(&mut self, function: &Function, target: &Expr) -> R<bool> {
        let name = match self.names.kind {
            Kind::Module => "__annotate__",
            Kind::Class => "__annotate_func__",
            Kind::Function => return Ok(false),
        };
        let stored = target.as_name() == Some(name) && takes_format(&function.code);
        if !stored || Machine::bare(&function.code, self.work)?.format_test().is_err() {
            return Ok(false);
        }
        self.annotations = self.deferred(function)?;
        Ok(true)
    }

    /// The annotations that a function of this code object computes.
    pub(super) fn deferred(&mut self, function: &Function) -> R<Vec<Annotation>> {
        let plain = function.defaults.is_empty()
            && function.keyword_defaults.is_empty()
            && function.annotations.is_empty()
            && function.decorators.is_empty();
        if !plain || !takes_format(&function.code) {
            return Err(WRONG);
        }
        let code = Arc::clone(&function.code);
        let names = self.names.within_function(self.code);
        let of_class = self.sees_class || self.names.kind == Kind::Class;
        self.deeper(|machine| {
            let mut inner = Machine::new(&code, names, machine.work)?;
            inner.recursion = machine.recursion;
            inner.is_lazy = true;
            let found = inner.computed()?;
            inner.accounted()?;
            let known = |name: &String| inner.used_free.contains(name) || name == CLASS;
            let used = code.free.iter().all(known);
            // No statement of it could declare them; a class's names come before global ones.
            let declared = !inner.globals.is_empty() || !inner.nonlocals.is_empty();
            if !used || declared || inner.yielded || (of_class && !inner.loaded.is_empty()) {
                return Err(WRONG);
            }
            Ok(found)
        })
    }

    /// What this code object computes as a function of annotations.
    fn computed(&mut self) -> R<Vec<Annotation>> {
        let place = self.format_test()?;
        let builds =
            self.graph.ins(place).is_some_and(|ins| (ins.name, ins.arg) == ("BUILD_MAP", 0));
        let mut found = Vec::new();
        if !builds || self.graph.name(self.graph.next(place)) == "RETURN_VALUE" {
            let mut stack = Stack::default();
            let returns = |machine: &Self, at: usize, stack: &Stack| {
                machine.graph.name(at) == "RETURN_VALUE" && stack.len() == 1
            };
            let end = self.evaluate(place, &mut stack, &returns)?;
            self.see(end);
            let Node::Dict(pairs) = *stack.take()?.node else { return Err(WRONG) };
            for (key, value) in pairs {
                let name = key.as_ref().and_then(Expr::as_const).and_then(text).ok_or(WRONG)?;
                found.push(Annotation { name, number: None, value });
            }
            return Ok(found);
        }
        self.see(place);
        let mut place = self.graph.next(place);
        while self.graph.name(place) != "RETURN_VALUE" {
            self.tick()?;
            let (annotation, next) = self.one_computed(place)?;
            found.push(annotation);
            place = next;
        }
        self.see(place);
        Ok(found)
    }

    /// Steps over `if format > 2: raise NotImplementedError`.
    pub(super) fn format_test(&mut self) -> R<usize> {
        let greater = 4;
        let mut place = self.graph.real(0);
        for (name, arg) in [
            ("LOAD_FAST", 0),
            ("LOAD_SMALL_INT", 2),
            ("COMPARE_OP", greater),
            ("IF_FALSE", usize::MAX),
            ("LOAD_COMMON_CONSTANT", 1),
            ("RAISE_VARARGS", 1),
        ] {
            let ins = self.graph.ins(place).ok_or(WRONG)?;
            if ins.name != name || (arg != usize::MAX && ins.arg != arg) {
                return Err(WRONG);
            }
            self.see(place);
            place = self.graph.next(place);
        }
        // What is raised for other formats stands before the rest, which the test goes to.
        let tests = |from: &usize| self.graph.name(*from) == "IF_FALSE";
        let goes = self.graph.before(place).iter().any(tests);
        if goes { Ok(place) } else { Err(WRONG) }
    }

    /// One annotation that is put into the mapping on the stack, and where the next one is.
    fn one_computed(&mut self, at: usize) -> R<(Annotation, usize)> {
        let (number, start, end) = self.condition_of(at)?;
        let mut stack = Stack::default();
        // The mapping.
        stack.push(Slot::Null)?;
        let stores = |machine: &Self, at: usize, stack: &Stack| {
            let copies =
                machine.graph.ins(at).is_some_and(|ins| (ins.name, ins.arg) == ("COPY", 2));
            copies && stack.len() == 2
        };
        let mut place = self.evaluate(start, &mut stack, &stores)?;
        self.see(place);
        place = self.graph.next(place);
        let name = self.graph.constant(place).as_ref().and_then(text).ok_or(WRONG)?;
        self.see(place);
        place = self.graph.next(place);
        if self.graph.name(place) != "STORE_SUBSCR" {
            return Err(WRONG);
        }
        self.see(place);
        let value = stack.take()?;
        let next = self.graph.next(place);
        if end.is_some_and(|end| end != next) {
            return Err(WRONG);
        }
        Ok((Annotation { name, number, value }, next))
    }

    /// The number of an annotation with a condition, where it is computed, and where control goes otherwise.
    fn condition_of(&mut self, at: usize) -> R<(Option<Value>, usize, Option<usize>)> {
        let load = self.graph.next(at);
        let set = self.graph.variable(load, "LOAD_");
        let Some(number) = self.graph.constant(at).filter(|_| set.as_deref() == Some(CONDITIONAL))
        else {
            return Ok((None, at, None));
        };
        let test = self.graph.next(load);
        let jump = self.graph.next(test);
        let tests =
            self.graph.ins(test).is_some_and(|ins| (ins.name, ins.arg) == ("CONTAINS_OP", 0));
        let Some(ins) = self.graph.ins(jump).filter(|ins| tests && ins.name == "IF_FALSE") else {
            return Err(WRONG);
        };
        let end = self.graph.real(ins.target.ok_or(WRONG)?);
        if self.graph.name(load) == "LOAD_DEREF" {
            self.used_free.insert(CONDITIONAL.to_owned());
        }
        for place in [at, load, test, jump] {
            self.see(place);
        }
        Ok((Some(number), self.graph.next(jump), Some(end)))
    }

    /// Whether what is loaded at `at` is the names of the class around, which a name is looked up in next.
    pub(super) fn reads_class(&mut self, at: usize) -> bool {
        let next = self.graph.name(self.graph.next(at));
        let reads = self.graph.variable(at, "LOAD_").as_deref() == Some(CLASS)
            && next.starts_with("LOAD_FROM_DICT_OR_")
            && self.is_lazy;
        if reads {
            self.used_free.insert(CLASS.to_owned());
        }
        reads
    }

    /// Takes away what makes the set of annotations that control came by.
    pub(super) fn without_conditions(&self, mut body: Vec<Stmt>) -> R<Vec<Stmt>> {
        if !self.code.cells.iter().any(|name| name == CONDITIONAL) {
            return Ok(body);
        }
        let makes = |stmt: &Stmt| match stmt {
            Stmt::Assign(targets, value) => match (targets.as_slice(), value.node.as_ref()) {
                ([target], Node::Set(items)) => {
                    items.is_empty() && target.as_name() == Some(CONDITIONAL)
                }
                _ => false,
            },
            _ => false,
        };
        let place = body.iter().position(makes).ok_or(WRONG)?;
        body.remove(place);
        Ok(body)
    }

    /// The statements with the annotations that were computed apart from them.
    pub(super) fn annotated(&mut self, body: Vec<Stmt>) -> R<Vec<Stmt>> {
        let annotations = std::mem::take(&mut self.annotations);
        for one in &annotations {
            self.check_name(&one.name)?;
            if self.globals.contains(&one.name) || self.nonlocals.contains(&one.name) {
                return Err(WRONG);
            }
        }
        let mut body = in_order(body, &annotations)?;
        let mut numbered = annotations;
        numbered.retain(|one| one.number.is_some());
        by_number(&mut body, &mut numbered)?;
        if numbered.is_empty() { Ok(body) } else { Err(UNPLACED) }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// Whether the statement stores to the variable and to nothing else.
fn assigns(stmt: &Stmt, name: &str) -> bool {
    match stmt {
        Stmt::Assign(targets, _) => {
            matches!(targets.as_slice(), [target] if target.as_name() == Some(name))
        }
        _ => false,
    }
}

/// The annotation as a statement, with the value that `stored` gives the variable.
fn statement(annotation: Annotation, stored: Option<Stmt>) -> Stmt {
    let value = match stored {
        Some(Stmt::Assign(_, value)) => Some(value),
        _ => None,
    };
    Stmt::AnnAssign(Expr::name(&annotation.name), annotation.value, value)
}

/// Puts each annotation where its number stands.
fn by_number(body: &mut Vec<Stmt>, annotations: &mut Vec<Annotation>) -> R<()> {
    let mut out: Vec<Stmt> = Vec::new();
    for mut stmt in std::mem::take(body) {
        if let Stmt::Annotated(number) = stmt {
            let same = |one: &Annotation| one.number.as_ref() == number.as_const();
            let place = annotations.iter().position(same).ok_or(UNPLACED)?;
            let annotation = annotations.remove(place);
            let stored = out.pop_if(|last| assigns(last, &annotation.name));
            out.push(statement(annotation, stored));
            continue;
        }
        for block in stmt.blocks() {
            by_number(block, annotations)?;
        }
        out.push(stmt);
    }
    *body = out;
    Ok(())
}

/// Puts annotations without a number into the statements of a class: each where the variable gets its value,
/// if that keeps their order. A variable that gets none has its annotation before the next one.
fn in_order(body: Vec<Stmt>, annotations: &[Annotation]) -> R<Vec<Stmt>> {
    if annotations.iter().all(|one| one.number.is_some()) {
        return Ok(body);
    }
    let mut out: Vec<Stmt> = Vec::new();
    let mut rest: VecDeque<Stmt> = body.into();
    for annotation in annotations {
        if let Some(number) = &annotation.number {
            if !out.last_mut().is_some_and(|last| holds(last, number)) {
                let place = rest.iter_mut().position(|stmt| holds(stmt, number));
                out.extend(rest.drain(..=place.ok_or(UNPLACED)?));
            }
            continue;
        }
        let stored = rest.iter().position(|stmt| assigns(stmt, &annotation.name));
        out.extend(rest.drain(..stored.unwrap_or(0)));
        let stored = if stored.is_some() { rest.pop_front() } else { None };
        out.push(statement(annotation.clone(), stored));
    }
    out.extend(rest);
    Ok(out)
}

/// Whether the annotation with that number stands in the statement.
fn holds(stmt: &mut Stmt, number: &Value) -> bool {
    matches!(stmt, Stmt::Annotated(one) if one.as_const() == Some(number))
        || stmt.blocks().into_iter().flatten().any(|stmt| holds(stmt, number))
}
