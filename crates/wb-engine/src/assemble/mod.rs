//! [`assemble`]: what was seen, joined to a case.
//!
//! The order of the steps is the order of the reasoning: who is who ([`roles`]), how models came into
//! service ([`lifecycle`]), which destinations belong to the compromise ([`destinations`]), when what
//! happened ([`moments`]), and from these everything a report says. Each step is a pure function of the
//! ones before; none of them depends on the order in which files were read.

mod absent;
mod advice;
mod answers;
pub(crate) mod atoms;
pub(crate) mod candidates;
mod conclusion;
mod contradictions;
mod destinations;
mod detections;
pub(crate) mod dossiers;
mod exchange;
mod fragments;
mod identifiers;
pub(crate) mod integrity;
mod lifecycle;
mod missing;
mod moments;
mod packets;
mod reasoning;
mod roles;
mod search;
mod ties;
mod timeline;

pub use dossiers::of_artifact as dossier;
pub use reasoning::{JudgementRule, judgement_rules};
pub use timeline::summary as in_words;

use crate::body::{Body, Inspected, LogRead};
use destinations::Destinations;
use lifecycle::{Deployment, Lifecycle};
use moments::Moment;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Answers, ArtifactPath, CandidateDecision, Case, Compromise, Coverage, DeploymentRow, Dossier,
    EventKind, Finding, Flow, Identifier, Indicator, IndicatorKind, KeyMoment, Recommendation,
    RecordRef, Role, RoleAssignment, TimelineEntry, Verdict,
};
use wb_logs::flows::{FlowDetail, FlowTable};

/// Joins everything that was seen to a case. `given` are roles that the user gave by hand.
pub fn assemble(mut body: Body, given: &BTreeMap<ArtifactPath, Role>) -> Case {
    let flows = std::mem::take(&mut body.flows);
    let body = &body;
    let basis = Basis::of(body, flows, given);
    let moments = basis.moments();
    let introducing = basis.introducing(&moments);
    let flows: Vec<Flow> = basis.flows.iter().map(|detail| detail.flow.clone()).collect();
    let Basis { roles, findings, destinations, integrity, .. } = &basis;
    let answers = basis.answers(&moments, introducing, &flows);
    let compromised = conclusion::compromise(findings, roles, &moments) == Compromise::Yes;
    let atoms = atoms::atoms(body, destinations);
    let identifiers = identifiers::assemble(&atoms);
    let identifiers = packets::named_in_identifiers(body, identifiers);
    let differences = dossiers::compared(body, roles);
    let candidates = basis.decide(&identifiers, &differences, compromised);
    let recommendations = basis.advice(&candidates, &answers.host_affected, compromised);
    let deployments = reasoning::deployments::rows(&basis.lifecycle, introducing);
    let concluded = (&identifiers[..], &candidates[..]);
    let reasoning = basis.reasoning(&moments, &deployments, &answers, concluded, compromised);
    let mut missing = basis.missing(&moments, &deployments, &flows, &answers, compromised);
    missing.extend(absent::unfinished(&identifiers::unfinished(&atoms, &identifiers)));
    missing.extend(basis.absent(compromised));
    let conclusion =
        conclusion::Grounds { body, findings, roles, moments: &moments, integrity, flows: &flows }
            .conclude(&candidates);
    let hits = search::in_logs(body, findings);
    let more = further_indicators(destinations, &identifiers, body);
    let mut timeline = timeline::build(body, &basis.lifecycle, destinations, &moments);
    let mut dossiers = dossiers::build(body, findings, &differences);
    let again = hits.values().flatten();
    let excerpts = excerpts(body, &timeline, integrity, again);
    let indicators = packets::named_in_index(body, search::index(findings, &hits, more));
    let contradictions = basis.contradictions(&moments, &reasoning.exchanges, &flows);
    let findings = with_detections(findings, body, &excerpts);
    attach_raw(&mut timeline, &mut dossiers, excerpts);
    Case {
        conclusion,
        artifacts: artifacts(body),
        verdicts: verdicts(body),
        indicators,
        seen_again: search::seen_again(&findings, &hits),
        timeline,
        identifiers,
        contradictions,
        flows,
        answers,
        missing,
        candidates,
        recommendations,
        reasoning,
        coverage: coverage(body),
        dossiers,
        roles: basis.roles,
        findings,
        integrity: basis.integrity,
    }
}

