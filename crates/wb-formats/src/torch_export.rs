//! Programs that `torch.export` saved (`.pt2`): a zip archive with the graph in JSON, and one member per weight.
//!
//! Specification: `torch/_export/serde/schema.py` and `torch/export/pt2_archive/constants.py` in `pytorch/pytorch`. The
//! loader resolves the target of a node by attributes, from `torch`, `math` or `operator` on, and the program calls what
//! it comes to.

use crate::spanned_json::{self, Json, Node};
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request, storage};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    Budget, Bytes, CallStyle, Component, Constant, Content, Field, Oddity, OddityKind, OpKind,
    Program, Span, Strength, Tensor, Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Program that torch.export saved",
    endings: &[".pt2"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// Element types by their number in `ScalarType`, and the bytes of an element.
const TYPES: [(u64, &str, u64); 15] = [
    (1, "uint8", 1),
    (2, "int8", 1),
    (3, "int16", 2),
    (4, "int32", 4),
    (5, "int64", 8),
    (6, "float16", 2),
    (7, "float32", 4),
    (8, "float64", 8),
    (10, "complex64", 8),
    (11, "complex128", 16),
    (12, "bool", 1),
    (13, "bfloat16", 2),
    (28, "uint16", 2),
    (29, "float8_e4m3fn", 1),
    (30, "float8_e5m2", 1),
];

/// Functions that only compute with numbers and shapes, which exported programs call beside operators.
const PLAIN: [&str; 4] = ["torch.sym_", "math.", "torch._higher_order_ops.", "torch._sym_"];
/// Those of `_operator` that turn data into something that can be called.
const RESOLVING: [&str; 4] = ["attrgetter", "itemgetter", "methodcaller", "call"];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if !zip::is_zip(input) {
        return None;
    }
    let (mut format, mut graph) = (false, false);
    zip::any_name(input, |name| {
        let below = memchr::memchr(b'/', name).and_then(|at| name.get(at.checked_add(1)?..));
        let below = below.unwrap_or_default();
        format |= below == b"archive_format";
        graph |= below.starts_with(b"models/") && below.ends_with(b".json");
        format && graph
    })
    .then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let entries = zip::open(input, &mut content, budget);
    let mut read = BTreeSet::new();
    for entry in &entries {
        let below = entry.below_root();
        let weights = below.strip_prefix("data/").filter(|name| name.ends_with("_config.json"));
        let graph = below.starts_with("models/") && below.ends_with(".json");
        if weights.is_none() && !graph {
            continue;
        }
        let Some(json) = member(input, entry, &mut content, budget) else { continue };
        read.insert(entry.name.clone());
        match weights {
            Some(_) => tensors(input, &entries, entry, &json, &mut content, &mut read),
            None => nodes(entry, &json, &mut content),
        }
    }
    for entry in entries.iter().filter(|entry| !read.contains(&entry.name)) {
        zip::child(input, entry, &mut content, budget);
    }
    crate::names::tell_apart(&mut content.children);
    content
}

/// A member that is JSON; what is wrong with it is noted.
fn member(
    input: Bytes<'_>,
    entry: &Entry,
    content: &mut Content,
    budget: &mut Budget,
) -> Option<Json> {
    let member = zip::data(input, entry, content, budget)?;
    spanned_json::document(member.bytes(), &entry.name, content, budget)
}

/// The tensors that a configuration names, each in a member beside it. A member that is one of them, and of its
/// size, is no file of its own.
fn tensors(
    input: Bytes<'_>,
    entries: &[Entry],
    config: &Entry,
    json: &Json,
    content: &mut Content,
    read: &mut BTreeSet<String>,
) {
    let by_name: BTreeMap<&str, &Entry> =
        entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let folder = config.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let listed = json.get("config").map_or(&[][..], Json::entries);
    for (name, one) in listed {
        let Some(path) = one.text_at("path_name") else { continue };
        let Some(held) = by_name.get(format!("{folder}/{path}").as_str()) else {
            let what = format!("no member holds the tensor `{name}`: `{path}`");
            content.oddities.push(odd(OddityKind::Truncated, name, config.header, what));
            continue;
        };
        // Another kind of value is pickled: a file of its own.
        if one.get("use_pickle").is_some_and(|pickled| pickled.display() == "true") {
            continue;
        }
        let Some(meta) = one.get("tensor_meta") else { continue };
        let shape = sizes(meta.get("sizes"));
        let number = meta.get("dtype").and_then(Json::unsigned).unwrap_or(0);
        let kind = TYPES.iter().find(|(known, _, _)| *known == number);
        let (dtype, bytes) = kind.map_or(("unknown", None), |(_, name, bytes)| (*name, Some(*bytes)));
        let product = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let needed = product.zip(bytes).and_then(|(count, bytes)| count.checked_mul(bytes));
        if needed.is_none_or(|needed| needed > held.size) {
            let what = format!("`{name}` of {dtype} {shape:?} does not fit {} bytes", held.size);
            content.oddities.push(odd(OddityKind::Disagreement, name, held.header, what));
        }
        let whole = needed.is_some_and(|needed| needed == held.size) && held.method == 0;
        let span = whole.then_some(held.data);
        let data = span.and_then(|span| input.at_span(span));
        if data.is_some_and(|data| storage::disguised(data).is_none()) {
            read.insert(held.name.clone());
        }
        content.tensors.push(Tensor { name: name.clone(), dtype: dtype.to_owned(), shape, span, strides: None });
    }
}

fn odd(kind: OddityKind, place: &str, span: Span, what: String) -> Oddity {
    Oddity { kind, place: place.to_owned(), span: Some(span), what }
}

