//! What is held to be true, in the order in which a reader asks: is it malicious, is it what runs, is it what
//! was recorded, how did it come in, did it run, did data leave, was it stopped, may the replacement go in.

mod activity;
mod pages;

use super::{Known, names_uri};
use crate::assemble::missing::stamp;
use crate::assemble::roles::base_name;
use wb_core::{
    CandidateDecision, Confidence, Decision, Finding, Ground, Judgement, KeyMoment, Loads,
    ReadState, Role, Status, Verdict,
};

/// Grounds that are kept for one judgement.
const GROUNDS: usize = 4;

/// Models that are judged one by one.
const MODELS: usize = 3;

pub use activity::ran;
pub use pages::{JudgementRule, judgement_rules};

/// The judgements of the case. `ran` is the one on whether the payload did; none when nothing is wrong.
pub fn of(known: &Known<'_>, loads: &Loads, ran: Option<Judgement>) -> Vec<Judgement> {
    let mut all = Vec::new();
    all.extend(malicious(known));
    if all.is_empty() {
        all.extend(nothing_runs(known));
    }
    all.extend(not_as_recorded(known));
    if let Some(ran) = ran {
        all.extend(introduced(known));
        all.extend(source_changed(known));
        all.push(ran);
        all.extend(activity::follows_loads(loads, known));
        all.push(activity::data_left(known));
        all.extend(activity::stopped(known));
    }
    all.extend(known.identifiers.iter().filter(|it| it.parts.len() > 1).map(identifier));
    all.extend(known.candidates.iter().map(candidate));
    for judgement in &mut all {
        judgement.grounds.truncate(GROUNDS);
    }
    all
}

/// The gravest finding of each model that runs.
fn malicious(known: &Known<'_>) -> Vec<Judgement> {
    let of = |path| known.of_running().find(|finding| finding.artifact.root() == path);
    let mut roots: Vec<&str> = known.running.iter().map(wb_core::ArtifactPath::root).collect();
    roots.dedup();
    roots.into_iter().filter_map(of).take(MODELS).map(|finding| code(known, finding)).collect()
}

fn code(known: &Known<'_>, finding: &Finding) -> Judgement {
    let call = match &finding.call {
        Some(call) if !finding.headline.contains(call.as_str()) => format!(" (`{call}`)"),
        _ => String::new(),
    };
    let mut grounds: Vec<Ground> = finding
        .evidence
        .iter()
        .map(|it| {
            // The finding's own place says no more than the statement does.
            let why = if it.because == finding.headline { finding.rule } else { &it.because };
            Ground::new(&it.artifact, it.location.place.clone(), why)
        })
        .collect();
    if let Some(role) = known.roles.get(&finding.artifact)
        && let Some(why) = role.because.first()
    {
        let role = format!("it is the {} model: {why}", role.role.name());
        grounds.insert(0, Ground::new(&finding.artifact, "role", role));
    }
    Judgement {
        rule: "code-in-model",
        statement: format!("`{}`: {}{call}", finding.artifact, finding.headline),
        status: Status::Observed,
        confidence: finding.confidence,
        grounds,
        would_change: match finding.verdict {
            Verdict::Malicious => {
                "another reading of these bytes, in which the call is not reached; or a record that \
                 another file is the one that runs"
            }
            _ => "knowledge of what is called: `weighbridge learn` reads a package's own sources",
        }
        .to_owned(),
    }
}

/// Why nothing in what was supplied is held to be malicious.
fn nothing_runs(known: &Known<'_>) -> Option<Judgement> {
    let is_candidate =
        |path| known.roles.get(path).is_some_and(|given| given.role == Role::Candidate);
    let models = known.body.whole_models().filter(|it| !is_candidate(&it.artifact.path));
    let models: Vec<_> = models.collect();
    let read = models.iter().filter(|it| it.coverage.state == ReadState::Read).count();
    let clean = models.iter().filter(|it| it.verdict == Verdict::Clean).count();
    let worst = models.iter().max_by_key(|model| model.verdict)?;
    if worst.verdict == Verdict::Malicious {
        return None;
    }
    let matched = known.integrity.iter().filter(|entry| entry.matches == Some(true));
    let grounds = matched.filter_map(|entry| {
        let record = entry.recorded_in.as_ref()?;
        Some(Ground::at(record, format!("records the hash that `{}` has", entry.artifact)))
    });
    Some(Judgement {
        rule: "nothing-malicious",
        statement: format!(
            "of {} models that run or have run, {read} were read to the end and {clean} have nothing \
             that would run, read or send anything",
            models.len()
        ),
        status: Status::Observed,
        confidence: if read == models.len() && clean == read {
            Confidence::High
        } else {
            Confidence::Medium
        },
        grounds: grounds.collect(),
        would_change: "a model that runs and was not supplied, or a part that was not read"
            .to_owned(),
    })
}

