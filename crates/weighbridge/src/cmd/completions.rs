//! `weighbridge completions`.

use super::{Ended, Outcome};
use crate::cli::{Cli, Completions};
use crate::terminal::print;
use clap::CommandFactory as _;

/// Prints completions for a shell.
pub fn run(arguments: &Completions) -> Ended {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "weighbridge", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(Outcome::NothingFound)
}
