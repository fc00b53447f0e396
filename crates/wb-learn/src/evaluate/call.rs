//! Calls of what is in the world.

use super::{Evaluation, plain};
use crate::engine::{Cell, Key};
use crate::ir::{Argument, ArgumentKind, ClassId, Expr, ExprId, Kind, ParameterKind};
use crate::summary::{DeedKey, Summary};
use crate::symbol::Symbol;
use crate::value::{Flow, Object, Source, Value};
use std::rc::Rc;
use wb_core::Capability;

/// How deep calls of what was handed on are followed within one reading.
const MAX_DEPTH: u32 = 4;

/// How many calls of what was handed on are followed within one pass.
const MAX_HANDED: usize = 160;

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    pub positional: Vec<Value>,
    /// What `*` spreads over all further positions.
    pub star: Option<Value>,
    pub keywords: Vec<(Symbol, Value)>,
    /// What `**` spreads over all further names.
    pub double: Option<Value>,
    /// The texts among the positional arguments and keywords that stand in the source.
    pub texts: Vec<(Place, Symbol)>,
}

/// Where an argument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(usize),
    Named(Symbol),
}

impl Arguments {
    pub(super) fn of(positional: Vec<Value>) -> Self {
        Self { positional, ..Self::default() }
    }

    /// Every argument is `value`.
    fn any(value: Value) -> Self {
        Self { star: Some(value.clone()), double: Some(value), ..Self::default() }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        let named = self.keywords.iter().map(|(_, value)| value);
        self.positional.iter().chain(named).chain(&self.star).chain(&self.double)
    }

    pub(super) fn flow(&self) -> Flow {
        let mut flow = Flow::default();
        for value in self.all() {
            flow.join(&value.flow);
        }
        flow
    }

    pub(super) fn named(&self, name: Symbol) -> Option<&Value> {
        self.keywords.iter().find(|(one, _)| *one == name).map(|(_, value)| value)
    }

    /// The arguments with another in front.
    fn after(&self, first: Value) -> Self {
        let mut positional = vec![first];
        positional.extend(self.positional.iter().cloned());
        Self { positional, texts: Vec::new(), ..self.clone() }
    }
}

impl Evaluation<'_, '_> {
    pub(super) fn call(&mut self, callee: ExprId, arguments: &[Argument]) -> Value {
        let arguments = self.arguments(arguments);
        let value = self.value(callee).clone();
        let receiver = match self.function.exprs.get(callee.at()) {
            Some(Expr::Attribute(of, _)) => Some(*of),
            _ => None,
        };
        let of = receiver.map(|of| match self.function.exprs.get(of.at()) {
            Some(Expr::Super) => self.slots.first().cloned().unwrap_or_default(),
            _ => self.value(of).clone(),
        });
        if let (Some(of), Some(Expr::Attribute(owner, name))) =
            (&of, self.function.exprs.get(callee.at()))
            && self.is_of_collection(*owner, of, *name, &value)
        {
            return self.call_collection(*owner, of, &arguments);
        }
        self.note_unresolved(callee, &value);
        let mut result = self.invoke(&value, of.as_ref(), &arguments);
        if let (Some(of), Some(Expr::Attribute(_, name))) =
            (&of, self.function.exprs.get(callee.at()))
            && plain::takes_out(&self.engine.world.text(*name))
        {
            of.objects.iter().filter(|one| is_of_world(one)).for_each(|one| {
                result.add(*one);
            });
        }
        if let Some(receiver) = receiver
            && self.keeps(&value)
        {
            self.absorb_local(receiver, &Value::flow(arguments.flow()));
        }
        let in_world = |one: &Object| matches!(one, Object::Bound(..) | Object::Function(_));
        // What is imported holds nothing of what its functions are given.
        let imported = |one: &Object| matches!(one, Object::External(_) | Object::Module(_));
        let holds = of.as_ref().is_some_and(|of| !of.objects.iter().any(imported));
        if let Some(receiver) = receiver
            && holds
            && !value.objects.iter().any(in_world)
        {
            // A list that is appended to, a request that is given a header.
            let mut given = Value::default();
            arguments.all().for_each(|one| {
                given.join(one);
            });
            if !given.is_empty() {
                self.absorb_into(receiver, &given);
            }
        }
        result
    }

