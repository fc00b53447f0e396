//! [`Monitor`]: observations in, alerts and records out.

mod judge;
mod told;

pub use told::{Counts, Told};

use crate::alert::{Alert, Book, Destination};
use crate::cgroup;
use crate::detect::Draft;
use crate::detect::regular::History;
use crate::detect::rules::{Happened, Rules};
use crate::ledger::Ledger;
use crate::names::{self, Names};
use crate::observation::{Answer, Connect, Observation, Running, What};
use crate::policy::{Cidr, Mode, Policy, Reached};
use crate::process::{Id, Load, Processes};
use crate::record::Record;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use wb_core::EventKind;

/// How long a connection waits for the scan of a model that its process has just loaded.
const WAIT: SignedDuration = SignedDuration::from_millis(700);

/// Connections that wait at the most.
const WAITING: usize = 4096;

/// Destinations whose history is kept.
const HISTORIES: usize = 16 << 10;

/// What waits for the scan of a model that its process has just loaded.
#[derive(Clone, Debug)]
enum Waiting {
    Connect(Connect),
    /// A program that was started: the process, what it ran, and how many programs it had run by then.
    Start(Id, Box<Running>, usize),
}

/// A destination that a service is allowed, as the kernel's list needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedNetwork {
    /// The network.
    pub network: Cidr,
    /// The port; zero stands for every port.
    pub port: u16,
    /// Until when; `None` is for ever.
    pub until: Option<Timestamp>,
}

/// The state of the watch: processes, models, names, alerts. It touches neither kernel nor clock.
#[derive(Debug)]
pub struct Monitor {
    policy: Policy,
    /// The cgroup of each service, if it is told by one.
    scopes: Vec<Option<String>>,
    processes: Processes,
    ledger: Ledger,
    names: Names,
    book: Book,
    histories: HashMap<(usize, String, u16), History>,
    rules: Rules,
    /// Addresses that names of the policy stand for at the moment.
    pins: Vec<(usize, AllowedNetwork)>,
    waiting: VecDeque<(Timestamp, Waiting)>,
    told: Vec<Told>,
    counts: Counts,
    now: Timestamp,
    /// When processes that ended long ago were forgotten last.
    forgot: Timestamp,
}

impl Monitor {
    /// A monitor under `policy`; `scopes` gives the cgroup of each service that has one, below the root.
    pub fn new(policy: Policy, scopes: Vec<Option<String>>) -> Self {
        Self {
            policy,
            scopes,
            processes: Processes::default(),
            ledger: Ledger::default(),
            names: Names::default(),
            book: Book::default(),
            histories: HashMap::new(),
            rules: Rules::default(),
            pins: Vec::new(),
            waiting: VecDeque::new(),
            told: Vec::new(),
            counts: Counts::default(),
            now: Timestamp::UNIX_EPOCH,
            forgot: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes what a sensor saw.
    pub fn observe(&mut self, seen: Observation) {
        self.now = self.now.max(seen.time);
        self.counts.last_event = Some(self.now);
        match seen.what {
            What::Fork { pid, parent } => {
                self.processes.fork(pid, parent, seen.time);
            }
            What::Runs(running) => self.runs(&running, seen.time),
            What::Exit { pid } => self.processes.exit(pid, seen.time),
            What::Connect(connect) => self.connect(connect, seen.time),
            What::Ended { pid, service, address, port, transport, bytes } => {
                let to = self.destination_at(address, port, seen.time);
                self.ended(pid, service, &to, (transport, bytes), seen.time);
            }
            What::Answer(answer) => self.answer(&answer, seen.time),
            What::Opened { pid, file, since } => {
                let Some(id) = self.serving(pid) else { return };
                if self.ledger.note(&file, true, seen.time) {
                    self.told.push(Told::Scan(file.clone()));
                }
                self.processes.load(id, Load { file: file.key, since, seen: seen.time });
                self.loaded(id, file.key, seen.time);
            }
            What::Present { file } => {
                if self.ledger.note(&file, false, seen.time) {
                    self.told.push(Told::Scan(file));
                }
            }
            What::Written { pid, file } => {
                if self.ledger.note(&file, false, seen.time) {
                    self.told.push(Told::Scan(file.clone()));
                }
                self.written(pid, &file, seen.time);
            }
            What::Executed { pid, file } => self.executed(pid, &file, seen.time),
            What::Scanned { file, scan } => self.scanned(file, scan, seen.time),
            What::Sent { service, address, port, bytes } => {
                self.sent(service, address, port, bytes, seen.time);
            }
            What::Trouble(trouble) => self.trouble(&trouble, seen.time),
        }
    }

    /// Time has passed: connections that waited are judged, repetitions are told, alerts are resolved.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while self.waiting.front().is_some_and(|(time, _)| now.duration_since(*time) >= WAIT) {
            if let Some((time, waiting)) = self.waiting.pop_front() {
                self.judge(waiting, time);
            }
        }
        let quiet = SignedDuration::from_mins(i64::from(self.policy.resolve_after_minutes.max(1)));
        for alert in self.book.tick(now, quiet) {
            self.tell(alert);
        }
        let held_back = self.book.held_back();
        if held_back > 0 {
            self.counts.alerts_held_back += held_back;
            let what = format!("{held_back} further alerts were not told one by one");
            self.told.push(Told::Record(Record::new(now, "sensor", what).line()));
        }
        self.pins.retain(|(_, pin)| pin.until.is_none_or(|until| until > now));
        if now.duration_since(self.forgot) > SignedDuration::from_secs(5) {
            self.forgot = now;
            self.processes.forget(now);
        }
        self.counts.open_alerts = self.book.open();
    }

