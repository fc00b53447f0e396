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
    /// An exception that is being handled.
    Handling,
}

/// Finds the handler of each instruction; turns `BREAK_LOOP` into a jump that leaves blocks.
pub(super) fn open(list: &mut [Ins]) -> R<()> {
    let mut found: Vec<Option<Vec<Block>>> = vec![None; list.len()];
    let mut todo = vec![(0_usize, Vec::new())];
    while let Some((at, blocks)) = todo.pop() {
        let Some(ins) = list.get(at).copied() else { continue };
        match found.get(at) {
            Some(Some(known)) if *known == blocks => continue,
            Some(Some(_)) => return Err("its blocks do not nest"),
            _ => {}
        }
        if let Some(slot) = found.get_mut(at) {
            *slot = Some(blocks.clone());
        }
        follow(ins, at, blocks, &mut todo)?;
    }
    for (ins, blocks) in list.iter_mut().zip(found) {
        let Some(blocks) = blocks else { continue };
        ins.handler = blocks.iter().rev().find_map(|block| match block {
            Block::Handler(target) => Some(*target),
            _ => None,
        });
        if ins.name == "BREAK_LOOP" {
            ins.target = blocks.iter().rev().find_map(|block| match block {
                Block::Loop(after) => Some(*after),
                _ => None,
            });
        }
    }
    Ok(())
}

fn follow(
    ins: Ins,
    at: usize,
    mut blocks: Vec<Block>,
    todo: &mut Vec<(usize, Vec<Block>)>,
) -> R<()> {
    let next = at.saturating_add(1);
    match ins.name {
        "SETUP_LOOP" => blocks.push(Block::Loop(ins.target.unwrap_or(next))),
        "SETUP_FINALLY" | "SETUP_EXCEPT" | "SETUP_WITH" | "SETUP_ASYNC_WITH" => {
            let target = ins.target.ok_or("a block has no handler")?;
            let mut handling = blocks.clone();
            handling.push(Block::Handling);
            todo.push((target, handling));
            blocks.push(Block::Handler(target));
        }
        "POP_BLOCK" => {
            blocks.pop().ok_or("a block is closed that is not open")?;
        }
        "POP_EXCEPT" | "END_FINALLY" | "RERAISE" | "POP_FINALLY" => {
            if blocks.last() == Some(&Block::Handling) {
                blocks.pop();
            }
        }
        "BEGIN_FINALLY" => blocks.push(Block::Handling),
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
