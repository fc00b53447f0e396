//! [`Frame`]: the walk over one code object's instructions.

use super::super::instructions::{self, ExceptionEntry, Instruction};
use super::super::version::operand_fits;
use super::super::{CodeObject, Value, Version};
use super::state::{At, Binding, Slot, State};
use super::{defaults, guard};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Budget, CallStyle, Collection, Constant, Exhausted, Language, Op, OpKind, Program, Span,
    Trigger, ValueId,
};

/// The most ops of one code object with everything nested in it.
pub(super) const MAX_OPS: u32 = 400_000;

/// What follows an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next instruction.
    Next,
    /// Nothing: it returns, raises or jumps.
    Stop,
}

/// The walk over one code object.
pub(super) struct Frame<'c, 'b> {
    pub code: &'c CodeObject,
    pub version: Version,
    pub state: State<'c>,
    pub program: Program,
    pub trigger: Trigger,
    pub depth: u16,
    /// Variables that nested functions set.
    pub shared: &'b BTreeSet<&'c str>,
    pub budget: &'b mut Budget,
    /// Ops that this frame and all others of the same lift may still make.
    pub ops_left: &'b Cell<u32>,
    /// Names for the keyword arguments of the next call (`KW_NAMES` of 3.11 and 3.12).
    pub keyword_names: Vec<String>,
    /// Values that have a name, so that they can be changed through it.
    pub named: BTreeSet<ValueId>,
    /// The instruction after the current one, by name.
    pub next_name: &'static str,
    /// Things that do not fit the version.
    pub misfits: u32,
    at: At,
    spent: Option<Exhausted>,
    instructions: Vec<Instruction>,
    visited: Vec<bool>,
    pending: BTreeMap<usize, State<'c>>,
    /// Variables set inside a loop, by the offset of its head: not known there.
    varying: BTreeMap<usize, BTreeSet<Binding<'c>>>,
    handlers: Vec<(ExceptionEntry, bool)>,
}

impl<'c, 'b> Frame<'c, 'b> {
    pub(super) fn new(
        code: &'c CodeObject,
        version: Version,
        trigger: Trigger,
        shared: &'b BTreeSet<&'c str>,
        budget: &'b mut Budget,
        ops_left: &'b Cell<u32>,
        depth: u16,
    ) -> Self {
        let instructions = instructions::decode(code, version);
        let handlers = instructions::exception_table(code);
        let mut frame = Self {
            code,
            version,
            state: State::default(),
            program: Program::new(Language::CPython, trigger, code.span),
            trigger,
            depth,
            shared,
            budget,
            ops_left,
            keyword_names: Vec::new(),
            named: BTreeSet::new(),
            next_name: "",
            misfits: 0,
            at: At::default(),
            spent: None,
            visited: vec![false; instructions.len()],
            instructions,
            pending: BTreeMap::new(),
            varying: BTreeMap::new(),
            handlers: handlers.into_iter().map(|entry| (entry, false)).collect(),
        };
        frame.program.place.clone_from(&code.qualname);
        frame.find_varying();
        frame
    }

    /// Walks everything that can be reached.
    pub(super) fn walk(mut self) -> Program {
        self.unused_texts();
        self.pending.insert(0, State::default());
        while let Some((offset, state)) = self.pending.pop_first() {
            self.state = state;
            if let Some(varying) = self.varying.get(&offset) {
                self.state.bound.retain(|name, _| !varying.contains(name));
            }
            match self.index_of(offset) {
                Some(index) => self.block(index),
                None => self.misfit(),
            }
            if self.spent.is_some() {
                break;
            }
        }
        if let Some(what) = self.spent {
            let what = format!("not read further: the budget of {} ran out", what.name());
            let kind = OpKind::Opaque { what, uses: Vec::new() };
            let number = u64::try_from(self.at.offset).unwrap_or(u64::MAX);
            self.program.push(Op { span: self.span(self.at), number, kind });
        }
        self.program.unfollowed = self.misfits;
        if self.depth == 0 {
            let (code, handlers) = (self.code, &self.handlers);
            self.program.started = guard::started(code, self.version, &self.instructions, handlers);
        }
        self.program
    }

