//! What a name, an attribute or an item leads to.

use super::value::{MAX_NAME, Object, Value};
use super::{Analyser, Frame, Reference, Site, Walk, pure};
use crate::capability::Callable;
use std::rc::Rc;
use wb_core::{Capability, Language, ValueId};

/// Builtin functions by which a program can leave its own data.
const BUILTINS: &str = "get_ipython exec eval compile open getattr setattr delattr hasattr __import__ globals locals vars \
    input breakpoint map filter print str bytes bytearray chr ord int list tuple dict set frozenset \
    type object memoryview reversed sorted min max sum zip enumerate range len isinstance iter next \
    repr format ascii help execfile reload apply raw_input file unichr unicode super id hash dir \
    callable slice float bool complex abs round divmod pow any all issubclass property \
    staticmethod classmethod hex oct bin exit quit";

/// Short names under which modules are imported nearly always.
const ALIASES: &[(&str, &str)] = &[
    ("np", "numpy"),
    ("tf", "tensorflow"),
    ("pd", "pandas"),
    ("K", "keras.backend"),
    ("nn", "torch.nn"),
    ("F", "torch.nn.functional"),
    ("layers", "keras.layers"),
    ("ops", "keras.ops"),
    ("jnp", "jax.numpy"),
    ("plt", "matplotlib.pyplot"),
    ("sp", "subprocess"),
];

/// Modules that are reached through the globals of others and are worth reaching.
const MODULES: &str = "os sys subprocess importlib builtins socket shutil pty posix nt codecs types io \
    linecache warnings commands platform pickle marshal ctypes base64 urllib requests threading \
    multiprocessing asyncio signal pathlib tempfile runpy code glob inspect imp";

/// Attributes that lead from any object to unrelated ones, in every language.
const WALKS: &str = "__globals__ __subclasses__ __mro__ __base__ __bases__ __builtins__ __code__ \
    __closure__ func_globals func_code gi_frame gi_code cr_frame ag_frame f_globals f_locals \
    f_builtins f_back tb_frame mro __loader__ __getattribute__ __reduce_ex__ im_func";

/// Whether `word` is one of the words of `list`.
pub(super) fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

