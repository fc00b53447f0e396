//! How the case argues: the chain of the attack as a strip, judgements, deployments, loads, blast radius.

use super::{Writer, chip, headed};
use crate::time;
use crate::words;
use maud::{Markup, html};
use wb_core::{
    ArtifactPath, Attribute, Case, Confidence, DeploymentRow, Ground, Judgement, ReachKind, Step,
};

/// Rows of one table.
const ROWS: usize = 300;

/// The stages of the attack, in order; those that nothing shows stand empty.
pub(super) fn chain(case: &Case, writer: &Writer) -> Markup {
    html! {
        @if !case.reasoning.chain.is_empty() {
            ol.chain aria-label="Attack chain" {
                @for step in &case.reasoning.chain { (stage(step, writer)) }
            }
        }
    }
}

fn stage(step: &Step, writer: &Writer) -> Markup {
    html! {
        li.response[step.stage.is_response()] class=(step.status.name()) {
            div.label { (step.stage.name()) }
            div class=(format!("tag {}", step.status.name())) { (words::status_word(step.status)) }
            @if let Some(at) = step.time { div.clock { (time::clock(at)) } }
            p { (writer.prose(&step.what)) }
            @for ground in step.grounds.iter().take(2) { div.from { (place(ground, writer)) } }
        }
    }
}

fn place(ground: &Ground, writer: &Writer) -> Markup {
    html! { (writer.path(&ground.artifact)) ", " (writer.prose(&ground.place)) }
}

fn grounds(grounds: &[Ground], writer: &Writer) -> Markup {
    html! {
        ul.bullets {
            @for ground in grounds {
                li { (writer.prose(&ground.why)) span.src { (place(ground, writer)) } }
            }
        }
    }
}

const fn sure(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "plain",
        Confidence::Medium | Confidence::Low => "warn",
    }
}

/// What is held to be true, what it rests on, and what would change it.
pub(super) fn judgements(case: &Case, writer: &Writer) -> Markup {
    let all = &case.reasoning.judgements;
    if all.is_empty() {
        return html! {};
    }
    headed(
        "why",
        "Why",
        "what is held to be true, what it rests on, and what would change it",
        html! { @for judgement in all.iter().take(ROWS) { (card(judgement, writer)) } },
    )
}

fn card(judgement: &Judgement, writer: &Writer) -> Markup {
    html! {
        div.card {
            b { (writer.prose(&judgement.statement)) } " "
            (chip(sure(judgement.confidence), &format!("{} confidence", judgement.confidence.name())))
            " " span class=(format!("tag {}", judgement.status.name())) {
                (words::status_word(judgement.status))
            }
            (grounds(&judgement.grounds, writer))
            p.note {
                "would change it: " (writer.prose(&judgement.would_change)) "; rule " code { (judgement.rule) }
            }
        }
    }
}

/// What is on record about each deployment, side by side.
pub(super) fn deployments(case: &Case, writer: &Writer) -> Markup {
    let rows = &case.reasoning.deployments;
    if rows.is_empty() {
        return html! {};
    }
    let columns = case.reasoning.attributes();
    headed(
        "deployments",
        "Deployments",
        "what is on record about each",
        html! {
            div.table {
                table {
                    thead { tr {
                        th { "began (UTC)" } th { "kind" } th { "files" }
                        @for attribute in &columns { th { (attribute.name()) } }
                        th { "first record" }
                    } }
                    tbody { @for row in rows.iter().take(ROWS) { (deployment(row, &columns, writer)) } }
                }
            }
            (hidden(rows.len()))
        },
    )
}

fn deployment(row: &DeploymentRow, columns: &[Attribute], writer: &Writer) -> Markup {
    html! {
        tr {
            td.short { (time::clock(row.began)) }
            td { (row.kind) @if row.introduced { " " (chip("bad", "brought it in")) } }
            td { (writer.exact(&row.files.join(", "))) }
            @for attribute in columns {
                td.mono[*attribute == Attribute::Hash] {
                    @if let Some(said) = row.said.get(attribute) {
                        span title=(writer.exact(&words::record(&said.record))) {
                            (writer.prose(&said.value))
                        }
                    } @else if row.lacks.contains(attribute) { (chip("warn", "missing")) } @else { "–" }
                }
            }
            td { (writer.record(&row.record)) }
        }
    }
}

