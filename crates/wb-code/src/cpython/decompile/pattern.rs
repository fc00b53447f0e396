//! What a `case` asks for: [`Pattern`], and how it is written.

use super::ast::{Expr, Node, R};
use super::expression::{self, binds};
use crate::cpython::Value;

/// The pattern of a `case` (PEP 634).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    /// `_`
    Wildcard,
    /// `name`
    Capture(String),
    /// A literal or a dotted name.
    Value(Expr),
    /// `[a, *b, c]`
    Sequence(Vec<Self>),
    /// `*name` or `*_` in a sequence.
    Star(Option<String>),
    /// `{key: a, **rest}`
    Mapping(Vec<(Expr, Self)>, Option<String>),
    /// `Class(a, name=b)`
    Class(Expr, Vec<Self>, Vec<(String, Self)>),
    /// `a | b`
    Or(Vec<Self>),
    /// `pattern as name`
    As(Box<Self>, String),
}

/// One `case`: pattern, guard, statements.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case<S> {
    pub(super) pattern: Pattern,
    pub(super) guard: Option<Expr>,
    pub(super) body: Vec<S>,
}

/// The value as a pattern: a name without a dot would capture, and other expressions are none.
pub(super) fn value(expr: Expr) -> R<Pattern> {
    let fits = match expr.node.as_ref() {
        Node::Attr(of, _) => is_dotted(of),
        Node::Const(value) => matches!(
            value,
            Value::None
                | Value::Bool(_)
                | Value::Int(_)
                | Value::BigInt(_)
                | Value::Float(_)
                | Value::Complex(..)
                | Value::Text(_)
                | Value::Bytes(_)
        ),
        _ => false,
    };
    if fits { Ok(Pattern::Value(expr)) } else { Err("a value is no pattern") }
}

fn is_dotted(expr: &Expr) -> bool {
    match expr.node.as_ref() {
        Node::Name(_) => true,
        Node::Attr(of, _) => is_dotted(of),
        _ => false,
    }
}

/// Writes a pattern; one that would take in its neighbours is put in brackets when `inner`.
pub(super) fn write(pattern: &Pattern, inner: bool, out: &mut String) {
    let brackets = inner && matches!(pattern, Pattern::Or(_) | Pattern::As(..));
    if brackets {
        out.push('(');
    }
    match pattern {
        Pattern::Wildcard => out.push('_'),
        Pattern::Capture(name) => out.push_str(name),
        Pattern::Value(value) => expression::write(value, binds::BIT_OR, out),
        Pattern::Star(name) => {
            out.push('*');
            out.push_str(name.as_deref().unwrap_or("_"));
        }
        Pattern::Sequence(items) => {
            out.push('[');
            list(items.iter(), out, |item, out| write(item, false, out));
            out.push(']');
        }
        Pattern::Mapping(entries, rest) => {
            out.push('{');
            list(entries.iter(), out, |(key, pattern), out| {
                expression::write(key, binds::BIT_OR, out);
                out.push_str(": ");
                write(pattern, false, out);
            });
            if let Some(rest) = rest {
                out.push_str(if entries.is_empty() { "**" } else { ", **" });
                out.push_str(rest);
            }
            out.push('}');
        }
        Pattern::Class(class, plain, named) => {
            expression::write(class, binds::PRIMARY, out);
            out.push('(');
            list(plain.iter(), out, |item, out| write(item, false, out));
            out.push_str(if plain.is_empty() || named.is_empty() { "" } else { ", " });
            list(named.iter(), out, |(name, pattern), out| {
                out.push_str(name);
                out.push('=');
                write(pattern, false, out);
            });
            out.push(')');
        }
        Pattern::Or(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { " | " });
                write(item, true, out);
            }
        }
        Pattern::As(pattern, name) => {
            // `a | b as c` names what either of them took.
            let alone = matches!(**pattern, Pattern::Or(_));
            write(pattern, !alone, out);
            out.push_str(" as ");
            out.push_str(name);
        }
    }
    if brackets {
        out.push(')');
    }
}

fn list<T>(items: impl Iterator<Item = T>, out: &mut String, each: impl Fn(T, &mut String)) {
    for (index, item) in items.enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        each(item, out);
    }
}
