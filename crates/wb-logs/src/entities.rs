//! What single words of a message name: files, places, changes, versions, people.

use crate::draft::{Draft, fill};
use crate::labels;
use crate::source::METHODS;
use crate::tokens::{
    Reference, bare, endpoint, is_domain, is_file, is_machine, is_model_file, is_version, reference,
};
use std::borrow::Cow;

/// The word before a token, in lower case, without punctuation.
fn previous_word(previous: &str) -> Cow<'_, str> {
    let word = bare(previous);
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

/// Looks at each word of the message.
pub(crate) fn tokens(draft: &mut Draft, words: &str) {
    let all: Vec<&str> = words.split_whitespace().take(400).collect();
    for (index, token) in all.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| all.get(at)).copied().unwrap_or_default();
        let second = index.checked_sub(2).and_then(|at| all.get(at)).copied().unwrap_or_default();
        let plain = bare(token);
        if plain.is_empty() {
            continue;
        }
        let (before, second) = (previous_word(before), previous_word(second));
        if person(draft, plain, &before, &second) {
            continue;
        }
        stage(draft, plain, &before);
        if METHODS.contains(&plain)
            && let Some(target) = all.get(index.saturating_add(1)).map(|next| bare(next))
            && (target.contains("://") || target.starts_with('/'))
        {
            request(draft, plain, target);
        } else if plain.contains("://") || is_hub(plain) {
            location(draft, plain);
        } else if is_model_file(plain) {
            file(draft, plain);
        } else if let Some(kind) = reference(plain) {
            refer(draft, plain, kind, &before);
        } else if is_version(plain) {
            let at = |index: Option<usize>| {
                index.and_then(|at| all.get(at)).copied().unwrap_or_default()
            };
            version(draft, plain, at(index.checked_sub(1)), bare(at(index.checked_add(1))));
        } else if let Some((name, tag)) = plain.rsplit_once(':').filter(|(_, tag)| is_version(tag))
        {
            version(draft, tag, name, "");
        } else {
            place(draft, plain, &before, &second);
        }
    }
    arrow(draft, &all);
}

/// Hosts of model hubs and stores whose paths are written without a scheme.
pub(crate) fn is_hub(token: &str) -> bool {
    let Some((host, path)) = token.split_once('/') else { return false };
    !path.is_empty()
        && is_domain(host)
        && !is_file(host)
        && path.contains(|c: char| c.is_alphabetic())
}

/// The stage after "to" or "in", by the names that registries use.
fn stage(draft: &mut Draft, token: &str, before: &str) {
    const STAGES: [&str; 8] =
        ["production", "prod", "staging", "canary", "archived", "shadow", "champion", "challenger"];
    let known = STAGES.iter().any(|stage| token.eq_ignore_ascii_case(stage));
    if known && matches!(before, "to" | "in" | "stage" | "into" | "as") {
        draft.set("stage", token);
    }
}

/// `POST https://host/path` and `POST /path` inside a message.
fn request(draft: &mut Draft, method: &str, target: &str) {
    fill(&mut draft.net().method, method);
    match endpoint(target).filter(|_| target.contains("://")) {
        Some(end) => labels::destination(draft, end),
        None => fill(&mut draft.net().path, target),
    }
}

fn location(draft: &mut Draft, token: &str) {
    draft.set("source.uri", token);
    if token.starts_with("http") {
        draft.set("url", token);
    }
    let name = token.rsplit('/').next().unwrap_or_default();
    if is_model_file(name) {
        draft.set("file.name", name);
    }
}

fn file(draft: &mut Draft, token: &str) {
    match draft.field("file.name") {
        None => draft.set("file.name", token),
        Some(known) if known == token => {}
        Some(_) => {
            let others = match draft.fields.remove("file.others") {
                Some(others) if others.len() < 500 => format!("{others}, {token}"),
                Some(others) => others,
                None => token.to_owned(),
            };
            draft.set("file.others", &others);
        }
    }
}

/// Words that stand before the identifier of a change.
const CHANGE_WORDS: &[&str] = &[
    "change",
    "ticket",
    "request",
    "approval",
    "under",
    "per",
    "ref",
    "reference",
    "jira",
    "cr",
    "id",
    "via",
    "change-id",
    "changeid",
    "rfc",
    "order",
];

fn refer(draft: &mut Draft, token: &str, kind: Reference, before: &str) {
    match kind {
        Reference::Incident => draft.set("incident.id", token),
        Reference::Change => draft.set("change.id", token),
        Reference::Unclear if CHANGE_WORDS.contains(&before) => draft.set("change.id", token),
        Reference::Unclear => draft.set("reference", token),
    }
}

