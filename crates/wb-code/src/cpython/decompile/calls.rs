//! Calls and displays.

use super::annotations;
use super::ast::{Arg, Expr, Node, R};
use super::machine::Machine;
use super::names::is_name;
use super::normal::Ins;
use super::step::{Slot, Stack};
use super::template;
use crate::cpython::{Value, Version};

impl Machine<'_, '_> {
    /// Steps over a call or what makes a function; yields whether it was one.
    pub(super) fn call(&mut self, ins: &Ins, stack: &mut Stack) -> R<bool> {
        let with_null = self.code.version >= Version::three(11);
        match ins.name {
            "KW_NAMES" => {
                let names = self.code.consts.get(ins.arg).and_then(keyword_names);
                stack.push(Slot::Names(names.ok_or("names of arguments are no text")?))?;
            }
            "CALL" if with_null => {
                let names = match stack.peek(1) {
                    Some(Slot::Names(_)) => match stack.pop()? {
                        Slot::Names(names) => names,
                        _ => Vec::new(),
                    },
                    _ => Vec::new(),
                };
                self.call_with(ins.arg, names, with_null, stack)?;
            }
            "CALL_FUNCTION" => self.call_with(ins.arg, Vec::new(), false, stack)?,
            "CALL_KW" | "CALL_FUNCTION_KW" => {
                let names = stack.take()?;
                let names = names.as_const().and_then(keyword_names);
                let names = names.ok_or("names of arguments are no text")?;
                self.call_with(ins.arg, names, with_null, stack)?;
            }
            "CALL_FUNCTION_EX" => self.call_stars(ins.arg, with_null, stack)?,
            "MAKE_FUNCTION" => self.make_function(ins.arg, stack)?,
            "SET_FUNCTION_ATTRIBUTE" => self.function_attribute(ins.arg, stack)?,
            _ => return self.format(ins, stack),
        }
        Ok(true)
    }

    fn call_with(
        &mut self,
        count: usize,
        names: Vec<String>,
        with_null: bool,
        stack: &mut Stack,
    ) -> R<()> {
        let mut slots = stack.pop_many(count)?;
        let callee = if with_null { called(stack, &mut slots)? } else { stack.pop()? };
        let plain = slots.len().checked_sub(names.len()).ok_or("an argument has no value")?;
        let named = slots.split_off(plain);
        if let Slot::BuildClass = callee {
            return self.make_class(slots, names.into_iter().zip(named), stack);
        }
        if let (Slot::Assertion(None), [Slot::Expr(message)]) = (&callee, slots.as_slice()) {
            return stack.push(Slot::Assertion(Some(message.clone())));
        }
        if let Slot::Function(function) = &callee
            && named.is_empty()
            && let Some(generic) = self.generic(function, slots.clone())?
        {
            return stack.push(generic);
        }
        if let (Slot::Function(function), [Slot::Expr(iter)]) = (&callee, slots.as_slice()) {
            let value = self.comprehension(function, iter.clone())?;
            return stack.value(value);
        }
        let Slot::Expr(callee) = callee else { return Err("what is called is no value") };
        if slots.len() == 1 && named.is_empty() {
            match slots.pop() {
                Some(Slot::Function(mut function)) => {
                    function.decorators.insert(0, callee);
                    return stack.push(Slot::Function(function));
                }
                Some(Slot::Definition(mut class)) => {
                    class.decorators.insert(0, callee);
                    return stack.push(Slot::Definition(class));
                }
                other => slots.extend(other),
            }
        }
        let mut arguments = Vec::new();
        for slot in slots {
            arguments.push(Arg::Plain(plain_value(slot)?));
        }
        for (name, slot) in names.into_iter().zip(named) {
            self.check_keyword(&name)?;
            arguments.push(Arg::Keyword(name, plain_value(slot)?));
        }
        stack.value(Expr::new(Node::Call(callee, arguments))?)
    }

    fn check_keyword(&self, name: &str) -> R<()> {
        if is_name(name) {
            return Ok(());
        }
        Err("a name cannot be written in Python")
    }

    /// A call whose arguments are a tuple and a mapping.
    fn call_stars(&mut self, flags: usize, with_null: bool, stack: &mut Stack) -> R<()> {
        // From 3.14 on NULL stands for no mapping.
        let keywords = if self.code.version >= Version::three(14) {
            match stack.pop()? {
                Slot::Null => None,
                slot => Some(plain_value(slot)?),
            }
        } else if flags & 1 == 1 {
            Some(stack.take()?)
        } else {
            None
        };
        let positional = stack.take()?;
        let callee = if with_null { called(stack, &mut Vec::new())? } else { stack.pop()? };
        let Slot::Expr(callee) = callee else { return Err("what is called is no value") };
        let mut arguments = match few(&positional) && keywords.is_none() {
            // A call of these alone would have been a plain one.
            true => vec![Arg::Star(positional)],
            false => self.spread(positional)?,
        };
        if let Some(keywords) = keywords {
            self.spread_keywords(keywords, &mut arguments)?;
        }
        stack.value(Expr::new(Node::Call(callee, arguments))?)
    }

