//! Reading logs: all of them, in parallel, with memory for what matters; clocks that need each other.

mod collect;
mod marks;
mod text;
mod zones;

pub use text::{LOG_HEAD, log_source, long_log};

use crate::body::{LogRead, LogText};
use collect::{Allowance, Collected};
use jiff::Timestamp;
use marks::Marks;
use rayon::prelude::*;
use std::io;
use text::{Stretch, Stretches};
use wb_core::{Artifact, Event, Sha256};
use wb_logs::flows::FlowTable;
use wb_logs::{ClockHints, LogReader, Part, Sink as _, Summary};
use wb_sigma::RuleSet;
use zones::{Again, Read};

/// A log that was recognised and is yet to be read.
#[derive(Debug)]
pub struct LogInput {
    /// What it is.
    pub artifact: Artifact,
    /// Where its text is.
    pub text: LogText,
}

/// Logs above this size are read in stretches, one log after the other, and compressed ones are not held.
const LARGE: u64 = 32 << 20;

/// How much of a large log is read at its beginning, to know it.
const BEGINNING: u64 = 4 << 20;

/// Length of the stretches, in bytes.
const STRETCH: u64 = 16 << 20;

/// Reads all logs, and aggregates their connections. Logs whose records lack a year or a zone are read again where
/// other evidence gives it. `rules` are asked about every record on the way.
pub fn read_logs(inputs: Vec<LogInput>, rules: &'static RuleSet) -> (Vec<LogRead>, FlowTable) {
    let allowance = Allowance::of(inputs.len());
    let (large, small): (Vec<LogInput>, Vec<LogInput>) =
        inputs.into_iter().partition(|input| input.text.is_large());
    let first = |input| read_log(input, None, allowance, rules);
    let mut flows = FlowTable::default();
    let mut logs: Vec<Read> = small.into_par_iter().map(first).collect();
    logs.extend(large.into_iter().map(|input| zones::merge_settled(first(input), &mut flows)));
    logs.sort_by(|(a, _), (b, _)| a.artifact.path.cmp(&b.artifact.path));
    let near = latest_explicit(logs.iter().map(|(log, _)| &log.summary));
    let again = Again { near, allowance, rules };
    let mut logs: Vec<Read> = logs.into_iter().map(|log| again.by_itself(log)).collect();
    again.by_siblings(&mut logs);
    let (mut read, flows) = again.by_shared(logs, flows);
    note_skews(&mut read, &flows);
    (read, flows)
}

/// Says of logs that their clocks differ from those of others.
fn note_skews(logs: &mut [LogRead], flows: &FlowTable) {
    for skew in flows.skews() {
        let Some(log) = logs.iter_mut().find(|log| log.artifact.path == skew.log) else { continue };
        let way = if skew.seconds < 0 { "behind" } else { "ahead of" };
        log.summary.problems.push(format!(
            "its clock is {} seconds {way} that of `{}`, by {} connections in both: what they say of before and \
             after is uncertain by as much",
            skew.seconds.unsigned_abs(),
            skew.other.as_str(),
            skew.shared
        ));
    }
}

