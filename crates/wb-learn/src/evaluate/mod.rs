//! [`Evaluation`]: one reading of one function.
//!
//! Expressions stand in the order in which they are computed, so one pass over them computes all; passes are
//! repeated until no local variable grows. Attributes are in [`attribute`], calls in [`call`], what is
//! outside the world in [`external`], what is not known in [`unresolved`].

mod attribute;
mod call;
mod external;
mod plain;
mod unresolved;

use crate::engine::{Cell, Engine, Key};
use crate::ir::{ClassId, Expr, ExprId, Function, FunctionId, Kind, Slot, Target};
use crate::summary::{DeedKey, Summary};
use crate::symbol::Symbol;
use crate::value::{Flow, Object, Objects, Source, Value};
use call::Arguments;
use std::collections::BTreeMap;
use std::rc::Rc;
use wb_core::Capability;

/// How often the expressions of one function are computed.
const MAX_PASSES: u32 = 6;

/// One reading of one function.
pub(crate) struct Evaluation<'e, 'k> {
    engine: &'e mut Engine<'k>,
    key: Key,
    function: Rc<Function>,
    values: Vec<Value>,
    slots: Vec<Value>,
    /// What this function, or what it calls, writes into attributes of its inputs.
    fields: BTreeMap<Source, Value>,
    summary: Summary,
    grew: bool,
    /// How deep calls of what is handed on are followed.
    depth: u32,
    /// Calls of what is handed on, in this pass, with how deep they were.
    handed: BTreeMap<(Value, Flow), u32>,
}

impl<'e, 'k> Evaluation<'e, 'k> {
    pub(crate) fn new(engine: &'e mut Engine<'k>, key: Key) -> Self {
        let function = Rc::clone(engine.function(key.function));
        let slots = function.slots;
        Self {
            values: vec![Value::default(); function.exprs.len()],
            slots: vec![Value::default(); slots],
            engine,
            key,
            function,
            fields: BTreeMap::new(),
            summary: Summary::default(),
            grew: false,
            depth: 0,
            handed: BTreeMap::new(),
        }
    }

    /// Reads the function.
    pub(crate) fn run(mut self) -> Summary {
        self.inputs();
        for _ in 0..MAX_PASSES {
            self.grew = false;
            self.summary.open = None;
            self.handed.clear();
            self.pass();
            if !self.grew {
                break;
            }
        }
        let function = Rc::clone(&self.function);
        for value in &function.returns {
            let value = self.value(*value).clone();
            self.summary.returns.join(&value);
        }
        let fields = std::mem::take(&mut self.fields);
        for (source, value) in &fields {
            self.summary.write(source.input, source.field, &value.flow);
        }
        self.summary
    }

    /// Gives parameters and captured variables what is known of them from outside.
    fn inputs(&mut self) {
        let function = Rc::clone(&self.function);
        for at in 0..function.parameters.len() {
            let input = u32::try_from(at).unwrap_or(u32::MAX);
            let mut value = self.input(input);
            let default = self.engine.read(Cell::Default(self.key.function, at), self.key);
            value.join_objects(&default.objects);
            if at == 0 {
                value.join_objects(&self.receiver(&function));
            }
            self.slots[at] = value;
        }
        let parent = function.parent.map(|parent| Rc::clone(self.engine.function(parent)));
        for (at, (slot, outer)) in function.captured.iter().enumerate() {
            let input = u32::try_from(function.parameters.len() + at).unwrap_or(u32::MAX);
            let mut value = self.input(input);
            if let Some(parent) = parent.as_ref().filter(|_| *outer == Slot(0)) {
                value.join_objects(&self.receiver(parent));
            }
            self.slots[slot.at()] = value;
        }
    }

    fn input(&self, input: u32) -> Value {
        let mut value = Value::flow(Flow::of(input));
        value.add(Object::Input(Source { input, field: None }));
        value
    }

    /// What the first parameter of a method is.
    fn receiver(&self, function: &Function) -> Objects {
        let class = self.key.class.or(function.class);
        let object = match (function.kind, class) {
            (Kind::Method | Kind::Property, Some(class)) => Some(Object::Instance(class)),
            (Kind::ClassMethod, Some(class)) => Some(Object::Class(class)),
            _ => None,
        };
        object.into_iter().collect()
    }

