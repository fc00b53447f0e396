//! The first 25 lines of a case: what an analyst is asked in the first minute, in the order of asking.

use super::page::{Ink, Page, width_of};
use crate::escape::{self, Defang};
use crate::time;
use crate::words::{self, Tone};
use std::collections::BTreeSet;
use wb_core::{
    ArtifactPath, Case, Compromise, Execution, Integrity, KeyMoment, NetworkUse, ReadState,
    Recommendation, Role, RoleAssignment, Stage, Status, TimelineEntry,
};

/// Column at which answers begin.
const ANSWERS: usize = 18;
/// Paths longer than this are shown by their ends, in characters.
const LONGEST_PATH: usize = 40;
/// Lines of the answer, all told.
pub(super) const LINES: usize = 25;

/// Prints the answer.
pub(super) fn print(page: &mut Page, case: &Case, defang: &Defang) {
    verdict(page, case, defang);
    page.blank();
    if !case.answers.moments.is_empty() || case.conclusion.compromised == Compromise::Yes {
        moments(page, case, defang);
        page.blank();
    }
    let rows = fitting(page, case, defang);
    for row in &rows {
        let (label, text) = (label(row.label), defang.text(&row.text));
        let pieces = [(Ink::Faint, label.as_str()), (row.ink, &row.lead), (Ink::Plain, &text)];
        page.block(2, ANSWERS, &pieces, row.most);
    }
    do_now(page, &case.recommendations, defang);
}

/// The answers, each at its full height as far as the page has room for all of them.
fn fitting(page: &Page, case: &Case, defang: &Defang) -> Vec<Row> {
    let mut rows = rows(case);
    // Two things to do are shown at least; a third where nothing else needs its line.
    let room = LINES.saturating_sub(page.lines() + case.recommendations.len().min(2));
    let height = |row: &Row| {
        let text = defang.text(&row.text);
        let pieces =
            [(row.ink, label(row.label)), (row.ink, row.lead.clone()), (row.ink, text.into())];
        let pieces: Vec<(Ink, &str)> =
            pieces.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
        page.height(2, ANSWERS, &pieces, row.most)
    };
    // What was asked for first keeps its second line longest.
    for label in ["hashes", "source", "goes to", "runs", "identifier"] {
        if rows.iter().map(height).sum::<usize>() <= room {
            break;
        }
        rows.iter_mut().filter(|row| row.label == label).for_each(|row| row.most = 1);
    }
    rows
}

/// A labelled answer.
struct Row {
    label: &'static str,
    /// Ink of `lead`.
    ink: Ink,
    lead: String,
    text: String,
    /// Lines it may take.
    most: usize,
}

impl Row {
    fn new(label: &'static str, text: String, most: usize) -> Self {
        Self { label, ink: Ink::Plain, lead: String::new(), text, most }
    }

    fn lead(mut self, ink: Ink, lead: impl Into<String>) -> Self {
        self.ink = ink;
        self.lead = lead.into();
        self
    }
}

/// A label, filled up to the column of the answers.
fn label(label: &str) -> String {
    format!("{label:<width$}", width = ANSWERS - 2)
}

/// `text`, and how many more like it the detail holds.
fn more(text: &str, all: usize) -> String {
    match all {
        0 | 1 => text.to_owned(),
        _ => format!("(1 of {all}) {text}"),
    }
}

