use crate::testing::{claims, oddities, parse, survive};

/// `(module (import "wasi_snapshot_preview1" "path_unlink_file" (func)) (func) (start 1))`
const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\
    \x02\x2b\x01\x16wasi_snapshot_preview1\x10path_unlink_file\0\0\
    \x03\x02\x01\0\x08\x01\x01\x0a\x04\x01\x02\0\x0b";

#[test]
fn imports_are_told_with_their_host_module() {
    assert_eq!(claims(MODULE), "wasm");
    let content = parse("wasm", MODULE);
    let import = &content.components[1];
    assert_eq!((import.name.as_str(), import.module.as_deref()), ("path_unlink_file", Some("wasi_snapshot_preview1")));
    assert!(content.fields.iter().any(|field| field.path == "start" && field.value == "1"));
    assert_eq!(oddities(&content), [""; 0]);
}

#[test]
fn sections_have_to_fill_the_file() {
    let cut = &MODULE[..MODULE.len() - 3];
    assert_eq!(oddities(&parse("wasm", cut)), ["malformed sections"]);
    assert_eq!(claims(b"\0asm"), "");
}

#[test]
fn damage_is_survived() {
    survive("wasm", MODULE);
}
