//! [`gate`]: may a model be deployed? It looks at the candidate alone and beside a baseline, and searches it
//! for what is [`Known`] of an incident: files, destinations, commands and parts of identifiers.

use crate::EngineError;
use crate::assemble::candidates::in_numbers;
use crate::assemble::{atoms, candidates, dossiers, integrity};
use crate::body::{Body, Inspected};
use crate::inspect::Hashing;
use crate::licences::Licences;
use crate::progress::Progress;
use crate::scan::{Root, ScanOptions, scan_roots};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wb_core::{
    ArtifactPath, CandidateDecision, Change, Coverage, Decision, Difference, Digest, Finding,
    Indicator, IndicatorKind, Licence, Limits, Role, RoleAssignment, Verdict,
};

/// What is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Digests that must not be deployed, and why.
    pub refused: BTreeMap<String, String>,
    /// Digests that were recorded, whole or a prefix, and where.
    pub recorded: BTreeMap<String, String>,
    /// Destinations and commands of an incident, and where they were seen.
    pub indicators: BTreeMap<Indicator, String>,
    /// Parts of identifiers of an incident, and the whole.
    pub parts: BTreeMap<String, String>,
    /// Whether that incident was real: then a model nobody vouches for needs a person.
    pub compromised: bool,
    /// The digest that was approved.
    pub approved: Option<Digest>,
    /// Licences that are refused, in lower case: identifiers, or `restricted` and `unknown` for all of that standing.
    pub licences: BTreeSet<String>,
}

/// What the gate looked at and decided.
#[derive(Debug)]
pub struct Gated {
    /// The worst decision on any part of the candidate; `None` when there is no model.
    pub decision: Option<Decision>,
    /// Every model of the candidate, and whatever else of it speaks against it.
    pub candidates: Vec<CandidateDecision>,
    /// SHA-256 of what was decided on.
    pub digests: BTreeMap<ArtifactPath, String>,
    /// What the rules found in the candidate, gravest first.
    pub findings: Vec<Finding>,
    /// What differs from the baseline, by model.
    pub differences: BTreeMap<ArtifactPath, Vec<Difference>>,
    /// What of the candidate was read.
    pub coverage: Vec<Coverage>,
}

/// Decides on `candidate`, a file or a folder.
///
/// # Errors
/// When a path does not exist or cannot be read.
pub fn gate(
    candidate: &Path,
    baselines: &[PathBuf],
    known: &Known,
    progress: &dyn Progress,
) -> Result<Gated, EngineError> {
    let (body, roles) = gather(candidate, baselines, progress)?;
    let of_candidate =
        |path: &ArtifactPath| roles.get(path).is_some_and(|given| given.role == Role::Candidate);
    let mut findings = crate::findings(&body.artifacts);
    findings.retain(|finding| of_candidate(&finding.artifact));
    let differences = dossiers::compared(&body, &roles);
    let integrity = integrity::compare(&body, &roles);
    let mut decisions = candidates::Grounds {
        body: &body,
        findings: &findings,
        roles: &roles,
        integrity: &integrity,
        identifiers: &[],
        differences: &differences,
        compromised: false,
    }
    .decide();
    let any_model = !decisions.is_empty();
    decisions.extend(besides(&body, &roles));
    let stated = Licences::of(&body);
    for decision in &mut decisions {
        let parts: Vec<&Inspected> = body
            .artifacts
            .iter()
            .filter(|it| is_in(&decision.artifact, &it.artifact.path))
            .collect();
        let licences = stated.of_model(&decision.artifact);
        Judge { known, parts: &parts, licences: &licences, decision }
            .judge(differences.get(&parts_path(&parts)));
    }
    let digest = |decision: &CandidateDecision| {
        let digest = body.artifact(&decision.artifact)?.artifact.sha256?;
        Some((decision.artifact.clone(), digest.to_string()))
    };
    let coverage = body.artifacts.iter().map(|it| it.coverage.clone());
    let coverage = coverage.chain(body.skipped.iter().cloned());
    Ok(Gated {
        decision: decisions.iter().map(|it| it.decision).max().filter(|_| any_model),
        digests: decisions.iter().filter_map(digest).collect(),
        coverage: coverage.filter(|row| of_candidate(&row.artifact)).collect(),
        candidates: decisions,
        findings,
        differences,
    })
}

/// The path of the outermost of some parts.
fn parts_path(parts: &[&Inspected]) -> ArtifactPath {
    parts.first().map_or_else(|| ArtifactPath::from(""), |first| first.artifact.path.clone())
}

type Roles = BTreeMap<ArtifactPath, RoleAssignment>;

