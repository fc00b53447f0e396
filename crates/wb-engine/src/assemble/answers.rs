//! The answers analysts are asked for.

use super::destinations::{Destinations, network_indicator};
use super::lifecycle::Deployment;
use super::lifecycle::Lifecycle;
use super::moments::Moment;
use crate::body::Body;
use jiff::tz::Offset;
use std::collections::{BTreeMap, BTreeSet};
use wb_code::indicators::requests;
use wb_core::{
    Answers, Event, Execution, Finding, Flow, KeyMoment, NetworkUse, PayloadKind,
    SuspiciousComponent, Verdict,
};

/// Puts the answers together.
pub fn build(
    body: &Body,
    findings: &[Finding],
    lifecycle: &Lifecycle<'_>,
    introducing: Option<&Deployment<'_>>,
    moments: &BTreeMap<KeyMoment, Moment>,
    destinations: &Destinations,
    flows: &[Flow],
) -> Answers {
    let at = |key: KeyMoment| moments.get(&key).map(|moment| moment.time.timestamp);
    let (introduced, detected) = (at(KeyMoment::Introduced), at(KeyMoment::Detection));
    let dwell = introduced.zip(detected);
    let (source_before, source_after) = sources(lifecycle, introducing);
    Answers {
        source_before,
        source_after,
        moments: moments.iter().map(|(key, moment)| (*key, moment.time.timestamp)).collect(),
        dwell_seconds: dwell.map(|(from, to)| to.duration_since(from).as_secs()),
        dwell_calendar_days: dwell.and_then(|(from, to)| {
            let (from, to) =
                (Offset::UTC.to_datetime(from).date(), Offset::UTC.to_datetime(to).date());
            Some(i64::from(from.until(to).ok()?.get_days()))
        }),
        execution: executions(findings),
        network: network(body, findings, destinations),
        host_affected: hosts(body, introducing, flows),
        components: components(findings),
    }
}

/// Where the model came from before the change that brought the compromise in, and after.
fn sources(
    lifecycle: &Lifecycle<'_>,
    introducing: Option<&Deployment<'_>>,
) -> (Option<String>, Option<String>) {
    let Some(introducing) = introducing else { return (None, None) };
    let after = introducing.source().map(|(uri, _)| uri.to_owned());
    let before = lifecycle
        .deployments
        .iter()
        .filter(|deployment| deployment.began() < introducing.began())
        .rev()
        .find_map(|deployment| deployment.source())
        .map(|(uri, _)| uri.to_owned());
    (before, after)
}

/// What runs: the innermost readable payload of each finding that calls something.
fn executions(findings: &[Finding]) -> Vec<Execution> {
    let mut all: Vec<Execution> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict >= Verdict::Suspicious) {
        let (Some(call), Some(payload)) = (&finding.call, finding.payloads.last()) else {
            continue;
        };
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

/// What is sent where: as payloads would send it, and as captures show it.
fn network(body: &Body, findings: &[Finding], destinations: &Destinations) -> Vec<NetworkUse> {
    let mut all = BTreeSet::new();
    for finding in findings.iter().filter(|finding| finding.verdict >= Verdict::Suspicious) {
        for payload in finding.payloads.iter().filter(|payload| payload.kind != PayloadKind::Binary)
        {
            for request in requests(&payload.text) {
                all.insert(NetworkUse {
                    method: Some(request.method),
                    scheme: Some(request.scheme),
                    host: request.host,
                    port: request.port,
                    path: Some(request.path),
                    seen_in: "payload",
                });
            }
        }
    }
    // A proxy's tunnel shows that there was traffic; what went through it only the payload tells.
    let told: BTreeSet<String> = all.iter().map(|sent: &NetworkUse| sent.host.clone()).collect();
    for exchange in captures(body, destinations) {
        let tunnel = exchange.method.as_deref() == Some("CONNECT");
        if !(tunnel && told.contains(&exchange.host)) {
            all.insert(exchange);
        }
    }
    all.into_iter().collect()
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
    all.extend(records.filter_map(|event| event.host.clone()));
    for event in body.events() {
        let pairs = event.net.iter().filter(|net| net.method.is_some() || net.verdict.is_some());
        if pairs.count() > 0 {
            all.extend(event.field("host").map(str::to_owned).filter(|host| !host.contains('.')));
        }
    }
    all.into_iter().filter(|host| !host.is_empty()).collect()
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