    /// Texts that no instruction loads, a docstring first of all: they do nothing, but they are there.
    fn unused_texts(&mut self) {
        let loads = |one: &&Instruction| matches!(one.name, "LOAD_CONST" | "RETURN_CONST");
        let loaded: BTreeSet<usize> =
            self.instructions.iter().filter(loads).map(Instruction::arg).collect();
        for (index, value) in self.code.consts.iter().enumerate() {
            let holds_text = match value {
                Value::Text(text) => !text.is_empty() && **text != *self.code.qualname,
                Value::Bytes(bytes) => !bytes.is_empty(),
                _ => false,
            };
            if holds_text && !loaded.contains(&index) && self.budget_left().is_some() {
                self.constant(value, At::default());
            }
        }
    }

    /// Walks from the instruction at `index` until the flow stops or meets another block.
    fn block(&mut self, mut index: usize) {
        let mut first = true;
        while let Some(&instruction) = self.instructions.get(index) {
            if self.visited.get(index) != Some(&false) || self.budget_left().is_none() {
                return;
            }
            let varies = self.varying.contains_key(&instruction.start);
            if !first && (varies || self.pending.contains_key(&instruction.start)) {
                let state = std::mem::take(&mut self.state);
                self.enter(instruction.start, state);
                return;
            }
            if let Some(visited) = self.visited.get_mut(index) {
                *visited = true;
            }
            self.at =
                At { start: instruction.start, offset: instruction.offset, end: instruction.end };
            self.schedule_handlers(first);
            index = index.saturating_add(1);
            self.next_name = self.instructions.get(index).map_or("", |next| next.name);
            if self.step(&instruction) == Flow::Stop {
                return;
            }
            first = false;
        }
        self.misfit(); // the flow runs out of the bytecode
    }

    fn budget_left(&mut self) -> Option<()> {
        if self.spent.is_none() {
            self.spent = self.budget.steps(1).err();
        }
        self.spent.is_none().then_some(())
    }

    fn step(&mut self, instruction: &Instruction) -> Flow {
        if instruction.warm_cache || !operand_fits(self.code, self.version, instruction) {
            self.misfit();
        }
        let flow = self
            .name_step(instruction)
            .or_else(|| self.operator_step(instruction))
            .or_else(|| self.collection_step(instruction))
            .or_else(|| self.call_step(instruction))
            .or_else(|| self.flow_step(instruction));
        flow.unwrap_or_else(|| {
            self.misfits = self.misfits.saturating_add(10);
            self.emit(OpKind::Opaque {
                what: format!("opcode {}", instruction.number),
                uses: Vec::new(),
            });
            Flow::Next
        })
    }

    /// The index of the instruction that begins at `offset`, EXTENDED_ARG included or not.
    fn index_of(&self, offset: usize) -> Option<usize> {
        let index = self.instructions.binary_search_by_key(&offset, |one| one.start);
        index
            .ok()
            .or_else(|| self.instructions.binary_search_by_key(&offset, |one| one.offset).ok())
    }

    /// Notes that `state` may reach `offset`.
    pub(super) fn enter(&mut self, offset: usize, state: State<'c>) {
        let Some(index) = self.index_of(offset) else {
            self.misfit();
            return;
        };
        if self.visited.get(index) == Some(&true) {
            return;
        }
        if let Err(spent) = self.budget.steps(state.size()) {
            self.spent = Some(spent);
            return;
        }
        let start = self.instructions.get(index).map_or(offset, |one| one.start);
        match self.pending.get_mut(&start) {
            Some(there) => there.meet(&state),
            None => {
                self.pending.insert(start, state);
            }
        }
    }

    /// Notes that the current state may reach `target`.
    pub(super) fn jump(&mut self, target: Option<usize>) {
        match target {
            Some(target) => self.enter(target, self.state.clone()),
            None => self.misfit(),
        }
    }

