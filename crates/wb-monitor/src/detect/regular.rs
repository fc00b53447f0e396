//! What shows over time: regular connections, amounts of data, names that are channels.

use super::Draft;
use crate::names::TEXT;
use crate::observation::Answer;
use wb_core::{BeaconState, Severity};

/// Attempts kept per destination: the latest.
const KEPT: usize = 256;

/// Attempts before regularity is judged.
const ENOUGH: usize = 10;

/// Attempts to one destination, and the bytes sent to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Seconds since 1970.
    times: Vec<i64>,
    /// Attempts since regularity was judged.
    since: usize,
    bytes: u64,
    /// Amounts sent between two readings, when any.
    amounts: Vec<u64>,
}

impl History {
    /// Notes an attempt. Judged again whenever a tenth more is known.
    pub(crate) fn attempt(&mut self, to: &str, second: i64) -> Option<Draft> {
        if self.times.len() >= KEPT {
            self.times.remove(0);
        }
        self.times.push(second);
        self.since += 1;
        if self.times.len() < ENOUGH || self.since < self.times.len().div_ceil(10) {
            return None;
        }
        self.since = 0;
        let samples: Vec<(i64, Option<u64>)> =
            self.times.iter().map(|time| (*time, None)).collect();
        let beacon = wb_logs::flows::regularity(&samples);
        let regular = matches!(beacon.state, BeaconState::Periodic | BeaconState::Jittered);
        if !regular || beacon.score < 0.75 {
            return None;
        }
        let period = beacon.period_seconds.unwrap_or(0.0);
        Some(Draft {
            rule: "beacon",
            severity: Severity::High,
            subject: to.to_owned(),
            headline: format!(
                "{} connections to {to}, about every {period:.0} s",
                self.times.len()
            ),
            because: vec![format!("{}, score {:.2}", beacon.state.name(), beacon.score)],
        })
    }

    /// Bytes that went to the destination in all.
    pub(crate) fn total(&self) -> u64 {
        self.bytes
    }

    /// Notes how many bytes went to the destination in all.
    pub(crate) fn sent(&mut self, to: &str, bytes: u64, allowed: bool) -> Option<Draft> {
        const MEBIBYTE: u64 = 1 << 20;
        let more = bytes.saturating_sub(self.bytes);
        let first = self.bytes == 0;
        self.bytes = self.bytes.max(bytes);
        if more == 0 {
            return None;
        }
        let mut sorted = self.amounts.clone();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        if self.amounts.len() >= KEPT {
            self.amounts.remove(0);
        }
        self.amounts.push(more);
        let (much, because) = if allowed {
            let known = sorted.len() >= 12;
            let much = known && more > 32 * MEBIBYTE && more > usual.saturating_mul(20);
            (much, format!("usually {} KiB at a time", usual / 1024))
        } else {
            (
                more > 4 * MEBIBYTE && !first || bytes > 16 * MEBIBYTE,
                "the policy does not allow it".to_owned(),
            )
        };
        much.then(|| Draft {
            rule: "bytes-out",
            severity: Severity::High,
            subject: to.to_owned(),
            headline: format!("{} MiB went to {to}", bytes.max(more) / MEBIBYTE),
            because: vec![because],
        })
    }
}

/// Judges a name that was asked for, and that the policy does not name.
pub(crate) fn name(answer: &Answer) -> Option<Draft> {
    let longest = answer.name.split('.').map(str::len).max().unwrap_or(0);
    let mut because = Vec::new();
    if answer.kind == TEXT {
        because.push("a text record was asked for".to_owned());
    }
    if longest >= 40 {
        because.push(format!("a label of {longest} characters"));
    }
    if because.is_empty() {
        return None;
    }
    let domain: Vec<&str> = answer.name.rsplit('.').take(2).collect();
    let domain = domain.into_iter().rev().collect::<Vec<_>>().join(".");
    Some(Draft {
        rule: "unusual-name",
        severity: Severity::Medium,
        subject: domain,
        headline: format!("`{}` was asked for", answer.name),
        because,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clockwork_is_a_beacon_and_people_are_not() {
        let mut history = History::default();
        let found: Vec<usize> = (0..40)
            .filter(|n| history.attempt("x", 1_700_000_000 + n * 60).is_some())
            .map(|n| n as usize)
            .collect();
        assert_eq!(found.first(), Some(&11), "{found:?}");
        let mut people = History::default();
        let mut time = 1_700_000_000;
        let steps = [3, 900, 4, 5, 2000, 60, 10, 7, 600, 30, 1, 5000];
        let found = steps.iter().cycle().take(40).any(|step| {
            time += step;
            people.attempt("x", time).is_some()
        });
        assert!(!found);
    }

    #[test]
    fn channels_in_names_are_told_and_ordinary_names_are_not() {
        let answer = |name: &str, kind| Answer { name: name.to_owned(), kind, ..Answer::default() };
        assert!(name(&answer("hub.example", 1)).is_none());
        assert!(name(&answer("hub.example", TEXT)).is_some());
        let long = format!("{}.evil.example", "a1".repeat(25));
        assert_eq!(
            name(&answer(&long, 1)).map(|draft| draft.subject),
            Some("evil.example".to_owned())
        );
    }

    #[test]
    fn much_more_than_usual_is_told() {
        let mut history = History::default();
        let mut total = 0;
        for _ in 0..20 {
            total += 100_000;
            assert!(history.sent("x", total, true).is_none());
        }
        assert!(history.sent("x", total + (200 << 20), true).is_some());
        assert!(History::default().sent("x", 1000, false).is_none(), "little is no outlier");
        assert!(History::default().sent("x", 20 << 20, false).is_some());
    }
}
