//! [`Skew`]: how far the clocks of two logs are apart, by the connections that both recorded.

use super::attempts::Attempts;
use std::collections::BTreeMap;
use wb_core::ArtifactPath;

/// Connections that two logs must share.
const ENOUGH: usize = 5;

/// Differences below this are the time between two steps of one connection, in nanoseconds.
const LEAST: i64 = 5_000_000_000;

/// Differences kept per pair of logs.
const MOST: usize = 4096;

/// Two logs whose clocks differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skew {
    /// A log.
    pub log: ArtifactPath,
    /// The log that it is compared with.
    pub other: ArtifactPath,
    /// How far the clock of `log` is ahead of the one of `other`, in seconds; negative when it is behind.
    pub seconds: i64,
    /// How many connections say so.
    pub shared: usize,
}

/// The logs whose clocks differ. Flows that two sources saw equally often are compared attempt by attempt.
pub(super) fn skews<'a>(
    flows: impl Iterator<Item = &'a [Attempts]>,
    logs: &[ArtifactPath],
) -> Vec<Skew> {
    let mut pairs: BTreeMap<(u32, u32), Vec<i64>> = BTreeMap::new();
    for sources in flows {
        for (at, one) in sources.iter().enumerate() {
            for other in sources.iter().skip(at.saturating_add(1)) {
                compare(one, other, &mut pairs);
            }
        }
    }
    pairs.into_iter().filter_map(|(pair, differences)| skew(pair, differences, logs)).collect()
}

fn compare(one: &Attempts, other: &Attempts, pairs: &mut BTreeMap<(u32, u32), Vec<i64>>) {
    let (Some(log), Some(other_log)) = (log_of(one), log_of(other)) else { return };
    let whole = |attempts: &Attempts| attempts.samples.len() as u64 == attempts.count;
    if log == other_log || one.count != other.count || !whole(one) || !whole(other) {
        return;
    }
    let times = |attempts: &Attempts| {
        let mut times: Vec<i64> = attempts.samples.iter().map(|sample| sample.time).collect();
        times.sort_unstable();
        times
    };
    let turned = log > other_log;
    let pair = if turned { (other_log, log) } else { (log, other_log) };
    let differences = pairs.entry(pair).or_default();
    for (a, b) in times(one).into_iter().zip(times(other)) {
        if differences.len() < MOST {
            let difference = a.saturating_sub(b);
            differences.push(if turned { difference.saturating_neg() } else { difference });
        }
    }
}

/// The one log that all attempts were seen in, as far as is known.
fn log_of(attempts: &Attempts) -> Option<u32> {
    let (first, last) = attempts.first.zip(attempts.last)?;
    (first.log == last.log).then_some(first.log)
}

/// The median difference, if most of them lie close to it.
fn skew(pair: (u32, u32), mut differences: Vec<i64>, logs: &[ArtifactPath]) -> Option<Skew> {
    let middle = median(&mut differences)?;
    let mut distances: Vec<i64> = differences
        .iter()
        .map(|difference| difference.saturating_sub(middle).saturating_abs())
        .collect();
    let spread = median(&mut distances)?;
    let steady = spread <= 2_000_000_000.max(middle.saturating_abs().div_euclid(8));
    if differences.len() < ENOUGH || middle.saturating_abs() < LEAST || !steady {
        return None;
    }
    let log = |number: u32| usize::try_from(number).ok().and_then(|at| logs.get(at)).cloned();
    let seconds = middle.saturating_add(500_000_000).div_euclid(1_000_000_000);
    Some(Skew { log: log(pair.0)?, other: log(pair.1)?, seconds, shared: differences.len() })
}

fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().div_euclid(2)).copied()
}
