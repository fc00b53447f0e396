//! The [`View`]s: how many rows each has, how a row reads, and the sheet that it opens.

use crate::filter::second;
use std::collections::BTreeMap;
use wb_core::Severity;
use wb_report::saved::{Case, Coverage, Entry, Shown};
use wb_report::text::Sheet;

/// What of a case is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// The answer.
    Summary,
    /// Events.
    Timeline,
    /// What rules say.
    Findings,
    /// Files and their members.
    Artifacts,
    /// Connections.
    Destinations,
    /// Identifiers and indicators.
    Identifiers,
    /// Contradictions, what is missing, and what was not read.
    Gaps,
    /// What to do, and decisions on candidates.
    Advice,
}

impl View {
    /// Every view, in the order of the keys 1 to 8.
    pub const ALL: [Self; 8] = [
        Self::Summary,
        Self::Timeline,
        Self::Findings,
        Self::Artifacts,
        Self::Destinations,
        Self::Identifiers,
        Self::Gaps,
        Self::Advice,
    ];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Timeline => "Timeline",
            Self::Findings => "Findings",
            Self::Artifacts => "Artifacts",
            Self::Destinations => "Destinations",
            Self::Identifiers => "Identifiers",
            Self::Gaps => "Missing & contradictions",
            Self::Advice => "Advice",
        }
    }

    /// The view `steps` later, round the end.
    pub(crate) fn after(self, steps: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL.into_iter().cycle().nth(at + steps).unwrap_or(self)
    }
}

/// What rows and filters of events need to know.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Artifacts that events come from.
    pub sources: Vec<String>,
    /// One for each event.
    pub events: Vec<Event>,
    day: Option<String>,
}

/// An event, as filters see it.
#[derive(Debug)]
pub(crate) struct Event {
    pub source: usize,
    /// That of the gravest finding that rests on it.
    pub severity: Option<Severity>,
    pub second: Option<i64>,
}

impl Facts {
    pub fn of(case: &Case) -> Self {
        let mut grave: BTreeMap<(&str, u64), Severity> = BTreeMap::new();
        for finding in &case.findings {
            let Some(severity) = Severity::from_name(&finding.severity) else { continue };
            let evidence = finding.evidence.iter();
            let own = (finding.artifact.as_str(), finding.location.line);
            let lines = evidence
                .map(|it| (it.artifact.as_str(), it.location.line))
                .chain([own])
                .filter_map(|(path, line)| Some((path, line?)));
            let again = finding.seen_again.iter().map(|seen| (seen.artifact.as_str(), seen.line));
            for record in lines.chain(again) {
                let known = grave.entry(record).or_insert(severity);
                *known = severity.max(*known);
            }
        }
        let mut sources: Vec<String> =
            case.timeline.iter().map(|entry| entry.artifact.clone()).collect();
        sources.sort();
        sources.dedup();
        let event = |entry: &Entry| Event {
            source: sources.binary_search(&entry.artifact).unwrap_or(0),
            severity: grave.get(&(entry.artifact.as_str(), entry.line)).copied(),
            second: second(&entry.time),
        };
        let events = case.timeline.iter().map(event).collect();
        let day = case.timeline.first().and_then(|entry| entry.time.get(..10)).map(str::to_owned);
        Self { events, day, sources }
    }

    /// The day of the first event.
    pub fn day(&self) -> Option<&str> {
        self.day.as_deref()
    }

    /// The source to ask for after `now`: all of them after the last.
    pub fn source_after(&self, now: Option<usize>) -> Option<usize> {
        let next = now.map_or(0, |now| now + 1);
        (next < self.sources.len()).then_some(next)
    }

    /// The position in `rows` of the event that is nearest to a time.
    pub fn nearest(&self, time: i64, rows: &[usize]) -> usize {
        let apart = |row: &usize| {
            self.events
                .get(*row)
                .and_then(|event| event.second)
                .map_or(u64::MAX, |second| second.abs_diff(time))
        };
        rows.iter().enumerate().min_by_key(|(_, row)| apart(row)).map_or(0, |(at, _)| at)
    }
}

/// How a row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Bad,
    Warn,
}

