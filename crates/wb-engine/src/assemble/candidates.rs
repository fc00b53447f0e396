//! The decision on each candidate: approve, review or reject, with reasons.

use super::dossiers::ALL_WEIGHTS;
use super::ties::Compromise;
use crate::body::{Body, Inspected};
use std::collections::BTreeMap;
use wb_core::{
    ArtifactPath, CandidateDecision, Decision, Difference, Finding, Identifier, Integrity,
    ReadState, Role, RoleAssignment, Severity, Verdict,
};

/// What decisions rest on.
#[derive(Debug)]
pub struct Grounds<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Findings.
    pub findings: &'a [Finding],
    /// Roles.
    pub roles: &'a BTreeMap<ArtifactPath, RoleAssignment>,
    /// Recorded digests against files.
    pub integrity: &'a [Integrity],
    /// Identifiers put together.
    pub identifiers: &'a [Identifier],
    /// Differences from the baseline, by artifact.
    pub differences: &'a BTreeMap<ArtifactPath, Vec<Difference>>,
    /// Whether the incident is real.
    pub compromised: bool,
}

impl Grounds<'_> {
    /// Decides on every candidate.
    pub fn decide(&self) -> Vec<CandidateDecision> {
        let compromise = Compromise::of(self);
        self.body
            .whole_models()
            .filter(|inspected| {
                let role = self.roles.get(&inspected.artifact.path);
                role.is_some_and(|role| role.role == Role::Candidate)
            })
            .map(|inspected| self.decide_on(inspected, &compromise))
            .collect()
    }

    fn decide_on(&self, inspected: &Inspected, compromise: &Compromise) -> CandidateDecision {
        let path = &inspected.artifact.path;
        let mut decision = match inspected.verdict {
            Verdict::Malicious => Decision::Reject,
            Verdict::Suspicious | Verdict::Unknown => Decision::Review,
            Verdict::Clean => Decision::Approve,
        };
        let mut because: Vec<String> = self.reasons_in_findings(path);
        let mut raise = |to: Decision, why: String| {
            decision = decision.max(to);
            because.push(why);
        };
        for tie in compromise.ties(path, self) {
            raise(tie.decision, tie.why);
        }
        if inspected.coverage.state != ReadState::Read {
            raise(Decision::Review, format!("not all of it was read: {}", inspected.coverage.why));
        }
        match self.recorded(path) {
            Some(false) => {
                raise(Decision::Reject, "its digest is not the one recorded for it".to_owned());
            }
            Some(true) => because.push("its digest is the one recorded for it".to_owned()),
            None if self.compromised => raise(
                Decision::Review,
                "nobody recorded its digest: confirm where it comes from before it is deployed"
                    .to_owned(),
            ),
            None => because.push("no digest of it is recorded".to_owned()),
        }
        if inspected.verdict == Verdict::Clean {
            because.insert(0, "nothing in it would run, read or send anything".to_owned());
        }
        because.extend(self.changes(path));
        if !self.differences.contains_key(path) {
            because.push(self.not_compared().to_owned());
        }
        CandidateDecision { artifact: path.clone(), decision, because }
    }

    fn reasons_in_findings(&self, path: &ArtifactPath) -> Vec<String> {
        let mut reasons = Vec::new();
        for finding in self.findings.iter().filter(|finding| inside(path, &finding.artifact)) {
            if finding.severity >= Severity::Medium {
                reasons.push(format!("{} ({})", finding.headline, finding.rule));
            }
        }
        reasons
    }

    fn recorded(&self, path: &ArtifactPath) -> Option<bool> {
        let entries: Vec<bool> = self
            .integrity
            .iter()
            .filter(|entry| entry.artifact == *path)
            .filter_map(|entry| entry.matches)
            .collect();
        if entries.is_empty() { None } else { Some(!entries.contains(&false)) }
    }

    /// Why no difference from a baseline is shown: not because there is none.
    fn not_compared(&self) -> &'static str {
        let supplied = self.roles.values().any(|given| given.role == Role::Baseline);
        if supplied {
            "no supplied baseline has a layer or tensor in common with it: what it changes could not be compared"
        } else {
            "no baseline was supplied: what it changes could not be compared"
        }
    }

    /// What is new in it: layers, and what changed in the numbers.
    fn changes(&self, path: &ArtifactPath) -> Vec<String> {
        let differences = self.differences.get(path).map(Vec::as_slice).unwrap_or_default();
        let numbers = differences.iter().find(|it| it.name == ALL_WEIGHTS && it.what == "weights");
        Self::new_layers(differences).into_iter().chain(numbers.map(in_numbers)).collect()
    }

    fn new_layers(differences: &[Difference]) -> Option<String> {
        let layers: Vec<&str> = differences
            .iter()
            .filter(|difference| {
                difference.what == "layer" && difference.change == wb_core::Change::Added
            })
            .map(|difference| difference.name.as_str())
            .collect();
        let baseline = &differences.first()?.baseline;
        (!layers.is_empty())
            .then(|| format!("layers that `{baseline}` does not have: {}", layers.join(", ")))
    }
}

/// What changed in the numbers, as a reason.
pub fn in_numbers(told: &Difference) -> String {
    let detail = told.detail.trim_end_matches('.');
    format!("its numbers against `{}`: {detail}", told.baseline)
}

/// Whether `artifact` is `whole` or a part of it.
pub fn inside(whole: &ArtifactPath, artifact: &ArtifactPath) -> bool {
    let rest = artifact.as_str().strip_prefix(whole.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(ArtifactPath::MEMBER))
}
