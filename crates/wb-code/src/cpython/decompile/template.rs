//! Template strings (PEP 750, 3.14 on): their parts are put together here, and written as f-strings are.

use super::ast::{Expr, Interpolation, Node, R};
use super::expression::{self, binds};
use super::fstring;
use super::normal::Ins;
use super::step::{Slot, Stack};
use crate::cpython::Value;
use ruff_python_ast::comparable::ComparableExpr;

/// What is wrong with a template that no source compiles to.
const WRONG: &str = "a template string is made as the compiler does not";

/// A field of a template string from its value, the text of its expression and how it is formatted.
pub(super) fn interpolation(ins: &Ins, stack: &mut Stack) -> R<()> {
    if ins.arg & 2 == 0 {
        return Err(WRONG);
    }
    let format = if ins.arg & 1 == 1 { Some(stack.take()?) } else { None };
    let Some(Value::Text(text)) = stack.take()?.as_const().cloned() else { return Err(WRONG) };
    let value = stack.take()?;
    let conversion = fstring::conversion(ins.arg >> 2);
    if !says(&text, &value) {
        return Err("the text of a template string's field is not its expression");
    }
    let text = text.to_string();
    stack.push(Slot::Interpolations(vec![Interpolation { value, text, conversion, format }], false))
}

/// The tuple of all fields; `None` when it is another tuple.
pub(super) fn fields(count: usize, stack: &mut Stack) -> R<Option<Slot>> {
    let field = |depth| matches!(stack.peek(depth), Some(Slot::Interpolations(_, false)));
    if count == 0 || !(1..=count).all(field) {
        return Ok(None);
    }
    let all = stack.pop_many(count)?.into_iter().flat_map(|slot| match slot {
        Slot::Interpolations(fields, _) => fields,
        _ => Vec::new(),
    });
    Ok(Some(Slot::Interpolations(all.collect(), true)))
}

/// A template string from the texts between its fields, and these.
pub(super) fn template(stack: &mut Stack) -> R<()> {
    let fields = match stack.pop()? {
        Slot::Interpolations(fields, true) => fields,
        Slot::Expr(none) if none.as_const() == Some(&Value::Tuple([].into())) => Vec::new(),
        _ => return Err(WRONG),
    };
    let texts = stack.take()?;
    let Some(Value::Tuple(texts)) = texts.as_const() else { return Err(WRONG) };
    let text = |value: &Value| match value {
        Value::Text(text) => Ok(text.to_string()),
        _ => Err(WRONG),
    };
    let texts = texts.iter().map(text).collect::<R<Vec<_>>>()?;
    if texts.len() != fields.len().saturating_add(1) {
        return Err(WRONG);
    }
    let expr = Expr::new(Node::Template(texts, fields))?;
    if !fstring::readable(&expr) {
        return Err("a template string cannot be written with any quotes");
    }
    stack.value(expr)
}

/// Whether the text is that of the expression, and can stand in a field.
fn says(text: &str, value: &Expr) -> bool {
    // A colon of `lambda` would begin the format; a line or a comment would end the field.
    if text != text.trim_end()
        || text.contains(['\n', '\r', '#', '\u{c}'])
        || text.contains("lambda")
    {
        return false;
    }
    let mut own = String::new();
    expression::write(value, binds::ANYTHING, &mut own);
    let parse = ruff_python_parser::parse_expression;
    match (parse(text.trim()), parse(own.trim())) {
        (Ok(one), Ok(other)) => {
            ComparableExpr::from(one.expr()) == ComparableExpr::from(other.expr())
        }
        _ => false,
    }
}
