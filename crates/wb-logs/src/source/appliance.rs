//! Firewall appliances: Cisco ASA by message number, Palo Alto's and pfSense's rows by position.

use super::Reading;
use super::csv::split;
use crate::draft::Draft;
use crate::labels::{transport, verdict};
use crate::line::Line;
use crate::stamp::parse_whole;
use crate::tokens::address;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// An address and a port.
type End = (String, Option<u16>);

/// Reads a line of one of the appliances.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    asa(line).or_else(|| palo_alto(line)).or_else(|| filterlog(line))
}

/// `%ASA-6-302013: Built outbound TCP connection ...`: the words tell who began and what became of it.
fn asa(line: &Line<'_>) -> Option<Reading> {
    let at = ["%ASA-", "%FTD-", "%PIX-"].iter().find_map(|tag| line.text.find(tag))?;
    let (tag, message) = line.text.get(at..)?.split_once(": ")?;
    let number = tag.rsplit('-').next()?;
    let mut draft = Draft::new("cisco-asa", message);
    draft.stamp = line.head.map(|head| head.stamp);
    draft.structured = true;
    draft.set("event.code", number);
    if let Some(head) = line.head {
        let name = head.rest.split([' ', ':']).next().unwrap_or_default();
        draft.host = Some(name.to_owned()).filter(|name| !name.is_empty() && !name.starts_with('%'));
    }
    let ends: Vec<End> = message.split_whitespace().filter_map(end).collect();
    let lower = message.to_ascii_lowercase();
    let denied = lower.starts_with("deny") || lower.contains("denied");
    let outbound = lower.starts_with("built outbound");
    let teardown = lower.starts_with("teardown");
    let (first, second) = match ends.as_slice() {
        [first, second, ..] => (first.clone(), second.clone()),
        _ => {
            draft.textual = true;
            return Reading::record(draft);
        }
    };
    // A teardown does not say who began: the lower port is the server's.
    let turned = outbound || (teardown && first.1 < second.1);
    let (source, destination) = if turned { (second, first) } else { (first, second) };
    let protocol = lower.split([' ', ',']).map(transport).find(|name| !name.is_empty());
    let net = draft.net();
    (net.source, net.source_port) = (Some(source.0), source.1);
    (net.destination, net.destination_port) = (Some(destination.0), destination.1);
    net.transport = protocol.map(str::to_owned);
    net.verdict = Some(if denied { NetVerdict::Blocked } else { NetVerdict::Allowed });
    draft.kind = Some(if denied { EventKind::Block } else { EventKind::Connect });
    if teardown {
        draft.set("network.event", "end");
    }
    Reading::record(draft)
}

/// `outside:192.0.2.1/443`, `192.0.2.1/443`, or `inside/192.0.2.1(443)` of an access list.
fn end(token: &str) -> Option<End> {
    // In parentheses stand the ends as the translation changes them.
    if token.starts_with('(') {
        return None;
    }
    let token = token.trim_matches([',', '[', ']']);
    let (head, tail) = token.trim_end_matches(')').rsplit_once(['/', '('])?;
    let port = tail.parse().ok()?;
    let after_zone = |text: &str| {
        let zone = text.split_once([':', '/']).map_or("", |(zone, _)| zone);
        // An IPv6 address has colons of its own.
        let named = zone.bytes().any(|byte| byte.is_ascii_alphabetic()) && address(text).is_none();
        text.get(if named { zone.len().saturating_add(1) } else { 0 }..).map(str::to_owned)
    };
    Some((address(&after_zone(head)?)?, Some(port)))
}

/// PAN-OS rows of the types TRAFFIC and THREAT (fields by position, PAN-OS "Syslog Field Descriptions").
fn palo_alto(line: &Line<'_>) -> Option<Reading> {
    if !line.text.contains(",TRAFFIC,") && !line.text.contains(",THREAT,") {
        return None;
    }
    let row = split(line.text, ',');
    let at = |index: usize| row.get(index).map_or("", |value| value.as_str());
    let stamp = parse_whole(at(6)).or_else(|| parse_whole(at(1)))?;
    if !matches!(at(3), "TRAFFIC" | "THREAT") {
        return None;
    }
    let mut draft = Draft::new("palo-alto", line.text);
    draft.structured = true;
    draft.stamp = Some(stamp);
    draft.set("rule.name", at(11));
    draft.set("network.application", at(14));
    draft.set("event.type", at(4));
    let blocked = verdict(at(30)) == Some(NetVerdict::Blocked)
        || at(30).starts_with("drop")
        || at(30).starts_with("reset")
        || at(30).starts_with("block");
    let (source, destination) = (address(at(7))?, address(at(8))?);
    let net = draft.net();
    (net.source, net.source_port) = (Some(source), at(24).parse().ok());
    (net.destination, net.destination_port) = (Some(destination), at(25).parse().ok());
    net.transport = Some(transport(at(29)).to_owned()).filter(|name| !name.is_empty());
    net.verdict = Some(if blocked { NetVerdict::Blocked } else { NetVerdict::Allowed });
    if at(3) == "TRAFFIC" {
        (net.bytes_out, net.bytes_in) = (at(32).parse().ok(), at(33).parse().ok());
        if at(4) == "start" {
            draft.set("network.event", "part");
        }
    }
    let threat = at(3) == "THREAT" && !matches!(at(4), "url" | "file" | "data");
    draft.kind = Some(match (threat, blocked) {
        (true, _) => EventKind::Alert,
        (false, true) => EventKind::Block,
        (false, false) => EventKind::Connect,
    });
    Reading::record(draft)
}

/// `filterlog` rows of pfSense and OPNsense; the columns of IPv6 stand elsewhere.
fn filterlog(line: &Line<'_>) -> Option<Reading> {
    let body = line.body();
    let body = body.split_once("filterlog").map_or(body, |(_, rest)| rest);
    let body = body.split_once(": ").map_or(body, |(_, rest)| rest).trim();
    let row: Vec<&str> = body.split(',').collect();
    let at = |index: usize| row.get(index).copied().unwrap_or_default();
    if !matches!(at(6), "block" | "pass" | "reject") || !matches!(at(7), "in" | "out") {
        return None;
    }
    let (protocol, first) = match at(8) {
        "4" => (16, 18_usize),
        "6" => (12, 15),
        _ => return None,
    };
    let field = |offset: usize| at(first.saturating_add(offset));
    let (source, destination) = (address(field(0))?, address(field(1))?);
    let blocked = at(6) != "pass";
    let mut draft = Draft::new("filterlog", line.text);
    draft.structured = true;
    draft.stamp = line.head.map(|head| head.stamp);
    draft.set("network.direction", at(7));
    let net = draft.net();
    (net.source, net.source_port) = (Some(source), field(2).parse().ok());
    (net.destination, net.destination_port) = (Some(destination), field(3).parse().ok());
    net.transport = Some(transport(at(protocol)).to_owned()).filter(|name| !name.is_empty());
    net.verdict = Some(if blocked { NetVerdict::Blocked } else { NetVerdict::Allowed });
    draft.kind = Some(if blocked { EventKind::Block } else { EventKind::Connect });
    Reading::record(draft)
}
