//! Core ML: a `Model` message, alone (`.mlmodel`) or inside a package folder (`.mlpackage`).
//!
//! Specification: `mlmodel/format/*.proto` in `apple/coremltools`.

use crate::protobuf::{Field as Wire, Fields, Value, Walk, below, each};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Core ML model",
    endings: &[".mlmodel"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Kinds of layers by the number of their field in `NeuralNetworkLayer`, one a line.
const LAYERS: &str = include_str!("core_ml/layers.txt");

/// Kinds of models by the number of their field in `Model`.
const KINDS: [(u32, &str); 37] = [
    (200, "pipelineClassifier"),
    (201, "pipelineRegressor"),
    (202, "pipeline"),
    (300, "glmRegressor"),
    (301, "supportVectorRegressor"),
    (302, "treeEnsembleRegressor"),
    (303, "neuralNetworkRegressor"),
    (304, "bayesianProbitRegressor"),
    (400, "glmClassifier"),
    (401, "supportVectorClassifier"),
    (402, "treeEnsembleClassifier"),
    (403, "neuralNetworkClassifier"),
    (404, "kNearestNeighborsClassifier"),
    (500, "neuralNetwork"),
    (501, "itemSimilarityRecommender"),
    (502, "mlProgram"),
    (555, "customModel"),
    (556, "linkedModel"),
    (560, "classConfidenceThresholding"),
    (600, "oneHotEncoder"),
    (601, "imputer"),
    (602, "featureVectorizer"),
    (603, "dictVectorizer"),
    (604, "scaler"),
    (606, "categoricalMapping"),
    (607, "normalizer"),
    (609, "arrayFeatureExtractor"),
    (610, "nonMaximumSuppression"),
    (900, "identity"),
    (2000, "textClassifier"),
    (2001, "wordTagger"),
    (2002, "visionFeaturePrint"),
    (2003, "soundAnalysisPreprocessing"),
    (2004, "gazetteer"),
    (2005, "wordEmbedding"),
    (2006, "audioFeaturePrint"),
    (3000, "serializedModel"),
];

fn kind(number: u32) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// A version, then a description with an input or output that has a name and a type, then a kind of model.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut fields = Fields::of(input);
    let (mut versioned, mut described) = (false, false);
    for _ in 0..16 {
        match fields.next().ok()?? {
            Wire { number: 1, value: Value::Varint(1..=32), .. } => versioned = true,
            Wire { number: 2, value: Value::Bytes(bytes), .. } => described = is_description(bytes),
            Wire { number, value: Value::Bytes(_), .. } if versioned && described => {
                return kind(number).map(|_| Strength::Strong);
            }
            Wire { number: 10, .. } => {}
            _ => return None,
        }
    }
    None
}

fn is_description(bytes: Bytes<'_>) -> bool {
    let mut fields = Fields::of(bytes);
    while let Ok(Some(field)) = fields.next() {
        if let (1 | 10 | 13 | 20 | 100, Value::Bytes(bytes)) = (field.number, field.value) {
            let mut inner = Fields::of(bytes);
            return matches!(inner.next(), Ok(Some(Wire { value: Value::Bytes(_), .. })));
        }
    }
    false
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::new(budget);
    let mut content = Content::default();
    model(input, "model", &mut content, &mut walk);
    let notes = walk.notes;
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    crate::prose::metadata(&mut content, budget);
    content
}

fn model(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(bytes, place, walk, |field, walk| match (field.number, field.value) {
        (1, Value::Varint(version)) => {
            push(content, &format!("{place}.specificationVersion"), version.to_string(), field.span);
        }
        (2, Value::Bytes(bytes)) => description(bytes, place, content, walk),
        (number, Value::Bytes(bytes)) => {
            let Some(kind) = kind(number) else { return };
            push(content, &format!("{place}.type"), kind.to_owned(), field.span);
            let place = below(place, kind);
            match number {
                200 | 201 => each(bytes, &place, walk, |field, walk| {
                    if let (1, Some(bytes)) = (field.number, field.bytes()) {
                        pipeline(bytes, &place, content, walk);
                    }
                }),
                202 => pipeline(bytes, &place, content, walk),
                303 | 403 | 500 => network(bytes, &place, content, walk),
                502 => program(bytes, &place, content, walk),
                555 => custom(bytes, "model", &place, content, walk),
                556 => linked(bytes, &place, walk),
                _ => {}
            }
        }
        _ => {}
    });
}

