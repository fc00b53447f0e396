//! Connections, aggregated while streaming: [`FlowTable`] takes events, [`FlowDetail`] comes out.
//!
//! Several logs may record one connection: a firewall and a capture, Zeek's `conn` and `ssl`. Attempts are
//! counted per log source, and a flow has the count of the source that saw most.

pub use crate::beacon::SubScores;

use crate::beacon::score;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use wb_core::{Event, EventKind, Flow, NetVerdict, RecordRef, TimeBasis};

/// Flows kept at the most; attempts of further ones are counted in [`FlowTable::left_out`].
const MOST_FLOWS: usize = 1 << 18;

/// Attempts kept per flow for its regularity: the earliest ones.
const MOST_SAMPLES: usize = 4096;

/// Addresses whose names are kept.
const MOST_NAMES: usize = 1 << 17;

/// Intervals in a [`Flow`].
const MOST_INTERVALS: usize = 300;

/// The source under which records of whole connections count.
const WHOLE: &str = "whole-flows";

/// Aggregates connection events by source, destination, host and port. Mergeable: the order of events and
/// of merges does not matter.
#[derive(Clone, Debug, Default)]
pub struct FlowTable {
    /// Taken apart in no order, and sorted before anything is seen of it.
    flows: HashMap<Key, BTreeMap<&'static str, Attempts>>,
    /// Names of addresses, from DNS answers and from records that have both, with how often.
    names: BTreeMap<String, BTreeMap<String, u64>>,
    left_out: u64,
}

/// A flow with the moments that mark its story.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowDetail {
    /// The flow.
    pub flow: Flow,
    /// First attempt that was stopped.
    pub first_blocked: Option<(Timestamp, RecordRef)>,
    /// First attempt that was not said to be stopped.
    pub first_allowed: Option<(Timestamp, RecordRef)>,
    /// The record of the last attempt.
    pub last_record: RecordRef,
    /// How its times are known: the least certain basis of its records.
    pub basis: TimeBasis,
    /// Times of the earliest attempts, sorted; at most a few thousand.
    pub times: Vec<Timestamp>,
    /// The parts of the beacon score, when there were enough attempts.
    pub scores: Option<SubScores>,
    /// The log sources that recorded it.
    pub sources: Vec<&'static str>,
    /// Every name of the destination that a record or a DNS answer gives.
    pub hosts: Vec<String>,
    /// `network.transport`, when a record says it.
    pub transport: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: String,
    /// `None` when only the name is known.
    destination: Option<String>,
    port: Option<u16>,
    host: Option<String>,
}

/// Source, destination and port.
type Ends<'a> = (&'a str, Option<&'a str>, Option<u16>);

/// A moment and its record.
type Moment = (Timestamp, RecordRef);

/// Attempts as one log source saw them.
#[derive(Clone, Debug, Default)]
struct Attempts {
    first: Option<Moment>,
    last: Option<Moment>,
    first_blocked: Option<Moment>,
    first_allowed: Option<Moment>,
    count: u64,
    blocked: u64,
    bytes_out: u64,
    transport: Option<String>,
    basis: Option<TimeBasis>,
    /// Time in nanoseconds and bytes sent.
    samples: Vec<(i128, Option<u64>)>,
}

impl FlowTable {
    /// Adds an event if it is about a connection.
    pub fn add(&mut self, event: &Event) {
        let Some(net) = &event.net else { return };
        if event.kind == EventKind::Dns {
            if let Some(name) = &net.host {
                for address in net.answers.iter().filter(|answer| is_address(answer)) {
                    self.name(address, name);
                }
            }
            return;
        }
        let attempt =
            matches!(event.kind, EventKind::Connect | EventKind::Block | EventKind::Exchange);
        let Some(time) = event.timestamp().filter(|_| attempt) else { return };
        let host = net.host.as_deref().map(str::to_lowercase).filter(|host| !host.is_empty());
        let (host, named) = match host {
            Some(host) if is_address(&host) => (None, Some(host)),
            host => (host, None),
        };
        let destination = net.destination.clone().or(named);
        if destination.is_none() && host.is_none() {
            return;
        }
        if let (Some(address), Some(host)) = (&destination, &host) {
            self.name(address, host);
        }
        let part = event.field("network.event");
        let key = Key {
            source: net.source.clone().or_else(|| event.host.clone()).unwrap_or_default(),
            destination,
            port: net.destination_port,
            host,
        };
        if part == Some("part") {
            return;
        }
        if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let blocked = event.kind == EventKind::Block || net.verdict == Some(NetVerdict::Blocked);
        // A log that records a connection by what it carries and again as a whole counts as two sources.
        let source = if part == Some("whole") { WHOLE } else { event.source };
        let attempts = self.flows.entry(key).or_default().entry(source).or_default();
        attempts.add((time, &event.record), blocked, net.bytes_out, part == Some("end"));
        attempts.basis = attempts.basis.max(event.time.map(|time| time.basis));
        if net.transport.is_some()
            && (attempts.transport.is_none() || net.transport < attempts.transport)
        {
            attempts.transport.clone_from(&net.transport);
        }
    }

