//! Programs as readable Python text.
use wb_core::Program;

/// A program as Python text. `lines[i]` are the ops that line `i + 1` of the text shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The text, lines separated by `\n`.
    pub text: String,
    /// For each line, the indices of the ops it shows.
    pub lines: Vec<Vec<usize>>,
}

/// Prints a program as Python. Long constants are cut when `readable`; otherwise the text, evaluated,
/// builds the same object.
pub fn python(program: &Program, readable: bool) -> Printed {
    let _ = (program, readable);
    Printed::default()
}
