//! Functions, lambdas and classes.

use super::ast::{Arg, Definition, Expr, Node, Parameter, Parameters, R, Stmt};
use super::machine::{End, Machine};
use super::step::{Function, Slot, Stack, plain};
use super::work::{Kind, Scope};
use super::{bodies, listing, names};
use crate::cpython::{CodeObject, Value, Version};
use std::sync::Arc;

/// `co_flags` bits: `*args`, `**kwargs`, generator, coroutine, asynchronous generator.
const STAR: u32 = 0x04;
const DOUBLE_STAR: u32 = 0x08;
const COROUTINES: u32 = 0x80 | 0x200;
const GENERATORS: u32 = 0x20 | 0x200;

impl Machine<'_, '_> {
    pub(super) fn make_function(&mut self, flags: usize, stack: &mut Stack) -> R<()> {
        if self.code.version < Version::three(11) {
            let name = stack.take()?;
            if !matches!(name.as_const(), Some(Value::Text(_))) {
                return Err("a function has no name");
            }
        }
        let Slot::Code(code) = stack.pop()? else { return Err("a function has no code") };
        let mut function = Function {
            code,
            defaults: Vec::new(),
            keyword_defaults: Vec::new(),
            annotations: Vec::new(),
            decorators: Vec::new(),
            type_parameters: Vec::new(),
        };
        if self.code.version < Version::three(13) {
            for flag in [8, 4, 2, 1] {
                if flags & flag != 0 {
                    let slot = stack.pop()?;
                    attribute(&mut function, flag, slot)?;
                }
            }
        }
        stack.push(Slot::Function(Box::new(function)))
    }

    pub(super) fn function_attribute(&mut self, flag: usize, stack: &mut Stack) -> R<()> {
        let Slot::Function(mut function) = stack.pop()? else {
            return Err("an attribute is given to what is no function");
        };
        match (flag, stack.pop()?) {
            (16, Slot::Function(annotate)) => {
                let annotations = self.deferred(&annotate)?;
                let pairs = annotations.into_iter().map(|one| (one.name, one.value));
                function.annotations = pairs.collect();
            }
            (_, slot) => attribute(&mut function, flag, slot)?,
        }
        stack.push(Slot::Function(function))
    }

    /// A lambda is a value as soon as it is made.
    pub(super) fn made(&mut self, next: usize, stack: &mut Stack) -> R<()> {
        let more = self.graph.name(self.graph.real(next)) == "SET_FUNCTION_ATTRIBUTE";
        let is_lambda = |slot: Option<&Slot>| match slot {
            Some(Slot::Function(function)) => function.code.name == "<lambda>",
            _ => false,
        };
        if more || !is_lambda(stack.peek(1)) {
            return Ok(());
        }
        let Slot::Function(function) = stack.pop()? else { return Err("the stack runs empty") };
        let value = self.lambda(&function)?;
        stack.value(value)
    }

    pub(super) fn lambda(&mut self, function: &Function) -> R<Expr> {
        let parameters = parameters(function, false)?;
        let scope = self.names.within_function(self.code);
        let body = self.inner(&function.code, scope)?;
        Expr::new(Node::Lambda(Box::new(parameters), bodies::value(body)?))
    }

    /// The statements of a nested function or class, unless its structure is not recovered.
    fn inner(&mut self, code: &CodeObject, scope: Scope) -> R<Vec<Stmt>> {
        self.deeper(|machine| {
            let mut inner = Machine::new(code, scope, machine.work)?;
            inner.recursion = machine.recursion.saturating_add(2);
            inner.whole()
        })
    }

