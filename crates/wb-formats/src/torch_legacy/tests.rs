use crate::testing::{children, claims, oddities, parse, survive};
use wb_core::Span;

/// A model of one float tensor `w` with three elements, as `torch.save` wrote it before 1.6.
fn model() -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    bytes.extend(b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(");
    bytes.extend(b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x02\0\0\x0077X\x03\0\0\0cpuK\x03NtQ");
    bytes.extend(b"K\0K\x03\x85K\x01\x85\x89}tRs.");
    bytes.extend(b"\x80\x02]X\x02\0\0\x0077a.");
    bytes.extend(3_u64.to_le_bytes());
    bytes.extend([5; 12]);
    bytes
}

#[test]
fn tensors_lie_behind_the_pickles() {
    let bytes = model();
    assert_eq!(claims(&bytes), "torch-legacy (pickle)");
    let content = parse("torch-legacy", &bytes);
    assert_eq!(content.programs.len(), 5);
    assert_eq!(content.tensors[0].name, "w");
    assert_eq!(content.tensors[0].span, Some(Span::new(bytes.len() as u64 - 12, 12)));
    assert_eq!((oddities(&content), children(&bytes, &content)), (vec![], vec![]));
}

#[test]
fn bytes_behind_the_storages_are_told() {
    let mut bytes = model();
    bytes.extend(b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.");
    let content = parse("torch-legacy", &bytes);
    assert_eq!(oddities(&content), ["trailing-bytes bytes after the storages"]);
    assert_eq!(claims(children(&bytes, &content)[0].1), "pickle");
}

#[test]
fn a_file_that_is_cut_keeps_its_programs() {
    let bytes = model();
    let content = parse("torch-legacy", &bytes[..bytes.len() - 4]);
    assert_eq!((content.programs.len(), content.tensors.len()), (5, 1));
    assert!(oddities(&content).contains(&"truncated storage 77".to_owned()));
}

#[test]
fn damage_is_survived() {
    survive("torch-legacy", &model());
}
