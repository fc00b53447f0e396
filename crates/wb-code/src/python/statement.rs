//! Statements to ops.

use super::expression::sign;
use super::{Lifter, guard};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Pattern, Stmt};
use ruff_text_size::Ranged;
use wb_core::{CallStyle, Constant, OpKind, Trigger, ValueId};

impl Lifter<'_, '_> {
    /// Lifts statements in order.
    pub(super) fn suite(&mut self, suite: &[Stmt]) {
        for statement in suite {
            self.at = statement.range();
            let Some(depth) = self.depth.checked_sub(1) else {
                self.opaque("nested deeper than is read", Vec::new());
                return;
            };
            let before = std::mem::replace(&mut self.depth, depth);
            self.statement(statement);
            self.depth = before;
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Expr(node) => {
                self.expression(&node.value);
            }
            Stmt::Assign(node) => self.assignment(node),
            Stmt::AnnAssign(node) => {
                self.expression(&node.annotation);
                if let Some(value) = &node.value {
                    let value = self.expression(value);
                    self.assign(&node.target, value);
                }
            }
            Stmt::AugAssign(node) => {
                let before = self.expression(&node.target);
                let value = self.expression(&node.value);
                let value = self.opaque(sign(node.op), vec![before, value]);
                self.assign(&node.target, value);
            }
            Stmt::Import(node) => self.import(node),
            Stmt::ImportFrom(node) => self.import_from(node),
            Stmt::FunctionDef(node) => self.function(node),
            Stmt::ClassDef(node) => self.class(node),
            Stmt::Return(node) => {
                let value = match &node.value {
                    Some(value) => self.expression(value),
                    None => self.constant(Constant::None),
                };
                self.push(OpKind::Return { value });
            }
            Stmt::Delete(node) => {
                for target in &node.targets {
                    if !matches!(target, Expr::Name(_)) {
                        self.expression(target);
                    }
                }
            }
            other => self.block(other),
        }
    }

    /// Statements that hold others.
    fn block(&mut self, statement: &Stmt) {
        match statement {
            Stmt::For(node) => {
                let iterable = self.expression(&node.iter);
                let element = self.opaque("element", vec![iterable]);
                self.assign(&node.target, element);
                self.suite(&node.body);
                // What follows a loop over known values does so for each of them.
                self.opaque("next element", vec![element]);
                self.suite(&node.orelse);
            }
            Stmt::While(node) => {
                self.expression(&node.test);
                self.suite(&node.body);
                self.suite(&node.orelse);
            }
            Stmt::If(node) => self.conditional(node),
            Stmt::With(node) => {
                for item in &node.items {
                    let value = self.expression(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.assign(target, value);
                    }
                }
                self.suite(&node.body);
            }
            Stmt::Try(node) => {
                self.suite(&node.body);
                for ExceptHandler::ExceptHandler(handler) in &node.handlers {
                    if let Some(class) = &handler.type_ {
                        self.expression(class);
                    }
                    self.suite(&handler.body);
                }
                self.suite(&node.orelse);
                self.suite(&node.finalbody);
            }
            Stmt::Match(node) => self.match_block(node),
            Stmt::Raise(node) => {
                for value in node.exc.iter().chain(node.cause.iter()) {
                    self.expression(value);
                }
            }
            Stmt::Assert(node) => {
                self.expression(&node.test);
                if let Some(message) = &node.msg {
                    self.expression(message);
                }
            }
            _ => {}
        }
    }

    fn match_block(&mut self, node: &ast::StmtMatch) {
        let subject = self.expression(&node.subject);
        for case in &node.cases {
            self.pattern(&case.pattern, subject);
            if let Some(guard) = &case.guard {
                self.expression(guard);
            }
            self.suite(&case.body);
        }
    }

    /// A pattern gives names to parts of what is matched.
    fn pattern(&mut self, pattern: &Pattern, subject: ValueId) {
        match pattern {
            Pattern::MatchAs(node) => {
                if let Some(name) = &node.name {
                    self.store(name, subject);
                }
            }
            Pattern::MatchValue(node) => {
                self.expression(&node.value);
            }
            _ => {}
        }
    }

    fn assignment(&mut self, node: &ast::StmtAssign) {
        // `a, b = x, y` gives each name its own value.
        if let [target] = node.targets.as_slice()
            && let (Some(names), Expr::Tuple(values)) = (elements(target), node.value.as_ref())
            && names.len() == values.elts.len()
            && !names.iter().chain(&values.elts).any(|one| matches!(one, Expr::Starred(_)))
        {
            let values: Vec<ValueId> =
                values.elts.iter().map(|value| self.expression(value)).collect();
            for (target, value) in names.iter().zip(values) {
                self.assign(target, value);
            }
            return;
        }
        let value = self.expression(&node.value);
        for target in &node.targets {
            self.assign(target, value);
        }
    }

