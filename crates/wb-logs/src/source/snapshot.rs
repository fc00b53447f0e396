//! What ran at one moment: text of `ps`, `lsof`, `ss` and `netstat`. It has no time of its own.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::line::Line;
use crate::tokens::{Endpoint, endpoint};
use wb_core::EventKind;

/// The table that rows belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    table: Option<Table>,
}

#[derive(Clone, Debug)]
enum Table {
    /// Columns of `ps`; the last takes the rest of the row.
    Processes(Vec<String>),
    /// Columns of `lsof`; the last is the name.
    Files(usize),
    /// `ss` and `netstat`.
    Sockets,
}

/// Reads a header or a row under it.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    if line.head.is_some() {
        return None;
    }
    if let Some((table, source)) = header(line.text) {
        state.table = Some(table);
        return Some(Reading::Header(source));
    }
    let draft = match state.table.as_ref()? {
        Table::Processes(columns) => process(line.text, columns),
        Table::Files(columns) => file(line.text, *columns),
        Table::Sockets => socket(line.text),
    };
    if draft.is_none() {
        state.table = None;
    }
    Reading::record(draft?)
}

fn header(text: &str) -> Option<(Table, &'static str)> {
    let words: Vec<&str> = text.split_whitespace().take(24).collect();
    let has = |word: &str| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    let last = words.last()?;
    if has("PID") && (*last == "COMMAND" || *last == "CMD" || *last == "ARGS") && words.len() >= 3 {
        let columns = words.iter().map(|word| (*word).to_owned()).collect();
        return Some((Table::Processes(columns), "ps"));
    }
    if words.first() == Some(&"COMMAND") && has("FD") && *last == "NAME" {
        return Some((Table::Files(words.len()), "lsof"));
    }
    let sockets = has("Recv-Q") && has("Send-Q") && words.len() >= 5;
    sockets.then_some((Table::Sockets, "ss"))
}

/// The first `count` words of a row, and the rest.
fn columns(text: &str, count: usize) -> Option<(Vec<&str>, &str)> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    for _ in 0..count {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        words.push(word);
        rest = after.trim_start();
    }
    Some((words, rest))
}

fn process(text: &str, names: &[String]) -> Option<Draft> {
    let (values, command) = columns(text, names.len().checked_sub(1)?)?;
    let mut draft = Draft::new("ps", text);
    draft.structured = true;
    draft.kind = Some(EventKind::Note);
    for (name, value) in names.iter().zip(&values) {
        match name.as_str() {
            "PID" => {
                value.parse::<u32>().ok()?;
                draft.set("process.pid", value);
            }
            "PPID" => draft.set("process.parent.pid", value),
            "USER" | "UID" => fill(&mut draft.actor, value),
            "STIME" | "START" | "STARTED" | "LSTART" => draft.set("process.start", value),
            _ => {}
        }
    }
    draft.field("process.pid")?;
    draft.set("process.command_line", command);
    Some(draft)
}

fn file(text: &str, count: usize) -> Option<Draft> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.get(1)?.parse::<u32>().ok()?;
    let mut draft = Draft::new("lsof", text);
    draft.structured = true;
    draft.kind = Some(EventKind::Note);
    draft.set("process.name", words.first()?);
    draft.set("process.pid", words.get(1)?);
    fill(&mut draft.actor, words.get(2)?);
    let ends = words.iter().find_map(|word| word.split_once("->"));
    if let Some((from, to)) = ends {
        between(&mut draft, endpoint(from)?, endpoint(to)?);
    } else {
        // Columns may be empty, so the name is what begins with a slash, or the last.
        let name = words.iter().find(|word| word.starts_with('/')).or(words.last());
        let named = words.len() >= 5 && words.len() <= count.saturating_add(8);
        draft.set("file.name", name.filter(|_| named)?);
    }
    Some(draft)
}

/// A row of sockets: its two ends, and the process where it is given: `users:(("python3",pid=4312,fd=7))`.
fn socket(text: &str) -> Option<Draft> {
    let ends = |word: &&str| word.contains(':') && !word.starts_with("users:");
    let mut ends = text.split_whitespace().filter(ends).map(|word| {
        // A name of an interface follows the address after a per cent sign.
        match word.split_once('%') {
            Some((address, rest)) => {
                format!("{address}{}", rest.rfind(':').and_then(|at| rest.get(at..)).unwrap_or_default())
            }
            None => word.to_owned(),
        }
    });
    let (local, peer) = (ends.next()?, ends.next()?);
    let mut draft = Draft::new("ss", text);
    draft.structured = true;
    draft.kind = Some(EventKind::Note);
    match (endpoint(&local), endpoint(&peer)) {
        (Some(local), Some(peer)) => between(&mut draft, local, peer),
        _ => draft.set("server.address", &local),
    }
    if let Some((_, users)) = text.split_once("users:((\"") {
        draft.set("process.name", users.split('"').next()?);
        let pid = users.split_once("pid=").map(|(_, rest)| rest.split([',', ')']).next());
        draft.set("process.pid", pid.flatten().unwrap_or_default());
    } else if let Some((pid, name)) = text.split_whitespace().last().and_then(|word| word.split_once('/')) {
        draft.set("process.pid", pid);
        draft.set("process.name", name);
    }
    Some(draft)
}

fn between(draft: &mut Draft, local: Endpoint, peer: Endpoint) {
    draft.kind = Some(EventKind::Connect);
    let net = draft.net();
    (net.source, net.source_port) = (local.address.or(local.host), local.port);
    (net.destination, net.host, net.destination_port) = (peer.address, peer.host, peer.port);
}
