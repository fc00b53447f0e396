//! Listings as `pickletools.dis` prints them, with a trace of stack and memo when asked for.

use super::opcode::{self as op, Step};
use super::text;
use crate::print::literal;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wb_core::{Budget, Bytes, Constant};

/// Values of the stack that a trace shows.
const SHOWN: usize = 12;
/// Characters of a value that a trace shows.
const WIDTH: usize = 40;
/// Opcodes listed of one artifact.
const MOST: u64 = 5_000_000;

/// The listing of `pickletools.dis`, with the trace of stack and memo when `trace`.
///
/// Lists stream after stream; a line names each but the first. Where `pickletools` would raise an error,
/// the listing of that stream ends with a line that says why.
pub fn disassemble(input: Bytes<'_>, trace: bool, budget: &mut Budget) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < input.len() {
        if at > 0 {
            let _ = writeln!(out, "stream at {}:", input.from(at).offset());
        }
        let mut listing = Listing { trace, ..Listing::default() };
        let end = listing.stream(input, at, budget, &mut out);
        match end {
            Some(end) if super::identify::follows(input.from(end)) => at = end,
            Some(end) if end < input.len() => {
                let rest = input.from(end);
                let _ =
                    writeln!(out, "{} bytes at {} belong to no stream", rest.len(), rest.offset());
                break;
            }
            _ => break,
        }
    }
    out
}

/// The state of one listing: `pickletools` emulates the stack to indent marks.
#[derive(Default)]
struct Listing {
    trace: bool,
    stack: Vec<String>,
    /// Height of the stack and offset of each MARK.
    marks: Vec<(usize, u64)>,
    memo: BTreeMap<i64, String>,
    highest: Option<u8>,
    count: u64,
}

impl Listing {
    /// Lists the stream at `begin`. Returns the index behind its STOP; `None` when it has none.
    fn stream(
        &mut self,
        input: Bytes<'_>,
        begin: usize,
        budget: &mut Budget,
        out: &mut String,
    ) -> Option<usize> {
        let mut at = begin;
        loop {
            self.count = self.count.saturating_add(1);
            if self.count > MOST || budget.steps(1).is_err() {
                out.push_str("the listing ends here: the budget ran out\n");
                return None;
            }
            let step = match op::step(input, at) {
                Ok(step) => step,
                Err(fault) => {
                    let _ =
                        writeln!(out, "error at {}: {}", input.from(at).offset(), fault.describe());
                    return None;
                }
            };
            let offset = step.span(input).start;
            if let Err(why) = self.line(&step, input, out) {
                let _ = writeln!(out, "error at {offset}: {why}");
                return None;
            }
            at = step.end;
            if step.code == op::STOP {
                let highest = self.highest.map_or(-1, i32::from);
                let _ = writeln!(out, "highest protocol among opcodes = {highest}");
                if !self.stack.is_empty() {
                    let _ = writeln!(out, "error: the stack is not empty after STOP");
                }
                return Some(at);
            }
        }
    }

    /// Lists one opcode and applies it.
    fn line(&mut self, step: &Step<'_>, input: Bytes<'_>, out: &mut String) -> Result<(), String> {
        let info = op::info(step.code).ok_or("there is no such opcode")?;
        self.highest = self.highest.max(Some(info.proto));
        let offset = step.span(input).start;
        let indent = self.marks.len().saturating_mul(4);
        let code = code(step.code);
        let name = info.name;
        let mut line = format!("{offset:>5}: {code:<4} {:indent$}{name}", "");
        let argument = argument(step, input);
        let (note, outcome) = self.apply(step, offset, argument.as_deref());
        if argument.is_some() || note.is_some() {
            let pad = 10_usize.saturating_sub(name.len());
            let _ = write!(line, "{:pad$}", "");
        }
        for part in [&argument, &note].into_iter().flatten() {
            line.push(' ');
            line.push_str(part);
        }
        out.push_str(&line);
        out.push('\n');
        if self.trace {
            self.show(out);
        }
        outcome
    }

