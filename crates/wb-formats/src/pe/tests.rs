use crate::testing::{children, claims, has, parse, survive};
use wb_core::{Content, OddityKind};

/// A library for x86-64 with one section that imports `CreateProcessW` and ordinal 7 of `KERNEL32.dll`.
fn library() -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = b"MZ".to_vec();
    bytes.resize(0x3c, 0);
    bytes.extend(words(&[0x40]));
    bytes.extend(b"PE\0\0");
    // COFF header: one section, 240 bytes of optional header, a library.
    bytes.extend(halves(&[0x8664, 1]));
    bytes.extend(words(&[0, 0, 0]));
    bytes.extend(halves(&[240, 0x2022]));
    // Optional header, then 16 data directories: the second is that of imports.
    bytes.extend(halves(&[0x20b, 0]));
    bytes.extend(words(&[0x200, 0, 0, 0x1000, 0x1000]));
    bytes.extend(words(&[0x1000_0000, 0, 0x1000, 0x200]));
    bytes.extend(words(&[6, 0, 6, 0, 0x2000, 0x200, 0]));
    bytes.extend(halves(&[3, 0]));
    bytes.extend(words(&[0; 8]));
    bytes.extend(words(&[0, 16, 0, 0, 0x1000, 40]));
    bytes.resize(0x40 + 4 + 20 + 240, 0);
    bytes.extend(b".idata\0\0");
    bytes.extend(words(&[0x200, 0x1000, 0x200, 0x200, 0, 0, 0, 0xc000_0040]));
    bytes.resize(0x200, 0);
    // Import descriptors at 0x1000, thunks at 0x1040, names at 0x1080.
    bytes.extend(words(&[0x1040, 0, 0, 0x1080, 0x1040, 0, 0, 0, 0, 0]));
    bytes.resize(0x240, 0);
    bytes.extend([0x90, 0x10, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0x80]);
    bytes.resize(0x280, 0);
    bytes.extend(b"KERNEL32.dll\0\0\0\0\0\0CreateProcessW\0");
    bytes.resize(0x400, 0);
    bytes
}

fn imports(content: &Content) -> Vec<String> {
    let imports = content.components.iter().filter(|part| part.kind == "import");
    imports.map(|part| format!("{}!{}", part.module.clone().unwrap_or_default(), part.name)).collect()
}

#[test]
fn imports_are_told_with_their_library() {
    let bytes = library();
    assert_eq!(claims(&bytes), "pe");
    let content = parse("pe", &bytes);
    assert_eq!((&*content.components[0].class, &*content.components[0].name), ("library", "x86-64"));
    assert_eq!(imports(&content), ["KERNEL32.dll!CreateProcessW", "KERNEL32.dll!#7"]);
    assert!(content.oddities.is_empty(), "{:?}", content.oddities);
}

#[test]
fn a_file_behind_the_image_is_a_child() {
    let mut bytes = library();
    bytes.extend(b"7z\xbc\xaf\x27\x1c and so on");
    let content = parse("pe", &bytes);
    assert!(has(&content, OddityKind::TrailingBytes));
    assert_eq!(children(&bytes, &content).len(), 1);
}

#[test]
fn two_letters_are_no_image() {
    let weights = [&b"MZ"[..], &[0x3f; 200]].concat();
    assert_eq!(claims(&weights), "");
}

#[test]
fn tables_that_overlap_end_with_the_budget() {
    // Every descriptor leads to the same list of names.
    let mut bytes = library();
    let descriptor: Vec<u8> = bytes[0x200..0x214].to_vec();
    for index in 0..3 {
        bytes[0x200 + index * 20..0x214 + index * 20].copy_from_slice(&descriptor);
    }
    assert_eq!(imports(&parse("pe", &bytes)).len(), 6);
}

#[test]
fn damage_is_survived() {
    survive("pe", &library());
}