/// Inspects candidate and baselines. Paths are those that were given, so that files of one name stay apart.
fn gather(
    candidate: &Path,
    baselines: &[PathBuf],
    progress: &dyn Progress,
) -> Result<(Body, Roles), EngineError> {
    let given = [(candidate, Role::Candidate)].into_iter();
    let given = given.chain(baselines.iter().map(|path| (path.as_path(), Role::Baseline)));
    let (mut roots, mut named) = (Vec::new(), Vec::new());
    for (path, role) in given {
        let name = path.to_string_lossy().trim_end_matches('/').to_owned();
        roots.push(Root { path, name: Some(name.clone()) });
        named.push((name, role));
    }
    let how = ScanOptions { limits: Limits::default(), hashing: Hashing::All, keep_contents: true };
    let scanned = scan_roots(&roots, how, progress)?;
    let mut artifacts = scanned.artifacts;
    artifacts.dedup_by(|a, b| a.artifact.path == b.artifact.path);
    let paths = artifacts.iter().map(|it| &it.artifact.path);
    let roles = paths
        .chain(scanned.skipped.iter().map(|row| &row.artifact))
        .map(|path| (path.clone(), role_of(path, &named)))
        .collect();
    let (skipped, on_disk) = (scanned.skipped, scanned.on_disk);
    Ok((Body { artifacts, skipped, on_disk, ..Body::default() }, roles))
}

/// The role that was given to the nearest root.
fn role_of(path: &ArtifactPath, roots: &[(String, Role)]) -> RoleAssignment {
    let below = |root: &&(String, Role)| {
        let rest = path.as_str().strip_prefix(root.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '!']))
    };
    let nearest = roots
        .iter()
        .filter(below)
        .max_by_key(|(root, role)| (root.len(), *role == Role::Candidate));
    let role = nearest.map_or(Role::Other, |(_, role)| *role);
    RoleAssignment { role, because: vec!["given on the command line".to_owned()] }
}

/// What lies beside the models and is not harmless.
fn besides(body: &Body, roles: &Roles) -> Vec<CandidateDecision> {
    let candidate = |it: &&Inspected| {
        roles.get(&it.artifact.path).is_some_and(|given| given.role == Role::Candidate)
    };
    let models: BTreeSet<&ArtifactPath> =
        body.whole_models().map(|model| &model.artifact.path).collect();
    let covered = |path: &ArtifactPath| models.iter().any(|model| is_in(model, path));
    body.artifacts
        .iter()
        .filter(candidate)
        .filter(|it| !it.findings.is_empty() && it.verdict >= Verdict::Suspicious)
        .filter(|it| !covered(&it.artifact.path))
        .map(|it| CandidateDecision {
            artifact: it.artifact.path.clone(),
            decision: match it.verdict {
                Verdict::Malicious => Decision::Reject,
                _ => Decision::Review,
            },
            because: it
                .findings
                .iter()
                .map(|finding| format!("{} ({})", finding.headline, finding.rule))
                .collect(),
        })
        .collect()
}

/// Adds to a decision what is known beforehand.
struct Judge<'a> {
    known: &'a Known,
    /// The artifact and everything in it, outermost first.
    parts: &'a [&'a Inspected],
    /// What it says about the terms of its use, or what lies beside it says.
    licences: &'a [Licence],
    decision: &'a mut CandidateDecision,
}

