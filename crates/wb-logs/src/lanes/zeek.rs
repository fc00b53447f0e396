//! Zeek's connections, requests and look-ups: rows under a header, and JSON objects.

use super::Light;
use crate::labels::is_unset;
use crate::stamp::{Stamp, epoch, fixed, parse_whole};
use memchr::memchr_iter;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;
use wb_core::EventKind;

/// What a column holds, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Time,
    Source,
    Destination,
    Port,
    Transport,
    BytesOut,
    Host,
    Answers,
    Method,
    Path,
    Other,
}

fn role(name: &str) -> Role {
    match name {
        "ts" => Role::Time,
        "id.orig_h" => Role::Source,
        "id.resp_h" => Role::Destination,
        "id.resp_p" => Role::Port,
        "proto" => Role::Transport,
        "orig_bytes" | "request_body_len" => Role::BytesOut,
        "query" | "server_name" | "host" => Role::Host,
        "answers" => Role::Answers,
        "method" => Role::Method,
        "uri" => Role::Path,
        _ => Role::Other,
    }
}

/// How rows of a log are read.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    by: &'static str,
    kind: EventKind,
    separator: u8,
    roles: Vec<Role>,
    /// How many columns hold all that counts.
    needed: usize,
}

impl Plan {
    /// The plan for rows with columns called `names`; `None` for streams that are wanted whole.
    pub(crate) fn new<'a>(
        by: &'static str,
        kind: EventKind,
        separator: char,
        names: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        if !matches!(kind, EventKind::Connect | EventKind::Dns | EventKind::Exchange)
            || by == "zeek"
        {
            return None;
        }
        let roles: Vec<Role> = names.map(role).collect();
        // A second column for the same thing is a matter for the long way.
        let once = roles.iter().enumerate().all(|(at, role)| {
            *role == Role::Other || !roles.iter().take(at).any(|before| before == role)
        });
        let needed = roles.iter().rposition(|role| *role != Role::Other)?.saturating_add(1);
        let timed = roles.contains(&Role::Time) && roles.contains(&Role::Destination);
        let separator = u8::try_from(separator).ok().filter(u8::is_ascii)?;
        (once && timed).then_some(Self { by, kind, separator, roles, needed })
    }

    /// Reads a row; `None` when it has more or fewer columns than the header.
    pub(crate) fn row<'a>(&self, text: &'a str) -> Option<Light<'a>> {
        if text.starts_with('#') {
            return None;
        }
        let mut light = None;
        let mut put = Values::default();
        let mut start = 0_usize;
        let mut ends = memchr_iter(self.separator, text.as_bytes());
        for role in self.roles.iter().take(self.needed) {
            let end = ends.next().unwrap_or(text.len());
            let value = text.get(start..end)?;
            start = end.saturating_add(1);
            match role {
                Role::Other => {}
                Role::Time => light = Some(epoch(value).filter(|(_, rest)| rest.is_empty())?.0),
                role => put.set(*role, value),
            }
        }
        let rest = text
            .as_bytes()
            .get(start..)
            .map_or(0, |rest| memchr_iter(self.separator, rest).count().saturating_add(1));
        (self.needed.saturating_add(rest) == self.roles.len())
            .then(|| put.light(self.by, self.kind, light?))?
    }
}

/// The values of a record, empty where it has none.
#[derive(Default)]
struct Values<'a> {
    source: &'a str,
    destination: &'a str,
    port: &'a str,
    transport: &'a str,
    bytes_out: &'a str,
    host: &'a str,
    answers: &'a str,
    method: &'a str,
    path: &'a str,
}

impl<'a> Values<'a> {
    fn set(&mut self, role: Role, value: &'a str) {
        if is_unset(value) {
            return;
        }
        let place = match role {
            Role::Source => &mut self.source,
            Role::Destination => &mut self.destination,
            Role::Port => &mut self.port,
            Role::Transport => &mut self.transport,
            Role::BytesOut => &mut self.bytes_out,
            Role::Host => &mut self.host,
            Role::Answers => &mut self.answers,
            Role::Method => &mut self.method,
            Role::Path => &mut self.path,
            Role::Time | Role::Other => return,
        };
        *place = value.trim();
    }