    /// What has come up since this was asked last.
    pub fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Numbers for metrics.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Puts another policy in force. Pins of names that are no longer allowed are gone with the old one.
    pub fn set_policy(&mut self, policy: Policy, scopes: Vec<Option<String>>) {
        self.policy = policy;
        self.scopes = scopes;
        self.pins.clear();
    }

    /// Whether the process `pid` is known.
    pub fn knows(&self, pid: u32) -> bool {
        self.processes.id(pid).is_some()
    }

    /// Whether the process `pid` belongs to a service.
    pub fn is_serving(&self, pid: u32) -> bool {
        self.serving(Some(pid)).is_some()
    }

    /// How many processes are remembered.
    pub fn remembered(&self) -> usize {
        self.processes.len()
    }

    /// Everything a service may connect to now, as networks. What a wider entry covers already is left out, so
    /// that an entry that expires never hides one that does not.
    pub fn allowed(&self, service: usize) -> Vec<AllowedNetwork> {
        let entries = self.policy.services.get(service).into_iter().flat_map(|one| &one.allow);
        let fixed = entries.filter(|entry| entry.holds(self.now)).filter_map(|entry| {
            let network = entry.cidr?;
            Some(AllowedNetwork { network, port: entry.port.unwrap_or(0), until: entry.expires })
        });
        let pins = self.pins.iter().filter(|(owner, _)| *owner == service).map(|(_, pin)| *pin);
        let mut all: Vec<AllowedNetwork> = fixed.chain(pins).collect();
        all.sort_by_key(|one| (one.network.prefix, one.until.is_some(), *one));
        let mut kept: Vec<AllowedNetwork> = Vec::with_capacity(all.len());
        for one in all {
            let covered = kept.iter().any(|wide| {
                wide.network.contains(one.network.address)
                    && wide.network.prefix <= one.network.prefix
                    && wide.port == one.port
                    && wide.until.is_none_or(|until| one.until.is_some_and(|end| end <= until))
            });
            if !covered {
                kept.push(one);
            }
        }
        kept
    }

    /// The ledger: every model file, one record each, with the time it was seen first.
    pub fn ledger(&self) -> Vec<String> {
        let entries = self.ledger.all().filter(|(_, entry)| entry.is_model());
        entries
            .map(|(_, entry)| {
                let model = entry.model();
                let state = if entry.loaded { "loaded" } else { "present" };
                let message = format!("{} is {state}", model.path);
                Record::new(entry.seen, "ledger", message)
                    .of(Some(&model))
                    .with("weighbridge.loaded", entry.loaded)
                    .line()
            })
            .collect()
    }

