//! [`Instruction`]s of a code object, with jump targets, and its exception table.

use super::opcodes::Opcodes;
use super::{CodeObject, Version};

/// One instruction, the EXTENDED_ARG before it and the inline caches after it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Offset of its first byte, an EXTENDED_ARG perhaps.
    pub start: usize,
    /// Offset of the opcode itself.
    pub offset: usize,
    /// Offset of the next instruction.
    pub end: usize,
    /// The opcode's number.
    pub number: u8,
    /// The opcode's name; empty when the version has no such opcode.
    pub name: &'static str,
    /// Its argument; `None` when the opcode takes none.
    pub argument: Option<u32>,
    /// Where it may jump to.
    pub target: Option<usize>,
    /// Whether a byte of its inline caches is set, which marshal never writes.
    pub warm_cache: bool,
}

impl Instruction {
    /// The argument, 0 when there is none.
    pub(super) fn arg(&self) -> usize {
        usize::try_from(self.argument.unwrap_or(0)).unwrap_or(usize::MAX)
    }
}

/// Decodes the whole bytecode of `code` with the opcodes of `version`.
pub(super) fn decode(code: &CodeObject, version: Version) -> Vec<Instruction> {
    let opcodes = Opcodes::of(version);
    let bytes = code.code.as_slice();
    let word = version >= Version::three(6);
    let mut instructions = Vec::new();
    let (mut position, mut start, mut extended) = (0_usize, 0_usize, 0_u32);
    while let Some(&number) = bytes.get(position) {
        let offset = position;
        let opcode = opcodes.get(number);
        let name = opcode.map_or("", |opcode| opcode.name);
        let takes = takes_argument(version, number);
        let (argument, width) = if word {
            (bytes.get(offset.saturating_add(1)).map_or(0, |byte| u32::from(*byte)), 2)
        } else if takes {
            let low = bytes.get(offset.saturating_add(1)).copied().unwrap_or(0);
            let high = bytes.get(offset.saturating_add(2)).copied().unwrap_or(0);
            (u32::from(u16::from_le_bytes([low, high])), 3)
        } else {
            (0, 1)
        };
        let argument = argument | extended;
        position = offset.saturating_add(width);
        if name == "EXTENDED_ARG" {
            extended = argument.wrapping_shl(if word { 8 } else { 16 });
            continue;
        }
        let caches = usize::from(opcode.map_or(0, |opcode| opcode.caches)).saturating_mul(2);
        let cache = bytes.get(position..position.saturating_add(caches)).unwrap_or(&[]);
        let warm_cache = cache.iter().any(|byte| *byte != 0);
        position = position.saturating_add(caches);
        instructions.push(Instruction {
            start,
            offset,
            end: position,
            number,
            name,
            argument: takes.then_some(argument),
            target: target(name, version, argument, position),
            warm_cache,
        });
        start = position;
        extended = 0;
    }
    instructions
}

/// `HAVE_ARGUMENT` of `Lib/opcode.py`: opcodes from there on take an argument. From 3.12 on it is only a
/// rule of thumb; numbers were given anew in 3.13.
pub(super) fn takes_argument(version: Version, number: u8) -> bool {
    let first = match version.minor {
        13 => 45,
        14.. => 44,
        _ => 90,
    };
    if version.major == 2 { number >= 90 } else { number >= first }
}

/// Where the instruction called `name` may jump to; `next` is the offset after its caches.
fn target(name: &str, version: Version, argument: u32, next: usize) -> Option<usize> {
    let argument = usize::try_from(argument).ok()?;
    let scaled = if version >= Version::three(10) { argument.checked_mul(2)? } else { argument };
    let relative = match name {
        "JUMP_FORWARD" | "FOR_ITER" | "SETUP_LOOP" | "SETUP_EXCEPT" | "SETUP_FINALLY"
        | "SETUP_WITH" | "SETUP_ASYNC_WITH" | "CALL_FINALLY" | "SEND" | "JUMP_IF_FALSE"
        | "JUMP_IF_TRUE" => true,
        "JUMP_ABSOLUTE" | "CONTINUE_LOOP" => false,
        "JUMP_BACKWARD" | "JUMP_BACKWARD_NO_INTERRUPT" => return next.checked_sub(scaled),
        _ if name.starts_with("POP_JUMP_BACKWARD") => return next.checked_sub(scaled),
        _ if name.starts_with("POP_JUMP") || name.starts_with("JUMP_IF") => {
            version >= Version::three(11)
        }
        _ => return None,
    };
    if relative { next.checked_add(scaled) } else { Some(scaled) }
}

/// A range of bytecode and where an exception raised in it goes (3.11 on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExceptionEntry {
    /// Offset of the first covered instruction.
    pub start: usize,
    /// Offset after the last covered instruction.
    pub end: usize,
    /// The handler's offset.
    pub target: usize,
    /// How many values stay on the stack.
    pub depth: usize,
    /// Whether the offset of the raising instruction is pushed before the exception.
    pub pushes_offset: bool,
}

/// Parses `co_exceptiontable`, as `Objects/exception_handling_notes.txt` describes it. What does not
/// parse ends the table.
pub(super) fn exception_table(code: &CodeObject) -> Vec<ExceptionEntry> {
    let mut bytes = code.exception_table.iter().copied();
    let mut entries = Vec::new();
    while let Some(entry) = exception_entry(&mut bytes) {
        entries.push(entry);
    }
    entries
}

fn exception_entry(bytes: &mut impl Iterator<Item = u8>) -> Option<ExceptionEntry> {
    let start = varint(bytes)?.checked_mul(2)?;
    let length = varint(bytes)?.checked_mul(2)?;
    let target = varint(bytes)?.checked_mul(2)?;
    let flags = varint(bytes)?;
    let end = start.checked_add(length)?;
    Some(ExceptionEntry { start, end, target, depth: flags >> 1, pushes_offset: flags & 1 == 1 })
}

/// Six bits per byte, the most significant first; bit 6 says that more follow.
fn varint(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut value = 0_usize;
    for _ in 0..6 {
        let byte = bytes.next()?;
        value = value.checked_mul(64)?.checked_add(usize::from(byte & 0x3f))?;
        if byte & 0x40 == 0 {
            return Some(value);
        }
    }
    None
}
