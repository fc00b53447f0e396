//! Whether the unpickled object can be a model at all. A pickle made to run something often returns nothing
//! else: the result of `os.system`, a number, `None`.

use crate::values::Values;
use wb_code::pickle::{self, Detail};
use wb_core::{
    Budget, Bytes, CallStyle, Collection, Constant, Content, Oddity, OddityKind, Op, OpKind, Program,
    Trigger, ValueId,
};

/// The longest text that counts as nothing; longer ones may be a model in text form, in bytes.
const SHORT_TEXT: usize = 256;

/// Records that the object of the only stream is no model: it holds no tensor, no container, and no
/// instance with a state.
pub(crate) fn check(input: Bytes<'_>, content: &mut Content, streams: usize, budget: &mut Budget) {
    let ([program], 1, true) = (content.programs.as_slice(), streams, content.tensors.is_empty()) else {
        return;
    };
    let what = if program.ops.is_empty() { scalar_only(input, program, budget) } else { no_model(program) };
    let Some(what) = what else { return };
    content.oddities.push(Oddity {
        kind: OddityKind::NoModel,
        place: program.place.clone(),
        span: Some(program.span),
        what,
    });
}

/// A stream that only makes data has no ops unless they are asked for; a single value is short.
fn scalar_only(input: Bytes<'_>, program: &Program, budget: &mut Budget) -> Option<String> {
    if program.span.len > SHORT_TEXT as u64 {
        return None;
    }
    let stream = input.at_span(program.span)?;
    let full = pickle::lift_first(stream, 1, Trigger::Load, Detail::Full, budget);
    no_model(full.programs.first()?)
}

fn no_model(program: &Program) -> Option<String> {
    let values = Values::of(program);
    let last = program.ops.last()?;
    let OpKind::Return { value } = &last.kind else { return None };
    match values.kind(*value)? {
        OpKind::Constant(constant) => scalar(constant).map(|what| format!("the object is {what}")),
        OpKind::Call { callee, style: CallStyle::Call | CallStyle::Instance, .. } => {
            let bare = values.changes(*value).next().is_none() && !holds_more(program, &values, *value);
            let name = values.dotted(*callee);
            let name = name.map_or("a call".to_owned(), |name| format!("`{name}`"));
            bare.then(|| format!("the object is nothing but what {name} returns"))
        }
        _ => None,
    }
}

/// What a constant is that is no model.
fn scalar(constant: &Constant) -> Option<&'static str> {
    match constant {
        Constant::None => Some("`None`"),
        Constant::Bool(_) => Some("a truth value"),
        Constant::Int(_) | Constant::Float(_) => Some("a number"),
        Constant::Text(text) if text.len() <= SHORT_TEXT => Some("a short text"),
        _ => None,
    }
}

/// Whether anything that goes into the result of `call` could hold a model: a container that is not empty,
/// an object with a state, bytes of some length. Tuples count by what they hold: arguments are tuples too.
fn holds_more(program: &Program, values: &Values<'_>, call: ValueId) -> bool {
    program.ops.iter().take(call.index()).zip(0_u32..).any(|(Op { kind, .. }, index)| match kind {
        OpKind::Collect { kind: Collection::Tuple | Collection::Joined, .. } => false,
        OpKind::Collect { total, .. } => *total > 0 && !is_command(values, ValueId(index)),
        OpKind::Build { .. } | OpKind::SetItem { .. } | OpKind::Persistent { .. } => true,
        OpKind::Constant(Constant::Blob { .. }) => true,
        OpKind::Constant(Constant::Bytes(bytes)) => bytes.len() > 4096,
        OpKind::Call { style: CallStyle::New, .. } => true,
        _ => false,
    })
}

/// Whether a list is nothing but a few short texts, as the words of a command line are.
fn is_command(values: &Values<'_>, list: ValueId) -> bool {
    const MOST: usize = 16;
    values.items(list).is_some_and(|items| {
        items.len() <= MOST && items.iter().all(|item| values.text(*item).is_some())
    })
}
