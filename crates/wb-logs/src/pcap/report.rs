//! [`Reporter`]: from what was seen of a connection to events with the names of the Elastic Common Schema.

use super::connection::{Connection, End};
use super::dns::{Message, code_name, kind_name};
use super::http::{Request, Response};
use super::layers::Transport;
use super::tls::ClientHello;
use crate::scan::bounded;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use wb_core::{ArtifactPath, Event, EventKind, Instant, Net, RecordRef, TimeBasis};

/// Length of a value at the most.
const LONGEST: usize = 2000;

/// Pairs of a body that get names of their own, at the most.
const MOST_PAIRS: usize = 32;

/// When and where in the file a packet is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: Option<Timestamp>,
    pub(super) number: u64,
    pub(super) offset: u64,
}

/// Makes events and hands them on.
pub(super) struct Reporter<'a> {
    pub(super) artifact: &'a ArtifactPath,
    pub(super) sink: &'a mut dyn FnMut(Event),
    /// Events by source.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl Reporter<'_> {
    /// The whole connection, once it is over.
    pub(super) fn connection(&mut self, connection: &Connection) {
        let mut event = self.event("pcap", EventKind::Connect, connection, connection.first);
        let net = event.net.get_or_insert_default();
        net.bytes_out = Some(connection.up.bytes);
        net.bytes_in = Some(connection.down.bytes);
        net.host.clone_from(&connection.host);
        net.protocol = connection.protocol.map(str::to_owned);
        let packets = connection.up.packets.saturating_add(connection.down.packets);
        let state = state(connection);
        for (name, value) in [
            ("source.packets", connection.up.packets.to_string()),
            ("destination.packets", connection.down.packets.to_string()),
            ("network.packets", packets.to_string()),
            ("network.bytes", connection.wire.to_string()),
            ("network.connection.state", state.to_owned()),
        ] {
            event.fields.insert(name.to_owned(), value);
        }
        if let (Some(first), Some(last)) = (connection.first.time, connection.last.time) {
            let duration = last.as_nanosecond().saturating_sub(first.as_nanosecond());
            event.fields.insert("event.duration".to_owned(), duration.max(0).to_string());
        }
        let about = [connection.protocol, connection.host.as_deref()].into_iter().flatten();
        let about: String = about.map(|word| format!(" {word}")).collect();
        event.message = format!(
            "{}{about} {state}, {packets} packets, {} bytes out, {} back",
            ends(connection),
            connection.up.bytes,
            connection.down.bytes
        );
        self.send(event);
    }

    /// A ClientHello.
    pub(super) fn hello(
        &mut self,
        connection: &Connection,
        hello: &ClientHello,
        quic: bool,
        moment: Moment,
    ) {
        let mut event = self.event("pcap-tls", EventKind::Exchange, connection, moment);
        let net = event.net.get_or_insert_default();
        net.host.clone_from(&hello.server_name);
        net.protocol = Some(if quic { "quic" } else { "tls" }.to_owned());
        let (ja3, ja4) = (hello.ja3(), hello.ja4(quic));
        let protocols = hello.protocols.join(",");
        let mut set = |name: &str, value: &str| set(&mut event.fields, name, value);
        set("tls.client.ja3", &ja3);
        set("tls.client.ja4", &ja4);
        set("tls.client.alpn", &protocols);
        set("tls.client.server_name", hello.server_name.as_deref().unwrap_or_default());
        if hello.encrypted {
            set("tls.client.encrypted_client_hello", "true");
        }
        let name = hello.server_name.as_deref().unwrap_or("no name");
        let alpn = if protocols.is_empty() { String::new() } else { format!(", alpn {protocols}") };
        event.message =
            format!("{} ClientHello for {name}{alpn}, ja4 {ja4}, ja3 {ja3}", ends(connection));
        self.send(event);
    }

    /// A request of HTTP/1 and its response.
    pub(super) fn request(
        &mut self,
        connection: &Connection,
        request: &Request,
        response: Option<&Response>,
        moment: Moment,
    ) {
        let mut event = self.event("pcap-http", EventKind::Exchange, connection, moment);
        let (host, path) = target(request);
        let net = event.net.get_or_insert_default();
        net.protocol = Some("http".to_owned());
        net.method = Some(bounded(&request.method, 32));
        net.path = path.map(|path| bounded(path, LONGEST));
        net.host = host.map(|host| bounded(host, 255));
        net.bytes_out = request.length;
        net.bytes_in = response.and_then(|response| response.length);
        let mut set = |name: &str, value: &str| set(&mut event.fields, name, value);
        set("user_agent.original", request.agent.as_deref().unwrap_or_default());
        set("http.request.mime_type", request.kind.as_deref().unwrap_or_default());
        set("http.request.body.content", &request.body);
        let form = request.kind.as_deref().is_none_or(|kind| kind.contains("urlencoded"));
        for (key, value) in
            request.body.split('&').filter_map(|pair| pair.split_once('=')).take(MOST_PAIRS)
        {
            if form && !key.is_empty() && key.len() <= 64 {
                set(&format!("http.request.body.{key}"), value);
            }
        }
        let status = response.map(|response| response.status.to_string()).unwrap_or_default();
        set("http.response.status_code", &status);
        set(
            "http.response.mime_type",
            response.and_then(|response| response.kind.as_deref()).unwrap_or_default(),
        );
        let mut message = format!(
            "{} {} {}{}",
            ends(connection),
            request.method,
            host.unwrap_or_default(),
            path.unwrap_or_default()
        );
        if !status.is_empty() {
            message.push_str(&format!(" {status}"));
        }
        if let Some(agent) = &request.agent {
            message.push_str(&format!(", {agent}"));
        }
        if !request.body.is_empty() {
            message.push_str(&format!(", body {}", request.body));
        }
        event.message = bounded(&message, LONGEST);
        self.send(event);
    }

    /// A question to a name server, and its answer.
    pub(super) fn dns(
        &mut self,
        connection: &Connection,
        question: &Message,
        answer: Option<&Message>,
        moment: Moment,
    ) {
        let mut event = self.event("pcap-dns", EventKind::Dns, connection, moment);
        let net = event.net.get_or_insert_default();
        net.protocol = Some("dns".to_owned());
        net.host = Some(question.name.clone()).filter(|name| !name.is_empty());
        net.answers = answer.map(|answer| answer.answers.clone()).unwrap_or_default();
        let kind = kind_name(question.kind);
        let code = answer.map_or("", |answer| code_name(answer.code));
        let said = net.answers.join(",");
        let mut set = |name: &str, value: &str| set(&mut event.fields, name, value);
        set("dns.question.name", &question.name);
        set("dns.question.type", &kind);
        set("dns.response_code", code);
        let result = match (answer, said.as_str()) {
            (None, _) => "no answer",
            (Some(_), "") => code,
            (Some(_), said) => said,
        };
        event.message =
            bounded(&format!("{} {kind} {} = {result}", ends(connection), question.name), LONGEST);
        self.send(event);
    }

    fn event(
        &self,
        source: &'static str,
        kind: EventKind,
        connection: &Connection,
        moment: Moment,
    ) -> Event {
        let port = |end: End| Some(end.1).filter(|port| *port != 0);
        Event {
            time: moment.time.map(|timestamp| Instant { timestamp, basis: TimeBasis::Explicit }),
            record: RecordRef {
                artifact: self.artifact.clone(),
                line: moment.number,
                offset: moment.offset,
            },
            source,
            kind,
            host: None,
            actor: None,
            object: None,
            level: None,
            net: Some(Net {
                source: Some(connection.client.0.to_string()),
                source_port: port(connection.client),
                destination: Some(connection.server.0.to_string()),
                destination_port: port(connection.server),
                transport: Some(transport(connection).to_owned()),
                ..Net::default()
            }),
            fields: BTreeMap::new(),
            message: String::new(),
        }
    }

    fn send(&mut self, event: Event) {
        let count = self.counts.entry(event.source).or_default();
        *count = count.saturating_add(1);
        (self.sink)(event);
    }
}

