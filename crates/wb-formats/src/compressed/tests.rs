use super::decompressed;
use crate::testing::{
    children, claims, deflate, gaps, has, oddities, parse, parse_file, python, survive,
};
use std::io::Read;
use wb_core::OddityKind;

fn gzip(data: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03".to_vec();
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.extend(deflate(data));
    bytes.extend(crate::testing::crc(data).to_le_bytes());
    bytes.extend(u32::try_from(data.len()).expect("small").to_le_bytes());
    bytes
}

/// What `bytes` decode to when they are read as they are decoded, three bytes at once: the same as when they are
/// held. Cut anywhere, they give a beginning of it.
fn streamed(format: &str, bytes: &[u8]) -> Vec<u8> {
    let decode = |bytes: &[u8]| {
        let input = std::io::BufReader::with_capacity(3, bytes);
        let decoder = decompressed(format, Box::new(input)).expect("a compression");
        let mut data = Vec::new();
        let end = decoder.and_then(|mut decoder| decoder.read_to_end(&mut data));
        (data, end.is_ok())
    };
    let (whole, complete) = decode(bytes);
    assert!(complete, "{format} decodes to its end");
    for len in 0..bytes.len() {
        assert!(whole.starts_with(&decode(&bytes[..len]).0), "{format} cut to {len} bytes");
    }
    whole
}

#[test]
fn gzip_members_are_one_file() {
    let mut bytes = gzip(b"first ", "inner.txt");
    bytes.extend(gzip(b"second", "x"));
    assert_eq!(claims(&bytes), "gzip");
    let content = parse_file("gzip", "logs/app.log.gz", &bytes);
    assert_eq!(children(&bytes, &content), [("app.log", &b"first second"[..])]);
    assert_eq!(streamed("gzip", &bytes), b"first second");
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
    assert_eq!(fields, [("streams", "2"), ("file name", "inner.txt")]);
}

#[test]
fn bytes_behind_a_stream_are_told_unless_zero() {
    let mut bytes = gzip(b"data", "x");
    bytes.extend([0; 40]);
    assert_eq!(oddities(&parse("gzip", &bytes)), Vec::<String>::new());
    bytes.extend(b"\x80\x02N.");
    let content = parse("gzip", &bytes);
    assert!(has(&content, OddityKind::TrailingBytes));
    assert_eq!(children(&bytes, &content).len(), 2);
}

#[test]
fn a_stream_that_breaks_keeps_what_was_decoded() {
    let data: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
    let bytes = gzip(&data, "x");
    let content = parse("gzip", &bytes[..bytes.len() / 2]);
    assert!(has(&content, OddityKind::Malformed) && content.gaps.len() == 1);
    let found = children(&bytes, &content)[0].1;
    assert!(found.len() > 1000 && data.starts_with(found));
}

#[test]
fn zlib_streams_also_behind_the_header_of_joblib() {
    let stream = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15";
    assert_eq!(claims(stream), "zlib");
    assert_eq!(children(stream, &parse("zlib", stream)), [("content", &b"hello"[..])]);
    let mut old = b"ZF0x5                 ".to_vec();
    old.extend(stream);
    assert_eq!(claims(&old), "zlib");
    assert_eq!(children(&old, &parse("zlib", &old)), [("content", &b"hello"[..])]);
    assert_eq!(claims(b"x\x9c is what text may begin with"), "");
    assert_eq!(claims(b"ZF0x is a mark"), "");
}

#[test]
fn what_python_compresses_is_read() {
    let cases = [("bz2", "bzip2", "import bz2 as m"), ("xz", "xz", "import lzma as m")];
    for (ending, format, import) in cases {
        let code = format!("{import};print((m.compress(b'one '*99)+m.compress(b'two')).hex())");
        let Some(bytes) = python(&code) else { return };
        assert_eq!(claims(&bytes), format);
        let content = parse_file(format, &format!("m.pkl.{ending}"), &bytes);
        let expected = ["one ".repeat(99), "two".to_owned()].concat();
        assert_eq!(children(&bytes, &content), [("m.pkl", expected.as_bytes())]);
        assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
        assert_eq!(streamed(format, &bytes), expected.as_bytes());
        survive(format, &bytes);
    }
    let alone = "import lzma;print(lzma.compress(b'old '*50,format=lzma.FORMAT_ALONE).hex())";
    let Some(bytes) = python(alone) else { return };
    assert_eq!(claims(&bytes), "xz");
    assert_eq!(children(&bytes, &parse("xz", &bytes)), [("content", "old ".repeat(50).as_bytes())]);
    assert_eq!(streamed("xz", &bytes), "old ".repeat(50).as_bytes());
    survive("xz", &bytes);
}

#[test]
fn zstandard_and_lz4_frames_are_read() {
    // A frame with one raw block, behind a frame that is to be skipped.
    let mut zstd = b"\x50\x2a\x4d\x18\x02\0\0\0xx".to_vec();
    zstd.extend(b"\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello");
    assert_eq!(claims(&zstd), "zstd");
    assert_eq!(children(&zstd, &parse("zstd", &zstd)), [("content", &b"hello"[..])]);
    assert_eq!(streamed("zstd", &[&zstd[..], &zstd].concat()), b"hellohello");
    survive("zstd", &zstd);
    let lz4 = {
        use std::io::Write;
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(&b"lz4 ".repeat(50)).expect("written to memory");
        encoder.finish().expect("written to memory")
    };
    assert_eq!(claims(&lz4), "lz4");
    let twice = [lz4.clone(), lz4].concat();
    assert_eq!(children(&twice, &parse("lz4", &twice)), [("content", &b"lz4 ".repeat(100)[..])]);
    assert_eq!(streamed("lz4", &twice), b"lz4 ".repeat(100));
    survive("lz4", &twice);
}

#[test]
fn damage_is_survived() {
    survive("gzip", &gzip(b"some data some data", "x"));
    survive("zlib", b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15");
}
