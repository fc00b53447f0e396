//! What agents on a host record, as JSON: laurel's audit events, Tracee, osquery.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::json::Value;
use crate::line::Line;
use crate::stamp::{epoch, parse_whole};
use crate::tokens::address;
use wb_core::EventKind;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// JSON objects come by [`read_json`]; there is no text to read.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// Reads an object of one of the agents.
pub(crate) fn read_json(value: &Value, text: &str) -> Option<Draft> {
    let mut draft =
        laurel(value, text).or_else(|| tracee(value, text)).or_else(|| osquery(value, text))?;
    draft.structured = true;
    Some(draft)
}

/// A value as text.
fn at(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).take(256).collect();
            words.join(" ")
        }
        Some(Value::Null | Value::Object(_)) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Puts the values at `paths` in fields.
fn set_all(draft: &mut Draft, value: &Value, paths: &[(&str, &str)]) {
    for (name, path) in paths {
        draft.set(name, &at(value, path));
    }
}

/// Makes the record one of a connection, if there is an address.
fn connect(draft: &mut Draft, destination: &str, port: &str, kind: EventKind) {
    if let Some(address) = address(destination) {
        let net = draft.net();
        net.destination = Some(address);
        net.destination_port = port.parse().ok();
        draft.kind = Some(kind);
    }
}

/// laurel(8): the records of one audit event in one object, under their types.
fn laurel(value: &Value, text: &str) -> Option<Draft> {
    let id = value.get("ID")?.as_str()?;
    let (stamp, _) = epoch(id)?;
    let mut draft = Draft::new("laurel", text);
    draft.stamp = Some(stamp);
    draft.kind = Some(EventKind::Note);
    draft.host = Some(at(value, "/NODE")).filter(|node| !node.is_empty());
    set_all(&mut draft, value, &[
        ("auditd.serial", "/ID"),
        ("process.executable", "/SYSCALL/exe"),
        ("process.name", "/SYSCALL/comm"),
        ("process.pid", "/SYSCALL/pid"),
        ("process.parent.pid", "/SYSCALL/ppid"),
        ("process.parent.executable", "/SYSCALL/PPID/exe"),
        ("process.working_directory", "/CWD/cwd"),
        ("auditd.key", "/SYSCALL/key"),
        ("user.id", "/SYSCALL/uid"),
    ]);
    let actors = ["/SYSCALL/AUID", "/SYSCALL/UID", "/SYSCALL/auid"];
    let actor = actors.iter().map(|path| at(value, path)).find(|name| !name.is_empty());
    fill(&mut draft.actor, &actor.unwrap_or_default());
    if value.get("EXECVE").is_some() {
        draft.set("process.command_line", &at(value, "/EXECVE/ARGV"));
        draft.kind = None;
    }
    if let Some(path) = value.pointer("/PATH/0/name").and_then(Value::as_str) {
        draft.set("file.name", path);
    }
    let called = at(value, "/SYSCALL/SYSCALL");
    let incoming = matches!(called.as_str(), "bind" | "accept" | "accept4" | "listen");
    let kind = if incoming { EventKind::Note } else { EventKind::Connect };
    connect(&mut draft, &at(value, "/SOCKADDR/SADDR/addr"), &at(value, "/SOCKADDR/SADDR/port"), kind);
    Some(draft)
}

/// Tracee, "Events": a name, the process, and arguments by name. Times are nanoseconds.
fn tracee(value: &Value, text: &str) -> Option<Draft> {
    let event = value.get("eventName")?.as_str()?;
    let arguments = value.get("args")?.as_array()?;
    value.get("processName")?;
    let argument = |name: &str| {
        let found = arguments.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(name));
        found.map(|item| at(item, "/value")).unwrap_or_default()
    };
    let mut draft = Draft::new("tracee", text);
    draft.stamp = parse_whole(&at(value, "/timestamp"));
    draft.kind = Some(EventKind::Note);
    fill(&mut draft.host, &at(value, "/hostName"));
    set_all(&mut draft, value, &[
        ("event.action", "/eventName"),
        ("process.name", "/processName"),
        ("process.pid", "/processId"),
        ("process.parent.pid", "/parentProcessId"),
        ("user.id", "/userId"),
        ("container.id", "/containerId"),
    ]);
    if event.starts_with("sched_process_exec") || event == "execve" {
        draft.set("process.executable", &argument("pathname"));
        draft.set("process.command_line", &argument("argv"));
        draft.kind = None;
    }
    if event.starts_with("net_tcp_connect") || event == "security_socket_connect" {
        connect(&mut draft, &argument("dst"), &argument("dst_port"), EventKind::Connect);
        let name = argument("dst_dns");
        if let Some(net) = draft.net.as_mut() {
            fill(&mut net.host, name.split(' ').next().unwrap_or_default());
        }
    }
    // Signatures name their technique.
    if value.pointer("/metadata/Properties/Severity").is_some() {
        draft.set("rule.name", &at(value, "/metadata/Properties/signatureName"));
        draft.kind = Some(EventKind::Alert);
        draft.level = Some("alert".to_owned());
    }
    Some(draft)
}

/// osquery, "Logging": results of a query with the row that came or went.
fn osquery(value: &Value, text: &str) -> Option<Draft> {
    let row = value.get("columns")?.as_object()?;
    value.get("calendarTime").or_else(|| value.get("unixTime"))?;
    let column = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut draft = Draft::new("osquery", text);
    draft.kind = Some(EventKind::Note);
    let times = [at(value, "/unixTime"), at(value, "/calendarTime")];
    let own = parse_whole(column("time"));
    draft.stamp = own.or_else(|| times.iter().find_map(|time| parse_whole(time)));
    fill(&mut draft.host, &at(value, "/hostIdentifier"));
    draft.set("event.action", &at(value, "/name"));
    draft.set("process.pid", column("pid"));
    draft.set("process.parent.pid", column("parent"));
    draft.set("process.executable", column("path"));
    fill(&mut draft.actor, column("username"));
    if !column("cmdline").is_empty() {
        draft.set("process.command_line", column("cmdline"));
        draft.kind = None;
    }
    if column("action") != "bind" {
        connect(&mut draft, column("remote_address"), column("remote_port"), EventKind::Connect);
    }
    let target = column("target_path");
    if !target.is_empty() {
        draft.set("file.name", target);
        draft.kind = Some(EventKind::Change);
    }
    for (name, hash) in [("sha256", column("sha256")), ("md5", column("md5"))] {
        crate::labels::assign(&mut draft, name, hash);
    }
    Some(draft)
}
