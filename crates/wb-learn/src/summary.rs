//! [`Summary`]: what calling a function does, in terms of what it is given.

use crate::engine::Key;
use crate::symbol::Symbol;
use crate::value::{Flow, Source, Value};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::Capability;

/// One thing that a function can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    /// The inputs that decide what it is done with. Empty: it is always done with the same.
    pub flow: Flow,
    /// The callee that does it, by dotted name: the next link of the chain.
    pub through: Symbol,
    /// For a call of an input: the inputs that the call hands on.
    pub given: Flow,
}

/// Which deed: of a capability, and for calls of what is given, of which input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeedKey {
    pub capability: Capability,
    /// Whether an input decides.
    pub controlled: bool,
    /// The input that is called, for [`Capability::CallArgument`].
    pub called: Option<Source>,
}

/// What calling a function does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub deeds: BTreeMap<DeedKey, Deed>,
    pub returns: Value,
    /// What it writes into attributes of its inputs.
    pub writes: BTreeMap<Source, Flow>,
    /// The first callee that is not known, when there is one: then the rest is not all that it does. It and
    /// the next say what the last reading found, because an early one does not yet know what comes later.
    pub open: Option<Symbol>,
    /// The functions of the world that it calls.
    pub calls: BTreeSet<Key>,
}

/// The most inputs of one function that are known to be called.
const MAX_CALLED: usize = 12;

/// The most attributes of inputs that are told apart when they are written.
const MAX_WRITES: usize = 24;

impl Summary {
    /// Adds a deed; the first way to it stays the one that is told.
    pub(crate) fn add(&mut self, key: DeedKey, flow: &Flow, through: Symbol, given: &Flow) {
        if let Some(deed) = self.deeds.get_mut(&key) {
            deed.flow.join(flow);
            deed.given.join(given);
            return;
        }
        if key.called.is_some() && self.deeds.len() > MAX_CALLED + Capability::ALL.len() {
            return;
        }
        let deed = Deed { flow: flow.clone(), through, given: given.clone() };
        self.deeds.insert(key, deed);
    }

    /// Notes that something of `flow` goes into an attribute of an input.
    pub(crate) fn write(&mut self, input: u32, field: Option<Symbol>, flow: &Flow) {
        if !flow.is_empty() {
            let known = self.writes.contains_key(&Source { input, field });
            let field = field.filter(|_| known || self.writes.len() < MAX_WRITES);
            self.writes.entry(Source { input, field }).or_default().join(flow);
        }
    }

    /// Joins a newer reading of the same function; `true` when it grew.
    pub(crate) fn join(&mut self, newer: &Self) -> bool {
        let before = (self.deeds.len(), self.weight());
        for (key, deed) in &newer.deeds {
            self.add(*key, &deed.flow, deed.through, &deed.given);
        }
        for (source, flow) in &newer.writes {
            self.write(source.input, source.field, flow);
        }
        let returned = self.returns.join(&newer.returns);
        self.open = newer.open;
        self.calls.clone_from(&newer.calls);
        returned || (self.deeds.len(), self.weight()) != before
    }

    fn weight(&self) -> usize {
        let deeds =
            self.deeds.values().map(|deed| deed.flow.iter().count() + deed.given.iter().count());
        let writes = self.writes.values().map(|flow| flow.iter().count() + 1);
        deeds.sum::<usize>() + writes.sum::<usize>()
    }
}
