//! [`Known::reasoning`]: how the case argues, from what the other steps have found. Nothing here changes a
//! conclusion: it says what each rests on, how sure it is, and what would change it.

mod chain;
pub mod deployments;
mod judgements;
mod loads;
mod reach;

pub use judgements::{JudgementRule, judgement_rules};

use super::destinations::Destinations;
use super::exchange;
use super::lifecycle::Lifecycle;
use super::moments::Moment;
use crate::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Answers, ArtifactPath, CandidateDecision, DeploymentRow, Finding, Ground, Identifier,
    Indicator, Integrity, KeyMoment, Reasoning, RoleAssignment, Said, Verdict,
};
use wb_logs::flows::FlowDetail;

/// What the reasoning is written from.
#[derive(Debug)]
pub struct Known<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Findings in files, gravest first.
    pub findings: &'a [Finding],
    /// Roles.
    pub roles: &'a BTreeMap<ArtifactPath, RoleAssignment>,
    /// Deployments and changes.
    pub lifecycle: &'a Lifecycle<'a>,
    /// What is on record about each of them.
    pub deployments: &'a [DeploymentRow],
    /// Key moments.
    pub moments: &'a BTreeMap<KeyMoment, Moment>,
    /// Where the compromise talks to.
    pub destinations: &'a Destinations,
    /// All connections.
    pub flows: &'a [FlowDetail],
    /// Recorded digests against files.
    pub integrity: &'a [Integrity],
    /// The models that run and are the worst.
    pub running: &'a [ArtifactPath],
    /// The answers.
    pub answers: &'a Answers,
    /// Identifiers put together.
    pub identifiers: &'a [Identifier],
    /// Decisions on candidates.
    pub candidates: &'a [CandidateDecision],
    /// Whether anything malicious ran or stands where it would.
    pub compromised: bool,
}

impl Known<'_> {
    /// The reasoning of the case.
    pub fn reasoning(&self) -> Reasoning {
        let loads = loads::of(self);
        let (mut chain, mut ran) = (Vec::new(), None);
        if self.compromised || !self.moments.is_empty() {
            let judgement = judgements::ran(self, &loads);
            chain = chain::of(self, &judgement);
            ran = Some(judgement);
        }
        Reasoning {
            judgements: judgements::of(self, &loads, ran),
            chain,
            deployments: self.deployments.to_vec(),
            exchanges: exchange::compare(self.body, self.findings, self.answers),
            reach: if self.compromised { reach::of(self) } else { Vec::new() },
            loads,
        }
    }

    /// Findings that are at least suspicious in what runs, gravest first.
    fn of_running(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| {
            finding.verdict >= Verdict::Suspicious
                && self.running.iter().any(|path| path.root() == finding.artifact.root())
        })
    }

    /// Connections to destinations of the compromise.
    fn contacts(&self) -> impl Iterator<Item = &FlowDetail> {
        self.flows.iter().filter(|detail| detail.flow.of_compromise)
    }

    /// Hosts and addresses that the payloads of what runs name.
    fn named_by_payload(&self) -> BTreeSet<&str> {
        self.of_running().flat_map(|finding| &finding.indicators).map(Indicator::value).collect()
    }

    /// The record of a key moment as a ground.
    fn ground(&self, key: KeyMoment) -> Option<Ground> {
        self.moments.get(&key).map(|moment| Ground::at(&moment.record, moment.summary.clone()))
    }
}

/// Whether a record of a deployment, in which long values are cut, names this address.
fn names_uri(said: &Said, uri: &str) -> bool {
    match said.value.strip_suffix('…') {
        Some(beginning) => uri.starts_with(beginning),
        None => said.value == uri,
    }
}

/// Where a finding stands, and what it says.
fn finding_ground(finding: &Finding) -> Ground {
    Ground::new(&finding.artifact, finding.location.place.clone(), finding.headline.clone())
}
