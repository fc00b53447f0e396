//! The ORT format: an ONNX model as ONNX Runtime keeps it for devices, in a FlatBuffer.
//!
//! Specification: `onnxruntime/core/flatbuffers/schema/ort.fbs` in `microsoft/onnxruntime`.

use crate::flatbuffer::{self, Table, Walk};
use crate::protobuf::below;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Strength, Tensor};

pub(crate) const FORMAT: Reader = Reader {
    title: "ONNX Runtime model (ORT format)",
    endings: &[".ort"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Axes of one tensor, and strings of one attribute, that are read.
const MOST: usize = 64;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    flatbuffer::is(input, b"ORTM").then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut walk = Walk::new(budget);
    let mut model = Model::default();
    if let Some(root) = Table::root(input) {
        let version = walk.some("ort_version", root.text(0));
        model.field("ort_version", version);
        if let Some(table) = walk.some("model", root.table(1)) {
            model.read(&table, &mut walk);
        }
    }
    let mut content = model.content;
    content.oddities = walk.notes.oddities;
    content.gaps = walk.notes.gaps;
    content
}

#[derive(Default)]
struct Model {
    content: Content,
}

impl Model {
    fn field(&mut self, path: &str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.content.fields.push(Field { path: path.to_owned(), value, span: None });
        }
    }

    fn read(&mut self, table: &Table<'_>, walk: &mut Walk<'_>) {
        self.field("ir_version", table.u64(0).map(|version| version.to_string()));
        for (slot, name) in [(2, "producer_name"), (3, "producer_version"), (4, "domain"), (6, "doc_string"), (8, "graph_doc_string")] {
            let value = walk.some(name, table.text(slot));
            self.field(name, value);
        }
        walk.each(table, 1, "opset_import", |_, opset, walk| {
            let domain = walk.some("opset_import", opset.text(0)).filter(|domain| !domain.is_empty());
            let domain = domain.unwrap_or_else(|| "ai.onnx".to_owned());
            self.field(&format!("opset_import.{domain}"), opset.u64(1).map(|version| version.to_string()));
        });
        walk.each(table, 9, "metadata_props", |_, entry, walk| {
            let key = walk.some("metadata_props", entry.text(0)).unwrap_or_default();
            let value = walk.some("metadata_props", entry.text(1));
            self.field(&format!("metadata_props.{key}"), value);
        });
        if let Some(graph) = walk.some("graph", table.table(7)) {
            self.graph("graph", &graph, walk);
        }
    }

    fn graph(&mut self, place: &str, graph: &Table<'_>, walk: &mut Walk<'_>) {
        walk.each(graph, 0, place, |index, tensor, walk| {
            self.tensor(&below(place, &format!("initializers[{index}]")), &tensor, walk);
        });
        walk.each(graph, 7, place, |index, sparse, walk| {
            let place = below(place, &format!("sparse_initializers[{index}]"));
            if let Some(values) = walk.some(&place, sparse.table(0)) {
                self.tensor(&place, &values, walk);
            }
        });
        walk.each(graph, 2, place, |index, node, walk| {
            let place = below(place, &format!("nodes[{index}]"));
            walk.deeper(&place, node.span, |walk| self.node(&place, &node, walk));
        });
    }

    fn node(&mut self, place: &str, node: &Table<'_>, walk: &mut Walk<'_>) {
        let mut text = |slot| walk.some(place, node.text(slot)).unwrap_or_default();
        let (name, domain, class) = (text(0), text(2), text(5));
        let mut component = Component {
            kind: "node",
            name,
            class,
            module: Some(domain).filter(|domain| !domain.is_empty()),
            place: place.to_owned(),
            span: Some(node.span),
            settings: Vec::new(),
        };
        if component.name.is_empty() {
            let outputs = walk.sound(place, node.texts(9, 1)).unwrap_or_default();
            component.name = outputs.into_iter().next().unwrap_or_default();
        }
        walk.each(node, 10, place, |_, attribute, walk| {
            self.attribute(place, &attribute, &mut component, walk);
        });
        self.content.components.push(component);
    }

    fn attribute(
        &mut self,
        node: &str,
        attribute: &Table<'_>,
        owner: &mut Component,
        walk: &mut Walk<'_>,
    ) {
        let name = walk.some(node, attribute.text(0)).unwrap_or_default();
        let place = below(node, &name);
        let mut set = |path: String, value: String| {
            owner.settings.push(Field { path, value, span: Some(attribute.span) });
        };
        match attribute.u32(2) {
            Some(1) => set(name.clone(), attribute.u32(3).map_or(0.0, f32::from_bits).to_string()),
            Some(2) => set(name.clone(), attribute.u64(4).unwrap_or(0).cast_signed().to_string()),
            Some(3) => set(name.clone(), walk.some(&place, attribute.text(5)).unwrap_or_default()),
            Some(8) => {
                let texts = walk.sound(&place, attribute.texts(10, MOST)).unwrap_or_default();
                for (index, text) in texts.into_iter().enumerate() {
                    set(format!("{name}[{index}]"), text);
                }
            }
            _ => {}
        }
        if let Some(tensor) = walk.some(&place, attribute.table(6)) {
            self.tensor(&place, &tensor, walk);
        }
        walk.each(attribute, 11, &place, |_, tensor, walk| self.tensor(&place, &tensor, walk));
        if let Some(graph) = walk.some(&place, attribute.table(7)) {
            self.graph(&place, &graph, walk);
        }
        walk.each(attribute, 12, &place, |_, graph, walk| self.graph(&place, &graph, walk));
    }

    fn tensor(&mut self, place: &str, tensor: &Table<'_>, walk: &mut Walk<'_>) {
        let name = walk.some(place, tensor.text(0)).filter(|name| !name.is_empty());
        let shape = walk.some(place, tensor.u64s(2, MOST)).unwrap_or_default();
        let (dtype, size) = dtype(tensor.u32(3).unwrap_or(0));
        let bytes = walk.some(place, tensor.bytes(4));
        let elements = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let expected = elements.and_then(|elements| elements.checked_mul(size));
        if let Some(bytes) = bytes.filter(|bytes| size > 0 && expected != Some(bytes.len() as u64)) {
            let what = format!("shape {shape:?} of {dtype} does not fit {} bytes", bytes.len());
            walk.notes.odd(OddityKind::Disagreement, place, Some(bytes.span()), what);
        }
        for text in walk.sound(place, tensor.texts(5, MOST)).unwrap_or_default() {
            let place = place.to_owned();
            self.content.texts.push(wb_core::Text { place, value: text, span: Some(tensor.span) });
        }
        let span = bytes.map(Bytes::span);
        let name = name.unwrap_or_else(|| place.to_owned());
        self.content.tensors.push(Tensor { name, dtype: dtype.to_owned(), shape, span, strides: None });
    }
}