fn rows(case: &Case) -> Vec<Row> {
    let read = (case.conclusion.compromised == Compromise::No).then(|| what_was_read(case));
    [
        what_runs(case),
        where_it_goes(case),
        sources(case),
        hashes(&case.integrity),
        identifiers(case),
        candidates(case),
        contradictions(case),
        missing(case),
        read,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn verdict(page: &mut Page, case: &Case, defang: &Defang) {
    let (tone, words) = words::headline(case);
    let ink = match tone {
        Tone::Bad => Ink::Bad,
        Tone::Warn => Ink::Warn,
        Tone::Good => Ink::Good,
    };
    let confidence = format!("  (confidence {})", case.conclusion.confidence.name());
    page.line(0, &[(ink, words), (Ink::Plain, &confidence)]);
    page.block(0, 0, &[(Ink::Plain, &defang.text(&case.conclusion.summary))], 3);
}

fn moments(page: &mut Page, case: &Case, defang: &Defang) {
    for (key, label) in words::MOMENTS {
        let entry = case.timeline.iter().find(|entry| entry.key == Some(key));
        let label = self::label(label);
        match case.answers.moments.get(&key) {
            Some(moment) => {
                let clock = format!("{} UTC  ", time::clock(*moment));
                let status =
                    entry.map_or("INFERRED", |entry| words::status_word(entry.status)).to_owned()
                        + "  ";
                let place = entry.map(place).unwrap_or_default();
                page.line(
                    2,
                    &[
                        (Ink::Faint, &label),
                        (Ink::Strong, &clock),
                        (Ink::Plain, &status),
                        (Ink::Faint, &place),
                    ],
                );
            }
            None => page.line(
                2,
                &[
                    (Ink::Faint, &label),
                    (Ink::Warn, "MISSING"),
                    (Ink::Plain, "  not in the supplied evidence"),
                ],
            ),
        }
    }
    if let Some(open) = still_open(case) {
        let label = label("still open");
        page.block(2, ANSWERS, &[(Ink::Faint, &label), (Ink::Bad, &defang.text(&open))], 2);
    }
    let dwell = words::dwell(&case.answers);
    let label = label("dwell");
    page.line(2, &[(Ink::Faint, &label), (Ink::Strong, &dwell)]);
}

/// What went on after the block that the rows above name: another way out, which nobody may have seen yet.
fn still_open(case: &Case) -> Option<String> {
    let block = *case.answers.moments.get(&KeyMoment::FirstBlock)?;
    let passed = |flow: &&wb_core::Flow| flow.of_compromise && flow.passed_after(block);
    let open: Vec<&wb_core::Flow> = case.flows.iter().filter(passed).collect();
    let last = open.iter().max_by_key(|flow| flow.last)?;
    let attempts = open.iter().map(|flow| flow.count).sum::<u64>();
    let end = time::clock(last.last);
    let same_day = time::clock(block).get(..10) == end.get(..10);
    let end = end.get(11..).filter(|_| same_day).map_or(end.as_str(), |clock| clock);
    let attempts = super::counted(attempts, "attempt");
    Some(format!(
        "{attempts} to {} passed since, last on record {end} UTC",
        super::destination(last)
    ))
}

/// Where the record stands, and how its time is known where it does not say it all.
fn place(entry: &TimelineEntry) -> String {
    let record = words::record(&entry.record);
    match words::basis(entry.time_basis) {
        Some(basis) => format!("{record}  ({basis})"),
        None => record,
    }
}

fn what_runs(case: &Case) -> Option<Row> {
    let all: &[Execution] = &case.answers.execution;
    let first = all.first()?;
    let command = first.command.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = more(&format!("`{}` {command}", first.call), all.len());
    // What it learns about the host is what it may send, where the command does not say it all.
    let asks = case.reasoning.chain.iter().find(|step| step.stage == Stage::Discovery);
    if let Some(asks) = asks.filter(|step| step.status != Status::Missing && text.len() < 60) {
        text.push_str(&format!("; {}", asks.what));
    }
    let when =
        first.trigger.map(|trigger| format!("{}: ", words::when(trigger))).unwrap_or_default();
    Some(Row::new("runs", text, 2).lead(Ink::Strong, when))
}

fn where_it_goes(case: &Case) -> Option<Row> {
    let uses = &case.answers.network;
    let mut flows: Vec<_> = case.flows.iter().filter(|flow| flow.of_compromise).collect();
    // Attempts are counted for the destinations that are named, as far as the logs tell destinations apart.
    let is_named = |flow: &&wb_core::Flow| {
        let named = |host: &str| uses.iter().any(|network| network.host == host);
        named(&flow.destination) || flow.host.as_deref().is_some_and(named)
    };
    if flows.iter().any(is_named) {
        flows.retain(|flow| is_named(flow));
    }
    let sum = |count: fn(&wb_core::Flow) -> u64| flows.iter().map(|flow| count(flow)).sum::<u64>();
    let seen = if flows.is_empty() {
        "; no attempt is in the supplied logs".to_owned()
    } else {
        let attempts = sum(|flow| flow.count);
        let sent = super::bytes(sum(|flow| flow.bytes_out));
        let blocked = sum(|flow| flow.blocked);
        format!("; {}, {blocked} blocked, {sent} sent", super::counted(attempts, "attempt"))
    };
    let destination = match (uses.first(), flows.first()) {
        (Some(network), _) => words::network_use(network),
        (None, Some(flow)) => super::destination(flow),
        (None, None) => return None,
    };
    let text = match further(uses) {
        others if others.is_empty() => more(&format!("{destination}{seen}"), uses.len()),
        others => format!("{destination}, {}{seen}", others.join(", ")),
    };
    Some(Row::new("goes to", text, 2))
}

/// Destinations of other hosts than the first request's, each once: a payload that is stopped at one goes on
/// with the next.
fn further(uses: &[NetworkUse]) -> Vec<String> {
    const SHOWN: usize = 2;
    let mut hosts = BTreeSet::new();
    let distinct: Vec<&NetworkUse> = uses.iter().filter(|it| hosts.insert(&it.host)).collect();
    let others = distinct.get(1..).unwrap_or_default();
    let mut shown: Vec<String> = others
        .iter()
        .take(SHOWN)
        .map(|it| it.port.map_or_else(|| it.host.clone(), |port| format!("{}:{port}", it.host)))
        .collect();
    if others.len() > SHOWN {
        shown.push(format!("{} more", others.len().saturating_sub(SHOWN)));
    }
    shown
}

fn sources(case: &Case) -> Option<Row> {
    let text = match (&case.answers.source_before, &case.answers.source_after) {
        (Some(before), Some(after)) if before == after => format!("{after}, as before"),
        (Some(before), Some(after)) => match (shortened(before), shortened(after)) {
            // What is left out may be all that differs.
            (short_before, short) if short_before == short => {
                format!("{after}  (before: {before})")
            }
            (short_before, short) => format!("{short}  (before: {short_before})"),
        },
        (None, Some(after)) => format!("{after}  (nothing earlier is recorded)"),
        (Some(before), None) => format!("MISSING for the change  (before: {before})"),
        (None, None) => return None,
    };
    let row = Row::new("source", text, 2);
    let alike = case.answers.source_look_alike.is_some();
    Some(if alike { row.lead(Ink::Bad, "LOOK-ALIKE ") } else { row })
}

/// A long address as host, organisation and repository; revision and file are in the detail.
fn shortened(uri: &str) -> String {
    const LONGEST: usize = 60;
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let parts: Vec<&str> = rest.split('/').collect();
    match parts.as_slice() {
        [host, organisation, repository, _, ..] if uri.len() > LONGEST => {
            format!("{host}/{organisation}/{repository}/…")
        }
        _ => uri.to_owned(),
    }
}

fn hashes(rows: &[Integrity]) -> Option<Row> {
    let parts: Vec<String> =
        [(Some(false), "MISMATCH"), (None, "UNRECORDED"), (Some(true), "MATCH")]
            .into_iter()
            .filter_map(|(state, word)| {
                let names: BTreeSet<&str> = rows
                    .iter()
                    .filter(|row| row.matches == state)
                    .map(|row| row.artifact.as_str())
                    .collect();
                let first = names.first()?;
                Some(match (state, names.len()) {
                    (Some(true), count) => format!("{count} {word}"),
                    (_, 1) => format!("1 {word}: {}", brief(first)),
                    (_, count) => {
                        format!("{count} {word}: {} and {} more", brief(first), count - 1)
                    }
                })
            })
            .collect();
    (!parts.is_empty()).then(|| Row::new("hashes", parts.join("; "), 2))
}

fn identifiers(case: &Case) -> Option<Row> {
    let first = case.identifiers.first()?;
    let parts: Vec<String> = first
        .parts
        .iter()
        .map(|part| format!("`{}` in {} {}", part.text, part.artifact.file_name(), part.place))
        .collect();
    let count = match case.identifiers.len() {
        1 => String::new(),
        all => format!(", 1 of {all}"),
    };
    let text = format!("({} confidence{count}) = {}", first.confidence.name(), parts.join(" + "));
    Some(Row::new("identifier", text, 2).lead(Ink::Strong, format!("{}  ", first.value)))
}

fn candidates(case: &Case) -> Option<Row> {
    // The gravest decision first: it is the one that must not be overlooked.
    let first = case.candidates.iter().max_by_key(|candidate| candidate.decision)?;
    let ink = super::decision_ink(first.decision);
    let because = first.because.first().map(|why| format!(": {why}")).unwrap_or_default();
    let text = more(&format!("{}{because}", brief(first.artifact.as_str())), case.candidates.len());
    let lead = format!("{} ", first.decision.name().to_uppercase());
    Some(Row::new("candidate", text, 1).lead(ink, lead))
}

fn contradictions(case: &Case) -> Option<Row> {
    let first = case.contradictions.first()?;
    Some(Row::new("contradiction", more(&brief(&first.what), case.contradictions.len()), 1))
}

fn missing(case: &Case) -> Option<Row> {
    let first = case.missing.first()?;
    Some(Row::new("missing", more(&brief(first), case.missing.len()), 1))
}

/// Text in which long paths are their ends: the detail has them whole.
fn brief(text: &str) -> String {
    let end_of = |word: &str| -> String {
        let parts: Vec<&str> = word.split('/').collect();
        let (Some(name), true) = (parts.last(), word.len() > LONGEST_PATH && parts.len() > 2)
        else {
            return word.to_owned();
        };
        let folder = parts.get(parts.len() - 2).copied().unwrap_or_default();
        match folder.len() + name.len() < LONGEST_PATH {
            true => format!("…/{folder}/{name}"),
            false => format!("…/{name}"),
        }
    };
    let words = text.split(' ').map(|word| {
        let path = word.trim_matches(['`', ',', ';', ':', '(', ')']);
        word.replacen(path, &end_of(path), usize::from(!path.is_empty() && !path.contains("://")))
    });
    words.collect::<Vec<String>>().join(" ")
}

fn what_was_read(case: &Case) -> Row {
    let is_file = |path: &ArtifactPath| path.root() == path.as_str();
    let with = |roles: &[Role]| {
        let has = |(path, role): &(&ArtifactPath, &RoleAssignment)| {
            is_file(path) && roles.contains(&role.role)
        };
        case.roles.iter().filter(has).count() as u64
    };
    let files = case.artifacts.iter().filter(|artifact| is_file(&artifact.path)).count();
    let unread = case.coverage.iter().filter(|row| row.state != ReadState::Read).count();
    let read = match unread {
        0 => "all read to the end".to_owned(),
        _ => format!("{unread} not read to the end, see COVERAGE"),
    };
    let text = format!(
        "{}: {}, {}; {read}",
        super::counted(files as u64, "file"),
        super::counted(with(&[Role::Production, Role::Candidate, Role::Baseline]), "model"),
        super::counted(with(&[Role::Log]), "log"),
    );
    Row::new("looked at", text, 1)
}

/// The first things to do, as many as fit: the command where it fits a line, else the words.
fn do_now(page: &mut Page, all: &[Recommendation], defang: &Defang) {
    let room = page.columns() - ANSWERS - 2;
    if !all.is_empty() && page.lines() + all.len().min(3) < LINES {
        page.blank();
    }
    let left = LINES.saturating_sub(page.lines()).clamp(1, 3);
    for (index, item) in all.iter().take(left).enumerate() {
        let label = label(if index == 0 { "do now" } else { "" });
        let command =
            item.command.as_deref().filter(|command| width_of(&escape::terminal(command)) <= room);
        match command {
            Some(command) => {
                let pieces =
                    [(Ink::Faint, label.as_str()), (Ink::Faint, "$ "), (Ink::Strong, command)];
                page.line(2, &pieces);
            }
            None => {
                let what = defang.text(&item.what);
                page.line(2, &[(Ink::Faint, &label), (Ink::Plain, &what)]);
            }
        }
    }
}
