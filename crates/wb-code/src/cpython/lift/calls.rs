//! Calls in every version's calling convention, and functions and classes as they are made.

use super::super::instructions::Instruction;
use super::super::{Value, Version};
use super::frame::{Flow, Frame};
use super::state::Slot;
use wb_core::{CallStyle, Collection, OpKind, ValueId};

impl<'c> Frame<'c, '_> {
    /// Steps over an instruction of this module's subject; `None` when it is of another.
    pub(super) fn call_step(&mut self, one: &Instruction) -> Option<Flow> {
        let count = one.arg();
        match one.name {
            "CALL_FUNCTION" if self.version >= Version::three(6) => self.call_plain(count),
            "CALL_FUNCTION" | "CALL_FUNCTION_VAR" | "CALL_FUNCTION_VAR_KW" => self.call_old(one),
            "CALL_FUNCTION_KW" if self.version >= Version::three(6) => {
                let names = self.pop_names();
                self.call_with_names(count, names, false);
            }
            "CALL_FUNCTION_KW" => self.call_old(one),
            "CALL_METHOD" => self.call_with_names(count, Vec::new(), true),
            "CALL" => {
                let names = std::mem::take(&mut self.keyword_names);
                self.call_with_names(count, names, true);
            }
            "CALL_KW" => {
                let names = self.pop_names();
                self.call_with_names(count, names, true);
            }
            "KW_NAMES" => {
                self.keyword_names = match self.code.consts.get(count) {
                    Some(Value::Tuple(names)) => names.iter().map(text).collect(),
                    _ => {
                        self.misfit();
                        Vec::new()
                    }
                };
            }
            "CALL_FUNCTION_EX" => self.call_unpacking(count),
            "CALL_INTRINSIC_1" => self.intrinsic(count),
            "CALL_INTRINSIC_2" => self.intrinsic_of_two(count),
            "MAKE_FUNCTION" | "MAKE_CLOSURE" => self.make_function(one),
            "SET_FUNCTION_ATTRIBUTE" => {
                let function = self.pop();
                self.pop();
                self.push(function);
            }
            "BUILD_CLASS" => {
                self.discard_class_parts();
            }
            "EXEC_STMT" => {
                let mut arguments = self.pop_values(3);
                // `exec code` pushes the same two names of the scope that `exec code in a, b` pushes.
                arguments.truncate(1);
                let callee = self.emit(OpKind::Load { name: "exec".to_owned() });
                self.emit(call(callee, arguments, Vec::new()));
            }
            "PRINT_EXPR" | "PRINT_ITEM" => self.discard("print", 1),
            "PRINT_ITEM_TO" => self.discard("print", 2),
            "PRINT_NEWLINE_TO" => {
                self.pop();
            }
            "PRINT_NEWLINE" => {}
            _ => return None,
        }
        Some(Flow::Next)
    }

    /// Callable and positional arguments: 3.6 to 3.10.
    fn call_plain(&mut self, count: usize) {
        self.call_with_names(count, Vec::new(), false);
    }

    /// `count` arguments, the last of them named `names`; below them the callable, beside it `self` or NULL
    /// when `paired`.
    fn call_with_names(&mut self, count: usize, names: Vec<String>, paired: bool) {
        let mut arguments = self.pop_many(count);
        if names.len() > arguments.len() {
            self.misfit();
        }
        let named = arguments.split_off(arguments.len().saturating_sub(names.len()));
        let callee = if paired { self.pop_pair(&mut arguments) } else { self.pop() };
        if callee == Slot::Exit {
            self.push(Slot::Opaque("__exit__"));
            return;
        }
        let arguments = arguments.into_iter().map(|slot| self.value(slot)).collect();
        let named: Vec<ValueId> = named.into_iter().map(|slot| self.value(slot)).collect();
        self.push_call(callee, arguments, names.into_iter().zip(named).collect());
    }

    /// The callable and the slot beside it: NULL on either side, or a first argument above the callable.
    fn pop_pair(&mut self, arguments: &mut Vec<Slot<'c>>) -> Slot<'c> {
        let above = self.pop();
        let below = self.pop();
        match (below, above) {
            (Slot::Null, callee) | (callee, Slot::Null) => callee,
            (callee, first) => {
                arguments.insert(0, first);
                callee
            }
        }
    }

    /// Until 3.5: the low byte counts positional arguments, the high byte pairs of name and value; then
    /// perhaps a tuple and a mapping to unpack.
    fn call_old(&mut self, one: &Instruction) {
        let (positional, pairs) = (one.arg() & 0xff, one.arg() >> 8 & 0xff);
        let mapping = one.name.ends_with("_KW").then(|| self.pop());
        let has_sequence = one.name.contains("_VAR");
        // PEP 448 put the sequence below the pairs in 3.5.
        let below = self.version >= Version::three(5);
        let mut sequence = (has_sequence && !below).then(|| self.pop());
        let mut keywords = Vec::new();
        let mut slots = self.pop_many(pairs.saturating_mul(2)).into_iter();
        while let (Some(name), Some(value)) = (slots.next(), slots.next()) {
            let name = match self.literal(&name) {
                Some(super::operators::Literal::Text(name)) => name.to_owned(),
                _ => {
                    self.misfit();
                    "?".to_owned()
                }
            };
            keywords.push((name, self.value(value)));
        }
        if has_sequence && below {
            sequence = Some(self.pop());
        }
        let slots = self.pop_many(positional);
        let callee = self.pop();
        let mut arguments: Vec<ValueId> = slots.into_iter().map(|slot| self.value(slot)).collect();
        if let Some(sequence) = sequence {
            arguments.extend(self.unpacked(sequence));
        }
        if let Some(mapping) = mapping {
            keywords.extend(self.unpacked_keywords(mapping));
        }
        self.push_call(callee, arguments, keywords);
    }

    /// `f(*args, **kwargs)`: until 3.13 the lowest bit says whether there is a mapping, then there always
    /// is one or NULL.
    fn call_unpacking(&mut self, flags: usize) {
        let has_mapping = self.version >= Version::three(14) || flags & 1 == 1;
        let mapping = has_mapping.then(|| self.pop()).filter(|slot| *slot != Slot::Null);
        let sequence = self.pop();
        let mut first = Vec::new();
        let callee =
            if self.version >= Version::three(11) { self.pop_pair(&mut first) } else { self.pop() };
        let mut arguments: Vec<ValueId> = first.into_iter().map(|slot| self.value(slot)).collect();
        arguments.extend(self.unpacked(sequence));
        let keywords = mapping.map(|slot| self.unpacked_keywords(slot)).unwrap_or_default();
        self.push_call(callee, arguments, keywords);
    }

    /// Positional arguments from the sequence after `*`.
    fn unpacked(&mut self, sequence: Slot<'c>) -> Vec<ValueId> {
        match self.known_items(&sequence) {
            Some(items) => items.into_iter().map(|slot| self.value(slot)).collect(),
            None => {
                let value = self.value(sequence);
                vec![self.emit(OpKind::Opaque { what: "*".to_owned(), uses: vec![value] })]
            }
        }
    }

    /// Keyword arguments from the mapping after `**`; those that are not known are called `**`.
    fn unpacked_keywords(&mut self, mapping: Slot<'c>) -> Vec<(String, ValueId)> {
        let items = match &mapping {
            Slot::Value(id) => match self.program.op(*id).map(|op| &op.kind) {
                Some(OpKind::Collect { kind: Collection::Dict, items, .. })
                    if !self.named.contains(id) =>
                {
                    items.clone()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut keywords = Vec::new();
        for pair in items.chunks_exact(2) {
            let &[key, value] = pair else { continue };
            let name = self.text_of(key).map_or_else(|| "**".to_owned(), str::to_owned);
            keywords.push((name, value));
        }
        if items.is_empty() {
            keywords.push(("**".to_owned(), self.value(mapping)));
        }
        keywords
    }

    fn push_call(
        &mut self,
        callee: Slot<'c>,
        arguments: Vec<ValueId>,
        keywords: Vec<(String, ValueId)>,
    ) {
        match callee {
            Slot::BuildClass => self.make_class(arguments, keywords),
            // A context manager stands for what its `__enter__` returns, most often itself.
            Slot::Enter(context) => self.push(Slot::Value(context)),
            Slot::Exit => self.push(Slot::Opaque("__exit__")),
            Slot::Null => {
                self.misfit();
                self.push(Slot::Opaque("unknown"));
            }
            callee => {
                let callee = self.value(callee);
                self.push_op(call(callee, arguments, keywords));
            }
        }
    }

    /// `__build_class__(body, name, *bases, **keywords)` runs the body at once; the class is its `Define`.
    fn make_class(&mut self, mut arguments: Vec<ValueId>, keywords: Vec<(String, ValueId)>) {
        let is_body = arguments
            .first()
            .and_then(|id| self.program.op(*id))
            .is_some_and(|op| matches!(op.kind, OpKind::Define { .. }));
        if !is_body {
            let callee = self.value(Slot::BuildClass);
            self.push_op(call(callee, arguments, keywords));
            return;
        }
        let body = arguments.remove(0);
        self.emit(call(body, Vec::new(), Vec::new()));
        self.push(Slot::Value(body));
    }

    /// 2.7: name, bases and the namespace that calling the body returned.
    fn discard_class_parts(&mut self) {
        let namespace = self.pop();
        self.pop();
        self.pop();
        let class = match &namespace {
            Slot::Value(id) => match self.program.op(*id).map(|op| &op.kind) {
                Some(OpKind::Call { callee, .. }) => Slot::Value(*callee),
                _ => namespace,
            },
            _ => namespace,
        };
        self.push(class);
    }

    /// `_intrinsic_1_descs` of `Lib/opcode.py`.
    fn intrinsic(&mut self, which: usize) {
        match which {
            2 => {
                let module = self.pop();
                self.import_star(module);
                self.push(Slot::Const(&Value::None, self.at()));
            }
            3 | 4 => {}
            5 => self.combine("+", 1),
            6 => self.list_to_tuple(),
            1 => self.combine("print", 1),
            _ => self.combine("type parameter", 1),
        }
    }

    /// `_intrinsic_2_descs` of `Lib/opcode.py`; 4 and 5 hand their first value back.
    fn intrinsic_of_two(&mut self, which: usize) {
        if matches!(which, 4 | 5) {
            self.pop();
        } else {
            self.combine("type parameter", 2);
        }
    }

    fn make_function(&mut self, one: &Instruction) {
        let has_qualname = self.version >= Version::three(3) && self.version <= Version::three(10);
        if has_qualname {
            self.pop();
        }
        let code = self.pop();
        let extras = if self.version >= Version::three(13) {
            0
        } else if self.version >= Version::three(6) {
            usize::try_from((one.arg() & 0x0f).count_ones()).unwrap_or(0)
        } else {
            let arg = one.arg();
            let closure = usize::from(one.name == "MAKE_CLOSURE");
            (arg & 0xff)
                .saturating_add((arg >> 8 & 0xff).saturating_mul(2))
                .saturating_add(arg >> 16 & 0x7fff)
                .saturating_add(closure)
        };
        let extras = self.pop_many(extras);
        match code.code() {
            Some(code) => {
                let at = self.at();
                let defaults = self.parameter_defaults(code, one, &extras);
                let function = self.define_with(code, at, &defaults);
                self.push(Slot::Value(function));
            }
            None => {
                self.misfit();
                let value = self.value(code);
                let slot = self.opaque("function", vec![value]);
                self.push(slot);
            }
        }
    }

    /// The keyword names on top of the stack.
    fn pop_names(&mut self) -> Vec<String> {
        match self.pop() {
            Slot::Const(Value::Tuple(names), _) => names.iter().map(text).collect(),
            _ => {
                self.misfit();
                Vec::new()
            }
        }
    }
}

fn call(callee: ValueId, arguments: Vec<ValueId>, keywords: Vec<(String, ValueId)>) -> OpKind {
    OpKind::Call { callee, arguments, keywords, style: CallStyle::Call }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        _ => "?".to_owned(),
    }
}
