//! [`lower`]: a source file into functions, classes and a module of the [`World`].
//!
//! Scopes are resolved here ([`scope`]), statements in [`statement`], expressions in [`expression`].

mod expression;
mod scope;
mod statement;

use crate::ir::{
    ClassId, Expr, ExprId, Function, FunctionId, Kind, Module, ModuleId, Slot, Target,
};
use crate::symbol::Symbol;
use crate::world::World;
use scope::Frame;

/// How deep expressions and statements are followed; CPython itself refuses source beyond that.
const MAX_DEPTH: u32 = 1000;

/// Reads the source of the module `name` into the world; `false` when it is not Python.
pub(crate) fn lower(world: &mut World, name: &str, is_package: bool, source: &str) -> bool {
    let Some(parsed) = wb_code::python::parse(source) else { return false };
    let id = ModuleId::from(world.modules.len());
    let body = FunctionId::from(world.functions.len());
    let symbol = world.symbols.of(name);
    let path = world.symbols.of("<module>");
    world.functions.push(blank(path, id, Kind::Module));
    let (stars, imports) = (Vec::new(), Vec::new());
    world.modules.push(Module { name: symbol, body, stars, imports });
    world.by_name.insert(symbol, id);
    let mut lowerer =
        Lowerer { world, module: id, is_package, frames: Vec::new(), depth: MAX_DEPTH };
    lowerer.frames.push(Frame::module(body));
    lowerer.suite(parsed.suite());
    true
}

fn blank(path: Symbol, module: ModuleId, kind: Kind) -> Function {
    Function {
        path,
        module,
        class: None,
        parent: None,
        kind,
        parameters: Vec::new(),
        captured: Vec::new(),
        slots: 0,
        exprs: Vec::new(),
        assigns: Vec::new(),
        returns: Vec::new(),
        decorators: Vec::new(),
    }
}

/// Lowers one module.
struct Lowerer<'w> {
    world: &'w mut World,
    module: ModuleId,
    is_package: bool,
    /// The functions that are open, the module body first.
    frames: Vec<Frame>,
    depth: u32,
}

impl Lowerer<'_> {
    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the frame of the module body is never taken off")
    }

    fn current(&self) -> FunctionId {
        self.frames.last().map_or(FunctionId(0), |frame| frame.function)
    }

    fn function(&mut self) -> &mut Function {
        let at = self.current().at();
        &mut self.world.functions[at]
    }

    fn push(&mut self, expr: Expr) -> ExprId {
        let exprs = &mut self.function().exprs;
        exprs.push(expr);
        ExprId::from(exprs.len() - 1)
    }

    fn symbol(&mut self, text: &str) -> Symbol {
        self.world.symbols.of(text)
    }

    fn assign(&mut self, target: Target, value: ExprId) {
        let function = self.function();
        let at = function.exprs.len();
        function.assigns.push((at, target, value));
    }

    /// Gives a name a value in the scope that is open.
    fn bind(&mut self, name: &str, value: ExprId) {
        let symbol = self.symbol(name);
        let target = self.target_of(symbol);
        self.assign(target, value);
    }

    fn target_of(&mut self, symbol: Symbol) -> Target {
        let frame = self.frame();
        if let Some(class) = &frame.class {
            return Target::ClassName(class.id, symbol);
        }
        match frame.slots.get(&symbol) {
            Some(slot) => Target::Local(*slot),
            None if frame.outer.contains(&symbol) => match self.capture(symbol) {
                Some(slot) => Target::Local(slot),
                None => Target::Global(symbol),
            },
            None => Target::Global(symbol),
        }
    }

    /// What a name stands for where it is read.
    fn load(&mut self, name: &str) -> Expr {
        let symbol = self.symbol(name);
        let frame = self.frame();
        if let Some(class) = frame.class.as_ref().filter(|class| class.bound.contains(&symbol)) {
            return Expr::ClassName(class.id, symbol);
        }
        if let Some(slot) = frame.slots.get(&symbol) {
            return Expr::Local(*slot);
        }
        if frame.globals.contains(&symbol) {
            return Expr::Global(symbol);
        }
        self.capture(symbol).map_or(Expr::Global(symbol), Expr::Local)
    }

    /// The slot of a variable of an enclosing function, captured on the way from there to here.
    fn capture(&mut self, symbol: Symbol) -> Option<Slot> {
        let found = (0..self.frames.len().checked_sub(1)?)
            .rev()
            .find(|at| self.frames[*at].slots.contains_key(&symbol))?;
        for at in found + 1..self.frames.len() {
            let outer = self.frames[at - 1].slots[&symbol];
            let inner = self.new_slot(at);
            let function = self.frames[at].function.at();
            self.world.functions[function].captured.push((inner, outer));
            self.frames[at].slots.insert(symbol, inner);
        }
        self.frame().slots.get(&symbol).copied()
    }

    fn new_slot(&mut self, frame: usize) -> Slot {
        let at = self.frames[frame].function.at();
        let function = &mut self.world.functions[at];
        let slot = Slot::from(function.slots);
        function.slots += 1;
        slot
    }

    /// The dotted path of something called `name` in the scope that is open.
    fn path(&mut self, name: &str) -> Symbol {
        let owner = match &self.frame().class {
            Some(class) => {
                let id = class.id;
                Some(self.world.classes[id.at()].path)
            }
            None => {
                let function = &self.world.functions[self.current().at()];
                (function.kind != Kind::Module).then_some(function.path)
            }
        };
        let inside = self.frame().class.is_none();
        let text = match owner {
            Some(owner) if inside => format!("{}.<locals>.{name}", self.world.symbols.text(owner)),
            Some(owner) => format!("{}.{name}", self.world.symbols.text(owner)),
            None => name.to_owned(),
        };
        self.symbol(&text)
    }

    fn class(&self) -> Option<ClassId> {
        self.frames.last().and_then(|frame| frame.class.as_ref()).map(|class| class.id)
    }
}
