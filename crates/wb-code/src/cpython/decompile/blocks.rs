//! Blocks that are open at each instruction, before 3.11: [`open`].

use super::ast::R;
use super::normal::Ins;

/// Blocks that may be open at once, as CPython limits them.
const MOST: usize = 20;

/// An open block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// A loop, and the index after it.
    Loop(usize),
    /// What an exception goes to.
    Handler(usize),
    /// An exception that the handler at that place handles, or none where `finally` runs without one.
    Handling(usize),
}

/// Finds the handler of each instruction; turns `BREAK_LOOP` into a jump that leaves blocks.
pub(super) fn open(list: &mut [Ins]) -> R<()> {
    begin_finally(list);
    let mut found: Vec<Option<Vec<Block>>> = vec![None; list.len()];
    let mut todo = vec![(0_usize, Vec::new())];
    let mut handlers = Vec::new();
    // Handlers come last: without an exception the blocks around them may be fewer.
    while let Some((at, blocks)) = todo.pop().or_else(|| handlers.pop()) {
        let Some(ins) = list.get(at).copied() else { continue };
        match found.get(at) {
            Some(Some(known)) if *known == blocks || forgets(list, at) => continue,
            Some(Some(_)) => return Err("its blocks do not nest"),
            _ => {}
        }
        if let Some(slot) = found.get_mut(at) {
            *slot = Some(blocks.clone());
        }
        // An exception's name is forgotten and the exception raised again: nothing follows.
        let raised = matches!(blocks.last(), Some(Block::Handling(handler)) if *handler == at);
        let normal = at.checked_sub(1).is_some_and(|before| {
            let begins = list.get(before).is_some_and(|ins| ins.name == "BEGIN_FINALLY");
            begins && matches!(found.get(before), Some(Some(_)))
        });
        if raised && forgets(list, at) && !normal {
            for step in 1..4 {
                if let Some(slot) = found.get_mut(at.saturating_add(step)) {
                    slot.get_or_insert_with(|| blocks.clone());
                }
            }
            continue;
        }
        follow(ins, at, blocks, &mut todo, &mut handlers)?;
    }
    let clauses: Vec<bool> =
        list.iter().map(|ins| matches!(ins.name, "COPY" | "POP_TOP")).collect();
    for (ins, blocks) in list.iter_mut().zip(found) {
        let Some(blocks) = blocks else {
            // Nothing is known of what control does not reach: it must not be used.
            (ins.name, ins.target) = ("", None);
            continue;
        };
        ins.after_loop = blocks.iter().rev().find_map(|block| match block {
            Block::Loop(after) => Some(*after),
            _ => None,
        });
        // Where no clause catches an exception, it is raised again.
        if ins.name == "END_FINALLY"
            && let Some(Block::Handling(handler)) = blocks.last()
            && clauses.get(*handler) == Some(&true)
        {
            (ins.name, ins.arg) = ("RERAISE", 0);
        }
        ins.handler = blocks.iter().rev().find_map(|block| match block {
            Block::Handler(target) => Some(*target),
            _ => None,
        });
        if ins.name == "BREAK_LOOP" {
            ins.target = ins.after_loop;
        }
    }
    Ok(())
}

/// Until 3.7 `LOAD_CONST None` before a handler says that it runs without an exception.
fn begin_finally(list: &mut [Ins]) {
    let handlers: Vec<usize> = list
        .iter()
        .filter(|ins| matches!(ins.name, "SETUP_FINALLY" | "SETUP_WITH" | "SETUP_ASYNC_WITH"))
        .filter_map(|ins| ins.target)
        .collect();
    let old =
        !list.iter().any(|ins| matches!(ins.name, "BEGIN_FINALLY" | "RERAISE" | "CALL_FINALLY"));
    for handler in handlers {
        if let Some(ins) = handler.checked_sub(1).and_then(|before| list.get_mut(before))
            && ins.name == "LOAD_CONST"
            && old
        {
            ins.name = "BEGIN_FINALLY";
        }
    }
}

/// Whether `name = None; del name` of an exception's name stands at `at`.
fn forgets(list: &[Ins], at: usize) -> bool {
    let name = |step: usize| list.get(at.saturating_add(step)).map_or("", |ins| ins.name);
    name(0) == "LOAD_CONST"
        && name(1).starts_with("STORE_")
        && name(2).starts_with("DELETE_")
        && name(3) == "END_FINALLY"
}

fn follow(
    ins: Ins,
    at: usize,
    mut blocks: Vec<Block>,
    todo: &mut Vec<(usize, Vec<Block>)>,
    handlers: &mut Vec<(usize, Vec<Block>)>,
) -> R<()> {
    let next = at.saturating_add(1);
    match ins.name {
        "SETUP_LOOP" => blocks.push(Block::Loop(ins.target.unwrap_or(next))),
        "SETUP_FINALLY" | "SETUP_EXCEPT" | "SETUP_WITH" | "SETUP_ASYNC_WITH" => {
            let target = ins.target.ok_or("a block has no handler")?;
            let mut handling = blocks.clone();
            handling.push(Block::Handling(target));
            handlers.push((target, handling));
            blocks.push(Block::Handler(target));
        }
        "POP_BLOCK" => {
            blocks.pop().ok_or("a block is closed that is not open")?;
        }
        "POP_EXCEPT" | "END_FINALLY" | "RERAISE" | "POP_FINALLY" => {
            if matches!(blocks.last(), Some(Block::Handling(_))) {
                blocks.pop();
            }
        }
        "BEGIN_FINALLY" => blocks.push(Block::Handling(next)),
        "BREAK_LOOP" => {
            while let Some(block) = blocks.pop() {
                if let Block::Loop(after) = block {
                    todo.push((after, blocks));
                    return Ok(());
                }
            }
            return Err("a loop is left that does not stand around");
        }
        _ => {}
    }
    if blocks.len() > MOST {
        return Err("too many blocks are open");
    }
    if let Some(target) = ins.target
        && !ins.name.starts_with("SETUP_")
        && !matches!(ins.name, "CALL_FINALLY" | "CONTINUE_LOOP" | "BREAK_LOOP")
    {
        todo.push((target, blocks.clone()));
    }
    let ends = matches!(
        ins.name,
        "JUMP" | "RETURN_VALUE" | "RAISE_VARARGS" | "RERAISE" | "BREAK_LOOP" | "CONTINUE_LOOP"
    );
    if !ends {
        todo.push((next, blocks));
    }
    Ok(())
}
