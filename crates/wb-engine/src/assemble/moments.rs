//! Key moments: introduced, loaded, first outbound, detection, first block, last outbound.

use super::destinations::{Destinations, is_local, mentions, network_indicator};
use super::lifecycle::{Deployment, Lifecycle};
use super::roles::base_name;
use crate::body::Body;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use wb_core::{
    ArtifactPath, Event, EventKind, Instant, Integrity, KeyMoment, NetVerdict, RecordRef, Status,
};
use wb_logs::flows::FlowDetail;

/// A key moment with the record that shows it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub time: Instant,
    /// The record.
    pub record: RecordRef,
    /// What the record says happened.
    pub kind: EventKind,
    /// Observed, or inferred from another record.
    pub status: Status,
    /// In one line.
    pub summary: String,
}

/// What the moments are found from.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Deployments and changes.
    pub lifecycle: &'a Lifecycle<'a>,
    /// Recorded digests against files.
    pub integrity: &'a [Integrity],
    /// Where the compromise talks to.
    pub destinations: &'a Destinations,
    /// All connections.
    pub flows: &'a [FlowDetail],
    /// Malicious (or, failing these, suspicious) models that run.
    pub running: &'a [ArtifactPath],
}

/// Moments this far before the first outbound connection may still be its cause, and clocks may differ by
/// as much.
const SLACK: SignedDuration = SignedDuration::from_mins(2);

impl<'a> Evidence<'a> {
    /// Finds the key moments; those that nothing shows are absent.
    pub fn moments(&self) -> BTreeMap<KeyMoment, Moment> {
        let mut moments = BTreeMap::new();
        let outbound = self.outbound();
        let first_outbound = outbound.iter().min_by_key(|moment| moment.time).cloned();
        let began = first_outbound.as_ref().map(|moment| moment.time.timestamp);
        // Without anything suspicious that runs, no deployment brought it in.
        let introduced = if self.running.is_empty() { None } else { self.introduced(began) };
        let loaded =
            if self.running.is_empty() { None } else { self.loaded(introduced.as_ref(), began) };
        let since = began.or(introduced.as_ref().map(|(moment, _)| moment.time.timestamp));
        let detection = self.detection(since);
        let block = self.first_block();
        let last = self.last_outbound().or_else(|| outbound.into_iter().max_by_key(|m| m.time));
        let all = [
            (KeyMoment::Introduced, introduced.map(|(moment, _)| moment)),
            (KeyMoment::Loaded, loaded),
            (KeyMoment::FirstOutbound, first_outbound),
            (KeyMoment::Detection, detection),
            (KeyMoment::FirstBlock, block),
            (KeyMoment::LastOutbound, last),
        ];
        for (key, moment) in all {
            if let Some(moment) = moment {
                moments.insert(key, moment);
            }
        }
        moments
    }

    /// First attempts to the destinations of the compromise: one moment per flow or exchange.
    fn outbound(&self) -> Vec<Moment> {
        let flows = self.flows.iter().filter(|detail| self.destinations.covers(&detail.flow));
        let mut moments: Vec<Moment> = flows
            .map(|detail| {
                let flow = &detail.flow;
                let to = flow.host.as_deref().unwrap_or(&flow.destination);
                Moment {
                    time: Instant { timestamp: flow.first, basis: detail.basis },
                    record: flow.first_record.clone(),
                    kind: EventKind::Connect,
                    status: Status::Observed,
                    summary: format!("{} first tries to reach {to}", flow.source),
                }
            })
            .collect();
        for event in self.body.events() {
            let is_traffic = matches!(event.kind, EventKind::Exchange | EventKind::Connect);
            if is_traffic
                && let Some(time) = event.time
                && self.destinations.covers_event(event)
            {
                moments.push(moment(event, time, Status::Observed));
            }
        }
        moments
    }

    fn last_outbound(&self) -> Option<Moment> {
        let flows = self.flows.iter().filter(|detail| self.destinations.covers(&detail.flow));
        let last = flows.max_by_key(|detail| detail.flow.last)?;
        let to = last.flow.host.as_deref().unwrap_or(&last.flow.destination);
        Some(Moment {
            time: Instant { timestamp: last.flow.last, basis: last.basis },
            record: last.last_record.clone(),
            kind: EventKind::Connect,
            status: Status::Observed,
            summary: format!("{} last tries to reach {to}", last.flow.source),
        })
    }

