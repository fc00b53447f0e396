//! JSON records other than Zeek's: known shapes, audit records, and everything else by its keys.

use super::Reading;
use crate::draft::Draft;
use crate::json::{self, Value};
use crate::labels::assign;
use crate::line::Line;
use crate::stamp::parse_whole;
use wb_core::{EventKind, NetVerdict};

/// Nothing is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct State;

/// JSON objects come by [`read_json`]; there is no text to read.
pub(crate) fn read(_: &Line<'_>, _: &mut State) -> Option<Reading> {
    None
}

/// A shape: the keys that tell it.
struct Shape {
    source: &'static str,
    /// All of these are there; a dot goes into an object.
    keys: &'static [&'static str],
    /// What its records are, if all are the same.
    kind: Option<EventKind>,
}

const SHAPES: &[Shape] = &[
    Shape { source: "suricata-eve", keys: &["event_type", "src_ip"], kind: None },
    Shape { source: "suricata-eve", keys: &["event_type", "flow_id"], kind: None },
    Shape { source: "falco", keys: &["rule", "output", "priority"], kind: Some(EventKind::Alert) },
    Shape { source: "hubble", keys: &["flow", "flow.verdict"], kind: Some(EventKind::Connect) },
    Shape { source: "hubble", keys: &["verdict", "IP"], kind: Some(EventKind::Connect) },
    Shape { source: "kubernetes", keys: &["kind", "involvedObject"], kind: None },
    Shape { source: "kubernetes", keys: &["auditID", "verb"], kind: None },
    Shape { source: "kubernetes", keys: &["requestURI", "stage", "verb"], kind: None },
    Shape { source: "tetragon", keys: &["process_exec"], kind: Some(EventKind::Exec) },
    Shape { source: "tetragon", keys: &["process_kprobe"], kind: None },
    Shape { source: "tetragon", keys: &["process_exit"], kind: Some(EventKind::Note) },
    Shape { source: "envoy-json", keys: &[":authority", "response_code"], kind: Some(EventKind::Exchange) },
    Shape { source: "envoy-json", keys: &["upstream_cluster", "response_code"], kind: Some(EventKind::Exchange) },
    Shape { source: "gitlab", keys: &["controller", "path", "method"], kind: None },
    Shape { source: "mlflow", keys: &["entity", "action", "data"], kind: None },
    Shape { source: "mlflow", keys: &["event", "model_name", "version"], kind: None },
    Shape { source: "cloudtrail", keys: &["eventSource", "eventName"], kind: None },
];

/// Keys of audit records: an event and somebody.
const EVENT_KEYS: &[&str] = &["event", "action", "event_type", "eventName", "event.action", "operation", "verb"];
const ACTOR_KEYS: &[&str] = &["actor", "user", "username", "principal", "by", "user.name", "requester", "initiator", "userIdentity"];

/// Whether there is something at `path`.
fn holds(value: &Value, path: &str) -> bool {
    path.split('.').try_fold(value, |value, key| value.get(key)).is_some()
}

/// Reads an object.
pub(crate) fn read_json(value: &Value, text: &str) -> Draft {
    let shape = SHAPES.iter().find(|shape| shape.keys.iter().all(|path| holds(value, path)));
    let has = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
    let source = match shape {
        Some(shape) => shape.source,
        None if has(EVENT_KEYS) && has(ACTOR_KEYS) => "audit-json",
        None => "json-lines",
    };
    let mut draft = Draft { source, ..Draft::default() };
    draft.structured = true;
    json::flatten(value, &mut |key, value| assign(&mut draft, key, value));
    if draft.message.is_empty() {
        draft.message = crate::scan::bounded(text, crate::draft::LONGEST_MESSAGE);
    } else {
        draft.textual = true;
    }
    draft.kind = shape.and_then(|shape| shape.kind);
    match source {
        "suricata-eve" => suricata(&mut draft, value),
        "hubble" => hubble(&mut draft),
        "kubernetes" => kubernetes(&mut draft, value),
        "tetragon" => tetragon(&mut draft, value),
        "envoy-json" => draft.textual = false,
        "gitlab" => gitlab(&mut draft, value),
        "mlflow" => mlflow(&mut draft, value),
        "cloudtrail" => checksums(&mut draft, value),
        _ => {}
    }
    draft
}

