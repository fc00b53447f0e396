//! One connection per line: `ALLOW TCP a:1 -> b:443 host=h out=1 in=2`, `CONN src=a dst=b:443 status=BLOCKED`.

use super::Reading;
use super::text::leading_level;
use crate::draft::Draft;
use crate::labels::verdict;
use crate::line::Line;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Words that begin the body of a line about a connection.
const WORDS: &[&str] = &[
    "CONN", "CONNECT", "CONNECTION", "FLOW", "TRAFFIC", "EGRESS", "INGRESS", "OUTBOUND", "INBOUND", "NET", "TCP", "UDP",
    "FW", "FIREWALL", "PROXY", "TUNNEL", "SESSION",
];

/// Reads a line with a time whose body begins with a verdict or such a word and names two ends.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let head = line.head?;
    let (_, body) = leading_level(head.rest);
    let first = body.split([' ', '\t', ':', '[', ']', ',']).find(|word| !word.is_empty())?;
    let verdict = verdict(first);
    let named = WORDS.iter().any(|word| first.eq_ignore_ascii_case(word));
    let two_ends = body.contains("->")
        || body.contains("=>")
        || ["dst=", "dst_ip=", "dest=", "dest_ip=", "destination=", "DST=", "daddr=", "remote=", "to="].iter().any(|key| body.contains(key));
    if (verdict.is_none() && !named) || !two_ends {
        return None;
    }
    let mut draft = Draft::new("connection-text", line.text);
    draft.stamp = Some(head.stamp);
    draft.textual = true;
    draft.structured = true;
    draft.level = head.level.map(str::to_owned);
    if let Some(verdict) = verdict {
        draft.net().verdict = Some(verdict);
        draft.kind = Some(match verdict {
            NetVerdict::Blocked => EventKind::Block,
            NetVerdict::Allowed => EventKind::Connect,
        });
    }
    Reading::record(draft)
}