/// A version, and the name it is said to be of: the word before it.
fn version(draft: &mut Draft, token: &str, before: &str, after: &str) {
    const UNITS: &[&str] = &[
        "seconds", "second", "sec", "secs", "s", "ms", "minutes", "hours", "mb", "gb", "kb", "mib",
        "gib", "%", "bytes",
    ];
    let short = !token.starts_with(['v', 'V']) && token.matches('.').count() < 2;
    let called =
        matches!(bare(before).to_ascii_lowercase().as_str(), "version" | "release" | "ver");
    if UNITS.contains(&after.to_ascii_lowercase().as_str()) || (short && !called) {
        return;
    }
    let name = bare(before);
    let named = name.len() >= 2
        && !crate::grammar::is_verb(name)
        && !matches!(name.to_ascii_lowercase().as_str(), "model" | "models" | "image" | "tag")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && !matches!(
            name.to_ascii_lowercase().as_str(),
            "version" | "to" | "from" | "python" | "cuda" | "http" | "in" | "of" | "at"
        );
    draft.set("model.version", token);
    if named && !name.contains('/') {
        draft.set("model.name", name);
    }
}

/// An address or host name, by the word before it.
fn place(draft: &mut Draft, token: &str, before: &str, second: &str) {
    const TOWARDS: &[&str] = &[
        "to",
        "->",
        "=>",
        "destination",
        "dst",
        "dest",
        "remote",
        "towards",
        "contacted",
        "peer",
        "connect",
        "resolved",
    ];
    const FROM: &[&str] = &["from", "source", "src", "client"];
    let end = endpoint(token).filter(|end| end.address.is_some() || end.port.is_some());
    let end = end.or_else(|| is_domain(token).then(|| crate::tokens::named_endpoint(token))?);
    let Some(end) =
        end.filter(|end| end.address.is_some() || end.host.as_deref().is_some_and(is_domain))
    else {
        let named = matches!(
            before,
            "on" | "host" | "node" | "server" | "for" | "from" | "and" | "" | "to"
        );
        if is_machine(token) && (named || is_machine(before)) {
            machine(draft, token);
        }
        return;
    };
    let name = end.address.clone().or_else(|| end.host.clone()).unwrap_or_default();
    if before == "on" && end.port.is_none() {
        machine(draft, token);
    } else if FROM.contains(&before) {
        let net = draft.net();
        fill(&mut net.source, &name);
        net.source_port = net.source_port.or(end.port);
    } else if TOWARDS.contains(&before) || (end.port.is_some() && second != "listening") {
        labels::destination(draft, end);
    } else {
        draft.set(if end.address.is_some() { "address" } else { "domain" }, &name);
    }
}

fn machine(draft: &mut Draft, name: &str) {
    fill(&mut draft.host, name);
    let others = match draft.fields.remove("host.names") {
        Some(names) if names.len() < 500 => format!("{names}, {name}"),
        Some(names) => names,
        None => name.to_owned(),
    };
    draft.set("host.names", &others);
}

/// Who: the name after "by", "user", or "for" where access is granted. Returns whether it was one.
fn person(draft: &mut Draft, token: &str, before: &str, second: &str) -> bool {
    const NO_NAMES: &[&str] = &[
        "the",
        "a",
        "an",
        "default",
        "rule",
        "policy",
        "hand",
        "user",
        "this",
        "and",
        "all",
        "egress",
        "firewall",
        "admission",
        "root-cause",
        "least",
        "now",
        "scheduled",
        "automatic",
        "request",
        "change",
        "approval",
    ];
    let name = token.trim_start_matches('@');
    let plausible = name.len() >= 2
        && name.len() <= 80
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@+\\/$".contains(&byte))
        && !NO_NAMES.contains(&name.to_ascii_lowercase().as_str());
    if !plausible || is_model_file(name) {
        return false;
    }
    match (second, before) {
        ("approved" | "reviewed" | "off" | "authorised" | "authorized" | "granted", "by") => {
            draft.set("approver.name", name);
        }
        (_, "by" | "user" | "actor" | "requester" | "account") => fill(&mut draft.actor, name),
        ("publickey" | "password", "for") => fill(&mut draft.actor, name),
        _ => return false,
    }
    true
}

/// `10.0.0.5:40000 -> 192.0.2.7:443`.
fn arrow(draft: &mut Draft, all: &[&str]) {
    let Some(at) = all.iter().position(|token| matches!(*token, "->" | "=>" | "-->" | "→" | ">"))
    else {
        return;
    };
    let side = |index: Option<usize>| all.get(index?).and_then(|token| endpoint(bare(token)));
    let (Some(from), Some(to)) = (side(at.checked_sub(1)), side(at.checked_add(1))) else { return };
    let net = draft.net();
    net.source = from.address.or(from.host);
    net.source_port = from.port;
    net.destination = to.address;
    net.host = net.host.take().or(to.host);
    net.destination_port = to.port;
}
