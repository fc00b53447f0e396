//! [`Known`]: what is known of callables before their sources are read.

use std::collections::{BTreeMap, BTreeSet};
use wb_code::capability::Callable;
use wb_core::Capability;
use wb_rules::learned::Entry;

/// What is known of one callable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primitive {
    /// Its canonical dotted name.
    pub canonical: String,
    /// What it can do.
    pub capability: Capability,
    /// Position of the argument that matters, where one does.
    pub argument: Option<usize>,
    /// Its name as a keyword.
    pub keyword: Option<String>,
}

/// Knowledge of callables that the analysis builds on.
pub trait Known {
    /// What is known of something whose source is not read now.
    fn known(&self, dotted: &str) -> Option<Primitive>;

    /// What is written down about something whose source is read now, and is to hold in its place.
    fn boundary(&self, dotted: &str) -> Option<Primitive>;
}

/// What ships with weighbridge, and what was learned of packages that were read earlier.
#[derive(Debug, Default)]
pub struct Base {
    earlier: BTreeMap<String, Entry>,
    without: BTreeSet<String>,
}

/// The most aliases that are followed from one name.
const MAX_ALIASES: usize = 8;

impl Base {
    /// Knowledge without what is written down about some callables: how well they are derived can be seen.
    pub fn without(names: impl IntoIterator<Item = String>) -> Self {
        Self { earlier: BTreeMap::new(), without: names.into_iter().collect() }
    }

    /// Adds what was learned of a package.
    pub fn add(&mut self, entries: BTreeMap<String, Entry>) {
        self.earlier.extend(entries);
    }

    /// Everything that was learned.
    pub fn learned(&self) -> &BTreeMap<String, Entry> {
        &self.earlier
    }

    /// What was learned under a name, or under the name it is another name of.
    pub fn find(&self, dotted: &str) -> Option<(String, &Entry)> {
        let mut name = dotted.to_owned();
        for _ in 0..MAX_ALIASES {
            match self.earlier.get(&name) {
                Some(Entry::Alias(target)) => name = target.clone(),
                Some(entry) => return Some((name, entry)),
                None => name = self.renamed(&name)?,
            }
        }
        None
    }

    /// The name with the longest alias at its front replaced.
    fn renamed(&self, name: &str) -> Option<String> {
        let mut end = name.len();
        while let Some(dot) = name.get(..end)?.rfind('.') {
            let (owner, rest) = name.split_at(dot);
            if let Some(Entry::Alias(target)) = self.earlier.get(owner) {
                return Some(format!("{target}{rest}"));
            }
            if let Some(Entry::Alias(target)) = self.earlier.get(&format!("{owner}.*")) {
                return Some(format!("{}{rest}", target.strip_suffix(".*")?));
            }
            end = dot;
        }
        None
    }
}

impl Known for Base {
    fn known(&self, dotted: &str) -> Option<Primitive> {
        let written = wb_rules::written(dotted);
        if let Some(written) = &written
            && written.by_name
        {
            return Some(primitive(&written.callable));
        }
        if let Some((canonical, Entry::Function(fact) | Entry::Class(fact, _))) = self.find(dotted)
        {
            if let Some(written) = wb_rules::written(&canonical).filter(|written| written.by_name) {
                return Some(primitive(&written.callable));
            }
            let argument = fact.argument.and_then(|at| usize::try_from(at).ok());
            return Some(Primitive {
                canonical,
                capability: fact.capability,
                argument,
                keyword: Some(fact.keyword.clone()).filter(|keyword| !keyword.is_empty()),
            });
        }
        written.map(|written| primitive(&written.callable))
    }

    fn boundary(&self, dotted: &str) -> Option<Primitive> {
        let written = wb_rules::written(dotted).filter(|written| written.by_name)?;
        let kept = !self.without.contains(dotted);
        kept.then(|| primitive(&written.callable))
    }
}

fn primitive(callable: &Callable) -> Primitive {
    Primitive {
        canonical: callable.canonical.clone(),
        capability: callable.capability,
        argument: callable.argument,
        keyword: callable.keyword.clone(),
    }
}
