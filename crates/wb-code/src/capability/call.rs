//! What a call finally calls.

use super::arguments::{Arguments, CallSite};
use super::effect::EffectDraft;
use super::resolve::{listed, walk_of};
use super::value::{Bound, BoundCallable, MAX_NAME, Object, Outcome, Value, first_fed};
use super::{Analyser, Frame, MAX_RUNS, Site, decode, pure};
use std::rc::Rc;
use wb_core::{Budget, CallStyle, Capability, Language, Op, OpKind, ValueId};

impl<'p> Analyser<'p, '_> {
    pub(super) fn call(
        &mut self,
        frame: &mut Frame<'p>,
        op: &'p Op,
        index: usize,
        site: Site,
        budget: &mut Budget,
    ) -> Value {
        let OpKind::Call { callee, arguments, keywords, style } = &op.kind else {
            return Value::Unknown;
        };
        if *style == CallStyle::Command {
            return self.command(frame, op, site, budget);
        }
        let called = frame.value(*callee);
        if *style == CallStyle::New
            && let Value::Object(object) = &called
            && self.restores_inertly(object)
        {
            self.called.insert(object.dotted.clone());
            return Value::Result(Rc::new(Outcome::of(&object.dotted, None)));
        }
        // Nobody reads the arguments of a call without effects.
        let inert = matches!(
            &called,
            Value::Object(object) if self.capability_of(&object.dotted) == Some(Capability::Inert)
        );
        let shown = (!inert).then(|| {
            let positional = arguments.iter().map(|id| frame.show(*id));
            let named = keywords.iter().map(|(name, id)| format!("{name}={}", frame.show(*id)));
            positional.chain(named).take(32).collect()
        });
        let arguments = Arguments {
            values: arguments.iter().map(|id| frame.value(*id)).collect(),
            keywords: keywords.iter().map(|(name, id)| (name.clone(), frame.value(*id))).collect(),
            shown,
        };
        let call = CallSite {
            site,
            via: None,
            id: Some(ValueId(u32::try_from(index).unwrap_or(u32::MAX))),
            callee: Some(*callee),
        };
        if self.language == Language::Jinja
            && let Some(OpKind::Load { name }) = frame.program.op(*callee).map(|op| &op.kind)
            && frame.names.get(name).is_none()
        {
            return self.template_function(frame, name, arguments, &call);
        }
        // The environment given away as a whole.
        for value in arguments.all() {
            if let Value::Object(object) = value
                && self.lookup(&object.dotted).is_some_and(|known| {
                    known.capability == Capability::Environment
                        && known.canonical.ends_with("environ")
                })
            {
                self.environment(object, None, site);
            }
        }
        self.invoke(frame, &called, arguments, &call, budget)
    }

    /// Whether an instance of a class is restored without effects, and building one does no worse than read.
    fn restores_inertly(&self, object: &Object) -> bool {
        use Capability::{Inert, ReadFile, Unknown};
        let restored = self.knowledge.restored(&object.dotted).map(|known| known.capability);
        object.walk.is_none()
            && restored == Some(Inert)
            && matches!(self.capability_of(&object.dotted), None | Some(Unknown | ReadFile))
    }

    /// Calls `callee`.
    pub(super) fn invoke(
        &mut self,
        frame: &mut Frame<'p>,
        callee: &Value,
        arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        if let Err(exhausted) = budget.steps(1) {
            self.exhaust(exhausted);
            return Value::Unknown;
        }
        match callee {
            Value::Object(object) => self.call_object(frame, object, arguments, call, budget),
            Value::Method(method) => {
                self.call_method(frame, &method.0, &method.1, arguments, call, budget)
            }
            Value::Bound(bound) => self.call_bound(frame, bound, arguments, call, budget),
            Value::Function(index) => {
                self.mark_called(*index);
                Value::Unknown
            }
            Value::Define(index) => self.call_definition(frame, *index, &arguments, budget),
            Value::Either(values) => {
                let chosen = self.gravest(values);
                self.invoke(frame, &chosen, arguments, call, budget)
            }
            Value::Path(path) => self.call_path(frame, &path.clone(), arguments, call, budget),
            Value::Walk(walk) => self.call_walk(frame, *walk, arguments, call),
            Value::Result(outcome) if self.language == Language::Pickle => {
                self.call_result(outcome, &arguments, call, budget)
            }
            _ => Value::Unknown,
        }
    }

    /// Calls what a call returned. No pickler writes that: it is a way to a callable that is not named.
    fn call_result(
        &mut self,
        outcome: &Outcome,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        // An effect of the first call tells more than that its result is called.
        if outcome.effect.is_none() {
            let draft = EffectDraft {
                site: call.site,
                callable: format!("{}(...)", outcome.dotted),
                reached_by: None,
                capability: Capability::Unknown,
                known: None,
                called: true,
            };
            self.effect(draft, arguments, budget);
        }
        Value::Unknown
    }

    /// Of several values, the one whose call would do most.
    fn gravest(&self, values: &[Value]) -> Value {
        let concern = |value: &Value| match value {
            Value::Object(object) => match self.lookup(&object.dotted) {
                Some(known) => Some(known.capability),
                None => Some(Capability::Unknown),
            },
            Value::Bound(_) | Value::Define(_) | Value::Function(_) => Some(Capability::RunCode),
            _ => None,
        };
        values
            .iter()
            .filter_map(|value| Some((concern(value)?, value)))
            .min_by_key(|(capability, _)| *capability)
            .map_or(Value::Unknown, |(_, value)| value.clone())
    }

    pub(super) fn call_object(
        &mut self,
        frame: &mut Frame<'p>,
        object: &Rc<Object>,
        arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        self.called.insert(object.dotted.clone());
        if let Some(walk) = object.walk {
            self.show_walk(walk);
        }
        self.evaluated_keywords(frame, &arguments, call.site, budget);
        let known = self.lookup(&object.dotted);
        let canonical = known
            .as_ref()
            .map_or_else(|| canonical(&object.dotted), |known| canonical(&known.canonical));
        let special =
            self.special(frame, &canonical, object, known.as_ref(), &arguments, call, budget);
        if let Some(value) = special {
            return value;
        }
        let capability = match &known {
            Some(known) => known.capability,
            None if object.walk.is_some() => Capability::AttributeWalk,
            None => Capability::Unknown,
        };
        // What is fed to what is asked of source alone.
        let fed = if self.is_source() { first_fed(arguments.all()) } else { None };
        let result =
            |effect| Value::Result(Rc::new(Outcome { fed, ..Outcome::of(&object.dotted, effect) }));
        match capability {
            Capability::Inert => {
                pure::function(&canonical, &arguments.values).unwrap_or_else(|| result(None))
            }
            Capability::CallArgument | Capability::Defer => {
                let draft = self.draft(frame, object, known, capability, call);
                self.call_argument(frame, draft, arguments, call, budget)
            }
            _ => {
                if capability == Capability::Unknown
                    && let Some(value) = pure::function(&canonical, &arguments.values)
                {
                    return value;
                }
                let draft = self.draft(frame, object, known, capability, call);
                let effect = self.effect(draft, &arguments, budget);
                result(effect)
            }
        }
    }

    /// The beginning of an effect of calling `object`.
    pub(super) fn draft(
        &self,
        frame: &Frame<'p>,
        object: &Object,
        known: Option<Rc<super::Callable>>,
        capability: Capability,
        call: &CallSite,
    ) -> EffectDraft {
        let mut reached_by = call.via.as_deref().map(str::to_owned);
        if reached_by.is_none()
            && let Some(reached) = &object.reached
        {
            // What is written at the call is clearer than where its parts came from.
            let written = call.callee.map(|id| frame.show(id));
            reached_by = Some(match written {
                Some(written) if written.contains(['(', '[', '_']) => written,
                _ => reached.to_string(),
            });
        }
        EffectDraft {
            site: call.site,
            callable: object.dotted.clone(),
            reached_by: reached_by.filter(|reached| *reached != object.dotted),
            capability,
            known,
            called: true,
        }
    }

    /// `receiver.name(arguments)` where the receiver is not an imported object.
    pub(super) fn call_method(
        &mut self,
        frame: &mut Frame<'p>,
        receiver: &Value,
        name: &str,
        arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        if matches!(name, "format" | "format_map")
            && receiver.as_readable().is_some_and(walks_in_fields)
        {
            let from = arguments.values.first().cloned().unwrap_or_default();
            return Value::Walk(self.note_walk(frame, &from, name, call.id, call.site));
        }
        let computed = pure::method(receiver, name, &arguments.values);
        if let Some(value) =
            computed.or_else(|| decode::decompressed(receiver, name, &arguments.values))
        {
            return value;
        }
        if matches!(
            name,
            "__getattribute__" | "__getattr__" | "get" | "__getitem__" | "load_module"
        ) && let Some(key) = arguments.text(0).map(str::to_owned)
            && !matches!(receiver, Value::Path(_) | Value::Unknown | Value::Result(_))
        {
            return match (name, receiver) {
                ("get" | "__getitem__", _) => {
                    let key = Value::text(key);
                    self.item(frame, receiver, &key, call.id, call.site)
                }
                ("load_module", _) => super::resolve::reached_by(key, frame, call.id),
                _ => self.attribute(frame, receiver, &key, call.id, call.site),
            };
        }
        match receiver {
            Value::Result(outcome) => {
                let dotted = format!("{}.{name}", outcome.dotted);
                if dotted.len() > MAX_NAME {
                    return Value::Unknown;
                }
                match self.lookup(&dotted) {
                    Some(known)
                        if known.capability != Capability::Inert
                            && !self.is_decided_by_receiver(&known, outcome) =>
                    {
                        let object = Object { dotted, reached: None, walk: None };
                        self.call_object(frame, &Rc::new(object), arguments, call, budget)
                    }
                    _ => {
                        self.enrich(outcome.effect, &arguments);
                        Value::Result(Rc::new(Outcome { dotted, ..Outcome::clone(outcome) }))
                    }
                }
            }
            Value::Walk(_) => match walk_of(receiver) {
                Some(walk) => self.call_walk(frame, walk, arguments, call),
                None => Value::Unknown,
            },
            Value::Define(index) if name == "__call__" => {
                self.call_definition(frame, *index, &arguments, budget)
            }
            Value::Function(index) => {
                self.mark_called(*index);
                Value::Unknown
            }
            _ => still_fed(receiver, name),
        }
    }

    /// Whether code can only make a method do harm by what its object was built from, and building it did
    /// nothing. Libraries reach everything from their own objects.
    fn is_decided_by_receiver(&self, known: &super::Callable, built: &Outcome) -> bool {
        self.language != Language::Pickle
            && known.keyword.as_deref() == Some("self")
            && built.effect.is_none()
    }

    fn call_bound(
        &mut self,
        frame: &mut Frame<'p>,
        bound: &Rc<BoundCallable>,
        mut arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        let via: Rc<str> = match call.callee {
            Some(id) => frame.show(id).into(),
            None => "functools.partial(...)".into(),
        };
        let call = CallSite { via: Some(via), callee: None, ..call.clone() };
        match &bound.kind {
            Bound::Partial { callee, arguments: first, keywords } => {
                let mut values = first.clone();
                values.append(&mut arguments.values);
                let mut all = keywords.clone();
                all.append(&mut arguments.keywords);
                let arguments = Arguments { values, keywords: all, shown: None };
                self.invoke(frame, callee, arguments, &call, budget)
            }
            Bound::Attributes(names) => {
                let mut found = Vec::new();
                let receiver = arguments.values.first().cloned().unwrap_or_default();
                for name in names {
                    let mut value = receiver.clone();
                    for part in name.split('.') {
                        value = self.attribute(frame, &value, part, call.id, call.site);
                    }
                    found.push(self.reached(value, frame, call.id));
                }
                match (found.len(), found.pop()) {
                    (1, Some(only)) => only,
                    _ => Value::Unknown,
                }
            }
            Bound::Item(key) => {
                let receiver = arguments.values.first().cloned().unwrap_or_default();
                self.item(frame, &receiver, key, call.id, call.site)
            }
            Bound::Method { name, arguments: fixed, keywords } => {
                let receiver = arguments.values.first().cloned().unwrap_or_default();
                let callee = self.attribute(frame, &receiver, name, None, call.site);
                let arguments =
                    Arguments { values: fixed.clone(), keywords: keywords.clone(), shown: None };
                self.invoke(frame, &callee, arguments, &call, budget)
            }
        }
    }

    /// Marks an object as reached by the expression `id`.
    pub(super) fn reached(&self, value: Value, frame: &Frame<'p>, id: Option<ValueId>) -> Value {
        match (value, id) {
            (Value::Object(object), Some(id)) => Value::Object(Rc::new(Object {
                reached: Some(frame.show(id).into()),
                ..object.as_ref().clone()
            })),
            (value, _) => value,
        }
    }

    /// Follows a function of the program with these arguments.
    fn call_definition(
        &mut self,
        frame: &Frame<'p>,
        index: usize,
        arguments: &Arguments,
        budget: &mut Budget,
    ) -> Value {
        let Some(definition) = self.definitions.get_mut(index) else { return Value::Unknown };
        if definition.runs >= MAX_RUNS {
            return Value::Unknown;
        }
        definition.runs = definition.runs.saturating_add(1);
        let cost = frame.names.len().saturating_mul(16);
        if let Err(exhausted) = budget.steps(u64::try_from(cost).unwrap_or(u64::MAX)) {
            self.exhaust(exhausted);
            return Value::Unknown;
        }
        let (body, outer) = (definition.body, Some(definition.op));
        let mut names = definition.closure.as_ref().unwrap_or(&frame.names).child();
        // The one parameter of comprehensions and generators in bytecode: what they iterate.
        if let (Language::CPython, Some(iterated)) = (body.language, arguments.values.first()) {
            names.store(".0", iterated.clone());
        }
        let mut values = arguments.values.iter();
        for name in parameters(body) {
            let value = arguments.keyword(name).or_else(|| values.next());
            if let Some(value) = value {
                names.store(&format!("parameter {name}"), value.clone());
            }
        }
        match budget.deeper(|budget| self.follow(body, names, outer, budget)) {
            Ok((_, value)) => value,
            Err(_) => {
                // It is followed by itself at the end, like one that nothing calls.
                if let Some(definition) = self.definitions.get_mut(index) {
                    definition.runs = definition.runs.saturating_sub(1);
                }
                Value::Unknown
            }
        }
    }

    /// Calls a name that nothing in the program defines.
    fn call_path(
        &mut self,
        frame: &mut Frame<'p>,
        path: &Rc<str>,
        arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        if self.language == Language::Jinja {
            return Value::Unknown;
        }
        let expanded = super::resolve::expand(path);
        if path.contains('.') || expanded != path.as_ref() {
            if let Some(Value::Object(object)) = self.plausible(path) {
                return self.call_object(frame, &object, arguments, call, budget);
            }
            // A method of a parameter.
            return Value::Unknown;
        }
        if self.assigned.contains(path.as_ref()) {
            return Value::Unknown;
        }
        let object = Object { dotted: path.to_string(), reached: None, walk: None };
        self.call_object(frame, &Rc::new(object), arguments, call, budget)
    }

    /// Calls something at the end of a walk.
    fn call_walk(
        &mut self,
        frame: &Frame<'p>,
        walk: usize,
        arguments: Arguments,
        call: &CallSite,
    ) -> Value {
        let name = self.walks.get(walk).map(|walk| walk.text.clone()).unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        let value = Value::Walk(walk);
        if matches!(last, "__getattribute__" | "__getattr__" | "__getitem__" | "get")
            && let Some(key) = arguments.text(0).map(str::to_owned)
        {
            return self.attribute(frame, &value, &key, call.id, call.site);
        }
        if listed("__subclasses__ mro __init__ __reduce_ex__ __reduce__ values keys items", last) {
            return Value::Walk(self.note_walk(frame, &value, "()", call.id, call.site));
        }
        self.show_walk(walk);
        let draft = EffectDraft {
            site: call.site,
            callable: name,
            reached_by: None,
            capability: Capability::AttributeWalk,
            known: None,
            called: true,
        };
        let effect = self.effect(draft, &arguments, &mut Budget::default());
        Value::Result(Rc::new(Outcome::of("object", effect)))
    }

    /// A global function or a filter of a template: none reaches out of it, but some compute names.
    fn template_function(
        &mut self,
        frame: &Frame<'p>,
        name: &str,
        arguments: Arguments,
        call: &CallSite,
    ) -> Value {
        let Some(first) = arguments.values.first().cloned() else { return Value::Unknown };
        let rest = arguments.values.get(1..).unwrap_or_default();
        match name {
            "attr" => match rest.first().map(|name| (name.as_readable(), name)) {
                Some((Some(attribute), _)) => {
                    self.attribute(frame, &first, attribute, call.id, call.site)
                }
                _ => Value::Walk(self.note_walk(frame, &first, "(computed)", call.id, call.site)),
            },
            "join" => {
                let separator = rest.first().cloned().unwrap_or_else(|| Value::text(""));
                pure::method(&separator, "join", &[first]).unwrap_or_default()
            }
            "format" => {
                let values = Value::collection(wb_core::Collection::Tuple, rest.to_vec());
                pure::percent_format(&first, &values).unwrap_or_default()
            }
            "reverse" => pure::function("builtins.reversed", &[first]).unwrap_or_default(),
            "list" | "string" | "safe" | "e" | "escape" | "default" | "d" | "tojson" => first,
            "first" | "last" => {
                let index = if name == "first" { 0 } else { -1 };
                let index = Value::constant(wb_core::Constant::Int(index));
                pure::item(&first, &index).unwrap_or_default()
            }
            "lower" | "upper" | "replace" | "trim" | "capitalize" => {
                let method = if name == "trim" { "strip" } else { name };
                pure::method(&first, method, rest).unwrap_or_default()
            }
            _ => Value::Unknown,
        }
    }
}

