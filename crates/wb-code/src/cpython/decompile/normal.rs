//! Bytecode of every version as one small set of instructions: [`normalise`] yields [`Ins`]tructions.
//!
//! Jumps name the index of an instruction, jumps of all kinds have one name each, superinstructions are
//! taken apart, what only serves the interpreter becomes `NOP`. Each instruction knows which handler an
//! exception goes to: from the exception table (3.11 on), or from the blocks that are open (before).

use super::ast::R;
use super::{blocks, kept, shortcuts};
use crate::cpython::instructions::{self, Instruction};
use crate::cpython::lift::comparison_shift;
use crate::cpython::{CodeObject, Version};
use std::collections::{BTreeMap, BTreeSet};

/// A function longer than this is not structured.
const LONGEST: usize = 20_000;

/// A normalised instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ins {
    pub(super) offset: usize,
    pub(super) name: &'static str,
    pub(super) arg: usize,
    /// The index it may jump to.
    pub(super) target: Option<usize>,
    /// The index of the handler that an exception here goes to.
    pub(super) handler: Option<usize>,
    /// The index behind the innermost loop around it, where a block says so (until 3.7).
    pub(super) after_loop: Option<usize>,
}

/// The instructions of `code`.
pub(super) fn normalise(code: &CodeObject) -> R<Vec<Ins>> {
    let decoded = instructions::decode(code, code.version);
    if decoded.len() > LONGEST {
        return Err("it has too many instructions");
    }
    let mut list = Vec::new();
    let mut targets = Vec::new();
    let mut places = BTreeMap::new();
    for one in &decoded {
        if one.name.is_empty() || one.warm_cache {
            return Err("it has an instruction that its version does not have");
        }
        places.insert(one.start, list.len());
        places.insert(one.offset, list.len());
        for (name, arg) in simple(code.version, one) {
            targets.push(one.target.filter(|_| jumps(name)));
            list.push(Ins {
                offset: one.offset,
                name,
                arg,
                target: None,
                handler: None,
                after_loop: None,
            });
        }
    }
    places.insert(code.code.len(), list.len());
    // A generator drops what it is resumed with first.
    for pair in decoded.windows(2) {
        if let [first, second] = pair
            && (first.name, second.name) == ("RETURN_GENERATOR", "POP_TOP")
            && let Some(ins) = places.get(&second.offset).and_then(|index| list.get_mut(*index))
        {
            ins.name = "NOP";
        }
    }
    for (ins, target) in list.iter_mut().zip(targets) {
        if let Some(target) = target {
            ins.target = Some(*places.get(&target).ok_or("a jump lands on no instruction")?);
        }
    }
    if code.version >= Version::three(11) {
        handlers(code, &places, &mut list)?;
    }
    enter_managers(&mut list);
    if code.version >= Version::three(12) {
        kept::join(&mut list);
    }
    awaits(code.version, &mut list);
    shortcuts::remove(code, &mut list);
    if code.version < Version::three(11) {
        blocks::open(&mut list)?;
    }
    Ok(list)
}

/// Whether the normalised instruction has a target.
pub(super) fn jumps(name: &str) -> bool {
    matches!(
        name,
        "JUMP" | "FOR_ITER" | "SEND" | "JUMP_IF_NOT_EXC_MATCH" | "CALL_FINALLY" | "CONTINUE_LOOP"
    ) || name.starts_with("IF_")
        || name.starts_with("SETUP_") && name != "SETUP_ANNOTATIONS"
}

