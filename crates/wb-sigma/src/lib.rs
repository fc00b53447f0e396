//! Rules over events, in the language Sigma (specification 2.1), and a pack of them for machine-learning platforms.
//!
//! A [`RuleSet`] holds the rules that ship and those of the user. While logs are read, [`RuleSet::examine`] asks
//! the rules that concern an event by its log source (`data/sources.toml`); they see its fields by their own
//! names (`data/fields.toml`), without a copy of it being made. What matches is a [`Hit`]. When all logs are read,
//! [`RuleSet::judge`] puts the hits of all of them in the order of time and says what they come to, correlations
//! among it: each [`Match`] names the records it rests on. Records that only count are asked about before they
//! are events ([`RuleSet::wants`]), so that large logs stay fast.

mod fields;
mod hit;
mod judge;
mod load;
mod mend;
mod pack;
mod rule;
mod screen;
mod set;
mod sources;

pub use hit::{Hit, Hits};
pub use judge::Match;
pub use load::{LoadError, Text};
pub use rule::Rule;
pub use set::RuleSet;

/// The rules that ship and the tables they are read by, as bytes to be digested.
pub fn rulebook() -> Vec<u8> {
    let mut book = Vec::new();
    for (name, text) in pack::sources() {
        book.extend_from_slice(format!("{name} {}\n", text.len()).as_bytes());
        book.extend_from_slice(text.as_bytes());
    }
    book
}
