//! A TensorFlow SavedModel: `saved_model.pb`, MetaGraphs with their functions. Weights lie beside it.
//!
//! Specification: `tensorflow/core/protobuf/saved_model.proto`.

use crate::protobuf::{Fields, Value, Walk, each};
use crate::{Family, Reader, Request, tensorflow};
use wb_core::{Budget, Bytes, Content, Field, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorFlow SavedModel: graphs with their signatures and functions",
    endings: &[".pb"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How many fields are looked at to find a graph.
const LOOKED_AT: usize = 1 << 12;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let mut fields = Fields::of(input);
    let mut versioned = false;
    for _ in 0..LOOKED_AT {
        match fields.next().ok()?? {
            field if field.number == 1 => versioned = field.varint().is_some(),
            field if field.number == 2 => {
                let meta = field.bytes()?;
                let graph = tensorflow::inner(meta, 2).is_some_and(tensorflow::is_graph);
                return (versioned && graph).then_some(Strength::Strong);
            }
            _ => {}
        }
    }
    None
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut walk) = (Content::default(), Walk::new(budget));
    let mut graphs = 0_usize;
    each(input, "saved_model", &mut walk, |field, walk| match (field.number, field.value) {
        (1, Value::Varint(version)) => content.fields.push(Field {
            path: "saved_model_schema_version".to_owned(),
            value: version.to_string(),
            span: Some(field.span),
        }),
        (2, Value::Bytes(meta)) => {
            let place = format!("meta_graphs[{graphs}]");
            graphs = graphs.saturating_add(1);
            tensorflow::meta_graph(meta, &place, &mut content, walk);
        }
        _ => {}
    });
    let notes = walk.notes;
    Content { oddities: notes.oddities, gaps: notes.gaps, ..content }
}

#[cfg(test)]
mod tests;
