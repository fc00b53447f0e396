//! Advice: what to do now, in order, with the commands filled in.

use super::destinations::Destinations;
use crate::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    ArtifactPath, CandidateDecision, Decision, Finding, IndicatorKind, Integrity, Phase,
    Recommendation, Role, RoleAssignment, Sha256, Verdict,
};

/// What advice rests on.
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
    /// Where the compromise talks to.
    pub destinations: &'a Destinations,
    /// Decisions on candidates.
    pub candidates: &'a [CandidateDecision],
    /// Hosts that took part.
    pub hosts: &'a [String],
    /// Whether anything malicious ran or stands where it would.
    pub compromised: bool,
}

fn advise(phase: Phase, what: impl Into<String>, command: Option<String>) -> Recommendation {
    Recommendation { phase, what: what.into(), command }
}

impl Grounds<'_> {
    /// What to do, in order. Empty when nothing is wrong.
    pub fn advice(&self) -> Vec<Recommendation> {
        let mut all = Vec::new();
        if self.compromised {
            all.extend(self.contain());
        }
        all.extend(self.hold_candidates());
        if self.compromised {
            all.extend(self.eradicate());
            all.extend(self.recover());
        }
        all.extend(self.mend_dependencies());
        if self.compromised || !all.is_empty() {
            all.extend(self.prevent());
        }
        all.sort_by_key(|recommendation| recommendation.phase);
        all
    }

    fn contain(&self) -> Vec<Recommendation> {
        let mut all = Vec::new();
        let of_kind = |kind: IndicatorKind| -> Vec<&str> {
            let known = self.destinations.all.iter().map(|known| &known.indicator);
            known.filter(|known| known.kind() == kind).map(|known| known.value()).collect()
        };
        let (addresses, names) = (of_kind(IndicatorKind::Ip), of_kind(IndicatorKind::Domain));
        let hosts = match self.hosts {
            [] => "the inference host".to_owned(),
            hosts => hosts.iter().take(4).cloned().collect::<Vec<_>>().join(", "),
        };
        if !addresses.is_empty() {
            all.push(advise(
                Phase::Contain,
                format!("Block {} on every way out, for {hosts} first", list(&addresses)),
                Some(block_command(&addresses)),
            ));
        }
        if !names.is_empty() {
            let lines: Vec<String> = names.iter().map(|name| format!("address=/{name}/")).collect();
            all.push(advise(
                Phase::Contain,
                format!("Refuse to resolve {} at the resolver and the proxy", list(&names)),
                Some(format!(
                    "printf '%s\\n' {} >> /etc/dnsmasq.d/incident.conf && systemctl reload dnsmasq",
                    lines.iter().map(|line| quote(line)).collect::<Vec<_>>().join(" ")
                )),
            ));
        }
        all.push(advise(
            Phase::Contain,
            format!(
                "Take {hosts} out of service, but leave machine and serving process running: their memory is \
                 evidence"
            ),
            None,
        ));
        all.push(advise(
            Phase::Contain,
            "Keep the evidence: digest every file of this folder and store it where nobody can write",
            Some("find . -type f -exec sha256sum {} + | sort -k2 > ../evidence.sha256".to_owned()),
        ));
        all
    }

    fn hold_candidates(&self) -> Vec<Recommendation> {
        let held = self.candidates.iter().filter(|held| held.decision != Decision::Approve);
        held.map(|candidate| {
            let path = candidate.artifact.as_str();
            let what = match candidate.decision {
                Decision::Reject => {
                    format!(
                        "Do not deploy `{path}`: refuse its digest in the registry and at the gate"
                    )
                }
                _ => format!("Hold `{path}` until a person has looked at it"),
            };
            let digest = self.digest(&candidate.artifact).map(|digest| digest.to_string());
            // A member of an archive cannot be locked away by itself; its digest can.
            let alone = candidate.artifact.root() == path;
            let lock = if alone { format!("chmod 000 {} && ", quote(path)) } else { String::new() };
            let command = digest.map(|digest| format!("{lock}echo {digest} >> refused.sha256"));
            advise(Phase::Contain, what, command)
        })
        .collect()
    }

    fn eradicate(&self) -> Vec<Recommendation> {
        let mut all = Vec::new();
        for path in self.malicious() {
            let Some(inspected) = self.body.artifact(&path) else { continue };
            let Some(digest) = inspected.artifact.sha256 else { continue };
            all.push(advise(
                Phase::Eradicate,
                format!("Find every copy of `{path}` on every host, and remove it from the registry"),
                Some(format!(
                    "find / -xdev -type f -size {}c -exec sha256sum {{}} + 2>/dev/null | grep {digest}",
                    inspected.artifact.size
                )),
            ));
        }
        if !self.destinations.all.is_empty() {
            let names: Vec<&str> =
                self.destinations.all.iter().map(|known| known.indicator.value()).collect();
            all.push(advise(
                Phase::Eradicate,
                format!("Search the logs of all hosts for {}", list(&names)),
                Some(format!(
                    "grep -rFn {} /var/log",
                    names
                        .iter()
                        .map(|name| format!("-e {}", quote(name)))
                        .collect::<Vec<_>>()
                        .join(" ")
                )),
            ));
        }
        all
    }

    fn recover(&self) -> Vec<Recommendation> {
        let mut all = Vec::new();
        match self.best_baseline() {
            Some((path, known)) => {
                let trust = if known {
                    "its digest is the recorded one and nothing in it runs"
                } else {
                    "nothing in it runs; nobody recorded its digest, so confirm where it comes from"
                };
                let digest = self.digest(&path).filter(|_| path.root() == path.as_str());
                let check = digest.map(|digest| {
                    format!("echo {} | sha256sum --check", quote(&format!("{digest}  {path}")))
                });
                all.push(advise(Phase::Recover, format!("Return to `{path}`: {trust}"), check));
            }
            None => all.push(advise(
                Phase::Recover,
                "Build the model again from its sources: no supplied baseline is known to be good",
                None,
            )),
        }
        let env: BTreeSet<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Malicious)
            .flat_map(|finding| &finding.indicators)
            .filter(|indicator| indicator.kind() == IndicatorKind::Env)
            .map(wb_core::Indicator::value)
            .collect();
        let named = if env.is_empty() {
            String::new()
        } else {
            format!(", first of all {}", list(&env.into_iter().collect::<Vec<_>>()))
        };
        all.push(advise(
            Phase::Recover,
            format!(
                "Replace every secret that the serving process could read (environment, mounted tokens, \
                 cloud credentials){named}"
            ),
            None,
        ));
        all
    }

    fn mend_dependencies(&self) -> Vec<Recommendation> {
        let wrong = self.findings.iter().filter(|finding| {
            finding.rule.starts_with("requirement-") && finding.verdict >= Verdict::Suspicious
        });
        wrong
            .map(|finding| {
                let what = if finding.next.is_empty() { &finding.headline } else { &finding.next };
                advise(Phase::Eradicate, format!("`{}`: {what}", finding.artifact), None)
            })
            .collect()
    }

    fn prevent(&self) -> Vec<Recommendation> {
        vec![
            advise(
                Phase::Prevent,
                "Scan every model before it is deployed, and stop the pipeline on findings",
                Some("weighbridge scan --fail-on suspicious PATH".to_owned()),
            ),
            advise(
                Phase::Prevent,
                "Deploy weights only in formats that cannot run code (safetensors), at a pinned revision \
                 whose digest is recorded and checked at load",
                None,
            ),
            advise(
                Phase::Prevent,
                "Let no model into service without a change record that has requester, approval, source \
                 and digest; stop when the source's organisation changes",
                None,
            ),
            advise(
                Phase::Prevent,
                "Let inference hosts reach only what they need: outbound traffic denied by default",
                None,
            ),
        ]
    }

    fn digest(&self, path: &ArtifactPath) -> Option<Sha256> {
        self.body.artifact(path)?.artifact.sha256
    }

    /// Malicious models, candidates aside.
    fn malicious(&self) -> Vec<ArtifactPath> {
        self.body
            .whole_models()
            .filter(|inspected| inspected.verdict == Verdict::Malicious)
            .map(|inspected| inspected.artifact.path.clone())
            .filter(|path| self.role(path) != Role::Candidate)
            .collect()
    }

    fn role(&self, path: &ArtifactPath) -> Role {
        self.roles.get(path).map_or(Role::Other, |assignment| assignment.role)
    }

    /// The clean baseline to return to, and whether its digest is recorded: one that cannot run code is
    /// preferred, then one that was recorded.
    fn best_baseline(&self) -> Option<(ArtifactPath, bool)> {
        let recorded = |path: &ArtifactPath| {
            self.integrity
                .iter()
                .any(|entry| entry.artifact == *path && entry.matches == Some(true))
        };
        self.body
            .whole_models()
            .filter(|model| model.verdict == Verdict::Clean)
            .filter(|model| self.role(&model.artifact.path) == Role::Baseline)
            .max_by_key(|model| {
                let inert = model.artifact.format == Some("safetensors");
                (recorded(&model.artifact.path), inert, std::cmp::Reverse(&model.artifact.path))
            })
            .map(|model| (model.artifact.path.clone(), recorded(&model.artifact.path)))
    }
}

