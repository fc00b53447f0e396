//! The conclusion: compromised or not, how sure, and the sentence a manager reads.

use super::missing::stamp;
use super::moments::Moment;
use crate::body::Body;
use std::collections::BTreeMap;
use wb_core::{
    ArtifactPath, CandidateDecision, Compromise, Conclusion, Confidence, Decision, Finding, Flow,
    Integrity, KeyMoment, ReadState, Role, RoleAssignment, Verdict,
};

/// What the conclusion rests on.
#[derive(Debug)]
pub struct Grounds<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Findings, gravest first.
    pub findings: &'a [Finding],
    /// Roles.
    pub roles: &'a BTreeMap<ArtifactPath, RoleAssignment>,
    /// Key moments.
    pub moments: &'a BTreeMap<KeyMoment, Moment>,
    /// Recorded digests against files.
    pub integrity: &'a [Integrity],
    /// All connections.
    pub flows: &'a [Flow],
}

/// Whether anything malicious ran, or stands where it would run: a malicious model in production; or one
/// whose purpose nobody knows, with logs that show it at work. A malicious candidate was stopped in time.
pub fn compromise(
    findings: &[Finding],
    roles: &BTreeMap<ArtifactPath, RoleAssignment>,
    moments: &BTreeMap<KeyMoment, Moment>,
) -> Compromise {
    let at_work = moments.contains_key(&KeyMoment::FirstOutbound);
    let runs = findings.iter().any(|finding| {
        let role = roles.get(&finding.artifact).map_or(Role::Other, |role| role.role);
        match finding.verdict {
            Verdict::Malicious => {
                role == Role::Production
                    || (at_work && !matches!(role, Role::Candidate))
                    || role == Role::Baseline
            }
            Verdict::Suspicious => role == Role::Production && at_work,
            _ => false,
        }
    });
    if runs { Compromise::Yes } else { Compromise::No }
}

impl Grounds<'_> {
    /// Concludes.
    pub fn conclude(&self, candidates: &[CandidateDecision]) -> Conclusion {
        let compromised = compromise(self.findings, self.roles, self.moments);
        match compromised {
            Compromise::Yes => Conclusion {
                compromised,
                confidence: self.confidence(),
                summary: self.story(candidates),
            },
            Compromise::No => self.all_clear(candidates),
        }
    }

    /// Three independent things can speak: the model's code, the traffic, the digests. One alone may be
    /// explained; the code alone shows what would run, not that it did.
    fn confidence(&self) -> Confidence {
        let code = self.main().is_some_and(|finding| finding.verdict == Verdict::Malicious);
        let traffic = self.moments.contains_key(&KeyMoment::FirstOutbound);
        let digests = self.integrity.iter().any(|entry| entry.matches == Some(false));
        match (code, traffic, digests) {
            (true, true, _) | (true, _, true) => Confidence::High,
            (true, false, false) => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// The gravest finding in what runs.
    fn main(&self) -> Option<&Finding> {
        let in_role = |role: Role| {
            self.findings.iter().find(|finding| {
                finding.verdict >= Verdict::Suspicious
                    && self.roles.get(&finding.artifact).is_some_and(|given| given.role == role)
            })
        };
        in_role(Role::Production)
            .or_else(|| in_role(Role::Other))
            .or_else(|| in_role(Role::Baseline))
    }

    fn story(&self, candidates: &[CandidateDecision]) -> String {
        let mut story = String::new();
        if let Some(finding) = self.main() {
            story.push_str(&format!("`{}`: {}", finding.artifact, finding.headline));
            if let Some(call) =
                finding.call.as_ref().filter(|call| !finding.headline.contains(*call))
            {
                story.push_str(&format!(" (`{call}`)"));
            }
        }
        if let Some(first) = self.moments.get(&KeyMoment::FirstOutbound) {
            story.push_str(&format!(
                "; it has tried to reach {} since {}",
                self.reached().join(", "),
                stamp(first.time.timestamp)
            ));
        } else {
            story.push_str("; the supplied logs show no connection of it");
        }
        story.push('.');
        story.push_str(&refused(candidates));
        story
    }

    /// The destinations of the compromise that the logs show traffic to: name, else address.
    fn reached(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .flows
            .iter()
            .filter(|flow| flow.of_compromise)
            .map(|flow| flow.host.as_deref().unwrap_or(&flow.destination))
            .collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(3);
        if names.is_empty() { vec!["a destination of its payload"] } else { names }
    }

    fn all_clear(&self, candidates: &[CandidateDecision]) -> Conclusion {
        let replaced = self.integrity.iter().find(|entry| {
            let role = self.roles.get(&entry.artifact).map_or(Role::Other, |role| role.role);
            entry.matches == Some(false) && role == Role::Production
        });
        let suspicious = replaced.is_some()
            || self.findings.iter().any(|finding| finding.verdict >= Verdict::Suspicious);
        let mut summary = if let Some(entry) = replaced {
            format!(
                "`{}` is not the file that was recorded; nothing in it was found that would run or \
                 send anything.",
                entry.artifact
            )
        } else if suspicious {
            "Nothing malicious was found in what runs, but something needs a person's eye."
                .to_owned()
        } else {
            "Nothing malicious was found in what was supplied.".to_owned()
        };
        summary.push_str(&refused(candidates));
        let unread = |state: ReadState| {
            self.body.artifacts.iter().any(|inspected| inspected.coverage.state == state)
        };
        let nothing_read =
            !unread(ReadState::Read) && !unread(ReadState::Partial) && self.body.logs.is_empty();
        let confidence = match (suspicious, nothing_read, unread(ReadState::Unread)) {
            (_, true, _) => Confidence::Low,
            (true, ..) | (_, _, true) => Confidence::Medium,
            _ => Confidence::High,
        };
        Conclusion { compromised: Compromise::No, confidence, summary }
    }
}

/// Which candidates must not, or not yet, be deployed.
fn refused(candidates: &[CandidateDecision]) -> String {
    let mut text = String::new();
    for candidate in candidates {
        match candidate.decision {
            Decision::Reject => text.push_str(&format!(" Do not deploy `{}`.", candidate.artifact)),
            Decision::Review => {
                text.push_str(&format!(" Review `{}` before it is deployed.", candidate.artifact));
            }
            Decision::Approve => {}
        }
    }
    text
}
