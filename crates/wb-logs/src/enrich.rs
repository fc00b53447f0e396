//! What a message tells beyond its fields: files, digests, where a model came from, who, which change,
//! which version, and where to. [`enrich`] fills a [`Draft`] from its message and decides its kind.

use crate::digests::{self, Found};
use crate::draft::{Draft, fill};
use crate::grammar::{Known, classify};
use crate::labels::{self, Slot, assign, slot};
use crate::pairs::{Pair, pairs};
use crate::scan::{cut, offset_in};
use crate::tokens::{
    Reference, address, bare, endpoint, is_domain, is_file, is_machine, is_model_file, is_version,
    reference,
};
use wb_core::{EventKind, NetVerdict};

/// How much of a message is looked at.
const LONGEST_TEXT: usize = 8000;

/// Fills `draft` from its message, decides its kind, and returns the digests it names.
pub(crate) fn enrich(draft: &mut Draft) -> Vec<Found> {
    let message = std::mem::take(&mut draft.message);
    let text = cut(&message, LONGEST_TEXT);
    let mut found = Vec::new();
    let mut words = String::new();
    if draft.textual {
        let pairs = pairs(text);
        words = without_pairs(text, &pairs);
        privileged(draft, text, &pairs);
        for pair in &pairs {
            assign(draft, pair.key, pair.value);
        }
        label(draft, text);
        tokens(draft, &words);
        found = digests::find(text);
    }
    draft.message = message;
    take_digests(draft, &mut found);
    settle(draft);
    decide(draft, &words);
    found
}