fn push(content: &mut Content, path: &str, value: String, span: Span) {
    if !value.is_empty() {
        content.fields.push(Field { path: path.to_owned(), value, span: Some(span) });
    }
}

/// `ModelDescription`: names of inputs and outputs, and what the author says.
fn description(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(bytes, place, walk, |field, walk| {
        let Some(bytes) = field.bytes() else { return };
        let name = match field.number {
            1 => "input",
            10 => "output",
            100 => {
                metadata(bytes, place, content, walk);
                return;
            }
            _ => return,
        };
        each(bytes, place, walk, |field, _| {
            if let (1, Some(text)) = (field.number, field.text()) {
                push(content, &format!("{place}.{name}"), text, field.span);
            }
        });
    });
}

fn metadata(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    const NAMES: [(u32, &str); 4] =
        [(1, "shortDescription"), (2, "versionString"), (3, "author"), (4, "license")];
    each(bytes, place, walk, |field, walk| {
        if let Some((_, name)) = NAMES.iter().find(|(number, _)| *number == field.number) {
            let text = field.text().unwrap_or_default();
            push(content, &format!("{place}.metadata.{name}"), text, field.span);
        }
        if let (100, Some(entry)) = (field.number, field.bytes()) {
            let (mut key, mut value) = (String::new(), String::new());
            each(entry, place, walk, |field, _| match field.number {
                1 => key = field.text().unwrap_or_default(),
                2 => value = field.text().unwrap_or_default(),
                _ => {}
            });
            push(content, &format!("{place}.metadata.userDefined.{key}"), value, field.span);
        }
    });
}

fn pipeline(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut index = 0_usize;
    each(bytes, place, walk, |field, walk| {
        if let (1, Some(inner)) = (field.number, field.bytes()) {
            model(inner, &below(place, &format!("models[{index}]")), content, walk);
            index = index.saturating_add(1);
        }
    });
}

/// `NeuralNetwork`, and the classifier and regressor that begin like it.
fn network(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut index = 0_usize;
    each(bytes, place, walk, |field, walk| {
        let (1, Some(bytes)) = (field.number, field.bytes()) else { return };
        let place = below(place, &format!("layers[{index}]"));
        index = index.saturating_add(1);
        if walk.keeps(bytes.span()) {
            layer(bytes, &place, content, walk);
        }
    });
}

fn layer(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut name = String::new();
    let mut class = None;
    let mut inner = None;
    each(bytes, place, walk, |field, _| match (field.number, field.value) {
        (1, Value::Bytes(_)) => name = field.text().unwrap_or_default(),
        (number, Value::Bytes(bytes)) if number >= 100 => {
            class = layer_kind(number).map(str::to_owned).or_else(|| Some(format!("layer {number}")));
            inner = Some((number, bytes));
        }
        _ => {}
    });
    if let Some((500, bytes)) = inner {
        custom(bytes, &name, place, content, walk);
        return;
    }
    content.components.push(Component {
        kind: "node",
        name,
        class: class.unwrap_or_default(),
        place: place.to_owned(),
        span: Some(bytes.span()),
        ..Component::default()
    });
}

fn layer_kind(number: u32) -> Option<&'static str> {
    LAYERS.lines().find_map(|line| {
        let (known, name) = line.split_once(' ')?;
        (known.parse() == Ok(number)).then_some(name)
    })
}

/// `CustomLayerParams` and `CustomModel`: a class of the app that loads the model, by name.
fn custom(bytes: Bytes<'_>, name: &str, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut component = Component {
        kind: "node",
        name: name.to_owned(),
        module: Some("custom".to_owned()),
        place: place.to_owned(),
        span: Some(bytes.span()),
        ..Component::default()
    };
    each(bytes, place, walk, |field, walk| match (field.number, field.bytes()) {
        (10, Some(_)) => component.class = field.text().unwrap_or_default(),
        (40, Some(_)) => {
            let (path, value) = ("description".to_owned(), field.text().unwrap_or_default());
            component.settings.push(Field { path, value, span: Some(field.span) });
        }
        (30, Some(entry)) => {
            let (mut key, mut value) = (String::new(), String::new());
            each(entry, place, walk, |field, walk| match (field.number, field.bytes()) {
                (1, _) => key = field.text().unwrap_or_default(),
                (2, Some(inner)) => each(inner, place, walk, |field, _| {
                    value = match field.value {
                        Value::Varint(number) => number.to_string(),
                        _ => field.text().unwrap_or_default(),
                    };
                }),
                _ => {}
            });
            component.settings.push(Field { path: key, value, span: Some(field.span) });
        }
        _ => {}
    });
    content.components.push(component);
}

