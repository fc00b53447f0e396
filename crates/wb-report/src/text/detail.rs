//! What the answer rests on: findings, hashes, differences, artifacts, coverage.

use super::page::{Ink, Page, shorten};
use super::{severity_ink, table, verdict_ink};
use crate::escape::Defang;
use crate::words::{self, place};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use wb_core::{
    Artifact, Case, Change, Confidence, Coverage, Dossier, Finding, Integrity, Listing, ReadState,
    Role, SeenAgain, Verdict,
};

/// Findings that are printed; the gravest come first.
const FINDINGS: usize = 60;
/// Rows of one table.
const ROWS: usize = 80;
/// Lines of a payload that are printed.
const PAYLOAD_LINES: usize = 40;
/// Lines of a listing that are printed round the marks.
const AROUND: usize = 3;
/// Lines of a listing that are printed in all.
const LISTING_LINES: usize = 40;
/// Differences that are printed for one artifact.
const DIFFERENCES: usize = 30;

/// Every finding, gravest first, with what would run and the decompiled code round it.
pub(super) fn findings(page: &mut Page, case: &Case, defang: &Defang) {
    if case.findings.is_empty() {
        return;
    }
    page.heading("FINDINGS");
    let mut shown: BTreeSet<(&str, usize)> = BTreeSet::new();
    for (index, item) in case.findings.iter().enumerate().take(FINDINGS) {
        if index > 0 {
            page.blank();
        }
        let again = case.seen_again.get(&index).map_or(&[][..], Vec::as_slice);
        finding(page, index, item, again, defang);
        // Each listing is shown once, under the gravest finding of its artifact that it is about.
        let Some(dossier) = case.dossiers.get(&item.artifact) else { continue };
        for (number, listing) in of_finding(dossier, item) {
            if shown.insert((item.artifact.as_str(), number)) {
                self::listing(page, item, listing);
            }
        }
    }
    page.hidden(case.findings.len().saturating_sub(FINDINGS), "finding");
}

/// One finding: headline, place, what would run, what it rests on and what to do.
pub(super) fn finding(
    page: &mut Page,
    index: usize,
    finding: &Finding,
    again: &[SeenAgain],
    defang: &Defang,
) {
    let id = format!("{:<4}", crate::finding_id(index));
    let severity = finding.severity.name().to_uppercase();
    page.paragraph(
        0,
        4,
        &[
            (Ink::Strong, &id),
            (severity_ink(finding.severity), &severity),
            (Ink::Plain, "  "),
            (Ink::Strong, &defang.text(&finding.headline)),
        ],
    );
    let mut row = |label: &str, text: &str| {
        let label = format!("{label:<12}");
        page.paragraph(4, 16, &[(Ink::Faint, &label), (Ink::Plain, &defang.text(text))]);
    };
    row("where", &format!("{}, {}", finding.artifact, place(&finding.location)));
    let confidence = match finding.confidence {
        Confidence::High => String::new(),
        other => format!(", {} confidence", other.name()),
    };
    row("rule", &format!("{}{confidence}", finding.rule));
    match (&finding.call, finding.trigger) {
        (Some(call), Some(trigger)) => row("runs", &format!("`{call}` {}", words::when(trigger))),
        (Some(call), None) => row("runs", &format!("`{call}`")),
        (None, Some(trigger)) => row("runs", words::when(trigger)),
        (None, None) => {}
    }
    // The first piece of evidence is the finding itself.
    for evidence in finding.evidence.iter().skip(1).take(8) {
        // Evidence at the finding's own place needs no second address.
        let here = evidence.artifact == finding.artifact && evidence.location == finding.location;
        let place = format!("  ({}, {})", evidence.artifact, place(&evidence.location));
        row("evidence", &format!("{}{}", evidence.because, if here { "" } else { &place }));
    }
    for seen in again.iter().take(6) {
        let record = format!("{}:{}", seen.record.artifact, seen.record.line);
        row("seen again", &format!("{} in {record}", seen.indicator.value()));
    }
    if again.len() > 6 {
        row("", &format!("and {} more", again.len() - 6));
    }
    if !finding.techniques.is_empty() {
        row("techniques", &finding.techniques.join(", "));
    }
    if !finding.next.is_empty() {
        row("next", &finding.next);
    }
    payloads(page, finding);
}

