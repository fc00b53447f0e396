//! [`Part`]: what was read of a stretch of a log. Parts are put together in file order.

use crate::Summary;
use crate::order::Order;
use std::collections::BTreeSet;
use wb_core::RecordedDigest;

/// Digests kept per log at the most.
pub(crate) const MOST_DIGESTS: usize = 10_000;

/// Odd lines named at the most.
const MOST_ODD: usize = 8;

/// Lines that were not understood and are named.
const MOST_NOT_UNDERSTOOD: usize = 10;

/// What was read of a stretch of a log.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub(crate) summary: Summary,
    pub(crate) order: Order,
    /// Lines that are longer than what was read of them, with their length.
    pub(crate) overlong: Vec<(u64, u64)>,
    /// The last line, if no source knows it and its end was not there.
    pub(crate) odd_end: Option<u64>,
    /// Whether the last record was to go on.
    pub(crate) unfinished: bool,
    /// The source that read the last record.
    pub(crate) source: &'static str,
}

impl Part {
    /// Lines in all.
    pub const fn lines(&self) -> u64 {
        self.summary.lines
    }

    /// Whether timestamps lack a year that [`ClockHints::near`](crate::ClockHints::near) could give.
    pub const fn lacks_year(&self) -> bool {
        self.summary.lacks_year
    }

    /// Adds the part that follows this one.
    pub fn join(&mut self, next: Self) {
        let lines = self.summary.lines;
        let shifted = |line: u64| line.saturating_add(lines);
        self.order.join(next.order, lines, next.source);
        let (own, other) = (&mut self.summary, next.summary);
        own.lines = own.lines.saturating_add(other.lines);
        own.understood = own.understood.saturating_add(other.understood);
        own.not_understood.extend(other.not_understood.into_iter().map(shifted));
        own.not_understood.truncate(MOST_NOT_UNDERSTOOD);
        for (source, count) in other.sources {
            let known = own.sources.entry(source).or_default();
            *known = known.saturating_add(count);
        }
        own.lacks_year |= other.lacks_year;
        own.steps.join(other.steps);
        add_digests(&mut own.digests, other.digests, lines);
        let overlong = next.overlong.into_iter().map(|(line, length)| (shifted(line), length));
        self.overlong.extend(overlong);
        self.overlong.truncate(MOST_ODD);
        self.odd_end = next.odd_end.map(shifted);
        self.unfinished = next.unfinished;
        self.source = next.source;
    }

    /// Notes a line of which only the beginning was read.
    pub(crate) fn note_length(&mut self, line: u64, length: u64) {
        if self.overlong.len() < MOST_ODD {
            self.overlong.push((line, length));
        }
    }

    /// Counts a line that was not understood.
    pub(crate) fn note_not_understood(&mut self, line: u64) {
        if self.summary.not_understood.len() < MOST_NOT_UNDERSTOOD {
            self.summary.not_understood.push(line);
        }
    }

    /// The summary of all of it.
    pub fn finish(mut self) -> Summary {
        self.summary.range = self.order.range();
        let overlong = self.overlong.iter().map(|(line, length)| {
            let read = crate::lines::LONGEST_LINE;
            format!(
                "line {line} has {length} bytes; only the first {read} were read for its fields"
            )
        });
        self.summary.problems.extend(overlong);
        self.summary.problems.extend(self.order.problems());
        let mostly = self.summary.understood.saturating_mul(2) > self.summary.lines;
        if let Some(line) = self.odd_end.filter(|_| mostly) {
            self.summary.problems.push(format!("line {line}, the last, is cut"));
        }
        if self.unfinished {
            self.summary
                .problems
                .push("the last record is cut: its next part is not there".to_owned());
        }
        self.summary
    }
}

/// Adds the digests of a later part that are not known yet.
fn add_digests(own: &mut Vec<RecordedDigest>, other: Vec<RecordedDigest>, lines: u64) {
    if other.is_empty() {
        return;
    }
    let key = |digest: &RecordedDigest| (digest.file.clone(), digest.digest.hex.clone());
    let mut known: BTreeSet<_> = own.iter().map(key).collect();
    for mut digest in other {
        if own.len() < MOST_DIGESTS && known.insert(key(&digest)) {
            digest.line = digest.line.saturating_add(lines);
            own.push(digest);
        }
    }
}
