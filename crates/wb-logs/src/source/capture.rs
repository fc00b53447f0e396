//! Text captures of a session: `SESSION id STATE src=.. dst=..`, `REQUEST POST /path HTTP/1.1`,
//! `HOST name`, `PAYLOAD body`, each after a time. What a session said first holds for its later lines.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::labels::{assign, destination, verdict};
use crate::line::Line;
use crate::pairs::pairs;
use crate::tokens::named_endpoint;
use wb_core::{EventKind, Net, NetVerdict};

/// The session that lines belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    session: String,
    net: Option<Net>,
    /// Whether a session or request was seen, so that `Host:` and the like are its headers.
    active: bool,
}

impl State {
    /// Whether a session or request was seen that later lines may belong to.
    pub(crate) fn is_inside(&self) -> bool {
        self.active
    }
}

/// What the first word of a line introduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Session,
    Request,
    Response,
    Host,
    Header,
    Body,
}

const WORDS: &[(&str, Part)] = &[
    ("SESSION", Part::Session),
    ("CONNECTION", Part::Session),
    ("STREAM", Part::Session),
    ("REQUEST", Part::Request),
    ("REQ", Part::Request),
    ("RESPONSE", Part::Response),
    ("HOST", Part::Host),
    ("SNI", Part::Host),
    ("HEADER", Part::Header),
    ("HEADERS", Part::Header),
    ("USER-AGENT", Part::Header),
    ("COOKIE", Part::Header),
    ("CONTENT-TYPE", Part::Header),
    ("PAYLOAD", Part::Body),
    ("BODY", Part::Body),
    ("DATA", Part::Body),
    ("POSTDATA", Part::Body),
];

/// HTTP methods, RFC 9110 section 9 and RFC 5789.
pub(crate) const METHODS: [&str; 9] =
    ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

/// Reads a line of a capture.
pub(crate) fn read(line: &Line<'_>, state: &mut State) -> Option<Reading> {
    let head = line.head?;
    let (first, rest) = head.rest.split_once([' ', '\t', ':']).unwrap_or((head.rest, ""));
    let rest = rest.trim_start_matches([' ', '\t', ':']);
    let upper = !first.is_empty() && !first.bytes().any(|byte| byte.is_ascii_lowercase());
    let header = state.active && head.rest.get(first.len()..).is_some_and(|rest| rest.starts_with(':'));
    let known = |word: &str| (upper && word == first) || (header && word.eq_ignore_ascii_case(first));
    let part = WORDS.iter().find(|(word, _)| known(word)).map(|(_, part)| *part);
    let part = part.or_else(|| request_line(head.rest).map(|_| Part::Request))?;
    if rest.is_empty() || (matches!(part, Part::Session) && !session_like(rest)) {
        return None;
    }
    state.active |= matches!(part, Part::Session | Part::Request);
    let mut draft = Draft::new("capture", line.text);
    draft.stamp = Some(head.stamp);
    draft.structured = true;
    draft.kind = Some(EventKind::Exchange);
    match part {
        Part::Session => session(&mut draft, rest, state),
        Part::Request => request(&mut draft, request_line(head.rest).or_else(|| request_line(rest))?),
        Part::Response => draft.set("http.response", rest),
        Part::Host => destination(&mut draft, named_endpoint(rest.split_whitespace().next()?)?),
        Part::Header => draft.set(&format!("http.header.{}", first.to_ascii_lowercase()), rest),
        Part::Body => body(&mut draft, rest),
    }
    if part != Part::Session {
        if part == Part::Request {
            remember(&draft, state);
        }
        let unknown = state.net.as_ref().is_none_or(|net| net.host.is_none() && net.destination.is_none());
        let completes = part == Part::Request || (part == Part::Host && unknown);
        inherit(&mut draft, state);
        if let (Some(session), Some(net)) = (&state.net, draft.net.as_mut()) {
            fill(&mut net.method, session.method.as_deref().unwrap_or_default());
            fill(&mut net.path, session.path.as_deref().unwrap_or_default());
        }
        // Within a session a line is no attempt of its own; without one the request is, or the line that
        // names its host.
        if !state.session.is_empty() || !completes {
            draft.set("network.event", "part");
        }
    }
    Reading::record(draft)
}

