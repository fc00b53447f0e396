//! [`Steps`]: where the wall clock of a log steps back.

use jiff::civil::DateTime;

/// Steps back of less are threads that wait for each other, in seconds.
const LEAST: i64 = 60;

/// Steps kept at the most: a log with more is not in the order of its stamps.
const MOST: usize = 8;

/// How far apart, in seconds, steps are that are one: threads that write at the same time take it in turns.
const NEAR: i64 = 60;

/// Where the stamps without a zone of a log step back, in file order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    first: Option<(DateTime, u64)>,
    previous: Option<DateTime>,
    /// First and last stamp of all.
    range: Option<(DateTime, DateTime)>,
    back: Vec<Step>,
    /// Whether there are more steps than are kept.
    jumbled: bool,
}

/// A step back of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The last stamp before it.
    pub(crate) last: DateTime,
    /// The first stamp after it.
    pub(crate) next: DateTime,
    /// Offset of the first line after it.
    pub(crate) from: u64,
    /// Offset of the line from which on all are after it.
    pub(crate) until: u64,
}

/// The two ways through an hour that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    First,
    Second,
}

impl Step {
    /// How far it goes back, in seconds.
    pub(crate) fn seconds(&self) -> i64 {
        seconds(self.next, self.last)
    }

    /// Which time through the hour a stamp at `offset` belongs to. Where lines of both stand among each other, those
    /// at the end of the hour are of the first.
    pub(crate) fn pass(&self, civil: DateTime, offset: u64) -> Pass {
        let late = seconds(civil, self.last).abs() < seconds(self.next, civil).abs();
        let among = (self.from..self.until).contains(&offset);
        if offset < self.from || (among && late) { Pass::First } else { Pass::Second }
    }

    /// Whether a line at `offset` stands where both times through the hour meet, and its stamp is of neither.
    pub(crate) fn is_disturbed_by(&self, civil: DateTime, offset: u64) -> bool {
        let far = |end| seconds(civil, end).abs() > NEAR;
        (self.from..self.until).contains(&offset) && far(self.last) && far(self.next)
    }

    fn is_near(&self, other: &Self) -> bool {
        seconds(self.last, other.last).abs() <= NEAR && seconds(self.next, other.next).abs() <= NEAR
    }
}

impl Steps {
    /// Takes the next stamp, of a line at `offset`.
    pub(crate) fn see(&mut self, civil: DateTime, offset: u64) {
        self.first = self.first.or(Some((civil, offset)));
        self.range = Some(self.range.map_or((civil, civil), |(a, b)| (a.min(civil), b.max(civil))));
        if let Some(last) = self.previous.replace(civil).filter(|last| civil < *last) {
            self.back(Step { last, next: civil, from: offset, until: offset });
        }
    }

    fn back(&mut self, step: Step) {
        if step.seconds() <= LEAST {
            return;
        }
        let full = self.back.len() >= MOST;
        match self.back.last_mut().filter(|before| before.is_near(&step)) {
            Some(before) => {
                before.last = before.last.max(step.last);
                before.next = before.next.min(step.next);
                before.until = step.until;
            }
            None if full => self.jumbled = true,
            None => self.back.push(step),
        }
    }

    /// Takes the stamps of the part of the log that follows.
    pub(crate) fn join(&mut self, next: Self) {
        let Some((civil, offset)) = next.first else { return };
        self.see(civil, offset);
        next.back.into_iter().for_each(|step| self.back(step));
        self.jumbled |= next.jumbled;
        self.previous = next.previous;
        self.range = self.range.zip(next.range).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)));
    }

    /// First and last stamp of all.
    pub(crate) const fn range(&self) -> Option<(DateTime, DateTime)> {
        self.range
    }

    /// The steps, and the first and last stamp; `None` when the log is not in the order of its stamps.
    pub(crate) fn known(&self) -> Option<(&[Step], (DateTime, DateTime))> {
        self.range.filter(|_| !self.jumbled).map(|range| (self.back.as_slice(), range))
    }
}

/// Seconds from `from` to `to`.
pub(super) fn seconds(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().expect("a date and time")
    }

    fn steps(stamps: &[&str]) -> Steps {
        let mut steps = Steps::default();
        for (offset, stamp) in (0..).zip(stamps) {
            steps.see(at(&format!("2025-10-26T{stamp}")), offset);
        }
        steps
    }

    #[test]
    fn a_step_is_the_same_in_one_go_and_in_stretches() {
        let stamps = ["02:50:00", "02:59:00", "02:01:00", "02:30:00", "02:29:30"];
        let whole = steps(&stamps);
        let expected =
            Step { last: at("2025-10-26T02:59"), next: at("2025-10-26T02:01"), from: 2, until: 2 };
        assert_eq!(whole.known().map(|(steps, _)| steps.to_vec()), Some(vec![expected]));
        for cut in 1..stamps.len() {
            let mut one = steps(&stamps[..cut]);
            let mut next = Steps::default();
            for (offset, stamp) in stamps.iter().enumerate().skip(cut) {
                next.see(at(&format!("2025-10-26T{stamp}")), offset as u64);
            }
            one.join(next);
            assert_eq!(one.known(), whole.known(), "cut at {cut}");
        }
    }

    #[test]
    fn threads_at_the_change_are_one_step() {
        let steps = steps(&["02:59:58", "02:00:01", "02:59:59", "02:00:02", "02:10:00"]);
        let (known, _) = steps.known().expect("in order");
        assert_eq!(known.len(), 1);
        let step = known[0];
        assert_eq!((step.from, step.until), (1, 3));
        assert_eq!(step.pass(at("2025-10-26T02:59:59"), 2), Pass::First);
        assert_eq!(step.pass(at("2025-10-26T02:00:01"), 1), Pass::Second);
        assert_eq!(step.pass(at("2025-10-26T02:59:59"), 9), Pass::Second);
        assert!(!step.is_disturbed_by(at("2025-10-26T02:59:59"), 2));
        assert!(step.is_disturbed_by(at("2025-10-26T02:30:00"), 2));
    }

    #[test]
    fn a_log_out_of_order_says_nothing() {
        let mut steps = Steps::default();
        for offset in 0..20_u64 {
            let minute = if offset % 2 == 0 { 50 } else { 10 + offset };
            steps.see(at(&format!("2025-10-26T{:02}:{minute:02}", offset / 2)), offset);
        }
        // Each pair is a step of its own.
        assert_eq!(steps.known(), None);
    }
}
