//! Recipes of graphs for tests.

use crate::protobuf::recipes::{Message, message};
use wb_core::{Constant, Content, OpKind, Trigger};

/// An entry of a map.
pub(crate) fn entry(key: &str, value: &Message) -> Message {
    message().text(1, key).child(2, value)
}

/// A node with its inputs.
pub(crate) fn node(name: &str, operation: &str, inputs: &[&str]) -> Message {
    let node = message().text(1, name).text(2, operation);
    inputs.iter().fold(node, |node, input| node.text(3, input))
}

/// A node of string constants.
pub(crate) fn constant(name: &str, values: &[&str]) -> Message {
    let tensor = values.iter().fold(message().int(1, 7), |tensor, value| tensor.text(8, value));
    node(name, "Const", &[]).child(5, &entry("value", &message().child(8, &tensor)))
}

/// A node with a string attribute.
pub(crate) fn with_text(node: Message, key: &str, value: &str) -> Message {
    node.child(5, &entry(key, &message().text(2, value)))
}

/// A node with an attribute that names a function.
pub(crate) fn with_function(node: Message, key: &str, function: &str) -> Message {
    node.child(5, &entry(key, &message().child(10, &message().text(1, function))))
}

/// A graph of nodes, with its versions.
pub(crate) fn graph(nodes: &[Message]) -> Message {
    let graph = nodes.iter().fold(message(), |graph, node| graph.child(1, node));
    graph.child(4, &message().int(1, 1_000).int(2, 12))
}

/// A function with its arguments.
pub(crate) fn function(name: &str, arguments: &[&str], nodes: &[Message]) -> Message {
    let signature = arguments.iter().fold(message().text(1, name), |signature, argument| {
        signature.child(2, &message().text(1, argument).int(3, 7))
    });
    nodes.iter().fold(message().child(1, &signature), |function, node| function.child(3, node))
}

/// Programs as `place trigger NAME(arguments)`.
pub(crate) fn programs(content: &Content) -> Vec<String> {
    let shown = content.programs.iter().map(|program| {
        let mut name = "";
        let mut values = Vec::new();
        for op in &program.ops {
            match &op.kind {
                OpKind::Import { module, name: imported } => {
                    assert_eq!(module, "tensorflow.raw_ops");
                    name = imported;
                }
                OpKind::Constant(Constant::Text(text)) => values.push(text.as_str()),
                OpKind::Opaque { .. } => values.push("?"),
                _ => {}
            }
        }
        let when = match program.trigger {
            Trigger::Load => "load",
            _ => "inference",
        };
        format!("{} {when} {name}({})", program.place, values.join(", "))
    });
    shown.collect()
}