/// `LinkedModel`: another model, looked for by name along a path.
fn linked(bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
    let mut parts = [String::new(), String::new()];
    each(bytes, place, walk, |field, walk| {
        let (1, Some(file)) = (field.number, field.bytes()) else { return };
        each(file, place, walk, |field, walk| {
            let (number @ (1 | 2), Some(parameter)) = (field.number, field.bytes()) else { return };
            each(parameter, place, walk, |field, _| {
                let index = usize::try_from(number).unwrap_or(1).saturating_sub(1);
                if let (1, Some(text), Some(part)) = (field.number, field.text(), parts.get_mut(index)) {
                    *part = text;
                }
            });
        });
    });
    let [name, path] = parts;
    let what = format!("the model is taken from `{name}` along `{path}`");
    walk.notes.odd(OddityKind::ExternalReference, place, Some(bytes.span()), what);
    for part in [&name, &path] {
        let outside = part.split(':').find_map(crate::names::escapes);
        if let Some(why) = outside {
            let what = format!("the linked model is `{part}`: {why}");
            walk.notes.odd(OddityKind::PathTraversal, place, Some(bytes.span()), what);
        }
    }
}

/// `MILSpec.Program`: functions of blocks of operations; weights lie in a file of the package.
fn program(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(bytes, place, walk, |field, walk| {
        let (2, Some(entry)) = (field.number, field.bytes()) else { return };
        let mut name = String::new();
        each(entry, place, walk, |field, walk| match (field.number, field.bytes()) {
            (1, Some(_)) => name = field.text().unwrap_or_default(),
            (2, Some(function)) => {
                let place = below(place, &format!("functions.{name}"));
                each(function, &place, walk, |field, walk| {
                    let (3, Some(entry)) = (field.number, field.bytes()) else { return };
                    each(entry, &place, walk, |field, walk| {
                        if let (2, Some(inner)) = (field.number, field.bytes()) {
                            block(inner, &place, content, walk);
                        }
                    });
                });
            }
            _ => {}
        });
    });
}

fn block(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let mut index = 0_usize;
    each(bytes, place, walk, |field, walk| {
        let (3, Some(operation)) = (field.number, field.bytes()) else { return };
        let place = below(place, &format!("operations[{index}]"));
        index = index.saturating_add(1);
        if !walk.keeps(operation.span()) {
            return;
        }
        let mut component = Component {
            kind: "node",
            place: place.clone(),
            span: Some(operation.span()),
            ..Component::default()
        };
        each(operation, &place, walk, |field, walk| match (field.number, field.bytes()) {
            (1, Some(_)) => component.class = field.text().unwrap_or_default(),
            (3, Some(output)) => each(output, &place, walk, |field, _| {
                if let (1, Some(text)) = (field.number, field.text()) {
                    component.name = text;
                }
            }),
            (4, Some(inner)) => block(inner, &place, content, walk),
            (2 | 5, Some(entry)) => blobs(entry, &place, content, walk),
            _ => {}
        });
        content.components.push(component);
    });
}

/// Files that values lie in: `Value.blobFileValue`, below an entry of inputs or attributes.
fn blobs(entry: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(entry, place, walk, |field, walk| {
        let (2, Some(value)) = (field.number, field.bytes()) else { return };
        each(value, place, walk, |field, walk| match (field.number, field.bytes()) {
            (5, Some(blob)) => blob_file(blob, place, content, walk),
            // An argument: bindings that may hold values in their turn.
            (1, Some(binding)) => each(binding, place, walk, |field, walk| {
                let (2, Some(value)) = (field.number, field.bytes()) else { return };
                each(value, place, walk, |field, walk| {
                    if let (5, Some(blob)) = (field.number, field.bytes()) {
                        blob_file(blob, place, content, walk);
                    }
                });
            }),
            _ => {}
        });
    });
}

fn blob_file(blob: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(blob, place, walk, |field, walk| {
        let (1, Some(name)) = (field.number, field.text()) else { return };
        let inside = name.strip_prefix("@model_path/").unwrap_or(&name);
        if let Some(why) = crate::names::escapes(inside) {
            let what = format!("weights are read from `{name}`: {why}");
            walk.notes.odd(OddityKind::PathTraversal, place, Some(field.span), what);
        }
        let known = content.fields.iter().any(|known| known.path == "weights" && known.value == name);
        if !known {
            push(content, "weights", name, field.span);
        }
    });
}

#[cfg(test)]
mod tests;
