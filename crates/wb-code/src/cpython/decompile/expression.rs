//! Expressions as text: [`write`], with no more brackets than are needed.

use super::ast::{Arg, Clause, Comp, Expr, Node, Parameter, Parameters, TypeParam};
use super::fstring;
use crate::cpython::{Value, repr};

/// How tightly an expression binds, loosest first.
pub(super) mod binds {
    pub(in super::super) const ANYTHING: u8 = 0;
    pub(in super::super) const LAMBDA: u8 = 1;
    pub(in super::super) const IF: u8 = 2;
    pub(in super::super) const OR: u8 = 3;
    pub(in super::super) const AND: u8 = 4;
    pub(in super::super) const NOT: u8 = 5;
    pub(in super::super) const COMPARE: u8 = 6;
    pub(in super::super) const BIT_OR: u8 = 7;
    pub(in super::super) const SUM: u8 = 11;
    pub(in super::super) const UNARY: u8 = 13;
    pub(in super::super) const POWER: u8 = 14;
    pub(in super::super) const AWAIT: u8 = 15;
    pub(in super::super) const PRIMARY: u8 = 16;
}

/// Longest text of one expression, in bytes: constants that are shared make short code long.
const LONGEST: usize = 4 << 20;

/// Writes an expression that binds at least as tightly as `least`, in brackets if need be.
pub(super) fn write(expr: &Expr, least: u8, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    let bracketed = binding(&expr.node) < least;
    if bracketed {
        out.push('(');
    }
    node(&expr.node, out);
    if bracketed {
        out.push(')');
    }
}

/// How tightly the expression itself binds.
fn binding(node: &Node) -> u8 {
    match node {
        Node::Yield(_) | Node::YieldFrom(_) | Node::Named(..) => binds::ANYTHING,
        Node::Lambda(..) => binds::LAMBDA,
        Node::IfElse(..) => binds::IF,
        Node::Bool("or", _) => binds::OR,
        Node::Bool(..) => binds::AND,
        Node::Unary("not ", _) => binds::NOT,
        Node::Compare(..) => binds::COMPARE,
        Node::Binary(operator, ..) | Node::Inplace(operator, ..) => operator_binding(operator),
        Node::Unary(..) => binds::UNARY,
        Node::Const(value) if negative(value) => binds::UNARY,
        Node::Await(_) => binds::AWAIT,
        // An attribute of a bare number does not parse.
        Node::Const(Value::Int(_) | Value::BigInt(_) | Value::Float(_)) => binds::AWAIT,
        // A star stands only where it may.
        _ => u8::MAX,
    }
}

fn negative(value: &Value) -> bool {
    match value {
        Value::Int(value) => *value < 0,
        Value::Float(value) => value.is_sign_negative(),
        Value::BigInt(digits) => digits.starts_with('-'),
        _ => false,
    }
}

fn operator_binding(operator: &str) -> u8 {
    match operator {
        "|" => binds::BIT_OR,
        "^" => 8,
        "&" => 9,
        "<<" | ">>" => 10,
        "+" | "-" => binds::SUM,
        "**" => binds::POWER,
        _ => 12,
    }
}

fn node(node: &Node, out: &mut String) {
    match node {
        Node::Const(value) => constant(value, out),
        Node::Name(name) => out.push_str(name),
        Node::Attr(of, name) => {
            write(of, binds::PRIMARY, out);
            out.push('.');
            out.push_str(name);
        }
        Node::Subscript(of, key) => {
            write(of, binds::PRIMARY, out);
            out.push('[');
            subscript(key, out);
            out.push(']');
        }
        Node::Slice(..) => slice(node, out),
        Node::Call(callee, arguments) => {
            write(callee, binds::PRIMARY, out);
            out.push('(');
            call(arguments, out);
            out.push(')');
        }
        Node::Binary(operator, left, right) | Node::Inplace(operator, left, right) => {
            binary(operator, left, right, out);
        }
        Node::Unary(operator, operand) => {
            out.push_str(operator);
            write(operand, if *operator == "not " { binds::NOT } else { binds::UNARY }, out);
        }
        Node::Bool(operator, items) => {
            let least = if *operator == "or" { binds::AND } else { binds::NOT };
            separated(items, &format!(" {operator} "), least, out);
        }
        Node::Compare(first, rest) => {
            write(first, binds::BIT_OR, out);
            for (operator, other) in rest {
                out.push_str(&format!(" {operator} "));
                operand(operator, other, out);
            }
        }
        Node::IfElse(test, then, other) => {
            write(then, binds::OR, out);
            out.push_str(" if ");
            write(test, binds::OR, out);
            out.push_str(" else ");
            write(other, binds::IF, out);
        }
        _ => display(node, out),
    }
}

