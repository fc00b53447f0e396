//! [`Alert`]: what the monitor tells people, and the book that keeps it from telling everything twice.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use wb_core::Severity;

/// What happened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Stable over restarts: the same rule, service and subject have the same identifier.
    pub id: String,
    /// The rule, such as `connection-outside-allowlist`.
    pub rule: &'static str,
    /// How bad it is, if true.
    pub severity: Severity,
    /// When it happened first.
    pub time: Timestamp,
    /// When it happened last.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    /// New, repeated or resolved.
    pub state: State,
    /// The service; empty when it concerns the monitor itself.
    pub service: String,
    /// One sentence.
    pub headline: String,
    /// Programs from the process up, with the model: `curl <- sh <- python3 (loaded ...)`.
    pub chain: String,
    /// The process.
    pub pid: Option<u32>,
    /// Its command line.
    pub command: Option<String>,
    /// Where it connected to.
    pub destination: Option<Destination>,
    /// The model that was loaded.
    pub model: Option<Model>,
    /// Whether it was refused.
    pub refused: bool,
    /// What it rests on, a clause each.
    pub because: Vec<String>,
    /// MITRE techniques.
    pub techniques: &'static [&'static str],
    /// What to do.
    pub next: String,
}

/// Where a process connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The name, when known.
    pub host: Option<String>,
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = if self.address.contains(':') {
            format!("[{}]", self.address)
        } else {
            self.address.clone()
        };
        match &self.host {
            Some(host) => write!(f, "{host} ({address}) port {}", self.port),
            None => write!(f, "{address} port {}", self.port),
        }
    }
}

/// A model that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its path.
    pub path: String,
    /// Its digest; `None` while it is still being computed.
    pub sha256: Option<String>,
    /// The scanner's verdict.
    pub verdict: Option<String>,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It happens for the first time.
    New,
    /// It happened again.
    Repeated,
    /// It did not happen again for a while.
    Resolved,
}

impl State {
    /// The name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }
}

/// How often repetitions are told.
const REPEATED: SignedDuration = SignedDuration::from_mins(1);

/// New alerts told in a minute at the most.
const PER_MINUTE: u32 = 120;

/// Open alerts kept at the most.
const OPEN: usize = 4096;

/// Every open alert.
#[derive(Debug, Default)]
pub(crate) struct Book {
    open: BTreeMap<String, Entry>,
    minute: Option<Timestamp>,
    told: u32,
    /// New alerts that were not told by themselves.
    held_back: u64,
}

#[derive(Debug)]
struct Entry {
    alert: Alert,
    told: Timestamp,
    told_count: u64,
}

impl Book {
    /// Takes an alert. Returns it when people have to be told now.
    pub(crate) fn raise(&mut self, alert: Alert) -> Option<Alert> {
        let time = alert.time;
        if let Some(entry) = self.open.get_mut(&alert.id) {
            entry.alert.count += 1;
            entry.alert.last = time;
            let worse = alert.severity > entry.alert.severity;
            if worse {
                entry.alert = Alert { count: entry.alert.count, time: entry.alert.time, ..alert };
                entry.told = time;
                entry.told_count = entry.alert.count;
                return Some(entry.alert.clone());
            }
            return None;
        }
        if self
            .minute
            .is_none_or(|minute| time.duration_since(minute) > SignedDuration::from_mins(1))
        {
            (self.minute, self.told) = (Some(time), 0);
        }
        self.told += 1;
        if self.told > PER_MINUTE || self.open.len() >= OPEN {
            self.held_back += 1;
            return None;
        }
        let entry = Entry { alert: alert.clone(), told: time, told_count: 1 };
        self.open.insert(alert.id.clone(), entry);
        Some(alert)
    }

    /// Ends an alert whose cause is known to be over.
    pub(crate) fn resolve(&mut self, id: &str, now: Timestamp) -> Option<Alert> {
        let entry = self.open.remove(id)?;
        Some(Alert { state: State::Resolved, last: now, ..entry.alert })
    }

    /// What has to be told because time passed: repetitions, and alerts that are over.
    pub(crate) fn tick(&mut self, now: Timestamp, quiet: SignedDuration) -> Vec<Alert> {
        let mut told = Vec::new();
        for entry in self.open.values_mut() {
            let more = entry.alert.count > entry.told_count;
            if more && now.duration_since(entry.told) >= REPEATED {
                (entry.told, entry.told_count) = (now, entry.alert.count);
                told.push(Alert { state: State::Repeated, ..entry.alert.clone() });
            }
        }
        let over = |entry: &Entry| now.duration_since(entry.alert.last) >= quiet;
        let ended: Vec<String> =
            self.open.iter().filter(|(_, entry)| over(entry)).map(|(id, _)| id.clone()).collect();
        for id in ended {
            told.extend(self.resolve(&id, now));
        }
        told
    }

    /// How many new alerts were not told since this was asked last.
    pub(crate) fn held_back(&mut self) -> u64 {
        std::mem::take(&mut self.held_back)
    }

    /// How many alerts are open.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }
}

/// The identifier of an alert: eight digits that depend on the rule, the service and the subject alone.
pub(crate) fn id(rule: &str, service: &str, subject: &str) -> String {
    let digest = wb_engine::sha256(format!("{rule}\0{service}\0{subject}").as_bytes());
    digest.to_string().chars().take(8).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn alert(subject: &str, second: i64) -> Alert {
        let time = Timestamp::from_second(1_700_000_000 + second).expect("a time");
        Alert {
            id: id("a-rule", "s", subject),
            rule: "a-rule",
            severity: Severity::High,
            time,
            last: time,
            count: 1,
            state: State::New,
            service: "s".to_owned(),
            headline: format!("something about {subject}"),
            chain: String::new(),
            pid: None,
            command: None,
            destination: None,
            model: None,
            refused: false,
            because: Vec::new(),
            techniques: &[],
            next: String::new(),
        }
    }

    fn later(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).expect("a time")
    }

    #[test]
    fn an_alert_is_told_once_then_counted_then_resolved() {
        let mut book = Book::default();
        let quiet = SignedDuration::from_mins(15);
        assert!(book.raise(alert("x", 0)).is_some());
        assert!((1..20).all(|second| book.raise(alert("x", second)).is_none()));
        assert!(book.raise(alert("y", 20)).is_some(), "another subject is another alert");
        let told = book.tick(later(61), quiet);
        assert_eq!(
            told.iter().map(|alert| (alert.state, alert.count)).collect::<Vec<_>>(),
            [(State::Repeated, 20)]
        );
        assert!(book.tick(later(120), quiet).is_empty());
        let over = book.tick(later(1000), quiet);
        assert!(over.len() == 2 && over.iter().all(|alert| alert.state == State::Resolved));
        assert!(book.raise(alert("x", 2000)).is_some(), "what comes back is told again");
    }

    #[test]
    fn a_flood_is_told_as_a_number() {
        let mut book = Book::default();
        let told = (0..1000).filter(|n| book.raise(alert(&n.to_string(), 0)).is_some()).count();
        assert_eq!((told, book.held_back()), (120, 880));
    }
}