/// What an instruction is in the normalised set.
fn simple(version: Version, one: &Instruction) -> Vec<(&'static str, usize)> {
    let arg = one.arg();
    let (high, low) = (arg >> 4, arg & 15);
    let name = match one.name {
        "RESUME" | "PRECALL" | "MAKE_CELL" | "COPY_FREE_VARS" | "NOT_TAKEN" | "TO_BOOL"
        | "ASYNC_GEN_WRAP" | "RETURN_GENERATOR" | "GEN_START" | "EXTENDED_ARG" | "END_SEND"
        | "SETUP_ANNOTATIONS" | "CACHE" => "NOP",
        "CALL_INTRINSIC_1" if arg == 4 => "NOP",
        "CALL_INTRINSIC_1" if arg == 2 => return vec![("IMPORT_STAR", 0), ("CONST_NONE", 0)],
        "CALL_INTRINSIC_1" if arg == 5 => "UNARY_POSITIVE",
        "CALL_INTRINSIC_1" if arg == 6 => "LIST_TO_TUPLE",
        "JUMP_FORWARD" | "JUMP_BACKWARD" | "JUMP_BACKWARD_NO_INTERRUPT" | "JUMP_ABSOLUTE" => "JUMP",
        "POP_ITER" => "POP_TOP",
        "LOAD_COMMON_CONSTANT" if arg == 0 => "LOAD_ASSERTION_ERROR",
        "BINARY_OP" if arg == 26 => "BINARY_SUBSCR",
        "DUP_TOP" => return vec![("COPY", 1)],
        "DUP_TOP_TWO" => return vec![("COPY", 2), ("COPY", 2)],
        "ROT_TWO" => return vec![("SWAP", 2)],
        "ROT_THREE" => return vec![("ROT", 3)],
        "ROT_FOUR" => return vec![("ROT", 4)],
        "ROT_N" => return vec![("ROT", arg)],
        "RETURN_CONST" => return vec![("LOAD_CONST", arg), ("RETURN_VALUE", 0)],
        "LOAD_SMALL_INT" => return vec![("LOAD_SMALL_INT", arg)],
        "LOAD_FAST_LOAD_FAST" | "LOAD_FAST_BORROW_LOAD_FAST_BORROW" => {
            return vec![("LOAD_FAST", high), ("LOAD_FAST", low)];
        }
        "STORE_FAST_LOAD_FAST" => return vec![("STORE_FAST", high), ("LOAD_FAST", low)],
        "STORE_FAST_STORE_FAST" => return vec![("STORE_FAST", high), ("STORE_FAST", low)],
        "LOAD_FAST_CHECK" | "LOAD_FAST_BORROW" => "LOAD_FAST",
        "JUMP_IF_FALSE_OR_POP" => "IF_FALSE_OR_POP",
        "JUMP_IF_TRUE_OR_POP" => "IF_TRUE_OR_POP",
        "LOAD_METHOD" if version >= Version::three(11) => return vec![("LOAD_ATTR_METHOD", arg)],
        "LOAD_METHOD" => "LOAD_ATTR",
        "CALL_METHOD" => "CALL_FUNCTION",
        "LOAD_GLOBAL" if version >= Version::three(13) && arg & 1 == 1 => {
            return vec![("LOAD_GLOBAL", arg >> 1), ("PUSH_NULL", 0)];
        }
        "LOAD_GLOBAL" if version >= Version::three(11) && arg & 1 == 1 => {
            return vec![("PUSH_NULL", 0), ("LOAD_GLOBAL", arg >> 1)];
        }
        "LOAD_GLOBAL" if version >= Version::three(11) => return vec![("LOAD_GLOBAL", arg >> 1)],
        "LOAD_ATTR" if version >= Version::three(12) => {
            let name = if arg & 1 == 1 { "LOAD_ATTR_METHOD" } else { "LOAD_ATTR" };
            return vec![(name, arg >> 1)];
        }
        "COMPARE_OP" => {
            let index = arg.checked_shr(comparison_shift(version)).unwrap_or_default();
            return vec![("COMPARE_OP", index)];
        }
        name if name.starts_with("POP_JUMP") => conditional(name),
        name => name,
    };
    vec![(name, arg)]
}

fn conditional(name: &str) -> &'static str {
    match name {
        _ if name.ends_with("IF_NOT_NONE") => "IF_NOT_NONE",
        _ if name.ends_with("IF_NONE") => "IF_NONE",
        _ if name.ends_with("IF_TRUE") => "IF_TRUE",
        _ => "IF_FALSE",
    }
}

