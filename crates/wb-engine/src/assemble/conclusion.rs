//! The conclusion: compromised or not, how sure, and the sentence a manager reads.

use super::missing::stamp;
use super::moments::Moment;
use super::roles::base_name;
use crate::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    ArtifactPath, CandidateDecision, Compromise, Conclusion, Confidence, Decision, Event,
    EventKind, Finding, Flow, Integrity, KeyMoment, ReadState, Role, RoleAssignment, Verdict,
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
            // Code that a person must look at, and traffic to where it would send: more likely than not.
            (true, false, false) | (false, true, _) => Confidence::Medium,
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
        let Some(main) = self.main() else { return refused(candidates) };
        let others = self.others(main);
        let mut story = self.clause(main, others.is_empty());
        for other in &others {
            story.push(' ');
            story.push_str(&self.clause(other, false));
        }
        if !others.is_empty() && self.unrelated(main, &others) {
            story.push_str(
                " Nothing in the evidence ties these together: they may be separate attacks.",
            );
        }
        story.push_str(&refused(candidates));
        story
    }

    /// What a file does, and which destinations of its own the logs show.
    fn clause(&self, finding: &Finding, alone: bool) -> String {
        let mut clause = format!("`{}`: {}", finding.artifact, finding.headline);
        if let Some(call) = finding.call.as_ref().filter(|call| !finding.headline.contains(*call)) {
            clause.push_str(&format!(" (`{call}`)"));
        }
        let mut flows: Vec<&Flow> = self.flows_of(finding);
        if flows.is_empty() && alone {
            flows = self.flows.iter().filter(|flow| flow.of_compromise).collect();
        }
        let passed = flows.iter().filter(|flow| flow.count > flow.blocked);
        let deed = match passed.map(|flow| flow.bytes_out).sum::<u64>() {
            0 => "tried to reach".to_owned(),
            bytes => format!("sent {bytes} bytes to"),
        };
        match flows.iter().map(|flow| flow.first).min() {
            Some(first) => clause.push_str(&format!(
                "; it has {deed} {} since {}.",
                reached(&flows).join(", "),
                stamp(first)
            )),
            None if alone && self.moments.contains_key(&KeyMoment::FirstOutbound) => {
                clause.push_str(&format!(
                    "; it has tried to reach a destination of its payload since {}.",
                    self.moments
                        .get(&KeyMoment::FirstOutbound)
                        .map(|moment| stamp(moment.time.timestamp))
                        .unwrap_or_default()
                ));
            }
            None => clause.push_str("; the supplied logs show no connection of it."),
        }
        clause
    }

    /// Connections to what the findings in an artifact name.
    fn flows_of(&self, finding: &Finding) -> Vec<&Flow> {
        let named: BTreeSet<&str> = self
            .findings
            .iter()
            .filter(|other| other.artifact == finding.artifact)
            .flat_map(|other| &other.indicators)
            .map(wb_core::Indicator::value)
            .collect();
        let to = |flow: &&Flow| {
            flow.of_compromise
                && (named.contains(flow.destination.as_str())
                    || flow.host.as_deref().is_some_and(|host| named.contains(host)))
        };
        self.flows.iter().filter(to).collect()
    }

    /// The gravest finding of each further malicious model in production.
    fn others(&self, main: &Finding) -> Vec<&Finding> {
        let mut seen = BTreeSet::from([&main.artifact]);
        let runs = |finding: &&Finding| {
            finding.verdict == Verdict::Malicious
                && self.roles.get(&finding.artifact).is_some_and(|it| it.role == Role::Production)
        };
        let inside = |one: &ArtifactPath, other: &ArtifactPath| one.root() == other.root();
        self.findings
            .iter()
            .filter(runs)
            .filter(|finding| !inside(&finding.artifact, &main.artifact))
            .filter(|finding| seen.insert(&finding.artifact))
            .take(2)
            .collect()
    }

    /// Whether no file shares a destination or a command with another.
    fn unrelated(&self, main: &Finding, others: &[&Finding]) -> bool {
        let mut seen = BTreeSet::new();
        std::iter::once(main).chain(others.iter().copied()).all(|finding| {
            let own: BTreeSet<&str> = self
                .findings
                .iter()
                .filter(|other| other.artifact == finding.artifact)
                .flat_map(|other| &other.indicators)
                .filter(|it| {
                    use wb_core::IndicatorKind::{Command, Domain, Identifier, Ip, Url};
                    matches!(it.kind(), Command | Domain | Identifier | Ip | Url)
                })
                .map(wb_core::Indicator::value)
                .collect();
            let apart = !own.is_empty() && seen.is_disjoint(&own);
            seen.extend(own);
            apart
        })
    }

    /// Whether logs were supplied, and no model that runs: what they tell of is not there to be looked at.
    fn lacks_what_runs(&self) -> bool {
        let supplied = self.roles.values().any(|given| given.role == Role::Production);
        !supplied && !self.body.logs.is_empty()
    }

    /// What the logs show when the model that ran is not among the evidence: that is no all-clear.
    fn alarm_without_cause(&self) -> String {
        let mut alarm =
            "No model that runs in production was supplied or recognised, so nothing can be \
                         said about it."
                .to_owned();
        if let Some(first) = self.moments.get(&KeyMoment::FirstOutbound) {
            let flows: Vec<&Flow> = self.flows.iter().filter(|flow| flow.of_compromise).collect();
            alarm.push_str(&format!(
                " The logs show connections to {} since {}.",
                reached(&flows).join(", "),
                stamp(first.time.timestamp)
            ));
        }
        alarm
    }

    /// Whether a model ran of which no file was supplied.
    fn lacks_one_that_ran(&self) -> bool {
        let supplied: BTreeSet<&str> =
            self.body.artifacts.iter().map(|it| it.artifact.path.file_name()).collect();
        let ran = |event: &Event| matches!(event.kind, EventKind::Load | EventKind::Deploy);
        let mut files = self.body.events().filter(|event| ran(event));
        files.any(|event| {
            event.field("file.name").is_some_and(|file| !supplied.contains(base_name(file)))
        })
    }

    /// Whether an alert stands in the logs, and nobody recorded that what runs is what should.
    fn alarmed(&self) -> bool {
        let recorded = |path: &ArtifactPath| {
            self.integrity
                .iter()
                .any(|entry| entry.artifact == *path && entry.matches == Some(true))
        };
        let runs = |path: &ArtifactPath| {
            self.roles.get(path).is_some_and(|given| given.role == Role::Production)
        };
        let mut models = self.body.whole_models().map(|model| &model.artifact.path);
        let vouched =
            models.all(|path| !runs(path) || recorded(path)) && !self.lacks_one_that_ran();
        !vouched && self.body.events().any(|event| event.kind == EventKind::Alert)
    }

    fn all_clear(&self, candidates: &[CandidateDecision]) -> Conclusion {
        let replaced = self.integrity.iter().find(|entry| {
            let role = self.roles.get(&entry.artifact).map_or(Role::Other, |role| role.role);
            entry.matches == Some(false) && role == Role::Production
        });
        let suspicious = self.findings.iter().any(|finding| finding.verdict >= Verdict::Suspicious);
        let detected = self.body.detections.iter().map(|(rule, _)| rule);
        let detected = detected.filter(|rule| super::detections::needs_a_look(rule));
        let detected = detected.max_by_key(|rule| rule.severity);
        let mut summary = if let Some(entry) = replaced {
            format!(
                "`{}` is not the file that was recorded; nothing in it was found that would run or \
                 send anything.",
                entry.artifact
            )
        } else if self.lacks_what_runs() {
            self.alarm_without_cause()
        } else if suspicious {
            "Nothing malicious was found in what runs, but something needs a person's eye."
                .to_owned()
        } else if detected.is_none() {
            "Nothing malicious was found in what was supplied.".to_owned()
        } else {
            String::new()
        };
        if let Some(rule) = detected.filter(|_| replaced.is_none() && !suspicious) {
            let found = "Nothing malicious was found in the supplied files, but the logs need a person's eye";
            let space = if summary.is_empty() { "" } else { " " };
            summary.push_str(&format!("{space}{found}: {}.", rule.title));
        }
        summary.push_str(&refused(candidates));
        let wrong = replaced.is_some() || suspicious || detected.is_some();
        Conclusion { compromised: Compromise::No, confidence: self.how_clear(wrong), summary }
    }

    /// How sure it is that nothing malicious runs. What was not supplied or read cannot be vouched for.
    fn how_clear(&self, wrong: bool) -> Confidence {
        let any = |state: ReadState| {
            self.body.artifacts.iter().any(|inspected| inspected.coverage.state == state)
        };
        let nothing_read =
            !any(ReadState::Read) && !any(ReadState::Partial) && self.body.logs.is_empty();
        let untold = self.body.logs.is_empty() || any(ReadState::Unread) || self.alarmed();
        if nothing_read || self.lacks_what_runs() {
            Confidence::Low
        } else if wrong || untold {
            Confidence::Medium
        } else {
            Confidence::High
        }
    }
}

/// The destinations of flows: name, else address.
fn reached<'a>(flows: &[&'a Flow]) -> Vec<&'a str> {
    let mut names: Vec<&str> =
        flows.iter().map(|flow| flow.host.as_deref().unwrap_or(&flow.destination)).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(3);
    if names.is_empty() { vec!["a destination of its payload"] } else { names }
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