    fn arguments(&self, arguments: &[Argument]) -> Arguments {
        let mut collected = Arguments::default();
        for argument in arguments {
            let value = self.value(argument.value).clone();
            let text = crate::engine::literal(&self.function, argument.value);
            match argument.kind {
                ArgumentKind::Positional if collected.star.is_none() => {
                    let place = Place::At(collected.positional.len());
                    collected.texts.extend(text.map(|text| (place, text)));
                    collected.positional.push(value);
                }
                ArgumentKind::Positional | ArgumentKind::Star => {
                    collected.star.get_or_insert_default().join(&value);
                }
                ArgumentKind::Keyword(name) => {
                    collected.texts.extend(text.map(|text| (Place::Named(name), text)));
                    collected.keywords.push((name, value));
                }
                ArgumentKind::DoubleStar => {
                    collected.double.get_or_insert_default().join(&value);
                }
            }
        }
        collected
    }

    /// Calls whatever a value can be. `of` is the object whose attribute it is.
    pub(super) fn invoke(
        &mut self,
        callee: &Value,
        of: Option<&Value>,
        arguments: &Arguments,
    ) -> Value {
        let mut result = Value::default();
        let mut known = false;
        for object in &callee.objects {
            known |= !matches!(object, Object::Input(_));
            let returned = self.invoke_object(*object, callee, of, arguments);
            result.join(&returned);
        }
        for object in &callee.objects {
            if let Object::Input(source) = object {
                self.invoke_input(*source, of.is_some(), known, arguments);
            }
        }
        if !known {
            result.flow.join(&arguments.flow());
            result.flow.join(&callee.flow);
            self.hand_on(arguments);
        }
        result
    }

    fn invoke_object(
        &mut self,
        object: Object,
        callee: &Value,
        of: Option<&Value>,
        arguments: &Arguments,
    ) -> Value {
        match object {
            Object::Function(function) => {
                let own = self.engine.own(function);
                // What is defined here belongs to the same object as this.
                let inner = self.engine.function(function).parent == Some(self.key.function);
                let key = match self.class_of_first(own, arguments) {
                    Some(class) => Key { function, class: Some(class) },
                    None if inner && own.class.is_none() => Key { function, class: self.key.class },
                    None => own,
                };
                self.call_function(key, arguments)
            }
            Object::Bound(function, class) => {
                let receiver = match of {
                    Some(of) => of.clone(),
                    None => Value {
                        flow: callee.flow.clone(),
                        objects: [Object::Instance(class)].into_iter().collect(),
                    },
                };
                let key = Key { function, class: Some(class) };
                self.call_function(key, &arguments.after(receiver))
            }
            Object::Class(class) => self.construct(class, arguments),
            Object::Instance(class) => {
                let name = self.engine.world.symbols.of("__call__");
                let method = self.class_attribute(class, name, Some(class), callee, true);
                let bound = method.objects.iter().copied();
                let bound: Vec<Object> =
                    bound.filter(|one| matches!(one, Object::Bound(..))).collect();
                if bound.is_empty() {
                    self.open(name);
                }
                let mut result = Value::flow(arguments.flow());
                for object in bound {
                    let returned = self.invoke_object(object, callee, Some(callee), arguments);
                    result.join(&returned);
                }
                result
            }
            Object::External(dotted) => {
                let receiver = of.cloned().unwrap_or_default();
                self.external(dotted, &receiver, arguments)
            }
            Object::Resolved => {
                let through = self.engine.world.symbols.of("builtins.getattr");
                self.deed(Capability::Resolve, &callee.flow.clone(), through);
                Value::flow(arguments.flow())
            }
            Object::ExternalResult(dotted) => {
                self.open(dotted);
                Value::flow(arguments.flow())
            }
            Object::Module(_) | Object::Input(_) => Value::default(),
        }
    }