/// Displays, comprehensions and what is written with a keyword.
fn display(node: &Node, out: &mut String) {
    match node {
        Node::Tuple(items) => {
            out.push('(');
            separated(items, ", ", binds::LAMBDA, out);
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Node::List(items) => {
            out.push('[');
            separated(items, ", ", binds::LAMBDA, out);
            out.push(']');
        }
        Node::Set(items) if items.is_empty() => out.push_str("{*()}"),
        Node::Set(items) => {
            out.push('{');
            separated(items, ", ", binds::LAMBDA, out);
            out.push('}');
        }
        Node::Dict(pairs) => dict(pairs, out),
        Node::Star(of) => {
            out.push('*');
            write(of, binds::BIT_OR, out);
        }
        Node::Lambda(parameters, body) => {
            out.push_str("lambda");
            let text = self::parameters(parameters);
            if !text.is_empty() {
                out.push(' ');
                out.push_str(&text);
            }
            out.push_str(": ");
            write(body, binds::LAMBDA, out);
        }
        Node::Comp(kind, key, value, clauses) => {
            comprehension(*kind, key.as_ref(), value, clauses, out);
        }
        Node::Joined(_) | Node::Format(..) | Node::Template(..) => {
            out.push_str(&fstring::text(node))
        }
        Node::Yield(None) => out.push_str("yield"),
        Node::Yield(Some(value)) => keyword("yield ", value, binds::LAMBDA, out),
        Node::YieldFrom(value) => keyword("yield from ", value, binds::LAMBDA, out),
        Node::Await(value) => keyword("await ", value, binds::PRIMARY, out),
        Node::Named(name, value) => {
            out.push_str(name);
            keyword(" := ", value, binds::LAMBDA, out);
        }
        _ => {}
    }
}

/// A word and the value behind it.
pub(super) fn keyword(word: &str, value: &Expr, least: u8, out: &mut String) {
    out.push_str(word);
    write(value, least, out);
}

/// The right side of a comparison; a constant set after `in` is written as the display it was.
fn operand(operator: &str, other: &Expr, out: &mut String) {
    match other.as_const() {
        Some(Value::FrozenSet(items)) if operator.ends_with("in") && !items.is_empty() => {
            constant_set(items, out);
        }
        _ => write(other, binds::BIT_OR, out),
    }
}

fn constant_set(items: &[Value], out: &mut String) {
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        constant(item, out);
    }
    out.push('}');
}

fn binary(operator: &str, left: &Expr, right: &Expr, out: &mut String) {
    let binding = operator_binding(operator);
    let (on_left, on_right) = match operator {
        "**" => (binds::AWAIT, binds::UNARY),
        _ => (binding, binding.saturating_add(1)),
    };
    // What ends in a bare number binds as a number does.
    let power_of_number = operator == "**" && left.as_const().is_some_and(|value| !negative(value));
    write(left, if power_of_number { 0 } else { on_left }, out);
    out.push_str(&format!(" {operator} "));
    write(right, on_right, out);
}

/// Items with something between them.
fn separated(items: &[Expr], between: &str, least: u8, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { between });
        write(item, least, out);
    }
}

fn subscript(key: &Expr, out: &mut String) {
    match key.node.as_ref() {
        Node::Slice(..) => slice(&key.node, out),
        Node::Tuple(items) if items.iter().any(|item| matches!(*item.node, Node::Slice(..))) => {
            for item in items {
                subscript(item, out);
                out.push_str(", ");
            }
            // A comma at the end keeps a tuple of one a tuple.
            if items.len() > 1 {
                out.truncate(out.len().saturating_sub(2));
            }
        }
        _ => write(key, binds::ANYTHING, out),
    }
}

fn slice(node: &Node, out: &mut String) {
    let Node::Slice(start, stop, step) = node else { return };
    if let Some(start) = start {
        write(start, binds::LAMBDA, out);
    }
    out.push(':');
    if let Some(stop) = stop {
        write(stop, binds::LAMBDA, out);
    }
    if let Some(step) = step {
        out.push(':');
        write(step, binds::LAMBDA, out);
    }
}

/// Arguments, separated by commas.
pub(super) fn call(arguments: &[Arg], out: &mut String) {
    for (index, argument) in arguments.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        match argument {
            Arg::Plain(value) => write(value, binds::LAMBDA, out),
            Arg::Star(value) => keyword("*", value, binds::LAMBDA, out),
            Arg::DoubleStar(value) => keyword("**", value, binds::LAMBDA, out),
            Arg::Keyword(name, value) => {
                out.push_str(name);
                keyword("=", value, binds::LAMBDA, out);
            }
        }
    }
}

fn dict(pairs: &[(Option<Expr>, Expr)], out: &mut String) {
    out.push('{');
    for (index, (key, value)) in pairs.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        match key {
            Some(key) => {
                write(key, binds::LAMBDA, out);
                keyword(": ", value, binds::LAMBDA, out);
            }
            None => keyword("**", value, binds::BIT_OR, out),
        }
    }
    out.push('}');
}

