//! How far it reaches: hosts, files, secrets and accounts beyond the model that was found, each with the
//! reason why it is held to be affected.

use super::{Known, finding_ground};
use crate::assemble::answers::named_host;
use crate::assemble::integrity::records;
use crate::assemble::roles::base_name;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    ArtifactPath, Attribute, Capability, Confidence, DigestAlgorithm, Finding, Ground, Indicator,
    IndicatorKind, ReachKind, Reached, Verdict,
};

/// Things of one kind that are listed.
const MOST: usize = 100;

/// Grounds that are kept for one thing.
const GROUNDS: usize = 4;

/// Everything that is reached: hosts, files, secrets, accounts; the surest first.
pub fn of(known: &Known<'_>) -> Vec<Reached> {
    let mut all = Found::default();
    hosts(known, &mut all);
    files(known, &mut all);
    secrets(known, &mut all);
    accounts(known, &mut all);
    all.finish()
}

#[derive(Default)]
struct Found(BTreeMap<(ReachKind, String), (Confidence, Vec<Ground>)>);

impl Found {
    fn add(&mut self, kind: ReachKind, name: &str, confidence: Confidence, ground: Ground) {
        let entry =
            self.0.entry((kind, name.to_owned())).or_insert_with(|| (confidence, Vec::new()));
        entry.0 = entry.0.max(confidence);
        if entry.1.len() < GROUNDS && !entry.1.contains(&ground) {
            entry.1.push(ground);
        }
    }

    fn finish(self) -> Vec<Reached> {
        let mut all: Vec<Reached> = self
            .0
            .into_iter()
            .map(|((kind, name), (confidence, grounds))| Reached {
                kind,
                name,
                confidence,
                grounds,
            })
            .collect();
        all.sort_by(|a, b| a.kind.cmp(&b.kind).then(b.confidence.cmp(&a.confidence)));
        let mut counts: BTreeMap<ReachKind, usize> = BTreeMap::new();
        all.retain(|reached| {
            let count = counts.entry(reached.kind).or_default();
            *count += 1;
            *count <= MOST
        });
        all
    }
}

/// Hosts that contacted a destination of the compromise, and those that loaded what runs.
fn hosts(known: &Known<'_>, all: &mut Found) {
    for detail in known.contacts() {
        let flow = &detail.flow;
        let to = flow.host.as_deref().unwrap_or(&flow.destination);
        let times =
            if flow.count == 1 { "once".to_owned() } else { format!("{} times", flow.count) };
        let ground = Ground::at(&flow.first_record, format!("tried to reach {to} {times}"));
        if !flow.source.is_empty() {
            all.add(ReachKind::Host, &flow.source, Confidence::High, ground);
        }
    }
    let digests = malicious_digests(known);
    for event in known.lifecycle.events() {
        let Some(host) = named_host(event) else { continue };
        let recorded = event.fields.iter().filter(|(key, _)| key.starts_with("hash.sha256"));
        let same_bytes = recorded.map(|(_, value)| value).any(|value| {
            value.len() >= 16
                && digests.iter().any(|(_, digest)| digest.starts_with(value.as_str()))
        });
        let file = event.field("file.name").map(base_name);
        let same_name =
            file.is_some_and(|file| known.running.iter().any(|path| path.file_name() == file));
        let since = known.deployments.iter().find(|row| row.introduced).map(|row| row.began);
        let after = since.is_none_or(|since| event.timestamp() >= Some(since));
        let (confidence, why) = if same_bytes {
            (Confidence::High, "a record gives it the malicious file, by its hash")
        } else if same_name && after {
            (Confidence::Medium, "a record gives it a file of the malicious one's name")
        } else {
            continue;
        };
        all.add(ReachKind::Host, host, confidence, Ground::at(&event.record, why));
    }
}

/// The malicious files with their digests.
fn malicious_digests(known: &Known<'_>) -> Vec<(ArtifactPath, String)> {
    let malicious = known.body.whole_models().filter(|it| it.verdict == Verdict::Malicious);
    malicious
        .filter_map(|it| Some((it.artifact.path.clone(), it.artifact.sha256?.to_string())))
        .collect()
}

