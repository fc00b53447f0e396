//! [`Lifecycle`]: the records of how models came into service, grouped into deployments and changes.
//!
//! A deployment is a run of neighbouring records in one log: requested, approved, fetched, verified,
//! registered, deployed, loaded. A change is the same without anything that orders it.

use super::destinations::{is_local, mentions};
use super::roles::{base_name, words_of_model};
use crate::body::Body;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use wb_core::{ArtifactPath, Attribute, Event, EventKind};

/// Records further apart than this belong to different deployments.
const APART: SignedDuration = SignedDuration::from_mins(15);

/// Every deployment and change, in time order.
#[derive(Debug, Default)]
pub struct Lifecycle<'a> {
    /// The groups.
    pub deployments: Vec<Deployment<'a>>,
    names: Names,
}

/// Records that belong together.
#[derive(Debug)]
pub struct Deployment<'a> {
    /// The records, in order.
    pub events: Vec<&'a Event>,
}

impl<'a> Lifecycle<'a> {
    /// Groups the events of `body`.
    pub fn of(body: &'a Body) -> Self {
        let mut deployments = Vec::new();
        let known = Names::of(body);
        for log in &body.logs {
            let mut events: Vec<&Event> = log
                .events
                .iter()
                .filter(|event| is_lifecycle(event) && event.time.is_some())
                .filter(|event| !known.is_of_another_model(event))
                .collect();
            events.sort_by_key(|event| (event.timestamp(), event.record.line));
            for event in events {
                add(&mut deployments, event, &log.artifact.path);
            }
        }
        deployments.sort_by_key(|deployment: &Deployment<'_>| deployment.began());
        Self { deployments: joined(deployments), names: known }
    }

    /// Whether a record is of a model that the folder has nothing of.
    pub fn is_of_another_model(&self, event: &Event) -> bool {
        self.names.is_of_another_model(event)
    }

    /// The group that says where the model of `served` came from: itself, or, when it took the model out of a
    /// store of the organisation, the last fetch of the same file before it.
    pub fn origin_of<'b>(&'b self, served: &'b Deployment<'a>) -> &'b Deployment<'a> {
        let store = served.source().map(|(uri, _)| uri);
        let elsewhere = |it: &&Deployment<'a>| it.source().map(|(uri, _)| uri) != store;
        let names = |group: &Deployment<'a>| -> BTreeSet<&'a str> {
            group.files().into_iter().map(base_name).collect()
        };
        let files = names(served);
        let earlier = self.deployments.iter().rev().filter(|it| it.began() < served.began());
        let mut since = earlier.take_while(|it| !it.serves() || names(it).is_disjoint(&files));
        let fetched = since.find(|it| it.fetches() && !names(it).is_disjoint(&files));
        fetched.filter(elsewhere).filter(|_| !store.is_some_and(is_public)).unwrap_or(served)
    }

    /// Every event of every group, in time order.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.deployments.iter().flat_map(|deployment| deployment.events.iter().copied())
    }
}

impl<'a> Deployment<'a> {
    /// When its first record was written.
    pub fn began(&self) -> Option<Timestamp> {
        self.events.first().and_then(|event| event.timestamp())
    }

    /// When its last record was written.
    pub fn ended(&self) -> Option<Timestamp> {
        self.events.iter().filter_map(|event| event.timestamp()).max()
    }