    /// The statements of this code object, checked.
    pub(super) fn whole(&mut self) -> R<Vec<Stmt>> {
        let (body, end) = self.body(Stack::default())?;
        if end != End::Gone {
            return Err("it does not return");
        }
        self.accounted()?;
        let body = self.without_conditions(body)?;
        let mut body = bodies::finished(body, self.names.kind, self.code)?;
        let generates = self.code.flags & GENERATORS != 0;
        if self.yielded && !generates {
            return Err("it yields and is no generator");
        }
        let mut head = Vec::new();
        if let Some(doc) = self.docstring() {
            head.push(doc);
        } else if matches!(body.first(), Some(Stmt::Doc(_))) {
            head.push(body.remove(0));
        } else if let Some(Stmt::Expr(first)) = body.first_mut()
            && matches!(first.as_const(), Some(Value::Text(_)))
        {
            // A text here would be the docstring, which a formatted text without parts is not.
            *first = Expr::new(Node::Joined(vec![first.clone()]))?;
        }
        while matches!(body.first(), Some(Stmt::ImportFrom(module, _)) if module == "__future__") {
            head.push(body.remove(0));
        }
        if self.names.kind == Kind::Function {
            let unused = |name: &&String| !self.used_free.contains(*name) && *name != "__class__";
            let unused: Vec<String> = self.code.free.iter().filter(unused).cloned().collect();
            self.nonlocals.extend(unused);
        }
        if !self.globals.is_empty() {
            head.push(Stmt::Global(self.globals.iter().cloned().collect()));
        }
        if !self.nonlocals.is_empty() {
            head.push(Stmt::Nonlocal(self.nonlocals.iter().cloned().collect()));
        }
        if generates && !self.yielded {
            // A `yield` that is never reached is not compiled, but makes a generator.
            let never = Expr::constant(Value::Bool(false));
            let nothing = Stmt::Expr(Expr::new(Node::Yield(None))?);
            head.push(Stmt::While(never, vec![nothing], Vec::new()));
        }
        head.append(&mut self.annotated(body)?);
        Ok(head)
    }

    fn docstring(&self) -> Option<Stmt> {
        if self.names.kind != Kind::Function || self.code.name.starts_with('<') {
            return None;
        }
        let has = self.code.version < Version::three(13) || self.code.flags & 0x400_0000 != 0;
        match self.code.consts.first() {
            Some(Value::Text(text)) if has && !text.contains('\u{fffd}') => {
                Some(Stmt::Doc(text.to_string()))
            }
            _ => None,
        }
    }

    /// A function that is stored to its name.
    pub(super) fn define(&mut self, target: Expr, function: Function) -> R<Stmt> {
        let code = Arc::clone(&function.code);
        if !self.defined.insert(Arc::as_ptr(&code).addr()) {
            return Err("a function is part of two statements");
        }
        let name = target.as_name().ok_or("a function is stored to no variable")?;
        let plain_name = code.name.trim_start_matches('_');
        let mangled =
            name.starts_with('_') && name.ends_with(&code.name) && code.name.starts_with("__");
        if name != code.name && !mangled || plain_name.starts_with('<') {
            return Err("a function is stored under another name");
        }
        let raw = self.future_annotations();
        let parameters = parameters(&function, raw)?;
        self.check_parameters(&parameters)?;
        let scope = self.names.within_function(self.code);
        let name = if mangled { code.name.clone() } else { name.to_owned() };
        let body = match self.inner(&code, scope) {
            Ok(body) => body,
            Err(why) => listing::body(&code, why, self.work),
        };
        self.work.functions = self.work.functions.saturating_add(1);
        Ok(Stmt::Define(Box::new(Definition {
            is_async: code.flags & COROUTINES != 0,
            name,
            type_parameters: function.type_parameters,
            decorators: function.decorators,
            parameters: Some(parameters),
            bases: Vec::new(),
            body,
        })))
    }

    fn check_parameters(&self, parameters: &Parameters) -> R<()> {
        let all = parameters
            .plain
            .iter()
            .chain(&parameters.star)
            .chain(&parameters.keyword_only)
            .chain(&parameters.double_star);
        for one in all {
            if !names::is_name(&one.name) {
                return Err("a name cannot be written in Python");
            }
        }
        Ok(())
    }