    fn spread(&self, positional: Expr) -> R<Vec<Arg>> {
        Ok(match *positional.node {
            Node::Tuple(items) => items
                .into_iter()
                .map(|item| match *item.node {
                    Node::Star(inner) => Ok(Arg::Star(inner)),
                    node => Expr::new(node).map(Arg::Plain),
                })
                .collect::<R<_>>()?,
            Node::Const(Value::Tuple(items)) => {
                items.iter().map(|item| Arg::Plain(Expr::constant(item.clone()))).collect()
            }
            node => vec![Arg::Star(Expr::new(node)?)],
        })
    }

    fn spread_keywords(&self, keywords: Expr, arguments: &mut Vec<Arg>) -> R<()> {
        let pairs = match *keywords.node {
            Node::Dict(pairs) => pairs,
            node => {
                arguments.push(Arg::DoubleStar(Expr::new(node)?));
                return Ok(());
            }
        };
        for (key, value) in pairs {
            match key {
                None => arguments.push(Arg::DoubleStar(value)),
                Some(key) => match key.as_const() {
                    Some(Value::Text(name)) if is_name(name) => {
                        arguments.push(Arg::Keyword(name.to_string(), value));
                    }
                    _ => {
                        let dict = Expr::new(Node::Dict(vec![(Some(key), value)]))?;
                        arguments.push(Arg::DoubleStar(dict));
                    }
                },
            }
        }
        Ok(())
    }

    /// Steps over what builds a display; yields whether it was one.
    pub(super) fn build(&mut self, ins: &Ins, stack: &mut Stack) -> R<bool> {
        let count = ins.arg;
        let node = match ins.name {
            "BUILD_TUPLE" => return self.tuple(count, stack).map(|()| true),
            "BUILD_LIST" => Node::List(self.items(count, stack)?),
            "BUILD_SET" => Node::Set(self.items(count, stack)?),
            "BUILD_MAP" => {
                let values = stack.take_many(count.saturating_mul(2))?;
                let mut pairs = Vec::new();
                let mut values = values.into_iter();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    pairs.push((Some(key), value));
                }
                Node::Dict(pairs)
            }
            "BUILD_CONST_KEY_MAP" => {
                let keys = stack.take()?;
                let Some(Value::Tuple(keys)) = keys.as_const() else {
                    return Err("the keys of a display are no constants");
                };
                let values = stack.take_many(count)?;
                if keys.len() != values.len() {
                    return Err("a display has as many keys as values");
                }
                let keys = keys.iter().map(|key| Some(Expr::constant(key.clone())));
                Node::Dict(keys.zip(values).collect())
            }
            "LIST_TO_TUPLE" => match *stack.take()?.node {
                Node::List(items) => Node::Tuple(items),
                _ => return Err("what becomes a tuple is no list"),
            },
            "SET_ADD" if count == 1 && annotates(stack) => {
                let place = stack.take()?;
                stack.pop()?;
                stack.push(Slot::Annotated(place))?;
                return Ok(true);
            }
            "LIST_APPEND" | "SET_ADD" | "MAP_ADD" if count == 1 => append(ins, stack)?,
            "LIST_EXTEND" | "SET_UPDATE" if count == 1 => extend(ins.name, stack)?,
            "DICT_UPDATE" | "DICT_MERGE" if count == 1 => merge(ins.name, stack)?,
            _ if ins.name.starts_with("BUILD_") && ins.name.contains("_UNPACK") => {
                spread(ins.name, stack.take_many(count)?)?
            }
            _ => return Ok(false),
        };
        stack.value(Expr::new(node)?)?;
        Ok(true)
    }

    /// A tuple; of what is no value, what it stands for.
    fn tuple(&mut self, count: usize, stack: &mut Stack) -> R<()> {
        if count > 0 && all_cells(count, stack) {
            for slot in stack.pop_many(count)? {
                if let Slot::Cell(name) = slot {
                    self.used_free.insert(name.clone());
                    self.read.insert(name);
                }
            }
            return stack.push(Slot::Cells);
        }
        if let Some(slot) = self.parameters_tuple(count, stack)? {
            return stack.push(slot);
        }
        if let Some(slot) = template::fields(count, stack)? {
            return stack.push(slot);
        }
        let items = self.items(count, stack)?;
        stack.value(Expr::new(Node::Tuple(items))?)
    }

    fn items(&mut self, count: usize, stack: &mut Stack) -> R<Vec<Expr>> {
        stack.take_many(count)
    }
}

/// What is called: NULL stands beside it, or the object of a method call, which is its first argument.
fn called(stack: &mut Stack, arguments: &mut Vec<Slot>) -> R<Slot> {
    let upper = stack.pop()?;
    let lower = stack.pop()?;
    match (lower, upper) {
        (Slot::Null, callee) | (callee, Slot::Null) => Ok(callee),
        (callee, first) => {
            arguments.insert(0, first);
            Ok(callee)
        }
    }
}

