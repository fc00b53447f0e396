//! [`World`]: the modules of one package, and what their names stand for.

use crate::ir::{Class, ClassId, Function, Module, ModuleId};
use crate::symbol::{Symbol, Symbols};
use std::collections::HashMap;
use std::rc::Rc;

/// Everything that was read of one package.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub symbols: Symbols,
    pub modules: Vec<Module>,
    pub functions: Vec<Function>,
    pub classes: Vec<Class>,
    pub by_name: HashMap<Symbol, ModuleId>,
}

impl World {
    pub(crate) fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.at()]
    }

    pub(crate) fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.at()]
    }

    /// The module called `name`.
    pub(crate) fn find(&self, name: Symbol) -> Option<ModuleId> {
        self.by_name.get(&name).copied()
    }

    /// `package.module.Class`.
    pub(crate) fn class_name(&self, id: ClassId) -> String {
        let class = self.class(id);
        self.dotted(class.module, class.path)
    }

    fn dotted(&self, module: ModuleId, path: Symbol) -> String {
        let module = self.symbols.text(self.module(module).name);
        format!("{module}.{}", self.symbols.text(path))
    }

    /// The text of a symbol.
    pub(crate) fn text(&self, symbol: Symbol) -> Rc<str> {
        self.symbols.text(symbol)
    }
}