    /// Whether `input` is the object or class whose method this is.
    fn is_receiver(&self, input: u32) -> bool {
        let is = |function: &Function| {
            matches!(function.kind, Kind::Method | Kind::Property | Kind::ClassMethod)
        };
        if input == 0 {
            return is(&self.function);
        }
        let captured = usize::try_from(input).ok();
        let captured = captured.and_then(|at| at.checked_sub(self.function.parameters.len()));
        let outer = captured.and_then(|at| self.function.captured.get(at)).map(|(_, outer)| *outer);
        let parent = self.function.parent.map(|parent| self.engine.function(parent));
        outer == Some(Slot(0)) && parent.is_some_and(|parent| is(parent))
    }

    fn value(&self, id: ExprId) -> &Value {
        const EMPTY: &Value = &Value { flow: Flow::empty(), objects: Objects::new() };
        self.values.get(id.at()).unwrap_or(EMPTY)
    }

    fn pass(&mut self) {
        let function = Rc::clone(&self.function);
        let mut assigns = function.assigns.iter().peekable();
        for at in 0..=function.exprs.len() {
            while let Some((_, target, value)) = assigns.next_if(|(before, _, _)| *before <= at) {
                let value = self.value(*value).clone();
                self.assign(*target, value);
            }
            if let Some(expr) = function.exprs.get(at) {
                let value = self.compute(expr);
                self.values[at] = value;
            }
        }
    }

