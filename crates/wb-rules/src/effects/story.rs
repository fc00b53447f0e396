//! [`Story`]: one thing a program does, with the steps that only prepare it.

use super::{Setting, gravest};
use crate::knowledge;
use std::collections::BTreeSet;
use wb_code::capability::Effects;
use wb_core::{Capability, Effect, Indicator, Language, Op, OpKind, Payload, Program, ValueId};

/// How many ops are followed from one call to what it is made of.
const FOLLOWED: usize = 4096;

/// One call and what it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Story<'a> {
    /// The program.
    pub program: &'a Program,
    /// The call itself.
    pub main: &'a Effect,
    /// Effects that only prepare the call: names resolved, modules imported, data decoded.
    pub steps: Vec<&'a Effect>,
    /// The gravest thing that it does, inside decoded code too.
    pub capability: Capability,
    /// Whether the program imports the module of what is called.
    pub imported: bool,
}

impl<'a> Story<'a> {
    /// Everything that happens: steps first, then the call, then what is inside it.
    pub(crate) fn all(&self) -> Vec<&'a Effect> {
        let mut all: Vec<&'a Effect> = self.steps.iter().flat_map(|step| step.flatten()).collect();
        all.extend(self.main.flatten());
        all
    }

    /// What an analyst would say is called: the gravest callable inside a function that is only rebuilt, the
    /// callable itself otherwise.
    pub(crate) fn deed(&self) -> &'a Effect {
        if !super::grade::builds_function(&self.main.callable) {
            return self.main;
        }
        let inside = self.main.inner.iter().flat_map(Effect::flatten);
        inside.min_by_key(|effect| effect.capability).unwrap_or(self.main)
    }

    /// Every layer of what would run, the innermost last, each once.
    pub(crate) fn payloads(&self) -> Vec<Payload> {
        let mut payloads: Vec<Payload> = Vec::new();
        for payload in self.all().into_iter().flat_map(|effect| &effect.payloads) {
            if !payloads.contains(payload) {
                payloads.push(payload.clone());
            }
        }
        payloads
    }

    /// Every indicator, each once, in order.
    pub(crate) fn indicators(&self) -> Vec<Indicator> {
        let mut seen = BTreeSet::new();
        let all = self.all();
        let indicators = all.into_iter().flat_map(|effect| &effect.indicators);
        indicators.filter(|indicator| seen.insert((*indicator).clone())).cloned().collect()
    }
}

/// The stories of a program, in the order of its effects.
pub(crate) fn stories<'a>(
    program: &'a Program,
    effects: &'a Effects,
    setting: Setting,
) -> Vec<Story<'a>> {
    let list = &effects.effects;
    let owners = owners(program, effects, setting);
    let grave = list.iter().any(|effect| effect.called && gravest(effect) < Capability::Defer);
    let mut stories = Vec::new();
    for (index, main) in list.iter().enumerate() {
        let told = owners.get(index).is_some_and(Option::is_some);
        // In a template the walk is only the way to what is called at its end.
        let way = setting == Setting::Template && grave && gravest(main) >= Capability::Defer;
        if told || way || imported_to_be_called(main, list) || is_method_of_result(main, list) {
            continue;
        }
        let steps = list.iter().zip(&owners).filter(|(_, owner)| **owner == Some(index));
        let steps: Vec<&Effect> = steps.map(|(effect, _)| effect).collect();
        let root = main.callable.split('.').next().unwrap_or_default();
        let imported =
            effects.imports.iter().any(|name| name.split('.').next().unwrap_or_default() == root);
        let capability = capability(main);
        stories.push(Story { program, main, steps, capability, imported });
    }
    stories
}

/// A call that itself does little is as grave as what it leads to; one that runs code or unpickles is known
/// by that.
fn capability(main: &Effect) -> Capability {
    match main.capability {
        strong if strong <= Capability::Deserialize => strong,
        weak if main.called => weak.min(gravest(main)),
        named => named,
    }
}

fn imported_to_be_called(effect: &Effect, list: &[Effect]) -> bool {
    !effect.called && list.iter().any(|other| other.called && other.callable == effect.callable)
}

/// `os.popen(...).read()`: what is done with the result of a call that is told anyway.
fn is_method_of_result(effect: &Effect, list: &[Effect]) -> bool {
    let of = |other: &Effect| effect.callable.strip_prefix(&other.callable)?.strip_prefix('.');
    effect.capability == Capability::Unknown
        && list.iter().any(|other| other.called && of(other).is_some())
}

