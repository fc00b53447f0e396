//! Bodies of functions, classes and modules without what the compiler adds.

use super::ast::{Expr, Node, R, Stmt};
use super::work::Kind;
use crate::cpython::{CodeObject, Value, Version};

/// The statements of a code object as they were written.
pub(super) fn finished(body: Vec<Stmt>, kind: Kind, code: &CodeObject) -> R<Vec<Stmt>> {
    let mut body = body;
    if body.iter().any(untested) {
        return Err("an assertion has no test");
    }
    if kind == Kind::Function {
        end(&mut body, code.version);
        return Ok(body);
    }
    body = without_returns(body)?;
    if body.iter().any(returns) {
        return Err("it returns outside a function");
    }
    if kind == Kind::Class {
        class(&mut body, code);
    }
    documented(&mut body);
    Ok(body)
}

fn is_none(value: &Option<Expr>) -> bool {
    value.as_ref().is_none_or(|value| value.as_const() == Some(&Value::None))
}

/// Takes away the `return None` that a function ends with.
fn end(body: &mut Vec<Stmt>, version: Version) {
    let copies = version >= Version::three(10);
    match body.last_mut() {
        Some(Stmt::Return(value)) if is_none(value) => {
            body.pop();
        }
        Some(Stmt::If(_, then, other)) if copies => {
            for branch in [then, other] {
                shorten(branch, version);
            }
        }
        Some(Stmt::With(_, _, body)) if copies => shorten(body, version),
        Some(Stmt::Match(_, cases)) if copies => {
            for case in cases {
                shorten(&mut case.body, version);
            }
        }
        Some(Stmt::Try(body, handlers, other, _)) if copies => {
            if other.is_empty() {
                shorten(body, version);
            }
            shorten(other, version);
            for handler in handlers {
                shorten(&mut handler.body, version);
            }
        }
        _ => {}
    }
}

/// The same for a block, which something is left of.
fn shorten(block: &mut Vec<Stmt>, version: Version) {
    if block.len() > 1 || !matches!(block.last(), Some(Stmt::Return(_))) {
        end(block, version);
    }
}