/// Suricata's EVE: the event's type decides; bytes are those of the flow.
fn suricata(draft: &mut Draft, value: &Value) {
    let event = value.get("event_type").and_then(Value::as_str).unwrap_or_default();
    draft.kind = Some(match event {
        "alert" | "anomaly" => EventKind::Alert,
        "dns" => EventKind::Dns,
        "http" | "tls" | "fileinfo" | "ssh" | "smtp" | "quic" | "smb" | "ftp" | "krb5" | "mqtt" => EventKind::Exchange,
        // The end of a connection that other events announced: counted beside them, not on top of them.
        "flow" | "netflow" => {
            draft.set("network.event", "whole");
            // Its own time is when it was given up for dead; the attempt was when it began.
            let began = ["/flow/start", "/netflow/start"].iter().find_map(|path| value.pointer(path)).and_then(Value::as_str);
            draft.stamp = began.and_then(parse_whole).or(draft.stamp);
            EventKind::Connect
        }
        "drop" => EventKind::Block,
        _ => EventKind::Note,
    });
    draft.textual = false;
    if event == "fileinfo" {
        draft.set("network.event", "part");
    }
    let pointer = |path: &str| value.pointer(path).and_then(Value::as_str);
    let blocked = pointer("/alert/action") == Some("blocked") || event == "drop";
    draft.net().verdict = blocked.then_some(NetVerdict::Blocked);
    if let Some(signature) = pointer("/alert/signature") {
        draft.message = signature.to_owned();
        draft.fields.insert("rule.name".to_owned(), signature.to_owned());
        draft.level = Some("alert".to_owned());
    }
    if let Some(path) = pointer("/http/url") {
        draft.net().path = Some(path.to_owned());
    }
    if let Some(method) = pointer("/http/http_method") {
        draft.net().method = Some(method.to_owned());
    }
}

/// Hubble says `DROPPED` or `FORWARDED`.
fn hubble(draft: &mut Draft) {
    if draft.net.as_ref().is_some_and(|net| net.verdict == Some(NetVerdict::Blocked)) {
        draft.kind = Some(EventKind::Block);
    }
    draft.textual = false;
}

/// Tetragon names the process under the kind of its event; a probe of `tcp_connect` has the socket's ends.
fn tetragon(draft: &mut Draft, value: &Value) {
    draft.textual = false;
    let event = ["process_exec", "process_kprobe", "process_exit"].iter().find_map(|key| value.get(key));
    let pointer = |path: &str| event.and_then(|event| event.pointer(path)).and_then(Value::as_str);
    let binary = pointer("/process/binary").unwrap_or_default();
    let arguments = pointer("/process/arguments").unwrap_or_default();
    draft.set("process.executable", binary);
    draft.set("process.command_line", format!("{binary} {arguments}").trim());
    draft.set("process.parent.executable", pointer("/parent/binary").unwrap_or_default());
    let args = event.and_then(|event| event.get("args")).and_then(Value::as_array);
    let Some(socket) = args.into_iter().flatten().find_map(|arg| arg.get("sock_arg")) else { return };
    let port = |key: &str| socket.get(key).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let address = |key: &str| socket.get(key).and_then(Value::as_str).map(str::to_owned);
    let (source, destination) = (address("saddr"), address("daddr"));
    let (source_port, destination_port) = (port("sport"), port("dport"));
    let killed = pointer("/action") == Some("KPROBE_ACTION_SIGKILL");
    let net = draft.net();
    net.source = source;
    net.destination = destination;
    net.source_port = source_port;
    net.destination_port = destination_port;
    net.verdict = killed.then_some(NetVerdict::Blocked);
    draft.kind = Some(if killed { EventKind::Block } else { EventKind::Connect });
}

