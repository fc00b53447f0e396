//! What keys of records mean: [`LABELS`] is the table, [`assign`] puts a value in its place.
//!
//! Keys are compared without case, dots, hyphens, underscores and spaces, whole and then without their
//! leading segments: `event.user_name`, `userName` and `user name` are one key.

mod table;

pub(crate) use table::Slot;

use crate::draft::{Draft, fill};
use crate::stamp::parse_whole;
use crate::tokens::{
    Endpoint, Reference, endpoint, is_file, is_hex, is_model_file, named_endpoint, reference,
};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::LazyLock;
use table::LABELS;
use wb_core::{Digest, NetVerdict};

static BY_KEY: LazyLock<HashMap<String, Slot, RandomState>> = LazyLock::new(|| {
    let names = |(slot, keys): &(Slot, &'static str)| {
        let slot = *slot;
        keys.split_whitespace().map(move |key| (normal(key), slot)).collect::<Vec<_>>()
    };
    LABELS.iter().flat_map(names).collect()
});

/// A key without case, dots, hyphens, underscores and spaces.
fn normal(key: &str) -> String {
    key.chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == '@')
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

/// What `key` means: as a whole, and else without its leading segments.
pub(crate) fn slot(key: &str) -> Option<Slot> {
    let mut rest = key;
    loop {
        let plain = normal(rest);
        let found = BY_KEY.get(&plain).or_else(|| BY_KEY.get(plain.strip_prefix('@')?));
        if let Some(slot) =
            found.filter(|slot| rest.len() == key.len() || speaks_alone(**slot, key))
        {
            return Some(*slot);
        }
        rest = rest.split_once('.')?.1;
    }
}

/// Whether the last segment of a key means the same under any other: `tls.version` is no model's version.
fn speaks_alone(slot: Slot, key: &str) -> bool {
    const ENVELOPES: [&str; 12] = [
        "data",
        "payload",
        "record",
        "attributes",
        "properties",
        "requestparameters",
        "detail",
        "source",
        "fields",
        "columns",
        "flow",
        "log",
    ];
    let general = matches!(
        slot,
        Slot::Version
            | Slot::Stage
            | Slot::Level
            | Slot::Path
            | Slot::Service
            | Slot::Event
            | Slot::Time
            | Slot::VerdictOrEvent
            | Slot::File
            | Slot::Message
    );
    let first = normal(key.split('.').next().unwrap_or_default());
    let envelope = ENVELOPES.contains(&first.as_str())
        || first.ends_with("payload")
        || first.starts_with("model")
        || first.starts_with("event");
    !general || envelope
}

/// Values that say that there is none.
pub(crate) fn is_unset(value: &str) -> bool {
    let may_be = value.bytes().next().is_none_or(|first| b"-nN(u".contains(&first));
    may_be && value.len() <= 7 && is_none_word(value)
}

fn is_none_word(value: &str) -> bool {
    matches!(
        value,
        "" | "-"
            | "--"
            | "null"
            | "None"
            | "none"
            | "(empty)"
            | "nil"
            | "N/A"
            | "n/a"
            | "NULL"
            | "(none)"
            | "unknown"
    )
}

/// Puts `value` where its key says. What has no place of its own stays a field under its own label.
pub(crate) fn assign(draft: &mut Draft, key: &str, value: &str) {
    if is_unset(value) {
        return;
    }
    let placed = match slot(key) {
        Some(slot) => place(draft, slot, value).is_some(),
        None => false,
    };
    if !placed {
        draft.set(key, value);
    }
}

/// Puts `value` in `slot`; `None` when it does not fit there.
fn place(draft: &mut Draft, slot: Slot, value: &str) -> Option<()> {
    match slot {
        Slot::Time => {
            let stamp = parse_whole(value)?;
            draft.stamp = draft.stamp.or(Some(stamp));
        }
        Slot::Level => fill(&mut draft.level, level(value)?),
        Slot::Message if draft.message.is_empty() => {
            draft.message = crate::scan::bounded(value, crate::draft::LONGEST_MESSAGE);
        }
        Slot::Message => return None,
        Slot::Event => add_verb(draft, value),
        Slot::Actor => fill(&mut draft.actor, value),
        Slot::Approver => draft.set("approver.name", value),
        Slot::Host => fill(&mut draft.host, value),
        Slot::HostOrDestination => fill(&mut draft.either_host, value),
        Slot::Service => draft.set("service.name", value),
        Slot::Process => draft.set("process.pid", value),
        Slot::Model => draft.set("model.name", value),
        Slot::Version => draft.set("model.version", value),
        Slot::Stage => draft.set("stage", value),
        Slot::File => file(draft, value)?,
        Slot::Path => fill(&mut draft.either_path, value),
        Slot::Hash(_) | Slot::AnyHash => digest(draft, slot, value)?,
        Slot::Change => change(draft, value)?,
        Slot::Incident => draft.set("incident.id", value),
        Slot::Origin => draft.set("source.uri", value),
        Slot::Url => draft.set("url", value),
        Slot::Command => draft.set("process.command_line", value),
        Slot::Rule => draft.set("rule.name", value),
        _ => return place_network(draft, slot, value),
    }
    Some(())
}

