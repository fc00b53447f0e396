//! A graph as the flow of values: [`Graph`]s of [`Node`]s with the names they read and write, and the
//! [`Constant`]s among them. What is odd about the bytes was told when they were listed.

use super::tensor::TYPES;
use crate::protobuf::{Field as Wire, Fields, Value, varints};
use std::collections::HashMap;
use wb_core::{Budget, Bytes, Span};

/// How many nodes are followed; a longer graph is followed in part.
const MOST: usize = 1 << 18;
/// How deep graphs may nest in nodes.
const DEEPEST: u32 = 16;
/// Axes of a tensor, and values of a constant, that are looked at.
pub(super) const LOOKED_AT: usize = 64;

/// A `GraphProto`, or the body of a `FunctionProto`.
#[derive(Default)]
pub(super) struct Graph<'a> {
    /// What a function is called by, beside its domain.
    pub(super) name: &'a [u8],
    pub(super) domain: &'a [u8],
    pub(super) nodes: Vec<Node<'a>>,
    /// What is given from outside, and whether it is one number.
    pub(super) inputs: Vec<(&'a [u8], bool)>,
    pub(super) outputs: Vec<&'a [u8]>,
    /// Fixed tensors that say how another one is quantized.
    pub(super) annotated: Vec<&'a [u8]>,
    /// Weights and other fixed tensors, by name.
    pub(super) constants: HashMap<&'a [u8], Constant<'a>>,
}

/// A `NodeProto`.
pub(super) struct Node<'a> {
    pub(super) name: &'a [u8],
    pub(super) operator: &'a [u8],
    pub(super) domain: &'a [u8],
    pub(super) inputs: Vec<&'a [u8]>,
    pub(super) outputs: Vec<&'a [u8]>,
    /// Graphs among its attributes, by the attribute's name.
    pub(super) graphs: Vec<(&'a [u8], Graph<'a>)>,
    /// What a `Constant` gives, and the `value` of others.
    pub(super) value: Option<Constant<'a>>,
    pub(super) span: Span,
}

impl<'a> Node<'a> {
    /// The operator, when it is one of ONNX itself.
    pub(super) fn standard(&self) -> Option<&'a str> {
        let own = matches!(self.domain, b"" | b"ai.onnx");
        own.then(|| std::str::from_utf8(self.operator).ok()).flatten()
    }

    /// The graph of the attribute `name`.
    pub(super) fn graph(&self, name: &str) -> Option<&Graph<'a>> {
        self.graphs.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, graph)| graph)
    }

    /// What reports call it.
    pub(super) fn label(&self) -> String {
        let name = if self.name.is_empty() { self.outputs.first() } else { Some(&self.name) };
        String::from_utf8_lossy(name.copied().unwrap_or_default()).chars().take(LABEL).collect()
    }
}

/// Letters of a name that is quoted.
const LABEL: usize = 80;

/// A fixed tensor.
#[derive(Default)]
pub(super) struct Constant<'a> {
    kind: u64,
    /// Elements by its shape.
    pub(super) elements: u64,
    raw: Option<Bytes<'a>>,
    integers: Vec<i64>,
    floats: Vec<f32>,
}

impl<'a> Constant<'a> {
    /// A `TensorProto`, and its name.
    fn tensor(bytes: Bytes<'a>) -> (&'a [u8], Self) {
        let (mut name, mut constant, mut dims) = (&[][..], Self::default(), Vec::new());
        let mut fields = Fields::of(bytes);
        while let Ok(Some(field)) = fields.next() {
            match (field.number, field.value) {
                (1, value) => dims.extend(varints(value, LOOKED_AT)),
                (2, Value::Varint(kind)) => constant.kind = kind,
                (5 | 7, value) => constant.add_integers(value),
                (4, value) => constant.add_floats(value),
                (8, Value::Bytes(text)) => name = text.as_slice(),
                (9, Value::Bytes(raw)) => constant.raw = Some(raw),
                _ => {}
            }
        }
        constant.elements = dims.iter().fold(1, |product: u64, size| product.saturating_mul(*size));
        (name, constant)
    }

    fn add_integers(&mut self, value: Value<'_>) {
        let room = LOOKED_AT.saturating_sub(self.integers.len());
        self.integers.extend(varints(value, room).into_iter().take(room).map(u64::cast_signed));
    }