fn set(fields: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let value = value.trim();
    if !value.is_empty() && !fields.contains_key(name) {
        fields.insert(name.to_owned(), bounded(value, LONGEST));
    }
}

fn transport(connection: &Connection) -> &'static str {
    match connection.transport {
        Transport::Tcp { .. } => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => "icmp",
        Transport::Other(_) => "ip",
    }
}

/// How a connection went, in a word or two.
fn state(connection: &Connection) -> &'static str {
    let progress = &connection.progress;
    if !matches!(connection.transport, Transport::Tcp { .. }) {
        return if connection.down.packets > 0 { "answered" } else { "unanswered" };
    }
    match (progress.begun.is_some(), progress.agreed) {
        _ if progress.refused => "refused",
        _ if progress.reset => "reset",
        (true, false) => "unanswered",
        _ if progress.ended == [true, true] => "closed",
        _ => "open",
    }
}

fn ends(connection: &Connection) -> String {
    let end = |(address, port): End| match (address, port) {
        (address, 0) => address.to_string(),
        (IpAddr::V6(address), port) => format!("[{address}]:{port}"),
        (IpAddr::V4(address), port) => format!("{address}:{port}"),
    };
    format!("{} > {} {}", end(connection.client), end(connection.server), transport(connection))
}

/// Host and path of a request: from its target when that is whole (RFC 9112, section 3.2), else from `Host`.
pub(super) fn target(request: &Request) -> (Option<&str>, Option<&str>) {
    let field = request.host.as_deref().map(without_port);
    if request.method == "CONNECT" {
        return (Some(without_port(&request.target)), None);
    }
    match request.target.split_once("://") {
        Some((_, rest)) => {
            let at = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(at);
            let host = authority.rsplit('@').next().unwrap_or(authority);
            (Some(without_port(host)), Some(if path.is_empty() { "/" } else { path }))
        }
        None => (field, Some(&request.target)),
    }
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match host.rsplit_once(':') {
        Some((name, port))
            if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => host,
    }
}
