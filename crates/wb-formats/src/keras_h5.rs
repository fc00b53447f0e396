//! Keras models in HDF5 files: the configuration in attributes, the weights in datasets.
//!
//! Loaders ignore `safe_mode` for these files: CVE-2025-9905.

use crate::hdf5::{self, Attribute, Tree};
use crate::keras_config::{self, Source};
use crate::{Family, Reader, Request};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, Limits, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Keras model in HDF5: layers in an attribute, weights in datasets",
    endings: &[".h5", ".hdf5", ".keras"],
    family: Family::Model,
    refines: &["hdf5"],
    identify,
    parse,
    named: None,
};

/// Attributes of the root group that Keras writes: whole models have the first two, weight files the rest.
const MARKS: &[&str] = &["model_config", "training_config", "keras_version", "layer_names"];
/// What finding the attributes of the root group may cost.
const GLANCE: Limits = Limits { depth: 4, decoded_bytes: 1 << 20, steps: 10_000, items: 10_000, texts: 0 };

fn identify(input: Bytes<'_>) -> Option<Strength> {
    hdf5::identify(input)?;
    Tree::root_attributes(input, &mut Budget::new(GLANCE))
        .iter()
        .any(|attribute| MARKS.contains(&attribute.name.as_str()))
        .then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let tree = Tree::read(input, budget);
    let mut configured = Content::default();
    let mut places = BTreeSet::new();
    for (path, attributes) in &tree.attributed {
        for attribute in attributes {
            places.extend(configuration(input, path, attribute, &mut configured, budget));
        }
    }
    let mut content = hdf5::content(tree);
    // What is read as a configuration stands in components and fields of its own.
    content.fields.retain(|field| !places.contains(&field.path));
    content.components = configured.components;
    content.programs = configured.programs;
    content.children.extend(configured.children);
    content.fields.extend(configured.fields);
    content.oddities.extend(configured.oddities);
    content.gaps.extend(configured.gaps);
    content
}

/// Reads an attribute that is a configuration, wherever it stands, and returns its place.
fn configuration(
    input: Bytes<'_>,
    path: &str,
    attribute: &Attribute,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<String> {
    let known =
        path.is_empty() && ["model_config", "training_config"].contains(&attribute.name.as_str());
    let stored = attribute.text()?;
    if !known && !keras_config::is_configuration(&stored.text) {
        return None;
    }
    let place =
        if path.is_empty() { attribute.name.clone() } else { format!("{path}@{}", attribute.name) };
    let in_file = stored.span.and_then(|span| input.at_span(span));
    let text = in_file.unwrap_or(Bytes::new(stored.text.as_bytes()));
    let packed = if in_file.is_some() { None } else { Some(input.head(8).span()) };
    keras_config::read(&Source { text, packed, place: &place }, content, budget);
    Some(place)
}

#[cfg(test)]
mod tests;
