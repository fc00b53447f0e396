//! [`differences`]: what one model has that another has not.

use crate::body::Inspected;
use crate::weights::paired;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, Change, Component, Difference, Tensor};

/// How `candidate` differs from `baseline`: layers, tensors, imported names and metadata, in that order.
/// Works across formats; names that only differ by the numbers a framework appends are the same.
pub fn differences(candidate: &Inspected, baseline: &Inspected) -> Vec<Difference> {
    let path = &baseline.artifact.path;
    let mut all = layers(candidate, baseline, path);
    all.extend(tensors(candidate, baseline, path));
    all.extend(globals(candidate, baseline, path));
    all.extend(fields(candidate, baseline, path));
    all
}

fn difference(
    baseline: &ArtifactPath,
    what: &'static str,
    name: &str,
    change: Change,
    detail: String,
) -> Difference {
    Difference { baseline: baseline.clone(), what, name: name.to_owned(), change, detail }
}

/// Compares two maps by key and reports each difference through `describe`.
fn compare<V: PartialEq>(
    baseline: &ArtifactPath,
    what: &'static str,
    new: &BTreeMap<String, V>,
    old: &BTreeMap<String, V>,
    describe: impl Fn(&V) -> String,
) -> Vec<Difference> {
    let keys: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    keys.into_iter()
        .filter_map(|key| match (new.get(key), old.get(key)) {
            (Some(value), None) => {
                Some(difference(baseline, what, key, Change::Added, describe(value)))
            }
            (None, Some(value)) => {
                Some(difference(baseline, what, key, Change::Removed, describe(value)))
            }
            (Some(a), Some(b)) if a != b => {
                let detail = format!("{} instead of {}", describe(a), describe(b));
                Some(difference(baseline, what, key, Change::Changed, detail))
            }
            _ => None,
        })
        .collect()
}

fn layers(new: &Inspected, old: &Inspected, path: &ArtifactPath) -> Vec<Difference> {
    let (new, old) = (layer_map(new), layer_map(old));
    if new.is_empty() || old.is_empty() {
        return Vec::new();
    }
    compare(path, "layer", &new, &old, |layer: &String| layer.clone())
}

/// Layers by name, each described by class and the settings that shape it.
fn layer_map(inspected: &Inspected) -> BTreeMap<String, String> {
    let layers = inspected.content.components.iter().filter(|part| part.kind == "layer");
    layers.map(|layer| (layer.name.clone(), describe_layer(layer))).collect()
}

fn describe_layer(layer: &Component) -> String {
    const SHAPING: [&str; 5] =
        ["units", "filters", "activation", "output_dim", "function.config.code"];
    let mut text = layer.class.clone();
    for key in SHAPING {
        match layer.setting(key) {
            Some(_) if key.ends_with("code") => text.push_str(", with code"),
            Some(value) => text.push_str(&format!(", {key} {value}")),
            None => {}
        }
    }
    text
}

fn tensors(new: &Inspected, old: &Inspected, path: &ArtifactPath) -> Vec<Difference> {
    let other_format = new.artifact.format != old.artifact.format;
    of_tensors(&new.content.tensors, &old.content.tensors, other_format, path)
}

/// How the tensors of two models differ in their names and shapes. What is which in both is decided as when numbers
/// are compared, see [`paired`].
pub(crate) fn of_tensors(
    new: &[Tensor],
    old: &[Tensor],
    other_format: bool,
    path: &ArtifactPath,
) -> Vec<Difference> {
    if new.is_empty() || old.is_empty() {
        return Vec::new();
    }
    let pairs =
        paired(&new.iter().collect::<Vec<_>>(), &old.iter().collect::<Vec<_>>(), other_format);
    let names: BTreeMap<usize, usize> = pairs.into_iter().map(|(one, two)| (two, one)).collect();
    let own = shapes(new, Some, new);
    // What is in both goes by the name that the model gives it.
    let other = shapes(old, |at| names.get(&at).copied(), new);
    compare(path, "tensor", &own, &other, |shape: &Vec<u64>| {
        let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
        format!("shape [{}]", sizes.join(", "))
    })
}

/// Shapes by name, without what stands before all names. `named` says which tensor of `model` it is.
fn shapes(
    tensors: &[Tensor],
    named: impl Fn(usize) -> Option<usize>,
    model: &[Tensor],
) -> BTreeMap<String, Vec<u64>> {
    let (own, of_model) = (common_prefix(tensors), common_prefix(model));
    tensors
        .iter()
        .enumerate()
        .map(|(at, tensor)| {
            let (name, prefix) = match named(at).and_then(|at| model.get(at)) {
                Some(tensor) => (&tensor.name, of_model),
                None => (&tensor.name, own),
            };
            (name.get(prefix..).unwrap_or(name).to_owned(), tensor.shape.clone())
        })
        .collect()
}

/// Length of the dotted prefix that all names share.
fn common_prefix(tensors: &[Tensor]) -> usize {
    let Some(first) = tensors.first() else { return 0 };
    let head = first.name.find('.').map_or(0, |dot| dot + 1);
    let prefix = first.name.get(..head).unwrap_or("");
    let wrapper = ["state", "model", "w", "weights", "params", "state_dict"];
    let is_wrapper = wrapper.contains(&prefix.trim_end_matches('.'));
    let shared = tensors.iter().all(|tensor| tensor.name.starts_with(prefix));
    if is_wrapper && shared { head } else { 0 }
}

fn globals(new: &Inspected, old: &Inspected, path: &ArtifactPath) -> Vec<Difference> {
    let imports = |inspected: &Inspected| -> BTreeSet<String> {
        inspected.effects.iter().flat_map(|effects| effects.imports.iter().cloned()).collect()
    };
    if old.effects.is_empty() || new.effects.is_empty() {
        return Vec::new();
    }
    let (new, old) = (imports(new), imports(old));
    let added = new.difference(&old).map(|name| (name, Change::Added));
    let removed = old.difference(&new).map(|name| (name, Change::Removed));
    added
        .chain(removed)
        .map(|(name, change)| difference(path, "global", name, change, String::new()))
        .collect()
}

/// Metadata of the whole model; what layers and tensors already say is left out.
fn fields(new: &Inspected, old: &Inspected, path: &ArtifactPath) -> Vec<Difference> {
    let all = |inspected: &Inspected| -> BTreeMap<String, String> {
        let fields = inspected.content.fields.iter();
        fields.map(|field| (field.path.clone(), field.value.clone())).collect()
    };
    if new.artifact.format != old.artifact.format {
        return Vec::new();
    }
    compare(path, "field", &all(new), &all(old), |value: &String| quoted(value))
}

/// A value in backticks; of a long one, such as a chat template, the beginning.
fn quoted(value: &str) -> String {
    const MOST: usize = 120;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => {
            let head = value.get(..end).unwrap_or(value);
            format!("`{head}`… ({} characters)", value.chars().count())
        }
        None => format!("`{value}`"),
    }
}
