//! [`Sharing`]: containers that stand in others many times, and what that comes to.
//!
//! Ten references to a list of ten references to a list, and so on: a few hundred bytes load in no time, and
//! whoever walks over, prints, compares or copies the result never comes to an end (CWE-776, "billion laughs").

use super::memo::Keys;
use super::opcode::{self as op, Step};
use super::text;
use std::collections::BTreeMap;
use wb_core::{Bytes, Oddity, OddityKind, Span};

/// References to containers below which nothing grows to [`HUGE`]: each of them doubles at the most.
const FEW: u64 = 26;
/// Items of an expanded container from which it is reported.
const HUGE: u64 = 100_000_000;
/// Containers, and places in them for other containers, that are followed.
const MOST: usize = 1 << 21;

/// Counts references to what is no text while a stream is read. Texts are shared by every pickler, and
/// nothing grows by it.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// MEMOIZE seen so far, which is the key of the next.
    memoized: u64,
    /// Memo keys that hold texts.
    texts: Keys,
    /// References to anything else.
    references: u64,
}

impl Sharing {
    /// Notes so many MEMOIZE.
    #[inline]
    pub(super) const fn memoized(&mut self, count: u64) {
        self.memoized = self.memoized.saturating_add(count);
    }

    /// Notes a text, `read` bytes into the stream, with what follows it.
    #[inline]
    pub(super) fn text(&mut self, rest: &[u8], read: usize) {
        let key = match rest {
            [op::MEMOIZE, ..] => i64::try_from(self.memoized).unwrap_or(i64::MAX),
            [op::BINPUT, key, ..] => i64::from(*key),
            [op::LONG_BINPUT, a, b, c, d, ..] => i64::from(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => return,
        };
        self.texts.add(key, read);
    }

    /// Notes a reference to what has a memo key.
    #[inline]
    pub(super) fn refer(&mut self, key: i64) {
        if !self.texts.contains(key) {
            self.refer_to_any();
        }
    }

    /// Notes a reference to something of which nothing is asked.
    #[inline]
    pub(super) const fn refer_to_any(&mut self) {
        self.references = self.references.saturating_add(1);
    }

    /// The oddity of a stream from `begin` to `end` in which sharing makes something [`HUGE`].
    pub(super) fn oddity(&self, input: Bytes<'_>, begin: usize, end: usize) -> Option<Oddity> {
        if self.references < FEW {
            return None;
        }
        let (items, at) = Containers::of(input, begin, end).largest()?;
        (items >= HUGE).then_some(())?;
        let items =
            if items == u64::MAX { "more than 10^19".to_owned() } else { items.to_string() };
        let offset = input.from(at).offset();
        Some(Oddity {
            kind: OddityKind::Expansion,
            place: format!("offset {offset}"),
            span: Some(Span::new(offset, 1)),
            what: format!(
                "containers stand in containers so often that a walk over them meets {items} items"
            ),
        })
    }
}

/// A value: a container by its index, or [`ITEM`].
type Node = u32;

/// What is no container. Objects count as one item too: graphs of them share by design, and walks over
/// graphs remember where they were.
const ITEM: Node = Node::MAX;

#[derive(Clone, Copy, Debug)]
struct Container {
    /// Index of the opcode that made it.
    at: usize,
    /// Items in it that are no containers, and itself; once it was counted, everything.
    items: u64,
    /// Its last place for a container.
    last: Option<u32>,
    counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    No,
    /// Its items are being counted; what leads here again leads upwards, to what is being walked already.
    Begun,
    Yes,
}

/// The containers of a stream and what stands in them, found by a stack machine.
#[derive(Default)]
struct Containers {
    containers: Vec<Container>,
    /// A container in a container, and the place before it.
    places: Vec<(Node, Option<u32>)>,
    stack: Vec<Node>,
    marks: Vec<usize>,
    dense: Vec<Node>,
    sparse: BTreeMap<i64, Node>,
}

impl Containers {
    /// Those of the stream from `begin` to `end`, or of as much of it as makes sense and can be held.
    fn of(input: Bytes<'_>, begin: usize, end: usize) -> Self {
        let mut all = Self::default();
        let mut at = begin;
        while at < end {
            let Ok(step) = op::step(input, at) else { break };
            if all.apply(&step).is_none() {
                break;
            }
            at = step.end;
        }
        all
    }

    /// The items of the largest container, each counted as often as a walk meets it, and where it was made.
    fn largest(mut self) -> Option<(u64, usize)> {
        let mut path: Vec<(Node, Option<u32>)> = Vec::new();
        let mut largest: Option<(u64, usize)> = None;
        for root in 0..u32::try_from(self.containers.len()).ok()? {
            self.enter(root, &mut path);
            while let Some((node, place)) = path.pop() {
                let Some((child, before)) =
                    place.and_then(|at| self.places.get(at as usize)).copied()
                else {
                    let container = self.container(node)?;
                    container.counted = Counted::Yes;
                    let found = (container.items, container.at);
                    largest = largest.max(Some(found));
                    continue;
                };
                match self.container(child)?.counted {
                    // It comes back to this place when the child was counted.
                    Counted::No => {
                        path.push((node, place));
                        self.enter(child, &mut path);
                    }
                    Counted::Begun => {
                        self.add(node, 1)?;
                        path.push((node, before));
                    }
                    Counted::Yes => {
                        let items = self.container(child)?.items;
                        self.add(node, items)?;
                        path.push((node, before));
                    }
                }
            }
        }
        largest
    }

