//! [`Notes`]: the oddities and gaps met on a walk, bounded in number.

use wb_core::{Gap, Oddity, OddityKind, Span};

/// How many oddities, and how many gaps, are kept one by one.
const KEPT: usize = 1_000;

/// What was odd and what was not read.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) oddities: Vec<Oddity>,
    pub(crate) gaps: Vec<Gap>,
}

impl Notes {
    pub(super) fn odd(
        &mut self,
        kind: OddityKind,
        place: &str,
        span: Option<Span>,
        what: impl Into<String>,
    ) {
        if self.oddities.len() < KEPT {
            self.oddities.push(Oddity { kind, place: place.to_owned(), span, what: what.into() });
        }
    }

    pub(super) fn gap(&mut self, span: Option<Span>, why: impl Into<String>) {
        if self.gaps.len() < KEPT {
            self.gaps.push(Gap { span, why: why.into() });
        }
    }
}
