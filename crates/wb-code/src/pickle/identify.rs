//! Telling pickles from everything else: a walk with the kinds of values instead of values.

use super::opcode::{self as op, Fault, Step};
use super::text;
use std::collections::BTreeMap;
use wb_core::{Budget, Bytes};

/// Opcodes looked at before a stream is taken for what it has looked like so far.
const ENOUGH: u64 = 4096;
/// Opcodes looked at behind PROTO, which hardly anything else begins with.
const ENOUGH_AFTER_PROTO: u64 = 16;
/// Opcodes looked at in a stream that stands behind stray bytes.
const CARVED: u64 = 1 << 22;
/// Opcodes looked at in one that begins with thousands which make no container and call nothing.
const PADDED: u64 = 1 << 22;
/// Bytes looked at when there is no PROTO: ordinary text may hold no newline for a long way.
const WITHOUT_PROTO: usize = 1 << 20;
/// Bytes looked at when one line goes on behind those.
const LONG_LINE: usize = 256 << 20;

/// Whether `input` begins with a pickle: PROTO of protocol 2 to 5 and opcodes that make sense after it;
/// or, without PROTO, opcodes that make sense up to a STOP, or up to a call of something imported.
///
/// Cheap on anything else: most bytes are no opcode, and most opcodes need something on the stack.
pub fn is_pickle(input: Bytes<'_>) -> bool {
    match input.head(3).as_slice() {
        [0x80, 2..=5, third] => op::info(*third).is_some() && begins_after_proto(input),
        [first, ..] if *first != 0x80 && may_come_first(*first) => begins_without_proto(input),
        _ => false,
    }
}

fn begins_without_proto(input: Bytes<'_>) -> bool {
    let mut seen = walk(input.head(WITHOUT_PROTO), ENOUGH);
    if seen.outcome == Outcome::CutOff && input.len() > WITHOUT_PROTO {
        seen = walk(input.head(LONG_LINE), ENOUGH);
    }
    if seen.outcome == Outcome::Enough && !seen.structured {
        seen = walk(input, PADDED);
    }
    let by_itself = seen.holds_together() && seen.is_structured(input.len());
    match seen.outcome {
        _ if seen.acts || by_itself => true,
        Outcome::Stop(end) => acts_behind(input.from(end)),
        _ => false,
    }
}

/// Whether a stream that does something stands behind others that hold next to nothing, one right behind the other:
/// a program that unpickles again and again comes to it.
fn acts_behind(mut rest: Bytes<'_>) -> bool {
    let mut left = PADDED;
    while let [first, ..] = rest.head(1).as_slice() {
        if *first == 0x80 {
            return follows(rest);
        }
        let seen = walk(rest, left);
        left = left.saturating_sub(seen.count);
        match seen.outcome {
            _ if seen.acts => return true,
            Outcome::Stop(end) if left > 0 && may_come_first(*first) => rest = rest.from(end),
            _ => return false,
        }
    }
    false
}

/// Whether `rest`, which stands right behind a STOP, is another stream.
pub(super) fn follows(rest: Bytes<'_>) -> bool {
    match rest.head(3).as_slice() {
        [0x80, 0..=5, third] => op::info(*third).is_some(),
        [first, ..] if may_come_first(*first) => {
            let walk = walk(rest, ENOUGH);
            walk.acts || walk.holds_together()
        }
        _ => false,
    }
}

/// Whether a stream that does something may begin here: a look at the first bytes.
pub(super) fn may_begin(input: Bytes<'_>) -> bool {
    match input.head(3).as_slice() {
        [0x80, 2..=5, third] => op::info(*third).is_some(),
        [b'c', first, _] => first.is_ascii_alphabetic() || *first == b'_',
        [b'(', first, _] => op::info(*first).is_some(),
        _ => false,
    }
}

