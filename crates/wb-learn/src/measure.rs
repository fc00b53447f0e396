//! [`measure`]: how many functions that attacks have used are found by what is derived.

use crate::Base;
use std::fmt::Write as _;
use wb_core::Capability;
use wb_rules::learned::Fact;

/// A function that attacks have used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gadget {
    /// Its dotted name.
    pub name: String,
    /// What it can do at least.
    pub capability: Capability,
}

/// What was derived of gadgets.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How many have at least the capability that is expected.
    pub found: usize,
    /// How many were looked for.
    pub all: usize,
    /// One line each.
    pub lines: String,
}

/// Looks gadgets up in what was learned without what is written down about them.
pub fn measure(gadgets: &[Gadget], learned: &Base) -> Measured {
    let mut measured = Measured { all: gadgets.len(), ..Measured::default() };
    for gadget in gadgets {
        let expected = gadget.capability.name();
        let (found, line) = match learned.find(&gadget.name) {
            None => (false, "no source has this name".to_owned()),
            Some((name, entry)) => {
                let fact = entry.gravest().cloned().unwrap_or_else(Fact::inert);
                let found = fact.capability <= gadget.capability;
                let through = match fact.through.is_empty() {
                    true => String::new(),
                    false => format!(" through {}", fact.through),
                };
                let named = if name == gadget.name { String::new() } else { format!(" ({name})") };
                (found, format!("{}{through}{named}", fact.capability.name()))
            }
        };
        measured.found += usize::from(found);
        let verdict = if found { "found " } else { "MISSED" };
        let _ = writeln!(measured.lines, "{verdict} {}: {expected}: {line}", gadget.name);
    }
    measured
}
