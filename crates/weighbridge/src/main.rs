//! The command `weighbridge`. Each verb is a file under `cmd`.

mod cli;
mod cmd;
mod messages;
mod page;
mod progress;
mod terminal;

use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = cli::with_grouped_help(cli::Cli::command());
    let matches = command.try_get_matches();
    let arguments = match matches.and_then(|matches| cli::Cli::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => match cli::complaint(&error) {
            Some(complaint) => {
                messages::error(&*Box::<dyn std::error::Error>::from(complaint));
                return cmd::Outcome::CouldNotFinish.into();
            }
            None => error.exit(),
        },
    };
    match cmd::run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            messages::error(&*error);
            cmd::Outcome::CouldNotFinish.into()
        }
    }
}
