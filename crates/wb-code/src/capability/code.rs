//! Code objects that a program puts together or reads: `types.CodeType(...)`, `marshal.loads(...)`,
//! cloudpickle's and dill's functions. They are lifted when the whole program was followed, since what is
//! called and which globals a function has is known only then.

use super::arguments::{Arguments, CallSite};
use super::effect::gap;
use super::names::Names;
use super::payload;
use super::value::{Object, Value};
use super::{Analyser, Callable, Frame, analyse_with};
use crate::cpython::{self, Argument, CodeObject};
use std::rc::Rc;
use wb_core::{Budget, Bytes, Capability, Constant, Effect, Payload, PayloadKind, Trigger};

/// A code object of the program.
#[derive(Debug)]
pub(super) struct CodeRecord {
    code: CodeObject,
    /// The effect of making it.
    effect: Option<usize>,
    /// The encodings it was under.
    layers: Vec<String>,
    /// Whether a function made of it is called.
    called: bool,
    /// Whether another effect shows it already.
    consumed: bool,
    /// Globals that its function was given.
    globals: Vec<(String, Value)>,
}

impl<'p> Analyser<'p, '_> {
    /// `types.CodeType(...)`.
    pub(super) fn make_code(
        &mut self,
        frame: &Frame<'p>,
        object: &Object,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let parts: Vec<Argument> =
            arguments.values.iter().map(|value| self.argument(value, 0)).collect();
        let code = cpython::from_constructor(&parts, budget);
        if code.is_none() {
            gap(&mut self.gaps, "a code object that is put together could not be read");
        }
        Some(self.record(frame, code, object, known, (arguments, Vec::new()), call, budget))
    }

    /// `marshal.loads(data)`.
    pub(super) fn load_code(
        &mut self,
        frame: &Frame<'p>,
        object: &Object,
        known: Option<&Rc<Callable>>,
        arguments: &Arguments,
        call: &CallSite,
        budget: &mut Budget,
    ) -> Option<Value> {
        let data = arguments.values.first()?;
        let bytes = data.as_bytes()?.to_vec();
        let mut layers = data.layers().to_vec();
        layers.push("marshal".to_owned());
        let code = cpython::read_marshal(Bytes::new(&bytes), None, budget).ok()?;
        let arguments = (arguments, layers);
        Some(self.record(frame, Some(code), object, known, arguments, call, budget))
    }

    #[expect(clippy::too_many_arguments, reason = "a call is all of these")]
    fn record(
        &mut self,
        frame: &Frame<'p>,
        code: Option<CodeObject>,
        object: &Object,
        known: Option<&Rc<Callable>>,
        (arguments, layers): (&Arguments, Vec<String>),
        call: &CallSite,
        budget: &mut Budget,
    ) -> Value {
        let capability = Capability::RunCode;
        let mut draft = self.draft(frame, object, known.cloned(), capability, call);
        draft.known = None;
        let shown = Arguments { shown: Some(arguments.show()), ..Arguments::default() };
        let effect = self.effect(draft, &shown, budget);
        let Some(code) = code else { return Value::Unknown };
        self.codes.push(CodeRecord {
            code,
            effect,
            layers,
            called: false,
            consumed: false,
            globals: Vec::new(),
        });
        Value::Code(self.codes.len().saturating_sub(1))
    }

    /// A value as an argument of `types.CodeType`.
    fn argument(&self, value: &Value, depth: u32) -> Argument {
        match value {
            Value::Known(known) => Argument::Constant(known.constant.clone()),
            Value::Items(items) if depth < 50 => Argument::Tuple(
                items
                    .items
                    .iter()
                    .map(|item| self.argument(item, depth.saturating_add(1)))
                    .collect(),
            ),
            Value::Code(index) => match self.codes.get(*index) {
                Some(record) => Argument::Code(Box::new(record.code.clone())),
                None => Argument::Constant(Constant::None),
            },
            _ => Argument::Constant(Constant::Other("...".to_owned())),
        }
    }

    /// A function of a code object: `types.FunctionType(code, globals)`.
    pub(super) fn make_function(
        &mut self,
        arguments: &Arguments,
        globals: Option<&Value>,
    ) -> Option<Value> {
        let index = arguments.all().find_map(|value| match value {
            Value::Code(index) => Some(*index),
            _ => None,
        })?;
        if let Some(globals) = globals {
            self.add_globals(index, globals);
        }
        Some(Value::Function(index))
    }

    /// The state that cloudpickle gives to a function: its `__globals__` among others.
    pub(super) fn set_function_state(&mut self, arguments: &Arguments) -> Option<Value> {
        let index = match arguments.values.first() {
            Some(Value::Function(index)) => *index,
            _ => return Some(Value::Unknown),
        };
        if let Some(state) = arguments.values.get(1) {
            let parts = state.sequence().unwrap_or_default();
            for part in std::iter::once(state).chain(parts) {
                for name in ["__globals__", "globals"] {
                    if let Some(globals) = part.entry(name).cloned() {
                        self.add_globals(index, &globals);
                    }
                }
            }
        }
        Some(Value::Function(index))
    }

    fn add_globals(&mut self, index: usize, globals: &Value) {
        let Some(record) = self.codes.get_mut(index) else { return };
        for pair in globals.items().unwrap_or_default().chunks_exact(2) {
            if let [name, value] = pair
                && let Some(name) = name.as_readable()
                && record.globals.len() < 4096
            {
                record.globals.push((name.to_owned(), portable(value)));
            }
        }
    }

    pub(super) fn mark_called(&mut self, index: usize) {
        if let Some(record) = self.codes.get_mut(index) {
            record.called = true;
        }
    }

    /// Shows a code object in the effect that runs it.
    pub(super) fn consume_code(&mut self, effect: &mut Effect, index: usize, budget: &mut Budget) {
        let Some(record) = self.codes.get_mut(index) else { return };
        record.consumed = true;
        let (code, layers, globals) =
            (record.code.clone(), record.layers.clone(), record.globals.clone());
        let trigger = effect.trigger;
        self.show_code(effect, &code, layers, globals, trigger, budget);
    }

    fn show_code(
        &mut self,
        effect: &mut Effect,
        code: &CodeObject,
        layers: Vec<String>,
        globals: Vec<(String, Value)>,
        trigger: Trigger,
        budget: &mut Budget,
    ) {
        let program = cpython::lift(code, trigger, budget);
        let text = payload::cut(cpython::decompile(code, budget).text);
        effect.payloads.push(Payload { kind: PayloadKind::Python, layers, text });
        let mut names = Names::default();
        for (name, value) in globals {
            names.store(&name, value);
        }
        let inner = budget.deeper(|budget| analyse_with(&program, self.knowledge, names, budget));
        self.take_inner(effect, inner);
    }

    /// Lifts the code objects that no other effect showed, and puts what they do into the effect of making
    /// them. A function that nothing calls was put into the model to be called later.
    pub(super) fn finish_codes(&mut self, budget: &mut Budget) {
        let records = std::mem::take(&mut self.codes);
        // Code that stands among the constants of other code is shown with it.
        for record in records {
            if record.consumed {
                continue;
            }
            let Some(index) = record.effect else { continue };
            let Some(mut effect) = self.effects.get(index).cloned() else { continue };
            let trigger = match (record.called, effect.trigger) {
                (false, Trigger::Load | Trigger::Import) => Trigger::Inference,
                (_, trigger) => trigger,
            };
            self.show_code(
                &mut effect,
                &record.code,
                record.layers,
                record.globals,
                trigger,
                budget,
            );
            super::effect::add_indicators(&mut effect, &Arguments::default());
            if let Some(slot) = self.effects.get_mut(index) {
                *slot = effect;
            }
        }
    }
}

/// A value without what only this program knows.
fn portable(value: &Value) -> Value {
    match value {
        Value::Known(_) | Value::Object(_) => match value {
            Value::Object(object) => {
                Value::Object(Rc::new(Object { walk: None, ..object.as_ref().clone() }))
            }
            other => other.clone(),
        },
        _ => Value::Unknown,
    }
}