/// Hands every event of the logs to `sink`, connections too, in the order of logs and records, with the names of
/// the rules that match it, and returns what was read of each. Nothing is held in memory.
pub fn each_event(
    inputs: Vec<LogInput>,
    rules: &'static RuleSet,
    sink: &mut dyn FnMut(Event, &[&'static str]),
) -> Vec<LogRead> {
    let (mut logs, _) = read_logs(inputs, rules);
    let marks = Marks::of(&logs, rules);
    for log in &mut logs {
        let path = &log.artifact.path;
        let mut marked = |event: Event| {
            let names = marks.on(&event);
            sink(event, names);
        };
        let read = log
            .text
            .open()
            .and_then(|mut text| wb_logs::read(path, &mut *text, &log.hints, &mut marked));
        if let Err(error) = read {
            log.summary = stopped(std::mem::take(&mut log.summary), &error);
        }
    }
    logs
}

/// Reads one log. A log that cannot be read says so in its summary. Without `hints` one whose records lack a year
/// is only begun.
fn read_log(
    input: LogInput,
    hints: Option<ClockHints>,
    allowance: Allowance,
    rules: &'static RuleSet,
) -> (LogRead, FlowTable) {
    let LogInput { mut artifact, text } = input;
    let mut collected = Collected::new(allowance, rules);
    if artifact.format == Some(wb_logs::CAPTURE) {
        let mut sink = |event| collected.event(event);
        let read = text
            .open()
            .and_then(|mut input| wb_logs::read_capture(&artifact.path, &mut *input, &mut sink));
        let summary = read.unwrap_or_else(|error| stopped(Summary::default(), &error));
        let Collected { events, left_out, flows, hits, .. } = collected;
        let hints = ClockHints::default();
        return (LogRead { artifact, summary, events, left_out, hits, text, hints }, flows);
    }
    let mut part = Part::default();
    let read = read_text(&artifact, &text, hints.as_ref(), &mut part, &mut collected);
    let mut summary = part.finish();
    match read {
        Ok(Some((size, digest))) => (artifact.size, artifact.sha256) = (size, Some(digest)),
        Ok(None) => {}
        Err(error) => summary = stopped(summary, &error),
    }
    let Collected { events, left_out, flows, hits, .. } = collected;
    let hints = hints.unwrap_or_default();
    (LogRead { artifact, summary, events, left_out, hits, text, hints }, flows)
}

fn stopped(mut summary: Summary, error: &io::Error) -> Summary {
    summary.problems.push(format!("reading stopped: {error}"));
    summary
}

/// Reads a text into `part` and `collected`; a large one in stretches, if its lines can be read so. Returns the
/// length and hash of one that was decoded for it.
fn read_text(
    artifact: &Artifact,
    text: &LogText,
    hints: Option<&ClockHints>,
    part: &mut Part,
    collected: &mut Collected,
) -> io::Result<Option<(u64, Sha256)>> {
    let in_vain = hints.is_none();
    let none = ClockHints::default();
    let hints = hints.unwrap_or(&none);
    let mut reader = LogReader::new(&artifact.path, hints);
    let mut stretches = text.stretches()?;
    let mut parallel = None;
    if !stretches.is_wide(BEGINNING)?
        && let Some(beginning) = stretches.next(BEGINNING)?
    {
        reader.read(&mut *beginning.open(text)?, 0, collected)?;
        // Such a log is read again, once others have said when it was.
        if in_vain && reader.lacks_year() {
            *part = reader.finish();
            return Ok(None);
        }
        parallel = text.is_large().then(|| reader.fork()).flatten();
    }
    let Some(knowing) = parallel else {
        let at = stretches.at();
        let read = reader.read(&mut *stretches.rest()?, at, collected);
        *part = reader.finish();
        return read.map(|()| stretches.tally());
    };
    *part = reader.finish();
    let (allowance, rules) = (collected.allowance().of_stretch(), collected.rules());
    let read = |stretch: &Stretch| {
        // What could be forked once can be forked again.
        let reader = knowing.fork().unwrap_or_else(|| LogReader::new(&artifact.path, hints));
        read_stretch(reader, text, stretch, Collected::new(allowance, rules))
    };
    loop {
        // As many as are read at the same time are held at the same time.
        let (some, broken) = some_stretches(&mut stretches);
        for one in some.par_iter().map(read).collect::<Vec<_>>() {
            let (next, found) = one?;
            collected.join(found, part.lines());
            part.join(next);
        }
        match broken {
            Some(error) => return Err(error),
            None if some.is_empty() => return Ok(stretches.tally()),
            None => {}
        }
    }
}

/// A stretch for each thread, and what stopped the reading of more.
fn some_stretches(stretches: &mut Stretches<'_>) -> (Vec<Stretch>, Option<io::Error>) {
    let mut some = Vec::new();
    while some.len() < rayon::current_num_threads().max(1) {
        match stretches.next(STRETCH) {
            Ok(Some(stretch)) => some.push(stretch),
            Ok(None) => break,
            Err(error) => return (some, Some(error)),
        }
    }
    (some, None)
}

/// Reads a stretch of a log.
fn read_stretch(
    mut reader: LogReader<'_>,
    text: &LogText,
    stretch: &Stretch,
    mut collected: Collected,
) -> io::Result<(Part, Collected)> {
    reader.read(&mut *stretch.open(text)?, stretch.start(), &mut collected)?;
    Ok((reader.finish(), collected))
}

/// The latest moment that a log with explicit years names.
fn latest_explicit<'a>(summaries: impl Iterator<Item = &'a Summary>) -> Option<Timestamp> {
    let explicit = summaries.filter(|summary| !summary.lacks_year);
    explicit.filter_map(|summary| summary.range.map(|(_, last)| last)).max()
}
