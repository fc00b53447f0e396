//! Conversations as Suricata would log them: `flow`, `dns`, `http` and `tls` events.

use super::{Conversation, Protocol, Side, Traffic};
use jiff::{SignedDuration, Timestamp};

/// Bytes of Ethernet, IP and TCP or UDP headers around a payload, as Suricata counts them in a flow.
const HEADERS: u64 = 54;

/// Writes one object per line, in order of time.
pub(super) fn write(traffic: &Traffic) -> String {
    let mut events: Vec<(Timestamp, String)> = Vec::new();
    for (index, one) in traffic.conversations.iter().enumerate() {
        let mut push = |kind: &str, milliseconds: i64, rest: &str| {
            let time = one.time + SignedDuration::from_millis(milliseconds);
            events.push((time, event(one, index, time, kind, rest)));
        };
        said(one, &mut push);
        let flow = format!(
            "\"flow\":{{\"bytes_toserver\":{},\"bytes_toclient\":{},\"start\":\"{}\",\"state\":\"closed\"}}",
            one.payload(Side::Client) + HEADERS,
            one.payload(Side::Server) + HEADERS,
            stamp(one.time)
        );
        push("flow", 60_000, &flow);
    }
    events.sort();
    events.into_iter().map(|(_, line)| line + "\n").collect()
}

/// Writes what was said in a conversation: kind of event, milliseconds after its beginning, and members.
fn said(one: &Conversation, push: &mut dyn FnMut(&str, i64, &str)) {
    let after = if one.is_tcp() { 3 } else { 0 };
    let text = |key: &str, default: &str| one.get(key).unwrap_or(default).to_owned();
    match one.protocol {
        Protocol::Dns => {
            let asked = format!(
                "\"rrname\":\"{}\",\"rrtype\":\"{}\"",
                text("query", "hub.example"),
                text("type", "A")
            );
            push("dns", after, &format!("\"dns\":{{\"type\":\"query\",{asked}}}"));
            let answer = |data: &&str| format!("{{{asked},\"ttl\":60,\"rdata\":\"{data}\"}}");
            let answers: Vec<String> = one.answers().iter().map(answer).collect();
            let answers = answers.join(",");
            push(
                "dns",
                after + 1,
                &format!(
                    "\"dns\":{{\"version\":2,\"type\":\"answer\",{asked},\"answers\":[{answers}]}}"
                ),
            );
        }
        Protocol::Http => {
            let default = if one.get("body").is_some() { "POST" } else { "GET" };
            let rest = format!(
                "\"http\":{{\"hostname\":\"{}\",\"url\":\"{}\",\"http_user_agent\":\"{}\",\
                 \"http_method\":\"{}\",\"status\":{}}}",
                text("host", "hub.example"),
                text("path", "/"),
                text("agent", "curl/8.5.0"),
                text("method", default),
                text("status", "200"),
            );
            for _ in 0..one.number("requests").unwrap_or(1) {
                push("http", after, &rest);
            }
        }
        Protocol::Tls => {
            if let Some(name) = one.get("sni") {
                push(
                    "tls",
                    after,
                    &format!("\"tls\":{{\"sni\":\"{name}\",\"version\":\"TLS 1.3\"}}"),
                );
            }
        }
        Protocol::Tcp | Protocol::Udp => {}
    }
}

/// A time as Suricata writes it: microseconds, and an offset without a colon.
fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000").to_string()
}

fn event(one: &Conversation, index: usize, time: Timestamp, kind: &str, rest: &str) -> String {
    format!(
        "{{\"timestamp\":\"{}\",\"flow_id\":{},\"event_type\":\"{kind}\",\"src_ip\":\"{}\",\"src_port\":{},\"dest_ip\":\"{}\",\
         \"dest_port\":{},\"proto\":\"{}\",{rest}}}",
        stamp(time),
        index + 1,
        one.source.ip(),
        one.source.port(),
        one.destination.ip(),
        one.destination.port(),
        if one.is_tcp() { "TCP" } else { "UDP" },
    )
}
