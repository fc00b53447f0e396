//! Assignments, deletions, imports and expressions that stand alone.

use super::annotations;
use super::ast::{Expr, Node, R, Stmt};
use super::machine::{Context, End, Machine};
use super::step::{Place, Slot, Stack, plain};
use crate::cpython::{Value, Version};

impl Machine<'_, '_> {
    /// Whether the instruction stores, or begins to store, what is on the stack.
    pub(super) fn stores(&self, at: usize, stack: &Stack, context: &Context) -> bool {
        let name = self.graph.name(at);
        if matches!(name, "SWAP" | "ROT") {
            return self.permutes(at, stack, context);
        }
        name.starts_with("STORE_") || matches!(name, "UNPACK_SEQUENCE" | "UNPACK_EX")
    }

    /// `a, b = b, a` without a tuple: values are put into order and stored.
    fn permutes(&self, at: usize, stack: &Stack, context: &Context) -> bool {
        let count = stack.len().saturating_sub(context.base);
        let plain = (1..=count).all(|depth| matches!(stack.peek(depth), Some(Slot::Expr(_))));
        // No compiler takes more steps for three values; hostile code may jump back to the first.
        const STEPS: usize = 8;
        let mut place = at;
        for _ in 0..STEPS {
            if !matches!(self.graph.name(place), "SWAP" | "ROT") {
                break;
            }
            place = self.graph.next(place);
        }
        let target = self.graph.name(place);
        let begins = ["STORE_", "LOAD_", "UNPACK_"].iter().any(|verb| target.starts_with(verb));
        (2..=3).contains(&count) && plain && begins && !self.passes_defaults(place)
    }

    /// A statement that stores.
    pub(super) fn store(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let pending = stack.len().saturating_sub(context.base);
        let values = (1..=pending).all(|depth| matches!(stack.peek(depth), Some(Slot::Expr(_))));
        let plain = matches!(
            self.graph.name(at),
            "STORE_FAST" | "STORE_NAME" | "STORE_GLOBAL" | "STORE_DEREF" | "SWAP" | "ROT"
        );
        if plain && pending >= 2 && values {
            return self.parallel(at, pending, stack, context, out);
        }
        if self.graph.name(at) == "STORE_ANNOTATION" {
            return self.old_annotation(at, stack, context, out);
        }
        if self.restores(at, stack)? || (plain && !values && self.stores_parameter(at, stack)?) {
            return Ok(End::At(at.saturating_add(1)));
        }
        let (target, slot, next) = self.target(at, stack)?;
        self.assign(target, slot, stack, Some((context, out)))?;
        Ok(End::At(next))
    }

    /// Values that are stored in another order than they were computed in.
    fn parallel(
        &mut self,
        at: usize,
        count: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let values = stack.take_many(count)?;
        let mut order = Stack::default();
        for index in 0..count {
            let index = i64::try_from(index).unwrap_or(0);
            order.value(Expr::constant(Value::Int(index)))?;
        }
        let mut targets: Vec<Option<Expr>> = vec![None; count];
        let mut stored = Vec::new();
        let mut place = at;
        while order.len() > 0 {
            self.tick()?;
            let ins = *self.graph.ins(place).ok_or("control runs off its end")?;
            self.see(place);
            match ins.name {
                "SWAP" => order.swap(ins.arg)?,
                "ROT" => order.rotate(ins.arg)?,
                _ => {
                    let index = order.take()?;
                    let Some(Value::Int(index)) = index.as_const() else {
                        return Err("values are stored out of order");
                    };
                    let index = usize::try_from(*index).unwrap_or(usize::MAX);
                    let mut incoming = Stack::default();
                    incoming.push(Slot::Incoming)?;
                    let (target, _, next) = self.target(place, &mut incoming)?;
                    let slot = targets.get_mut(index).ok_or("values are stored out of order")?;
                    if slot.is_some() || incoming.len() > 0 {
                        return Err("values are stored out of order");
                    }
                    *slot = Some(target);
                    stored.push(index);
                    place = self.graph.real(next);
                    continue;
                }
            }
            place = self.graph.next(place);
        }
        let targets: Vec<Expr> = targets.into_iter().flatten().collect();
        let distinct = targets.iter().enumerate().all(|(index, target)| {
            target.as_name().is_some()
                && !targets.iter().skip(index.saturating_add(1)).any(|other| other == target)
        });
        if targets.len() != count || !(stored.is_sorted() || distinct) {
            return Err("values are stored out of order");
        }
        let target = Expr::new(Node::Tuple(targets))?;
        let stmt = Stmt::Assign(vec![target], Expr::new(Node::Tuple(values))?);
        self.emit(stack, context, stmt, out)?;
        Ok(End::At(place))
    }