    /// Applies an opcode to the stack. Returns the note behind its line, and why `pickletools` objects.
    fn apply(
        &mut self,
        step: &Step<'_>,
        offset: u64,
        argument: Option<&str>,
    ) -> (Option<String>, Result<(), String>) {
        match step.code {
            op::MARK => {
                self.marks.push((self.stack.len(), offset));
                (None, Ok(()))
            }
            op::POP if self.marks.last().is_some_and(|mark| mark.0 == self.stack.len()) => {
                let (_, at) = self.marks.pop().unwrap_or_default();
                (Some(format!("(MARK at {at})")), Ok(()))
            }
            op::APPENDS
            | op::LIST
            | op::TUPLE
            | op::DICT
            | op::SETITEMS
            | op::ADDITEMS
            | op::FROZENSET
            | op::POP_MARK
            | op::INST
            | op::OBJ => self.apply_marked(step),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.put(step, argument),
            op::GET | op::BINGET | op::LONG_BINGET => {
                let key = memo_key(step);
                match self.memo.get(&key) {
                    Some(value) => {
                        self.stack.push(value.clone());
                        (None, Ok(()))
                    }
                    None => (None, Err(format!("the memo holds nothing under {key}"))),
                }
            }
            _ => (None, self.apply_plain(step, argument)),
        }
    }

    fn apply_marked(&mut self, step: &Step<'_>) -> (Option<String>, Result<(), String>) {
        let Some((height, at)) = self.marks.pop() else {
            let why = "no MARK exists on stack".to_owned();
            return (Some(why.clone()), Err(why));
        };
        let items = self.stack.split_off(height.min(self.stack.len()));
        let list = items.join(", ");
        let outcome = match step.code {
            op::LIST => self.push(format!("[{list}]")),
            op::TUPLE => self.push(format!("({list})")),
            op::DICT => self.push(format!("dict({list})")),
            op::FROZENSET => self.push(format!("frozenset({list})")),
            op::INST => self.push(format!("{}({list})", pair(step, "."))),
            op::OBJ => self.push(format!("new({list})")),
            op::POP_MARK => Ok(()),
            _ => match self.stack.last_mut() {
                Some(top) => {
                    *top = cut(&format!("{top} + {list}"));
                    Ok(())
                }
                None => Err("there is nothing on the stack to add to".to_owned()),
            },
        };
        (Some(format!("(MARK at {at})")), outcome)
    }

    fn put(
        &mut self,
        step: &Step<'_>,
        argument: Option<&str>,
    ) -> (Option<String>, Result<(), String>) {
        let (key, note) = if step.code == op::MEMOIZE {
            let key = i64::try_from(self.memo.len()).unwrap_or(i64::MAX);
            (key, Some(format!("(as {key})")))
        } else {
            (memo_key(step), None)
        };
        if self.memo.contains_key(&key) {
            let shown = argument.unwrap_or("None");
            return (note, Err(format!("memo key {shown} already defined")));
        }
        let outcome = match self.stack.last() {
            None => Err("stack is empty -- can't store into memo".to_owned()),
            Some(_) if self.marks.last().is_some_and(|mark| mark.0 == self.stack.len()) => {
                Err("can't store markobject in the memo".to_owned())
            }
            Some(value) => {
                self.memo.insert(key, value.clone());
                Ok(())
            }
        };
        (note, outcome)
    }

