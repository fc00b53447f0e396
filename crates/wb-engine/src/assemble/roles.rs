//! Roles: which model runs, which is to replace it, which is known to be good. Inferred from cues, each
//! shown; a role given by hand always wins.

use super::lifecycle::Lifecycle;
use crate::body::{Body, Inspected};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, EventKind, RecordRef, Role, RoleAssignment, Sha256, Verdict};
use wb_formats::Family;

/// Words in file and folder names, by role.
const WORDS: &[(Role, &[&str])] = &[
    (
        Role::Production,
        &[
            "prod",
            "production",
            "live",
            "current",
            "serving",
            "served",
            "service",
            "deployed",
            "running",
            "active",
            "compromised",
            "suspect",
            "infected",
        ],
    ),
    (
        Role::Candidate,
        &[
            "candidate",
            "candidates",
            "staged",
            "staging",
            "next",
            "replacement",
            "incoming",
            "rc",
            "proposed",
            "new",
            "upload",
            "uploads",
            "uploaded",
            "pending",
            "hotfix",
        ],
    ),
    (
        Role::Baseline,
        &[
            "baseline",
            "baselines",
            "original",
            "golden",
            "gold",
            "clean",
            "reference",
            "ref",
            "known",
            "good",
            "trusted",
            "backup",
            "archive",
            "archived",
            "previous",
            "pristine",
            "upstream",
        ],
    ),
];

/// A reason to give a role, and its weight.
#[derive(Debug)]
struct Cue {
    role: Role,
    weight: u32,
    why: String,
}

/// The role of every artifact and log.
pub fn assign(
    body: &Body,
    lifecycle: &Lifecycle<'_>,
    given: &BTreeMap<ArtifactPath, Role>,
) -> BTreeMap<ArtifactPath, RoleAssignment> {
    let mut roles = BTreeMap::new();
    let logs = LogCues::of(body, lifecycle);
    for inspected in &body.artifacts {
        let assignment = match inspected.family {
            Some(Family::Model) => model_role(inspected, body, &logs),
            Some(Family::Manifest) => fixed(Role::Manifest, "it records digests of files"),
            Some(Family::Dependencies) => fixed(Role::Dependency, "it lists packages"),
            _ => fixed(Role::Other, "it is neither a model nor a log"),
        };
        roles.insert(inspected.artifact.path.clone(), assignment);
    }
    for log in &body.logs {
        let source = log.artifact.format.unwrap_or("log");
        let assignment = fixed(Role::Log, &format!("its lines read as `{source}`"));
        roles.insert(log.artifact.path.clone(), assignment);
    }
    inherit(body, &mut roles);
    name_the_only_model(body, &mut roles);
    tell_versions_apart(body, &logs, &mut roles);
    code_beside_models(body, &mut roles);
    for (path, role) in given {
        let because = vec![format!("given as `--role {path}={}`", role.name())];
        roles.insert(path.clone(), RoleAssignment { role: *role, because });
    }
    roles
}

fn fixed(role: Role, why: &str) -> RoleAssignment {
    RoleAssignment { role, because: vec![why.to_owned()] }
}

/// Weighs the cues about one model.
fn model_role(inspected: &Inspected, body: &Body, logs: &LogCues) -> RoleAssignment {
    let mut cues = name_cues(&inspected.artifact.path);
    let named: BTreeSet<Role> = cues.iter().map(|cue| cue.role).collect();
    cues.extend(logs.about(inspected, body));
    let mut weights: BTreeMap<Role, u32> = BTreeMap::new();
    for cue in &cues {
        *weights.entry(cue.role).or_default() += cue.weight;
    }
    // Where a name and the logs weigh the same, the name decides: a later deployment of another model does
    // not put this one out of service. A file in a folder of backups that bears the name of what runs is
    // still the backup.
    let best = weights.iter().max_by_key(|(role, weight)| {
        let is_named = named.contains(*role);
        (**weight, is_named, **role == Role::Baseline, std::cmp::Reverse(**role))
    });
    let Some((&role, _)) = best else {
        return fixed(Role::Other, "no name, log or digest says what this model is for");
    };
    cues.retain(|cue| cue.role == role);
    cues.sort_by_key(|cue| std::cmp::Reverse(cue.weight));
    RoleAssignment { role, because: cues.into_iter().map(|cue| cue.why).collect() }
}

