//! [`Clock`]: from a [`Stamp`] to an [`Instant`], with what the surroundings say about year and zone.

use crate::scan::Scan;
use crate::stamp::{Stamp, zone};
use crate::{ClockHints, LocalZone};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use std::sync::Arc;
use wb_core::{Instant, TimeBasis};

/// Resolves the timestamps of one log, in file order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    near: Option<Timestamp>,
    zone: Option<Offset>,
    /// The zone that other evidence gives, for a log that names none.
    local: Option<Arc<LocalZone>>,
    /// Offset of the line that is read.
    offset: u64,
    /// The last stamp of this line, if only the wall clock is known.
    wall: Option<DateTime>,
    last: Option<Timestamp>,
    last_inferred: Option<Timestamp>,
    /// Whether a record had no year.
    pub(crate) lacks_year: bool,
}

impl Clock {
    /// A clock for the log called `file_name`.
    pub(crate) fn new(hints: &ClockHints, file_name: &str) -> Self {
        Self {
            near: hints.near,
            zone: zone_in_name(file_name),
            local: hints.zone.clone(),
            ..Self::default()
        }
    }

    /// Begins the line at `offset`.
    pub(crate) const fn line(&mut self, offset: u64) {
        self.offset = offset;
        self.wall = None;
    }

    /// What the wall clock showed in this line, if its stamp has no zone and nothing around it gives one.
    pub(crate) const fn wall(&self) -> Option<DateTime> {
        self.wall
    }

    /// Takes the zone from a header line, such as `# timezone: +02:00`.
    pub(crate) fn header(&mut self, line: &str) {
        let lower = line.to_ascii_lowercase();
        let Some(found) = ["timezone", "time zone", "tz"].iter().find_map(|name| {
            let at = lower.find(name)?;
            line.get(at.checked_add(name.len())?..)
        }) else {
            return;
        };
        let value = found.trim_start_matches([' ', ':', '=', '"']);
        let value =
            value.strip_prefix("UTC").filter(|rest| rest.starts_with(['+', '-'])).unwrap_or(value);
        self.zone = zone(&mut Scan::new(value)).or(self.zone);
    }

    /// The moment a stamp means; `None` when its year cannot be known.
    pub(crate) fn resolve(&mut self, stamp: Stamp) -> Option<Instant> {
        let instant = match stamp {
            Stamp::Exact(timestamp) => Instant { timestamp, basis: TimeBasis::Explicit },
            Stamp::Local(civil) => {
                let (timestamp, basis) = self.moment(civil)?;
                Instant { timestamp, basis }
            }
            Stamp::NoYear(month, day, time) => {
                self.lacks_year = true;
                let anchor = self.last_inferred.or(self.near).or(self.last)?;
                self.inferred(closest_year(month, day, time, anchor)?)?
            }
            Stamp::NoDate(time) => {
                self.lacks_year = true;
                let anchor = self.last_inferred.or(self.near).or(self.last)?;
                self.inferred(closest_day(time, anchor)?)?
            }
        };
        self.last = Some(instant.timestamp);
        Some(instant)
    }

    fn inferred(&mut self, civil: DateTime) -> Option<Instant> {
        let (timestamp, _) = self.moment(civil)?;
        self.last_inferred = Some(timestamp);
        Some(Instant { timestamp, basis: TimeBasis::InferredYear })
    }

    /// The moment at which the wall clock shows `civil`, and how its zone is known.
    fn moment(&mut self, civil: DateTime) -> Option<(Timestamp, TimeBasis)> {
        if let Some(zone) = self.zone {
            return Some((zone.to_timestamp(civil).ok()?, TimeBasis::OffsetFromName));
        }
        self.wall = Some(civil);
        let local = self.local.as_ref().and_then(|zone| zone.moment(civil, self.offset));
        match local {
            Some(moment) => Some((moment, TimeBasis::ZoneFromClockChange)),
            None => Some((Offset::UTC.to_timestamp(civil).ok()?, TimeBasis::AssumedUtc)),
        }
    }
}

