//! Calls of what is not known, and what calls leave behind in objects.

use super::call::Arguments;
use super::{Evaluation, plain};
use crate::engine::Key;
use crate::ir::{Expr, ExprId};
use crate::symbol::Symbol;
use crate::value::{Object, Value};
use wb_core::Capability;

impl Evaluation<'_, '_> {
    /// Whether a call is one of a method, as collections have it, of `self.__dict__` or of an attribute of
    /// something that was given: `self.parts.append(x)`.
    pub(super) fn is_of_collection(
        &self,
        owner: ExprId,
        of: &Value,
        name: Symbol,
        callee: &Value,
    ) -> bool {
        if !plain::is_method(&self.engine.world.text(name)) {
            return false;
        }
        let is_field =
            |one: &Object| matches!(one, Object::Input(source) if source.field.is_some());
        let only_fields =
            |value: &Value| !value.objects.is_empty() && value.objects.iter().all(is_field);
        self.is_namespace(owner) || (only_fields(of) && only_fields(callee))
    }

    /// Whether an expression is the `__dict__` of something.
    fn is_namespace(&self, id: ExprId) -> bool {
        let dict = self.engine.world.symbols.find("__dict__");
        matches!(self.function.exprs.get(id.at()), Some(Expr::Attribute(_, name)) if Some(*name) == dict)
    }

    /// Calls a method of a collection: it holds what it is given, and hands out what it holds.
    pub(super) fn call_collection(
        &mut self,
        owner: ExprId,
        of: &Value,
        arguments: &Arguments,
    ) -> Value {
        let mut given = Value::default();
        arguments.all().for_each(|one| {
            given.join(one);
        });
        if !given.is_empty() {
            match self.is_namespace(owner) {
                true => self.set_attribute(of, None, &given),
                false => self.absorb_into(owner, &given),
            }
        }
        self.hand_on(arguments);
        let mut result = Value::flow(arguments.flow());
        result.flow.join(&of.flow);
        result
    }

    /// Whether a method keeps something of what it is given in its object.
    pub(super) fn keeps(&mut self, callee: &Value) -> bool {
        callee.objects.iter().any(|object| match *object {
            Object::Bound(function, class) => {
                let key = Key { function, class: Some(class) };
                let summary = self.engine.summary(key, Some(self.key));
                summary.writes.keys().any(|source| source.input == 0)
            }
            _ => false,
        })
    }

    /// Notes a call of something of which nothing is known. Calls of inputs are deeds; methods of what was
    /// given belong to its class, and nothing is known of those but what built-in types have.
    pub(super) fn note_unresolved(&mut self, callee: ExprId, value: &Value) {
        let name = match self.function.exprs.get(callee.at()) {
            Some(Expr::Attribute(of, name)) => Some((*of, *name)),
            _ => None,
        };
        let mut known = value.objects.iter().filter(|one| !matches!(one, Object::Input(_)));
        if known.next().is_some() {
            if value.objects.is_full() {
                let many = self.engine.world.symbols.of("(many)");
                self.open(name.map_or(many, |(_, name)| name));
            }
            return;
        }
        let Some((of, name)) = name else {
            if value.objects.is_empty() {
                let computed = self.engine.world.symbols.of("(computed)");
                self.open(computed);
            }
            return;
        };
        let is_super = matches!(self.function.exprs.get(of.at()), Some(Expr::Super));
        let of_receiver = value.objects.iter().any(|one| match one {
            Object::Input(source) => self.is_receiver(source.input) && source.field.is_some(),
            _ => false,
        });
        let resolved = match is_super {
            true => self.nothing_inherited(name),
            false => of_receiver || plain::is_method(&self.engine.world.text(name)),
        };
        if !resolved {
            self.open(name);
        }
    }

    /// Whether all that a class inherits from is known, so that a method found nowhere is that of `object`.
    fn nothing_inherited(&mut self, name: Symbol) -> bool {
        let text = self.engine.world.text(name);
        if !(text.starts_with("__") || plain::is_method(&text)) {
            return false;
        }
        let Some(class) = self.key.class.or(self.function.class) else { return false };
        let order = self.engine.order(class);
        order.iter().all(|one| match one {
            Object::External(base) => {
                self.engine.known(*base).is_some_and(|known| known.capability == Capability::Inert)
            }
            _ => true,
        })
    }
}