    /// Adds everything another table holds.
    pub fn merge(&mut self, other: Self) {
        for (key, sources) in other.flows {
            if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&key) {
                self.left_out =
                    self.left_out.saturating_add(sources.values().map(|one| one.count).sum());
                continue;
            }
            combine(self.flows.entry(key).or_default(), sources);
        }
        for (address, names) in other.names {
            for (name, count) in names {
                self.name_times(&address, &name, count);
            }
        }
        self.left_out = self.left_out.saturating_add(other.left_out);
    }

    /// Attempts that were not aggregated because there are too many different flows.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The flows, ordered by first attempt, then source and destination.
    pub fn finish(self) -> Vec<Flow> {
        self.finish_detailed().into_iter().map(|detail| detail.flow).collect()
    }

    /// The flows with the moments that mark them, ordered like [`Self::finish`].
    pub fn finish_detailed(mut self) -> Vec<FlowDetail> {
        self.find_addresses();
        self.find_names();
        let names = std::mem::take(&mut self.names);
        let mut details: Vec<FlowDetail> = std::mem::take(&mut self.flows)
            .into_iter()
            .filter_map(|(key, sources)| detail(key, sources, &names))
            .collect();
        details.sort_by(|a, b| {
            let key = |detail: &FlowDetail| {
                let flow = &detail.flow;
                (
                    flow.first,
                    flow.source.clone(),
                    flow.destination.clone(),
                    flow.port,
                    flow.host.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        details
    }

    fn name(&mut self, address: &str, name: &str) {
        self.name_times(address, name, 1);
    }

    fn name_times(&mut self, address: &str, name: &str, times: u64) {
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(address) {
            return;
        }
        let names = self.names.entry(address.to_owned()).or_default();
        if names.len() < 64 || names.contains_key(name) {
            let count = names.entry(name.to_lowercase()).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// Flows known by name only join the flow to the one address that has this name.
    fn find_addresses(&mut self) {
        let mut addresses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (address, names) in &self.names {
            for name in names.keys() {
                addresses.entry(name).or_default().insert(address);
            }
        }
        let moves: Vec<(Key, Key)> = self
            .flows
            .keys()
            .filter(|key| key.destination.is_none())
            .filter_map(|key| {
                let known = addresses.get(key.host.as_deref()?)?;
                let address = known.first().filter(|_| known.len() == 1)?;
                Some((key.clone(), Key { destination: Some((*address).to_owned()), ..key.clone() }))
            })
            .collect();
        self.rename(moves);
    }

    /// Flows without a name take the one that another record of the same ends has, or the name that DNS
    /// gave most often.
    fn find_names(&mut self) {
        let mut siblings: BTreeMap<Ends<'_>, BTreeSet<&str>> = BTreeMap::new();
        for key in self.flows.keys() {
            if let Some(host) = &key.host {
                let ends = (key.source.as_str(), key.destination.as_deref(), key.port);
                siblings.entry(ends).or_default().insert(host);
            }
        }
        let moves: Vec<(Key, Key)> = self
            .flows
            .keys()
            .filter(|key| key.host.is_none())
            .filter_map(|key| {
                let ends = (key.source.as_str(), key.destination.as_deref(), key.port);
                let sibling =
                    siblings.get(&ends).filter(|hosts| hosts.len() == 1).and_then(BTreeSet::first);
                let host = match sibling {
                    Some(host) => (*host).to_owned(),
                    None => commonest(self.names.get(key.destination.as_deref()?)?)?.to_owned(),
                };
                Some((key.clone(), Key { host: Some(host), ..key.clone() }))
            })
            .collect();
        self.rename(moves);
    }

    fn rename(&mut self, moves: Vec<(Key, Key)>) {
        for (from, to) in moves {
            if let Some(sources) = self.flows.remove(&from) {
                combine(self.flows.entry(to).or_default(), sources);
            }
        }
    }
}

impl Attempts {
    fn add(
        &mut self,
        (time, record): (Timestamp, &RecordRef),
        blocked: bool,
        bytes: Option<u64>,
        end: bool,
    ) {
        let moment = (time, record.clone());
        if blocked {
            earliest(&mut self.first_blocked, moment.clone());
            self.blocked = self.blocked.saturating_add(1);
        } else {
            earliest(&mut self.first_allowed, moment.clone());
        }
        latest(&mut self.last, moment.clone());
        earliest(&mut self.first, moment);
        self.bytes_out = self.bytes_out.saturating_add(bytes.unwrap_or(0));
        // The end of an attempt that was counted when it began is no other attempt.
        if end && self.count > 0 {
            return;
        }
        self.count = self.count.saturating_add(1);
        self.samples.push((time.as_nanosecond(), bytes));
        self.trim();
    }

    /// Keeps the earliest samples, whatever order they came in.
    fn trim(&mut self) {
        if self.samples.len() >= MOST_SAMPLES.saturating_mul(2) {
            self.samples.sort_unstable();
            self.samples.truncate(MOST_SAMPLES);
        }
    }

    fn merge(&mut self, other: Self) {
        if let Some(moment) = other.first {
            earliest(&mut self.first, moment);
        }
        if let Some(moment) = other.last {
            latest(&mut self.last, moment);
        }
        if let Some(moment) = other.first_blocked {
            earliest(&mut self.first_blocked, moment);
        }
        if let Some(moment) = other.first_allowed {
            earliest(&mut self.first_allowed, moment);
        }
        self.count = self.count.saturating_add(other.count);
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.transport = [self.transport.take(), other.transport].into_iter().flatten().min();
        self.basis = self.basis.max(other.basis);
        self.samples.extend(other.samples);
        self.trim();
    }
}

fn earliest(place: &mut Option<Moment>, moment: Moment) {
    if place.as_ref().is_none_or(|known| moment < *known) {
        *place = Some(moment);
    }
}

fn latest(place: &mut Option<Moment>, moment: Moment) {
    if place.as_ref().is_none_or(|known| moment > *known) {
        *place = Some(moment);
    }
}

fn combine(into: &mut BTreeMap<&'static str, Attempts>, from: BTreeMap<&'static str, Attempts>) {
    for (source, attempts) in from {
        into.entry(source).or_default().merge(attempts);
    }
}

fn commonest(names: &BTreeMap<String, u64>) -> Option<&str> {
    names
        .iter()
        .max_by_key(|(name, count)| (**count, std::cmp::Reverse(*name)))
        .map(|(name, _)| name.as_str())
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Puts together what the sources saw of one flow.
fn detail(
    key: Key,
    sources: BTreeMap<&'static str, Attempts>,
    names: &BTreeMap<String, BTreeMap<String, u64>>,
) -> Option<FlowDetail> {
    let most = sources.iter().max_by_key(|(name, one)| (one.count, std::cmp::Reverse(*name)))?.1;
    let mut samples = most.samples.clone();
    samples.sort_unstable();
    samples.truncate(MOST_SAMPLES);
    let seconds: Vec<(i64, Option<u64>)> = samples
        .iter()
        .filter_map(|(time, bytes)| {
            Some((i64::try_from(time.div_euclid(1_000_000_000)).ok()?, *bytes))
        })
        .collect();
    let (beacon, scores) = score(&seconds);
    let times: Vec<Timestamp> =
        samples.iter().filter_map(|(time, _)| Timestamp::from_nanosecond(*time).ok()).collect();
    let moments = |pick: fn(&Attempts) -> &Option<Moment>| {
        sources.values().filter_map(move |one| pick(one).clone())
    };
    let (first, first_record) = moments(|one| &one.first).min()?;
    let (last, last_record) = moments(|one| &one.last).max()?;
    let mut hosts: BTreeSet<String> = key.host.iter().cloned().collect();
    if let Some(more) = key.destination.as_ref().and_then(|address| names.get(address)) {
        hosts.extend(more.keys().cloned());
    }
    let flow = Flow {
        source: key.source,
        destination: key.destination.or_else(|| key.host.clone())?,
        host: key.host,
        port: key.port,
        first,
        last,
        count: most.count,
        blocked: sources.values().map(|one| one.blocked).max().unwrap_or(0),
        bytes_out: sources.values().map(|one| one.bytes_out).max().unwrap_or(0),
        beacon,
        of_compromise: false,
        first_record,
        intervals: intervals(&times),
    };
    Some(FlowDetail {
        flow,
        first_blocked: moments(|one| &one.first_blocked).min(),
        first_allowed: moments(|one| &one.first_allowed).min(),
        last_record,
        basis: sources.values().filter_map(|one| one.basis).max().unwrap_or(TimeBasis::Explicit),
        scores,
        sources: sources.keys().copied().collect(),
        hosts: hosts.into_iter().collect(),
        transport: sources.values().find_map(|one| one.transport.clone()),
        times,
    })
}

/// Seconds between attempts, to the millisecond.
fn intervals(times: &[Timestamp]) -> Vec<f64> {
    times
        .iter()
        .zip(times.iter().skip(1))
        .take(MOST_INTERVALS)
        .map(|(a, b)| {
            let milliseconds = b.as_millisecond().saturating_sub(a.as_millisecond());
            f64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)) / 1000.0
        })
        .collect()
}