    /// Notes the handlers that cover the current instruction (3.11 on). A block may begin inside a
    /// covered range, so all are looked at then.
    fn schedule_handlers(&mut self, block_begins: bool) {
        let start = self.at.start;
        let cost = u64::try_from(self.handlers.len()).unwrap_or(u64::MAX);
        if self.handlers.is_empty() || self.budget.steps(cost).is_err() {
            return;
        }
        for index in 0..self.handlers.len() {
            let Some((entry, done)) = self.handlers.get_mut(index) else { continue };
            let entry = *entry;
            let covers = if block_begins {
                entry.start <= start && start < entry.end
            } else {
                entry.start == start
            };
            if *done || !covers {
                continue;
            }
            *done = true;
            let mut state = self.state.clone();
            if state.stack.len() < entry.depth {
                self.misfit();
            }
            state.stack.truncate(entry.depth);
            if entry.pushes_offset {
                state.stack.push(Slot::Opaque("offset"));
            }
            state.stack.push(Slot::Opaque("exception"));
            self.forget_stored(&mut state, entry.start, entry.end);
            self.enter(entry.target, state);
        }
    }

    /// Variables set between the offsets `start` and `end` are no longer known in `state`.
    pub(super) fn forget_stored(&mut self, state: &mut State<'c>, start: usize, end: usize) {
        if state.bound.is_empty() {
            return;
        }
        for name in self.stored_between(start, end) {
            state.bound.remove(&name);
        }
    }

