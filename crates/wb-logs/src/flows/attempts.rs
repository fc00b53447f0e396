//! [`Attempts`]: what one log source saw of one flow.

use super::symbols::{Symbol, Symbols};
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::HashMap;
use wb_core::{ArtifactPath, RecordRef, TimeBasis};

/// Attempts kept per flow for its regularity: the earliest ones.
pub(super) const MOST_SAMPLES: usize = 4096;

/// A moment and its record. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: i64,
    /// Number of the log in the table.
    pub(super) log: u32,
    pub(super) line: u64,
    pub(super) offset: u64,
}

impl Moment {
    /// The order of moments: by time, then by record.
    fn order(&self, other: &Self, logs: &[ArtifactPath]) -> Ordering {
        let log = |moment: &Self| usize::try_from(moment.log).ok().and_then(|at| logs.get(at));
        self.time.cmp(&other.time).then_with(|| {
            let by_log =
                if self.log == other.log { Ordering::Equal } else { log(self).cmp(&log(other)) };
            by_log.then((self.line, self.offset).cmp(&(other.line, other.offset)))
        })
    }

    pub(super) fn resolve(&self, logs: &[ArtifactPath]) -> Option<(Timestamp, RecordRef)> {
        let artifact = logs.get(usize::try_from(self.log).ok()?)?.clone();
        let timestamp = Timestamp::from_nanosecond(i128::from(self.time)).ok()?;
        Some((timestamp, RecordRef { artifact, line: self.line, offset: self.offset }))
    }
}

/// TCP sends a packet that is not answered again, after a second and then after twice the time before (RFC 6298,
/// section 5); of the six times that Linux does so, the last two are 32 seconds apart. Packets from one port that
/// are no further apart than this are one attempt, in nanoseconds.
const AGAIN: i64 = 35_000_000_000;

/// When an attempt was, and the bytes it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sample {
    /// Nanoseconds since 1970.
    pub(super) time: i64,
    bytes: u32,
    /// The port that a packet came from; zero of what is no single packet.
    port: u16,
    blocked: bool,
}

impl Sample {
    const UNSAID: u32 = u32::MAX;

    fn new(attempt: &Attempt) -> Self {
        let most = Self::UNSAID.saturating_sub(1);
        let bytes = attempt
            .bytes
            .map_or(Self::UNSAID, |bytes| u32::try_from(bytes).unwrap_or(most).min(most));
        let port = attempt.port.unwrap_or(0);
        Self { time: attempt.moment.time, bytes, port, blocked: attempt.blocked }
    }

    /// Bytes sent, if the record says; counts beyond four gigabytes are four gigabytes.
    pub(super) fn bytes(self) -> Option<u64> {
        (self.bytes != Self::UNSAID).then(|| u64::from(self.bytes))
    }
}

/// Attempts as one log source saw them.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub(super) by: &'static str,
    pub(super) first: Option<Moment>,
    pub(super) last: Option<Moment>,
    pub(super) first_blocked: Option<Moment>,
    pub(super) first_allowed: Option<Moment>,
    pub(super) count: u64,
    pub(super) blocked: u64,
    pub(super) bytes_out: u64,
    /// Attempts that asked a service how it is.
    pub(super) probes: u64,
    pub(super) transport: Symbol,
    pub(super) basis: Option<TimeBasis>,
    pub(super) samples: Vec<Sample>,
}

/// One attempt, to be added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) moment: Moment,
    pub(super) blocked: bool,
    pub(super) bytes: Option<u64>,
    /// The port that a packet came from that was logged by itself.
    pub(super) port: Option<u16>,
    /// Whether it only ends an attempt that was counted when it began.
    pub(super) end: bool,
}

impl Attempts {
    pub(super) const fn new(by: &'static str) -> Self {
        Self {
            by,
            first: None,
            last: None,
            first_blocked: None,
            first_allowed: None,
            count: 0,
            blocked: 0,
            bytes_out: 0,
            probes: 0,
            transport: Symbol::NONE,
            basis: None,
            samples: Vec::new(),
        }
    }

