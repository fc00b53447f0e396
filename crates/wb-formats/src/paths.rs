//! [`Paths`]: how each value of a pickle is reached from the unpickled object.

use crate::values::Values;
use wb_core::{Collection, Constant, OpKind, ValueId};

/// For each value, the value it was first reached from and the key that leads there.
pub(crate) struct Paths(Vec<Option<(ValueId, Key)>>);

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// The object itself: its state, what it wraps.
    Same,
    /// A key or attribute.
    Named(String),
    /// A position.
    At(usize),
}

impl Paths {
    /// Walks from everything the program returns, breadth first, so that the shortest path wins.
    pub(crate) fn of(values: &Values<'_>) -> Self {
        let count = values.program.ops.len();
        let mut paths = Self(vec![None; count]);
        let mut seen = vec![false; count];
        let mut queue: std::collections::VecDeque<ValueId> = values
            .program
            .ops
            .iter()
            .filter_map(|op| match &op.kind {
                OpKind::Return { value } => Some(*value),
                _ => None,
            })
            .collect();
        for root in &queue {
            if let Some(seen) = seen.get_mut(root.index()) {
                *seen = true;
            }
        }
        while let Some(value) = queue.pop_front() {
            for (next, key) in steps(values, value) {
                let Some(reached) = seen.get_mut(next.index()) else { continue };
                if !*reached {
                    *reached = true;
                    if let Some(slot) = paths.0.get_mut(next.index()) {
                        *slot = Some((value, key));
                    }
                    queue.push_back(next);
                }
            }
        }
        paths
    }

    /// The path to `value`: keys joined by `.`, positions as `[n]`. The dictionaries in which a
    /// `torch.nn.Module` keeps its parts are left out, so that names are those of its state dict.
    pub(crate) fn name(&self, value: ValueId) -> String {
        const LONGEST: usize = 64;
        let mut keys = Vec::new();
        let mut at = value;
        while let Some((from, key)) = self.0.get(at.index()).and_then(Option::as_ref) {
            keys.push(key);
            at = *from;
            if keys.len() > LONGEST {
                break;
            }
        }
        let mut name = String::new();
        for key in keys.into_iter().rev() {
            match key {
                Key::Same => {}
                Key::Named(part)
                    if ["_modules", "_parameters", "_buffers"].contains(&part.as_str()) => {}
                Key::Named(part) => {
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(part);
                }
                Key::At(index) => name.push_str(&format!("[{index}]")),
            }
        }
        if name.is_empty() { format!("op {}", value.0) } else { name }
    }
}

/// The values that `value` leads to.
fn steps(values: &Values<'_>, value: ValueId) -> Vec<(ValueId, Key)> {
    let mut steps = Vec::new();
    match values.kind(value) {
        Some(OpKind::Collect { kind: Collection::Dict, items, .. }) => {
            for pair in items.chunks_exact(2) {
                if let [key, item] = pair {
                    steps.push((*item, named(values, *key)));
                }
            }
        }
        Some(OpKind::Collect { items, .. }) => {
            steps.extend(items.iter().enumerate().map(|(index, item)| (*item, Key::At(index))));
        }
        Some(OpKind::Call { arguments, .. }) => call(values, arguments, &mut steps),
        Some(OpKind::Opaque { uses, .. }) => {
            steps.extend(uses.iter().map(|used| (*used, Key::Same)))
        }
        _ => {}
    }
    for change in values.changes(value) {
        match change {
            OpKind::SetItem { key, value, .. } => steps.push((*value, named(values, *key))),
            OpKind::SetAttribute { name, value, .. } => {
                steps.push((*value, Key::Named(name.clone())))
            }
            OpKind::Build { state, .. } => built(values, *state, &mut steps),
            OpKind::Call { arguments, .. } => {
                steps.extend(arguments.iter().map(|argument| (*argument, Key::Same)));
            }
            _ => {}
        }
    }
    steps
}

/// What a call's result is made from. `OrderedDict([["a", x], ["b", y]])` has keys.
fn call(values: &Values<'_>, arguments: &[ValueId], steps: &mut Vec<(ValueId, Key)>) {
    for argument in arguments {
        let pairs: Option<Vec<(ValueId, Key)>> = values.items(*argument).and_then(|items| {
            let pair = |item: &ValueId| match values.items(*item)? {
                [key, value] => values.text(*key).map(|key| (*value, Key::Named(key.to_owned()))),
                _ => None,
            };
            if items.is_empty() { None } else { items.iter().map(pair).collect() }
        });
        match pairs {
            Some(pairs) => steps.extend(pairs),
            None => steps.push((*argument, Key::Same)),
        }
    }
}

/// The state of an object is the object; `(state, slots)` is both.
fn built(values: &Values<'_>, state: ValueId, steps: &mut Vec<(ValueId, Key)>) {
    match values.items(state) {
        Some(items) => steps.extend(items.iter().map(|item| (*item, Key::Same))),
        None => steps.push((state, Key::Same)),
    }
}

fn named(values: &Values<'_>, key: ValueId) -> Key {
    match values.constant(key) {
        Some(Constant::Text(text)) => Key::Named(text.clone()),
        Some(Constant::Int(number)) => Key::Named(number.to_string()),
        Some(Constant::Bool(flag)) => Key::Named(flag.to_string()),
        _ => Key::Named(format!("<{}>", key.0)),
    }
}