    /// The first record of `kind`.
    pub fn first(&self, kind: EventKind) -> Option<&'a Event> {
        self.events.iter().copied().find(|event| event.kind == kind)
    }

    /// Whether anything in it orders or completes a deployment.
    pub fn is_ordered(&self) -> bool {
        self.events.iter().any(|event| {
            matches!(
                event.kind,
                EventKind::Request | EventKind::Deploy | EventKind::Stage | EventKind::Register
            )
        })
    }

    /// Whether anything in it changes a file or runs a command on one.
    pub fn is_change(&self) -> bool {
        self.events.iter().any(|event| matches!(event.kind, EventKind::Change | EventKind::Exec))
    }

    /// Whether it put a model into service, as far as its records say: deployed, staged for production,
    /// or loaded.
    pub fn serves(&self) -> bool {
        self.events.iter().any(|event| match event.kind {
            EventKind::Deploy | EventKind::Load => true,
            EventKind::Stage => {
                event.field("stage").is_none_or(|stage| stage.to_ascii_lowercase().contains("prod"))
            }
            _ => false,
        })
    }

    /// Whether it got a model file from somewhere, and no more.
    pub fn fetches(&self) -> bool {
        let has = |event: &&Event| {
            event.kind == EventKind::Download
                && event.field("file.name").is_some()
                && event.field("source.uri").is_some()
        };
        self.events.iter().any(has) && !self.serves() && !self.is_ordered()
    }

    /// The names of model files in its records.
    pub fn files(&self) -> BTreeSet<&'a str> {
        self.events.iter().filter_map(|event| event.field("file.name")).collect()
    }

    /// Whether this may be about the model that `other` is about, as far as the names of their files tell: a
    /// file that has nothing but a role and a version in its name may be any model.
    pub fn may_be_of_model_in(&self, other: &Self) -> bool {
        let words = |group: &Self| -> BTreeSet<String> {
            group.files().into_iter().flat_map(|file| words_of_model(base_name(file))).collect()
        };
        let nameless = |group: &Self| {
            group.files().into_iter().all(|file| words_of_model(base_name(file)).is_empty())
        };
        nameless(self) || nameless(other) || !words(self).is_disjoint(&words(other))
    }

    /// Where the model came from. The image of the server that runs it is second choice.
    pub fn source(&self) -> Option<(&'a str, &'a Event)> {
        let mut named = self
            .events
            .iter()
            .filter_map(|event| event.field("source.uri").map(|uri| (uri, *event)));
        let first = named.clone().next();
        named.find(|(_, event)| !mentions(&event.message.to_lowercase(), "image")).or(first)
    }

    /// What its records say about `attribute`, and the first that says it.
    pub fn said(&self, attribute: Attribute) -> Option<(String, &'a Event)> {
        self.events.iter().copied().find_map(|event| Some((value(attribute, event)?, event)))
    }
}

/// What a record says about an attribute of the deployment it belongs to.
fn value(attribute: Attribute, event: &Event) -> Option<String> {
    let field = |names: &[&str]| names.iter().find_map(|name| event.field(name));
    let named = match attribute {
        // Who restarts a server asks for no other model.
        Attribute::Requester => (event.kind != EventKind::Restart)
            .then(|| event.actor.as_deref().or_else(|| event.field("user.name")))
            .flatten(),
        Attribute::Approval => field(&["change.id", "approver.name"])
            .or_else(|| (event.kind == EventKind::Approve).then_some(event.message.as_str())),
        Attribute::Run => field(&["run.id", "run_id", "pipeline.id", "job.id"]),
        Attribute::Source => event.field("source.uri"),
        Attribute::Revision => field(&["model.revision", "revision"])
            .or_else(|| event.field("source.uri").and_then(pinned)),
        Attribute::Hash => {
            let mut digests = event.fields.iter().filter(|(key, _)| key.starts_with("hash."));
            digests.next().map(|(_, value)| value.as_str())
        }
    };
    named.map(|value| super::timeline::cut(value, 80))
}

/// Whether an address is of a host of others.
pub fn is_public(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    scheme.starts_with("http") && host.contains('.') && !is_local(host)
}

/// The revision that an address is pinned to: `…@<commit>`, `…/resolve/<commit>/…`. A branch is none.
fn pinned(uri: &str) -> Option<&str> {
    let is_commit = |part: &&str| {
        (7..=64).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    uri.rsplit_once('@')
        .map(|(_, revision)| revision.trim_start_matches("sha256:"))
        .filter(is_commit)
        .or_else(|| uri.split(['/', '?', '&', '=']).skip(1).find(is_commit))
}

fn add<'a>(deployments: &mut Vec<Deployment<'a>>, event: &'a Event, log: &ArtifactPath) {
    let current = deployments.last_mut().filter(|group| {
        let same_log = group.events.last().is_some_and(|last| last.record.artifact == *log);
        same_log && belongs(group, event)
    });
    match current {
        Some(group) => group.events.push(event),
        None => deployments.push(Deployment { events: vec![event] }),
    }
}

