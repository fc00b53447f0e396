//! [`Collected`]: what is kept of the events of a log.
//!
//! Events that decide something are kept up to a bound that is far away. Ordinary ones (requests, look-ups,
//! messages) are all kept while there are few; after that only the first of a kind, and all are counted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use wb_core::{ArtifactPath, Event, EventKind};
use wb_logs::Sink;
use wb_logs::flows::{Connection, FlowTable};
use wb_sigma::{Hits, RuleSet};

/// Events that decide something, kept over all logs.
const DECIDING: usize = 100_000;

/// Ordinary events kept over all logs.
const ORDINARY: usize = 60_000;

/// Of further ordinary events, how many with the same ends and words are kept.
const OF_A_KIND: u8 = 2;

/// How many events of a log may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    deciding: usize,
    ordinary: usize,
}

impl Allowance {
    /// What each of `logs` logs may keep.
    pub(super) fn of(logs: usize) -> Self {
        let logs = logs.max(1);
        Self {
            deciding: (DECIDING / logs).clamp(1_000, 50_000),
            ordinary: (ORDINARY / logs).clamp(200, 20_000),
        }
    }

    /// What each of many stretches of one log may keep.
    pub(super) const fn of_stretch(self) -> Self {
        Self { deciding: self.deciding, ordinary: self.ordinary / 8 }
    }
}

/// What is kept of the events of one log.
pub(super) struct Collected {
    /// Events that were kept.
    pub(super) events: Vec<Event>,
    /// Events that were counted and not kept.
    pub(super) left_out: u64,
    /// Connections, aggregated.
    pub(super) flows: FlowTable,
    /// What rules over events match.
    pub(super) hits: Hits,
    rules: &'static RuleSet,
    allowance: Allowance,
    deciding: usize,
    ordinary: usize,
    kinds: HashMap<u64, u8>,
    keys: RandomState,
}

impl Collected {
    pub(super) fn new(allowance: Allowance, rules: &'static RuleSet) -> Self {
        Self {
            hits: Hits::default(),
            rules,
            events: Vec::new(),
            left_out: 0,
            flows: FlowTable::default(),
            allowance,
            deciding: 0,
            ordinary: 0,
            kinds: HashMap::new(),
            keys: RandomState::new(),
        }
    }

    /// How many events may be kept.
    pub(super) const fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// The rules that are asked.
    pub(super) const fn rules(&self) -> &'static RuleSet {
        self.rules
    }

    /// Adds what was collected of a stretch that follows `lines` others.
    pub(super) fn join(&mut self, mut next: Self, lines: u64) {
        self.left_out += next.left_out;
        for mut event in next.events {
            event.record.line += lines;
            self.keep(event);
        }
        self.hits.join(next.hits, lines);
        next.flows.shift_lines(lines);
        self.flows.merge(next.flows);
    }

    /// Keeps an event if there is room.
    fn keep(&mut self, event: Event) {
        let wanted = if is_ordinary(event.kind) {
            let wanted = self.wants(&kind_of(&event));
            self.ordinary += usize::from(wanted);
            wanted
        } else {
            self.deciding += 1;
            self.deciding <= self.allowance.deciding
        };
        if wanted {
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether another ordinary event like `kind` is to be kept.
    fn wants(&mut self, kind: &Kind<'_>) -> bool {
        if self.ordinary < self.allowance.ordinary {
            return true;
        }
        if self.ordinary >= self.allowance.ordinary * 2 {
            return false;
        }
        let seen = self.kinds.entry(self.keys.hash_one(kind)).or_default();
        *seen = seen.saturating_add(1);
        *seen <= OF_A_KIND
    }
}

impl Sink for Collected {
    fn wants_everything(&self) -> bool {
        false
    }

    fn connection(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) -> bool {
        if self.rules.wants(connection) {
            return false;
        }
        let counts = matches!(connection.kind, EventKind::Connect | EventKind::Block);
        if !counts && self.wants(&kind_of_connection(connection)) {
            return false;
        }
        self.left_out += u64::from(!counts);
        self.flows.add_connection(artifact, connection);
        true
    }

    fn is_notable(&self, event: &Event) -> bool {
        self.rules.matches(event)
    }

    fn wants_ordinary(&self, source: &'static str, kind: EventKind) -> bool {
        self.rules.tells_numbers_apart(source, kind)
    }

    fn ordinary(&mut self, _: EventKind) {
        self.left_out += 1;
    }

    fn event(&mut self, event: Event) {
        self.rules.examine(&event, &mut self.hits);
        self.flows.add(&event);
        let counts = matches!(event.kind, EventKind::Connect | EventKind::Block);
        if !(counts && event.net.is_some()) {
            self.keep(event);
        }
    }
}

/// Whether an event of this kind decides nothing by itself.
const fn is_ordinary(kind: EventKind) -> bool {
    matches!(kind, EventKind::Note | EventKind::Health | EventKind::Exchange | EventKind::Dns)
}

/// What makes ordinary events alike: the source, the ends, and the words without what has digits in it.
type Kind<'a> = (&'static str, EventKind, &'a str, &'a str, &'a str, &'a str);

fn kind_of(event: &Event) -> Kind<'_> {
    match Connection::of(event) {
        Some(connection) => kind_of_connection(&connection),
        None => {
            let message = event.message.split(|character: char| character.is_ascii_digit());
            let words = message.max_by_key(|part| part.len()).unwrap_or_default();
            (event.source, event.kind, "", "", words, "")
        }
    }
}

fn kind_of_connection<'a>(connection: &Connection<'a>) -> Kind<'a> {
    // Names below one domain are alike: of look-ups that carry data each would else be of its own kind.
    let mut labels = connection.host.rmatch_indices('.').map(|(at, _)| at);
    let parent = labels.nth(1).and_then(|at| connection.host.get(at + 1..));
    let host = parent.unwrap_or(connection.host);
    let path = connection.path.split(['?', ';']).next().unwrap_or_default();
    let path = path.split(|character: char| character.is_ascii_digit()).next().unwrap_or_default();
    (connection.by, connection.kind, connection.destination, host, path, connection.method)
}
