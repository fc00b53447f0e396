//! Type parameters and `type` statements (PEP 695, 3.12 on).
//!
//! A function of its own, `<generic parameters of ...>`, makes the parameters and what has them. What they are
//! bound to, and what a `type` statement names, is computed by functions that are called when asked for.

use super::annotations::CLASS;
use super::ast::{Definition, Expr, Node, Parameter, Parameters, R, Stmt, TypeParam};
use super::listing;
use super::machine::Machine;
use super::normal::Ins;
use super::step::{Function, Slot, Stack, plain};
use super::work::Kind;
use crate::cpython::{CodeObject, Value};
use std::sync::Arc;

/// What is wrong with type parameters that are made as no compiler does.
const WRONG: &str = "type parameters are made as the compiler does not";

/// How the name of the function that makes type parameters begins.
const PREFIX: &str = "<generic parameters of ";

/// The variable for all type parameters of a class, and that for the base they make.
const PARAMETERS: &str = ".type_params";
const BASE: &str = ".generic_base";

impl Machine<'_, '_> {
    /// What a function with that name makes, called with these values: a function, class or `type` statement
    /// with type parameters. What is not taken apart is shown as instructions under its name.
    pub(super) fn generic(&mut self, function: &Function, values: Vec<Slot>) -> R<Option<Slot>> {
        let name = function.code.name.strip_prefix(PREFIX);
        let Some(name) = name.and_then(|name| name.strip_suffix('>')) else { return Ok(None) };
        self.check_name(name)?;
        if let Ok(made) = self.made_generic(function, name, values) {
            return Ok(Some(made));
        }
        let any = |name: &str| Parameter { name: name.to_owned(), annotation: None, default: None };
        let parameters = Parameters {
            star: Some(any("args")),
            double_star: Some(any("kwargs")),
            ..Parameters::default()
        };
        Ok(Some(Slot::Definition(Box::new(Definition {
            is_async: false,
            name: name.to_owned(),
            type_parameters: Vec::new(),
            decorators: Vec::new(),
            parameters: Some(parameters),
            bases: Vec::new(),
            body: listing::body(&function.code, "it has type parameters", self.work),
        }))))
    }

    fn made_generic(&mut self, function: &Function, name: &str, values: Vec<Slot>) -> R<Slot> {
        let code = Arc::clone(&function.code);
        let values = values.into_iter().map(plain).collect::<R<Vec<_>>>()?;
        if !bare(function) || code.parameters().len() != values.len() {
            return Err(WRONG);
        }
        let names = self.names.within_function(self.code);
        let sees_class = self.names.kind == Kind::Class;
        self.deeper(|machine| {
            let mut inner = Machine::new(&code, names, machine.work)?;
            inner.recursion = machine.recursion;
            (inner.is_lazy, inner.sees_class) = (true, sees_class);
            inner.passed = code.parameters().iter().cloned().zip(values).collect();
            let slot = inner.returned(0)?;
            let slot = match slot {
                Slot::Function(made) if !made.type_parameters.is_empty() => {
                    match inner.define(Expr::name(name), *made)? {
                        Stmt::Define(definition) => Slot::Definition(definition),
                        _ => return Err(WRONG),
                    }
                }
                Slot::Definition(definition) if !definition.type_parameters.is_empty() => {
                    Slot::Definition(definition)
                }
                Slot::Alias(alias, true) if !alias.1.is_empty() => Slot::Alias(alias, true),
                _ => return Err(WRONG),
            };
            inner.closed(sees_class)?;
            Ok(slot)
        })
    }

    /// What is on the stack when the code from `start` on returns.
    fn returned(&mut self, start: usize) -> R<Slot> {
        let mut stack = Stack::default();
        let returns = |machine: &Self, at: usize, stack: &Stack| {
            machine.graph.name(at) == "RETURN_VALUE" && stack.len() == 1
        };
        let end = self.evaluate(start, &mut stack, &returns)?;
        self.see(end);
        stack.pop()
    }

