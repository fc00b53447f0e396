//! `GraphDef`, `FunctionDef` and `NodeDef`, from bytes to [`Library`] and components.

use super::{Library, Node, Scope};
use crate::protobuf::{Field as Wire, Value, Walk, below, each, varints};
use std::collections::BTreeSet;
use wb_core::{Bytes, Component, Content, Field, OddityKind, Span, Tensor};

/// The module of what a graph defines itself.
const OWN: &str = "function";
/// How many strings of one attribute or constant are kept.
const STRINGS: usize = 64;

impl Library {
    /// A `GraphDef`. A graph that stands in two pieces is one graph.
    pub(super) fn graph(
        &mut self,
        bytes: Bytes<'_>,
        place: &str,
        content: &mut Content,
        walk: &mut Walk<'_>,
    ) {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        each(bytes, place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(node)) => {
                if let Some(scope) = self.scopes.first_mut() {
                    scope.node(node, place, content, walk);
                }
            }
            (2, Value::Bytes(library)) => each(library, place, walk, |field, walk| {
                if let (1, Some(function)) = (field.number, field.bytes()) {
                    let scope = function_scope(function, place, content, walk);
                    self.scopes.push(scope);
                }
            }),
            (4, Value::Bytes(versions)) => each(versions, place, walk, |field, _| {
                let name = match field.number {
                    1 => "producer",
                    2 => "min_consumer",
                    _ => return,
                };
                let value = field.varint().unwrap_or_default().to_string();
                let path = format!("{place}.versions.{name}");
                content.fields.push(Field { path, value, span: Some(field.span) });
            }),
            _ => {}
        });
    }
}

impl Library {
    /// Gives nodes that call a function of this graph by its name the module [`OWN`]: they are no operators.
    pub(super) fn name_calls(&self, content: &mut Content) {
        let functions: BTreeSet<&str> =
            self.scopes.iter().filter_map(|scope| scope.function.as_deref()).collect();
        for node in content.components.iter_mut().filter(|part| part.kind == "node") {
            if functions.contains(node.class.as_str()) {
                node.module = Some(OWN.to_owned());
            }
        }
    }
}

/// A `FunctionDef`.
fn function_scope(
    bytes: Bytes<'_>,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) -> Scope {
    let mut scope = Scope::default();
    let mut name = String::new();
    // The signature has the name; nodes may stand before it.
    each(bytes, place, walk, |field, walk| {
        let (1, Some(signature)) = (field.number, field.bytes()) else { return };
        each(signature, place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(_)) => name = field.text().unwrap_or_default(),
            (2, Value::Bytes(argument)) => {
                each(argument, place, walk, |field, _| {
                    if field.number == 1 {
                        let position = scope.arguments.len();
                        if let Some(name) = field.text() {
                            scope.arguments.entry(name).or_insert(position);
                        }
                    }
                });
            }
            _ => {}
        });
    });
    let place = below(place, &format!("library.{name}"));
    let mut inside = crate::protobuf::Fields::of(bytes);
    while let Ok(Some(field)) = inside.next() {
        if let (3, Some(node)) = (field.number, field.bytes()) {
            scope.node(node, &place, content, walk);
        }
    }
    scope.function = Some(name);
    scope
}

impl Scope {
    /// A `NodeDef`.
    fn node(&mut self, bytes: Bytes<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
        if !walk.keeps(bytes.span()) {
            return;
        }
        let place = below(place, &format!("node[{}]", self.nodes.len()));
        let mut node = Node { span: bytes.span(), place, ..Node::default() };
        let mut device = None;
        let mut reader = Attributes { tensors: Vec::new(), settings: Vec::new() };
        let at = node.place.clone();
        each(bytes, &at, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(_)) => {
                walk.once(&field, &at);
                node.name = field.text().unwrap_or_default();
            }
            (2, Value::Bytes(_)) => {
                walk.once(&field, &at);
                node.operation = field.text().unwrap_or_default();
            }
            (3, Value::Bytes(_)) => node.inputs.extend(field.text()),
            (4, Value::Bytes(_)) => device = field.text().filter(|device| !device.is_empty()),
            (5, Value::Bytes(entry)) => reader.entry(entry, &mut node, walk),
            _ => {}
        });
        let settings = &mut reader.settings;
        settings.extend(device.map(|value| Field { path: "device".to_owned(), value, span: None }));
        content.components.push(Component {
            kind: "node",
            name: node.name.clone(),
            class: node.operation.clone(),
            module: None,
            place: node.place.clone(),
            span: Some(node.span),
            settings: reader.settings,
        });
        content.tensors.append(&mut reader.tensors);
        if self.by_name.insert(node.name.clone(), self.nodes.len()).is_some() {
            let what = format!("two nodes are called `{}`", node.name);
            walk.notes.odd(OddityKind::DuplicateName, &node.place, Some(node.span), what);
        }
        self.nodes.push(node);
    }
}

/// Attributes of one node.
struct Attributes {
    tensors: Vec<Tensor>,
    settings: Vec<Field>,
}

impl Attributes {
    /// An entry of the map of attributes.
    fn entry(&mut self, bytes: Bytes<'_>, node: &mut Node, walk: &mut Walk<'_>) {
        let (mut key, mut value) = (String::new(), None);
        let place = node.place.clone();
        each(bytes, &place, walk, |field, _| match field.number {
            1 => key = field.text().unwrap_or_default(),
            2 => value = field.bytes(),
            _ => {}
        });
        if let Some(value) = value {
            self.value(&key, value, node, walk);
        }
    }

