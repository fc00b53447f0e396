//! [`Event`]: what any record says happened.

use crate::ArtifactPath;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How the instant of a record is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeBasis {
    /// The record gives date, time and zone, or an epoch.
    Explicit,
    /// The zone is taken from the record's surroundings: a file name or header.
    OffsetFromName,
    /// The record gives no zone; its log falls back an hour where only zones of these offsets do.
    ZoneFromClockChange,
    /// The record gives no zone; connections that another log has too are hours earlier or later there.
    ZoneFromOtherLog,
    /// The record gives no zone; UTC is assumed.
    AssumedUtc,
    /// The record gives no year; it is inferred from other evidence. Its zone is that of its log, else UTC is assumed.
    InferredYear,
}

impl TimeBasis {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::OffsetFromName => "offset-from-name",
            Self::ZoneFromClockChange => "zone-from-clock-change",
            Self::ZoneFromOtherLog => "zone-from-other-log",
            Self::AssumedUtc => "assumed-utc",
            Self::InferredYear => "inferred-year",
        }
    }
}

/// A moment as a record gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// The moment.
    pub timestamp: Timestamp,
    /// How it is known.
    pub basis: TimeBasis,
}

/// A record of a log: the artifact and the place in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordRef {
    /// The log.
    pub artifact: ArtifactPath,
    /// Line, counted from 1 (of the decompressed text).
    pub line: u64,
    /// Offset of the line's first byte (in the decompressed text).
    pub offset: u64,
}

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened, in one word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

event_kinds! {
    /// Somebody asked for a change.
    Request = "request",
    /// Somebody approved a change.
    Approve = "approve",
    /// A model was fetched from a source.
    Download = "download",
    /// A digest or signature was checked, or recorded.
    Verify = "verify",
    /// A model or version was registered or uploaded.
    Register = "register",
    /// A version was moved to another stage.
    Stage = "stage",
    /// A model was rolled out.
    Deploy = "deploy",
    /// A process loaded a model.
    Load = "load",
    /// A file or configuration changed.
    Change = "change",
    /// A service was started or restarted.
    Restart = "restart",
    /// A deployment was undone.
    Rollback = "rollback",
    /// Somebody logged in or used a privilege.
    Access = "access",
    /// A process was started.
    Exec = "exec",
    /// A connection was attempted.
    Connect = "connect",
    /// A name was resolved.
    Dns = "dns",
    /// An HTTP or other application request was seen on the network.
    Exchange = "exchange",
    /// A connection was stopped.
    Block = "block",
    /// A detector or person raised an alarm.
    Alert = "alert",
    /// An incident or ticket was opened or changed.
    Ticket = "ticket",
    /// A routine check reported that all is well.
    Health = "health",
    /// Anything else.
    Note = "note",
}

/// What was done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetVerdict {
    /// It went through.
    Allowed,
    /// It was stopped.
    Blocked,
}

/// The network side of an event. Addresses as written, normalised by [`crate::Indicator`] rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// `source.address`: address or host.
    pub source: Option<String>,
    /// `source.port`.
    pub source_port: Option<u16>,
    /// `destination.address`: an IP address when known.
    pub destination: Option<String>,
    /// `destination.port`.
    pub destination_port: Option<u16>,
    /// `destination.domain`: name from the record itself, SNI, HTTP host or DNS question.
    pub host: Option<String>,
    /// `network.transport`: `tcp`, `udp`, ...
    pub transport: Option<String>,
    /// `network.protocol`: `http`, `tls`, `dns`, ...
    pub protocol: Option<String>,
    /// `source.bytes`: bytes sent by the source.
    pub bytes_out: Option<u64>,
    /// `destination.bytes`: bytes sent back.
    pub bytes_in: Option<u64>,
    /// `http.request.method`.
    pub method: Option<String>,
    /// `url.path`.
    pub path: Option<String>,
    /// Addresses in a DNS answer.
    pub answers: Vec<String>,
    /// Allowed or blocked, when the record says so.
    pub verdict: Option<NetVerdict>,
}

/// What a record says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When; `None` when the record has no time.
    pub time: Option<Instant>,
    /// The record.
    pub record: RecordRef,
    /// The log source that read it, such as `zeek-conn`.
    pub source: &'static str,
    /// What happened.
    pub kind: EventKind,
    /// `host.name`: the host it happened on.
    pub host: Option<String>,
    /// `user.name`: who did it.
    pub actor: Option<String>,
    /// What it was done to: a model's file name, a version, a unit.
    pub object: Option<String>,
    /// `log.level`, lower case, such as `warn`.
    pub level: Option<String>,
    /// The network side.
    pub net: Option<Net>,
    /// Everything else the record names: ECS names where one exists, otherwise the record's own labels.
    pub fields: BTreeMap<String, String>,
    /// The record's message, or the whole line, cut to a few thousand characters.
    pub message: String,
}

impl Event {
    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// When, as a timestamp.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.map(|time| time.timestamp)
    }
}
