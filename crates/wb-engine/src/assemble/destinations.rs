//! Destinations of the compromise: named by a payload, named by an alert, or, when neither names one that
//! the logs know, the one whose traffic no innocent reading explains.

use crate::body::Body;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::net::IpAddr;
use wb_core::{
    BeaconState, Event, EventKind, Finding, Flow, Ground, Indicator, IndicatorKind, Status, Verdict,
};
use wb_logs::flows::FlowDetail;

/// Every destination of the compromise.
#[derive(Debug, Default)]
pub struct Destinations {
    /// Each once.
    pub all: Vec<Destination>,
}

/// A host or address that the compromise talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Host name or address, normalised.
    pub indicator: Indicator,
    /// Observed when a payload, an alert or a DNS answer names it; inferred from traffic otherwise.
    pub status: Status,
    /// Why it belongs to the compromise.
    pub because: Vec<Ground>,
}

impl Destinations {
    /// Finds them. `findings` are those of suspicious and malicious artifacts.
    pub fn of(body: &Body, findings: &[&Finding], flows: &[FlowDetail]) -> Self {
        let mut destinations = Self::default();
        for finding in findings.iter().filter(|finding| finding.verdict >= Verdict::Suspicious) {
            for indicator in &finding.indicators {
                if is_network(indicator) && !is_local(indicator.value()) {
                    let ground = Ground::new(
                        &finding.artifact,
                        &finding.location.place,
                        "a payload names it",
                    );
                    destinations.add(indicator.clone(), Status::Observed, ground);
                }
            }
        }
        let alarmed = !destinations.all.is_empty()
            || findings.iter().any(|finding| finding.verdict >= Verdict::Suspicious);
        destinations.add_alerted(body, flows, alarmed);
        destinations.add_resolved(body, flows);
        let seen = flows.iter().any(|detail| destinations.covers(&detail.flow));
        if !seen && alarmed {
            destinations.add_tunnels(body);
            destinations.add_unexplained(findings, flows);
            destinations.add_resolved(body, flows);
        }
        destinations
    }

    /// Whether a flow goes to one of them.
    pub fn covers(&self, flow: &Flow) -> bool {
        self.all.iter().any(|known| known.is_end_of(flow))
    }

    /// The shortest of them that `host` is, or lies below.
    pub fn named(&self, host: &str) -> Option<&str> {
        let names = self.all.iter().filter(|known| known.is(host));
        names.map(|known| known.indicator.value()).min_by_key(|name| name.len())
    }

    /// Whether a record is about one of them: by its network side, or by a field that names it.
    pub fn covers_event(&self, event: &Event) -> bool {
        let net = event.net.as_ref();
        let named = |name: Option<&String>| {
            name.is_some_and(|name| self.all.iter().any(|known| known.is(name)))
        };
        net.is_some_and(|net| named(net.destination.as_ref()) || named(net.host.as_ref()))
            || event.fields.values().any(|value| named(Some(value)))
            || self.all.iter().any(|known| mentions(&event.message, known.indicator.value()))
    }

    fn add(&mut self, indicator: Indicator, status: Status, ground: Ground) {
        match self.all.iter_mut().find(|known| known.indicator == indicator) {
            Some(known) if known.because.contains(&ground) => {}
            Some(known) => known.because.push(ground),
            None => self.all.push(Destination { indicator, status, because: vec![ground] }),
        }
    }

    /// Destinations outside that alerts name. What was talked to before a payload first called home is none
    /// of its, and neither is what only ever came in.
    fn add_alerted(&mut self, body: &Body, flows: &[FlowDetail], alarmed: bool) {
        if !alarmed {
            return;
        }
        let mine = flows.iter().filter(|detail| self.covers(&detail.flow));
        let began = mine.map(|detail| detail.flow.first).min();
        let alerts = body.events().filter(|event| event.kind == EventKind::Alert);
        for event in alerts.filter(|event| !is_routine(event)) {
            let Some(net) = &event.net else { continue };
            for name in [&net.destination, &net.host].into_iter().flatten() {
                if let Some(indicator) = network_indicator(name)
                    && !is_local(indicator.value())
                {
                    let ground = Ground::at(&event.record, "an alert names it");
                    let known =
                        Destination { indicator, status: Status::Observed, because: Vec::new() };
                    if !is_older(&known, flows, began) && !only_comes_in(&known, flows) {
                        self.add(known.indicator, Status::Observed, ground);
                    }
                }
            }
        }
    }

    /// Addresses that names of the compromise resolved to, and names that its addresses had.
    fn add_resolved(&mut self, body: &Body, flows: &[FlowDetail]) {
        let mut more = Vec::new();
        for detail in flows.iter().filter(|detail| self.covers(&detail.flow)) {
            let ground =
                Ground::at(&detail.flow.first_record, "traffic joins the name to the address");
            more.push((detail.flow.destination.clone(), ground.clone()));
            more.extend(detail.flow.host.clone().map(|host| (host, ground)));
        }
        for event in body.events().filter(|event| event.kind == EventKind::Dns) {
            let Some(net) = &event.net else { continue };
            let asked = net.host.as_ref().is_some_and(|host| self.all.iter().any(|k| k.is(host)));
            if asked {
                let ground = Ground::at(&event.record, "the answer to a look-up of its name");
                more.extend(net.answers.iter().map(|answer| (answer.clone(), ground.clone())));
            }
        }
        for (name, ground) in more {
            if let Some(indicator) = network_indicator(&name)
                && !is_local(indicator.value())
            {
                self.add(indicator, Status::Observed, ground);
            }
        }
    }

