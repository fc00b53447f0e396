//! Findings: place, what would run, decompiled code with the lines that matter.

use super::{Writer, chip, code, headed, severity_class};
use crate::words::{self, place};
use maud::{Markup, html};
use wb_core::{Case, Confidence, Finding, Listing, Payload, SeenAgain, Severity};

/// Findings that are written in full.
const MOST: usize = 400;
/// Lines of code that are drawn at once.
pub(super) const LINES: usize = 300;

pub(super) fn section_note(case: &Case) -> String {
    let grave = case.findings.iter().filter(|finding| finding.severity >= Severity::High).count();
    format!("{} high or critical", grave)
}

/// The section of findings, gravest first.
pub(super) fn section(case: &Case, writer: &Writer) -> Markup {
    if case.findings.is_empty() {
        return html! {};
    }
    let hidden = case.findings.len().saturating_sub(MOST);
    headed(
        "findings",
        "Findings",
        &section_note(case),
        html! {
            @for (index, finding) in case.findings.iter().enumerate().take(MOST) {
                (self::finding(case, index, finding, writer))
            }
            @if hidden > 0 { p.note { (hidden) " findings are not shown; the JSON report holds all of them." } }
        },
    )
}

fn finding(case: &Case, index: usize, finding: &Finding, writer: &Writer) -> Markup {
    let class = severity_class(finding.severity);
    let again = case.seen_again.get(&index).map_or(&[][..], Vec::as_slice);
    html! {
        details class=(format!("finding {class}")) id=(crate::finding_id(index))
            open[finding.severity >= Severity::High] {
            summary {
                span.id { (crate::finding_id(index)) }
                (chip(class, finding.severity.name()))
                span.headline { (writer.prose(&finding.headline)) }
            }
            div.body {
                dl.facts { (facts(finding, again, writer)) }
                @for payload in payloads(case, finding) {
                    h3 {
                        "What would run or be sent: " (payload.kind.name())
                        @if !payload.layers.is_empty() {
                            ", taken out of " (writer.exact(&payload.layers.join(", then ")))
                        }
                    }
                    pre.wrap { (writer.exact(&payload.text)) }
                }
                @for listing in listings(case, finding) { (self::listing(listing, writer)) }
            }
        }
    }
}

fn facts(finding: &Finding, again: &[SeenAgain], writer: &Writer) -> Markup {
    html! {
        dt { "where" }
        dd { (writer.path(&finding.artifact)) ", " (writer.prose(&place(&finding.location))) }
        dt { "rule" }
        dd {
            code { (finding.rule) }
            @if finding.confidence != Confidence::High { ", " (finding.confidence.name()) " confidence" }
        }
        @if let Some(call) = &finding.call {
            dt { "calls" }
            dd { code { (writer.exact(call)) } @if let Some(trigger) = finding.trigger { " " (words::when(trigger)) } }
        } @else if let Some(trigger) = finding.trigger {
            dt { "happens" } dd { (words::when(trigger)) }
        }
        @if finding.evidence.len() > 1 {
            dt { "evidence" }
            // The first piece of evidence is the finding itself.
            @for evidence in finding.evidence.iter().skip(1).take(20) {
                dd.tight {
                    (writer.prose(&evidence.because)) ": " (writer.path(&evidence.artifact)) ", "
                    (writer.prose(&place(&evidence.location)))
                }
            }
        }
        @if !again.is_empty() {
            dt { "seen again" }
            @for seen in again.iter().take(20) {
                dd.tight { (writer.prose(seen.indicator.value())) " in " (writer.record(&seen.record)) }
            }
            @if again.len() > 20 { dd.note { "and " (words::counted(again.len() as u64 - 20, "more place")) } }
        }
        @if !finding.techniques.is_empty() {
            dt { "techniques" } dd { (finding.techniques.join(", ")) }
        }
        @if !finding.next.is_empty() { dt { "next" } dd { (writer.prose(&finding.next)) } }
    }
}

/// The payloads of a finding, without one that is a whole listing: that shows it with its marks.
fn payloads<'a>(case: &'a Case, finding: &'a Finding) -> impl Iterator<Item = &'a Payload> {
    let listed = move |payload: &Payload| {
        listings(case, finding).any(|listing| listing.text.trim() == payload.text.trim())
    };
    finding.payloads.iter().filter(move |payload| !listed(payload))
}

/// The listings a finding is about.
fn listings<'a>(case: &'a Case, finding: &'a Finding) -> impl Iterator<Item = &'a Listing> {
    let all = case.dossiers.get(&finding.artifact).map_or(&[][..], |dossier| &dossier.listings);
    let component = finding.location.component.as_deref();
    all.iter().filter(move |listing| {
        !listing.marks.is_empty()
            && component.is_none_or(|component| listing.place.contains(component))
    })
}

/// Decompiled code.
pub(super) fn listing(listing: &Listing, writer: &Writer) -> Markup {
    html! {
        h3 { "Decompiled from " (listing.language.name()) @if !listing.place.is_empty() { ", " (writer.exact(&listing.place)) } }
        (code(writer, &listing.text, &listing.marks, LINES))
    }
}
