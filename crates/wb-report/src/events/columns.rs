//! [`COLUMNS`]: what an event has, under the names of the Elastic Common Schema where it has one.

use super::Row;
use jiff::Timestamp;
use wb_core::{Net, NetVerdict};

/// A column of every file of events.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it says, for documentation.
    pub about: &'static str,
    pub(super) value: Value,
}

/// How the value is got, which is also its type. Absent is null.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Text(fn(&Row<'_>) -> Option<String>),
    Number(fn(&Row<'_>) -> Option<i64>),
    Time(fn(&Row<'_>) -> Option<Timestamp>),
}

const fn text(
    name: &'static str,
    about: &'static str,
    value: fn(&Row<'_>) -> Option<String>,
) -> Column {
    Column { name, about, value: Value::Text(value) }
}

const fn number(
    name: &'static str,
    about: &'static str,
    value: fn(&Row<'_>) -> Option<i64>,
) -> Column {
    Column { name, about, value: Value::Number(value) }
}

fn net(row: &Row<'_>, pick: impl Fn(&Net) -> Option<String>) -> Option<String> {
    row.event.net.as_ref().and_then(pick)
}

fn count(row: &Row<'_>, pick: impl Fn(&Net) -> Option<u64>) -> Option<i64> {
    row.event.net.as_ref().and_then(pick).map(|value| i64::try_from(value).unwrap_or(i64::MAX))
}

/// Every column, in the order it is written. `fields` comes last in each file: what has no column.
pub static COLUMNS: &[Column] = &[
    Column {
        name: "@timestamp",
        about: "when, in UTC",
        value: Value::Time(|row| row.event.timestamp()),
    },
    text("weighbridge.time_basis", "how the time is known: explicit, assumed-utc, ...", |row| {
        row.event.time.map(|time| time.basis.name().to_owned())
    }),
    text("weighbridge.kind", "what happened, in one word", |row| {
        Some(row.event.kind.name().to_owned())
    }),
    text("weighbridge.moment", "key moments of the case that it marks", |row| {
        let names: Vec<&str> = row.moments.iter().map(|moment| moment.name()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }),
    text("rule.name", "rules over events that match it, separated by commas", |row| {
        (!row.rules.is_empty()).then(|| row.rules.join(","))
    }),
    text("event.dataset", "the log source that read it", |row| Some(row.event.source.to_owned())),
    text("log.file.path", "the log", |row| Some(row.event.record.artifact.as_str().to_owned())),
    number("log.line", "line of the log, or packet of a capture, from 1", |row| {
        i64::try_from(row.event.record.line).ok()
    }),
    number("log.offset", "offset of the record in the log, decompressed", |row| {
        i64::try_from(row.event.record.offset).ok()
    }),
    text("log.level", "level, lower case", |row| row.event.level.clone()),
    text("host.name", "the host it happened on", |row| row.event.host.clone()),
    text("user.name", "who did it", |row| row.event.actor.clone()),
    text("weighbridge.object", "what it was done to", |row| row.event.object.clone()),
    text("source.address", "address or host", |row| net(row, |net| net.source.clone())),
    number("source.port", "port", |row| count(row, |net| net.source_port.map(u64::from))),
    number("source.bytes", "bytes sent by the source", |row| count(row, |net| net.bytes_out)),
    text("destination.address", "address", |row| net(row, |net| net.destination.clone())),
    number("destination.port", "port", |row| count(row, |net| net.destination_port.map(u64::from))),
    text("destination.domain", "name, from SNI, HTTP or DNS", |row| {
        net(row, |net| net.host.clone())
    }),
    number("destination.bytes", "bytes sent back", |row| count(row, |net| net.bytes_in)),
    text("network.transport", "tcp, udp, ...", |row| net(row, |net| net.transport.clone())),
    text("network.protocol", "http, tls, dns, ...", |row| net(row, |net| net.protocol.clone())),
    text("http.request.method", "method", |row| net(row, |net| net.method.clone())),
    text("url.path", "path and query", |row| net(row, |net| net.path.clone())),
    text("dns.answers", "addresses in a DNS answer, separated by commas", |row| {
        net(row, |net| (!net.answers.is_empty()).then(|| net.answers.join(",")))
    }),
    text("weighbridge.verdict", "allowed or blocked, when the record says so", |row| {
        net(row, |net| {
            net.verdict.map(|verdict| match verdict {
                NetVerdict::Allowed => "allowed".to_owned(),
                NetVerdict::Blocked => "blocked".to_owned(),
            })
        })
    }),
    text("message", "the record's message", |row| Some(row.event.message.clone())),
];

/// The fields without a column, as a JSON object.
pub(super) fn fields(row: &Row<'_>) -> Option<String> {
    if row.event.fields.is_empty() {
        return None;
    }
    serde_json::to_string(&row.event.fields).ok()
}
