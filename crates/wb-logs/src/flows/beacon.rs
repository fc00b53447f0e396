//! How regular attempts are: the sub-scores of RITA v5's beacon analysis (`analysis/beacons.go`), computed
//! over the pair's own active span instead of the data set's, so that a short log is not held against it.

use wb_core::{Beacon, BeaconState};

/// Bins of the histogram over the active span.
const BINS: usize = 24;

/// Different seconds needed to say anything.
const ENOUGH: usize = 4;

/// The parts of a beacon score, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SubScores {
    /// Regularity of the intervals: symmetry (Bowley skewness) and spread (median absolute deviation).
    pub timestamp: f64,
    /// The same of the bytes sent; `None` when records do not say them.
    pub size: Option<f64>,
    /// Evenness over the active span.
    pub histogram: f64,
    /// How much of the active span has attempts.
    pub duration: f64,
}

/// Scores attempts: `samples` are seconds since 1970 with the bytes sent, if known, in any order.
pub(crate) fn score(samples: &[(i64, Option<u64>)]) -> (Beacon, Option<SubScores>) {
    let mut times: Vec<i64> = samples.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    let all = times.clone();
    times.dedup();
    let intervals = differences(&times);
    let period = (!intervals.is_empty()).then(|| median(&intervals));
    if times.len() < ENOUGH || intervals.len() < 3 {
        let beacon =
            Beacon { state: BeaconState::Insufficient, score: 0.0, period_seconds: period };
        return (beacon, None);
    }
    let sizes: Vec<f64> =
        sorted(samples.iter().filter_map(|(_, bytes)| bytes.map(float)).collect());
    let bins = bins(&all);
    let parts = SubScores {
        timestamp: statistics(&intervals, 1.0),
        size: (sizes.len() == samples.len()).then(|| statistics(&sizes, 0.0)),
        histogram: histogram(&bins),
        duration: duration(&bins),
    };
    let known: Vec<f64> =
        [Some(parts.timestamp), parts.size, Some(parts.histogram), Some(parts.duration)]
            .into_iter()
            .flatten()
            .collect();
    let score = round3(known.iter().sum::<f64>() / float(known.len() as u64));
    (Beacon { state: state(&intervals), score, period_seconds: period }, Some(parts))
}

/// Periodic when the middle half of the intervals lies close to the median, jittered when it spreads like
/// a random delay around it; exponential intervals, as people and load make them, spread by 0.69.
fn state(intervals: &[f64]) -> BeaconState {
    let middle = median(intervals);
    if middle < 1.0 {
        return BeaconState::Irregular;
    }
    let spread = deviation(intervals, middle) / middle;
    if spread <= 0.1 {
        BeaconState::Periodic
    } else if spread <= 0.35 {
        BeaconState::Jittered
    } else {
        BeaconState::Irregular
    }
}

/// The mean of the skew score and the score of the median absolute deviation. `default` is the latter
/// for a median below 1.
fn statistics(sorted: &[f64], default: f64) -> f64 {
    let middle = median(sorted);
    let half = sorted.len() / 2;
    let lower = median(sorted.get(..half).unwrap_or_default());
    let upper = median(sorted.get(sorted.len().saturating_sub(half)..).unwrap_or_default());
    let range = upper - lower;
    let flat = range < 10.0 || same(middle, lower) || same(middle, upper);
    let skew = if flat { 0.0 } else { (lower + upper - 2.0 * middle) / range };
    let spread = if middle >= 1.0 {
        ((middle - deviation(sorted, middle)) / middle).max(0.0)
    } else {
        default
    };
    round3(f64::midpoint(1.0 - skew.abs(), spread))
}

/// The evenness of the bins: one minus their coefficient of variation, or how well two heights describe
/// them, whichever is more.
fn histogram(bins: &[u64; BINS]) -> f64 {
    let count = float(BINS as u64);
    let mean = float(bins.iter().sum()) / count;
    let variance = bins.iter().map(|bar| (float(*bar) - mean).powi(2)).sum::<f64>() / count;
    let variation = variance.sqrt() / mean;
    let even =
        if variation > 1.0 || !variation.is_finite() { 0.0 } else { round3(1.0 - variation) };
    even.max(bimodal(bins))
}

/// The share of bars in the two commonest heights, one bar being forgiven; needs 11 bars.
fn bimodal(bins: &[u64; BINS]) -> f64 {
    let bars: Vec<u64> = bins.iter().copied().filter(|bar| *bar > 0).collect();
    if bars.len() < 11 {
        return 0.0;
    }
    let highest = bars.iter().copied().max().unwrap_or(0);
    let width = highest.div_ceil(20).max(1);
    let mut heights = std::collections::BTreeMap::<u64, u64>::new();
    for bar in &bars {
        let count = heights.entry(bar.checked_div(width).unwrap_or(0)).or_default();
        *count = count.saturating_add(1);
    }
    let mut counts: Vec<u64> = heights.into_values().collect();
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    let common: u64 = counts.iter().take(2).sum();
    round3(float(common) / float((bars.len() as u64).saturating_sub(1))).min(1.0)
}

