//! Layers around a record: syslog headers, container runtimes, the journal. [`unwrap`] takes one off.

use crate::json::{self, Value};
use crate::labels::level;
use crate::scan::{Scan, leading};
use crate::stamp::{Stamp, parse_prefix, parse_whole};
use crate::tokens::{address, is_machine};
use std::collections::BTreeMap;

/// What a layer tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) source: &'static str,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) host: Option<String>,
    pub(crate) level: Option<&'static str>,
    pub(crate) fields: BTreeMap<String, String>,
    /// Whether the record goes on in the next line of the same stream.
    pub(crate) partial: bool,
}

/// A line with a layer taken off, or the JSON object that it is.
pub(crate) enum Unwrapped {
    Layer(Box<Layer>, String),
    Json(Box<Value>),
    Plain,
}

/// Takes one layer off `text`.
pub(crate) fn unwrap(text: &str) -> Unwrapped {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        return match json::parse(trimmed) {
            Some(value) => from_json(value),
            None => Unwrapped::Plain,
        };
    }
    if trimmed.starts_with('<')
        && let Some((layer, rest)) = priority(trimmed)
    {
        return Unwrapped::Layer(Box::new(layer), rest.to_owned());
    }
    if trimmed.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && let Some((layer, rest)) = cri(trimmed).or_else(|| syslog(trimmed))
    {
        return Unwrapped::Layer(Box::new(layer), rest.to_owned());
    }
    Unwrapped::Plain
}

/// Docker's json-file driver, and the journal as JSON.
fn from_json(value: Value) -> Unwrapped {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(log) = text("log")
        && ["stream", "time", "kubernetes", "@timestamp"].iter().any(|key| value.get(key).is_some())
    {
        let layer = Layer {
            source: "docker-json",
            stamp: text("time").or(text("@timestamp")).and_then(parse_whole),
            host: value.pointer("/kubernetes/host").and_then(Value::as_str).map(str::to_owned),
            partial: !log.ends_with('\n') && value.get("partial_message").is_some(),
            ..Layer::default()
        };
        return Unwrapped::Layer(Box::new(layer), log.trim_end_matches(['\n', '\r']).to_owned());
    }
    if let Some(inner) = value.get("_source").filter(|inner| inner.is_object())
        && (value.get("_index").is_some() || value.get("_id").is_some())
    {
        return from_json(inner.clone());
    }
    if let Some((layer, message)) = shipped(&value) {
        return Unwrapped::Layer(Box::new(layer), message);
    }
    if value.get("MESSAGE").is_some()
        && (value.get("__REALTIME_TIMESTAMP").is_some() || value.get("_HOSTNAME").is_some())
    {
        let (layer, message) = journal(&value);
        return Unwrapped::Layer(Box::new(layer), message);
    }
    Unwrapped::Json(Box::new(value))
}