fn not_as_recorded(known: &Known<'_>) -> Option<Judgement> {
    let runs = |path| known.roles.get(path).is_some_and(|role| role.role == Role::Production);
    let mut wrong =
        known.integrity.iter().filter(|it| it.matches == Some(false) && runs(&it.artifact));
    let first = wrong.next()?;
    let grounds = std::iter::once(first).chain(wrong).filter_map(|entry| {
        let record = entry.recorded_in.as_ref()?;
        let recorded = entry.recorded.as_deref().unwrap_or_default();
        let actual = entry.actual.get(..recorded.len().clamp(16, 64)).unwrap_or(&entry.actual);
        Some(Ground::at(record, format!("records {recorded}; the file has {actual}")))
    });
    Some(Judgement {
        rule: "not-as-recorded",
        statement: format!("`{}` is not the file that was recorded", first.artifact),
        status: Status::Observed,
        confidence: Confidence::High,
        grounds: grounds.collect(),
        would_change: "a later record of a change that gives the digest this file has".to_owned(),
    })
}

/// The change that brought it in. It is surer when the record names the file.
fn introduced(known: &Known<'_>) -> Option<Judgement> {
    let moment = known.moments.get(&KeyMoment::Introduced)?;
    let row = known.deployments.iter().find(|row| row.introduced);
    let named = row.is_some_and(|row| {
        let is_it =
            |file: &String| known.running.iter().any(|path| path.file_name() == base_name(file));
        row.files.iter().any(is_it)
    });
    let mut grounds: Vec<Ground> = known.ground(KeyMoment::Introduced).into_iter().collect();
    if let Some(row) = row {
        let files: Vec<String> = row.files.iter().map(|file| format!("`{file}`")).collect();
        if named {
            grounds.push(Ground::at(&row.record, format!("its records name {}", files.join(", "))));
        }
        let lacks: Vec<&str> = row.lacks.iter().map(|lack| lack.name()).collect();
        if !lacks.is_empty() {
            let why = format!("its records give no {}", lacks.join(", no "));
            grounds.push(Ground::at(&row.record, why));
        }
    }
    let kind = row.map_or("change", |row| row.kind);
    Some(Judgement {
        rule: "came-in-with",
        statement: format!("it came in with the {kind} of {}", stamp(moment.time.timestamp)),
        status: moment.status,
        confidence: match (moment.status, named) {
            (Status::Observed, true) => Confidence::High,
            (Status::Observed, false) => Confidence::Medium,
            _ => Confidence::Low,
        },
        grounds,
        would_change:
            "a record that gives this file's digest at an earlier time, or another change of \
                       it in between"
                .to_owned(),
    })
}

fn source_changed(known: &Known<'_>) -> Option<Judgement> {
    let before = known.answers.source_before.as_deref()?;
    let after = known.answers.source_after.as_deref()?;
    let rows = known.deployments.iter();
    let grounds: Vec<Ground> = rows
        .filter_map(|row| row.said.get(&wb_core::Attribute::Source))
        .filter(|said| names_uri(said, before) || names_uri(said, after))
        .map(|said| Ground::at(&said.record, format!("names {}", said.value)))
        .collect();
    let alike = known.answers.source_look_alike.as_ref();
    let alike = alike.map(|(real, near)| format!(": `{near}` is spelled almost like `{real}`"));
    (before != after).then(|| Judgement {
        rule: "source-changed",
        statement: format!(
            "its source changed from {before} to {after}{}",
            alike.unwrap_or_default()
        ),
        status: Status::Observed,
        confidence: Confidence::High,
        grounds,
        would_change: "the owner's word that the repository was moved or renamed".to_owned(),
    })
}

fn identifier(identifier: &wb_core::Identifier) -> Judgement {
    let parts = identifier.parts.iter();
    Judgement {
        rule: "parts-of-one-identifier",
        statement: format!(
            "the parts of `{}` belong together: {}",
            identifier.value, identifier.join
        ),
        status: Status::Inferred,
        confidence: identifier.confidence,
        grounds: parts
            .map(|part| {
                Ground::new(&part.artifact, part.place.clone(), format!("holds `{}`", part.text))
            })
            .collect(),
        would_change: "the identifier whole anywhere, or another part that fits as well".to_owned(),
    }
}

fn candidate(candidate: &CandidateDecision) -> Judgement {
    let (statement, would_change) = match candidate.decision {
        Decision::Approve => {
            ("may be deployed", "a finding in it, or a record that gives it another digest")
        }
        Decision::Review => (
            "needs a person before it is deployed",
            "a recorded digest that fits, and an answer to what stands against it",
        ),
        Decision::Reject => {
            ("must not be deployed", "another file, with another digest, in its place")
        }
    };
    Judgement {
        rule: "candidate",
        statement: format!("`{}` {statement}", candidate.artifact),
        status: Status::Inferred,
        confidence: match candidate.decision {
            Decision::Review => Confidence::Medium,
            Decision::Approve | Decision::Reject => Confidence::High,
        },
        grounds: candidate
            .because
            .iter()
            .map(|why| Ground::new(&candidate.artifact, "gate", why.clone()))
            .collect(),
        would_change: would_change.to_owned(),
    }
}