/// Copies of the malicious files under other names, here or on record, and files that name the same
/// destinations.
fn files(known: &Known<'_>, all: &mut Found) {
    let digests = malicious_digests(known);
    // A part is where its model is.
    let whole = |path| known.body.model_around(path).map_or(path, |model| &model.artifact.path);
    let running: BTreeSet<&ArtifactPath> = known.running.iter().map(whole).collect();
    for path in &running {
        let ground = Ground::new(path, "whole file", "it is what was found in service");
        all.add(ReachKind::File, path.as_str(), Confidence::High, ground);
    }
    for (path, digest) in &digests {
        let confidence = Confidence::High;
        if !running.contains(path) {
            let ground = Ground::new(path, "whole file", "it is malicious");
            all.add(ReachKind::File, path.as_str(), confidence, ground);
        }
        for record in records(known.body) {
            let Some(file) = record.file.as_deref() else { continue };
            let same = record.digest.algorithm == DigestAlgorithm::Sha256
                && record.digest.hex.len() >= 16
                && digest.starts_with(&record.digest.hex);
            if same && base_name(file) != path.file_name() {
                let why = format!("its recorded hash is that of `{path}`");
                all.add(ReachKind::File, file, confidence, Ground::at(&record.record, why));
            }
        }
    }
    let named = known.named_by_payload();
    for finding in known.findings.iter().filter(|it| it.verdict >= Verdict::Suspicious) {
        let own = known.running.iter().any(|path| path.root() == finding.artifact.root());
        let shared = finding.indicators.iter().find(|indicator| {
            matches!(indicator.kind(), IndicatorKind::Domain | IndicatorKind::Ip)
                && named.contains(indicator.value())
        });
        if let (false, Some(shared)) = (own, shared) {
            let why = format!("it names `{}`, as what runs does", shared.value());
            let ground = Ground::new(&finding.artifact, finding.location.place.clone(), why);
            all.add(ReachKind::File, finding.artifact.as_str(), Confidence::Medium, ground);
        }
    }
}

/// Parts of paths under which secrets are kept.
const KEPT_UNDER: [&str; 12] = [
    ".aws/",
    ".ssh/",
    ".kube/",
    ".netrc",
    ".docker/config",
    ".config/gcloud",
    ".huggingface/token",
    ".cache/huggingface/token",
    "/var/run/secrets",
    "/run/secrets",
    "/etc/shadow",
    "/environ",
];

/// Secrets that payloads read by name, those that stand in files here, and, where a payload can run
/// anything, all that the process could read.
fn secrets(known: &Known<'_>, all: &mut Found) {
    let mut anything: Option<&Finding> = None;
    for finding in known.of_running().filter(|it| it.verdict == Verdict::Malicious) {
        for indicator in finding.indicators.iter().filter(|indicator| is_secret(indicator)) {
            let ground = Ground::new(
                &finding.artifact,
                finding.location.place.clone(),
                "the payload reads it",
            );
            all.add(ReachKind::Secret, indicator.value(), Confidence::High, ground);
        }
        anything = anything.or(Some(finding).filter(|finding| runs_anything(known, finding)));
    }
    if let Some(finding) = anything {
        all.add(
            ReachKind::Secret,
            "all that the serving process can read: environment, mounted tokens, cloud credentials",
            Confidence::Medium,
            finding_ground(finding),
        );
    }
    for finding in known.findings.iter().filter(|finding| finding.rule == "secret-in-file") {
        let ground = finding_ground(finding);
        let name = format!("{} in {}", finding.location.place, finding.artifact);
        all.add(ReachKind::Secret, &name, Confidence::Medium, ground);
    }
}

fn is_secret(indicator: &Indicator) -> bool {
    match indicator.kind() {
        IndicatorKind::Env => !ORDINARY.contains(&indicator.value()),
        IndicatorKind::Path => KEPT_UNDER.iter().any(|part| indicator.value().contains(part)),
        _ => false,
    }
}

/// Variables that every process has and that give nothing away.
const ORDINARY: [&str; 8] = ["PATH", "HOME", "PWD", "SHELL", "LANG", "TERM", "HOSTNAME", "USER"];

/// Whether what a finding tells can run a command or code, and so read whatever the process can.
fn runs_anything(known: &Known<'_>, finding: &Finding) -> bool {
    let can = |capability: Capability| {
        matches!(capability, Capability::RunCommand | Capability::RunCode | Capability::LoadLibrary)
    };
    let Some(inspected) = known.body.artifact(&finding.artifact) else { return false };
    inspected.effects.iter().flat_map(|effects| &effects.effects).any(|effect| {
        Some(effect.callable.as_str()) == finding.call.as_deref() && can(effect.capability)
    })
}

/// Who asked for what brought it in, and who changed it.
fn accounts(known: &Known<'_>, all: &mut Found) {
    for row in known.deployments.iter().filter(|row| row.introduced) {
        if let Some(said) = row.said.get(&Attribute::Requester) {
            let why = "it is on record for the change that brought the malicious file in";
            let ground = Ground::at(&said.record, why);
            let number = said.value.bytes().all(|byte| byte.is_ascii_digit());
            let name = if number { format!("uid {}", said.value) } else { said.value.clone() };
            all.add(ReachKind::Account, &name, Confidence::Medium, ground);
        }
    }
}