impl<'p> Analyser<'p, '_> {
    /// What is known about `dotted`.
    pub(super) fn lookup(&self, dotted: &str) -> Option<Rc<Callable>> {
        if let Some(answer) = self.answers.borrow().get(dotted) {
            return answer.clone();
        }
        let answer = self.knowledge.callable(dotted).or_else(|| {
            // The builtin functions are all known: those without a capability have none.
            let name = dotted.strip_prefix("builtins.")?;
            (listed(BUILTINS, name) || is_exception(name)).then(|| Callable {
                canonical: dotted.to_owned(),
                capability: Capability::Inert,
                argument: None,
                keyword: None,
                why: "a builtin without effects".to_owned(),
            })
        });
        let answer = answer.map(Rc::new);
        self.answers.borrow_mut().insert(dotted.to_owned(), answer.clone());
        answer
    }

    /// What `dotted` can do; `None` when nothing is known about it.
    pub(super) fn capability_of(&self, dotted: &str) -> Option<Capability> {
        self.lookup(dotted).map(|known| known.capability)
    }

    /// The name inside the last well-known module that `dotted` passes through, when that is known to do
    /// something: `random._os.system` is `os.system`.
    fn passes_through(&self, dotted: &str) -> Option<String> {
        let segments: Vec<&str> = dotted.split('.').collect();
        for (index, segment) in segments.iter().enumerate().skip(1).rev() {
            let module = segment.trim_start_matches('_');
            if index.saturating_add(1) < segments.len() && listed(MODULES, module) {
                let rest = segments.get(index.saturating_add(1)..).unwrap_or_default().join(".");
                let inner = format!("{module}.{rest}");
                let known = self.lookup(&inner);
                if known.is_some_and(|known| known.capability != Capability::Inert) {
                    return Some(inner);
                }
            }
        }
        None
    }

    pub(super) fn import(&mut self, module: &str, name: &str, site: Site) -> Value {
        if name == "*" {
            self.note_import(module);
            self.stars.push(module.to_owned());
            return Value::Unknown;
        }
        let dotted = if name.is_empty() { module.to_owned() } else { format!("{module}.{name}") };
        self.note_import(&dotted);
        if let Some(value) = self.attributes.get(&dotted) {
            return value.clone();
        }
        let mut object = Object { dotted, reached: None, walk: None };
        if self.lookup(&object.dotted).is_none()
            && let Some(inner) = self.passes_through(&object.dotted)
        {
            object.reached = Some(object.dotted.as_str().into());
            object.dotted = inner;
        }
        if matches!(self.language, Language::Pickle | Language::Config) && !name.is_empty() {
            self.refer(&object, site);
        }
        Value::Object(Rc::new(object))
    }

    pub(super) fn refer(&mut self, object: &Object, site: Site) {
        self.references.push(Reference {
            site,
            dotted: object.dotted.clone(),
            reached: object.reached.clone(),
        });
    }

    pub(super) fn load(&mut self, frame: &Frame<'p>, name: &str, site: Site) -> Value {
        if let Some(value) = frame.names.get(name) {
            return value;
        }
        if name.starts_with("parameter ") {
            return Value::Unknown;
        }
        match self.language {
            Language::Jinja | Language::Shell => return Value::Path(name.into()),
            _ => {}
        }
        if name == "__builtins__" {
            return Value::object("builtins");
        }
        if listed(BUILTINS, name) || is_exception(name) {
            let value = Value::object(format!("builtins.{name}"));
            if let Value::Object(object) = &value
                && matches!(name, "exec" | "eval" | "__import__")
            {
                self.refer(object, site);
            }
            return value;
        }
        for module in self.stars.iter().rev() {
            let dotted = format!("{module}.{name}");
            if self.lookup(&dotted).is_some() {
                return Value::object(dotted);
            }
        }
        Value::Path(name.into())
    }

    /// `value.name`. `id` is the op, to show how the result was reached.
    pub(super) fn attribute(
        &mut self,
        frame: &Frame<'p>,
        value: &Value,
        name: &str,
        id: Option<ValueId>,
        site: Site,
    ) -> Value {
        match value {
            Value::Object(object) => self.object_attribute(frame, object, name, id, site),
            Value::Namespace(object) => self.object_attribute(frame, object, name, id, site),
            Value::Globals(walk) => self.global(frame, *walk, name, id, site),
            Value::Either(values) => {
                let values: Vec<Value> =
                    values.iter().map(|one| self.attribute(frame, one, name, id, site)).collect();
                Value::either(values)
            }
            Value::Path(path) if !self.is_walk(name) => {
                let dotted = format!("{path}.{name}");
                if dotted.len() > MAX_NAME {
                    return Value::Unknown;
                }
                match self.plausible(&dotted) {
                    Some(object) => object,
                    None => Value::Path(dotted.into()),
                }
            }
            Value::Walk(_) => self.walk(frame, value, name, id, site),
            Value::Define(_) | Value::Function(_) if name == "__globals__" => Value::Globals(None),
            _ if self.is_walk(name) => self.walk(frame, value, name, id, site),
            _ => Value::method(value, name),
        }
    }

    /// A dotted name that starts with a name nothing defines, when something is known under it.
    pub(super) fn plausible(&self, dotted: &str) -> Option<Value> {
        if self.language == Language::Jinja {
            return None;
        }
        let expanded = expand(dotted);
        let known = self.lookup(&expanded)?;
        // A parameter may be called like a module; only what has an effect is worth that doubt.
        let root = dotted.split('.').next().unwrap_or_default();
        let certain = expanded != dotted || listed(MODULES, root);
        (certain || known.capability == Capability::Inert || dotted.matches('.').count() >= 2)
            .then(|| Value::object(expanded))
    }

    fn object_attribute(
        &mut self,
        frame: &Frame<'p>,
        object: &Rc<Object>,
        name: &str,
        id: Option<ValueId>,
        site: Site,
    ) -> Value {
        let dotted = format!("{}.{name}", object.dotted);
        if dotted.len() > MAX_NAME {
            return Value::Unknown;
        }
        if let Some(value) = self.attributes.get(&dotted) {
            return value.clone();
        }
        match name {
            "__dict__" => return Value::Namespace(Rc::clone(object)),
            "__builtins__" => return Value::object("builtins"),
            "__self__" if object.dotted.starts_with("builtins.") => {
                return Value::object("builtins");
            }
            "__globals__" | "func_globals" => return Value::Globals(object.walk),
            "__call__" | "__func__" | "__wrapped__" => return Value::Object(Rc::clone(object)),
            "__getattribute__" | "__getattr__" => {
                return Value::method(&Value::Object(Rc::clone(object)), name);
            }
            _ => {}
        }
        if self.is_walk(name) && self.lookup(&dotted).is_none() {
            let value = Value::Object(Rc::clone(object));
            return self.walk(frame, &value, name, id, site);
        }
        let mut next = Object { dotted, reached: None, walk: object.walk };
        if object.reached.is_some() {
            next.reached = Some(match id {
                Some(id) => frame.show(id).into(),
                None => next.dotted.as_str().into(),
            });
        }
        if self.lookup(&next.dotted).is_none()
            && let Some(inner) = self.passes_through(&next.dotted)
        {
            next.reached.get_or_insert_with(|| next.dotted.as_str().into());
            next.dotted = inner;
        }
        let dangerous = self.lookup(&next.dotted).is_some_and(|known| {
            matches!(
                known.capability,
                Capability::RunCommand | Capability::RunCode | Capability::LoadLibrary
            )
        });
        if dangerous {
            self.refer(&next, site);
        }
        Value::Object(Rc::new(next))
    }

    /// Whether the attribute leads away from the object.
    fn is_walk(&self, name: &str) -> bool {
        if listed(WALKS, name) {
            return true;
        }
        // A template has no business with any attribute that begins with an underscore.
        let private = name.starts_with("__") || (name.starts_with('_') && name.contains("__"));
        self.language == Language::Jinja && private
    }

    fn walk(
        &mut self,
        frame: &Frame<'p>,
        from: &Value,
        name: &str,
        id: Option<ValueId>,
        site: Site,
    ) -> Value {
        if name == "__builtins__" || name == "f_builtins" {
            let walk = self.note_walk(frame, from, name, id, site);
            return reached_object("builtins".to_owned(), frame, id, walk);
        }
        let walk = self.note_walk(frame, from, name, id, site);
        match name {
            "__globals__" | "func_globals" | "f_globals" => Value::Globals(Some(walk)),
            _ => Value::Walk(walk),
        }
    }

    /// Remembers a walk; the shorter one it goes on from need not be shown any more.
    pub(super) fn note_walk(
        &mut self,
        frame: &Frame<'p>,
        from: &Value,
        name: &str,
        id: Option<ValueId>,
        site: Site,
    ) -> usize {
        if let Some(before) = walk_of(from) {
            self.show_walk(before);
        }
        let text = match id {
            Some(id) => frame.show(id),
            None => format!("{}.{name}", super::render::value(from)),
        };
        self.walks.push(Walk { site, text, shown: false });
        self.walks.len().saturating_sub(1)
    }

    pub(super) fn show_walk(&mut self, index: usize) {
        if let Some(walk) = self.walks.get_mut(index) {
            walk.shown = true;
        }
    }

    /// A name among the globals of some module.
    fn global(
        &mut self,
        frame: &Frame<'p>,
        walk: Option<usize>,
        name: &str,
        id: Option<ValueId>,
        site: Site,
    ) -> Value {
        if walk.is_none()
            && let Some(value) = frame.names.get(name)
        {
            return value;
        }
        let from = Value::Globals(walk);
        if name == "get" || name == "__getitem__" {
            return Value::method(&from, name);
        }
        let dotted = if name == "__builtins__" {
            "builtins".to_owned()
        } else if listed(MODULES, name) {
            name.to_owned()
        } else if listed(BUILTINS, name) {
            format!("builtins.{name}")
        } else {
            // The usual class to come from is in `os`, whose functions are its globals.
            let inside_os = format!("os.{name}");
            let known = self.lookup(&inside_os);
            if known.is_none_or(|known| known.capability == Capability::Inert) {
                if walk.is_none() {
                    return Value::Path(name.into());
                }
                return Value::Walk(self.note_walk(frame, &from, name, id, site));
            }
            inside_os
        };
        let walk = match walk {
            Some(_) => self.note_walk(frame, &from, name, id, site),
            None => return Value::object(dotted),
        };
        reached_object(dotted, frame, id, walk)
    }

    /// `value[key]`.
    pub(super) fn item(
        &mut self,
        frame: &Frame<'p>,
        value: &Value,
        key: &Value,
        id: Option<ValueId>,
        site: Site,
    ) -> Value {
        if let Some(item) = pure::item(value, key).or_else(|| pure::chosen(value, key)) {
            return item;
        }
        let name = key.as_readable().map(str::to_owned);
        match (value, name) {
            (Value::Object(object), Some(name)) if object.dotted == "sys.modules" => {
                reached_by(name, frame, id)
            }
            (Value::Object(object), name) => {
                let known = self.lookup(&object.dotted);
                if known.is_some_and(|known| known.capability == Capability::Environment) {
                    self.environment(object, name.as_deref(), site);
                    return Value::Unknown;
                }
                match name {
                    Some(name) if object.dotted == "builtins" || object.walk.is_some() => {
                        self.object_attribute(frame, object, &name, id, site)
                    }
                    _ => Value::Unknown,
                }
            }
            (Value::Namespace(object), Some(name)) => {
                match self.object_attribute(frame, object, &name, id, site) {
                    Value::Object(found) => reached_by(found.dotted.clone(), frame, id),
                    other => other,
                }
            }
            (Value::Globals(walk), Some(name)) => self.global(frame, *walk, &name, id, site),
            (Value::Walk(_), name) => {
                let name = name.unwrap_or_else(|| "[...]".to_owned());
                self.walk(frame, value, &name, id, site)
            }
            (_, Some(name)) if self.language == Language::Jinja => {
                self.attribute(frame, value, &name, id, site)
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn set_item(&mut self, value: &Value, key: &Value, site: Site) {
        if let Value::Object(object) = value {
            let known = self.lookup(&object.dotted);
            if known.is_some_and(|known| known.capability == Capability::Environment) {
                self.environment(object, key.as_readable(), site);
            }
        }
    }
}

/// Whether a name is that of a builtin exception.
fn is_exception(name: &str) -> bool {
    let class = name.starts_with(|first: char| first.is_ascii_uppercase())
        && ["Error", "Exception", "Warning", "Iteration", "Interrupt", "Exit"]
            .iter()
            .any(|ending| name.ends_with(ending));
    class && !name.contains('.')
}

/// `np.load` is `numpy.load`.
pub(super) fn expand(dotted: &str) -> String {
    let (root, rest) = match dotted.split_once('.') {
        Some((root, rest)) => (root, Some(rest)),
        None => (dotted, None),
    };
    match (ALIASES.iter().find(|(alias, _)| *alias == root), rest) {
        (Some((_, module)), Some(rest)) => format!("{module}.{rest}"),
        (Some((_, module)), None) => (*module).to_owned(),
        _ => dotted.to_owned(),
    }
}

/// An object that the expression `id` leads to.
pub(super) fn reached_by(dotted: String, frame: &Frame<'_>, id: Option<ValueId>) -> Value {
    let reached = id.map(|id| frame.show(id).into());
    Value::Object(Rc::new(Object { dotted, reached, walk: None }))
}

fn reached_object(dotted: String, frame: &Frame<'_>, id: Option<ValueId>, walk: usize) -> Value {
    let reached = Some(match id {
        Some(id) => frame.show(id).into(),
        None => dotted.as_str().into(),
    });
    Value::Object(Rc::new(Object { dotted, reached, walk: Some(walk) }))
}

/// The walk that led to a value.
pub(super) fn walk_of(value: &Value) -> Option<usize> {
    match value {
        Value::Walk(walk) => Some(*walk),
        Value::Globals(walk) => *walk,
        Value::Object(object) | Value::Namespace(object) => object.walk,
        Value::Method(method) => walk_of(&method.0),
        _ => None,
    }
}