/// For each effect, the later effect that it only prepares.
fn owners(program: &Program, effects: &Effects, setting: Setting) -> Vec<Option<usize>> {
    let list = &effects.effects;
    let source = is_source(program, setting);
    let mut owners = vec![None; list.len()];
    if list.len() < 2 || list.len() > FOLLOWED {
        return owners;
    }
    for (index, main) in list.iter().enumerate().rev().filter(|(_, main)| main.called) {
        if owners.get(index).is_some_and(Option::is_some) {
            continue;
        }
        let parts = parts(program, main.op, source);
        let receivers = receivers(program, main.op);
        // What is derived of a callable that runs code somewhere inside says little about what it is given.
        let runs =
            source && knowledge::written(&main.callable).is_some_and(|written| written.by_name);
        for (at, step) in list.iter().enumerate() {
            let part = at != index && parts.contains(&step.op) && step.op != main.op;
            // `HTTPSConnection(host).request(...)`: the object and its method are one call to an analyst.
            let receiver = receivers.contains(&step.op) && gravest(step) == gravest(main);
            let fed = (source && part) || (runs && effects.flows.contains(&(at, index)));
            if (part && (prepares(step, main) || receiver) || fed && fetches(step, main))
                && let Some(owner) = owners.get_mut(at)
            {
                owner.get_or_insert(index);
            }
        }
    }
    owners
}

/// Whether `step`, whose value goes into `main`, is no deed of its own.
fn prepares(step: &Effect, main: &Effect) -> bool {
    let (step, main) = (gravest(step), main.capability);
    match main {
        Capability::RunCommand | Capability::RunCode => {
            step == Capability::RunCode
                || step == Capability::Deserialize
                || step >= Capability::Defer
        }
        _ => step >= Capability::Defer && main <= step,
    }
}

/// Whether `step` fetches what `main` runs.
fn fetches(step: &Effect, main: &Effect) -> bool {
    let runs = matches!(main.capability, Capability::RunCommand | Capability::RunCode);
    runs && gravest(step) == Capability::Network
}

/// Whether `program` is source for people: to fetch or to run is everyday there, to run what was fetched is not, be
/// it kept in a variable between. In a model each is a deed of its own; a shell's pipes are followed elsewhere.
pub(super) fn is_source(program: &Program, setting: Setting) -> bool {
    match setting {
        Setting::Module => true,
        Setting::Script => matches!(program.language, Language::Python | Language::CPython),
        _ => false,
    }
}

/// The ops that make the object whose method the op at `start` calls.
fn receivers(program: &Program, start: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut at = start;
    while let Some(op) = program.ops.get(at).filter(|_| seen.len() < 64) {
        at = match &op.kind {
            OpKind::Call { callee, .. } => callee.index(),
            OpKind::GetAttribute { of, .. } | OpKind::GetItem { of, .. } => of.index(),
            OpKind::Store { value, .. } => value.index(),
            _ => break,
        };
        seen.insert(at);
    }
    seen
}

/// The ops whose values go into the op at `start`, itself left out; through variables too when `named`.
fn parts(program: &Program, start: usize, named: bool) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        if seen.len() >= FOLLOWED {
            break;
        }
        let Some(op) = program.ops.get(at) else { continue };
        if let (OpKind::Load { name }, true) = (&op.kind, named)
            && let Some(stored) = last_store(program, at, name)
            && seen.insert(stored)
        {
            open.push(stored);
        }
        for value in operands(&op.kind) {
            if seen.insert(value.index()) {
                open.push(value.index());
            }
        }
    }
    seen
}

/// The op that gave `name` its value before the op at `at`; those far above are not looked for.
fn last_store(program: &Program, at: usize, name: &str) -> Option<usize> {
    let first = at.saturating_sub(FOLLOWED);
    let before = program.ops.get(first..at)?;
    let stores = |op: &Op| matches!(&op.kind, OpKind::Store { name: stored, .. } if stored == name);
    before.iter().rposition(stores).map(|index| first + index)
}

/// The values that an op uses.
fn operands(kind: &OpKind) -> Vec<ValueId> {
    match kind {
        OpKind::GetAttribute { of, .. } => vec![*of],
        OpKind::GetItem { of, key } => vec![*of, *key],
        OpKind::Call { callee, arguments, keywords, .. } => {
            let keywords = keywords.iter().map(|(_, value)| *value);
            [*callee].into_iter().chain(arguments.iter().copied()).chain(keywords).collect()
        }
        OpKind::SetAttribute { of, value, .. } => vec![*of, *value],
        OpKind::SetItem { of, key, value } => vec![*of, *key, *value],
        OpKind::Build { of, state } => vec![*of, *state],
        OpKind::Collect { items, .. } => items.iter().copied().take(FOLLOWED).collect(),
        OpKind::Store { value, .. } | OpKind::Return { value } => vec![*value],
        OpKind::Persistent { id } => vec![*id],
        OpKind::Opaque { uses, .. } => uses.clone(),
        OpKind::Constant(_)
        | OpKind::Import { .. }
        | OpKind::Load { .. }
        | OpKind::Define { .. }
        | OpKind::Extension { .. } => Vec::new(),
    }
}