/// Sizes that are numbers; one that is an expression counts as 0.
fn sizes(json: Option<&Json>) -> Vec<u64> {
    let sizes = json.map_or(&[][..], Json::items);
    sizes.iter().map(|size| size.get("as_int").and_then(Json::unsigned).unwrap_or(0)).collect()
}

/// The nodes of every graph in the program, those of its submodules included: operators, and calls of functions.
fn nodes(entry: &Entry, json: &Json, content: &mut Content) {
    for key in ["torch_version", "schema_version"] {
        if let Some(value) = json.get(key) {
            let path = key.to_owned();
            content.fields.push(Field { path, value: value.display(), span: Some(entry.data) });
        }
    }
    let mut todo = vec![json];
    while let Some(json) = todo.pop() {
        if let Some(target) = json.text_at("target") {
            node(entry, target, json, content);
        }
        match &json.node {
            Node::Object(entries) => todo.extend(entries.iter().rev().map(|(_, value)| value)),
            Node::Array(items) => todo.extend(items.iter().rev()),
            _ => {}
        }
    }
}

fn node(entry: &Entry, target: &str, json: &Json, content: &mut Content) {
    let span = if entry.method == 0 { json.span } else { entry.data };
    let name = json.text_at("name").unwrap_or(target).to_owned();
    let place = format!("{} {name}", entry.name);
    let operator = target.strip_prefix("torch.ops.").map(|operator| {
        let (module, class) = operator.split_once('.').unwrap_or(("", operator));
        (module, class.split('.').next().unwrap_or(class))
    });
    let (module, class) = operator.unwrap_or_else(|| target.rsplit_once('.').unwrap_or(("", target)));
    let component = Component {
        kind: if operator.is_some() { "node" } else { "call" },
        name,
        class: class.to_owned(),
        module: Some(module.to_owned()).filter(|module| !module.is_empty()),
        place: place.clone(),
        span: Some(span),
        settings: Vec::new(),
    };
    let plain = PLAIN.iter().any(|known| target.starts_with(known))
        || target.starts_with("_operator.") && !RESOLVING.contains(&class);
    if operator.is_none() && !plain {
        let mut program = Program::of_component(&component, Trigger::Inference, span);
        let (module, name) = (module.to_owned(), class.to_owned());
        let callee = program.step(span, OpKind::Import { module, name });
        let mut arguments = Vec::new();
        for text in json.get("inputs").map_or(&[][..], Json::items) {
            let argument = text.get("arg").and_then(|arg| arg.text_at("as_string"));
            let kind = match argument {
                Some(text) => OpKind::Constant(Constant::Text(text.to_owned())),
                None => OpKind::Opaque { what: "argument".to_owned(), uses: Vec::new() },
            };
            arguments.push(program.step(span, kind));
        }
        let style = CallStyle::Call;
        program.step(span, OpKind::Call { callee, arguments, keywords: Vec::new(), style });
        content.programs.push(program);
    }
    content.components.push(component);
}

#[cfg(test)]
mod tests {
    use crate::testing::{Zip, children, claims, has, oddities, parse, survive};
    use wb_core::OddityKind;

    const CONFIG: &str = r#"{"config": {"w": {"path_name": "weight_0", "is_param": true, "use_pickle": false, "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 3}]}}}}"#;

    fn archive(target: &str, weight: &[u8]) -> Vec<u8> {
        let graph = format!(
            r#"{{"graph_module": {{"graph": {{"nodes": [{{"name": "one", "target": "{target}", "inputs": [{{"arg": {{"as_string": "id"}}}}]}}]}}}}, "torch_version": "2.9.0"}}"#
        );
        Zip::new()
            .stored("m/archive_format", b"pt2")
            .stored("m/models/model.json", graph.as_bytes())
            .stored("m/data/weights/model_weights_config.json", CONFIG.as_bytes())
            .stored("m/data/weights/weight_0", weight)
            .finish()
    }

    #[test]
    fn operators_and_weights_are_read() {
        let bytes = archive("torch.ops.aten.linear.default", &[1; 24]);
        assert_eq!(claims(&bytes), "torch-export (zip)");
        let content = parse("torch-export", &bytes);
        let tensor = &content.tensors[0];
        assert_eq!((&*tensor.name, &*tensor.dtype, &tensor.shape[..]), ("w", "float32", &[2, 3][..]));
        let node = &content.components[0];
        assert_eq!((node.module.as_deref(), &*node.class), (Some("aten"), "linear"));
        assert_eq!((content.programs.len(), oddities(&content).len()), (0, 0));
        assert_eq!(children(&bytes, &content), [("m/archive_format", &b"pt2"[..])]);
    }

    #[test]
    fn a_function_in_place_of_an_operator_is_called() {
        let content = parse("torch-export", &archive("torch.serialization.os.system", &[1; 24]));
        assert_eq!(content.programs.len(), 1);
        for target in ["_operator.add", "math.sqrt", "torch.sym_max"] {
            assert_eq!(parse("torch-export", &archive(target, &[1; 24])).programs.len(), 0, "{target}");
        }
    }

    #[test]
    fn a_weight_of_another_size_or_kind_is_told() {
        let content = parse("torch-export", &archive("torch.ops.aten.relu.default", &[1; 8]));
        assert!(has(&content, OddityKind::Disagreement));
        let pickle = [&b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."[..], &[0; 2]].concat();
        let bytes = archive("torch.ops.aten.relu.default", &pickle);
        let content = parse("torch-export", &bytes);
        assert!(children(&bytes, &content).iter().any(|(name, _)| *name == "m/data/weights/weight_0"));
    }

    #[test]
    fn damage_is_survived() {
        survive("torch-export", &archive("torch.ops.aten.linear.default", &[1; 24]));
    }
}
