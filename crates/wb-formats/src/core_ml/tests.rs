use crate::protobuf::recipes::{Message, message};
use crate::testing::{claims, has, oddities, parse, survive};
use wb_core::OddityKind;

const NETWORK: &[u8] = include_bytes!("../../tests/data/real-network.mlmodel");
const PROGRAM: &[u8] = include_bytes!("../../tests/data/real-program.mlmodel");

fn model(number: u32, inner: &Message) -> Vec<u8> {
    let input = message().text(1, "image").child(3, &message().child(2, &message()));
    message().int(1, 4).child(2, &message().child(1, &input)).child(number, inner).0
}

fn nodes(bytes: &[u8]) -> Vec<String> {
    let content = parse("core-ml", bytes);
    let node = |node: &wb_core::Component| format!("{} {:?} {}", node.class, node.module, node.name);
    content.components.iter().map(node).collect()
}

#[test]
fn layers_that_coremltools_wrote_are_read() {
    assert_eq!(claims(NETWORK), "core-ml");
    assert_eq!(nodes(NETWORK), ["innerProduct None dense", "MySpawn Some(\"custom\") mine"]);
    let content = parse("core-ml", NETWORK);
    assert_eq!(content.components[1].setting("command"), Some("id"));
    let value = |path: &str| content.fields.iter().find(|field| field.path == path).map(|field| &*field.value);
    assert_eq!(value("model.metadata.author"), Some("weighbridge"));
    assert_eq!(value("model.metadata.userDefined.source"), Some("tests"));
    assert_eq!(oddities(&content), [""; 0]);
}

#[test]
fn operations_of_programs_are_read() {
    assert_eq!(claims(PROGRAM), "core-ml");
    assert!(nodes(PROGRAM).contains(&"relu None y_cast_fp16".to_owned()), "{:?}", nodes(PROGRAM));
    assert_eq!(oddities(&parse("core-ml", PROGRAM)), [""; 0]);
}

#[test]
fn a_linked_model_is_a_file_outside() {
    let text = |text: &str| message().text(1, text);
    let file = |name: &str, path: &str| message().child(1, &message().child(1, &text(name)).child(2, &text(path)));
    let inside = parse("core-ml", &model(556, &file("other.mlmodelc", "$BUNDLE_RESOURCEPATH:$BUNDLE_MAINPATH")));
    assert!(has(&inside, OddityKind::ExternalReference) && !has(&inside, OddityKind::PathTraversal));
    let outside = parse("core-ml", &model(556, &file("../other.mlmodelc", "/tmp")));
    assert_eq!(outside.oddities.iter().filter(|odd| odd.kind == OddityKind::PathTraversal).count(), 2);
}

#[test]
fn weights_of_a_program_lie_in_its_package() {
    let value = |name: &str| {
        let blob = message().child(5, &message().text(1, name));
        let attribute = message().text(1, "val").child(2, &blob);
        let operation = message().text(1, "const").child(5, &attribute);
        let block = message().text(1, "CoreML5").child(2, &message().child(3, &operation));
        let function = message().text(1, "main").child(2, &message().child(3, &block));
        parse("core-ml", &model(502, &message().child(2, &function)))
    };
    assert!(!has(&value("@model_path/weights/weight.bin"), OddityKind::PathTraversal));
    assert!(has(&value("@model_path/../../secret"), OddityKind::PathTraversal));
}

#[test]
fn other_messages_are_none() {
    assert_eq!(claims(&message().int(1, 4).text(2, "text").child(500, &message()).0), "");
}

#[test]
fn damage_is_survived() {
    survive("core-ml", NETWORK);
    survive("core-ml", PROGRAM);
}