/// An nftables command that stops traffic to `addresses`, from the host itself and from containers on it.
/// It brings its own table, so that it works whatever tables a host has and is undone by deleting one.
fn block_command(addresses: &[&str]) -> String {
    let (v6, v4): (Vec<&str>, Vec<&str>) =
        addresses.iter().partition(|address| address.contains(':'));
    let mut lines = vec!["add table inet incident".to_owned()];
    for hook in ["output", "forward"] {
        lines.push(format!(
            "add chain inet incident {hook} {{ type filter hook {hook} priority -10; }}"
        ));
        for (family, addresses) in [("ip", &v4), ("ip6", &v6)] {
            if !addresses.is_empty() {
                let set = addresses.join(", ");
                lines
                    .push(format!("add rule inet incident {hook} {family} daddr {{ {set} }} drop"));
            }
        }
    }
    format!("nft '{}'", lines.join("; "))
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `text` as one word of a POSIX shell: names in evidence are hostile.
fn quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(safe) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_one_word_of_the_shell() {
        assert_eq!(quote("models/a.pkl"), "models/a.pkl");
        assert_eq!(quote("a; echo b"), "'a; echo b'");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote("-rf"), "'-rf'");
    }

    #[test]
    fn both_families_of_addresses_are_blocked() {
        let command = block_command(&["203.0.113.9", "2001:db8::1"]);
        assert!(command.contains("ip daddr { 203.0.113.9 } drop"));
        assert!(command.contains("ip6 daddr { 2001:db8::1 } drop"));
    }
}
