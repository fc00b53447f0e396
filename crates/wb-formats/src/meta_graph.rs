//! A TensorFlow MetaGraph: the `.meta` file beside a checkpoint.
//!
//! Specification: `tensorflow/core/protobuf/meta_graph.proto`.

use crate::protobuf::Walk;
use crate::{Family, Reader, Request, tensorflow};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorFlow MetaGraph: a graph with its signatures and collections",
    // Other tools use `.meta` as well, so that it promises nothing.
    endings: &[".pb", ".meta"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let found = tensorflow::inner(input, 2).is_some_and(tensorflow::is_graph);
    (found && !tensorflow::is_graph(input)).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let (mut content, mut walk) = (Content::default(), Walk::new(budget));
    tensorflow::meta_graph(input, "", &mut content, &mut walk);
    let notes = walk.notes;
    Content { oddities: notes.oddities, gaps: notes.gaps, ..content }
}

#[cfg(test)]
mod tests;
