//! JSON records: parsing within bounds, and flattening to dotted keys.

pub(crate) use serde_json::Value;

use crate::labels::{Slot, slot};

/// Values taken from one object at the most.
const MOST_VALUES: usize = 200;

/// Nesting followed.
const DEEPEST: usize = 12;

/// The object that `text` is.
pub(crate) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim_end()).ok().filter(Value::is_object)
}

/// Keys under which exports keep their records: CloudTrail, Kubernetes lists, search results.
const BATCHES: &[&str] = &[
    "Records",
    "records",
    "items",
    "events",
    "logEvents",
    "entries",
    "value",
    "hits",
    "logs",
    "results",
    "data",
];

/// The records in an object that is a list of them, as exports of logs are.
pub(crate) fn batch(value: &Value) -> Option<&[Value]> {
    let members = value.as_object().filter(|members| members.len() <= 8)?;
    let timed = members.keys().any(|key| slot(key) == Some(Slot::Time));
    let found = BATCHES.iter().find_map(|key| members.get(*key)).filter(|_| !timed)?;
    if found.is_object() {
        return batch(found);
    }
    found.as_array().map(Vec::as_slice).filter(|items| items.first().is_some_and(Value::is_object))
}

/// The lines in what Loki answers or is sent: streams with labels, each a list of times and lines.
pub(crate) fn streams(value: &Value) -> Option<Vec<Value>> {
    let streams = value.get("streams").or_else(|| value.pointer("/data/result"))?.as_array()?;
    let mut records = Vec::new();
    for stream in streams {
        let labels = stream.get("stream").filter(|labels| labels.is_object())?;
        for entry in stream.get("values")?.as_array()? {
            let (time, line) = (entry.get(0)?.as_str()?, entry.get(1)?.as_str()?);
            records.push(serde_json::json!({ "timestamp": time, "line": line, "labels": labels }));
        }
    }
    (!records.is_empty()).then_some(records)
}

/// Hands every value of `value` to `take`, with its path, in order. Lists of plain values are one value
/// joined by commas.
pub(crate) fn flatten(value: &Value, take: &mut dyn FnMut(&str, &str)) {
    let mut left = MOST_VALUES;
    walk(value, &mut String::new(), 0, &mut left, take);
}

fn walk(
    value: &Value,
    path: &mut String,
    depth: usize,
    left: &mut usize,
    take: &mut dyn FnMut(&str, &str),
) {
    if depth > DEEPEST || *left == 0 {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                within(path, key, |path| walk(member, path, depth.saturating_add(1), left, take));
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate().take(16) {
                within(path, &index.to_string(), |path| {
                    walk(item, path, depth.saturating_add(1), left, take);
                });
            }
        }
        Value::Array(items) => {
            let joined: Vec<String> = items.iter().take(64).map(scalar).collect();
            *left = left.saturating_sub(1);
            take(path, &joined.join(","));
        }
        Value::Null => {}
        plain => {
            *left = left.saturating_sub(1);
            match plain {
                Value::String(text) => take(path, text),
                other => take(path, &other.to_string()),
            }
        }
    }
}

fn within(path: &mut String, key: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(crate::scan::cut(key, 100));
    then(path);
    path.truncate(length);
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
