//! From the types of wb-core to the documents of [`super::model`].

use super::model::*;
use super::reasoning;
use crate::words::record;
use crate::{Gate, Scan, Tool, time};
use std::collections::BTreeMap;
use wb_core::{
    Answers, Artifact, ArtifactPath, Case, Coverage, Dossier, Field, Finding, Flow,
    IndexedIndicator, KeyMoment, Licence, Listing, Location, Role, RoleAssignment, SeenAgain,
    Statistics, TimelineEntry, Trigger, Verdict,
};

/// The document of a case.
pub(super) fn case<'a>(case: &'a Case, tool: &'a Tool) -> CaseDocument<'a> {
    CaseDocument {
        schema: super::CASE,
        tool: self::tool(tool),
        conclusion: ConclusionObject {
            compromised: case.conclusion.compromised == wb_core::Compromise::Yes,
            confidence: case.conclusion.confidence.name(),
            summary: &case.conclusion.summary,
        },
        artifacts: artifacts(case),
        findings: case
            .findings
            .iter()
            .enumerate()
            .map(|(index, item)| {
                finding(index, item, case.seen_again.get(&index).map_or(&[], Vec::as_slice))
            })
            .collect(),
        indicators: case.indicators.iter().map(indicator).collect(),
        timeline: case.timeline.iter().map(timeline).collect(),
        flows: case.flows.iter().map(flow).collect(),
        integrity: case.integrity.iter().map(integrity).collect(),
        identifiers: case.identifiers.iter().map(identifier).collect(),
        facts: facts(&case.answers),
        contradictions: case
            .contradictions
            .iter()
            .map(|item| ContradictionObject { what: &item.what, evidence: &item.evidence })
            .collect(),
        missing: &case.missing,
        candidates: case
            .candidates
            .iter()
            .map(|item| CandidateObject {
                artifact: item.artifact.as_str(),
                decision: item.decision.name(),
                because: &item.because,
            })
            .collect(),
        recommendations: case
            .recommendations
            .iter()
            .enumerate()
            .map(|(index, item)| RecommendationObject {
                order: index + 1,
                phase: item.phase.name(),
                what: &item.what,
                command: item.command.as_deref(),
            })
            .collect(),
        judgements: case.reasoning.judgements.iter().map(reasoning::judgement).collect(),
        kill_chain: case.reasoning.chain.iter().map(reasoning::step).collect(),
        deployments: case.reasoning.deployments.iter().map(reasoning::deployment).collect(),
        loads: reasoning::loads(&case.reasoning.loads),
        exchanges: case.reasoning.exchanges.iter().map(reasoning::compared).collect(),
        blast_radius: case.reasoning.reach.iter().map(reasoning::reached).collect(),
        coverage: case.coverage.iter().map(coverage).collect(),
        details: case.dossiers.iter().filter_map(|(path, dossier)| detail(path, dossier)).collect(),
    }
}

fn artifacts(case: &Case) -> Vec<ArtifactObject<'_>> {
    case.artifacts
        .iter()
        .map(|item| {
            let verdict = case.verdicts.get(&item.path).copied().unwrap_or(Verdict::Unknown);
            artifact(item, case.roles.get(&item.path), verdict, &case.findings)
        })
        .collect()
}

/// The document of a scan.
pub(super) fn scan<'a>(scan: &'a Scan, tool: &'a Tool) -> ScanDocument<'a> {
    ScanDocument {
        schema: super::SCAN,
        tool: self::tool(tool),
        artifacts: scan
            .artifacts
            .iter()
            .map(|(item, verdict)| artifact(item, None, *verdict, &scan.findings))
            .collect(),
        findings: scan
            .findings
            .iter()
            .enumerate()
            .map(|(index, item)| finding(index, item, &[]))
            .collect(),
        indicators: scan.indicators.iter().map(indicator).collect(),
        coverage: scan.coverage.iter().map(coverage).collect(),
    }
}

/// The document of a decision of the gate.
pub(super) fn gate<'a>(gate: &'a Gate, tool: &'a Tool) -> GateDocument<'a> {
    GateDocument {
        schema: super::GATE,
        tool: self::tool(tool),
        decision: gate.decision.map(wb_core::Decision::name),
        candidates: gate
            .candidates
            .iter()
            .map(|(decision, digest)| GatedObject {
                artifact: decision.artifact.as_str(),
                sha256: digest.as_deref(),
                decision: decision.decision.name(),
                because: &decision.because,
                differences: gate
                    .differences
                    .get(&decision.artifact)
                    .into_iter()
                    .flatten()
                    .map(difference)
                    .collect(),
            })
            .collect(),
        findings: gate
            .findings
            .iter()
            .enumerate()
            .map(|(index, item)| finding(index, item, &[]))
            .collect(),
        coverage: gate.coverage.iter().map(coverage).collect(),
    }
}

