//! What is regular by nature: services that a machine asks on a schedule. It is explained, not alarmed.

use super::Connection;
use std::net::IpAddr;
use wb_core::Flow;

/// Paths under which a service says how it is or hands over its measurements.
const PROBES: &[&str] = &[
    "/health",
    "/healthz",
    "/healthcheck",
    "/health_check",
    "/livez",
    "/readyz",
    "/live",
    "/ready",
    "/ping",
    "/status",
    "/metrics",
    "/v2/health/ready",
    "/v2/health/live",
    "/-/healthy",
    "/-/ready",
];

/// Whether a request only asks how a service is.
pub(super) fn is_probe(connection: &Connection<'_>) -> bool {
    let path = connection.path.split('?').next().unwrap_or_default();
    !path.is_empty() && PROBES.contains(&path.trim_end_matches('/'))
}

/// Resolvers that anybody may ask.
const RESOLVERS: &[&str] = &[
    "1.1.1.1",
    "1.0.0.1",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2620:fe::fe",
    "169.254.169.253",
];

/// What traffic like `flow` usually is. `probes` says whether all of its requests are probes. Services that a
/// far host may pretend to be are innocent only within the organisation's own network.
pub(super) fn innocent(flow: &Flow, transport: Option<&str>, probes: bool) -> Option<&'static str> {
    let near = flow.destination.parse::<IpAddr>().is_ok_and(is_near);
    let datagrams = transport.is_none_or(|transport| transport == "udp");
    match flow.port? {
        123 if datagrams => Some("time synchronisation"),
        53 | 853 if near || RESOLVERS.contains(&flow.destination.as_str()) => {
            Some("name resolution")
        }
        5353 | 5355 | 1900 if datagrams => Some("discovery of services"),
        67 | 68 | 546 | 547 if datagrams => Some("assignment of addresses"),
        161 | 162 | 9090 | 9091 | 9100 | 9400 | 8125 | 2003 | 8086 if near => {
            Some("collection of metrics")
        }
        4317 | 4318 | 9411 | 14_250 | 14_268 if near => Some("collection of traces and metrics"),
        514 | 601 | 6514 | 5044 | 24_224 | 3100 if near => Some("shipping of logs"),
        _ if probes && near => Some("health checks"),
        _ => None,
    }
}

/// Whether an address belongs to the organisation's own network or to the machine.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
        }
    }
}
