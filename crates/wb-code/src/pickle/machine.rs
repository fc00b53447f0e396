//! [`Machine`]: an abstract machine that follows CPython's C unpickler (`Modules/_pickle.c`).
//!
//! It keeps the stack, the marks and the memo of the unpickler, with [`Slot`]s for values. In
//! [`Detail::Effects`](super::Detail) it is lazy: data stays a range of bytes until an op uses it.

use super::materialise::is_data;
use super::memo::Memo;
use super::opcode::{self as op, Step};
use super::structure::Structure;
use super::text;
use super::value::{Mark, Node, Plain, Shape, Slot};
use std::collections::{HashMap, VecDeque};
use wb_core::{
    Budget, Bytes, Collection, Exhausted, Gap, Oddity, OddityKind, Op, OpKind, Program, Span,
    Trigger, ValueId,
};

/// Opcodes charged to the budget at once.
const BATCH: u64 = 1024;

/// Why the machine stops.
#[derive(Debug)]
pub(super) enum Halt {
    /// STOP, with the object it returns.
    Stop(Slot),
    /// The unpickler would raise an error.
    Broken(String),
    /// The budget ran out.
    Exhausted(Exhausted),
    /// The stream does what the lazy machine cannot follow: run it again with the eager one.
    Restart,
}

impl From<Exhausted> for Halt {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

/// How a machine runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// Leave data as ranges of bytes until it is used.
    pub(super) lazy: bool,
    /// Keep all data, however long.
    pub(super) full: bool,
}

/// What was found beside the ops.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Oddities of this stream.
    pub(super) oddities: Vec<Oddity>,
    /// Gaps of this stream.
    pub(super) gaps: Vec<Gap>,
    /// Programs of streams nested between the opcodes of this one, and their bytes.
    pub(super) nested: Vec<(Program, Span)>,
}

/// The machine.
pub(super) struct Machine<'a, 'b> {
    pub(super) input: Bytes<'a>,
    pub(super) at: usize,
    pub(super) number: u64,
    pub(super) mode: Mode,
    pub(super) stack: Vec<Slot>,
    pub(super) marks: Vec<Mark>,
    /// The height below which nothing may be popped while a range is run again.
    pub(super) floor: usize,
    /// While a range is run again: the nodes that were there before.
    pub(super) replay: Option<usize>,
    /// The opcode that makes the object for which a range is run again.
    pub(super) wanted_again: usize,
    pub(super) memo: Memo,
    pub(super) nodes: Vec<Node>,
    /// Plain objects that became something else, by the opcode that made them.
    pub(super) known: HashMap<usize, Slot>,
    /// Containers whose op was made before they were complete, and the next item to add.
    pub(super) unfinished: VecDeque<(usize, usize)>,
    /// Texts and bytes that calls of pure string functions yield.
    pub(super) folded: HashMap<ValueId, super::fold::Folded>,
    /// Start of the last opcode that did more than make plain data.
    pub(super) last_effect: Option<usize>,
    pub(super) program: Program,
    pub(super) notes: Notes,
    pub(super) budget: &'b mut Budget,
    structure: Structure,
    /// Start of the opcode that runs.
    pub(super) current: usize,
    /// Plain values that may still be turned into ops for the current use.
    pub(super) allowance: usize,
    /// Opcodes run again so far; a stream that causes too many is run eagerly.
    pub(super) replayed: u64,
    begin: usize,
}

impl<'a, 'b> Machine<'a, 'b> {
    /// A machine at index `at` of `input`.
    pub(super) fn new(
        input: Bytes<'a>,
        at: usize,
        trigger: Trigger,
        mode: Mode,
        memo: Memo,
        budget: &'b mut Budget,
    ) -> Self {
        let start = input.from(at);
        let span = Span::new(start.offset(), start.len() as u64);
        Self {
            input,
            at,
            number: 0,
            mode,
            stack: Vec::new(),
            marks: Vec::new(),
            floor: 0,
            replay: None,
            wanted_again: 0,
            memo,
            nodes: Vec::new(),
            known: HashMap::new(),
            unfinished: VecDeque::new(),
            folded: HashMap::new(),
            last_effect: None,
            program: Program::new(wb_core::Language::Pickle, trigger, span),
            notes: Notes::default(),
            budget,
            structure: Structure::default(),
            current: at,
            allowance: usize::MAX,
            replayed: 0,
            begin: at,
        }
    }

