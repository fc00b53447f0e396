//! Values: nothing in the file says which bytes are one, but a pickle knows its own length, and the next value begins at
//! the next multiple of 512 bytes.

use crate::notes::Notes;
use crate::shelf;
use wb_code::pickle;
use wb_core::{Budget, Bytes, Child, ChildData, Content, Field, Limits, Span};

/// What values begin at multiples of (`_BLOCKSIZE`), in bytes.
const BLOCK: usize = 512;
/// How much of the file is looked at to tell what it is, in bytes.
const HEAD: usize = 64 << 10;
/// What that may cost.
const TELLING: Limits = Limits { depth: 1, decoded_bytes: 0, steps: 4_000_000, items: 0, texts: 0 };
/// What joblib writes into a pickle before the bytes of an array, which are no opcodes: any of them may look like an end.
const ARRAYS: &[u8] = b"NumpyArrayWrapper";
/// Blocks at the end of the file that are looked at where the first value is longer.
const LAST: usize = 2_048;
/// Blocks behind the first value among which the next one is looked for: a value that grew leaves its old blocks behind.
const NEXT: usize = 16;
/// Pickles without a protocol are looked for in as many bytes from a block on.
const WITHOUT_PROTOCOL: usize = 64 << 10;
/// Children that are taken from one file.
const MOST: usize = 100_000;

/// Whether a pickle is followed by another one at a multiple of 512 bytes, and by none right behind it.
pub(super) fn begins(input: Bytes<'_>) -> bool {
    if input.len() <= BLOCK || !pickle::is_pickle(input) {
        return false;
    }
    let soon = pickle::stream_len(input.head(HEAD), &mut Budget::new(TELLING));
    // A long one is followed to its end where another one begins shortly before the end of the file.
    let end = soon.or_else(|| {
        let is_asked = input.len() > HEAD && ends_with_value(input);
        is_asked.then(|| pickle::stream_len(input, &mut Budget::new(TELLING)))?
    });
    let Some(end) = end.filter(|end| input.head(*end).find(ARRAYS).is_none()) else { return false };
    let Some(next) = end.checked_next_multiple_of(BLOCK) else { return false };
    let is_apart = next == end || !pickle::is_pickle(input.from(end).head(HEAD));
    let mut blocks = (next..input.len()).step_by(BLOCK).take(NEXT);
    is_apart && blocks.any(|at| is_certain(input.from(at)))
}

/// Whether a pickle begins here, and comes to its end when it has no protocol: any text may look like its beginning.
fn is_certain(rest: Bytes<'_>) -> bool {
    let ends = || pickle::stream_len(rest.head(HEAD), &mut Budget::new(TELLING)).is_some();
    is_value(rest) && (rest.byte(0) == Some(0x80) || ends())
}

/// Whether a pickle with a protocol begins at one of the last multiples of 512 bytes.
fn ends_with_value(input: Bytes<'_>) -> bool {
    let last = input.len().checked_div(BLOCK).unwrap_or(0);
    let first = last.saturating_sub(LAST);
    (first.max(1)..=last).filter_map(|block| block.checked_mul(BLOCK)).any(|at| {
        let rest = input.from(at);
        rest.byte(0) == Some(0x80) && pickle::is_pickle(rest)
    })
}

/// Whether a pickle begins here. Few opcodes are looked at behind a protocol, however long they are.
fn is_value(rest: Bytes<'_>) -> bool {
    let has_protocol = rest.byte(0) == Some(0x80);
    pickle::is_pickle(if has_protocol { rest } else { rest.head(WITHOUT_PROTOCOL) })
}

/// Whether a pickle without a protocol begins here whose end is behind the bytes that were looked at.
fn is_long(rest: Bytes<'_>, budget: &mut Budget) -> bool {
    let may_begin = rest.len() > WITHOUT_PROTOCOL && matches!(rest.byte(0), Some(b'(' | b']' | b'}' | b'c'));
    may_begin
        && budget.steps(rest.len() as u64 >> 6).is_ok()
        && pickle::stream_len(rest, budget).is_some_and(|len| len > WITHOUT_PROTOCOL)
}

/// Takes the pickles out, and what does something in the blocks between them: nothing clears a value that was deleted.
pub(super) fn parse(input: Bytes<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let mut at = 0;
    // Where the blocks begin that are no pickle.
    let mut apart = 0;
    let mut values = 0_u64;
    while at < input.len() {
        let rest = input.from(at);
        if budget.steps(cost(rest)).is_err() || content.children.len() >= MOST {
            notes.gap(Some(rest.span()), "the budget ran out, or there are too many values");
            break;
        }
        if !is_value(rest) && !is_long(rest, budget) {
            at = at.saturating_add(BLOCK);
            continue;
        }
        between(input, apart, at, &mut content, budget);
        values = values.saturating_add(1);
        let len = pickle::stream_len(rest, budget).unwrap_or_else(|| without_end(rest, budget));
        let name = format!("value at offset {}", rest.offset());
        content.children.push(Child { name, data: ChildData::Span(rest.head(len).span()) });
        apart = at.saturating_add(len);
        at = apart.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
    }
    between(input, apart, at.min(input.len()), &mut content, budget);
    content.fields.push(Field { path: "values".to_owned(), value: values.to_string(), span: None });
    content.gaps.append(&mut notes.gaps);
    content
}

/// What it costs to tell whether a value begins with `rest`, in steps.
fn cost(rest: Bytes<'_>) -> u64 {
    match rest.byte(0) {
        // Few opcodes are looked at behind a protocol, and no opcode is zero.
        Some(0x80 | 0) => 16,
        _ => rest.head(WITHOUT_PROTOCOL).len() as u64 >> 4,
    }
}

/// The length of a pickle that breaks off: up to the next value, or to the end.
fn without_end(rest: Bytes<'_>, budget: &mut Budget) -> usize {
    let mut blocks = (BLOCK..rest.len()).step_by(BLOCK);
    let next = blocks.find(|at| budget.steps(cost(rest.from(*at))).is_err() || is_value(rest.from(*at)));
    next.unwrap_or(rest.len())
}

/// Looks at the bytes between two values.
fn between(input: Bytes<'_>, start: usize, end: usize, content: &mut Content, budget: &mut Budget) {
    if let Some(len) = end.checked_sub(start).filter(|len| *len > 0) {
        shelf::left_over(input, Span::new(input.from(start).offset(), len as u64), content, budget);
    }
}
