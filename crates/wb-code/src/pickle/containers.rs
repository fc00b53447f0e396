//! Opcodes that make containers and add to them.

use super::machine::{Halt, Machine, broken};
use super::opcode::{self as op, Step};
use super::value::{Node, Plain, Shape, Slot, is_mutable};
use wb_core::Collection;

/// Plain items kept per container when only effects are lifted.
const KEPT_ITEMS: usize = 1024;

/// Containers made for one use of plain data when only effects are lifted.
const REMADE_NODES: usize = 8192;

impl Machine<'_, '_> {
    /// LIST, DICT, TUPLE and FROZENSET.
    pub(super) fn make_marked(&mut self, kind: Collection, step: &Step<'_>) -> Result<(), Halt> {
        let mark = self.marks.pop().ok_or_else(|| broken("there is no mark on the stack"))?;
        self.make(kind, step, Some((mark.height, mark.start, mark.number)))
    }

    /// TUPLE1 to TUPLE3.
    pub(super) fn make_counted(&mut self, count: usize, step: &Step<'_>) -> Result<(), Halt> {
        let height = self.stack.len().checked_sub(count).filter(|height| *height >= self.fence());
        let height = height.ok_or_else(|| broken("there is nothing on the stack to take"))?;
        let (start, number) = match self.stack.get(height) {
            Some(Slot::Plain(plain)) => (plain.start, plain.number),
            _ => (step.start, self.number),
        };
        self.make(Collection::Tuple, step, Some((height, start, number)))
    }

    /// Makes a container of what stands above `from.0` (height, first opcode, its number).
    pub(super) fn make(
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
            _ if self.elides(step) => Slot::Plain(Plain {
                start,
                made: step.start,
                end: step.end,
                number,
                shape: Shape::Elided,
            }),
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

    /// Whether a container made while a range is run again is left out: so many were made that no use
    /// will show them all.
    fn elides(&self, step: &Step<'_>) -> bool {
        let made = self.replay.map_or(0, |before| self.nodes.len().saturating_sub(before));
        made >= REMADE_NODES && !self.mode.full && step.start != self.wanted_again
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
    pub(super) fn add_one(&mut self, step: &Step<'_>) -> Result<(), Halt> {
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
    pub(super) fn add_marked(&mut self, step: &Step<'_>) -> Result<(), Halt> {
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
        if matches!(self.stack.get(target), Some(Slot::Plain(Plain { shape: Shape::Elided, .. }))) {
            self.stack.truncate(mark.height);
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
        if step.code == op::SETITEMS && !items.len().is_multiple_of(2) {
            return Err(broken("SETITEMS has a key without a value"));
        }
        let top = *self.stack.last().ok_or_else(|| broken("the stack is empty"))?;
        if matches!(top, Slot::Plain(Plain { shape: Shape::Elided, .. })) {
            return Ok(());
        }
        let target = self.node_or_value(top)?;
        if let Some(slot) = self.stack.last_mut() {
            *slot = target;
        }
        if let (Some(before), Slot::Node(node)) = (self.replay, target)
            && node < before
        {
            return Ok(());
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
