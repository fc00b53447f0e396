//! Statements as lines of text: [`Page`].

use super::ast::{Definition, Expr, Handler, Node, Stmt};
use super::expression::{self, binds};
use super::pattern;

/// Text that grows up to a limit.
pub(super) struct Page {
    pub(super) out: String,
    limit: usize,
    /// Whether something was left out.
    pub(super) full: bool,
}

impl Page {
    /// An empty page for so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { out: String::new(), limit, full: false }
    }

    fn line(&mut self, level: usize, text: &str) {
        if self.out.len().saturating_add(text.len()) > self.limit {
            self.full = true;
            return;
        }
        for _ in 0..level {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Statements, each on lines of its own.
    pub(super) fn block(&mut self, body: &[Stmt], level: usize) {
        if body.iter().all(|stmt| matches!(stmt, Stmt::Comment(_))) {
            self.statements(body, level);
            return self.line(level, "pass");
        }
        self.statements(body, level);
    }

    /// Statements that may be none.
    pub(super) fn statements(&mut self, body: &[Stmt], level: usize) {
        for (index, stmt) in body.iter().enumerate() {
            if self.full {
                return;
            }
            let apart = matches!(stmt, Stmt::Define(_)) && index > 0;
            if apart {
                self.line(0, "");
            }
            self.statement(stmt, level);
        }
    }

    fn statement(&mut self, stmt: &Stmt, level: usize) {
        match stmt {
            Stmt::If(test, then, other) => self.conditional("if ", test, then, other, level),
            Stmt::While(test, body, other) => {
                let mut head = "while ".to_owned();
                expression::write(test, binds::ANYTHING, &mut head);
                self.suite(head, body, level);
                self.tail("else", other, level);
            }
            Stmt::For(is_async, target, iter, body, other) => {
                let mut head = if *is_async { "async for " } else { "for " }.to_owned();
                expression::target(target, &mut head);
                head.push_str(" in ");
                expression::iterable(iter, binds::ANYTHING, &mut head);
                self.suite(head, body, level);
                self.tail("else", other, level);
            }
            Stmt::Try(body, handlers, other, last) => {
                self.suite("try".to_owned(), body, level);
                for handler in handlers {
                    self.handler(handler, level);
                }
                self.tail("else", other, level);
                self.tail("finally", last, level);
            }
            Stmt::With(is_async, items, body) => {
                let mut head = if *is_async { "async with " } else { "with " }.to_owned();
                for (index, (context, target)) in items.iter().enumerate() {
                    head.push_str(if index == 0 { "" } else { ", " });
                    expression::write(context, binds::LAMBDA, &mut head);
                    if let Some(target) = target {
                        head.push_str(" as ");
                        expression::write(target, binds::BIT_OR, &mut head);
                    }
                }
                self.suite(head, body, level);
            }
            Stmt::Match(subject, cases) => {
                let mut head = "match ".to_owned();
                expression::write(subject, binds::ANYTHING, &mut head);
                head.push(':');
                self.line(level, &head);
                for case in cases {
                    let mut head = "case ".to_owned();
                    pattern::write(&case.pattern, false, &mut head);
                    if let Some(guard) = &case.guard {
                        head.push_str(" if ");
                        expression::write(guard, binds::ANYTHING, &mut head);
                    }
                    self.suite(head, &case.body, level.saturating_add(1));
                }
            }
            Stmt::Define(definition) => self.definition(definition, level),
            Stmt::Comment(lines) => {
                for line in lines {
                    self.line(level, &format!("# {line}"));
                }
            }
            other => self.line(level, &simple(other)),
        }
    }

    fn suite(&mut self, mut head: String, body: &[Stmt], level: usize) {
        head.push(':');
        self.line(level, &head);
        self.block(body, level.saturating_add(1));
    }

    fn tail(&mut self, word: &str, body: &[Stmt], level: usize) {
        if !body.is_empty() {
            self.suite(word.to_owned(), body, level);
        }
    }

    fn conditional(
        &mut self,
        word: &str,
        test: &Expr,
        then: &[Stmt],
        other: &[Stmt],
        level: usize,
    ) {
        let mut head = word.to_owned();
        expression::write(test, binds::ANYTHING, &mut head);
        self.suite(head, then, level);
        match other {
            [Stmt::If(test, then, other)] => self.conditional("elif ", test, then, other, level),
            other => self.tail("else", other, level),
        }
    }

    fn handler(&mut self, handler: &Handler, level: usize) {
        let mut head = "except".to_owned();
        if let Some(kind) = &handler.kind {
            head.push(' ');
            expression::write(kind, binds::LAMBDA, &mut head);
        }
        if let Some(name) = &handler.name {
            head.push_str(" as ");
            head.push_str(name);
        }
        self.suite(head, &handler.body, level);
    }

    fn definition(&mut self, definition: &Definition, level: usize) {
        for decorator in &definition.decorators {
            let mut line = "@".to_owned();
            expression::write(decorator, binds::ANYTHING, &mut line);
            self.line(level, &line);
        }
        let name = &definition.name;
        let generic = expression::type_parameters(&definition.type_parameters);
        let head = if let Some(parameters) = &definition.parameters {
            let word = if definition.is_async { "async def" } else { "def" };
            let parts = expression::parameters(parameters);
            let mut head = format!("{word} {name}{generic}({parts})");
            if let Some(returns) = &parameters.returns {
                head.push_str(" -> ");
                expression::write(returns, binds::LAMBDA, &mut head);
            }
            head
        } else {
            let mut bases = String::new();
            expression::call(&definition.bases, &mut bases);
            if bases.is_empty() {
                format!("class {name}{generic}")
            } else {
                format!("class {name}{generic}({bases})")
            }
        };
        self.suite(head, &definition.body, level);
    }
}

/// A statement that is one line.
fn simple(stmt: &Stmt) -> String {
    let mut out = String::new();
    match stmt {
        Stmt::Expr(value) => expression::write(value, binds::ANYTHING, &mut out),
        Stmt::TypeAlias(name, parameters, value) => {
            out.push_str(&format!("type {name}{} = ", expression::type_parameters(parameters)));
            expression::write(value, binds::LAMBDA, &mut out);
        }
        Stmt::Assign(targets, value) => {
            for target in targets {
                expression::target(target, &mut out);
                out.push_str(" = ");
            }
            assigned(value, &mut out);
        }
        Stmt::AugAssign(target, operator, value) => {
            expression::write(target, binds::PRIMARY, &mut out);
            out.push_str(&format!(" {operator}= "));
            assigned(value, &mut out);
        }
        Stmt::AnnAssign(target, annotation, value) => {
            expression::write(target, binds::PRIMARY, &mut out);
            after(": ", Some(annotation), &mut out);
            after(" = ", value.as_ref(), &mut out);
        }
        Stmt::Return(None) => out.push_str("return"),
        Stmt::Return(Some(value)) => {
            expression::keyword("return ", value, binds::LAMBDA, &mut out);
        }
        Stmt::Raise(value, cause) => {
            out.push_str("raise");
            after(" ", value.as_ref(), &mut out);
            after(" from ", cause.as_ref(), &mut out);
        }
        Stmt::Assert(test, message) => {
            out.push_str("assert");
            after(" ", Some(test), &mut out);
            after(", ", message.as_ref(), &mut out);
        }
        Stmt::Delete(targets) => {
            out.push_str("del ");
            for (index, target) in targets.iter().enumerate() {
                after(if index == 0 { "" } else { ", " }, Some(target), &mut out);
            }
        }
        Stmt::Import(module, name) => out = format!("import {}", named(module, name.as_ref())),
        Stmt::ImportFrom(module, names) => {
            let names: Vec<String> =
                names.iter().map(|(from, name)| named(from, name.as_ref())).collect();
            out = format!("from {module} import {}", names.join(", "));
        }
        Stmt::Global(names) => out = format!("global {}", names.join(", ")),
        Stmt::Nonlocal(names) => out = format!("nonlocal {}", names.join(", ")),
        Stmt::Break => out.push_str("break"),
        Stmt::Continue => out.push_str("continue"),
        Stmt::Doc(text) => out = docstring(text),
        _ => out.push_str("pass"),
    }
    out
}

/// The right side of an assignment; `yield` needs no brackets there.
fn assigned(value: &Expr, out: &mut String) {
    let least = match value.node.as_ref() {
        Node::Yield(_) | Node::YieldFrom(_) => binds::ANYTHING,
        _ => binds::LAMBDA,
    };
    expression::write(value, least, out);
}

fn after(word: &str, value: Option<&Expr>, out: &mut String) {
    if let Some(value) = value {
        out.push_str(word);
        assigned(value, out);
    }
}

fn named(from: &str, name: Option<&String>) -> String {
    name.map_or_else(|| from.to_owned(), |name| format!("{from} as {name}"))
}

/// A docstring: over several lines as it was written where that says the same.
fn docstring(text: &str) -> String {
    crate::print::literal::text(text)
}