/// The longest run of bins with attempts, twelve being enough; the whole span counts as covered, for it
/// is the pair's own. Needs 6 bars.
fn duration(bins: &[u64; BINS]) -> f64 {
    let filled = bins.iter().filter(|bar| **bar > 0).count();
    if filled < 6 { 0.0 } else { 1.0 }
}

/// Attempts per bin of the active span.
fn bins(times: &[i64]) -> [u64; BINS] {
    let mut bins = [0_u64; BINS];
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return bins };
    let span = i128::from(last.saturating_sub(*first)).max(1);
    for time in times {
        let along = i128::from(time.saturating_sub(*first));
        let place = along.saturating_mul(BINS as i128).checked_div(span).unwrap_or(0);
        let index = usize::try_from(place).unwrap_or(0).min(BINS.saturating_sub(1));
        if let Some(bin) = bins.get_mut(index) {
            *bin = bin.saturating_add(1);
        }
    }
    bins
}

/// Differences of sorted, different times, sorted.
fn differences(times: &[i64]) -> Vec<f64> {
    let pairs = times.iter().zip(times.iter().skip(1));
    sorted(pairs.map(|(a, b)| float(b.abs_diff(*a))).collect())
}

/// Median absolute deviation.
fn deviation(values: &[f64], middle: f64) -> f64 {
    median(&sorted(values.iter().map(|value| (value - middle).abs()).collect()))
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The median of sorted values; 0 of none.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    let upper = sorted.get(half).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = half.checked_sub(1).and_then(|index| sorted.get(index)).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < f64::EPSILON
}

fn round3(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Counts and seconds are far below 2^53, where this is exact.
#[expect(clippy::cast_precision_loss, reason = "counts and seconds are far below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(times: impl IntoIterator<Item = i64>) -> Vec<(i64, Option<u64>)> {
        times.into_iter().map(|time| (1_700_000_000 + time, None)).collect()
    }

    /// Intervals 290, 300, 300, 300, 300, 310, 330: Q1 300 (of 290 300 300), median 300, Q3 310, so the
    /// skew is 0 because the median equals Q1; deviations 10 0 0 0 0 10 30, median 0: the score is 1.
    #[test]
    fn sub_scores_computed_by_hand() {
        let parts = statistics(&[290.0, 300.0, 300.0, 300.0, 300.0, 310.0, 330.0], 1.0);
        assert_eq!(parts, 1.0);
        // Q1 15, median 30, Q3 60: skew (15 + 60 - 60) / 45 = 1/3. Deviations from 30 of
        // 10 20 25 35 50 70 are 20 10 5 5 20 40, median 15: (30 - 15) / 30 = 0.5. Mean of 2/3 and 1/2.
        let values = [10.0, 20.0, 25.0, 35.0, 50.0, 70.0];
        // Q1 20, Q3 50, median 30: skew (20 + 50 - 60) / 30 = 1/3.
        assert_eq!(statistics(&values, 1.0), 0.583);
        // Twelve bars of 2 and twelve of 4: mean 3, deviation 1, so 1 - 1/3; two heights describe all.
        let mut bins = [2_u64; BINS];
        bins.iter_mut().step_by(2).for_each(|bar| *bar = 4);
        assert_eq!(histogram(&bins), 1.0);
        // Six bars of 4 in 24 bins: mean 1, deviation sqrt(3) > 1: 0, and too few bars for two heights.
        let mut few = [0_u64; BINS];
        few.iter_mut().step_by(4).for_each(|bar| *bar = 4);
        assert_eq!((histogram(&few), duration(&few)), (0.0, 1.0));
    }

    #[test]
    fn clockwork_is_periodic() {
        let (beacon, parts) = score(&at((0..60).map(|n| n * 300)));
        assert_eq!((beacon.state, beacon.period_seconds), (BeaconState::Periodic, Some(300.0)));
        assert!(beacon.score > 0.9, "{beacon:?} {parts:?}");
    }

    #[test]
    fn delays_around_an_interval_are_jitter_and_people_are_irregular() {
        let spread = [-45_i64, 30, -15, 40, 0, -30, 20, -40, 15, 45, -20, 35];
        let jittered = (0..48).zip(spread.iter().cycle()).scan(0, |time, (_, step)| {
            *time += 120 + step;
            Some(*time)
        });
        assert_eq!(score(&at(jittered)).0.state, BeaconState::Jittered);
        let people = [3, 900, 4, 5, 2000, 60, 10, 7, 600, 30, 1, 5000];
        let people = people.iter().scan(0, |time, step| {
            *time += step;
            Some(*time)
        });
        assert_eq!(score(&at(people)).0.state, BeaconState::Irregular);
    }

    #[test]
    fn three_times_are_too_few() {
        assert_eq!(score(&at([0, 300, 600])).0.state, BeaconState::Insufficient);
        assert_eq!(score(&at([0, 0, 0, 0])).0.state, BeaconState::Insufficient);
        assert_eq!(score(&[]).0.state, BeaconState::Insufficient);
    }
}
