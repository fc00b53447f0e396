//! Access logs of Amazon's stores and balancers: S3 server access logs and application load balancers.

use super::Reading;
use super::capture::METHODS;
use crate::draft::{Draft, fill};
use crate::labels::{destination, is_unset};
use crate::line::Line;
use crate::stamp::parse_whole;
use crate::tokens::{address, endpoint, is_model_file, named_endpoint};
use wb_core::EventKind;

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// Reads a line of either.
pub(crate) fn read(line: &Line<'_>, _: &mut State) -> Option<Reading> {
    Reading::record(s3(line.text).or_else(|| alb(line.text))?)
}

/// The words of a line; quotes and brackets keep spaces.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && words.len() < 40 {
        let close = match rest.as_bytes().first() {
            Some(b'"') => Some('"'),
            Some(b'[') => Some(']'),
            _ => None,
        };
        let inner = rest.get(usize::from(close.is_some())..).unwrap_or_default();
        let end = inner.find(close.unwrap_or(' ')).unwrap_or(inner.len());
        words.push(inner.get(..end).unwrap_or_default());
        let after = end.saturating_add(usize::from(close.is_some()));
        rest = inner.get(after..).unwrap_or_default().trim_start();
    }
    words
}

/// Amazon S3 User Guide, "Amazon S3 server access log format": owner, bucket, time, address, requester, id,
/// operation, key, request, status, error, bytes sent, object size.
fn s3(text: &str) -> Option<Draft> {
    if !text.contains(" REST.") && !text.contains(" S3.") && !text.contains(" BATCH.") {
        return None;
    }
    let words = words(text);
    let at = |index: usize| words.get(index).copied().filter(|word| !is_unset(word)).unwrap_or_default();
    let stamp = parse_whole(at(2))?;
    let operation = at(6);
    let mut draft = Draft::new("s3-access", text);
    draft.stamp = Some(stamp);
    draft.structured = true;
    draft.set("aws.s3.bucket.name", at(1));
    draft.set("aws.s3.operation", operation);
    draft.set("http.response.status_code", at(9));
    draft.set("error.code", at(10));
    draft.set("user_agent.original", at(16));
    fill(&mut draft.actor, at(4).rsplit('/').next().unwrap_or_default());
    let key = at(7);
    draft.set("file.name", key);
    let net = draft.net();
    net.source = address(at(3));
    net.bytes_in = at(11).parse().ok();
    fill(&mut net.method, at(8).split(' ').next().unwrap_or_default());
    fill(&mut net.path, at(8).split(' ').nth(1).unwrap_or_default());
    let failed = !at(9).starts_with('2');
    draft.kind = Some(match (operation.split('.').nth(1), is_model_file(key), failed) {
        (_, _, true) => EventKind::Note,
        (Some("PUT" | "POST" | "COPY"), true, _) => EventKind::Register,
        (Some("PUT" | "POST" | "COPY" | "DELETE"), ..) => EventKind::Change,
        (Some("GET"), true, _) => EventKind::Download,
        _ => EventKind::Exchange,
    });
    Some(draft)
}

/// Elastic Load Balancing, "Access log entries": type, time, balancer, client, target, three durations, two
/// status codes, bytes received and sent, request, agent.
fn alb(text: &str) -> Option<Draft> {
    let (kind, _) = text.split_once(' ')?;
    if !matches!(kind, "http" | "https" | "h2" | "grpcs" | "ws" | "wss") {
        return None;
    }
    let words = words(text);
    let at = |index: usize| words.get(index).copied().filter(|word| !is_unset(word)).unwrap_or_default();
    let mut draft = Draft::new("alb", text);
    draft.stamp = Some(parse_whole(at(1))?);
    draft.structured = true;
    draft.kind = Some(EventKind::Exchange);
    draft.set("observer.name", at(2));
    draft.set("http.response.status_code", at(8));
    draft.set("user_agent.original", at(13));
    let client = endpoint(at(3))?;
    let mut request = at(12).split(' ');
    let method = request.next().filter(|word| METHODS.contains(word)).unwrap_or_default();
    let target = request.next().unwrap_or_default();
    let net = draft.net();
    (net.source, net.source_port) = (client.address, client.port);
    (net.bytes_out, net.bytes_in) = (at(10).parse().ok(), at(11).parse().ok());
    fill(&mut net.method, method);
    fill(&mut net.protocol, "http");
    if let Some(end) = endpoint(at(4)) {
        destination(&mut draft, end);
    }
    if let Some(end) = named_endpoint(target).filter(|_| target.contains("://")) {
        let net = draft.net();
        fill(&mut net.host, end.host.as_deref().unwrap_or_default());
        fill(&mut net.path, end.path.as_deref().unwrap_or_default());
    }
    Some(draft)
}