fn place_network(draft: &mut Draft, slot: Slot, value: &str) -> Option<()> {
    let number = || value.trim().parse::<u64>().ok();
    let port = || value.trim().parse::<u16>().ok();
    match slot {
        Slot::Source => source(draft, value)?,
        Slot::Destination => destination(draft, named_endpoint(value)?),
        Slot::Domain => fill(&mut draft.net().host, value.trim_end_matches('.')),
        Slot::SourcePort => {
            let port = port()?;
            let net = draft.net();
            net.source_port = net.source_port.or(Some(port));
        }
        Slot::DestinationPort => {
            let port = port()?;
            let net = draft.net();
            net.destination_port = net.destination_port.or(Some(port));
        }
        Slot::Port => {
            let port = port()?;
            let net =
                draft.net.as_mut().filter(|net| net.destination.is_some() || net.host.is_some())?;
            net.destination_port = net.destination_port.or(Some(port));
        }
        Slot::Transport => fill(&mut draft.net().transport, transport(value)),
        Slot::Protocol if value.len() <= 16 => {
            fill(&mut draft.net().protocol, &value.to_ascii_lowercase())
        }
        Slot::BytesOut => draft.net().bytes_out = Some(number()?),
        Slot::BytesIn => draft.net().bytes_in = Some(number()?),
        Slot::Verdict | Slot::VerdictOrEvent => {
            let Some(verdict) = verdict(value) else {
                if slot == Slot::VerdictOrEvent
                    && value.bytes().any(|byte| byte.is_ascii_alphabetic())
                {
                    add_verb(draft, value);
                }
                return None;
            };
            let net = draft.net();
            net.verdict = net.verdict.or(Some(verdict));
        }
        Slot::Method
            if value.bytes().all(|byte| byte.is_ascii_uppercase()) && value.len() <= 10 =>
        {
            fill(&mut draft.net().method, value);
        }
        Slot::Question => {
            fill(&mut draft.net().host, value.trim_end_matches('.'));
            draft.set("dns.question.name", value);
        }
        Slot::Answers => answers(draft, value),
        _ => return None,
    }
    Some(())
}

fn add_verb(draft: &mut Draft, value: &str) {
    if draft.verb.len() < 400 {
        if !draft.verb.is_empty() {
            draft.verb.push_str("; ");
        }
        draft.verb.push_str(crate::scan::cut(value, 200));
    }
    draft.set("event.action", value);
}

/// A file, if the value looks like one or like a name of one.
fn file(draft: &mut Draft, value: &str) -> Option<()> {
    if value.contains("://") {
        draft.set("source.uri", value);
        return Some(());
    }
    if !is_file(value) && !value.contains('/') {
        return None;
    }
    if draft.field("file.name").is_some_and(|name| !is_model_file(name)) && is_model_file(value) {
        draft.fields.remove("file.name");
    }
    draft.field("file.name").is_none().then(|| draft.set("file.name", value))
}

/// A digest, with or without the algorithm's name before it.
fn digest(draft: &mut Draft, slot: Slot, value: &str) -> Option<()> {
    let value = value.trim().trim_end_matches(['.', '…']);
    let (algorithm, hex) = match value.split_once([':', '-']) {
        Some((name, hex)) => (crate::digests::algorithm(name)?, hex),
        None => match slot {
            Slot::Hash(algorithm) => (algorithm, value),
            _ => (crate::digests::by_length(value.len())?, value),
        },
    };
    let digest = is_hex(hex).then(|| Digest::new(algorithm, hex))??;
    draft.set(&format!("hash.{}", algorithm.name()), &digest.hex);
    draft.digests.push(digest);
    Some(())
}

/// A change's identifier has a digit; "approved" or "none" in its place is none.
fn change(draft: &mut Draft, value: &str) -> Option<()> {
    let fits = value.bytes().any(|byte| byte.is_ascii_digit())
        && value.len() <= 80
        && !value.contains(char::is_whitespace);
    let name = match reference(value) {
        Some(Reference::Incident) => "incident.id",
        _ => "change.id",
    };
    fits.then(|| draft.set(name, value))
}

/// An address, or else where a model came from.
fn source(draft: &mut Draft, value: &str) -> Option<()> {
    let named = |end: &Endpoint| end.host.as_deref().is_none_or(|host| !is_file(host));
    if let Some(end) = endpoint(value).filter(|end| end.path.is_none() && named(end)) {
        let net = draft.net();
        fill(&mut net.source, end.address.or(end.host).as_deref().unwrap_or_default());
        net.source_port = net.source_port.or(end.port);
        return Some(());
    }
    if value.contains('/') && !value.contains(' ') {
        draft.set("source.uri", value);
        return Some(());
    }
    crate::tokens::is_machine(value).then(|| fill(&mut draft.net().source, value))
}

