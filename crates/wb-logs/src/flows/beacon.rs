//! How regular attempts are: the scores of RITA v5's beacon analysis (`analysis/beacons.go`), computed over
//! the pair's own active span, so that a short log is not held against it, and as RITA does over the last day
//! of all that there is.

use wb_core::{Beacon, BeaconParts, BeaconState};

/// Bins of the histogram over the active span.
const BINS: usize = 24;

/// Different seconds needed to say anything.
const ENOUGH: usize = 4;

/// Length of the data set of RITA, in seconds: the last day of what there is.
const DAY: i64 = 86_400;

/// A stretch of time, in seconds since 1970, both ends included.
pub(crate) type Span = (i64, i64);

/// Scores attempts: `samples` are seconds since 1970 with the bytes sent, if known, in any order. `all` is
/// the span of all records of connections.
pub(crate) fn score(samples: &[(i64, Option<u64>)], all: Option<Span>) -> Beacon {
    let (period, parts) = score_over(samples, None);
    let state = match &parts {
        None => BeaconState::Insufficient,
        Some((_, _, intervals)) => state(intervals),
    };
    let last_day = all.map(|(first, last)| (first.max(last.saturating_sub(DAY)), last));
    let over_last_day = last_day.filter(|(first, last)| first < last).and_then(|day| {
        let inside = |(time, _): &&(i64, Option<u64>)| (day.0..=day.1).contains(time);
        let samples: Vec<(i64, Option<u64>)> = samples.iter().filter(inside).copied().collect();
        score_over(&samples, Some(day)).1.map(|(score, ..)| score)
    });
    Beacon {
        state,
        score: parts.as_ref().map_or(0.0, |(score, ..)| *score),
        period_seconds: period,
        parts: parts.map(|(_, parts, _)| BeaconParts { over_last_day, ..parts }),
        innocent: None,
    }
}

/// The score, its parts, and the intervals that it is made of.
type Scored = (f64, BeaconParts, Vec<f64>);

