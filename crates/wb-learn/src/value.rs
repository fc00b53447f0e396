//! [`Value`]: what is known of a value while a function is followed.
//!
//! A value has two sides. Its [`Flow`] says from which inputs of the function it can come, in whole or in
//! part. Its *objects* are the functions, classes, modules and instances it can be. Both only ever grow, and
//! both are bounded: sources beyond [`MAX_SOURCES`] are told without their field, objects beyond
//! [`MAX_OBJECTS`] are forgotten.

use crate::ir::{ClassId, FunctionId, ModuleId};
use crate::symbol::Symbol;
use std::collections::BTreeSet;

/// The most sources of one value that are told with their field.
const MAX_SOURCES: usize = 8;

/// The most objects that one value can be.
const MAX_OBJECTS: usize = 16;

/// An input of a function, or one attribute of it: parameters by position, then captured variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source {
    pub input: u32,
    pub field: Option<Symbol>,
}

/// The inputs from which a value can come.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow(Vec<Source>);

impl Flow {
    pub(crate) fn of(input: u32) -> Self {
        Self(vec![Source { input, field: None }])
    }

    pub(crate) const fn empty() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Adds the sources of another; `true` when there were new ones.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let mut grew = false;
        for source in &other.0 {
            grew |= self.add(*source);
        }
        grew
    }

    pub(crate) fn add(&mut self, source: Source) -> bool {
        let whole = Source { field: None, ..source };
        if self.0.contains(&source) || self.0.contains(&whole) {
            return false;
        }
        let source = if self.0.len() < MAX_SOURCES { source } else { whole };
        let at = self.0.partition_point(|one| *one < source);
        self.0.insert(at, source);
        true
    }

    /// The sources of an attribute of the value.
    pub(crate) fn field(&self, name: Symbol) -> Self {
        let mut flow = Self::default();
        for source in &self.0 {
            flow.add(Source { input: source.input, field: source.field.or(Some(name)) });
        }
        flow
    }

    /// The inputs, without fields.
    pub(crate) fn inputs(&self) -> BTreeSet<u32> {
        self.0.iter().map(|source| source.input).collect()
    }
}

/// Something that a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Object {
    Function(FunctionId),
    Class(ClassId),
    Module(ModuleId),
    /// A method with its object, an instance of the class.
    Bound(FunctionId, ClassId),
    Instance(ClassId),
    /// Something outside the world, by dotted name.
    External(Symbol),
    /// What calling something outside the world returns.
    ExternalResult(Symbol),
    /// Exactly what the function was given, or an attribute or item of it.
    Input(Source),
    /// Found by a name that the function was given.
    Resolved,
}

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Value {
    pub flow: Flow,
    pub objects: Objects,
}

/// The objects that a value can be, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Objects(Vec<Object>);

impl Objects {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there may have been more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_OBJECTS
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Object> {
        self.0.iter()
    }

    pub(crate) fn contains(&self, object: &Object) -> bool {
        self.0.contains(object)
    }

    /// Adds an object, unless there are too many already; `true` when it is new.
    pub(crate) fn insert(&mut self, object: Object) -> bool {
        if self.0.len() >= MAX_OBJECTS || self.0.contains(&object) {
            return false;
        }
        let at = self.0.partition_point(|one| *one < object);
        self.0.insert(at, object);
        true
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&Object) -> bool) {
        self.0.retain(keep);
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        let mut all = Self::new();
        for object in objects {
            all.insert(object);
        }
        all
    }
}

impl<'a> IntoIterator for &'a Objects {
    type Item = &'a Object;
    type IntoIter = std::slice::Iter<'a, Object>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Value {
    pub(crate) fn object(object: Object) -> Self {
        Self { flow: Flow::default(), objects: Objects(vec![object]) }
    }

    pub(crate) fn flow(flow: Flow) -> Self {
        Self { flow, objects: Objects::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flow.is_empty() && self.objects.is_empty()
    }

    /// Adds what another can be; `true` when that is new.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let grew = self.flow.join(&other.flow);
        self.join_objects(&other.objects) || grew
    }

    pub(crate) fn join_objects(&mut self, objects: &Objects) -> bool {
        let mut grew = false;
        for object in objects {
            grew |= self.add(*object);
        }
        grew
    }

    pub(crate) fn add(&mut self, object: Object) -> bool {
        self.objects.insert(object)
    }
}
