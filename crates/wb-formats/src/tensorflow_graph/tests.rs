use crate::protobuf::recipes::{Message, message};
use crate::tensorflow::recipes::{
    constant, entry, function, graph, node, programs, with_function, with_text,
};
use crate::testing::{claims, oddities, parse, survive};
use wb_core::Bytes;

fn lifted(nodes: &[Message]) -> Vec<String> {
    programs(&parse("tensorflow-graph", &graph(nodes).0))
}

#[test]
fn graphs_are_known_by_their_nodes() {
    assert_eq!(claims(&graph(&[node("x", "Placeholder", &[])]).0), "tensorflow-graph");
    let sum = [node("x", "Placeholder", &[]), node("y", "Add", &["x", "x"])];
    assert_eq!(claims(&graph(&sum).0), "tensorflow-graph");
    assert_eq!(claims(&node("x", "Placeholder", &[]).0), "");
    let pairs = message().pair(1, "a", "b").pair(1, "c", "d");
    assert_eq!(claims(&pairs.0), "");
    let pieces = message().bytes(1, b"\x0a\x01a\x15\0\0\0\0").bytes(1, b"\x0a\x01b\x15\0\0\0\0");
    assert_eq!(claims(&pieces.0), "");
}

#[test]
fn files_that_operations_read_and_write_are_lifted() {
    let nodes = [
        constant("path", &["/etc/hostname"]),
        constant("out", &["/tmp/x"]),
        node("same", "Identity", &["path"]),
        node("read", "ReadFile", &["same:0"]),
        node("write", "WriteFile", &["out", "read", "^same"]),
        node("any", "ReadFile", &["x"]),
    ];
    let expected = [
        "graph_def.node[3] inference ReadFile(/etc/hostname)",
        "graph_def.node[4] inference WriteFile(/tmp/x, ?)",
        "graph_def.node[5] inference ReadFile(?)",
    ];
    assert_eq!(lifted(&nodes), expected);
}

#[test]
fn strings_are_put_together() {
    let join = with_text(node("path", "StringJoin", &["a", "b"]), "separator", "/");
    let nodes = [
        constant("a", &["/etc"]),
        constant("b", &["passwd"]),
        join,
        node("read", "ReadFile", &["path"]),
    ];
    assert_eq!(lifted(&nodes), ["graph_def.node[3] inference ReadFile(/etc/passwd)"]);
}

#[test]
fn python_is_lifted_and_printing_only_into_files() {
    let python = with_text(node("f", "PyFunc", &[]), "token", "pyfunc_0");
    assert_eq!(lifted(&[python]), ["graph_def.node[0] inference PyFunc(pyfunc_0)"]);
    let print = |stream| with_text(node("p", "PrintV2", &["x"]), "output_stream", stream);
    assert_eq!(lifted(&[print("stderr")]), [""; 0]);
    assert_eq!(lifted(&[print("file:///tmp/x")]).len(), 1);
}

#[test]
fn readers_of_data_are_lifted_when_the_path_leaves_the_model() {
    let reader = |path| {
        let table = node("init", "InitializeTableFromTextFileV2", &["table", "path"]);
        lifted(&[constant("path", &[path]), table]).len()
    };
    assert_eq!((reader("vocabulary.txt"), reader("/etc/passwd"), reader("../x")), (0, 1, 1));
}

#[test]
fn nodes_in_functions_are_found_with_what_their_callers_hand_them() {
    let inner = [node("read", "ReadFile", &["name"])];
    let call = node("call", "PartitionedCall", &["path"]);
    let nodes = [constant("path", &["/etc/hostname"]), with_function(call, "f", "steal")];
    let library = message().child(1, &function("steal", &["name"], &inner));
    let content = parse("tensorflow-graph", &graph(&nodes).child(2, &library).0);
    let expected = ["graph_def.library.steal.node[0] inference ReadFile(/etc/hostname)"];
    assert_eq!(programs(&content), expected);
    assert_eq!(content.components.len(), 3);
    assert_eq!(claims(&message().child(2, &library).0), "tensorflow-graph");
}

#[test]
fn functions_that_call_each_other_end() {
    let call = |to| with_function(node("c", "PartitionedCall", &["x"]), "f", to);
    let library = message()
        .child(1, &function("a", &["x"], &[call("b"), node("r", "ReadFile", &["x"])]))
        .child(1, &function("b", &["x"], &[call("a")]));
    let loops = [node("i", "Identity", &["i"]), node("r", "ReadFile", &["i"])];
    let content = parse("tensorflow-graph", &graph(&loops).child(2, &library).0);
    assert_eq!(programs(&content).len(), 2);
}

#[test]
fn constants_are_tensors_and_have_to_fit() {
    let tensor = |raw: &[u8]| {
        let shape = message().child(2, &message().int(1, 2));
        let value = message().int(1, 1).child(2, &shape).bytes(4, raw);
        let node = node("w", "Const", &[]).child(5, &entry("value", &message().child(8, &value)));
        graph(&[node]).0
    };
    let bytes = tensor(&[1; 8]);
    let content = parse("tensorflow-graph", &bytes);
    assert_eq!(oddities(&content), [""; 0]);
    let weight = &content.tensors[0];
    assert_eq!((weight.dtype.as_str(), &weight.shape), ("float", &vec![2]));
    let data = Bytes::new(&bytes).at_span(weight.span.unwrap()).unwrap();
    assert_eq!(data.as_slice(), [1; 8]);
    let cut = parse("tensorflow-graph", &tensor(&[1; 4]));
    assert_eq!(oddities(&cut), ["disagreement graph_def.node[0].value"]);
}

#[test]
fn the_last_name_of_an_operation_holds() {
    let twice = node("r", "NoOp", &[]).text(2, "ReadFile");
    let content = parse("tensorflow-graph", &graph(&[twice]).0);
    assert_eq!(programs(&content), ["graph_def.node[0] inference ReadFile()"]);
    assert_eq!(oddities(&content), ["duplicate-key graph_def.node[0]"]);
}

#[test]
fn damaged_graphs_are_survived() {
    let nodes = [constant("p", &["/etc/hostname"]), node("r", "ReadFile", &["p"])];
    let library = message().child(1, &function("f", &["x"], &nodes));
    survive("tensorflow-graph", &graph(&nodes).child(2, &library).0);
}