    /// The class of the object that a method is handed when it is called by the class that defines it:
    /// `Base.__init__(self)`.
    fn class_of_first(&mut self, own: Key, arguments: &Arguments) -> Option<ClassId> {
        let base = own.class?;
        if self.engine.function(own.function).kind != Kind::Method {
            return None;
        }
        arguments.positional.first()?.objects.clone().iter().find_map(|object| match object {
            Object::Instance(class) if *class != base => {
                self.engine.order(*class).contains(&Object::Class(base)).then_some(*class)
            }
            _ => None,
        })
    }

    /// A call of what the function was given. Methods of what it was given belong to the class of that,
    /// which is judged where it is made.
    fn invoke_input(&mut self, source: Source, is_attribute: bool, known: bool, given: &Arguments) {
        let of_receiver = self.is_receiver(source.input) && source.field.is_some();
        if is_attribute && (known || !of_receiver) {
            return;
        }
        let mut flow = Flow::default();
        flow.add(source);
        self.call_of(Capability::CallArgument, source, &flow, &given.flow());
    }

    pub(super) fn call_of(
        &mut self,
        capability: Capability,
        source: Source,
        flow: &Flow,
        given: &Flow,
    ) {
        let key = DeedKey { capability, controlled: true, called: Some(source) };
        let through = self.engine.world.symbols.of("");
        self.summary.add(key, flow, through, given);
    }

    /// Functions that are handed to something unknown are taken to be called by it.
    pub(super) fn hand_on(&mut self, arguments: &Arguments) {
        let code = |one: &&Object| matches!(one, Object::Function(_) | Object::Bound(..));
        let mut handed = Value::default();
        for value in arguments.all() {
            if value.objects.iter().any(|one| code(&one)) {
                handed.flow.join(&value.flow);
                for object in value.objects.iter().filter(code) {
                    handed.add(*object);
                }
            }
        }
        if !handed.objects.is_empty() {
            self.call_handed(&handed, &arguments.flow());
        }
    }

    /// Calls a value with arguments of which only the flow is known.
    pub(super) fn call_handed(&mut self, callee: &Value, given: &Flow) {
        let known = callee.objects.iter().filter(|one| !matches!(one, Object::Input(_))).copied();
        let callee = Value { flow: callee.flow.clone(), objects: known.collect() };
        if callee.objects.is_empty() {
            return;
        }
        if self.depth >= MAX_DEPTH || self.handed.len() >= MAX_HANDED {
            let deep = self.engine.world.symbols.of("(deep)");
            self.open(deep);
            return;
        }
        // The same call from elsewhere adds nothing, when it was followed as deep.
        let followed = self.handed.entry((callee.clone(), given.clone())).or_insert(u32::MAX);
        if *followed <= self.depth {
            return;
        }
        *followed = self.depth;
        self.depth += 1;
        self.invoke(&callee, None, &Arguments::any(Value::flow(given.clone())));
        self.depth -= 1;
    }

    /// Builds an instance of a class.
    pub(super) fn construct(&mut self, class: ClassId, arguments: &Arguments) -> Value {
        let name = self.engine.class_name(class);
        if self.engine.boundary(name).is_some() {
            return self.external(name, &Value::default(), arguments);
        }
        let mut made = Value {
            flow: Flow::default(),
            objects: [Object::Instance(class)].into_iter().collect(),
        };
        for method in ["__new__", "__init__", "__post_init__"] {
            if method == "__post_init__" && !self.is_dataclass(class) {
                continue;
            }
            let symbol = self.engine.world.symbols.of(method);
            let found = self.class_attribute(class, symbol, Some(class), &made, false);
            if method == "__init__" && found.objects.is_empty() {
                self.construct_outside(class, arguments);
            }
            for object in &found.objects {
                match *object {
                    Object::Bound(function, class) => {
                        let is_new = method == "__new__";
                        let first = match is_new {
                            true => Value::object(Object::Class(class)),
                            false => made.clone(),
                        };
                        let given = match method {
                            // A dataclass: its fields are what it is given.
                            "__post_init__" => {
                                let fields = Value { flow: arguments.flow(), ..made.clone() };
                                Arguments::of(vec![fields])
                            }
                            _ => arguments.after(first),
                        };
                        let key = Key { function, class: Some(class) };
                        self.call_function(key, &given);
                    }
                    Object::External(dotted) if method == "__init__" => {
                        self.external(dotted, &Value::default(), &arguments.after(made.clone()));
                    }
                    _ => {}
                }
            }
        }
        self.call_metaclass(class, arguments, &made);
        made.flow.join(&arguments.flow());
        made
    }