    fn first_block(&self) -> Option<Moment> {
        let flows = self.flows.iter().filter(|detail| self.destinations.covers(&detail.flow));
        let of_flows = flows.filter_map(|detail| {
            let (timestamp, record) = detail.first_blocked.clone()?;
            let to = detail.flow.host.as_deref().unwrap_or(&detail.flow.destination);
            Some(Moment {
                time: Instant { timestamp, basis: detail.basis },
                record,
                kind: EventKind::Block,
                status: Status::Observed,
                summary: format!("an attempt to reach {to} is stopped"),
            })
        });
        let of_events = self.body.events().filter_map(|event| {
            let stopped = event.kind == EventKind::Block
                || event.net.as_ref().is_some_and(|net| net.verdict == Some(NetVerdict::Blocked));
            let time = event.time.filter(|_| stopped && self.destinations.covers_event(event))?;
            Some(moment(event, time, Status::Observed))
        });
        of_flows.chain(of_events).min_by_key(|moment| moment.time)
    }

    /// The first alert about the compromise: one that names a destination of it, or one raised after it
    /// began on outbound traffic.
    fn detection(&self, since: Option<Timestamp>) -> Option<Moment> {
        let since = since?.checked_sub(SLACK).ok()?;
        let alerts = self.body.events().filter(|event| event.kind == EventKind::Alert);
        alerts
            .filter_map(|event| Some((event, event.time?)))
            .filter(|(_, time)| time.timestamp >= since)
            .filter(|(event, _)| {
                self.destinations.covers_event(event)
                    || (is_about_traffic(event) && !names_another(event))
            })
            .min_by_key(|(event, time)| (time.timestamp, event.record.clone()))
            .map(|(event, time)| moment(event, time, Status::Observed))
    }

    /// The change or deployment that brought in what runs, and its group: of several models that run the
    /// one that came first. A model that no record names shares the groups that name none.
    pub fn introduced(&self, began: Option<Timestamp>) -> Option<(Moment, &'a Deployment<'a>)> {
        let is_known = |path: &&ArtifactPath| {
            self.lifecycle.deployments.iter().any(|deployment| names(deployment, path))
        };
        let known: Vec<&ArtifactPath> = self.running.iter().filter(is_known).collect();
        let all = if known.is_empty() { self.running.iter().collect() } else { known };
        let found = all.into_iter().filter_map(|path| self.introduced_one(path, began));
        found.min_by_key(|(moment, _)| (moment.time, moment.record.clone()))
    }

