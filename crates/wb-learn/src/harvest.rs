//! [`harvest`]: what is written down about one name when the fixpoint is reached.

use crate::engine::{Engine, Key};
use crate::ir::{ClassId, FunctionId};
use crate::summary::{DeedKey, Summary};
use crate::symbol::Symbol;
use crate::value::{Flow, Object};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::ops::Range;
use wb_core::Capability;
use wb_rules::learned::{Entry, Fact};

/// Methods that run when a pickle restores an instance, with how many of their inputs it decides: `NEWOBJ`,
/// `BUILD`, `SETITEMS`, `APPENDS`, `ADDITEMS`, and what Python itself calls.
/// <https://docs.python.org/3/library/pickle.html>
const RESTORING: [(&str, u32); 10] = [
    ("__new__", u32::MAX),
    ("__setstate__", 2),
    ("__setattr__", 3),
    ("__getattr__", 1),
    ("__getattribute__", 1),
    ("__setitem__", 3),
    ("append", 2),
    ("extend", 2),
    ("add", 2),
    ("__del__", 1),
];

/// Methods that run when an instance is built.
const BUILDING: [(&str, u32); 4] =
    [("__new__", u32::MAX), ("__init__", u32::MAX), ("__post_init__", 1), ("__del__", 1)];

/// Functions that call something of which nothing is known, with what that is.
type Opened = FxHashMap<Key, Symbol>;

/// What stands where a class is inherited from, and is a function that makes classes of tuples or dicts.
const MAKERS: [&str; 4] = [
    "typing.NamedTuple",
    "typing.TypedDict",
    "typing_extensions.NamedTuple",
    "typing_extensions.TypedDict",
];

/// When a class runs methods on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Building,
    Restoring,
}

impl Moment {
    fn hooks(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Building => &BUILDING,
            Self::Restoring => &RESTORING,
        }
    }
}

/// Has everything followed that a class runs on its own, with the class itself as that of the object.
pub(crate) fn demand(engine: &mut Engine<'_>) {
    let reader = Key { function: FunctionId(0), class: None };
    for class in 0..engine.world.classes.len() {
        let class = ClassId::from(class);
        for (name, _) in RESTORING.iter().chain(&BUILDING) {
            if let Some(Hook::Own(keys)) = hook(engine, class, name, reader) {
                keys.into_iter().for_each(|key| engine.demand(key));
            }
        }
    }
    engine.settle();
}

/// Where a class has a method from.
enum Hook {
    /// From the world; several when there are several definitions.
    Own(Vec<Key>),
    /// From a class outside the world, by its dotted name.
    Outside(Symbol),
}

/// The method that a class has under a name; `None` when it is that of `object`.
fn hook(engine: &mut Engine<'_>, class: ClassId, name: &str, reader: Key) -> Option<Hook> {
    let name = engine.world.symbols.of(name);
    let order = engine.order(class);
    for owner in order.iter() {
        match *owner {
            Object::Class(owner) => {
                let found = engine.read(crate::engine::Cell::Name(owner, name), reader);
                let functions = found.objects.iter().filter_map(|object| match object {
                    Object::Function(function) => {
                        Some(Key { function: *function, class: Some(class) })
                    }
                    _ => None,
                });
                let functions: Vec<Key> = functions.collect();
                if !functions.is_empty() {
                    return Some(Hook::Own(functions));
                }
            }
            Object::External(base) => return Some(Hook::Outside(base)),
            _ => {}
        }
    }
    None
}

/// Writes down what is known of every name of the world.
pub(crate) fn harvest(engine: &mut Engine<'_>) -> BTreeMap<String, Entry> {
    let opened = engine.opened();
    let mut entries = BTreeMap::new();
    let functions: Vec<(FunctionId, Symbol)> =
        engine.all().map(|(id, one)| (id, one.path)).collect();
    for (id, path) in functions {
        if engine.world.text(path).contains('<') {
            continue;
        }
        let key = engine.own(id);
        let summary = engine.summary(key, None);
        let fact = fact(engine, &opened, &[(key, &summary)], 0..u32::MAX);
        let name = engine.name(id);
        let name = engine.world.text(name).to_string();
        graver(&mut entries, name, Entry::Function(fact));
    }
    for class in 0..engine.world.classes.len() {
        let class = ClassId::from(class);
        let name = engine.world.class_name(class);
        if name.contains('<') {
            continue;
        }
        let built = class_fact(engine, &opened, class, Moment::Building);
        let restored = class_fact(engine, &opened, class, Moment::Restoring);
        graver(&mut entries, name, Entry::Class(built, restored));
    }
    aliases(engine, &mut entries);
    entries
}

