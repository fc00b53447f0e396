//! AWS VPC flow logs: columns by the header line, or the fourteen default ones of version 2.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::labels::{transport, verdict};
use crate::lanes::VpcColumns;
use crate::line::Line;
use crate::stamp::epoch;
use crate::tokens::address;
use wb_core::{EventKind, NetVerdict};

/// The order of columns, when a header line gave it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    columns: Vec<String>,
    places: VpcColumns,
}

impl Default for State {
    fn default() -> Self {
        Self { columns: Vec::new(), places: VpcColumns::new(DEFAULT.into_iter()) }
    }
}

impl State {
    /// Where the columns are.
    pub(crate) fn places(&self) -> &VpcColumns {
        &self.places
    }
}

const DEFAULT: [&str; 14] = [
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start", "end", "action", "log-status",
];

/// Reads a header line or a record.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let first = line.text.trim_start().as_bytes().first()?;
    if first.is_ascii_alphabetic() && line.text.contains("srcaddr") && line.text.contains("dstaddr") {
        state.columns = line.text.split_whitespace().map(|name| name.trim_start_matches("${").trim_end_matches('}').to_ascii_lowercase()).take(64).collect();
        state.places = VpcColumns::new(state.columns.iter().map(String::as_str));
        return Some(Reading::Header("vpc-flow"));
    }
    record(line.text, state).or_else(|| record(line.body(), state)).and_then(Reading::record)
}

fn record(text: &str, state: &State) -> Option<Draft> {
    let values: Vec<&str> = text.split_whitespace().take(65).collect();
    if !state.columns.is_empty() {
        return (values.len() == state.columns.len())
            .then(|| columns(state.columns.iter().map(String::as_str), &values, text))?;
    }
    let version = values.first()?.parse::<u8>().ok()?;
    let known = values.len() >= DEFAULT.len()
        && (2..=10).contains(&version)
        && values.get(2).is_some_and(|interface| interface.starts_with("eni-") || *interface == "-");
    known.then(|| columns(DEFAULT.into_iter(), &values, text))?
}

/// Reads a record; `None` when neither an address nor a status says that it is one.
fn columns<'a>(names: impl Iterator<Item = &'a str>, values: &[&str], text: &str) -> Option<Draft> {
    let mut draft = Draft::new("vpc-flow", text);
    draft.structured = true;
    draft.kind = Some(EventKind::Note);
    let mut packet = (None, None);
    for (name, value) in names.zip(values.iter().copied()) {
        if value == "-" {
            continue;
        }
        match name {
            "srcaddr" => fill(&mut draft.net().source, &address(value)?),
            "dstaddr" => fill(&mut draft.net().destination, &address(value)?),
            "pkt-srcaddr" => packet.0 = address(value),
            "pkt-dstaddr" => packet.1 = address(value),
            "srcport" => draft.net().source_port = value.parse().ok(),
            "dstport" => draft.net().destination_port = value.parse().ok(),
            "protocol" => fill(&mut draft.net().transport, transport(value)),
            "bytes" => draft.net().bytes_out = value.parse().ok(),
            "start" => draft.stamp = epoch(value).map(|(stamp, _)| stamp),
            "action" => draft.net().verdict = verdict(value),
            _ => draft.set(name, value),
        }
    }
    // Behind address translation the packet's own addresses are the true ones.
    let Some(net) = draft.net.as_mut() else {
        return draft.field("log-status").is_some().then_some(draft);
    };
    net.source = packet.0.or(net.source.take());
    net.destination = packet.1.or(net.destination.take());
    if net.destination.is_some() {
        let blocked = net.verdict == Some(NetVerdict::Blocked);
        draft.kind = Some(if blocked { EventKind::Block } else { EventKind::Connect });
    } else if draft.field("log-status").is_none() {
        return None;
    }
    Some(draft)
}
