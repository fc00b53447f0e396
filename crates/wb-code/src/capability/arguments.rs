//! What a call is given, and where it stands.

use super::value::Value;
use super::{Site, render};
use std::borrow::Cow;
use std::rc::Rc;
use wb_core::ValueId;

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    pub values: Vec<Value>,
    pub keywords: Vec<(String, Value)>,
    /// How the arguments are written, keywords included, when they stand in the program.
    pub shown: Option<Vec<String>>,
}

impl Arguments {
    pub(super) fn keyword(&self, name: &str) -> Option<&Value> {
        self.keywords.iter().find(|(one, _)| one == name).map(|(_, value)| value)
    }

    /// The argument at `index` or under `name`.
    pub(super) fn get(&self, index: Option<usize>, name: Option<&str>) -> Option<&Value> {
        name.and_then(|name| self.keyword(name))
            .or_else(|| index.and_then(|index| self.values.get(index)))
    }

    pub(super) fn text(&self, index: usize) -> Option<&str> {
        self.values.get(index)?.as_readable()
    }

    /// The arguments for each value that a choice among a few leaves open; themselves when none does.
    pub(super) fn alternatives(&self) -> Vec<Cow<'_, Self>> {
        let count = self.all().map(Value::choices).max().unwrap_or(1);
        if count <= 1 {
            return vec![Cow::Borrowed(self)];
        }
        let chosen = |index: usize| Self {
            values: self.values.iter().map(|value| value.choose(index)).collect(),
            keywords: self
                .keywords
                .iter()
                .map(|(name, value)| (name.clone(), value.choose(index)))
                .collect(),
            shown: self.shown.clone(),
        };
        (0..count).map(|index| Cow::Owned(chosen(index))).collect()
    }

    /// Positional and keyword values in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().chain(self.keywords.iter().map(|(_, value)| value))
    }

    /// The arguments as Python expressions.
    pub(super) fn show(&self) -> Vec<String> {
        if let Some(shown) = &self.shown {
            return shown.clone();
        }
        let positional = self.values.iter().map(render::value);
        let named =
            self.keywords.iter().map(|(name, value)| format!("{name}={}", render::value(value)));
        positional.chain(named).take(32).collect()
    }
}

/// A call: where it stands, and how its callable was reached.
#[derive(Clone, Debug)]
pub(super) struct CallSite {
    pub site: Site,
    /// The expression that stands for the callable when it is not called directly.
    pub via: Option<Rc<str>>,
    /// The op, to show the call as it is written.
    pub id: Option<ValueId>,
    /// The callee as it is written, where that is known.
    pub callee: Option<ValueId>,
}