    /// `__build_class__(function, name, *bases, **keywords)`.
    pub(super) fn make_class(
        &mut self,
        slots: Vec<Slot>,
        keywords: impl Iterator<Item = (String, Slot)>,
        stack: &mut Stack,
    ) -> R<()> {
        let mut slots = slots.into_iter();
        let Some(Slot::Function(function)) = slots.next() else {
            return Err("a class has no body");
        };
        let name = plain(slots.next().ok_or("a class has no name")?)?;
        let Some(Value::Text(name)) = name.as_const() else { return Err("a class has no name") };
        let mut bases = Vec::new();
        let mut slots: Vec<Slot> = slots.collect();
        // The base that type parameters make is the last one.
        let generic = matches!(slots.last(), Some(Slot::GenericBase));
        if generic {
            slots.pop();
        }
        if generic == self.type_parameters.is_empty() {
            return Err("a class is made as the compiler does not");
        }
        for slot in slots {
            bases.push(Arg::Plain(plain(slot)?));
        }
        for (name, slot) in keywords {
            self.check_name(&name)?;
            bases.push(Arg::Keyword(name, plain(slot)?));
        }
        let simple = function.defaults.is_empty() && function.decorators.is_empty();
        if !simple || function.code.argument_count != 0 || **name != *function.code.name {
            return Err("a class is made as the compiler does not");
        }
        self.check_name(name)?;
        let mut scope = self.names.within(self.code, Kind::Class);
        scope.class.clone_from(&function.code.name);
        let body = match self.inner(&function.code, scope) {
            Ok(body) => body,
            Err(why) => listing::body(&function.code, why, self.work),
        };
        self.work.functions = self.work.functions.saturating_add(1);
        stack.push(Slot::Definition(Box::new(Definition {
            is_async: false,
            name: name.to_string(),
            type_parameters: self.type_parameters.clone(),
            decorators: Vec::new(),
            parameters: None,
            bases,
            body,
        })))
    }

    /// Whether annotations are kept as text (PEP 563).
    pub(super) fn future_annotations(&self) -> bool {
        let bit = if self.code.version >= Version::three(9) { 0x100_0000 } else { 0x10_0000 };
        self.code.flags & bit != 0
    }

    pub(super) fn import(&mut self, index: usize, stack: &mut Stack) -> R<()> {
        let from = stack.take()?;
        let level = stack.take()?;
        let module = self.code.names.get(index).ok_or("a module has no name")?.clone();
        let parts = |text: &str| text.split('.').all(names::is_name);
        let Some(Value::Int(level @ 0..=60)) = level.as_const() else {
            return Err("an import has no level");
        };
        let dots = ".".repeat(usize::try_from(*level).unwrap_or(0));
        let from = match from.as_const() {
            Some(Value::None) => None,
            Some(Value::Tuple(items)) => Some(
                items
                    .iter()
                    .map(|item| match item {
                        Value::Text(text) => Ok(text.to_string()),
                        _ => Err("an import names no text"),
                    })
                    .collect::<R<Vec<_>>>()?,
            ),
            _ => return Err("an import names no text"),
        };
        let relative = module.is_empty() && !dots.is_empty();
        if !(parts(&module) || relative) {
            return Err("a name cannot be written in Python");
        }
        stack.push(Slot::Module(format!("{dots}{module}"), from, Vec::new()))
    }

    pub(super) fn import_from(&mut self, index: usize, stack: &mut Stack) -> R<()> {
        let name = self.code.names.get(index).ok_or("an import has no name")?.clone();
        if !names::is_name(&name) {
            return Err("a name cannot be written in Python");
        }
        match stack.peek(1) {
            Some(Slot::Module(_, Some(from), done)) => {
                if from.get(done.len()) != Some(&name) {
                    return Err("an import takes what it does not name");
                }
                stack.push(Slot::Imported(name))
            }
            // `import a.b as c`
            Some(Slot::Module(module, None, done)) => {
                let (module, mut done) = (module.clone(), done.clone());
                let parts: Vec<&str> = module.split('.').skip(1).collect();
                if parts.get(done.len()) != Some(&name.as_str()) {
                    return Err("an import takes what it does not name");
                }
                done.push((name, None));
                let whole = done.len() == parts.len();
                stack.push(if whole {
                    Slot::Renamed(module)
                } else {
                    Slot::Module(module, None, done)
                })
            }
            _ => Err("an import takes from what is no module"),
        }
    }
}

fn attribute(function: &mut Function, flag: usize, slot: Slot) -> R<()> {
    if flag == 8 {
        return match slot {
            Slot::Cells => Ok(()),
            _ => Err("a closure is no tuple of variables"),
        };
    }
    let value = plain(slot)?;
    match flag {
        1 => function.defaults = items(value)?,
        2 => function.keyword_defaults = pairs(value)?,
        4 => function.annotations = pairs(value)?,
        _ => return Err("a function has an attribute that no version gives it"),
    }
    Ok(())
}