/// Two definitions of one name, under `if` or `try`: the graver one holds.
fn graver(entries: &mut BTreeMap<String, Entry>, name: String, entry: Entry) {
    let weight = |entry: &Entry| match entry {
        Entry::Function(fact) | Entry::Class(fact, _) => fact.capability,
        Entry::Alias(_) => Capability::Inert,
    };
    match entries.get_mut(&name) {
        Some(old) if weight(&entry) < weight(old) => *old = entry,
        Some(_) => {}
        None => {
            entries.insert(name, entry);
        }
    }
}

fn class_fact(engine: &mut Engine<'_>, opened: &Opened, class: ClassId, moment: Moment) -> Fact {
    let mut best: Option<Fact> = None;
    for hook in moment.hooks() {
        for found in hook_facts(engine, opened, class, *hook, moment) {
            if best.as_ref().is_none_or(|best| found.capability < best.capability) {
                best = Some(found);
            }
        }
    }
    best.unwrap_or_else(Fact::inert)
}

/// What one method does that a class runs on its own.
fn hook_facts(
    engine: &mut Engine<'_>,
    opened: &Opened,
    class: ClassId,
    (name, inputs): (&str, u32),
    moment: Moment,
) -> Vec<Fact> {
    let reader = Key { function: FunctionId(0), class: None };
    let keys = match hook(engine, class, name, reader) {
        None => return Vec::new(),
        Some(Hook::Own(keys)) => keys,
        Some(Hook::Outside(base)) => return vec![outside(engine, base, moment)],
    };
    // The object under construction is nobody's input; when restored, its state is.
    let constructs = matches!(name, "__init__" | "__new__");
    let mut facts = Vec::new();
    for key in keys {
        let summary = engine.summary(key, None);
        let mut found = fact(engine, opened, &[(key, &summary)], u32::from(constructs)..inputs);
        if found.capability != Capability::Inert {
            let name = engine.name(key.function);
            found.through = engine.world.text(name).to_string();
        }
        if !constructs {
            (found.argument, found.keyword) = (None, String::new());
        }
        facts.push(found);
    }
    facts
}

/// What a class outside the world does when an instance is built or restored.
fn outside(engine: &mut Engine<'_>, base: Symbol, moment: Moment) -> Fact {
    let through = engine.world.text(base).to_string();
    if MAKERS.contains(&through.as_str()) {
        return Fact::inert();
    }
    let known = match moment {
        Moment::Building => engine.known(base).map(|known| known.capability),
        Moment::Restoring => engine.restored(base),
    };
    match known {
        Some(Capability::Inert) => Fact::inert(),
        capability => Fact {
            capability: capability.unwrap_or(Capability::Unknown),
            argument: None,
            keyword: String::new(),
            through,
        },
    }
}

/// The gravest deed of some functions. Inputs outside `handed` are the object itself, or keep their default:
/// nobody hands them in.
fn fact(
    engine: &mut Engine<'_>,
    opened: &Opened,
    summaries: &[(Key, &Summary)],
    handed: Range<u32>,
) -> Fact {
    let mut best: Option<Found> = None;
    let mut open: Option<Symbol> = None;
    for (key, summary) in summaries {
        open = open.or_else(|| opened.get(key).copied());
        open = open.or(wrapped(engine, opened, key.function, &mut best));
        for (deed_key, deed) in &summary.deeds {
            let mut flow = Flow::default();
            deed.flow.iter().filter(|source| handed.contains(&source.input)).for_each(|source| {
                flow.add(*source);
            });
            let Some(capability) = weighed(deed_key, &flow) else { continue };
            graver_found(&mut best, (capability, flow, deed.through, *key));
        }
        if summary.returns.objects.contains(&Object::Resolved) {
            let through = engine.world.symbols.of("builtins.getattr");
            let found = (Capability::Resolve, summary.returns.flow.clone(), through, *key);
            graver_found(&mut best, found);
        }
    }
    let Some((capability, flow, through, key)) = best else {
        // What calls something of which nothing is known is not known either.
        return match open {
            None => Fact::inert(),
            Some(through) => Fact {
                capability: Capability::Unknown,
                argument: None,
                keyword: String::new(),
                through: engine.world.text(through).to_string(),
            },
        };
    };
    let function = std::rc::Rc::clone(engine.function(key.function));
    let input = flow.inputs().into_iter().find(|input| handed.contains(input));
    let parameter = input
        .and_then(|input| function.parameters.get(usize::try_from(input).unwrap_or(usize::MAX)));
    Fact {
        capability,
        argument: input
            .filter(|_| parameter.is_some())
            .map(|input| input.saturating_sub(handed.start)),
        keyword: parameter.map(|one| engine.world.text(one.name).to_string()).unwrap_or_default(),
        through: engine.world.text(through).to_string(),
    }
}