    fn stored_between(&mut self, start: usize, end: usize) -> BTreeSet<Binding<'c>> {
        let mut names = BTreeSet::new();
        let from = self.instructions.partition_point(|one| one.start < start);
        let covered = self.instructions.iter().skip(from).take_while(|one| one.start < end);
        let mut count = 1_u64;
        for instruction in covered {
            count = count.saturating_add(1);
            names.extend(stored(self.code, instruction).into_iter().flatten());
        }
        self.spent = self.spent.or(self.budget.steps(count).err());
        names
    }

    /// Finds the loops: what is set between a loop's head and a jump back to it varies at the head.
    fn find_varying(&mut self) {
        let mut loops: BTreeMap<usize, usize> = BTreeMap::new();
        for one in &self.instructions {
            if let Some(target) = one.target.filter(|target| *target <= one.start) {
                let end = loops.entry(target).or_insert(one.end);
                *end = one.end.max(*end);
            }
        }
        for (head, end) in loops {
            if self.spent.is_some() {
                return;
            }
            let names = self.stored_between(head, end);
            self.varying.insert(head, names);
        }
    }

    pub(super) fn misfit(&mut self) {
        self.misfits = self.misfits.saturating_add(1);
    }

    fn span(&self, at: At) -> Span {
        let Some(code) = self.code.code_span else { return Span::default() };
        let start = u64::try_from(at.start).unwrap_or(u64::MAX);
        let len = u64::try_from(at.end.saturating_sub(at.start)).unwrap_or(0);
        Span::new(code.start.saturating_add(start), len)
    }

    /// Appends an op of the current instruction.
    pub(super) fn emit(&mut self, kind: OpKind) -> ValueId {
        self.emit_at(self.at, kind)
    }

    /// Pays for `count` more ops; the walk ends when there is nothing left to pay with.
    fn pay_ops(&mut self, count: u32) {
        if self.spent.is_none() {
            self.spent = self.budget.items(count.into()).err();
        }
        match self.ops_left.get().checked_sub(count) {
            Some(left) => self.ops_left.set(left),
            None => self.spent = self.spent.or(Some(Exhausted::Items)),
        }
    }

    fn emit_at(&mut self, at: At, kind: OpKind) -> ValueId {
        self.pay_ops(1);
        let number = u64::try_from(at.offset).unwrap_or(u64::MAX);
        self.program.push(Op { span: self.span(at), number, kind })
    }

    /// Appends an opaque op and yields its value as a slot.
    pub(super) fn opaque(&mut self, what: &str, uses: Vec<ValueId>) -> Slot<'c> {
        Slot::Value(self.emit(OpKind::Opaque { what: what.to_owned(), uses }))
    }

    pub(super) fn push(&mut self, slot: Slot<'c>) {
        self.state.stack.push(slot);
    }

    /// Pushes the value of an op of the current instruction.
    pub(super) fn push_op(&mut self, kind: OpKind) {
        let id = self.emit(kind);
        self.push(Slot::Value(id));
    }

    pub(super) fn pop(&mut self) -> Slot<'c> {
        self.state.stack.pop().unwrap_or_else(|| {
            self.misfit();
            Slot::Opaque("unknown")
        })
    }

    /// The top `count` slots, the lowest first.
    pub(super) fn pop_many(&mut self, count: usize) -> Vec<Slot<'c>> {
        let have = self.state.stack.len();
        if count > have {
            self.misfit();
        }
        let mut taken = self.state.stack.split_off(have.saturating_sub(count));
        // What is missing is left out when the count is absurd: no compiler writes such a one.
        let missing = count.saturating_sub(have);
        if missing <= 255 {
            taken.splice(0..0, std::iter::repeat_n(Slot::Opaque("unknown"), missing));
        }
        taken
    }

    pub(super) fn pop_value(&mut self) -> ValueId {
        let slot = self.pop();
        self.value(slot)
    }

    pub(super) fn pop_values(&mut self, count: usize) -> Vec<ValueId> {
        let slots = self.pop_many(count);
        slots.into_iter().map(|slot| self.value(slot)).collect()
    }

    /// The slot `depth` below the top: 1 is the top itself.
    pub(super) fn peek_mut(&mut self, depth: usize) -> Option<&mut Slot<'c>> {
        let index = self.state.stack.len().checked_sub(depth)?;
        self.state.stack.get_mut(index)
    }

    /// The value of a slot; what had no op yet gets one.
    pub(super) fn value(&mut self, slot: Slot<'c>) -> ValueId {
        let opaque = |what: &str, uses| OpKind::Opaque { what: what.to_owned(), uses };
        match slot {
            Slot::Value(id) => id,
            Slot::Const(value, at) => self.constant(value, at),
            Slot::Int(value, at) => self.emit_at(at, OpKind::Constant(Constant::Int(value))),
            Slot::Either(slots) => {
                let values = slots.into_iter().map(|slot| self.value(slot)).collect();
                self.emit(opaque("either", values))
            }
            Slot::Module(module, at) => {
                self.emit_at(at, OpKind::Import { module, name: String::new() })
            }
            Slot::Used(module) => self.emit(OpKind::Import { module, name: String::new() }),
            Slot::Formatted(value) => self.emit(OpKind::Collect {
                kind: Collection::Joined,
                items: vec![value],
                total: 1,
            }),
            Slot::BuildClass => self.emit(OpKind::Load { name: "__build_class__".to_owned() }),
            Slot::Enter(of) => self.emit(OpKind::GetAttribute { of, name: "__enter__".to_owned() }),
            Slot::Exit => self.emit(opaque("__exit__", Vec::new())),
            Slot::Saved(Some(slot)) => self.value(*slot),
            Slot::Opaque(what) => self.emit(opaque(what, Vec::new())),
            Slot::Null | Slot::Saved(None) => {
                self.misfit();
                self.emit(opaque("unknown", Vec::new()))
            }
        }
    }

    /// The op of a constant; a tuple's items come before it. Values nest no deeper than marshal lets them.
    pub(super) fn constant(&mut self, value: &'c Value, at: At) -> ValueId {
        let (kind, items) = match value {
            Value::Code(code) => return self.define(code, at),
            Value::Slice(parts) => {
                let bounds = parts.iter().map(|part| self.constant(part, at)).collect();
                return self.slice_of(bounds, at);
            }
            Value::Tuple(items) => (Collection::Tuple, items),
            Value::List(items) => (Collection::List, items),
            Value::Set(items) => (Collection::Set, items),
            Value::FrozenSet(items) => (Collection::FrozenSet, items),
            other => return self.emit_at(at, OpKind::Constant(plain(other))),
        };
        let mut kept = Vec::new();
        for item in items.iter() {
            if self.budget_left().is_none() {
                break;
            }
            kept.push(self.constant(item, at));
        }
        let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.emit_at(at, OpKind::Collect { kind, items: kept, total })
    }

    /// The call that makes a slice of its bounds.
    pub(super) fn slice_of(&mut self, arguments: Vec<ValueId>, at: At) -> ValueId {
        let callee = self.emit_at(at, OpKind::Load { name: "slice".to_owned() });
        let (keywords, style) = (Vec::new(), CallStyle::Call);
        self.emit_at(at, OpKind::Call { callee, arguments, keywords, style })
    }

    /// Lifts the nested `code` and defines it.
    pub(super) fn define(&mut self, code: &'c CodeObject, at: At) -> ValueId {
        self.define_with(code, at, &[])
    }

    /// Lifts the nested `code` and defines it; its body begins with the defaults of its parameters.
    pub(super) fn define_with(
        &mut self,
        code: &'c CodeObject,
        at: At,
        defaults: &[(String, ValueId)],
    ) -> ValueId {
        if self.depth >= super::MAX_DEPTH {
            let what = "nested deeper than is read".to_owned();
            return self.emit_at(at, OpKind::Opaque { what, uses: Vec::new() });
        }
        // Decoding costs as well, should one large body be shared by many functions.
        self.pay_ops(u32::try_from(code.code.len() / 64).unwrap_or(u32::MAX));
        if self.spent.is_some() {
            let what = "not read: over the budget".to_owned();
            return self.emit_at(at, OpKind::Opaque { what, uses: Vec::new() });
        }
        let depth = self.depth.saturating_add(1);
        let version = code.version;
        let (trigger, shared, left) = (self.trigger, self.shared, self.ops_left);
        let mut frame = Frame::new(code, version, trigger, shared, self.budget, left, depth);
        for (name, value) in defaults {
            let copied = defaults::copy(&self.program, *value, name, &mut frame.program);
            frame.pay_ops(copied);
        }
        let body = Box::new(frame.walk());
        self.misfits = self.misfits.saturating_add(body.unfollowed);
        self.emit_at(at, OpKind::Define { name: code.name.clone(), body })
    }

    /// The instructions after the current one.
    pub(super) fn following(&self) -> impl Iterator<Item = &Instruction> {
        let from = self.instructions.partition_point(|one| one.start <= self.at.start);
        self.instructions.iter().skip(from)
    }

    /// The place of the current instruction.
    pub(super) const fn at(&self) -> At {
        self.at
    }

    /// Puts `new` wherever `old` is, in states that wait as well.
    pub(super) fn replace(&mut self, old: ValueId, new: ValueId) {
        self.state.replace(old, new);
        let cost = self.pending.values().map(State::size).fold(0_u64, u64::saturating_add);
        self.spent = self.spent.or(self.budget.steps(cost).err());
        for state in self.pending.values_mut() {
            state.replace(old, new);
        }
    }
}

