use crate::flatbuffer::recipes::{Value, buffer, text};
use crate::testing::{Zip, children, claims, has, oddities, parse, survive};
use wb_core::{OddityKind, OpKind};

const REAL: &[u8] = include_bytes!("../../tests/data/real.tflite");

/// A model with one tensor of this shape in a buffer of `bytes` bytes, and a buffer behind the file.
fn model(shape: Vec<u32>, bytes: usize, offset: u64, operator: u32) -> Vec<u8> {
    let tensor = vec![(0, Value::U32s(shape)), (2, Value::U32(1)), (3, text("w"))];
    let node = vec![(0, Value::U32(operator)), (1, Value::U32s(vec![0])), (2, Value::U32s(vec![0]))];
    let graph = vec![(0, Value::Tables(vec![tensor])), (3, Value::Tables(vec![node]))];
    let far = vec![(1, Value::U64(offset)), (2, Value::U64(16))];
    buffer(b"TFL3", vec![
        (0, Value::U32(3)),
        (1, Value::Tables(vec![vec![(3, Value::U32(9))]])),
        (2, Value::Tables(vec![graph])),
        (4, Value::Tables(vec![vec![], vec![(0, Value::Bytes(vec![0; bytes]))], far])),
    ])
}

#[test]
fn a_model_made_with_the_schema_is_read() {
    assert_eq!(claims(REAL), "tflite");
    let content = parse("tflite", REAL);
    assert_eq!(oddities(&content), [""; 0]);
    let nodes: Vec<String> = content
        .components
        .iter()
        .map(|node| format!("{} {:?} {}", node.class, node.module, node.name))
        .collect();
    assert_eq!(nodes, [
        "FULLY_CONNECTED None output",
        "MyOperator Some(\"custom\") output",
        "ReadFile Some(\"tensorflow\") contents",
    ]);
    let tensors: Vec<String> = content
        .tensors
        .iter()
        .map(|tensor| format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape))
        .collect();
    assert_eq!(tensors, ["weights FLOAT32 [3, 2]", "path STRING [1]"]);
    let value = |path: &str| content.fields.iter().find(|field| field.path == path).map(|field| &*field.value);
    assert_eq!(value("metadata[0].TFLITE_METADATA"), Some("4 bytes"));
}

#[test]
fn an_operator_that_reads_a_file_is_a_program_with_its_path() {
    let content = parse("tflite", REAL);
    let [program] = content.programs.as_slice() else { panic!("one program") };
    let text = |text: &str| {
        program.ops.iter().any(|op| {
            matches!(&op.kind, OpKind::Constant(wb_core::Constant::Text(found)) if found == text)
        })
    };
    assert!(text("/etc/passwd"), "{program:?}");
}

#[test]
fn a_shape_has_to_fit_its_buffer() {
    assert_eq!(oddities(&parse("tflite", &model(vec![2, 3], 24, 0, 0))), [""; 0]);
    assert!(has(&parse("tflite", &model(vec![2, 3], 20, 0, 0)), OddityKind::Disagreement));
    assert!(has(&parse("tflite", &model(vec![2, 3], 24, 1 << 40, 0)), OddityKind::ImpossibleLength));
    assert!(has(&parse("tflite", &model(vec![2, 3], 24, 0, 7)), OddityKind::ImpossibleLength));
}

#[test]
fn metadata_behind_the_model_is_an_archive_and_no_polyglot() {
    let mut bytes = REAL.to_vec();
    let start = u32::try_from(bytes.len()).expect("small");
    let mut zip = Zip::new();
    zip.shift = start;
    bytes.extend(zip.stored("labels.txt", b"cat\ndog\n").finish());
    assert_eq!(claims(&bytes), "tflite (zip)");
    let content = parse("tflite", &bytes);
    assert_eq!(children(&bytes, &content), [("labels.txt", &b"cat\ndog\n"[..])]);
    assert_eq!(oddities(&content), [""; 0]);
}

#[test]
fn a_pickle_behind_the_model_is_told() {
    let mut bytes = model(vec![2, 3], 24, 0, 0);
    bytes.extend(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.");
    assert!(has(&parse("tflite", &bytes), OddityKind::TrailingBytes));
    assert_eq!(parse("tflite", &bytes).children.len(), 1);
}

#[test]
fn damage_is_survived() {
    survive("tflite", REAL);
    survive("tflite", &model(vec![2, 3], 24, 0, 0));
}
