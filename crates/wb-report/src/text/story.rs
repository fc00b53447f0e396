//! What happened and what follows: timeline, flows, identifiers, candidates, contradictions, what is
//! missing, and what to do.

use super::page::{Ink, Page};
use super::records::Records;
use super::{counted, decision_ink, table};
use crate::escape::Defang;
use crate::time;
use crate::words::{regularity, status_word};
use wb_core::{Case, Flow, Phase, Status, TimelineEntry};

/// Timeline entries that are printed; key moments always are.
const ENTRIES: usize = 120;
/// Identifiers, contradictions and gaps that are printed.
const LISTED: usize = 30;
/// Flows that are printed of either kind.
const FLOWS: usize = 20;

pub(super) const fn status_ink(status: Status) -> Ink {
    match status {
        Status::Observed => Ink::Plain,
        Status::Inferred | Status::Missing => Ink::Warn,
    }
}

/// The events that matter, in time order.
pub(super) fn timeline(page: &mut Page, case: &Case, defang: &Defang) {
    if case.timeline.is_empty() {
        return;
    }
    page.heading("TIMELINE (UTC)");
    entries(page, &case.timeline, defang);
}

/// Timeline entries in columns: time, how sure, record, what happened; key moments in capitals.
pub(super) fn entries(page: &mut Page, timeline: &[TimelineEntry], defang: &Defang) {
    let keys = timeline.iter().filter(|entry| entry.key.is_some()).count();
    let mut room = ENTRIES.saturating_sub(keys);
    let shown: Vec<&TimelineEntry> = timeline
        .iter()
        .filter(|entry| {
            let shown = entry.key.is_some() || room > 0;
            room = room.saturating_sub(usize::from(entry.key.is_none()));
            shown
        })
        .collect();
    let records = Records::new(shown.iter().map(|entry| &entry.record), page.columns() / 4);
    for entry in &shown {
        let clock = format!("{}  ", time::clock(entry.time));
        let status = format!("{:<10}", status_word(entry.status));
        let record = records.cell(&entry.record);
        let key = entry.key.map(|key| format!("{}  ", key.name().replace('_', " ").to_uppercase()));
        page.paragraph(
            2,
            35 + records.width(),
            &[
                (Ink::Plain, &clock),
                (status_ink(entry.status), &status),
                (Ink::Faint, &record),
                (Ink::Strong, key.as_deref().unwrap_or_default()),
                (Ink::Plain, &defang.text(&entry.summary)),
            ],
        );
    }
    page.hidden(timeline.len() - shown.len(), "event");
}