    /// Checks that the code declares no variables, which no statement of it could.
    fn closed(&mut self, sees_class: bool) -> R<()> {
        self.accounted()?;
        let known = |name: &String| self.used_free.contains(name) || name == CLASS;
        let declares = !self.globals.is_empty() || !self.nonlocals.is_empty();
        let global = sees_class && !self.loaded.is_empty();
        if declares || global || self.yielded || !self.code.free.iter().all(known) {
            return Err(WRONG);
        }
        Ok(())
    }

    /// The value that a function computes when it is asked for.
    fn lazy(&mut self, function: &Function) -> R<Expr> {
        let code = Arc::clone(&function.code);
        // From 3.14 on it is told in which format, which is 1 if nothing else is said.
        let formats = code.parameters() == [".format"];
        let defaults: Vec<_> = function.defaults.iter().map(Expr::as_const).collect();
        let one = Value::Int(1);
        let called = if formats { defaults == [Some(&one)] } else { defaults.is_empty() };
        let plain_function = function.keyword_defaults.is_empty()
            && function.annotations.is_empty()
            && function.decorators.is_empty();
        if !called || !plain_function || (!formats && !code.parameters().is_empty()) {
            return Err(WRONG);
        }
        let names = self.names.within_function(self.code);
        let sees_class = self.sees_class || self.names.kind == Kind::Class;
        self.deeper(|machine| {
            let mut inner = Machine::new(&code, names, machine.work)?;
            inner.recursion = machine.recursion;
            inner.is_lazy = true;
            let start = if formats { inner.format_test()? } else { 0 };
            let value = plain(inner.returned(start)?)?;
            inner.closed(sees_class)?;
            Ok(value)
        })
    }

    /// Steps over a function of the interpreter that makes type parameters or what has them.
    pub(super) fn intrinsic(&mut self, ins: &Ins, stack: &mut Stack) -> R<()> {
        let slot = match (ins.name, ins.arg) {
            ("CALL_INTRINSIC_1", 7) => self.parameter("", stack.take()?, None)?,
            ("CALL_INTRINSIC_1", 8) => self.parameter("**", stack.take()?, None)?,
            ("CALL_INTRINSIC_1", 9) => self.parameter("*", stack.take()?, None)?,
            ("CALL_INTRINSIC_1", 10) => match stack.pop()? {
                Slot::TypeParams(all) if all == self.type_parameters => Slot::GenericBase,
                _ => return Err(WRONG),
            },
            ("CALL_INTRINSIC_1", 11) => match stack.pop()? {
                Slot::Alias(alias, false) => Slot::Alias(alias, true),
                _ => return Err(WRONG),
            },
            ("CALL_INTRINSIC_2", 2 | 3) => {
                let Slot::Function(function) = stack.pop()? else { return Err(WRONG) };
                let bound = self.lazy(&function)?;
                let tuple = matches!(*bound.node, Node::Tuple(_))
                    || matches!(bound.as_const(), Some(Value::Tuple(_)));
                let name = stack.take()?;
                if tuple != (ins.arg == 3) || name.as_const() != Some(&named(&function.code)) {
                    return Err(WRONG);
                }
                self.parameter("", name, Some(bound))?
            }
            ("CALL_INTRINSIC_2", 4) => match (stack.pop()?, stack.pop()?) {
                (Slot::TypeParams(all), Slot::Function(mut function)) => {
                    function.type_parameters = all;
                    Slot::Function(function)
                }
                _ => return Err(WRONG),
            },
            ("CALL_INTRINSIC_2", 5) => {
                let Slot::Function(function) = stack.pop()? else { return Err(WRONG) };
                let default = self.lazy(&function)?;
                match stack.pop()? {
                    Slot::TypeParam(mut one) if one.default.is_none() => {
                        one.default = Some(default);
                        Slot::TypeParam(one)
                    }
                    _ => return Err(WRONG),
                }
            }
            _ => return Err("an instruction is not known here"),
        };
        stack.push(slot)
    }

    fn parameter(&self, stars: &'static str, name: Expr, bound: Option<Expr>) -> R<Slot> {
        let Some(Value::Text(name)) = name.as_const() else { return Err(WRONG) };
        self.check_name(name)?;
        let name = name.to_string();
        Ok(Slot::TypeParam(Box::new(TypeParam { stars, name, bound, default: None })))
    }

