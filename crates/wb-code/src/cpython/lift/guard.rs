//! `if __name__ == "__main__":` in bytecode: [`started`] gives the offsets of what runs when the file is started and not
//! when it is imported.

use super::super::instructions::{ExceptionEntry, Instruction};
use super::super::{CodeObject, Value};
use super::operators::compared;
use crate::cpython::Version;
use std::ops::Range;

/// The name of a module, which Python sets before it runs the module.
const NAME: &str = "__name__";
/// Code objects that are looked through for the name.
const MOST: usize = 4096;

/// The offsets of the body of the guard of a module. `None` when there is none, when something else leads into it, or
/// when the module may give itself another name.
pub(super) fn started(
    code: &CodeObject,
    version: Version,
    instructions: &[Instruction],
    handlers: &[(ExceptionEntry, bool)],
) -> Option<Range<u64>> {
    let steps: Vec<&Instruction> = instructions.iter().filter(|one| !is_idle(one.name)).collect();
    let body = steps.windows(4).find_map(|four| match four {
        [first, second, compare, jump] => {
            let named = |one: &Instruction| {
                one.name == "LOAD_NAME"
                    && code.names.get(one.arg()).is_some_and(|name| name == NAME)
            };
            let main = |one: &Instruction| {
                let value = code.consts.get(one.arg()).filter(|_| one.name == "LOAD_CONST");
                matches!(value, Some(Value::Text(text)) if **text == *"__main__")
            };
            let sides = (named(first) && main(second)) || (main(first) && named(second));
            let asks =
                compare.name == "COMPARE_OP" && compared(version, compare.arg()) == Some("==");
            let leaves = matches!(jump.name, "POP_JUMP_IF_FALSE" | "POP_JUMP_FORWARD_IF_FALSE");
            let end = jump.target.filter(|end| *end > jump.end)?;
            (sides && asks && leaves).then_some(jump.end..end)
        }
        _ => None,
    })?;
    let inside = |offset: usize| body.start < offset && offset < body.end;
    let jumped_into = instructions
        .iter()
        .any(|one| !body.contains(&one.offset) && one.target.is_some_and(inside));
    let caught_in = handlers.iter().any(|(entry, _)| {
        inside(entry.target) && (entry.start < body.start || entry.end > body.end)
    });
    if jumped_into || caught_in || may_rename(code) {
        return None;
    }
    Some(u64::try_from(body.start).ok()?..u64::try_from(body.end).ok()?)
}

/// Whether an instruction only stands between others.
fn is_idle(name: &str) -> bool {
    matches!(name, "CACHE" | "NOP" | "EXTENDED_ARG" | "NOT_TAKEN" | "TO_BOOL" | "PRECALL")
}

/// Whether the module sets its name, or has that name as a text, in any of its functions.
fn may_rename(code: &CodeObject) -> bool {
    let mut waiting = vec![code];
    for _ in 0..MOST {
        let Some(code) = waiting.pop() else { return false };
        let text = |value: &Value| matches!(value, Value::Text(text) if **text == *NAME);
        let sets = super::instructions::decode(code, code.version).iter().any(|one| {
            matches!(one.name, "STORE_NAME" | "STORE_GLOBAL" | "STORE_ATTR")
                && code.names.get(one.arg()).is_some_and(|name| name == NAME)
        });
        // The names of the arguments of a call are a tuple of texts.
        let within = |value: &Value| match value {
            Value::Tuple(items) => items.iter().any(text),
            other => text(other),
        };
        if sets || code.consts.iter().any(within) {
            return true;
        }
        waiting.extend(code.nested());
    }
    true
}
