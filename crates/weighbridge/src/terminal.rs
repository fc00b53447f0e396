//! The terminal: its width, whether it takes colour, and pipes that close early.

use crate::cli::Color;
use std::io::{self, IsTerminal as _, Write as _};

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Columns to use.
    pub width: usize,
    /// Whether colour may be used.
    pub color: bool,
}

/// Columns used when standard output is no terminal.
const PIPE_WIDTH: usize = 100;

/// Columns beyond which lines are hard to read.
const WIDEST: usize = 120;

impl Terminal {
    /// The terminal behind standard output. Colour needs a terminal and no `NO_COLOR`.
    pub fn detect(choice: Color) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !refused,
        };
        let measured = is_terminal.then(terminal_size::terminal_size).flatten();
        let width = measured.map_or(PIPE_WIDTH, |(width, _)| usize::from(width.0));
        Self { width: width.clamp(60, WIDEST), color }
    }
}

/// Writes `text` to standard output. A reader that has gone away (`weighbridge scan . | head`) is no
/// failure.
///
/// # Errors
/// Any other failure to write.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