/// Whether it is a tuple of so few items that each could be an argument of its own.
fn few(positional: &Expr) -> bool {
    const FEW: usize = 15;
    match positional.node.as_ref() {
        Node::Tuple(items) => {
            let starred = items.iter().any(|item| matches!(*item.node, Node::Star(_)));
            items.len() <= FEW && !starred
        }
        Node::Const(Value::Tuple(items)) => items.len() <= FEW,
        _ => false,
    }
}

fn plain_value(slot: Slot) -> R<Expr> {
    match slot {
        Slot::Expr(value) => Ok(value),
        _ => Err("an argument is no value"),
    }
}

fn all_cells(count: usize, stack: &Stack) -> bool {
    (1..=count).all(|depth| matches!(stack.peek(depth), Some(Slot::Cell(_))))
}

/// Whether a number goes into the set of the annotations that control came by.
fn annotates(stack: &Stack) -> bool {
    let number = matches!(stack.peek(1), Some(Slot::Expr(number)) if number.as_const().is_some());
    let set = |set: &Expr| set.as_name() == Some(annotations::CONDITIONAL);
    number && matches!(stack.peek(2), Some(Slot::Expr(value)) if set(value))
}

fn append(ins: &Ins, stack: &mut Stack) -> R<Node> {
    let value = stack.take()?;
    let key = if ins.name == "MAP_ADD" { Some(stack.take()?) } else { None };
    match (*stack.take()?.node, key) {
        (Node::List(mut items), None) if ins.name == "LIST_APPEND" => {
            items.push(value);
            Ok(Node::List(items))
        }
        (Node::Set(mut items), None) => {
            items.push(value);
            Ok(Node::Set(items))
        }
        (Node::Dict(mut pairs), Some(key)) => {
            pairs.push((Some(key), value));
            Ok(Node::Dict(pairs))
        }
        _ => Err("an item is added to what is no display"),
    }
}

fn extend(name: &str, stack: &mut Stack) -> R<Node> {
    let value = stack.take()?;
    let display = *stack.take()?.node;
    let (Node::List(mut items) | Node::Set(mut items)) = display.clone() else {
        return Err("items are added to what is no display");
    };
    match value.as_const() {
        // How the compiler builds a display of constants.
        Some(Value::Tuple(constants) | Value::FrozenSet(constants)) if items.is_empty() => {
            items.extend(constants.iter().map(|one| Expr::constant(one.clone())));
        }
        Some(Value::FrozenSet(_)) => return Err("a constant cannot be written in Python"),
        _ => items.push(Expr::new(Node::Star(value))?),
    }
    match (display, name) {
        (Node::List(_), "LIST_EXTEND") => Ok(Node::List(items)),
        (Node::Set(_), "SET_UPDATE") => Ok(Node::Set(items)),
        _ => Err("items are added to another kind of display"),
    }
}

fn merge(name: &str, stack: &mut Stack) -> R<Node> {
    let value = stack.take()?;
    let Node::Dict(mut pairs) = *stack.take()?.node else {
        return Err("pairs are added to what is no display");
    };
    // A long display is built in parts, and one with `**` in it: what has more stands behind that.
    const LONG: usize = 15;
    let plain = pairs.iter().rev().take_while(|(key, _)| key.is_some()).count();
    let parts = name == "DICT_UPDATE" && (plain >= LONG || (plain == 0 && !pairs.is_empty()));
    match *value.node {
        Node::Dict(inner) if parts && !inner.is_empty() => {
            pairs.extend(inner);
        }
        node => pairs.push((None, Expr::new(node)?)),
    }
    Ok(Node::Dict(pairs))
}

/// A display of parts that are unpacked, until 3.8.
fn spread(name: &str, parts: Vec<Expr>) -> R<Node> {
    if name.starts_with("BUILD_MAP") {
        let mut pairs = Vec::new();
        for part in parts {
            match *part.node {
                Node::Dict(inner) => pairs.extend(inner),
                node => pairs.push((None, Expr::new(node)?)),
            }
        }
        return Ok(Node::Dict(pairs));
    }
    let items = unpacked(parts)?;
    Ok(match name {
        "BUILD_LIST_UNPACK" => Node::List(items),
        "BUILD_SET_UNPACK" => Node::Set(items),
        _ => Node::Tuple(items),
    })
}

fn unpacked(parts: Vec<Expr>) -> R<Vec<Expr>> {
    let mut items = Vec::new();
    for part in parts {
        match *part.node {
            Node::Tuple(inner) => items.extend(inner),
            Node::Const(Value::Tuple(inner)) => {
                items.extend(inner.iter().map(|one| Expr::constant(one.clone())));
            }
            node => items.push(Expr::new(Node::Star(Expr::new(node)?))?),
        }
    }
    Ok(items)
}

fn keyword_names(value: &Value) -> Option<Vec<String>> {
    let Value::Tuple(items) = value else { return None };
    let text = |item: &Value| match item {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    items.iter().map(text).collect()
}
