use crate::testing::{claims, gaps, has, oddities, parse, survive};
use wb_core::OddityKind;

fn int(value: i32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn text(text: &str) -> Vec<u8> {
    [int(i32::try_from(text.len()).expect("short")), text.as_bytes().to_vec()].concat()
}

fn class(index: i32, name: &str) -> Vec<u8> {
    [int(4), int(index), text("V 1"), text(name)].concat()
}

/// A matrix of 2 rows and `columns`, in a storage of six numbers.
fn matrix(columns: i64) -> Vec<u8> {
    let longs = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    [
        class(2, "torch.FloatTensor"),
        int(2),
        longs(&[2, columns, columns, 1, 1]),
        class(3, "torch.FloatStorage"),
        longs(&[6]),
        vec![0; 24],
    ]
    .concat()
}

fn module(weight: &[u8]) -> Vec<u8> {
    [class(1, "nn.Linear"), int(3), int(9), int(1), int(2), text("weight"), weight.to_vec()].concat()
}

#[test]
fn modules_and_tensors_are_read() {
    let bytes = module(&matrix(3));
    assert_eq!(claims(&bytes), "torch7");
    let content = parse("torch7", &bytes);
    assert_eq!((&*content.components[0].class, content.components[0].module.as_deref()), ("Linear", Some("nn")));
    let tensor = &content.tensors[0];
    assert_eq!((&*tensor.name, &*tensor.dtype, &tensor.shape[..]), ("object.weight", "Float", &[2, 3][..]));
    assert_eq!(oddities(&content), [""; 0]);
    assert!(has(&parse("torch7", &module(&matrix(4))), OddityKind::ImpossibleLength));
}

#[test]
fn functions_are_named_and_unread() {
    let code = b"\x1bLJ\x02\x0a os.execute id command";
    let function = [int(8), int(2), int(i32::try_from(code.len()).expect("short")), code.to_vec(), int(0)].concat();
    let content = parse("torch7", &module(&function));
    let part = content.components.last().expect("a function");
    assert_eq!((part.kind, &*part.class), ("function", "LuaJIT bytecode, version 2"));
    assert_eq!(gaps(&content), ["the bytecode of `object.weight` is not read"]);
    assert!(content.texts.iter().any(|text| text.value.contains("os.execute")));
}

#[test]
fn objects_that_break_off_or_go_on_say_so() {
    let mut bytes = module(&matrix(3));
    bytes.extend(b"tail");
    assert_eq!(oddities(&parse("torch7", &bytes)), ["trailing-bytes behind the object"]);
    assert!(has(&parse("torch7", &bytes[..60]), OddityKind::Malformed));
    assert_eq!(claims(&[4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, b'x']), "");
}

#[test]
fn an_object_written_by_the_reference_layout_is_read() {
    // `torch.save("x.t7", {epoch = 3, name = "a name of some length"})`
    let bytes = [
        int(3), int(1), int(2), int(2), text("epoch"), int(1), 3_f64.to_le_bytes().to_vec(), int(2), text("name"),
        int(2), text("a name of some length"),
    ]
    .concat();
    assert_eq!(claims(&bytes), "torch7");
    let content = parse("torch7", &bytes);
    assert_eq!((&*content.fields[0].path, &*content.fields[0].value), ("object.name", "a name of some length"));
}

#[test]
fn damage_is_survived() {
    survive("torch7", &module(&matrix(3)));
}