fn tone(word: &str) -> Tone {
    match word {
        "malicious" | "critical" | "high" | "reject" => Tone::Bad,
        "suspicious" | "unknown" | "medium" | "review" => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// How many rows a view has.
pub(crate) fn count(case: &Case, view: View) -> usize {
    match view {
        View::Summary => 0,
        View::Timeline => case.timeline.len(),
        View::Findings => case.findings.len(),
        View::Artifacts => case.artifacts.len(),
        View::Destinations => case.flows.len(),
        View::Identifiers => case.identifiers.len() + case.indicators.len(),
        View::Gaps => case.contradictions.len() + case.missing.len() + unread(case).count(),
        View::Advice => case.recommendations.len() + case.candidates.len(),
    }
}

fn unread(case: &Case) -> impl Iterator<Item = &Coverage> {
    case.coverage.iter().filter(|coverage| coverage.state != "read")
}

/// What a row opens.
pub(crate) enum Opens<'a> {
    Shown(Shown<'a>),
    Sheet(Sheet<'a>),
}

/// What the row at `row` opens.
pub(crate) fn opens(case: &Case, view: View, row: usize) -> Option<Opens<'_>> {
    let rest = |before: usize| row.checked_sub(before);
    let sheet = match view {
        View::Summary => Some(Sheet::Summary),
        View::Timeline => {
            let entry = case.timeline.get(row)?;
            return Some(Opens::Shown(Shown::Entry(row.saturating_add(1), entry)));
        }
        View::Findings => return Some(Opens::Shown(Shown::Finding(case.findings.get(row)?))),
        View::Artifacts => return Some(Opens::Shown(Shown::Artifact(case.artifacts.get(row)?))),
        View::Destinations => case.flows.get(row).map(Sheet::Flow),
        View::Identifiers => match rest(case.identifiers.len()) {
            None => case.identifiers.get(row).map(Sheet::Identifier),
            Some(row) => case.indicators.get(row).map(Sheet::Indicator),
        },
        View::Gaps => match rest(case.contradictions.len()) {
            None => case.contradictions.get(row).map(Sheet::Contradiction),
            Some(row) => match row.checked_sub(case.missing.len()) {
                None => case.missing.get(row).map(|text| Sheet::Missing(text)),
                Some(row) => unread(case).nth(row).map(Sheet::Coverage),
            },
        },
        View::Advice => match rest(case.recommendations.len()) {
            None => case.recommendations.get(row).map(Sheet::Recommendation),
            Some(row) => case.candidates.get(row).map(Sheet::Candidate),
        },
    };
    sheet.map(Opens::Sheet)
}

/// How a row reads, as one line that is not escaped yet.
pub(crate) fn line(case: &Case, facts: &Facts, view: View, row: usize) -> (Tone, String) {
    let Some(opens) = opens(case, view, row) else { return (Tone::Plain, String::new()) };
    match opens {
        Opens::Shown(Shown::Entry(number, entry)) => event(facts, number, entry),
        Opens::Shown(Shown::Finding(it)) => {
            let severity = it.severity.to_uppercase();
            let text = format!("{:<5}{severity:<9}{}  [{}]", it.id, it.headline, it.artifact);
            (tone(&it.severity), text)
        }
        Opens::Shown(Shown::Artifact(it)) => {
            let verdict = it.verdict.to_uppercase();
            let format = it.format.as_deref().unwrap_or("unknown format");
            (tone(&it.verdict), format!("{verdict:<11}{:<11}{}  [{format}]", it.role, it.path))
        }
        Opens::Sheet(sheet) => self::sheet(sheet),
    }
}

fn event(facts: &Facts, number: usize, entry: &Entry) -> (Tone, String) {
    let severity = facts.events.get(number.saturating_sub(1)).and_then(|event| event.severity);
    let severity = severity.map(Severity::name).unwrap_or_default();
    let time = entry.time.get(..19).unwrap_or(&entry.time).replace('T', " ");
    let mut words = Vec::new();
    if let Some(key) = &entry.key {
        words.push(key.replace('_', " ").to_uppercase());
    }
    if !severity.is_empty() {
        words.push(severity.to_uppercase());
    }
    if entry.status != "observed" {
        words.push(entry.status.to_uppercase());
    }
    words.push(entry.summary.clone());
    let text = format!("{time}  {}  [{}:{}]", words.join(" · "), entry.artifact, entry.line);
    let tone = if entry.key.is_some() { Tone::Warn } else { tone(severity) };
    (tone, text)
}

fn sheet(sheet: Sheet<'_>) -> (Tone, String) {
    match sheet {
        Sheet::Summary => (Tone::Plain, String::new()),
        Sheet::Flow(it) => {
            let host = it.host.as_deref().unwrap_or(&it.destination);
            let port = it.port.map(|port| format!(":{port}")).unwrap_or_default();
            let (tone, word) =
                if it.of_compromise { (Tone::Bad, "COMPROMISE") } else { (Tone::Plain, "") };
            let counts = format!("{} attempts, {} blocked", it.count, it.blocked);
            (
                tone,
                format!("{word:<11}{} to {host}{port}  {counts}, {}", it.source, it.beacon.state),
            )
        }
        Sheet::Identifier(it) => {
            let text = format!("identifier  {}  ({} parts)", it.value, it.parts.len());
            (Tone::Warn, text)
        }
        Sheet::Indicator(it) => (Tone::Plain, format!("{:<12}{}", it.kind, it.value)),
        Sheet::Contradiction(it) => (Tone::Bad, format!("CONTRADICTION  {}", it.what)),
        Sheet::Missing(text) => (Tone::Warn, format!("MISSING        {text}")),
        Sheet::Coverage(it) => {
            let state = it.state.to_uppercase();
            (Tone::Plain, format!("{state:<15}{}: {}", it.artifact, it.why))
        }
        Sheet::Recommendation(it) => (Tone::Plain, format!("{:<11}{}", it.phase, it.what)),
        Sheet::Candidate(it) => {
            let decision = it.decision.to_uppercase();
            (
                tone(&it.decision),
                format!("{decision:<11}{}: {}", it.artifact, it.because.join("; ")),
            )
        }
    }
}

/// Everything of a row that words are looked for in.
pub(crate) fn all_text(case: &Case, view: View, row: usize) -> String {
    let (_, mut text) = line(case, &Facts::default(), view, row);
    match opens(case, view, row) {
        Some(Opens::Shown(Shown::Entry(_, entry))) => {
            text.push_str(&entry.kind);
            text.push(' ');
            text.push_str(&entry.raw);
        }
        Some(Opens::Shown(Shown::Finding(finding))) => {
            text.push_str(&finding.rule);
            for more in finding.payloads.iter().map(|payload| &payload.text) {
                text.push(' ');
                text.push_str(more);
            }
            for more in finding.indicators.iter().chain(&finding.techniques) {
                text.push(' ');
                text.push_str(more);
            }
        }
        Some(Opens::Shown(Shown::Artifact(artifact))) => {
            text.push_str(artifact.sha256.as_deref().unwrap_or_default());
        }
        Some(Opens::Sheet(Sheet::Flow(flow))) => text.push_str(&flow.destination),
        _ => {}
    }
    text
}
