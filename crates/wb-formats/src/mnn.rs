//! MNN: networks for the engine of Alibaba, a FlatBuffer without a mark.
//!
//! Specification: `schema/default/MNN.fbs` in `alibaba/MNN`.

mod parameters;
mod schema;

use crate::flatbuffer::{Table, Walk};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Field, OddityKind, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "MNN network",
    endings: &[".mnn"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Fields of `Net`, by slot, and how many there are.
const BIZ_CODE: u16 = 0;
const DESCRIBED: u16 = 1;
const EXTRA_INFO: u16 = 2;
const OPERATORS: u16 = 3;
const TENSOR_NAMES: u16 = 7;
const SUBGRAPHS: u16 = 10;
const UUID: u16 = 11;
const NET_FIELDS: u16 = 12;
/// Fields of `SubGraphProto`.
const GRAPH_OPERATORS: u16 = 4;
const GRAPH_DESCRIBED: u16 = 5;
const GRAPH_FIELDS: u16 = 6;
/// Fields of `Op`.
const MAIN_TYPE: u16 = 1;
const MAIN: u16 = 2;
const NAME: u16 = 3;
const TYPE: u16 = 5;
const EXTERNAL: u16 = 7;
const OPERATOR_FIELDS: u16 = 8;
/// `OpType_Plugin` and `OpType_Extra`: operators that a library brings along, which their parameter names.
const PLUGIN: u32 = 256;
const EXTRA: u32 = 512;
/// The highest number that an operator has.
const LAST: u32 = 1_000;
/// Names of tensors that are looked at.
const NAMES: usize = 1 << 16;

/// Operators that are common, by number (`enum OpType`).
const TYPES: [(u32, &str); 24] = [
    (7, "BinaryOp"),
    (9, "Cast"),
    (10, "Concat"),
    (11, "Const"),
    (12, "Convolution"),
    (13, "ConvolutionDepthwise"),
    (17, "Deconvolution"),
    (30, "Gather"),
    (33, "InnerProduct"),
    (34, "Input"),
    (35, "Interp"),
    (39, "MatMul"),
    (47, "Pooling"),
    (49, "PReLU"),
    (68, "Reduction"),
    (69, "ReLU"),
    (70, "ReLU6"),
    (73, "Reshape"),
    (77, "Scale"),
    (85, "Softmax"),
    (106, "BatchMatMul"),
    (128, "Raster"),
    (129, "ConvertTensor"),
    (603, "LayerNorm"),
];

/// Nothing marks the file: its root has operators with numbers that there are, and names of tensors. The identifier
/// that converters write since 2021 makes it certain.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let root = Table::root(input)?;
    let mut operators = root.tables(OPERATORS).ok()?;
    let first = operators.next()?.ok()?;
    let known = first.u32(TYPE).unwrap_or(0) <= LAST && first.table(MAIN).is_ok();
    let names = root.texts(TENSOR_NAMES, 4).ok()?;
    let named = first.text(NAME).ok().flatten().is_some_and(|name| is_name(&name));
    if !known || !named || names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let uuid = root.text(UUID).ok().flatten().unwrap_or_default();
    let certain = uuid.len() == 36 && uuid.bytes().filter(|byte| *byte == b'-').count() == 4;
    Some(if certain { Strength::Strong } else { Strength::Weak })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() < 1_024 && !text.chars().any(char::is_control)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut walk = Walk::new(budget);
    if let Some(root) = Table::root(input) {
        network(&root, &mut content, &mut walk);
    }
    crate::names::tell_apart(&mut content.children);
    content.oddities = walk.notes.oddities;
    content.gaps.extend(walk.notes.gaps);
    content
}

