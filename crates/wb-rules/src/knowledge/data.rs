//! [`Facts`]: the data files, parsed. Only text that ships in the binary is read here, so a mistake in it
//! is a bug that the tests of this module find.

use super::pattern::Pattern;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use wb_core::Capability;

/// One data file per package; a name here is a file in `data/callables/`.
macro_rules! callables {
    ($($name:ident,)+) => {
        const CALLABLES: &[(&str, &str)] = &[$((
            concat!("callables/", stringify!($name), ".toml"),
            include_str!(concat!("../../data/callables/", stringify!($name), ".toml")),
        ),)+];
    };
}

callables![
    builtins,
    code,
    deserialize,
    files,
    jinja,
    keras,
    native,
    network,
    numeric,
    os,
    paddle,
    resolve,
    standard_library,
    subprocess,
    tensorflow,
    torch,
];

const ALIASES: &str = include_str!("../../data/aliases.toml");
const COMMANDS: &str = include_str!("../../data/commands.toml");
const CALLABLES_TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/callables.tsv"));
const COMMANDS_TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/commands.tsv"));
const STANDARD_LIBRARY: &str = include_str!("../../data/standard_library.txt");

/// Every data file of this module, by name.
pub(super) fn sources() -> Vec<(&'static str, &'static str)> {
    let mut sources = CALLABLES.to_vec();
    sources.push(("aliases.toml", ALIASES));
    sources.push(("commands.toml", COMMANDS));
    sources.push(("standard_library.txt", STANDARD_LIBRARY));
    sources
}

/// What a data file says about one callable or one group of them.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// What it can do.
    pub capability: Capability,
    /// Position of the argument that matters.
    pub argument: Option<usize>,
    /// Its name as a keyword.
    pub keyword: Option<String>,
    /// Why, in one clause.
    pub why: Arc<str>,
    /// The data file that says so.
    pub origin: &'static str,
}

/// FNV-1a, for tables whose keys ship with the binary: nobody can choose them to collide, and loading the
/// tables is most of what a small scan costs.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A table with keys that ship with the binary.
type Shipped<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

/// All facts, by exact name and by pattern.
#[derive(Debug)]
pub(super) struct Facts {
    facts: Vec<Fact>,
    exact: Shipped<String, usize>,
    /// By literal first segment, the most specific pattern first; `""` holds those without one.
    patterns: Shipped<String, Vec<(Pattern, usize)>>,
    modules: Shipped<&'static str, &'static str>,
    names: Shipped<&'static str, &'static str>,
    /// First segments of all aliases: most names have none of them.
    aliased: HashSet<&'static str, BuildHasherDefault<Fnv>>,
    pub(super) standard: HashSet<&'static str>,
}

/// One group of names about which the same is known: a line of a table that the build script makes of the
/// data files.
struct Group {
    origin: &'static str,
    module: &'static str,
    capability: &'static str,
    argument: Option<usize>,
    keyword: Option<&'static str>,
    why: &'static str,
    names: &'static str,
}

