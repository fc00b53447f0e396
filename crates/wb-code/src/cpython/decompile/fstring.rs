//! F-strings as text: [`text`].

use super::ast::{Expr, Node};
use super::expression::{self, binds};
use crate::cpython::Value;

/// The conversion with that number.
pub(super) fn conversion(number: usize) -> Option<char> {
    match number & 3 {
        1 => Some('s'),
        2 => Some('r'),
        3 => Some('a'),
        _ => None,
    }
}

/// An f-string or template string; [`readable`] says whether it can be written at all.
pub(super) fn text(node: &Node) -> String {
    let letter = if matches!(node, Node::Template(..)) { 't' } else { 'f' };
    for quote in ["'", "\"", "'''", "\"\"\""] {
        let mut out = format!("{letter}{quote}");
        if parts(node, quote, &mut out) {
            out.push_str(quote);
            return out;
        }
    }
    String::new()
}

/// Whether some quotes fit: until 3.12 those of the f-string, and backslashes, may not stand in its fields.
pub(super) fn readable(expr: &Expr) -> bool {
    !text(&expr.node).is_empty()
}

fn parts(node: &Node, quote: &str, out: &mut String) -> bool {
    match node {
        Node::Joined(items) => items.iter().all(|item| parts(&item.node, quote, out)),
        Node::Const(Value::Text(text)) => {
            plain(text, quote, out);
            true
        }
        Node::Template(texts, fields) => {
            let mut texts = texts.iter();
            let mut next = |out: &mut String| {
                texts.next().is_some_and(|text| {
                    plain(text, quote, out);
                    !text.contains('\u{fffd}')
                })
            };
            next(out)
                && fields.iter().all(|field| {
                    let format = field.format.as_ref();
                    written(&field.text, field.conversion, format, quote, out) && next(out)
                })
        }
        Node::Format(value, conversion, format) => {
            field(value, *conversion, format.as_ref(), quote, out)
        }
        _ => false,
    }
}

/// A text outside of fields.
fn plain(text: &str, quote: &str, out: &mut String) {
    let literal = escaped(text, quote);
    out.push_str(&literal.replace('{', "{{").replace('}', "}}"));
}

fn field(
    value: &Expr,
    conversion: Option<char>,
    format: Option<&Expr>,
    quote: &str,
    out: &mut String,
) -> bool {
    let mut inner = String::new();
    // A lambda's colon and that of `:=` would begin the format.
    expression::write(value, binds::IF, &mut inner);
    written(&inner, conversion, format, quote, out)
}

/// A field around the text of its expression.
fn written(
    inner: &str,
    conversion: Option<char>,
    format: Option<&Expr>,
    quote: &str,
    out: &mut String,
) -> bool {
    let mark = quote.chars().next().unwrap_or('\'');
    let clash = if quote.len() == 1 { inner.contains(mark) } else { inner.contains(quote) };
    let ends_alike = quote.len() > 1 && inner.ends_with(mark);
    if clash || ends_alike || inner.contains(['\\', '\n', '#']) {
        return false;
    }
    out.push('{');
    if inner.starts_with('{') {
        out.push(' ');
    }
    out.push_str(inner);
    if inner.ends_with('}') {
        out.push(' ');
    }
    if let Some(conversion) = conversion {
        out.push('!');
        out.push(conversion);
    }
    if let Some(format) = format {
        out.push(':');
        let fits = match format.node.as_ref() {
            // A brace cannot be written inside a format.
            Node::Const(Value::Text(text)) => {
                let plain = !text.contains(['{', '}', '\\', '\n', '\r']);
                out.push_str(&escaped(text, quote));
                plain && !text.is_empty() && !text.contains(mark)
            }
            Node::Joined(items) => items.iter().all(|item| match item.node.as_ref() {
                Node::Const(Value::Text(text)) => {
                    out.push_str(&escaped(text, quote));
                    !text.contains(['{', '}', '\\', '\n', '\r', mark])
                }
                node => parts(node, quote, out),
            }),
            node @ Node::Format(..) => parts(node, quote, out),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    out.push('}');
    true
}

/// The characters of a text between these quotes.
fn escaped(text: &str, quote: &str) -> String {
    let literal = crate::print::literal::text(text);
    let used = literal.chars().next().unwrap_or('\'');
    let inner = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    // Quotes are escaped as the literal's own were; the others are bare.
    let mark = quote.chars().next().unwrap_or('\'');
    if used == mark {
        return inner.to_owned();
    }
    let bare = inner.replace(&format!("\\{used}"), &used.to_string());
    bare.replace(mark, &format!("\\{mark}"))
}