/// What would run or be sent, exactly as it is.
fn payloads(page: &mut Page, finding: &Finding) {
    for payload in &finding.payloads {
        let layers = match payload.layers.as_slice() {
            [] => String::new(),
            layers => format!(", taken out of {}", layers.join(", then ")),
        };
        let title = format!("payload: {}{layers}", payload.kind.name());
        page.line(4, &[(Ink::Faint, &title)]);
        code(page, &payload.text);
    }
}

fn code(page: &mut Page, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(PAYLOAD_LINES) {
        page.verbatim(4, "│ ", line, Ink::Plain);
    }
    if lines.len() > PAYLOAD_LINES {
        let rest = format!("│ … {} more lines", lines.len() - PAYLOAD_LINES);
        page.line(4, &[(Ink::Faint, &rest)]);
    }
}

/// The listings a finding is about: those of its component, or all when it names none.
fn of_finding<'a>(
    dossier: &'a Dossier,
    finding: &'a Finding,
) -> impl Iterator<Item = (usize, &'a Listing)> {
    let component = finding.location.component.as_deref();
    dossier.listings.iter().enumerate().filter(move |(_, listing)| {
        !listing.marks.is_empty()
            && component.is_none_or(|component| listing.place.contains(component))
    })
}

fn listing(page: &mut Page, finding: &Finding, listing: &Listing) {
    // A payload that is the whole listing has been printed above.
    let same = |text: &str| text.trim() == listing.text.trim();
    if finding.payloads.iter().any(|payload| same(&payload.text)) {
        return;
    }
    let place = if listing.place.is_empty() { "all of it" } else { &listing.place };
    let title = format!("decompiled from {}: {place}", listing.language.name());
    page.line(4, &[(Ink::Faint, &title)]);
    let lines: Vec<&str> = listing.text.lines().collect();
    let marks: BTreeSet<usize> = listing.marks.iter().copied().collect();
    let near = |number: usize| {
        let from = number.saturating_sub(AROUND);
        marks.range(from..=number.saturating_add(AROUND)).next().is_some()
    };
    let all = lines.len() <= LISTING_LINES;
    let mut printed = 0;
    let mut hidden = 0;
    for (number, line) in (1..).zip(&lines) {
        if printed >= LISTING_LINES || !(all || near(number)) {
            hidden += 1;
            continue;
        }
        gap(page, &mut hidden);
        let marked = marks.contains(&number);
        let gutter = format!("{number:>5} {} ", if marked { ">" } else { "│" });
        let ink = if marked { Ink::Bad } else { Ink::Plain };
        page.verbatim(4, &gutter, line, ink);
        printed += 1;
    }
    gap(page, &mut hidden);
}

/// Says how many lines were left out, and starts to count anew.
fn gap(page: &mut Page, hidden: &mut usize) {
    if *hidden > 0 {
        let text = format!("      … {} not shown", super::counted(*hidden as u64, "line"));
        page.line(4, &[(Ink::Faint, &text)]);
        *hidden = 0;
    }
}

/// Recorded hashes against files.
pub(super) fn integrity(page: &mut Page, case: &Case) {
    if case.integrity.is_empty() {
        return;
    }
    page.heading("HASHES");
    // What does not match is what a reader looks for.
    let mut integrity: Vec<&Integrity> = case.integrity.iter().collect();
    integrity.sort_by_key(|row| match row.matches {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    });
    let rows: Vec<Vec<String>> = integrity
        .iter()
        .take(ROWS)
        .map(|row| {
            let word = match row.matches {
                Some(true) => "MATCH",
                Some(false) => "MISMATCH",
                None => "UNRECORDED",
            };
            // Twelve digits tell files apart; the JSON report has all of them.
            let recorded = row.recorded.as_deref().map(|hex| shorten(hex, 12).into_owned());
            let place = row.recorded_in.as_ref().map(|at| format!("{}:{}", at.artifact, at.line));
            vec![
                word.to_owned(),
                row.artifact.to_string(),
                shorten(&row.actual, 12).into_owned(),
                recorded.unwrap_or_else(|| "-".into()),
                place.unwrap_or_else(|| "-".into()),
            ]
        })
        .collect();
    let headers = ["", "artifact", "measured", "recorded", "recorded in"];
    table::print(page, 2, &headers, &rows, |column, text| match (column, text) {
        (0, "MATCH") => Ink::Good,
        (0, "MISMATCH") => Ink::Bad,
        (0, "UNRECORDED") => Ink::Warn,
        _ => Ink::Plain,
    });
    page.hidden(case.integrity.len().saturating_sub(ROWS), "record");
}

