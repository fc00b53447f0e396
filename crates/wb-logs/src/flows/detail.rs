//! [`FlowDetail`]: a flow with the moments that mark its story.

use super::attempts::{Attempts, MOST_SAMPLES, Moment, Sample};
use super::beacon::{SubScores, score};
use super::symbols::{Symbol, Symbols};
use super::{FlowTable, Key};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wb_core::{ArtifactPath, Flow, RecordRef, TimeBasis};

/// Intervals in a [`Flow`].
const MOST_INTERVALS: usize = 300;

/// Up to so many flows all have their intervals; of more, those that are regular.
const MOST_PLOTTED: usize = 4096;

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
    /// The parts of the beacon score, when there were enough attempts.
    pub scores: Option<SubScores>,
    /// The log sources that recorded it.
    pub sources: Vec<&'static str>,
    /// Every name of the destination that a record or a DNS answer gives.
    pub hosts: Vec<String>,
    /// `network.transport`, when a record says it.
    pub transport: Option<String>,
}

/// The flows of a table, ordered by first attempt, then source and destination.
pub(super) fn details(table: FlowTable) -> Vec<FlowDetail> {
    let FlowTable { symbols, logs, flows, names, .. } = table;
    let plotted = flows.len() <= MOST_PLOTTED;
    let known = Known { symbols, logs, names, plotted };
    let mut details: Vec<FlowDetail> =
        flows.into_iter().filter_map(|(key, sources)| known.detail(key, sources)).collect();
    details.sort_by(|a, b| {
        let (a, b) = (&a.flow, &b.flow);
        (a.first, &a.source, &a.destination, a.port, &a.host).cmp(&(
            b.first,
            &b.source,
            &b.destination,
            b.port,
            &b.host,
        ))
    });
    details
}

/// What the keys and moments of a table refer to.
struct Known {
    symbols: Symbols,
    logs: Vec<ArtifactPath>,
    names: HashMap<Symbol, BTreeMap<Symbol, u64>>,
    plotted: bool,
}

impl Known {
    /// Puts together what the sources saw of one flow.
    fn detail(&self, key: Key, mut sources: Vec<Attempts>) -> Option<FlowDetail> {
        sources.sort_by_key(|one| one.by);
        let most = sources.iter().max_by_key(|one| (one.count, std::cmp::Reverse(one.by)))?;
        let mut samples = most.samples.clone();
        samples.sort_unstable();
        samples.truncate(MOST_SAMPLES);
        let seconds: Vec<(i64, Option<u64>)> = samples
            .iter()
            .map(|sample| (sample.time.div_euclid(1_000_000_000), sample.bytes()))
            .collect();
        let (beacon, scores) = score(&seconds);
        let moments = |pick: fn(&Attempts) -> Option<Moment>| {
            sources.iter().filter_map(move |one| pick(one)?.resolve(&self.logs))
        };
        let (first, first_record) = moments(|one| one.first).min()?;
        let (last, last_record) = moments(|one| one.last).max()?;
        let text = |symbol| self.symbols.some(symbol).map(str::to_owned);
        let mut hosts: BTreeSet<String> = text(key.host).into_iter().collect();
        if let Some(more) = self.names.get(&key.destination) {
            hosts.extend(more.keys().filter_map(|name| text(*name)));
        }
        let regular = beacon.score >= 0.5;
        let flow = Flow {
            source: self.symbols.text(key.source).to_owned(),
            destination: text(key.destination).or_else(|| text(key.host))?,
            host: text(key.host),
            port: key.port,
            first,
            last,
            count: most.count,
            blocked: sources.iter().map(|one| one.blocked).max().unwrap_or(0),
            bytes_out: sources.iter().map(|one| one.bytes_out).max().unwrap_or(0),
            beacon,
            of_compromise: false,
            first_record,
            intervals: if self.plotted || regular { intervals(&samples) } else { Vec::new() },
        };
        Some(FlowDetail {
            flow,
            first_blocked: moments(|one| one.first_blocked).min(),
            first_allowed: moments(|one| one.first_allowed).min(),
            last_record,
            basis: sources.iter().filter_map(|one| one.basis).max().unwrap_or(TimeBasis::Explicit),
            scores,
            sources: sources.iter().map(|one| one.by).collect(),
            hosts: hosts.into_iter().collect(),
            transport: sources.iter().find_map(|one| text(one.transport)),
        })
    }
}

/// Seconds between attempts, to the millisecond.
fn intervals(samples: &[Sample]) -> Vec<f64> {
    let milliseconds = |sample: &Sample| sample.time.div_euclid(1_000_000);
    samples
        .iter()
        .zip(samples.iter().skip(1))
        .take(MOST_INTERVALS)
        .map(|(a, b)| {
            let between = milliseconds(b).saturating_sub(milliseconds(a));
            f64::from(u32::try_from(between).unwrap_or(u32::MAX)) / 1000.0
        })
        .collect()
}
