//! The data files as tables of [`Fact`]s. The build script has parsed and sorted them; a look-up is a search
//! in a sorted list, and nothing is loaded before the first name is asked for.

use super::alias::{Aliases, find};
use super::pattern::Pattern;
use std::borrow::Cow;
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
    ipython,
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

/// Every data file of this module, by name.
pub(super) fn sources() -> Vec<(&'static str, &'static str)> {
    let mut sources = CALLABLES.to_vec();
    sources.push(("aliases.toml", include_str!("../../data/aliases.toml")));
    sources.push(("commands.toml", include_str!("../../data/commands.toml")));
    sources.push(("standard_library.txt", include_str!("../../data/standard_library.txt")));
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
    pub keyword: Option<Cow<'static, str>>,
    /// Why, in one clause.
    pub why: Cow<'static, str>,
    /// The data file that says so.
    pub origin: &'static str,
}

// FACTS; EXACT and COMMANDS: name and index of its fact, by name; PATTERNS: literal first segment (empty
// when it is open), pattern and index, by first segment and the most specific first; STANDARD_LIBRARY;
// ALIASED_MODULES, ALIASED_NAMES and ALIASED_FIRSTS as in `Aliases`.
include!(concat!(env!("OUT_DIR"), "/knowledge.rs"));

const ALIASES: Aliases<'static> =
    Aliases { modules: ALIASED_MODULES, names: ALIASED_NAMES, firsts: ALIASED_FIRSTS };

/// What is known under this very name.
pub(super) fn exact(canonical: &str) -> Option<&'static Fact> {
    find(EXACT, canonical).and_then(fact)
}

/// The program of that lower-case name, as commands start it.
pub(super) fn command(name: &str) -> Option<&'static Fact> {
    find(COMMANDS, name).and_then(fact)
}

/// Whether `module` is a top-level module of the standard library of Python 2 or 3.
pub(super) fn is_standard(module: &str) -> bool {
    STANDARD_LIBRARY.binary_search(&module).is_ok()
}

/// Whether anything is known about the package called `root`.
pub(super) fn knows_package(root: &str) -> bool {
    !patterns(root).is_empty()
}

/// The most specific pattern that fits.
pub(super) fn pattern(canonical: &str) -> Option<&'static Fact> {
    let segments: Vec<&str> = canonical.split('.').collect();
    let first = segments.first().copied().unwrap_or_default();
    let fits = |text: &str| Pattern::parse(text).fits(&segments);
    let mut candidates = patterns(first).iter().chain(patterns(""));
    candidates.find(|(_, text, _)| fits(text)).and_then(|(_, _, index)| fact(*index))
}

/// Replaces the longest alias at the front of `dotted`, again and again while there is one.
pub(super) fn canonical(dotted: &str) -> String {
    ALIASES.canonical(dotted)
}

fn fact(index: u16) -> Option<&'static Fact> {
    FACTS.get(usize::from(index))
}

/// The patterns that begin with the literal segment `first`.
fn patterns(first: &str) -> &'static [(&'static str, &'static str, u16)] {
    let from = PATTERNS.partition_point(|(known, _, _)| *known < first);
    let rest = PATTERNS.get(from..).unwrap_or_default();
    let count = rest.partition_point(|(known, _, _)| *known == first);
    rest.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_data_file_is_in_the_table_and_in_the_rulebook() {
        let in_table: BTreeSet<&str> = FACTS
            .iter()
            .map(|fact| fact.origin)
            .filter(|origin| *origin != "commands.toml")
            .collect();
        let listed: BTreeSet<&str> = CALLABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(in_table, listed);
    }

    #[test]
    fn no_alias_leads_in_a_circle() {
        for (name, _) in ALIASED_MODULES {
            let once = canonical(&format!("{name}.x"));
            assert_eq!(once, canonical(&once), "{name}");
        }
    }
}
