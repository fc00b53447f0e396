//! Connections, aggregated while streaming: [`FlowTable`] takes them, [`FlowDetail`] comes out.
//!
//! Several logs may record one connection: a firewall and a capture, Zeek's `conn` and `ssl`. Attempts are
//! counted per log source, and a flow has the count of the source that saw most. Addresses and names are
//! held once; what is kept of a flow does not grow with its attempts beyond a bounded sample.

mod attempts;
mod beacon;
mod connection;
mod detail;
mod innocent;
mod lookups;
mod skew;
mod symbols;

pub(crate) use connection::is_packet;
pub use connection::{Connection, Part};
pub use detail::FlowDetail;
pub use lookups::Lookups;
pub use skew::Skew;

use attempts::{Attempt, Attempts, MOST_SAMPLES, Moment};
use foldhash::quality::RandomState;
use lookups::LookupTable;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use symbols::{Symbol, Symbols};
use wb_core::{ArtifactPath, Event, EventKind, Flow};

/// How regular attempts are: `samples` are seconds since 1970 with the bytes sent, if known, in any order.
pub fn regularity(samples: &[(i64, Option<u64>)]) -> wb_core::Beacon {
    beacon::score(samples, None)
}

/// Flows kept at the most; attempts of further ones are counted in [`FlowTable::left_out`].
const MOST_FLOWS: usize = 1 << 17;

/// Samples kept over all flows. When there are more, each flow keeps fewer.
const MOST_SAMPLES_IN_ALL: usize = 1 << 21;

/// Samples that each flow may keep, however many flows there are.
const FEWEST_SAMPLES: usize = 16;

/// Addresses whose names are kept.
const MOST_NAMES: usize = 1 << 16;

/// Names kept per address.
const MOST_NAMES_EACH: usize = 64;

/// The source under which records of whole connections count.
const WHOLE: &str = "whole-flows";

/// Names of addresses, with how often each was given.
type Names = HashMap<Symbol, BTreeMap<Symbol, u64>, RandomState>;

/// Aggregates connections by source, destination, host and port. Mergeable: the order of records and of
/// merges does not matter.
#[derive(Clone, Debug, Default)]
pub struct FlowTable {
    symbols: Symbols,
    logs: Vec<ArtifactPath>,
    /// Taken apart in no order, and sorted before anything is seen of it.
    flows: HashMap<Key, Vec<Attempts>, RandomState>,
    /// Names of addresses, from DNS answers and from records that have both, with how often.
    names: Names,
    lookups: LookupTable,
    /// First and last attempt of all, in nanoseconds since 1970.
    span: Option<(i64, i64)>,
    left_out: u64,
    /// The transport of the last record.
    transport: Symbol,
    samples: usize,
    /// Samples that each flow may keep now: zero stands for [`MOST_SAMPLES`].
    allowance: usize,
    /// A name in lower case, on its way to a symbol.
    lower: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: Symbol,
    /// None when only the name is known.
    destination: Symbol,
    host: Symbol,
    port: Option<u16>,
}

impl FlowTable {
    /// Adds an event if it is about a connection.
    pub fn add(&mut self, event: &Event) {
        if let Some(connection) = Connection::of(event) {
            self.add_connection(&event.record.artifact, &connection);
        }
    }

    /// Adds what a record of the log `artifact` says about a connection.
    pub fn add_connection(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) {
        if connection.kind == EventKind::Dns {
            self.add_answers(artifact, connection);
            return;
        }
        let counts =
            matches!(connection.kind, EventKind::Connect | EventKind::Block | EventKind::Exchange);
        let Some(time) = connection.time.filter(|_| counts) else { return };
        let Some(key) = self.key(connection) else { return };
        if key.destination.is_some() && key.host.is_some() {
            self.name_times(key.destination, key.host, 1);
        }
        if connection.part == Part::Within {
            return;
        }
        if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Some(moment) = self.moment(artifact, connection) else { return };
        let nanoseconds = moment.time;
        let attempt = Attempt {
            moment,
            blocked: connection.blocked,
            bytes: connection.bytes_out,
            port: connection.packet_port,
            end: connection.part == Part::End,
        };
        let (first, last) = self.span.unwrap_or((nanoseconds, nanoseconds));
        self.span = Some((first.min(nanoseconds), last.max(nanoseconds)));
        // Nearly all records have the transport of the one before.
        if self.symbols.text(self.transport) != connection.transport {
            self.transport = self.symbols.of(connection.transport);
        }
        let transport = self.transport;
        // A log that records a connection by what it carries and again as a whole counts as two sources.
        let by = if connection.part == Part::Whole { WHOLE } else { connection.by };
        let most = self.allowance();
        let attempts = of(self.flows.entry(key).or_insert_with(|| Vec::with_capacity(1)), by);
        let grown = attempts.add(attempt, &self.logs);
        if attempts.samples.len() >= most.saturating_mul(2) {
            attempts.trim(most);
            self.samples = self.samples.saturating_sub(most);
        }
        attempts.probes = attempts.probes.saturating_add(u64::from(innocent::is_probe(connection)));
        attempts.basis = attempts.basis.max(Some(time.basis));
        if transport != attempts.transport {
            attempts.say_transport(transport, &self.symbols);
        }
        self.samples = self.samples.saturating_add(grown);
        self.bound_samples();
    }