/// What all conclusions rest on.
struct Basis<'a> {
    body: &'a Body,
    lifecycle: Lifecycle<'a>,
    roles: BTreeMap<ArtifactPath, RoleAssignment>,
    findings: Vec<Finding>,
    destinations: Destinations,
    flows: Vec<FlowDetail>,
    integrity: Vec<wb_core::Integrity>,
    running: Vec<ArtifactPath>,
    /// Whether anything that can belong to a compromise is suspicious.
    wrong: bool,
}

impl<'a> Basis<'a> {
    fn of(
        body: &'a Body,
        mut flows: Vec<FlowDetail>,
        given: &BTreeMap<ArtifactPath, Role>,
    ) -> Self {
        let lifecycle = Lifecycle::of(body);
        let roles = roles::assign(body, &lifecycle, given);
        let findings = findings(&body.artifacts);
        let relevant = relevant(&findings, &roles);
        let wrong = relevant.iter().any(|finding| finding.verdict >= Verdict::Suspicious);
        let destinations = Destinations::of(body, &relevant, &flows);
        if !flows.iter().any(|detail| destinations.covers(&detail.flow)) {
            flows.extend(look_ups(body, &destinations));
        }
        for detail in &mut flows {
            detail.flow.of_compromise = destinations.covers(&detail.flow);
        }
        let integrity = integrity::compare(body, &roles);
        let running = running(body, &roles);
        Self { body, lifecycle, roles, findings, destinations, flows, integrity, running, wrong }
    }

    fn answers(
        &self,
        moments: &BTreeMap<KeyMoment, Moment>,
        introducing: Option<&Deployment<'_>>,
        flows: &[Flow],
    ) -> Answers {
        answers::Grounds {
            body: self.body,
            findings: &self.findings,
            running: &self.running,
            lifecycle: &self.lifecycle,
            introducing,
            moments,
            destinations: &self.destinations,
            flows,
        }
        .answers()
    }

    fn decide(
        &self,
        identifiers: &[Identifier],
        differences: &BTreeMap<ArtifactPath, Vec<wb_core::Difference>>,
        compromised: bool,
    ) -> Vec<CandidateDecision> {
        candidates::Grounds {
            body: self.body,
            findings: &self.findings,
            roles: &self.roles,
            integrity: &self.integrity,
            identifiers,
            differences,
            compromised,
        }
        .decide()
    }

    fn reasoning(
        &self,
        moments: &BTreeMap<KeyMoment, Moment>,
        deployments: &[DeploymentRow],
        answers: &Answers,
        (identifiers, candidates): (&[Identifier], &[CandidateDecision]),
        compromised: bool,
    ) -> wb_core::Reasoning {
        reasoning::Known {
            body: self.body,
            findings: &self.findings,
            roles: &self.roles,
            lifecycle: &self.lifecycle,
            deployments,
            moments,
            destinations: &self.destinations,
            flows: &self.flows,
            integrity: &self.integrity,
            running: &self.running,
            answers,
            identifiers,
            candidates,
            compromised,
        }
        .reasoning()
    }

    fn contradictions(
        &self,
        moments: &BTreeMap<KeyMoment, Moment>,
        exchanges: &[wb_core::Compared],
        flows: &[Flow],
    ) -> Vec<wb_core::Contradiction> {
        let Self { body, findings, roles, integrity, .. } = self;
        contradictions::find(body, findings, roles, integrity, moments, exchanges, flows)
    }

