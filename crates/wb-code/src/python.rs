//! Python source text.
use wb_core::{Budget, Program, Trigger};

/// Lifts Python source: what runs when it is executed, with functions and classes as `Define` ops.
/// `None` when it does not parse as Python.
pub fn lift(source: &str, trigger: Trigger, budget: &mut Budget) -> Option<Program> {
    let _ = (source, trigger, budget);
    None
}
