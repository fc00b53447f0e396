//! Statements.

use super::scope::{ClassScope, Frame, Names, symbols};
use super::{Lowerer, blank};
use crate::ir::{
    Class, ClassId, Expr as Lowered, ExprId, FunctionId, Kind, Parameter, ParameterKind, Slot,
};
use crate::symbol::Symbol;
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use std::collections::HashMap;

impl Lowerer<'_> {
    pub(super) fn suite(&mut self, suite: &[Stmt]) {
        let Some(depth) = self.depth.checked_sub(1) else { return };
        self.depth = depth;
        for statement in suite {
            self.statement(statement);
        }
        self.depth = depth + 1;
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::FunctionDef(one) => self.definition(one),
            Stmt::ClassDef(one) => self.class_definition(one),
            Stmt::Import(one) => one.names.iter().for_each(|alias| self.import(alias)),
            Stmt::ImportFrom(one) => self.import_from(one),
            Stmt::Return(one) => {
                if let Some(value) = &one.value {
                    let value = self.expression(value);
                    self.function().returns.push(value);
                }
            }
            Stmt::Assign(one) => self.assignment(&one.targets, &one.value),
            Stmt::AnnAssign(one) => {
                if let Some(value) = &one.value {
                    let value = self.expression(value);
                    self.assign_to(&one.target, value);
                }
            }
            Stmt::AugAssign(one) => {
                let value = self.expression(&one.value);
                self.assign_to(&one.target, value);
            }
            Stmt::Expr(one) => {
                self.expression(&one.value);
            }
            Stmt::Delete(one) => one.targets.iter().for_each(|target| {
                self.expression(target);
            }),
            Stmt::Assert(one) => {
                self.expression(&one.test);
            }
            Stmt::Raise(one) => {
                if let Some(raised) = &one.exc {
                    self.expression(raised);
                }
            }
            other => self.block(other),
        }
    }

    fn block(&mut self, statement: &Stmt) {
        match statement {
            Stmt::If(one) => {
                self.expression(&one.test);
                self.suite(&one.body);
                for clause in &one.elif_else_clauses {
                    if let Some(test) = &clause.test {
                        self.expression(test);
                    }
                    self.suite(&clause.body);
                }
            }
            Stmt::For(one) => {
                let iterated = self.expression(&one.iter);
                let element = self.element(iterated);
                self.assign_to(&one.target, element);
                self.suite(&one.body);
                self.suite(&one.orelse);
            }
            Stmt::While(one) => {
                self.expression(&one.test);
                self.suite(&one.body);
                self.suite(&one.orelse);
            }
            Stmt::With(one) => {
                for item in &one.items {
                    let value = self.expression(&item.context_expr);
                    let entered = self.entered(value);
                    if let Some(target) = &item.optional_vars {
                        self.assign_to(target, entered);
                    }
                }
                self.suite(&one.body);
            }
            Stmt::Try(one) => {
                self.suite(&one.body);
                for ExceptHandler::ExceptHandler(handler) in &one.handlers {
                    self.suite(&handler.body);
                }
                self.suite(&one.orelse);
                self.suite(&one.finalbody);
            }
            Stmt::Match(one) => {
                self.expression(&one.subject);
                for case in &one.cases {
                    self.suite(&case.body);
                }
            }
            _ => {}
        }
    }

    /// What `with` binds: what `__enter__` returns, or the object itself.
    fn entered(&mut self, manager: ExprId) -> ExprId {
        let enter = self.symbol("__enter__");
        let method = self.push(Lowered::Attribute(manager, enter));
        let entered = self.push(Lowered::Call(method, Box::new([])));
        self.push(Lowered::Either(Box::new([manager, entered])))
    }

    fn assignment(&mut self, targets: &[Expr], value: &Expr) {
        // `a, b = x, y` keeps its parts apart.
        if let ([Expr::Tuple(names)], Expr::Tuple(values)) = (targets, value)
            && names.elts.len() == values.elts.len()
            && !names.elts.iter().chain(&values.elts).any(Expr::is_starred_expr)
        {
            let values: Vec<ExprId> = values.elts.iter().map(|one| self.expression(one)).collect();
            for (name, value) in names.elts.iter().zip(values) {
                self.assign_to(name, value);
            }
            return;
        }
        let value = self.expression(value);
        for target in targets {
            self.assign_to(target, value);
        }
    }

    fn import(&mut self, alias: &ast::Alias) {
        let full = alias.name.as_str();
        let (bound, module) = match &alias.asname {
            Some(name) => (name.as_str(), full),
            None => {
                let first = full.split('.').next().unwrap_or(full);
                (first, first)
            }
        };
        let module = self.symbol(module);
        self.note_import(bound, module);
        let value = self.push(Lowered::Import { module, name: None });
        self.bind(bound, value);
    }

    fn note_import(&mut self, bound: &str, target: Symbol) {
        if self.frames.len() == 1 && self.class().is_none() {
            let bound = self.symbol(bound);
            self.world.modules[self.module.at()].imports.push((bound, target));
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        let named = import.module.as_ref().map_or("", |module| module.as_str());
        let Some(module) = self.absolute(import.level, named) else { return };
        let symbol = self.symbol(&module);
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.world.modules[self.module.at()].stars.push(symbol);
                continue;
            }
            let name = self.symbol(alias.name.as_str());
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let full = self.symbol(&format!("{module}.{}", alias.name));
            self.note_import(bound, full);
            let value = self.push(Lowered::Import { module: symbol, name: Some(name) });
            self.bind(bound, value);
        }
    }

    /// The module that a relative import names.
    fn absolute(&self, level: u32, named: &str) -> Option<String> {
        if level == 0 {
            return Some(named.to_owned());
        }
        let own = self.world.symbols.text(self.world.modules[self.module.at()].name);
        let mut parts: Vec<&str> = own.split('.').collect();
        let up = if self.is_package { level - 1 } else { level };
        for _ in 0..up {
            parts.pop()?;
        }
        if !named.is_empty() {
            parts.push(named);
        }
        Some(parts.join("."))
    }

    fn definition(&mut self, one: &ast::StmtFunctionDef) {
        let mut kind = match self.class() {
            Some(_) => Kind::Method,
            None => Kind::Function,
        };
        let mut others = Vec::new();
        for decorator in &one.decorator_list {
            match last_name(&decorator.expression) {
                Some("overload" | "setter" | "deleter") => return,
                Some("staticmethod") => kind = Kind::StaticMethod,
                Some("classmethod" | "abstractclassmethod") => kind = Kind::ClassMethod,
                Some("property" | "cached_property" | "getter" | "abstractproperty") => {
                    kind = Kind::Property;
                }
                _ => others.push(self.expression(&decorator.expression)),
            }
        }
        let name = one.name.as_str();
        if self.class().is_some()
            && matches!(name, "__new__" | "__init_subclass__" | "__class_getitem__")
        {
            kind = Kind::ClassMethod;
        }
        let path = self.path(name);
        let id = self.open(path, kind, &one.parameters, Names::of(&one.body));
        self.suite(&one.body);
        self.frames.pop();
        self.world.functions[id.at()].decorators = others;
        if let Some(class) = self.class() {
            let name = self.symbol(name);
            self.world.classes[class.at()].methods.push((name, id));
        }
        let value = self.push(Lowered::Function(id));
        self.bind(name, value);
    }

    pub(super) fn lambda(&mut self, lambda: &ast::ExprLambda) -> FunctionId {
        let path = self.path("<lambda>");
        let names = Names::of_expression(&lambda.body);
        let none = ast::Parameters::default();
        let parameters = lambda.parameters.as_deref().unwrap_or(&none);
        let id = self.open(path, Kind::Function, parameters, names);
        let value = self.expression(&lambda.body);
        self.function().returns.push(value);
        self.frames.pop();
        id
    }

    /// Opens a function: from here on expressions go into it.
    fn open(
        &mut self,
        path: Symbol,
        kind: Kind,
        parameters: &ast::Parameters,
        names: Names,
    ) -> FunctionId {
        let lowered = self.parameters(parameters);
        let mut function = blank(path, self.module, kind);
        function.class = self.class();
        function.parent = Some(self.current());
        let mut slots: HashMap<Symbol, Slot> = HashMap::new();
        for parameter in &lowered {
            slots.insert(parameter.name, Slot::from(function.slots));
            function.slots += 1;
        }
        for name in &names.bound {
            let symbol = self.symbol(name);
            slots.entry(symbol).or_insert_with(|| {
                function.slots += 1;
                Slot::from(function.slots - 1)
            });
        }
        function.parameters = lowered;
        let id = FunctionId::from(self.world.functions.len());
        self.world.functions.push(function);
        let globals = symbols(&names.globals, &mut self.world.symbols);
        let outer = symbols(&names.outer, &mut self.world.symbols);
        self.frames.push(Frame { function: id, slots, globals, outer, class: None });
        id
    }

    fn parameters(&mut self, parameters: &ast::Parameters) -> Vec<Parameter> {
        let mut lowered = Vec::new();
        for one in &parameters.posonlyargs {
            lowered.push(self.parameter(one, ParameterKind::PositionalOnly));
        }
        for one in &parameters.args {
            lowered.push(self.parameter(one, ParameterKind::Ordinary));
        }
        if let Some(one) = &parameters.vararg {
            let name = self.symbol(one.name.as_str());
            lowered.push(Parameter { name, kind: ParameterKind::Star, default: None });
        }
        for one in &parameters.kwonlyargs {
            lowered.push(self.parameter(one, ParameterKind::KeywordOnly));
        }
        if let Some(one) = &parameters.kwarg {
            let name = self.symbol(one.name.as_str());
            lowered.push(Parameter { name, kind: ParameterKind::DoubleStar, default: None });
        }
        lowered
    }

    fn parameter(&mut self, one: &ast::ParameterWithDefault, kind: ParameterKind) -> Parameter {
        let default = one.default.as_deref().map(|default| self.expression(default));
        let name = self.symbol(one.parameter.name.as_str());
        Parameter { name, kind, default }
    }

    fn class_definition(&mut self, one: &ast::StmtClassDef) {
        let name = one.name.as_str();
        let path = self.path(name);
        let (mut bases, mut metaclass) = (Vec::new(), None);
        if let Some(arguments) = &one.arguments {
            bases = arguments.args.iter().map(|base| self.expression(base)).collect();
            for keyword in &arguments.keywords {
                if keyword.arg.as_ref().is_some_and(|name| name.as_str() == "metaclass") {
                    metaclass = Some(self.expression(&keyword.value));
                }
            }
        }
        let is_dataclass = one.decorator_list.iter().any(|decorator| {
            matches!(last_name(&decorator.expression), Some("dataclass" | "define" | "attrs"))
        });
        let id = ClassId::from(self.world.classes.len());
        let module = self.module;
        let methods = Vec::new();
        let class = Class { path, module, bases, metaclass, methods, is_dataclass };
        self.world.classes.push(class);
        let names = Names::of(&one.body);
        let bound = symbols(&names.bound, &mut self.world.symbols);
        let outer = self.frame().class.replace(ClassScope { id, bound });
        self.suite(&one.body);
        self.frame().class = outer;
        let value = self.push(Lowered::Class(id));
        self.bind(name, value);
    }
}

/// The last name of a decorator: `property`, `functools.cached_property`, `dataclass(frozen=True)`.
fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        Expr::Call(call) => last_name(&call.func),
        _ => None,
    }
}