/// A session's line has a state or ends; "SESSION cookie expired" has neither.
fn session_like(rest: &str) -> bool {
    rest.contains('=') || rest.split_whitespace().any(|word| verdict(word).is_some() || is_state(word))
}

fn is_state(word: &str) -> bool {
    ["ESTABLISHED", "OPEN", "OPENED", "START", "STARTED", "NEW", "CLOSED", "END", "ENDED", "RESET", "TIMEOUT", "SYN"].contains(&word)
}

fn session(draft: &mut Draft, rest: &str, state: &mut State) {
    let mut words = rest.split_whitespace().filter(|word| !word.contains('='));
    let id = words.next().unwrap_or_default().to_owned();
    let status = words.next().unwrap_or_default();
    for pair in pairs(rest) {
        assign(draft, pair.key, pair.value);
    }
    draft.set("session.id", &id);
    draft.set("session.state", status);
    let blocked = verdict(status) == Some(NetVerdict::Blocked);
    if blocked {
        draft.net().verdict = Some(NetVerdict::Blocked);
    }
    let goes_on = state.session == id && draft.net.as_ref().is_none_or(|net| net.destination.is_none() && net.host.is_none());
    if goes_on {
        inherit(draft, state);
        // It is the end of an attempt that was already seen.
        draft.set("network.event", "end");
    } else {
        state.session = id;
        state.net.clone_from(&draft.net);
    }
    draft.kind = Some(match (blocked, goes_on) {
        (true, _) => EventKind::Block,
        (false, false) => EventKind::Connect,
        (false, true) => EventKind::Note,
    });
}

/// Keeps a request for the lines under it. Without a session it stands for itself.
fn remember(draft: &Draft, state: &mut State) {
    let request = draft.net.clone().unwrap_or_default();
    match state.net.as_mut().filter(|_| !state.session.is_empty()) {
        Some(session) => {
            session.method = request.method;
            session.path = request.path;
        }
        None => state.net = Some(request),
    }
}

/// Fills what the line does not say from the session.
fn inherit(draft: &mut Draft, state: &mut State) {
    let Some(session) = state.net.as_mut() else { return };
    let net = draft.net();
    // A header that names the host names it for the session.
    session.host = session.host.take().or_else(|| net.host.clone());
    for (place, value) in [
        (&mut net.source, &session.source),
        (&mut net.destination, &session.destination),
        (&mut net.host, &session.host),
    ] {
        fill(place, value.as_deref().unwrap_or_default());
    }
    net.destination_port = net.destination_port.or(session.destination_port);
    net.source_port = net.source_port.or(session.source_port);
    draft.set("session.id", &state.session);
}

/// `POST /beacon HTTP/1.1`: the method and the target.
fn request_line(text: &str) -> Option<(&str, &str)> {
    let mut words = text.trim_start_matches(['>', '<', '"', ' ']).split_whitespace();
    let method = words.next().filter(|word| METHODS.contains(word))?;
    let target = words.next().filter(|word| word.starts_with('/') || word.contains("://") || word.contains(':'))?;
    Some((method, target))
}

fn request(draft: &mut Draft, (method, target): (&str, &str)) {
    let net = draft.net();
    fill(&mut net.method, method);
    fill(&mut net.protocol, "http");
    match named_endpoint(target).filter(|_| target.contains("://")) {
        Some(end) => destination(draft, end),
        None => fill(&mut draft.net().path, target),
    }
}

/// The body, and the pairs in it under their own names and as `http.request.body.KEY`.
fn body(draft: &mut Draft, text: &str) {
    draft.set("http.request.body.content", text);
    for pair in text.split('&').take(32) {
        if let Some((key, value)) = pair.split_once('=')
            && !key.is_empty()
            && key.len() <= 64
        {
            draft.set(&format!("http.request.body.{key}"), value);
            draft.set(key, value);
        }
    }
}