/// The date in the year that puts it closest to `anchor`. In file order the anchor is the record before,
/// so a log that runs over New Year does too.
fn closest_year(month: i8, day: i8, time: Time, anchor: Timestamp) -> Option<DateTime> {
    let year = Offset::UTC.to_datetime(anchor).year();
    [-1_i16, 0, 1]
        .into_iter()
        .filter_map(|step| Date::new(year.checked_add(step)?, month, day).ok())
        .map(|date| date.to_datetime(time))
        .min_by_key(|civil| distance(*civil, anchor))
}

/// The time on the day that puts it closest to `anchor`.
fn closest_day(time: Time, anchor: Timestamp) -> Option<DateTime> {
    let day = Offset::UTC.to_datetime(anchor).date();
    [day.yesterday().ok(), Some(day), day.tomorrow().ok()]
        .into_iter()
        .flatten()
        .map(|date| date.to_datetime(time))
        .min_by_key(|civil| distance(*civil, anchor))
}

fn distance(civil: DateTime, anchor: Timestamp) -> i64 {
    Offset::UTC.to_timestamp(civil).map_or(i64::MAX, |timestamp| {
        timestamp.as_second().saturating_sub(anchor.as_second()).saturating_abs()
    })
}

/// A zone in a file name, such as `egress-utc.log` or `app_+0200.log`.
fn zone_in_name(file_name: &str) -> Option<Offset> {
    let parts = file_name.split(['-', '_', '.', ' ']);
    let named = parts.clone().any(|part| matches!(part, "utc" | "UTC" | "gmt" | "GMT"));
    if named {
        return Some(Offset::UTC);
    }
    file_name.match_indices('+').find_map(|(at, _)| {
        let mut scan = Scan::new(file_name.get(at..)?);
        zone(&mut scan)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::parse_prefix;

    fn moments(lines: &[&str], near: Option<&str>, name: &str) -> Vec<Option<String>> {
        let near = near.map(|text| text.parse().expect("a timestamp"));
        let mut clock = Clock::new(&ClockHints { near, ..ClockHints::default() }, name);
        let resolve = |line: &&str| {
            let instant = clock.resolve(parse_prefix(line).expect("a stamp").0)?;
            Some(format!("{} {}", instant.timestamp, instant.basis.name()))
        };
        lines.iter().map(resolve).collect()
    }

    #[test]
    fn the_year_is_the_one_closest_and_order_carries_it_over_new_year() {
        let lines = ["Dec 31 23:59:50 a", "Jan  1 00:00:10 a", "Jan  1 00:00:20 a"];
        let seen = moments(&lines, Some("2026-12-30T00:00:00Z"), "kern.log");
        assert_eq!(
            seen.first().cloned().flatten().as_deref(),
            Some("2026-12-31T23:59:50Z inferred-year")
        );
        assert_eq!(
            seen.get(1).cloned().flatten().as_deref(),
            Some("2027-01-01T00:00:10Z inferred-year")
        );
        let seen = moments(&lines, Some("2027-01-02T00:00:00Z"), "kern.log");
        assert_eq!(
            seen.first().cloned().flatten().as_deref(),
            Some("2026-12-31T23:59:50Z inferred-year")
        );
        assert_eq!(moments(&["Dec 31 23:59:50 a"], None, "kern.log"), [None]);
    }

    #[test]
    fn the_zone_comes_from_the_record_then_the_name_and_else_is_assumed() {
        let line = ["2026-03-02 08:05:10 x", "2026-03-02 08:05:10 +01:00 x"];
        let seen = moments(&line, None, "app.log");
        assert_eq!(
            seen.first().cloned().flatten().as_deref(),
            Some("2026-03-02T08:05:10Z assumed-utc")
        );
        assert_eq!(
            seen.get(1).cloned().flatten().as_deref(),
            Some("2026-03-02T07:05:10Z explicit")
        );
        let seen = moments(&line, None, "app_+0200.log");
        assert_eq!(
            seen.first().cloned().flatten().as_deref(),
            Some("2026-03-02T06:05:10Z offset-from-name")
        );
    }
}
