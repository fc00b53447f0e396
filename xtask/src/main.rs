//! What developers run: `cargo xtask ci`, `cargo xtask tidy`, `cargo xtask fuzz-smoke`, `cargo xtask
//! cases`.

mod cases;
mod fuzz;
mod learn;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let verb = std::env::args().nth(1).unwrap_or_default();
    let result = match verb.as_str() {
        "ci" => ci(),
        "tidy" => tidy::run(&root()),
        "fuzz-smoke" => fuzz::smoke(&root()),
        "cases" => cases::build(&root()),
        "learn" => learn::run(&root()),
        "measure-learning" => learn::measure(&root()),
        _ => Err("usage: cargo xtask ci | tidy | fuzz-smoke | cases | learn | measure-learning"
            .to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {verb}: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Format, lints (of the fuzz targets too), tidy and documentation; the tests are `cargo test --workspace`.
fn ci() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])?;
    tidy::run(&root())?;
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    fuzz::check(&root())?;
    cargo(&["doc", "--workspace", "--no-deps", "--quiet"])
}

/// Runs cargo and says which command failed.
fn cargo(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root())
        // Module pages point at private items for those who read the source.
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links")
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`cargo {}` failed", arguments.join(" "))),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