/// What an artifact holds.
pub(super) fn inventory<'a>(
    artifact: &'a Artifact,
    dossier: &'a Dossier,
    statistics: &'a BTreeMap<String, Statistics>,
) -> InventoryObject<'a> {
    InventoryObject {
        path: artifact.path.as_str(),
        sha256: artifact.sha256.map(|digest| digest.to_string()),
        size: artifact.size,
        format: artifact.format,
        components: dossier
            .components
            .iter()
            .map(|component| PartOfModelObject {
                kind: component.kind,
                name: &component.name,
                class: &component.class,
                module: component.module.as_deref(),
                place: &component.place,
                settings: component.settings.iter().map(field).collect(),
            })
            .collect(),
        tensors: dossier
            .tensors
            .iter()
            .map(|tensor| TensorObject {
                name: &tensor.name,
                dtype: &tensor.dtype,
                shape: &tensor.shape,
                offset: tensor.span.map(|span| span.start),
                length: tensor.span.map(|span| span.len),
                statistics: statistics.get(&tensor.name).map(super::diff::statistics),
            })
            .collect(),
        fields: dossier.fields.iter().map(field).collect(),
        licences: dossier.licences.iter().map(licence).collect(),
        listings: dossier.listings.iter().map(listing).collect(),
    }
}

fn licence(licence: &Licence) -> LicenceObject<'_> {
    LicenceObject {
        name: licence.name(),
        written: &licence.written,
        spdx: licence.spdx.as_deref(),
        standing: licence.standing.name(),
        restricts: &licence.restricts,
        place: &licence.place,
    }
}

fn field(field: &Field) -> FieldObject<'_> {
    FieldObject { path: &field.path, value: &field.value }
}

fn listing(listing: &Listing) -> ListingObject<'_> {
    ListingObject {
        place: &listing.place,
        language: listing.language.name(),
        text: &listing.text,
        marks: &listing.marks,
    }
}

pub(super) fn tool(tool: &Tool) -> ToolObject<'_> {
    ToolObject { version: &tool.version, rulebook: &tool.rulebook }
}

fn artifact<'a>(
    artifact: &'a Artifact,
    role: Option<&'a RoleAssignment>,
    verdict: Verdict,
    findings: &[Finding],
) -> ArtifactObject<'a> {
    ArtifactObject {
        path: artifact.path.as_str(),
        sha256: artifact.sha256.map(|digest| digest.to_string()),
        size: artifact.size,
        format: artifact.format,
        role: role.map_or(Role::Other, |role| role.role).name(),
        role_because: role.map_or(&[], |role| role.because.as_slice()),
        verdict: verdict.name(),
        findings: crate::findings_in(&artifact.path, findings)
            .map(|(index, _)| crate::finding_id(index))
            .collect(),
    }
}

fn finding<'a>(
    index: usize,
    finding: &'a Finding,
    seen_again: &'a [SeenAgain],
) -> FindingObject<'a> {
    FindingObject {
        id: crate::finding_id(index),
        rule: finding.rule,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        verdict: finding.verdict.name(),
        artifact: finding.artifact.as_str(),
        location: location(&finding.location),
        headline: &finding.headline,
        call: finding.call.as_deref(),
        payloads: finding
            .payloads
            .iter()
            .map(|payload| PayloadObject {
                kind: payload.kind.name(),
                layers: &payload.layers,
                text: &payload.text,
            })
            .collect(),
        trigger: finding.trigger.map(Trigger::name),
        techniques: &finding.techniques,
        indicators: finding.indicators.iter().map(|indicator| indicator.value()).collect(),
        seen_again: seen_again
            .iter()
            .map(|seen| SeenAgainObject {
                indicator: seen.indicator.value(),
                artifact: seen.record.artifact.as_str(),
                line: seen.record.line,
            })
            .collect(),
        evidence: finding
            .evidence
            .iter()
            .map(|evidence| EvidenceObject {
                artifact: evidence.artifact.as_str(),
                location: location(&evidence.location),
                because: &evidence.because,
            })
            .collect(),
        next: &finding.next,
    }
}

fn location(location: &Location) -> LocationObject<'_> {
    LocationObject {
        place: &location.place,
        offset: location.span.map(|span| span.start),
        length: location.span.map(|span| span.len),
        component: location.component.as_deref(),
        line: location.line,
    }
}

fn indicator(indexed: &IndexedIndicator) -> IndicatorObject<'_> {
    IndicatorObject {
        kind: indexed.indicator.kind().name(),
        value: indexed.indicator.value(),
        sources: indexed
            .sources
            .iter()
            .map(|(artifact, place)| SourceObject { artifact: artifact.as_str(), place })
            .collect(),
    }
}

