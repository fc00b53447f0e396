//! Marshal, versions, `.pyc` headers.

use super::super::{Value, Version, disassemble, read_marshal, read_pyc, read_value};
use super::fixtures::{BRANCH, MODULE, NORMALIZE, POPEN};
use super::{decode, read};
use wb_core::{Budget, Bytes};

fn value(bytes: &[u8]) -> Result<Value, String> {
    read_value(Bytes::new(bytes), None, &mut Budget::default()).map_err(|error| error.0)
}

#[test]
fn versions_are_told_by_their_bytecode() {
    for (version, code) in POPEN.into_iter().chain(BRANCH).chain(NORMALIZE).chain(MODULE) {
        let code = read(code);
        assert_eq!((code.version, code.doubts.as_slice()), (version, [].as_slice()));
    }
}

#[test]
fn a_hint_decides_only_between_versions_that_fit() {
    let (_, code) = POPEN[0];
    let bytes = decode(code);
    let hinted = |minor| {
        let hint = Some(Version::three(minor));
        read_marshal(Bytes::new(&bytes), hint, &mut Budget::default()).map(|code| code.version)
    };
    assert_eq!(hinted(10), Ok(Version::three(10)));
    assert_eq!(hinted(13), Ok(Version::three(10)), "another layout");
    assert_eq!(hinted(8), Ok(Version::three(10)), "the line table is that of 3.10");
}

#[test]
fn bytes_after_the_code_are_not_its_own() {
    let (_, code) = POPEN[2];
    let mut bytes = decode(code);
    let len = bytes.len() as u64;
    bytes.extend(b"\ntrailing");
    let code = read_marshal(Bytes::at(&bytes, 100), None, &mut Budget::default()).expect("code");
    assert_eq!((code.span.start, code.span.len), (100, len));
    let span = code.code_span.expect("read in place");
    assert_eq!(Bytes::at(&bytes, 100).at_span(span).map(Bytes::as_slice), Some(&code.code[..]));
}

#[test]
fn scalars_and_collections() {
    assert_eq!(value(b"i\x2a\0\0\0"), Ok(Value::Int(42)));
    assert_eq!(value(b"l\xff\xff\xff\xff\x01\0"), Ok(Value::Int(-1)));
    let long = value(b"l\x05\0\0\0\0\0\0\0\0\0\0\0\x10\0");
    assert_eq!(long, Ok(Value::BigInt("0x10000000000000000".into())));
    assert_eq!(value(b"z\x02hi"), Ok(Value::Text("hi".into())));
    assert_eq!(value(b"g\0\0\0\0\0\0\xe0\x3f"), Ok(Value::Float(0.5)));
    let text = Value::Text("ab".into());
    // The second item refers to the first: reference 1, the tuple itself being 0.
    assert_eq!(
        value(b"\xa9\x02\xda\x02abr\x01\0\0\0"),
        Ok(Value::Tuple([text.clone(), text].into()))
    );
    let slice = Value::Slice([Value::None, Value::Int(2), Value::None].into());
    assert_eq!(value(b":Ni\x02\0\0\0N"), Ok(slice));
    assert_eq!(value(b"{z\x01aNN0"), Err("byte 0x30 at 6 begins no marshalled value".into()));
    assert_eq!(
        value(b"{z\x01aN0"),
        Ok(Value::Dict([(Value::Text("a".into()), Value::None)].into()))
    );
}

#[test]
fn what_is_no_code_is_said_so() {
    let not_code = |bytes: &[u8]| {
        read_marshal(Bytes::new(bytes), None, &mut Budget::default()).expect_err("no code").0
    };
    assert!(not_code(b"").contains("type code"));
    assert!(not_code(b"i\x2a\0\0\0").contains("type code"));
    let (_, code) = POPEN[3];
    let bytes = decode(code);
    assert!(not_code(&bytes[..bytes.len() / 2]).contains("ends inside"));
    assert_eq!(
        value(b"(\xff\xff\xff\x7f"),
        Err("2147483647 items announced, more than there are bytes".into())
    );
}

#[test]
fn a_pyc_header_gives_the_version() {
    let (version, code) = MODULE[1];
    let mut bytes = vec![0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0];
    bytes.extend(1_700_000_000_u32.to_le_bytes());
    bytes.extend(77_u32.to_le_bytes());
    bytes.extend(decode(code));
    let pyc = read_pyc(Bytes::new(&bytes), &mut Budget::default()).expect("a .pyc");
    assert_eq!((pyc.version, pyc.magic), (Some(version), 3495));
    assert_eq!((pyc.source_time, pyc.source_size), (Some(1_700_000_000), Some(77)));
    assert_eq!(pyc.code.name, "<module>");
    assert!(read_pyc(Bytes::new(&bytes[2..]), &mut Budget::default()).is_err());
    assert!(read_pyc(Bytes::new(b"MZ"), &mut Budget::default()).is_err());
}

#[test]
fn a_listing_is_that_of_the_version() {
    let (_, code) = NORMALIZE[0];
    let wanted = [
        "  1           0 LOAD_GLOBAL              0 (K)",
        "              2 LOAD_ATTR                1 (l2_normalize)",
        "              4 LOAD_FAST                0 (x)",
        "              6 LOAD_CONST               1 (1)",
        "              8 LOAD_CONST               2 (('axis',))",
        "             10 CALL_FUNCTION_KW         2",
        "             12 RETURN_VALUE",
    ];
    assert_eq!(disassemble(&read(code)).lines().collect::<Vec<_>>(), wanted);
    let (_, code) = BRANCH[3];
    let listing = disassemble(&read(code));
    assert!(listing.contains("POP_JUMP_IF_FALSE"), "{listing}");
    assert!(listing.contains("(to L1)\n") && listing.contains("L1:     LOAD_GLOBAL"), "{listing}");
}