    /// The constructor that a class inherits from outside the world.
    fn construct_outside(&mut self, class: ClassId, arguments: &Arguments) {
        let order = self.engine.order(class);
        for base in order.iter() {
            if let Object::External(base) = base {
                self.external(*base, &Value::default(), arguments);
            }
        }
    }

    fn is_dataclass(&mut self, class: ClassId) -> bool {
        let order = self.engine.order(class);
        order.iter().any(|one| match one {
            Object::Class(one) => self.engine.world.class(*one).is_dataclass,
            _ => false,
        })
    }

    fn call_metaclass(&mut self, class: ClassId, arguments: &Arguments, made: &Value) {
        let metaclass = self.engine.read(Cell::Metaclass(class), self.key);
        for object in &metaclass.objects {
            if let Object::Class(meta) = object {
                let symbol = self.engine.world.symbols.of("__call__");
                let found = self.class_attribute(*meta, symbol, Some(*meta), made, false);
                let first = Value::object(Object::Class(class));
                for object in &found.objects {
                    if let Object::Bound(function, meta) = *object {
                        let key = Key { function, class: Some(meta) };
                        self.call_function(key, &arguments.after(first.clone()));
                    }
                }
            }
        }
    }

    /// Calls a function of the world: its deeds become deeds of this one, as far as they are given.
    pub(super) fn call_function(&mut self, key: Key, arguments: &Arguments) -> Value {
        let name = self.engine.name(key.function);
        if self.engine.boundary(name).is_some() {
            let first = arguments.positional.first().cloned();
            let function = Rc::clone(self.engine.function(key.function));
            if matches!(function.kind, Kind::Method | Kind::ClassMethod | Kind::Property) {
                let mut rest = arguments.clone();
                if !rest.positional.is_empty() {
                    rest.positional.remove(0);
                }
                return self.external(name, &first.unwrap_or_default(), &rest);
            }
            return self.external(name, &Value::default(), arguments);
        }
        let summary = self.engine.summary(key, Some(self.key));
        self.summary.calls.insert(key);
        if summary.deeds.is_empty() && summary.returns.is_empty() && summary.writes.is_empty() {
            return Value::default();
        }
        let inputs = self.bind_arguments(key, arguments);
        self.adopt(&summary, &inputs, name);
        for (source, flow) in &summary.writes {
            let written = self.carried(flow, &inputs);
            if let Some(of) = inputs.get(usize::try_from(source.input).unwrap_or(usize::MAX)) {
                let of = Value::flow(of.flow.clone());
                self.set_attribute(&of, source.field, &Value::flow(written));
            }
        }
        let mut result = Value::flow(self.carried(&summary.returns.flow, &inputs));
        for object in &summary.returns.objects {
            match object {
                Object::Input(source) => {
                    let value = self.substituted(*source, &inputs);
                    result.join_objects(&value.objects);
                }
                other => {
                    result.add(*other);
                }
            }
        }
        result
    }

