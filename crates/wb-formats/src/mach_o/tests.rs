use crate::testing::{children, claims, parse, survive};

/// A library for x86-64 with one undefined symbol and one library: `mach-o/loader.h`, little-endian.
fn library() -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let path = b"/usr/lib/libSystem.B.dylib\0\0\0\0\0\0";
    let dylib = [words(&[0xc, 24 + 32, 24, 0, 0, 0]), path.to_vec()].concat();
    let symbols = 32 + dylib.len() as u32 + 24;
    let symtab = words(&[0x2, 24, symbols, 1, symbols + 16, 16]);
    let commands = [dylib, symtab].concat();
    let size = u32::try_from(commands.len()).expect("small");
    let header = words(&[0xfeed_facf, 0x0100_0007, 3, 6, 2, size, 0, 0]);
    let symbol = [words(&[1]), vec![1, 0, 0, 0], vec![0; 8]].concat();
    [header, commands, symbol, b"\0_system\0\0\0\0\0\0\0\0".to_vec()].concat()
}

/// A file of two machines.
fn several() -> Vec<u8> {
    let inner = library();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let size = u32::try_from(inner.len()).expect("small");
    let mut bytes = words(&[0xcafe_babe, 2, 0x0100_0007, 3, 4096, size, 12, 0x0100_000c, 0, 8192, size, 12]);
    bytes.resize(4096, 0);
    bytes.extend(&inner);
    bytes.resize(8192, 0);
    bytes.extend(&inner);
    bytes
}

#[test]
fn undefined_symbols_are_imports_without_their_underscore() {
    let bytes = library();
    assert_eq!(claims(&bytes), "mach-o");
    let content = parse("mach-o", &bytes);
    let parts: Vec<String> =
        content.components.iter().map(|part| format!("{} {} {}", part.kind, part.class, part.name)).collect();
    assert_eq!(parts, ["image shared library x86-64", "import function system"]);
    assert!(content.fields.iter().any(|field| field.value == "/usr/lib/libSystem.B.dylib"));
    assert!(content.oddities.is_empty(), "{:?}", content.oddities);
}

#[test]
fn images_of_several_machines_are_children() {
    let bytes = several();
    assert_eq!(claims(&bytes), "mach-o");
    let content = parse("mach-o", &bytes);
    let names: Vec<&str> = children(&bytes, &content).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["x86-64", "AArch64"]);
}

#[test]
fn a_java_class_is_none() {
    // Version 52: Java 8.
    let class = [&b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d\x0a\0\x06\0\x0f\x09"[..], &[0; 64]].concat();
    assert_eq!(claims(&class), "");
}

#[test]
fn damage_is_survived() {
    survive("mach-o", &library());
    survive("mach-o", &several());
}