/// What differs from the baseline.
pub(super) fn differences(page: &mut Page, case: &Case) {
    let with: Vec<_> =
        case.dossiers.iter().filter(|(_, dossier)| !dossier.differences.is_empty()).collect();
    if with.is_empty() {
        return;
    }
    page.heading("DIFFERENCES FROM THE BASELINE");
    for (path, dossier) in with {
        let baseline = dossier.differences.first().map(|item| item.baseline.as_str());
        let title = format!("{path}  against {}", baseline.unwrap_or_default());
        page.line(2, &[(Ink::Strong, &title)]);
        let rows =
            difference_rows(&dossier.differences[..dossier.differences.len().min(DIFFERENCES)]);
        print_differences(page, 4, &rows);
        if dossier.differences.len() > DIFFERENCES {
            let rest = dossier.differences.len() - DIFFERENCES;
            page.line(4, &[(Ink::Faint, &format!("… {rest} more; `weighbridge diff` shows all"))]);
        }
    }
}

pub(super) fn difference_rows(differences: &[wb_core::Difference]) -> Vec<Vec<String>> {
    differences
        .iter()
        .map(|item| {
            let sign = match item.change {
                Change::Added => "+",
                Change::Removed => "-",
                Change::Changed => "~",
            };
            vec![
                format!("{sign} {}", item.change.name()),
                item.what.to_owned(),
                item.name.clone(),
                item.detail.clone(),
            ]
        })
        .collect()
}

pub(super) fn print_differences(page: &mut Page, indent: usize, rows: &[Vec<String>]) {
    table::print(page, indent, &["", "", "", ""], rows, |column, text| match column {
        0 if text.starts_with('+') => Ink::Bad,
        0 => Ink::Warn,
        _ => Ink::Plain,
    });
}

/// Every artifact, worst first: what it is by content, its role and verdict.
pub(super) fn artifacts(page: &mut Page, case: &Case) {
    if case.artifacts.is_empty() {
        return;
    }
    page.heading("ARTIFACTS");
    let verdict = |artifact: &Artifact| {
        case.verdicts.get(&artifact.path).copied().unwrap_or(Verdict::Unknown)
    };
    let mut artifacts: Vec<&Artifact> = case.artifacts.iter().collect();
    artifacts.sort_by_key(|artifact| Reverse(verdict(artifact)));
    let rows: Vec<Vec<String>> = artifacts
        .iter()
        .take(ROWS)
        .map(|artifact| {
            let verdict = verdict(artifact);
            let role = case.roles.get(&artifact.path).map_or(Role::Other, |role| role.role);
            vec![
                verdict.name().to_owned(),
                artifact.path.to_string(),
                role.name().to_owned(),
                artifact.format.unwrap_or("unknown").to_owned(),
                super::bytes(artifact.size),
                artifact.sha256.map_or_else(
                    || "-".into(),
                    |digest| shorten(&digest.to_string(), 12).into_owned(),
                ),
            ]
        })
        .collect();
    let headers = ["verdict", "artifact", "role", "format", "size", "sha256"];
    table::print(page, 2, &headers, &rows, |column, text| match column {
        0 => [Verdict::Malicious, Verdict::Suspicious, Verdict::Unknown, Verdict::Clean]
            .into_iter()
            .find(|verdict| verdict.name() == text)
            .map_or(Ink::Plain, verdict_ink),
        _ => Ink::Plain,
    });
    page.hidden(artifacts.len().saturating_sub(ROWS), "artifact");
}

/// What was not read to its end, and how much was.
pub(super) fn coverage(page: &mut Page, coverage: &[Coverage]) {
    if coverage.is_empty() {
        return;
    }
    page.heading("COVERAGE");
    let read = coverage.iter().filter(|row| row.state == ReadState::Read).count();
    let text =
        format!("{read} of {} read to the end", super::counted(coverage.len() as u64, "artifact"));
    page.line(2, &[(Ink::Plain, &text)]);
    for row in coverage.iter().filter(|row| row.state != ReadState::Read).take(ROWS) {
        let state = format!("{:<8}", row.state.name().to_uppercase());
        let text = format!("{}: {}", row.artifact, row.why);
        page.paragraph(2, 10, &[(Ink::Warn, &state), (Ink::Plain, &text)]);
    }
    page.hidden((coverage.len() - read).saturating_sub(ROWS), "artifact");
}
