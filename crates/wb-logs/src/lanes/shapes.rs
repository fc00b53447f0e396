//! [`Shapes`]: what came of messages that differ only in numbers.

use super::mask::mask;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use wb_core::{Event, EventKind};

/// Shapes remembered at the most.
const MOST_SHAPES: usize = 1 << 16;

/// Times that a shape must have been ordinary before more of it is only counted.
const ENOUGH: u8 = 8;

/// Longest message whose shape is looked at: longer ones are no routine.
const LONGEST: usize = 8 << 10;

/// The shape of a message, for this run only: the hash is keyed, so that no message can be made to look like
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape(u64);

/// What messages of a shape are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordinary {
    pub(crate) source: &'static str,
    pub(crate) kind: EventKind,
    pub(crate) timed: bool,
    pub(crate) understood: bool,
    /// How many there were; [`u8::MAX`] marks a shape that is not ordinary.
    seen: u8,
}

/// Shapes by what came of their first messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    known: HashMap<Shape, Ordinary, RandomState>,
    keys: RandomState,
    masked: Vec<u8>,
}

impl Shapes {
    /// The shape of a message in two parts; `None` when it is too long to be routine.
    pub(crate) fn of(&mut self, words: [&str; 2]) -> Option<Shape> {
        let [first, second] = words;
        if first.len().saturating_add(second.len()) > LONGEST {
            return None;
        }
        self.masked.clear();
        mask(first, &mut self.masked);
        self.masked.push(b'\n');
        mask(second, &mut self.masked);
        Some(Shape(self.keys.hash_one(self.masked.as_slice())))
    }

    /// What messages of `shape` are, once enough of them were ordinary.
    pub(crate) fn ordinary(&self, shape: Shape) -> Option<Ordinary> {
        self.known.get(&shape).filter(|known| (ENOUGH..u8::MAX).contains(&known.seen)).copied()
    }

    /// Notes what came of a message.
    pub(crate) fn note(&mut self, shape: Shape, outcome: Outcome<'_>) {
        let Outcome { event, timed, understood } = outcome;
        let Some(event) = event.filter(|event| is_ordinary(event)) else {
            if let Some(known) = self.known.get_mut(&shape) {
                known.seen = u8::MAX;
            }
            return;
        };
        if self.known.len() >= MOST_SHAPES && !self.known.contains_key(&shape) {
            return;
        }
        let (source, kind) = (event.source, event.kind);
        let new = Ordinary { source, kind, timed, understood, seen: 0 };
        let known = self.known.entry(shape).or_insert(new);
        let same = known.source == source && known.kind == kind && known.timed == timed;
        known.seen = if same && known.seen < u8::MAX {
            known.seen.saturating_add(1).min(ENOUGH)
        } else {
            u8::MAX
        };
    }
}

/// What came of a message that went the long way.
pub(crate) struct Outcome<'a> {
    /// The one event that it gave.
    pub(crate) event: Option<&'a Event>,
    pub(crate) timed: bool,
    pub(crate) understood: bool,
}

/// Whether an event tells nothing that another with other numbers would not tell.
pub(crate) fn is_ordinary(event: &Event) -> bool {
    let routine = matches!(event.kind, EventKind::Note | EventKind::Health | EventKind::Exchange);
    let reaches = event.net.as_ref().is_some_and(|net| {
        net.destination.is_some() || net.host.is_some() || !net.answers.is_empty()
    });
    let names_more = event.fields.keys().any(|name| {
        name.starts_with("hash.")
            || name.starts_with("source.uri")
            || name.starts_with("change.")
            || name.starts_with("incident.")
    });
    let model = event.field("file.name").is_some_and(crate::tokens::is_model_file);
    let grave =
        matches!(event.level.as_deref(), Some("alert" | "critical" | "emergency" | "fatal"));
    routine && !reaches && !names_more && !model && !grave
}
