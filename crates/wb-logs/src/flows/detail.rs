//! [`FlowDetail`]: a flow with the moments that mark its story.

use super::attempts::{Attempts, MOST_SAMPLES, Moment, Sample};
use super::beacon::score;
use super::innocent::innocent;
use super::symbols::{Symbol, Symbols};
use super::{FlowTable, Key, Names};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use wb_core::{ArtifactPath, BeaconState, Flow, RecordRef, TimeBasis};

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
    /// How many sources go there, of all sources.
    pub prevalence: (usize, usize),
    /// Whether far more bytes were sent there than to others.
    pub sends_much: bool,
    /// The log sources that recorded it.
    pub sources: Vec<&'static str>,
    /// The names of the destination's address that records or DNS answers give, the first few dozen if there are
    /// more; that of the flow itself is [`Flow::host`].
    pub hosts: Arc<[String]>,
    /// `network.transport`, when a record says it.
    pub transport: Option<String>,
}

/// The flows of a table, ordered by first attempt, then source and destination.
pub(super) fn details(table: FlowTable) -> Vec<FlowDetail> {
    let FlowTable { symbols, logs, flows, names, span, .. } = table;
    let plotted = flows.len() <= MOST_PLOTTED;
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let span = span.map(|(first, last)| (seconds(first), seconds(last)));
    let mut askers: HashMap<Symbol, HashSet<Symbol>> = HashMap::new();
    for key in flows.keys() {
        let end = if key.host.is_some() { key.host } else { key.destination };
        askers.entry(end).or_default().insert(key.source);
    }
    let sources = flows.keys().map(|key| key.source).collect::<HashSet<Symbol>>().len();
    let much = much(flows.values());
    let known = Known {
        symbols,
        logs,
        names,
        plotted,
        span,
        askers,
        sources,
        much,
        hosts: RefCell::default(),
    };
    let mut details: Vec<FlowDetail> =
        flows.into_iter().filter_map(|(key, sources)| known.detail(key, sources)).collect();
    details.sort_unstable_by(|a, b| {
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
    names: Names,
    plotted: bool,
    /// First and last attempt of all, in seconds since 1970.
    span: Option<(i64, i64)>,
    /// Who goes to each destination.
    askers: HashMap<Symbol, HashSet<Symbol>>,
    sources: usize,
    /// Bytes from which on a flow sends far more than others.
    much: Option<u64>,
    /// The names of addresses, as far as they were put together.
    hosts: RefCell<HashMap<Symbol, Arc<[String]>>>,
}

impl Known {
    /// The names of an address. Flows to it have one list.
    fn hosts(&self, address: Symbol) -> Arc<[String]> {
        let mut known = self.hosts.borrow_mut();
        let list = known.entry(address).or_insert_with(|| {
            let names = self.names.get(&address).into_iter().flat_map(BTreeMap::keys);
            let names: BTreeSet<&str> = names.filter_map(|name| self.symbols.some(*name)).collect();
            names.into_iter().map(str::to_owned).collect()
        });
        Arc::clone(list)
    }

    /// Puts together what the sources saw of one flow.
    fn detail(&self, key: Key, mut sources: Vec<Attempts>) -> Option<FlowDetail> {
        sources.iter_mut().for_each(Attempts::join_packets);
        sources.sort_by_key(|one| one.by);
        let most = sources.iter().max_by_key(|one| (one.count, std::cmp::Reverse(one.by)))?;
        let samples = most.samples.get(..MOST_SAMPLES).unwrap_or(&most.samples);
        let seconds: Vec<(i64, Option<u64>)> = samples
            .iter()
            .map(|sample| (sample.time.div_euclid(1_000_000_000), sample.bytes()))
            .collect();
        let beacon = score(&seconds, self.span);
        let moments = |pick: fn(&Attempts) -> Option<Moment>| {
            sources.iter().filter_map(move |one| pick(one)?.resolve(&self.logs))
        };
        let (first, first_record) = moments(|one| one.first).min()?;
        let (last, last_record) = moments(|one| one.last).max()?;
        let text = |symbol| self.symbols.some(symbol).map(str::to_owned);
        let regular = beacon.score >= 0.5;
        let mut flow = Flow {
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
            intervals: if self.plotted || regular { intervals(samples) } else { Vec::new() },
        };
        let transport = sources.iter().find_map(|one| text(one.transport));
        if matches!(beacon.state, BeaconState::Periodic | BeaconState::Jittered) {
            let probes = sources.iter().any(|one| one.probes > 0 && one.probes == one.count);
            flow.beacon.innocent = innocent(&flow, transport.as_deref(), probes);
        }
        let end = if key.host.is_some() { key.host } else { key.destination };
        Some(FlowDetail {
            prevalence: (self.askers.get(&end).map_or(1, HashSet::len), self.sources),
            sends_much: self.much.is_some_and(|much| flow.bytes_out >= much),
            flow,
            first_blocked: moments(|one| one.first_blocked).min(),
            first_allowed: moments(|one| one.first_allowed).min(),
            last_record,
            basis: sources.iter().filter_map(|one| one.basis).max().unwrap_or(TimeBasis::Explicit),
            sources: sources.iter().map(|one| one.by).collect(),
            hosts: self.hosts(key.destination),
            transport,
        })
    }
}

/// Flows that say their bytes, needed to call one unusual.
const ENOUGH: usize = 20;

/// The bytes from which on a flow sends far more than others: three and a half deviations above the median,
/// counted in doublings, and at least a megabyte.
fn much<'a>(flows: impl Iterator<Item = &'a Vec<Attempts>>) -> Option<u64> {
    let sent = flows.filter_map(|sources| sources.iter().map(|one| one.bytes_out).max());
    let mut doublings: Vec<u32> = sent.filter_map(u64::checked_ilog2).collect();
    if doublings.len() < ENOUGH {
        return None;
    }
    let middle = median(&mut doublings)?;
    let mut distances: Vec<u32> = doublings.iter().map(|one| one.abs_diff(middle)).collect();
    // A deviation of the median is 0.67 of a standard deviation.
    let deviation = median(&mut distances)?.max(1);
    let limit = middle.saturating_add(deviation.saturating_mul(21).div_euclid(4));
    1_u64.checked_shl(limit.max(20))
}

fn median(values: &mut [u32]) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len().div_euclid(2)).copied()
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
