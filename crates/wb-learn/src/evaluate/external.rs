//! Calls of what is outside the world: primitives, and what nothing is known of.

use super::call::{Arguments, Place};
use super::{Evaluation, plain};
use crate::known::Primitive;
use crate::symbol::Symbol;
use crate::value::{Flow, Object, Value};
use std::rc::Rc;
use wb_core::Capability;

/// Built-in functions whose result carries nothing of what they are given: numbers and truth values name no
/// command, file or host.
const MEASURES: [&str; 13] = [
    "builtins.len",
    "builtins.isinstance",
    "builtins.issubclass",
    "builtins.hasattr",
    "builtins.callable",
    "builtins.id",
    "builtins.hash",
    "builtins.bool",
    "builtins.int",
    "builtins.float",
    "builtins.all",
    "builtins.any",
    "builtins.complex",
];

/// What opens files for reading or, with a mode, for writing.
const OPENERS: [&str; 6] =
    ["builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"];

/// What returns what it is given, or a collection or wrapper of it, and calls nothing.
const PASSING: [&str; 24] = [
    "builtins.vars",
    "builtins.iter",
    "builtins.next",
    "builtins.enumerate",
    "builtins.list",
    "builtins.tuple",
    "builtins.reversed",
    "builtins.zip",
    "builtins.dict",
    "builtins.set",
    "builtins.frozenset",
    "builtins.staticmethod",
    "builtins.classmethod",
    "copy.copy",
    "copy.deepcopy",
    "typing.cast",
    "functools.wraps",
    "functools.update_wrapper",
    "functools.lru_cache",
    "functools.cache",
    "functools.singledispatch",
    "functools.cached_property",
    "functools.cmp_to_key",
    "contextlib.contextmanager",
];

impl Evaluation<'_, '_> {
    /// Calls something by its dotted name, with the object whose method it is.
    pub(super) fn external(
        &mut self,
        dotted: Symbol,
        receiver: &Value,
        arguments: &Arguments,
    ) -> Value {
        let known = match self.engine.known(dotted) {
            Some(known) => Some(known),
            None => self.engine.boundary(dotted),
        };
        let canonical = known.as_ref().map(|known| known.canonical.clone());
        let canonical = canonical.unwrap_or_else(|| self.engine.world.text(dotted).to_string());
        if let Some(value) = self.special(&canonical, arguments) {
            return value;
        }
        let mut flow = arguments.flow();
        flow.join(&receiver.flow);
        match known {
            Some(known) => self.primitive(&known, receiver, arguments, &flow),
            None if self.is_plain_method(dotted) => self.hand_on(arguments),
            None => {
                self.open(dotted);
                if !flow.is_empty() {
                    self.deed(Capability::Unknown, &flow, dotted);
                }
                self.hand_on(arguments);
            }
        }
        if MEASURES.contains(&canonical.as_str()) {
            return Value::default();
        }
        let result = self.engine.world.symbols.of(&canonical);
        Value { flow, objects: [Object::ExternalResult(result)].into_iter().collect() }
    }

    /// Whether it is a method, as built-in types have it, of what something harmless returned.
    fn is_plain_method(&mut self, dotted: Symbol) -> bool {
        let text = self.engine.world.text(dotted);
        let Some((owner, name)) = text.rsplit_once('.') else { return false };
        if plain::is_method_of(owner, name) {
            return true;
        }
        if !plain::is_method(name) {
            return false;
        }
        let owner = self.engine.world.symbols.of(owner);
        self.engine.known(owner).is_some_and(|known| known.capability == Capability::Inert)
            || self.is_plain_method(owner)
    }

    fn primitive(
        &mut self,
        known: &Rc<Primitive>,
        receiver: &Value,
        arguments: &Arguments,
        all: &Flow,
    ) {
        let through = self.engine.world.symbols.of(&known.canonical);
        let chosen = self.chosen(known, arguments);
        match known.capability {
            Capability::Inert => {}
            Capability::CallArgument | Capability::Defer => {
                let called = chosen.unwrap_or_default();
                self.call_handed(&called, all);
                for object in called.objects.iter() {
                    if let Object::Input(source) = object {
                        self.call_of(known.capability, *source, &called.flow, all);
                    }
                }
            }
            capability => {
                if capability == Capability::Unknown {
                    self.open(through);
                }
                let capability = self.refined(capability, &known.canonical, arguments);
                let mut flow = match known.argument.is_some() || known.keyword.is_some() {
                    true => chosen.unwrap_or_default().flow,
                    false => all.clone(),
                };
                flow.join(&receiver.flow);
                self.deed(capability, &flow, through);
            }
        }
    }

