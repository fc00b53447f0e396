//! [`clock_change`]: reads a log for nothing but its stamps, and tells its zone if its clock falls back.

use super::folds::{self, Fold};
use super::passes::Passes;
use super::steps::Step;
use super::zone::{LocalZone, around, named as offset};
use crate::flows::Connection;
use crate::lines::{Lines, Place};
use crate::reader::Reader;
use crate::{ClockHints, Sink, Summary};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use wb_core::{ArtifactPath, Event};

/// Steps back of less are records out of order, in seconds; no zone falls back by so little.
const SHORTEST: i64 = 900;

/// Pairs of offsets named at the most.
const MOST_PAIRS: usize = 3;

/// What the fall of a log's clock tells.
#[derive(Clone, Debug)]
pub struct ClockChange {
    /// Where it falls back and what follows, in one sentence.
    pub note: String,
    /// The zone to read the log in; `None` when several fall back so.
    pub zone: Option<LocalZone>,
}

/// Tells the zone of a log by an hour that its wall clock goes through twice. `summary` is what reading it without
/// a zone gave; the text is only read again when that has such a step back.
///
/// # Errors
/// Only what opening and reading the text returns.
pub fn clock_change<'t>(
    artifact: &ArtifactPath,
    open: &mut dyn FnMut() -> io::Result<Box<dyn BufRead + 't>>,
    hints: &ClockHints,
    summary: &Summary,
) -> io::Result<Option<ClockChange>> {
    let Some(mut survey) = Survey::of(summary) else { return Ok(None) };
    let mut text = open()?;
    let mut reader = Reader::new(artifact, hints);
    let mut lines = Lines::new(&mut *text, 0, 0);
    while let Some(place) = lines.advance()? {
        let text = lines.decoded();
        reader.line(place, &text, lines.held(), &mut Nothing);
        if let Some(civil) = reader.wall() {
            survey.see(civil, place, &text);
        }
    }
    Ok(survey.finish())
}

/// Wants nothing but that lines are read.
struct Nothing;

impl Sink for Nothing {
    fn event(&mut self, _: Event) {}

    fn wants_everything(&self) -> bool {
        false
    }

    fn connection(&mut self, _: &ArtifactPath, _: &Connection<'_>) -> bool {
        true
    }
}

/// A zone whose clock falls back wherever the log does.
struct Candidate {
    zone: &'static TimeZone,
    /// One for each step.
    folds: Vec<Fold>,
    /// What it skips of wall clock while the log runs.
    gaps: BTreeSet<(DateTime, DateTime)>,
}

/// What is looked for in a log.
struct Survey {
    steps: Vec<Step>,
    /// The line of the first step.
    line: u64,
    range: (Timestamp, Timestamp),
    candidates: Vec<Candidate>,
    /// For each step, the hours that it may be in.
    passes: BTreeMap<(usize, DateTime, DateTime), Passes>,
    /// What a candidate skips, and whether the log has records there.
    gaps: BTreeMap<(DateTime, DateTime), bool>,
}

impl Survey {
    /// `None` when nothing needs to be looked for.
    fn of(summary: &Summary) -> Option<Self> {
        let (steps, (first, last)) = summary.steps.known()?;
        let steps: Vec<Step> =
            steps.iter().copied().filter(|step| step.seconds() >= SHORTEST).collect();
        let range = around((first, last))?;
        let candidates = candidates(&steps, range);
        if candidates.is_empty() {
            return None;
        }
        let mut survey = Self {
            line: 0,
            range,
            candidates: Vec::new(),
            passes: BTreeMap::new(),
            gaps: BTreeMap::new(),
            steps,
        };
        for candidate in &candidates {
            for (number, (step, fold)) in survey.steps.iter().zip(&candidate.folds).enumerate() {
                let hour = (number, fold.start, fold.end);
                let passes = || Passes::new(fold.start, fold.end, *step);
                survey.passes.entry(hour).or_insert_with(passes);
            }
            survey.gaps.extend(candidate.gaps.iter().map(|gap| (*gap, false)));
        }
        survey.candidates = candidates;
        Some(survey)
    }

