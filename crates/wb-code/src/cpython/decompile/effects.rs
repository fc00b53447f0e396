//! Instructions that put expressions together.

use super::ast::{Comp, Expr, Node, R, Stmt};
use super::expression::faithful;
use super::fstring;
use super::machine::{Context, Machine};
use super::names;
use super::step::{Place, Slot, Stack};
use super::template;
use crate::cpython::{Value, Version};

/// Where statements may be added; `None` inside an expression.
pub(super) type Out<'o> = Option<(&'o Context, &'o mut Vec<Stmt>)>;

impl Machine<'_, '_> {
    /// Steps over an instruction that does not jump; yields the next place.
    pub(super) fn effect(&mut self, at: usize, stack: &mut Stack, out: Out<'_>) -> R<usize> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        let next = at.saturating_add(1);
        self.see(at);
        match ins.name {
            "COPY" => self.copy(ins.arg, stack)?,
            "SWAP" => stack.swap(ins.arg)?,
            "ROT" => stack.rotate(ins.arg)?,
            "PUSH_NULL" => stack.push(Slot::Null)?,
            "LOAD_CONST" | "LOAD_SMALL_INT" | "CONST_NONE" => self.load_constant(at, stack)?,
            "LOAD_BUILD_CLASS" => stack.push(Slot::BuildClass)?,
            "LOAD_ASSERTION_ERROR" => stack.push(Slot::Assertion(None))?,
            "LOAD_FAST_AND_CLEAR" => {
                let name = self.code.locals.get(ins.arg).ok_or("a variable has no name")?;
                stack.push(Slot::Saved(name.clone()))?;
            }
            "LOAD_ATTR" | "LOAD_ATTR_METHOD" => self.attribute(&ins, stack)?,
            "LOAD_SUPER_ATTR" => self.super_attribute(ins.arg, stack)?,
            _ if ins.name.starts_with("LOAD_") => self.load(at, stack)?,
            "COMPARE_OP" | "IS_OP" | "CONTAINS_OP" => self.compare(&ins, stack)?,
            "BINARY_SUBSCR" => self.subscribe(stack)?,
            "BINARY_SLICE" => self.read_slice(stack)?,
            "BUILD_SLICE" => build_slice(ins.arg, stack)?,
            _ if ins.name.starts_with("BINARY_") || ins.name.starts_with("INPLACE_") => {
                self.binary(&ins, stack)?;
            }
            _ if ins.name.starts_with("UNARY_") => unary(ins.name, stack)?,
            _ if self.build(&ins, stack)? => {}
            _ if self.call(&ins, stack)? => self.made(next, stack)?,
            _ => return self.storing_effect(at, stack, out),
        }
        Ok(next)
    }

    /// The same for an instruction that stores, or that more than expressions are made of.
    fn storing_effect(&mut self, at: usize, stack: &mut Stack, out: Out<'_>) -> R<usize> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        let next = at.saturating_add(1);
        match ins.name {
            "STORE_FAST" | "STORE_NAME" | "STORE_GLOBAL" | "STORE_DEREF" if hidden(stack) => {
                if self.restores(at, stack)? || self.stores_parameter(at, stack)? {
                    return Ok(next);
                }
                let (target, slot, next) = self.target(at, stack)?;
                self.assign(target, slot, stack, None)?;
                return Ok(next);
            }
            "CALL_INTRINSIC_1" | "CALL_INTRINSIC_2" => self.intrinsic(&ins, stack)?,
            "GET_ITER" | "GET_AITER" => {
                // What a loop runs over; the loop itself says the rest.
                let value = stack.take()?;
                stack.value(value)?;
            }
            "AWAIT" | "YIELD_FROM" | "YIELD_VALUE" => {
                self.yielded |= ins.name != "AWAIT";
                yields(ins.name, stack)?;
            }
            "IMPORT_NAME" => self.import(ins.arg, stack)?,
            "IMPORT_FROM" => self.import_from(ins.arg, stack)?,
            _ => {
                let Some((context, out)) = out else {
                    return Err("a statement stands inside an expression");
                };
                return self.plain_statement(at, stack, context, out);
            }
        }
        Ok(next)
    }

    /// Gives back a variable that an inlined comprehension set aside; yields whether it did.
    pub(super) fn restores(&mut self, at: usize, stack: &mut Stack) -> R<bool> {
        let Some(Slot::Saved(name)) = stack.peek(1) else { return Ok(false) };
        if self.graph.variable(at, "STORE_").as_ref() != Some(name) {
            return Err("a variable is given back to another one");
        }
        stack.pop()?;
        Ok(true)
    }

