//! Attributes: of modules, classes, instances and inputs.

use super::Evaluation;
use crate::engine::{Cell, Key};
use crate::ir::{ClassId, Expr, ExprId, Kind, ModuleId};
use crate::symbol::Symbol;
use crate::value::{Flow, Object, Source, Value};
use std::rc::Rc;

/// Longer dotted names are not followed.
const MAX_DOTTED: usize = 90;

impl Evaluation<'_, '_> {
    pub(super) fn attribute(&mut self, of: ExprId, name: Symbol) -> Value {
        if matches!(self.function.exprs.get(of.at()), Some(Expr::Super)) {
            return self.super_attribute(name);
        }
        let of = self.value(of).clone();
        self.attribute_of(&of, name, true)
    }

    /// An attribute of a value; reading a property runs it when `runs`.
    pub(super) fn attribute_of(&mut self, of: &Value, name: Symbol, runs: bool) -> Value {
        if &*self.engine.world.text(name) == "__dict__" {
            return of.clone();
        }
        let mut value = Value::flow(of.flow.field(name));
        let mut is_method = false;
        for object in &of.objects {
            match *object {
                Object::Module(module) => {
                    let member = self.member(module, name);
                    value.join_objects(&member.objects);
                }
                Object::Class(class) => {
                    let found = self.class_attribute(class, name, None, of, runs);
                    value.join(&found);
                }
                Object::Instance(class) => {
                    let found = self.class_attribute(class, name, Some(class), of, runs);
                    is_method |= found.objects.iter().any(is_code);
                    value.join(&found);
                }
                Object::External(dotted) | Object::ExternalResult(dotted)
                    if self.engine.world.text(dotted).len() < MAX_DOTTED =>
                {
                    value.add(Object::External(self.engine.join(dotted, name)));
                }
                _ => {}
            }
        }
        // What this function wrote there itself, then what was there before.
        for source in of.flow.iter().filter(|source| source.field.is_none()) {
            for field in [Some(name), None] {
                let written = Source { input: source.input, field };
                if let Some(written) = self.fields.get(&written) {
                    value.join(written);
                }
            }
        }
        if !is_method {
            for object in &of.objects {
                if let Object::Input(source) = object {
                    let field = source.field.or(Some(name));
                    value.add(Object::Input(Source { input: source.input, field }));
                }
            }
        }
        value
    }

    /// What flows into an attribute of something, without what it can be.
    pub(super) fn flow_of_attribute(&self, of: &Flow, name: Symbol) -> Flow {
        if Some(name) == self.engine.world.symbols.find("__dict__") {
            return of.clone();
        }
        let mut flow = of.field(name);
        for source in of.iter().filter(|source| source.field.is_none()) {
            for field in [Some(name), None] {
                if let Some(written) = self.fields.get(&Source { input: source.input, field }) {
                    flow.join(&written.flow);
                }
            }
        }
        flow
    }

    /// A member of a module: a name it binds, a module in it, or what its C half has.
    pub(super) fn member(&mut self, module: ModuleId, name: Symbol) -> Value {
        let owner = self.engine.world.module(module).name;
        let dotted = self.engine.join(owner, name);
        let value = self.engine.global(module, name, self.key);
        let defined = value.as_ref().is_some_and(|value| {
            value.objects.iter().any(|one| matches!(one, Object::Function(_) | Object::Class(_)))
        });
        if !defined && self.engine.boundary(dotted).is_some() {
            return Value::object(Object::External(dotted));
        }
        let mut value = value.unwrap_or_else(|| match self.engine.world.find(dotted) {
            Some(_) => Value::default(),
            None => Value::object(Object::External(dotted)),
        });
        if value.objects.is_empty()
            && let Some(inner) = self.engine.world.find(dotted)
        {
            value.add(Object::Module(inner));
        }
        value
    }

    /// An attribute of a class, or of an instance of it.
    pub(super) fn class_attribute(
        &mut self,
        class: ClassId,
        name: Symbol,
        instance: Option<ClassId>,
        of: &Value,
        runs: bool,
    ) -> Value {
        let order = self.engine.order(class);
        self.look_up(&order, name, class, instance, of, runs)
    }

    /// Looks for an attribute in classes, in order.
    fn look_up(
        &mut self,
        order: &[Object],
        name: Symbol,
        class: ClassId,
        instance: Option<ClassId>,
        of: &Value,
        runs: bool,
    ) -> Value {
        let mut value = Value::default();
        for owner in order {
            match *owner {
                Object::Class(owner) => {
                    let found = self.engine.read(Cell::Name(owner, name), self.key);
                    if found.objects.is_empty() {
                        continue;
                    }
                    let mut defined = false;
                    for object in &found.objects {
                        defined |= is_code(object);
                        let bound = self.bind(*object, class, instance, of, runs);
                        value.join(&bound);
                    }
                    if defined {
                        return value;
                    }
                }
                Object::External(dotted) => {
                    let external = self.engine.join(dotted, name);
                    if value.objects.is_empty() && self.engine.known(external).is_some() {
                        value.add(Object::External(external));
                        return value;
                    }
                }
                _ => {}
            }
        }
        value
    }

    /// A function found in a class becomes a method.
    fn bind(
        &mut self,
        object: Object,
        class: ClassId,
        instance: Option<ClassId>,
        of: &Value,
        runs: bool,
    ) -> Value {
        let Object::Function(id) = object else { return Value::object(object) };
        let function = Rc::clone(self.engine.function(id));
        match (function.kind, instance) {
            (Kind::Property, Some(class)) if runs => {
                let key = Key { function: id, class: Some(class) };
                let arguments = super::Arguments::of(vec![of.clone()]);
                self.call_function(key, &arguments)
            }
            (Kind::Property, _) => Value::default(),
            (Kind::ClassMethod, _) | (Kind::Method, Some(_)) => {
                Value::object(Object::Bound(id, class))
            }
            _ => Value::object(object),
        }
    }

    /// `super().name`: what stands behind the class of this method.
    fn super_attribute(&mut self, name: Symbol) -> Value {
        let Some(own) = self.function.class.or(self.key.class) else { return Value::default() };
        let class = self.key.class.unwrap_or(own);
        let order = self.engine.order(class);
        let behind = order.iter().position(|one| *one == Object::Class(own)).map_or(0, |at| at + 1);
        let receiver = self.slots.first().cloned().unwrap_or_default();
        let rest: Vec<Object> = order.iter().skip(behind).copied().collect();
        let instance = (self.function.kind != Kind::ClassMethod).then_some(class);
        let mut value = self.look_up(&rest, name, class, instance, &receiver, true);
        value.flow.join(&receiver.flow.field(name));
        value
    }

    /// Notes that an attribute of an object gets a value; of any name when `name` is not known.
    pub(super) fn set_attribute(&mut self, of: &Value, name: Option<Symbol>, value: &Value) {
        for source in of.flow.iter() {
            let field = source.field.or(name);
            let place = self.fields.entry(Source { input: source.input, field }).or_default();
            let mut kept = value.clone();
            // An attribute that is computed from itself does not become another input.
            kept.objects.retain(|one| *one != Object::Input(Source { input: source.input, field }));
            self.grew |= place.join(&kept);
        }
        let Some(name) = name else { return };
        for object in &of.objects {
            if let Object::Instance(class) | Object::Class(class) = object {
                self.engine.write(Cell::Name(*class, name), &value.objects);
            }
        }
    }
}

/// Whether an object is code of a class or module.
fn is_code(object: &Object) -> bool {
    matches!(object, Object::Function(_) | Object::Bound(..) | Object::Class(_))
}