/// The variables that an instruction sets or deletes.
fn stored<'c>(code: &'c CodeObject, instruction: &Instruction) -> [Option<Binding<'c>>; 2] {
    let index = instruction.arg();
    let local = |index: usize| code.locals.get(index).map(|name| Binding::Local(name));
    match instruction.name {
        "STORE_FAST" | "DELETE_FAST" | "LOAD_FAST_AND_CLEAR" => [local(index), None],
        "STORE_FAST_STORE_FAST" => [local(index >> 4), local(index & 15)],
        "STORE_FAST_LOAD_FAST" => [local(index >> 4), None],
        "STORE_DEREF" | "DELETE_DEREF" => [code.cell_name(index).map(Binding::Local), None],
        "STORE_NAME" | "DELETE_NAME" | "STORE_GLOBAL" | "DELETE_GLOBAL" => {
            [code.names.get(index).map(|name| Binding::Name(name)), None]
        }
        _ => [None, None],
    }
}

/// A constant that holds no other value.
fn plain(value: &Value) -> Constant {
    match value {
        Value::None => Constant::None,
        Value::Bool(value) => Constant::Bool(*value),
        Value::Int(value) => Constant::Int(*value),
        Value::BigInt(digits) => Constant::BigInt(digits.to_string()),
        Value::Float(value) => Constant::Float(*value),
        Value::Text(text) => Constant::Text(text.to_string()),
        Value::Bytes(data) => Constant::Bytes(data.to_vec()),
        other => Constant::Other(super::super::repr::value(other)),
    }
}