    fn compute(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Constant | Expr::Text(_) | Expr::Super => Value::default(),
            Expr::Local(slot) => self.slots.get(slot.at()).cloned().unwrap_or_default(),
            Expr::Global(name) => self.name(*name),
            Expr::ClassName(class, name) => {
                let value = self.engine.read(Cell::Name(*class, *name), self.key);
                if value.is_empty() { self.name(*name) } else { value }
            }
            Expr::Attribute(of, name) => self.attribute(*of, *name),
            Expr::Item(of, key) => self.item(*of, *key),
            Expr::Call(callee, arguments) => self.call(*callee, arguments),
            Expr::Either(parts) => {
                let mut value = Value::default();
                for part in parts {
                    value.join(self.value(*part));
                }
                value
            }
            Expr::Computed(parts) => {
                let mut value = Value::default();
                for part in parts {
                    let part = self.value(*part);
                    value.flow.join(&part.flow);
                    // `path / name` is a path.
                    let kept = part.objects.iter().copied();
                    kept.filter(|one| matches!(one, Object::ExternalResult(_))).for_each(|one| {
                        value.add(one);
                    });
                }
                value
            }
            Expr::Function(function) => self.define(*function),
            Expr::Class(class) => self.define_class(*class),
            Expr::Import { module, name } => self.import(*module, *name),
        }
    }

    /// A global name, or a built-in one.
    fn name(&mut self, name: Symbol) -> Value {
        if let Some(value) = self.engine.global(self.function.module, name, self.key) {
            return value;
        }
        let builtins = self.engine.world.symbols.of("builtins");
        Value::object(Object::External(self.engine.join(builtins, name)))
    }

    fn import(&mut self, module: Symbol, name: Option<Symbol>) -> Value {
        let Some(id) = self.engine.world.find(module) else {
            let dotted = name.map_or(module, |name| self.engine.join(module, name));
            return Value::object(Object::External(dotted));
        };
        match name {
            None => Value::object(Object::Module(id)),
            Some(name) => self.member(id, name),
        }
    }

    fn item(&mut self, of: ExprId, key: ExprId) -> Value {
        let mut value = self.value(of).clone();
        let key = self.value(key).clone();
        let objects: Vec<Object> = value.objects.iter().copied().collect();
        for object in objects {
            if let Object::External(dotted) = object {
                let name = self.engine.world.symbols.of("__getitem__");
                let method = self.engine.join(dotted, name);
                if self.engine.known(method).is_some() {
                    let arguments = Arguments::of(vec![key.clone()]);
                    self.external(method, &Value::default(), &arguments);
                }
                if &*self.engine.world.text(dotted) == "sys.modules" && !key.flow.is_empty() {
                    value.add(Object::Resolved);
                }
            }
        }
        value.flow.join(&key.flow);
        value
    }

    fn define(&mut self, id: FunctionId) -> Value {
        let defined = Rc::clone(self.engine.function(id));
        for (at, parameter) in defined.parameters.iter().enumerate() {
            if let Some(default) = parameter.default {
                let objects = self.value(default).objects.clone();
                self.engine.write(Cell::Default(id, at), &objects);
            }
        }
        let mut value = Value::object(Object::Function(id));
        for decorator in &defined.decorators {
            let decorator = self.value(*decorator).clone();
            let arguments = Arguments::of(vec![Value::object(Object::Function(id))]);
            let wrapped = self.invoke(&decorator, None, &arguments);
            let kept = wrapped.objects.iter().copied();
            let mut wrappers = Vec::new();
            for object in kept {
                if let Object::Function(wrapper) = object {
                    wrappers.push(wrapper);
                    value.add(object);
                }
            }
            self.engine.wrap(id, &wrappers);
        }
        value
    }

    fn define_class(&mut self, id: ClassId) -> Value {
        let class = self.engine.world.class(id).clone();
        let mut bases = Vec::new();
        for base in &class.bases {
            let objects = self.value(*base).objects.clone();
            bases.extend(
                objects.iter().filter(|one| matches!(one, Object::Class(_) | Object::External(_))),
            );
        }
        bases.truncate(16);
        self.engine.set_bases(id, bases);
        if let Some(metaclass) = class.metaclass {
            let objects = self.value(metaclass).objects.clone();
            self.engine.write(Cell::Metaclass(id), &objects);
        }
        Value::object(Object::Class(id))
    }

    fn assign(&mut self, target: Target, value: Value) {
        match target {
            Target::Local(slot) => {
                if let Some(place) = self.slots.get_mut(slot.at()) {
                    self.grew |= place.join(&value);
                }
            }
            Target::Global(name) => {
                self.engine.write(Cell::Global(self.function.module, name), &value.objects);
            }
            Target::ClassName(class, name) => {
                self.engine.write(Cell::Name(class, name), &value.objects);
            }
            Target::Attribute(of, name) => {
                let of = self.value(of).clone();
                self.set_attribute(&of, Some(name), &value);
                self.absorb_local(of_id(target), &value);
            }
            Target::Item(of) => self.absorb_into(of, &value),
        }
    }

    /// Notes that an expression's object holds a value from now on: a list it is put into, an object it is
    /// an attribute of.
    fn absorb_into(&mut self, id: ExprId, value: &Value) {
        match self.function.exprs.get(id.at()).cloned() {
            Some(Expr::Local(slot)) => {
                let is_input = self.is_input(slot);
                if let Some(place) = self.slots.get_mut(slot.at()).filter(|_| !is_input) {
                    self.grew |= place.join(value);
                }
            }
            Some(Expr::Attribute(of, name)) => {
                let of = self.value(of).clone();
                self.set_attribute(&of, Some(name), value);
            }
            Some(Expr::Global(name)) if self.engine.is_bound(self.function.module, name) => {
                self.engine.write(Cell::Global(self.function.module, name), &value.objects);
            }
            Some(Expr::ClassName(class, name)) => {
                self.engine.write(Cell::Name(class, name), &value.objects);
            }
            _ => {}
        }
    }

    /// The same for an attribute of a local object, which is told from its fields only when it is an input.
    fn absorb_local(&mut self, id: ExprId, value: &Value) {
        if matches!(self.function.exprs.get(id.at()), Some(Expr::Local(_))) {
            let flow = Value::flow(value.flow.clone());
            self.absorb_into(id, &flow);
        }
    }

    fn is_input(&self, slot: Slot) -> bool {
        slot.at() < self.function.parameters.len()
            || self.function.captured.iter().any(|(inner, _)| *inner == slot)
    }

    /// Notes that what this function calls here is not known.
    fn open(&mut self, callee: Symbol) {
        self.summary.open.get_or_insert(callee);
    }

    /// Notes a deed of this function.
    fn deed(&mut self, capability: Capability, flow: &Flow, through: Symbol) {
        let controlled = !flow.is_empty();
        let key = DeedKey { capability, controlled, called: None };
        self.summary.add(key, flow, through, &Flow::default());
    }
}

/// The expression whose attribute is assigned.
fn of_id(target: Target) -> ExprId {
    match target {
        Target::Attribute(of, _) | Target::Item(of) => of,
        _ => ExprId(u32::MAX),
    }
}
