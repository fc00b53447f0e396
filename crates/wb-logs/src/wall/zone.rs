//! [`LocalZone`]: the offsets of a wall clock, as far as all zones that it may be of agree.

use super::folds::Fold;
use super::steps::{Pass, Step};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use std::collections::BTreeSet;

/// The zone of a log that names none, by what is known of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalZone {
    /// From when on which offset holds; none where the zones differ.
    pieces: Vec<(Timestamp, Option<Offset>)>,
    /// The hours that the log went through twice, and where.
    turns: Vec<(Fold, Step)>,
}

impl LocalZone {
    /// What `zones` agree on from `from` to `until`, for a log that falls back at `turns`.
    pub(super) fn of(
        zones: &[&TimeZone],
        (from, until): (Timestamp, Timestamp),
        turns: Vec<(Fold, Step)>,
    ) -> Self {
        let mut changes = BTreeSet::from([from]);
        for zone in zones {
            let following = zone.following(from).map(|change| change.timestamp());
            changes.extend(following.take_while(|change| *change < until));
        }
        let agreed = |at: Timestamp| {
            let offset = zones.first()?.to_offset(at);
            zones.iter().all(|zone| zone.to_offset(at) == offset).then_some(offset)
        };
        let mut pieces: Vec<(Timestamp, Option<Offset>)> = Vec::new();
        for at in changes {
            let offset = agreed(at);
            if pieces.last().is_none_or(|(_, before)| *before != offset) {
                pieces.push((at, offset));
            }
        }
        Self { pieces, turns }
    }

    /// The moment of a stamp in the line at `offset`.
    pub(crate) fn moment(&self, civil: DateTime, offset: u64) -> Option<Timestamp> {
        let (mut first, mut last, mut begun) = (None, None, None);
        let ends = self.pieces.iter().skip(1).map(|(from, _)| *from).chain([Timestamp::MAX]);
        for (number, ((from, zone), end)) in self.pieces.iter().zip(ends).enumerate() {
            let Some(moment) = zone.and_then(|zone| zone.to_timestamp(civil).ok()) else {
                continue;
            };
            if moment < *from && number > 0 {
                continue;
            }
            begun = Some(moment);
            if moment < end {
                first = first.or(begun);
                last = begun;
            }
        }
        // What a zone skips is read as if it had not.
        let (Some(first), Some(last)) = (first, last) else { return begun };
        let turn = self.turns.iter().find(|(fold, _)| (fold.start..fold.end).contains(&civil));
        let second = turn.is_some_and(|(_, step)| step.pass(civil, offset) == Pass::Second);
        Some(if second { last } else { first })
    }
}
