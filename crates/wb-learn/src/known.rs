//! [`Known`]: what is known of callables before their sources are read.

use crate::Learned;
use std::collections::{BTreeMap, BTreeSet};
use wb_code::capability::Callable;
use wb_core::Capability;
use wb_rules::Written;
use wb_rules::learned::{Entry, Fact};

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

    /// What restoring an instance of a class does whose source is not read now.
    fn restored(&self, dotted: &str) -> Option<Capability>;

    /// What is written down about something whose source is read now, and is to hold in its place.
    fn boundary(&self, dotted: &str) -> Option<Primitive>;
}

/// What ships with weighbridge, and what was learned of packages that were read earlier.
#[derive(Debug, Default)]
pub struct Base {
    earlier: BTreeMap<String, Entry>,
    bases: BTreeMap<String, Vec<String>>,
    without: BTreeSet<String>,
    /// Whether what ships is known too.
    on_shipped: bool,
}

/// The most aliases and bases that are followed from one name.
const MAX_ALIASES: usize = 8;

impl Base {
    /// Knowledge without what is written down about some callables: how well they are derived can be seen.
    pub fn without(names: impl IntoIterator<Item = String>) -> Self {
        Self { without: names.into_iter().collect(), ..Self::default() }
    }

    /// Knowledge that builds on what ships, for packages that do not.
    pub fn on_shipped() -> Self {
        Self { on_shipped: true, ..Self::default() }
    }

    /// Adds what was learned of a package, or of another version of it: the graver of two entries holds.
    pub fn add(&mut self, learned: Learned) {
        for (name, entry) in learned.entries {
            let merged = match self.earlier.remove(&name) {
                Some(earlier) => graver(earlier, entry),
                None => entry,
            };
            self.earlier.insert(name, merged);
        }
        self.bases.extend(learned.bases);
    }

    /// Everything that was learned.
    pub fn learned(&self) -> &BTreeMap<String, Entry> {
        &self.earlier
    }

    /// What was learned under a name, or under the name it is another name of.
    pub fn find(&self, dotted: &str) -> Option<(String, &Entry)> {
        self.find_within(dotted, MAX_ALIASES)
    }

    fn find_within(&self, dotted: &str, depth: usize) -> Option<(String, &Entry)> {
        let mut name = dotted.to_owned();
        for _ in 0..MAX_ALIASES {
            match self.earlier.get(&name) {
                Some(Entry::Alias(target)) => name = target.clone(),
                Some(entry) => return Some((name, entry)),
                None => match self.renamed(&name) {
                    Some(other) => name = other,
                    None => return self.inherited(&name, depth.checked_sub(1)?),
                },
            }
        }
        None
    }

    /// A method that a class has from one that it inherits from.
    fn inherited(&self, name: &str, depth: usize) -> Option<(String, &Entry)> {
        let (owner, method) = name.rsplit_once('.')?;
        let bases = self.bases.get(owner)?;
        bases.iter().find_map(|base| self.find_within(&format!("{base}.{method}"), depth))
    }

    /// What was learned now, or what ships.
    fn derived(&self, dotted: &str) -> Option<(String, Entry)> {
        let learned = self.find(dotted).map(|(name, entry)| (name, entry.clone()));
        learned.or_else(|| self.on_shipped.then(|| wb_rules::learned::find(dotted)).flatten())
    }

    /// What people wrote down about a callable, unless it is left out.
    fn written(&self, dotted: &str) -> Option<Written> {
        if HARMLESS_IN_SOURCES.contains(&dotted) {
            return wb_rules::written("builtins.print");
        }
        let written = wb_rules::written(dotted)?;
        let left_out =
            self.without.contains(dotted) || self.without.contains(&written.callable.canonical);
        (!left_out).then_some(written)
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
        let written = self.written(dotted);
        if let Some(written) = &written
            && written.by_name
        {
            return Some(primitive(&written.callable));
        }
        if let Some((canonical, Entry::Function(fact) | Entry::Class(fact, _))) =
            self.derived(dotted)
        {
            if let Some(written) = self.written(&canonical).filter(|written| written.by_name) {
                return Some(primitive(&written.callable));
            }
            if fact.capability != Capability::Unknown || written.is_none() {
                let argument = fact.argument.and_then(|at| usize::try_from(at).ok());
                return Some(Primitive {
                    canonical,
                    capability: fact.capability,
                    argument,
                    keyword: Some(fact.keyword).filter(|keyword| !keyword.is_empty()),
                });
            }
        }
        written.map(|written| primitive(&written.callable))
    }

    fn restored(&self, dotted: &str) -> Option<Capability> {
        match self.derived(dotted) {
            Some((_, Entry::Class(_, restored))) if restored.capability != Capability::Unknown => {
                Some(restored.capability)
            }
            _ => self.known(dotted).map(|known| known.capability),
        }
    }

    fn boundary(&self, dotted: &str) -> Option<Primitive> {
        let written = self.written(dotted).filter(|written| written.by_name)?;
        Some(primitive(&written.callable))
    }
}

/// Python 2 ran what `input` read; sources are those of Python 3, where it prints its prompt. Text that is compiled
/// does nothing until it is run, which is another call; annotations are compiled everywhere.
const HARMLESS_IN_SOURCES: [&str; 2] = ["builtins.input", "builtins.compile"];

/// What two versions of one thing can do.
fn graver(one: Entry, other: Entry) -> Entry {
    let worse = |one: Fact, other: Fact| match one.capability < other.capability {
        true => one,
        false => other,
    };
    match (one, other) {
        (Entry::Function(one), Entry::Function(other)) => Entry::Function(worse(one, other)),
        (Entry::Class(built, restored), Entry::Class(other, also)) => {
            Entry::Class(worse(built, other), worse(restored, also))
        }
        (one, Entry::Alias(_)) => one,
        (_, other) => other,
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
