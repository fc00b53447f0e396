//! Messages to the person at the terminal, always on standard error.

use std::error::Error;
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
