//! The answers analysts are asked for.

use super::destinations::{Destinations, network_indicator};
use super::lifecycle::{Deployment, Lifecycle, is_public};
use super::moments::Moment;
use crate::body::Body;
use jiff::tz::Offset;
use std::collections::{BTreeMap, BTreeSet};
use wb_code::indicators::requests;
use wb_core::{
    Answers, ArtifactPath, Event, Execution, Finding, Flow, KeyMoment, NetworkUse, Payload,
    PayloadKind, SuspiciousComponent, Verdict,
};

/// What the answers rest on.
#[derive(Debug)]
pub struct Grounds<'a> {
    /// Everything that was seen.
    pub body: &'a Body,
    /// Findings, gravest first.
    pub findings: &'a [Finding],
    /// The models that run and are the worst.
    pub running: &'a [ArtifactPath],
    /// Deployments and changes.
    pub lifecycle: &'a Lifecycle<'a>,
    /// The group that brought the compromise in.
    pub introducing: Option<&'a Deployment<'a>>,
    /// Key moments.
    pub moments: &'a BTreeMap<KeyMoment, Moment>,
    /// Where the compromise talks to.
    pub destinations: &'a Destinations,
    /// Connections.
    pub flows: &'a [Flow],
}

impl Grounds<'_> {
    /// Puts the answers together.
    pub fn answers(&self) -> Answers {
        let at = |key: KeyMoment| self.moments.get(&key).map(|moment| moment.time.timestamp);
        let dwell = at(KeyMoment::Introduced).zip(at(KeyMoment::Detection));
        let (source_before, source_after) = sources(self.lifecycle, self.introducing);
        let both = source_before.as_deref().zip(source_after.as_deref());
        let alike = both.and_then(|(before, after)| look_alike(before, after));
        let source_look_alike = alike.map(|(real, near)| (real.to_owned(), near.to_owned()));
        let moments = self.moments.iter();
        Answers {
            source_before,
            source_look_alike,
            source_after,
            moments: moments.map(|(key, moment)| (*key, moment.time.timestamp)).collect(),
            dwell_seconds: dwell.map(|(from, to)| to.duration_since(from).as_secs()),
            dwell_calendar_days: dwell.and_then(|(from, to)| {
                let (from, to) =
                    (Offset::UTC.to_datetime(from).date(), Offset::UTC.to_datetime(to).date());
                Some(i64::from(from.until(to).ok()?.get_days()))
            }),
            execution: executions(self.findings, self.running),
            network: network(self.body, self.findings, self.running, self.destinations),
            host_affected: hosts(self.body, self.introducing, self.flows),
            components: components(self.findings),
        }
    }
}

/// Where the model came from before the change that brought the compromise in, and after. What is on record
/// about another model says nothing about this one.
fn sources(
    lifecycle: &Lifecycle<'_>,
    introducing: Option<&Deployment<'_>>,
) -> (Option<String>, Option<String>) {
    let Some(introducing) = introducing else { return (None, None) };
    let origin = lifecycle.origin_of(introducing);
    let after = origin.source().map(|(uri, _)| uri.to_owned());
    let mut earlier = lifecycle
        .deployments
        .iter()
        .filter(|deployment| deployment.began() < origin.began())
        .filter(|deployment| deployment.may_be_of_model_in(introducing))
        .rev()
        .filter_map(|deployment| deployment.source())
        .map(|(uri, _)| uri.to_owned());
    // A server that asks the organisation's own store says nothing of where the model in it came from.
    let last = earlier.clone().next();
    let outside = after.as_deref().is_some_and(is_public);
    let before = earlier.find(|uri| outside && is_public(uri)).or(last);
    (before, after)
}