    fn apply_plain(&mut self, step: &Step<'_>, argument: Option<&str>) -> Result<(), String> {
        match step.code {
            op::PROTO | op::FRAME => Ok(()),
            op::STOP | op::POP => self.pop().map(|_| ()),
            op::DUP => {
                let top = self.stack.last().cloned().ok_or("the stack is empty")?;
                self.push(top)
            }
            op::EMPTY_LIST => self.push("[]".to_owned()),
            op::EMPTY_TUPLE => self.push("()".to_owned()),
            op::EMPTY_DICT => self.push("{}".to_owned()),
            op::EMPTY_SET => self.push("set()".to_owned()),
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let count = usize::from(step.code.saturating_sub(op::TUPLE1)).saturating_add(1);
                let height = self.stack.len().checked_sub(count).ok_or("the stack is too short")?;
                let items = self.stack.split_off(height);
                self.push(format!("({})", items.join(", ")))
            }
            op::APPEND | op::BUILD => {
                let value = self.pop()?;
                let target = self.pop()?;
                self.push(format!("{target} + {value}"))
            }
            op::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                let target = self.pop()?;
                self.push(format!("{target} + {key}: {value}"))
            }
            op::STACK_GLOBAL | op::REDUCE | op::NEWOBJ | op::NEWOBJ_EX | op::BINPERSID => {
                self.apply_call(step)
            }
            op::READONLY_BUFFER => {
                let buffer = self.pop()?;
                self.push(buffer)
            }
            op::GLOBAL => self.push(pair(step, ".")),
            op::PERSID => self.push(format!("persistent({})", argument.unwrap_or(""))),
            op::EXT1 | op::EXT2 | op::EXT4 => self.push(format!("extension({})", step.number)),
            op::NEXT_BUFFER => self.push("buffer".to_owned()),
            op::NONE => self.push("None".to_owned()),
            op::NEWTRUE => self.push("True".to_owned()),
            op::NEWFALSE => self.push("False".to_owned()),
            _ => self.push(argument.unwrap_or("?").to_owned()),
        }
    }

    fn apply_call(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.code {
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                self.push(format!("{}.{}", module.trim_matches('\''), name.trim_matches('\'')))
            }
            op::REDUCE | op::NEWOBJ => {
                let arguments = self.pop()?;
                let callee = self.pop()?;
                self.push(format!("{callee}{arguments}"))
            }
            op::NEWOBJ_EX => {
                let keywords = self.pop()?;
                let arguments = self.pop()?;
                let callee = self.pop()?;
                self.push(format!("{callee}(*{arguments}, **{keywords})"))
            }
            _ => {
                let id = self.pop()?;
                self.push(format!("persistent({id})"))
            }
        }
    }

    fn push(&mut self, value: String) -> Result<(), String> {
        self.stack.push(cut(&value));
        Ok(())
    }

    fn pop(&mut self) -> Result<String, String> {
        self.stack.pop().ok_or_else(|| "the stack is too short".to_owned())
    }

    /// Shows the top of the stack, with marks as `(`, and the size of the memo.
    fn show(&self, out: &mut String) {
        out.push_str("       stack: ");
        let from = self.stack.len().saturating_sub(SHOWN);
        if from > 0 {
            let _ = write!(out, "{from} more, ");
        }
        let mut parts: Vec<String> = Vec::new();
        for height in from..=self.stack.len() {
            let marks = self.marks.iter().filter(|mark| mark.0 == height).count();
            parts.extend(std::iter::repeat_n("MARK".to_owned(), marks.min(SHOWN)));
            parts.extend(self.stack.get(height).cloned());
        }
        out.push_str(&parts.join(" | "));
        let _ = write!(out, "\n       memo: {} entries", self.memo.len());
        if let Some((key, value)) = self.memo.last_key_value() {
            let _ = write!(out, ", {key} = {value}");
        }
        out.push('\n');
    }
}

/// A value cut to the width of a trace.
fn cut(value: &str) -> String {
    if value.chars().count() <= WIDTH {
        return value.to_owned();
    }
    let head: String = value.chars().take(WIDTH.saturating_sub(1)).collect();
    format!("{head}\u{2026}")
}

/// The opcode as `pickletools` writes it.
fn code(code: u8) -> String {
    if code.is_ascii_graphic() { char::from(code).to_string() } else { format!("\\x{code:02x}") }
}

/// The two lines of GLOBAL and INST with something between.
fn pair(step: &Step<'_>, between: &str) -> String {
    let line = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    format!("{}{between}{}", line(step.data), line(step.second))
}

fn memo_key(step: &Step<'_>) -> i64 {
    match step.code {
        op::PUT | op::GET => text::memo_key(step.data).unwrap_or(-1),
        _ => step.number,
    }
}

/// The argument as `repr` writes what `pickletools` decodes.
fn argument(step: &Step<'_>, input: Bytes<'_>) -> Option<String> {
    use op::ArgumentKind as Kind;
    let info = op::info(step.code)?;
    Some(match step.code {
        op::GLOBAL | op::INST => literal::text(&pair(step, " ")),
        op::PUT | op::GET => match text::memo_key(step.data) {
            Some(_) if matches!(step.data, b"00" | b"01") => flag(step.data == b"01"),
            Some(key) => key.to_string(),
            None => literal::bytes(step.data),
        },
        op::PERSID => literal::text(&text::utf8(step.data)),
        op::BINSTRING | op::SHORT_BINSTRING => {
            literal::text(&step.data.iter().map(|byte| char::from(*byte)).collect::<String>())
        }
        op::BYTEARRAY8 => literal::bytearray(step.data),
        op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 => literal::bytes(step.data),
        _ if matches!(info.argument, Kind::None) => return None,
        _ if matches!(info.argument, Kind::U64) => step.number.to_string(),
        op::PROTO
        | op::EXT1
        | op::EXT2
        | op::EXT4
        | op::BINPUT
        | op::BINGET
        | op::LONG_BINPUT
        | op::LONG_BINGET => step.number.to_string(),
        _ => match text::constant(step, input) {
            Some(Constant::Float(value)) => literal::repr_float(value),
            Some(Constant::Bool(value)) => flag(value),
            Some(constant) => literal::literal(&constant, false),
            None => literal::bytes(step.data),
        },
    })
}

fn flag(value: bool) -> String {
    if value { "True".to_owned() } else { "False".to_owned() }
}