/// What collectors put around a line: CloudWatch Logs' exports, Loki's, and those of Elastic's agents.
fn shipped(value: &Value) -> Option<(Layer, String)> {
    let has = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
    let (source, line, time) = if has(&["labels"]) && value.get("line").is_some() {
        ("loki", "line", "timestamp")
    } else if value.get("timestamp").is_some_and(Value::is_number)
        && has(&["ingestionTime", "logStreamName", "eventId", "id"])
        && value.as_object().is_some_and(|members| members.len() <= 6)
    {
        ("cloudwatch", "message", "timestamp")
    } else if has(&["agent", "beat", "input"]) && value.get("event").is_none() {
        ("elastic", "message", "@timestamp")
    } else {
        return None;
    };
    let message = value.get(line)?.as_str()?;
    let stamp = match value.get(time)? {
        Value::String(text) => parse_whole(text),
        other => parse_whole(&other.to_string()),
    }?;
    let mut layer = Layer { source, stamp: Some(stamp), ..Layer::default() };
    let at = |path: &str| value.pointer(path).and_then(Value::as_str);
    let hosts = [
        "/labels/host",
        "/labels/hostname",
        "/labels/node_name",
        "/labels/instance",
        "/host/name",
        "/agent/hostname",
    ];
    layer.host = hosts.iter().find_map(|path| at(path)).map(str::to_owned);
    for (name, path) in [
        ("service.name", "/labels/app"),
        ("service.name", "/labels/job"),
        ("container.name", "/labels/container"),
        ("kubernetes.pod", "/labels/pod"),
        ("log.file.path", "/log/file/path"),
        ("log.stream", "/logStreamName"),
    ] {
        if let Some(value) = at(path) {
            layer.fields.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Some((layer, message.trim_end_matches(['\n', '\r']).to_owned()))
}

/// A journal entry: `systemd.journal-fields(7)`. Messages that are no UTF-8 are lists of bytes.
fn journal(value: &Value) -> (Layer, String) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let stamp = ["_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"]
        .iter()
        .find_map(|name| text(name).and_then(parse_whole));
    let message = match value.get("MESSAGE") {
        Some(Value::String(message)) => message.clone(),
        Some(Value::Array(bytes)) => {
            let bytes: Vec<u8> =
                bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => String::new(),
    };
    let mut fields = BTreeMap::new();
    let named = [
        ("service.name", "SYSLOG_IDENTIFIER"),
        ("service.unit", "_SYSTEMD_UNIT"),
        ("process.pid", "_PID"),
        ("process.executable", "_EXE"),
        ("journald.cmdline", "_CMDLINE"),
        ("user.id", "_UID"),
        ("unit", "UNIT"),
    ];
    for (name, key) in named {
        if let Some(value) = text(key) {
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    let layer = Layer {
        source: "journald-json",
        stamp,
        host: text("_HOSTNAME").map(str::to_owned),
        level: text("PRIORITY").and_then(level),
        fields,
        partial: false,
    };
    (layer, message)
}

/// The container runtime interface's log format: `TIME stdout F|P message`.
fn cri(text: &str) -> Option<(Layer, &str)> {
    let (stamp, rest) = parse_prefix(text)?;
    let rest = rest.strip_prefix(" stdout ").or_else(|| rest.strip_prefix(" stderr "))?;
    let (tag, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let partial = match tag.split(':').next()? {
        "F" => false,
        "P" => true,
        _ => return None,
    };
    let layer = Layer { source: "cri", stamp: Some(stamp), partial, ..Layer::default() };
    Some((layer, message))
}

/// `<13>` and what follows: RFC 5424 when a version comes next, else RFC 3164.
fn priority(text: &str) -> Option<(Layer, &str)> {
    let mut scan = Scan::new(text);
    scan.eat(b'<');
    let priority = scan.digits(1, 3).filter(|value| *value < 192)?;
    if !scan.eat(b'>') {
        return None;
    }
    let severity = level(&(priority & 7).to_string());
    let (mut layer, rest) = rfc5424(scan.rest())
        .or_else(|| syslog(scan.rest()))
        .unwrap_or_else(|| (Layer { source: "syslog", ..Layer::default() }, scan.rest()));
    layer.level = layer.level.or(severity);
    Some((layer, rest))
}

/// RFC 5424 after the priority: `1 TIME HOST APP PROCID MSGID [SD] MSG`.
fn rfc5424(text: &str) -> Option<(Layer, &str)> {
    let rest = text.strip_prefix("1 ")?;
    let (stamp, rest) = match rest.strip_prefix("- ") {
        Some(rest) => (None, rest),
        None => {
            let (stamp, rest) = parse_prefix(rest)?;
            (Some(stamp), rest.strip_prefix(' ')?)
        }
    };
    let mut parts = rest.splitn(5, ' ');
    let (host, app, process, _id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let message = structured_data(parts.next().unwrap_or_default());
    let mut layer = Layer { source: "syslog", stamp, ..Layer::default() };
    layer.host = (host != "-").then(|| host.to_owned());
    for (name, value) in [("service.name", app), ("process.pid", process)] {
        if value != "-" {
            layer.fields.insert(name.to_owned(), value.to_owned());
        }
    }
    Some((layer, message.trim_start_matches('\u{feff}')))
}

/// Skips the structured data of RFC 5424. Its pairs stay in the message's way only if they are broken.
fn structured_data(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix("- ") {
        return rest;
    }
    let mut rest = text;
    while rest.starts_with('[') {
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b']' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(next) = end.and_then(|end| rest.get(end.saturating_add(1)..)) else { break };
        rest = next;
    }
    rest.trim_start()
}

/// `Nov  2 22:00:05 host program[pid]: message`, also with an RFC 3339 timestamp.
fn syslog(text: &str) -> Option<(Layer, &str)> {
    let named = text.as_bytes().first()?.is_ascii_alphabetic();
    let (stamp, rest) = parse_prefix(text)?;
    if named && !matches!(stamp, Stamp::NoYear(..) | Stamp::Local(_)) {
        return None;
    }
    let rest = rest.strip_prefix(' ')?;
    let host = leading(rest, |byte| byte != b' ' && byte != b'\t');
    let after = rest.get(host.len()..)?.trim_start();
    let host_fits =
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
            && !host.ends_with(':')
            && level(host).is_none();
    let plain = host.bytes().any(|byte| byte.is_ascii_digit() || b"-.".contains(&byte))
        && !host.bytes().any(|byte| byte.is_ascii_uppercase());
    let likely = named || plain || is_machine(host) || address(host).is_some();
    if !(host_fits && likely) {
        return None;
    }
    let tag = leading(after, |byte| byte != b' ');
    let program = tag.strip_suffix(':');
    if program.is_none() && !named {
        return None;
    }
    let (program, message) = match program {
        // `%ASA-6-302013` is the message of an appliance, and no program.
        Some(program)
            if !program.is_empty() && level(program).is_none() && !program.starts_with('%') =>
        {
            (program, after.get(tag.len()..).unwrap_or_default().trim_start())
        }
        _ => ("", after),
    };
    let mut layer = Layer { source: "syslog", stamp: Some(stamp), ..Layer::default() };
    layer.host = Some(host.to_owned());
    let (name, pid) = program.split_once('[').unwrap_or((program, ""));
    for (field, value) in [("service.name", name), ("process.pid", pid.trim_end_matches(']'))] {
        if !value.is_empty() {
            layer.fields.insert(field.to_owned(), value.to_owned());
        }
    }
    Some((layer, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, source: &str, host: Option<&str>, inner: &str) {
        match unwrap(text) {
            Unwrapped::Layer(layer, message) => {
                assert_eq!(
                    (layer.source, layer.host.as_deref(), message.as_str()),
                    (source, host, inner),
                    "{text}"
                );
            }
            _ => panic!("no layer: {text}"),
        }
    }

    #[test]
    fn layers() {
        check(
            "Nov  2 22:00:05 ml-02 kernel: [1.5] IN= OUT=eth0",
            "syslog",
            Some("ml-02"),
            "[1.5] IN= OUT=eth0",
        );
        check(
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            "syslog",
            Some("mymachine"),
            "'su root' failed",
        );
        check(
            "<165>1 2003-10-11T22:14:15.003Z host.example app 12 ID47 [x@1 a=\"b\\]\"][y@2] An event",
            "syslog",
            Some("host.example"),
            "An event",
        );
        check(
            "2026-11-02T22:00:05.1+00:00 ml-02 systemd[1]: Started x.",
            "syslog",
            Some("ml-02"),
            "Started x.",
        );
        check("2022-01-28T16:04:05.413656027Z stdout F hello", "cri", None, "hello");
        check(
            "{\"log\":\"a b\\n\",\"stream\":\"stdout\",\"time\":\"2021-08-24T09:52:13.2Z\"}",
            "docker-json",
            None,
            "a b",
        );
        check(
            "{\"__REALTIME_TIMESTAMP\":\"1793530800000000\",\"_HOSTNAME\":\"h\",\"MESSAGE\":[104,105]}",
            "journald-json",
            Some("h"),
            "hi",
        );
    }

    #[test]
    fn text_with_a_colon_is_no_syslog() {
        for text in [
            "2026-03-10 09:12:44 UTC [INFO ] deploy-svc: release",
            "2026-03-13T20:00:54Z ALLOW TCP 10.0.0.1:1 -> 10.0.0.2:2",
            "2026-03-10 09:12:44 ml-infer-01: loaded",
            "2026-03-10 09:12:44 INFO deploy-svc: release",
            "plain text",
        ] {
            assert!(matches!(unwrap(text), Unwrapped::Plain), "{text}");
        }
    }
}