    /// Domains below which so many different long names were asked that data may have left in them.
    fn add_tunnels(&mut self, body: &Body) {
        for lookups in &body.lookups {
            if lookups.names < TUNNEL_NAMES || lookups.longest_label < TUNNEL_LABEL {
                continue;
            }
            let Some(indicator) = network_indicator(&lookups.domain) else { continue };
            let clause = format!(
                "about {} different names below it were looked up, with labels of up to {} characters: data \
                 may have left in them",
                lookups.names, lookups.longest_label
            );
            self.add(indicator, Status::Inferred, Ground::at(&lookups.first.1, clause));
        }
    }

    /// The destinations whose traffic stands out, when nothing names one.
    fn add_unexplained(&mut self, findings: &[&Finding], flows: &[FlowDetail]) {
        let began = flows.iter().map(|detail| detail.flow.first).min();
        let ended = flows.iter().map(|detail| detail.flow.last).max();
        let wanted = Transport::of(findings);
        let scored: Vec<(u32, &FlowDetail, Vec<String>)> = flows
            .iter()
            .filter(|detail| !is_local(&detail.flow.destination))
            .filter(|detail| detail.flow.beacon.innocent.is_none() || detail.flow.blocked > 0)
            .map(|detail| {
                let (score, why) = standing_out(detail, began, ended, &wanted);
                (score, detail, why)
            })
            .collect();
        let best = scored.iter().map(|(score, ..)| *score).max().unwrap_or(0);
        for (score, detail, why) in scored {
            if score < SUSPECT || score < best {
                continue;
            }
            if let Some(indicator) = network_indicator(&detail.flow.destination) {
                for clause in why {
                    let ground = Ground::at(&detail.flow.first_record, clause);
                    self.add(indicator.clone(), Status::Inferred, ground);
                }
            }
        }
    }
}

impl Destination {
    /// Whether `flow` goes there.
    fn is_end_of(&self, flow: &Flow) -> bool {
        self.is(&flow.destination) || flow.host.as_deref().is_some_and(|host| self.is(host))
    }

    /// Whether `name` is this host or address, or a host below it.
    pub fn is(&self, name: &str) -> bool {
        let Some(other) = network_indicator(name) else { return false };
        if other == self.indicator {
            return true;
        }
        self.indicator.kind() == IndicatorKind::Domain
            && other.value().strip_suffix(self.indicator.value()).is_some_and(|p| p.ends_with('.'))
    }
}

/// Clocks of two logs may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Whether traffic to `known` is older than the compromise's own, which `began` then.
fn is_older(known: &Destination, flows: &[FlowDetail], began: Option<Timestamp>) -> bool {
    let limit = began.and_then(|began| began.checked_sub(SKEW).ok());
    let first = flows.iter().filter(|detail| known.is_end_of(&detail.flow));
    let first = first.map(|detail| detail.flow.first).min();
    first.zip(limit).is_some_and(|(first, limit)| first < limit)
}

/// Whether `known` contacts others and is never contacted.
fn only_comes_in(known: &Destination, flows: &[FlowDetail]) -> bool {
    flows.iter().any(|detail| known.is(&detail.flow.source))
        && !flows.iter().any(|detail| known.is_end_of(&detail.flow))
}

/// Whether a detector itself says that an alert is no sign of an attack, or that it is about what comes in.
fn is_routine(event: &Event) -> bool {
    const ROUTINE: [&str; 6] =
        ["not suspicious", "et policy", "et info", "probed", "port scan", "inbound"];
    let texts = std::iter::once(event.message.as_str());
    let mut texts = texts.chain(event.fields.values().map(String::as_str));
    texts.any(|text| {
        let text = text.to_lowercase();
        ROUTINE.iter().any(|words| text.contains(words))
    })
}

/// Different names below a domain from which on they may carry data (RITA v5 begins at 100), and the length of
/// a label that a person does not write.
const TUNNEL_NAMES: u64 = 100;
const TUNNEL_LABEL: usize = 30;

/// The score from which a destination is taken for one of the compromise.
const SUSPECT: u32 = 5;

