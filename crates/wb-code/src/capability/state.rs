//! What an object is given as its state, where that calls something.

use super::arguments::{Arguments, CallSite};
use super::value::{Object, Value};
use super::{Analyser, Frame, Site};
use crate::python;
use std::rc::Rc;
use wb_core::{Budget, OpKind, Trigger, ValueId};

/// Attributes whose text is evaluated when the object is used, and by what: joblib's `Parallel`, which scikit-learn's
/// searches hand theirs to (CVE-2022-21797).
const EVALUATED: [(&str, &str); 1] = [("pre_dispatch", "joblib._utils.eval_expr")];

impl<'p> Analyser<'p, '_> {
    /// State handed to an object of a pickle, where that calls something: the state of a `partial` names its
    /// callable, and a `__setstate__` among the attributes of an object is called with the next state.
    pub(super) fn build_state(
        &mut self,
        frame: &mut Frame<'p>,
        of: ValueId,
        state: ValueId,
        site: Site,
        budget: &mut Budget,
    ) {
        let (id, state) = (Some(of), frame.value(state));
        self.evaluated(frame, &state, site, budget);
        let call = CallSite { site, via: None, id, callee: None };
        if let Some(setter) = self.setter.take() {
            let arguments = Arguments { values: vec![state], ..Arguments::default() };
            self.invoke(frame, &setter, arguments, &call, budget);
            return;
        }
        let slots = state.sequence().unwrap_or_default();
        let mut parts = std::iter::once(&state).chain(slots);
        self.setter = parts.find_map(|part| part.entry("__setstate__").cloned());
        let (Value::Bound(_), [callee, bound, keywords, ..]) = (frame.value(of), slots) else {
            return;
        };
        let mut values = vec![callee.clone()];
        values.extend_from_slice(bound.sequence().unwrap_or_default());
        let pairs = keywords.items().unwrap_or_default().chunks_exact(2);
        let keywords = pairs.filter_map(|pair| match pair {
            [key, value] => Some((key.as_readable()?.to_owned(), value.clone())),
            _ => None,
        });
        let arguments = Arguments { values, keywords: keywords.collect(), shown: None };
        let restored = self.partial(frame, &arguments, &call, budget);
        if let (Some(slot), Some(restored)) = (frame.values.get_mut(of.index()), restored) {
            *slot = restored;
        }
    }

    /// Attributes in `state`, or keywords, whose text is evaluated and calls something: `2 * n_jobs` does not.
    pub(super) fn evaluated(
        &mut self,
        frame: &mut Frame<'p>,
        state: &Value,
        site: Site,
        budget: &mut Budget,
    ) {
        let slots = state.sequence().unwrap_or_default();
        for (name, by) in EVALUATED {
            let text = std::iter::once(state).chain(slots).find_map(|part| part.entry(name));
            if let Some(text) = text {
                self.evaluates(frame, (name, by), text, site, budget);
            }
        }
    }

    /// The same for the arguments of a call that go by name.
    pub(super) fn evaluated_keywords(
        &mut self,
        frame: &mut Frame<'p>,
        arguments: &Arguments,
        site: Site,
        budget: &mut Budget,
    ) {
        for (name, by) in EVALUATED {
            if let Some(text) = arguments.keyword(name).cloned() {
                self.evaluates(frame, (name, by), &text, site, budget);
            }
        }
    }

    fn evaluates(
        &mut self,
        frame: &mut Frame<'p>,
        (name, by): (&str, &str),
        text: &Value,
        site: Site,
        budget: &mut Budget,
    ) {
        let reaches = text.as_readable().is_some_and(|text| {
            let program = python::lift(text, Trigger::Inference, budget);
            let calls =
                |kind: &OpKind| matches!(kind, OpKind::Call { .. } | OpKind::GetAttribute { .. });
            program.is_some_and(|program| program.ops.iter().any(|op| calls(&op.kind)))
        });
        if !reaches {
            return;
        }
        let object = Rc::new(Object { dotted: by.to_owned(), reached: None, walk: None });
        let via = format!("eval({name})");
        let call = CallSite { site, via: Some(via.into()), id: None, callee: None };
        let arguments = Arguments { values: vec![text.clone()], ..Arguments::default() };
        let trigger = std::mem::replace(&mut self.trigger, Trigger::Inference);
        self.call_object(frame, &object, arguments, &call, budget);
        self.trigger = trigger;
    }
}