    /// Takes over the deeds of a callee.
    fn adopt(&mut self, summary: &Summary, inputs: &[Value], through: Symbol) {
        for (key, deed) in &summary.deeds {
            let Some(called) = key.called else {
                let flow = self.carried(&deed.flow, inputs);
                self.deed(key.capability, &flow, through);
                continue;
            };
            let given = self.carried(&deed.given, inputs);
            let callee = self.substituted(called, inputs);
            if callee.objects.is_empty() && !callee.flow.is_empty() {
                self.open(through);
            }
            self.call_handed(&callee, &given);
            for object in &callee.objects {
                if let Object::Input(source) = object {
                    let mut flow = Flow::default();
                    flow.add(*source);
                    let key = DeedKey { called: Some(*source), ..*key };
                    self.summary.add(key, &flow, through, &given);
                }
            }
        }
    }

    /// What an input of a callee is here.
    fn substituted(&mut self, source: Source, inputs: &[Value]) -> Value {
        let at = usize::try_from(source.input).unwrap_or(usize::MAX);
        let Some(value) = inputs.get(at).cloned() else { return Value::default() };
        match source.field {
            None => value,
            Some(name) => self.attribute_of(&value, name, false),
        }
    }

    /// What flows into the inputs of a callee, as flow here.
    fn carried(&self, flow: &Flow, inputs: &[Value]) -> Flow {
        let mut carried = Flow::default();
        for source in flow.iter() {
            let at = usize::try_from(source.input).unwrap_or(usize::MAX);
            let Some(value) = inputs.get(at) else { continue };
            match source.field {
                None => carried.join(&value.flow),
                Some(name) => carried.join(&self.flow_of_attribute(&value.flow, name)),
            };
        }
        carried
    }

    /// The inputs of a callee: its parameters, then what it captures when it is defined here.
    fn bind_arguments(&mut self, key: Key, arguments: &Arguments) -> Vec<Value> {
        let callee = Rc::clone(self.engine.function(key.function));
        let mut inputs = vec![Value::default(); callee.parameters.len()];
        let mut filled = vec![false; callee.parameters.len()];
        let mut places = callee.parameters.iter().enumerate().filter(|(_, one)| {
            matches!(one.kind, ParameterKind::PositionalOnly | ParameterKind::Ordinary)
        });
        let star = callee.parameters.iter().position(|one| one.kind == ParameterKind::Star);
        for value in &arguments.positional {
            match places.next() {
                Some((at, _)) => {
                    inputs[at] = value.clone();
                    filled[at] = true;
                }
                None => {
                    if let Some(at) = star {
                        inputs[at].join(value);
                    }
                }
            }
        }
        let double = callee.parameters.iter().position(|one| one.kind == ParameterKind::DoubleStar);
        for (name, value) in &arguments.keywords {
            let named = callee.parameters.iter().position(|one| {
                one.name == *name
                    && matches!(one.kind, ParameterKind::Ordinary | ParameterKind::KeywordOnly)
            });
            if let Some(at) = named {
                filled[at] = true;
            }
            if let Some(at) = named.or(double) {
                inputs[at].join(value);
            }
        }
        for (at, parameter) in callee.parameters.iter().enumerate().filter(|(at, _)| !filled[*at]) {
            let takes = |value: &Option<Value>, fits: bool| value.clone().filter(|_| fits);
            let by_position = parameter.kind != ParameterKind::KeywordOnly
                && parameter.kind != ParameterKind::DoubleStar;
            let by_name = parameter.kind != ParameterKind::PositionalOnly
                && parameter.kind != ParameterKind::Star;
            for value in [takes(&arguments.star, by_position), takes(&arguments.double, by_name)]
                .iter()
                .flatten()
            {
                inputs[at].join(value);
            }
        }
        let defined_here = callee.parent == Some(self.key.function);
        for (_, outer) in &callee.captured {
            let value = self.slots.get(outer.at()).filter(|_| defined_here);
            inputs.push(value.cloned().unwrap_or_default());
        }
        inputs
    }
}

/// Whether an object is something that sources of this world define.
fn is_of_world(object: &Object) -> bool {
    matches!(
        object,
        Object::Instance(_) | Object::Class(_) | Object::Function(_) | Object::Bound(..)
    )
}
