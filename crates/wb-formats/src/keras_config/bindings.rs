//! What a Lambda layer stores beside its code: default values, the values of the enclosing function, and the
//! `arguments` that the layer passes. Without them a command that is kept there looks like a parameter.

use super::code::{self, Place};
use crate::spanned_json::{Json, Node};
use wb_code::cpython::CodeObject;
use wb_core::Constant;

/// The known values of the function `code` that stands at `place`, by the name of the variable.
pub(super) fn bindings<'c>(code: &'c CodeObject, place: &Place<'c>) -> Vec<(&'c str, Constant)> {
    let config = place.layer.filter(|layer| layer.text_at("class_name") == Some("Lambda"));
    let Some(config) = config.and_then(|layer| layer.get("config")) else { return Vec::new() };
    // A layer has up to three functions; the path tells which of them this is.
    let stands_in = |name: &&&str| {
        let path = format!(".config.{name}");
        let next = place.place.rsplit_once(&path).map(|(_, rest)| rest.bytes().next());
        next.is_some_and(|next| matches!(next, None | Some(b'.' | b'[')))
    };
    let Some(name) = ["function", "output_shape", "mask"].iter().find(stands_in) else {
        return Vec::new();
    };
    let (defaults, closure) = config.get(name).map(parts).unwrap_or_default();
    let mut values = Vec::new();
    let count = usize::try_from(code.argument_count).unwrap_or(usize::MAX);
    let parameters = code.locals.get(..count.min(code.locals.len())).unwrap_or_default();
    let first = parameters.len().saturating_sub(defaults.len());
    pair(parameters.get(first..).unwrap_or_default(), defaults, &mut values);
    pair(&code.free, closure, &mut values);
    let passed = config.get("arguments").filter(|_| *name == "function");
    for (key, value) in passed.map(Json::entries).unwrap_or_default() {
        values.extend(constant(value).map(|constant| (key.as_str(), constant)));
    }
    values
}

/// Default values and closure of a function: the second and third of the three that Keras 1 and 2 write,
/// named in Keras 3.
fn parts(function: &Json) -> (&[Json], &[Json]) {
    let list = match function.text_at("class_name") {
        Some("__tuple__") => function.get("items").map(Json::items).unwrap_or_default(),
        _ => function.items(),
    };
    let named = |name: &str| function.get("config").and_then(|config| config.get(name));
    let part = |index: usize, name: &str| list.get(index).or_else(|| named(name)).map(Json::items);
    (part(1, "defaults").unwrap_or_default(), part(2, "closure").unwrap_or_default())
}

fn pair<'c>(names: &'c [String], values: &[Json], found: &mut Vec<(&'c str, Constant)>) {
    for (name, value) in names.iter().zip(values) {
        found.extend(constant(value).map(|constant| (name.as_str(), constant)));
    }
}

/// The constant that a plain value is.
fn constant(value: &Json) -> Option<Constant> {
    match &value.node {
        Node::Text(text) => Some(Constant::Text(text.clone())),
        Node::Plain(plain) => Some(code::plain_constant(plain)),
        _ => None,
    }
}
