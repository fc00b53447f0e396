//! [`Machine`]: an abstract machine that follows CPython's C unpickler (`Modules/_pickle.c`).
//!
//! It keeps the stack, the marks and the memo of the unpickler, with [`Slot`]s for values. In
//! [`Detail::Effects`](super::Detail) it is lazy: data stays a range of bytes until an op uses it.

use super::memo::Memo;
use super::opcode::{self as op, Step};
use super::structure::Structure;
use super::text;
use super::value::{Mark, Node, Plain, Shape, Slot, is_mutable};
use std::collections::{HashMap, VecDeque};
use wb_core::{
    Budget, Bytes, Collection, Exhausted, Gap, Oddity, OddityKind, Op, OpKind, Program, Span,
    Trigger, ValueId,
};

/// Plain items kept per container when only effects are lifted.
const KEPT_ITEMS: usize = 1024;
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
            op::GLOBAL
            | op::STACK_GLOBAL
            | op::INST
            | op::OBJ
            | op::REDUCE
            | op::NEWOBJ
            | op::NEWOBJ_EX
            | op::BUILD
            | op::PERSID
            | op::BINPERSID
            | op::EXT1
            | op::EXT2
            | op::EXT4
            | op::NEXT_BUFFER
            | op::READONLY_BUFFER => self.execute_effect(step),
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
    fn fence(&self) -> usize {
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
            } else if plain.shape == Shape::Constant {
                return slot;
            } else {
                return self.known.get(&plain.made).copied().unwrap_or(slot);
            }
        }
        slot
    }

    /// Whether an opcode at or after `start` did more than make data.
    fn effect_since(&self, start: usize) -> bool {
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

    fn make_marked(&mut self, kind: Collection, step: &Step<'_>) -> Result<(), Halt> {
        let mark = self.marks.pop().ok_or_else(|| broken("there is no mark on the stack"))?;
        self.make(kind, step, Some((mark.height, mark.start, mark.number)))
    }

    fn make_counted(&mut self, count: usize, step: &Step<'_>) -> Result<(), Halt> {
        let height = self.stack.len().checked_sub(count).filter(|height| *height >= self.fence());
        let height = height.ok_or_else(|| broken("there is nothing on the stack to take"))?;
        let (start, number) = match self.stack.get(height) {
            Some(Slot::Plain(plain)) => (plain.start, plain.number),
            _ => (step.start, self.number),
        };
        self.make(Collection::Tuple, step, Some((height, start, number)))
    }

    /// Makes a container of what stands above `from.0` (height, first opcode, its number).
    fn make(
        &mut self,
        kind: Collection,
        step: &Step<'_>,
        from: Option<(usize, usize, u64)>,
    ) -> Result<(), Halt> {
        let (height, start, number) = from.unwrap_or((self.stack.len(), step.start, self.number));
        let items = self.stack.get(height..).unwrap_or(&[]);
        let plain = self.mode.lazy
            && self.replay.is_none()
            && items.iter().all(|item| matches!(item, Slot::Plain(_)))
            && !self.effect_since(start);
        if plain {
            self.stack.truncate(height);
            self.stack.push(Slot::Plain(Plain {
                start,
                made: step.start,
                end: step.end,
                number,
                shape: Shape::Container(kind),
            }));
            return Ok(());
        }
        let items = self.stack.split_off(height.min(self.stack.len()));
        let slot = match self.known.get(&step.start) {
            Some(known) if self.replay.is_some() => *known,
            _ => {
                self.budget.items(1)?;
                let node = self.nodes.len();
                self.nodes.push(Node {
                    kind,
                    items: Vec::new(),
                    total: 0,
                    span: step.span(self.input),
                    number: self.number,
                    value: None,
                    interesting: false,
                    open: false,
                });
                self.fill(node, &items);
                if self.replay.is_some() {
                    self.known.insert(step.start, Slot::Node(node));
                }
                Slot::Node(node)
            }
        };
        self.stack.push(slot);
        Ok(())
    }

    /// Adds items to a node that is no op yet.
    pub(super) fn fill(&mut self, node: usize, items: &[Slot]) {
        let full = self.mode.full;
        let step = match self.nodes.get(node) {
            Some(node) if node.kind == Collection::Dict => 2,
            _ => 1,
        };
        for entry in items.chunks(step) {
            let interesting = entry.iter().any(|slot| self.is_interesting(*slot));
            let Some(node) = self.nodes.get_mut(node) else { return };
            node.total = node.total.saturating_add(entry.len() as u64);
            node.interesting |= interesting;
            if full || interesting || node.items.len() < KEPT_ITEMS {
                node.items.extend_from_slice(entry);
            }
        }
    }

    /// Whether a slot holds the value of an op, at any depth.
    pub(super) fn is_interesting(&self, slot: Slot) -> bool {
        match self.resolve(slot) {
            Slot::Plain(_) => false,
            Slot::Value(_) => true,
            Slot::Node(node) => self.nodes.get(node).is_some_and(|node| node.interesting),
        }
    }

    /// APPEND and SETITEM.
    fn add_one(&mut self, step: &Step<'_>) -> Result<(), Halt> {
        let count = if step.code == op::SETITEM { 2 } else { 1 };
        let height = self.stack.len().checked_sub(count).filter(|height| *height >= self.fence());
        let height = height.ok_or_else(|| broken("there is nothing on the stack to take"))?;
        // The target may stand at the floor: it is changed, not taken.
        if height <= self.marks.last().map_or(0, |mark| mark.height) {
            return Err(broken("there is nothing on the stack to add to"));
        }
        if self.extend_plain(height.saturating_sub(1), height, step) {
            return Ok(());
        }
        let items = self.stack.split_off(height);
        self.add(step, &items)
    }

    /// APPENDS, SETITEMS and ADDITEMS.
    fn add_marked(&mut self, step: &Step<'_>) -> Result<(), Halt> {
        let mark = *self.marks.last().ok_or_else(|| broken("there is no mark on the stack"))?;
        let below = self.marks.len().checked_sub(2).and_then(|index| self.marks.get(index));
        if mark.height <= below.map_or(0, |mark| mark.height) {
            return Err(broken("there is nothing on the stack to add to"));
        }
        self.marks.pop();
        let target = mark.height.saturating_sub(1);
        if self.extend_plain(target, mark.height, step) {
            return Ok(());
        }
        let items = self.stack.split_off(mark.height.min(self.stack.len()));
        self.add(step, &items)
    }

    /// Extends the plain container at stack index `target` by the plain items above `height`, when
    /// both are plain and nothing else happened since the container began.
    fn extend_plain(&mut self, target: usize, height: usize, step: &Step<'_>) -> bool {
        if !self.mode.lazy || self.replay.is_some() {
            return false;
        }
        let items = self.stack.get(height..).unwrap_or(&[]);
        let all_plain = items.iter().all(|item| matches!(item, Slot::Plain(_)));
        let Some(Slot::Plain(plain)) = self.stack.get(target) else { return false };
        let fits = match plain.shape {
            Shape::Container(kind) => accepts(kind, step.code),
            _ => false,
        };
        let (start, made) = (plain.start, plain.made);
        if !all_plain || !fits || self.effect_since(start) {
            return false;
        }
        if !self.known.is_empty() && self.known.contains_key(&made) {
            return false;
        }
        self.stack.truncate(height);
        if let Some(Slot::Plain(plain)) = self.stack.get_mut(target) {
            plain.end = step.end;
        }
        true
    }

    /// Adds `items` to the top of the stack.
    fn add(&mut self, step: &Step<'_>, items: &[Slot]) -> Result<(), Halt> {
        if items.is_empty() {
            return Ok(());
        }
        if step.code == op::SETITEMS && items.len() % 2 != 0 {
            return Err(broken("SETITEMS has a key without a value"));
        }
        let top = *self.stack.last().ok_or_else(|| broken("the stack is empty"))?;
        let target = self.node_or_value(top)?;
        if let Some(slot) = self.stack.last_mut() {
            *slot = target;
        }
        if let (Some(before), Slot::Node(node)) = (self.replay, target) {
            if node < before {
                return Ok(());
            }
        }
        match target {
            Slot::Node(node) => {
                let kind = self.nodes.get(node).map_or(Collection::Tuple, |node| node.kind);
                if !accepts(kind, step.code) {
                    return Err(broken("the object to add to is no such container"));
                }
                self.last_effect = Some(step.start);
                match self.nodes.get(node).and_then(|node| node.value) {
                    Some(value) => self.add_to_value(value, step, items),
                    None => {
                        self.fill(node, items);
                        Ok(())
                    }
                }
            }
            Slot::Value(_) if self.replay.is_some() => Err(broken("the range does more")),
            Slot::Value(value) => self.add_to_value(value, step, items),
            Slot::Plain(_) => Err(broken("the object to add to is no container")),
        }
    }

    /// A slot as node or value; plain constants stay what they are.
    fn node_or_value(&mut self, slot: Slot) -> Result<Slot, Halt> {
        match self.resolve(slot) {
            Slot::Plain(plain) => match plain.shape {
                Shape::Container(kind) if is_mutable(kind) && self.replay.is_none() => {
                    self.run_again(plain, slot)
                }
                _ => Ok(Slot::Plain(plain)),
            },
            other => Ok(other),
        }
    }
}

/// Whether the opcode adds to containers of this kind.
const fn accepts(kind: Collection, code: u8) -> bool {
    match kind {
        Collection::List => matches!(code, op::APPEND | op::APPENDS),
        Collection::Dict => matches!(code, op::SETITEM | op::SETITEMS),
        Collection::Set => matches!(code, op::ADDITEMS),
        _ => false,
    }
}

/// A stream that the unpickler refuses.
pub(super) fn broken(why: &str) -> Halt {
    Halt::Broken(why.to_owned())
}
