//! The envelopes of security products: CEF (ArcSight's Common Event Format) and LEEF (QRadar's).

use super::Reading;
use crate::draft::Draft;
use crate::labels::assign;
use crate::line::Line;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// From this severity on, of ten, a record is an alarm: CEF calls it high.
const HIGH: u32 = 7;

/// Reads a line that has one of the envelopes.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let mut draft = cef(line.text).or_else(|| leef(line.text))?;
    draft.stamp = draft.stamp.or(line.head.map(|head| head.stamp));
    draft.structured = true;
    let severity = draft.field("event.severity").and_then(|value| value.parse::<u32>().ok());
    let ends = draft.net.as_ref().filter(|net| net.destination.is_some() || net.host.is_some());
    let blocked = ends.is_some_and(|net| net.verdict == Some(NetVerdict::Blocked));
    draft.kind = match (severity.is_some_and(|value| value >= HIGH), blocked, ends.is_some()) {
        (true, ..) => Some(EventKind::Alert),
        (_, true, _) => Some(EventKind::Block),
        (_, _, true) => Some(EventKind::Connect),
        _ => None,
    };
    Reading::record(draft)
}

/// `CEF:0|vendor|product|version|class|name|severity|key=value key=value`. Values may have spaces.
fn cef(text: &str) -> Option<Draft> {
    let (_, rest) = text.split_once("CEF:")?;
    let mut parts = Parts { rest };
    let version = parts.next()?;
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let (vendor, product, _) = (parts.next()?, parts.next()?, parts.next()?);
    let (class, name, severity) = (parts.next()?, parts.next()?, parts.next()?);
    let mut draft = new("cef", text, &vendor, &product, &class);
    name.clone_into(&mut draft.verb);
    draft.message = crate::scan::bounded(&name, crate::draft::LONGEST_MESSAGE);
    draft.set("rule.name", &name);
    draft.set("event.severity", severity_of(&severity));
    for (key, value) in extension(parts.rest) {
        assign(&mut draft, cef_key(key), &unescaped(value));
    }
    Some(draft)
}

/// `LEEF:1.0|vendor|product|version|class|key=value<TAB>key=value`; version 2 may name the separator.
fn leef(text: &str) -> Option<Draft> {
    let (_, rest) = text.split_once("LEEF:")?;
    let mut parts = Parts { rest };
    let version = parts.next()?;
    let (vendor, product, _, class) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut separator = '\t';
    let mut body = parts.rest;
    if version.starts_with('2')
        && let Some((named, rest)) = body.split_once('|').filter(|(named, _)| !named.contains('='))
    {
        let code = named.trim_start_matches(['x', 'X', '0']);
        let by_code = u8::from_str_radix(code, 16).ok().map(char::from);
        let single = named.chars().next().filter(|_| named.chars().count() == 1);
        separator = single.or(by_code).unwrap_or('\t');
        body = rest;
    }
    let mut draft = new("leef", text, &vendor, &product, &class);
    class.clone_into(&mut draft.verb);
    for (key, value) in body.split(separator).take(128).filter_map(|pair| pair.split_once('=')) {
        match key.trim() {
            "sev" => draft.set("event.severity", value),
            "devTime" | "devTimeFormat" if value.is_empty() => {}
            key => assign(&mut draft, leef_key(key), value),
        }
    }
    Some(draft)
}

fn new(source: &'static str, text: &str, vendor: &str, product: &str, class: &str) -> Draft {
    let mut draft = Draft::new(source, text);
    draft.set("observer.vendor", vendor);
    draft.set("observer.product", product);
    draft.set("event.code", class);
    draft
}

/// Severities are numbers or words.
fn severity_of(text: &str) -> &str {
    match text.trim() {
        "Low" => "3",
        "Medium" => "5",
        "High" => "8",
        "Very-High" => "10",
        other => other,
    }
}

/// Keys of CEF whose short names mean something else elsewhere.
fn cef_key(key: &str) -> &str {
    match key {
        "rt" | "start" => "time",
        "act" => "action",
        "request" => "url",
        "requestMethod" => "http.method",
        "suser" => "user",
        "duser" => "user.target.name",
        "shost" | "dvchost" => "host.name",
        "fileHash" => "hash",
        "fname" | "filePath" => "file",
        "sproc" => "process.name",
        "app" => "network.protocol",
        other => other,
    }
}

fn leef_key(key: &str) -> &str {
    match key {
        "devTime" => "time",
        "usrName" => "user",
        "srcPort" => "src_port",
        "dstPort" => "dst_port",
        "srcBytes" => "bytes_out",
        "dstBytes" => "bytes_in",
        "identHostName" => "host.name",
        other => other,
    }
}

/// The parts of a header, separated by bars; a backslash protects a bar.
struct Parts<'a> {
    rest: &'a str,
}

impl Parts<'_> {
    fn next(&mut self) -> Option<String> {
        let mut escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'|' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let part = unescaped(self.rest.get(..end)?);
        self.rest = self.rest.get(end.checked_add(1)?..)?;
        Some(part)
    }
}

fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.trim().to_owned();
    }
    let plain = text.replace("\\=", "=").replace("\\|", "|").replace("\\n", "\n");
    plain.replace("\\\\", "\\").trim().to_owned()
}

/// `key=value` pairs where a value reaches to the next key.
fn extension(text: &str) -> Vec<(&str, &str)> {
    let mut starts = Vec::new();
    for (equals, _) in text.match_indices('=').take(256) {
        let before = text.get(..equals).unwrap_or_default();
        let key = before.rsplit(' ').next().unwrap_or_default();
        let named = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        if !key.is_empty() && named {
            starts.push((equals.saturating_sub(key.len()), equals));
        }
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    let pair = |((start, equals), end): (&(usize, usize), usize)| {
        Some((text.get(*start..*equals)?, text.get(equals.checked_add(1)?..end)?))
    };
    starts.iter().zip(ends).filter_map(pair).collect()
}