/// Whether a stream that begins here comes to its STOP and imports or calls something; and how many
/// opcodes were looked at.
pub(super) fn acts(input: Bytes<'_>) -> (bool, usize) {
    let walk = walk(input, CARVED);
    let used = usize::try_from(walk.count).unwrap_or(usize::MAX);
    (matches!(walk.outcome, Outcome::Stop(_)) && walk.imports && walk.count >= 3, used)
}

/// The index behind the STOP of the stream that begins here.
pub(super) fn stream_len(input: Bytes<'_>, budget: &mut Budget) -> Option<usize> {
    let walk = walk(input, CARVED);
    budget.steps(walk.count).ok()?;
    match walk.outcome {
        Outcome::Stop(end) => Some(end),
        _ => None,
    }
}

fn begins_after_proto(input: Bytes<'_>) -> bool {
    let walk = walk(input, ENOUGH_AFTER_PROTO);
    match walk.outcome {
        Outcome::Stop(_) | Outcome::Enough => true,
        Outcome::Failed | Outcome::CutOff => walk.acts || walk.count >= 5 || walk.framed,
    }
}

/// Whether the opcode can stand first without PROTO.
const fn may_come_first(code: u8) -> bool {
    matches!(
        code,
        b'(' | b')' | b']' | b'}' | b'c' | b'I' | b'L' | b'F' | b'S' | b'V' | b'N' | b'P' | b'U'
            | b'T' | b'X' | b'K' | b'M' | b'J' | b'G' | b'B' | b'C' | 0x82..=0x84 | 0x88..=0x8f | 0x95
    )
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// At STOP; the index behind it.
    Stop(usize),
    /// After as many opcodes as were asked for.
    Enough,
    /// The input ended.
    CutOff,
    /// At an opcode that makes no sense.
    Failed,
}

/// What a walk saw.
struct Walk {
    outcome: Outcome,
    /// Opcodes that made sense.
    count: u64,
    /// Whether an import was called with arguments.
    acts: bool,
    /// Whether something is imported.
    imports: bool,
    /// Whether there is a container or a memo entry.
    structured: bool,
    /// Whether a frame of plausible length follows PROTO.
    framed: bool,
    /// The first opcode.
    first: u8,
}

impl Walk {
    fn holds_together(&self) -> bool {
        matches!(self.outcome, Outcome::Stop(_) | Outcome::Enough)
    }

    /// Whether text would hardly look like this by chance.
    fn is_structured(&self, len: usize) -> bool {
        let whole = self.outcome == Outcome::Stop(len);
        if self.structured {
            return len >= 3 && (whole || self.count >= 6);
        }
        whole && matches!(self.first, b'I' | b'L' | b'F' | b'S' | b'V')
    }
}

/// What kind of value stands on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    Text,
    Tuple,
    List,
    Dict,
    Set,
    Import,
    Object,
}

/// Stack, marks and memo of kinds.
struct Kinds {
    stack: Vec<Kind>,
    marks: Vec<usize>,
    memo: Memo,
}

/// What stood above a mark.
struct Marked {
    first: Option<Kind>,
    len: usize,
}

/// The memo of kinds: picklers count their keys up, so nearly all of them are positions.
struct Memo {
    dense: Vec<Kind>,
    /// Keys beyond the dense ones.
    sparse: BTreeMap<usize, Kind>,
}

impl Memo {
    fn len(&self) -> usize {
        self.dense.len().saturating_add(self.sparse.len())
    }

    fn get(&self, key: usize) -> Option<Kind> {
        self.dense.get(key).or_else(|| self.sparse.get(&key)).copied()
    }

    fn insert(&mut self, key: usize, kind: Kind) {
        if let Some(known) = self.dense.get_mut(key) {
            *known = kind;
        } else if key == self.dense.len() {
            self.sparse.remove(&key);
            self.dense.push(kind);
        } else {
            self.sparse.insert(key, kind);
        }
    }
}