fn network(root: &Table<'_>, content: &mut Content, walk: &mut Walk<'_>) {
    for (slot, path) in [(BIZ_CODE, "bizCode"), (UUID, "mnn_uuid")] {
        let value = walk.some(path, root.text(slot)).filter(|value| !value.is_empty());
        let path = path.to_owned();
        content.fields.extend(value.map(|value| Field { path, value, span: None }));
    }
    let names = walk.sound("tensorName", root.texts(TENSOR_NAMES, NAMES)).unwrap_or_default();
    let (path, value) = ("tensors".to_owned(), names.len().to_string());
    content.fields.push(Field { path, value, span: None });
    parameters::known(root, NET_FIELDS, "network", walk);
    if let Some(extra) = walk.some("extraInfo", root.table(EXTRA_INFO)) {
        // A converter writes its version alone. What is before that was a library for graphics processors once.
        let (path, version) = ("version".to_owned(), walk.some("extraInfo", extra.text(2)));
        content.fields.extend(version.map(|value| Field { path, value, span: None }));
        if !extra.is_only(2) {
            walk.notes.gap(Some(extra.span), "`extraInfo` with more than a version is not read");
        }
    }
    operators(root, OPERATORS, "oplists", content, walk);
    described(root, DESCRIBED, "extraTensorDescribe", content, walk);
    walk.each(root, SUBGRAPHS, "subgraphs", |index, graph, walk| {
        let place = format!("subgraphs[{index}]");
        parameters::known(&graph, GRAPH_FIELDS, &place, walk);
        operators(&graph, GRAPH_OPERATORS, &place, content, walk);
        described(&graph, GRAPH_DESCRIBED, &format!("{place}.extraTensorDescribe"), content, walk);
    });
}

/// Tensors that are known before anything runs.
fn described(
    graph: &Table<'_>,
    slot: u16,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    walk.each(graph, slot, place, |index, table, walk| {
        let name = format!("{place}[{index}]");
        parameters::read(&schema::DESCRIBED, &table, &name, content, walk);
    });
}

/// The operators of a graph.
fn operators(
    graph: &Table<'_>,
    slot: u16,
    place: &str,
    content: &mut Content,
    walk: &mut Walk<'_>,
) {
    walk.each(graph, slot, place, |index, table, walk| {
        operator(&table, &format!("{place}[{index}]"), content, walk);
    });
}

/// An operator: a component, and what its parameter holds.
fn operator(table: &Table<'_>, place: &str, content: &mut Content, walk: &mut Walk<'_>) {
    let name = walk.some(place, table.text(NAME)).unwrap_or_default();
    let number = table.u32(TYPE).unwrap_or(0);
    let known = TYPES.iter().find(|(known, _)| *known == number);
    let mut class = known.map_or_else(|| format!("type {number}"), |(_, name)| (*name).to_owned());
    let mut module = None;
    let kind = table.u8(MAIN_TYPE).unwrap_or(0);
    let main = walk.some(place, table.table(MAIN));
    if let (PLUGIN | EXTRA, Some(main)) = (number, main.filter(|_| kind > 0)) {
        let own = walk.some(place, main.text(0));
        class = own.filter(|own| !own.is_empty()).unwrap_or(class);
        module = Some(if number == PLUGIN { "plugin" } else { "extra" }.to_owned());
        let info = walk.some(place, main.bytes(2)).filter(|_| number == EXTRA);
        if let Some(info) = info.filter(|info| crate::storage::disguised(*info).is_some()) {
            let data = ChildData::Span(info.span());
            content.children.push(Child { name: format!("{place}.info"), data });
        }
    }
    let mut settings = Vec::new();
    if let Some(path) = walk.some(place, table.text(EXTERNAL)).filter(|path| !path.is_empty()) {
        let leaves = crate::names::escapes(&path).is_some();
        let kind = if leaves { OddityKind::PathTraversal } else { OddityKind::ExternalReference };
        let what = format!("the weights of `{name}` are in `{path}`");
        walk.notes.odd(kind, place, Some(table.span), what);
        settings.push(Field { path: "externalPath".to_owned(), value: path, span: None });
    }
    let inner = if name.is_empty() { place.to_owned() } else { name.clone() };
    content.components.push(Component {
        kind: "node",
        name,
        class,
        module,
        place: place.to_owned(),
        span: Some(table.span),
        settings,
    });
    parameters::known(table, OPERATOR_FIELDS, place, walk);
    if let Some(main) = main {
        parameters::parameter(kind, &main, &inner, content, walk);
    }
}