/// Handlers from the exception table.
fn handlers(code: &CodeObject, places: &BTreeMap<usize, usize>, list: &mut [Ins]) -> R<()> {
    for entry in instructions::exception_table(code) {
        let target = places.get(&entry.target).ok_or("a handler is no instruction")?;
        if list.get(*target).is_none() {
            return Err("a handler is no instruction");
        }
        let first = list.partition_point(|ins| ins.offset < entry.start);
        for ins in list.iter_mut().skip(first).take_while(|ins| ins.offset < entry.end) {
            ins.handler = Some(*target);
        }
    }
    // A jump that cannot raise is left out of the table: it belongs to the test before it.
    let mut before = None;
    for ins in list {
        if ins.name.starts_with("IF_") && ins.handler.is_none() {
            ins.handler = before;
        }
        before = ins.handler;
    }
    Ok(())
}

/// From 3.14 on the two methods of a context manager are looked up, then one is called: one instruction
/// before.
fn enter_managers(list: &mut [Ins]) {
    let entered: BTreeSet<usize> = list.iter().filter_map(|ins| ins.target).collect();
    for at in 0..list.len() {
        let Some([copy, rest @ ..]) =
            list.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<6>())
        else {
            return;
        };
        let steps = rest.each_ref().map(|ins| (ins.name, ins.arg));
        let [(_, exit), .., (_, enter), _] = steps;
        let name = match (exit, enter) {
            (1, 0) => "BEFORE_WITH",
            (3, 2) => "BEFORE_ASYNC_WITH",
            _ => continue,
        };
        let wanted = [
            ("LOAD_SPECIAL", exit),
            ("SWAP", 2),
            ("SWAP", 3),
            ("LOAD_SPECIAL", enter),
            ("CALL", 0),
        ];
        let last = at.saturating_add(5);
        let inside = at.saturating_add(1)..=last;
        let alike = rest.iter().all(|ins| ins.handler == copy.handler);
        let copies = (copy.name, copy.arg) == ("COPY", 1) && steps == wanted;
        if copies && alike && entered.range(inside).next().is_none() {
            copy.name = name;
            rest.iter_mut().for_each(|ins| ins.name = "NOP");
        }
    }
}

/// `await` and `yield from` loop over `SEND` or, before 3.11, are one instruction: each becomes `AWAIT`
/// or `YIELD_FROM` at the place of `LOAD_CONST None`.
fn awaits(version: Version, list: &mut [Ins]) {
    for at in 0..list.len() {
        let waits = match list.get(at).map(|ins| ins.name) {
            Some("GET_AWAITABLE") => "AWAIT",
            Some("GET_YIELD_FROM_ITER") => "YIELD_FROM",
            Some("GET_ANEXT") => "ASYNC_NEXT",
            _ => continue,
        };
        let found = if version < Version::three(11) { older(list, at) } else { newer(list, at) };
        let Some(last) = found else { continue };
        for index in at..last {
            if let Some(ins) = list.get_mut(index) {
                (ins.name, ins.arg, ins.target) = ("NOP", 0, None);
            }
        }
        if let Some(ins) = list.get_mut(at) {
            ins.name = waits;
        }
    }
}

/// `LOAD_CONST None`, `YIELD_FROM`.
fn older(list: &mut [Ins], at: usize) -> Option<usize> {
    let (load, last) = (at.checked_add(1)?, at.checked_add(2)?);
    let fits = list.get(load)?.name == "LOAD_CONST" && list.get(last)?.name == "YIELD_FROM";
    list.get_mut(last).filter(|_| fits)?.name = "NOP";
    Some(last)
}

/// `LOAD_CONST None`, `SEND`, `YIELD_VALUE`, `RESUME`, the jump back to `SEND`.
fn newer(list: &[Ins], at: usize) -> Option<usize> {
    let place = |step: usize| at.checked_add(step);
    let name = |step: usize| Some(list.get(place(step)?)?.name);
    let send = place(2)?;
    let fits = name(1)? == "LOAD_CONST"
        && name(2)? == "SEND"
        && name(3)? == "YIELD_VALUE"
        && name(4)? == "NOP"
        && name(5)? == "JUMP"
        && list.get(place(5)?)?.target == Some(send);
    // In 3.12 the way out may stand between: CLEANUP_THROW belongs to the loop.
    let after = list.get(send)?.target?;
    let cleanup = list.get(place(6)?).is_some_and(|ins| ins.name == "CLEANUP_THROW");
    let straight = after == place(6)? || (cleanup && after == place(7)?);
    (fits && straight).then_some(after)
}
