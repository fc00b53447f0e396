//! Zeek logs: tab-separated by their `#fields` line, or JSON.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::json::{self, Value};
use crate::labels::{assign, is_unset};
use crate::lanes::ZeekPlan;
use crate::line::Line;
use crate::stamp::{parse_whole, epoch};
use wb_core::{EventKind, NetVerdict};

/// The header of the log being read.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    header: Option<Header>,
    plan: Option<ZeekPlan>,
}

impl State {
    /// How rows are read on the short way.
    pub(crate) fn plan(&self) -> Option<&ZeekPlan> {
        self.plan.as_ref()
    }
}

#[derive(Clone, Debug)]
struct Header {
    path: &'static Path,
    separator: char,
    columns: Vec<(Column, String)>,
}

/// A log stream: its `#path`, its name here, and what its records are.
#[derive(Debug)]
struct Path {
    path: &'static str,
    source: &'static str,
    kind: EventKind,
}

const PATHS: &[Path] = &[
    Path { path: "conn", source: "zeek-conn", kind: EventKind::Connect },
    Path { path: "dns", source: "zeek-dns", kind: EventKind::Dns },
    Path { path: "http", source: "zeek-http", kind: EventKind::Exchange },
    Path { path: "ssl", source: "zeek-ssl", kind: EventKind::Exchange },
    Path { path: "tls", source: "zeek-ssl", kind: EventKind::Exchange },
    Path { path: "files", source: "zeek-files", kind: EventKind::Note },
    Path { path: "x509", source: "zeek-x509", kind: EventKind::Note },
    Path { path: "notice", source: "zeek-notice", kind: EventKind::Alert },
    Path { path: "weird", source: "zeek-weird", kind: EventKind::Note },
    Path { path: "ssh", source: "zeek-ssh", kind: EventKind::Exchange },
    Path { path: "intel", source: "zeek-intel", kind: EventKind::Alert },
    Path { path: "signatures", source: "zeek-notice", kind: EventKind::Alert },
];

/// Streams that are not listed.
static OTHER: Path = Path { path: "", source: "zeek", kind: EventKind::Note };

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Time,
    Source,
    SourcePort,
    Destination,
    DestinationPort,
    Transport,
    Service,
    BytesOut,
    BytesIn,
    Host,
    Answers,
    Method,
    Path,
    Message,
    Other,
}

const COLUMNS: &[(&str, Column)] = &[
    ("ts", Column::Time),
    ("id.orig_h", Column::Source),
    ("id.orig_p", Column::SourcePort),
    ("id.resp_h", Column::Destination),
    ("id.resp_p", Column::DestinationPort),
    ("src", Column::Source),
    ("dst", Column::Destination),
    ("p", Column::DestinationPort),
    ("proto", Column::Transport),
    ("service", Column::Service),
    ("orig_bytes", Column::BytesOut),
    ("request_body_len", Column::BytesOut),
    ("resp_bytes", Column::BytesIn),
    ("response_body_len", Column::BytesIn),
    ("query", Column::Host),
    ("server_name", Column::Host),
    ("host", Column::Host),
    ("answers", Column::Answers),
    ("method", Column::Method),
    ("uri", Column::Path),
    ("msg", Column::Message),
];

fn column(name: &str) -> Column {
    COLUMNS.iter().find(|(known, _)| *known == name).map_or(Column::Other, |(_, column)| *column)
}

fn path(name: &str) -> &'static Path {
    PATHS.iter().find(|path| path.path == name).unwrap_or(&OTHER)
}

/// Reads a header line or a row.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    read_plain(line.text, state)
}

/// Like [`read`], for a line whose head was not looked at: rows need no more than the header.
pub(crate) fn read_plain(text: &str, state: &mut State) -> Option<Reading> {
    if text.starts_with('#') {
        return directive(text, state);
    }
    let header = state.header.as_ref().filter(|header| !header.columns.is_empty())?;
    let values: Vec<&str> = text.split(header.separator).collect();
    // A row that was cut still has its first columns; a line of something else has no separator.
    if values.len() < 3 || values.len() > header.columns.len() {
        return None;
    }
    let timed = header.columns.iter().zip(&values).find(|((column, _), _)| *column == Column::Time);
    if timed.is_some_and(|(_, value)| !value.starts_with(|first: char| first.is_ascii_digit())) {
        return None;
    }
    Reading::record(row(header, &values, text))
}

fn directive(text: &str, state: &mut State) -> Option<Reading> {
    let separator = state.header.as_ref().map_or('\t', |header| header.separator);
    let (name, value) = text.split_once([separator, ' '])?;
    match name {
        "#separator" => {
            let hex = value.trim().strip_prefix("\\x");
            let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(b'\t');
            state.header =
                Some(Header { path: &OTHER, separator: char::from(code), columns: Vec::new() });
        }
        "#path" => header(state).path = path(value.trim()),
        "#fields" => {
            let names = value.split(separator).map(|name| (column(name), name.to_owned())).take(256);
            header(state).columns = names.collect();
        }
        "#set_separator" | "#empty_field" | "#unset_field" | "#open" | "#close" | "#types"
            if state.header.is_some() => {}
        _ => return None,
    }
    let header = state.header.as_ref();
    state.plan = header.filter(|header| !header.columns.is_empty()).and_then(|header| {
        let names = header.columns.iter().map(|(_, name)| name.as_str());
        ZeekPlan::new(header.path.source, header.path.kind, header.separator, names)
    });
    Some(Reading::Header(header.map_or("zeek", |header| header.path.source)))
}

