//! Linux audit records: `type=EXECVE msg=audit(1684331127.039:3210): argc=2 a0="curl" a1="-s"`, and those that
//! Azure's agent joined: `type=AUOMS_EXECVE audit(1652292621.986:84138): ... cmdline="curl -s"`.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::line::Line;
use crate::pairs::pairs;
use crate::stamp::epoch;
use crate::tokens::is_hex;
use std::net::{Ipv4Addr, Ipv6Addr};
use wb_core::EventKind;

/// The event that records belong to: several lines with one serial number.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    serial: String,
    /// What the record of the system call says about who made it.
    caller: Vec<(&'static str, String)>,
    actor: Option<String>,
    /// Whether the system call takes connections instead of making one.
    incoming: bool,
    /// Whether a record with the arguments was read.
    executed: bool,
}

impl State {
    /// Whether an event is being read.
    pub(crate) fn is_inside(&self) -> bool {
        !self.serial.is_empty()
    }

    /// Begins another event, if `serial` is not that of this one.
    fn begin(&mut self, serial: &str) {
        if self.serial != serial {
            *self = Self { serial: serial.to_owned(), ..Self::default() };
        }
    }

    /// Keeps what a system call's record says.
    fn remember(&mut self, draft: &Draft) {
        const KEPT: [&str; 5] = [
            "process.executable", "process.name", "process.pid", "process.parent.pid", "key",
        ];
        self.caller = KEPT.iter().filter_map(|name| Some((*name, draft.field(name)?.to_owned()))).collect();
        self.actor.clone_from(&draft.actor);
        // bind, listen, accept and accept4, by the numbers of x86-64 and of arm64.
        let arm = draft.field("arch").is_some_and(|arch| arch.starts_with("c00000b7"));
        let number = draft.field("syscall").unwrap_or_default();
        let named = matches!(number, "bind" | "listen" | "accept" | "accept4");
        let x86 = !arm && matches!(number, "49" | "50" | "43" | "288");
        let on_arm = arm && matches!(number, "200" | "201" | "202" | "242");
        self.incoming = named || x86 || on_arm;
    }

    /// Gives a record what the system call's record said.
    fn complete(&self, draft: &mut Draft) {
        for (name, value) in &self.caller {
            draft.set(name, value);
        }
        draft.actor = draft.actor.take().or_else(|| self.actor.clone());
    }
}

/// Reads a line with `msg=audit(`.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let text = line.text;
    let joined = || text.split_once(" audit(").filter(|(before, _)| before.contains("type=AUOMS_"));
    let (before, rest) = text.split_once("msg=audit(").or_else(joined)?;
    let (stamp, after) = epoch(rest)?;
    let (serial, body) = after.strip_prefix(':')?.split_once(')')?;
    let mut draft = Draft::new("auditd", text);
    draft.structured = true;
    draft.stamp = Some(stamp);
    draft.set("auditd.serial", serial);
    state.begin(serial);
    let kind = pairs(before).iter().find(|pair| pair.key == "type").map(|pair| pair.value.to_owned());
    let kind = kind.unwrap_or_default();
    let kind = kind.strip_prefix("AUOMS_").unwrap_or(&kind);
    draft.set("auditd.type", kind);
    if let Some(node) = pairs(before).iter().find(|pair| pair.key == "node") {
        fill(&mut draft.host, node.value);
    }
    // The enriched tail repeats the fields in words, after a group separator.
    let (raw, words) = body.split_once('\u{1d}').unwrap_or((body, ""));
    let pairs = pairs(raw.trim_start_matches([':', ' ']));
    for pair in &pairs {
        match pair.key {
            "exe" => draft.set("process.executable", pair.value),
            "comm" => draft.set("process.name", pair.value),
            "pid" => draft.set("process.pid", pair.value),
            "ppid" => draft.set("process.parent.pid", pair.value),
            "acct" | "AUID" => fill(&mut draft.actor, pair.value),
            "name" => draft.set("file.name", &text_of(pair.value)),
            "cwd" => draft.set("process.working_directory", &text_of(pair.value)),
            "cmdline" => draft.set("process.command_line", pair.value),
            "proctitle" => draft.set("process.command_line", &text_of(pair.value)),
            "saddr" => socket(&mut draft, pair.value),
            _ => draft.set(pair.key, pair.value),
        }
    }
    if kind == "EXECVE" && draft.field("process.command_line").is_none() {
        let arguments: Vec<String> = pairs
            .iter()
            .filter(|pair| pair.key.strip_prefix('a').is_some_and(|rest| rest.parse::<u16>().is_ok()))
            .map(|pair| text_of(pair.value))
            .collect();
        draft.set("process.command_line", &arguments.join(" "));
    }
    names(&mut draft, words);
    match kind {
        "SYSCALL" => state.remember(&draft),
        "EXECVE" | "SOCKADDR" | "PATH" | "CWD" | "PROCTITLE" => state.complete(&mut draft),
        _ => {}
    }
    draft.kind = match kind {
        // What ran is told once: by its arguments, or else by its title.
        "EXECVE" => None,
        "PROCTITLE" if !state.executed => None,
        "SOCKADDR" if draft.net.is_some() && !state.incoming => Some(EventKind::Connect),
        "USER_LOGIN" | "USER_AUTH" | "USER_CMD" | "CRED_ACQ" | "USER_START" | "USER_ACCT" | "LOGIN" => Some(EventKind::Access),
        _ => Some(EventKind::Note),
    };
    if kind == "SOCKADDR" && state.incoming {
        draft.net = None;
    }
    state.executed |= kind == "EXECVE";
    Reading::record(draft)
}

/// The names that the enriched tail gives to numbers.
fn names(draft: &mut Draft, words: &str) {
    for pair in pairs(words) {
        if matches!(pair.key, "AUID" | "UID") && !matches!(pair.value, "unset" | "") {
            fill(&mut draft.actor, pair.value);
        }
    }
}

/// A value as text: values with special characters are written in hexadecimal, arguments end in zero bytes.
fn text_of(value: &str) -> String {
    if !is_hex(value) || value.len() < 4 || !value.len().is_multiple_of(2) || value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.to_owned();
    }
    let bytes: Vec<u8> = value
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .map(|byte| if byte == 0 { b' ' } else { byte })
        .collect();
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text,
        _ => value.to_owned(),
    }
}

/// A socket address as the kernel holds it: family, port, address.
fn socket(draft: &mut Draft, hex: &str) {
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let array = |start: usize, end: usize| bytes.get(start..end);
    let port = array(2, 4).and_then(|port| port.try_into().ok()).map(u16::from_be_bytes);
    let address = match bytes.get(..2) {
        Some([2, 0]) => array(4, 8)
            .and_then(|part| <[u8; 4]>::try_from(part).ok())
            .map(|octets| Ipv4Addr::from(octets).to_string()),
        Some([10, 0]) => array(8, 24)
            .and_then(|part| <[u8; 16]>::try_from(part).ok())
            .map(|octets| Ipv6Addr::from(octets).to_canonical().to_string()),
        _ => None,
    };
    if let Some(address) = address {
        let net = draft.net();
        net.destination = Some(address);
        net.destination_port = port;
    } else {
        draft.set("saddr", hex);
    }
}