/// How much a flow stands out, and why.
fn standing_out(
    detail: &FlowDetail,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    wanted: &Transport,
) -> (u32, Vec<String>) {
    let flow = &detail.flow;
    let mut score = 0;
    let mut why = Vec::new();
    let mut cue = |holds: bool, weight: u32, clause: String| {
        if holds {
            score += weight;
            why.push(clause);
        }
    };
    let span = |from: Option<Timestamp>, to: Option<Timestamp>| match (from, to) {
        (Some(from), Some(to)) => to.duration_since(from).as_secs(),
        _ => 0,
    };
    let late = span(began, Some(flow.first));
    let whole = span(began, ended);
    cue(flow.blocked > 0, 3, format!("{} attempts to it were stopped", flow.blocked));
    cue(
        whole > 0 && late.saturating_mul(10) > whole,
        2,
        "nothing went there in the first part of the logs".to_owned(),
    );
    cue(
        flow.count >= 4
            && matches!(flow.beacon.state, BeaconState::Periodic | BeaconState::Jittered),
        2,
        format!("its {} attempts are {}", flow.count, flow.beacon.state.name()),
    );
    cue(
        wanted.fits(flow),
        2,
        format!("port {} is what the payload would use", flow.port.unwrap_or(0)),
    );
    cue(flow.host.is_none(), 1, "no name is known for the address".to_owned());
    let (askers, sources) = detail.prevalence;
    cue(
        sources >= 50 && askers * 50 <= sources,
        1,
        format!("{askers} of {sources} sources go there"),
    );
    cue(
        detail.sends_much,
        1,
        format!("{} bytes were sent to it, far more than elsewhere", flow.bytes_out),
    );
    (score, why)
}

/// How the payload would talk.
#[derive(Debug, Default)]
struct Transport {
    ports: BTreeSet<u16>,
}

impl Transport {
    fn of(findings: &[&Finding]) -> Self {
        let mut ports = BTreeSet::new();
        for payload in findings.iter().flat_map(|finding| &finding.payloads) {
            for request in wb_code::indicators::requests(&payload.text) {
                ports.extend(request.port);
            }
            let dns = ["nslookup", "dig ", "host ", "getaddrinfo", "gethostbyname"];
            if dns.iter().any(|tool| payload.text.contains(tool)) {
                ports.insert(53);
            }
        }
        Self { ports }
    }

    fn fits(&self, flow: &Flow) -> bool {
        flow.port.is_some_and(|port| self.ports.contains(&port))
    }
}

/// An indicator for a host name or address, without port or brackets; `None` when it is neither.
pub fn network_indicator(name: &str) -> Option<Indicator> {
    let name = name.trim().trim_start_matches('[').trim_end_matches(']');
    if name.parse::<IpAddr>().is_ok() {
        return Some(Indicator::new(IndicatorKind::Ip, name));
    }
    let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
    if host.parse::<IpAddr>().is_ok() {
        return Some(Indicator::new(IndicatorKind::Ip, host));
    }
    let labels_fit = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_name = host.contains('.') && host.chars().all(labels_fit);
    is_name.then(|| Indicator::new(IndicatorKind::Domain, host))
}

/// Whether `name` is an address or host that never leaves the organisation's own network.
pub fn is_local(name: &str) -> bool {
    if let Some(indicator) = network_indicator(name)
        && let Ok(address) = indicator.value().parse::<IpAddr>()
    {
        return match address {
            IpAddr::V4(v4) => {
                let shared = v4.octets().first() == Some(&100)
                    && v4.octets().get(1).is_some_and(|octet| (64..128).contains(octet));
                v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_multicast()
                    || v4.is_unspecified()
                    || v4.is_broadcast()
                    || shared
            }
            IpAddr::V6(v6) => {
                let first = v6.segments().first().copied().unwrap_or(0);
                let unique_local = first & 0xfe00 == 0xfc00;
                let link_local = first & 0xffc0 == 0xfe80;
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || unique_local
                    || link_local
            }
        };
    }
    let lower = name.to_lowercase();
    let own = [".internal", ".local", ".localdomain", ".lan", ".svc", ".cluster.local", ".corp"];
    lower == "localhost"
        || own.iter().any(|ending| lower.ends_with(ending))
        || lower.contains(".internal.")
}

fn is_network(indicator: &Indicator) -> bool {
    matches!(indicator.kind(), IndicatorKind::Domain | IndicatorKind::Ip)
}

/// Whether `text` has `value` as a word of its own, or as the end of a host name.
pub fn mentions(text: &str, value: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(value).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + value.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_covers_itself_and_what_is_below_it() {
        let known = Destination {
            indicator: Indicator::new(IndicatorKind::Domain, "hub.example"),
            status: Status::Observed,
            because: Vec::new(),
        };
        assert!(known.is("HUB.example:443") && known.is("a.hub.example."));
        assert!(!known.is("nothub.example") && !known.is("example"));
    }

    #[test]
    fn own_addresses_are_local_and_documentation_addresses_are_not() {
        assert!(is_local("10.0.0.1") && is_local("db.internal") && is_local("fd00::1"));
        assert!(is_local("api.internal.corp.example"));
        assert!(!is_local("203.0.113.9") && !is_local("hub.example") && !is_local("2001:db8::1"));
    }

    #[test]
    fn a_value_is_mentioned_as_a_word() {
        assert!(mentions("to x.hub.example:443", "hub.example"));
        assert!(!mentions("to nothub.example", "hub.example"));
        assert!(!mentions("192.0.2.10", "192.0.2.1"));
    }
}
