//! Jinja templates wherever they stand: the program that runs when they are rendered, and the branches and
//! loops that a rule may want to see.

use wb_code::jinja::{self, Notable};
use wb_core::{Budget, Component, Content, Field, Program, Span};

/// Reads the template `text` at `place`, which belongs to `name`. `placed` gives the bytes of the artifact for
/// bytes of the text.
pub(crate) fn read(
    text: &str,
    place: &str,
    name: &str,
    placed: impl Fn(Span) -> Span,
    content: &mut Content,
    budget: &mut Budget,
) {
    let mut program = jinja::lift(text, budget);
    program.place = place.to_owned();
    program.component = Some(name.to_owned());
    program.span = placed(program.span);
    shift(&mut program, &placed);
    content.programs.push(program);
    for found in jinja::notable(text, budget) {
        content.components.push(component(found, place, name, &placed));
    }
}

/// Moves the bytes of every op to where they lie in the artifact.
fn shift(program: &mut Program, placed: &impl Fn(Span) -> Span) {
    for op in &mut program.ops {
        op.span = placed(op.span);
        if let wb_core::OpKind::Define { body, .. } = &mut op.kind {
            body.span = placed(body.span);
            shift(body, placed);
        }
    }
}

fn component(found: Notable, place: &str, name: &str, placed: &impl Fn(Span) -> Span) -> Component {
    let (kind, span, settings) = match found {
        Notable::Branch(branch) => (
            if branch.on_date { "template-branch-on-date" } else { "template-branch-on-content" },
            branch.span,
            vec![("condition", branch.condition), ("says", branch.says)],
        ),
        Notable::Loop { span, rounds } => {
            ("template-loop", span, vec![("rounds", rounds.to_string())])
        }
        Notable::Repeat { span, length } => {
            ("template-repeat", span, vec![("length", length.to_string())])
        }
    };
    let span = Some(placed(span));
    let settings = settings
        .into_iter()
        .map(|(path, value)| Field { path: path.to_owned(), value, span })
        .collect();
    let (name, place) = (name.to_owned(), place.to_owned());
    Component { kind, name, class: String::new(), module: None, place, span, settings }
}