/// Cues in the names of the file and its folders: the file's own name weighs most, the nearest folder with
/// such a word more than those around it.
fn name_cues(path: &ArtifactPath) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    let mut nearest = None;
    for (depth, part) in path.as_str().rsplit('/').enumerate() {
        let weight = match depth {
            0 => 5,
            _ if nearest.is_none_or(|at| at == depth) => 4,
            _ => 1,
        };
        for (role, words) in WORDS {
            if let Some(word) =
                words_of(part).into_iter().find(|word| words.contains(&word.as_str()))
            {
                let kind = if depth == 0 { "file name" } else { "folder" };
                if depth > 0 {
                    nearest.get_or_insert(depth);
                }
                let why = format!("{kind} `{part}` has the word `{word}`");
                cues.push(Cue { role: *role, weight, why });
            }
        }
    }
    cues
}

/// The words of a name: runs of letters, lower case.
fn words_of(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The words in the name of a file that may name its model: no words for roles, no words that every model
/// has, no ending.
pub fn words_of_model(name: &str) -> Vec<String> {
    const EVERY: &[&str] = &["model", "models", "weights", "checkpoint", "pytorch", "tf", "v"];
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let says_nothing = |word: &String| {
        EVERY.contains(&word.as_str())
            || WORDS.iter().any(|(_, words)| words.contains(&word.as_str()))
    };
    words_of(stem).into_iter().filter(|word| !says_nothing(word)).collect()
}

/// What the logs and manifests say about files, by file name.
struct LogCues {
    /// File name to what was done with it last that matters for its role.
    mentions: BTreeMap<String, Vec<Mention>>,
    /// The files that were put into service last.
    served: BTreeSet<String>,
    /// Recorded SHA-256 digests, whole or prefixes, with where they are recorded.
    digests: Vec<(String, String)>,
}

/// A record that names a file.
struct Mention {
    role: Role,
    why: String,
}

impl LogCues {
    fn of(body: &Body, lifecycle: &Lifecycle<'_>) -> Self {
        let mut mentions: BTreeMap<String, Vec<Mention>> = BTreeMap::new();
        let served = last_served(lifecycle);
        for deployment in &lifecycle.deployments {
            for event in &deployment.events {
                let Some(file) = event.field("file.name") else { continue };
                let name = base_name(file);
                let role = offered_role(event).or_else(|| {
                    let role =
                        if served.contains(name) { Role::Production } else { Role::Baseline };
                    deployment.serves().then_some(role)
                });
                let Some(role) = role else { continue };
                let RecordRef { artifact, line, .. } = &event.record;
                let why = format!("named in {artifact}:{line} as {}", past(event.kind));
                mentions.entry(name.to_owned()).or_default().push(Mention { role, why });
            }
        }
        Self { mentions, served, digests: recorded(body) }
    }

    fn about(&self, inspected: &Inspected, body: &Body) -> Vec<Cue> {
        let mut cues = Vec::new();
        let name = inspected.artifact.path.file_name();
        let namesakes =
            body.whole_models().filter(|other| other.artifact.path.file_name() == name).count();
        // A name that several files bear says less about each of them.
        let weight = if namesakes > 1 { 1 } else { 4 };
        // What was served and is malicious is what the case is about, whatever took its place.
        let malicious = inspected.verdict == Verdict::Malicious;
        for mention in self.mentions.get(name).into_iter().flatten() {
            let role = match mention.role {
                Role::Baseline if malicious => Role::Production,
                role => role,
            };
            if !cues.iter().any(|cue: &Cue| cue.role == role) {
                cues.push(Cue { role, weight, why: mention.why.clone() });
            }
        }
        if let Some(actual) = inspected.artifact.sha256
            && !malicious
            && let Some(place) = self.recorded_at(&actual)
        {
            let why = format!("its SHA-256 is the one recorded in {place}");
            cues.push(Cue { role: Role::Baseline, weight: 3, why });
        }
        cues
    }

    fn recorded_at(&self, actual: &Sha256) -> Option<&str> {
        let actual = actual.to_string();
        let found = self.digests.iter().find(|(hex, _)| actual.starts_with(hex.as_str()));
        found.map(|(_, place)| place.as_str())
    }
}

/// Recorded SHA-256 digests with the place of the record.
fn recorded(body: &Body) -> Vec<(String, String)> {
    super::integrity::records(body)
        .into_iter()
        .filter(|record| record.digest.algorithm == wb_core::DigestAlgorithm::Sha256)
        .map(|record| {
            let place = format!("{}:{}", record.record.artifact, record.record.line);
            (record.digest.hex, place)
        })
        .collect()
}

/// The files that were put into service last, as far as the logs say: those of the last group that
/// serves and names any.
fn last_served(lifecycle: &Lifecycle<'_>) -> BTreeSet<String> {
    let groups = lifecycle.deployments.iter().rev().filter(|deployment| deployment.serves());
    let mut names = groups.map(|deployment| {
        let files = |offered: bool| -> BTreeSet<String> {
            let events = deployment.events.iter();
            let events = events.filter(|it| (offered_role(it) == Some(Role::Candidate)) == offered);
            let files = events.filter_map(|event| event.field("file.name"));
            files.map(|file| base_name(file).to_owned()).collect()
        };
        // What was fetched to be tried was not served by being fetched.
        &files(false) - &files(true)
    });
    names.find(|names| !names.is_empty()).unwrap_or_default()
}

/// Words in the name of a host that is there to try things on.
const TRIAL_HOSTS: &[&str] =
    &["stg", "stag", "stage", "staging", "test", "dev", "qa", "uat", "preprod", "sandbox"];

/// The role that a record by itself gives the file it names: staged for production, or offered. What a host
/// for trials loads is offered, too.
fn offered_role(event: &wb_core::Event) -> Option<Role> {
    let host = event.host.as_deref().map(words_of).unwrap_or_default();
    if event.kind == EventKind::Load && host.iter().any(|w| TRIAL_HOSTS.contains(&w.as_str())) {
        return Some(Role::Candidate);
    }
    if !matches!(event.kind, EventKind::Stage | EventKind::Register) {
        return None;
    }
    let stage = event.field("stage").unwrap_or_default().to_ascii_lowercase();
    let offered =
        stage.contains("stag") || words_of(&event.message).iter().any(|w| is_candidate(w));
    match stage.contains("prod") {
        true => Some(Role::Production),
        false => offered.then_some(Role::Candidate),
    }
}

fn is_candidate(word: &str) -> bool {
    WORDS.iter().any(|(role, words)| *role == Role::Candidate && words.contains(&word))
}

fn past(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Load => "loaded",
        EventKind::Deploy => "deployed",
        EventKind::Register => "uploaded or registered",
        EventKind::Verify => "verified",
        EventKind::Change => "changed",
        EventKind::Stage => "staged",
        _ => "mentioned",
    }
}

