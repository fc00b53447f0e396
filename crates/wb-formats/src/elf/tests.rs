use crate::testing::{children, claims, has, oddities, parse, survive};
use wb_core::{Content, OddityKind};

/// `cc -shared` of a library that calls `system` when it is loaded.
const REAL: &[u8] = include_bytes!("../../tests/data/real.so");

fn imports(content: &Content) -> Vec<&str> {
    let imports = content.components.iter().filter(|part| part.kind == "import");
    imports.map(|part| part.name.as_str()).collect()
}

#[test]
fn a_library_that_a_compiler_wrote_tells_what_it_imports() {
    assert_eq!(claims(REAL), "elf");
    let content = parse("elf", REAL);
    assert!(imports(&content).contains(&"system"), "{:?}", imports(&content));
    let image = &content.components[0];
    assert_eq!((image.kind, &*image.class, &*image.name), ("image", "shared library", "x86-64"));
    assert!(content.fields.iter().any(|field| field.value == "libc.so.6"), "{:?}", content.fields);
    assert_eq!(oddities(&content), [""; 0]);
    assert_eq!(content.gaps.len(), 1);
}

#[test]
fn a_file_behind_the_image_is_a_child() {
    let mut bytes = REAL.to_vec();
    bytes.extend(b"PK\x03\x04 and so on");
    let content = parse("elf", &bytes);
    assert!(has(&content, OddityKind::TrailingBytes));
    assert_eq!(children(&bytes, &content)[0].1, b"PK\x03\x04 and so on");
}

#[test]
fn four_letters_are_no_image() {
    assert_eq!(claims(b"\x7fELF and nothing else that a header has"), "");
    let weights = [&b"\x7fELF"[..], &[9; 60]].concat();
    assert_eq!(claims(&weights), "");
}

#[test]
fn a_file_without_sections_says_so() {
    let mut bytes = REAL.to_vec();
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    assert!(has(&parse("elf", &bytes), OddityKind::Malformed));
}

#[test]
fn damage_is_survived() {
    survive("elf", REAL);
}
