//! Findings, events and artifacts of a saved case, and in [`sheet`] the rest of it.

mod sheet;

pub use sheet::{Sheet, sheet};

use super::page::{Ink, Page, Style};
use super::{bytes, counted};
use crate::escape::Defang;
use crate::saved::{Artifact, Case, Detail, Entry, Finding, Location, Shown};

/// Lines of code and of records that are printed.
const LINES: usize = 400;

/// Shows one thing of a case with everything the case knows of it.
pub fn shown(case: &Case, shown: Shown<'_>, style: &Style) -> String {
    shown_as(case, shown, style, &Defang::of_saved(case))
}

/// As [`shown`], with the hosts of `defang` defanged in prose: none when it is empty.
pub fn shown_as(case: &Case, shown: Shown<'_>, style: &Style, defang: &Defang) -> String {
    let mut card = Card { page: Page::new(*style), defang };
    match shown {
        Shown::Finding(finding) => self::finding(&mut card, case, finding),
        Shown::Entry(number, entry) => self::entry(&mut card, case, number, entry),
        Shown::Artifact(artifact) => self::artifact(&mut card, case, artifact),
    }
    card.page.finish()
}

/// One thing as it is shown: prose is defanged, payloads and records are exact.
struct Card<'a> {
    page: Page,
    defang: &'a Defang,
}

/// A label and its text.
fn row(card: &mut Card<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        let label = format!("{label:<12}");
        let text = card.defang.text(text).into_owned();
        card.page.paragraph(4, 16, &[(Ink::Faint, &label), (Ink::Plain, &text)]);
    }
}

fn place(location: &Location) -> String {
    let mut parts = Vec::new();
    if !location.place.is_empty() {
        parts.push(location.place.clone());
    }
    if let Some(component) = location.component.as_ref().filter(|it| !location.place.contains(*it))
    {
        parts.push(format!("in `{component}`"));
    }
    if let (Some(offset), Some(length)) = (location.offset, location.length) {
        parts.push(format!("offset {offset}, {}", counted(length, "byte")));
    }
    parts.join(", ")
}

fn finding(card: &mut Card<'_>, case: &Case, finding: &Finding) {
    let id = format!("{:<4}", finding.id);
    let severity = finding.severity.to_uppercase();
    let headline = card.defang.text(&finding.headline).into_owned();
    card.page.paragraph(
        0,
        4,
        &[
            (Ink::Strong, &id),
            (ink(&finding.verdict), &severity),
            (Ink::Plain, "  "),
            (Ink::Strong, &headline),
        ],
    );
    row(card, "where", &format!("{}, {}", finding.artifact, place(&finding.location)));
    row(card, "rule", &format!("{}, confidence {}", finding.rule, finding.confidence));
    let call = finding.call.as_deref().map(|call| format!("`{call}`")).unwrap_or_default();
    let trigger = finding.trigger.as_deref().map(|it| format!("trigger {it}")).unwrap_or_default();
    row(card, "runs", [call, trigger].join(" ").trim());
    for evidence in finding.evidence.iter().skip(1) {
        let at =
            format!("{} ({}, {})", evidence.because, evidence.artifact, place(&evidence.location));
        row(card, "evidence", &at);
    }
    for seen in &finding.seen_again {
        row(card, "seen again", &format!("{} in {}:{}", seen.indicator, seen.artifact, seen.line));
    }
    row(card, "techniques", &finding.techniques.join(", "));
    row(card, "next", &finding.next);
    for payload in &finding.payloads {
        let layers = match payload.layers.as_slice() {
            [] => String::new(),
            layers => format!(", taken out of {}", layers.join(", then ")),
        };
        card.page.line(4, &[(Ink::Faint, &format!("payload: {}{layers}", payload.kind))]);
        for line in payload.text.lines().take(LINES) {
            card.page.verbatim(4, "│ ", line, Ink::Plain);
        }
    }
    if let Some(detail) = case.detail(&finding.artifact) {
        let component = finding.location.component.as_deref();
        listings(card, detail, component);
    }
}

/// Code of an artifact: that of `component`, or all when it is not named.
fn listings(card: &mut Card<'_>, detail: &Detail, component: Option<&str>) {
    let wanted = detail
        .listings
        .iter()
        .filter(|listing| component.is_none_or(|name| listing.place.contains(name)));
    for listing in wanted {
        card.page.heading(&format!("CODE: {} {}", listing.language, listing.place));
        for (number, line) in (1..).zip(listing.text.lines()).take(LINES) {
            let marked = listing.marks.contains(&number);
            let gutter = format!("{number:>5} {} ", if marked { ">" } else { "│" });
            card.page.verbatim(0, &gutter, line, if marked { Ink::Bad } else { Ink::Plain });
        }
    }
}

