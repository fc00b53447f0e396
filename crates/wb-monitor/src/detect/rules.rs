//! Rules over events on the live stream: what was seen becomes an event like one read from a log, and the same
//! rules are asked. Correlations look back over the last matches.

use super::Draft;
use crate::observation::Connect;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use wb_core::{
    ArtifactPath, Event, EventKind, Instant, Net, NetVerdict, RecordRef, Severity, TimeBasis,
};
use wb_sigma::{Hit, Hits, Match, Rule, RuleSet};

/// Matches that correlations look back over.
const WINDOW: usize = 512;

/// How long they look back.
const BACK: SignedDuration = SignedDuration::from_hours(1);

/// Rules about what the monitor itself judges, with more knowledge than an event has.
const JUDGED_HERE: [&str; 5] = [
    "command-reaches-out-after-load",
    "dns-long-labels",
    "inference-spawns-shell",
    "model-changed-without-deployment",
    "server-writes-model",
];

/// The rules, and the matches that correlations look back over.
#[derive(Debug)]
pub(crate) struct Rules {
    set: &'static RuleSet,
    window: VecDeque<Hit>,
    /// Events so far: the line of each.
    seen: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { set: RuleSet::shipped(), window: VecDeque::new(), seen: 0 }
    }
}

/// What happened, as far as an event tells it.
#[derive(Debug, Default)]
pub(crate) struct Happened<'a> {
    pub(crate) service: &'a str,
    pub(crate) program: &'a str,
    pub(crate) parent: Option<&'a str>,
    pub(crate) command: Option<&'a str>,
    pub(crate) chain: &'a str,
    pub(crate) user: Option<u32>,
    pub(crate) file: Option<&'a str>,
    pub(crate) connect: Option<(&'a Connect, Option<&'a str>)>,
    pub(crate) asked: Option<&'a str>,
}

impl Rules {
    /// Asks the rules about what is seen. Returns what they say, with the rule.
    pub(crate) fn ask(
        &mut self,
        kind: EventKind,
        seen: &Happened<'_>,
        time: Timestamp,
    ) -> Vec<(Rule, Draft)> {
        self.seen += 1;
        let mut hits = Hits::default();
        self.set.examine(&event(kind, seen, time, self.seen), &mut hits);
        if hits.all().is_empty() {
            return Vec::new();
        }
        let (by_itself, others): (Vec<Hit>, Vec<Hit>) =
            hits.all().iter().cloned().partition(|hit| {
                self.set.rules().get(hit.rule).is_some_and(Rule::is_told_by_itself)
            });
        let mut matches = self.set.judge(&by_itself);
        if !others.is_empty() {
            self.look_back(others, time, &mut matches);
        }
        let told = matches.iter().filter_map(|found| {
            let rule = self.set.rules().get(found.rule)?;
            let told = rule.severity >= Severity::Medium && !JUDGED_HERE.contains(&rule.name);
            told.then(|| (*rule, draft(rule, found, seen)))
        });
        told.collect()
    }

    /// Adds what only counts together with others, and finds what is complete with it.
    fn look_back(&mut self, others: Vec<Hit>, time: Timestamp, matches: &mut Vec<Match>) {
        let old =
            |hit: &Hit| hit.time.is_none_or(|then| time.duration_since(then.timestamp) > BACK);
        while self.window.len() >= WINDOW || self.window.front().is_some_and(old) {
            self.window.pop_front();
        }
        self.window.extend(others);
        let now = |found: &Match| found.hits.last().is_some_and(|hit| hit.record.line == self.seen);
        matches.extend(self.set.judge(&self.window).into_iter().filter(now));
    }
}

fn event(kind: EventKind, seen: &Happened<'_>, time: Timestamp, line: u64) -> Event {
    let mut fields = BTreeMap::new();
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            fields.insert(name.to_owned(), value.to_owned());
        }
    };
    set("service.name", Some(seen.service));
    set("process.name", Some(seen.program.rsplit('/').next().unwrap_or(seen.program)));
    set("process.executable", Some(seen.program).filter(|program| program.contains('/')));
    set("process.parent.name", seen.parent);
    set("process.command_line", seen.command);
    set("weighbridge.chain", Some(seen.chain));
    set("file.path", seen.file);
    let user = seen.user.map(|user| user.to_string());
    set("user.id", user.as_deref());
    Event {
        time: Some(Instant { timestamp: time, basis: TimeBasis::Explicit }),
        record: RecordRef { artifact: ArtifactPath::from("watch"), line, offset: 0 },
        source: "weighbridge-watch",
        kind,
        host: None,
        actor: None,
        object: seen.file.map(str::to_owned),
        level: None,
        net: net(seen),
        fields,
        message: String::new(),
    }
}

fn net(seen: &Happened<'_>) -> Option<Net> {
    if let Some(name) = seen.asked {
        return Some(Net {
            source: Some(seen.service.to_owned()),
            host: Some(name.to_owned()),
            protocol: Some("dns".to_owned()),
            ..Net::default()
        });
    }
    let (connect, host) = seen.connect?;
    Some(Net {
        source: Some(seen.service.to_owned()),
        destination: Some(connect.address.to_string()),
        destination_port: Some(connect.port),
        host: host.map(str::to_owned),
        transport: Some(connect.transport.to_owned()),
        bytes_out: connect.bytes_out,
        verdict: connect.refused.then_some(NetVerdict::Blocked),
        ..Net::default()
    })
}

fn draft(rule: &Rule, found: &Match, seen: &Happened<'_>) -> Draft {
    let subject = seen.command.or(seen.file).or(seen.asked).unwrap_or(seen.program);
    let hits = found.hits.iter().flat_map(|hit| &hit.because);
    let because = hits.map(|(name, value)| format!("{name} is `{value}`")).take(6).collect();
    Draft {
        rule: "rule-over-events",
        severity: rule.severity,
        subject: format!("{} {subject}", rule.name),
        headline: format!("{}: `{subject}`", rule.title),
        because,
    }
}
