//! Access logs: the combined format of web servers, Squid's native format, Envoy's default format.

use super::Reading;
use super::capture::METHODS;
use crate::draft::{Draft, fill};
use crate::labels::{destination, is_unset};
use crate::line::Line;
use crate::stamp::{epoch, parse_prefix};
use crate::tokens::{address, endpoint, named_endpoint};
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line of any of them.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    let draft = squid(line.text).or_else(|| combined(line.text)).or_else(|| envoy(line)).or_else(|| uvicorn(line))?;
    Reading::record(draft)
}

fn new(source: &'static str, text: &str) -> Draft {
    let mut draft = Draft::new(source, text);
    draft.structured = true;
    draft.kind = Some(EventKind::Exchange);
    fill(&mut draft.net().protocol, "http");
    draft
}

/// `1564655684.277 3387 192.168.0.1 TCP_TUNNEL/200 19131 CONNECT host:443 user HIER_DIRECT/addr type`.
fn squid(text: &str) -> Option<Draft> {
    let (stamp, rest) = epoch(text.trim_start())?;
    let words: Vec<&str> = rest.split_whitespace().take(10).collect();
    let (result, _) = words.get(2)?.split_once('/')?;
    if !result.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return None;
    }
    let mut draft = new("squid", text);
    draft.stamp = Some(stamp);
    draft.set("squid.result", result);
    if let Some(user) = words.get(6).filter(|user| !is_unset(user)) {
        fill(&mut draft.actor, user);
    }
    if let Some(end) = words.get(5).and_then(|target| named_endpoint(target)) {
        destination(&mut draft, end);
    }
    let peer = words.get(7).and_then(|peer| peer.split_once('/')).and_then(|(_, peer)| address(peer));
    let denied = result.contains("DENIED");
    let net = draft.net();
    net.source = words.get(1).map(|client| (*client).to_owned());
    net.bytes_in = words.get(3).and_then(|bytes| bytes.parse().ok());
    net.method = words.get(4).map(|method| (*method).to_owned());
    net.destination = net.destination.take().or(peer);
    net.verdict = Some(if denied { NetVerdict::Blocked } else { NetVerdict::Allowed });
    draft.kind = Some(if denied { EventKind::Block } else { EventKind::Exchange });
    Some(draft)
}

/// `192.0.2.1 - ann [26/Jan/2024:14:32:10 +0000] "GET /x HTTP/1.1" 200 512 "referer" "agent"`.
fn combined(text: &str) -> Option<Draft> {
    let (before, rest) = text.split_once('[')?;
    let mut words = before.split_whitespace();
    let client = words.next().and_then(endpoint)?;
    let user = words.nth(1).filter(|user| !is_unset(user));
    let (stamp, rest) = parse_prefix(rest)?;
    let rest = rest.trim_start().strip_prefix(']')?.trim_start().strip_prefix('"')?;
    let (request, rest) = rest.split_once('"')?;
    let mut draft = new("web-access", text);
    draft.stamp = Some(stamp);
    fill(&mut draft.actor, user.unwrap_or_default());
    let mut numbers = rest.split_whitespace();
    draft.set("http.response.status_code", numbers.next().unwrap_or_default());
    let net = draft.net();
    net.source = client.address.or(client.host);
    net.bytes_in = numbers.next().and_then(|bytes| bytes.parse().ok());
    request_of(&mut draft, request);
    if let Some(agent) = rest.rsplit('"').nth(1) {
        draft.set("user_agent.original", agent);
    }
    Some(draft)
}

fn request_of(draft: &mut Draft, request: &str) {
    let mut words = request.split_whitespace();
    let method = words.next().filter(|word| METHODS.contains(word)).unwrap_or_default();
    let target = words.next().unwrap_or_default();
    fill(&mut draft.net().method, method);
    match named_endpoint(target).filter(|_| target.contains("://")) {
        Some(end) => destination(draft, end),
        None => fill(&mut draft.net().path, target),
    }
}

/// `INFO:     192.0.2.1:52782 - "POST /login HTTP/1.1" 401 Unauthorized`, with or without a time before it.
fn uvicorn(line: &Line<'_>) -> Option<Draft> {
    let body = line.body().trim_start();
    let body = body.strip_prefix("INFO:").unwrap_or(body).trim_start();
    let (client, rest) = body.split_once(" - \"")?;
    let client = endpoint(client.trim()).filter(|end| end.address.is_some())?;
    let (request, status) = rest.split_once('"')?;
    if !METHODS.contains(&request.split(' ').next()?) {
        return None;
    }
    let mut draft = new("web-access", line.text);
    draft.stamp = line.head.map(|head| head.stamp);
    draft.set("http.response.status_code", status.split_whitespace().next().unwrap_or_default());
    let net = draft.net();
    net.source = client.address;
    net.source_port = client.port;
    request_of(&mut draft, request);
    Some(draft)
}

/// `[2024-01-26T14:32:10.123Z] "POST /x HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "agent" "id" "authority" "10.0.2.1:80"`.
fn envoy(line: &Line<'_>) -> Option<Draft> {
    let head = line.head.filter(|head| head.bracketed)?;
    let (request, rest) = head.rest.strip_prefix('"')?.split_once('"')?;
    let numbers: Vec<&str> = rest.split_whitespace().take(6).collect();
    let status = numbers.first().filter(|status| status.len() <= 3 && status.bytes().all(|b| b.is_ascii_digit()))?;
    let mut draft = new("envoy", line.text);
    draft.stamp = Some(head.stamp);
    draft.set("http.response.status_code", status);
    request_of(&mut draft, request);
    let quoted: Vec<&str> = rest.split('"').skip(1).step_by(2).take(8).collect();
    let number = |at: usize| numbers.get(at).and_then(|value| value.parse().ok());
    let net = draft.net();
    net.bytes_out = number(2);
    net.bytes_in = number(3);
    net.source = quoted.first().and_then(|client| endpoint(client)).and_then(|end| end.address);
    if let Some(end) = quoted.get(3).filter(|name| !is_unset(name)).and_then(|name| named_endpoint(name)) {
        destination(&mut draft, end);
    }
    if let Some(end) = quoted.get(4).and_then(|upstream| endpoint(upstream)) {
        destination(&mut draft, end);
    }
    if rest.contains("BlackHoleCluster") {
        draft.net().verdict = Some(NetVerdict::Blocked);
        draft.kind = Some(EventKind::Block);
    }
    Some(draft)
}