/// Scores attempts over `span`, or else over their own. Returns the median interval too. `None` when there
/// are too few different seconds.
fn score_over(samples: &[(i64, Option<u64>)], span: Option<Span>) -> (Option<f64>, Option<Scored>) {
    let mut times: Vec<i64> = samples.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    let all = times.clone();
    times.dedup();
    let intervals = differences(&times);
    let period = (!intervals.is_empty()).then(|| median(&intervals));
    let own = all.first().copied().zip(all.last().copied());
    let Some((own, enough)) =
        own.zip((times.len() >= ENOUGH && intervals.len() >= 3).then_some(()))
    else {
        return (period, None);
    };
    let () = enough;
    let span = span.unwrap_or(own);
    let sizes: Vec<f64> =
        sorted(samples.iter().filter_map(|(_, bytes)| bytes.map(float)).collect());
    let bins = bins(&all, span);
    let parts = BeaconParts {
        timestamp: statistics(&intervals, 1.0),
        size: (sizes.len() == samples.len()).then(|| statistics(&sizes, 0.0)),
        histogram: histogram(&bins),
        duration: duration(&bins, own, span),
        over_last_day: None,
    };
    let known: Vec<f64> =
        [Some(parts.timestamp), parts.size, Some(parts.histogram), Some(parts.duration)]
            .into_iter()
            .flatten()
            .collect();
    let score = round3(known.iter().sum::<f64>() / float(known.len() as u64));
    (period, Some((score, parts, intervals)))
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

/// How much of the span lies between the first and the last attempt, or the longest run of bins with attempts
/// (around the ends of the span, twelve being enough), whichever is more. Needs 6 bars.
fn duration(bins: &[u64; BINS], own: Span, span: Span) -> f64 {
    let filled = bins.iter().filter(|bar| **bar > 0).count();
    if filled < 6 {
        return 0.0;
    }
    let length = |(first, last): Span| float(last.abs_diff(first));
    let covered = up3(length(own) / length(span).max(1.0));
    let mut longest = 0_u64;
    let mut run = 0_u64;
    for bar in bins.iter().chain(bins) {
        run = if *bar > 0 { run.saturating_add(1) } else { 0 };
        longest = longest.max(run);
    }
    let steady = up3(float(longest.min(BINS as u64)) / 12.0);
    covered.max(steady).min(1.0)
}

/// Attempts per bin of `span`.
fn bins(times: &[i64], (first, last): Span) -> [u64; BINS] {
    let mut bins = [0_u64; BINS];
    let length = i128::from(last.saturating_sub(first)).max(1);
    for time in times {
        let along = i128::from(time.saturating_sub(first));
        let place = along.saturating_mul(BINS as i128).checked_div(length).unwrap_or(0);
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

/// Rounded up to three digits.
fn up3(value: f64) -> f64 {
    (value * 1000.0).ceil() / 1000.0
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
        // Six bars of 4 in 24 bins: mean 1, deviation sqrt(3) > 1: 0, and too few bars for two heights. The
        // attempts cover half of the span, and no run is longer than one bin.
        let mut few = [0_u64; BINS];
        few.iter_mut().step_by(4).for_each(|bar| *bar = 4);
        assert_eq!((histogram(&few), duration(&few, (0, 50), (0, 100))), (0.0, 0.5));
    }

    /// A series that the vectors were computed for: 31 bits of a linear congruential generator a step.
    fn series(
        seed: u64,
        [count, every, jitter, start, size, spread]: [i64; 6],
    ) -> Vec<(i64, Option<u64>)> {
        let mut state = seed;
        let mut next = |below: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).expect("31 bits") % below
        };
        let mut time = START + start;
        let mut samples = Vec::new();
        for _ in 0..count {
            samples.push((time, u64::try_from(size + next(spread + 1)).ok()));
            time += every - jitter + next(2 * jitter + 1);
        }
        samples
    }

    const START: i64 = 1_772_000_000;

    /// Scores that an independent program computes from the published formula over a data set of one day:
    /// intervals, sizes, histogram, duration, and their mean.
    #[test]
    fn scores_agree_with_the_published_formula() {
        let vectors: [(u64, [i64; 6], [f64; 5]); 7] = [
            (1, [288, 300, 0, 0, 120, 0], [1.0, 1.0, 1.0, 1.0, 1.0]),
            (2, [288, 300, 60, 0, 120, 40], [0.957, 0.941, 0.958, 1.0, 0.964]),
            (3, [60, 60, 5, 40_000, 900, 0], [0.983, 1.0, 0.0, 0.0, 0.496]),
            (4, [24, 3600, 1200, 0, 500, 500], [0.902, 0.879, 1.0, 1.0, 0.945]),
            (5, [12, 1800, 300, 60_000, 64, 8], [0.947, 0.989, 0.0, 0.5, 0.609]),
            (6, [7, 10_000, 3000, 1000, 10, 200], [0.815, 0.649, 0.0, 0.708, 0.543]),
            (7, [500, 120, 119, 3000, 2000, 1999], [0.726, 0.878, 0.647, 1.0, 0.813]),
        ];
        let day = (START, START + DAY);
        for (seed, recipe, expected) in vectors {
            let samples = series(seed, recipe);
            let (score, parts, _) = score_over(&samples, Some(day)).1.expect("enough attempts");
            let size = parts.size.expect("every attempt has a size");
            let found = [parts.timestamp, size, parts.histogram, parts.duration, score];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= 0.001, "{seed}: {found} {expected} {parts:?}");
            }
            let beacon = super::score(&samples, Some(day));
            let over_day =
                beacon.parts.expect("enough attempts").over_last_day.expect("all of them");
            assert!((over_day - expected[4]).abs() <= 0.001, "{seed}: {over_day}");
            // Over its own span a short series is judged by what it is.
            assert!(seed != 3 || beacon.score > 0.95, "{beacon:?}");
        }
    }

    #[test]
    fn clockwork_is_periodic() {
        let beacon = score(&at((0..60).map(|n| n * 300)), None);
        assert_eq!((beacon.state, beacon.period_seconds), (BeaconState::Periodic, Some(300.0)));
        assert!(beacon.score > 0.9, "{beacon:?}");
    }

    #[test]
    fn delays_around_an_interval_are_jitter_and_people_are_irregular() {
        let spread = [-45_i64, 30, -15, 40, 0, -30, 20, -40, 15, 45, -20, 35];
        let jittered = (0..48).zip(spread.iter().cycle()).scan(0, |time, (_, step)| {
            *time += 120 + step;
            Some(*time)
        });
        assert_eq!(score(&at(jittered), None).state, BeaconState::Jittered);
        let people = [3, 900, 4, 5, 2000, 60, 10, 7, 600, 30, 1, 5000];
        let people = people.iter().scan(0, |time, step| {
            *time += step;
            Some(*time)
        });
        assert_eq!(score(&at(people), None).state, BeaconState::Irregular);
    }

    #[test]
    fn three_times_are_too_few() {
        assert_eq!(score(&at([0, 300, 600]), None).state, BeaconState::Insufficient);
        assert_eq!(score(&at([0, 0, 0, 0]), None).state, BeaconState::Insufficient);
        assert_eq!(score(&[], None).state, BeaconState::Insufficient);
    }
}
