//! Reading logs: which events are kept, where text is read again, and clocks that need each other.

use crate::body::{LogRead, LogText};
use jiff::Timestamp;
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use wb_core::{Artifact, Event, EventKind};
use wb_logs::{ClockHints, Summary, flows::FlowTable};

/// A log that was recognised and is yet to be read.
#[derive(Debug)]
pub struct LogInput {
    /// What it is.
    pub artifact: Artifact,
    /// Where its text is.
    pub text: LogText,
}

/// Events kept per log at the most; more are counted and aggregated, not kept.
const KEPT_EVENTS: usize = 200_000;

/// Name look-ups kept per log at the most.
const KEPT_LOOKUPS: usize = 20_000;

impl LogText {
    /// Opens the text from its beginning.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self) -> io::Result<Box<dyn BufRead + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(1 << 18, File::open(path)?)),
            Self::Decoded(text) => Box::new(Cursor::new(&**text)),
        })
    }
}

/// Reads all logs. Logs whose records lack a year are read again once the others have said when it was.
pub fn read_logs(inputs: Vec<LogInput>) -> Vec<LogRead> {
    let mut logs: Vec<LogRead> =
        inputs.into_par_iter().map(|input| read_log(input, ClockHints::default())).collect();
    logs.sort_by(|a, b| a.artifact.path.cmp(&b.artifact.path));
    let near = latest_explicit(&logs);
    logs.into_iter()
        .map(|log| {
            if !log.summary.lacks_year {
                return log;
            }
            let hints = ClockHints { near: near.or_else(|| modified(&log.text)) };
            read_log(LogInput { artifact: log.artifact, text: log.text }, hints)
        })
        .collect()
}

/// Every event of the logs, connections too, in the order of logs and records.
pub fn all_events(inputs: Vec<LogInput>) -> Vec<Event> {
    let mut events = Vec::new();
    for log in read_logs(inputs) {
        let near = log.summary.range.map(|(_, last)| last);
        let hints = ClockHints { near: near.filter(|_| log.summary.lacks_year) };
        stream(&log.artifact, &log.text, hints, &mut |event| events.push(event));
    }
    events
}

/// Reads one log. A log that cannot be read says so in its summary.
pub fn read_log(input: LogInput, hints: ClockHints) -> LogRead {
    let LogInput { artifact, text } = input;
    let mut collected = Collected::default();
    let summary = stream(&artifact, &text, hints, &mut |event| collected.add(event));
    LogRead {
        artifact,
        summary,
        events: collected.events,
        left_out: collected.left_out,
        flows: collected.flows,
        text,
    }
}

/// Hands every event of a log to `sink`.
fn stream(
    artifact: &Artifact,
    text: &LogText,
    hints: ClockHints,
    sink: &mut dyn FnMut(Event),
) -> Summary {
    let summary =
        text.open().and_then(|mut reader| wb_logs::read(&artifact.path, &mut *reader, hints, sink));
    summary.unwrap_or_else(|error| Summary {
        problems: vec![format!("reading stopped: {error}")],
        ..Summary::default()
    })
}

/// What is kept of the events of one log.
#[derive(Default)]
struct Collected {
    events: Vec<Event>,
    lookups: usize,
    left_out: u64,
    flows: FlowTable,
}

impl Collected {
    fn add(&mut self, event: Event) {
        self.flows.add(&event);
        let aggregated = event.net.is_some()
            && matches!(event.kind, EventKind::Connect | EventKind::Block)
            && event.message.len() < 4096;
        if aggregated {
            return;
        }
        if event.kind == EventKind::Dns {
            self.lookups += 1;
        }
        if self.events.len() >= KEPT_EVENTS || self.lookups > KEPT_LOOKUPS {
            self.left_out += 1;
            return;
        }
        self.events.push(event);
    }
}

/// The latest moment that a log with explicit years names.
fn latest_explicit(logs: &[LogRead]) -> Option<Timestamp> {
    logs.iter()
        .filter(|log| !log.summary.lacks_year)
        .filter_map(|log| log.summary.range.map(|(_, last)| last))
        .max()
}

/// When the log was last written to.
fn modified(text: &LogText) -> Option<Timestamp> {
    let LogText::File(path) = text else { return None };
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}