    /// Where the bytes of a model lie, if they are still there.
    pub fn path_of(&self, model: &crate::alert::Model) -> Option<crate::observation::File> {
        let found = self.ledger.all().find(|(_, entry)| {
            entry.path.display().to_string() == model.path
                && entry.scan.as_ref().map(|scan| &scan.sha256) == model.sha256.as_ref()
        });
        found.map(|(key, entry)| crate::observation::File { key: *key, path: entry.path.clone() })
    }

    /// The scanner's verdict on a file, when it is known.
    pub fn verdict_of(
        &self,
        key: crate::observation::FileKey,
    ) -> Option<(crate::observation::FileKey, wb_core::Verdict)> {
        let scan = self.ledger.get(key)?.scan.as_ref()?;
        Some((key, scan.verdict))
    }

    /// The process `pid`, if it belongs to a service.
    fn serving(&self, pid: Option<u32>) -> Option<Id> {
        let id = self.processes.id(pid?)?;
        self.processes.get(id)?.service.map(|_| id)
    }

    fn runs(&mut self, running: &Running, time: Timestamp) {
        let id = self.processes.run(running, time);
        let service = self.service_of(running);
        if let Some(process) = self.processes.get_mut(id)
            && service.is_some()
        {
            process.service = service;
        }
        if running.started {
            self.record_start(id, running, time);
            let programs = self.processes.programs_run(id);
            self.judge_or_wait(
                Some(id),
                Waiting::Start(id, Box::new(running.clone()), programs),
                time,
            );
        }
    }

    /// Judges at once, or when the models that the process loaded are scanned.
    fn judge_or_wait(&mut self, id: Option<Id>, waiting: Waiting, time: Timestamp) {
        let pending = id.is_some_and(|id| {
            let loaded = self.processes.loaded(id, time);
            loaded
                .iter()
                .any(|load| self.ledger.get(load.file).is_some_and(|entry| entry.scan.is_none()))
        });
        if pending && self.waiting.len() < WAITING {
            self.waiting.push_back((time, waiting));
        } else {
            self.judge(waiting, time);
        }
    }

    fn judge(&mut self, waiting: Waiting, time: Timestamp) {
        match waiting {
            Waiting::Connect(connect) => self.judge_connect(&connect, time),
            Waiting::Start(id, running, programs) => self.judge_start(id, &running, programs, time),
        }
    }

    /// The service that a process belongs to by what is known of itself.
    fn service_of(&self, running: &Running) -> Option<usize> {
        let command = running.arguments.join(" ");
        self.policy.services.iter().enumerate().position(|(index, service)| {
            let scope = self.scopes.get(index).and_then(Option::as_deref);
            let in_scope = scope
                .zip(running.cgroup.as_deref())
                .is_some_and(|(scope, own)| cgroup::is_below(own, scope));
            in_scope
                || service.user == Some(running.user)
                || service.command.as_ref().is_some_and(|part| command.contains(part.as_str()))
        })
    }

    fn connect(&mut self, mut connect: Connect, time: Timestamp) {
        let id = connect.pid.and_then(|pid| self.processes.id(pid));
        let own = id.and_then(|id| self.processes.get(id)).and_then(|process| process.service);
        connect.service = connect.service.or(own);
        let Some(service) = connect.service else {
            return self.judge_unattributed(&connect, time);
        };
        if let Some(process) = id.and_then(|id| self.processes.get_mut(id)) {
            process.service = Some(service);
        }
        self.judge_or_wait(id, Waiting::Connect(connect), time);
    }