/// The last component of a path as a log writes it.
pub fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Parts of a model have the role of the model, whatever they are called.
fn inherit(body: &Body, roles: &mut BTreeMap<ArtifactPath, RoleAssignment>) {
    let parts: Vec<(ArtifactPath, ArtifactPath, Role)> = roles
        .keys()
        .filter_map(|path| {
            let around = &body.model_around(path)?.artifact.path;
            Some((path.clone(), around.clone(), roles.get(around)?.role))
        })
        .collect();
    for (path, around, role) in parts {
        roles.insert(path, fixed(role, &format!("it is inside `{around}`")));
    }
}

/// Code that lies in the folder of a model, or below it, is served with it: a backend, a handler, a custom
/// module. Where models of several roles share the folder, nothing says whose it is; where no model is left,
/// the names of the folders say it.
fn code_beside_models(body: &Body, roles: &mut BTreeMap<ArtifactPath, RoleAssignment>) {
    let folder = |path: &ArtifactPath| path.as_str().rsplit_once('/').map(|(up, _)| up.to_owned());
    let mut homes: BTreeMap<String, BTreeMap<Role, ArtifactPath>> = BTreeMap::new();
    for model in body.whole_models() {
        let path = &model.artifact.path;
        let role = roles.get(path).map_or(Role::Other, |given| given.role);
        if let Some(home) = folder(path) {
            homes.entry(home).or_default().insert(role, path.clone());
        }
    }
    for code in body.artifacts.iter().filter(|it| it.family == Some(Family::Source)) {
        let path = &code.artifact.path;
        let ups = std::iter::successors(folder(path), |home| {
            home.rsplit_once('/').map(|(up, _)| up.to_owned())
        });
        let around = ups.filter_map(|home| homes.get(&home)).next();
        let given = match around {
            Some(models) if models.len() > 1 => None,
            Some(models) => models
                .first_key_value()
                .map(|(role, model)| fixed(*role, &format!("it lies with `{model}`"))),
            // A configuration that runs nothing is no model, whatever its folder is called.
            None if code.content.programs.is_empty() => None,
            None => folder_role(path),
        };
        if let Some(given) = given {
            roles.insert(path.clone(), given);
        }
    }
}

