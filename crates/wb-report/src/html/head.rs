//! The top of the page: verdict, key moments, answers, and what to do.

use super::{Writer, chip, evidence, headed, tone_class};
use crate::time;
use crate::words::{self, Tone};
use maud::{Markup, html};
use wb_core::{Case, Compromise, Decision, KeyMoment};

/// The verdict, to be seen at once.
pub(super) fn verdict(case: &Case, writer: &Writer) -> Markup {
    let (tone, headline) = words::headline(case);
    html! {
        header class=(format!("verdict {}", tone_class(tone))) {
            div.page {
                h1 { (headline) small { "confidence " (case.conclusion.confidence.name()) } }
                p.summary { (writer.prose(&case.conclusion.summary)) }
            }
        }
    }
}

/// Links to the sections, with how much is in each.
pub(super) fn navigation(case: &Case) -> Markup {
    let doubts = case.contradictions.len() + case.missing.len();
    let all: [(&str, &str, usize); 13] = [
        ("do", "What to do", case.recommendations.len()),
        ("timeline", "Timeline", case.timeline.len()),
        ("findings", "Findings", case.findings.len()),
        ("deployments", "Deployments", case.reasoning.deployments.len()),
        ("connections", "Connections", case.flows.len()),
        ("hashes", "Hashes", case.integrity.len()),
        ("identifiers", "Identifiers", case.identifiers.len()),
        ("candidates", "Candidates", case.candidates.len()),
        ("why", "Why", case.reasoning.judgements.len()),
        ("doubts", "Contradictions and gaps", doubts),
        ("reach", "Blast radius", case.reasoning.reach.len()),
        ("artifacts", "Artifacts", case.artifacts.len()),
        ("appendix", "Evidence", case.coverage.len()),
    ];
    html! {
        nav aria-label="Sections" {
            ul {
                @for (id, title, count) in all.into_iter().filter(|(_, _, count)| *count > 0) {
                    li { a href=(format!("#{id}")) { (title) } span.n { (count) } }
                }
            }
        }
    }
}

/// The five moments and how long the compromise stayed unseen.
pub(super) fn moments(case: &Case, writer: &Writer) -> Markup {
    if case.answers.moments.is_empty() && case.conclusion.compromised == Compromise::No {
        return html! {};
    }
    html! {
        ol.moments aria-label="Key moments" {
            @for (key, label) in words::MOMENTS {
                li { div.label { (label) } (moment(case, key, writer)) }
            }
        }
        p.dwell { "dwell: " b { (words::dwell(&case.answers)) } }
    }
}

fn moment(case: &Case, key: KeyMoment, writer: &Writer) -> Markup {
    let Some(at) = case.answers.moments.get(&key) else {
        return html! {
            div.date.absent { "MISSING" }
            div.from { "not in the supplied evidence" }
        };
    };
    let clock = time::clock(*at);
    let (date, clock) = clock.split_once(' ').unwrap_or((&clock, ""));
    let found = case.timeline.iter().enumerate().find(|(_, entry)| entry.key == Some(key));
    html! {
        div.date { (date) }
        div.clock { (clock) " UTC" }
        @if let Some((index, entry)) = found {
            div.from {
                (words::status_word(entry.status)) " "
                a href=(format!("#e{index}")) { (writer.exact(&words::record(&entry.record))) }
                @if let Some(basis) = words::basis(entry.time_basis) { " (" (basis) ")" }
            }
        } @else { div.from { "INFERRED" } }
    }
}

/// What an analyst asks first.
pub(super) fn answers(case: &Case, writer: &Writer) -> Markup {
    let body = html! {
        (execution(case, writer))
        (destinations(case, writer))
        (origin(case, writer))
        (hashes(case, writer))
        (conclusions(case, writer))
    };
    if body.0.is_empty() {
        return html! {};
    }
    headed("answers", "At a glance", "", html! { dl.facts { (body) } })
}

/// Entries of one answer; the sections below hold all.
const FIRST: usize = 6;

fn destinations(case: &Case, writer: &Writer) -> Markup {
    let answers = &case.answers;
    let flows: Vec<_> = case.flows.iter().filter(|flow| flow.of_compromise).collect();
    html! {
        @if !answers.network.is_empty() || !flows.is_empty() {
            dt { "goes to" }
            @for network in answers.network.iter().take(FIRST) {
                dd { (writer.prose(&words::network_use(network))) }
            }
            @for flow in flows.into_iter().take(FIRST) {
                dd {
                    (writer.prose(&words::destination(flow))) ": " (words::counted(flow.count, "attempt")) ", "
                    (words::grouped(flow.blocked)) " blocked, " (words::bytes(flow.bytes_out)) " sent"
                }
            }
        }
    }
}

