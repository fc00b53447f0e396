//! ONNX: a `ModelProto`: a graph of operators with its weights, subgraphs, functions of its own.
//!
//! [`identify`] looks for a graph that begins with a node or a weight; `graph` walks graphs, nodes and
//! attributes to any depth, `tensor` reads a `TensorProto` wherever one stands. What the values of a graph are
//! (`flow`) and what is known about them (`facts`) is what `gate` and `bomb` look at.
//!
//! Specification: `onnx/onnx.proto` and `docs/IR.md` in `onnx/onnx`.

use crate::notes::Notes;
use crate::protobuf::{Field as Wire, Fields, Value, Walk, each};
use crate::{Family, Reader, Request};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{Budget, Bytes, Content, Field, OddityKind, Span, Strength};

mod bomb;
mod facts;
mod flow;
mod gate;
mod graph;
mod tensor;
mod unused;

pub use tensor::Outside;

pub(crate) const FORMAT: Reader = Reader {
    title: "ONNX: a graph of operators with its weights",
    endings: &[".onnx", ".pb"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// How many fields are looked at to find the graph of a model, or the first node of a graph.
const LOOKED_AT: usize = 1 << 12;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    // Cheap first: both writers and forgers have to begin with a tag of a known wire type.
    let mut versioned = false;
    let mut graph = None;
    let mut fields = Fields::of(input);
    for _ in 0..LOOKED_AT {
        match fields.next() {
            Ok(Some(Wire { number: 1, value: Value::Varint(version), .. })) => {
                versioned = (1..=1_000).contains(&version);
            }
            Ok(Some(Wire { number: 7, value: Value::Bytes(bytes), .. })) => {
                graph = graph.or_else(|| is_graph(bytes).then_some(()));
            }
            Ok(Some(_)) => {}
            // A file that was cut short: the graph is its longest part. The field that failed was read up
            // to its length, so its content is what follows.
            Err(_) if versioned && graph.is_none() => {
                let rest = Span::new(fields.offset(), input.span().end().saturating_sub(fields.offset()));
                return is_graph(input.at_span(rest)?).then_some(Strength::Strong);
            }
            Ok(None) | Err(_) => break,
        }
    }
    graph.map(|()| if versioned { Strength::Strong } else { Strength::Weak })
}

/// Whether one of the first fields is a node with an operator, or a weight with a type.
fn is_graph(graph: Bytes<'_>) -> bool {
    let mut fields = Fields::of(graph);
    for _ in 0..LOOKED_AT {
        match fields.next() {
            Ok(Some(Wire { number: 1, value: Value::Bytes(node), .. })) => return is_node(node),
            Ok(Some(Wire { number: 5, value: Value::Bytes(tensor), .. })) => {
                return is_tensor(tensor);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return false,
        }
    }
    false
}

fn is_node(node: Bytes<'_>) -> bool {
    let mut fields = Fields::of(node);
    let mut operator = false;
    while let Ok(Some(field)) = fields.next() {
        if let (4, Value::Bytes(name)) = (field.number, field.value) {
            let name = name.as_slice();
            operator = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        }
    }
    operator
}

fn is_tensor(tensor: Bytes<'_>) -> bool {
    let mut fields = Fields::of(tensor);
    let mut typed = false;
    while let Ok(Some(field)) = fields.next() {
        typed |= matches!((field.number, field.value), (2, Value::Varint(1..=64)));
    }
    typed
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut model = Model::default();
    let mut walk = Walk::new(budget);
    each(input, "model", &mut walk, |field, walk| model.field(&field, walk));
    model.tell_external(&mut walk);
    model.name_calls();
    model.follow(input, &mut walk);
    let notes = walk.notes;
    crate::prose::metadata(&mut model.content, budget);
    model.content.oddities = notes.oddities;
    model.content.gaps = notes.gaps;
    model.content
}

/// Which tensors of a model lie in files beside it, and where in them.
pub fn outside(input: Bytes<'_>, budget: &mut Budget) -> Vec<Outside> {
    let mut model = Model { with_outside: true, ..Model::default() };
    let mut walk = Walk::new(budget);
    each(input, "model", &mut walk, |field, walk| model.field(&field, walk));
    model.outside
}

/// What was read of a model so far.
#[derive(Default)]
struct Model {
    content: Content,
    /// Files that tensors are said to lie in: the first tensor that says so, its bytes, and how many do.
    external: BTreeMap<String, (String, Span, u64)>,
    /// Where the numbers of tensors are that lie in other files, when that is asked for.
    outside: Vec<Outside>,
    with_outside: bool,
    functions: usize,
    /// Domain and name of each function.
    own: BTreeSet<(String, String)>,
}

impl Model {
    fn field(&mut self, field: &Wire<'_>, walk: &mut Walk<'_>) {
        const PLAIN: [(u32, &str); 6] = [
            (1, "ir_version"),
            (2, "producer_name"),
            (3, "producer_version"),
            (4, "domain"),
            (5, "model_version"),
            (6, "doc_string"),
        ];
        if let Some((_, name)) = PLAIN.iter().find(|(number, _)| *number == field.number) {
            walk.once(field, name);
            self.plain(name, field);
            return;
        }
        let Some(bytes) = field.bytes() else { return };
        match field.number {
            7 => {
                walk.once(field, "graph");
                self.graph(bytes, "graph", walk);
            }
            8 => self.opset(bytes, "opset_import", walk),
            14 => self.property(bytes, "metadata_props", walk),
            20 => each(bytes, "training_info", walk, |field, walk| {
                let name = ["initialization", "algorithm"];
                let index = usize::try_from(field.number).unwrap_or(0).saturating_sub(1);
                if let (Some(name), Some(graph)) = (name.get(index), field.bytes()) {
                    self.graph(graph, &format!("training_info.{name}"), walk);
                }
            }),
            25 => {
                let place = format!("functions[{}]", self.functions);
                self.functions = self.functions.saturating_add(1);
                self.function(bytes, &place, walk);
            }
            _ => {}
        }
    }

    /// Follows the values of the graph and of each function through their nodes.
    fn follow(&mut self, input: Bytes<'_>, walk: &mut Walk<'_>) {
        let mut reader = flow::Reader::new(walk.budget);
        let (mut graph, mut functions) = (flow::Graph::default(), Vec::new());
        let mut fields = Fields::of(input);
        while let Ok(Some(field)) = fields.next() {
            match (field.number, field.bytes()) {
                (7, Some(bytes)) => graph = reader.graph(bytes),
                (25, Some(bytes)) => functions.push(reader.function(bytes)),
                _ => {}
            }
        }
        if reader.cut {
            let why = "the graph has more nodes than were followed to its outputs";
            walk.notes.gap(Some(input.span()), why);
            bomb::nodes(input, &mut walk.notes);
        }
        if !reader.cut {
            unused::find(&graph, "graph", &mut walk.notes);
        }
        bomb::functions(&functions, &graph, &mut walk.notes);
        self.look_at(&graph, "graph", &mut walk.notes);
        for (function, index) in functions.iter().zip(0_usize..) {
            self.look_at(function, &format!("functions[{index}]"), &mut walk.notes);
        }
    }

    fn look_at(&mut self, graph: &flow::Graph<'_>, place: &str, notes: &mut Notes) {
        let scope = facts::Scope::of(graph);
        bomb::find(&scope, 1, place, notes);
        self.content.components.extend(gate::find(&scope, place));
    }

    fn plain(&mut self, name: &str, field: &Wire<'_>) {
        let value = match field.value {
            Value::Varint(number) => number.to_string(),
            _ => field.text().unwrap_or_default(),
        };
        self.push(name.to_owned(), value, field.span);
    }

    fn push(&mut self, path: String, value: String, span: Span) {
        if !value.is_empty() {
            self.content.fields.push(Field { path, value, span: Some(span) });
        }
    }

    fn opset(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        let (mut domain, mut version) = (String::new(), 0);
        each(bytes, place, walk, |field, _| match field.number {
            1 => domain = field.text().unwrap_or_default(),
            2 => version = field.varint().unwrap_or_default(),
            _ => {}
        });
        let domain = if domain.is_empty() { "ai.onnx".to_owned() } else { domain };
        self.push(format!("{place}.{domain}"), version.to_string(), bytes.span());
    }

    fn property(&mut self, bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) {
        if let Some((key, value)) = pair(bytes, place, walk) {
            self.push(format!("{place}.{key}"), value, bytes.span());
        }
    }

    /// Tells each file that tensors lie in once, however many lie there. ONNX reads the file from the
    /// folder of the model: CVE-2022-25882, CVE-2024-27318.
    fn tell_external(&mut self, walk: &mut Walk<'_>) {
        for (location, (place, span, count)) in &self.external {
            let others = match count.saturating_sub(1) {
                0 => String::new(),
                others => format!(", and {others} more"),
            };
            let what = format!("the tensor's data is read from `{location}`{others}");
            walk.notes.odd(OddityKind::ExternalReference, place, Some(*span), what);
            if let Some(why) = leaves(location) {
                let what = format!("the tensor's data is read from `{location}`: {why}");
                walk.notes.odd(OddityKind::PathTraversal, place, Some(*span), what);
            }
        }
    }
}

/// A pair of strings: key and value.
fn pair(bytes: Bytes<'_>, place: &str, walk: &mut Walk<'_>) -> Option<(String, String)> {
    let (mut key, mut value) = (None, String::new());
    each(bytes, place, walk, |field, _| match field.number {
        1 => key = field.text(),
        2 => value = field.text().unwrap_or_default(),
        _ => {}
    });
    Some((key?, value))
}

/// Why `location`, taken from the folder of the model, leaves it.
fn leaves(location: &str) -> Option<&'static str> {
    if location.contains("://") {
        return Some("it is a URL");
    }
    let absolute = crate::names::escapes(location).filter(|why| !why.contains("climbs"));
    absolute.or_else(|| climbs(location).then_some("the path leaves the folder of the model"))
}

fn climbs(location: &str) -> bool {
    let mut depth = 0_i64;
    location.split(['/', '\\']).any(|part| {
        depth = match part {
            "" | "." => depth,
            ".." => depth.saturating_sub(1),
            _ => depth.saturating_add(1),
        };
        depth < 0
    })
}

#[cfg(test)]
mod tests;
