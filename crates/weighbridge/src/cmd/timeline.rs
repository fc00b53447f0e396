//! `weighbridge timeline`: the events of logs on one clock, for a reader or for other programs.

use super::{Ended, Outcome};
use crate::cli::{Timeline, TimelineFormat};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use wb_core::{ArtifactPath, Event, EventKind, KeyMoment, ReadState, TimelineEntry, Verdict};
use wb_engine::{Hashing, ScanOptions, Scanned};
use wb_report::events::{Export, Row, Writer};
use wb_report::text;
use wb_sigma::RuleSet;

/// Events that are put in order before they are written; what comes after them is written as it comes.
const ORDERED: usize = 2_000_000;

/// Reads logs and prints their events in time order.
pub fn run(arguments: &Timeline, terminal: Terminal) -> Ended {
    if let Some(unknown) = arguments.kind.iter().find(|kind| !is_kind(kind)) {
        let kinds: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(format!(
            "`{unknown}` is no kind of event\nhint: kinds are {}",
            kinds.join(", ")
        )
        .into());
    }
    let options = ScanOptions { hashing: Hashing::Off, ..ScanOptions::default() };
    let scanned = wb_engine::scan(&arguments.logs, options, &Bar::new())?;
    if scanned.logs.is_empty() {
        let outcome = super::nothing_but(&scanned.skipped);
        messages::note("none of the files reads as a log");
        messages::hint("`weighbridge explain` lists the log sources that are read");
        return Ok(outcome);
    }
    let rules = wb_engine::load_rules(&arguments.sigma)?;
    let case = Beside::of(arguments, &scanned)?;
    match export(arguments.format) {
        None => screen(arguments, scanned, &case, rules, terminal)?,
        Some(kind) => file(arguments, scanned, &case, rules, kind)?,
    }
    Ok(Outcome::NothingFound)
}

/// What the models that lie beside the logs add: the key moments of the case.
#[derive(Default)]
struct Beside {
    moments: Vec<TimelineEntry>,
    unmarked: &'static str,
    notes: Vec<(ArtifactPath, String)>,
}

impl Beside {
    /// Investigates the folder when something in it may have done harm.
    fn of(arguments: &Timeline, scanned: &Scanned) -> Result<Self, wb_engine::EngineError> {
        let suspicious = scanned.artifacts.iter().any(|found| found.verdict >= Verdict::Suspicious);
        let unmarked = match (scanned.artifacts.is_empty(), suspicious) {
            (true, _) => "no model lies beside these logs, so no moment is marked",
            (false, false) => {
                "nothing beside these logs is malicious or suspicious, so no moment is marked"
            }
            (false, true) => {
                "nothing in these logs is tied to what is suspicious beside them, so no moment is marked"
            }
        };
        let mut beside = Self { unmarked, ..Self::default() };
        let [folder] = arguments.logs.as_slice() else {
            beside.unmarked = "moments of a case are marked when its one folder is given";
            return Ok(beside);
        };
        if !suspicious {
            return Ok(beside);
        }
        let case = super::investigate::case_of(folder, &[], RuleSet::shipped())?;
        beside.moments = case.timeline.into_iter().filter(|entry| entry.key.is_some()).collect();
        Ok(beside)
    }

    /// The key moments that an event marks.
    fn marked(&self, event: &Event) -> Vec<KeyMoment> {
        let same = |entry: &&TimelineEntry| {
            entry.record == event.record && Some(entry.time) == event.timestamp()
        };
        self.moments.iter().filter(same).filter_map(|entry| entry.key).collect()
    }
}

/// Prints the events for a reader.
fn screen(
    arguments: &Timeline,
    scanned: Scanned,
    case: &Beside,
    rules: &'static RuleSet,
    terminal: Terminal,
) -> io::Result<()> {
    let logs = scanned.logs.len();
    let mut events = Vec::new();
    let mut left_out = 0;
    let read = wb_engine::each_event(scanned.logs, rules, &mut |event, matched| {
        if wanted(&event, matched, arguments) {
            events.push((event, matched.to_vec()));
        } else {
            left_out += 1;
        }
    });
    in_order(&mut events);
    let (events, matched): (Vec<Event>, Vec<Vec<&str>>) = events.into_iter().unzip();
    let mut notes = case.notes.clone();
    for log in &read {
        let coverage = log.coverage();
        notes.extend(
            log.summary.problems.iter().map(|problem| (log.artifact.path.clone(), problem.clone())),
        );
        if log.summary.understood < log.summary.lines && coverage.state != ReadState::Read {
            notes.push((
                log.artifact.path.clone(),
                coverage.why.split("; ").next().unwrap_or_default().to_owned(),
            ));
        }
    }
    let words: Vec<String> = events.iter().map(wb_engine::in_words).collect();
    let timeline = text::Timeline {
        events: &events,
        words: &words,
        rules: &matched,
        left_out,
        logs,
        moments: &case.moments,
        unmarked: Some(case.unmarked),
        notes: &notes,
    };
    print(&text::events(&timeline, &text::Style { width: terminal.width, color: terminal.color }))
}