fn origin(case: &Case, writer: &Writer) -> Markup {
    let answers = &case.answers;
    html! {
        @if let Some(source) = &answers.source_after { dt { "source" } dd { (writer.exact(source)) } }
        @if let Some(source) = &answers.source_before {
            dt { "source before" } dd { (writer.exact(source)) }
        }
        @if !answers.host_affected.is_empty() {
            dt { "hosts affected" } dd { (writer.exact(&answers.host_affected.join(", "))) }
        }
        @if !answers.components.is_empty() {
            dt { "components" }
            @for component in answers.components.iter().take(FIRST) {
                dd {
                    b { (writer.exact(&component.name)) } ", " (writer.exact(&component.kind)) " in "
                    (writer.path(&component.artifact)) ": " (writer.prose(&component.why))
                }
            }
        }
    }
}

fn hashes(case: &Case, writer: &Writer) -> Markup {
    let not: Vec<_> = case.integrity.iter().filter(|row| row.matches != Some(true)).collect();
    let good = case.integrity.len() - not.len();
    html! {
        @if !case.integrity.is_empty() {
            dt { "hashes" }
            @for row in not.into_iter().take(FIRST) {
                dd { (evidence::match_chip(row.matches)) (writer.path(&row.artifact)) }
            }
            @if good > 0 {
                dd { (evidence::match_chip(Some(true))) a href="#hashes" { (words::counted(good as u64, "record")) } }
            }
        }
    }
}

fn conclusions(case: &Case, writer: &Writer) -> Markup {
    html! {
        @if !case.identifiers.is_empty() {
            dt { "identifiers" }
            @for identifier in case.identifiers.iter().take(FIRST) {
                dd {
                    a href="#identifiers" { code { (writer.exact(&identifier.value)) } } ", "
                    (identifier.confidence.name()) " confidence, "
                    (words::counted(identifier.parts.len() as u64, "part"))
                }
            }
        }
        @if !case.candidates.is_empty() {
            dt { "candidates" }
            @for candidate in case.candidates.iter().take(FIRST) {
                dd {
                    (decision(candidate.decision)) (writer.path(&candidate.artifact))
                    @if let Some(why) = candidate.because.first() { ": " (writer.prose(why)) }
                }
            }
        }
        @if let Some(first) = case.contradictions.first() {
            dt { "contradictions" }
            dd { (writer.prose(&first.what)) (rest(case.contradictions.len())) }
        }
        @if let Some(first) = case.missing.first() {
            dt { "missing" }
            dd { (writer.prose(first)) (rest(case.missing.len())) }
        }
    }
}

/// How many more doubts there are.
fn rest(all: usize) -> Markup {
    html! { @if all > 1 { " (" a href="#doubts" { "and " (all - 1) " more" } ")" } }
}

fn execution(case: &Case, writer: &Writer) -> Markup {
    let all = &case.answers.execution;
    html! {
        @if !all.is_empty() {
            dt { "runs" }
            @for item in all.iter().take(12) {
                dd {
                    code { (writer.exact(&item.call)) }
                    @if let Some(trigger) = item.trigger { " " (words::when(trigger)) } ", in "
                    (writer.path(&item.artifact))
                    pre.wrap { (writer.exact(&item.command)) }
                }
            }
        }
        @if all.len() > 12 { dd.note { (all.len() - 12) " more are among the findings." } }
    }
}

/// What to do, in order, with commands to copy.
pub(super) fn recommendations(case: &Case, writer: &Writer) -> Markup {
    if case.recommendations.is_empty() {
        return html! {};
    }
    let phase = |index: usize| case.recommendations.get(index).map(|item| item.phase);
    headed(
        "do",
        "What to do",
        "",
        html! {
            ol.steps {
                @for (index, item) in case.recommendations.iter().enumerate() {
                    li {
                        div.phase {
                            // A phase is named where it begins.
                            @if index == 0 || phase(index - 1) != phase(index) { (item.phase.name()) }
                        }
                        div {
                            (index + 1) ". " (writer.prose(&item.what))
                            @if let Some(command) = &item.command {
                                div.command { pre.wrap { (writer.exact(command)) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The chip of a decision.
pub(super) fn decision(decision: Decision) -> Markup {
    let tone = match decision {
        Decision::Approve => Tone::Good,
        Decision::Review => Tone::Warn,
        Decision::Reject => Tone::Bad,
    };
    chip(tone_class(tone), decision.name())
}
