//! [`Connection`]: what a record says about a connection, borrowed from the record.

use wb_core::{Event, EventKind, Instant, NetVerdict};

/// Which part of a connection a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// An attempt.
    #[default]
    Attempt,
    /// Something within an attempt that another record counts.
    Within,
    /// The end of an attempt that was counted when it began.
    End,
    /// A connection as a whole, which the same log also records by what it carries.
    Whole,
}

impl Part {
    /// The part that the field `network.event` names.
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("part") => Self::Within,
            Some("end") => Self::End,
            Some("whole") => Self::Whole,
            _ => Self::Attempt,
        }
    }
}

/// Whether a record of the log source `by` is about one packet of a connection over `transport`. Protocols without
/// connections may use one port for all they ask.
pub(crate) fn is_packet(by: &str, transport: &str) -> bool {
    matches!(by, "netfilter" | "filterlog") && transport == "tcp"
}

/// A connection, request or look-up. Texts are empty where the record does not say.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The log source that read it, such as `zeek-conn`.
    pub by: &'static str,
    /// What the record is about.
    pub kind: EventKind,
    /// When.
    pub time: Option<Instant>,
    /// Line of the record, from 1.
    pub line: u64,
    /// Offset of the line's first byte.
    pub offset: u64,
    /// `source.address`: address or host.
    pub source: &'a str,
    /// `source.port`, of a TCP packet that a firewall logged by itself: an attempt that is not answered is made
    /// of several.
    pub packet_port: Option<u16>,
    /// `destination.address`.
    pub destination: &'a str,
    /// `destination.port`.
    pub port: Option<u16>,
    /// `destination.domain`: the name from the record itself.
    pub host: &'a str,
    /// `network.transport`.
    pub transport: &'a str,
    /// `source.bytes`: bytes sent by the source.
    pub bytes_out: Option<u64>,
    /// Whether it was stopped.
    pub blocked: bool,
    /// Which part of a connection it is.
    pub part: Part,
    /// `http.request.method`.
    pub method: &'a str,
    /// `url.path`.
    pub path: &'a str,
    /// Addresses in a DNS answer.
    pub answers: &'a [String],
}

impl<'a> Connection<'a> {
    /// What `event` says about a connection; `None` when it is about none.
    pub fn of(event: &'a Event) -> Option<Self> {
        let net = event.net.as_ref()?;
        let text = |value: &'a Option<String>| value.as_deref().unwrap_or_default();
        Some(Self {
            by: event.source,
            kind: event.kind,
            time: event.time,
            line: event.record.line,
            offset: event.record.offset,
            source: net.source.as_deref().or(event.host.as_deref()).unwrap_or_default(),
            packet_port: net
                .source_port
                .filter(|_| is_packet(event.source, net.transport.as_deref().unwrap_or_default())),
            destination: text(&net.destination),
            port: net.destination_port,
            host: text(&net.host),
            transport: text(&net.transport),
            bytes_out: net.bytes_out,
            blocked: event.kind == EventKind::Block || net.verdict == Some(NetVerdict::Blocked),
            part: Part::named(event.field("network.event")),
            method: text(&net.method),
            path: text(&net.path),
            answers: &net.answers,
        })
    }
}
