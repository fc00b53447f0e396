//! Kernel firewall lines.

use super::{Light, time};
use crate::flows::is_packet;
use crate::labels::transport;
use crate::source::netfilter_verdict;
use std::borrow::Cow;
use wb_core::{EventKind, NetVerdict};

/// Reads a line whose addresses are IPv4.
pub(super) fn line(text: &str) -> Option<Light<'_>> {
    let (prefix, pairs) = text.get(..text.find("IN=")?).zip(text.get(text.find("IN=")?..))?;
    let stamp = time::at_head(text)?;
    let verdict = netfilter_verdict(prefix);
    let blocked = verdict == Some(NetVerdict::Blocked);
    let kind = if blocked { EventKind::Block } else { EventKind::Connect };
    let mut light = Light::new("netfilter", kind, stamp);
    light.blocked = blocked;
    for (key, value) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
        match key {
            "SRC" if light.source.is_empty() => light.source = dotted(value)?,
            "DST" if light.destination.is_empty() => light.destination = dotted(value)?,
            "LEN" if light.bytes_out.is_none() => light.bytes_out = value.parse().ok(),
            "PROTO" => light.transport = Cow::Borrowed(transport(value)),
            "SPT" => light.packet_port = value.parse().ok(),
            "DPT" => light.port = value.parse().ok(),
            // What ICMP quotes of another packet is a matter for the long way.
            _ if key.starts_with('[') => return None,
            _ => {}
        }
    }
    light.packet_port = light.packet_port.filter(|_| is_packet(light.by, light.transport.as_ref()));
    (!light.source.is_empty() && !light.destination.is_empty()).then_some(light)
}

fn dotted(text: &str) -> Option<Cow<'_, str>> {
    text.parse::<std::net::Ipv4Addr>().ok().map(|_| Cow::Borrowed(text))
}
