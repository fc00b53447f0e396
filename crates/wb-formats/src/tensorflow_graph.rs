//! A frozen TensorFlow graph: a `GraphDef` in a file of its own.
//!
//! Specification: `tensorflow/core/framework/graph.proto`.

use crate::protobuf::Walk;
use crate::{Family, Reader, Request, tensorflow};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorFlow graph: operations, functions and constants",
    endings: &[".pb"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    tensorflow::is_graph(input).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut walk) = (Content::default(), Walk::new(budget));
    tensorflow::graph(input, &mut content, &mut walk);
    let notes = walk.notes;
    Content { oddities: notes.oddities, gaps: notes.gaps, ..content }
}

#[cfg(test)]
mod tests;
