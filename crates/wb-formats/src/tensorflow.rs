//! TensorFlow graphs, as `tensorflow-graph`, `meta-graph` and `saved-model` hold them: [`Library`] is one
//! graph with its functions, read by `read` from `GraphDef`, judged by nobody; `lift` turns the operations
//! that reach the host into programs, following constants along the edges.
//!
//! Specification: `tensorflow/core/framework/{graph,node_def,attr_value,function,tensor}.proto` and
//! `tensorflow/core/protobuf/meta_graph.proto`.

use crate::protobuf::{Fields, Value};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{Bytes, Span};

mod host;
mod lift;
mod meta;
mod read;
#[cfg(test)]
pub(crate) mod recipes;

pub(crate) use meta::{graph, meta_graph};

/// Whether an operation reads or writes files, runs Python or loads libraries.
pub(crate) fn reaches_host(operation: &str) -> bool {
    host::host_operation(operation).is_some()
}

/// One graph and the functions it calls.
#[derive(Default)]
pub(crate) struct Library {
    /// The graph itself first, then its functions.
    scopes: Vec<Scope>,
    /// Nodes that run when the model is loaded.
    started: BTreeSet<String>,
    /// Nodes whose constant the loader replaces: paths of assets.
    replaced: BTreeSet<String>,
}

/// A graph or the body of a function.
#[derive(Default)]
struct Scope {
    /// `None` for the graph itself.
    function: Option<String>,
    /// The function's arguments and their positions.
    arguments: BTreeMap<String, usize>,
    nodes: Vec<Node>,
    by_name: BTreeMap<String, usize>,
}

/// A node as far as lifting needs it.
#[derive(Default)]
struct Node {
    name: String,
    operation: String,
    inputs: Vec<String>,
    /// Strings among the attributes: name, value, bytes.
    texts: Vec<(String, Vec<u8>, Span)>,
    /// Strings of the attribute `value` of a constant.
    constant: Vec<(Vec<u8>, Span)>,
    /// Functions that attributes name.
    functions: Vec<String>,
    place: String,
    span: Span,
}

/// How many nodes are looked at to know a graph.
const SAMPLE: usize = 8;
/// How many fields are looked at in all to know a message.
const LOOKED_AT: usize = 1 << 12;

/// Whether a message looks like a `GraphDef`.
pub(crate) fn is_graph(graph: Bytes<'_>) -> bool {
    let mut fields = Fields::of(graph);
    let (mut nodes, mut detailed) = (0_usize, false);
    for _ in 0..LOOKED_AT {
        match fields.next() {
            Ok(Some(field)) => match (field.number, field.value) {
                (1, Value::Bytes(node)) if nodes < SAMPLE => {
                    let Some(attributes) = node_outline(node) else { return false };
                    nodes = nodes.saturating_add(1);
                    detailed |= attributes;
                }
                (2, Value::Bytes(library)) => detailed |= is_library(library),
                (4, Value::Bytes(versions)) => detailed |= is_versions(versions),
                _ => {}
            },
            // A file that was cut short ends inside its last node.
            Ok(None) | Err(_) => break,
        }
    }
    detailed
}

/// `NodeDef`: whether it has attributes; `None` when it is no node.
fn node_outline(node: Bytes<'_>) -> Option<bool> {
    let mut fields = Fields::of(node);
    let (mut named, mut attributes) = (false, false);
    let mut operation = None;
    while let Some(field) = fields.next().ok()? {
        match (field.number, field.value) {
            (1, Value::Bytes(name)) => named = is_name(name),
            (2, Value::Bytes(name)) => operation = Some(is_name(name)),
            (5, Value::Bytes(_)) => attributes = true,
            (1..=5, value) if !matches!(value, Value::Bytes(_)) => return None,
            _ => {}
        }
    }
    (named && operation == Some(true)).then_some(attributes)
}

/// Names of nodes and operations: `Const`, `IO>ReadAvro`, `model/dense/MatMul`.
fn is_name(name: Bytes<'_>) -> bool {
    let ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./\\>-".contains(byte);
    !name.is_empty() && name.as_slice().iter().all(ordinary)
}

fn is_library(library: Bytes<'_>) -> bool {
    let Some(function) = inner(library, 1) else { return false };
    inner(function, 1).and_then(|signature| inner(signature, 1)).is_some_and(is_name)
}

fn is_versions(versions: Bytes<'_>) -> bool {
    let mut fields = Fields::of(versions);
    matches!(fields.next(), Ok(Some(field)) if field.number == 1 && field.varint().is_some())
}

/// The first field of that number that holds bytes.
pub(crate) fn inner(message: Bytes<'_>, number: u32) -> Option<Bytes<'_>> {
    let mut fields = Fields::of(message);
    for _ in 0..LOOKED_AT {
        let field = fields.next().ok()??;
        if let (true, Some(bytes)) = (field.number == number, field.bytes()) {
            return Some(bytes);
        }
    }
    None
}