/// The first parts of two addresses that differ, when the second could be taken for the first: an organisation,
/// a host or a repository. Revisions differ as they should.
fn look_alike<'a>(before: &'a str, after: &'a str) -> Option<(&'a str, &'a str)> {
    let parts = |uri: &'a str| uri.split(['/', ':', '@']).filter(|part| !part.is_empty());
    let is_revision = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let differ = parts(before).zip(parts(after)).find(|(a, b)| a != b);
    differ.filter(|(a, b)| !is_revision(a) && !is_revision(b) && wb_rules::is_near(b, a))
}

/// What runs: the innermost readable payload of each finding that calls something.
fn executions(findings: &[Finding], running: &[ArtifactPath]) -> Vec<Execution> {
    let mut all: Vec<Execution> = Vec::new();
    for finding in grave(findings, running) {
        let (Some(call), Some(payload)) = (&finding.call, innermost(finding)) else { continue };
        let execution = Execution {
            artifact: finding.artifact.clone(),
            call: call.clone(),
            command: payload.text.clone(),
            trigger: finding.trigger,
        };
        if !all.contains(&execution) {
            all.push(execution);
        }
    }
    all
}

/// Findings that are at least suspicious: those of what runs first, each group gravest first.
fn grave<'a>(
    findings: &'a [Finding],
    running: &'a [ArtifactPath],
) -> impl Iterator<Item = &'a Finding> {
    let of = move |runs: bool| {
        findings.iter().filter(move |finding| {
            finding.verdict >= Verdict::Suspicious && running.contains(&finding.artifact) == runs
        })
    };
    of(true).chain(of(false))
}

/// The innermost payload that is code; an address in it is no command.
fn innermost(finding: &Finding) -> Option<&Payload> {
    let code = |payload: &&Payload| {
        !matches!(payload.kind, PayloadKind::Url | PayloadKind::Text | PayloadKind::Binary)
    };
    finding.payloads.iter().rev().find(code).or_else(|| finding.payloads.last())
}

/// Requests that the payloads of a finding would send. An address that stands inside another payload is
/// told there, with its method.
fn sent(finding: &Finding) -> Vec<NetworkUse> {
    let told_elsewhere = |payload: &Payload| {
        payload.kind == PayloadKind::Url
            && finding.payloads.iter().any(|other| {
                other.kind != PayloadKind::Url && other.text.contains(payload.text.as_str())
            })
    };
    let texts = finding
        .payloads
        .iter()
        .filter(|payload| payload.kind != PayloadKind::Binary && !told_elsewhere(payload));
    texts
        .flat_map(|payload| requests(&payload.text).into_iter().map(move |it| (payload.kind, it)))
        // A host that is filled in when the code runs is no host yet: `https://%s/`.
        .filter(|(_, request)| !request.host.contains(['%', '{', '$', '<']))
        .map(|(kind, request)| NetworkUse {
            // An address by itself does not say what it is asked.
            method: (kind != PayloadKind::Url).then_some(request.method),
            scheme: Some(request.scheme),
            host: request.host,
            port: request.port,
            path: Some(request.path),
            seen_in: "payload",
        })
        .collect()
}

/// What is sent where: as payloads would send it, those that run first, and as captures show it.
fn network(
    body: &Body,
    findings: &[Finding],
    running: &[ArtifactPath],
    destinations: &Destinations,
) -> Vec<NetworkUse> {
    let mut all: Vec<NetworkUse> = Vec::new();
    for network in grave(findings, running).flat_map(sent) {
        if !all.contains(&network) {
            all.push(network);
        }
    }
    // A proxy's tunnel shows that there was traffic; what went through it only the payload tells.
    let told: BTreeSet<String> = all.iter().map(|sent: &NetworkUse| sent.host.clone()).collect();
    for exchange in captures(body, destinations) {
        let tunnel = exchange.method.as_deref() == Some("CONNECT");
        let told = tunnel && told.contains(&exchange.host);
        if !told && !all.contains(&exchange) {
            all.push(exchange);
        }
    }
    all
}