/// Connections: those of the compromise each on its own, the others as a table.
pub(super) fn flows(page: &mut Page, case: &Case, defang: &Defang) {
    if case.flows.is_empty() {
        return;
    }
    page.heading("CONNECTIONS");
    let (hostile, other): (Vec<&Flow>, Vec<&Flow>) =
        case.flows.iter().partition(|flow| flow.of_compromise);
    for flow in hostile.iter().take(FLOWS) {
        let title = format!("{} to {}", flow.source, super::destination(flow));
        page.paragraph(2, 4, &[(Ink::Bad, "! "), (Ink::Strong, &defang.text(&title))]);
        let text = format!(
            "{}, {} blocked, {} sent; {} to {}; {}",
            counted(flow.count, "attempt"),
            super::grouped(flow.blocked),
            super::bytes(flow.bytes_out),
            time::clock(flow.first),
            time::clock(flow.last),
            regularity(flow),
        );
        page.paragraph(4, 4, &[(Ink::Plain, &text)]);
    }
    let rows: Vec<Vec<String>> = other
        .iter()
        .take(FLOWS)
        .map(|flow| {
            vec![
                format!("{} to {}", flow.source, super::destination(flow)),
                super::grouped(flow.count),
                super::grouped(flow.blocked),
                super::bytes(flow.bytes_out),
                regularity(flow),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let headers = ["others", "attempts", "blocked", "sent", "regularity"];
        table::print(page, 2, &headers, &rows, |_, _| Ink::Plain);
    }
    let hidden = hostile.len().saturating_sub(FLOWS) + other.len().saturating_sub(FLOWS);
    page.hidden(hidden, "connection");
}

/// Identifiers with every part and its place.
pub(super) fn identifiers(page: &mut Page, case: &Case) {
    if case.identifiers.is_empty() {
        return;
    }
    page.heading("IDENTIFIERS");
    for identifier in case.identifiers.iter().take(LISTED) {
        let confidence = format!("  ({} confidence)", identifier.confidence.name());
        page.paragraph(2, 4, &[(Ink::Strong, &identifier.value), (Ink::Plain, &confidence)]);
        for part in &identifier.parts {
            let text = format!("`{}`  {}, {}", part.text, part.artifact, part.place);
            page.paragraph(4, 10, &[(Ink::Faint, "part  "), (Ink::Plain, &text)]);
        }
        page.paragraph(4, 10, &[(Ink::Faint, "why   "), (Ink::Plain, &identifier.join)]);
    }
    page.hidden(case.identifiers.len().saturating_sub(LISTED), "identifier");
}

/// May each candidate be deployed, and why.
pub(super) fn candidates(page: &mut Page, case: &Case, defang: &Defang) {
    if case.candidates.is_empty() {
        return;
    }
    page.heading("CANDIDATES");
    for candidate in &case.candidates {
        let decision = format!("{:<8}", candidate.decision.name().to_uppercase());
        page.paragraph(
            2,
            10,
            &[
                (decision_ink(candidate.decision), &decision),
                (Ink::Strong, candidate.artifact.as_str()),
            ],
        );
        for why in &candidate.because {
            page.paragraph(10, 12, &[(Ink::Faint, "- "), (Ink::Plain, &defang.text(why))]);
        }
    }
}

/// What the evidence says against itself.
pub(super) fn contradictions(page: &mut Page, case: &Case, defang: &Defang) {
    if case.contradictions.is_empty() {
        return;
    }
    page.heading("CONTRADICTIONS");
    for contradiction in case.contradictions.iter().take(LISTED) {
        page.paragraph(
            2,
            4,
            &[(Ink::Plain, "- "), (Ink::Plain, &defang.text(&contradiction.what))],
        );
        for evidence in &contradiction.evidence {
            page.paragraph(4, 6, &[(Ink::Faint, &defang.text(evidence))]);
        }
    }
}

/// What should be in the supplied evidence and is not.
pub(super) fn missing(page: &mut Page, case: &Case, defang: &Defang) {
    if case.missing.is_empty() {
        return;
    }
    page.heading("MISSING");
    for missing in case.missing.iter().take(LISTED) {
        page.paragraph(2, 4, &[(Ink::Plain, "- "), (Ink::Plain, &defang.text(missing))]);
    }
    page.hidden(case.missing.len().saturating_sub(LISTED), "gap");
}

/// What to do, by phase, with the commands.
pub(super) fn recommendations(page: &mut Page, case: &Case, defang: &Defang) {
    if case.recommendations.is_empty() {
        return;
    }
    page.heading("WHAT TO DO");
    let mut phase: Option<Phase> = None;
    for (index, item) in case.recommendations.iter().enumerate() {
        if phase != Some(item.phase) {
            page.line(2, &[(Ink::Strong, &item.phase.name().to_uppercase())]);
            phase = Some(item.phase);
        }
        let number = format!("{:>3}. ", index + 1);
        page.paragraph(2, 7, &[(Ink::Plain, &number), (Ink::Plain, &defang.text(&item.what))]);
        for line in item.command.iter().flat_map(|command| command.lines()) {
            page.verbatim(7, "$ ", line, Ink::Strong);
        }
    }
}
