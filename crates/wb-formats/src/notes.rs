//! [`Notes`]: the oddities and gaps met while reading, bounded in number. A file can be odd a million times
//! over; a thousand are enough to know it.

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
    pub(crate) fn odd(
        &mut self,
        kind: OddityKind,
        place: &str,
        span: Option<Span>,
        what: impl Into<String>,
    ) {
        let place = place.to_owned();
        note(&mut self.oddities, Oddity { kind, place, span, what: what.into() });
    }

    pub(crate) fn gap(&mut self, span: Option<Span>, why: impl Into<String>) {
        if self.gaps.len() < KEPT {
            self.gaps.push(Gap { span, why: why.into() });
        }
    }
}

/// Keeps `oddity` unless there are enough.
pub(crate) fn note(oddities: &mut Vec<Oddity>, oddity: Oddity) {
    if oddities.len() < KEPT {
        oddities.push(oddity);
    }
}
