//! What payloads would send against what was captured, field by field. A difference is another version of the
//! payload, a second stage, or a proxy in between.

use crate::body::Body;
use std::collections::{BTreeMap, BTreeSet};
use wb_code::indicators::requests;
use wb_core::{Answers, Compared, EventKind, Finding, NetworkUse, RecordRef, Verdict};

/// Fields of one body that are compared.
const MOST: usize = 40;

/// Every captured request with a payload that sends to the same host.
pub fn compare(body: &Body, findings: &[Finding], answers: &Answers) -> Vec<Compared> {
    let mut all = Vec::new();
    let captured = answers.network.iter().filter(|network| network.seen_in == "capture");
    for capture in captured {
        let same_host = |sent: &&NetworkUse| sent.seen_in == "payload" && sent.host == capture.host;
        if let Some(sent) = answers.network.iter().find(same_host) {
            all.extend(lines(sent, capture));
        }
    }
    all.extend(body_fields(body, findings, answers));
    all
}

/// Method, path, scheme and port. A port that neither side names is that of the scheme.
fn lines(sent: &NetworkUse, capture: &NetworkUse) -> Vec<Compared> {
    let row = |field: &str, payload: Option<String>, capture: Option<String>, agrees| Compared {
        host: sent.host.clone(),
        field: field.to_owned(),
        payload,
        capture,
        agrees,
        record: None,
    };
    let same = |field: &str, one: Option<String>, other: Option<String>| {
        let agrees = one.as_ref().zip(other.as_ref()).map(|(one, other)| one == other);
        row(field, one, other, agrees)
    };
    let path = |of: &NetworkUse, bare: bool| {
        let path = of.path.as_deref()?;
        let end = if bare { path.find('?') } else { None };
        path.get(..end.unwrap_or(path.len())).map(str::to_owned)
    };
    // One of the two may have been recorded without its query; that is no difference.
    let has_query = |of: &NetworkUse| of.path.as_deref().is_some_and(|path| path.contains('?'));
    let bare = has_query(sent) != has_query(capture);
    let port = |of: &NetworkUse| of.port.map(|port| port.to_string());
    let mut rows = vec![
        same("method", sent.method.clone(), capture.method.clone()),
        same("path", path(sent, bare), path(capture, bare)),
        same("scheme", sent.scheme.clone(), capture.scheme.clone()),
    ];
    // A scheme that differs brings its port along.
    if rows.iter().all(|row| row.field != "scheme" || row.agrees != Some(false)) {
        rows.push(same("port", port(sent), port(capture)));
    }
    rows.retain(|row| row.payload.is_some() || row.capture.is_some());
    rows
}

/// The fields of captured bodies that share one with what a payload sends.
fn body_fields(body: &Body, findings: &[Finding], answers: &Answers) -> Vec<Compared> {
    let (host, sent) = sent(findings, answers);
    let mut all: Vec<Compared> = Vec::new();
    for event in body.events().filter(|event| event.kind == EventKind::Exchange) {
        let Some(content) = event.field("http.request.body.content") else { continue };
        let pairs = content.split('&').filter_map(|pair| pair.split_once('='));
        let captured: BTreeMap<&str, &str> =
            pairs.map(|(key, value)| (key.trim(), value)).take(MOST).collect();
        if !captured.keys().any(|key| sent.contains(*key)) {
            continue;
        }
        for (key, value) in &captured {
            let known = sent.contains(*key);
            all.push(Compared {
                host: host.clone(),
                field: format!("field `{key}`"),
                payload: known.then(|| "sent".to_owned()),
                capture: Some(super::timeline::cut(value, 80)),
                agrees: Some(known),
                record: Some(event.record.clone()),
            });
        }
        let lacking = sent.iter().filter(|key| !captured.contains_key(key.as_str()));
        all.extend(lacking.map(|key| not_captured(&host, key, &event.record)));
    }
    all
}

/// A capture may have been cut before the field came.
fn not_captured(host: &str, key: &str, record: &RecordRef) -> Compared {
    Compared {
        host: host.to_owned(),
        field: format!("field `{key}`"),
        payload: Some("sent".to_owned()),
        capture: None,
        agrees: None,
        record: Some(record.clone()),
    }
}

/// The names of the fields that payloads send to hosts of the case, and the first of these hosts.
fn sent(findings: &[Finding], answers: &Answers) -> (String, BTreeSet<String>) {
    let hosts: BTreeSet<&str> =
        answers.network.iter().map(|network| network.host.as_str()).collect();
    let texts = findings
        .iter()
        .filter(|finding| finding.verdict >= Verdict::Suspicious)
        .flat_map(|finding| &finding.payloads);
    let mut first = String::new();
    let mut keys = BTreeSet::new();
    for request in texts.flat_map(|payload| requests(&payload.text)) {
        if hosts.contains(request.host.as_str()) && !request.body_keys.is_empty() {
            if first.is_empty() {
                first = request.host;
            }
            keys.extend(request.body_keys);
        }
    }
    (first, keys)
}