    fn copy(&mut self, depth: usize, stack: &mut Stack) -> R<()> {
        let number = self.number();
        let slot = stack.peek_mut(depth)?;
        let copy = match slot {
            Slot::Expr(value) => {
                let shared = Slot::Shared(number, value.clone());
                *slot = shared.clone();
                shared
            }
            Slot::Stored(_, value) => Slot::Shared(0, value.clone()),
            Slot::Exception => Slot::Exception,
            Slot::TypeParam(one) => Slot::TypeParam(one.clone()),
            Slot::Cell(name) if name == "__class__" => Slot::Cell(name.clone()),
            _ => return Err("a value is copied that no statement copies"),
        };
        stack.push(copy)
    }

    fn load_constant(&mut self, at: usize, stack: &mut Stack) -> R<()> {
        let value = self.graph.constant(at).ok_or("a constant is out of range")?;
        if let Value::Code(code) = &value {
            return stack.push(Slot::Code(code.clone()));
        }
        let fits = match &value {
            // A set that never changes is what the compiler makes of a set display in these places.
            Value::FrozenSet(items) => {
                let user = self.graph.name(self.graph.next(at));
                let known =
                    matches!(user, "CONTAINS_OP" | "COMPARE_OP" | "GET_ITER" | "SET_UPDATE");
                known && !items.is_empty() && items.iter().all(faithful)
            }
            Value::Slice(parts) => parts.iter().all(faithful),
            value => faithful(value),
        };
        if !fits {
            return Err("a constant cannot be written in Python");
        }
        stack.value(Expr::constant(value))
    }

