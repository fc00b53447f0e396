//! What should be in the evidence and is not. Every sentence speaks of the supplied evidence: absence from
//! it does not show that something did not happen.

use super::absent;
use super::lifecycle::Lifecycle;
use super::moments::Moment;
use crate::body::Body;
use jiff::Timestamp;
use std::collections::BTreeMap;
use wb_core::{
    Answers, ArtifactPath, DeploymentRow, Flow, Integrity, KeyMoment, Role, RoleAssignment, Status,
    Verdict,
};

/// What the missing pieces are found from.
#[derive(Debug)]
pub struct Known<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Roles.
    pub roles: &'a BTreeMap<ArtifactPath, RoleAssignment>,
    /// Deployments and changes.
    pub lifecycle: &'a Lifecycle<'a>,
    /// What is on record about each deployment.
    pub deployments: &'a [DeploymentRow],
    /// Key moments.
    pub moments: &'a BTreeMap<KeyMoment, Moment>,
    /// Recorded digests against files.
    pub integrity: &'a [Integrity],
    /// Connections.
    pub flows: &'a [Flow],
    /// The answers.
    pub answers: &'a Answers,
    /// Whether anything malicious ran or stands where it would.
    pub compromised: bool,
}

impl Known<'_> {
    /// What is missing, in sentences.
    pub fn missing(&self) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(self.lacking_attributes());
        if self.compromised {
            all.extend(self.only_loaded());
            all.extend(self.lacking_moments());
            all.extend(self.lacking_names());
            all.extend(self.lacking_contents());
        }
        all.extend(self.lacking_sources());
        all.extend(self.lacking_digests());
        all
    }

    /// What the introducing record does not say, compared with how earlier deployments were logged.
    fn lacking_attributes(&self) -> Vec<String> {
        let at = self.deployments.iter().position(|row| row.introduced);
        let Some((earlier, row)) =
            at.and_then(|at| Some((self.deployments.get(..at)?, self.deployments.get(at)?)))
        else {
            return Vec::new();
        };
        let when = stamp(row.began);
        let lacks = row.lacks.iter().map(|attribute| {
            let had = earlier.iter().rev().find(|other| other.said.contains_key(attribute));
            let compared = match had {
                Some(other) => format!("; the deployment at {} had one", stamp(other.began)),
                None => String::new(),
            };
            format!("no {} is recorded for the change at {when}{compared}", attribute.name())
        });
        lacks.collect()
    }

    fn lacking_moments(&self) -> Vec<String> {
        let mut all = Vec::new();
        let has = |key: KeyMoment| self.moments.contains_key(&key);
        if !has(KeyMoment::Introduced) {
            all.push(self.unexplained_change());
        }
        if !has(KeyMoment::Loaded) {
            all.push("no load of the malicious model is recorded in the supplied logs".to_owned());
        }
        if !has(KeyMoment::FirstOutbound) {
            all.push(
                "no connection to a destination of the payload is recorded in the supplied logs"
                    .to_owned(),
            );
        }
        if !has(KeyMoment::Detection) {
            all.push("no alert about the outbound connections is in the supplied logs".to_owned());
        }
        if !has(KeyMoment::FirstBlock) && has(KeyMoment::FirstOutbound) {
            all.push("no record shows that an outbound connection was stopped".to_owned());
        }
        all
    }

    /// A load shows that a model was there, and nothing of how it came to be.
    fn only_loaded(&self) -> Option<String> {
        let introduced = self.moments.get(&KeyMoment::Introduced)?;
        (introduced.status == Status::Inferred).then(|| {
            format!(
                "{}: the load in {}:{} is the first trace of it",
                self.unexplained_change(),
                introduced.record.artifact,
                introduced.record.line
            )
        })
    }

    /// How the bytes on disk came about, when no record says so.
    fn unexplained_change(&self) -> String {
        let recorded = self.integrity.iter().find(|entry| {
            entry.matches == Some(false)
                && self.roles.get(&entry.artifact).is_some_and(|role| role.role == Role::Production)
        });
        match recorded.and_then(|entry| Some((entry, entry.recorded_in.as_ref()?))) {
            Some((entry, record)) => format!(
                "no record shows when `{}` stopped being the file whose digest stands in {}:{}",
                entry.artifact, record.artifact, record.line
            ),
            None => "no record shows how the malicious model came into service".to_owned(),
        }
    }

    /// Destinations known only by address.
    fn lacking_names(&self) -> Vec<String> {
        let nameless = self.flows.iter().filter(|flow| flow.of_compromise && flow.host.is_none());
        let mut addresses: Vec<&str> = nameless.map(|flow| flow.destination.as_str()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
            .into_iter()
            .map(|address| {
                format!("no DNS answer or server name in the supplied logs names {address}")
            })
            .collect()
    }

    /// Destinations known only by name, and traffic known only by its ends.
    fn lacking_contents(&self) -> Vec<String> {
        let of_compromise = || self.flows.iter().filter(|flow| flow.of_compromise);
        let mut names: Vec<&str> = of_compromise()
            .filter(|flow| flow.host.as_deref() == Some(flow.destination.as_str()))
            .map(|flow| flow.destination.as_str())
            .filter(|name| {
                // Another log may know the address.
                !of_compromise()
                    .any(|other| other.host.as_deref() == Some(*name) && other.destination != *name)
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut all: Vec<String> = names
            .into_iter()
            .map(|name| format!("no record in the supplied logs gives the address of {name}"))
            .collect();
        let seen = self.answers.network.iter().any(|network| network.seen_in == "capture");
        if of_compromise().next().is_some() && !seen {
            all.push(
                "no capture or proxy log shows what was sent: only that connections were made"
                    .to_owned(),
            );
        }
        all
    }

    /// Kinds of evidence that were not supplied at all.
    fn lacking_sources(&self) -> Vec<String> {
        let has_role = |wanted: Role| self.roles.values().any(|role| role.role == wanted);
        let undated = absent::undated(self.body);
        let mut all = Vec::new();
        if !has_role(Role::Production) {
            all.push("no production model was supplied or recognised".to_owned());
        }
        if !has_role(Role::Baseline) {
            all.push("no clean baseline was supplied to compare with".to_owned());
        }
        if self.body.logs.is_empty() {
            all.push(
                "no log was supplied: nothing can be said about when, or whether anything ran"
                    .to_owned(),
            );
        } else if self.flows.is_empty() && undated.is_empty() {
            all.push("no record of network connections was supplied".to_owned());
        }
        for log in undated {
            all.push(format!(
                "the records of `{log}` have no year, and nothing else supplied gives it: they cannot be \
                 placed in time"
            ));
        }
        if !self.body.logs.is_empty() && self.lifecycle.deployments.is_empty() {
            all.push("no record of deployments or changes was supplied".to_owned());
        }
        let attributed = self.body.events().any(|event| event.field("process.name").is_some());
        if self.compromised && !self.body.logs.is_empty() && !attributed {
            all.push("no host log says which process made the connections".to_owned());
        }
        all
    }

    /// Models for which nobody recorded a digest. Of baselines one that is vouched for is enough.
    fn lacking_digests(&self) -> Vec<String> {
        let role = |entry: &&Integrity| {
            self.roles.get(&entry.artifact).map_or(Role::Other, |role| role.role)
        };
        let mut baselines =
            self.integrity.iter().filter(|entry| role(entry) == Role::Baseline).peekable();
        let unproven = baselines.peek().is_some() && baselines.all(|entry| entry.matches.is_none());
        let mut all = self.unrecorded();
        if unproven {
            all.push("no recorded digest vouches for the baseline".to_owned());
        }
        all
    }

    fn unrecorded(&self) -> Vec<String> {
        let worst = |path: &ArtifactPath| {
            self.body.artifact(path).map_or(Verdict::Clean, |inspected| inspected.verdict)
        };
        self.integrity
            .iter()
            .filter(|entry| entry.matches.is_none())
            .filter(|entry| {
                let role = self.roles.get(&entry.artifact).map_or(Role::Other, |role| role.role);
                matches!(role, Role::Production | Role::Candidate)
                    || worst(&entry.artifact) > Verdict::Clean
            })
            .map(|entry| {
                format!("no digest of `{}` is recorded in the supplied evidence", entry.artifact)
            })
            .collect()
    }
}

/// A time as sentences write it.
pub fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A digest as sentences write it: its beginning.
pub fn short(hex: &str) -> String {
    hex.get(..16).map_or_else(|| hex.to_owned(), |head| format!("{head}…"))
}
