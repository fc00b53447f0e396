//! Callables whose result decides what is called next: resolvers, builders of callables, wrappers.

use super::arguments::{Arguments, CallSite};
use super::effect::EffectDraft;
use super::repeat::{MAX_ELEMENTS, elements};
use super::resolve::reached_by;
use super::value::{Bound, Object, Outcome, Value};
use super::{Analyser, Callable, Frame};
use std::rc::Rc;
use wb_core::{Budget, Capability, Collection, Language};

impl<'p> Analyser<'p, '_> {
    /// The result of calling a callable that is understood here; `None` for all others, which the
    /// knowledge of their capability decides.
    #[expect(clippy::too_many_arguments, reason = "a call is all of these")]
    pub(super) fn special(
        &mut self,
        frame: &mut Frame<'p>,
        canonical: &str,
        object: &Rc<Object>,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        match canonical {
            "builtins.getattr" | "builtins.object.__getattribute__" | "operator.__getattr__" => {
                self.get_attribute(frame, object, known, arguments, call, budget)
            }
            "builtins.__import__" => self.import_call(frame, arguments, call),
            "builtins.setattr" => {
                if let (Some(Value::Object(object)), Some(name)) =
                    (arguments.values.first(), arguments.text(1))
                {
                    let value = arguments.values.get(2).cloned().unwrap_or_default();
                    self.attributes.insert(format!("{}.{name}", object.dotted), value);
                }
                Some(Value::Unknown)
            }
            "builtins.globals" | "builtins.locals" => Some(Value::Globals(None)),
            "builtins.vars" => match arguments.values.first() {
                Some(Value::Object(object)) => Some(Value::Namespace(Rc::clone(object))),
                Some(_) => Some(Value::Unknown),
                None => Some(Value::Globals(None)),
            },
            // Python 2 ran what it read; source is read as that of Python 3.
            "builtins.input" if self.language == Language::Python => Some(Value::Unknown),
            "builtins.compile" | "ast.parse" => {
                arguments.values.first().filter(|value| value.as_bytes().is_some()).cloned()
            }
            "io.BytesIO"
            | "io.StringIO"
            | "builtins.memoryview"
            | "io.TextIOWrapper"
            | "io.BufferedReader"
            | "cStringIO.StringIO"
            | "StringIO.StringIO" => {
                let first = arguments.values.first();
                first.filter(|value| value.as_bytes().is_some()).cloned()
            }
            _ if is_lookup(canonical) => self.unbound_lookup(frame, arguments, call, budget),
            _ => self
                .builder(frame, canonical, object, known, arguments, call, budget)
                .or_else(|| self.of_mapping(frame, object, known, arguments, call))
                .or_else(|| self.named_object(frame, canonical, known, arguments, call)),
        }
    }

    /// `dict.get(vars(os), 'system')`: a method of a mapping or sequence called with that as first argument.
    fn unbound_lookup(
        &mut self,
        frame: &mut Frame<'p>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let (receiver, rest) = arguments.values.split_first()?;
        let names = matches!(
            receiver,
            Value::Namespace(_) | Value::Globals(_) | Value::Items(_) | Value::Object(_)
        );
        let rest = Arguments { values: rest.to_vec(), ..Arguments::default() };
        names.then(|| self.call_method(frame, receiver, "__getitem__", rest, call, budget))
    }

    /// Callables that make callables, and those that call what they are given with known elements.
    #[expect(clippy::too_many_arguments, reason = "a call is all of these")]
    fn builder(
        &mut self,
        frame: &mut Frame<'p>,
        canonical: &str,
        object: &Rc<Object>,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        match canonical {
            "operator.attrgetter" | "operator.itemgetter" | "operator.methodcaller" => {
                getter(canonical, arguments)
            }
            "functools.partial" | "functools.partialmethod" => {
                self.partial(frame, arguments, call, budget)
            }
            _ if self.decorates(canonical, arguments) => {
                // What is decorated runs when the wrapper is called, which is as good as itself.
                let keeps =
                    canonical != "functools.wraps" && canonical != "functools.update_wrapper";
                keeps
                    .then(|| arguments.values.first().cloned().unwrap_or_default())
                    .or(Some(Value::Unknown))
            }
            "builtins.map"
            | "itertools.starmap"
            | "builtins.filter"
            | "itertools.filterfalse"
            | "concurrent.futures.Executor.map"
            | "multiprocessing.pool.Pool.map" => {
                self.map(frame, canonical, arguments, call, budget)
            }
            "functools.reduce" | "builtins.reduce" | "itertools.accumulate" => {
                self.reduce(frame, arguments, call, budget)
            }
            "builtins.sorted" | "builtins.min" | "builtins.max" | "heapq.nsmallest"
            | "heapq.nlargest" | "itertools.groupby" => {
                self.call_key(frame, arguments, call, budget)
            }
            "types.FunctionType" | "types.LambdaType" | "builtins.function" => {
                self.make_function(arguments, arguments.values.get(1))
            }
            "cloudpickle._make_function"
            | "dill._create_function"
            | "cloudpickle._make_skel_func" => {
                self.make_function(arguments, arguments.values.get(1))
            }
            "cloudpickle._function_setstate" | "cloudpickle._fill_function" => {
                self.set_function_state(arguments)
            }
            "types.CodeType" | "dill._create_code" | "builtins.code" => {
                self.make_code(frame, object, known, arguments, call, budget)
            }
            "marshal.loads" | "marshal.load" => {
                self.load_code(frame, object, known, arguments, call, budget)
            }
            "cloudpickle._builtin_type" | "dill._load_type" => {
                let name = arguments.text(0)?;
                Some(reached_by(format!("types.{name}"), frame, call.id))
            }
            "builtins.type" if arguments.values.len() == 1 => {
                let dotted = match arguments.values.first() {
                    Some(Value::Function(_) | Value::Define(_)) => "types.FunctionType",
                    Some(Value::Code(_)) => "types.CodeType",
                    _ => return Some(Value::Unknown),
                };
                Some(reached_by(dotted.to_owned(), frame, call.id))
            }
            _ => None,
        }
    }

    /// A method of a mapping of the process: `sys.modules.get('os')`, `os.environ.get('HOME')`.
    fn of_mapping(
        &mut self,
        frame: &Frame<'p>,
        object: &Object,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
    ) -> Option<Value> {
        let (mapping, method) = object.dotted.rsplit_once('.')?;
        if mapping == "sys.modules" {
            let gets = matches!(method, "get" | "__getitem__" | "pop");
            return Some(match arguments.text(0).filter(|_| gets) {
                Some(name) => reached_by(name.to_owned(), frame, call.id),
                None => Value::Unknown,
            });
        }
        if known.is_some() || self.capability_of(mapping) != Some(Capability::Environment) {
            return None;
        }
        let mapping = Object {
            dotted: mapping.to_owned(),
            reached: object.reached.clone(),
            walk: object.walk,
        };
        self.environment(&mapping, arguments.text(0), call.site);
        Some(Value::Unknown)
    }

    /// `sorted(values, key=f)`: calls `f` with the first.
    fn call_key(
        &mut self,
        frame: &mut Frame<'p>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let key = arguments.keyword("key")?.clone();
        let elements = arguments.values.first().and_then(Value::sequence);
        let element = elements.and_then(<[Value]>::first).cloned().unwrap_or_default();
        let one = Arguments { values: vec![element], ..Arguments::default() };
        let call = self.through(frame, call);
        self.invoke(frame, &key, one, &call, budget);
        Some(Value::Unknown)
    }

    /// `getattr(object, name)`.
    fn get_attribute(
        &mut self,
        frame: &mut Frame<'p>,
        object: &Rc<Object>,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let receiver = arguments.values.first().cloned().unwrap_or_default();
        if let Some(name) = arguments.text(1).map(str::to_owned) {
            let mut value = receiver;
            for part in name.split('.') {
                value = self.attribute(frame, &value, part, call.id, call.site);
            }
            return Some(self.reached(value, frame, call.id));
        }
        // In source code, attributes of data by computed name are everyday; of modules they are not.
        let everyday = self.is_source()
            && !matches!(receiver, Value::Object(_) | Value::Globals(_) | Value::Namespace(_));
        if !everyday {
            let capability = Capability::Resolve;
            let draft = self.draft(frame, object, known.cloned(), capability, call);
            let effect = self.effect(draft, arguments, budget);
            return Some(Value::Result(Rc::new(Outcome::of(&object.dotted, effect))));
        }
        Some(Value::Unknown)
    }

    /// `__import__(name)`: the top module unless a list of names is given.
    fn import_call(
        &mut self,
        frame: &Frame<'p>,
        arguments: &Arguments,
        call: &CallSite,
    ) -> Option<Value> {
        let name = arguments.text(0).or_else(|| arguments.keyword("name")?.as_readable())?;
        self.note_import(name);
        let names = arguments.get(Some(3), Some("fromlist")).and_then(Value::items);
        let inner = names.is_some_and(|names| !names.is_empty());
        let module = if inner { name } else { name.split('.').next().unwrap_or(name) };
        Some(reached_by(module.to_owned(), frame, call.id))
    }

    /// Resolvers that take a dotted name: `importlib.import_module('os')`,
    /// `pkgutil.resolve_name('os:system')`, `pydoc.locate('os.system')`.
    fn named_object(
        &mut self,
        frame: &Frame<'p>,
        canonical: &str,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
    ) -> Option<Value> {
        let resolves = known.is_some_and(|known| known.capability == Capability::Resolve)
            || matches!(
                canonical,
                "importlib.import_module"
                    | "importlib.__import__"
                    | "importlib._bootstrap._gcd_import"
                    | "pkgutil.resolve_name"
                    | "pydoc.locate"
                    | "pydoc.safeimport"
                    | "cloudpickle.subimport"
                    | "dill._import_module"
                    | "hydra.utils.get_method"
                    | "hydra.utils.get_class"
                    | "hydra.utils.get_object"
            );
        if !resolves {
            return None;
        }
        let index = known.and_then(|known| known.argument).or(Some(0));
        let keyword = known.and_then(|known| known.keyword.as_deref()).or(Some("name"));
        let name = arguments.get(index, keyword)?.as_readable()?;
        let dotted = name.replace(':', ".");
        let plain = !dotted.is_empty()
            && dotted.len() < 512
            && dotted.chars().all(|one| one.is_alphanumeric() || matches!(one, '_' | '.'));
        if !plain {
            return None;
        }
        let dotted = dotted.trim_matches('.').to_owned();
        self.note_import(&dotted);
        let value = reached_by(dotted, frame, call.id);
        if let Value::Object(object) = &value
            && self
                .lookup(&object.dotted)
                .is_some_and(|known| known.capability != Capability::Inert)
        {
            self.refer(object, call.site);
        }
        Some(value)
    }

    pub(super) fn partial(
        &mut self,
        frame: &mut Frame<'p>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let callee = arguments.values.first()?.clone();
        let rest = arguments.values.get(1..).unwrap_or_default().to_vec();
        // What is bound tells most when it is never called in the program itself.
        if let Value::Object(object) = &callee
            && let Some(known) = self.lookup(&object.dotted)
            && known.capability < Capability::Unknown
        {
            let capability = known.capability;
            let mut draft = self.draft(frame, object, Some(known), capability, call);
            draft.called = false;
            draft.reached_by = call.id.map(|id| frame.show(id));
            let bound = Arguments {
                values: rest.clone(),
                keywords: arguments.keywords.clone(),
                shown: None,
            };
            self.called.insert(object.dotted.clone());
            self.effect(draft, &bound, budget);
        }
        Some(Value::bound(Bound::Partial {
            callee,
            arguments: rest,
            keywords: arguments.keywords.clone(),
        }))
    }

    /// Whether `canonical` makes a wrapper of a function of this source, and does not call it.
    fn decorates(&self, canonical: &str, arguments: &Arguments) -> bool {
        const DECORATORS: [&str; 11] = [
            "abc.abstractmethod",
            "builtins.classmethod",
            "builtins.property",
            "builtins.staticmethod",
            "contextlib.asynccontextmanager",
            "contextlib.contextmanager",
            "functools.cache",
            "functools.cached_property",
            "functools.lru_cache",
            "functools.update_wrapper",
            "functools.wraps",
        ];
        let own = matches!(arguments.values.first(), Some(Value::Define(_) | Value::Function(_)));
        let source = self.is_source();
        own && source && DECORATORS.contains(&canonical)
    }

    /// A call that happens inside the call at `call`, as one that was reached by it.
    fn through(&self, frame: &Frame<'p>, call: &CallSite) -> CallSite {
        CallSite { via: call.id.map(|id| frame.show(id).into()), callee: None, ..call.clone() }
    }

    /// `map(f, values)`: calls `f` with each.
    fn map(
        &mut self,
        frame: &mut Frame<'p>,
        canonical: &str,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let callee = arguments.values.first()?.clone();
        let source = arguments.values.get(1).cloned().unwrap_or_default();
        let through = self.through(frame, call);
        let elements = elements(&source).unwrap_or_else(|| vec![Value::Unknown]);
        let mut results = Vec::new();
        for element in elements.iter().take(MAX_ELEMENTS) {
            let values = match element.sequence() {
                Some(parts) if canonical == "itertools.starmap" => parts.to_vec(),
                _ => vec![element.clone()],
            };
            self.allow_run(&callee, element);
            let one = Arguments { values, ..Arguments::default() };
            results.push(self.invoke(frame, &callee, one, &through, budget));
        }
        if canonical.ends_with("filter") || canonical.ends_with("filterfalse") {
            return Some(source);
        }
        Some(Value::collection(Collection::List, results))
    }

    fn reduce(
        &mut self,
        frame: &mut Frame<'p>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let callee = arguments.values.first()?.clone();
        let through = self.through(frame, call);
        let elements =
            arguments.values.get(1).and_then(Value::sequence).unwrap_or_default().to_vec();
        let mut elements = elements.into_iter().take(MAX_ELEMENTS);
        let mut value = match arguments.values.get(2) {
            Some(initial) => initial.clone(),
            None => elements.next().unwrap_or_default(),
        };
        for element in elements {
            let pair = Arguments { values: vec![value, element], ..Arguments::default() };
            value = self.invoke(frame, &callee, pair, &through, budget);
        }
        Some(value)
    }

    /// A callable that calls one of its arguments, now or later.
    pub(super) fn call_argument(
        &mut self,
        frame: &mut Frame<'p>,
        draft: EffectDraft,
        arguments: Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        let known = draft.known.clone();
        let index = known.as_ref().and_then(|known| known.argument).unwrap_or(0);
        let named = known
            .as_ref()
            .and_then(|known| known.keyword.as_deref())
            .into_iter()
            .chain(["target", "function", "func", "fn", "callback", "initializer"])
            .find_map(|name| arguments.keyword(name));
        let callee = named.or_else(|| arguments.values.get(index)).cloned().unwrap_or_default();
        let inner = if named.is_some() {
            let passed = arguments.keyword("args").and_then(Value::sequence);
            Arguments {
                values: passed.map(<[Value]>::to_vec).unwrap_or_default(),
                ..Arguments::default()
            }
        } else {
            let rest = arguments.values.get(index.saturating_add(1)..).unwrap_or_default();
            // `args=(...)` or one tuple of arguments, as `_rebuild_from_type_v2(f, type, args, state)`.
            let values = match rest.iter().find_map(Value::sequence) {
                Some(only) if draft.capability == Capability::CallArgument => only.to_vec(),
                _ => rest.to_vec(),
            };
            Arguments { values, ..Arguments::default() }
        };
        let callable = matches!(
            callee,
            Value::Object(_) | Value::Bound(_) | Value::Define(_) | Value::Function(_)
        );
        if draft.capability == Capability::CallArgument {
            if callable {
                let through = self.through(frame, call);
                return self.invoke(frame, &callee, inner, &through, budget);
            }
            let source = self.is_source();
            if source && !matches!(callee, Value::Result(_)) {
                return Value::Unknown;
            }
        }
        let Some(effect) = self.effect(draft, &arguments, budget) else { return Value::Unknown };
        if callable {
            let start = self.effects.len();
            let through = self.through(frame, call);
            self.invoke(frame, &callee, inner, &through, budget);
            let later = self.effects.split_off(start.min(self.effects.len()));
            self.flows.retain(|(from, into)| *from < start && *into < start);
            self.attach(effect, later);
        }
        Value::Unknown
    }
}

/// Whether the callable looks up an item of its first argument.
fn is_lookup(canonical: &str) -> bool {
    let types = ["builtins.dict.", "builtins.list.", "builtins.tuple.", "collections.OrderedDict."];
    let method = types.iter().find_map(|class| canonical.strip_prefix(class));
    matches!(method, Some("get" | "__getitem__" | "pop" | "setdefault"))
        || matches!(canonical, "operator.getitem" | "operator.__getitem__")
}

/// `operator.attrgetter`, `itemgetter` and `methodcaller`.
fn getter(canonical: &str, arguments: &Arguments) -> Option<Value> {
    match canonical {
        "operator.attrgetter" => {
            let names: Option<Vec<String>> = arguments
                .values
                .iter()
                .map(|value| value.as_readable().map(str::to_owned))
                .collect();
            Some(Value::bound(Bound::Attributes(names?)))
        }
        "operator.itemgetter" => Some(Value::bound(Bound::Item(arguments.values.first()?.clone()))),
        "operator.methodcaller" => Some(Value::bound(Bound::Method {
            name: arguments.text(0)?.to_owned(),
            arguments: arguments.values.get(1..)?.to_vec(),
            keywords: arguments.keywords.clone(),
        })),
        _ => None,
    }
}