    fn see(&mut self, civil: DateTime, place: Place, text: &str) {
        if self.steps.first().is_some_and(|step| step.from == place.offset) {
            self.line = place.number;
        }
        for passes in self.passes.values_mut() {
            passes.see(civil, place.offset, text);
        }
        for ((start, end), met) in &mut self.gaps {
            *met |= (*start..*end).contains(&civil);
        }
    }

    /// What was found, if the clock of the log fell back.
    fn finish(self) -> Option<ClockChange> {
        let holds = |candidate: &&Candidate| {
            let mut folds = candidate.folds.iter().enumerate();
            let twice = folds.all(|(number, fold)| {
                let hour = (number, fold.start, fold.end);
                self.passes.get(&hour).is_some_and(Passes::are_two)
            });
            twice && !candidate.gaps.iter().any(|gap| self.gaps.get(gap) == Some(&true))
        };
        let mut pairs: BTreeMap<Vec<Fold>, Vec<&TimeZone>> = BTreeMap::new();
        for candidate in self.candidates.iter().filter(holds) {
            pairs.entry(candidate.folds.clone()).or_default().push(candidate.zone);
        }
        let step = self.steps.first()?;
        let fold = *pairs.keys().next()?.first()?;
        let fall = format!(
            "its clock falls back {} after {}, at line {}",
            length(fold.seconds()),
            step.last.strftime("%F %T"),
            self.line
        );
        if pairs.len() > 1 {
            let note = format!(
                "{fall}, where clocks of several zones do ({}): which zone it is in is not known, and its times are \
                 read as UTC",
                listed(&pairs)
            );
            return Some(ClockChange { note, zone: None });
        }
        let (folds, zones) = pairs.into_iter().next()?;
        let note = format!(
            "{fall}, where clocks of zones such as {} do: its times name no zone and are read as {}, then {}",
            folds::name_of(&zones),
            offset(fold.before),
            offset(fold.after)
        );
        let turns = folds.into_iter().zip(self.steps.iter().copied()).collect();
        let zone = LocalZone::of(zones, self.range, turns);
        Some(ClockChange { note, zone: Some(zone) })
    }
}

/// The zones whose clocks fall back at every one of `steps`.
fn candidates(steps: &[Step], (from, until): (Timestamp, Timestamp)) -> Vec<Candidate> {
    let Some((first, others)) = steps.split_first() else { return Vec::new() };
    let all = folds::zones_at(first).into_iter().filter_map(|(zone, fold)| {
        let others = others.iter().map(|step| folds::fold_at(zone, step));
        let folds: Option<Vec<Fold>> = [Some(fold)].into_iter().chain(others).collect();
        Some(Candidate { zone, folds: folds?, gaps: folds::gaps(zone, from, until) })
    });
    all.collect()
}

fn length(seconds: i64) -> String {
    match seconds {
        3600 => "an hour".to_owned(),
        seconds => format!("{} minutes", seconds.div_euclid(60)),
    }
}

/// The offsets that differ, from east to west, with a zone that has them.
fn listed(pairs: &BTreeMap<Vec<Fold>, Vec<&TimeZone>>) -> String {
    let mut named: Vec<(Offset, String)> = pairs
        .iter()
        .filter_map(|(folds, zones)| {
            let fold = folds.first()?;
            let (before, after) = (offset(fold.before), offset(fold.after));
            Some((fold.before, format!("{before}, then {after} in {}", folds::name_of(zones))))
        })
        .collect();
    named.sort_unstable();
    let others = named.len().saturating_sub(MOST_PAIRS);
    named.truncate(MOST_PAIRS);
    let mut listed: Vec<String> = named.into_iter().map(|(_, name)| name).collect();
    if others > 0 {
        listed.push(format!("{others} others"));
    }
    listed.join("; ")
}