    /// Gives `value` to a target.
    pub(super) fn assign(&mut self, target: &Expr, value: ValueId) {
        match target {
            Expr::Name(node) => {
                self.store(&node.id, value);
            }
            Expr::Attribute(node) => {
                let of = self.expression(&node.value);
                self.push(OpKind::SetAttribute { of, name: node.attr.to_string(), value });
            }
            Expr::Subscript(node) => {
                let of = self.expression(&node.value);
                let key = self.expression(&node.slice);
                self.push(OpKind::SetItem { of, key, value });
            }
            Expr::Starred(node) => self.assign_deeper(&node.value, value),
            other => {
                for (index, element) in elements(other).unwrap_or_default().iter().enumerate() {
                    let index = Constant::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    let key = self.constant(index);
                    let part = self.push(OpKind::GetItem { of: value, key });
                    self.assign_deeper(element, part);
                }
            }
        }
    }

    fn assign_deeper(&mut self, target: &Expr, value: ValueId) {
        self.deeper(|lifter| {
            lifter.assign(target, value);
            value
        });
    }

    fn import(&mut self, node: &ast::StmtImport) {
        for alias in &node.names {
            let module = alias.name.to_string();
            let value = self.push(OpKind::Import { module: module.clone(), name: String::new() });
            match &alias.asname {
                Some(name) => {
                    self.store(name, value);
                }
                None => {
                    // `import a.b` gives the name `a` to the module `a`.
                    let root = module.split('.').next().unwrap_or_default().to_owned();
                    let value = if root == module {
                        value
                    } else {
                        let (module, name) = (root.clone(), String::new());
                        self.push(OpKind::Import { module, name })
                    };
                    self.store(&root, value);
                }
            }
        }
    }

    fn import_from(&mut self, node: &ast::StmtImportFrom) {
        let dots = ".".repeat(usize::try_from(node.level).unwrap_or(0).min(32));
        let module = format!("{dots}{}", node.module.as_deref().unwrap_or_default());
        for alias in &node.names {
            let name = alias.name.to_string();
            let value = self.push(OpKind::Import { module: module.clone(), name: name.clone() });
            if name != "*" {
                self.store(alias.asname.as_deref().unwrap_or(&name), value);
            }
        }
    }

    /// Every branch of an `if`, whatever its condition says.
    fn conditional(&mut self, node: &ast::StmtIf) {
        if self.guards && guard::is_guard(&node.test) {
            // Runs when the file is started as a program, and not when it is imported.
            self.define("__main__", node.range(), |inner| {
                inner.program.trigger = Trigger::Run;
                inner.suite(&node.body);
            });
        } else {
            self.expression(&node.test);
            self.suite(&node.body);
        }
        for clause in &node.elif_else_clauses {
            if let Some(test) = &clause.test {
                self.expression(test);
            }
            self.suite(&clause.body);
        }
    }

    fn function(&mut self, node: &ast::StmtFunctionDef) {
        let decorators: Vec<ValueId> =
            node.decorator_list.iter().map(|one| self.expression(&one.expression)).collect();
        self.defaults(&node.parameters);
        let annotations = node.parameters.iter_non_variadic_params();
        for annotation in annotations.filter_map(|one| one.parameter.annotation()) {
            self.expression(annotation);
        }
        if let Some(annotation) = &node.returns {
            self.expression(annotation);
        }
        self.at = node.range();
        let name = match &self.class {
            Some(class) => format!("{class}.{}", node.name),
            None => node.name.to_string(),
        };
        let function = self.define(&name, node.range(), |inner| {
            inner.parameters(&node.parameters);
            inner.suite(&node.body);
        });
        self.decorate(decorators, function);
        self.store(&node.name, function);
    }

    /// Decorators are called with what they decorate, the lowest first.
    fn decorate(&mut self, decorators: Vec<ValueId>, decorated: ValueId) {
        for callee in decorators.into_iter().rev() {
            self.push(OpKind::Call {
                callee,
                arguments: vec![decorated],
                keywords: Vec::new(),
                style: CallStyle::Call,
            });
        }
    }

    fn class(&mut self, node: &ast::StmtClassDef) {
        let decorators: Vec<ValueId> =
            node.decorator_list.iter().map(|one| self.expression(&one.expression)).collect();
        let mut uses = Vec::new();
        if let Some(arguments) = &node.arguments {
            uses.extend(arguments.args.iter().map(|base| self.expression(base)));
            uses.extend(arguments.keywords.iter().map(|one| self.expression(&one.value)));
        }
        let name = match &self.class {
            Some(class) => format!("{class}.{}", node.name),
            None => node.name.to_string(),
        };
        let outer = self.class.replace(name);
        self.suite(&node.body);
        self.class = outer;
        self.at = node.range();
        let class = self.opaque(&format!("class {}", node.name), uses);
        self.decorate(decorators, class);
        self.store(&node.name, class);
    }
}

/// The targets in a tuple or list.
fn elements(target: &Expr) -> Option<&[Expr]> {
    match target {
        Expr::Tuple(node) => Some(&node.elts),
        Expr::List(node) => Some(&node.elts),
        _ => None,
    }
}
