//! `MetaGraphDef`: a graph with its signatures, collections and assets.

use super::Library;
use crate::keras_metadata;
use crate::names::escapes;
use crate::protobuf::{Field as Wire, Value, Walk, each};
use wb_core::{Bytes, Content, Field, OddityKind};

/// The signature by which TensorFlow 2 names what initialises a model.
const INITIALISER: &str = "__saved_model_init_op";
/// The collections by which TensorFlow 1 does.
const INITIALISERS: [&str; 3] = ["saved_model_main_op", "legacy_init_op", "main_op"];

/// Reads a `GraphDef` that stands for itself.
pub(crate) fn graph(bytes: Bytes<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    let mut library = Library::default();
    library.graph(bytes, "graph_def", content, walk);
    library.name_calls(content);
    library.lift(content, walk);
}

/// Reads a `MetaGraphDef` that stands in `place`.
pub(crate) fn meta_graph(
    bytes: Bytes<'_>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    let mut library = Library::default();
    let inside = |part: &str| match place {
        "" => part.to_owned(),
        place => format!("{place}.{part}"),
    };
    each(bytes, place, walk, |field, walk| {
        let Some(part) = field.bytes() else { return };
        match field.number {
            1 => information(part, &inside("meta_info_def"), content, walk),
            2 => library.graph(part, &inside("graph_def"), content, walk),
            4 => library.collection(part, &inside("collection_def"), walk),
            5 => library.signature(part, &inside("signature_def"), content, walk),
            6 => library.asset(part, &inside("asset_file_def"), content, walk),
            7 => keras_metadata::in_objects(part, &inside("object_graph_def"), content, walk),
            _ => {}
        }
    });
    library.name_calls(content);
    library.lift(content, walk);
}

/// `MetaInfoDef`.
fn information(bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    each(bytes, place, walk, |field, _| {
        let name = match field.number {
            1 => "meta_graph_version",
            4 => "tags",
            5 => "tensorflow_version",
            6 => "tensorflow_git_version",
            _ => return,
        };
        keep(content, format!("{place}.{name}"), &field);
    });
}

impl Library {
    /// An entry of `collection_def`: nodes that initialise the model.
    fn collection(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        let (mut key, mut names) = (String::new(), Vec::new());
        each(bytes, place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(_)) => key = field.text().unwrap_or_default(),
            (2, Value::Bytes(collection)) => each(collection, place, walk, |field, walk| {
                let (1, Some(list)) = (field.number, field.bytes()) else { return };
                each(list, place, walk, |field, _| {
                    if field.number == 1 && names.len() < 64 {
                        names.extend(field.text());
                    }
                });
            }),
            _ => {}
        });
        if INITIALISERS.contains(&key.as_str()) {
            self.started.extend(names.iter().map(|name| node_of(name)));
        }
    }

    /// An entry of `signature_def`.
    fn signature(
        &mut self,
        bytes: Bytes<'_>,
        place: &str,
        content: &mut Content,
        walk: &mut Walk<'_>,
    ) {
        let (mut key, mut method, mut outputs) = (String::new(), None, Vec::new());
        each(bytes, place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(_)) => key = field.text().unwrap_or_default(),
            (2, Value::Bytes(signature)) => {
                each(signature, place, walk, |field, walk| match (field.number, field.value) {
                    (2, Value::Bytes(output)) => outputs.extend(tensor_name(output, place, walk)),
                    (3, Value::Bytes(_)) => method = Some(field),
                    _ => {}
                })
            }
            _ => {}
        });
        if let Some(method) = method {
            keep(content, format!("{place}.{key}.method_name"), &method);
        }
        if key == INITIALISER {
            self.started.extend(outputs.iter().map(|name| node_of(name)));
        }
    }

    /// An `AssetFileDef`: a file in `assets` whose path replaces a constant.
    fn asset(&mut self, bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
        each(bytes, place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(tensor)) => {
                each(tensor, place, walk, |field, _| {
                    if field.number == 1 {
                        self.replaced.extend(field.text().map(|name| node_of(&name)));
                    }
                });
            }
            (2, Value::Bytes(_)) => {
                keep(content, format!("{place}.filename"), &field);
                let name = field.text().unwrap_or_default();
                if let Some(why) = escapes(&name) {
                    let what = format!("the asset `{name}` lies outside the model: {why}");
                    walk.notes.odd(OddityKind::PathTraversal, place, Some(field.span), what);
                }
            }
            _ => {}
        });
    }
}

/// An entry of the outputs of a signature: the name of the tensor.
fn tensor_name(entry: Bytes<'_>, place: &str, walk: &mut Walk<'_>) -> Option<String> {
    let mut name = None;
    each(entry, place, walk, |field, walk| {
        let (2, Some(tensor)) = (field.number, field.bytes()) else { return };
        each(tensor, place, walk, |field, _| {
            if field.number == 1 {
                name = field.text();
            }
        });
    });
    name
}

/// The node of a tensor's name, such as `init` of `init:0`.
fn node_of(tensor: &str) -> String {
    tensor.split(':').next().unwrap_or(tensor).trim_start_matches('^').to_owned()
}

fn keep(content: &mut Content, path: String, field: &Wire<'_>) {
    if let Some(value) = field.text().filter(|text| !text.is_empty()) {
        content.fields.push(Field { path, value, span: Some(field.span) });
    }
}
