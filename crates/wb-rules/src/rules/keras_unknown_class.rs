//! Layers of a class that is not of Keras.

use super::{Draft, Subject};
use crate::keras::{Layers, is_from_keras, is_layer};
use crate::knowledge;
use std::collections::BTreeMap;
use wb_core::{Capability, Component, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A layer of a class that is not of Keras",
    severity: Severity::Low,
    techniques: &["AML.T0018.001"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    // A SavedModel has the functions of its layers in its graph: the class is not needed to run them.
    if matches!(subject.format(), "saved-model" | "meta-graph" | "keras-metadata") {
        return Vec::new();
    }
    // A class may be used for a hundred layers; it is one thing to look at.
    let mut classes: BTreeMap<(&str, &str), (&Component, usize)> = BTreeMap::new();
    for layer in &subject.content.components {
        if is_layer(layer) && !is_vouched_for(layer) {
            let module = layer.module.as_deref().unwrap_or_default();
            classes.entry((module, &layer.class)).or_insert((layer, 0)).1 += 1;
        }
    }
    classes.into_values().map(|(layer, count)| finding(subject, layer, count)).collect()
}

fn is_vouched_for(layer: &Component) -> bool {
    if is_from_keras(layer) && Layers::get().has_class(&layer.class) {
        return true;
    }
    let Some(module) = &layer.module else { return false };
    let known = knowledge::table().known(&format!("{module}.{}", layer.class));
    known.is_some_and(|known| known.fact.capability == Capability::Inert)
}

fn finding(subject: &Subject<'_>, layer: &Component, count: usize) -> Finding {
    let location = Location {
        component: Some(layer.name.clone()),
        ..Location::at(&*layer.place, layer.span)
    };
    let class = match layer.module.as_deref() {
        Some(module) => format!("{module}.{}", layer.class),
        None => layer.class.clone(),
    };
    let layers = if count == 1 { "one layer is".to_owned() } else { format!("{count} layers are") };
    let headline = format!("{layers} of the class `{class}`, which is not of Keras and not in the file");
    FindingBuilder::new("keras-unknown-class", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Unknown)
        .call(class)
        .techniques(RULE.techniques)
        .next("ask for the source of the class and read it: it runs when the model is used")
        .build()
}
