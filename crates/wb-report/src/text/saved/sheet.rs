//! What a saved case says besides its findings, events and artifacts, one sheet each.

use super::{Card, row};
use crate::escape::Defang;
use crate::saved::{
    Candidate, Case, Contradiction, Coverage, Flow, Identifier, Indicator, Recommendation,
};
use crate::text::page::{Ink, Page, Style};
use crate::words::{bytes, counted, grouped};
use std::collections::BTreeMap;

/// Events and places of an indicator that are listed.
const PLACES: usize = 50;

/// Something that has a sheet.
#[derive(Clone, Copy, Debug)]
pub enum Sheet<'a> {
    /// The answer.
    Summary,
    /// Connections.
    Flow(&'a Flow),
    /// An identifier with its parts.
    Identifier(&'a Identifier),
    /// An indicator with where it was seen.
    Indicator(&'a Indicator),
    /// What does not fit.
    Contradiction(&'a Contradiction),
    /// What is not there.
    Missing(&'a str),
    /// What was not read to the end.
    Coverage(&'a Coverage),
    /// What to do.
    Recommendation(&'a Recommendation),
    /// Whether a candidate may be deployed.
    Candidate(&'a Candidate),
}

/// Lays a sheet out; hosts of `defang` are defanged in prose, and commands are exact.
pub fn sheet(case: &Case, sheet: Sheet<'_>, style: &Style, defang: &Defang) -> String {
    let mut card = Card { page: Page::new(*style), defang };
    match sheet {
        Sheet::Summary => summary(&mut card, case),
        Sheet::Flow(flow) => self::flow(&mut card, flow),
        Sheet::Identifier(identifier) => self::identifier(&mut card, identifier),
        Sheet::Indicator(indicator) => self::indicator(&mut card, case, indicator),
        Sheet::Contradiction(item) => {
            title(&mut card, Ink::Warn, "CONTRADICTION", &item.what);
            for evidence in &item.evidence {
                row(&mut card, "evidence", evidence);
            }
        }
        Sheet::Missing(what) => title(&mut card, Ink::Warn, "MISSING", what),
        Sheet::Coverage(coverage) => {
            let state = coverage.state.to_uppercase();
            title(&mut card, Ink::Warn, &state, &coverage.artifact);
            row(&mut card, "why", &coverage.why);
        }
        Sheet::Recommendation(item) => {
            title(&mut card, Ink::Strong, &item.phase.to_uppercase(), &item.what);
            if let Some(command) = &item.command {
                card.page.blank();
                for line in command.lines() {
                    card.page.verbatim(4, "$ ", line, Ink::Plain);
                }
            }
        }
        Sheet::Candidate(item) => {
            let decision = item.decision.to_uppercase();
            title(&mut card, decision_ink(&item.decision), &decision, &item.artifact);
            for why in &item.because {
                row(&mut card, "because", why);
            }
        }
    }
    card.page.finish()
}

/// A word in its ink and what it is about.
fn title(card: &mut Card<'_>, ink: Ink, word: &str, text: &str) {
    let text = card.defang.text(text).into_owned();
    card.page.paragraph(0, 4, &[(ink, word), (Ink::Plain, "  "), (Ink::Strong, &text)]);
}

fn decision_ink(decision: &str) -> Ink {
    match decision {
        "approve" => Ink::Good,
        "reject" => Ink::Bad,
        _ => Ink::Warn,
    }
}

fn summary(card: &mut Card<'_>, case: &Case) {
    let conclusion = &case.conclusion;
    let (ink, word) = if conclusion.compromised {
        (Ink::Bad, "COMPROMISED")
    } else {
        (Ink::Good, "NOT COMPROMISED, by what was supplied")
    };
    let confidence = format!("confidence {}", conclusion.confidence);
    card.page.line(0, &[(ink, word), (Ink::Plain, "  "), (Ink::Plain, &confidence)]);
    let text = card.defang.text(&conclusion.summary).into_owned();
    card.page.paragraph(2, 2, &[(Ink::Plain, &text)]);
    facts(card, case);
    verdicts(card, case);
    let doubts = [
        counted(case.contradictions.len() as u64, "contradiction"),
        format!("{} missing", grouped(case.missing.len() as u64)),
    ];
    row(card, "doubts", &doubts.join(", "));
    let unread = case.coverage.iter().filter(|coverage| coverage.state != "read").count();
    let read =
        format!("{}, {unread} not to the end", counted(case.coverage.len() as u64, "artifact"));
    row(card, "read", &read);
    gravest(card, case);
    card.page.heading("FIRST THINGS TO DO");
    for (number, item) in (1..).zip(case.recommendations.iter().take(3)) {
        row(card, &number.to_string(), &format!("{}: {}", item.phase, item.what));
    }
}

/// The times and places analysts are asked for; what is not known says so.
fn facts(card: &mut Card<'_>, case: &Case) {
    let facts = &case.facts;
    let moments = [
        ("introduced", &facts.introduced_at),
        ("loaded", &facts.loaded_at),
        ("outbound", &facts.first_outbound_at),
        ("detected", &facts.detected_at),
        ("blocked", &facts.blocked_at),
    ];
    card.page.heading("WHEN AND WHERE");
    for (label, time) in moments {
        row(card, label, time.as_deref().unwrap_or("not in what was supplied"));
    }
    let source = match (&facts.source_before, &facts.source_after) {
        (Some(before), Some(after)) => format!("{before}, then {after}"),
        (one, other) => one.as_ref().or(other.as_ref()).cloned().unwrap_or_default(),
    };
    row(card, "source", &source);
    row(card, "host", &facts.host_affected.join(", "));
}

/// How many artifacts have which verdict.
fn verdicts(card: &mut Card<'_>, case: &Case) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for artifact in &case.artifacts {
        let count = counts.entry(&artifact.verdict).or_default();
        *count = count.saturating_add(1);
    }
    let order = ["malicious", "suspicious", "unknown", "clean"];
    let words: Vec<String> = order
        .iter()
        .filter_map(|verdict| Some(format!("{} {verdict}", counts.get(verdict)?)))
        .collect();
    card.page.heading("WHAT WAS SEEN");
    row(card, "artifacts", &words.join(", "));
    let hostile = case.flows.iter().filter(|flow| flow.of_compromise).count();
    let flows = counted(case.flows.len() as u64, "flow");
    row(card, "network", &format!("{flows}, {hostile} of the compromise"));
    row(card, "events", &grouped(case.timeline.len() as u64));
}

/// The first findings.
fn gravest(card: &mut Card<'_>, case: &Case) {
    row(card, "findings", &grouped(case.findings.len() as u64));
    for finding in case.findings.iter().take(3) {
        row(card, &format!("  {}", finding.id), &finding.headline);
    }
}

fn flow(card: &mut Card<'_>, flow: &Flow) {
    let word = if flow.of_compromise { "OF THE COMPROMISE" } else { "FLOW" };
    let ink = if flow.of_compromise { Ink::Bad } else { Ink::Strong };
    let host = flow.host.as_deref().unwrap_or(&flow.destination);
    title(card, ink, word, &format!("{} to {host}", flow.source));
    row(card, "address", &flow.destination);
    row(card, "port", &flow.port.map(|port| port.to_string()).unwrap_or_default());
    let attempts = counted(flow.count, "attempt");
    row(card, "attempts", &format!("{attempts}, {} blocked", grouped(flow.blocked)));
    row(card, "sent", &bytes(flow.bytes_out));
    row(card, "first", &flow.first);
    row(card, "last", &flow.last);
    let period = flow.beacon.period_seconds.map(|seconds| format!(", median {seconds} s"));
    let regular = format!("{}{}", flow.beacon.state, period.unwrap_or_default());
    row(card, "regularity", &format!("{regular}, score {:.2}", flow.beacon.score));
    row(card, "record", &flow.first_record);
}

fn identifier(card: &mut Card<'_>, identifier: &Identifier) {
    title(card, Ink::Strong, "IDENTIFIER", &identifier.value);
    row(card, "confidence", &identifier.confidence);
    row(card, "why", &identifier.join);
    for (number, part) in (1..).zip(&identifier.parts) {
        let text = format!("`{}` in {}, {}", part.text, part.artifact, part.place);
        row(card, &format!("part {number}"), &text);
    }
}

fn indicator(card: &mut Card<'_>, case: &Case, indicator: &Indicator) {
    title(card, Ink::Strong, &indicator.kind.to_uppercase(), &indicator.value);
    let names = case.findings.iter().filter(|it| it.indicators.contains(&indicator.value));
    for finding in names.take(PLACES) {
        row(card, "finding", &format!("{} {}", finding.id, finding.headline));
        for seen in finding.seen_again.iter().filter(|seen| seen.indicator == indicator.value) {
            row(card, "seen again", &format!("{}:{}", seen.artifact, seen.line));
        }
    }
    let events = (1..).zip(&case.timeline).filter(|(_, entry)| {
        entry.summary.contains(&indicator.value) || entry.raw.contains(&indicator.value)
    });
    for (number, entry) in events.take(PLACES) {
        row(card, "event", &format!("E{number} {} {}", entry.time, entry.summary));
    }
}