/// Makes `end` the destination.
pub(crate) fn destination(draft: &mut Draft, end: Endpoint) {
    let net = draft.net();
    fill(&mut net.destination, end.address.as_deref().unwrap_or_default());
    fill(&mut net.host, end.host.as_deref().unwrap_or_default());
    fill(&mut net.path, end.path.as_deref().unwrap_or_default());
    net.destination_port = net.destination_port.or(end.port);
}

/// Splits a list of answers: Zeek writes commas, JSON lists arrive joined by commas too.
fn answers(draft: &mut Draft, value: &str) {
    let found = value
        .split([',', ' ', ';'])
        .map(str::trim)
        .filter(|answer| !is_unset(answer))
        .take(32)
        .map(|answer| answer.trim_end_matches('.').to_owned());
    draft.net().answers.extend(found);
}

/// What a word says about a connection.
pub(crate) fn verdict(word: &str) -> Option<NetVerdict> {
    const ALLOWED: &[&str] = &[
        "allow",
        "allowed",
        "accept",
        "accepted",
        "pass",
        "passed",
        "permit",
        "permitted",
        "forwarded",
    ];
    const BLOCKED: &[&str] = &[
        "block",
        "blocked",
        "drop",
        "dropped",
        "deny",
        "denied",
        "reject",
        "rejected",
        "refused",
        "reset",
        "prevented",
        "sinkholed",
    ];
    let word = word.trim();
    let is = |known: &&str| word.eq_ignore_ascii_case(known);
    if ALLOWED.iter().any(is) {
        return Some(NetVerdict::Allowed);
    }
    BLOCKED.iter().any(is).then_some(NetVerdict::Blocked)
}

/// The name of a transport protocol; numbers as IANA assigns them.
pub(crate) fn transport(value: &str) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("tcp", "tcp"),
        ("6", "tcp"),
        ("udp", "udp"),
        ("17", "udp"),
        ("icmp", "icmp"),
        ("1", "icmp"),
        ("icmpv6", "icmp"),
        ("58", "icmp"),
        ("sctp", "sctp"),
        ("132", "sctp"),
        ("gre", "gre"),
        ("47", "gre"),
        ("esp", "esp"),
        ("50", "esp"),
    ];
    KNOWN.iter().find(|(name, _)| value.eq_ignore_ascii_case(name)).map_or("", |(_, name)| name)
}

/// A level by its usual name in lower case; `None` when the word is no level.
pub(crate) fn level(word: &str) -> Option<&'static str> {
    const LEVELS: &[(&str, &str)] = &[
        ("INFO", "info"),
        ("WARN", "warn"),
        ("ERROR", "error"),
        ("DEBUG", "debug"),
        ("WARNING", "warn"),
        ("ALERT", "alert"),
        ("CRITICAL", "critical"),
        ("CRIT", "critical"),
        ("FATAL", "fatal"),
        ("NOTICE", "notice"),
        ("TRACE", "trace"),
        ("ERR", "error"),
        ("EMERG", "emergency"),
        ("EMERGENCY", "emergency"),
        ("PANIC", "emergency"),
        ("INF", "info"),
        ("WRN", "warn"),
        ("DBG", "debug"),
        ("SEVERE", "error"),
        ("INFORMATION", "info"),
        ("INFORMATIONAL", "info"),
        ("VERBOSE", "debug"),
        ("FINE", "debug"),
        ("AUDIT", "audit"),
        ("HIGH", "high"),
        ("MEDIUM", "medium"),
        ("LOW", "low"),
    ];
    const NUMBERS: [&str; 8] =
        ["emergency", "alert", "critical", "error", "warn", "notice", "info", "debug"];
    let word = word.trim();
    if let [digit @ b'0'..=b'7'] = word.as_bytes() {
        return NUMBERS.get(usize::from(digit.wrapping_sub(b'0'))).copied();
    }
    LEVELS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_once() {
        let mut seen = std::collections::BTreeMap::new();
        for (slot, keys) in LABELS {
            for key in keys.split_whitespace() {
                assert_eq!(seen.insert(normal(key), *slot), None, "{key}");
            }
        }
    }

    #[test]
    fn keys_in_every_spelling() {
        assert_eq!(slot("id.orig_h"), Some(Slot::Source));
        assert_eq!(slot("Requested-By"), Some(Slot::Actor));
        assert_eq!(slot("requestParameters.modelName"), Some(Slot::Model));
        assert_eq!(slot("@timestamp"), Some(Slot::Time));
        assert_eq!(slot("__REALTIME_TIMESTAMP"), Some(Slot::Time));
        assert_eq!(slot("unheard_of"), None);
    }

    #[test]
    fn a_missing_change_is_no_change() {
        let mut draft = Draft::new("test", "");
        for value in ["none", "-", "approved", "id"] {
            assign(&mut draft, "change", value);
        }
        assert_eq!(draft.field("change.id"), None);
        assign(&mut draft, "ticket", "ML-882");
        assert_eq!(draft.field("change.id"), Some("ML-882"));
    }
}
