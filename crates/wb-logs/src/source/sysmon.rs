//! Sysmon for Linux: Windows events as XML in a line, in the system log.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::line::Line;
use crate::stamp::parse_whole;
use crate::tokens::address;
use wb_core::EventKind;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line with an `<Event>` that has an identifier.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let (_, event) = line.text.split_once("<Event>").or_else(|| line.text.split_once("<Event "))?;
    let id = between(event, "<EventID>", "</EventID>")?;
    let mut draft = Draft::new("sysmon", line.text);
    draft.structured = true;
    let written = between(event, "SystemTime=\"", "\"").and_then(parse_whole);
    draft.stamp = written.or(line.head.map(|head| head.stamp));
    draft.set("event.code", id);
    fill(&mut draft.host, between(event, "<Computer>", "</Computer>").unwrap_or_default());
    for data in event.split("<Data Name=\"").skip(1).take(64) {
        if let Some((name, rest)) = data.split_once("\">")
            && let Some(value) = rest.split("</Data>").next()
        {
            put(&mut draft, name, &plain(value));
        }
    }
    draft.kind = Some(match id {
        "1" => EventKind::Exec,
        "3" => EventKind::Connect,
        "11" | "23" | "26" => EventKind::Change,
        _ => EventKind::Note,
    });
    Reading::record(draft)
}

fn put(draft: &mut Draft, name: &str, value: &str) {
    if matches!(value, "" | "-") {
        return;
    }
    match name {
        "UtcTime" => draft.stamp = draft.stamp.or_else(|| parse_whole(value)),
        "Image" => draft.set("process.executable", value),
        "CommandLine" => draft.set("process.command_line", value),
        "ProcessId" => draft.set("process.pid", value),
        "ParentImage" => draft.set("process.parent.executable", value),
        "ParentProcessId" => draft.set("process.parent.pid", value),
        "ParentCommandLine" => draft.set("process.parent.command_line", value),
        "CurrentDirectory" => draft.set("process.working_directory", value),
        "User" => fill(&mut draft.actor, value),
        "TargetFilename" => draft.set("file.name", value),
        "SourceIp" => draft.net().source = address(value),
        "SourcePort" => draft.net().source_port = value.parse().ok(),
        "DestinationIp" => draft.net().destination = address(value),
        "DestinationPort" => draft.net().destination_port = value.parse().ok(),
        "DestinationHostname" => fill(&mut draft.net().host, value),
        "Protocol" => fill(&mut draft.net().transport, value),
        "RuleName" => draft.set("rule.name", value),
        _ => draft.set(name, value),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner.trim())
}

/// Text without XML's escapes.
fn plain(text: &str) -> String {
    if !text.contains('&') {
        return text.trim().to_owned();
    }
    let text = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&lt;", "<");
    text.replace("&gt;", ">").replace("&amp;", "&").trim().to_owned()
}
