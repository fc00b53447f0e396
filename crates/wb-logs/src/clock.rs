//! [`Clock`]: from a [`Stamp`] to an [`Instant`], with what the surroundings say about year and zone.

use crate::scan::Scan;
use crate::stamp::{Stamp, zone};
use crate::{ClockHints, LocalZone};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use wb_core::{Instant, TimeBasis};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Records of threads that wait for each other are out of order by no more than this.
const THREADS: SignedDuration = SignedDuration::from_mins(10);

/// Resolves the timestamps of one log, in file order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    near: Option<Timestamp>,
    /// What no record is after, if known.
    latest: Option<Timestamp>,
    /// The zone that a header or the file's name gives.
    zone: Option<TimeZone>,
    /// The zone that other evidence gives, for a log that names none.
    local: Option<LocalZone>,
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
            // A day for the zone that may be lacking as well.
            latest: hints.written.and_then(|end| end.checked_add(DAY).ok()),
            zone: zone_in_name(file_name).map(TimeZone::fixed),
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

    /// Takes the zone from a header line, such as `# timezone: +02:00` or `TZ=Europe/Berlin`.
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
        let offset = zone(&mut Scan::new(value)).map(TimeZone::fixed);
        if let Some(zone) = offset.or_else(|| named_zone(value)) {
            self.zone = Some(zone);
        }
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
                self.inferred(closest_year((month, day), time, anchor, self.latest)?)?
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
        if let Some(zone) = &self.zone {
            let meant = zone.to_ambiguous_timestamp(civil);
            let first = meant.earlier().ok()?;
            // The hour that a clock goes through twice: the time before tells which it is.
            let back = self.last.is_some_and(|last| last.duration_since(first) > THREADS);
            let moment = if back { meant.later().ok()? } else { first };
            return Some((moment, TimeBasis::OffsetFromName));
        }
        self.wall = Some(civil);
        let local = self
            .local
            .as_ref()
            .and_then(|zone| Some((zone.moment(civil, self.offset)?, zone.basis())));
        match local {
            Some(known) => Some(known),
            None => Some((Offset::UTC.to_timestamp(civil).ok()?, TimeBasis::AssumedUtc)),
        }
    }
}

/// The date in the year that puts it closest to `anchor`, not after `latest` if there is another. In file order the anchor is the record before,
/// so a log that runs over New Year does too.
fn closest_year(
    (month, day): (i8, i8),
    time: Time,
    anchor: Timestamp,
    latest: Option<Timestamp>,
) -> Option<DateTime> {
    let year = Offset::UTC.to_datetime(anchor).year();
    let is_after = |civil: DateTime| {
        let moment = Offset::UTC.to_timestamp(civil).ok();
        moment.zip(latest).is_some_and(|(moment, latest)| moment > latest)
    };
    [-1_i16, 0, 1]
        .into_iter()
        .filter_map(|step| Date::new(year.checked_add(step)?, month, day).ok())
        .map(|date| date.to_datetime(time))
        .min_by_key(|civil| (is_after(*civil), distance(*civil, anchor)))
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

/// The zone of the tz database that `text` begins with the name of, such as `Europe/Berlin`.
fn named_zone(text: &str) -> Option<TimeZone> {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "/_-+".contains(letter);
    let name = text.split(|c| !letter(c)).next().filter(|name| !name.is_empty())?;
    TimeZoneDatabase::bundled().get(name).ok()
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
    fn no_record_is_written_after_its_file() {
        let written = "2026-11-27T00:00:00Z".parse().ok();
        let hints = ClockHints { near: written, written, zone: None };
        let seen = |text: &str| {
            let mut clock = Clock::new(&hints, "server.log");
            let instant = clock.resolve(parse_prefix(text).expect("a stamp").0);
            instant.expect("a moment").timestamp.to_string()
        };
        // February is nearer in the year to come.
        assert_eq!(seen("Feb  7 19:23:56 x"), "2026-02-07T19:23:56Z");
        assert_eq!(seen("Nov 27 13:00:00 x"), "2026-11-27T13:00:00Z");
        assert_eq!(seen("Dec 31 13:00:00 x"), "2025-12-31T13:00:00Z");
    }

    #[test]
    fn a_header_may_name_a_zone_whose_clock_changes() {
        let hints = ClockHints::default();
        let mut clock = Clock::new(&hints, "app.log");
        clock.header("# timezone: Europe/Berlin, written by the scheduler");
        let mut seen = |text: &str| {
            let instant = clock.resolve(parse_prefix(text).expect("a stamp").0).expect("a moment");
            format!("{} {}", instant.timestamp, instant.basis.name())
        };
        assert_eq!(seen("2026-07-01 10:00:00 x"), "2026-07-01T08:00:00Z offset-from-name");
        // The hour that comes twice, by the order of its records.
        assert_eq!(seen("2026-10-25 02:30:00 x"), "2026-10-25T00:30:00Z offset-from-name");
        assert_eq!(seen("2026-10-25 02:59:00 x"), "2026-10-25T00:59:00Z offset-from-name");
        assert_eq!(seen("2026-10-25 02:01:00 x"), "2026-10-25T01:01:00Z offset-from-name");
        assert_eq!(seen("2026-10-25 02:30:00 x"), "2026-10-25T01:30:00Z offset-from-name");
        assert_eq!(seen("2026-12-01 10:00:00 x"), "2026-12-01T09:00:00Z offset-from-name");
        // Words that are no zone change nothing.
        clock.header("# timezone: as on the wall");
        let stamp = parse_prefix("2026-12-01 10:00:00 x").expect("a stamp").0;
        let instant = clock.resolve(stamp).expect("a moment");
        assert_eq!(instant.timestamp.to_string(), "2026-12-01T09:00:00Z");
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