/// Element types by number (`enum TensorDataType`) and their size in bytes; 0 where it is not fixed.
fn dtype(number: u32) -> (&'static str, u64) {
    const TYPES: [(&str, u64); 21] = [
        ("undefined", 0),
        ("FLOAT", 4),
        ("UINT8", 1),
        ("INT8", 1),
        ("UINT16", 2),
        ("INT16", 2),
        ("INT32", 4),
        ("INT64", 8),
        ("STRING", 0),
        ("BOOL", 1),
        ("FLOAT16", 2),
        ("DOUBLE", 8),
        ("UINT32", 4),
        ("UINT64", 8),
        ("COMPLEX64", 8),
        ("COMPLEX128", 16),
        ("BFLOAT16", 2),
        ("FLOAT8E4M3FN", 1),
        ("FLOAT8E4M3FNUZ", 1),
        ("FLOAT8E5M2", 1),
        ("FLOAT8E5M2FNUZ", 1),
    ];
    TYPES.get(number as usize).copied().unwrap_or(("unknown", 0))
}

#[cfg(test)]
mod tests {
    use crate::flatbuffer::recipes::{Value, buffer, text};
    use crate::testing::{claims, has, parse, survive};
    use wb_core::OddityKind;

    fn model(bytes: usize) -> Vec<u8> {
        let tensor = vec![
            (0, text("w")),
            (2, Value::U64s(vec![2, 3])),
            (3, Value::U32(1)),
            (4, Value::Bytes(vec![0; bytes])),
        ];
        let inner = vec![(2, Value::Tables(vec![vec![(5, text("Spawn")), (2, text("com.example"))]]))];
        let branch = vec![(0, text("then_branch")), (2, Value::U32(5)), (7, Value::Table(inner))];
        let label = vec![(0, text("mode")), (2, Value::U32(3)), (5, text("fast"))];
        let node = vec![
            (0, text("choose")),
            (5, text("If")),
            (10, Value::Tables(vec![branch, label])),
        ];
        let graph = vec![(0, Value::Tables(vec![tensor])), (2, Value::Tables(vec![node]))];
        let opset = vec![(0, text("")), (1, Value::U64(17))];
        let model = vec![
            (1, Value::Tables(vec![opset])),
            (2, text("pytorch")),
            (7, Value::Table(graph)),
            (9, Value::Tables(vec![vec![(0, text("license")), (1, text("mit"))]])),
        ];
        buffer(b"ORTM", vec![(0, text("6")), (1, Value::Table(model))])
    }

    #[test]
    fn nodes_of_subgraphs_are_read_with_their_domain() {
        let bytes = model(24);
        assert_eq!(claims(&bytes), "ort");
        let content = parse("ort", &bytes);
        let nodes: Vec<String> = content
            .components
            .iter()
            .map(|node| format!("{} {:?} {}", node.class, node.module, node.place))
            .collect();
        assert_eq!(nodes, [
            "Spawn Some(\"com.example\") graph.nodes[0].then_branch.nodes[0]",
            "If None graph.nodes[0]",
        ]);
        assert_eq!(content.components[1].setting("mode"), Some("fast"));
        assert_eq!((content.tensors.len(), content.tensors[0].shape.as_slice()), (1, &[2, 3][..]));
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
        assert!(content.fields.iter().any(|field| field.path == "metadata_props.license"));
    }

    #[test]
    fn a_shape_has_to_fit_its_bytes() {
        assert!(has(&parse("ort", &model(20)), OddityKind::Disagreement));
    }

    #[test]
    fn a_model_that_the_runtime_wrote_is_read() {
        let content = parse("ort", include_bytes!("../tests/data/real.ort"));
        assert!(content.oddities.is_empty(), "{:?}", content.oddities);
        let classes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
        assert!(classes.contains(&"If") && classes.contains(&"MatMul"), "{classes:?}");
        assert!(content.tensors.iter().any(|tensor| tensor.name == "weight" && tensor.shape == [2, 3]));
    }

    #[test]
    fn damage_is_survived() {
        survive("ort", &model(24));
        survive("ort", include_bytes!("../tests/data/real.ort"));
    }
}