fn hidden(all: usize) -> Markup {
    html! {
        @if all > ROWS {
            p.note { (all - ROWS) " more are not shown; the JSON report holds all of them." }
        }
    }
}

/// Loads, and what followed each.
pub(super) fn loads(case: &Case, writer: &Writer) -> Markup {
    let loads = &case.reasoning.loads;
    if loads.rows.is_empty() {
        return html! {};
    }
    let (contacts, follow) = loads.contacts;
    html! {
        h3 { "Loads and contacts" }
        p {
            (follow) " of " (words::counted(contacts as u64, "contact")) " to the compromise follow a load within "
            (loads.window_seconds) " s"
            @match loads.lift {
                Some(lift) => { ", " (format!("{lift:.1}")) " times as many as by chance." },
                None => "; too little to compare with chance.",
            }
        }
        div.table {
            table {
                thead { tr { th { "load (UTC)" } th { "file" } th { "next contact" } th { "record" } } }
                tbody {
                    @for row in loads.rows.iter().take(ROWS) {
                        tr {
                            td.short { (time::clock(row.time)) }
                            td { (writer.exact(row.file.as_deref().unwrap_or("–"))) }
                            td {
                                @match row.contact_after {
                                    Some(after) => { (time::elapsed(after)) " later" },
                                    None => "none before the next load",
                                }
                            }
                            td { (writer.record(&row.record)) }
                        }
                    }
                }
            }
        }
        (hidden(loads.rows.len()))
    }
}

/// What payloads would send against what captures show.
pub(super) fn exchanges(case: &Case, writer: &Writer) -> Markup {
    let all = &case.reasoning.exchanges;
    if all.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Payload and capture" }
        div.table {
            table {
                thead { tr { th {} th { "host" } th { "field" } th { "payload would send" } th { "capture shows" } th { "record" } } }
                tbody {
                    @for row in all.iter().take(ROWS) {
                        tr {
                            td.short {
                                @let class = if row.agrees == Some(false) { "warn" } else { "plain" };
                                (chip(class, words::agrees(row.agrees)))
                            }
                            td { (writer.prose(&row.host)) }
                            td { (writer.prose(&row.field)) }
                            td { (writer.prose(row.payload.as_deref().unwrap_or("–"))) }
                            td { (writer.prose(row.capture.as_deref().unwrap_or("–"))) }
                            td { @if let Some(record) = &row.record { (writer.record(record)) } @else { "–" } }
                        }
                    }
                }
            }
        }
        (hidden(all.len()))
    }
}

/// What else is affected.
pub(super) fn reach(case: &Case, writer: &Writer) -> Markup {
    let all = &case.reasoning.reach;
    if all.is_empty() {
        return html! {};
    }
    headed(
        "reach",
        "Blast radius",
        "what else is affected, and why",
        html! {
            div.table {
                table {
                    thead { tr { th { "kind" } th { "name" } th { "confidence" } th { "why" } } }
                    tbody {
                        @for reached in all.iter().take(ROWS) {
                            tr {
                                td.short { (reached.kind.name()) }
                                td {
                                    @if reached.kind == ReachKind::File {
                                        (writer.path(&ArtifactPath::from(reached.name.as_str())))
                                    } @else { (writer.prose(&reached.name)) }
                                }
                                td { (chip(sure(reached.confidence), reached.confidence.name())) }
                                td {
                                    @for (index, ground) in reached.grounds.iter().enumerate() {
                                        @if index > 0 { br; }
                                        (writer.prose(&ground.why)) " (" (place(ground, writer)) ")"
                                    }
                                }
                            }
                        }
                    }
                }
            }
            (hidden(all.len()))
        },
    )
}