fn header(state: &mut State) -> &mut Header {
    state.header.get_or_insert_with(|| Header { path: &OTHER, separator: '\t', columns: Vec::new() })
}

fn row(header: &Header, values: &[&str], text: &str) -> Draft {
    let mut draft = Draft::new(header.path.source, text);
    draft.structured = true;
    for ((column, name), value) in header.columns.iter().zip(values) {
        if !is_unset(value) {
            put(&mut draft, *column, name, value);
        }
    }
    finish(&mut draft, header.path.kind);
    draft
}

fn put(draft: &mut Draft, column: Column, name: &str, value: &str) {
    match column {
        Column::Time => draft.stamp = epoch(value).map(|(stamp, _)| stamp).or_else(|| parse_whole(value)),
        Column::Source => fill(&mut draft.net().source, value),
        Column::Destination => fill(&mut draft.net().destination, value),
        Column::SourcePort => draft.net().source_port = value.parse().ok(),
        Column::DestinationPort => {
            let net = draft.net();
            net.destination_port = net.destination_port.or_else(|| value.parse().ok());
        }
        Column::Transport => fill(&mut draft.net().transport, value),
        Column::Service => fill(&mut draft.net().protocol, value),
        Column::BytesOut => draft.net().bytes_out = value.parse().ok(),
        Column::BytesIn => draft.net().bytes_in = value.parse().ok(),
        Column::Host => fill(&mut draft.net().host, value.trim_end_matches('.')),
        Column::Answers => {
            let answers = value.split(',').filter(|answer| !is_unset(answer)).take(64);
            draft.net().answers.extend(answers.map(|answer| answer.trim_end_matches('.').to_owned()));
        }
        Column::Method => fill(&mut draft.net().method, value),
        Column::Path => fill(&mut draft.net().path, value),
        Column::Message => draft.set("msg", value),
        Column::Other => draft.set(name, value),
    }
}

/// Settles what depends on the stream.
fn finish(draft: &mut Draft, kind: EventKind) {
    let has_destination = draft.net.as_ref().is_some_and(|net| net.destination.is_some());
    draft.kind = Some(match kind {
        EventKind::Note if draft.source == "zeek" && has_destination => EventKind::Exchange,
        kind => kind,
    });
    let protocol = match draft.source {
        "zeek-dns" => "dns",
        "zeek-http" => "http",
        "zeek-ssl" => "tls",
        "zeek-ssh" => "ssh",
        _ => "",
    };
    if !protocol.is_empty() {
        fill(&mut draft.net().protocol, protocol);
    }
    if kind == EventKind::Alert {
        alert(draft);
    }
    for name in ["sha256", "sha1", "md5"] {
        if let Some(value) = draft.fields.remove(name) {
            assign(draft, name, &value);
        }
    }
}

/// A notice's message says more than its row; an action of dropping is a verdict.
fn alert(draft: &mut Draft) {
    let dropped = draft.field("actions").is_some_and(|actions| actions.contains("ACTION_DROP"));
    if dropped {
        draft.net().verdict = Some(NetVerdict::Blocked);
    }
    let note = draft.field("note").unwrap_or_default().to_owned();
    if let Some(message) = draft.fields.get("msg") {
        draft.message = if note.is_empty() { message.clone() } else { format!("{note}: {message}") };
    }
    draft.set("rule.name", &note);
    fill(&mut draft.level, "alert");
}

/// A Zeek record as JSON: keys with dots, nested, or with underscores.
pub(crate) fn read_json(value: &Value, text: &str) -> Option<Draft> {
    let name = ["_path", "@stream", "_stream", "log_path"]
        .iter()
        .find_map(|key| value.get(key).and_then(Value::as_str));
    let nested = value.get("id").is_some_and(|id| id.get("orig_h").is_some());
    let flat = value.get("id.orig_h").is_some() || value.get("id_orig_h").is_some();
    if name.is_none() && !nested && !flat {
        return None;
    }
    let path = path(name.unwrap_or_else(|| guess(value)));
    let mut draft = Draft::new(path.source, text);
    draft.structured = true;
    json::flatten(value, &mut |key, value| {
        let dotted = key.replace("id_orig", "id.orig").replace("id_resp", "id.resp");
        if !is_unset(value) {
            put(&mut draft, column(&dotted), key, value);
        }
    });
    finish(&mut draft, path.kind);
    Some(draft)
}

/// The stream of a record that does not name it.
fn guess(value: &Value) -> &'static str {
    const SIGNS: &[(&str, &str)] = &[
        ("conn_state", "conn"), ("qtype_name", "dns"), ("query", "dns"), ("server_name", "ssl"), ("cipher", "ssl"),
        ("user_agent", "http"), ("method", "http"), ("note", "notice"),
    ];
    SIGNS.iter().find(|(sign, _)| value.get(sign).is_some()).map_or("", |(_, path)| path)
}
