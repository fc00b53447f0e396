//! The command `weighbridge`. Each verb is a file under `cmd`.

mod cli;
mod cmd;
mod messages;
mod progress;
mod terminal;

use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = cli::with_grouped_help(cli::Cli::command());
    let arguments = cli::Cli::from_arg_matches(&command.get_matches());
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match cmd::run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            messages::error(&*error);
            cmd::Outcome::CouldNotFinish.into()
        }
    }
}