/// A deed with what decides it, the next link, and whose it is.
type Found = (Capability, Flow, Symbol, Key);

fn graver_found(best: &mut Option<Found>, found: Found) {
    if best.as_ref().is_none_or(|(old, ..)| found.0 < *old) {
        *best = Some(found);
    }
}

/// What decorators add to a function. Answers what is not known of them.
fn wrapped(
    engine: &mut Engine<'_>,
    opened: &Opened,
    function: FunctionId,
    best: &mut Option<Found>,
) -> Option<Symbol> {
    let wrappers = engine.wrappers(function)?.clone();
    if wrappers.is_empty() {
        return Some(engine.world.symbols.of("(decorator)"));
    }
    let mut open = None;
    for wrapper in wrappers.into_iter().filter(|wrapper| *wrapper != function) {
        let key = engine.own(wrapper);
        let summary = engine.summary(key, None);
        open = open.or_else(|| opened.get(&key).copied());
        // That it calls what it wraps is what it is for.
        for (deed_key, deed) in summary.deeds.iter().filter(|(key, _)| key.called.is_none()) {
            if let Some(capability) = weighed(deed_key, &deed.flow) {
                graver_found(best, (capability, Flow::default(), deed.through, key));
            }
        }
    }
    open
}

/// What a deed counts as. What is always done with the same is not decided by whoever calls: a fixed import,
/// a fixed file that is read or a variable of the environment is how packages work; a fixed command is not
/// vouched for.
fn weighed(key: &DeedKey, flow: &Flow) -> Option<Capability> {
    use Capability::{
        AttributeWalk, CallArgument, Environment, Import, Inert, ReadFile, Resolve, Unknown,
    };
    match key.capability {
        Inert => None,
        capability if !flow.is_empty() => Some(capability),
        AttributeWalk | CallArgument | Environment | Import | ReadFile | Resolve | Unknown => None,
        _ => Some(Unknown),
    }
}

/// What each class inherits from, by dotted names: methods of it are found there.
pub(crate) fn bases(engine: &mut Engine<'_>) -> BTreeMap<String, Vec<String>> {
    let mut bases = BTreeMap::new();
    for class in 0..engine.world.classes.len() {
        let class = ClassId::from(class);
        let order = engine.order(class);
        let behind = order.iter().skip(1).filter_map(|one| match one {
            Object::Class(base) => Some(engine.world.class_name(*base)),
            Object::External(base) => Some(engine.world.text(*base).to_string()),
            _ => None,
        });
        let behind: Vec<String> = behind.collect();
        if !behind.is_empty() {
            bases.insert(engine.world.class_name(class), behind);
        }
    }
    bases
}

/// Names that modules give to one function or class that has another: `instantiate = call`.
fn assigned(engine: &mut Engine<'_>, entries: &mut BTreeMap<String, Entry>) {
    let reader = Key { function: FunctionId(0), class: None };
    for (module, name) in engine.bound_names() {
        let value = engine.read(crate::engine::Cell::Global(module, name), reader);
        let mut objects = value.objects.iter();
        let (Some(object), None) = (objects.next(), objects.next()) else { continue };
        let target = match *object {
            Object::Function(function) => engine.name(function),
            Object::Class(class) => engine.class_name(class),
            Object::External(dotted) => dotted,
            _ => continue,
        };
        let owner = engine.world.module(module).name;
        let name = engine.join(owner, name);
        let name = engine.world.text(name).to_string();
        let target = engine.world.text(target).to_string();
        if name != target && !target.contains('<') && !entries.contains_key(&name) {
            entries.insert(name, Entry::Alias(target));
        }
    }
}

/// Names that modules import: other names of what is known.
fn aliases(engine: &mut Engine<'_>, entries: &mut BTreeMap<String, Entry>) {
    assigned(engine, entries);
    for module in &engine.world.modules {
        let own = engine.world.text(module.name);
        for (bound, target) in &module.imports {
            let name = format!("{own}.{}", engine.world.text(*bound));
            let target = engine.world.text(*target).to_string();
            if name != target && !entries.contains_key(&name) {
                entries.insert(name, Entry::Alias(target));
            }
        }
        for star in &module.stars {
            entries.insert(
                format!("{own}.*"),
                Entry::Alias(format!("{}.*", engine.world.text(*star))),
            );
        }
    }
}
