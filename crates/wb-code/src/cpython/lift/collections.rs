//! Collections, unpacking and f-strings.

use super::super::instructions::Instruction;
use super::super::{Value, Version};
use super::frame::{Flow, Frame};
use super::operators::Literal;
use super::state::Slot;
use wb_core::{Collection, Constant, OpKind, ValueId};

impl<'c> Frame<'c, '_> {
    /// Steps over an instruction of this module's subject; `None` when it is of another.
    pub(super) fn collection_step(&mut self, one: &Instruction) -> Option<Flow> {
        let count = one.arg();
        match one.name {
            "BUILD_TUPLE" => self.build(Collection::Tuple, count),
            "BUILD_LIST" => self.build(Collection::List, count),
            "BUILD_SET" => self.build(Collection::Set, count),
            "BUILD_MAP" => self.build_map(count),
            "BUILD_CONST_KEY_MAP" => self.build_const_key_map(count),
            "STORE_MAP" => {
                let key = self.pop();
                let value = self.pop();
                self.grow(1, vec![key, value]);
            }
            "BUILD_LIST_UNPACK" => self.build_unpack(Collection::List, count),
            "BUILD_TUPLE_UNPACK" | "BUILD_TUPLE_UNPACK_WITH_CALL" => {
                self.build_unpack(Collection::Tuple, count);
            }
            "BUILD_SET_UNPACK" => self.build_unpack(Collection::Set, count),
            "BUILD_MAP_UNPACK" => self.build_unpack(Collection::Dict, count),
            // 3.5 counts in the low byte and says in the high one where the callable is.
            "BUILD_MAP_UNPACK_WITH_CALL" => self.build_unpack(Collection::Dict, count & 0xff),
            "LIST_APPEND" | "SET_ADD" => {
                let value = self.pop();
                if self.version == Version::three(0) {
                    self.add_to_loaded(value);
                } else {
                    self.add_to(count, vec![value]);
                }
            }
            "MAP_ADD" => self.map_add(count),
            "LIST_EXTEND" | "SET_UPDATE" | "DICT_UPDATE" | "DICT_MERGE" => {
                let more = self.pop();
                let more = self.spread(more, one.name.starts_with("DICT"));
                self.grow(count, more);
            }
            "LIST_TO_TUPLE" => self.list_to_tuple(),
            "UNPACK_SEQUENCE" => self.unpack_sequence(count),
            "UNPACK_EX" => self.unpack_ex(count),
            "FORMAT_VALUE" => self.format_value(count),
            "FORMAT_SIMPLE" => self.format_value(0),
            "FORMAT_WITH_SPEC" => self.combine("format", 2),
            "CONVERT_VALUE" => {
                if count != 1 {
                    self.combine("repr", 1);
                }
            }
            "BUILD_STRING" => self.build_string(count),
            "BUILD_INTERPOLATION" => {
                self.combine("interpolation", 2_usize.saturating_add(count & 1))
            }
            "BUILD_TEMPLATE" => self.combine("template", 2),
            _ => return None,
        }
        Some(Flow::Next)
    }

    pub(super) fn collect(&mut self, kind: Collection, items: Vec<ValueId>) -> ValueId {
        let count = if kind == Collection::Dict { items.len() / 2 } else { items.len() };
        let total = u64::try_from(count).unwrap_or(u64::MAX);
        self.emit(OpKind::Collect { kind, items, total })
    }

    fn build(&mut self, kind: Collection, count: usize) {
        let items = self.pop_values(count);
        let id = self.collect(kind, items);
        self.push(Slot::Value(id));
    }

    /// Until 3.4 the count is a hint of size, and STORE_MAP follows for each pair.
    fn build_map(&mut self, count: usize) {
        let count = if self.version < Version::three(5) { 0 } else { count };
        self.build(Collection::Dict, count.saturating_mul(2));
    }

    fn build_const_key_map(&mut self, count: usize) {
        let keys = self.pop();
        let values = self.pop_many(count);
        let Some(keys) = self.known_items(&keys).filter(|keys| keys.len() == values.len()) else {
            self.misfit();
            let keys = self.value(keys);
            let mut uses = vec![keys];
            uses.extend(values.into_iter().map(|slot| self.value(slot)).collect::<Vec<_>>());
            let slot = self.opaque("dict", uses);
            self.push(slot);
            return;
        };
        let mut items = Vec::new();
        for (key, value) in keys.into_iter().zip(values) {
            items.push(self.value(key));
            items.push(self.value(value));
        }
        let id = self.collect(Collection::Dict, items);
        self.push(Slot::Value(id));
    }

    fn build_unpack(&mut self, kind: Collection, count: usize) {
        let mut items = Vec::new();
        for part in self.pop_many(count) {
            let spread = self.spread(part, kind == Collection::Dict);
            items.extend(spread.into_iter().map(|slot| self.value(slot)).collect::<Vec<_>>());
        }
        let id = self.collect(kind, items);
        self.push(Slot::Value(id));
    }

    /// The items of what follows `*` or `**`, or one opaque item (or pair) that stands for them.
    fn spread(&mut self, slot: Slot<'c>, pairs: bool) -> Vec<Slot<'c>> {
        let is_dict = match &slot {
            Slot::Value(id) => matches!(
                self.program.op(*id).map(|op| &op.kind),
                Some(OpKind::Collect { kind: Collection::Dict, .. })
            ),
            _ => false,
        };
        let items = match &slot {
            Slot::Const(Value::FrozenSet(items), at) if !pairs => {
                Some(items.iter().map(|item| Slot::Const(item, *at)).collect())
            }
            _ => self.known_items(&slot).filter(|_| is_dict == pairs),
        };
        items.unwrap_or_else(|| {
            let value = self.value(slot);
            let marker = self.opaque(if pairs { "**" } else { "*" }, vec![value]);
            if pairs { vec![marker, Slot::Value(value)] } else { vec![marker] }
        })
    }

    /// Adds items to the collection `depth` below the top: `depth` 1 is a display, which is still being
    /// built; more is a comprehension, which adds again and again.
    fn add_to(&mut self, depth: usize, items: Vec<Slot<'c>>) {
        if depth <= 1 {
            self.grow(depth, items);
            return;
        }
        let values: Vec<ValueId> = items.into_iter().map(|slot| self.value(slot)).collect();
        let old = match self.peek_mut(depth) {
            Some(Slot::Value(id)) => *id,
            Some(_) => return,
            None => {
                self.misfit();
                return;
            }
        };
        let new = self.emit(OpKind::Opaque { what: "comprehension".to_owned(), uses: values });
        self.replace(old, new);
    }

    /// 3.0 loads the collection of a comprehension each time, from a variable without a proper name.
    fn add_to_loaded(&mut self, value: Slot<'c>) {
        let value = self.value(value);
        let collection = self.pop();
        let new = self.emit(OpKind::Opaque { what: "comprehension".to_owned(), uses: vec![value] });
        if let Slot::Value(old) = collection {
            self.replace(old, new);
        }
    }

    /// The value is above the key from 3.8 on.
    fn map_add(&mut self, depth: usize) {
        let top = self.pop();
        let below = self.pop();
        let pair =
            if self.version >= Version::three(8) { vec![below, top] } else { vec![top, below] };
        self.add_to(depth, pair);
    }

    /// Puts a larger collection in the place of the one `depth` below the top.
    fn grow(&mut self, depth: usize, more: Vec<Slot<'c>>) {
        let more: Vec<ValueId> = more.into_iter().map(|slot| self.value(slot)).collect();
        let Some(slot) = self.peek_mut(depth) else {
            self.misfit();
            return;
        };
        let slot = std::mem::replace(slot, Slot::Null);
        let old = self.value(slot);
        let cost = match self.program.op(old).map(|op| &op.kind) {
            Some(OpKind::Collect { items, .. }) => items.len(),
            _ => 0,
        };
        let afford = self.budget.steps(u64::try_from(cost).unwrap_or(u64::MAX)).is_ok();
        let new = match self.program.op(old).map(|op| &op.kind) {
            Some(OpKind::Collect { kind, items, .. }) if afford => {
                let (kind, mut items) = (*kind, items.clone());
                items.extend(more);
                self.collect(kind, items)
            }
            _ => {
                let mut uses = vec![old];
                uses.extend(more);
                self.emit(OpKind::Opaque { what: "extended".to_owned(), uses })
            }
        };
        if let Some(slot) = self.peek_mut(depth) {
            *slot = Slot::Value(new);
        }
    }

    pub(super) fn list_to_tuple(&mut self) {
        let list = self.pop();
        match self.known_items(&list) {
            Some(items) => {
                let items = items.into_iter().map(|slot| self.value(slot)).collect();
                let id = self.collect(Collection::Tuple, items);
                self.push(Slot::Value(id));
            }
            None => {
                let value = self.value(list);
                let slot = self.opaque("tuple", vec![value]);
                self.push(slot);
            }
        }
    }

    fn unpack_sequence(&mut self, count: usize) {
        let sequence = self.pop();
        if let Some(items) = self.known_items(&sequence).filter(|items| items.len() == count) {
            self.state.stack.extend(items.into_iter().rev());
            return;
        }
        let of = self.value(sequence);
        // A compiler unpacks into names, one instruction each: there are not more than instructions.
        for index in (0..count.min(self.code.code.len())).rev() {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            let key = self.emit(OpKind::Constant(Constant::Int(index)));
            self.push_op(OpKind::GetItem { of, key });
        }
    }

    /// `a, *b, c = value`: the low byte counts before the star, the next one after it.
    fn unpack_ex(&mut self, argument: usize) {
        let of = self.pop_value();
        let count = (argument & 0xff).saturating_add(argument >> 8).min(self.code.code.len());
        for _ in 0..=count {
            let slot = self.opaque("unpacked", vec![of]);
            self.push(slot);
        }
    }

    /// The low bits name a conversion (`!s` is 1), bit 2 says that a format is on the stack.
    fn format_value(&mut self, flags: usize) {
        if flags & 4 != 0 {
            self.combine("format", 2);
            return;
        }
        if flags & 3 > 1 {
            self.combine("repr", 1);
            return;
        }
        let value = self.pop_value();
        if self.text_of(value).is_some() {
            self.push(Slot::Value(value));
        } else {
            self.push(Slot::Formatted(value));
        }
    }

    fn build_string(&mut self, count: usize) {
        let pieces = self.pop_many(count);
        let mut joined = Some(String::new());
        for piece in &pieces {
            joined = match (joined, self.literal(piece)) {
                (Some(text), Some(Literal::Text(more)))
                    if text.len().saturating_add(more.len()) <= 1 << 20
                        && !matches!(piece, Slot::Formatted(_)) =>
                {
                    Some(text + more)
                }
                _ => None,
            };
        }
        if let Some(constant) = self.pay(joined.map(Constant::Text)) {
            self.push_op(OpKind::Constant(constant));
            return;
        }
        let mut items = Vec::new();
        for piece in pieces {
            items.push(match piece {
                Slot::Formatted(value) => value,
                other => self.value(other),
            });
        }
        let id = self.collect(Collection::Joined, items);
        self.push(Slot::Value(id));
    }
}
