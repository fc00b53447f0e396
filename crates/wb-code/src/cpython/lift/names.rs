//! Constants, variables, attributes, imports and the stack itself.

use super::super::instructions::Instruction;
use super::super::{Value, Version};
use super::frame::{Flow, Frame};
use super::state::{Binding, Slot};
use wb_core::{OpKind, ValueId};

/// `_special_method_names` of `Lib/opcode.py`, which LOAD_SPECIAL counts (3.14).
const SPECIAL_ENTER: [usize; 2] = [0, 2];

impl<'c> Frame<'c, '_> {
    /// Steps over an instruction of this module's subject; `None` when it is of another.
    pub(super) fn name_step(&mut self, one: &Instruction) -> Option<Flow> {
        if self.stack_step(one) || self.load_step(one) || self.store_step(one) {
            return Some(Flow::Next);
        }
        match one.name {
            "LOAD_ATTR" => self.load_attribute(one),
            "LOAD_METHOD" => {
                let of = self.pop_value();
                let name = self.name(one.arg()).to_owned();
                let method = self.emit(OpKind::GetAttribute { of, name });
                self.state.stack.extend([Slot::Null, Slot::Value(method)]);
            }
            "LOAD_SUPER_ATTR" => self.load_super_attribute(one),
            "LOAD_SPECIAL" => {
                let of = self.pop_value();
                let slot =
                    if SPECIAL_ENTER.contains(&one.arg()) { Slot::Enter(of) } else { Slot::Exit };
                self.state.stack.extend([slot, Slot::Null]);
            }
            "STORE_ATTR" => {
                let of = self.pop_value();
                let value = self.pop_value();
                let name = self.name(one.arg()).to_owned();
                self.emit(OpKind::SetAttribute { of, name, value });
            }
            "DELETE_ATTR" => {
                let of = self.pop_value();
                let what = format!("del .{}", self.name(one.arg()));
                self.opaque(&what, vec![of]);
            }
            "IMPORT_NAME" => self.import_name(one),
            "IMPORT_FROM" => self.import_from(one),
            "IMPORT_STAR" => {
                let module = self.pop();
                self.import_star(module);
            }
            _ => return None,
        }
        Some(Flow::Next)
    }

    fn stack_step(&mut self, one: &Instruction) -> bool {
        match one.name {
            "NOP" | "RESUME" | "CACHE" | "PRECALL" | "MAKE_CELL" | "COPY_FREE_VARS"
            | "SETUP_ANNOTATIONS" | "POP_BLOCK" | "NOT_TAKEN" | "TO_BOOL" | "STOP_CODE"
            | "EXIT_INIT_CHECK" => {}
            "POP_TOP" | "POP_ITER" => {
                let slot = self.pop();
                let text = matches!(slot, Slot::Const(Value::Text(_) | Value::Bytes(_), _));
                if text || matches!(slot, Slot::Module(..)) {
                    self.value(slot);
                }
            }
            // The value that starts a generator is below everything the compiler counts.
            "GEN_START" => {
                self.state.stack.pop();
            }
            "PUSH_NULL" => self.push(Slot::Null),
            "ROT_TWO" => self.rotate(2),
            "ROT_THREE" => self.rotate(3),
            "ROT_FOUR" => self.rotate(4),
            "ROT_N" => self.rotate(one.arg()),
            "SWAP" => self.swap(one.arg()),
            "COPY" => self.copy(one.arg(), 1),
            "DUP_TOP" => self.copy(1, 1),
            "DUP_TOP_TWO" => self.copy(2, 2),
            "DUP_TOPX" => self.copy(one.arg(), one.arg()),
            _ => return false,
        }
        true
    }

    /// Lifts the top to below the `count - 1` under it.
    fn rotate(&mut self, count: usize) {
        match self.state.stack.len().checked_sub(count) {
            Some(from) => {
                if let Some(part) = self.state.stack.get_mut(from..).filter(|part| !part.is_empty())
                {
                    part.rotate_right(1);
                }
            }
            None => self.misfit(),
        }
    }

    fn swap(&mut self, depth: usize) {
        let len = self.state.stack.len();
        match (len.checked_sub(depth), len.checked_sub(1)) {
            (Some(below), Some(top)) if below <= top => self.state.stack.swap(below, top),
            _ => self.misfit(),
        }
    }

    /// Pushes copies of the `count` slots from `depth` below the top on.
    fn copy(&mut self, depth: usize, count: usize) {
        let slots: Vec<Slot<'c>> = match self.state.stack.len().checked_sub(depth) {
            Some(from) => self.state.stack.iter().skip(from).take(count).cloned().collect(),
            None => Vec::new(),
        };
        if slots.len() < count || count == 0 {
            self.misfit();
            self.push(Slot::Opaque("unknown"));
        }
        self.state.stack.extend(slots);
    }

    fn load_step(&mut self, one: &Instruction) -> bool {
        let index = one.arg();
        match one.name {
            "LOAD_CONST" => self.load_constant(index),
            "LOAD_SMALL_INT" => {
                let value = i64::from(one.argument.unwrap_or(0));
                let at = self.at();
                self.push(Slot::Int(value, at));
            }
            "LOAD_COMMON_CONSTANT" => {
                const NAMES: [&str; 5] =
                    ["AssertionError", "NotImplementedError", "tuple", "all", "any"];
                let name = NAMES.get(index).copied().unwrap_or("common constant");
                self.push_op(OpKind::Load { name: name.to_owned() });
            }
            "LOAD_ASSERTION_ERROR" => {
                self.push_op(OpKind::Load { name: "AssertionError".to_owned() });
            }
            "LOAD_FAST" | "LOAD_FAST_CHECK" | "LOAD_FAST_BORROW" => self.load_local(index),
            "LOAD_FAST_LOAD_FAST" | "LOAD_FAST_BORROW_LOAD_FAST_BORROW" => {
                self.load_local(index >> 4);
                self.load_local(index & 15);
            }
            "LOAD_FAST_AND_CLEAR" => {
                let name = Binding::Local(self.local(index));
                let saved = self.state.bound.remove(&name).map(Box::new);
                self.push(Slot::Saved(saved));
            }
            "LOAD_NAME" => self.load_bound(Binding::Name(self.name(index))),
            "LOAD_GLOBAL" => self.load_global(index),
            "LOAD_DEREF" | "LOAD_CLASSDEREF" | "LOAD_CLOSURE" => {
                self.load_bound(Binding::Local(self.cell(index)));
            }
            "LOAD_FROM_DICT_OR_DEREF" => {
                self.pop();
                self.load_bound(Binding::Local(self.cell(index)));
            }
            "LOAD_FROM_DICT_OR_GLOBALS" => {
                self.pop();
                self.load_bound(Binding::Name(self.name(index)));
            }
            "LOAD_LOCALS" => self.push(Slot::Opaque("locals")),
            "LOAD_BUILD_CLASS" => self.push(Slot::BuildClass),
            _ => return false,
        }
        true
    }

    pub(super) fn load_constant(&mut self, index: usize) {
        let at = self.at();
        match self.code.consts.get(index) {
            Some(value) => self.push(Slot::Const(value, at)),
            None => {
                self.misfit();
                self.push(Slot::Opaque("unknown"));
            }
        }
    }

    fn load_local(&mut self, index: usize) {
        self.load_bound(Binding::Local(self.local(index)));
    }

    fn load_bound(&mut self, name: Binding<'c>) {
        if let Some(slot) = self.state.bound.get(&name).cloned() {
            self.push(slot);
            return;
        }
        let (Binding::Local(name) | Binding::Name(name)) = name;
        if name.is_empty() {
            self.misfit();
        }
        self.push_op(OpKind::Load { name: name.to_owned() });
    }

    /// From 3.11 on the lowest bit asks for a NULL beside the value: below it, or above it from 3.13 on.
    fn load_global(&mut self, argument: usize) {
        let with_null = self.version >= Version::three(11);
        let index = if with_null { argument >> 1 } else { argument };
        let null = with_null && argument & 1 == 1;
        let above = self.version >= Version::three(13);
        if null && !above {
            self.push(Slot::Null);
        }
        self.load_bound(Binding::Name(self.name(index)));
        if null && above {
            self.push(Slot::Null);
        }
    }

    /// From 3.12 on the lowest bit asks for a method, as LOAD_METHOD did.
    fn load_attribute(&mut self, one: &Instruction) {
        let with_bit = self.version >= Version::three(12);
        let index = if with_bit { one.arg() >> 1 } else { one.arg() };
        let of = self.pop_value();
        let name = self.name(index).to_owned();
        let value = self.emit(OpKind::GetAttribute { of, name });
        self.push_method(with_bit && one.arg() & 1 == 1, value);
    }

    fn push_method(&mut self, method: bool, value: ValueId) {
        let above = self.version >= Version::three(13);
        if method && !above {
            self.push(Slot::Null);
        }
        self.push(Slot::Value(value));
        if method && above {
            self.push(Slot::Null);
        }
    }

    fn load_super_attribute(&mut self, one: &Instruction) {
        let uses = self.pop_values(3);
        let object = self.emit(OpKind::Opaque { what: "super".to_owned(), uses });
        let name = self.name(one.arg() >> 2).to_owned();
        let value = self.emit(OpKind::GetAttribute { of: object, name });
        self.push_method(one.arg() & 1 == 1, value);
    }

    fn store_step(&mut self, one: &Instruction) -> bool {
        let index = one.arg();
        match one.name {
            "STORE_FAST" => self.store(Binding::Local(self.local(index))),
            "STORE_FAST_STORE_FAST" => {
                self.store(Binding::Local(self.local(index >> 4)));
                self.store(Binding::Local(self.local(index & 15)));
            }
            "STORE_FAST_LOAD_FAST" => {
                self.store(Binding::Local(self.local(index >> 4)));
                self.load_local(index & 15);
            }
            "STORE_DEREF" => self.store(Binding::Local(self.cell(index))),
            "STORE_NAME" | "STORE_GLOBAL" => self.store(Binding::Name(self.name(index))),
            "STORE_LOCALS" => {
                self.pop();
            }
            "STORE_ANNOTATION" => {
                self.pop();
            }
            "DELETE_FAST" => self.delete(Binding::Local(self.local(index))),
            "DELETE_DEREF" => self.delete(Binding::Local(self.cell(index))),
            "DELETE_NAME" | "DELETE_GLOBAL" => self.delete(Binding::Name(self.name(index))),
            _ => return false,
        }
        true
    }

    pub(super) fn store(&mut self, name: Binding<'c>) {
        let slot = self.pop();
        if let Slot::Saved(saved) = slot {
            match saved {
                Some(saved) => self.state.bound.insert(name, *saved),
                None => self.state.bound.remove(&name),
            };
            return;
        }
        let value = self.value(slot);
        let (Binding::Local(text) | Binding::Name(text)) = name;
        if text.is_empty() {
            self.misfit();
        }
        self.emit(OpKind::Store { name: text.to_owned(), value });
        self.named.insert(value);
        if self.shared.contains(text) {
            self.state.bound.remove(&name);
        } else {
            self.state.bound.insert(name, Slot::Value(value));
        }
    }

    fn delete(&mut self, name: Binding<'c>) {
        self.state.bound.remove(&name);
    }

    /// `import a.b` yields `a` unless names are taken from `a.b`.
    fn import_name(&mut self, one: &Instruction) {
        let names = self.pop();
        let level = self.pop();
        let level = match level {
            Slot::Const(Value::Int(level), _) => *level,
            Slot::Int(level, _) => level,
            _ => 0,
        };
        let dots = usize::try_from(level.clamp(0, 64)).unwrap_or(0);
        let module = format!("{}{}", ".".repeat(dots), self.name(one.arg()));
        let at = self.at();
        let takes_names = matches!(self.next_name, "IMPORT_FROM" | "IMPORT_STAR")
            || matches!(names, Slot::Const(Value::Tuple(_), _));
        if takes_names {
            self.push(Slot::Module(module, at));
            return;
        }
        let id = self.emit(OpKind::Import { module: module.clone(), name: String::new() });
        match module.split_once('.') {
            Some((package, _)) if dots == 0 => {
                let package = package.to_owned();
                self.push_op(OpKind::Import { module: package, name: String::new() });
            }
            _ => self.push(Slot::Value(id)),
        }
    }

    fn import_from(&mut self, one: &Instruction) {
        let name = self.name(one.arg()).to_owned();
        let kind = match self.state.stack.last() {
            Some(Slot::Module(module, _) | Slot::Used(module)) => {
                OpKind::Import { module: module.clone(), name }
            }
            Some(Slot::Value(of)) => OpKind::GetAttribute { of: *of, name },
            _ => {
                self.misfit();
                OpKind::Opaque { what: format!("import {name}"), uses: Vec::new() }
            }
        };
        if let Some(slot) = self.state.stack.last_mut()
            && let Slot::Module(module, _) = slot
        {
            *slot = Slot::Used(std::mem::take(module));
        }
        self.push_op(kind);
    }

    pub(super) fn import_star(&mut self, module: Slot<'c>) {
        match module {
            Slot::Module(module, _) | Slot::Used(module) => {
                self.emit(OpKind::Import { module, name: "*".to_owned() });
            }
            other => {
                let value = self.value(other);
                self.opaque("import *", vec![value]);
            }
        }
    }

    /// The name with that index; empty when there is none.
    pub(super) fn name(&self, index: usize) -> &'c str {
        self.code.names.get(index).map_or("", String::as_str)
    }

    fn local(&self, index: usize) -> &'c str {
        self.code.locals.get(index).map_or("", String::as_str)
    }

    fn cell(&self, index: usize) -> &'c str {
        self.code.cell_name(index).unwrap_or("")
    }
}