/// The text without its pairs; quoted texts in them stay, for they are sentences.
fn without_pairs(text: &str, pairs: &[Pair<'_>]) -> String {
    let mut words = String::with_capacity(text.len());
    let mut from = 0_usize;
    for pair in pairs {
        let start = offset_in(text, pair.whole);
        words.push_str(text.get(from..start).unwrap_or_default());
        let sentence =
            matches!(slot(pair.key), Some(Slot::Message | Slot::Event | Slot::VerdictOrEvent));
        if sentence {
            words.push_str("; ");
            words.push_str(pair.value);
            words.push_str("; ");
        } else {
            words.push(' ');
        }
        from = start.saturating_add(pair.whole.len());
    }
    words.push_str(text.get(from..).unwrap_or_default());
    words
}

/// The words without names of files, URLs and paths, which are no verbs.
fn without_names(words: &str) -> String {
    let kept = words.split_inclusive([' ', '\t']).map(|token| {
        let name = bare(token.trim_end());
        let source = name.split(':').next().unwrap_or(name);
        let names =
            name.contains("://") || name.starts_with('/') || is_hub(name) || is_file(source);
        if names {
            if token.trim_end().ends_with([',', ';', ')', '.']) { ", " } else { " " }
        } else {
            token
        }
    });
    kept.collect()
}

/// `ann : TTY=pts/0 ; PWD=/models ; USER=root ; COMMAND=...`, as `sudo` writes it: the actor stands first,
/// `USER` is who the command ran as.
fn privileged(draft: &mut Draft, text: &str, pairs: &[Pair<'_>]) {
    let Some(command) = pairs.iter().find(|pair| pair.key == "COMMAND") else { return };
    if let Some((actor, _)) = text.split_once(" : ")
        && !actor.contains('=')
    {
        fill(&mut draft.actor, actor.trim());
    }
    if let Some(user) = pairs.iter().find(|pair| pair.key == "USER") {
        draft.set("user.effective.name", user.value);
    }
    draft.set("process.command_line", command.value);
}

/// `Label: value` at the start of the message.
fn label(draft: &mut Draft, text: &str) {
    let Some((label, value)) = text.split_once(": ") else { return };
    let label = label.rsplit_once(" - ").map_or(label, |(_, last)| last).trim();
    let words = label.split_whitespace().count();
    let plain = label.chars().all(|c| c.is_alphanumeric() || " _-/.".contains(c));
    if words == 0 || words > 6 || label.len() > 60 || !plain || value.trim().is_empty() {
        return;
    }
    let first = bare(value.split_whitespace().next().unwrap_or_default());
    let alone = value.split_whitespace().count() == 1 || value.contains(" (");
    let lower = label.to_lowercase();
    let last = lower.rsplit(' ').next().unwrap_or(&lower).to_owned();
    if lower.contains("organisation") || lower.contains("organization") {
        draft.set("source.organization", first);
    } else if slot(label).is_some_and(|slot| slot != Slot::Time) && (alone || words > 1) {
        assign(draft, label, if slot(label) == Some(Slot::Message) { value } else { first });
    } else if matches!(last.as_str(), "model" | "file" | "artifact" | "checkpoint")
        && is_file(first)
    {
        draft.set("file.name", first);
    }
    let component = [draft.field("service.name"), draft.host.as_deref()].contains(&Some(label));
    if !component {
        draft.set(&lower, value.trim());
    }
}

/// The word before a token, in lower case, without punctuation.
fn previous_word(previous: &str) -> String {
    bare(previous).to_ascii_lowercase()
}

/// Looks at each word of the message.
fn tokens(draft: &mut Draft, words: &str) {
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
        if plain.contains("://") || is_hub(plain) {
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
fn is_hub(token: &str) -> bool {
    let Some((host, path)) = token.split_once('/') else { return false };
    !path.is_empty()
        && is_domain(host)
        && !is_file(host)
        && path.contains(|c: char| c.is_alphabetic())
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

/// Digests that fields gave join those of the text, with the record's file.
fn take_digests(draft: &mut Draft, found: &mut Vec<Found>) {
    let file = draft.field("file.name").map(str::to_owned);
    for digest in std::mem::take(&mut draft.digests) {
        let known = found.iter_mut().find(|other| other.digest == digest);
        match known {
            Some(other) => other.file = other.file.take().or_else(|| file.clone()),
            None => found.push(Found { digest, file: file.clone() }),
        }
    }
    for found in found.iter_mut() {
        let name = format!("hash.{}", found.digest.algorithm.name());
        draft.set(&name, &found.digest.hex);
        match &found.file {
            Some(file) if is_file(file) => draft.set("file.name", file),
            Some(_) => {}
            None => found.file.clone_from(&file),
        }
    }
}

/// Gives what could mean two things its place, now that all of the record is known.
fn settle(draft: &mut Draft) {
    let about_network = draft.net.as_ref().is_some_and(|net| {
        net.destination.is_some()
            || net.destination_port.is_some()
            || net.verdict.is_some()
            || net.bytes_out.is_some()
            || net.source.is_some()
            || net.method.is_some()
    });
    if let Some(host) = draft.either_host.take() {
        if about_network {
            let end = crate::tokens::named_endpoint(&host).unwrap_or_default();
            labels::destination(draft, end);
        } else {
            fill(&mut draft.host, &host);
        }
    }
    if let Some(path) = draft.either_path.take() {
        let request = draft.net.as_ref().is_some_and(|net| net.method.is_some());
        if is_model_file(&path) && !request {
            draft.set("file.name", &path);
        } else if let Some(net) = draft.net.as_mut() {
            fill(&mut net.path, &path);
        } else {
            draft.set("path", &path);
        }
    }
    command(draft);
}

/// Commands that write files: what they are called, and whether their last argument is the target.
const WRITERS: &[&str] = &[
    "install", "cp", "mv", "tee", "dd", "rsync", "ln", "curl", "wget", "tar", "unzip", "sed",
    "truncate", "scp", "rm", "chmod", "chown", "touch", "cat", "gsutil", "aws", "rclone", "python",
    "python3", "sh", "bash",
];

/// The model file that a command writes or runs on.
fn command(draft: &mut Draft) {
    let Some(line) = draft.field("process.command_line").map(str::to_owned) else { return };
    let mut words = line.split_whitespace().map(bare);
    let program = words.next().unwrap_or_default();
    let arguments: Vec<&str> = words.filter(|word| !word.starts_with('-')).collect();
    let program = program.rsplit('/').next().unwrap_or(program).to_owned();
    let models: Vec<&str> = arguments.iter().copied().filter(|word| is_model_file(word)).collect();
    if let Some(target) = models.last() {
        draft.fields.remove("file.name");
        draft.set("file.name", target);
        let source = arguments.iter().rev().find(|word| *word != target && word.contains('/'));
        if let Some(source) = source {
            draft.set("file.source", source);
        }
    }
    draft.set("process.name", &program);
    if draft.kind.is_none() {
        let writes = !models.is_empty() && WRITERS.contains(&program.as_str());
        draft.kind = Some(if writes { EventKind::Change } else { EventKind::Exec });
    }
}

/// Decides the kind, if the source did not, and fills in what depends on it.
fn decide(draft: &mut Draft, words: &str) {
    let known = known(draft);
    if draft.kind.is_none() {
        let plain = without_names(words);
        let text = if draft.verb.is_empty() { plain } else { format!("{}; {plain}", draft.verb) };
        let context = draft.field("service.name").map(str::to_owned).unwrap_or_default();
        let reading = classify(&text, &context, known);
        if reading.deeds.len() > 1 {
            let names: Vec<&str> = reading.deeds.iter().map(|kind| kind.name()).collect();
            draft.set("event.actions", &names.join(","));
        }
        draft.kind = Some(kind(draft, reading.kind, reading.nothing, words));
    }
    let absent = words.to_ascii_lowercase();
    for phrase in [
        "no change id",
        "no ticket",
        "no approval",
        "without approval",
        "without ticket",
        "no change record",
        "unapproved",
    ] {
        if absent.contains(phrase) {
            draft.set("change.absent", phrase);
        }
    }
    about_network(draft);
    if draft.object.is_none() {
        let object =
            ["file.name", "model.name", "source.uri"].iter().find_map(|name| draft.field(name));
        draft.object = object.map(str::to_owned);
    }
}

/// Records of the network take the address or name they speak of as the destination; a URL in them is no
/// origin of a model.
fn about_network(draft: &mut Draft) {
    let kind = draft.kind.unwrap_or(EventKind::Note);
    let towards = matches!(kind, EventKind::Alert | EventKind::Block | EventKind::Connect);
    let url = draft.field("url").map(str::to_owned);
    if (towards || matches!(kind, EventKind::Exec | EventKind::Access | EventKind::Note))
        && url.as_deref() == draft.field("source.uri")
    {
        draft.fields.remove("source.uri");
    }
    let domain = draft.field("domain").map(str::to_owned);
    let address = draft.field("address").map(str::to_owned);
    if kind == EventKind::Dns {
        fill(&mut draft.net().host, domain.as_deref().unwrap_or_default());
        if let Some(address) = address {
            draft.net().answers.push(address);
        }
        fill(&mut draft.net().protocol, "dns");
        return;
    }
    let open = draft.net.as_ref().is_none_or(|net| net.destination.is_none() && net.host.is_none());
    if !towards || !open {
        return;
    }
    let named = [url, domain, address].into_iter().flatten();
    for end in named.filter_map(|name| crate::tokens::named_endpoint(&name)) {
        labels::destination(draft, end);
    }
}

fn known(draft: &Draft) -> Known {
    Known {
        file: draft.field("file.name").is_some_and(is_file),
        model: draft.field("model.name").is_some(),
        net: draft.net.as_ref().is_some_and(|net| net.destination.is_some() || net.host.is_some())
            || draft.field("address").is_some()
            || draft.field("domain").is_some(),
        digest: draft.fields.keys().any(|name| name.starts_with("hash.")),
        uri: draft.field("source.uri").is_some(),
        change: draft.field("change.id").is_some(),
        incident: draft.field("incident.id").is_some(),
        unit: draft.message.contains(".service"),
    }
}

fn kind(draft: &Draft, read: Option<(EventKind, u8)>, nothing: bool, words: &str) -> EventKind {
    if draft.level.as_deref() == Some("alert") {
        return EventKind::Alert;
    }
    if let Some((kind, 0)) = read {
        return kind;
    }
    let net = draft.net.as_ref().filter(|net| net.destination.is_some() || net.host.is_some());
    if let Some(net) = net {
        let traffic = net.source.is_some() || net.bytes_out.is_some();
        if net.verdict == Some(NetVerdict::Blocked) {
            return EventKind::Block;
        }
        if net.method.is_some() {
            return EventKind::Exchange;
        }
        if traffic
            && !matches!(read, Some((EventKind::Block | EventKind::Access | EventKind::Dns, _)))
        {
            return EventKind::Connect;
        }
    }
    if let Some((kind, _)) = read {
        return kind;
    }
    let starts_with_source = ["source:", "from:", "origin:"].iter().any(|label| {
        words.trim_start().get(..label.len()).is_some_and(|head| head.eq_ignore_ascii_case(label))
    });
    if starts_with_source && draft.field("source.uri").is_some() {
        return EventKind::Download;
    }
    if draft.fields.keys().any(|name| name.starts_with("hash.")) {
        return EventKind::Verify;
    }
    if draft.field("incident.id").is_some() && draft.verb.contains("incident") {
        return EventKind::Ticket;
    }
    if nothing { EventKind::Health } else { EventKind::Note }
}

/// An address in brackets or a name that is a machine's: the host a component's name may be.
pub(crate) fn component(draft: &mut Draft, name: &str) {
    if is_machine(name) || address(name).is_some() {
        fill(&mut draft.host, name);
    } else {
        draft.set("service.name", name);
    }
}
