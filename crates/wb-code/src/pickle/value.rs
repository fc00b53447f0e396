//! What stands on the machine's stack: [`Slot`], and [`Node`], a container that is still being filled.

use wb_core::{Collection, Span, ValueId};

/// A value of the unpickler.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// Data that no op of the program uses yet: only where it was made is known.
    Plain(Plain),
    /// The value of an op.
    Value(ValueId),
    /// A container that has no op yet; an index into the machine's nodes.
    Node(usize),
}

/// A constant, or a container of constants, that can be made again from the bytes when it is used.
///
/// Everything between the opcode that began a stack entry and the opcode that completed it only
/// contributed to that entry, so running those opcodes again on an empty stack makes it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    /// Index of the first opcode that contributes to it.
    pub(super) start: usize,
    /// Index of the opcode that made the object: its identity. For an alias, the memo key.
    pub(super) made: usize,
    /// Index behind the last opcode that contributed to it.
    pub(super) end: usize,
    /// Opcode number of the opcode at `start`.
    pub(super) number: u64,
    /// What it is.
    pub(super) shape: Shape,
}

/// What a plain value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A constant.
    Constant,
    /// A container.
    Container(Collection),
    /// Whatever the memo holds under the key.
    Alias,
    /// A container that is left out because its surroundings hold too many to keep.
    Elided,
}

/// A container that is filled while the stream runs and becomes an op when it is used.
#[derive(Debug)]
pub(super) struct Node {
    /// Which container.
    pub(super) kind: Collection,
    /// The items that are kept; key, value, key, value for a dict.
    pub(super) items: Vec<Slot>,
    /// How many items there are; pairs count as two.
    pub(super) total: u64,
    /// The opcode that made it.
    pub(super) span: Span,
    /// That opcode's number.
    pub(super) number: u64,
    /// The op it became.
    pub(super) value: Option<ValueId>,
    /// Whether it holds the value of an op, at any depth.
    pub(super) interesting: bool,
    /// Whether it is on the way to become an op.
    pub(super) open: bool,
}

/// Whether the container can be changed after it was made.
pub(super) const fn is_mutable(kind: Collection) -> bool {
    matches!(kind, Collection::List | Collection::Dict | Collection::Set)
}

/// A place on the stack that MARK left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Height of the stack when the mark was set.
    pub(super) height: usize,
    /// Index of the MARK opcode.
    pub(super) start: usize,
    /// Its number.
    pub(super) number: u64,
}