/// The items of a tuple.
fn items(value: Expr) -> R<Vec<Expr>> {
    match *value.node {
        Node::Tuple(items) => Ok(items),
        Node::Const(Value::Tuple(items)) => {
            Ok(items.iter().map(|item| Expr::constant(item.clone())).collect())
        }
        _ => Err("defaults are no tuple"),
    }
}

/// Names and values: a mapping, or a tuple of both in turn.
fn pairs(value: Expr) -> R<Vec<(String, Expr)>> {
    let text = |key: &Expr| match key.as_const() {
        Some(Value::Text(text)) => Ok(text.to_string()),
        _ => Err("a parameter has no name"),
    };
    match *value.node {
        Node::Dict(pairs) => pairs
            .into_iter()
            .map(|(key, value)| Ok((text(&key.ok_or("a parameter has no name")?)?, value)))
            .collect(),
        node => {
            let mut all = items(Expr::new(node)?)?.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (all.next(), all.next()) {
                pairs.push((text(&key)?, value));
            }
            Ok(pairs)
        }
    }
}

/// The parameters of a function.
pub(super) fn parameters(function: &Function, raw: bool) -> R<Parameters> {
    let code = &function.code;
    let mut annotations = function.annotations.clone();
    let mut one = |name: &String, default: Option<Expr>| -> R<Parameter> {
        let plain = name.trim_start_matches('_');
        let place = annotations.iter().position(|(key, _)| {
            key == name
                || (key.starts_with('_')
                    && key.ends_with(name)
                    && name.starts_with("__")
                    && !plain.is_empty())
        });
        let annotation = match place.map(|place| annotations.remove(place).1) {
            Some(value) if raw => Some(raw_annotation(&value)?),
            other => other,
        };
        Ok(Parameter { name: name.clone(), annotation, default })
    };
    let count = usize::try_from(code.argument_count).unwrap_or(usize::MAX);
    let only = usize::try_from(code.keyword_only_count).unwrap_or(usize::MAX);
    let mut names = code.parameters().iter();
    let mut parameters = Parameters {
        positional_only: usize::try_from(code.positional_only_count).unwrap_or(usize::MAX),
        ..Parameters::default()
    };
    let first = count.checked_sub(function.defaults.len()).ok_or("there are too many defaults")?;
    for index in 0..count {
        let name = names.next().ok_or("a parameter has no name")?;
        let default = index.checked_sub(first).and_then(|index| function.defaults.get(index));
        parameters.plain.push(one(name, default.cloned())?);
    }
    let mut used = 0_usize;
    for _ in 0..only {
        let name = names.next().ok_or("a parameter has no name")?;
        let default = function.keyword_defaults.iter().find(|(key, _)| key == name);
        used = used.saturating_add(usize::from(default.is_some()));
        parameters.keyword_only.push(one(name, default.map(|(_, value)| value.clone()))?);
    }
    if code.flags & STAR != 0 {
        parameters.star = Some(one(names.next().ok_or("a parameter has no name")?, None)?);
    }
    if code.flags & DOUBLE_STAR != 0 {
        parameters.double_star = Some(one(names.next().ok_or("a parameter has no name")?, None)?);
    }
    if let Some(place) = annotations.iter().position(|(key, _)| key == "return") {
        let value = annotations.remove(place).1;
        parameters.returns = Some(if raw { raw_annotation(&value)? } else { value });
    }
    if !annotations.is_empty() || used != function.keyword_defaults.len() {
        return Err("a parameter is given what it does not have");
    }
    Ok(parameters)
}

/// An annotation that is kept as text, as the expression it is the text of.
pub(super) fn raw_annotation(value: &Expr) -> R<Expr> {
    let Some(Value::Text(text)) = value.as_const() else { return Ok(value.clone()) };
    let plain = !text.contains(['\n', '\r', '#', '\u{fffd}']);
    if plain && ruff_python_parser::parse_expression(text).is_ok() {
        return Ok(Expr::name(text));
    }
    Err("an annotation cannot be written in Python")
}
