//! [`Calls`]: which subgraph calls which. A runtime follows these numbers, and never ends when they lead in a circle.
//!
//! Specification: `IfOptions`, `WhileOptions`, `CallOptions` and `CallOnceOptions` in `schema.fbs`.

use crate::flatbuffer::{Table, Walk};
use wb_core::{OddityKind, Span};

/// The slot of an operator that holds the options of its kind.
const OPTIONS: u16 = 4;

/// The calls of a model.
#[derive(Default)]
pub(super) struct Calls {
    /// For each subgraph its bytes, and the subgraphs that it calls.
    graphs: Vec<(Span, Vec<usize>)>,
    /// Where a subgraph is called, for those that may not exist.
    targets: Vec<(usize, String, Span)>,
}

impl Calls {
    /// The next subgraph begins.
    pub(super) fn begin(&mut self, span: Span) {
        self.graphs.push((span, Vec::new()));
    }

    /// Keeps what the operator called `name` calls.
    pub(super) fn read(&mut self, name: &str, operator: &Table<'_>, place: &str, walk: &mut Walk<'_>) {
        let slots: &[u16] = match name {
            "IF" | "WHILE" => &[0, 1],
            "CALL" | "CALL_ONCE" => &[0],
            _ => return,
        };
        let Some(options) = walk.some(place, operator.table(OPTIONS)) else { return };
        for slot in slots {
            let target = options.u32(*slot).unwrap_or(0) as usize;
            self.targets.push((target, place.to_owned(), operator.span));
            if let Some((_, called)) = self.graphs.last_mut() {
                called.push(target);
            }
        }
    }

    /// Tells of a call of a subgraph that does not exist, and of subgraphs that call each other in a circle.
    pub(super) fn check(&self, walk: &mut Walk<'_>) {
        let count = self.graphs.len();
        if let Some((target, place, span)) = self.targets.iter().find(|(target, ..)| *target >= count) {
            let what = format!("subgraph {target} is called, {count} exist");
            walk.notes.odd(OddityKind::ImpossibleLength, place, Some(*span), what);
        }
        // Subgraphs from which every way ends: those that call none but such.
        let mut ends = vec![false; count];
        let mut left = count;
        loop {
            let before = left;
            for (index, (_, called)) in self.graphs.iter().enumerate() {
                let done = called.iter().all(|target| ends.get(*target).copied().unwrap_or(true));
                if let Some(end) = ends.get_mut(index).filter(|end| done && !**end) {
                    *end = true;
                    left = left.saturating_sub(1);
                }
            }
            let spent = walk.budget.steps(count as u64);
            if left == before || spent.is_err() {
                break;
            }
        }
        let circle = ends.iter().position(|ends| !ends);
        if let Some((index, (span, _))) = circle.and_then(|index| Some((index, self.graphs.get(index)?))) {
            let (place, what) = (format!("subgraphs[{index}]"), "calls of subgraphs lead in a circle");
            walk.notes.odd(OddityKind::ImpossibleLength, &place, Some(*span), what);
        }
    }
}