    fn evidence(&self) -> moments::Evidence<'_> {
        moments::Evidence {
            body: self.body,
            lifecycle: &self.lifecycle,
            integrity: &self.integrity,
            destinations: &self.destinations,
            flows: &self.flows,
            running: &self.running,
        }
    }

    /// The key moments; none when nothing is wrong.
    fn moments(&self) -> BTreeMap<KeyMoment, Moment> {
        if self.wrong { self.evidence().moments() } else { BTreeMap::new() }
    }

    /// The deployment or change that brought in what runs.
    fn introducing(&self, moments: &BTreeMap<KeyMoment, Moment>) -> Option<&Deployment<'_>> {
        moments.get(&KeyMoment::Introduced)?;
        let began = moments.get(&KeyMoment::FirstOutbound).map(|moment| moment.time.timestamp);
        self.evidence().introduced(began).map(|(_, deployment)| deployment)
    }

    fn advice(
        &self,
        candidates: &[CandidateDecision],
        hosts: &[String],
        compromised: bool,
    ) -> Vec<Recommendation> {
        advice::Grounds {
            body: self.body,
            findings: &self.findings,
            roles: &self.roles,
            integrity: &self.integrity,
            destinations: &self.destinations,
            candidates,
            hosts,
            compromised,
        }
        .advice()
    }

    /// What ought to be among the evidence, or is there and cannot be explained.
    fn absent(&self, compromised: bool) -> Vec<String> {
        let mut all = absent::named_files(self.body, &self.lifecycle);
        all.extend(absent::other_bytes(self.body, &self.integrity));
        all.extend(absent::damaged(self.body));
        if !compromised {
            all.extend(absent::unexplained_alerts(self.body));
        }
        all
    }

    fn missing(
        &self,
        moments: &BTreeMap<KeyMoment, Moment>,
        deployments: &[DeploymentRow],
        flows: &[Flow],
        answers: &Answers,
        compromised: bool,
    ) -> Vec<String> {
        missing::Known {
            body: self.body,
            roles: &self.roles,
            lifecycle: &self.lifecycle,
            deployments,
            moments,
            integrity: &self.integrity,
            flows,
            answers,
            compromised,
        }
        .missing()
    }
}

/// The indicators of `findings` with their places, for a report without logs.
pub fn index_findings(findings: &[Finding]) -> Vec<wb_core::IndexedIndicator> {
    search::index(findings, &search::Hits::new(), [])
}

/// Every finding, gravest first; equal ones in the order of artifacts and bytes.
pub fn findings(artifacts: &[Inspected]) -> Vec<Finding> {
    let mut all: Vec<Finding> =
        artifacts.iter().flat_map(|inspected| inspected.findings.iter().cloned()).collect();
    gravest_first(&mut all);
    all
}

fn gravest_first(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (b.severity, b.verdict)
            .cmp(&(a.severity, a.verdict))
            .then_with(|| a.artifact.cmp(&b.artifact))
            .then_with(|| a.location.cmp(&b.location))
            .then_with(|| a.rule.cmp(b.rule))
    });
}

/// Findings that can belong to the compromise: not those about packages or baselines.
fn relevant<'a>(
    findings: &'a [Finding],
    roles: &BTreeMap<ArtifactPath, RoleAssignment>,
) -> Vec<&'a Finding> {
    let role = |finding: &Finding| roles.get(&finding.artifact).map_or(Role::Other, |r| r.role);
    findings.iter().filter(|finding| role(finding) != Role::Dependency).collect()
}

/// Look-ups of names of the compromise as flows, for where no connection to it is recorded: data may leave in
/// the names themselves. Each asker has one flow to the name that is known, whatever stands before it.
fn look_ups(body: &Body, destinations: &Destinations) -> Vec<FlowDetail> {
    let mut table = FlowTable::default();
    for event in body.events().filter(|event| event.kind == EventKind::Dns) {
        let Some(net) = &event.net else { continue };
        let Some(name) = net.host.as_deref().and_then(|host| destinations.named(host)) else {
            continue;
        };
        let asked = wb_core::Net {
            source: net.source.clone(),
            host: Some(name.to_owned()),
            destination_port: Some(53),
            transport: net.transport.clone(),
            protocol: Some("dns".to_owned()),
            bytes_out: net.bytes_out,
            verdict: net.verdict,
            ..wb_core::Net::default()
        };
        // The answer to a question is no further attempt.
        if net.source.is_some() || net.answers.is_empty() {
            let kind = EventKind::Connect;
            table.add(&wb_core::Event { kind, net: Some(asked), ..event.clone() });
        }
    }
    table.finish_detailed()
}

/// The models that run and are the worst: malicious ones in production, else malicious ones of no known
/// purpose, else suspicious ones in production. None when nothing that runs is suspicious.
fn running(body: &Body, roles: &BTreeMap<ArtifactPath, RoleAssignment>) -> Vec<ArtifactPath> {
    let with = |verdict: Verdict, wanted: Role| -> Vec<ArtifactPath> {
        let fits = |inspected: &&Inspected| {
            let role = roles.get(&inspected.artifact.path).map_or(Role::Other, |r| r.role);
            inspected.verdict >= verdict && role == wanted
        };
        body.artifacts.iter().filter(fits).map(|found| found.artifact.path.clone()).collect()
    };
    let choices = [
        with(Verdict::Malicious, Role::Production),
        with(Verdict::Malicious, Role::Other),
        with(Verdict::Suspicious, Role::Production),
    ];
    choices.into_iter().find(|choice| !choice.is_empty()).unwrap_or_default()
}