fn entry(card: &mut Card<'_>, case: &Case, number: usize, entry: &Entry) {
    let id = format!("E{number:<3}");
    let key = entry.key.as_deref().map(|key| format!("{}  ", key.replace('_', " ").to_uppercase()));
    let summary = card.defang.text(&entry.summary).into_owned();
    card.page.paragraph(
        0,
        4,
        &[
            (Ink::Strong, &id),
            (Ink::Warn, key.as_deref().unwrap_or_default()),
            (Ink::Strong, &summary),
        ],
    );
    row(card, "time", &format!("{} ({})", entry.time, entry.time_basis));
    row(card, "status", &entry.status.to_uppercase());
    row(card, "kind", &entry.kind);
    row(card, "record", &format!("{}:{}, offset {}", entry.artifact, entry.line, entry.offset));
    let related = case.findings.iter().filter(|finding| {
        finding.artifact == entry.artifact
            || finding
                .seen_again
                .iter()
                .any(|seen| seen.artifact == entry.artifact && seen.line == entry.line)
    });
    for finding in related {
        row(card, "finding", &format!("{} {}", finding.id, finding.headline));
    }
    let excerpt = case.detail(&entry.artifact).map(|detail| detail.excerpt.as_slice());
    let near = excerpt.unwrap_or_default().iter().filter(|it| it.line.abs_diff(entry.line) <= 3);
    let near: Vec<_> = near.collect();
    if near.is_empty() {
        card.page.verbatim(4, "> ", &entry.raw, Ink::Plain);
    }
    for line in near {
        let mark = if line.line == entry.line { '>' } else { ' ' };
        card.page.verbatim(4, &format!("{mark} {:>6}  ", line.line), &line.text, Ink::Plain);
    }
}

fn artifact(card: &mut Card<'_>, case: &Case, artifact: &Artifact) {
    let verdict = artifact.verdict.to_uppercase();
    card.page.paragraph(
        0,
        2,
        &[(ink(&artifact.verdict), &verdict), (Ink::Plain, "  "), (Ink::Strong, &artifact.path)],
    );
    row(card, "format", artifact.format.as_deref().unwrap_or("unknown"));
    row(card, "size", &bytes(artifact.size));
    row(card, "sha256", artifact.sha256.as_deref().unwrap_or("not measured"));
    row(card, "role", &format!("{}: {}", artifact.role, artifact.role_because.join("; ")));
    for digest in case.integrity.iter().filter(|digest| digest.artifact == artifact.path) {
        let state = match digest.matches {
            Some(true) => "MATCH",
            Some(false) => "MISMATCH",
            None => "UNRECORDED",
        };
        let recorded = digest.recorded_sha256.as_deref().unwrap_or_default();
        let place = digest.recorded_in.as_deref().unwrap_or_default();
        row(card, "hash", format!("{state} {recorded} {place}").trim());
    }
    for candidate in case.candidates.iter().filter(|it| it.artifact == artifact.path) {
        let decision = candidate.decision.to_uppercase();
        row(card, "candidate", &format!("{decision}: {}", candidate.because.join("; ")));
    }
    for id in &artifact.findings {
        if let Some(finding) = case.findings.iter().find(|finding| finding.id == *id) {
            let text = format!("{id} {} {}", finding.severity.to_uppercase(), finding.headline);
            row(card, "finding", &text);
        }
    }
    for coverage in case.coverage.iter().filter(|row| row.artifact == artifact.path) {
        row(card, "read", &format!("{}: {}", coverage.state, coverage.why));
    }
    if let Some(detail) = case.detail(&artifact.path) {
        self::detail(card, detail);
    }
}

fn detail(card: &mut Card<'_>, detail: &Detail) {
    let counts = [
        (detail.components, "component"),
        (detail.tensors, "tensor"),
        (detail.fields, "metadata value"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count as u64, noun))
        .collect();
    row(card, "holds", &counts.join(", "));
    for difference in detail.differences.iter().take(LINES) {
        let text = format!(
            "{} {} `{}`: {} (baseline {})",
            difference.change,
            difference.what,
            difference.name,
            difference.detail,
            difference.baseline
        );
        row(card, "differs", &text);
    }
    listings(card, detail, None);
    if !detail.excerpt.is_empty() {
        card.page.heading("RECORDS THE CASE REFERS TO");
        for line in detail.excerpt.iter().take(LINES) {
            card.page.verbatim(0, &format!("{:>6}  ", line.line), &line.text, Ink::Plain);
        }
    }
}

/// The ink of a verdict by name.
fn ink(verdict: &str) -> Ink {
    match verdict {
        "malicious" => Ink::Bad,
        "suspicious" | "unknown" => Ink::Warn,
        _ => Ink::Plain,
    }
}
