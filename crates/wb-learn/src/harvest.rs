//! [`harvest`]: what is written down about one name when the fixpoint is reached.

use crate::engine::{Engine, Key};
use crate::ir::{ClassId, FunctionId};
use crate::summary::{DeedKey, Summary};
use crate::symbol::Symbol;
use crate::value::{Flow, Object};
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

/// Has everything followed that a class runs on its own, with the class itself as that of the object.
pub(crate) fn demand(engine: &mut Engine<'_>) {
    let reader = Key { function: FunctionId(0), class: None };
    for class in 0..engine.world.classes.len() {
        let class = ClassId::from(class);
        for (name, _) in RESTORING.iter().chain(&BUILDING) {
            if let Some(key) = hook(engine, class, name, reader) {
                engine.demand(key);
            }
        }
    }
    engine.settle();
}

/// The method that a class has under a name, when it stands in the world.
fn hook(engine: &mut Engine<'_>, class: ClassId, name: &str, reader: Key) -> Option<Key> {
    let name = engine.world.symbols.find(name)?;
    let order = engine.order(class);
    order.iter().find_map(|owner| {
        let Object::Class(owner) = owner else { return None };
        let found = engine.read(crate::engine::Cell::Name(*owner, name), reader);
        found.objects.iter().find_map(|object| match object {
            Object::Function(function) => Some(Key { function: *function, class: Some(class) }),
            _ => None,
        })
    })
}

/// Writes down what is known of every name of the world.
pub(crate) fn harvest(engine: &mut Engine<'_>) -> BTreeMap<String, Entry> {
    let mut entries = BTreeMap::new();
    let functions: Vec<(FunctionId, Symbol)> =
        engine.all().map(|(id, one)| (id, one.path)).collect();
    for (id, path) in functions {
        if engine.world.text(path).contains('<') {
            continue;
        }
        let key = engine.own(id);
        let summary = engine.summary(key, None);
        let fact = fact(engine, &[(key, &summary)], 0..u32::MAX);
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
        let built = class_fact(engine, class, &BUILDING);
        let restored = class_fact(engine, class, &RESTORING);
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

fn class_fact(engine: &mut Engine<'_>, class: ClassId, hooks: &[(&str, u32)]) -> Fact {
    let reader = Key { function: FunctionId(0), class: None };
    let mut summaries = Vec::new();
    for (name, inputs) in hooks {
        if let Some(key) = hook(engine, class, name, reader) {
            let summary = engine.summary(key, None);
            summaries.push((key, summary, *name, *inputs));
        }
    }
    let mut best: Option<Fact> = None;
    for (key, summary, hook, inputs) in &summaries {
        // The object under construction is nobody's input; when restored, its state is.
        let ignored = u32::from(matches!(*hook, "__init__" | "__new__"));
        let mut found = fact(engine, &[(*key, summary)], ignored..*inputs);
        if found.through.is_empty() || found.capability != Capability::Inert {
            let name = engine.name(key.function);
            found.through = engine.world.text(name).to_string();
        }
        if !matches!(*hook, "__init__" | "__new__") {
            (found.argument, found.keyword) = (None, String::new());
        }
        if best.as_ref().is_none_or(|best| found.capability < best.capability) {
            best = Some(found);
        }
    }
    best.unwrap_or_else(Fact::inert)
}

/// The gravest deed of some functions. Inputs outside `handed` are the object itself, or keep their default:
/// nobody hands them in.
fn fact(engine: &mut Engine<'_>, summaries: &[(Key, &Summary)], handed: Range<u32>) -> Fact {
    let mut best: Option<(Capability, &DeedKey, Flow, Symbol, Key)> = None;
    for (key, summary) in summaries {
        for (deed_key, deed) in &summary.deeds {
            let mut flow = Flow::default();
            deed.flow.iter().filter(|source| handed.contains(&source.input)).for_each(|source| {
                flow.add(*source);
            });
            let Some(capability) = weighed(deed_key, &flow) else { continue };
            if best.as_ref().is_none_or(|(old, ..)| capability < *old) {
                best = Some((capability, deed_key, flow, deed.through, *key));
            }
        }
        if summary.returns.objects.contains(&Object::Resolved)
            && best.as_ref().is_none_or(|(old, ..)| Capability::Resolve < *old)
        {
            let key = *key;
            let through = engine.world.symbols.of("builtins.getattr");
            const RESOLVE: DeedKey =
                DeedKey { capability: Capability::Resolve, controlled: true, called: None };
            let flow = summary.returns.flow.clone();
            best = Some((Capability::Resolve, &RESOLVE, flow, through, key));
        }
    }
    let Some((capability, _, flow, through, key)) = best else {
        return Fact::inert();
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

/// Names that modules import: other names of what is known.
fn aliases(engine: &Engine<'_>, entries: &mut BTreeMap<String, Entry>) {
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