    fn light(&self, by: &'static str, kind: EventKind, stamp: Stamp) -> Option<Light<'a>> {
        let mut light = Light::new(by, kind, stamp);
        light.source = Cow::Borrowed(self.source);
        light.destination = Cow::Borrowed(self.destination);
        light.port = self.port.parse().ok();
        light.transport = Cow::Borrowed(self.transport);
        light.bytes_out = self.bytes_out.parse().ok();
        light.host = Cow::Borrowed(self.host.trim_end_matches('.'));
        light.method = Cow::Borrowed(self.method);
        light.path = Cow::Borrowed(self.path);
        if !self.answers.is_empty() {
            let answers = self.answers.split(',').filter(|answer| !is_unset(answer)).take(64);
            light.answers = answers.map(|answer| answer.trim_end_matches('.').to_owned()).collect();
        }
        // Without both ends the record has its meaning from elsewhere.
        (!self.source.is_empty() && !self.destination.is_empty()).then_some(light)
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(alias = "@stream", alias = "_stream", alias = "log_path")]
    _path: &'a str,
    #[serde(borrow)]
    ts: Time<'a>,
    #[serde(rename = "id.orig_h", alias = "id_orig_h")]
    source: Option<&'a str>,
    #[serde(rename = "id.resp_h", alias = "id_resp_h")]
    destination: Option<&'a str>,
    #[serde(rename = "id.resp_p", alias = "id_resp_p")]
    port: Option<u16>,
    #[serde(borrow)]
    id: Option<Ends<'a>>,
    proto: Option<&'a str>,
    #[serde(alias = "request_body_len")]
    orig_bytes: Option<u64>,
    #[serde(alias = "server_name", alias = "query")]
    host: Option<&'a str>,
    answers: Option<Vec<Cow<'a, str>>>,
    method: Option<&'a str>,
    uri: Option<&'a str>,
}

#[derive(Deserialize)]
struct Ends<'a> {
    orig_h: &'a str,
    resp_h: &'a str,
    resp_p: Option<u16>,
}

/// Reads a record in one of the three dialects of keys, if its stream is one of those that count.
pub(super) fn object(text: &str) -> Option<Light<'_>> {
    let record: Object<'_> = serde_json::from_str(text.trim()).ok()?;
    let (by, kind) = match record._path {
        "conn" => ("zeek-conn", EventKind::Connect),
        "dns" => ("zeek-dns", EventKind::Dns),
        "http" => ("zeek-http", EventKind::Exchange),
        "ssl" | "tls" => ("zeek-ssl", EventKind::Exchange),
        _ => return None,
    };
    let mut values = Values::default();
    let ends = record.id.as_ref();
    for (role, value) in [
        (Role::Source, record.source.or(ends.map(|ends| ends.orig_h))),
        (Role::Destination, record.destination.or(ends.map(|ends| ends.resp_h))),
        (Role::Transport, record.proto),
        (Role::Host, record.host),
        (Role::Method, record.method),
        (Role::Path, record.uri),
    ] {
        values.set(role, value.unwrap_or_default());
    }
    let mut light = values.light(by, kind, record.ts.stamp()?)?;
    light.port = record.port.or(ends.and_then(|ends| ends.resp_p));
    light.bytes_out = record.orig_bytes;
    if let Some(answers) = record.answers {
        let answers = answers.iter().filter(|answer| !is_unset(answer)).take(64);
        light.answers = answers.map(|answer| answer.trim_end_matches('.').to_owned()).collect();
    }
    Some(light)
}

/// A time as a text or as a number of seconds or milliseconds.
enum Time<'a> {
    Text(&'a str),
    Number(f64),
}

impl Time<'_> {
    fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Text(text) => parse_whole(text),
            Self::Number(number) => {
                fixed::number(*number).or_else(|| parse_whole(&number.to_string()))
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Time<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = Time<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Time::Text(text))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Time::Number(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "epochs are below 2^53 up to milliseconds")]
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Time::Number(number as f64))
    }
}