    fn add_floats(&mut self, value: Value<'_>) {
        let room = LOOKED_AT.saturating_sub(self.floats.len());
        match value {
            Value::Fixed32(bits) => self.floats.extend((room > 0).then(|| f32::from_bits(bits))),
            Value::Bytes(packed) => self.floats.extend(floats(packed).take(room)),
            _ => {}
        }
    }

    /// The attribute of a node of the operator `Constant`.
    fn attribute(&mut self, field: &Wire<'_>) {
        match (field.number, field.value) {
            (2 | 7, value) => self.add_floats(value),
            (3 | 8, value) => self.add_integers(value),
            _ => return,
        }
        self.elements = self.integers.len().max(self.floats.len()) as u64;
    }

    /// Its bytes, when they lie in one piece of the file.
    pub(super) fn span(&self) -> Option<Span> {
        self.raw.map(Bytes::span)
    }

    /// The first whole numbers in it; none when it holds others.
    pub(super) fn integers(&self) -> Vec<i64> {
        let Some(raw) = self.raw else { return self.integers.clone() };
        let bytes = raw.as_slice();
        match self.kind {
            2 | 9 => bytes.iter().take(LOOKED_AT).map(|byte| i64::from(*byte)).collect(),
            7 => bytes.as_chunks().0.iter().take(LOOKED_AT).map(|eight| i64::from_le_bytes(*eight)).collect(),
            6 => bytes.as_chunks().0.iter().take(LOOKED_AT).map(|four| i64::from(i32::from_le_bytes(*four))).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether its first elements differ.
    pub(super) fn varies(&self) -> bool {
        let bits = usize::try_from(self.kind).ok().and_then(|kind| TYPES.get(kind)).map_or(0, |(_, bits)| *bits);
        let size = usize::try_from(bits.div_ceil(8).max(1)).unwrap_or(1);
        let raw = self.raw.map_or(&[][..], Bytes::as_slice);
        let mut elements = raw.chunks_exact(size).take(LOOKED_AT);
        let first = elements.next();
        elements.any(|element| Some(element) != first)
            || self.integers.windows(2).any(|pair| pair.first() != pair.last())
            || self.floats.windows(2).any(|pair| pair.first() != pair.last())
    }

    /// Its first values, in words.
    pub(super) fn words(&self) -> String {
        const SHOWN: usize = 8;
        let integers = self.integers();
        let mut words: Vec<String> = integers.iter().take(SHOWN).map(ToString::to_string).collect();
        if words.is_empty() {
            let raw = self.raw.filter(|_| self.kind == 1).map(|raw| floats(raw).take(SHOWN).collect());
            let numbers: Vec<f32> = raw.unwrap_or_else(|| self.floats.clone());
            words.extend(numbers.iter().take(SHOWN).map(|number| format!("{number:?}")));
        }
        let more = if self.elements > words.len() as u64 { ", …" } else { "" };
        format!("[{}{more}]", words.join(", "))
    }
}

fn floats(bytes: Bytes<'_>) -> impl Iterator<Item = f32> {
    bytes.as_slice().as_chunks().0.iter().map(|four| f32::from_le_bytes(*four))
}

/// Reads graphs as flows.
pub(super) struct Reader<'b> {
    budget: &'b mut Budget,
    left: usize,
    depth: u32,
    /// Whether a part was left out.
    pub(super) cut: bool,
}

impl<'b> Reader<'b> {
    pub(super) const fn new(budget: &'b mut Budget) -> Self {
        Self { budget, left: MOST, depth: 0, cut: false }
    }

