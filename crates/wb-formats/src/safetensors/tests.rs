use super::*;
use wb_core::ArtifactPath;

/// A file with that header, padded to eight bytes as the reference writer does, and `data` zeros.
fn file(header: &str, data: usize) -> Vec<u8> {
    let padded = format!("{header:<width$}", width = header.len().div_ceil(8) * 8);
    let mut bytes = (padded.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(padded.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn read(bytes: &[u8]) -> Content {
    let path = ArtifactPath::from("m.safetensors");
    parse(Bytes::new(bytes), &Request { path: &path }, &mut Budget::default())
}

fn check(header: &str, data: usize, expected: &[OddityKind]) -> Content {
    let bytes = file(header, data);
    assert_eq!(identify(Bytes::new(&bytes)), Some(Strength::Strong), "{header}");
    let content = read(&bytes);
    let kinds: Vec<OddityKind> = content.oddities.iter().map(|oddity| oddity.kind).collect();
    assert_eq!(kinds, expected, "{header}: {:?}", content.oddities);
    content
}

#[test]
fn tensors_and_metadata_are_listed() {
    let content = check(
        r#"{"__metadata__":{"format":"pt","note":"a/b"},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"e":{"dtype":"F32","shape":[0,4],"data_offsets":[12,12]},"s":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}"#,
        20,
        &[],
    );
    let names: Vec<&str> = content.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["w", "e", "s"]);
    assert_eq!(content.tensors[0].shape, [2, 3]);
    assert_eq!(content.fields[1].path, "note");
    assert_eq!(content.fields[1].value, "a/b");
    let span = content.tensors[2].span.expect("inside");
    assert_eq!((span.len, span.end()), (8, file("", 0).len() as u64 + 216 + 20));
}

#[test]
fn every_element_type_has_its_size() {
    for (dtype, bits) in DTYPES {
        let end = 8 * bits / 8;
        let header =
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":[8],"data_offsets":[0,{end}]}}}}"#);
        check(&header, usize::try_from(end).unwrap(), &[]);
    }
    let header = r#"{"w":{"dtype":"F33","shape":[8],"data_offsets":[0,8]}}"#;
    check(header, 8, &[OddityKind::Malformed]);
}

#[test]
fn sizes_that_disagree_are_told() {
    let wrong = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
    check(wrong, 4, &[OddityKind::Disagreement]);
    let huge = r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#;
    check(huge, 4, &[OddityKind::ImpossibleLength]);
    let past = r#"{"w":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#;
    check(past, 4, &[OddityKind::Truncated]);
}

#[test]
fn hidden_bytes_are_told() {
    let hole = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#;
    check(hole, 8, &[OddityKind::UnownedBytes]);
    let tail = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    check(tail, 9, &[OddityKind::TrailingBytes]);
    check(tail, 4, &[]);
    let over = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#;
    check(over, 6, &[OddityKind::Overlap]);
    let behind = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}  import os"#;
    let content = check(behind, 4, &[OddityKind::UnownedBytes]);
    assert_eq!(content.texts[0].value.trim_end(), "import os");
}

#[test]
fn keys_that_loaders_ignore_are_told() {
    let twice = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#;
    check(twice, 8, &[OddityKind::DuplicateKey]);
    let extra = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"note":"x"}}"#;
    let content = check(extra, 4, &[OddityKind::Malformed]);
    assert_eq!(
        (content.fields[0].path.as_str(), content.fields[0].value.as_str()),
        ("a.note", "x")
    );
}

#[test]
fn impossible_headers_are_told_without_reading_on() {
    let mut bytes = file(r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 4);
    bytes[..8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    assert_eq!(identify(Bytes::new(&bytes)), Some(Strength::Strong));
    let kinds: Vec<OddityKind> = read(&bytes).oddities.iter().map(|oddity| oddity.kind).collect();
    assert!(kinds.contains(&OddityKind::ImpossibleLength));
    assert!(kinds.contains(&OddityKind::Truncated));
}

#[test]
fn other_files_are_not_claimed() {
    for bytes in
        [&b""[..], b"{\"dtype\": 1}", b"\x80\x04K\x01.", &[0; 64], b"\x10\0\0\0\0\0\0\0{\"a\": 1}"]
    {
        assert_eq!(identify(Bytes::new(bytes)), None, "{bytes:?}");
    }
    assert_eq!(identify(Bytes::new(&file("{}", 0))), Some(Strength::Strong));
}

#[test]
fn damaged_headers_never_panic() {
    let whole = file(
        r#"{"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}"#,
        12,
    );
    crate::mutations::of(&whole, 4_000, |bytes| {
        identify(Bytes::new(bytes));
        read(bytes);
    });
}
