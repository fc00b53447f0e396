//! [`Values`]: looking at the values of a lifted program: what a name resolves to, what a tuple holds,
//! what was put into a container after it was made.

use wb_core::{Collection, Constant, OpKind, Program, ValueId};

/// A program with an index of what is done to its values after they are made.
pub(crate) struct Values<'a> {
    /// The program.
    pub program: &'a Program,
    /// The changed value and the op that changes it, sorted.
    changes: Vec<(ValueId, ValueId)>,
}

impl<'a> Values<'a> {
    /// Indexes `program`.
    pub(crate) fn of(program: &'a Program) -> Self {
        let mut changes: Vec<(ValueId, ValueId)> = program
            .ops
            .iter()
            .zip(0_u32..)
            .filter_map(|(op, index)| Some((changed(program, &op.kind)?, ValueId(index))))
            .collect();
        changes.sort_unstable();
        Self { program, changes }
    }

    /// What `value` was made by.
    pub(crate) fn kind(&self, value: ValueId) -> Option<&'a OpKind> {
        self.program.op(value).map(|op| &op.kind)
    }

    /// The ops that change `value`: items and attributes set, state handed over, methods called.
    pub(crate) fn changes(&self, value: ValueId) -> impl Iterator<Item = &'a OpKind> + '_ {
        let from = self.changes.partition_point(|(of, _)| *of < value);
        self.changes
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(of, _)| *of == value)
            .filter_map(|(_, op)| self.kind(*op))
    }

    /// The state that BUILD hands to `value`.
    pub(crate) fn state(&self, value: ValueId) -> Option<ValueId> {
        self.changes(value).find_map(|change| match change {
            OpKind::Build { state, .. } => Some(*state),
            _ => None,
        })
    }

    /// The constant that `value` is.
    pub(crate) fn constant(&self, value: ValueId) -> Option<&'a Constant> {
        match self.kind(value)? {
            OpKind::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// The text that `value` is.
    pub(crate) fn text(&self, value: ValueId) -> Option<&'a str> {
        match self.constant(value)? {
            Constant::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The count that `value` is.
    pub(crate) fn count(&self, value: ValueId) -> Option<u64> {
        match self.constant(value)? {
            Constant::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The items of a tuple or list that was made in one go.
    pub(crate) fn items(&self, value: ValueId) -> Option<&'a [ValueId]> {
        match self.kind(value)? {
            OpKind::Collect { kind: Collection::Tuple | Collection::List, items, .. } => {
                Some(items)
            }
            _ => None,
        }
    }

    /// The counts in a tuple, a list or a `torch.Size`; NumPy's limit on axes is 64.
    pub(crate) fn counts(&self, value: ValueId) -> Option<Vec<u64>> {
        const MOST: usize = 64;
        let tuple = match self.kind(value)? {
            OpKind::Call { arguments, .. } => *arguments.first()?,
            _ => value,
        };
        let items = self.items(tuple).filter(|items| items.len() <= MOST)?;
        items.iter().map(|item| self.count(*item)).collect()
    }

    /// The dotted name that `value` was imported by.
    pub(crate) fn dotted(&self, value: ValueId) -> Option<String> {
        const DEEPEST: usize = 16;
        let mut attributes: Vec<&str> = Vec::new();
        let mut at = value;
        for _ in 0..DEEPEST {
            match self.kind(at)? {
                OpKind::Import { module, name } => {
                    let mut dotted = module.clone();
                    let rest = [name.as_str()].into_iter().chain(attributes.iter().rev().copied());
                    for part in rest.filter(|part| !part.is_empty()) {
                        dotted.push('.');
                        dotted.push_str(part);
                    }
                    return Some(dotted);
                }
                OpKind::GetAttribute { of, name } => {
                    attributes.push(name);
                    at = *of;
                }
                _ => return None,
            }
        }
        None
    }

    /// The value under `key` in a mapping.
    pub(crate) fn entry(&self, mapping: ValueId, key: &str) -> Option<ValueId> {
        self.pairs(mapping)
            .into_iter()
            .find_map(|(at, value)| (self.text(at) == Some(key)).then_some(value))
    }

    /// Keys and values of a mapping: those it was made with, then those that were set.
    pub(crate) fn pairs(&self, mapping: ValueId) -> Vec<(ValueId, ValueId)> {
        let mut pairs = Vec::new();
        if let Some(OpKind::Collect { kind: Collection::Dict, items, .. }) = self.kind(mapping) {
            pairs.extend(
                items.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))),
            );
        }
        pairs.extend(self.changes(mapping).filter_map(|change| match change {
            OpKind::SetItem { key, value, .. } => Some((*key, *value)),
            _ => None,
        }));
        pairs
    }
}

/// The value that an op changes: `of`, or the object whose method it calls.
fn changed(program: &Program, kind: &OpKind) -> Option<ValueId> {
    match kind {
        OpKind::SetItem { of, .. } | OpKind::SetAttribute { of, .. } | OpKind::Build { of, .. } => {
            Some(*of)
        }
        OpKind::Call { callee, .. } => match &program.op(*callee)?.kind {
            OpKind::GetAttribute { of, .. } => Some(*of),
            _ => None,
        },
        _ => None,
    }
}
