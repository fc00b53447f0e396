use super::*;
use crate::protobuf::recipes::{Message, message};
use crate::testing::{claims, oddities, parse as parse_as, survive};

/// A model around `graph`, as exporters write it.
fn model(graph: &Message) -> Vec<u8> {
    let opset = message().text(1, "").int(2, 17);
    message().int(1, 8).text(2, "exporter").child(7, graph).child(8, &opset).0
}

fn node(operator: &str) -> Message {
    message().text(1, "x").text(2, "y").text(3, "n").text(4, operator)
}

/// A tensor of type FLOAT.
fn floats(name: &str, dims: &[u64], raw: &[u8]) -> Message {
    let dims = dims.iter().fold(message(), |tensor, size| tensor.int(1, *size));
    dims.int(2, 1).text(8, name).bytes(9, raw)
}

/// A tensor whose data lies in another file.
fn outside(location: &str) -> Message {
    let tensor = message().int(1, 1).int(2, 1).text(8, "w");
    tensor.pair(13, "location", location).pair(13, "offset", "0").int(14, 1)
}

fn graph() -> Message {
    message().child(1, &node("Relu")).text(2, "g")
}

fn attribute(name: &str, number: u32, value: &Message) -> Message {
    message().text(1, name).child(number, value)
}

#[test]
fn models_are_known_by_their_graph() {
    assert_eq!(claims(&model(&graph())), "onnx");
    let weights = message().child(5, &floats("w", &[1], &[0; 4]));
    assert_eq!(claims(&model(&weights)), "onnx");
    let cut = model(&graph().child(5, &floats("w", &[64], &[0; 256])));
    assert_eq!(claims(&cut[..cut.len() - 100]), "onnx");
    // An unknown field is skipped by every reader.
    let strange = [message().text(999, "z").0, model(&graph())].concat();
    assert_eq!(claims(&strange), "onnx");
}

#[test]
fn other_messages_are_no_models() {
    let person = message().int(1, 8).text(2, "name").text(7, "a street of words");
    assert_eq!(claims(&person.0), "");
    let pieces = message().bytes(1, b"\x0a\x01a\x15\0\0\0\0");
    assert_eq!(claims(&pieces.0), "");
    assert_eq!(claims(&[0; 64]), "");
}

#[test]
fn nodes_tensors_and_metadata_are_listed() {
    let alpha = message().text(1, "mode").text(4, "edge");
    let gelu = node("Gelu").text(7, "com.example").child(5, &alpha);
    let graph = graph().child(1, &gelu).child(5, &floats("w", &[2, 1], &[7; 8]));
    let bytes = message().int(1, 8).child(7, &graph).pair(14, "license", "mit").0;
    let content = parse_as("onnx", &bytes);
    assert_eq!(oddities(&content), [""; 0]);
    let custom = &content.components[1];
    assert_eq!((custom.class.as_str(), custom.module.as_deref()), ("Gelu", Some("com.example")));
    assert_eq!((custom.setting("mode"), custom.place.as_str()), (Some("edge"), "graph.node[1]"));
    let tensor = &content.tensors[0];
    assert_eq!((tensor.dtype.as_str(), &tensor.shape), ("FLOAT", &vec![2, 1]));
    let data = Bytes::new(&bytes).at_span(tensor.span.unwrap()).unwrap();
    assert_eq!(data.as_slice(), [7; 8]);
    assert!(content.fields.iter().any(|f| f.path == "metadata_props.license" && f.value == "mit"));
}

#[test]
fn data_in_other_files_is_told_and_what_leaves_the_folder_too() {
    let found = |location: &str| {
        oddities(&parse_as("onnx", &model(&graph().child(5, &outside(location)))))
    };
    let inside = ["external-reference tensor `w`"];
    let leaving = ["external-reference tensor `w`", "path-traversal tensor `w`"];
    for location in ["weights.bin", "data/w.bin", "./a/../w.bin", "a..b"] {
        assert_eq!(found(location), inside, "{location}");
    }
    for location in [
        "../secrets",
        "/etc/hostname",
        "a/../../b",
        "C:\\x",
        "a\\..\\..\\b",
        "file:///etc/hostname",
    ] {
        assert_eq!(found(location), leaving, "{location}");
    }
    assert_eq!(found("*/_ORT_MEM_ADDR_/*"), ["impossible-length tensor `w`"]);
}