/// Writes the events for other programs.
fn file(
    arguments: &Timeline,
    scanned: Scanned,
    case: &Beside,
    rules: &'static RuleSet,
    kind: Export,
) -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = &arguments.output else {
        if kind == Export::Parquet {
            return Err("Parquet is no text\nhint: name a file with `--output FILE`".into());
        }
        return match write(io::stdout(), arguments, scanned, case, rules, kind) {
            // A reader that has gone away (`weighbridge timeline . | head`) is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            ended => Ok(ended?),
        };
    };
    let named = |error: io::Error| not_written(path, &error);
    let out = File::create(path).map_err(named)?;
    write(out, arguments, scanned, case, rules, kind).map_err(named)?;
    messages::note(&format!("the events are in `{}`", path.display()));
    Ok(())
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!(
        "`{}` cannot be written: {error}\nhint: choose a file in a folder that exists and is yours",
        path.display()
    )
}

/// Writes events in the order of time, as far as they can be held in memory.
fn write(
    out: impl Write + Send,
    arguments: &Timeline,
    scanned: Scanned,
    case: &Beside,
    rules: &'static RuleSet,
    kind: Export,
) -> io::Result<()> {
    let mut writer = Writer::new(kind, BufWriter::with_capacity(1 << 18, out))?;
    let (mut held, mut overflowed, mut timeless) = (Vec::new(), false, 0_u64);
    let mut result = Ok(());
    let mut put = |(event, rules): &Matched| match writer.add(&Row {
        event,
        moments: case.marked(event),
        rules,
    }) {
        Ok(written) => timeless += u64::from(!written),
        Err(error) if result.is_ok() => result = Err(error),
        Err(_) => {}
    };
    wb_engine::each_event(scanned.logs, rules, &mut |event, matched| {
        if !wanted(&event, matched, arguments) {
            return;
        }
        let row = (event, matched.to_vec());
        if overflowed {
            return put(&row);
        }
        held.push(row);
        if held.len() >= ORDERED {
            overflowed = true;
            in_order(&mut held);
            std::mem::take(&mut held).iter().for_each(&mut put);
        }
    });
    in_order(&mut held);
    held.iter().for_each(&mut put);
    result?;
    writer.finish()?;
    if overflowed {
        messages::note(&format!(
            "more than {ORDERED} events: those after them are in the order of the logs, not of time"
        ));
    }
    if timeless > 0 {
        messages::note(&format!(
            "{timeless} events without a time were left out: Timesketch has no place for them"
        ));
    }
    Ok(())
}

/// An event, and the names of the rules that match it.
type Matched = (Event, Vec<&'static str>);

fn in_order(events: &mut [Matched]) {
    events.sort_by(|(a, _), (b, _)| (a.timestamp(), &a.record).cmp(&(b.timestamp(), &b.record)));
}

fn export(format: TimelineFormat) -> Option<Export> {
    Some(match format {
        TimelineFormat::Text => return None,
        TimelineFormat::Jsonl => Export::Jsonl,
        TimelineFormat::Csv => Export::Csv,
        TimelineFormat::Timesketch => Export::Timesketch,
        TimelineFormat::Parquet => Export::Parquet,
    })
}

fn is_kind(name: &str) -> bool {
    EventKind::ALL.iter().any(|kind| kind.name() == name)
}

fn wanted(event: &Event, matched: &[&str], arguments: &Timeline) -> bool {
    let kind =
        arguments.kind.is_empty() || arguments.kind.iter().any(|kind| kind == event.kind.name());
    kind && (!arguments.matched || !matched.is_empty())
        && in_time(event.timestamp(), arguments)
        && (arguments.host.is_empty() || arguments.host.iter().any(|host| concerns(event, host)))
        && arguments.contains.as_ref().is_none_or(|text| says(event, text))
}

fn in_time(time: Option<Timestamp>, arguments: &Timeline) -> bool {
    let within = SignedDuration::try_from(arguments.within).unwrap_or(SignedDuration::MAX);
    // A moment near the end of what can be told has everything after it around it.
    let around = arguments.around.map(|around| {
        (
            around.saturating_sub(within).unwrap_or(Timestamp::MIN),
            around.saturating_add(within).unwrap_or(Timestamp::MAX),
        )
    });
    let (mut from, mut to) = (arguments.from, arguments.to);
    if let Some((begin, end)) = around {
        from = Some(from.map_or(begin, |from| from.max(begin)));
        to = Some(to.map_or(end, |to| to.min(end)));
    }
    from.is_none_or(|from| time.is_some_and(|time| time >= from))
        && to.is_none_or(|to| time.is_some_and(|time| time <= to))
}

/// Whether an event happened on a host or is about it: a name stands for the names below it too.
fn concerns(event: &Event, host: &str) -> bool {
    let host = host.to_lowercase();
    let is = |name: &String| {
        let name = name.to_lowercase();
        name == host || name.strip_suffix(&host).is_some_and(|rest| rest.ends_with('.'))
    };
    let net = event.net.as_ref();
    let ends = net.into_iter().flat_map(|net| [&net.source, &net.destination, &net.host]).flatten();
    let answers = net.into_iter().flat_map(|net| &net.answers);
    event.host.iter().chain(ends).chain(answers).any(is)
}

/// Whether a record has a text, in whatever case.
fn says(event: &Event, text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |value: &String| value.to_lowercase().contains(&text);
    let net = event.net.as_ref();
    let ends = net
        .into_iter()
        .flat_map(|net| [&net.source, &net.destination, &net.host, &net.path])
        .flatten();
    has(&event.message) || event.fields.values().chain(ends).any(has)
}
