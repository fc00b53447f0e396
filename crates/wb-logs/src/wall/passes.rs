//! [`Passes`]: whether a log went through an hour twice, as a wall clock does, or has its records out of order.

use super::steps::{Pass, Step, seconds};
use jiff::civil::DateTime;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// How far around the hour the log is watched, in seconds.
const AROUND: i64 = 3 * 3600;

/// Records that each time through the hour must have, in the part of it that both cover.
const FEWEST: u32 = 3;

/// How much of the hour both times through it must cover, in seconds.
const SHARED: i64 = 900;

/// How many times as many records one may have as the other.
const DENSER: u32 = 4;

/// Silence that is ordinary in any log, in milliseconds.
const SILENCE: i64 = 60_000;

/// Parts that the hour is counted in.
const SLOTS: usize = 60;

/// What a log has around an hour that its clock may have gone through twice.
#[derive(Debug)]
pub(super) struct Passes {
    start: DateTime,
    end: DateTime,
    step: Step,
    /// Records of the first and the second time, by parts of the hour.
    counts: [[u32; SLOTS]; 2],
    /// Where the record before stands, and when that was if the clock did fall back, in milliseconds.
    before: Option<(Stage, i64)>,
    /// The longest silence between records of one stage.
    silence: i64,
    /// The longest silence from one stage to the next.
    crossing: i64,
    /// Whether records stand where neither time through the hour has them.
    disturbed: bool,
    lines: Lines,
}

/// Where a record stands, if the clock did fall back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Hour(Pass),
    After,
}

impl Passes {
    /// For the time from `start` to `end`, in which `step` lies.
    pub(super) fn new(start: DateTime, end: DateTime, step: Step) -> Self {
        Self {
            start,
            end,
            step,
            counts: [[0; SLOTS]; 2],
            before: None,
            silence: 0,
            crossing: 0,
            disturbed: false,
            lines: Lines::default(),
        }
    }

    /// Takes the line at `offset`.
    pub(super) fn see(&mut self, civil: DateTime, offset: u64, text: &str) {
        let length = seconds(self.start, self.end);
        if !(-AROUND..length.saturating_add(AROUND)).contains(&seconds(self.start, civil)) {
            return;
        }
        let stage = self.stage(civil, offset);
        if let Stage::Hour(pass) = stage {
            self.disturbed |= self.step.is_disturbed_by(civil, offset);
            self.count(pass, civil);
            match pass {
                Pass::First => self.lines.keep(text),
                Pass::Second if civil <= self.step.last => self.lines.compare(text),
                Pass::Second => {}
            }
        }
        let later = matches!(stage, Stage::Hour(Pass::Second) | Stage::After);
        let shift = if later { length.saturating_mul(1000) } else { 0 };
        let at = civil.duration_since(self.start).as_millis();
        self.pause(stage, i64::try_from(at).unwrap_or(0).saturating_add(shift));
    }

    fn stage(&self, civil: DateTime, offset: u64) -> Stage {
        if civil < self.start {
            Stage::Before
        } else if civil >= self.end {
            Stage::After
        } else {
            Stage::Hour(self.step.pass(civil, offset))
        }
    }

    fn count(&mut self, pass: Pass, civil: DateTime) {
        let [first, second] = &mut self.counts;
        let counts = if pass == Pass::First { first } else { second };
        let length = seconds(self.start, self.end).max(1);
        let slot = seconds(self.start, civil).saturating_mul(SLOTS as i64).div_euclid(length);
        if let Some(count) = usize::try_from(slot).ok().and_then(|slot| counts.get_mut(slot)) {
            *count = count.saturating_add(1);
        }
    }

    fn pause(&mut self, stage: Stage, at: i64) {
        if let Some((before, last)) = self.before.replace((stage, at)) {
            let longest = if before == stage { &mut self.silence } else { &mut self.crossing };
            *longest = (*longest).max(at.saturating_sub(last));
        }
    }

    /// Whether the log went through the hour twice. Both times have records of about the same density over a good
    /// part of it; nothing is missing where they meet that is not missing elsewhere, as it would be if records of
    /// the one time had come late; and the second does not repeat the lines of the first.
    pub(super) fn are_two(&self) -> bool {
        let usual = self.silence.saturating_mul(2).max(SILENCE);
        !self.disturbed && self.are_alike() && self.crossing <= usual && !self.lines.repeat()
    }

    fn are_alike(&self) -> bool {
        let ends = |counts: &[u32; SLOTS]| {
            let used = |count: &u32| *count > 0;
            counts.iter().position(used).zip(counts.iter().rposition(used))
        };
        let [first, second] = &self.counts;
        let Some((a, b)) = ends(first).zip(ends(second)) else { return false };
        let (from, until) = (a.0.max(b.0), a.1.min(b.1));
        let sum = |counts: &[u32; SLOTS]| {
            counts
                .get(from..=until)
                .unwrap_or_default()
                .iter()
                .fold(0_u32, |a, b| a.saturating_add(*b))
        };
        let slots = i64::try_from(until.saturating_sub(from)).unwrap_or(0);
        let length = seconds(self.start, self.end);
        let shared = length.saturating_mul(slots).div_euclid(SLOTS as i64);
        let (few, many) = (sum(first).min(sum(second)), sum(first).max(sum(second)));
        from <= until && shared >= SHARED && few >= FEWEST && many <= few.saturating_mul(DENSER)
    }
}

/// Some of the lines of the first time through the hour, chosen by their digest so that they are the same whenever
/// they come, and how many of these came again.
#[derive(Debug, Default)]
struct Lines {
    known: BTreeSet<u64>,
    /// One of 2^n lines is kept.
    thinned: u32,
    compared: u32,
    repeated: u32,
}

impl Lines {
    /// Lines kept at the most.
    const MOST: usize = 4096;

    fn keep(&mut self, text: &str) {
        let digest = digest(text);
        if self.is_kept(digest) {
            self.known.insert(digest);
        }
        if self.known.len() > Self::MOST {
            self.thinned = self.thinned.saturating_add(1);
            let thinned = std::mem::take(&mut self.known);
            self.known = thinned.into_iter().filter(|digest| self.is_kept(*digest)).collect();
        }
    }

    fn compare(&mut self, text: &str) {
        let digest = digest(text);
        if self.is_kept(digest) {
            self.compared = self.compared.saturating_add(1);
            let again = u32::from(self.known.contains(&digest));
            self.repeated = self.repeated.saturating_add(again);
        }
    }

    const fn is_kept(&self, digest: u64) -> bool {
        digest.trailing_zeros() >= self.thinned
    }

    /// Whether most lines are copies.
    const fn repeat(&self) -> bool {
        self.repeated.saturating_mul(2) > self.compared
    }
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
