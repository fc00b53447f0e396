//! Knowledge of callables, derived from Python sources.
//!
//! [`learn`] reads the modules of one package and finds out what each of its functions, methods and classes
//! can do with what it is given. Sources are lowered to a small form (`ir`, `lower`), every function is
//! summed up in terms of its inputs (`summary`), summaries are joined until nothing changes (`engine`,
//! `evaluate`), and what they say is written down name by name (`harvest`). What no source says, because it
//! is written in C or stands in another package, comes from [`Known`].
//!
//! # What it says and what it does not
//!
//! The order of statements and the conditions around them are given up: what can happen on some way through
//! a function is taken to happen. A method that is called on something the function was given belongs to
//! the class of that, which is judged where it is made. Operators, iteration and context managers of
//! classes are followed only where they are called by name. What a function does always, with nothing that
//! it was given, is not its caller's doing; a fixed command or deletion is still not vouched for. Code in C
//! that is given something and of which nothing is known is not vouched for either.

mod engine;
mod evaluate;
mod harvest;
mod ir;
mod known;
mod lower;
pub mod measure;
pub mod publish;
mod source;
mod summary;
mod symbol;
mod value;
mod world;

pub use known::{Base, Known, Primitive};
pub use source::{Source, digest};

use std::collections::BTreeMap;
use wb_rules::learned::Entry;

/// What was learned of one package.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// What is known, by dotted name.
    pub entries: BTreeMap<String, Entry>,
    /// What classes inherit from, nearest first.
    pub bases: BTreeMap<String, Vec<String>>,
    /// Modules whose source could not be read as Python 3.
    pub unread: Vec<String>,
}

/// How much stack the reading of callees within callers may take.
const STACK: usize = 1 << 30;

/// Finds out what the callables of a package can do.
pub fn learn(sources: &[Source], known: &(dyn Known + Sync)) -> Learned {
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || read(sources, known));
        // A reading that cannot be begun, or that meets a mistake of ours, leaves everything unknown.
        reading.ok().and_then(|reading| reading.join().ok()).unwrap_or_default()
    })
}

fn read(sources: &[Source], known: &dyn Known) -> Learned {
    let mut world = world::World::default();
    let mut unread = Vec::new();
    for source in sources {
        if !lower::lower(&mut world, &source.name, source.is_package, &source.text) {
            unread.push(source.name.clone());
        }
    }
    let mut engine = engine::Engine::new(world, known);
    engine.run();
    harvest::demand(&mut engine);
    let entries = harvest::harvest(&mut engine);
    Learned { entries, bases: harvest::bases(&mut engine), unread }
}