impl Judge<'_> {
    fn judge(&mut self, differences: Option<&Vec<Difference>>) {
        self.refused();
        self.licences();
        self.links();
        self.recorded();
        if let Some(differences) = differences {
            self.compare(differences);
        }
    }

    fn raise(&mut self, to: Decision, why: String) {
        self.decision.decision = self.decision.decision.max(to);
        if !self.decision.because.contains(&why) {
            self.decision.because.push(why);
        }
    }

    fn refused(&mut self) {
        let refused: Vec<String> = self
            .parts
            .iter()
            .filter_map(|part| {
                let digest = part.artifact.sha256?.to_string();
                let why = self.known.refused.get(&digest)?;
                Some(format!("`{}` is {why}", part.artifact.path))
            })
            .collect();
        for why in refused {
            self.raise(Decision::Reject, why);
        }
    }

    /// Terms that whoever deploys it does not accept.
    fn licences(&mut self) {
        for licence in self.licences {
            let (name, standing) = (licence.name(), licence.standing.name());
            let refused =
                [name.to_lowercase(), licence.written.to_lowercase(), standing.to_owned()];
            if !refused.iter().any(|it| self.known.licences.contains(it)) {
                continue;
            }
            let why = match licence.restricts.as_str() {
                "" => String::new(),
                restricts => format!(": {restricts}"),
            };
            let place = &licence.place;
            self.raise(Decision::Reject, format!("its licence is `{name}` ({place}){why}"));
        }
    }

    /// What it shares with the incident.
    fn links(&mut self) {
        let mut links = BTreeSet::new();
        for part in self.parts {
            for indicator in part.findings.iter().flat_map(|finding| &finding.indicators) {
                if let Some(place) = self.known.indicators.get(indicator) {
                    links.insert(format!("it names `{}`, as {place} does", indicator.value()));
                }
            }
            for (place, text) in atoms::strings(part) {
                for (piece, whole) in &self.known.parts {
                    if text.contains(piece.as_str()) {
                        links.insert(format!(
                            "it holds `{piece}` ({place}), a part of the identifier `{whole}`"
                        ));
                    }
                }
                for (indicator, seen) in &self.known.indicators {
                    let is_host =
                        matches!(indicator.kind(), IndicatorKind::Domain | IndicatorKind::Ip);
                    if is_host && names(&text, indicator.value()) {
                        links.insert(format!("it names `{}`, as {seen} does", indicator.value()));
                    }
                }
            }
        }
        for link in links {
            self.raise(Decision::Reject, link);
        }
    }

    /// What somebody recorded of its digest.
    fn recorded(&mut self) {
        let Some(outer) = self.parts.first() else { return };
        let Some(digest) = outer.artifact.sha256 else { return };
        let hex = digest.to_string();
        match self.known.approved.as_ref().map(|approved| approved.matches(&digest) == Some(true)) {
            Some(true) => {
                return self.raise(Decision::Approve, "its digest is the approved one".to_owned());
            }
            Some(false) => {
                return self
                    .raise(Decision::Reject, format!("its digest {hex} is not the approved one"));
            }
            None => {}
        }
        let recorded =
            self.known.recorded.iter().find(|(known, _)| hex.starts_with(known.as_str()));
        match recorded {
            Some((_, place)) => {
                self.raise(Decision::Approve, format!("its digest is recorded in {place}"));
            }
            None if self.known.compromised => self.raise(
                Decision::Review,
                "nobody recorded its digest, and there has been an incident: confirm where it comes from"
                    .to_owned(),
            ),
            None => {}
        }
    }

    /// New parts that run are found by rules; new structure needs a person who expects it.
    fn compare(&mut self, differences: &[Difference]) {
        let (weights, differences): (Vec<&Difference>, Vec<&Difference>) =
            differences.iter().partition(|it| it.what == "weights");
        if let Some(told) = weights.iter().find(|it| it.name == dossiers::ALL_WEIGHTS) {
            self.raise(Decision::Approve, in_numbers(told));
        }
        let Some(first) = differences.first() else {
            return self
                .raise(Decision::Approve, "it has the structure of the baseline".to_owned());
        };
        let of = |what: &str, change: Change| -> Vec<&str> {
            let fits = |it: &&&Difference| it.what == what && it.change == change;
            differences.iter().filter(fits).map(|it| it.name.as_str()).collect()
        };
        let baseline = first.baseline.clone();
        for (what, noun) in [("layer", "layers"), ("global", "imported names")] {
            let new = of(what, Change::Added);
            if !new.is_empty() {
                let why = format!("{noun} that `{baseline}` does not have: {}", listed(&new));
                self.raise(Decision::Review, why);
            }
        }
        for (what, noun) in [("layer", "layers"), ("tensor", "tensors")] {
            for change in [Change::Removed, Change::Changed] {
                let names = of(what, change);
                if !names.is_empty() {
                    let why = format!(
                        "{noun} {} against `{baseline}`: {}",
                        change.name(),
                        listed(&names)
                    );
                    self.raise(Decision::Approve, why);
                }
            }
        }
    }
}

/// A few names, and how many there are.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Whether a text names a host as a whole.
fn names(text: &str, host: &str) -> bool {
    let part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let lower = text.to_ascii_lowercase();
    lower.match_indices(host).any(|(at, _)| {
        // A subdomain of a hostile name is hostile too; a longer name is another.
        let before = lower.get(..at).and_then(|head| head.chars().next_back());
        let mut after = lower.get(at.saturating_add(host.len())..).unwrap_or_default().chars();
        let ends = match after.next() {
            Some('.') => after.next().is_none_or(|it| !part(it)),
            next => next.is_none_or(|it| !part(it)),
        };
        before.is_none_or(|it| !part(it)) && ends
    })
}

/// Whether `artifact` is `whole` or a part of it.
fn is_in(whole: &ArtifactPath, artifact: &ArtifactPath) -> bool {
    let rest = artifact.as_str().strip_prefix(whole.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(ArtifactPath::MEMBER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_as_a_whole() {
        assert!(names("curl https://a.hub.example/x", "hub.example"));
        assert!(names("to HUB.example.", "hub.example"));
        assert!(!names("myhub.example", "hub.example"));
        assert!(!names("hub.example.com", "hub.example"));
        assert!(!names("1203.0.113.9", "203.0.113.9"));
    }
}
