//! Layers with a setting that their Keras class does not have.

use super::{Draft, Subject};
use crate::keras::{Layers, is_from_keras, is_layer};
use std::collections::BTreeMap;
use wb_core::{Component, Field, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A layer setting that its Keras class does not have",
    severity: Severity::Medium,
    techniques: &["AML.T0018.001", "T1027"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let layers = subject.content.components.iter().filter(|layer| is_layer(layer));
    layers
        .filter(|layer| is_from_keras(layer))
        .flat_map(|layer| unknown(layer).into_values().map(|field| finding(subject, layer, field)))
        .collect()
}

/// The unknown settings of a layer by key, each with its first value.
fn unknown(layer: &Component) -> BTreeMap<&str, &Field> {
    let mut unknown = BTreeMap::new();
    for field in &layer.settings {
        // What stands beside `config` is Keras's own bookkeeping, which differs between versions.
        if field.path.starts_with("../") {
            continue;
        }
        let key = field.path.split(['.', '[']).next().unwrap_or_default();
        let known = Layers::get().has_setting(&layer.class, key);
        if known == Some(false) && !key.is_empty() {
            unknown.entry(key).or_insert(field);
        }
    }
    unknown
}

fn finding(subject: &Subject<'_>, layer: &Component, field: &Field) -> Finding {
    let key = field.path.split(['.', '[']).next().unwrap_or_default();
    let location = Location {
        component: Some(layer.name.clone()),
        ..Location::at(format!("{}.config.{}", layer.place, field.path), field.span.or(layer.span))
    };
    let value: String = field.value.chars().take(200).collect();
    let headline = format!(
        "the layer `{}` has a setting `{key}`, which the Keras class `{}` does not have: `{value}`",
        layer.name, layer.class
    );
    FindingBuilder::new("keras-unknown-setting", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Suspicious)
        .techniques(RULE.techniques)
        .next("find out who put it there: no version of Keras writes it, and loading ignores or rejects it")
        .build()
}
