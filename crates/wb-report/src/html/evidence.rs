//! Connections, hashes, identifiers, candidates, doubts, indicators, and the appendix of evidence.

use super::{Writer, chart, chip, head, headed, network, reasoning};
use crate::time;
use crate::words;
use maud::{Markup, html};
use wb_core::{Case, Flow, ReadState};

/// Rows of one table.
const ROWS: usize = 500;
/// Flows that get a drawing.
const DRAWN: usize = 24;

/// Connections: those of the compromise drawn, the others as a table.
pub(super) fn flows(case: &Case, writer: &Writer) -> Markup {
    if case.flows.is_empty() {
        return html! {};
    }
    let (hostile, other): (Vec<&Flow>, Vec<&Flow>) =
        case.flows.iter().partition(|flow| flow.of_compromise);
    headed(
        "connections",
        "Connections",
        "",
        html! {
            (network::graph(case, writer))
            @for flow in hostile.iter().take(DRAWN) { (hostile_flow(flow, writer)) }
            (hidden(hostile.len(), DRAWN))
            (reasoning::loads(case, writer))
            (reasoning::exchanges(case, writer))
            @if !other.is_empty() {
                @if !hostile.is_empty() { h3 { "Others" } }
                div.table {
                    table {
                        thead { tr { th { "from" } th { "to" } th.num { "attempts" } th.num { "blocked" }
                            th.num { "sent" } th { "regularity" } th { "first" } th { "last" } } }
                        tbody { @for flow in other.iter().take(ROWS) { (other_flow(flow, writer)) } }
                    }
                }
                (hidden(other.len(), ROWS))
            }
        },
    )
}

fn hostile_flow(flow: &Flow, writer: &Writer) -> Markup {
    html! {
        div.card {
            b { (writer.exact(&flow.source)) " to " (writer.prose(&words::destination(flow))) } " "
            (chip("bad", "of the compromise"))
            p {
                (words::counted(flow.count, "attempt")) ", " (words::grouped(flow.blocked)) " blocked, "
                (words::bytes(flow.bytes_out)) " sent; " (time::clock(flow.first)) " to "
                (time::clock(flow.last)) "; " (words::regularity(flow))
            }
            p.note { "first attempt: " (writer.record(&flow.first_record)) }
            (chart::intervals(flow))
        }
    }
}

fn other_flow(flow: &Flow, writer: &Writer) -> Markup {
    html! {
        tr {
            td { (writer.exact(&flow.source)) }
            td { (writer.exact(&words::destination(flow))) }
            td.num { (words::grouped(flow.count)) }
            td.num { (words::grouped(flow.blocked)) }
            td.num { (words::bytes(flow.bytes_out)) }
            td { (words::regularity(flow)) }
            td.short { (time::clock(flow.first)) }
            td.short { (time::clock(flow.last)) }
        }
    }
}

fn hidden(all: usize, shown: usize) -> Markup {
    html! {
        @if all > shown {
            p.note { (all - shown) " more are not shown; the JSON report holds all of them." }
        }
    }
}

/// Whether a recorded hash is that of the file.
pub(super) fn match_chip(matches: Option<bool>) -> Markup {
    match matches {
        Some(true) => chip("good", "match"),
        Some(false) => chip("bad", "mismatch"),
        None => chip("warn", "unrecorded"),
    }
}

/// Recorded hashes against files.
pub(super) fn integrity(case: &Case, writer: &Writer) -> Markup {
    if case.integrity.is_empty() {
        return html! {};
    }
    headed(
        "hashes",
        "Hashes",
        "as recorded, against the files",
        html! {
            div.table {
                table {
                    thead { tr { th {} th { "artifact" } th { "measured" } th { "recorded" } th { "recorded in" } } }
                    tbody {
                        @for row in case.integrity.iter().take(ROWS) {
                            tr {
                                td.short {
                                    (match_chip(row.matches))
                                }
                                td { (writer.path(&row.artifact)) }
                                td.mono { (writer.exact(&row.actual)) }
                                td.mono { @if let Some(recorded) = &row.recorded { (writer.exact(recorded)) } @else { "–" } }
                                td { @if let Some(record) = &row.recorded_in { (writer.record(record)) } @else { "–" } }
                            }
                        }
                    }
                }
            }
            (hidden(case.integrity.len(), ROWS))
        },
    )
}