    /// Adds an attempt and returns by how much the number of samples grew.
    pub(super) fn add(&mut self, attempt: Attempt, logs: &[ArtifactPath]) -> usize {
        let Attempt { moment, blocked, bytes, end, .. } = attempt;
        if blocked {
            earliest(&mut self.first_blocked, moment, logs);
            self.blocked = self.blocked.saturating_add(1);
        } else {
            earliest(&mut self.first_allowed, moment, logs);
        }
        latest(&mut self.last, moment, logs);
        earliest(&mut self.first, moment, logs);
        self.bytes_out = self.bytes_out.saturating_add(bytes.unwrap_or(0));
        if end && self.count > 0 {
            return 0;
        }
        self.count = self.count.saturating_add(1);
        self.samples.push(Sample::new(&attempt));
        1
    }

    /// Keeps the earliest `most` samples, whatever order they came in.
    pub(super) fn trim(&mut self, most: usize) {
        if self.samples.len() > most {
            self.samples.sort_unstable();
            self.samples.truncate(most);
            self.samples.shrink_to_fit();
        }
    }

    /// Makes one attempt of the packets that are one, once all are known; as far as samples of them were kept.
    /// Samples are in the order of time afterwards.
    pub(super) fn join_packets(&mut self) {
        self.samples.sort_unstable();
        let mut last: HashMap<u16, i64> = HashMap::new();
        let (count, blocked) = (&mut self.count, &mut self.blocked);
        self.samples.retain(|sample| {
            let before = last.insert(sample.port, sample.time).filter(|_| sample.port != 0);
            let again = before.is_some_and(|before| sample.time.saturating_sub(before) <= AGAIN);
            if again {
                *count = count.saturating_sub(1);
                *blocked = blocked.saturating_sub(u64::from(sample.blocked));
            }
            !again
        });
    }

    /// Adds what another table saw; its symbols and logs have the numbers of this one.
    pub(super) fn merge(&mut self, other: Self, logs: &[ArtifactPath], symbols: &Symbols) {
        for (place, moment) in [
            (&mut self.first, other.first),
            (&mut self.first_blocked, other.first_blocked),
            (&mut self.first_allowed, other.first_allowed),
        ] {
            if let Some(moment) = moment {
                earliest(place, moment, logs);
            }
        }
        if let Some(moment) = other.last {
            latest(&mut self.last, moment, logs);
        }
        self.count = self.count.saturating_add(other.count);
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.probes = self.probes.saturating_add(other.probes);
        self.say_transport(other.transport, symbols);
        self.basis = self.basis.max(other.basis);
        self.samples.extend(other.samples);
    }

    /// Records that differ about the transport: the first in the alphabet holds.
    pub(super) fn say_transport(&mut self, transport: Symbol, symbols: &Symbols) {
        let before = |a: Symbol, b: Symbol| symbols.text(a) < symbols.text(b);
        if transport.is_some() && (!self.transport.is_some() || before(transport, self.transport)) {
            self.transport = transport;
        }
    }

    /// Gives the moments the numbers that `change` makes of theirs.
    pub(super) fn renumber(&mut self, change: impl Fn(&mut Moment)) {
        let all =
            [&mut self.first, &mut self.last, &mut self.first_blocked, &mut self.first_allowed];
        all.into_iter().flatten().for_each(change);
    }
}

fn earliest(place: &mut Option<Moment>, moment: Moment, logs: &[ArtifactPath]) {
    if place.is_none_or(|known| moment.order(&known, logs).is_lt()) {
        *place = Some(moment);
    }
}

fn latest(place: &mut Option<Moment>, moment: Moment, logs: &[ArtifactPath]) {
    if place.is_none_or(|known| moment.order(&known, logs).is_gt()) {
        *place = Some(moment);
    }
}
