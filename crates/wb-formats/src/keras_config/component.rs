//! Components: layers and models with their settings flattened to paths and values.

use super::Source;
use crate::spanned_json::{Json, Node, join_key};
use wb_core::{Budget, Component, Field};

/// Longest setting that is kept whole, in bytes.
const KEPT: usize = 1 << 14;

/// Keys that Keras writes beside `config`.
const STRUCTURAL: &[&str] = &[
    "backend",
    "build_config",
    "class_name",
    "compile_config",
    "config",
    "inbound_nodes",
    "keras_version",
    "module",
    "name",
    "registered_name",
    "shared_object_id",
    "spec_name",
];

/// Keys under which layers hold other layers.
const LAYER_KEYS: &[&str] =
    &["layers", "layer", "forward_layer", "backward_layer", "cell", "cells", "attention_layer"];

/// Whether `json`, found under `key`, is a layer or model.
pub(super) fn is_layer(json: &Json, key: &str) -> bool {
    let Some(class) = json.text_at("class_name") else { return false };
    let module = json.text_at("module").unwrap_or("");
    let framed = class.starts_with("__") || class == "function";
    !framed
        && (LAYER_KEYS.contains(&key)
            || json.get("inbound_nodes").is_some()
            || module.contains(".layers")
            || has_layers(json))
}

/// Whether `json` is a model: something that has layers of its own.
fn has_layers(json: &Json) -> bool {
    let config = json.get("config");
    config.is_some_and(|config| {
        config.get("layers").is_some()
            || config.items().iter().any(|item| item.text_at("class_name").is_some())
    })
}

/// The name of a layer, wherever its Keras version writes it.
pub(super) fn name(json: &Json) -> String {
    let config = json.get("config");
    let name = config.and_then(|config| config.text_at("name")).or_else(|| json.text_at("name"));
    name.unwrap_or_default().to_owned()
}

/// The component for a layer or model.
pub(super) fn component(
    source: &Source<'_>,
    json: &Json,
    place: &str,
    budget: &mut Budget,
) -> Component {
    let mut settings = Vec::new();
    if let Some(config) = json.get("config")
        && config.items().is_empty()
    {
        fields(source, config, "", &mut settings, budget);
    }
    for (key, value) in json.entries() {
        if !STRUCTURAL.contains(&key.as_str()) {
            fields(source, value, &format!("../{key}"), &mut settings, budget);
        }
    }
    Component {
        kind: if has_layers(json) { "model" } else { "layer" },
        name: name(json),
        class: json.text_at("class_name").unwrap_or_default().to_owned(),
        module: json.text_at("module").map(str::to_owned),
        place: place.to_owned(),
        span: Some(source.span(json.span)),
        settings,
    }
}

/// Flattens `json` below `path`. Layers are named, not flattened: they are components of their own.
pub(super) fn fields(
    source: &Source<'_>,
    json: &Json,
    path: &str,
    out: &mut Vec<Field>,
    budget: &mut Budget,
) {
    let value = match &json.node {
        Node::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let mut inner = path.to_owned();
                join_key(&mut inner, key);
                match layer_names(value, key) {
                    Some(names) => push(source, value, inner, names, out, budget),
                    None => fields(source, value, &inner, out, budget),
                }
            }
            return;
        }
        Node::Array(items) if items.iter().any(|item| !item.entries().is_empty()) => {
            for (index, item) in items.iter().enumerate() {
                fields(source, item, &format!("{path}[{index}]"), out, budget);
            }
            return;
        }
        _ => json.display(),
    };
    push(source, json, path.to_owned(), value, out, budget);
}

/// What stands for the layers in `json`, found under `key`.
fn layer_names(json: &Json, key: &str) -> Option<String> {
    if is_layer(json, key) {
        return json.text_at("class_name").map(str::to_owned);
    }
    let items = json.items();
    if items.is_empty() || !items.iter().all(|item| is_layer(item, key)) {
        return None;
    }
    let names: Vec<String> = items.iter().map(|item| format!("{:?}", name(item))).collect();
    Some(format!("[{}]", names.join(", ")))
}

fn push(
    source: &Source<'_>,
    json: &Json,
    path: String,
    mut value: String,
    out: &mut Vec<Field>,
    budget: &mut Budget,
) {
    // Many values below one long path would cost far more memory than the file has bytes.
    let weight = (path.len() as u64).checked_div(64).unwrap_or(0).saturating_add(1);
    if budget.items(weight).is_err() {
        return;
    }
    if value.len() > KEPT {
        value.truncate(value.floor_char_boundary(KEPT));
        value.push_str("...");
    }
    out.push(Field { path, value, span: Some(source.span(json.span)) });
}