/// A module's statements: what returns early has what follows in an `else`.
fn without_returns(body: Vec<Stmt>) -> R<Vec<Stmt>> {
    let mut out = Vec::new();
    let mut rest = body.into_iter();
    while let Some(stmt) = rest.next() {
        match stmt {
            Stmt::Return(value) if is_none(&value) => return Ok(out),
            Stmt::If(test, then, other) if other.is_empty() && ends(&then) => {
                let after = without_returns(rest.collect())?;
                out.push(Stmt::If(test, without_returns(then)?, after));
                return Ok(out);
            }
            Stmt::If(test, then, other) => {
                let last = rest.len() == 0;
                let (then, other) = if last {
                    (without_returns(then)?, without_returns(other)?)
                } else {
                    (then, other)
                };
                out.push(Stmt::If(test, then, other));
            }
            Stmt::With(is_async, items, body) if rest.len() == 0 => {
                out.push(Stmt::With(is_async, items, without_returns(body)?));
            }
            Stmt::Match(subject, mut cases) if rest.len() == 0 => {
                for case in &mut cases {
                    case.body = without_returns(std::mem::take(&mut case.body))?;
                }
                out.push(Stmt::Match(subject, cases));
            }
            Stmt::Try(body, mut handlers, other, last) if rest.len() == 0 => {
                for handler in &mut handlers {
                    handler.body = without_returns(std::mem::take(&mut handler.body))?;
                }
                let body = if other.is_empty() { without_returns(body)? } else { body };
                out.push(Stmt::Try(body, handlers, without_returns(other)?, last));
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// Whether statements end with `return`.
fn ends(body: &[Stmt]) -> bool {
    match body.last() {
        Some(Stmt::Return(value)) => is_none(value),
        Some(Stmt::If(_, then, other)) => ends(then) && ends(other),
        _ => false,
    }
}

/// Whether a statement returns.
fn returns(stmt: &Stmt) -> bool {
    within(stmt, &|stmt| matches!(stmt, Stmt::Return(_)))
}

/// Whether an assertion fails without a test.
fn untested(stmt: &Stmt) -> bool {
    within(stmt, &|stmt| match stmt {
        Stmt::Assert(test, _) => test.as_const() == Some(&Value::None),
        _ => false,
    })
}

/// Whether a statement or one in it is such a one.
fn within(stmt: &Stmt, such: &dyn Fn(&Stmt) -> bool) -> bool {
    let any = |body: &[Stmt]| body.iter().any(|stmt| within(stmt, such));
    such(stmt)
        || match stmt {
            Stmt::If(_, one, other)
            | Stmt::While(_, one, other)
            | Stmt::For(_, _, _, one, other) => any(one) || any(other),
            Stmt::With(_, _, body) => any(body),
            Stmt::Match(_, cases) => cases.iter().any(|case| any(&case.body)),
            Stmt::Try(body, handlers, other, last) => {
                any(body)
                    || handlers.iter().any(|handler| any(&handler.body))
                    || any(other)
                    || any(last)
            }
            _ => false,
        }
}

/// Takes away what a class body begins and ends with.
fn class(body: &mut Vec<Stmt>, code: &CodeObject) {
    let assigned = |stmt: &Stmt, name: &str| match stmt {
        Stmt::Assign(targets, value) if targets.len() == 1 => {
            let same = targets.first().and_then(Expr::as_name) == Some(name);
            same.then(|| value.clone())
        }
        _ => None,
    };
    let module = body.first().and_then(|stmt| assigned(stmt, "__module__"));
    if module.is_some_and(|value| value.as_name() == Some("__name__")) {
        body.remove(0);
    }
    let constant = |value: Option<Expr>| value.is_some_and(|value| value.as_const().is_some());
    if constant(body.first().and_then(|stmt| assigned(stmt, "__qualname__"))) {
        body.remove(0);
    }
    if code.version >= Version::three(13) {
        if constant(body.first().and_then(|stmt| assigned(stmt, "__firstlineno__"))) {
            body.remove(0);
        }
        without_attributes(body);
    }
}

/// Takes away the names of attributes that the compiler found, wherever the body ends.
fn without_attributes(body: &mut Vec<Stmt>) {
    body.retain(|stmt| match stmt {
        Stmt::Assign(targets, value) => {
            let name = targets.first().and_then(Expr::as_name);
            name != Some("__static_attributes__") || value.as_const().is_none()
        }
        _ => true,
    });
    match body.last_mut() {
        Some(Stmt::If(_, then, other)) => {
            without_attributes(then);
            without_attributes(other);
        }
        Some(Stmt::With(_, _, body)) => without_attributes(body),
        Some(Stmt::Match(_, cases)) => {
            for case in cases {
                without_attributes(&mut case.body);
            }
        }
        Some(Stmt::Try(body, handlers, other, _)) => {
            without_attributes(body);
            without_attributes(other);
            for handler in handlers {
                without_attributes(&mut handler.body);
            }
        }
        _ => {}
    }
}

/// Turns the assignment of `__doc__` that a body begins with into the docstring.
fn documented(body: &mut Vec<Stmt>) {
    let Some(Stmt::Assign(targets, value)) = body.first() else { return };
    if let ([target], Some(Value::Text(text))) = (targets.as_slice(), value.as_const())
        && target.as_name() == Some("__doc__")
    {
        let doc = Stmt::Doc(text.to_string());
        body.remove(0);
        body.insert(0, doc);
    }
}

/// The value that the statements of a lambda return.
pub(super) fn value(body: Vec<Stmt>) -> R<Expr> {
    let mut body = body.into_iter();
    let stmt = match body.next() {
        None => return Ok(Expr::constant(Value::None)),
        Some(stmt) => stmt,
    };
    match stmt {
        Stmt::Return(found) if body.len() == 0 => {
            Ok(found.unwrap_or_else(|| Expr::constant(Value::None)))
        }
        Stmt::If(test, then, other) => {
            let other = if other.is_empty() { body.collect() } else { other };
            Expr::new(Node::IfElse(test, value(then)?, value(other)?))
        }
        _ => Err("a lambda is more than one value"),
    }
}
