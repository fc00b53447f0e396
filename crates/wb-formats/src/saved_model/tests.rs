use crate::protobuf::recipes::{Message, message};
use crate::tensorflow::recipes::{
    constant, entry, function, graph, node, programs, with_function,
};
use crate::testing::{claims, oddities, parse, survive};

fn saved(graph: &Message, extra: &Message) -> Vec<u8> {
    let mut meta = message().child(1, &message().text(4, "serve")).child(2, graph);
    meta.0.extend(&extra.0);
    message().int(1, 1).child(2, &meta).0
}

/// What every saved model has: a function that saves and one that restores.
fn ordinary() -> Message {
    let save = [
        constant("suffix", &["/part"]),
        node("path", "StringJoin", &["file_prefix", "suffix"]),
        node("save", "SaveV2", &["path", "names", "slices", "w"]),
        node("merge", "MergeV2Checkpoints", &["path", "file_prefix"]),
        node("check", "Assert", &["c", "d"]),
    ];
    let restore = [node("restore", "RestoreV2", &["file_prefix", "names", "slices"])];
    let library = message()
        .child(1, &function("save", &["file_prefix"], &save))
        .child(1, &function("restore", &["file_prefix"], &restore));
    graph(&[node("saver_filename", "Placeholder", &[])]).child(2, &library)
}

/// A function that writes a file, called by `init`.
fn writing() -> Message {
    let write = [
        constant("path", &["/etc/cron.d/x"]),
        constant("text", &["id"]),
        node("write", "WriteFile", &["path:output:0", "text:output:0"]),
    ];
    let call = with_function(node("init", "StatefulPartitionedCall", &[]), "f", "setup");
    graph(&[call]).child(2, &message().child(1, &function("setup", &[], &write)))
}

#[test]
fn an_ordinary_model_has_no_program() {
    let bytes = saved(&ordinary(), &message());
    assert_eq!(claims(&bytes), "saved-model");
    let content = parse("saved-model", &bytes);
    assert_eq!((programs(&content), oddities(&content)), (vec![], vec![]));
    let classes: Vec<&str> = content.components.iter().map(|node| node.class.as_str()).collect();
    assert!(classes.contains(&"MergeV2Checkpoints"), "{classes:?}");
}

#[test]
fn a_function_that_writes_a_file_is_lifted() {
    let place = "meta_graphs[0].graph_def.library.setup.node[2]";
    let expected = format!("{place} inference WriteFile(/etc/cron.d/x, id)");
    assert_eq!(programs(&parse("saved-model", &saved(&writing(), &message()))), [expected]);
}

#[test]
fn what_the_initialiser_calls_runs_when_the_model_is_loaded() {
    let tensor = message().text(1, "init:0");
    let signature = |key| {
        let outputs = message().child(2, &entry("__saved_model_init_op", &tensor));
        message().child(5, &entry(key, &outputs))
    };
    let found = |key| programs(&parse("saved-model", &saved(&writing(), &signature(key))));
    assert!(found("__saved_model_init_op")[0].contains(" load WriteFile"));
    assert!(found("serving_default")[0].contains(" inference WriteFile"));
}

#[test]
fn damaged_models_are_survived() {
    survive("saved-model", &saved(&writing(), &message()));
}