    /// An `AttrValue`, or the list in one.
    fn value(&mut self, key: &str, bytes: Bytes<'_>, node: &mut Node, walk: &mut Walk<'_>) {
        let place = below(&node.place, key);
        each(bytes, &place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Bytes(list)) => self.list(key, list, node, walk),
            (2, Value::Bytes(text)) => self.text(key, text, &field, node),
            (8, Value::Bytes(tensor)) => self.tensor(key, tensor, node, walk),
            (10, Value::Bytes(function)) => named_function(function, &place, node, walk),
            _ => {}
        });
    }

    fn list(&mut self, key: &str, bytes: Bytes<'_>, node: &mut Node, walk: &mut Walk<'_>) {
        let place = below(&node.place, key);
        each(bytes, &place, walk, |field, walk| match (field.number, field.value) {
            (2, Value::Bytes(text)) => self.text(key, text, &field, node),
            (8, Value::Bytes(tensor)) => self.tensor(key, tensor, node, walk),
            (9, Value::Bytes(function)) => named_function(function, &place, node, walk),
            _ => {}
        });
    }

    fn text(&mut self, key: &str, text: Bytes<'_>, field: &Wire<'_>, node: &mut Node) {
        // Every node says of which layer it is; shapes and classes are of no use as settings.
        if text.is_empty() || matches!(key, "_class" | "_output_shapes") {
            return;
        }
        let Ok(value) = std::str::from_utf8(text.as_slice()) else { return };
        if self.settings.len() < STRINGS && text.len() <= 1 << 16 {
            let span = Some(field.span);
            self.settings.push(Field { path: key.to_owned(), value: value.to_owned(), span });
            node.texts.push((key.to_owned(), text.as_slice().to_vec(), text.span()));
        }
    }

    /// A `TensorProto`: strings of constants are settings, everything else a tensor.
    fn tensor(&mut self, key: &str, bytes: Bytes<'_>, node: &mut Node, walk: &mut Walk<'_>) {
        const TEXT: u64 = 7;
        let place = below(&node.place, key);
        let (mut dtype, mut shape, mut raw) = (0, Vec::new(), None);
        each(bytes, &place, walk, |field, walk| match (field.number, field.value) {
            (1, Value::Varint(kind)) => dtype = kind,
            (2, Value::Bytes(dims)) => each(dims, &place, walk, |field, walk| {
                let (2, Some(dim)) = (field.number, field.bytes()) else { return };
                each(dim, &place, walk, |field, _| {
                    if field.number == 1 && shape.len() < 256 {
                        shape.extend(varints(field.value, 1));
                    }
                });
            }),
            (4, Value::Bytes(content)) => raw = Some(content.span()),
            (8, Value::Bytes(text)) if node.constant.len() < STRINGS => {
                let kept = text.head(1 << 16);
                node.constant.push((kept.as_slice().to_vec(), text.span()));
                let text = crate::protobuf::text(text);
                let span = Some(field.span);
                self.settings.push(Field { path: key.to_owned(), value: text, span });
            }
            _ => {}
        });
        if dtype != TEXT && !(shape.is_empty() && raw.is_none()) {
            self.check(dtype, &shape, raw, &place, walk);
            let name = node.name.clone();
            self.tensors.push(Tensor {
                name,
                dtype: type_name(dtype),
                shape,
                span: raw,
                strides: None,
            });
        }
    }

    fn check(
        &self,
        dtype: u64,
        shape: &[u64],
        raw: Option<Span>,
        place: &str,
        walk: &mut Walk<'_>,
    ) {
        let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let size = TYPES.iter().find(|(number, ..)| *number == dtype).map(|(.., size)| *size);
        let (Some(raw), Some(size)) = (raw.filter(|raw| raw.len > 0), size) else { return };
        let needed = elements.and_then(|elements| elements.checked_mul(size));
        if needed != Some(raw.len) {
            let name = type_name(dtype);
            let what = format!("`{name}` of shape {shape:?}: {} bytes are given", raw.len);
            walk.notes.odd(OddityKind::Disagreement, place, Some(raw), what);
        }
    }
}

/// `NameAttrList`: the name of a function.
fn named_function(bytes: Bytes<'_>, place: &str, node: &mut Node, walk: &mut Walk<'_>) {
    each(bytes, place, walk, |field, _| {
        if field.number == 1 {
            node.functions.extend(field.text());
        }
    });
}

/// Numbers, names and sizes in bytes of `DataType` (`types.proto`).
const TYPES: &[(u64, &str, u64)] = &[
    (1, "float", 4),
    (2, "double", 8),
    (3, "int32", 4),
    (4, "uint8", 1),
    (5, "int16", 2),
    (6, "int8", 1),
    (8, "complex64", 8),
    (9, "int64", 8),
    (10, "bool", 1),
    (11, "qint8", 1),
    (12, "quint8", 1),
    (13, "qint32", 4),
    (14, "bfloat16", 2),
    (17, "uint16", 2),
    (18, "complex128", 16),
    (19, "half", 2),
    (22, "uint32", 4),
    (23, "uint64", 8),
];

fn type_name(dtype: u64) -> String {
    let known = TYPES.iter().find(|(number, ..)| *number == dtype);
    known.map_or_else(|| format!("type {dtype}"), |(_, name, _)| (*name).to_owned())
}
