//! [`Fold`]: a stretch of wall clock that a zone goes through twice, by the tz database.
//!
//! The database is the one of IANA, <https://www.iana.org/time-zones>, as the program was built with it: what is
//! installed on the machine makes no difference.

use super::steps::Step;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Every zone that the database has.
static ZONES: LazyLock<Vec<TimeZone>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    let mut names: Vec<String> =
        database.available().map(|name| name.as_str().to_owned()).collect();
    names.sort_unstable();
    names.iter().filter_map(|name| database.get(name).ok()).filter(TimeZone::is_primary).collect()
});

/// A stretch of wall clock that comes twice, and the offsets that it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fold {
    /// Where the clock falls back to.
    pub(super) start: DateTime,
    /// Where it falls back.
    pub(super) end: DateTime,
    /// The offset until then.
    pub(super) before: Offset,
    /// The offset from then on.
    pub(super) after: Offset,
}

impl Fold {
    /// The fold of `zone` that `civil` lies in.
    pub(super) fn at(zone: &TimeZone, civil: DateTime) -> Option<Self> {
        let AmbiguousOffset::Fold { before, after } = zone.to_ambiguous_timestamp(civil).offset()
        else {
            return None;
        };
        let first = before.to_timestamp(civil).ok()?;
        let change = zone.following(first).next()?.timestamp();
        let (start, end) = (after.to_datetime(change), before.to_datetime(change));
        Some(Self { start, end, before, after })
    }

    /// Its length, in seconds.
    pub(super) fn seconds(&self) -> i64 {
        super::steps::seconds(self.start, self.end)
    }
}

/// The fold of `zone` that a step back may be in: both its ends are, and it goes back by at least half of it.
pub(super) fn fold_at(zone: &TimeZone, step: &Step) -> Option<Fold> {
    let fold = Fold::at(zone, step.next)?;
    let whole = step.seconds().saturating_mul(2) >= fold.seconds();
    (whole && (fold.start..fold.end).contains(&step.last)).then_some(fold)
}

/// Every zone that has a fold where `step` is.
pub(super) fn zones_at(step: &Step) -> Vec<(&'static TimeZone, Fold)> {
    ZONES.iter().filter_map(|zone| Some((zone, fold_at(zone, step)?))).collect()
}

/// What `zone` skips of wall clock from `from` to `until`.
pub(super) fn gaps(
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> BTreeSet<(DateTime, DateTime)> {
    let mut gaps = BTreeSet::new();
    let mut before = zone.to_offset(from);
    for change in zone.following(from).take_while(|change| change.timestamp() < until) {
        let (at, after) = (change.timestamp(), change.offset());
        if after > before {
            gaps.insert((before.to_datetime(at), after.to_datetime(at)));
        }
        before = after;
    }
    gaps
}

/// One of the names of `zones`: of Europe or America, if there is one, which most people know.
pub(super) fn name_of<'z>(zones: &[&'z TimeZone]) -> &'z str {
    let known = |name: &&str| name.starts_with("Europe/") || name.starts_with("America/");
    let names = || zones.iter().filter_map(|zone| zone.iana_name());
    names().find(known).or_else(|| names().next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(last: &str, next: &str) -> BTreeSet<(i32, i32)> {
        let at = |text: &str| text.parse().expect("a date and time");
        let step = Step { last: at(last), next: at(next), from: 0, until: 0 };
        let hours = |offset: Offset| offset.seconds() / 3600;
        zones_at(&step).iter().map(|(_, fold)| (hours(fold.before), hours(fold.after))).collect()
    }

    #[test]
    fn the_hour_tells_the_offsets_in_europe_and_not_in_america() {
        assert_eq!(pairs("2025-10-26T02:55", "2025-10-26T02:01"), [(2, 1)].into());
        assert_eq!(pairs("2025-10-26T03:55", "2025-10-26T03:01"), [(3, 2)].into());
        // Israel falls back on the same day as London, at the same time of the wall clock.
        assert_eq!(pairs("2025-10-26T01:55", "2025-10-26T01:01"), [(1, 0), (3, 2)].into());
        let america = pairs("2025-11-02T01:55", "2025-11-02T01:01");
        assert!([(-4, -5), (-5, -6), (-7, -8)].iter().all(|pair| america.contains(pair)));
        let south = pairs("2025-04-06T02:55", "2025-04-06T02:01");
        assert!([(11, 10), (13, 12)].iter().all(|pair| south.contains(pair)));
    }

    #[test]
    fn no_zone_falls_back_then() {
        // A day later; an hour later in no zone; where clocks jump forward; half of the hour outside.
        assert!(pairs("2025-10-27T02:55", "2025-10-27T02:01").is_empty());
        assert!(pairs("2025-10-26T12:55", "2025-10-26T12:01").is_empty());
        assert!(pairs("2025-03-30T02:55", "2025-03-30T02:01").is_empty());
        assert!(pairs("2025-10-26T03:20", "2025-10-26T02:25").is_empty());
    }
}