    /// Adds everything another table holds.
    pub fn merge(&mut self, other: Self) {
        let logs: Vec<u32> = other.logs.iter().map(|artifact| self.log(artifact)).collect();
        let mut known: HashMap<Symbol, Symbol> = HashMap::new();
        let symbols = &mut self.symbols;
        let mut own = |symbol: Symbol| {
            *known.entry(symbol).or_insert_with(|| symbols.of(other.symbols.text(symbol)))
        };
        let names: Vec<(Symbol, Symbol, u64)> = (other.names.iter())
            .flat_map(|(address, names)| {
                names.iter().map(move |(name, count)| (*address, *name, *count))
            })
            .map(|(address, name, count)| (own(address), own(name), count))
            .collect();
        let mut flows: Vec<(Key, Vec<Attempts>)> = Vec::with_capacity(other.flows.len());
        for (key, mut sources) in other.flows {
            let Key { source, destination, host, port } = key;
            let key =
                Key { source: own(source), destination: own(destination), host: own(host), port };
            for attempts in &mut sources {
                attempts.transport = own(attempts.transport);
                attempts.renumber(|moment| {
                    let log = usize::try_from(moment.log).ok().and_then(|at| logs.get(at));
                    moment.log = log.copied().unwrap_or_default();
                });
            }
            flows.push((key, sources));
        }
        let lookups = other.lookups.translated(&mut own, |log| {
            usize::try_from(log).ok().and_then(|at| logs.get(at)).copied().unwrap_or_default()
        });
        // Which flows are left out of a full table must not depend on how they were hashed.
        if self.flows.len().saturating_add(flows.len()) > MOST_FLOWS {
            flows.sort_by_cached_key(|(key, _)| self.named(*key));
        }
        for (key, sources) in flows {
            if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&key) {
                let count = sources.iter().map(|one| one.count).sum();
                self.left_out = self.left_out.saturating_add(count);
                continue;
            }
            self.combine(key, sources);
        }
        for (address, name, count) in names {
            self.name_times(address, name, count);
        }
        self.lookups.merge(lookups);
        let spans = self.span.into_iter().chain(other.span);
        self.span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        self.left_out = self.left_out.saturating_add(other.left_out);
        self.bound_samples();
    }

    /// Moves all records down by `lines`: for a table of a part of a log that is to join the parts before it.
    pub fn shift_lines(&mut self, lines: u64) {
        for attempts in self.flows.values_mut().flatten() {
            attempts.renumber(|moment| moment.line = moment.line.saturating_add(lines));
        }
        self.lookups.shift_lines(lines);
    }

    /// What was asked of each domain, in the order of their names.
    pub fn lookups(&self) -> Vec<Lookups> {
        self.lookups.all(&self.symbols, &self.logs)
    }

    /// Logs whose clocks differ, by the connections that they share.
    pub fn skews(&self) -> Vec<Skew> {
        skew::skews(self.flows.values().map(Vec::as_slice), &self.logs)
    }

    /// Whether it holds no connection.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
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
        detail::details(self)
    }

    /// Source, destination, host and port; `None` when the record names no destination.
    fn key(&mut self, connection: &Connection<'_>) -> Option<Key> {
        let named = connection.host;
        let (host, destination) = match named {
            "" => (Symbol::NONE, self.symbols.of(connection.destination)),
            // A host that is an address is the destination, unless the record names that as well.
            _ if is_address(named) => {
                let address =
                    if connection.destination.is_empty() { named } else { connection.destination };
                (Symbol::NONE, self.symbols.of(address))
            }
            _ => (self.lower(named), self.symbols.of(connection.destination)),
        };
        if !destination.is_some() && !host.is_some() {
            return None;
        }
        Some(Key {
            source: self.symbols.of(connection.source),
            destination,
            host,
            port: connection.port,
        })
    }

    fn add_answers(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) {
        if connection.host.is_empty() {
            return;
        }
        if let Some(moment) = self.moment(artifact, connection) {
            let domain = lookups::domain(connection.host);
            let symbol = self.lower(domain);
            self.lookups.add(symbol, connection.host, domain, moment);
        }
        for address in connection.answers.iter().filter(|answer| is_address(answer)) {
            let known =
                self.symbols.known(address).is_some_and(|known| self.names.contains_key(&known));
            if known || self.names.len() < MOST_NAMES {
                let (address, name) = (self.symbols.of(address), self.lower(connection.host));
                self.name_times(address, name, 1);
            }
        }
    }

    /// The symbol of `name` in lower case.
    fn lower(&mut self, name: &str) -> Symbol {
        if !name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            return self.symbols.of(name);
        }
        self.lower.clear();
        self.lower.extend(name.chars().flat_map(char::to_lowercase));
        self.symbols.of(&self.lower)
    }

    fn name_times(&mut self, address: Symbol, name: Symbol, times: u64) {
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(&address) {
            return;
        }
        let names = self.names.entry(address).or_default();
        if names.len() < MOST_NAMES_EACH || names.contains_key(&name) {
            let count = names.entry(name).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// When and in which record.
    fn moment(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) -> Option<Moment> {
        let time = i64::try_from(connection.time?.timestamp.as_nanosecond()).ok()?;
        let log = self.log(artifact);
        Some(Moment { time, log, line: connection.line, offset: connection.offset })
    }

    fn log(&mut self, artifact: &ArtifactPath) -> u32 {
        let found = self.logs.iter().rposition(|known| known == artifact);
        let at = found.unwrap_or_else(|| {
            self.logs.push(artifact.clone());
            self.logs.len().saturating_sub(1)
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    const fn allowance(&self) -> usize {
        if self.allowance == 0 { MOST_SAMPLES } else { self.allowance }
    }

    /// Keeps fewer samples of each flow once there are too many in all.
    fn bound_samples(&mut self) {
        while self.samples > MOST_SAMPLES_IN_ALL && self.allowance() > FEWEST_SAMPLES {
            let most = self.allowance().div_euclid(2).max(FEWEST_SAMPLES);
            self.allowance = most;
            let mut left = 0_usize;
            for attempts in self.flows.values_mut().flatten() {
                attempts.trim(most);
                left = left.saturating_add(attempts.samples.len());
            }
            self.samples = left;
        }
    }

    fn combine(&mut self, key: Key, sources: Vec<Attempts>) {
        let most = self.allowance();
        let into = self.flows.entry(key).or_insert_with(|| Vec::with_capacity(sources.len()));
        for attempts in sources {
            self.samples = self.samples.saturating_add(attempts.samples.len());
            let known = of(into, attempts.by);
            known.merge(attempts, &self.logs, &self.symbols);
            let before = known.samples.len();
            known.trim(most);
            self.samples = self.samples.saturating_sub(before.saturating_sub(known.samples.len()));
        }
    }

    /// A key in words, to order by.
    fn named(&self, key: Key) -> (String, String, String, Option<u16>) {
        let text = |symbol| self.symbols.text(symbol).to_owned();
        (text(key.source), text(key.destination), text(key.host), key.port)
    }

    /// Flows known by name only join the flow to the one address that has this name.
    fn find_addresses(&mut self) {
        // The address of a name; none when there are several.
        let mut addresses: HashMap<Symbol, Symbol> = HashMap::new();
        for (address, names) in &self.names {
            for name in names.keys() {
                let known = addresses.entry(*name).or_insert(*address);
                if known != address {
                    *known = Symbol::NONE;
                }
            }
        }
        let moves = (self.flows.keys())
            .filter(|key| !key.destination.is_some())
            .filter_map(|key| {
                let address = addresses.get(&key.host).filter(|address| address.is_some())?;
                Some((*key, Key { destination: *address, ..*key }))
            })
            .collect();
        self.rename(moves);
    }

    /// Flows without a name take the one that another record of the same ends has, or the name that DNS
    /// gave most often.
    fn find_names(&mut self) {
        let mut siblings: HashMap<Key, Symbol> = HashMap::new();
        for key in self.flows.keys().filter(|key| key.host.is_some()) {
            let sibling = siblings.entry(Key { host: Symbol::NONE, ..*key }).or_insert(key.host);
            if *sibling != key.host {
                *sibling = Symbol::NONE;
            }
        }
        let moves = (self.flows.keys())
            .filter(|key| !key.host.is_some())
            .filter_map(|key| {
                let sibling = siblings.get(key).copied().filter(|host| host.is_some());
                let host = match sibling {
                    Some(host) => host,
                    None => self.commonest(self.names.get(&key.destination)?)?,
                };
                Some((*key, Key { host, ..*key }))
            })
            .collect();
        self.rename(moves);
    }

    fn commonest(&self, names: &BTreeMap<Symbol, u64>) -> Option<Symbol> {
        let by_count = |(name, count): &(&Symbol, &u64)| {
            (**count, std::cmp::Reverse(self.symbols.text(**name)))
        };
        names.iter().max_by_key(by_count).map(|(name, _)| *name)
    }

    fn rename(&mut self, moves: Vec<(Key, Key)>) {
        for (from, to) in moves {
            if let Some(sources) = self.flows.remove(&from) {
                self.combine(to, sources);
            }
        }
    }
}

/// What `by` saw, made when it is new.
fn of<'a>(sources: &'a mut Vec<Attempts>, by: &'static str) -> &'a mut Attempts {
    let at = match sources.iter().position(|known| known.by == by) {
        Some(at) => at,
        None => {
            sources.push(Attempts::new(by));
            sources.len().saturating_sub(1)
        }
    };
    #[expect(clippy::indexing_slicing, reason = "found or pushed above")]
    &mut sources[at]
}

/// Whether `text` is an address. Most names are told by their first character.
fn is_address(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':');
    first && text.parse::<IpAddr>().is_ok()
}