#[cfg(test)]
mod tests {
    use crate::flatbuffer::recipes::{Value, buffer, text};
    use crate::testing::{claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    const REAL: &[u8] = include_bytes!("../tests/data/written/mnn.mnn");

    fn net(kind: u32, external: &str) -> Vec<u8> {
        let input = vec![(3, text("x")), (5, Value::U32(34))];
        let plugin = vec![
            (1, Value::U8(30)),
            (2, Value::Table(vec![(0, text("RunsAnything"))])),
            (3, text("y")),
            (5, Value::U32(kind)),
            (7, text(external)),
        ];
        buffer(b"\0\0\0\0", vec![
            (3, Value::Tables(vec![input, plugin])),
            (11, text("fd19c757-67e9-4169-bceb-15b3a462492c")),
        ])
    }

    #[test]
    fn operators_are_read_as_the_converter_wrote_them() {
        assert_eq!(claims(REAL), "mnn");
        let content = parse("mnn", REAL);
        let classes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
        assert!(classes.contains(&"Input") && classes.len() > 2, "{classes:?}");
        assert_eq!(oddities(&content), [""; 0]);
    }

    #[test]
    fn plugins_are_named_and_weights_elsewhere_are_told() {
        let content = parse("mnn", &net(256, ""));
        let plugin = &content.components[1];
        assert_eq!((plugin.module.as_deref(), &*plugin.class), (Some("plugin"), "RunsAnything"));
        assert!(has(&parse("mnn", &net(12, "../../w")), OddityKind::PathTraversal));
        assert!(has(&parse("mnn", &net(12, "w.mnn.weight")), OddityKind::ExternalReference));
        assert_eq!(parse("mnn", &net(12, "")).components[1].module, None);
    }

    fn weights(parameter: u8, slots: Vec<(u16, Value)>) -> wb_core::Content {
        let operator = vec![
            (1, Value::U8(parameter)),
            (2, Value::Table(slots)),
            (3, text("y")),
            (5, Value::U32(12)),
        ];
        parse("mnn", &buffer(b"\0\0\0\0", vec![(3, Value::Tables(vec![operator]))]))
    }

    #[test]
    fn weights_of_operators_are_tensors() {
        let halves = vec![(0, Value::U32s(vec![3])), (2, Value::U32(19)), (3, Value::Bytes(vec![7; 6]))];
        let found = weights(7, halves).tensors.remove(0);
        assert_eq!((found.name.as_str(), found.dtype.as_str(), found.shape), ("y.uint8s", "float16", vec![3]));
        let inner = vec![(1, Value::U32s(vec![0; 4])), (3, Value::Table(vec![(0, Value::Bytes(vec![1]))]))];
        let found = weights(9, inner).tensors;
        let names: Vec<&str> = found.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["y.weight", "y.quantized.buffer"]);
        // Settings are no tensors, unless there are more of them than any operator needs.
        assert_eq!(weights(55, vec![(0, Value::U32s(vec![1; 8]))]).tensors, []);
        assert_eq!(weights(55, vec![(0, Value::U32s(vec![1; 80]))]).tensors.len(), 1);
    }

    #[test]
    fn what_the_specification_does_not_have_is_a_gap() {
        assert_eq!(weights(25, vec![(3, Value::U32s(vec![0; 4]))]).gaps, []);
        assert_eq!(weights(25, vec![(5, Value::U32s(vec![0; 4]))]).gaps.len(), 1);
        assert_eq!(weights(200, vec![(0, Value::U32(1))]).gaps.len(), 1);
        assert_eq!(parse("mnn", REAL).gaps, []);
    }

    #[test]
    fn operators_in_operators_are_operators() {
        let inner = vec![
            (1, Value::U8(30)),
            (2, Value::Table(vec![(0, text("RunsAnything"))])),
            (5, Value::U32(256)),
        ];
        let command = vec![(0, Value::Table(inner))];
        let found = weights(92, vec![(6, Value::Tables(vec![command]))]);
        assert_eq!(found.components[1].module.as_deref(), Some("plugin"));
    }

    #[test]
    fn damage_is_survived() {
        survive("mnn", REAL);
        survive("mnn", include_bytes!("../tests/data/written/mnn-quantized.mnn"));
        survive("mnn", include_bytes!("../tests/data/written/mnn-outside.mnn"));
        survive("mnn", &net(256, "w"));
    }
}
