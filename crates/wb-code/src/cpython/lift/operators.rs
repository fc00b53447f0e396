//! Arithmetic, comparison and subscription. Text that can be computed without running anything is.

use super::super::instructions::Instruction;
use super::super::{Value, Version};
use super::frame::{Flow, Frame};
use super::state::Slot;
use wb_core::{Constant, OpKind, ValueId};

/// The longest text that is put together from constants, in bytes.
const MAX_FOLDED: usize = 1 << 20;

/// `_nb_ops` of `Lib/opcode.py`, which BINARY_OP counts (3.11 on; `[]` 3.14).
pub(in crate::cpython) const BINARY: [&str; 27] = [
    "+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^", "+=", "&=", "//=", "<<=",
    "@=", "*=", "%=", "|=", "**=", ">>=", "-=", "/=", "^=", "[]",
];

/// `cmp_op` of `Lib/opcode.py`; what follows `>=` is counted until 3.8 only.
pub(in crate::cpython) const COMPARE: [&str; 12] =
    ["<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match", "BAD"];

/// The operator of `COMPARE_OP` with `argument`; `None` when `version` has none there.
pub(super) fn compared(version: Version, argument: usize) -> Option<&'static str> {
    let index = argument.checked_shr(comparison_shift(version))?;
    let count = if version >= Version::three(9) { 6 } else { COMPARE.len() };
    COMPARE.get(index).copied().filter(|_| index < count)
}

/// Bits of the argument of `COMPARE_OP` below the number of the operator: what the interpreter notes there.
pub(in crate::cpython) fn comparison_shift(version: Version) -> u32 {
    match version {
        version if version >= Version::three(13) => 5,
        version if version >= Version::three(12) => 4,
        _ => 0,
    }
}

/// The operator of an instruction that is named after it, until 3.10: what follows `BINARY_` or `INPLACE_`.
/// `DIVIDE` is of version 2.
pub(in crate::cpython) fn arithmetic(name: &str) -> Option<&'static str> {
    Some(match name {
        "ADD" => "+",
        "SUBTRACT" => "-",
        "MULTIPLY" => "*",
        "DIVIDE" | "TRUE_DIVIDE" => "/",
        "FLOOR_DIVIDE" => "//",
        "MODULO" => "%",
        "POWER" => "**",
        "LSHIFT" => "<<",
        "RSHIFT" => ">>",
        "AND" => "&",
        "OR" => "|",
        "XOR" => "^",
        "MATRIX_MULTIPLY" => "@",
        _ => return None,
    })
}

