//! Flow and audit logs of Google Cloud and Azure, as JSON.

use super::Reading;
use crate::draft::{Draft, fill};
use crate::json::{self, Value};
use crate::labels::{assign, transport};
use crate::line::Line;
use crate::stamp::{epoch, parse_whole};
use crate::tokens::address;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// JSON objects come by [`read_json`]; there is no text to read.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// Flows of one record at the most.
const MOST_FLOWS: usize = 4096;

/// Reads an object of one of the clouds; one of Azure holds several flows.
pub(crate) fn read_json(value: &Value, text: &str) -> Option<Vec<Draft>> {
    if let Some(draft) = google_flow(value, text) {
        return Some(vec![draft]);
    }
    let mut tuples = Vec::new();
    let flows = value.get("flowRecords").or_else(|| value.pointer("/properties/flows"));
    azure_tuples(flows.unwrap_or(value), flows.is_some(), 0, &mut tuples);
    if !tuples.is_empty() {
        let drafts: Vec<Draft> = tuples.iter().filter_map(|tuple| azure_flow(tuple)).collect();
        return (!drafts.is_empty()).then_some(drafts);
    }
    google_audit(value, text).or_else(|| azure_audit(value, text)).map(|draft| vec![draft])
}

fn text_at<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// A number, which Google writes as a text.
fn number_at(value: &Value, path: &str) -> Option<u64> {
    let found = value.pointer(path)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}

/// VPC Flow Logs, "Record format". Both ends report a flow within the cloud: the destination's report is not
/// another one.
fn google_flow(value: &Value, text: &str) -> Option<Draft> {
    let record = value.get("jsonPayload").unwrap_or(value);
    let ends = record.get("connection").filter(|ends| ends.get("dest_ip").is_some())?;
    let mut draft = Draft::new("gcp-flow", text);
    draft.structured = true;
    draft.kind = Some(EventKind::Connect);
    let times = [text_at(record, "/start_time"), text_at(value, "/timestamp")];
    draft.stamp = times.iter().find_map(|time| parse_whole(time));
    let port = |path| number_at(ends, path).and_then(|port| u16::try_from(port).ok());
    let protocol = number_at(ends, "/protocol").map(|number| number.to_string()).unwrap_or_default();
    let net = draft.net();
    net.source = address(text_at(ends, "/src_ip"));
    net.destination = address(text_at(ends, "/dest_ip"));
    (net.source_port, net.destination_port) = (port("/src_port"), port("/dest_port"));
    net.bytes_out = number_at(record, "/bytes_sent");
    fill(&mut net.transport, transport(&protocol));
    if text_at(record, "/reporter") == "DEST" && record.get("src_instance").is_some() {
        draft.set("network.event", "part");
    }
    for (name, path) in [
        ("source.instance", "/src_instance/vm_name"),
        ("destination.instance", "/dest_instance/vm_name"),
        ("destination.country", "/dest_location/country"),
        ("reporter", "/reporter"),
    ] {
        draft.set(name, text_at(record, path));
    }
    Some(draft)
}

/// Every flow tuple: a text of numbers and addresses in a list `flowTuples`, or under a key `flow.N`.
fn azure_tuples<'a>(value: &'a Value, inside: bool, depth: u8, found: &mut Vec<&'a str>) {
    if depth > 8 || found.len() >= MOST_FLOWS {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(tuple) if key.starts_with("flow.") && is_tuple(tuple) => found.push(tuple),
                    member if inside || key == "flowTuples" => {
                        azure_tuples(member, true, depth.saturating_add(1), found);
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) if inside => {
            for item in items.iter().take(MOST_FLOWS) {
                match item {
                    Value::String(tuple) if is_tuple(tuple) => found.push(tuple),
                    other => azure_tuples(other, true, depth.saturating_add(1), found),
                }
            }
        }
        _ => {}
    }
}

fn is_tuple(text: &str) -> bool {
    let mut parts = text.split(',');
    parts.next().is_some_and(|time| epoch(time).is_some()) && parts.next().is_some_and(|ip| address(ip).is_some())
}

