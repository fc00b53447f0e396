//! Names of a scope and of the scopes around it: [`Names`].

use super::value::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many values of one name are remembered.
const MAX_VALUES: usize = 8;

/// The names of a scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    own: Rc<BTreeMap<String, Vec<Value>>>,
    outer: Option<Rc<Names>>,
}

impl Names {
    /// A scope inside this one.
    pub(super) fn child(&self) -> Self {
        // An empty scope has nothing to pass on but what is around it.
        let outer =
            if self.own.is_empty() { self.outer.clone() } else { Some(Rc::new(self.clone())) };
        Self { own: Rc::default(), outer }
    }

    /// How many names the scope itself has.
    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    pub(super) fn store(&mut self, name: &str, value: Value) {
        let values = Rc::make_mut(&mut self.own).entry(name.to_owned()).or_default();
        if values.len() >= MAX_VALUES {
            values.remove(0);
        }
        values.push(value);
    }

    /// What `name` stands for. Branches are not told apart: when one of its values is a callable, all of
    /// its values are possible.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let Some(values) = self.own.get(name) else {
            return self.outer.as_ref()?.get(name);
        };
        let last = values.last()?;
        let callable = |value: &Value| {
            matches!(
                value,
                Value::Object(_) | Value::Bound(_) | Value::Define(_) | Value::Function(_)
            )
        };
        if values.len() > 1 && values.iter().any(callable) {
            return Some(Value::either(values.iter().cloned()));
        }
        Some(last.clone())
    }
}
