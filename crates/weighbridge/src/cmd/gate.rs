//! `weighbridge gate`: may a model be deployed?

use super::{Ended, Outcome, saved, tool};
use crate::cli::{Gate, TableFormat};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use std::collections::BTreeSet;
use wb_core::{Decision, Indicator, IndicatorKind};
use wb_engine::{Gated, Known};
use wb_report::saved::Case;
use wb_report::{json, text};

/// Shortest piece of an identifier that is looked for, in characters: less is found anywhere.
const SHORTEST_PIECE: usize = 6;

/// Decides and says why.
pub fn run(arguments: &Gate, terminal: Terminal) -> Ended {
    let mut known = Known {
        approved: arguments.sha256.clone(),
        licences: arguments.refuse_licence.iter().map(|name| name.to_lowercase()).collect(),
        ..Known::default()
    };
    for path in &arguments.case {
        learn(&mut known, &saved::case(path)?, &path.display().to_string());
    }
    let gated = wb_engine::gate(&arguments.candidate, &arguments.baseline, &known, &Bar::new())?;
    let outcome = match gated.decision {
        None => Outcome::NothingToLookAt,
        Some(Decision::Approve) => Outcome::NothingFound,
        Some(Decision::Reject) => Outcome::Findings,
        Some(Decision::Review) => Outcome::Undecided,
    };
    let report = report(gated);
    let style = text::Style { width: terminal.width, color: terminal.color };
    print(&match arguments.format {
        TableFormat::Text => text::gate(&report, &style),
        TableFormat::Json => json::gate(&report, &tool()),
    })?;
    if outcome == Outcome::NothingToLookAt {
        messages::note(&format!("`{}` holds no model", arguments.candidate.display()));
        messages::hint("give the file or folder that is to be deployed");
    }
    Ok(outcome)
}

fn report(gated: Gated) -> wb_report::Gate {
    let mut digests = gated.digests;
    wb_report::Gate {
        decision: gated.decision,
        candidates: gated
            .candidates
            .into_iter()
            .map(|decision| {
                let digest = digests.remove(&decision.artifact);
                (decision, digest)
            })
            .collect(),
        findings: gated.findings,
        differences: gated.differences,
        coverage: gated.coverage,
    }
}

/// Takes from a case what must not come back, and the digests that it knows as good.
fn learn(known: &mut Known, case: &Case, name: &str) {
    known.compromised |= case.conclusion.compromised;
    let rejected: BTreeSet<&str> = case
        .candidates
        .iter()
        .filter(|candidate| candidate.decision == "reject")
        .map(|candidate| candidate.artifact.as_str())
        .collect();
    for artifact in &case.artifacts {
        let Some(digest) = &artifact.sha256 else { continue };
        if artifact.verdict == "malicious" {
            let why = format!("the malicious `{}` of the case `{name}`", artifact.path);
            known.refused.insert(digest.clone(), why);
        } else if rejected.contains(artifact.path.as_str()) {
            let why = format!("`{}`, which the case `{name}` rejected", artifact.path);
            known.refused.insert(digest.clone(), why);
        }
    }
    for row in &case.integrity {
        if let (Some(digest), Some(place)) = (&row.recorded_sha256, &row.recorded_in) {
            known.recorded.insert(digest.clone(), format!("{place} of the case `{name}`"));
        }
    }
    let hostile = hostile(case);
    for indicator in &case.indicators {
        let kind = match indicator.kind.as_str() {
            "domain" => IndicatorKind::Domain,
            "ip" => IndicatorKind::Ip,
            "url" => IndicatorKind::Url,
            "command" => IndicatorKind::Command,
            _ => continue,
        };
        if hostile.contains(indicator.value.as_str()) {
            let place = format!("the compromise of the case `{name}`");
            known.indicators.insert(Indicator::new(kind, &indicator.value), place);
        }
    }
    for identifier in case.identifiers.iter().filter(|it| it.confidence == "high") {
        let parts = identifier.parts.iter().map(|part| &part.text);
        for piece in parts.chain([&identifier.value]) {
            if piece.chars().count() >= SHORTEST_PIECE {
                known.parts.insert(piece.clone(), identifier.value.clone());
            }
        }
    }
}

/// Values of indicators that belong to what is wrong in a case.
fn hostile(case: &Case) -> BTreeSet<&str> {
    let wrong = |verdict: &str| matches!(verdict, "malicious" | "suspicious");
    let findings = case.findings.iter().filter(|finding| wrong(&finding.verdict));
    let named = findings.flat_map(|finding| finding.indicators.iter().map(String::as_str));
    let flows = case.flows.iter().filter(|flow| flow.of_compromise);
    let reached = flows
        .flat_map(|flow| flow.host.iter().map(String::as_str).chain([flow.destination.as_str()]));
    named.chain(reached).collect()
}
