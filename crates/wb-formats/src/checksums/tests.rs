use crate::testing::{claims, parse, survive};
use wb_core::{Bytes, Content};

const A: &str = "72fc832e10ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777";
const B: &str = "0f18dd830b23986370acedabb5fdb9d238b2131b2d1eed32a56d40e29f1b1363";
const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";

/// Digests as `line file algorithm first-four-digits`.
fn digests(text: &str) -> Vec<String> {
    let content: Content = parse("checksums", text.as_bytes());
    let shown = content.digests.iter().map(|found| {
        let span = found.span.expect("digests have bytes");
        let there = Bytes::new(text.as_bytes()).at_span(span).expect("inside").as_slice();
        assert_eq!(there.to_ascii_lowercase(), found.digest.hex.as_bytes());
        let file = found.file.as_deref().unwrap_or("-");
        format!("{} {file} {} {:.4}", found.line, found.digest.algorithm.name(), found.digest.hex)
    });
    shown.collect()
}

#[test]
fn lists_of_every_usual_shape() {
    let cases = [
        (format!("{A}  model.pkl\n{B} *dir/my model.bin\n"), ["1 model.pkl sha256 72fc", "2 dir/my model.bin sha256 0f18"]),
        (format!("# made on Monday\nSHA256 (model.pkl) = {A}\nMD5 (x) = {MD5}"), ["2 model.pkl sha256 72fc", "3 x md5 9e10"]),
        (format!("model.pkl: {A}\nx.bin: sha256:{B}"), ["1 model.pkl sha256 72fc", "2 x.bin sha256 0f18"]),
        (format!("model.pkl,{A}\r\nx.bin,{}\r\n", B.to_uppercase()), ["1 model.pkl sha256 72fc", "2 x.bin sha256 0f18"]),
        (format!("sha256:{A}  a.pt\n\n{MD5}  b.pt"), ["1 a.pt sha256 72fc", "3 b.pt md5 9e10"]),
    ];
    for (text, expected) in cases {
        assert_eq!(claims(text.as_bytes()), "checksums", "{text}");
        assert_eq!(digests(&text), expected);
    }
    assert_eq!(digests(&format!("{A}\n")), ["1 - sha256 72fc"]);
}

#[test]
fn names_are_those_of_the_files() {
    let escaped = format!("\\{A}  a b\\\\c\\n.bin\n{B}  d\\e.bin\n");
    assert_eq!(digests(&escaped), ["1 a b\\c\n.bin sha256 72fc", "2 d\\e.bin sha256 0f18"]);
    let openssl = format!("SHA2-256(model.pkl)= {A}\nSHA256(x (1).bin)= {B}\nMD5(y)= {MD5}\n");
    assert_eq!(claims(openssl.as_bytes()), "checksums");
    assert_eq!(digests(&openssl), ["1 model.pkl sha256 72fc", "2 x (1).bin sha256 0f18", "3 y md5 9e10"]);
}

#[test]
fn digests_of_another_kind_are_not_compared() {
    assert_eq!(claims(format!("BLAKE2s (model.pkl) = {A}\n").as_bytes()), "");
    assert_eq!(claims(format!("SHA3-256(model.pkl)= {A}\n").as_bytes()), "");
    let list = format!("{A}  model.pkl\n");
    for (name, told) in [("B3SUMS", 0), ("model.b3", 0), ("SHA256SUMS", 1)] {
        let path = wb_core::ArtifactPath::from(name);
        let request = crate::Request { path: &path };
        let content = super::parse(Bytes::new(list.as_bytes()), &request, &mut wb_core::Budget::default());
        assert_eq!((content.digests.len(), content.gaps.len()), (told, 1 - told), "{name}");
    }
}

