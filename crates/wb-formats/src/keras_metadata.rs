//! `keras_metadata.pb`, which Keras writes beside a SavedModel: the configuration of the model and of every layer.
//! `tf.keras.models.load_model` builds the layers from it, Lambda layers with their code.
//!
//! Specification: `tensorflow/python/keras/protobuf/saved_metadata.proto`. TensorFlow 2.0 to 2.4 keep the same text in
//! the object graph of `saved_model.pb` ([`in_objects`]).

use crate::keras_config::{self, Source};
use crate::protobuf::{Value, Walk, each};
use crate::{Family, Reader, Request, tensorflow};
use std::collections::BTreeSet;
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Configuration of the Keras layers in a SavedModel",
    endings: &["keras_metadata.pb", ".pb"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// `SavedMetadata.nodes`.
const NODES: u32 = 1;
/// `SavedObject.node_path`.
const PATH: u32 = 3;
/// `SavedObject.identifier`.
const IDENTIFIER: u32 = 4;
/// `SavedObject.metadata`.
const METADATA: u32 = 5;

/// The first node is one that Keras names.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let node = tensorflow::inner(input, NODES)?;
    let named = tensorflow::inner(node, IDENTIFIER)?.starts_with(b"_tf_keras");
    (named && input.starts_with(b"\x0a")).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    let mut layers = Layers::default();
    each(input, "keras_metadata", &mut walk, |field, walk| {
        let (NODES, Value::Bytes(node)) = (field.number, field.value) else { return };
        let (mut path, mut metadata) = (String::new(), None);
        each(node, "node", walk, |field, _| match field.number {
            PATH => path = field.text().unwrap_or_default(),
            METADATA => metadata = field.bytes(),
            _ => {}
        });
        if let Some(metadata) = metadata {
            layers.add(metadata, &path, &mut content, walk);
        }
    });
    content.oddities.extend(walk.notes.oddities);
    content.gaps.extend(walk.notes.gaps);
    content
}

/// Reads the configurations in a `SavedObjectGraph` (`saved_object_graph.proto`), which stands in `place`.
pub(crate) fn in_objects(
    graph: Bytes<'_>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    let mut layers = Layers::default();
    let mut number: u32 = 0;
    each(graph, place, walk, |field, walk| {
        // `nodes`.
        let (1, Value::Bytes(object)) = (field.number, field.value) else { return };
        let place = format!("{place}.nodes[{number}]");
        number = number.saturating_add(1);
        each(object, &place, walk, |field, walk| {
            // `user_object`: its identifier, its version, its metadata.
            let (4, Value::Bytes(user)) = (field.number, field.value) else { return };
            let by_keras = tensorflow::inner(user, 1).is_some_and(|name| name.starts_with(b"_tf_keras"));
            let metadata = tensorflow::inner(user, 3).filter(|text| by_keras && !text.is_empty());
            if let Some(metadata) = metadata {
                layers.add(metadata, &place, content, walk);
            }
        });
    });
}

/// The layers that were read: a model's configuration holds those of its layers, which stand for themselves again.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    layers: BTreeSet<String>,
    /// The layer of each program, and the setting that holds it.
    programs: BTreeSet<(String, String)>,
}

impl Layers {
    /// Reads the configuration of the object at `path`, the layers that are known already aside.
    pub(crate) fn add(
        &mut self,
        metadata: Bytes<'_>,
        path: &str,
        content: &mut Content,
        walk: &mut Walk<'_>,
    ) {
        let mut read = Content::default();
        let source = Source { text: metadata, packed: None, place: path };
        keras_config::read(&source, &mut read, walk.budget);
        read.components.retain(|part| self.layers.insert(part.name.clone()));
        read.programs.retain(|program| match &program.component {
            Some(layer) => {
                let setting = program.place.rsplit('.').next().unwrap_or_default();
                self.programs.insert((layer.clone(), setting.to_owned()))
            }
            None => true,
        });
        content.components.extend(read.components);
        content.programs.extend(read.programs);
        content.children.extend(read.children);
        content.fields.extend(read.fields);
        content.oddities.extend(read.oddities);
        content.gaps.extend(read.gaps);
    }
}

#[cfg(test)]
mod tests {
    use crate::protobuf::recipes::{Message, message};
    use crate::testing::{claims, parse, survive};

    const LAYER: &str = r#"{"name": "norm", "class_name": "Lambda", "config": {"name": "norm", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAAAQAAAAIAAABDAAAAcwwAAAB8AGQBGwBkAhgAUwApA05nAAAAAADgX0DpAQAAAKkAKQHaAXhyAgAAAHICAAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4BAAAAcwAAAAA=", "defaults": null, "closure": null}}}}"#;

    fn node(path: &str, identifier: &str, metadata: &str) -> Message {
        let version = message().int(1, 1).int(2, 1);
        message().int(2, 1).text(3, path).text(4, identifier).text(5, metadata).child(6, &version)
    }

    fn file() -> Vec<u8> {
        let model = format!(r#"{{"name": "s", "class_name": "Sequential", "config": {{"name": "s", "layers": [{LAYER}]}}}}"#);
        let first = node("root", "_tf_keras_sequential", &model);
        message().child(1, &first).child(1, &node("root.layer-0", "_tf_keras_layer", LAYER)).0
    }

    #[test]
    fn each_layer_is_read_once_with_its_code() {
        let bytes = file();
        assert_eq!(claims(&bytes), "keras-metadata");
        let content = parse("keras-metadata", &bytes);
        let lambdas = content.components.iter().filter(|part| part.class == "Lambda");
        assert_eq!(lambdas.count(), 1);
        assert_eq!(content.programs.len(), 1);
        assert!(content.programs[0].source.as_deref().is_some_and(|text| text.contains("x / 127.5")));
        assert!(content.oddities.is_empty() && content.gaps.is_empty(), "{content:?}");
    }

    #[test]
    fn other_messages_are_none() {
        let other = node("root", "_tf_other", "{}");
        assert_eq!(claims(&message().child(1, &other).0), "");
        survive("keras-metadata", &file());
    }
}