/// Azure Network Watcher: a tuple of a virtual network's flow log has the protocol as a number, the direction,
/// the state, the encryption, then packets and bytes both ways; one of a security group's has `T` or `U`, the
/// direction, `A` or `D`, and from version 2 on the state and the counts.
fn azure_flow(tuple: &str) -> Option<Draft> {
    let parts: Vec<&str> = tuple.split(',').collect();
    let at = |index: usize| parts.get(index).copied().unwrap_or_default();
    let group = matches!(at(5), "T" | "U");
    let (denied, state, first) = match (group, at(7)) {
        (true, decision) => (decision == "D", at(8), 9_usize),
        (false, state) => (state == "D", state, 9),
    };
    let mut draft = Draft::new("azure-flow", tuple);
    draft.structured = true;
    draft.stamp = epoch(at(0)).map(|(stamp, _)| stamp);
    draft.set("network.direction", if at(6) == "O" { "outbound" } else { "inbound" });
    let net = draft.net();
    (net.source, net.source_port) = (Some(address(at(1))?), at(3).parse().ok());
    (net.destination, net.destination_port) = (Some(address(at(2))?), at(4).parse().ok());
    let protocol = match at(5) {
        "T" => "tcp",
        "U" => "udp",
        number => transport(number),
    };
    fill(&mut net.transport, protocol);
    net.bytes_out = at(first.saturating_add(1)).parse().ok();
    net.bytes_in = at(first.saturating_add(3)).parse().ok();
    net.verdict = Some(if denied { NetVerdict::Blocked } else { NetVerdict::Allowed });
    draft.kind = Some(if denied { EventKind::Block } else { EventKind::Connect });
    match state {
        "C" => draft.set("network.event", "part"),
        "E" => draft.set("network.event", "end"),
        _ => {}
    }
    Some(draft)
}

/// Cloud Audit Logs, `AuditLog`: who called which method on what. Vertex AI's methods deploy models.
fn google_audit(value: &Value, text: &str) -> Option<Draft> {
    let payload = value.get("protoPayload")?;
    let method = text_at(payload, "/methodName");
    if method.is_empty() {
        return None;
    }
    let mut draft = audit("gcp-audit", value, text, method);
    fill(&mut draft.actor, text_at(payload, "/authenticationInfo/principalEmail"));
    draft.object = Some(text_at(payload, "/resourceName").to_owned()).filter(|name| !name.is_empty());
    draft.net().source = address(text_at(payload, "/requestMetadata/callerIp"));
    draft.set("cloud.service.name", text_at(payload, "/serviceName"));
    Some(draft)
}

/// Azure's activity and resource logs: an operation and its category. Azure ML's are `Aml...Event`.
fn azure_audit(value: &Value, text: &str) -> Option<Draft> {
    let (operation, category) = (text_at(value, "/operationName"), text_at(value, "/category"));
    if operation.is_empty() || category.is_empty() {
        return None;
    }
    let mut draft = audit("azure-audit", value, text, operation);
    draft.set("event.category", category);
    fill(&mut draft.actor, text_at(value, "/identity/claims/name"));
    draft.net().source = address(text_at(value, "/callerIpAddress"));
    Some(draft)
}

/// What both clouds' audit records have: a time, and an operation whose last words say what was done.
fn audit(source: &'static str, value: &Value, text: &str, operation: &str) -> Draft {
    let mut draft = Draft { source, structured: true, ..Draft::default() };
    json::flatten(value, &mut |key, value| assign(&mut draft, key, value));
    draft.message = crate::scan::bounded(text, crate::draft::LONGEST_MESSAGE);
    draft.set("event.action", operation);
    let lower = operation.to_ascii_lowercase();
    let last = lower.rsplit(['.', '/']).next().unwrap_or_default();
    let is = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    draft.kind = Some(match last {
        _ if last.starts_with("undeploy") => EventKind::Change,
        _ if last.starts_with("deploy") || (is(&["deployments/"]) && last == "write") => EventKind::Deploy,
        _ if last.starts_with("upload") || (is(&["/models", "/registries"]) && last == "write") => {
            EventKind::Register
        }
        _ if is(&["listkeys", "listsecrets", "accesssecretversion", "generateaccesstoken"]) => EventKind::Access,
        "write" | "delete" | "action" => EventKind::Change,
        _ if ["create", "update", "patch", "delete", "set", "insert", "import", "copy"]
            .iter()
            .any(|verb| last.starts_with(verb)) =>
        {
            EventKind::Change
        }
        _ => EventKind::Note,
    });
    // The connection of an audit record is the caller's, not one that a model made.
    draft.net = None;
    draft
}
