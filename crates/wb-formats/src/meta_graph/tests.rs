use crate::protobuf::recipes::{Message, message};
use crate::tensorflow::recipes::{constant, entry, graph, node, programs};
use crate::testing::{claims, oddities, parse, survive};

fn meta(extra: &Message) -> Vec<u8> {
    let information = message().text(4, "serve").text(5, "2.15.0");
    let nodes = [
        constant("path", &["/etc/hostname"]),
        node("read", "ReadFile", &["path"]),
        node("table", "InitializeTableFromTextFileV2", &["t", "path"]),
        node("init", "NoOp", &["^read"]),
    ];
    let mut meta = message().child(1, &information).child(2, &graph(&nodes)).0;
    meta.extend(&extra.0);
    meta
}

#[test]
fn the_graph_of_a_checkpoint_is_read() {
    let bytes = meta(&message());
    assert_eq!(claims(&bytes), "meta-graph");
    let content = parse("meta-graph", &bytes);
    let expected = [
        "graph_def.node[1] inference ReadFile(/etc/hostname)",
        "graph_def.node[2] inference InitializeTableFromTextFileV2(?, /etc/hostname)",
    ];
    assert_eq!(programs(&content), expected);
    assert!(content.fields.iter().any(|f| f.path.ends_with("tags") && f.value == "serve"));
}

#[test]
fn what_an_initialiser_needs_runs_when_the_model_is_loaded() {
    let names = message().child(1, &message().text(1, "init"));
    let collection = message().child(4, &entry("saved_model_main_op", &names));
    let content = parse("meta-graph", &meta(&collection));
    assert!(programs(&content)[0].contains(" load ReadFile"));
    let other = message().child(4, &entry("losses", &names));
    assert!(programs(&parse("meta-graph", &meta(&other)))[0].contains(" inference "));
}

#[test]
fn assets_replace_constants_and_lie_in_the_model() {
    let tensor = message().text(1, "path:0");
    let asset = |name| message().child(6, &message().child(1, &tensor).text(2, name));
    let content = parse("meta-graph", &meta(&asset("vocabulary.txt")));
    assert_eq!(programs(&content), ["graph_def.node[1] inference ReadFile(?)"]);
    assert_eq!(oddities(&content), [""; 0]);
    let outside = parse("meta-graph", &meta(&asset("../../x")));
    assert_eq!(oddities(&outside), ["path-traversal asset_file_def"]);
}

#[test]
fn damaged_graphs_are_survived() {
    survive("meta-graph", &meta(&message()));
}