    fn enter(&mut self, node: Node, path: &mut Vec<(Node, Option<u32>)>) {
        if let Some(container) = self.container(node).filter(|it| it.counted == Counted::No) {
            container.counted = Counted::Begun;
            path.push((node, container.last));
        }
    }

    fn container(&mut self, node: Node) -> Option<&mut Container> {
        self.containers.get_mut(node as usize)
    }

    fn add(&mut self, node: Node, items: u64) -> Option<()> {
        let container = self.container(node)?;
        container.items = container.items.saturating_add(items);
        Some(())
    }

    /// Applies one opcode; `None` when it makes no sense or too much is in hand.
    fn apply(&mut self, step: &Step<'_>) -> Option<()> {
        match step.code {
            op::PROTO | op::FRAME | op::READONLY_BUFFER => {}
            op::MARK => self.marks.push(self.stack.len()),
            op::POP if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            op::POP | op::BUILD | op::STOP => self.drop_from(self.behind(1)?),
            op::POP_MARK => {
                let mark = self.marks.pop()?;
                self.drop_from(mark);
            }
            op::DUP => self.stack.push(*self.stack.last()?),
            op::EMPTY_LIST | op::EMPTY_DICT | op::EMPTY_SET | op::EMPTY_TUPLE => {
                self.make(step, self.stack.len())?;
            }
            op::LIST | op::DICT | op::TUPLE | op::FROZENSET => {
                let mark = self.marks.pop()?;
                self.make(step, mark)?;
            }
            op::TUPLE1 => self.make(step, self.behind(1)?)?,
            op::TUPLE2 => self.make(step, self.behind(2)?)?,
            op::TUPLE3 => self.make(step, self.behind(3)?)?,
            op::APPEND => self.fill(self.behind(1)?)?,
            op::SETITEM => self.fill(self.behind(2)?)?,
            op::APPENDS | op::SETITEMS | op::ADDITEMS => {
                let mark = self.marks.pop()?;
                self.fill(mark)?;
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let key = key(step)?;
                let dense = usize::try_from(key).ok().and_then(|key| self.dense.get(key));
                self.stack.push(*dense.or_else(|| self.sparse.get(&key))?);
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT => self.put(key(step)?)?,
            op::MEMOIZE => {
                let len = self.dense.len().saturating_add(self.sparse.len());
                self.put(i64::try_from(len).ok()?)?;
            }
            op::BINPERSID => self.object(self.behind(1)?),
            op::REDUCE | op::NEWOBJ | op::STACK_GLOBAL => self.object(self.behind(2)?),
            op::NEWOBJ_EX => self.object(self.behind(3)?),
            op::OBJ | op::INST => {
                let mark = self.marks.pop()?;
                self.object(mark);
            }
            _ => self.stack.push(ITEM),
        }
        Some(())
    }

    /// The height of the stack without its last `count` values.
    fn behind(&self, count: usize) -> Option<usize> {
        self.stack.len().checked_sub(count)
    }

    fn drop_from(&mut self, height: usize) {
        self.stack.truncate(height);
    }

    /// An object of everything above `height`.
    fn object(&mut self, height: usize) {
        self.drop_from(height);
        self.stack.push(ITEM);
    }

    /// A container of everything above `height`.
    fn make(&mut self, step: &Step<'_>, height: usize) -> Option<()> {
        let node = Node::try_from(self.containers.len()).ok()?;
        let container = Container { at: step.start, items: 1, last: None, counted: Counted::No };
        (self.containers.len() < MOST).then(|| self.containers.push(container))?;
        self.put_into(node, height)?;
        self.stack.push(node);
        Some(())
    }

    /// Puts everything above `height` into what stands there.
    fn fill(&mut self, height: usize) -> Option<()> {
        let node = *self.stack.get(height.checked_sub(1)?)?;
        self.put_into(node, height)
    }

    fn put_into(&mut self, node: Node, height: usize) -> Option<()> {
        if let Some(container) = self.containers.get_mut(node as usize) {
            for child in self.stack.get(height..)? {
                if *child == ITEM {
                    container.items = container.items.saturating_add(1);
                    continue;
                }
                let place = u32::try_from(self.places.len()).ok()?;
                (self.places.len() < MOST).then(|| self.places.push((*child, container.last)))?;
                container.last = Some(place);
            }
        }
        self.drop_from(height);
        Some(())
    }

    fn put(&mut self, key: i64) -> Option<()> {
        let top = *self.stack.last()?;
        match usize::try_from(key).ok().map(|key| (key, self.dense.len())) {
            Some((key, len)) if key == len => self.dense.push(top),
            Some((key, len)) if key < len => *self.dense.get_mut(key)? = top,
            _ => {
                self.sparse.insert(key, top);
            }
        }
        Some(())
    }
}

/// The memo key of a step.
fn key(step: &Step<'_>) -> Option<i64> {
    match step.code {
        op::GET | op::PUT => text::memo_key(step.data),
        _ => Some(step.number),
    }
}
