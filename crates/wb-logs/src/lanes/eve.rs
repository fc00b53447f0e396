//! Suricata's EVE: connections, requests and look-ups. Alerts and the rest are wanted whole.

use super::vpc::canonical;
use super::{Glance, Light};
use crate::flows::Part;
use crate::labels::{is_unset, transport};
use crate::stamp::parse_whole;
use serde::Deserialize;
use std::borrow::Cow;
use wb_core::EventKind;

#[derive(Deserialize)]
struct Record<'a> {
    timestamp: &'a str,
    event_type: &'a str,
    src_ip: Option<&'a str>,
    dest_ip: Option<&'a str>,
    dest_port: Option<u16>,
    proto: Option<&'a str>,
    flow: Option<Flow>,
    #[serde(borrow)]
    tls: Option<Tls<'a>>,
    #[serde(borrow)]
    http: Option<Http<'a>>,
}

#[derive(Deserialize)]
struct Flow {
    bytes_toserver: Option<u64>,
}

#[derive(Deserialize)]
struct Tls<'a> {
    #[serde(borrow)]
    sni: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Http<'a> {
    #[serde(borrow)]
    hostname: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    http_method: Option<Cow<'a, str>>,
}

/// Reads a record; statistics and the like are messages.
pub(super) fn object(text: &str) -> Option<Glance<'_>> {
    let record: Record<'_> = serde_json::from_str(text.trim()).ok()?;
    let stamp = parse_whole(record.timestamp)?;
    let (kind, part) = match record.event_type {
        "flow" | "netflow" => (EventKind::Connect, Part::Whole),
        "tls" | "http" => (EventKind::Exchange, Part::Attempt),
        "stats" => return Some(Glance::Words { stamp: Some(stamp), words: [text, ""] }),
        _ => return None,
    };
    let mut light = Light::new("suricata-eve", kind, stamp);
    light.part = part;
    light.source = canonical(record.src_ip?)?;
    light.destination = canonical(record.dest_ip?)?;
    light.port = record.dest_port;
    light.transport = Cow::Borrowed(transport(record.proto.unwrap_or_default()));
    light.bytes_out = record.flow.and_then(|flow| flow.bytes_toserver);
    if let Some(name) = record.tls.and_then(|tls| tls.sni) {
        light.host = host(name);
    }
    if let Some(http) = record.http {
        if let Some(name) = http.hostname {
            light.host = host(name);
        }
        light.path = http.url.unwrap_or_default();
        light.method = http.http_method.unwrap_or_default();
    }
    Some(Glance::Net(light))
}

fn host(name: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = name.trim_end_matches('.').trim();
    if is_unset(&name) {
        Cow::Borrowed("")
    } else if trimmed.len() == name.len() {
        name
    } else {
        Cow::Owned(trimmed.to_owned())
    }
}