    /// A `GraphProto`.
    pub(super) fn graph<'a>(&mut self, bytes: Bytes<'a>) -> Graph<'a> {
        let mut graph = Graph::default();
        self.fields(bytes, |reader, field| {
            let Some(bytes) = field.bytes() else { return };
            match field.number {
                1 => graph.nodes.extend(reader.node(bytes)),
                5 => {
                    let (name, constant) = Constant::tensor(bytes);
                    graph.constants.insert(name, constant);
                }
                11 => graph.inputs.push((named(bytes), is_single(bytes))),
                12 => graph.outputs.push(named(bytes)),
                // `TensorAnnotation`: pairs of a role and the name of a tensor.
                14 => graph.annotated.extend(parts(bytes, 2).filter_map(|pair| parts(pair, 2).next()).map(Bytes::as_slice)),
                _ => {}
            }
        });
        // Old models list their weights among the inputs.
        graph.inputs.retain(|(name, _)| !graph.constants.contains_key(name));
        graph
    }

    /// The body of a `FunctionProto`.
    pub(super) fn function<'a>(&mut self, bytes: Bytes<'a>) -> Graph<'a> {
        let mut graph = Graph::default();
        self.fields(bytes, |reader, field| {
            let Some(bytes) = field.bytes() else { return };
            match field.number {
                1 => graph.name = bytes.as_slice(),
                4 => graph.inputs.push((bytes.as_slice(), false)),
                5 => graph.outputs.push(bytes.as_slice()),
                7 => graph.nodes.extend(reader.node(bytes)),
                10 => graph.domain = bytes.as_slice(),
                _ => {}
            }
        });
        graph
    }

    /// A `NodeProto`.
    fn node<'a>(&mut self, bytes: Bytes<'a>) -> Option<Node<'a>> {
        let Some(left) = self.left.checked_sub(1) else {
            self.cut = true;
            return None;
        };
        self.left = left;
        let mut node = Node {
            name: &[],
            operator: &[],
            domain: &[],
            inputs: Vec::new(),
            outputs: Vec::new(),
            graphs: Vec::new(),
            value: None,
            span: bytes.span(),
        };
        self.fields(bytes, |reader, field| {
            let Some(bytes) = field.bytes() else { return };
            match field.number {
                1 => node.inputs.push(bytes.as_slice()),
                2 => node.outputs.push(bytes.as_slice()),
                3 => node.name = bytes.as_slice(),
                4 => node.operator = bytes.as_slice(),
                5 => reader.attribute(bytes, &mut node),
                7 => node.domain = bytes.as_slice(),
                _ => {}
            }
        });
        Some(node)
    }

    /// An `AttributeProto`.
    fn attribute<'a>(&mut self, bytes: Bytes<'a>, node: &mut Node<'a>) {
        let name = named(bytes);
        let mut numbers = Constant::default();
        self.fields(bytes, |reader, field| match (field.number, field.value) {
            (5, Value::Bytes(tensor)) if name == b"value" => node.value = Some(Constant::tensor(tensor).1),
            (6 | 11, Value::Bytes(graph)) if reader.depth < DEEPEST => {
                reader.depth = reader.depth.saturating_add(1);
                node.graphs.push((name, reader.graph(graph)));
                reader.depth = reader.depth.saturating_sub(1);
            }
            (6 | 11, _) => reader.cut = true,
            _ => numbers.attribute(&field),
        });
        let is_value = name.starts_with(b"value") || name == b"shape";
        if is_value && numbers.elements > 0 {
            node.value = Some(numbers);
        }
    }

    fn fields<'a>(&mut self, bytes: Bytes<'a>, mut visit: impl FnMut(&mut Self, Wire<'a>)) {
        let mut fields = Fields::of(bytes);
        while let Ok(Some(field)) = fields.next() {
            if self.budget.steps(1).is_err() {
                self.cut = true;
                return;
            }
            visit(self, field);
        }
    }
}

/// The name in a message that has it in field 1.
fn named(bytes: Bytes<'_>) -> &[u8] {
    let mut fields = Fields::of(bytes);
    let mut name = &[][..];
    while let Ok(Some(field)) = fields.next() {
        if let (1, Some(text)) = (field.number, field.bytes()) {
            name = text.as_slice();
        }
    }
    name
}

/// Whether a `ValueInfoProto` is of one number: no axis, or axes of one element.
fn is_single(value: Bytes<'_>) -> bool {
    // `type`, `tensor_type`, `shape`.
    let shape = [2, 1, 2].iter().try_fold(value, |bytes, number| parts(bytes, *number).next());
    let is_one = |dim: Bytes<'_>| {
        let mut fields = Fields::of(dim);
        let mut fields = std::iter::from_fn(|| fields.next().ok().flatten());
        fields.find(|field| field.number == 1).and_then(|field| field.varint()) == Some(1)
    };
    shape.is_some_and(|shape| parts(shape, 1).all(is_one))
}

/// The messages in the fields `number` of `bytes`.
fn parts(bytes: Bytes<'_>, number: u32) -> impl Iterator<Item = Bytes<'_>> {
    let mut fields = Fields::of(bytes);
    let fields = std::iter::from_fn(move || fields.next().ok().flatten());
    fields.filter(move |field| field.number == number).filter_map(|field| field.bytes())
}
