//! [`Order`]: whether the times of a log run forward, and where records are missing.

use jiff::Timestamp;

/// Watches the times of one log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// The first record.
    first: Option<(Timestamp, u64)>,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
    previous: Option<(Timestamp, u64)>,
    backwards: u64,
    /// Line and seconds of the first step back.
    first_back: Option<(u64, i64)>,
    /// How many intervals have a length of 2^n milliseconds.
    lengths: Vec<u64>,
    intervals: u64,
    /// The longest intervals: milliseconds, line before, line after; gravest first.
    longest: Vec<(i64, u64, u64, Timestamp)>,
}

/// Intervals needed before one can be called unusual.
const ENOUGH: u64 = 30;

/// Gaps named at the most.
const MOST_GAPS: usize = 3;

impl Order {
    pub(crate) fn see(&mut self, time: Timestamp, line: u64, source: &'static str) {
        self.first = self.first.or(Some((time, line)));
        self.earliest = Some(self.earliest.map_or(time, |known| known.min(time)));
        self.latest = Some(self.latest.map_or(time, |known| known.max(time)));
        if let Some((before, line_before)) = self.previous {
            let step = time.as_millisecond().saturating_sub(before.as_millisecond());
            if step < 0 {
                self.back(step.saturating_neg(), line, source);
            } else {
                self.forward(step, line_before, line, before);
            }
        }
        self.previous = Some((time, line));
    }

    /// Records of connections are written when these end, so their start times are not in order.
    fn back(&mut self, milliseconds: i64, line: u64, source: &str) {
        let by_start = source.starts_with("zeek") || source == "vpc-flow" || source == "hubble";
        let tolerated = if by_start { 3_600_000 } else { 1_000 };
        if milliseconds > tolerated {
            self.backwards = self.backwards.saturating_add(1);
            self.first_back =
                self.first_back.or(Some((line, milliseconds.checked_div(1000).unwrap_or(0))));
        }
    }

    fn forward(&mut self, milliseconds: i64, before: u64, line: u64, from: Timestamp) {
        let bucket = usize::try_from(milliseconds.max(1).ilog2()).unwrap_or(0);
        if self.lengths.len() <= bucket {
            self.lengths.resize(bucket.saturating_add(1), 0);
        }
        if let Some(count) = self.lengths.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.intervals = self.intervals.saturating_add(1);
        let shortest = self.longest.get(MOST_GAPS.saturating_sub(1)).map_or(-1, |gap| gap.0);
        if milliseconds > shortest {
            self.longest.push((milliseconds, before, line, from));
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.longest.sort_by_key(|(length, before, ..)| (std::cmp::Reverse(*length), *before));
        self.longest.truncate(MOST_GAPS);
    }

    /// Takes the records of the part of the log that follows; its lines come after `lines` others.
    pub(crate) fn join(&mut self, next: Self, lines: u64, source: &str) {
        let shifted = |line: u64| line.saturating_add(lines);
        let Some((first, line)) = next.first else { return };
        self.first = self.first.or(Some((first, shifted(line))));
        if let Some((before, line_before)) = self.previous {
            let step = first.as_millisecond().saturating_sub(before.as_millisecond());
            if step < 0 {
                self.back(step.saturating_neg(), shifted(line), source);
            } else {
                self.forward(step, line_before, shifted(line), before);
            }
        }
        self.earliest = self.earliest.into_iter().chain(next.earliest).min();
        self.latest = self.latest.into_iter().chain(next.latest).max();
        self.previous = next.previous.map(|(time, line)| (time, shifted(line)));
        self.backwards = self.backwards.saturating_add(next.backwards);
        let back = next.first_back.map(|(line, seconds)| (shifted(line), seconds));
        self.first_back = self.first_back.or(back);
        if self.lengths.len() < next.lengths.len() {
            self.lengths.resize(next.lengths.len(), 0);
        }
        for (own, other) in self.lengths.iter_mut().zip(&next.lengths) {
            *own = own.saturating_add(*other);
        }
        self.intervals = self.intervals.saturating_add(next.intervals);
        let longest = next.longest.into_iter();
        self.longest.extend(
            longest.map(|(length, before, after, from)| {
                (length, shifted(before), shifted(after), from)
            }),
        );
        self.trim();
    }

    pub(crate) fn range(&self) -> Option<(Timestamp, Timestamp)> {
        self.earliest.zip(self.latest)
    }

    /// What is odd, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some((line, seconds)) = self.first_back {
            problems.push(format!(
                "the time goes backwards {} times, first at line {line} by {seconds} seconds",
                self.backwards
            ));
        }
        let Some(usual) = self.usual() else { return problems };
        let gaps = self
            .longest
            .iter()
            .filter(|(length, ..)| *length > usual.saturating_mul(8).max(900_000));
        for (length, before, after, from) in gaps {
            problems.push(format!(
                "no record for {} seconds after {from}, between lines {before} and {after}",
                length.checked_div(1000).unwrap_or(0)
            ));
        }
        problems
    }

    /// The length below which 97 of 100 intervals lie, in milliseconds.
    fn usual(&self) -> Option<i64> {
        if self.intervals < ENOUGH {
            return None;
        }
        let wanted = self.intervals.saturating_mul(97).checked_div(100)?;
        let mut below = 0_u64;
        for (bucket, count) in self.lengths.iter().enumerate() {
            below = below.saturating_add(*count);
            if below >= wanted {
                return 1_i64.checked_shl(u32::try_from(bucket).ok()?.saturating_add(1));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(seconds: impl IntoIterator<Item = i64>) -> Vec<String> {
        let mut order = Order::default();
        for (line, second) in (1..).zip(seconds) {
            order.see(Timestamp::from_second(second).expect("in range"), line, "test");
        }
        order.problems()
    }

    #[test]
    fn a_gap_is_far_above_the_usual() {
        let steady = (0..100).map(|n| n * 60);
        assert_eq!(problems(steady.clone()), Vec::<String>::new());
        let with_gap = steady.map(|second| if second > 3000 { second + 7200 } else { second });
        let found = problems(with_gap);
        assert_eq!(
            found,
            ["no record for 7260 seconds after 1970-01-01T00:50:00Z, between lines 51 and 52"]
        );
        // A deployment log has few records, hours apart.
        assert_eq!(problems([0, 10, 90_000, 90_010, 900_000]), Vec::<String>::new());
    }

    #[test]
    fn time_that_goes_backwards() {
        assert_eq!(
            problems([100, 200, 150]),
            ["the time goes backwards 1 times, first at line 3 by 50 seconds"]
        );
        assert_eq!(problems([100, 200, 200]), Vec::<String>::new());
    }
}