    fn answer(&mut self, answer: &Answer, time: Timestamp) {
        self.names.learn(answer, time);
        let Some(index) = answer.service else { return };
        let Some(service) = self.policy.services.get(index) else { return };
        let asked =
            Happened { service: &service.name, asked: Some(&answer.name), ..Happened::default() };
        let found = self.rules.ask(EventKind::Dns, &asked, time);
        let addresses: Vec<String> = answer.addresses.iter().map(ToString::to_string).collect();
        let record =
            Record::new(time, "dns", format!("{} is {}", answer.name, addresses.join(", ")))
                .with("service.name", service.name.clone())
                .with("dns.question.name", answer.name.clone())
                .with("dns.answers", addresses.join(" "));
        self.told.push(Told::Record(record.line()));
        let naming: Vec<_> =
            service.allow.iter().filter(|one| one.names(&answer.name) && one.holds(time)).collect();
        let until = names::until(answer, time);
        for entry in &naming {
            let until = entry.expires.map_or(until, |expires| expires.min(until));
            for address in &answer.addresses {
                let network =
                    Cidr { address: *address, prefix: if address.is_ipv4() { 32 } else { 128 } };
                let pin =
                    AllowedNetwork { network, port: entry.port.unwrap_or(0), until: Some(until) };
                let same = |(owner, old): &(usize, AllowedNetwork)| {
                    *owner == index && old.network == network && old.port == pin.port
                };
                self.pins.retain(|old| !same(old));
                self.pins.push((index, pin));
                self.told.push(Told::Allow(index, pin));
            }
        }
        let unnamed = naming.is_empty();
        self.raise_of_rules(found, Some(index), None, None, time);
        if unnamed
            && self.policy.mode != Mode::Observe
            && let Some(draft) = crate::detect::regular::name(answer)
        {
            self.raise(draft, Some(index), None, None, time);
        }
    }

    /// The destination as alerts name it.
    fn destination(&self, connect: &Connect, time: Timestamp) -> Destination {
        let to = self.destination_at(connect.address, connect.port, time);
        Destination { host: connect.host.clone().or(to.host), ..to }
    }

    /// A destination by its address, with the name that a name server gave it.
    fn destination_at(&self, address: IpAddr, port: u16, time: Timestamp) -> Destination {
        let host = self.names.of(address, time).map(str::to_owned);
        Destination { address: address.to_string(), port, host }
    }

    /// Whether the policy allows a destination to a service.
    fn is_allowed(&self, service: usize, to: &Reached<'_>, time: Timestamp) -> bool {
        let entries = self.policy.services.get(service).into_iter().flat_map(|one| &one.allow);
        let mut entries = entries;
        entries.any(|entry| entry.covers(to, time))
    }

    /// The history of a destination.
    fn history(&mut self, service: usize, to: &Destination) -> Option<&mut History> {
        let name = to.host.clone().unwrap_or_else(|| to.address.clone());
        let key = (service, name, to.port);
        if self.histories.len() >= HISTORIES && !self.histories.contains_key(&key) {
            return None;
        }
        Some(self.histories.entry(key).or_default())
    }

    fn tell(&mut self, alert: Alert) {
        self.told.push(Told::Record(crate::record::alert(&alert)));
        self.told.push(Told::Alert(Box::new(alert)));
    }

    /// Completes a draft with the process, its chain and its model, and tells it unless it was told.
    fn raise(
        &mut self,
        draft: Draft,
        service: Option<usize>,
        connect: Option<(&Connect, &Destination)>,
        process: Option<(Id, Option<crate::observation::FileKey>)>,
        time: Timestamp,
    ) {
        let alert = self.complete(draft, service, connect, process, time);
        self.tell_once(alert);
    }

    /// Tells what rules over events found, unless it was told.
    fn raise_of_rules(
        &mut self,
        found: Vec<(wb_sigma::Rule, Draft)>,
        service: Option<usize>,
        connect: Option<(&Connect, &Destination)>,
        process: Option<(Id, Option<crate::observation::FileKey>)>,
        time: Timestamp,
    ) {
        for (rule, draft) in found {
            let mut alert = self.complete(draft, service, connect, process, time);
            alert.rule = rule.name;
            alert.techniques = rule.techniques;
            self.tell_once(alert);
        }
    }

    /// Tells an alert, unless it was told.
    fn tell_once(&mut self, alert: Alert) {
        *self.counts.alerts.entry((alert.rule, alert.severity)).or_default() += 1;
        if let Some(alert) = self.book.raise(alert) {
            self.tell(alert);
        }
    }
}

#[cfg(test)]
mod tests;
