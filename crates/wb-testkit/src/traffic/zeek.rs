//! Conversations as Zeek would log them: `conn`, `dns`, `http` and `ssl`.

use super::{Conversation, Protocol, Side, Traffic};
use std::collections::BTreeMap;

/// Columns that all logs begin with.
const ENDS: &str = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p";

/// The logs that have rows, by name.
type Logs = BTreeMap<&'static str, String>;

/// Writes the logs that have rows.
pub(super) fn write(traffic: &Traffic) -> Logs {
    let mut logs = BTreeMap::new();
    for (index, one) in traffic.conversations.iter().enumerate() {
        let transport = transport(one);
        let service = match one.protocol {
            Protocol::Dns => "dns",
            Protocol::Http => "http",
            Protocol::Tls => "ssl",
            Protocol::Tcp | Protocol::Udp => "-",
        };
        let state = match one.state() {
            "silent" => "S0",
            "refused" => "REJ",
            _ => "SF",
        };
        let row = format!(
            "{}\t{transport}\t{service}\t0.1\t{}\t{}\t{state}\n",
            ends(one, index, 0),
            one.payload(Side::Client),
            one.payload(Side::Server)
        );
        let columns = "proto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state";
        add(&mut logs, "conn", columns, &row);
        said(&mut logs, one, index);
    }
    logs
}

fn transport(one: &Conversation) -> &'static str {
    if one.is_tcp() { "tcp" } else { "udp" }
}

/// Writes what was said in a conversation.
fn said(logs: &mut Logs, one: &Conversation, index: usize) {
    let ends = ends(one, index, if one.is_tcp() { 3 } else { 0 });
    let text = |key: &str, default: &str| one.get(key).unwrap_or(default).to_owned();
    match one.protocol {
        Protocol::Dns => {
            let answers = one.answers().join(",");
            let answers = if answers.is_empty() { "-" } else { &answers };
            let (query, kind) = (text("query", "hub.example"), text("type", "A"));
            let row = format!("{ends}\t{}\t{query}\t{kind}\t{answers}\n", transport(one));
            add(logs, "dns", "proto\tquery\tqtype_name\tanswers", &row);
        }
        Protocol::Http => {
            let default = if one.get("body").is_some() { "POST" } else { "GET" };
            let row = format!(
                "{ends}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                text("method", default),
                text("host", "hub.example"),
                text("path", "/"),
                text("agent", "curl/8.5.0"),
                text("status", "200"),
                one.get("body").map_or(0, str::len),
            );
            let columns = "method\thost\turi\tuser_agent\tstatus_code\trequest_body_len";
            for _ in 0..one.number("requests").unwrap_or(1) {
                add(logs, "http", columns, &row);
            }
        }
        Protocol::Tls => {
            let row = format!("{ends}\tTLSv13\t{}\n", text("sni", "-"));
            add(logs, "ssl", "version\tserver_name", &row);
        }
        Protocol::Tcp | Protocol::Udp => {}
    }
}

fn ends(one: &Conversation, index: usize, milliseconds: i64) -> String {
    let nanoseconds = one.time.as_nanosecond() + i128::from(milliseconds) * 1_000_000;
    format!(
        "{}.{:06}\tC{index}\t{}\t{}\t{}\t{}",
        nanoseconds / 1_000_000_000,
        nanoseconds % 1_000_000_000 / 1_000,
        one.source.ip(),
        one.source.port(),
        one.destination.ip(),
        one.destination.port()
    )
}

fn add(logs: &mut Logs, name: &'static str, columns: &str, row: &str) {
    let log =
        logs.entry(name).or_insert_with(|| format!("#path\t{name}\n#fields\t{ENDS}\t{columns}\n"));
    log.push_str(row);
}