/// Kubernetes events say what happened by their reason; the object stands under `involvedObject`.
fn kubernetes(draft: &mut Draft, value: &Value) {
    let pointer = |path: &str| value.pointer(path).and_then(Value::as_str);
    for (field, path) in [
        ("orchestrator.resource.name", "/involvedObject/name"), ("orchestrator.resource.type", "/involvedObject/kind"),
        ("orchestrator.resource.name", "/objectRef/name"), ("orchestrator.resource.type", "/objectRef/resource"),
    ] {
        if let Some(found) = pointer(path) {
            draft.set(field, found);
        }
    }
    let reason = pointer("/reason").unwrap_or_default();
    draft.kind = match reason {
        "Pulled" | "Pulling" => Some(EventKind::Download),
        "Started" | "Killing" | "Created" | "BackOff" => Some(EventKind::Restart),
        "ScalingReplicaSet" | "SuccessfulRollout" => Some(EventKind::Deploy),
        "Unhealthy" => Some(EventKind::Note),
        _ => None,
    };
    if let Some(verb) = pointer("/verb") {
        let uri = pointer("/requestURI").unwrap_or_default();
        let shell = uri.contains("/exec") || uri.contains("/attach");
        let [resource, part] = ["/objectRef/resource", "/objectRef/subresource"]
            .map(|path| pointer(path).unwrap_or_default());
        draft.kind = Some(if shell { EventKind::Exec } else { request(verb, resource, part) });
    }
}

/// What a request to Kubernetes does. What the cluster tells itself all the time is no change, and neither is a pod
/// that starts or ends: what it runs is said elsewhere.
fn request(verb: &str, resource: &str, part: &str) -> EventKind {
    const OWN: [&str; 7] = [
        "leases", "events", "endpoints", "endpointslices", "nodes", "tokenreviews", "subjectaccessreviews",
    ];
    match (verb, resource, part) {
        (_, "pods", "eviction") | ("create" | "delete", "pods", "") => EventKind::Restart,
        (_, _, "status" | "binding" | "token") => EventKind::Note,
        (_, resource, _) if OWN.contains(&resource) => EventKind::Note,
        ("create" | "update" | "patch" | "delete", ..) => EventKind::Change,
        _ => EventKind::Note,
    }
}

/// GitLab's requests: those to its sign-in are about somebody's access.
fn gitlab(draft: &mut Draft, value: &Value) {
    let at = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let sign_in = at("controller").contains("Session") || at("path").contains("sign_in");
    draft.kind = Some(if sign_in { EventKind::Access } else { EventKind::Exchange });
    let net = draft.net();
    crate::draft::fill(&mut net.method, at("method"));
    crate::draft::fill(&mut net.path, at("path"));
    crate::draft::fill(&mut draft.actor, at("username"));
}

/// MLflow's webhooks: an entity and what was done to it; older ones name the event.
fn mlflow(draft: &mut Draft, value: &Value) {
    let at = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let event = match (at("/entity"), at("/action")) {
        ("", _) => at("/event").to_ascii_lowercase(),
        (entity, action) => format!("{entity}.{action}"),
    };
    draft.kind = Some(match event.as_str() {
        "registered_model_created" | "registered_model.created" | "model_version_created"
        | "model_version.created" => EventKind::Register,
        event if event.contains("request") => EventKind::Request,
        event if event.contains("transition") || event.contains("alias") || event.contains("tag") => {
            EventKind::Stage
        }
        _ => EventKind::Change,
    });
    for (name, path) in [
        ("model.name", "/data/name"),
        ("model.version", "/data/version"),
        ("source.uri", "/data/source"),
        ("run.id", "/data/run_id"),
        ("stage", "/to_stage"),
    ] {
        draft.set(name, at(path));
    }
    draft.set("event.action", &event);
}

/// Checksums that S3 was told of an object, in base64.
fn checksums(draft: &mut Draft, value: &Value) {
    let Some(parameters) = value.get("requestParameters").and_then(Value::as_object) else { return };
    for (key, value) in parameters {
        let name = key.to_ascii_lowercase();
        let algorithm = ["sha256", "sha1", "md5"].iter().find(|known| {
            name.ends_with(*known) && (name.contains("checksum") || name.contains("content"))
        });
        let Some((algorithm, text)) = algorithm.zip(value.as_str()) else { continue };
        if let Ok(bytes) = data_encoding::BASE64.decode(text.as_bytes()) {
            assign(draft, algorithm, &data_encoding::HEXLOWER.encode(&bytes));
        }
    }
}