/// What a method of an attribute returns: `response.content.decode()` is still what was fetched.
fn still_fed(receiver: &Value, name: &str) -> Value {
    match (receiver, receiver.fed()) {
        (Value::Method(of), Some(effect)) => {
            let dotted = format!("{}.{name}", of.1);
            Value::Result(Rc::new(Outcome { fed: Some(effect), ..Outcome::of(dotted, None) }))
        }
        _ => Value::Unknown,
    }
}

/// Whether a field of a format string leads from its argument to unrelated objects: `{0.__init__.__globals__}`
/// (CVE-2016-10745).
fn walks_in_fields(text: &str) -> bool {
    let fields = text.split('{').skip(1).filter_map(|field| field.split('}').next());
    fields.into_iter().any(|field| field.contains(".__") || field.contains("[__"))
}

/// The parameters of a definition, in order: what its first ops give to names.
fn parameters(body: &wb_core::Program) -> impl Iterator<Item = &str> {
    body.ops.iter().filter_map(|op| match &op.kind {
        OpKind::Load { name } => name.strip_prefix("parameter "),
        _ => None,
    })
}

/// The name under which this analysis treats a callable specially, whatever the knowledge says.
fn canonical(dotted: &str) -> String {
    for (from, to) in [
        ("__builtin__.", "builtins."),
        ("__builtins__.", "builtins."),
        ("_operator.", "operator."),
        ("_io.", "io."),
        ("_codecs.", "codecs."),
        ("_functools.", "functools."),
        ("cloudpickle.cloudpickle_fast.", "cloudpickle."),
        ("cloudpickle.cloudpickle.", "cloudpickle."),
        ("joblib.externals.cloudpickle.cloudpickle.", "cloudpickle."),
        ("dill._dill.", "dill."),
        ("builtins.__builtins__.", "builtins."),
    ] {
        if let Some(rest) = dotted.strip_prefix(from) {
            return format!("{to}{rest}");
        }
    }
    dotted.to_owned()
}