    /// Runs to STOP or to the first opcode that cannot be run. The index of the next opcode is then in
    /// `at`; for a broken stream it is the opcode that broke it.
    pub(super) fn run(&mut self) -> Halt {
        let mut unpaid: u64 = 0;
        loop {
            let step = match op::step(self.input, self.at) {
                Ok(step) => step,
                Err(fault) => return Halt::Broken(fault.describe()),
            };
            unpaid = unpaid.saturating_add(1);
            if unpaid >= BATCH {
                if let Err(exhausted) = self.budget.steps(unpaid) {
                    return Halt::Exhausted(exhausted);
                }
                unpaid = 0;
            }
            if let Err(refusal) =
                self.structure.observe(&step, self.begin, self.input, &mut self.notes.oddities)
            {
                return Halt::Broken(refusal);
            }
            self.at = step.end;
            self.current = step.start;
            if let Err(halt) = self.execute(&step) {
                match halt {
                    Halt::Stop(_) => {}
                    _ => self.at = step.start,
                }
                return halt;
            }
            self.number = self.number.saturating_add(1);
        }
    }

    /// Runs one opcode.
    pub(super) fn execute(&mut self, step: &Step<'a>) -> Result<(), Halt> {
        match step.code {
            op::MARK => {
                self.marks.push(Mark {
                    height: self.stack.len(),
                    start: step.start,
                    number: self.number,
                });
                Ok(())
            }
            op::EMPTY_LIST => self.make(Collection::List, step, None),
            op::EMPTY_DICT => self.make(Collection::Dict, step, None),
            op::EMPTY_SET => self.make(Collection::Set, step, None),
            op::EMPTY_TUPLE => self.make(Collection::Tuple, step, None),
            op::LIST => self.make_marked(Collection::List, step),
            op::DICT => self.make_marked(Collection::Dict, step),
            op::TUPLE => self.make_marked(Collection::Tuple, step),
            op::FROZENSET => self.make_marked(Collection::FrozenSet, step),
            op::TUPLE1 => self.make_counted(1, step),
            op::TUPLE2 => self.make_counted(2, step),
            op::TUPLE3 => self.make_counted(3, step),
            op::APPEND | op::SETITEM => self.add_one(step),
            op::APPENDS | op::SETITEMS | op::ADDITEMS => self.add_marked(step),
            op::POP => self.discard(),
            op::POP_MARK => self.pop_mark().map(|_| ()),
            op::DUP => self.duplicate(),
            op::GET => {
                let key = text::memo_key(step.data).ok_or_else(|| broken("GET has no number"))?;
                self.get(key, step)
            }
            op::BINGET | op::LONG_BINGET => self.get(step.number, step),
            op::PUT => match text::memo_key(step.data) {
                Some(key) if key >= 0 => self.put(key),
                _ => Err(broken("PUT has no key or a negative one")),
            },
            op::BINPUT | op::LONG_BINPUT => self.put(step.number),
            op::MEMOIZE => {
                let key = self.memo.len();
                self.put(key)
            }
            op::PROTO | op::FRAME => Ok(()),
            op::STOP => {
                let slot = self.pop()?;
                Err(Halt::Stop(slot))
            }
            _ if !is_data(step) => self.execute_effect(step),
            _ => self.push_constant(step),
        }
    }

    /// Appends an op.
    pub(super) fn emit(&mut self, span: Span, number: u64, kind: OpKind) -> Result<ValueId, Halt> {
        self.budget.items(1)?;
        Ok(self.program.push(Op { span, number, kind }))
    }

    /// Appends the op of `step`, and notes that it did more than make data.
    pub(super) fn emit_step(&mut self, step: &Step<'_>, kind: OpKind) -> Result<ValueId, Halt> {
        self.last_effect = Some(step.start);
        self.emit(step.span(self.input), self.number, kind)
    }

    /// Notes an oddity at `step`.
    pub(super) fn odd(&mut self, step: &Step<'_>, what: String) {
        if self.notes.oddities.len() < 64 {
            self.notes.oddities.push(Oddity {
                kind: OddityKind::UnusualOpcode,
                place: format!("opcode {}", self.number),
                span: Some(step.span(self.input)),
                what,
            });
        }
    }

    /// Takes the top of the stack; nothing above the last mark is an error, as in C.
    pub(super) fn pop(&mut self) -> Result<Slot, Halt> {
        if self.stack.len() <= self.fence() {
            return Err(broken("there is nothing on the stack to take"));
        }
        self.stack.pop().ok_or_else(|| broken("the stack is empty"))
    }