/// The role that the nearest folder with such a word gives to what lies in it.
fn folder_role(path: &ArtifactPath) -> Option<RoleAssignment> {
    let (folder, _) = path.as_str().rsplit_once('/')?;
    let cues = name_cues(&ArtifactPath::from(format!("{folder}/-").as_str()));
    let cue = cues.into_iter().max_by_key(|cue| cue.weight)?;
    Some(RoleAssignment { role: cue.role, because: vec![cue.why] })
}

/// One model of which nothing says what it is for, beside none that is known to run: that model is the one
/// the logs are about.
fn name_the_only_model(body: &Body, roles: &mut BTreeMap<ArtifactPath, RoleAssignment>) {
    let outer: Vec<&ArtifactPath> = body.whole_models().map(|model| &model.artifact.path).collect();
    let with = |wanted: Role| {
        let has = |path: &&&ArtifactPath| roles.get(**path).is_some_and(|had| had.role == wanted);
        outer.iter().filter(has).copied().collect::<Vec<&ArtifactPath>>()
    };
    let (unknown, running) = (with(Role::Other), with(Role::Production));
    if let ([only], []) = (unknown.as_slice(), running.as_slice())
        && !body.logs.is_empty()
    {
        let why = match outer.len() {
            1 => "it is the only model in the folder",
            _ => "it is the only model without another purpose",
        };
        roles.insert((*only).clone(), fixed(Role::Production, why));
    }
}

/// Beside a model that runs, as a malicious file or by the logs, other versions of it tell by their number what
/// they are for, unless their names do: a later one, clean, is to replace it; one that lies where models run, and
/// is clean, is what to compare it with.
fn tell_versions_apart(
    body: &Body,
    logs: &LogCues,
    roles: &mut BTreeMap<ArtifactPath, RoleAssignment>,
) {
    let role = |model: &Inspected| roles.get(&model.artifact.path).map(|given| given.role);
    let malicious = body
        .whole_models()
        .filter(|model| model.verdict == Verdict::Malicious)
        .filter(|model| role(model) == Some(Role::Production))
        .map(|model| model.artifact.path.file_name());
    let running: BTreeSet<&str> = malicious.chain(logs.served.iter().map(String::as_str)).collect();
    let mut told: Vec<(ArtifactPath, RoleAssignment)> = Vec::new();
    for model in body.whole_models().filter(|model| model.verdict == Verdict::Clean) {
        let path = &model.artifact.path;
        let words = words_of_model(path.file_name());
        let shares = |other: &&&str| words_of_model(other).iter().any(|word| words.contains(word));
        let Some(runs) = running.iter().find(shares) else { continue };
        if running.contains(path.file_name()) {
            continue;
        }
        let named = name_cues(path).iter().any(|cue| role(model) == Some(cue.role));
        let is_later =
            version(path.file_name()).zip(version(runs)).is_some_and(|(this, that)| this > that);
        match role(model) {
            Some(Role::Baseline | Role::Other) if is_later && !named => {
                let why = format!("a later version of `{runs}`");
                told.push((path.clone(), fixed(Role::Candidate, &why)));
            }
            Some(Role::Production) if !is_later => {
                let why = format!("another version of `{runs}`, which runs");
                told.push((path.clone(), fixed(Role::Baseline, &why)));
            }
            _ => {}
        }
    }
    roles.extend(told);
    inherit(body, roles);
}

/// The numbers of the version in a file name: `churn-2.4.1.joblib` is 2, 4, 1.
fn version(name: &str) -> Option<Vec<u32>> {
    let numbers = |part: &str| -> Option<Vec<u32>> {
        let part = part.trim_start_matches(['v', 'V']);
        let mut numbers = Vec::new();
        for number in part.split('.') {
            match number.parse() {
                Ok(number) => numbers.push(number),
                // What follows the numbers is the ending.
                Err(_) => break,
            }
        }
        (!numbers.is_empty()).then_some(numbers)
    };
    name.split(['-', '_']).skip(1).find_map(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_is_neither_its_role_nor_its_version() {
        assert_eq!(words_of_model("scoring-v2.pkl"), ["scoring"]);
        assert_eq!(words_of_model("ticket_triage.safetensors"), ["ticket", "triage"]);
        assert!(words_of_model("production_model.pkl").is_empty());
        assert!(words_of_model("pytorch_model-00001.bin").is_empty());
        assert_eq!(version("churn-2.4.1.joblib"), Some(vec![2, 4, 1]));
        assert!(version("churn-2.10.joblib") > version("churn-2.9.1.joblib"));
        assert_eq!(version("rank_v3.pkl"), Some(vec![3]));
        assert_eq!(version("production_model.pkl"), None);
        assert_eq!(version("7b.gguf"), None);
    }
}