    /// Stores a type parameter, all of them, or the base they make; yields whether it was one.
    pub(super) fn stores_parameter(&mut self, at: usize, stack: &mut Stack) -> R<bool> {
        let name = self.graph.variable(at, "STORE_").ok_or("a variable has no name")?;
        match stack.peek(1) {
            Some(Slot::TypeParam(one)) if one.name == name => {
                self.uses(self.graph.name(at), &name)?;
                stack.pop()?;
                // Its other copy stays for the tuple of all.
                Ok(true)
            }
            Some(Slot::TypeParams(all)) if name == PARAMETERS => {
                self.type_parameters = all.clone();
                self.bound.insert(name);
                stack.pop()?;
                Ok(true)
            }
            Some(Slot::TypeParams(_)) if name == "__type_params__" => {
                stack.pop()?;
                Ok(self.names.kind == Kind::Class)
            }
            Some(Slot::GenericBase) if name == BASE => {
                stack.pop()?;
                Ok(true)
            }
            Some(Slot::TypeParam(_) | Slot::TypeParams(_) | Slot::GenericBase) => Err(WRONG),
            _ => Ok(false),
        }
    }

    /// What the compiler's own variable of that name holds.
    pub(super) fn hidden(&mut self, at: usize, name: &str) -> R<Slot> {
        self.used_free.insert(name.to_owned());
        if let Some((_, value)) = self.passed.iter().find(|(passed, _)| passed == name) {
            return Ok(Slot::Expr(value.clone()));
        }
        match name {
            PARAMETERS if self.makes_closure(at) => Ok(Slot::Cell(name.to_owned())),
            PARAMETERS => Ok(Slot::TypeParams(self.type_parameters.clone())),
            BASE => Ok(Slot::GenericBase),
            _ => Err("a name cannot be written in Python"),
        }
    }

    /// Whether what is loaded from `at` on is the function that makes type parameters: two values below it are
    /// passed to it.
    pub(super) fn passes_defaults(&self, at: usize) -> bool {
        let mut place = at;
        while matches!(self.graph.name(place), "LOAD_FAST" | "LOAD_CLOSURE" | "BUILD_TUPLE") {
            place = self.graph.next(place);
        }
        match self.graph.constant(place) {
            Some(Value::Code(code)) => code.name.starts_with(PREFIX),
            _ => false,
        }
    }

    /// A tuple of type parameters, or the parts of a `type` statement; `None` when it is another tuple.
    pub(super) fn parameters_tuple(&mut self, count: usize, stack: &mut Stack) -> R<Option<Slot>> {
        if count == 3 && matches!(stack.peek(1), Some(Slot::Function(_))) {
            let Slot::Function(function) = stack.pop()? else { return Err(WRONG) };
            let all = match stack.pop()? {
                Slot::TypeParams(all) => all,
                Slot::Expr(none) if none.as_const() == Some(&Value::None) => Vec::new(),
                _ => return Err(WRONG),
            };
            let name = stack.take()?;
            if name.as_const() != Some(&named(&function.code)) {
                return Err(WRONG);
            }
            let value = self.lazy(&function)?;
            return Ok(Some(Slot::Alias(
                Box::new((function.code.name.clone(), all, value)),
                false,
            )));
        }
        let parameters =
            (1..=count).all(|depth| matches!(stack.peek(depth), Some(Slot::TypeParam(_))));
        if count == 0 || !parameters {
            return Ok(None);
        }
        let all = stack.pop_many(count)?.into_iter().filter_map(|slot| match slot {
            Slot::TypeParam(one) => Some(*one),
            _ => None,
        });
        Ok(Some(Slot::TypeParams(all.collect())))
    }
}

/// The name of a code object as a value.
fn named(code: &CodeObject) -> Value {
    Value::Text(code.name.as_str().into())
}

/// Whether a function has nothing but its code.
fn bare(function: &Function) -> bool {
    function.defaults.is_empty()
        && function.keyword_defaults.is_empty()
        && function.annotations.is_empty()
        && function.decorators.is_empty()
}
