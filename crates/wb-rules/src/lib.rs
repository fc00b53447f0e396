//! What is bad and why. One module and one page per rule; rules never parse.
//!
//! [`examine`] analyses the programs of one artifact with [`knowledge`] of callables and asks every one of
//! the [`rules`]. Rules come in three kinds: those about what code does are rows of one table
//! (`effects`), those about odd structure are rows of another (`oddities`), and those that look at
//! something of their own are modules under `rules/`. [`explain`] tells what is known about a rule or a
//! callable; [`rulebook`] is all of it as bytes.

mod effects;
mod examine;
mod explain;
mod keras;
mod knowledge;
pub mod learned;
mod licences;
mod near_names;
mod oddities;
mod rules;
mod secrets;
#[cfg(test)]
mod tests;

pub use examine::{Examined, examine};
pub use explain::{Explanation, explain};
pub use knowledge::{Written, canonical, written};
pub use licences::licences;
pub use near_names::is_near;
pub use rules::{Rule, Subject, rules};

pub use secrets::begins_secret;

use wb_code::capability::Knowledge;

/// What weighbridge knows about callables.
pub fn knowledge() -> &'static dyn Knowledge {
    knowledge::table()
}

/// Everything that decides a verdict, as bytes to be digested: rules and knowledge.
pub fn rulebook() -> Vec<u8> {
    let mut book = Vec::new();
    let mut write = |name: &str, text: &str| {
        book.extend_from_slice(format!("{name} {}\n", text.len()).as_bytes());
        book.extend_from_slice(text.as_bytes());
    };
    for rule in rules() {
        write(rule.name, rule.page);
    }
    for (name, text) in knowledge::sources().into_iter().chain(rules::sources()) {
        write(name, text);
    }
    book.extend_from_slice(knowledge::derived());
    for added in knowledge::added() {
        book.extend_from_slice(added.bytes());
    }
    book
}