fn artifacts(body: &Body) -> Vec<wb_core::Artifact> {
    let inspected = body.artifacts.iter().map(|inspected| inspected.artifact.clone());
    let mut all: Vec<wb_core::Artifact> =
        inspected.chain(body.logs.iter().map(|log| log.artifact.clone())).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn verdicts(body: &Body) -> BTreeMap<ArtifactPath, Verdict> {
    let inspected = body.artifacts.iter().map(|found| (found.artifact.path.clone(), found.verdict));
    let logs = body.logs.iter().map(|log| (log.artifact.path.clone(), Verdict::Clean));
    inspected.chain(logs).collect()
}

/// What was read: every artifact, every log, and what could not be opened.
fn coverage(body: &Body) -> Vec<Coverage> {
    let mut all: Vec<Coverage> =
        body.artifacts.iter().map(|inspected| inspected.coverage.clone()).collect();
    all.extend(body.logs.iter().map(LogRead::coverage));
    all.extend(body.skipped.iter().cloned());
    all.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    // A link out of the folder is an artifact that was skipped.
    all.dedup();
    all
}

/// Indicators that stand in no finding: destinations known from traffic, identifiers, digests of what is
/// malicious.
fn further_indicators(
    destinations: &Destinations,
    identifiers: &[Identifier],
    body: &Body,
) -> Vec<(Indicator, ArtifactPath, String)> {
    let mut all = Vec::new();
    for known in &destinations.all {
        for ground in &known.because {
            let place = format!("{}: {}", ground.place, ground.why);
            all.push((known.indicator.clone(), ground.artifact.clone(), place));
        }
    }
    for identifier in identifiers {
        let indicator = Indicator::new(IndicatorKind::Identifier, &identifier.value);
        for part in &identifier.parts {
            all.push((indicator.clone(), part.artifact.clone(), part.place.clone()));
        }
    }
    for inspected in &body.artifacts {
        if let Some(digest) =
            inspected.artifact.sha256.filter(|_| inspected.verdict == Verdict::Malicious)
        {
            let indicator = Indicator::new(IndicatorKind::Sha256, &digest.to_string());
            let path = inspected.artifact.path.clone();
            all.push((indicator, path, "digest of the whole artifact".to_owned()));
        }
    }
    all
}

/// The raw text of every record that the case refers to, for the timeline, the findings and the dossiers.
fn excerpts<'a>(
    body: &'a Body,
    timeline: &'a [TimelineEntry],
    integrity: &'a [wb_core::Integrity],
    again: impl Iterator<Item = &'a RecordRef>,
) -> detections::Excerpts {
    let mut records: BTreeSet<RecordRef> =
        timeline.iter().map(|entry| entry.record.clone()).collect();
    records.extend(integrity.iter().filter_map(|entry| entry.recorded_in.clone()));
    records.extend(again.cloned());
    records.extend(detections::records(body).cloned());
    search::excerpts(body, &records)
}

/// Findings in files and findings of rules over events, gravest first.
fn with_detections(
    findings: &[Finding],
    body: &Body,
    excerpts: &detections::Excerpts,
) -> Vec<Finding> {
    let mut all = findings.to_vec();
    all.extend(detections::findings(body, excerpts));
    gravest_first(&mut all);
    all
}

/// Gives the entries of the timeline and the dossiers of logs their raw records.
fn attach_raw(
    timeline: &mut [TimelineEntry],
    dossiers: &mut BTreeMap<ArtifactPath, Dossier>,
    excerpts: detections::Excerpts,
) {
    for entry in timeline {
        let lines = excerpts.get(&entry.record.artifact);
        let raw = lines.and_then(|lines| {
            lines
                .binary_search_by_key(&entry.record.line, |(number, _)| *number)
                .ok()
                .and_then(|at| lines.get(at))
        });
        entry.raw = raw.map(|(_, text)| timeline::cut(text, 600)).unwrap_or_default();
    }
    for (path, excerpt) in excerpts {
        dossiers.entry(path).or_default().excerpt = excerpt;
    }
}