    /// The argument that matters to a primitive.
    fn chosen(&mut self, known: &Primitive, arguments: &Arguments) -> Option<Value> {
        let keyword = known.keyword.as_deref().map(|name| self.engine.world.symbols.of(name));
        let named = keyword.and_then(|name| arguments.named(name)).cloned();
        let placed = known.argument.and_then(|at| arguments.positional.get(at)).cloned();
        let spread = arguments.star.clone().or_else(|| arguments.double.clone());
        named.or(placed).or(spread)
    }

    /// A capability that depends on how a file is opened.
    fn refined(
        &self,
        capability: Capability,
        canonical: &str,
        arguments: &Arguments,
    ) -> Capability {
        if !OPENERS.contains(&canonical) {
            return capability;
        }
        let mode = self.engine.world.symbols.find("mode");
        let is_mode = |place: &Place| match place {
            Place::At(at) => *at == 1,
            Place::Named(name) => Some(*name) == mode,
        };
        match arguments.texts.iter().find(|(place, _)| is_mode(place)) {
            Some((_, text)) => match self.engine.world.text(*text).contains(['w', 'a', 'x', '+']) {
                true => Capability::WriteFile,
                false => Capability::ReadFile,
            },
            None => Capability::ReadFile,
        }
    }

    /// What is understood better than a capability can say.
    fn special(&mut self, canonical: &str, arguments: &Arguments) -> Option<Value> {
        match canonical {
            "builtins.getattr" => Some(self.get_attribute(arguments)),
            "builtins.setattr" | "builtins.object.__setattr__" => {
                self.set_by_name(arguments);
                Some(Value::default())
            }
            "builtins.globals" | "builtins.locals" | "builtins.dir" | "builtins.super" => {
                Some(Value::default())
            }
            "builtins.iter" if arguments.positional.len() > 1 => None,
            "builtins.type" if arguments.positional.len() == 1 => Some(class_of(arguments)),
            "functools.partial" => {
                let first = arguments.positional.first()?.clone();
                self.call_handed(&first, &arguments.flow());
                Some(Value { flow: arguments.flow(), objects: first.objects })
            }
            "builtins.__import__" | "importlib.import_module" => {
                Some(self.import_by_name(arguments))
            }
            name if PASSING.contains(&name) => {
                let mut value = Value::default();
                arguments.all().for_each(|one| {
                    value.join(one);
                });
                Some(value)
            }
            _ => None,
        }
    }

    fn get_attribute(&mut self, arguments: &Arguments) -> Value {
        let Some(of) = arguments.positional.first().cloned() else { return Value::default() };
        let default = arguments.positional.get(2).cloned().unwrap_or_default();
        let mut value = match arguments.texts.iter().find(|(place, _)| *place == Place::At(1)) {
            Some((_, name)) => self.attribute_of(&of, *name, true),
            None => {
                let name = arguments.positional.get(1).cloned().unwrap_or_default();
                let mut value = Value::flow(name.flow.clone());
                value.flow.join(&of.flow);
                let reaches = of.objects.iter().any(|object| match object {
                    Object::Module(_) | Object::External(_) | Object::Resolved => true,
                    Object::Input(source) => !self.is_receiver(source.input),
                    _ => false,
                });
                if reaches && !name.flow.is_empty() {
                    value.add(Object::Resolved);
                }
                value
            }
        };
        value.join(&default);
        value
    }

    fn set_by_name(&mut self, arguments: &Arguments) {
        let [of, name, ..] = arguments.positional.as_slice() else { return };
        let (of, name) = (of.clone(), name.clone());
        let value = arguments.positional.get(2).cloned().unwrap_or_default();
        let text = arguments.texts.iter().find(|(place, _)| *place == Place::At(1));
        self.set_attribute(&of, text.map(|(_, text)| *text), &value);
        let reaches = of.objects.iter().any(|object| match object {
            Object::Module(_) | Object::External(_) => true,
            Object::Input(source) => !self.is_receiver(source.input),
            _ => false,
        });
        if reaches && !name.flow.is_empty() {
            let through = self.engine.world.symbols.of("builtins.setattr");
            self.deed(Capability::Environment, &name.flow, through);
        }
    }

    fn import_by_name(&mut self, arguments: &Arguments) -> Value {
        if let Some((_, name)) = arguments.texts.iter().find(|(place, _)| *place == Place::At(0)) {
            return Value::object(match self.engine.world.find(*name) {
                Some(module) => Object::Module(module),
                None => Object::External(*name),
            });
        }
        let flow = arguments.flow();
        let through = self.engine.world.symbols.of("importlib.import_module");
        self.deed(Capability::Import, &flow, through);
        match flow.is_empty() {
            true => Value::default(),
            false => Value { flow, objects: [Object::Resolved].into_iter().collect() },
        }
    }
}

/// The classes of a value.
fn class_of(arguments: &Arguments) -> Value {
    let Some(of) = arguments.positional.first() else { return Value::default() };
    let mut value = Value::flow(of.flow.clone());
    for object in &of.objects {
        if let Object::Instance(class) = object {
            value.add(Object::Class(*class));
        }
    }
    value
}
