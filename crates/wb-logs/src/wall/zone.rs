//! [`LocalZone`]: the offsets of a wall clock, as far as all zones that it may be of agree.

use super::folds::Fold;
use super::steps::{Pass, Step};
use crate::Summary;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use wb_core::TimeBasis;

/// A quarter of an hour: all zones in use are ahead of UTC or behind it by a multiple of that, in seconds.
const QUARTER: i64 = 900;

/// Clocks that differ by less than this from such a multiple differ by a zone, and by that, in seconds.
const NEARLY: i64 = 120;

/// Zones that are further from UTC than this are none, in seconds; nor are those that are nearer than half an hour.
const FURTHEST: i64 = 14 * 3600;

/// The zone of a log that names none, by what is known of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalZone(Arc<Known>);

#[derive(Debug, PartialEq, Eq)]
struct Known {
    /// The zones that it may be, where a clock change told it.
    zones: Vec<&'static TimeZone>,
    /// From when on which offset holds; none where the zones differ.
    pieces: Vec<(Timestamp, Option<Offset>)>,
    /// The hours that the log went through twice, and where.
    turns: Vec<(Fold, Step)>,
}

impl LocalZone {
    /// What `zones` agree on from `from` to `until`, for a log that falls back at `turns`.
    pub(super) fn of(
        zones: Vec<&'static TimeZone>,
        (from, until): (Timestamp, Timestamp),
        turns: Vec<(Fold, Step)>,
    ) -> Self {
        let mut changes = BTreeSet::from([from]);
        for zone in &zones {
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
        Self(Arc::new(Known { zones, pieces, turns }))
    }

    /// The zone of a log whose clock is ahead of UTC by `seconds`, as connections say that another log has too;
    /// `None` when that is no zone's offset.
    pub fn ahead_by(seconds: i64) -> Option<Self> {
        let quarters = seconds.saturating_add(QUARTER.div_euclid(2)).div_euclid(QUARTER);
        let zone = quarters.saturating_mul(QUARTER);
        let far = zone.saturating_abs();
        let fits = (2 * QUARTER..=FURTHEST).contains(&far)
            && seconds.saturating_sub(zone).saturating_abs() <= NEARLY;
        let offset = Offset::from_seconds(i32::try_from(zone).ok()?).ok().filter(|_| fits)?;
        let pieces = vec![(Timestamp::MIN, Some(offset))];
        Some(Self(Arc::new(Known { zones: Vec::new(), pieces, turns: Vec::new() })))
    }

    /// The same for another log of the clock that this is the zone of; `None` where none of its times lacks a zone.
    pub fn of_other(&self, log: &Summary) -> Option<Self> {
        if self.0.zones.is_empty() {
            return Some(self.clone());
        }
        Some(Self::of(self.0.zones.clone(), around(log.steps.range()?)?, Vec::new()))
    }

    /// How it is known.
    pub(crate) fn basis(&self) -> TimeBasis {
        match self.0.zones.is_empty() {
            true => TimeBasis::ZoneFromOtherLog,
            false => TimeBasis::ZoneFromClockChange,
        }
    }

    /// The moment of a stamp in the line at `offset`.
    pub(crate) fn moment(&self, civil: DateTime, offset: u64) -> Option<Timestamp> {
        let (mut first, mut last, mut begun) = (None, None, None);
        let ends = self.0.pieces.iter().skip(1).map(|(from, _)| *from).chain([Timestamp::MAX]);
        for (number, ((from, zone), end)) in self.0.pieces.iter().zip(ends).enumerate() {
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
        let turn = self.0.turns.iter().find(|(fold, _)| (fold.start..fold.end).contains(&civil));
        let second = turn.is_some_and(|(_, step)| step.pass(civil, offset) == Pass::Second);
        Some(if second { last } else { first })
    }
}

/// The offset that holds first, such as `UTC+2`.
impl fmt::Display for LocalZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.pieces.iter().find_map(|(_, offset)| *offset);
        f.write_str(&named(first.unwrap_or(Offset::UTC)))
    }
}

/// The days in which a log was written whose clock showed these two, whatever its zone is.
pub(super) fn around((first, last): (DateTime, DateTime)) -> Option<(Timestamp, Timestamp)> {
    let moved = |civil: DateTime, hours: i64| {
        let moment = Offset::UTC.to_timestamp(civil).ok()?;
        moment.checked_add(Span::new().hours(hours)).ok()
    };
    Some((moved(first, -48)?, moved(last, 48)?))
}

/// `UTC+2`, `UTC-3:30`.
pub(super) fn named(offset: Offset) -> String {
    let minutes = offset.seconds().div_euclid(60);
    let (hours, rest) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}
