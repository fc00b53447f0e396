//! One JSON object per line, for programs and for Timesketch.

use super::Row;
use super::columns::{COLUMNS, Value};
use crate::escape;
use crate::time;
use serde_json::{Map, Value as Json};
use std::io::{self, Write};

/// Writes a row: its columns that are set, then `fields`.
pub(super) fn row(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    let mut object = Map::new();
    for column in COLUMNS {
        if let Some(value) = json(&column.value, row) {
            object.insert(column.name.to_owned(), value);
        }
    }
    if !row.event.fields.is_empty() {
        object.insert("fields".to_owned(), fields(row));
    }
    line(out, object)
}

/// Writes a row as Timesketch imports it: `message`, `datetime` and `timestamp_desc` are mandatory, and
/// OpenSearch takes a dot for a nested object, so names have underscores. False without a time.
pub(super) fn timesketch(out: &mut impl Write, row: &Row<'_>) -> io::Result<bool> {
    let Some(when) = row.event.timestamp() else { return Ok(false) };
    let mut object = Map::new();
    let mut set = |name: &str, value: Json| object.insert(name.to_owned(), value);
    set("message", row.event.message.clone().into());
    set("datetime", when.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string().into());
    set("timestamp", when.as_microsecond().into());
    set("timestamp_desc", row.event.kind.name().into());
    for column in COLUMNS.iter().filter(|column| !matches!(column.name, "@timestamp" | "message")) {
        if let Some(value) = json(&column.value, row) {
            set(&column.name.replace('.', "_"), value);
        }
    }
    for (name, value) in &row.event.fields {
        set(&format!("field_{}", name.replace('.', "_")), value.clone().into());
    }
    if !row.moments.is_empty() {
        let tags: Vec<Json> = row.moments.iter().map(|moment| moment.name().into()).collect();
        set("tag", tags.into());
    }
    line(out, object).map(|()| true)
}

fn fields(row: &Row<'_>) -> Json {
    let pairs = row.event.fields.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    Json::Object(pairs.collect())
}

fn json(value: &Value, row: &Row<'_>) -> Option<Json> {
    Some(match value {
        Value::Text(get) => get(row)?.into(),
        Value::Number(get) => get(row)?.into(),
        Value::Time(get) => time::rfc3339(get(row)?).into(),
    })
}

fn line(out: &mut impl Write, object: Map<String, Json>) -> io::Result<()> {
    let text = Json::Object(object).to_string();
    writeln!(out, "{}", escape::json(text))
}
