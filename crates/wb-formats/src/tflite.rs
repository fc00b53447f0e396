//! TensorFlow Lite: operators, tensors and buffers in a FlatBuffer, and a zip archive of metadata behind it.
//!
//! Specification: `tensorflow/lite/schema/schema.fbs`; "Adding metadata" in the TensorFlow Lite guide.

mod calls;
mod operators;

use crate::flatbuffer::{self, Table, Walk};
use crate::{Family, Reader, Request, zip};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Span, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "TensorFlow Lite model",
    endings: &[".tflite", ".lite", ".task"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// Axes of one tensor that are read.
const AXES: usize = 64;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    flatbuffer::is(input, b"TFL3").then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    attachments(input, &mut content, budget);
    let mut walk = Walk::new(budget);
    if let Some(root) = Table::root(input) {
        Model { input, root, buffers: Vec::new(), codes: Vec::new(), calls: calls::Calls::default(), content: &mut content }.read(&mut walk);
    }
    content.oddities.append(&mut walk.notes.oddities);
    content.gaps.append(&mut walk.notes.gaps);
    crate::prose::metadata(&mut content, budget);
    content
}

/// Files that the metadata refers to stand in a zip archive at the end; the model before it is its own.
fn attachments(input: Bytes<'_>, content: &mut Content, budget: &mut Budget) {
    if !zip::is_zip(input) {
        return;
    }
    let mut inside = Content::default();
    for entry in zip::open(input, &mut inside, budget) {
        zip::child(input, &entry, &mut inside, budget);
    }
    zip::take_prefix(&mut inside);
    content.children.append(&mut inside.children);
    content.oddities.append(&mut inside.oddities);
    content.gaps.append(&mut inside.gaps);
    content.texts.append(&mut inside.texts);
    crate::names::tell_apart(&mut content.children);
}

struct Model<'a, 'c> {
    input: Bytes<'a>,
    root: Table<'a>,
    /// Bytes of each buffer.
    buffers: Vec<Option<Bytes<'a>>>,
    /// Operators by their number.
    codes: Vec<operators::Code>,
    calls: calls::Calls,
    content: &'c mut Content,
}

