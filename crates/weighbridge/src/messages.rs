//! Messages to the person at the terminal, always on standard error.

use std::error::Error;
use std::io::IsTerminal as _;
use wb_report::escape;

/// Prints an error: what, where, and a hint when there is one.
pub fn error(error: &(dyn Error + 'static)) {
    let mut prefix = "error: ";
    for line in error.to_string().lines() {
        anstream::eprintln!("{prefix}{}", escape::terminal(line));
        prefix = "";
    }
}

/// Prints a note that does not belong in the report.
pub fn note(text: &str) {
    anstream::eprintln!("note: {}", escape::terminal(text));
}

/// Prints a line of a list that a note begins.
pub fn item(text: &str) {
    anstream::eprintln!("  {}", escape::terminal(text));
}

/// Prints what helps after a note.
pub fn hint(text: &str) {
    anstream::eprintln!("hint: {}", escape::terminal(text));
}

/// Prints where to go next, to people only: neither to a pipe nor to a log of a pipeline.
pub fn next_step(text: &str) {
    if std::io::stderr().is_terminal() && std::io::stdout().is_terminal() {
        anstream::eprintln!("next: {}", escape::terminal(text));
    }
}