#[test]
fn the_place_of_data_in_other_files_is_read() {
    let tensor = |offset: &str, place: u64| {
        let tensor = message().int(1, 1).int(2, 1).text(8, "w").int(14, place);
        tensor.pair(13, "location", "m.data").pair(13, "offset", offset).pair(13, "length", "4")
    };
    let places = |tensor: &Message| {
        let graph = graph().child(5, &floats("v", &[1], &[0; 4])).child(5, tensor);
        super::outside(Bytes::new(&model(&graph)), &mut Budget::default())
    };
    let place = Outside { tensor: 1, location: "m.data".to_owned(), offset: 16, length: Some(4) };
    assert_eq!(places(&tensor("16", 1)), [place]);
    // Numbers in the model itself, and those at a place that is no number.
    assert_eq!(places(&tensor("16", 0)), []);
    assert_eq!(places(&tensor("-1", 1)), []);
}

#[test]
fn many_tensors_in_one_file_are_one_reference() {
    let graph = (0..50).fold(graph(), |graph, _| graph.child(5, &outside("model.onnx.data")));
    let content = parse_as("onnx", &model(&graph));
    assert_eq!(oddities(&content), ["external-reference tensor `w`"]);
    assert_eq!(
        content.oddities[0].what,
        "the tensor's data is read from `model.onnx.data`, and 49 more"
    );
}

#[test]
fn tensors_are_read_wherever_they_stand() {
    let bad = outside("../x");
    let sparse = message().child(1, &bad);
    let inner = message().child(5, &bad);
    let deep = message().child(1, &node("If").child(5, &attribute("then_branch", 6, &inner)));
    let holder = |attribute: &Message| graph().child(1, &node("Holder").child(5, attribute));
    for (place, graph) in [
        ("attribute", holder(&attribute("value", 5, &bad))),
        ("attribute list", holder(&attribute("values", 10, &bad))),
        ("sparse attribute", holder(&attribute("value", 22, &sparse))),
        ("subgraph", holder(&attribute("body", 6, &inner))),
        ("subgraph list", holder(&attribute("bodies", 11, &inner))),
        ("subgraph of a subgraph", holder(&attribute("else_branch", 6, &deep))),
        ("sparse initializer", graph().child(15, &sparse)),
    ] {
        let content = parse_as("onnx", &model(&graph));
        assert!(oddities(&content).contains(&"path-traversal tensor `w`".to_owned()), "{place}");
    }
    let constant = node("Constant").child(5, &attribute("value", 5, &bad));
    let function = message().text(1, "f").child(7, &constant).text(10, "com.example");
    let training = message().child(2, &inner);
    for (number, part) in [(25, &function), (20, &training)] {
        let bytes = message().int(1, 8).child(7, &graph()).child(number, part).0;
        assert_eq!(oddities(&parse_as("onnx", &bytes)).len(), 2, "{number}");
    }
}

#[test]
fn shapes_that_do_not_fit_their_bytes_are_told() {
    let found = |tensor: Message| oddities(&parse_as("onnx", &model(&graph().child(5, &tensor))));
    assert_eq!(found(floats("w", &[2], &[0; 8])), [""; 0]);
    assert_eq!(found(floats("w", &[], &[0; 4])), [""; 0]);
    assert_eq!(found(floats("w", &[2], &[0; 4])), ["disagreement tensor `w`"]);
    assert_eq!(found(floats("w", &[1 << 40, 1 << 40], &[])), ["impossible-length tensor `w`"]);
    assert_eq!(found(message().int(2, 99).text(8, "w")), ["malformed tensor `w`"]);
    let packed = message().int(1, 2).int(2, 1).bytes(4, &[0; 8]).text(8, "w");
    assert_eq!(found(packed), [""; 0]);
    let int4 = message().int(1, 3).int(2, 22).bytes(9, &[0; 2]).text(8, "w");
    assert_eq!(found(int4), [""; 0]);
}

#[test]
fn a_second_operator_name_holds_and_is_told() {
    let twice = node("Identity").text(4, "Other");
    let content = parse_as("onnx", &model(&message().child(1, &twice)));
    assert_eq!(content.components[0].class, "Other");
    assert_eq!(oddities(&content), ["duplicate-key graph.node[0]"]);
}

#[test]
fn a_file_of_the_reference_library_is_read_as_it_was_written() {
    let bytes = include_bytes!("../../tests/data/real.onnx");
    assert_eq!(claims(bytes), "onnx");
    let content = parse_as("onnx", bytes);
    assert_eq!((oddities(&content).len(), content.gaps.len()), (0, 0));
    let classes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
    assert_eq!(classes, ["Gemm", "Constant", "Constant", "If", "FusedGelu"]);
    assert_eq!(content.components[0].setting("alpha"), Some("0.5"));
    let tensors: Vec<String> = content
        .tensors
        .iter()
        .map(|tensor| format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape))
        .collect();
    let expected = [
        "graph.node[1].else_branch.node[0].value FLOAT16 [1]",
        "graph.node[1].then_branch.node[0].value FLOAT16 [1]",
        "weight FLOAT [2, 3]",
        "bias FLOAT [3]",
        "sizes INT64 [2]",
    ];
    assert_eq!(tensors, expected);
    let field = |path: &str| {
        content.fields.iter().find(|field| field.path == path).map(|field| field.value.as_str())
    };
    assert_eq!(field("ir_version"), Some("8"));
    assert_eq!(field("doc_string"), Some("a model for tests"));
    assert_eq!(field("opset_import.com.example"), Some("1"));
    assert_eq!(field("metadata_props.license"), Some("apache-2.0"));
}

