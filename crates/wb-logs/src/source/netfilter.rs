//! Kernel firewall lines: `PREFIX IN= OUT=eth0 SRC=.. DST=.. PROTO=TCP SPT=.. DPT=..`.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::labels::transport;
use crate::line::Line;
use crate::tokens::address;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line that has `SRC=` and `DST=`.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let text = line.text;
    let source = value(text, "SRC=").and_then(address)?;
    let destination = value(text, "DST=").and_then(address)?;
    let mut draft = Draft::new("netfilter", text);
    draft.structured = true;
    draft.stamp = line.head.map(|head| head.stamp);
    let prefix = text.split("IN=").next().unwrap_or_default();
    let verdict = verdict(prefix);
    let net = draft.net();
    net.source = Some(source);
    net.destination = Some(destination);
    net.source_port = value(text, "SPT=").and_then(|port| port.parse().ok());
    net.destination_port = value(text, "DPT=").and_then(|port| port.parse().ok());
    fill(&mut net.transport, value(text, "PROTO=").map(transport).unwrap_or_default());
    net.bytes_out = value(text, "LEN=").and_then(|length| length.parse().ok());
    net.verdict = verdict;
    for name in ["IN", "OUT", "MAC", "UID", "GID", "MARK", "PHYSIN", "PHYSOUT"] {
        if let Some(found) = value(text, &format!("{name}=")) {
            draft.set(name, found);
        }
    }
    draft.set("rule.name", rule(prefix));
    draft.kind = Some(match verdict {
        Some(NetVerdict::Blocked) => EventKind::Block,
        _ => EventKind::Connect,
    });
    Reading::record(draft)
}

/// The value after `key`, which stands at the start or after a space or quote.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (at, _) = text.match_indices(key).find(|(at, _)| {
        at.checked_sub(1).and_then(|before| text.as_bytes().get(before)).is_none_or(|byte| b" \"]\t".contains(byte))
    })?;
    let value = text.get(at.checked_add(key.len())?..)?.split([' ', '"']).next()?;
    (!value.is_empty()).then_some(value)
}

/// The prefix is free text; its words decide: `[UFW BLOCK]`, `EGRESS-ALLOW`, `DA->FED ACCEPT`.
pub(crate) fn verdict(prefix: &str) -> Option<NetVerdict> {
    const BLOCKED: [&str; 5] = ["BLOCK", "DROP", "DENY", "DENIED", "REJECT"];
    const ALLOWED: [&str; 5] = ["ALLOW", "ACCEPT", "PASS", "PERMIT", "FORWARD"];
    let has = |word: &str| {
        let mut windows = prefix.as_bytes().windows(word.len());
        windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    };
    if BLOCKED.iter().any(|word| has(word)) {
        return Some(NetVerdict::Blocked);
    }
    ALLOWED.iter().any(|word| has(word)).then_some(NetVerdict::Allowed)
}

/// The prefix without the kernel's uptime, brackets and colon.
fn rule(prefix: &str) -> &str {
    let prefix = prefix.rsplit("kernel:").next().unwrap_or(prefix).trim();
    let uptime = prefix.strip_prefix('[').and_then(|inner| inner.split_once(']')).filter(|(inner, _)| {
        inner.trim().parse::<f64>().is_ok()
    });
    let name = uptime.map_or(prefix, |(_, rest)| rest).trim();
    let name = name.trim_start_matches('[').trim_end_matches([':', ' ', '-', ']']);
    crate::scan::cut(name, 100)
}
