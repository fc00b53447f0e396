//! What a message tells beyond its fields: files, digests, where a model came from, who, which change,
//! which version, and where to. [`enrich`] fills a [`Draft`] from its message and decides its kind.

use crate::digests::{self, Found};
use crate::draft::{Draft, fill};
use crate::entities::{is_hub, tokens};
use crate::grammar::{Known, classify};
use crate::labels::{self, Slot, assign, slot};
use crate::pairs::{Pair, pairs};
use crate::scan::{cut, offset_in};
use crate::tokens::{address, bare, is_file, is_machine, is_model_file};
use wb_core::{EventKind, NetVerdict};

/// How much of a message is looked at.
const LONGEST_TEXT: usize = 8000;

/// Fills `draft` from its message, decides its kind, and returns the digests it names.
pub(crate) fn enrich(draft: &mut Draft) -> Vec<Found> {
    let message = std::mem::take(&mut draft.message);
    let text = cut(&message, LONGEST_TEXT);
    let mut found = Vec::new();
    let mut words = String::new();
    let mut inbound = false;
    if draft.textual {
        let pairs = pairs(text);
        words = without_pairs(text, &pairs);
        privileged(draft, text, &pairs);
        crate::serving::names(draft, text);
        for pair in &pairs {
            assign(draft, pair.key, pair.value);
        }
        label(draft, text);
        tokens(draft, &words);
        inbound = crate::logins::client(draft, text);
        found = digests::find(text);
    }
    draft.message = message;
    take_digests(draft, &mut found);
    settle(draft);
    decide(draft, &words, inbound);
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
    if let Some((actor, command)) =
        text.strip_prefix('(').and_then(|inner| inner.split_once(") CMD ("))
    {
        // `(root) CMD (cp a b)`, as cron writes it.
        fill(&mut draft.actor, actor);
        draft.set("process.command_line", command.trim_end().trim_end_matches(')'));
    }
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
    if ["organisation", "organization", "publisher"].iter().any(|word| lower.contains(word)) {
        let new = value.rsplit_once("->").map_or(first, |(_, new)| bare(new.trim()));
        draft.set("source.organization", new);
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
    const SERVERS: &[&str] =
        &["ollama", "ollama_llama_server", "llama-server", "vllm", "tritonserver", "torchserve"];
    if draft.kind.is_none() && !models.is_empty() && SERVERS.contains(&program.as_str()) {
        draft.kind = Some(EventKind::Load);
    }
    if draft.kind.is_none() {
        let writes = !models.is_empty() && WRITERS.contains(&program.as_str());
        draft.kind = Some(if writes { EventKind::Change } else { EventKind::Exec });
    }
}

/// Decides the kind, if the source did not, and fills in what depends on it. `inbound` says that the record is of
/// a connection to the host that logs.
fn decide(draft: &mut Draft, words: &str, inbound: bool) {
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
        let read = kind(draft, reading.kind, reading.nothing, words);
        draft.kind = Some(if inbound { crate::logins::kind(read) } else { read });
    }
    let absent = words.to_ascii_lowercase();
    // Every phrase has one of these.
    let may_be = ["no", "without", "unapproved"].iter().any(|word| absent.contains(word));
    for phrase in [
        "no change id",
        "no ticket",
        "no approval",
        "without approval",
        "without ticket",
        "no change record",
        "approval: none",
        "ticket: none",
        "change: none",
        "unapproved",
    ] {
        if may_be && absent.contains(phrase) {
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
        // What was asked is a resolver, and no end of the traffic that the name is for.
        if let Some(resolver) = draft.net().destination.take() {
            draft.set("server.address", &resolver);
        }
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
    if draft.field("dns.question.name").is_some() {
        return EventKind::Dns;
    }
    let net = draft.net.as_ref().filter(|net| net.destination.is_some() || net.host.is_some());
    if let Some(net) = net {
        let traffic = net.source.is_some() || net.bytes_out.is_some();
        if net.verdict == Some(NetVerdict::Blocked) {
            return EventKind::Block;
        }
        // A client that gets a model file from where it names, not a server that is asked for one.
        let fetched = draft.field("file.name").is_some_and(is_model_file);
        if fetched && net.method.as_deref() == Some("GET") && draft.field("source.uri").is_some() {
            return EventKind::Download;
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