/// Joins groups of different logs that are one story: the pipeline deploys, the server loads. Groups of one
/// log were told apart for a reason, and groups that name different files are about different models.
fn joined(groups: Vec<Deployment<'_>>) -> Vec<Deployment<'_>> {
    let mut all: Vec<Deployment<'_>> = Vec::new();
    for group in groups {
        match all.last_mut().filter(|earlier| continues(earlier, &group)) {
            Some(earlier) => {
                earlier.events.extend(group.events);
                earlier.events.sort_by_key(|event| (event.timestamp(), event.record.clone()));
            }
            None => all.push(group),
        }
    }
    all
}

/// Whether `later` goes on, in another log, with what `earlier` began.
fn continues(earlier: &Deployment<'_>, later: &Deployment<'_>) -> bool {
    let (Some(ended), Some(began)) = (earlier.ended(), later.began()) else { return false };
    let logs = |group: &Deployment<'_>| -> BTreeSet<ArtifactPath> {
        group.events.iter().map(|event| event.record.artifact.clone()).collect()
    };
    let names = |group: &Deployment<'_>| -> BTreeSet<String> {
        group.files().into_iter().map(|file| base_name(file).to_owned()).collect()
    };
    let (before, after) = (names(earlier), names(later));
    let same_files = before.is_empty() || after.is_empty() || !before.is_disjoint(&after);
    let begins_anew = earlier.serves() && later.first(EventKind::Request).is_some();
    began.duration_since(ended) <= APART
        && logs(earlier).is_disjoint(&logs(later))
        && same_files
        && !begins_anew
}

/// Whether `event` goes on with what `group` began.
fn belongs(group: &Deployment<'_>, event: &Event) -> bool {
    let (Some(last), Some(time)) =
        (group.events.last().and_then(|last| last.timestamp()), event.timestamp())
    else {
        return false;
    };
    let begins_anew =
        matches!(event.kind, EventKind::Request | EventKind::Download) && group.serves();
    time.duration_since(last) <= APART && !begins_anew
}

/// What the models of the folder are called, to leave out what a registry did with others meanwhile.
#[derive(Debug, Default)]
struct Names {
    /// Words in the names of model files; empty when nothing tells whose records are whose.
    words: BTreeSet<String>,
}

impl Names {
    fn of(body: &Body) -> Self {
        let files = || body.whole_models().map(|model| model.artifact.path.file_name());
        let words: BTreeSet<String> = files().flat_map(words_of_model).collect();
        let all_named = files().all(|file| !words_of_model(file).is_empty());
        // The records have to call a model as its file is called before others can be told from it.
        let named = |event: &Event| model_name(event).is_some_and(|name| share(&words, name));
        let used = all_named && body.events().any(named);
        Self { words: if used { words } else { BTreeSet::new() } }
    }

    fn is_of_another_model(&self, event: &Event) -> bool {
        !self.words.is_empty()
            && event.field("file.name").is_none()
            && model_name(event).is_some_and(|name| !share(&self.words, name))
    }
}

/// The model that a record of a registry names.
fn model_name(event: &Event) -> Option<&str> {
    let versioned = || event.field("name").filter(|_| event.field("model.version").is_some());
    event.field("model.name").or_else(versioned)
}

fn share(words: &BTreeSet<String>, name: &str) -> bool {
    words_of_model(name).iter().any(|word| words.contains(word))
}

fn is_lifecycle(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Request
            | EventKind::Approve
            | EventKind::Download
            | EventKind::Verify
            | EventKind::Register
            | EventKind::Stage
            | EventKind::Deploy
            | EventKind::Load
            | EventKind::Change
            | EventKind::Restart
            | EventKind::Rollback
    ) || (event.kind == EventKind::Exec && event.field("file.name").is_some())
        || (event.kind == EventKind::Note && event.field("source.uri").is_some())
}