impl<'c> Frame<'c, '_> {
    /// Steps over an instruction of this module's subject; `None` when it is of another.
    pub(super) fn operator_step(&mut self, one: &Instruction) -> Option<Flow> {
        match one.name {
            "BINARY_SUBSCR" => self.subscribe(),
            "BINARY_OP" => match BINARY.get(one.arg()) {
                Some(&"[]") => self.subscribe(),
                Some(what) => self.binary(what),
                None => {
                    self.misfit();
                    self.binary("operator");
                }
            },
            "COMPARE_OP" => {
                let what = compared(self.version, one.arg());
                if what.is_none() {
                    self.misfit();
                }
                self.combine(what.unwrap_or("comparison"), 2);
            }
            "IS_OP" => self.combine(if one.arg() == 1 { "is not" } else { "is" }, 2),
            "CONTAINS_OP" => self.combine(if one.arg() == 1 { "not in" } else { "in" }, 2),
            "UNARY_POSITIVE" => self.combine("+", 1),
            "UNARY_NEGATIVE" => self.combine("-", 1),
            "UNARY_NOT" => self.combine("not", 1),
            "UNARY_INVERT" => self.combine("~", 1),
            "UNARY_CONVERT" => self.combine("repr", 1),
            "BUILD_SLICE" => self.build_slice(one.arg()),
            "BINARY_SLICE" => {
                self.build_slice(2);
                self.subscribe();
            }
            "STORE_SUBSCR" => self.store_item(),
            "STORE_SLICE" => {
                self.build_slice(2);
                self.store_item();
            }
            "DELETE_SUBSCR" => self.discard("del []", 2),
            _ => return self.old_operator_step(one),
        }
        Some(Flow::Next)
    }

    /// One opcode per operator until 3.10, slices with opcodes of their own in 2.7.
    fn old_operator_step(&mut self, one: &Instruction) -> Option<Flow> {
        if let Some((opcode, which)) = one.name.split_once('+') {
            let bounds = match which {
                "0" => 0,
                "3" => 2,
                _ => 1,
            };
            let mut uses = self.pop_values(bounds);
            match opcode {
                "SLICE" => {
                    uses.insert(0, self.pop_value());
                    let slot = self.opaque("[:]", uses);
                    self.push(slot);
                }
                "STORE_SLICE" => self.discard("[:] =", 2),
                _ => self.discard("del [:]", 1),
            }
            return Some(Flow::Next);
        }
        let (name, assigns) = match one.name.split_once('_')? {
            ("BINARY", name) => (name, false),
            ("INPLACE", name) => (name, true),
            _ => return None,
        };
        let what = arithmetic(name)?;
        if assigns {
            self.binary(&format!("{what}="))
        } else {
            self.binary(what)
        }
        Some(Flow::Next)
    }

    /// An operator over the top `count` values, opaque.
    pub(super) fn combine(&mut self, what: &str, count: usize) {
        let uses = self.pop_values(count);
        let slot = self.opaque(what, uses);
        self.push(slot);
    }

    /// Something done with the top `count` values that yields nothing.
    pub(super) fn discard(&mut self, what: &str, count: usize) {
        let uses = self.pop_values(count);
        self.opaque(what, uses);
    }

    fn binary(&mut self, what: &str) {
        let right = self.pop();
        let left = self.pop();
        let folded = match what {
            "+" | "+=" => self.add(&left, &right),
            _ => None,
        };
        if let Some(constant) = folded {
            self.push_op(OpKind::Constant(constant));
            return;
        }
        let uses = vec![self.value(left), self.value(right)];
        let slot = self.opaque(what, uses);
        self.push(slot);
    }

    fn add(&mut self, left: &Slot<'c>, right: &Slot<'c>) -> Option<Constant> {
        let sum = match (self.literal(left)?, self.literal(right)?) {
            (Literal::Text(left), Literal::Text(right)) => (left.len().saturating_add(right.len())
                <= MAX_FOLDED)
                .then(|| Constant::Text(format!("{left}{right}"))),
            (Literal::Bytes(left), Literal::Bytes(right)) => {
                (left.len().saturating_add(right.len()) <= MAX_FOLDED)
                    .then(|| Constant::Bytes([left, right].concat()))
            }
            _ => None,
        };
        self.pay(sum)
    }

    /// A constant made here costs what a decoder would pay for it.
    pub(super) fn pay(&mut self, made: Option<Constant>) -> Option<Constant> {
        let len = match made.as_ref()? {
            Constant::Text(text) => text.len(),
            Constant::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.budget.decoded_bytes(u64::try_from(len).unwrap_or(u64::MAX)).ok()?;
        made
    }

    /// The text or bytes that a slot is known to hold.
    pub(super) fn literal<'s>(&'s self, slot: &'s Slot<'c>) -> Option<Literal<'s>> {
        match slot {
            Slot::Const(Value::Text(text), _) => Some(Literal::Text(text)),
            Slot::Const(Value::Bytes(bytes), _) => Some(Literal::Bytes(bytes)),
            Slot::Value(id) | Slot::Formatted(id) => match &self.program.op(*id)?.kind {
                OpKind::Constant(Constant::Text(text)) => Some(Literal::Text(text)),
                OpKind::Constant(Constant::Bytes(bytes)) => Some(Literal::Bytes(bytes)),
                _ => None,
            },
            _ => None,
        }
    }

    /// `slice(start, stop, step)`, as source text would say it.
    fn build_slice(&mut self, count: usize) {
        let mut bounds = self.pop_values(count);
        if bounds.len() < 3 {
            bounds.push(self.emit(OpKind::Constant(Constant::None)));
        }
        let slice = self.slice_of(bounds, self.at());
        self.push(Slot::Value(slice));
    }

    fn subscribe(&mut self) {
        let key = self.pop();
        let of = self.pop();
        if let Some(item) = self.known_item(&of, &key) {
            self.push(item);
            return;
        }
        let sliced = self.sliced(&of, &key);
        if let Some(constant) = self.pay(sliced) {
            self.push_op(OpKind::Constant(constant));
            return;
        }
        let (of, key) = (self.value(of), self.value(key));
        self.push_op(OpKind::GetItem { of, key });
    }

    /// An item of a tuple that was just built, as in `(call(), x)[1]`.
    fn known_item(&self, of: &Slot<'c>, key: &Slot<'c>) -> Option<Slot<'c>> {
        let items = match of {
            Slot::Const(Value::Tuple(items), at) => {
                let Slot::Const(Value::Int(index), _) = key else { return None };
                return items
                    .get(position(*index, items.len())?)
                    .map(|item| Slot::Const(item, *at));
            }
            Slot::Value(id) => match &self.program.op(*id)?.kind {
                OpKind::Collect { kind: wb_core::Collection::Tuple, items, total }
                    if u64::try_from(items.len()) == Ok(*total) =>
                {
                    items
                }
                _ => return None,
            },
            _ => return None,
        };
        let index = match key {
            Slot::Const(Value::Int(index), _) | Slot::Int(index, _) => *index,
            _ => return None,
        };
        items.get(position(index, items.len())?).map(|id| Slot::Value(*id))
    }

    /// A constant slice of constant text or bytes, as in `'metsys'[::-1]`.
    fn sliced(&self, of: &Slot<'c>, key: &Slot<'c>) -> Option<Constant> {
        let bounds = self.slice_bounds(key)?;
        match self.literal(of)? {
            Literal::Text(text) => {
                let characters: Vec<char> = text.chars().collect();
                Some(Constant::Text(slice(&characters, bounds)?.into_iter().collect()))
            }
            Literal::Bytes(bytes) => Some(Constant::Bytes(slice(bytes, bounds)?)),
        }
    }

    fn slice_bounds(&self, key: &Slot<'c>) -> Option<[Option<i64>; 3]> {
        if let Slot::Const(Value::Slice(parts), _) = key {
            let mut bounds = [None; 3];
            for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                *bound = match part {
                    Value::None => None,
                    Value::Int(value) => Some(*value),
                    _ => return None,
                };
            }
            return Some(bounds);
        }
        let Slot::Value(id) = key else { return None };
        let OpKind::Call { callee, arguments, .. } = &self.program.op(*id)?.kind else {
            return None;
        };
        let is_slice =
            matches!(&self.program.op(*callee)?.kind, OpKind::Load { name } if name == "slice");
        let mut bounds = [None; 3];
        for (bound, used) in bounds.iter_mut().zip(arguments) {
            *bound = match self.program.op(*used)?.kind {
                OpKind::Constant(Constant::None) => None,
                OpKind::Constant(Constant::Int(value)) => Some(value),
                _ => return None,
            };
        }
        is_slice.then_some(bounds)
    }

    fn store_item(&mut self) {
        let key = self.pop_value();
        let of = self.pop_value();
        let value = self.pop_value();
        self.emit(OpKind::SetItem { of, key, value });
    }

    /// The items of a tuple that is known whole, or of a list or mapping nobody else can have changed.
    pub(super) fn known_items(&self, slot: &Slot<'c>) -> Option<Vec<Slot<'c>>> {
        match slot {
            Slot::Const(Value::Tuple(items), at) => {
                Some(items.iter().map(|item| Slot::Const(item, *at)).collect())
            }
            Slot::Value(id) => match &self.program.op(*id)?.kind {
                OpKind::Collect { kind, items, total }
                    if *kind == wb_core::Collection::Tuple || !self.named.contains(id) =>
                {
                    let slots: Vec<Slot<'c>> = items.iter().copied().map(Slot::Value).collect();
                    let count = match kind {
                        wb_core::Collection::Dict => slots.len() / 2,
                        _ => slots.len(),
                    };
                    (u64::try_from(count) == Ok(*total)).then_some(slots)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The text of a value.
    pub(super) fn text_of(&self, id: ValueId) -> Option<&str> {
        match &self.program.op(id)?.kind {
            OpKind::Constant(Constant::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Text or bytes that are known.
pub(super) enum Literal<'s> {
    /// Text.
    Text(&'s str),
    /// Bytes.
    Bytes(&'s [u8]),
}

/// A Python index as an index from the front.
fn position(index: i64, len: usize) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    let back = usize::try_from(index.unsigned_abs()).ok()?;
    len.checked_sub(back)
}

/// Python's slicing: `PySlice_AdjustIndices`.
fn slice<T: Clone>(items: &[T], [start, stop, step]: [Option<i64>; 3]) -> Option<Vec<T>> {
    let len = i64::try_from(items.len()).ok()?;
    let step = step.unwrap_or(1);
    if step == 0 || len == 0 {
        return (step != 0).then(Vec::new);
    }
    let (lowest, highest) = if step < 0 { (-1, len.saturating_sub(1)) } else { (0, len) };
    let bound = |value: Option<i64>, default: i64| match value {
        None => default,
        Some(value) if value < 0 => value.saturating_add(len).max(lowest),
        Some(value) => value.min(highest),
    };
    let (first, last) = if step < 0 { (highest, lowest) } else { (lowest, highest) };
    let (mut index, stop) = (bound(start, first), bound(stop, last));
    let mut taken = Vec::new();
    while (step > 0 && index < stop) || (step < 0 && index > stop) {
        taken.push(items.get(usize::try_from(index).ok()?)?.clone());
        index = index.saturating_add(step);
    }
    Some(taken)
}
