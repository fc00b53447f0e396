use crate::testing::{Member, Zip, children, claims, has, oddities, parse, survive};
use wb_core::{Content, OddityKind, Span, Strides};

/// The pickle of `{"layer": {"weight": tensor}}`, where the tensor is a view of `shape` of the storage `0`
/// with `elements` floats.
fn pickle(elements: u8, shape: [u8; 2]) -> Vec<u8> {
    let [rows, columns] = shape;
    let mut bytes = b"\x80\x02}X\x05\0\0\0layer}X\x06\0\0\0weight".to_vec();
    bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
    bytes.extend(b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK");
    bytes.extend([elements, b't', b'Q', b'K', 0]);
    bytes.extend([b'K', rows, b'K', columns, 0x86, b'K', columns, b'K', 1, 0x86]);
    bytes.extend(b"\x89ccollections\nOrderedDict\n)RtRss.");
    bytes
}

fn archive(pickle: &[u8], storage: &[u8]) -> Zip {
    Zip::new()
        .stored("m/data.pkl", pickle)
        .stored("m/byteorder", b"little")
        .stored("m/data/0", storage)
        .stored("m/version", b"3\n")
}

fn tensors(content: &Content) -> Vec<(&str, &str, &[u64], Option<Span>)> {
    let tensors = content.tensors.iter();
    tensors.map(|t| (t.name.as_str(), t.dtype.as_str(), t.shape.as_slice(), t.span)).collect()
}

#[test]
fn tensors_have_names_and_bytes() {
    let bytes = archive(&pickle(6, [2, 3]), &[1; 24]).finish();
    assert_eq!(claims(&bytes), "torch (zip)");
    let content = parse("torch", &bytes);
    let at = bytes.windows(24).position(|window| window == [1; 24]).expect("there") as u64;
    assert_eq!(tensors(&content), [("layer.weight", "float32", &[2, 3][..], Some(Span::new(at, 24)))]);
    assert_eq!((children(&bytes, &content), oddities(&content)), (vec![], vec![]));
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
    assert_eq!(fields, [("byteorder", "little"), ("version", "3")]);
}

#[test]
fn a_view_that_is_no_row_by_row_has_its_strides() {
    let rows = pickle(6, [2, 3]);
    // The same storage as three rows of two: transposed.
    let mut turned = rows.clone();
    let at = rows.windows(10).position(|window| window == b"K\x02K\x03\x86K\x03K\x01\x86").expect("there");
    turned.splice(at..at + 10, *b"K\x03K\x02\x86K\x01K\x03\x86");
    let bytes = archive(&turned, &[1; 24]).finish();
    let [tensor] = parse("torch", &bytes).tensors.try_into().expect("one tensor");
    let strides = Strides { first: 0, steps: vec![1, 3] };
    assert_eq!((tensor.shape, tensor.strides, tensor.span.map(|span| span.len)), (vec![3, 2], Some(strides), Some(24)));
    let [tensor] = parse("torch", &archive(&rows, &[1; 24]).finish()).tensors.try_into().expect("one tensor");
    assert_eq!((tensor.shape, tensor.strides), (vec![2, 3], None));
}

#[test]
fn programs_stand_in_the_archive() {
    let bytes = archive(b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.", b"").finish();
    let content = parse("torch", &bytes);
    let [program] = content.programs.as_slice() else { panic!("one program") };
    assert_eq!(program.place, "m/data.pkl");
    let call = program.ops.iter().find(|op| matches!(op.kind, wb_core::OpKind::Call { .. })).expect("a call");
    assert_eq!(bytes[usize::try_from(call.span.start).expect("small")], b'R');
}

#[test]
fn a_storage_of_another_size_is_told_and_becomes_a_child() {
    for (pickle, storage) in [(pickle(6, [2, 3]), [1; 20]), (pickle(5, [2, 3]), [1; 20])] {
        let bytes = archive(&pickle, &storage).finish();
        let content = parse("torch", &bytes);
        assert!(oddities(&content).contains(&"disagreement m/data/0".to_owned()), "{:?}", oddities(&content));
        assert_eq!(children(&bytes, &content), [("m/data/0", &storage[..])]);
    }
}

#[test]
fn a_storage_that_is_something_else_becomes_a_child() {
    let mut storage = b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.".to_vec();
    storage.resize(24, 0);
    let bytes = archive(&pickle(6, [2, 3]), &storage).finish();
    let content = parse("torch", &bytes);
    assert_eq!(oddities(&content), ["polyglot m/data/0"]);
    assert_eq!(children(&bytes, &content).len(), 1);
    storage[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let content = parse("torch", &archive(&pickle(6, [2, 3]), &storage).finish());
    assert_eq!(oddities(&content), ["embedded-executable m/data/0"]);
    // Numbers that begin with the same two bytes as a Windows executable are numbers.
    storage[..7].copy_from_slice(b"MZ\x01\x02\x03\x04\x05");
    let content = parse("torch", &archive(&pickle(6, [2, 3]), &storage).finish());
    assert_eq!(oddities(&content), Vec::<String>::new());
}

#[test]
fn members_nobody_names_are_children() {
    let bytes = archive(&pickle(6, [2, 3]), &[1; 24])
        .stored("m/data/1", b"left over")
        .stored("m/extra.py", b"import os")
        .finish();
    let content = parse("torch", &bytes);
    let names: Vec<&str> = children(&bytes, &content).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["m/data/1", "m/extra.py"]);
}

#[test]
fn records_that_are_more_than_a_number_are_children() {
    let bytes = Zip::new()
        .stored("m/data.pkl", &pickle(6, [2, 3]))
        .stored("m/data/0", &[1; 24])
        .stored("m/version", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.")
        .finish();
    let content = parse("torch", &bytes);
    assert_eq!(children(&bytes, &content)[0].0, "m/version");
}

#[test]
fn lies_about_the_pickle_do_not_hide_it() {
    let data = pickle(6, [2, 3]);
    let honest = Member::stored("m/data.pkl", &data);
    let lies = [
        Member { crc: 1, ..honest.clone() },
        Member { flags: 1, ..honest.clone() },
        Member { local_name: "m/data.txt", ..honest.clone() },
    ];
    for lie in lies {
        let zip = Zip::new().member(&lie).stored("m/data/0", &[1; 24]).stored("m/version", b"3");
        let content = parse("torch", &zip.finish());
        assert_eq!((content.programs.len(), content.tensors.len()), (1, 1));
        assert!(!content.oddities.is_empty());
    }
}

#[test]
fn a_compressed_pickle_is_a_child_and_still_names_its_tensors() {
    let data = pickle(6, [2, 3]);
    let bytes = Zip::new()
        .deflated("m/data.pkl", &data)
        .stored("m/data/0", &[1; 24])
        .stored("m/version", b"3")
        .finish();
    let content = parse("torch", &bytes);
    assert_eq!(children(&bytes, &content), [("m/data.pkl", &data[..])]);
    assert_eq!((tensors(&content)[0].0, content.programs.len()), ("layer.weight", 0));
}

#[test]
fn a_missing_storage_is_told() {
    let bytes = Zip::new().stored("m/data.pkl", &pickle(6, [2, 3])).stored("m/version", b"3").finish();
    assert!(has(&parse("torch", &bytes), OddityKind::Truncated));
}

#[test]
fn an_archive_that_only_holds_a_pickle_is_a_zip() {
    assert_eq!(claims(&Zip::new().stored("backup/data.pkl", b"\x80\x02N.").finish()), "zip");
    assert_eq!(claims(&Zip::new().stored("data.pkl", b"\x80\x02N.").stored("version", b"3").finish()), "zip");
}

#[test]
fn a_pickle_before_the_archive_is_a_second_claim() {
    let mut bytes = b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.".to_vec();
    bytes.extend(archive(&pickle(6, [2, 3]), &[1; 24]).finish());
    assert_eq!(claims(&bytes), "torch pickle (zip)");
    let content = parse("torch", &bytes);
    assert_eq!(children(&bytes, &content)[0].0, "bytes before the archive");
    assert_eq!(content.tensors.len(), 1);
}

#[test]
fn damage_is_survived() {
    survive("torch", &archive(&pickle(6, [2, 3]), &[1; 24]).deflated("m/x.py", b"import os").finish());
}
