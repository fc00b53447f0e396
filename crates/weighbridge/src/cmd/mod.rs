//! The verbs: one file each.

mod code;
mod completions;
mod diff;
mod explain;
mod gate;
mod inspect;
mod investigate;
mod learn;
mod open;
mod saved;
mod scan;
mod schema;
mod show;
mod timeline;
mod watch;

use crate::cli::{Cli, Verb};
use crate::messages;
use crate::terminal::Terminal;
use std::error::Error;
use std::process::ExitCode;
use wb_core::Coverage;
use wb_report::Tool;

/// How a verb ended. The order is that of the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing at or above the threshold.
    NothingFound,
    /// Findings.
    Findings,
    /// Could not finish.
    CouldNotFinish,
    /// Nothing to look at.
    NothingToLookAt,
    /// A person must decide.
    Undecided,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::NothingFound => 0,
            Outcome::Findings => 1,
            Outcome::CouldNotFinish => 2,
            Outcome::NothingToLookAt => 3,
            Outcome::Undecided => 4,
        })
    }
}

/// What every verb returns.
pub type Ended = Result<Outcome, Box<dyn Error>>;

/// Runs the verb.
pub fn run(arguments: Cli) -> Ended {
    let terminal = Terminal::detect(arguments.color);
    learn::use_knowledge(arguments.verb.knowledge())?;
    match arguments.verb {
        Verb::Investigate(arguments) => investigate::run(&arguments, terminal),
        Verb::Scan(arguments) => scan::run(&arguments, terminal),
        Verb::Show(arguments) => show::run(&arguments, terminal),
        Verb::Open(arguments) => open::run(&arguments, terminal),
        Verb::Gate(arguments) => gate::run(&arguments, terminal),
        Verb::Decompile(arguments) => code::decompile(&arguments),
        Verb::Disassemble(arguments) => code::disassemble(&arguments),
        Verb::Inspect(arguments) => inspect::run(&arguments, terminal),
        Verb::Diff(arguments) => diff::run(&arguments, terminal),
        Verb::Timeline(arguments) => timeline::run(&arguments, terminal),
        Verb::Watch(arguments) => watch::run(arguments, terminal),
        Verb::Explain(arguments) => explain::run(&arguments, terminal),
        Verb::Learn(arguments) => learn::run(&arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Completions(arguments) => completions::run(&arguments),
    }
}

/// Says what could not be opened, when nothing was found to look at. Returns how the verb ends.
fn nothing_but(skipped: &[Coverage]) -> Outcome {
    for row in skipped {
        messages::note(&format!("`{}`: {}", row.artifact, row.why));
    }
    if skipped.is_empty() { Outcome::NothingToLookAt } else { Outcome::CouldNotFinish }
}

/// What reports say about the tool that made them.
fn tool() -> Tool {
    Tool { version: env!("CARGO_PKG_VERSION").to_owned(), rulebook: wb_engine::rulebook_digest() }
}
