//! [`Frame`]: the names of one function while it is lowered.

use crate::ir::{ClassId, FunctionId, Slot};
use crate::symbol::{Symbol, Symbols};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, ExprContext, Pattern, Stmt};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A function that is being lowered.
pub(super) struct Frame {
    pub function: FunctionId,
    /// Its locals; the body of a module has none.
    pub slots: HashMap<Symbol, Slot>,
    /// Names declared `global`.
    pub globals: HashSet<Symbol>,
    /// Names declared `nonlocal`.
    pub outer: HashSet<Symbol>,
    /// The class whose body is being read.
    pub class: Option<ClassScope>,
}

/// The class whose body is being read.
pub(super) struct ClassScope {
    pub id: ClassId,
    /// The names that its body gives a value.
    pub bound: HashSet<Symbol>,
}

impl Frame {
    pub(super) fn module(function: FunctionId) -> Self {
        Self {
            function,
            slots: HashMap::new(),
            globals: HashSet::new(),
            outer: HashSet::new(),
            class: None,
        }
    }
}

/// The names that a body gives a value, in alphabetical order.
#[derive(Default)]
pub(super) struct Names {
    pub bound: BTreeSet<String>,
    pub globals: BTreeSet<String>,
    pub outer: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(body: &[Stmt]) -> Self {
        let mut names = Self::default();
        for statement in body {
            names.visit_stmt(statement);
        }
        let declared = names.globals.union(&names.outer);
        let declared: Vec<String> = declared.cloned().collect();
        for name in declared {
            names.bound.remove(&name);
        }
        names
    }

    /// The names an expression gives a value: `:=` and comprehensions.
    pub(super) fn of_expression(expression: &Expr) -> Self {
        let mut names = Self::default();
        names.visit_expr(expression);
        names
    }

    fn bind(&mut self, name: &str) {
        self.bound.insert(name.to_owned());
    }

    fn bind_import(&mut self, alias: &ast::Alias) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name);
        let first = name.as_str().split('.').next().unwrap_or_default();
        self.bind(first);
    }
}

impl<'a> Visitor<'a> for Names {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.bind(function.name.as_str()),
            Stmt::ClassDef(class) => self.bind(class.name.as_str()),
            Stmt::Import(import) => {
                import.names.iter().for_each(|alias| self.bind_import(alias));
            }
            Stmt::ImportFrom(import) => {
                import.names.iter().for_each(|alias| self.bind_import(alias));
            }
            Stmt::Global(global) => {
                self.globals.extend(global.names.iter().map(|name| name.to_string()));
            }
            Stmt::Nonlocal(outer) => {
                self.outer.extend(outer.names.iter().map(|name| name.to_string()));
            }
            other => visitor::walk_stmt(self, other),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(_) => {}
            Expr::Name(name) if name.ctx == ExprContext::Store => self.bind(name.id.as_str()),
            other => visitor::walk_expr(self, other),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(one) => one.name.as_ref(),
            Pattern::MatchStar(one) => one.name.as_ref(),
            Pattern::MatchMapping(one) => one.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name.as_str());
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// Names as symbols.
pub(super) fn symbols(names: &BTreeSet<String>, symbols: &mut Symbols) -> HashSet<Symbol> {
    names.iter().map(|name| symbols.of(name)).collect()
}