impl<'a> Model<'a, '_> {
    fn read(&mut self, walk: &mut Walk<'_>) {
        let root = self.root;
        let description = walk.some("description", root.text(3));
        self.field("version", root.u32(0).unwrap_or(0).to_string());
        self.field("description", description.unwrap_or_default());
        walk.each(&root, 4, "buffers", |index, buffer, walk| self.buffer(index, buffer, walk));
        walk.each(&root, 1, "operator_codes", |_, code, walk| {
            self.codes.push(operators::Code::read(&code, walk));
        });
        walk.each(&root, 6, "metadata", |index, entry, walk| {
            let name = walk.some("metadata", entry.text(0)).unwrap_or_default();
            let size = self.buffers.get(entry.u32(1).unwrap_or(0) as usize).copied().flatten();
            let size = size.map_or(0, Bytes::len);
            self.field(&format!("metadata[{index}].{name}"), format!("{size} bytes"));
        });
        walk.each(&root, 7, "signature_defs", |index, signature, walk| {
            let key = walk.some("signature_defs", signature.text(2)).unwrap_or_default();
            self.field(&format!("signature_defs[{index}]"), key);
        });
        walk.each(&root, 2, "subgraphs", |index, graph, walk| {
            self.calls.begin(graph.span);
            self.subgraph(&format!("subgraphs[{index}]"), graph, walk);
        });
        self.calls.check(walk);
        self.tail(walk.reached);
    }

    fn field(&mut self, path: &str, value: String) {
        if !value.is_empty() {
            self.content.fields.push(Field { path: path.to_owned(), value, span: None });
        }
    }

    /// Small buffers stand in the FlatBuffer, large ones behind it.
    fn buffer(&mut self, index: usize, buffer: Table<'a>, walk: &mut Walk<'_>) {
        let place = format!("buffers[{index}]");
        let inside = walk.some(&place, buffer.bytes(0));
        let (offset, size) = (buffer.u64(1).unwrap_or(0), buffer.u64(2).unwrap_or(0));
        let behind = (offset > 1).then(|| self.input.at_span(Span::new(offset, size)));
        if matches!(behind, Some(None)) {
            let what = format!("{size} bytes at offset {offset} end behind the file");
            walk.notes.odd(OddityKind::ImpossibleLength, &place, Some(buffer.span), what);
        }
        self.buffers.push(behind.flatten().or(inside).filter(|bytes| !bytes.is_empty()));
    }

    fn subgraph(&mut self, place: &str, graph: Table<'a>, walk: &mut Walk<'_>) {
        let mut tensors: Vec<(String, Option<Bytes<'a>>)> = Vec::new();
        walk.each(&graph, 0, place, |index, tensor, walk| {
            let (known, bytes) = self.tensor(&format!("{place}.tensors[{index}]"), tensor, walk);
            tensors.push((known.name.clone(), bytes));
            if bytes.is_some() {
                self.content.tensors.push(known);
            }
        });
        let name = walk.some(place, graph.text(4)).unwrap_or_default();
        self.field(&format!("{place}.name"), name);
        walk.each(&graph, 3, place, |index, operator, walk| {
            let place = format!("{place}.operators[{index}]");
            let Some(code) = self.codes.get(operator.u32(0).unwrap_or(0) as usize) else {
                let what = "the number of the operator is past the end of the list";
                walk.notes.odd(OddityKind::ImpossibleLength, &place, Some(operator.span), what);
                return;
            };
            self.calls.read(&code.name, &operator, &place, walk);
            let inputs = walk.some(&place, operator.i32s(1, AXES)).unwrap_or_default();
            let outputs = walk.some(&place, operator.i32s(2, 1)).unwrap_or_default();
            let named = |index: &i32| usize::try_from(*index).ok().and_then(|at| tensors.get(at));
            let inputs: Vec<&(String, Option<Bytes<'a>>)> = inputs.iter().filter_map(named).collect();
            let name = outputs.first().and_then(named).map(|(name, _)| name.clone());
            let component = Component {
                kind: "node",
                name: name.unwrap_or_default(),
                class: code.name.clone(),
                module: code.module.map(str::to_owned),
                place: place.clone(),
                span: Some(operator.span),
                settings: Vec::new(),
            };
            self.content.programs.extend(operators::lift(&component, &inputs));
            self.content.components.push(component);
        });
    }

    fn tensor(&self, place: &str, tensor: Table<'a>, walk: &mut Walk<'_>) -> (Tensor, Option<Bytes<'a>>) {
        let shape = walk.some(place, tensor.i32s(0, AXES)).unwrap_or_default();
        let shape: Vec<u64> = shape.iter().map(|size| u64::try_from(*size).unwrap_or(0)).collect();
        let (dtype, bits) = dtype(tensor.u8(1).unwrap_or(0));
        let number = tensor.u32(2).unwrap_or(0) as usize;
        let bytes = match self.buffers.get(number) {
            Some(bytes) => *bytes,
            None if number == 0 => None,
            None => {
                let what = format!("buffer {number} does not exist");
                walk.notes.odd(OddityKind::ImpossibleLength, place, Some(tensor.span), what);
                None
            }
        };
        let name = walk.some(place, tensor.text(3)).unwrap_or_default();
        // Sparse tensors keep fewer elements than their shape says.
        let sparse = walk.some(place, tensor.table(6)).is_some();
        let expected = bits.and_then(|bits| size(&shape, bits));
        if let (Some(bytes), Some(expected), false) = (bytes, expected, sparse)
            && expected != bytes.len() as u64
        {
            let what = format!("shape {shape:?} of {dtype} needs {expected} bytes, there are {}", bytes.len());
            walk.notes.odd(OddityKind::Disagreement, place, Some(bytes.span()), what);
        }
        let counted = shape.iter().try_fold(1_u32, |product, size| {
            product.checked_mul(u32::try_from(*size).ok()?)
        });
        if (bits.is_some() && expected.is_none()) || (bytes.is_none() && counted.is_none()) {
            let what = format!("shape {shape:?} of {dtype} has more elements than can be counted");
            walk.notes.odd(OddityKind::ImpossibleLength, place, Some(tensor.span), what);
        }
        let span = bytes.map(Bytes::span);
        (Tensor { name, dtype: dtype.to_owned(), shape, span, strides: None }, bytes)
    }

    /// What follows the last buffer is handed on when it is a file.
    fn tail(&mut self, reached: u64) {
        let ends = self.buffers.iter().flatten().map(|bytes| bytes.span().end());
        let end = ends.max().unwrap_or(0).max(reached);
        let Ok(end) = usize::try_from(end) else { return };
        let rest = self.input.from(end);
        let padding = rest.as_slice().iter().take(16).take_while(|byte| **byte == 0).count();
        for skipped in [0, padding] {
            let rest = rest.from(skipped);
            if let Some(kind) = crate::storage::disguised(rest).filter(|_| !zip::is_zip(self.input)) {
                let what = format!("{} bytes behind the last buffer begin like {}", rest.len(), kind.name());
                self.content.oddities.push(wb_core::Oddity {
                    kind: OddityKind::TrailingBytes,
                    place: "behind the model".to_owned(),
                    span: Some(rest.span()),
                    what,
                });
                return;
            }
        }
    }
}

/// Elements times bits, in whole bytes.
fn size(shape: &[u64], bits: u64) -> Option<u64> {
    let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    Some(elements.checked_mul(bits)?.div_ceil(8))
}

/// Element types by number (`enum TensorType`), and the bits of an element where they are fixed.
fn dtype(number: u8) -> (&'static str, Option<u64>) {
    const TYPES: [(&str, u64); 19] = [
        ("FLOAT32", 32),
        ("FLOAT16", 16),
        ("INT32", 32),
        ("UINT8", 8),
        ("INT64", 64),
        ("STRING", 0),
        ("BOOL", 8),
        ("INT16", 16),
        ("COMPLEX64", 64),
        ("INT8", 8),
        ("FLOAT64", 64),
        ("COMPLEX128", 128),
        ("UINT64", 64),
        ("RESOURCE", 0),
        ("VARIANT", 0),
        ("UINT32", 32),
        ("UINT16", 16),
        ("INT4", 4),
        ("BFLOAT16", 16),
    ];
    let known = TYPES.get(usize::from(number));
    known.map_or(("unknown", None), |(name, bits)| (name, (*bits > 0).then_some(*bits)))
}

#[cfg(test)]
mod tests;
