use crate::testing::{children, claims, gaps, oddities, parse, survive};
use wb_core::Trigger;

/// Made by `tests/data/make_shelf.py` with Python 3.11.
const VALUES: &[u8] = include_bytes!("../../tests/data/real-dumb.dat");
const DIRECTORY: &[u8] = include_bytes!("../../tests/data/real-dumb.dir");

/// A pickle that does something, and one that does not.
const RUN: &[u8] = b"\x80\x02cposix\nsystem\nX\x06\0\0\0echo x\x85R.";
const EMPTY: &[u8] = b"\x80\x02}.";

/// Values in blocks, the last one without padding.
fn values(values: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for value in values {
        file.resize(file.len().next_multiple_of(512), 0);
        file.extend(*value);
    }
    file
}

#[test]
fn the_values_of_a_shelf_are_read_to_the_last() {
    assert_eq!(claims(VALUES), "dbm-dumb (pickle)");
    let content = parse("dbm-dumb", VALUES);
    assert_eq!((oddities(&content), gaps(&content)), (vec![], vec![]));
    let children = children(VALUES, &content);
    let sizes: Vec<(&str, usize)> = children.iter().map(|(name, value)| (*name, value.len())).collect();
    assert_eq!(sizes.len(), 8, "{sizes:?}");
    assert!(sizes.contains(&("value at offset 3072", 8_764)) && sizes.contains(&("value at offset 12288", 30)));
}

#[test]
fn keys_are_read_with_their_places() {
    assert_eq!(claims(DIRECTORY), "dbm-dumb");
    let content = parse("dbm-dumb", DIRECTORY);
    assert_eq!((oddities(&content), gaps(&content), content.programs.len()), (vec![], vec![], 0));
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.path.as_str(), field.value.as_str())).collect();
    assert_eq!((fields.len(), fields[4]), (6, ("big", "offset 3072, 8764 bytes")));
}

#[test]
fn values_and_what_is_left_of_others_are_told_apart() {
    let grown = [EMPTY, &[b'x'; 600]].concat();
    let bytes = values(&[EMPTY, &grown, RUN, b"(dp0\nS'a'\np1\nI1\ns."]);
    let content = parse("dbm-dumb", &bytes);
    let names: Vec<&str> = content.children.iter().map(|child| child.name.as_str()).collect();
    let at = ["value at offset 0", "value at offset 512", "value at offset 1536", "value at offset 2048"];
    assert_eq!(names, at);
    let left = [EMPTY, b"x", RUN].concat();
    let bytes = values(&[&left, EMPTY]);
    let names: Vec<String> = parse("dbm-dumb", &bytes).children.into_iter().map(|child| child.name).collect();
    assert_eq!(names, ["value at offset 0", "bytes at offset 5 that no record owns", "value at offset 512"]);
}

#[test]
fn a_long_value_may_come_first() {
    let long = [b"\x80\x02X\0\0\x02\0", &[b'w'; 0x2_0000][..], b"."].concat();
    let bytes = values(&[&long, RUN]);
    assert_eq!(claims(&bytes), "dbm-dumb (pickle)");
    let names: Vec<String> = parse("dbm-dumb", &bytes).children.into_iter().map(|child| child.name).collect();
    assert_eq!(names, ["value at offset 0", "value at offset 131584"]);
    assert_eq!(claims(&long), "pickle");
    let text = [b"(S'", &[b'w'; 0x2_0000][..], b"'\ncposix\nsystem\n(S'echo x'\ntRt."].concat();
    let bytes = values(&[EMPTY, EMPTY, &text]);
    let names: Vec<String> = parse("dbm-dumb", &bytes).children.into_iter().map(|child| child.name).collect();
    assert_eq!(names[2], "value at offset 1024");
}

#[test]
fn a_line_that_is_evaluated_is_code() {
    let bytes = b"'a', (0, 5)\n__import__('os').system('echo x'), (0, 5)\n\"it's\", (512L, 5L)\nu'\\xe9', (1, 2)\n";
    let content = parse("dbm-dumb", bytes);
    assert_eq!(oddities(&content), ["malformed line 2"]);
    let [program] = &content.programs[..] else { panic!("one program") };
    assert_eq!((program.trigger, program.place.as_str(), program.span.start), (Trigger::Load, "line 2", 12));
    assert_eq!(content.fields.len(), 3);
    assert_eq!(gaps(&parse("dbm-dumb", b"'a', (0, 5)\n'b', (5")), ["line 2 is no literal and no code"]);
}

#[test]
fn others_are_none() {
    for bytes in [EMPTY, &[EMPTY, EMPTY].concat()[..], &values(&[EMPTY, b"words"]), b"'a', 'b'\n", b"f(1), (2)\n"] {
        assert!(!claims(bytes).contains("dumb"), "{bytes:?}");
    }
    // Pickle after pickle, one of them by chance at a block.
    let many = EMPTY.repeat(200);
    assert!(!claims(&many).contains("dumb"));
    survive("dbm-dumb", VALUES);
    survive("dbm-dumb", DIRECTORY);
}
