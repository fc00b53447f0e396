//! What happened and what follows: timeline, flows, identifiers, candidates, contradictions, what is
//! missing, and what to do.

use super::page::{Ink, Page};
use super::{counted, decision_ink, table};
use crate::escape::Defang;
use crate::time;
use wb_core::{BeaconState, Case, Flow, Phase, Status, TimelineEntry};

/// Timeline entries that are printed; key moments always are.
const ENTRIES: usize = 120;
/// Flows that are printed; those of the compromise come first.
const FLOWS: usize = 20;

/// How sure an entry is, in capitals: it must be seen without colour.
pub(super) const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Observed => "OBSERVED",
        Status::Inferred => "INFERRED",
        Status::Missing => "MISSING",
    }
}

const fn status_ink(status: Status) -> Ink {
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

/// Timeline entries: key moments in capitals, the record at the end of each.
pub(super) fn entries(page: &mut Page, timeline: &[TimelineEntry], defang: &Defang) {
    let keys = timeline.iter().filter(|entry| entry.key.is_some()).count();
    let mut room = ENTRIES.saturating_sub(keys);
    let mut hidden: u64 = 0;
    for entry in timeline {
        if entry.key.is_none() {
            if room == 0 {
                hidden += 1;
                continue;
            }
            room -= 1;
        }
        let clock = format!("{}  ", time::clock(entry.time));
        let status = format!("{:<10}", status_word(entry.status));
        let key = entry.key.map(|key| format!("{}: ", key.name().replace('_', " ").to_uppercase()));
        let record = format!("  {}:{}", entry.record.artifact, entry.record.line);
        page.paragraph(
            2,
            33,
            &[
                (Ink::Plain, &clock),
                (status_ink(entry.status), &status),
                (Ink::Strong, key.as_deref().unwrap_or_default()),
                (Ink::Plain, &defang.text(&entry.summary)),
                (Ink::Faint, &record),
            ],
        );
    }
    if hidden > 0 {
        let text = format!(
            "… {} not shown; `--html` and `--format json` hold all",
            counted(hidden, "event")
        );
        page.line(2, &[(Ink::Faint, &text)]);
    }
}

/// Connections, those of the compromise first.
pub(super) fn flows(page: &mut Page, case: &Case) {
    if case.flows.is_empty() {
        return;
    }
    page.heading("CONNECTIONS");
    let mut flows: Vec<&Flow> = case.flows.iter().collect();
    flows.sort_by_key(|flow| !flow.of_compromise);
    let rows: Vec<Vec<String>> = flows
        .iter()
        .take(FLOWS)
        .map(|flow| {
            let mark = if flow.of_compromise { "!" } else { "" };
            vec![
                mark.to_owned(),
                format!("{} to {}", flow.source, super::destination(flow)),
                super::grouped(flow.count),
                super::grouped(flow.blocked),
                super::bytes(flow.bytes_out),
                regularity(flow),
                time::clock(flow.first),
                time::clock(flow.last),
            ]
        })
        .collect();
    let headers = ["", "connection", "count", "blocked", "sent", "regularity", "first", "last"];
    table::print(
        page,
        2,
        &headers,
        &rows,
        |column, _| if column == 0 { Ink::Bad } else { Ink::Plain },
    );
    if flows.iter().take(FLOWS).any(|flow| flow.of_compromise) {
        page.line(2, &[(Ink::Faint, "! goes to a destination of the compromise")]);
    }
    if flows.len() > FLOWS {
        let rest = counted((flows.len() - FLOWS) as u64, "connection");
        page.line(2, &[(Ink::Faint, &format!("… {rest} not shown"))]);
    }
}

fn regularity(flow: &Flow) -> String {
    match (flow.beacon.state, flow.beacon.period_seconds) {
        (state @ (BeaconState::Periodic | BeaconState::Jittered), Some(period)) => {
            format!("{} {}, score {:.2}", state.name(), time::period(period), flow.beacon.score)
        }
        (BeaconState::Insufficient, _) => "too few to tell".to_owned(),
        (state, _) => state.name().to_owned(),
    }
}

/// Identifiers with every part and its place.
pub(super) fn identifiers(page: &mut Page, case: &Case) {
    if case.identifiers.is_empty() {
        return;
    }
    page.heading("IDENTIFIERS");
    for identifier in &case.identifiers {
        let confidence = format!("  ({} confidence)", identifier.confidence.name());
        page.paragraph(2, 4, &[(Ink::Strong, &identifier.value), (Ink::Plain, &confidence)]);
        for part in &identifier.parts {
            let text = format!("`{}`  {}, {}", part.text, part.artifact, part.place);
            page.paragraph(4, 10, &[(Ink::Faint, "part  "), (Ink::Plain, &text)]);
        }
        page.paragraph(4, 10, &[(Ink::Faint, "why   "), (Ink::Plain, &identifier.join)]);
    }
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
    for contradiction in &case.contradictions {
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
    for missing in &case.missing {
        page.paragraph(2, 4, &[(Ink::Plain, "- "), (Ink::Plain, &defang.text(missing))]);
    }
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