    /// The target that instructions from `at` on store to, and what they store there.
    pub(super) fn target(&mut self, at: usize, stack: &mut Stack) -> R<(Expr, Slot, usize)> {
        self.deeper(|machine| {
            let mut place = machine.graph.real(at);
            loop {
                machine.tick()?;
                let ins = *machine.graph.ins(place).ok_or("control runs off its end")?;
                machine.see(place);
                let next = place.saturating_add(1);
                match ins.name {
                    "STORE_FAST" | "STORE_NAME" | "STORE_GLOBAL" | "STORE_DEREF" => {
                        let name = machine.graph.variable(place, "STORE_");
                        let name = name.ok_or("a variable has no name")?;
                        machine.uses(ins.name, &name)?;
                        return Ok((Expr::name(&name), stack.pop()?, next));
                    }
                    "STORE_ATTR" => {
                        let name = machine.attribute_name(ins.arg)?;
                        let of = place_value(stack.pop()?)?;
                        let slot = stack.pop()?;
                        return Ok((Expr::new(Node::Attr(of, name))?, slot, next));
                    }
                    "STORE_SUBSCR" => {
                        let key = place_value(stack.pop()?)?;
                        let of = place_value(stack.pop()?)?;
                        let slot = stack.pop()?;
                        return Ok((Expr::new(Node::Subscript(of, key))?, slot, next));
                    }
                    "STORE_SLICE" => {
                        let stop = place_value(stack.pop()?)?;
                        let start = place_value(stack.pop()?)?;
                        let of = place_value(stack.pop()?)?;
                        let slot = stack.pop()?;
                        let key = Expr::new(Node::Slice(bound(start), bound(stop), None))?;
                        return Ok((Expr::new(Node::Subscript(of, key))?, slot, next));
                    }
                    "UNPACK_SEQUENCE" | "UNPACK_EX" => {
                        let slot = stack.pop()?;
                        let (target, next) = machine.unpack(place, stack)?;
                        return Ok((target, slot, next));
                    }
                    _ if ins.name.starts_with("IF_") => place = machine.choice(place, stack)?,
                    _ => {
                        place = machine.effect(place, stack, None)?;
                        place = machine.graph.real(place);
                    }
                }
                place = machine.graph.real(place);
            }
        })
    }

