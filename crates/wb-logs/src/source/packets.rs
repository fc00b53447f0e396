//! Packets as `tcpdump` prints them: `11:29:42.550475 IP 10.0.0.5.43436 > 192.0.2.3.22: Flags [S], ...`.

use super::Reading;
use crate::draft::Draft;
use crate::line::Line;
use crate::tokens::address;
use wb_core::EventKind;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line whose time is followed by `IP`.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let head = line.head?;
    let body = head.rest.strip_prefix("IP ").or_else(|| head.rest.strip_prefix("IP6 "))?;
    let (from, rest) = body.split_once(" > ")?;
    let (to, rest) = rest.split_once(": ")?;
    let mut draft = Draft::new("packet-text", line.text);
    draft.stamp = Some(head.stamp);
    draft.structured = true;
    let net = draft.net();
    (net.source, net.source_port) = end(from)?;
    (net.destination, net.destination_port) = end(to)?;
    let tcp = rest.contains("Flags [");
    net.transport = Some(if tcp { "tcp" } else { "udp" }.to_owned());
    // Only the first packet of a handshake is an attempt.
    let follows = tcp && !rest.contains("Flags [S]");
    if follows {
        draft.set("network.event", "part");
    }
    draft.kind = Some(EventKind::Connect);
    Reading::record(draft)
}

/// The port follows the address after a dot.
fn end(text: &str) -> Option<(Option<String>, Option<u16>)> {
    let text = text.trim();
    if let Some(whole) = address(text) {
        return Some((Some(whole), None));
    }
    let (host, port) = text.rsplit_once('.')?;
    Some((Some(address(host).unwrap_or_else(|| host.to_owned())), port.parse().ok()))
}