    /// The height below which the stack may not be popped.
    pub(super) fn fence(&self) -> usize {
        self.marks.last().map_or(self.floor, |mark| mark.height.max(self.floor))
    }

    /// Takes the last mark and everything above it.
    pub(super) fn pop_mark(&mut self) -> Result<(Mark, Vec<Slot>), Halt> {
        let mark = self.marks.pop().ok_or_else(|| broken("there is no mark on the stack"))?;
        Ok((mark, self.stack.split_off(mark.height.min(self.stack.len()))))
    }

    /// POP: takes the mark when it is on top.
    fn discard(&mut self) -> Result<(), Halt> {
        if self.marks.last().is_some_and(|mark| mark.height == self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(|_| ())
    }

    fn duplicate(&mut self) -> Result<(), Halt> {
        if self.mode.lazy && self.replay.is_none() {
            return Err(Halt::Restart);
        }
        if self.stack.len() <= self.fence() {
            return Err(broken("there is nothing on the stack to duplicate"));
        }
        let top = *self.stack.last().ok_or_else(|| broken("the stack is empty"))?;
        self.stack.push(top);
        Ok(())
    }

    fn put(&mut self, key: i64) -> Result<(), Halt> {
        if self.stack.len() <= self.marks.last().map_or(0, |mark| mark.height) {
            return Err(broken("there is nothing on the stack to store in the memo"));
        }
        if self.replay.is_some() {
            return Ok(());
        }
        let top = *self.stack.last().ok_or_else(|| broken("the stack is empty"))?;
        let top = self.resolve(top);
        if self.memo.put(key, top) && self.mode.lazy {
            // Ranges that read this key would read the new value when they are run again.
            return Err(Halt::Restart);
        }
        Ok(())
    }

    fn get(&mut self, key: i64, step: &Step<'_>) -> Result<(), Halt> {
        let slot = self
            .memo
            .get(key)
            .ok_or_else(|| Halt::Broken(format!("the memo holds nothing under {key}")))?;
        let slot = match self.resolve(slot) {
            Slot::Plain(_) if self.mode.lazy && self.replay.is_none() => Slot::Plain(Plain {
                start: step.start,
                made: usize::try_from(key).map_err(|_| broken("the memo key is negative"))?,
                end: step.end,
                number: self.number,
                shape: Shape::Alias,
            }),
            slot => slot,
        };
        self.stack.push(slot);
        Ok(())
    }

    /// What a slot stands for by now: aliases are looked up, and data that became a node or a value
    /// is that.
    pub(super) fn resolve(&self, slot: Slot) -> Slot {
        let mut slot = slot;
        for _ in 0..2 {
            let Slot::Plain(plain) = slot else { return slot };
            if plain.shape == Shape::Alias {
                let key = i64::try_from(plain.made).unwrap_or(i64::MAX);
                slot = self.memo.get(key).unwrap_or(slot);
            } else if matches!(plain.shape, Shape::Constant | Shape::Elided) {
                return slot;
            } else {
                return self.known.get(&plain.made).copied().unwrap_or(slot);
            }
        }
        slot
    }

    /// Whether an opcode at or after `start` did more than make data.
    pub(super) fn effect_since(&self, start: usize) -> bool {
        self.last_effect.is_some_and(|effect| effect >= start)
    }

    fn push_constant(&mut self, step: &Step<'a>) -> Result<(), Halt> {
        if !text::is_valid_constant(step) {
            let name = op::info(step.code).map_or("opcode", |info| info.name);
            return Err(Halt::Broken(format!("the argument of {name} is not valid")));
        }
        let slot = Slot::Plain(Plain {
            start: step.start,
            made: step.start,
            end: step.end,
            number: self.number,
            shape: Shape::Constant,
        });
        if !self.mode.full && super::embedded::is_embedded(step) {
            let slot = match self.known.get(&step.start) {
                Some(known) => *known,
                None => {
                    let constant = text::constant(step, self.input)
                        .ok_or_else(|| broken("the argument is not valid"))?;
                    let value = self.emit_step(step, OpKind::Constant(constant))?;
                    self.known.insert(step.start, Slot::Value(value));
                    Slot::Value(value)
                }
            };
            self.stack.push(slot);
            return Ok(());
        }
        self.stack.push(slot);
        Ok(())
    }
}

/// A stream that the unpickler refuses.
pub(super) fn broken(why: &str) -> Halt {
    Halt::Broken(why.to_owned())
}
