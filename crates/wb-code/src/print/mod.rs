//! Programs as readable Python text: [`python`], which yields [`Printed`].
//!
//! Values that are used once stand where they are used; others get a name. Imports stand at the top.

mod layout;
pub(crate) mod literal;
mod names;
mod printer;

#[cfg(test)]
mod tests;

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
/// builds the same object, which a pickle leaves in `result`.
pub fn python(program: &Program, readable: bool) -> Printed {
    let mut printed = Printed::default();
    for line in printer::print(program, readable, 0) {
        for _ in 0..line.indent {
            printed.text.push_str("    ");
        }
        printed.text.push_str(&line.text);
        printed.text.push('\n');
        printed.lines.push(line.ops);
    }
    printed
}