    fn load(&mut self, at: usize, stack: &mut Stack) -> R<()> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        if ins.name == "LOAD_CLOSURE" {
            let name = self.graph.variable(at, "LOAD_").ok_or("a variable has no name")?;
            return stack.push(Slot::Cell(name));
        }
        if matches!(ins.name, "LOAD_LOCALS") {
            return stack.push(Slot::ClassNames);
        }
        // The names of a class, for what is computed outside of it.
        if ins.name == "LOAD_DEREF" && self.reads_class(at) {
            return stack.push(Slot::ClassNames);
        }
        let from_dict = ins.name.strip_prefix("LOAD_FROM_DICT_OR_");
        if from_dict.is_some() && !matches!(stack.pop()?, Slot::ClassNames) {
            return Err("a variable is looked up in what is not the class's names");
        }
        let name = match from_dict {
            Some("DEREF") => self.code.cell_name(ins.arg).map(str::to_owned),
            Some(_) => self.code.names.get(ins.arg).cloned(),
            None => self.graph.variable(at, "LOAD_"),
        };
        let name = name.ok_or("an instruction is not known")?;
        if name.starts_with('.') && name != ".0" {
            let slot = self.hidden(at, &name)?;
            return stack.push(slot);
        }
        self.uses(ins.name, &name)?;
        // 3.12 on makes cells of a closure with LOAD_FAST.
        if ins.name == "LOAD_FAST" && self.makes_closure(at) {
            return stack.push(Slot::Cell(name));
        }
        stack.value(Expr::name(&name))
    }

    /// Whether the variable loaded at `at` goes into the tuple of cells of a function (3.13 on).
    pub(super) fn makes_closure(&self, at: usize) -> bool {
        let mut place = at;
        while self.graph.name(place) == "LOAD_FAST" {
            place = place.saturating_add(1);
        }
        let code = self.graph.constant(self.graph.next(place));
        let name = self.graph.variable(at, "LOAD_");
        let class = self.names.kind == super::work::Kind::Class
            && name.is_some_and(|name| name == "__class__" || name == "__classdict__");
        if class && self.code.version >= Version::three(13) {
            return true;
        }
        self.code.version >= Version::three(13)
            && self.graph.name(place) == "BUILD_TUPLE"
            && matches!(code, Some(Value::Code(_)))
            && self
                .graph
                .ins(at)
                .and_then(|ins| self.code.locals.get(ins.arg))
                .is_some_and(|name| self.code.cells.contains(name) || self.code.free.contains(name))
    }

    fn attribute(&mut self, ins: &super::normal::Ins, stack: &mut Stack) -> R<()> {
        let name = self.attribute_name(ins.arg)?;
        if let Some(Slot::Shared(number, of)) = stack.peek(1)
            && ins.name == "LOAD_ATTR"
        {
            let place = Place::Attr(*number, of.clone(), name);
            stack.pop()?;
            return stack.push(Slot::Read(place));
        }
        // Before 3.7 `import a.b as c` reads the attribute.
        if let Some(Slot::Module(module, None, done)) = stack.peek(1) {
            let (module, mut done) = (module.clone(), done.clone());
            let parts: Vec<&str> = module.split('.').skip(1).collect();
            if parts.get(done.len()) != Some(&name.as_str()) {
                return Err("an import is used as a value");
            }
            done.push((name, None));
            let whole = done.len() == parts.len();
            stack.pop()?;
            let renamed = Slot::Renamed(module.clone());
            return stack.push(if whole { renamed } else { Slot::Module(module, None, done) });
        }
        let of = stack.take()?;
        let value = Expr::new(Node::Attr(of, name))?;
        let method = ins.name == "LOAD_ATTR_METHOD";
        if method && self.code.version < Version::three(13) {
            stack.push(Slot::Null)?;
        }
        stack.value(value)?;
        if method && self.code.version >= Version::three(13) {
            stack.push(Slot::Null)?;
        }
        Ok(())
    }

    /// `super().name`, which 3.12 on has one instruction for.
    fn super_attribute(&mut self, arg: usize, stack: &mut Stack) -> R<()> {
        let name = self.attribute_name(arg >> 2)?;
        let operands = stack.take_many(3)?;
        let [callee, class, instance] = operands.as_slice() else {
            return Err("the stack runs empty");
        };
        let arguments = if arg & 2 != 0 {
            vec![super::ast::Arg::Plain(class.clone()), super::ast::Arg::Plain(instance.clone())]
        } else {
            let first = self.code.locals.first().map(String::as_str);
            if class.as_name() != Some("__class__") || instance.as_name() != first {
                return Err("`super` is called as the compiler does not");
            }
            Vec::new()
        };
        let call = Expr::new(Node::Call(callee.clone(), arguments))?;
        let value = Expr::new(Node::Attr(call, name))?;
        if arg & 1 == 1 && self.code.version < Version::three(13) {
            stack.push(Slot::Null)?;
        }
        stack.value(value)?;
        if arg & 1 == 1 && self.code.version >= Version::three(13) {
            stack.push(Slot::Null)?;
        }
        Ok(())
    }

    fn compare(&mut self, ins: &super::normal::Ins, stack: &mut Stack) -> R<()> {
        let operator =
            names::comparison(ins, self.code.version).ok_or("an operator is not known")?;
        let right = match stack.pop()? {
            // The middle of a chain stays below.
            Slot::Shared(number, value) => match stack.peek(2) {
                Some(Slot::Shared(same, _)) if *same == number => value,
                _ => return Err("a value is compared and used again"),
            },
            Slot::Expr(value) => value,
            _ => return Err("a value is compared that is none"),
        };
        let left = stack.take()?;
        stack.value(Expr::new(Node::Compare(left, vec![(operator, right)]))?)
    }

    fn subscribe(&mut self, stack: &mut Stack) -> R<()> {
        if let (Some(Slot::Shared(of, a)), Some(Slot::Shared(key, b))) =
            (stack.peek(2), stack.peek(1))
        {
            let place = Place::Item(*of, *key, a.clone(), b.clone());
            stack.pop_many(2)?;
            return stack.push(Slot::Read(place));
        }
        let key = stack.take()?;
        let of = stack.take()?;
        stack.value(Expr::new(Node::Subscript(of, key))?)
    }

    fn read_slice(&mut self, stack: &mut Stack) -> R<()> {
        if let (Some(Slot::Shared(x, a)), Some(Slot::Shared(y, b)), Some(Slot::Shared(z, c))) =
            (stack.peek(3), stack.peek(2), stack.peek(1))
        {
            let place = Place::Slice([*x, *y, *z], a.clone(), b.clone(), c.clone());
            stack.pop_many(3)?;
            return stack.push(Slot::Read(place));
        }
        build_slice(2, stack)?;
        self.subscribe(stack)
    }

    fn binary(&mut self, ins: &super::normal::Ins, stack: &mut Stack) -> R<()> {
        let (operator, in_place) = names::operator(ins).ok_or("an operator is not known")?;
        let right = stack.take()?;
        if in_place && matches!(stack.peek(1), Some(Slot::Read(_))) {
            let Slot::Read(place) = stack.pop()? else { return Err("the stack runs empty") };
            return stack.push(Slot::Written(place, operator, right));
        }
        let left = stack.take()?;
        let left = self.kept_format(operator, left, &right)?;
        let node = if in_place {
            Node::Inplace(operator, left, right)
        } else {
            Node::Binary(operator, left, right)
        };
        stack.value(Expr::new(node)?)
    }

    /// The left side of `%`. From 3.11 on `%s` with a tuple is compiled as an f-string is, unless the text was
    /// one already.
    fn kept_format(&self, operator: &str, left: Expr, right: &Expr) -> R<Expr> {
        let plain = match left.as_const() {
            Some(Value::Text(text)) => {
                let mut kinds = text.split('%').skip(1).map(|part| part.chars().next());
                kinds.all(|kind| matches!(kind, Some('s' | 'r' | 'a')))
            }
            _ => false,
        };
        let compiled = self.code.version >= Version::three(11) && operator == "%";
        if compiled && plain && matches!(*right.node, Node::Tuple(_)) {
            return Expr::new(Node::Joined(vec![left]));
        }
        Ok(left)
    }

    /// An f-string's field or parts; yields whether the instruction was one.
    pub(super) fn format(&mut self, ins: &super::normal::Ins, stack: &mut Stack) -> R<bool> {
        let conversion = fstring::conversion;
        let node = match ins.name {
            "FORMAT_VALUE" => {
                let format = if ins.arg & 4 != 0 { Some(stack.take()?) } else { None };
                Node::Format(stack.take()?, conversion(ins.arg), format)
            }
            "CONVERT_VALUE" => Node::Format(stack.take()?, conversion(ins.arg), None),
            "FORMAT_SIMPLE" => {
                let (value, conversion) = converted(stack)?;
                Node::Format(value, conversion, None)
            }
            "FORMAT_WITH_SPEC" => {
                let format = stack.take()?;
                let (value, conversion) = converted(stack)?;
                Node::Format(value, conversion, Some(format))
            }
            "BUILD_INTERPOLATION" => return template::interpolation(ins, stack).map(|()| true),
            "BUILD_TEMPLATE" => return template::template(stack).map(|()| true),
            "BUILD_STRING" => {
                let parts = stack.take_many(ins.arg)?;
                let whole = parts.iter().all(|part| {
                    matches!(*part.node, Node::Format(..) | Node::Const(Value::Text(_)))
                });
                if !whole {
                    return Err("a string is put together of what is no text");
                }
                Node::Joined(parts)
            }
            _ => return Ok(false),
        };
        let pending = ins.name == "CONVERT_VALUE";
        let expr = Expr::new(node)?;
        if !pending && !fstring::readable(&expr) {
            return Err("an f-string cannot be written with any quotes");
        }
        stack.value(expr)?;
        Ok(true)
    }
}

