//! A page for each artifact: what it is, what is in it, what differs from the baseline.

use super::{Writer, chip, findings, headed, verdict_class};
use crate::words;
use maud::{Markup, html};
use wb_core::{Artifact, Case, Change, Dossier, Role, Verdict};

/// Artifacts that get a page.
const MOST: usize = 1_000;
/// Rows of one table.
const ROWS: usize = 200;

/// The section of artifacts, by path.
pub(super) fn section(case: &Case, writer: &Writer) -> Markup {
    if case.artifacts.is_empty() {
        return html! {};
    }
    let hidden = case.artifacts.len().saturating_sub(MOST);
    headed(
        "artifacts",
        "Artifacts",
        "what each is by content; a row opens to what is in it",
        html! {
            @for (index, artifact) in case.artifacts.iter().enumerate().take(MOST) {
                (page(case, index, artifact, writer))
            }
            @if hidden > 0 { p.note { (hidden) " artifacts are not shown; the JSON report holds all of them." } }
        },
    )
}

fn page(case: &Case, index: usize, artifact: &Artifact, writer: &Writer) -> Markup {
    let verdict = case.verdicts.get(&artifact.path).copied().unwrap_or(Verdict::Unknown);
    let role = case.roles.get(&artifact.path);
    let name = role.map_or(Role::Other, |role| role.role).name();
    html! {
        details.artifact id=(format!("a{index}")) {
            summary {
                span { (chip(verdict_class(verdict), verdict.name())) }
                span.path { (writer.exact(artifact.path.as_str())) }
                span.aside { (name) }
                span.aside { (artifact.format.unwrap_or("unknown")) }
                span.num { (words::bytes(artifact.size)) }
            }
            div.body {
                dl.facts {
                    dt { "SHA-256" }
                    dd {
                        @match artifact.sha256 {
                            Some(digest) => code { (digest.to_string()) },
                            None => "not measured",
                        }
                    }
                    dt { "size" } dd { (words::grouped(artifact.size)) " bytes" }
                    @if let Some(role) = role {
                        dt { "role" }
                        dd { (role.role.name()) @if !role.because.is_empty() { ": " (writer.prose(&role.because.join("; "))) } }
                    }
                    (its_findings(case, artifact, writer))
                }
                @if let Some(dossier) = case.dossiers.get(&artifact.path) { (contents(dossier, writer)) }
            }
        }
    }
}

fn its_findings(case: &Case, artifact: &Artifact, writer: &Writer) -> Markup {
    let all: Vec<_> = crate::findings_in(&artifact.path, &case.findings).take(50).collect();
    html! {
        @if !all.is_empty() {
            dt { "findings" }
            @for (index, finding) in all {
                dd {
                    a href=(format!("#{}", crate::finding_id(index))) { (crate::finding_id(index)) } " "
                    (writer.prose(&finding.headline))
                }
            }
        }
    }
}

fn contents(dossier: &Dossier, writer: &Writer) -> Markup {
    html! {
        (differences(dossier, writer))
        @for listing in &dossier.listings { (findings::listing(listing, writer)) }
        (components(dossier, writer))
        (tensors(dossier, writer))
        (fields(dossier, writer))
        (excerpt(dossier, writer))
    }
}

fn differences(dossier: &Dossier, writer: &Writer) -> Markup {
    let all = &dossier.differences;
    let Some(first) = all.first() else { return html! {} };
    html! {
        h3 { "Differences from " (writer.path(&first.baseline)) }
        (table(&["change", "what", "name", "detail"], all.len(), html! {
            @for item in all.iter().take(ROWS) {
                tr {
                    td.short {
                        @let (class, sign) = match item.change {
                            Change::Added => ("bad", "+"),
                            Change::Removed => ("warn", "−"),
                            Change::Changed => ("warn", "~"),
                        };
                        (chip(class, &format!("{sign} {}", item.change.name())))
                    }
                    td.short { (item.what) }
                    td.mono { (writer.exact(&item.name)) }
                    td { (writer.exact(&item.detail)) }
                }
            }
        }))
    }
}

fn components(dossier: &Dossier, writer: &Writer) -> Markup {
    let all = &dossier.components;
    html! {
        @if !all.is_empty() {
            h3 { "Components (" (all.len()) ")" }
            (table(&["kind", "name", "class", "where", "settings"], all.len(), html! {
                @for item in all.iter().take(ROWS) {
                    tr {
                        td.short { (item.kind) }
                        td { (writer.exact(&item.name)) }
                        td.mono {
                            @if let Some(module) = &item.module { (writer.exact(module)) "." }
                            (writer.exact(&item.class))
                        }
                        td.mono { (writer.exact(&item.place)) }
                        td.mono { (settings(item, writer)) }
                    }
                }
            }))
        }
    }
}

fn settings(component: &wb_core::Component, writer: &Writer) -> String {
    let all: Vec<String> = component
        .settings
        .iter()
        .filter(|setting| setting.path != "name")
        .take(12)
        .map(|setting| {
            format!("{}={}", words::cut(&setting.path, 60), words::cut(&setting.value, 80))
        })
        .collect();
    writer.exact(&all.join("  "))
}

fn tensors(dossier: &Dossier, writer: &Writer) -> Markup {
    let all = &dossier.tensors;
    html! {
        @if !all.is_empty() {
            h3 { "Tensors (" (all.len()) ")" }
            (table(&["name", "type", "shape", "place"], all.len(), html! {
                @for item in all.iter().take(ROWS) {
                    tr {
                        td.mono { (writer.exact(&item.name)) }
                        td.mono { (writer.exact(&item.dtype)) }
                        td.mono { (words::shape(&item.shape)) }
                        td.short { @if let Some(span) = item.span { (words::decimal_offset(span)) } }
                    }
                }
            }))
        }
    }
}

fn fields(dossier: &Dossier, writer: &Writer) -> Markup {
    let all = &dossier.fields;
    html! {
        @if !all.is_empty() {
            h3 { "Metadata (" (all.len()) ")" }
            (table(&["field", "value"], all.len(), html! {
                @for item in all.iter().take(ROWS) {
                    tr {
                        td.mono { (writer.exact(&words::cut(&item.path, 200))) }
                        td.mono { (writer.exact(&words::cut(&item.value, 2_000))) }
                    }
                }
            }))
        }
    }
}

fn excerpt(dossier: &Dossier, writer: &Writer) -> Markup {
    let all = &dossier.excerpt;
    html! {
        @if !all.is_empty() {
            h3 { "Records the case refers to, and their neighbours" }
            pre {
                @for (line, text) in all.iter().take(ROWS) {
                    span.l data-n=(line) { (writer.exact(text)) "\n" }
                }
            }
            @if all.len() > ROWS { p.note { (all.len() - ROWS) " lines are not shown." } }
        }
    }
}

/// A table of at most [`ROWS`] rows that says how many it leaves out.
fn table(headers: &[&str], all: usize, body: Markup) -> Markup {
    html! {
        div.table {
            table {
                thead { tr { @for header in headers { th { (header) } } } }
                tbody { (body) }
            }
        }
        @if all > ROWS { p.note { (all - ROWS) " rows are not shown; " code { "weighbridge inspect" } " lists all." } }
    }
}
