//! Opcodes that do more than make data: imports, calls, BUILD, persistent ids, extensions.

use super::machine::{Halt, Machine, broken};
use super::opcode::{self as op, Step};
use super::text;
use super::value::{Plain, Shape, Slot};
use std::borrow::Cow;
use wb_core::{CallStyle, Collection, Constant, Oddity, OddityKind, OpKind, ValueId};

/// Plain values that become ops for one call when only effects are lifted.
const FOR_CALL: usize = 8192;
/// Plain values that become ops for the state of one object.
const FOR_STATE: usize = 1024;
/// Plain values that become ops for one addition to an object.
const FOR_ADDITION: usize = 64;
/// Plain values that become ops for the object that a stream returns.
pub(super) const FOR_RESULT: usize = 64;

impl<'a> Machine<'a, '_> {
    /// Runs one opcode that does more than make data.
    pub(super) fn execute_effect(&mut self, step: &Step<'a>) -> Result<(), Halt> {
        let value = match step.code {
            op::GLOBAL => self.global(step)?,
            op::STACK_GLOBAL => self.stack_global(step)?,
            op::INST => {
                let (_, arguments) = self.pop_mark()?;
                let callee = self.global(step)?;
                self.call(step, callee, &arguments, Vec::new(), CallStyle::Instance)?
            }
            op::OBJ => {
                let (_, entries) = self.pop_mark()?;
                let (class, arguments) =
                    entries.split_first().ok_or_else(|| broken("OBJ has no class"))?;
                let callee = self.value_of(*class, FOR_CALL)?;
                self.call(step, callee, arguments, Vec::new(), CallStyle::Instance)?
            }
            op::REDUCE => self.reduce(step, CallStyle::Call)?,
            op::NEWOBJ => self.reduce(step, CallStyle::New)?,
            op::NEWOBJ_EX => self.new_with_keywords(step)?,
            op::BUILD => return self.build(step),
            op::PERSID => {
                let id = Constant::Text(text::utf8(step.data).into_owned());
                let id = self.emit_step(step, OpKind::Constant(id))?;
                self.emit_step(step, OpKind::Persistent { id })?
            }
            op::BINPERSID => {
                let id = self.pop()?;
                let id = self.value_of(id, FOR_STATE)?;
                self.emit_step(step, OpKind::Persistent { id })?
            }
            op::EXT1 | op::EXT2 | op::EXT4 => {
                let code = u32::try_from(step.number)
                    .ok()
                    .filter(|code| *code > 0)
                    .ok_or_else(|| broken("the extension code is not positive"))?;
                self.emit_step(step, OpKind::Extension { code })?
            }
            op::NEXT_BUFFER => {
                let what = "out-of-band buffer".to_owned();
                self.emit_step(step, OpKind::Opaque { what, uses: Vec::new() })?
            }
            // READONLY_BUFFER leaves what the buffer holds as it is.
            _ => {
                let top = self.pop()?;
                self.stack.push(top);
                return Ok(());
            }
        };
        self.stack.push(Slot::Value(value));
        Ok(())
    }

    /// GLOBAL and the class of INST.
    fn global(&mut self, step: &Step<'_>) -> Result<ValueId, Halt> {
        let line = |data| match std::str::from_utf8(data) {
            Ok("") => Err(broken("a name is empty")),
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err(broken("a name is not UTF-8")),
        };
        let (module, name) = (line(step.data)?, line(step.second)?);
        self.import(step, module, name)
    }

    /// Imports a name. A carriage return at the end of a name comes from a file that was converted to
    /// DOS line ends; it is taken off, and noted.
    fn import(&mut self, step: &Step<'_>, module: String, name: String) -> Result<ValueId, Halt> {
        let clean = |name: &str| name.trim_end_matches('\r').to_owned();
        let (module, name) = if module.ends_with('\r') || name.ends_with('\r') {
            self.odd(step, "a name ends with a carriage return".to_owned());
            (clean(&module), clean(&name))
        } else {
            (module, name)
        };
        self.emit_step(step, OpKind::Import { module, name })
    }

    fn stack_global(&mut self, step: &Step<'_>) -> Result<ValueId, Halt> {
        let name = self.pop()?;
        let module = self.pop()?;
        if let (Some(module), Some(name)) = (self.name(step, module), self.name(step, name)) {
            return self.import(step, module, name);
        }
        // The names are the results of calls. What happens is this:
        // getattr(importlib.import_module(module), name).
        let module = self.value_of(module, FOR_CALL)?;
        let name = self.value_of(name, FOR_CALL)?;
        let import = OpKind::Import { module: "importlib".into(), name: "import_module".into() };
        let import = self.emit_step(step, import)?;
        let module = self.emit_step(step, plain_call(import, vec![module]))?;
        let getattr = OpKind::Import { module: "builtins".into(), name: "getattr".into() };
        let getattr = self.emit_step(step, getattr)?;
        self.emit_step(step, plain_call(getattr, vec![module, name]))
    }

    /// The text of an operand of STACK_GLOBAL; `None` when a call computes it.
    fn name(&mut self, step: &Step<'_>, slot: Slot) -> Option<String> {
        match self.resolve(slot) {
            Slot::Plain(Plain { shape: Shape::Constant, start, .. }) => {
                let constant = op::step(self.input, start).ok()?;
                if let Some(text) = text::text_of(&constant) {
                    if matches!(constant.code, op::BINBYTES | op::SHORT_BINBYTES) {
                        self.odd(step, "a name is bytes, not text".to_owned());
                    }
                    return Some(text.into_owned());
                }
                self.odd(step, "a name is no text".to_owned());
                Some(String::from_utf8_lossy(constant.data).into_owned())
            }
            Slot::Value(value) => {
                if let Some(super::fold::Folded::Text(text)) = self.folded.get(&value) {
                    return Some(text.clone());
                }
                match &self.program.op(value)?.kind {
                    OpKind::Constant(Constant::Text(text)) => Some(text.clone()),
                    OpKind::Constant(Constant::Bytes(bytes)) => {
                        Some(String::from_utf8_lossy(bytes).into_owned())
                    }
                    _ => None,
                }
            }
            _ => {
                self.odd(step, "a name is a container".to_owned());
                Some(String::new())
            }
        }
    }

    /// REDUCE and NEWOBJ.
    fn reduce(&mut self, step: &Step<'_>, style: CallStyle) -> Result<ValueId, Halt> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let callee = self.value_of(callee, FOR_CALL)?;
        match self.items_of(arguments)? {
            Some(items) => self.call(step, callee, &items, Vec::new(), style),
            None => {
                let argument = self.starred(step, "*", arguments)?;
                self.call(step, callee, &[Slot::Value(argument)], Vec::new(), style)
            }
        }
    }

    fn new_with_keywords(&mut self, step: &Step<'_>) -> Result<ValueId, Halt> {
        let keywords = self.pop()?;
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let callee = self.value_of(callee, FOR_CALL)?;
        let mut arguments = match self.items_of(arguments)? {
            Some(items) => items,
            None => vec![Slot::Value(self.starred(step, "*", arguments)?)],
        };
        let named = match self.kind_of(keywords) {
            Some(Collection::Dict) => self.items_of(keywords)?.and_then(|items| self.named(&items)),
            _ => None,
        };
        let mut values = Vec::new();
        match named {
            Some(named) => {
                for (name, slot) in named {
                    values.push((name, self.value_of(slot, FOR_CALL)?));
                }
            }
            None => arguments.push(Slot::Value(self.starred(step, "**", keywords)?)),
        }
        self.call(step, callee, &arguments, values, CallStyle::New)
    }

    /// Items of a dict whose keys are text.
    fn named(&self, items: &[Slot]) -> Option<Vec<(String, Slot)>> {
        let mut named = Vec::new();
        for pair in items.chunks(2) {
            let [key, value] = *pair else { return None };
            let Slot::Plain(Plain { shape: Shape::Constant, start, .. }) = self.resolve(key) else {
                return None;
            };
            let step = op::step(self.input, start).ok()?;
            named.push((text::text_of(&step).map(Cow::into_owned)?, value));
        }
        Some(named)
    }

    /// Arguments that are spread from a value.
    fn starred(&mut self, step: &Step<'_>, what: &str, slot: Slot) -> Result<ValueId, Halt> {
        let value = self.value_of(slot, FOR_CALL)?;
        self.emit_step(step, OpKind::Opaque { what: what.to_owned(), uses: vec![value] })
    }

    fn call(
        &mut self,
        step: &Step<'_>,
        callee: ValueId,
        arguments: &[Slot],
        keywords: Vec<(String, ValueId)>,
        style: CallStyle,
    ) -> Result<ValueId, Halt> {
        self.fails_unless_callable(step, callee);
        self.allowance = if self.mode.full { usize::MAX } else { FOR_CALL };
        let mut values = Vec::with_capacity(arguments.len().min(64));
        for argument in arguments {
            let allowance = self.allowance;
            values.push(self.value_of(*argument, allowance)?);
        }
        let folded = super::fold::fold(&self.program, &self.folded, callee, &values);
        let kind = OpKind::Call { callee, arguments: values, keywords, style };
        let value = self.emit_step(step, kind)?;
        if let Some(folded) = folded {
            self.folded.insert(value, folded);
        }
        Ok(value)
    }

    /// Notes a call of what cannot be called: every unpickler fails there. What follows is read all the same.
    fn fails_unless_callable(&mut self, step: &Step<'_>, callee: ValueId) {
        let Some(op) = self.program.op(callee) else { return };
        let plain = matches!(op.kind, OpKind::Constant(_) | OpKind::Collect { .. });
        let known = |oddity: &Oddity| oddity.kind == OddityKind::BrokenStream;
        if plain && !self.notes.oddities.iter().any(known) {
            self.notes.oddities.push(Oddity {
                kind: OddityKind::BrokenStream,
                place: format!("opcode {}", self.number),
                span: Some(step.span(self.input)),
                what: "what is called there is data, no callable".to_owned(),
            });
        }
    }

    fn build(&mut self, step: &Step<'_>) -> Result<(), Halt> {
        let state = self.pop()?;
        let target = self.pop()?;
        let of = self.value_of(target, FOR_STATE)?;
        let state = self.value_of(state, FOR_STATE)?;
        self.emit_step(step, OpKind::Build { of, state })?;
        self.stack.push(Slot::Value(of));
        self.skip_array(of, state)
    }

    /// Adds items to an object: list, dict and set methods, which the object's class may define.
    pub(super) fn add_to_value(
        &mut self,
        of: ValueId,
        step: &Step<'_>,
        items: &[Slot],
    ) -> Result<(), Halt> {
        let limit = if self.mode.full { usize::MAX } else { FOR_ADDITION };
        match step.code {
            op::SETITEM | op::SETITEMS => {
                for (index, pair) in items.chunks(2).enumerate() {
                    let [key, value] = *pair else { continue };
                    let interesting = self.is_interesting(key) || self.is_interesting(value);
                    if index >= limit && !interesting {
                        continue;
                    }
                    let key = self.value_of(key, FOR_ADDITION)?;
                    let value = self.value_of(value, FOR_ADDITION)?;
                    self.emit_step(step, OpKind::SetItem { of, key, value })?;
                }
            }
            op::ADDITEMS => {
                for (index, item) in items.iter().enumerate() {
                    if index < limit || self.is_interesting(*item) {
                        let item = self.value_of(*item, FOR_ADDITION)?;
                        self.emit_method(step.span(self.input), self.number, of, "add", item)?;
                    }
                }
            }
            _ => self.extend(of, step, items, limit)?,
        }
        self.last_effect = Some(step.start);
        Ok(())
    }

    fn extend(
        &mut self,
        of: ValueId,
        step: &Step<'_>,
        items: &[Slot],
        limit: usize,
    ) -> Result<(), Halt> {
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index < limit || self.is_interesting(*item) {
                values.push(self.value_of(*item, FOR_ADDITION)?);
            }
        }
        let span = step.span(self.input);
        if let ([value], 1) = (values.as_slice(), items.len()) {
            self.emit_method(span, self.number, of, "append", *value)?;
            return Ok(());
        }
        let total = items.len() as u64;
        let kind = OpKind::Collect { kind: Collection::List, items: values, total };
        let list = self.emit_step(step, kind)?;
        self.emit_method(span, self.number, of, "extend", list)?;
        Ok(())
    }
}

/// A call with positional arguments.
fn plain_call(callee: ValueId, arguments: Vec<ValueId>) -> OpKind {
    OpKind::Call { callee, arguments, keywords: Vec::new(), style: CallStyle::Call }
}