    fn introduced_one(
        &self,
        path: &ArtifactPath,
        began: Option<Timestamp>,
    ) -> Option<(Moment, &'a Deployment<'a>)> {
        let limit = began.and_then(|began| began.checked_add(SLACK).ok());
        let before = |event: &Event| match (event.timestamp(), limit) {
            (Some(time), Some(limit)) => time <= limit,
            (time, _) => time.is_some(),
        };
        let recorded = self.recorded_at(path);
        let mut best: Option<(Moment, &Deployment<'_>)> = None;
        for deployment in &self.lifecycle.deployments {
            let concerns = deployment.files().is_empty() || names(deployment, path);
            if !concerns || !deployment.events.iter().any(|event| before(event)) {
                continue;
            }
            // A deployment that recorded another digest did not bring these bytes in.
            let other_bytes = deployment
                .events
                .iter()
                .any(|event| recorded.iter().any(|place| is_same_record(place, &event.record)));
            if other_bytes {
                best = None;
                continue;
            }
            let event = introducing_event(deployment, began).filter(|event| before(event));
            if let Some((event, time)) = event.and_then(|event| Some((event, event.time?))) {
                let replaces = best.as_ref().is_none_or(|(_, earlier)| {
                    Self::replaces(path, deployment, earlier, !recorded.is_empty())
                });
                if replaces {
                    // That a model is loaded shows that it is there, not how it came to be.
                    let status = match event.kind {
                        EventKind::Load | EventKind::Restart => Status::Inferred,
                        _ => Status::Observed,
                    };
                    best = Some((moment(event, time, status), deployment));
                }
            }
        }
        best
    }

    /// Whether `later` rather than `earlier` brought `path` in. A load or restart by itself brings nothing
    /// new in. A change does that nothing orders, if it is one of what runs: its record names it, or the
    /// file is `known` to be another than the recorded one. So does a file that is fetched again, if it is known
    /// to be another: what lies where it is fetched from may have been replaced.
    fn replaces(
        path: &ArtifactPath,
        later: &Deployment<'_>,
        earlier: &Deployment<'_>,
        known: bool,
    ) -> bool {
        let fetched = later.first(EventKind::Download).is_some();
        match (later.is_ordered(), earlier.is_ordered()) {
            (true, _) => true,
            (false, true) => {
                (later.is_change() && names(later, path))
                    || ((later.is_change() || fetched) && known)
            }
            (false, false) => !earlier.is_change() || (fetched && known),
        }
    }

    /// Records of digests that `path` does not have.
    fn recorded_at(&self, path: &ArtifactPath) -> Vec<&RecordRef> {
        self.integrity
            .iter()
            .filter(|entry| entry.matches == Some(false) && entry.artifact == *path)
            .filter_map(|entry| entry.recorded_in.as_ref())
            .collect()
    }

    /// The first load of what runs, not before it was introduced.
    fn loaded(
        &self,
        introduced: Option<&(Moment, &Deployment<'_>)>,
        began: Option<Timestamp>,
    ) -> Option<Moment> {
        let from = match introduced {
            Some((_, deployment)) => deployment.began(),
            None => None,
        };
        let limit = began.and_then(|began| began.checked_add(SLACK).ok());
        let loads = self.lifecycle.events().filter(|event| is_load(event));
        let mut fitting: Vec<(&Event, Instant)> = loads
            .filter_map(|event| Some((event, event.time?)))
            .filter(|(_, time)| from.is_none_or(|from| time.timestamp >= from))
            .filter(|(_, time)| limit.is_none_or(|limit| time.timestamp <= limit))
            .filter(|(event, _)| match event.field("file.name") {
                Some(file) => self.running.iter().any(|path| path.file_name() == base_name(file)),
                None => true,
            })
            .collect();
        fitting.sort_by_key(|(event, time)| (time.timestamp, event.record.line));
        // Without a known introduction the load nearest before the traffic is the best there is.
        let chosen = if from.is_some() { fitting.first() } else { fitting.last() };
        let status = if from.is_some() { Status::Observed } else { Status::Inferred };
        chosen.map(|(event, time)| moment(event, *time, status))
    }
}

/// Whether a deployment names an artifact.
fn names(deployment: &Deployment<'_>, path: &ArtifactPath) -> bool {
    let name = path.file_name();
    deployment.files().into_iter().any(|file| base_name(file) == name)
        || deployment.events.iter().any(|event| mentions(&event.message, name))
}

/// Whether two references are to one record; one may point at its first byte, the other into it.
fn is_same_record(a: &RecordRef, b: &RecordRef) -> bool {
    a.artifact == b.artifact && a.line == b.line
}

/// Whether a model was loaded: a record says so, or a server was started on it.
pub fn is_load(event: &Event) -> bool {
    const SERVERS: [&str; 9] =
        ["ollama", "serve", "server", "runner", "vllm", "python", "uvicorn", "gunicorn", "tgi"];
    let told = event.field("event.actions").unwrap_or_default();
    event.kind == EventKind::Load
        || told.split(',').any(|deed| deed == EventKind::Load.name())
        || (event.kind == EventKind::Exec
            && event.field("file.name").is_some()
            && event
                .field("process.name")
                .is_some_and(|name| SERVERS.iter().any(|server| name.contains(server))))
}

/// The record that marks when a group took effect: the deployment itself, else the change, else the load. Of
/// several records of one deployment the one that reports its end counts, unless traffic `began` before.
fn introducing_event<'a>(
    deployment: &Deployment<'a>,
    began: Option<Timestamp>,
) -> Option<&'a Event> {
    const DONE: [&str; 9] = [
        "deployed",
        "complete",
        "finished",
        "succe",
        "rolled out",
        "live",
        "ready",
        "done",
        "active",
    ];
    let done = deployment.events.iter().copied().find(|event| {
        let text = format!("{} {}", event.field("event.action").unwrap_or_default(), event.message);
        let text = text.to_lowercase();
        event.kind == EventKind::Deploy && DONE.iter().any(|word| text.contains(word))
    });
    let before = |event: &&Event| began.is_none_or(|began| event.timestamp() <= Some(began));
    let order = [
        EventKind::Deploy,
        EventKind::Change,
        EventKind::Exec,
        EventKind::Stage,
        EventKind::Download,
        EventKind::Restart,
        EventKind::Load,
    ];
    done.filter(before).or_else(|| order.into_iter().find_map(|kind| deployment.first(kind)))
}

/// Whether an alert names a destination outside; one of the compromise was looked for before.
fn names_another(event: &Event) -> bool {
    let net = event.net.iter();
    let mut named = net.flat_map(|net| [&net.destination, &net.host]).flatten();
    named.any(|name| network_indicator(name).is_some() && !is_local(name))
}

/// Whether an alert speaks of traffic leaving.
fn is_about_traffic(event: &Event) -> bool {
    const WORDS: [&str; 8] =
        ["outbound", "egress", "beacon", "connection", "traffic", "exfil", "destination", "c2"];
    let message = event.message.to_lowercase();
    event.net.is_some() || WORDS.iter().any(|word| message.contains(word))
}

fn moment(event: &Event, time: Instant, status: Status) -> Moment {
    Moment {
        time,
        record: event.record.clone(),
        kind: event.kind,
        status,
        summary: super::timeline::summary(event),
    }
}