    fn unpack(&mut self, at: usize, stack: &mut Stack) -> R<(Expr, usize)> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        let (before, star, after) = match ins.name {
            "UNPACK_EX" => (ins.arg & 0xff, 1, ins.arg >> 8),
            _ => (ins.arg, 0, 0),
        };
        let count = before.saturating_add(star).saturating_add(after);
        if count > 2_000 {
            return Err("too many values are unpacked");
        }
        for _ in 0..count {
            stack.push(Slot::Incoming)?;
        }
        let mut targets = Vec::new();
        let mut place = at.saturating_add(1);
        for index in 0..count {
            let dropped = self.dropped(place, count, stack)?;
            let found = match dropped {
                Some(found) => found,
                None => self.target(place, stack)?,
            };
            let (target, slot, next) = found;
            if !matches!(slot, Slot::Incoming) {
                return Err("an unpacked value is not stored");
            }
            let starred = star == 1 && index == before;
            targets.push(if starred { Expr::new(Node::Star(target))? } else { target });
            place = next;
        }
        Ok((Expr::new(Node::Tuple(targets))?, place))
    }

    /// A part of an unpacked value whose variable gets another one at once: it is dropped instead.
    fn dropped(
        &mut self,
        at: usize,
        count: usize,
        stack: &mut Stack,
    ) -> R<Option<(Expr, Slot, usize)>> {
        let first = self.graph.real(at);
        let mut place = first;
        for _ in 0..count {
            match self.graph.name(place) {
                "POP_TOP" => place = self.graph.next(place),
                "STORE_FAST" if place != first => {
                    let name =
                        self.graph.variable(place, "STORE_").ok_or("a variable has no name")?;
                    self.uses("STORE_FAST", &name)?;
                    self.see(first);
                    let next = self.graph.next(first);
                    return Ok(Some((Expr::name(&name), stack.pop()?, next)));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Stores `slot` to `target`: a statement, or a part of one that stores more than once.
    pub(super) fn assign(
        &mut self,
        target: Expr,
        slot: Slot,
        stack: &mut Stack,
        out: super::effects::Out<'_>,
    ) -> R<()> {
        let stmt = match slot {
            Slot::Shared(number, value) => {
                return stored(number, target, value, stack);
            }
            Slot::Cell(_)
                if matches!(target.as_name(), Some("__classcell__" | "__classdictcell__")) =>
            {
                return Ok(());
            }
            // What annotations of a class are looked up in.
            Slot::ClassNames if target.as_name() == Some(annotations::CLASS) => return Ok(()),
            Slot::Function(function) if self.annotates(&function, &target)? => return Ok(()),
            Slot::Imported(from) => return imported(from, target, stack),
            Slot::Stored(mut targets, value) => {
                targets.push(target);
                Stmt::Assign(targets, value)
            }
            Slot::Written(place, operator, value) => {
                if !writes(&place, &target) {
                    return Err("an augmented assignment stores elsewhere");
                }
                Stmt::AugAssign(target, operator, value)
            }
            Slot::Expr(value) => self.plain_assignment(target, value)?,
            Slot::Function(function) => self.define(target, *function)?,
            Slot::Definition(class) => {
                if target.as_name() != Some(&class.name) {
                    return Err("a class is stored under another name");
                }
                Stmt::Define(class)
            }
            Slot::Module(module, from, names) => module_import(&module, from, &names, &target)?,
            Slot::Alias(alias, true) if target.as_name() == Some(&alias.0) => {
                Stmt::TypeAlias(alias.0, alias.1, alias.2)
            }
            Slot::Renamed(module) => {
                let stmt = Stmt::Import(module.clone(), target.as_name().map(str::to_owned));
                // From 3.7 on the package is dropped behind the store.
                let Some((context, out)) = out else {
                    return Err("a statement stands inside an expression");
                };
                if matches!(stack.peek(1), Some(Slot::Module(of, None, _)) if *of == module) {
                    stack.pop()?;
                    self.emit(stack, context, stmt, out)?;
                    return stack.push(Slot::Nothing);
                }
                return self.emit(stack, context, stmt, out);
            }
            _ => return Err("what is stored is no value"),
        };
        let Some((context, out)) = out else {
            return Err("a statement stands inside an expression");
        };
        self.emit(stack, context, stmt, out)?;
        annotation(out, self.future_annotations())
    }

    fn plain_assignment(&mut self, target: Expr, value: Expr) -> R<Stmt> {
        Ok(match *value.node {
            Node::Inplace(operator, left, right)
                if left == target && target.as_name().is_some() =>
            {
                Stmt::AugAssign(target, operator, right)
            }
            Node::Inplace(..) => return Err("an augmented assignment stores elsewhere"),
            Node::Named(name, value) => Stmt::Assign(vec![Expr::name(&name), target], value),
            node => Stmt::Assign(vec![target], Expr::new(node)?),
        })
    }

    /// `STORE_ANNOTATION` of 3.6.
    fn old_annotation(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<End> {
        let index = self.graph.ins(at).map_or(0, |ins| ins.arg);
        let name = self.code.names.get(index).ok_or("a variable has no name")?.clone();
        self.check_name(&name)?;
        let value = stack.take()?;
        annotate(out, &name, value);
        let stmt = out.pop().ok_or("an annotation has no place")?;
        self.emit(stack, context, stmt, out)?;
        Ok(End::At(at.saturating_add(1)))
    }

    /// Statements that are one instruction after expressions.
    pub(super) fn plain_statement(
        &mut self,
        at: usize,
        stack: &mut Stack,
        context: &Context,
        out: &mut Vec<Stmt>,
    ) -> R<usize> {
        let ins = *self.graph.ins(at).ok_or("control runs off its end")?;
        let next = at.saturating_add(1);
        let stmt = match ins.name {
            "POP_TOP" => match stack.pop()? {
                slot @ (Slot::Expr(_) | Slot::Stored(..)) => Stmt::Expr(plain(slot)?),
                Slot::Nothing => return Ok(next),
                Slot::Annotated(number) => Stmt::Annotated(number),
                Slot::Module(module, Some(_), names) if !names.is_empty() => {
                    Stmt::ImportFrom(module, names)
                }
                // `import a.b.c as d` drops each package once what is in it is there.
                Slot::Module(module, None, done) if holds_part(&module, done.len(), stack) => {
                    return Ok(next);
                }
                Slot::Definition(_) | Slot::Function(_) => {
                    return Err("a definition is dropped");
                }
                _ => return Err("a value is dropped that no statement drops"),
            },
            "PRINT_EXPR" => return Err("it is code of an interactive prompt"),
            "IMPORT_STAR" => match stack.pop()? {
                Slot::Module(module, Some(names), done) if done.is_empty() && names == ["*"] => {
                    let stmt = Stmt::ImportFrom(module, vec![("*".to_owned(), None)]);
                    self.emit(stack, context, stmt, out)?;
                    if self.code.version >= Version::three(12) {
                        stack.push(Slot::Nothing)?;
                        self.see(next);
                        // CALL_INTRINSIC_1 leaves None, which POP_TOP takes away.
                        return Ok(next.saturating_add(1));
                    }
                    return Ok(next);
                }
                _ => return Err("`import *` imports from what is no module"),
            },
            "DELETE_FAST" | "DELETE_NAME" | "DELETE_GLOBAL" | "DELETE_DEREF" => {
                let name = self.graph.variable(at, "DELETE_").ok_or("a variable has no name")?;
                self.uses(ins.name, &name)?;
                Stmt::Delete(vec![Expr::name(&name)])
            }
            "DELETE_ATTR" => {
                let name = self.attribute_name(ins.arg)?;
                Stmt::Delete(vec![Expr::new(Node::Attr(stack.take()?, name))?])
            }
            "DELETE_SUBSCR" => {
                let key = stack.take()?;
                Stmt::Delete(vec![Expr::new(Node::Subscript(stack.take()?, key))?])
            }
            "LIST_APPEND" | "SET_ADD" | "MAP_ADD" => {
                let stmt = self.collected(ins.name, ins.arg, stack)?;
                out.push(stmt);
                return Ok(next);
            }
            _ => return Err("an instruction is not known here"),
        };
        self.emit(stack, context, stmt, out)?;
        Ok(next)
    }
}

/// The value of a place, which an augmented assignment has on the stack twice.
fn place_value(slot: Slot) -> R<Expr> {
    match slot {
        Slot::Expr(value) | Slot::Shared(_, value) => Ok(value),
        _ => Err("what is stored to is no value"),
    }
}

fn bound(value: Expr) -> Option<Expr> {
    (value.as_const() != Some(&Value::None)).then_some(value)
}

/// Whether the place that was read is the target.
fn writes(place: &Place, target: &Expr) -> bool {
    match (place, target.node.as_ref()) {
        (Place::Attr(_, of, name), Node::Attr(target, attribute)) => {
            of == target && name == attribute
        }
        (Place::Item(_, _, of, key), Node::Subscript(target, index)) => {
            of == target && key == index
        }
        (Place::Slice(_, of, start, stop), Node::Subscript(target, key)) => {
            let wanted = Node::Slice(bound(start.clone()), bound(stop.clone()), None);
            of == target && *key.node == wanted
        }
        _ => false,
    }
}

/// One of several stores of the same value: the other copy is on the top of the stack.
fn stored(number: u32, target: Expr, value: Expr, stack: &mut Stack) -> R<()> {
    let slot = stack.peek_mut(1)?;
    match slot {
        Slot::Shared(same, _) if *same == number => *slot = Slot::Stored(vec![target], value),
        Slot::Stored(targets, _) if number == 0 => targets.push(target),
        _ => return Err("a value is used twice in a way no statement does"),
    }
    Ok(())
}

/// Whether a later part of the dotted import is on the stack than that with so many names.
fn holds_part(module: &str, names: usize, stack: &Stack) -> bool {
    match stack.peek(1) {
        Some(Slot::Renamed(of)) => of == module,
        Some(Slot::Module(of, None, done)) => of == module && done.len() > names,
        _ => false,
    }
}

fn imported(from: String, target: Expr, stack: &mut Stack) -> R<()> {
    let name = target.as_name().ok_or("an import is stored to no variable")?.to_owned();
    match stack.peek_mut(1)? {
        Slot::Module(_, Some(_), names) => {
            let renamed = (name != from).then_some(name);
            names.push((from, renamed));
            Ok(())
        }
        _ => Err("an import has no module"),
    }
}

fn module_import(
    module: &str,
    from: Option<Vec<String>>,
    names: &[(String, Option<String>)],
    target: &Expr,
) -> R<Stmt> {
    let name = target.as_name().ok_or("an import is stored to no variable")?;
    if from.is_some() || !names.is_empty() || module.starts_with('.') {
        return Err("an import is stored that names what it imports");
    }
    let first = module.split('.').next().unwrap_or(module);
    if first != module && name != first {
        return Err("a package is stored under another name");
    }
    Ok(Stmt::Import(module.to_owned(), (name != first).then(|| name.to_owned())))
}

/// Turns `__annotations__['x'] = kind` at the end of `out` into the annotation it was.
fn annotation(out: &mut Vec<Stmt>, raw: bool) -> R<()> {
    let Some(Stmt::Assign(targets, value)) = out.last() else { return Ok(()) };
    let [target] = targets.as_slice() else { return Ok(()) };
    let Node::Subscript(of, key) = target.node.as_ref() else { return Ok(()) };
    let (Some("__annotations__"), Some(Value::Text(name))) = (of.as_name(), key.as_const()) else {
        return Ok(());
    };
    let name = name.to_string();
    let value = if raw { super::functions::raw_annotation(value)? } else { value.clone() };
    out.pop();
    annotate(out, &name, value);
    Ok(())
}

fn annotate(out: &mut Vec<Stmt>, name: &str, kind: Expr) {
    let value = match out.last() {
        Some(Stmt::Assign(targets, value))
            if targets.len() == 1 && targets.first().and_then(Expr::as_name) == Some(name) =>
        {
            Some(value.clone())
        }
        _ => None,
    };
    if value.is_some() {
        out.pop();
    }
    out.push(Stmt::AnnAssign(Expr::name(name), kind, value));
}
