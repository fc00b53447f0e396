//! [`entries`]: what of all that was learned is worth shipping.

use crate::Base;
use std::collections::BTreeMap;
use wb_core::Capability;
use wb_rules::canonical;
use wb_rules::learned::{Entry, Fact};

/// The entries of a book: under canonical names, without aliases that lead nowhere, and without functions of
/// which nothing is known, because that is what a missing name says.
pub fn entries(base: &Base) -> BTreeMap<String, Entry> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for (name, entry) in base.learned() {
        let Some(entry) = worth(base, name, entry) else { continue };
        let name = canonical(name);
        match entries.get(&name) {
            Some(old) if weight(old) <= weight(&entry) => {}
            _ => {
                entries.insert(name, entry);
            }
        }
    }
    entries
}

fn worth(base: &Base, name: &str, entry: &Entry) -> Option<Entry> {
    match entry {
        Entry::Function(fact) => {
            (fact.capability != Capability::Unknown).then(|| Entry::Function(named(fact)))
        }
        Entry::Class(built, restored) => {
            let known = |fact: &Fact| fact.capability != Capability::Unknown;
            (known(built) || known(restored)).then(|| Entry::Class(named(built), named(restored)))
        }
        Entry::Alias(target) if name.ends_with(".*") => Some(Entry::Alias(target.clone())),
        Entry::Alias(target) => {
            let (target, _) = base.find(target)?;
            let target = canonical(&target);
            (target != canonical(name)).then_some(Entry::Alias(target))
        }
    }
}

fn named(fact: &Fact) -> Fact {
    Fact { through: canonical(&fact.through), ..fact.clone() }
}

/// The graver of two entries of one name holds.
fn weight(entry: &Entry) -> Capability {
    entry.gravest().map_or(Capability::Inert, |fact| fact.capability)
}