fn timeline(entry: &TimelineEntry) -> TimelineObject<'_> {
    TimelineObject {
        time: time::rfc3339(entry.time),
        time_basis: entry.time_basis.name(),
        artifact: entry.record.artifact.as_str(),
        line: entry.record.line,
        offset: entry.record.offset,
        kind: entry.kind.name(),
        key: entry.key.map(KeyMoment::name),
        summary: &entry.summary,
        status: entry.status.name(),
        raw: &entry.raw,
    }
}

fn flow(flow: &Flow) -> FlowObject<'_> {
    FlowObject {
        source: &flow.source,
        destination: &flow.destination,
        host: flow.host.as_deref(),
        port: flow.port,
        first: time::rfc3339(flow.first),
        last: time::rfc3339(flow.last),
        count: flow.count,
        blocked: flow.blocked,
        bytes_out: flow.bytes_out,
        beacon: BeaconObject {
            state: flow.beacon.state.name(),
            // JSON has no other numbers than finite ones.
            score: Some(flow.beacon.score).filter(|score| score.is_finite()).unwrap_or(0.0),
            period_seconds: flow.beacon.period_seconds.filter(|period| period.is_finite()),
            parts: flow.beacon.parts.map(|parts| BeaconPartsObject {
                timestamp: parts.timestamp,
                size: parts.size,
                histogram: parts.histogram,
                duration: parts.duration,
                over_last_day: parts.over_last_day,
            }),
            innocent: flow.beacon.innocent,
        },
        of_compromise: flow.of_compromise,
        first_record: record(&flow.first_record),
    }
}

fn integrity(integrity: &wb_core::Integrity) -> IntegrityObject<'_> {
    IntegrityObject {
        artifact: integrity.artifact.as_str(),
        actual_sha256: &integrity.actual,
        recorded_sha256: integrity.recorded.as_deref(),
        recorded_in: integrity.recorded_in.as_ref().map(record),
        matches: integrity.matches,
    }
}

fn identifier(identifier: &wb_core::Identifier) -> IdentifierObject<'_> {
    IdentifierObject {
        value: &identifier.value,
        confidence: identifier.confidence.name(),
        parts: identifier
            .parts
            .iter()
            .map(|part| PartObject {
                artifact: part.artifact.as_str(),
                place: &part.place,
                text: &part.text,
            })
            .collect(),
        join: &identifier.join,
    }
}

fn facts(answers: &Answers) -> FactsObject<'_> {
    let at = |key| answers.moments.get(&key).copied().map(time::rfc3339);
    FactsObject {
        source_before: answers.source_before.as_deref(),
        source_after: answers.source_after.as_deref(),
        introduced_at: at(KeyMoment::Introduced),
        loaded_at: at(KeyMoment::Loaded),
        first_outbound_at: at(KeyMoment::FirstOutbound),
        detected_at: at(KeyMoment::Detection),
        blocked_at: at(KeyMoment::FirstBlock),
        last_outbound_at: at(KeyMoment::LastOutbound),
        dwell_seconds: answers.dwell_seconds,
        dwell_calendar_days: answers.dwell_calendar_days,
        execution: answers
            .execution
            .iter()
            .map(|item| ExecutionObject {
                artifact: item.artifact.as_str(),
                call: &item.call,
                command: &item.command,
                trigger: item.trigger.map(Trigger::name),
            })
            .collect(),
        network: answers
            .network
            .iter()
            .map(|item| NetworkObject {
                method: item.method.as_deref(),
                scheme: item.scheme.as_deref(),
                host: &item.host,
                port: item.port,
                path: item.path.as_deref(),
                seen_in: item.seen_in,
            })
            .collect(),
        host_affected: &answers.host_affected,
        components: answers
            .components
            .iter()
            .map(|item| ComponentObject {
                artifact: item.artifact.as_str(),
                kind: &item.kind,
                name: &item.name,
                why: &item.why,
            })
            .collect(),
    }
}

fn coverage(coverage: &Coverage) -> CoverageObject<'_> {
    CoverageObject {
        artifact: coverage.artifact.as_str(),
        state: coverage.state.name(),
        why: &coverage.why,
    }
}

pub(super) fn difference(difference: &wb_core::Difference) -> DifferenceObject<'_> {
    DifferenceObject {
        baseline: difference.baseline.as_str(),
        what: difference.what,
        name: &difference.name,
        change: difference.change.name(),
        detail: &difference.detail,
    }
}

fn detail<'a>(path: &'a ArtifactPath, dossier: &'a Dossier) -> Option<DetailObject<'a>> {
    let empty = *dossier == Dossier::default();
    (!empty).then(|| DetailObject {
        artifact: path.as_str(),
        components: dossier.components.len(),
        tensors: dossier.tensors.len(),
        fields: dossier.fields.len(),
        listings: dossier.listings.iter().map(listing).collect(),
        differences: dossier.differences.iter().map(difference).collect(),
        excerpt: dossier
            .excerpt
            .iter()
            .map(|(line, text)| ExcerptObject { line: *line, text })
            .collect(),
    })
}