/// Requests to destinations of the compromise, as records show them. Records of one session that follow
/// one another complete each other: one names the host, another the method, a third the port.
fn captures(body: &Body, destinations: &Destinations) -> Vec<NetworkUse> {
    let mut all = Vec::new();
    for log in &body.logs {
        let mut current: Option<NetworkUse> = None;
        for event in &log.events {
            let Some(net) = &event.net else { continue };
            let host = net.host.clone().or_else(|| net.destination.clone());
            if let Some(host) = host.filter(|_| destinations.covers_event(event)) {
                let host = network_indicator(&host).map_or(host, |known| known.value().to_owned());
                let fits = current.as_ref().is_some_and(|open| open.host == host);
                if !fits {
                    all.extend(current.take());
                }
                let open = current.get_or_insert_with(|| empty(&host));
                complete(open, event);
            } else if let (Some(open), true) = (&mut current, net.method.is_some()) {
                complete(open, event);
            }
        }
        all.extend(current);
    }
    all.retain(|exchange| exchange.method.is_some());
    all
}

fn empty(host: &str) -> NetworkUse {
    NetworkUse {
        method: None,
        scheme: None,
        host: host.to_owned(),
        port: None,
        path: None,
        seen_in: "capture",
    }
}

fn complete(exchange: &mut NetworkUse, event: &Event) {
    let Some(net) = &event.net else { return };
    exchange.method = exchange.method.take().or_else(|| net.method.clone());
    exchange.path = exchange.path.take().or_else(|| net.path.clone());
    exchange.port = exchange.port.or(net.destination_port);
    exchange.scheme = match exchange.port {
        Some(443 | 8443) => Some("https".to_owned()),
        Some(80) => Some("http".to_owned()),
        _ => exchange.scheme.take(),
    };
}

/// Hosts that took part: those that contacted a destination of the compromise, and those the introducing
/// records name.
fn hosts(body: &Body, introducing: Option<&Deployment<'_>>, flows: &[Flow]) -> Vec<String> {
    let mut all = BTreeSet::new();
    all.extend(flows.iter().filter(|flow| flow.of_compromise).map(|flow| flow.source.clone()));
    let records = introducing.into_iter().flat_map(|deployment| &deployment.events);
    all.extend(records.filter_map(|event| named_host(event).map(str::to_owned)));
    for event in body.events() {
        let pairs = event.net.iter().filter(|net| net.method.is_some() || net.verdict.is_some());
        if pairs.count() > 0 {
            all.extend(event.field("host").map(str::to_owned).filter(|host| !host.contains('.')));
        }
    }
    all.into_iter().filter(|host| !host.is_empty()).collect()
}

/// The host that a record names. What it begins with may be the name of a logger: `mlflow.pyfunc: Loaded model`.
pub fn named_host(event: &Event) -> Option<&str> {
    let is_logger =
        |host: &&str| event.message.strip_prefix(*host).is_some_and(|rest| rest.starts_with(':'));
    event.host.as_deref().filter(|host| !is_logger(host))
}

fn components(findings: &[Finding]) -> Vec<SuspiciousComponent> {
    let mut all: Vec<SuspiciousComponent> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict >= Verdict::Suspicious) {
        let Some(name) = &finding.location.component else { continue };
        let component = SuspiciousComponent {
            artifact: finding.artifact.clone(),
            kind: kind_of(finding),
            name: name.clone(),
            why: finding.headline.clone(),
        };
        if !all.iter().any(|known| known.artifact == component.artifact && known.name == *name) {
            all.push(component);
        }
    }
    all
}

fn kind_of(finding: &Finding) -> String {
    let kind = if finding.rule.starts_with("keras-lambda") {
        "Lambda layer"
    } else if finding.rule.starts_with("keras") {
        "layer"
    } else if finding.rule.starts_with("template") {
        "template"
    } else {
        "component"
    };
    kind.to_owned()
}