/// Whether the top of the stack is stored as a part of an expression: nothing else of it is stored then.
fn hidden(stack: &Stack) -> bool {
    matches!(
        stack.peek(1),
        Some(
            Slot::Saved(_)
                | Slot::Shared(..)
                | Slot::TypeParam(_)
                | Slot::TypeParams(_)
                | Slot::GenericBase
        )
    )
}

/// A value with the conversion that `CONVERT_VALUE` gave it.
fn converted(stack: &mut Stack) -> R<(Expr, Option<char>)> {
    let value = stack.take()?;
    Ok(match *value.node {
        Node::Format(inner, Some(conversion), None) => (inner, Some(conversion)),
        node => (Expr::new(node)?, None),
    })
}

fn yields(name: &str, stack: &mut Stack) -> R<()> {
    let value = stack.take()?;
    // An asynchronous comprehension is awaited by the code that it stands in; a list cannot be.
    if name == "AWAIT" && matches!(&*value.node, Node::Comp(kind, ..) if *kind != Comp::Generator) {
        return stack.value(value);
    }
    let none = value.as_const() == Some(&Value::None);
    stack.value(Expr::new(match name {
        "AWAIT" => Node::Await(value),
        "YIELD_FROM" => Node::YieldFrom(value),
        _ => Node::Yield((!none).then_some(value)),
    })?)
}

fn unary(name: &str, stack: &mut Stack) -> R<()> {
    let value = stack.take()?;
    let operator = match name {
        "UNARY_NOT" => "not ",
        "UNARY_NEGATIVE" => "-",
        "UNARY_POSITIVE" => "+",
        "UNARY_INVERT" => "~",
        _ => return Err("an operator is not known"),
    };
    stack.value(Expr::new(Node::Unary(operator, value))?)
}

fn build_slice(count: usize, stack: &mut Stack) -> R<()> {
    let parts = stack.take_many(count)?;
    let mut parts =
        parts.into_iter().map(|part| (part.as_const() != Some(&Value::None)).then_some(part));
    let mut part = || parts.next().flatten();
    let node = Node::Slice(part(), part(), part());
    // A step of None that is written is not told from none: the same slice.
    stack.value(Expr::new(node)?)
}