fn comprehension(
    kind: Comp,
    key: Option<&Expr>,
    value: &Expr,
    clauses: &[Clause],
    out: &mut String,
) {
    let (open, close) = match kind {
        Comp::List => ('[', ']'),
        Comp::Set | Comp::Dict => ('{', '}'),
        Comp::Generator => ('(', ')'),
    };
    out.push(open);
    if let Some(key) = key {
        write(key, binds::LAMBDA, out);
        out.push_str(": ");
    }
    write(value, binds::LAMBDA, out);
    for clause in clauses {
        out.push_str(if clause.is_async { " async for " } else { " for " });
        target(&clause.target, out);
        out.push_str(" in ");
        iterable(&clause.iter, binds::OR, out);
        for test in &clause.tests {
            keyword(" if ", test, binds::OR, out);
        }
    }
    out.push(close);
}

/// What a loop runs over; a constant set is written as the display it was.
pub(super) fn iterable(iter: &Expr, least: u8, out: &mut String) {
    match iter.as_const() {
        Some(Value::FrozenSet(items)) if !items.is_empty() => constant_set(items, out),
        _ => write(iter, least, out),
    }
}

/// The target of a loop: a tuple goes without brackets.
pub(super) fn target(target: &Expr, out: &mut String) {
    match target.node.as_ref() {
        Node::Tuple(items) if !items.is_empty() => {
            separated(items, ", ", binds::BIT_OR, out);
            if items.len() == 1 {
                out.push(',');
            }
        }
        _ => write(target, binds::BIT_OR, out),
    }
}

/// Parameters as they stand between the brackets of `def`.
pub(super) fn parameters(parameters: &Parameters) -> String {
    let mut parts = Vec::new();
    for (index, one) in parameters.plain.iter().enumerate() {
        parts.push(parameter("", one));
        if index.saturating_add(1) == parameters.positional_only {
            parts.push("/".to_owned());
        }
    }
    match &parameters.star {
        Some(star) => parts.push(parameter("*", star)),
        None if !parameters.keyword_only.is_empty() => parts.push("*".to_owned()),
        None => {}
    }
    parts.extend(parameters.keyword_only.iter().map(|one| parameter("", one)));
    parts.extend(parameters.double_star.iter().map(|one| parameter("**", one)));
    parts.join(", ")
}

/// Type parameters with their brackets; nothing when there are none.
pub(super) fn type_parameters(parameters: &[TypeParam]) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = parameters
        .iter()
        .map(|one| {
            let mut out = format!("{}{}", one.stars, one.name);
            if let Some(bound) = &one.bound {
                keyword(": ", bound, binds::LAMBDA, &mut out);
            }
            if let Some(default) = &one.default {
                keyword(" = ", default, binds::LAMBDA, &mut out);
            }
            out
        })
        .collect();
    format!("[{}]", parts.join(", "))
}

fn parameter(stars: &str, one: &Parameter) -> String {
    let mut out = format!("{stars}{}", one.name);
    if let Some(annotation) = &one.annotation {
        keyword(": ", annotation, binds::LAMBDA, &mut out);
    }
    if let Some(default) = &one.default {
        let equals = if one.annotation.is_some() { " = " } else { "=" };
        keyword(equals, default, binds::LAMBDA, &mut out);
    }
    out
}

/// A constant as Python source.
pub(super) fn constant(value: &Value, out: &mut String) {
    match value {
        Value::Ellipsis => out.push_str("..."),
        Value::Float(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "1e309" } else { "-1e309" });
        }
        Value::Tuple(items) => {
            out.push('(');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                constant(item, out);
            }
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Value::Text(text) => out.push_str(&crate::print::literal::text(text)),
        Value::Bytes(bytes) => out.push_str(&crate::print::literal::bytes(bytes)),
        Value::Slice(parts) => {
            let [start, stop, step] = parts.as_ref();
            let mut part = |value: &Value| {
                if *value != Value::None {
                    constant(value, out);
                }
            };
            part(start);
            out.push(':');
            let mut part = |value: &Value| {
                if *value != Value::None {
                    constant(value, out);
                }
            };
            part(stop);
            if *step != Value::None {
                out.push(':');
                constant(step, out);
            }
        }
        // `-2j` negates both parts.
        Value::Complex(real, imaginary)
            if *real == 0.0 && real.is_sign_positive() && imaginary.is_sign_negative() =>
        {
            out.push_str(&format!("(0{})", repr::value(value)));
        }
        other => out.push_str(&repr::value(other)),
    }
}

/// Whether [`constant`] writes the value so that Python reads the same one. What marshal's reader had to
/// replace in a text is not known any more.
pub(super) fn faithful(value: &Value) -> bool {
    match value {
        Value::None | Value::Ellipsis | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => true,
        Value::Bytes(_) => true,
        Value::Float(number) => !number.is_nan(),
        Value::Complex(real, imaginary) => {
            let whole = real.is_finite() && imaginary.is_finite();
            // The sign of a zero is lost in the sum that a literal is.
            whole && (*real != 0.0 || real.is_sign_positive())
        }
        Value::Text(text) => !text.contains('\u{fffd}'),
        Value::Tuple(items) => items.iter().all(faithful),
        _ => false,
    }
}
