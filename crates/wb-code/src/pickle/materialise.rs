//! Turning slots into ops: data that an op uses becomes constants and collections.

use super::machine::{Halt, Machine, broken};
use super::opcode::{self as op, Step};
use super::text;
use super::value::{Plain, Shape, Slot, is_mutable};
use crate::print::literal;
use wb_core::{CallStyle, Collection, Constant, OpKind, Span, ValueId};

/// A node that is becoming an op.
struct Frame {
    node: usize,
    /// Index of the next item.
    next: usize,
    /// The values of the items so far.
    values: Vec<ValueId>,
}

/// What a slot is when it is used.
enum Opened {
    Value(ValueId),
    Node(usize),
}

impl<'a> Machine<'a, '_> {
    /// The value of `slot`, with at most `allowance` plain values turned into ops for it when only
    /// effects are lifted.
    pub(super) fn value_of(&mut self, slot: Slot, allowance: usize) -> Result<ValueId, Halt> {
        self.allowance = if self.mode.full { usize::MAX } else { allowance };
        let value = self.materialise(slot)?;
        self.finish_pending()?;
        Ok(value)
    }

    /// The items of a tuple or list; `None` when the slot is no such container.
    pub(super) fn items_of(&mut self, slot: Slot) -> Result<Option<Vec<Slot>>, Halt> {
        let node = match self.resolve(slot) {
            Slot::Plain(plain) if matches!(plain.shape, Shape::Container(_)) => {
                match self.run_again(plain, slot)? {
                    Slot::Node(node) => node,
                    _ => return Ok(None),
                }
            }
            Slot::Node(node) => node,
            _ => return Ok(None),
        };
        Ok(self.nodes.get(node).map(|node| node.items.clone()))
    }

    /// The kind of container a slot is.
    pub(super) fn kind_of(&self, slot: Slot) -> Option<Collection> {
        match self.resolve(slot) {
            Slot::Plain(Plain { shape: Shape::Container(kind), .. }) => Some(kind),
            Slot::Node(node) => self.nodes.get(node).map(|node| node.kind),
            _ => None,
        }
    }

    /// Turns `slot` into the value of an op. Works without recursion: nesting is as deep as the
    /// stream likes.
    fn materialise(&mut self, slot: Slot) -> Result<ValueId, Halt> {
        let mut frames: Vec<Frame> = Vec::new();
        let mut wanted = Some(slot);
        loop {
            if let Some(slot) = wanted.take() {
                let value = match self.open(slot)? {
                    Opened::Value(value) => Some(value),
                    Opened::Node(node) if self.nodes.get(node).is_some_and(|node| node.open) => {
                        Some(self.break_cycle(&mut frames)?)
                    }
                    Opened::Node(node) => {
                        self.set_open(node, true);
                        frames.push(Frame { node, next: 0, values: Vec::new() });
                        None
                    }
                };
                if let Some(value) = value {
                    match frames.last_mut() {
                        Some(frame) => frame.values.push(value),
                        None => return Ok(value),
                    }
                }
            }
            self.budget.steps(1)?;
            let Some(frame) = frames.last_mut() else { return Err(broken("no container is open")) };
            wanted = self.next_item(frame);
            if wanted.is_none() {
                let Some(frame) = frames.pop() else { continue };
                let value = self.emit_node(frame.node, frame.values)?;
                match frames.last_mut() {
                    Some(parent) => parent.values.push(value),
                    None => return Ok(value),
                }
            }
        }
    }

    /// The next item of a frame that is to be kept.
    fn next_item(&mut self, frame: &mut Frame) -> Option<Slot> {
        let node = self.nodes.get(frame.node)?;
        let pairs = node.kind == Collection::Dict;
        loop {
            let slot = *node.items.get(frame.next)?;
            let at_key = pairs && frame.next.is_multiple_of(2);
            let value = if at_key { node.items.get(frame.next.saturating_add(1)) } else { None };
            let is_elided = |slot: Option<&Slot>| {
                matches!(slot, Some(Slot::Plain(Plain { shape: Shape::Elided, .. })))
            };
            let skip = (self.allowance == 0 || is_elided(Some(&slot)) || is_elided(value))
                && (!pairs || at_key)
                && !self.is_interesting(slot)
                && !value.is_some_and(|value| self.is_interesting(*value));
            if !skip {
                frame.next = frame.next.saturating_add(1);
                return Some(slot);
            }
            frame.next = frame.next.saturating_add(if pairs { 2 } else { 1 });
        }
    }

    /// A slot as value or as a node that has no op yet.
    fn open(&mut self, slot: Slot) -> Result<Opened, Halt> {
        match self.resolve(slot) {
            Slot::Value(value) => Ok(Opened::Value(value)),
            Slot::Node(node) => Ok(match self.nodes.get(node).and_then(|node| node.value) {
                Some(value) => Opened::Value(value),
                None => Opened::Node(node),
            }),
            Slot::Plain(plain) if plain.shape == Shape::Constant => {
                self.allowance = self.allowance.saturating_sub(1);
                self.constant(plain).map(Opened::Value)
            }
            Slot::Plain(Plain { shape: Shape::Elided, .. }) => {
                let at = self.input.from(self.current).head(1).span();
                let constant = OpKind::Constant(Constant::Other("...".to_owned()));
                self.emit(at, self.number, constant).map(Opened::Value)
            }
            Slot::Plain(plain) => {
                self.allowance = self.allowance.saturating_sub(1);
                match self.run_again(plain, slot)? {
                    Slot::Node(node) => self.open(Slot::Node(node)),
                    Slot::Value(value) => Ok(Opened::Value(value)),
                    Slot::Plain(_) => Err(broken("data could not be made again")),
                }
            }
        }
    }

    fn constant(&mut self, plain: Plain) -> Result<ValueId, Halt> {
        if let Some(Slot::Value(value)) = self.known.get(&plain.made) {
            return Ok(*value);
        }
        let step =
            op::step(self.input, plain.start).map_err(|fault| Halt::Broken(fault.describe()))?;
        let constant = match text::constant(&step, self.input) {
            // Only a decompiler needs to tell a bytearray from bytes.
            Some(Constant::Bytes(bytes)) if self.mode.full && step.code == op::BYTEARRAY8 => {
                Constant::Other(literal::bytearray(&bytes))
            }
            Some(constant) => constant,
            None => return Err(broken("the argument of a constant is not valid")),
        };
        let value = self.emit(step.span(self.input), plain.number, OpKind::Constant(constant))?;
        self.known.insert(plain.made, Slot::Value(value));
        Ok(value)
    }

    fn set_open(&mut self, node: usize, open: bool) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.open = open;
        }
    }

    /// Appends the op of a node whose items have values.
    fn emit_node(&mut self, index: usize, items: Vec<ValueId>) -> Result<ValueId, Halt> {
        let Some(node) = self.nodes.get(index) else { return Err(broken("no such container")) };
        let total = if node.kind == Collection::Dict { node.total / 2 } else { node.total };
        let (span, number) = (node.span, node.number);
        let kind = OpKind::Collect { kind: node.kind, items, total };
        let value = self.emit(span, number, kind)?;
        if let Some(node) = self.nodes.get_mut(index) {
            node.value = Some(value);
            node.open = false;
        }
        Ok(value)
    }

    /// A container holds itself: the innermost one that can be changed becomes an op at once, and is
    /// filled afterwards.
    fn break_cycle(&mut self, frames: &mut Vec<Frame>) -> Result<ValueId, Halt> {
        while let Some(mut frame) = frames.pop() {
            self.set_open(frame.node, false);
            let kind = self.nodes.get(frame.node).map_or(Collection::Tuple, |node| node.kind);
            if !is_mutable(kind) {
                continue;
            }
            let mut resume = frame.next.saturating_sub(1);
            if kind == Collection::Dict && !resume.is_multiple_of(2) {
                frame.values.pop();
                resume = resume.saturating_sub(1);
            }
            let value = self.emit_node(frame.node, frame.values)?;
            self.unfinished.push_back((frame.node, resume));
            return Ok(value);
        }
        Err(broken("a container that cannot be changed holds itself"))
    }

    /// Adds what is missing to containers that became ops before they were complete.
    fn finish_pending(&mut self) -> Result<(), Halt> {
        while let Some((index, first)) = self.unfinished.pop_front() {
            let Some(node) = self.nodes.get(index) else { continue };
            let (kind, span, number) = (node.kind, node.span, node.number);
            let Some(of) = node.value else { continue };
            let rest = node.items.get(first..).unwrap_or(&[]).to_vec();
            let chunk = if kind == Collection::Dict { 2 } else { 1 };
            for entry in rest.chunks(chunk) {
                self.budget.steps(1)?;
                match *entry {
                    [key, value] => {
                        let key = self.materialise(key)?;
                        let value = self.materialise(value)?;
                        self.emit(span, number, OpKind::SetItem { of, key, value })?;
                    }
                    [item] => {
                        let item = self.materialise(item)?;
                        let method = if kind == Collection::Set { "add" } else { "append" };
                        self.emit_method(span, number, of, method, item)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Appends the call of a method with one argument.
    pub(super) fn emit_method(
        &mut self,
        span: Span,
        number: u64,
        of: ValueId,
        method: &str,
        argument: ValueId,
    ) -> Result<ValueId, Halt> {
        let name = method.to_owned();
        let callee = self.emit(span, number, OpKind::GetAttribute { of, name })?;
        let kind = OpKind::Call {
            callee,
            arguments: vec![argument],
            keywords: Vec::new(),
            style: CallStyle::Call,
        };
        self.emit(span, number, kind)
    }

    /// Makes plain data again, as nodes: runs the opcodes that made it on an empty stack. `slot` is
    /// how it was reached; what was reached through the memo may have grown since.
    pub(super) fn run_again(&mut self, plain: Plain, slot: Slot) -> Result<Slot, Halt> {
        if let Some(known) = self.known.get(&plain.made) {
            return Ok(*known);
        }
        let reached_by_memo =
            !matches!(slot, Slot::Plain(own) if own.made == plain.made && own.shape == plain.shape);
        let limit = if reached_by_memo { self.current } else { plain.end };
        let stack = std::mem::take(&mut self.stack);
        let marks = std::mem::take(&mut self.marks);
        let saved = (self.at, self.number, self.replay, self.floor);
        self.wanted_again = plain.made;
        self.replay = Some(self.nodes.len());
        (self.at, self.number, self.floor) = (plain.start, plain.number, 0);
        let outcome = self.run_range(plain, limit);
        let root = self.known.get(&plain.made).copied();
        self.stack = stack;
        self.marks = marks;
        (self.at, self.number, self.replay, self.floor) = saved;
        outcome?;
        root.ok_or_else(|| broken("data could not be made again"))
    }

    fn run_range(&mut self, plain: Plain, limit: usize) -> Result<(), Halt> {
        let grows = matches!(plain.shape, Shape::Container(kind) if is_mutable(kind));
        while self.at < limit {
            let Ok(step) = op::step(self.input, self.at) else { return Ok(()) };
            if !is_data(&step) {
                return Ok(());
            }
            self.replayed = self.replayed.saturating_add(1);
            if self.replayed > self.number.saturating_mul(4).saturating_add(1 << 20) {
                return Err(Halt::Restart);
            }
            self.budget.steps(1)?;
            self.at = step.end;
            match self.execute(&step) {
                Ok(()) => {}
                Err(Halt::Broken(_) | Halt::Stop(_)) => return Ok(()),
                Err(halt) => return Err(halt),
            }
            self.number = self.number.saturating_add(1);
            if step.start == plain.made {
                if !grows {
                    return Ok(());
                }
                self.floor = 1;
            }
        }
        Ok(())
    }
}

/// Whether the opcode makes, moves or stores data and does nothing else.
pub(super) fn is_data(step: &Step<'_>) -> bool {
    !matches!(
        step.code,
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
            | op::READONLY_BUFFER
            | op::STOP
    )
}