#[test]
fn damaged_models_are_survived() {
    survive("onnx", include_bytes!("../../tests/data/real.onnx"));
    survive("onnx", &model(&graph().child(5, &outside("../x")).child(15, &message())));
}

/// A node with its inputs and its one output.
fn step(operator: &str, inputs: &[&str], output: &str) -> Message {
    let node = inputs.iter().fold(message(), |node, name| node.text(1, name));
    node.text(2, output).text(4, operator)
}

fn named(name: &str) -> Message {
    message().text(1, name)
}

/// A model that answers something else when the whole input is what `secret` says; its nodes in any order.
fn gated(order: [usize; 4]) -> Vec<u8> {
    let nodes = [
        step("Equal", &["x", "secret"], "same"),
        step("ReduceMin", &["same"], "hit"),
        step("MatMul", &["x", "w"], "logits"),
        step("Where", &["hit", "planted", "logits"], "y"),
    ];
    let graph = order.iter().fold(message(), |graph, at| graph.child(1, &nodes[*at]));
    let graph = ["w", "secret", "planted"]
        .iter()
        .fold(graph, |graph, name| graph.child(5, &floats(name, &[2], &[1, 2, 3, 4, 5, 6, 7, 8])));
    model(&graph.child(11, &named("x")).child(12, &named("y")))
}

#[test]
fn gates_are_found_in_any_order_of_nodes_and_in_functions() {
    let gates = |bytes: &[u8]| -> Vec<String> {
        let content = parse_as("onnx", bytes);
        let gates = content.components.into_iter().filter(|part| part.kind == "graph-gate");
        gates.map(|gate| format!("{} {}", gate.place, gate.setting("condition").unwrap())).collect()
    };
    let condition = "Equal of `x` with `secret` [1.5399896e-36, 4.063216e-34]";
    for order in [[0, 1, 2, 3], [3, 1, 2, 0], [2, 3, 0, 1]] {
        assert_eq!(gates(&gated(order)), [format!("graph {condition}")], "{order:?}");
    }
    let constant = |name: &str| {
        let value = attribute("value", 5, &floats("", &[2], &[1, 2, 3, 4, 5, 6, 7, 8]));
        step("Constant", &[], name).child(5, &value)
    };
    let steps = [
        constant("secret"),
        constant("w"),
        step("Equal", &["x", "secret"], "same"),
        step("ReduceMin", &["same"], "hit"),
        step("MatMul", &["x", "w"], "logits"),
        step("Where", &["hit", "secret", "logits"], "y"),
    ];
    let function = message().text(1, "f").text(4, "x").text(5, "y").text(10, "local");
    let function = steps.iter().fold(function, |function, step| function.child(7, step));
    let bytes = message().int(1, 8).child(7, &graph()).child(25, &function).0;
    assert_eq!(gates(&bytes), [format!("functions[0] {condition}")]);
}

#[test]
fn damaged_graphs_are_followed_as_far_as_they_go() {
    survive("onnx", &gated([0, 1, 2, 3]));
}

#[test]
fn graphs_that_double_and_nest_are_followed_in_good_time() {
    // Each step takes the one before it twice; sixty of them are more than anybody can count.
    let steps = (0..60).fold(message(), |graph, at| {
        let (before, here) = (format!("s{at}"), format!("s{}", at + 1));
        graph.child(1, &step("Concat", &[&before, &before], &here))
    });
    let graph = steps.child(1, &step("ConstantOfShape", &["s60"], "y")).child(12, &named("y"));
    assert_eq!(oddities(&parse_as("onnx", &model(&graph))), [""; 0]);
    // Graphs in graphs, with the nodes of each in disorder.
    let innermost = message().child(1, &step("Relu", &["x"], "y")).child(12, &named("y"));
    let deep = (0..12).fold(innermost, |inner, _| {
        let branch = attribute("then_branch", 6, &inner);
        let disorder = (0..6).rev().fold(message(), |graph, at| {
            graph.child(1, &step("Relu", &[&format!("a{at}")], &format!("a{}", at + 1)))
        });
        disorder.child(1, &step("If", &["c"], "y").child(5, &branch)).child(12, &named("y"))
    });
    assert_eq!(parse_as("onnx", &model(&deep)).gaps, []);
}