#[test]
fn tags_of_images_are_no_files() {
    for tag in ["1", "latest", "v2.1", "1.0.3"] {
        let text = format!(r#"{{"registry.example/model": {{"{tag}": "{A}"}}}}"#);
        assert_eq!(claims(text.as_bytes()), "(json)", "{text}");
        assert!(parse("json", text.as_bytes()).digests.is_empty());
    }
    let shards = format!(r#"{{"model": {{"00001.safetensors": "{A}", "vocab": "{B}"}}}}"#);
    assert_eq!(digests(&shards), ["1 00001.safetensors sha256 72fc", "1 vocab sha256 0f18"]);
}

#[test]
fn a_list_may_name_its_columns() {
    let text = format!("file,sha256\nmodel.pkl,{A}\n");
    assert_eq!(claims(text.as_bytes()), "checksums");
    assert_eq!(digests(&text), ["2 model.pkl sha256 72fc"]);
    assert_eq!(claims(b"file,sha256\nmodel.pkl,unknown\n"), "");
}

#[test]
fn yaml_as_dvc_writes_it() {
    let text = format!(
        "# made by dvc\nouts:\n- md5: {MD5}\n  size: 9\n  hash: md5\n  path: model.pkl\n- path: x.bin\n  sha256: {A}\n"
    );
    assert_eq!(claims(text.as_bytes()), "checksums");
    assert_eq!(digests(&text), ["3 model.pkl md5 9e10", "8 x.bin sha256 72fc"]);
    let lock = format!("image:\n  name: model\n  digest: sha256:{A}\n");
    assert_eq!(digests(&lock), ["3 model sha256 72fc"]);
    for text in [format!("name: model\nrevision: {}\n", &A[..40]), "a: 1\nb:\n  - c\n".to_owned()] {
        assert_eq!(claims(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn json_of_every_usual_shape() {
    let cases = [
        format!("{{\n \"model.pkl\": \"{A}\"}}"),
        format!("{{\"files\": [\n{{\"path\": \"model.pkl\", \"size\": 1, \"sha256\": \"{A}\"}}]}}"),
        format!("[\n{{\"rfilename\": \"model.pkl\", \"lfs\": {{\"oid\": \"sha256:{A}\", \"size\": 9}}}}]"),
        format!("{{\"subject\": [\n{{\"name\": \"model.pkl\", \"digest\": {{\"sha256\": \"{A}\"}}}}]}}"),
        format!("{{\"algorithm\": \"sha256\", \"hashes\": {{\n\"model.pkl\": \"{A}\"}}}}"),
        format!("{{\"model.pkl\":\n {{\"sha256\": \"{A}\", \"approved_by\": \"m.ito\"}}}}"),
    ];
    for text in cases {
        assert_eq!(claims(text.as_bytes()), "checksums (json)", "{text}");
        assert_eq!(digests(&text), ["2 model.pkl sha256 72fc"], "{text}");
    }
    let names = format!("{{\"production\": \"{A}\", \"candidate\": \"{B}\"}}");
    assert_eq!(digests(&names), ["1 production sha256 72fc", "1 candidate sha256 0f18"]);
}

#[test]
fn what_is_no_manifest() {
    let commit = &A[..40];
    let cases = [
        format!("{{\"_commit_hash\": \"{commit}\", \"hidden_size\": 768, \"layers\": 12}}"),
        format!("{{\"ts\": \"2026-01-01T00:00:00Z\", \"event\": \"deploy\", \"file\": \"m.pkl\", \"sha256\": \"{A}\"}}"),
        format!("{{\"revision\": \"{commit}\"}}"),
        "{\"vocab\": {\"a\": 0, \"b\": 1}}".to_owned(),
    ];
    for text in cases {
        assert_eq!(claims(text.as_bytes()), "(json)", "{text}");
    }
    for text in [
        format!("2026-04-09 03:14:00 INFO deployed model.pkl sha256={A}"),
        format!("[2026-04-09] sha256: {A}"),
        format!("{A}  model.pkl\nthis line is prose about the file above\n"),
        format!("The model has the digest {A}"),
        "deadbeef  model.pkl".to_owned(),
    ] {
        assert_eq!(claims(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn a_configuration_that_mentions_a_digest_still_records_it() {
    let text = format!("{{\"a\": 1, \"b\": 2, \"c\": 3, \"d\": 4, \"e\": 5, \"f\": 6, \"w.bin\": \"{A}\"}}");
    assert_eq!(claims(text.as_bytes()), "(json)");
    assert_eq!(parse("json", text.as_bytes()).digests[0].file.as_deref(), Some("w.bin"));
}

#[test]
fn damage_is_survived() {
    survive("checksums", format!("# x\n{A}  model.pkl\n").as_bytes());
    survive("checksums", format!("{{\"files\": [{{\"path\": \"m\", \"sha256\": \"{A}\"}}]}}").as_bytes());
}