/// The groups of a table.
fn groups(table: &'static str) -> impl Iterator<Item = Group> {
    table.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Group {
            origin: next()?,
            module: next()?,
            capability: next()?,
            argument: next()?.parse().ok(),
            keyword: next().filter(|keyword| !keyword.is_empty()),
            why: next()?,
            names: next()?,
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aliases {
    #[serde(borrow)]
    modules: Shipped<&'static str, &'static str>,
    #[serde(borrow)]
    names: Shipped<&'static str, &'static str>,
}

impl Facts {
    /// Reads the data files.
    pub(super) fn read() -> Self {
        let aliases: Aliases = parse(ALIASES);
        let all = aliases.modules.keys().chain(aliases.names.keys());
        let mut facts = Self {
            facts: Vec::new(),
            exact: Shipped::with_capacity_and_hasher(4096, BuildHasherDefault::default()),
            patterns: Shipped::default(),
            aliased: all.filter_map(|name| name.split('.').next()).collect(),
            modules: aliases.modules,
            names: aliases.names,
            standard: STANDARD_LIBRARY.lines().collect(),
        };
        for group in groups(CALLABLES_TABLE) {
            facts.add(&group);
        }
        for patterns in facts.patterns.values_mut() {
            patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity()));
        }
        facts
    }

    fn add(&mut self, group: &Group) {
        let index = self.facts.len();
        self.facts.push(fact(group));
        let module = group.module;
        for name in group.names.split(' ') {
            let full = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
            match Pattern::parse(&full) {
                Some(pattern) => {
                    let first = pattern.first().to_owned();
                    self.patterns.entry(first).or_default().push((pattern, index));
                }
                None => self.add_exact(self.canonical(&full), index),
            }
        }
    }

    /// Two spellings of one name may stand in two groups; the graver word holds.
    fn add_exact(&mut self, name: String, index: usize) {
        let facts = &self.facts;
        let grave = |index: usize| facts.get(index).map(|fact| fact.capability);
        self.exact
            .entry(name)
            .and_modify(|old| {
                if grave(index) < grave(*old) {
                    *old = index;
                }
            })
            .or_insert(index);
    }

    pub(super) fn exact(&self, canonical: &str) -> Option<&Fact> {
        self.facts.get(*self.exact.get(canonical)?)
    }

    pub(super) fn knows_package(&self, root: &str) -> bool {
        self.patterns.contains_key(root)
    }

    /// The most specific pattern that fits.
    pub(super) fn pattern(&self, canonical: &str) -> Option<&Fact> {
        let segments: Rc<[&str]> = canonical.split('.').collect();
        let first = segments.first().copied().unwrap_or_default();
        let find = |key: &str| {
            let patterns = self.patterns.get(key)?;
            patterns.iter().find(|(pattern, _)| pattern.fits(&segments)).map(|(_, index)| *index)
        };
        self.facts.get(find(first).or_else(|| find(""))?)
    }

    /// Replaces the longest alias at the front of `dotted`, again and again while there is one.
    pub(super) fn canonical(&self, dotted: &str) -> String {
        let mut name = dotted.to_owned();
        // No chain of aliases in the data is longer than three; a cycle would be a mistake in it.
        for _ in 0..4 {
            match self.replaced(&name) {
                Some(next) if next != name => name = next,
                _ => break,
            }
        }
        name
    }

    fn replaced(&self, name: &str) -> Option<String> {
        if !self.aliased.contains(name.split('.').next()?) {
            return None;
        }
        if let Some(other) = self.names.get(name) {
            return Some((*other).to_owned());
        }
        let mut end = name.len();
        while let Some(dot) = name.get(..end)?.rfind('.') {
            let (module, rest) = name.split_at(dot);
            if let Some(other) = self.modules.get(module) {
                return Some(format!("{other}{rest}"));
            }
            end = dot;
        }
        None
    }
}

/// What is known about programs started by commands, by lower-case name.
pub(super) fn commands() -> HashMap<&'static str, Fact> {
    let mut commands: HashMap<&'static str, Fact> = HashMap::new();
    for group in groups(COMMANDS_TABLE) {
        let known = fact(&group);
        for name in group.names.split(' ') {
            let kept = commands.entry(name).or_insert_with(|| known.clone());
            if known.capability < kept.capability {
                *kept = known.clone();
            }
        }
    }
    commands
}

fn fact(group: &Group) -> Fact {
    Fact {
        capability: Capability::from_name(group.capability).unwrap_or(Capability::Unknown),
        argument: group.argument,
        keyword: group.keyword.map(str::to_owned),
        why: group.why.into(),
        origin: group.origin,
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> T {
    toml::from_str(text).expect("the shipped data files parse: a test reads each of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_in_the_data_has_a_known_name() {
        for group in groups(CALLABLES_TABLE).chain(groups(COMMANDS_TABLE)) {
            let known = Capability::from_name(group.capability);
            assert!(known.is_some(), "{}: {}", group.origin, group.capability);
            assert!(!group.why.ends_with('.'), "{}: {}", group.origin, group.why);
        }
    }

    #[test]
    fn every_data_file_is_in_the_table_and_in_the_rulebook() {
        let in_table: HashSet<&str> = groups(CALLABLES_TABLE).map(|group| group.origin).collect();
        let listed: HashSet<&str> = CALLABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(in_table, listed);
    }

    #[test]
    fn no_alias_leads_in_a_circle() {
        let facts = Facts::read();
        for name in facts.modules.keys() {
            let once = facts.canonical(&format!("{name}.x"));
            assert_eq!(once, facts.canonical(&once), "{name}");
        }
    }
}