fn walk(input: Bytes<'_>, most: u64) -> Walk {
    let mut walk = Walk {
        outcome: Outcome::Enough,
        count: 0,
        acts: false,
        imports: false,
        structured: false,
        framed: false,
        first: input.byte(0).unwrap_or(0),
    };
    let mut kinds = Kinds::new();
    let mut at = 0;
    while walk.count < most {
        let step = match op::step(input, at) {
            Ok(step) => step,
            Err(fault) => {
                let cut = matches!(fault, Fault::End | Fault::Truncated(_));
                walk.outcome = if cut { Outcome::CutOff } else { Outcome::Failed };
                return walk;
            }
        };
        if kinds.apply(&step, &mut walk).is_none() {
            walk.outcome = Outcome::Failed;
            return walk;
        }
        walk.count = walk.count.saturating_add(1);
        at = step.end;
        if step.code == op::STOP {
            walk.outcome = Outcome::Stop(at);
            return walk;
        }
    }
    walk
}

impl Kinds {
    /// Empty, with the room that most files need.
    fn new() -> Self {
        let memo = Memo { dense: Vec::with_capacity(64), sparse: BTreeMap::new() };
        Self { stack: Vec::with_capacity(64), marks: Vec::with_capacity(8), memo }
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Option<Kind> {
        if self.stack.len() <= self.floor() {
            return None;
        }
        self.stack.pop()
    }

    /// Takes everything above the last mark.
    fn pop_mark(&mut self) -> Option<Marked> {
        let height = self.marks.pop()?;
        let marked = Marked {
            first: self.stack.get(height).copied(),
            len: self.stack.len().saturating_sub(height),
        };
        self.stack.truncate(height);
        Some(marked)
    }

    fn top(&self) -> Option<Kind> {
        if self.stack.len() <= self.floor() {
            return None;
        }
        self.stack.last().copied()
    }

    /// Applies one opcode; `None` when it makes no sense here.
    fn apply(&mut self, step: &Step<'_>, walk: &mut Walk) -> Option<()> {
        match step.code {
            op::PROTO => (step.number <= 5).then_some(()),
            op::FRAME => {
                walk.framed |= walk.count == 1 && step.number > 0 && step.number < 1 << 40;
                Some(())
            }
            op::MARK => {
                self.marks.push(self.stack.len());
                Some(())
            }
            op::POP => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Some(());
                }
                self.pop().map(|_| ())
            }
            op::POP_MARK => self.pop_mark().map(|_| ()),
            op::DUP => {
                let top = self.top()?;
                self.stack.push(top);
                Some(())
            }
            op::STOP => {
                self.pop()?;
                let rest = self.stack.is_empty() && self.marks.is_empty();
                (rest || walk.imports).then_some(())
            }
            op::GET
            | op::BINGET
            | op::LONG_BINGET
            | op::PUT
            | op::BINPUT
            | op::LONG_BINPUT
            | op::MEMOIZE => self.memo(step, walk),
            _ => self.make(step, walk),
        }
    }

    fn memo(&mut self, step: &Step<'_>, walk: &mut Walk) -> Option<()> {
        let key = match step.code {
            op::GET | op::PUT => usize::try_from(text::memo_key(step.data)?).ok()?,
            op::MEMOIZE => self.memo.len(),
            _ => usize::try_from(step.number).ok()?,
        };
        if matches!(step.code, op::GET | op::BINGET | op::LONG_BINGET) {
            let kind = self.memo.get(key)?;
            self.stack.push(kind);
        } else {
            let top = self.top()?;
            self.memo.insert(key, top);
            walk.structured = true;
        }
        Some(())
    }

    fn make(&mut self, step: &Step<'_>, walk: &mut Walk) -> Option<()> {
        let container = match step.code {
            op::EMPTY_LIST => Some(Kind::List),
            op::EMPTY_DICT => Some(Kind::Dict),
            op::EMPTY_SET => Some(Kind::Set),
            op::EMPTY_TUPLE => Some(Kind::Tuple),
            op::LIST | op::DICT | op::TUPLE | op::FROZENSET => {
                let items = self.pop_mark()?;
                match step.code {
                    op::LIST => Some(Kind::List),
                    op::DICT if items.len % 2 == 0 => Some(Kind::Dict),
                    op::DICT => return None,
                    op::TUPLE => Some(Kind::Tuple),
                    _ => Some(Kind::Set),
                }
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                for _ in op::TUPLE1..=step.code {
                    self.pop()?;
                }
                Some(Kind::Tuple)
            }
            _ => None,
        };
        if let Some(kind) = container {
            walk.structured = true;
            self.stack.push(kind);
            return Some(());
        }
        match step.code {
            op::APPEND | op::SETITEM => {
                self.pop()?;
                if step.code == op::SETITEM {
                    self.pop()?;
                }
                takes(self.top()?, step.code).then_some(())
            }
            op::APPENDS | op::SETITEMS | op::ADDITEMS => {
                let items = self.pop_mark()?;
                let even = step.code != op::SETITEMS || items.len % 2 == 0;
                (even && takes(self.top()?, step.code)).then_some(())
            }
            _ => self.act(step, walk),
        }
    }

    fn act(&mut self, step: &Step<'_>, walk: &mut Walk) -> Option<()> {
        let kind = match step.code {
            op::GLOBAL => {
                (is_name(step.data) && is_name(step.second)).then_some(())?;
                walk.imports = true;
                walk.structured = true;
                Kind::Import
            }
            op::STACK_GLOBAL => {
                self.pop()?;
                self.pop()?;
                walk.imports = true;
                Kind::Import
            }
            op::INST => {
                let arguments = self.pop_mark()?;
                (is_name(step.data) && is_name(step.second)).then_some(())?;
                walk.imports = true;
                walk.acts |= arguments.len > 0;
                Kind::Object
            }
            op::OBJ => {
                let class = self.pop_mark()?.first?;
                calls(class, walk)?
            }
            op::REDUCE | op::NEWOBJ => {
                let arguments = self.pop()?;
                matches!(arguments, Kind::Tuple | Kind::List | Kind::Object).then_some(())?;
                let class = self.pop()?;
                calls(class, walk)?
            }
            op::NEWOBJ_EX => {
                self.pop()?;
                self.pop()?;
                let class = self.pop()?;
                calls(class, walk)?
            }
            op::BUILD => {
                self.pop()?;
                return (self.top()? != Kind::Scalar).then_some(());
            }
            op::BINPERSID => {
                self.pop()?;
                Kind::Object
            }
            op::READONLY_BUFFER => self.pop()?,
            op::PERSID | op::EXT1 | op::EXT2 | op::EXT4 | op::NEXT_BUFFER => Kind::Object,
            _ => {
                text::is_valid_constant(step).then_some(())?;
                if text::text_of(&Step { data: step.data.get(..0).unwrap_or(&[]), ..*step })
                    .is_some()
                {
                    Kind::Text
                } else {
                    Kind::Scalar
                }
            }
        };
        self.stack.push(kind);
        Some(())
    }
}

/// The result of calling a value of this kind.
fn calls(callee: Kind, walk: &mut Walk) -> Option<Kind> {
    match callee {
        Kind::Import => {
            walk.acts = true;
            Some(Kind::Object)
        }
        Kind::Object => Some(Kind::Object),
        _ => None,
    }
}

/// Whether a value of this kind takes what the opcode adds.
const fn takes(kind: Kind, code: u8) -> bool {
    match kind {
        Kind::List => matches!(code, op::APPEND | op::APPENDS),
        Kind::Dict => matches!(code, op::SETITEM | op::SETITEMS),
        Kind::Set => code == op::ADDITEMS,
        Kind::Object | Kind::Import => true,
        _ => false,
    }
}

/// Whether a line can be the name of a module or of something in it: words joined by dots.
fn is_name(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let letter = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'<' | b'>' | b'-' | 0x80..)
    };
    line.first().is_some_and(|first| !first.is_ascii_digit())
        && line.len() <= 512
        && line.iter().all(letter)
}