/// Identifiers with every part and its place.
pub(super) fn identifiers(case: &Case, writer: &Writer) -> Markup {
    if case.identifiers.is_empty() {
        return html! {};
    }
    headed(
        "identifiers",
        "Identifiers",
        "",
        html! {
            @for identifier in case.identifiers.iter().take(ROWS) {
                div.card {
                    b { code { (writer.exact(&identifier.value)) } } " "
                    span.note { (identifier.confidence.name()) " confidence" }
                    dl.facts {
                        @for (index, part) in identifier.parts.iter().enumerate() {
                            dt { "part " (index + 1) }
                            dd {
                                code { (writer.exact(&part.text)) } " in " (writer.path(&part.artifact)) ", "
                                (writer.prose(&part.place))
                            }
                        }
                        dt { "why" } dd { (writer.prose(&identifier.join)) }
                    }
                }
            }
            (hidden(case.identifiers.len(), ROWS))
        },
    )
}

/// May each candidate be deployed, and why.
pub(super) fn candidates(case: &Case, writer: &Writer) -> Markup {
    if case.candidates.is_empty() {
        return html! {};
    }
    headed(
        "candidates",
        "Candidates",
        "",
        html! {
            @for candidate in &case.candidates {
                div.card {
                    (head::decision(candidate.decision)) " " b { (writer.path(&candidate.artifact)) }
                    ul.bullets { @for why in &candidate.because { li { (writer.prose(why)) } } }
                }
            }
        },
    )
}

/// What the evidence says against itself, and what it does not say.
pub(super) fn doubts(case: &Case, writer: &Writer) -> Markup {
    if case.contradictions.is_empty() && case.missing.is_empty() {
        return html! {};
    }
    headed(
        "doubts",
        "Contradictions and gaps",
        "",
        html! {
            @if !case.contradictions.is_empty() {
                h3 { "Contradictions" }
                ul.bullets {
                    @for item in &case.contradictions {
                        li {
                            (writer.prose(&item.what))
                            @for evidence in &item.evidence { span.src { (writer.prose(evidence)) } }
                        }
                    }
                }
            }
            @if !case.missing.is_empty() {
                h3 { "Missing" }
                ul.bullets { @for item in &case.missing { li { (writer.prose(item)) } } }
            }
        },
    )
}

/// What to look for elsewhere, exact.
pub(super) fn indicators(case: &Case, writer: &Writer) -> Markup {
    if case.indicators.is_empty() {
        return html! {};
    }
    headed(
        "indicators",
        "Indicators",
        "exact values, for searching elsewhere",
        html! {
            div.table {
                table {
                    thead { tr { th { "type" } th { "value" } th { "seen in" } } }
                    tbody {
                        @for item in case.indicators.iter().take(ROWS) {
                            tr {
                                td.short { (item.indicator.kind().name()) }
                                td.mono { (writer.exact(item.indicator.value())) }
                                td {
                                    @for (index, (path, place)) in item.sources.iter().take(6).enumerate() {
                                        @if index > 0 { br; }
                                        (writer.path(path)) ", " (writer.prose(place))
                                    }
                                    @if item.sources.len() > 6 { br; "and " (item.sources.len() - 6) " more" }
                                }
                            }
                        }
                    }
                }
            }
            (hidden(case.indicators.len(), ROWS))
        },
    )
}

/// Every input with its digest, and how much of it was read.
pub(super) fn appendix(case: &Case, writer: &Writer) -> Markup {
    if case.coverage.is_empty() {
        return html! {};
    }
    let read = case.coverage.iter().filter(|row| row.state == ReadState::Read).count();
    let note = format!("{read} of {} read to the end", case.coverage.len());
    let digest = |path: &wb_core::ArtifactPath| {
        let index = writer.artifacts.get(path)?;
        Some(case.artifacts.get(*index)?.sha256?.to_string())
    };
    // What was not read comes first.
    let mut rows: Vec<_> = case.coverage.iter().collect();
    rows.sort_by_key(|row| row.state == ReadState::Read);
    headed(
        "appendix",
        "Evidence",
        &note,
        html! {
            div.table {
                table {
                    thead { tr { th {} th { "artifact" } th { "SHA-256" } th { "coverage" } } }
                    tbody {
                        @for row in rows.iter().take(ROWS) {
                            tr {
                                td.short {
                                    @let class = if row.state == ReadState::Read { "plain" } else { "warn" };
                                    (chip(class, row.state.name()))
                                }
                                td { (writer.path(&row.artifact)) }
                                td.mono { (digest(&row.artifact).unwrap_or_else(|| "–".into())) }
                                td { (writer.prose(&row.why)) }
                            }
                        }
                    }
                }
            }
            (hidden(rows.len(), ROWS))
        },
    )
}
