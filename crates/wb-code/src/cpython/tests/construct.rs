//! Code objects from constructor arguments.

use super::super::{Argument, CodeObject, Value, Version, from_constructor};
use super::fixtures::POPEN;
use super::{check, read, recipe};
use wb_core::{Budget, Constant};

fn int(value: i64) -> Argument {
    Argument::Constant(Constant::Int(value))
}

fn bytes(value: &[u8]) -> Argument {
    Argument::Constant(Constant::Bytes(value.to_vec()))
}

fn text(value: &str) -> Argument {
    Argument::Constant(Constant::Text(value.to_owned()))
}

fn names(values: &[String]) -> Argument {
    Argument::Tuple(values.iter().map(|value| text(value)).collect())
}

fn constant(value: &Value) -> Argument {
    match value {
        Value::None => Argument::Constant(Constant::None),
        Value::Bool(value) => Argument::Constant(Constant::Bool(*value)),
        Value::Int(value) => int(*value),
        Value::Text(value) => text(value),
        Value::Tuple(items) => Argument::Tuple(items.iter().map(constant).collect()),
        other => panic!("{other:?} is in no fixture"),
    }
}

/// The arguments that cloudpickle writes for `code`.
fn arguments(code: &CodeObject) -> Vec<Argument> {
    let version = code.version;
    let mut all = vec![int(code.argument_count.into())];
    if version >= Version::three(8) {
        all.push(int(code.positional_only_count.into()));
    }
    if version >= Version::three(0) {
        all.push(int(code.keyword_only_count.into()));
    }
    all.extend([int(1), int(code.stack_size.into()), int(code.flags.into())]);
    all.push(bytes(&code.code));
    all.push(Argument::Tuple(code.consts.iter().map(constant).collect()));
    all.extend([names(&code.names), names(&code.locals)]);
    all.extend([text(&code.filename), text(&code.name)]);
    if version >= Version::three(11) {
        all.push(text(&code.qualname));
    }
    all.extend([int(code.first_line), bytes(&code.line_table)]);
    if version >= Version::three(11) {
        all.push(bytes(&code.exception_table));
    }
    all.extend([names(&code.free), names(&code.cells)]);
    all
}

#[test]
fn every_arity_is_read() {
    let mut budget = Budget::default();
    for (version, code) in POPEN {
        let code = read(code);
        let made = from_constructor(&arguments(&code), &mut budget).expect("a code object");
        assert_eq!((made.version, check(&made)), (version, check(&code)));
    }
    let plain = "LOAD_GLOBAL 0\nLOAD_CONST 1\nCALL_FUNCTION 1\nRETURN_VALUE";
    for (version, counts) in [(Version::TWO, 14), (Version::three(5), 15), (Version::three(9), 16)]
    {
        let code = recipe(version, plain, &["id"], &["f"]);
        let arguments = arguments(&code);
        assert_eq!(arguments.len(), counts);
        let made = from_constructor(&arguments, &mut budget).expect("a code object");
        assert_eq!((made.version, check(&made)), (version, vec!["f('id')".to_owned()]));
    }
}

#[test]
fn dill_puts_the_line_table_first() {
    let code = read(POPEN[1].1);
    let mut with_lines = vec![bytes(b"")];
    with_lines.extend(arguments(&code));
    let made = from_constructor(&with_lines, &mut Budget::default()).expect("a code object");
    assert_eq!(check(&made), check(&code));
}

#[test]
fn other_arguments_make_no_code() {
    let mut budget = Budget::default();
    assert_eq!(from_constructor(&[], &mut budget), None);
    assert_eq!(from_constructor(&[int(1), bytes(b"d\0S\0")], &mut budget), None);
    let mut short = arguments(&read(POPEN[0].1));
    short.remove(1);
    short.remove(1);
    short.remove(1);
    assert_eq!(from_constructor(&short, &mut budget), None);
}
