use crate::testing::{Zip, children, claims, has, oddities, parse, parse_file, survive};
use wb_core::{OddityKind, Span, Strides};

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

const FLOATS: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
const OBJECTS: &str = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";

#[test]
fn an_array_is_a_tensor() {
    let bytes = npy(FLOATS, &[0; 24]);
    assert_eq!(claims(&bytes), "npy");
    let content = parse_file("npy", "weights/dense.npy", &bytes);
    let tensor = &content.tensors[0];
    assert_eq!((tensor.name.as_str(), tensor.dtype.as_str()), ("dense", "<f4"));
    assert_eq!(tensor.shape, [2, 3]);
    assert_eq!(tensor.span, Some(Span::new(bytes.len() as u64 - 24, 24)));
    assert_eq!((oddities(&content), content.children.len()), (vec![], 0));
}

#[test]
fn an_array_in_the_order_of_fortran_lies_column_by_column() {
    let strides = |header: &str| parse("npy", &npy(header, &[0; 24])).tensors[0].strides.clone();
    let columns = FLOATS.replace("False", "True");
    assert_eq!(strides(&columns), Some(Strides { first: 0, steps: vec![1, 2] }));
    assert_eq!(strides(FLOATS), None);
    // One column is one row too.
    assert_eq!(strides(&columns.replace("(2, 3)", "(1, 6)")), None);
}

#[test]
fn objects_are_a_pickle() {
    let nested = "{'descr': [('a', '<f4'), ('b', [('c', 'O')])], 'fortran_order': False, 'shape': (1,)}";
    for header in [OBJECTS, nested] {
        let bytes = npy(header, b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.");
        let content = parse("npy", &bytes);
        assert_eq!(claims(children(&bytes, &content)[0].1), "pickle", "{header}");
    }
    // A field that is only called `O` is none.
    let named = "{'descr': [('O', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    assert_eq!(parse("npy", &npy(named, &[0; 4])).children.len(), 0);
}

#[test]
fn sizes_that_do_not_fit() {
    let bytes = npy(FLOATS, &[0; 20]);
    assert!(has(&parse("npy", &bytes), OddityKind::Truncated));
    let bytes = npy(FLOATS, &[0; 30]);
    let content = parse("npy", &bytes);
    assert!(has(&content, OddityKind::TrailingBytes));
    assert_eq!(children(&bytes, &content), [("bytes after the array", &[0; 6][..])]);
    let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 9), }";
    assert!(has(&parse("npy", &npy(huge, b"")), OddityKind::ImpossibleLength));
    assert!(has(&parse("npy", &npy("__import__('os')", b"")), OddityKind::Malformed));
    let order = FLOATS.replace("False", "'yes'");
    assert!(has(&parse("npy", &npy(&order, &[0; 24])), OddityKind::Malformed));
    assert!(!has(&parse("npy", &npy(FLOATS, &[0; 24])), OddityKind::Malformed));
    assert!(has(&parse("npy", &npy(&"[".repeat(40_000), b"")), OddityKind::Malformed));
}

#[test]
fn an_npz_names_its_arrays() {
    let floats = npy(FLOATS, &[0; 24]);
    let bytes = Zip::new().stored("dense.npy", &floats).deflated("bias.npy", &floats).finish();
    assert_eq!(claims(&bytes), "npz (zip)");
    let content = parse("npz", &bytes);
    let names: Vec<(&str, bool)> =
        content.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.span.is_some())).collect();
    assert_eq!(names, [("dense", true), ("bias", false)]);
    assert_eq!((oddities(&content), content.children.len()), (vec![], 0));
}

#[test]
fn an_npz_with_objects_has_children() {
    let objects = npy(OBJECTS, b"\x80\x02N.");
    let bytes = Zip::new().deflated("labels.npy", &objects).finish();
    // As opcodes the archive's mark is a persistent id up to the end of the header: no file of two formats.
    let stored = npy(OBJECTS, b"\x80\x02ccollections\nOrderedDict\n)R.");
    assert_eq!(claims(&Zip::new().stored("a.npy", &stored).finish()), "npz (zip) (pickle)");
    let content = parse("npz", &bytes);
    assert_eq!(children(&bytes, &content), [("labels.npy", &objects[..])]);
    // With anything else inside it is an ordinary archive.
    let mixed = Zip::new().stored("labels.npy", &objects).stored("x.pkl", b"\x80\x02N.").finish();
    assert_eq!(claims(&mixed), "zip");
}

#[test]
fn damage_is_survived() {
    survive("npy", &npy(FLOATS, &[0; 24]));
    survive("npz", &Zip::new().stored("a.npy", &npy(FLOATS, &[0; 24])).finish());
}
