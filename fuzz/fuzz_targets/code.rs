//! Every language on any bytes, without a container around it: the first byte chooses, the others are what is
//! read. The pickle machine, marshal, bytecode, peeling, Jinja, shell, Python and JavaScript.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wb_code::cpython::{Argument, CodeObject};
use wb_code::{cpython, javascript, jinja, peel, pickle, print, python, shell};
use wb_core::{Budget, Bytes, Constant, Limits, Trigger};

fuzz_target!(|data: &[u8]| {
    let Some((language, data)) = data.split_first() else { return };
    let mut budget = Budget::new(Limits {
        depth: 6,
        decoded_bytes: 4 << 20,
        steps: 2_000_000,
        items: 100_000,
        ..Limits::default()
    });
    match language % 7 {
        0 => read_pickle(data, &mut budget),
        1 => {
            if let Ok(code) = cpython::read_marshal(Bytes::new(data), None, &mut budget) {
                read_code(&code, &mut budget);
            }
        }
        2 => {
            if let Some(code) = code_of(data, &mut budget) {
                read_code(&code, &mut budget);
            }
        }
        3 => {
            let _ = peel::peel(data, &mut budget, &mut Vec::new());
        }
        4 => {
            let text = String::from_utf8_lossy(data);
            let _ = jinja::lift(&text, &mut budget);
            let _ = jinja::notable(&text, &mut budget);
        }
        5 => {
            let text = String::from_utf8_lossy(data);
            let _ = shell::lift(&text, Trigger::Run, &mut budget);
            let _ = python::lift(&text, Trigger::Import, &mut budget);
        }
        _ => {
            let _ = javascript::reach(&String::from_utf8_lossy(data));
        }
    }
});

fn read_pickle(data: &[u8], budget: &mut Budget) {
    let input = Bytes::new(data);
    let _ = pickle::is_pickle(input);
    for detail in [pickle::Detail::Effects, pickle::Detail::Full] {
        for program in pickle::lift(input, Trigger::Load, detail, budget).programs {
            let _ = print::python(&program, true);
        }
    }
    let _ = pickle::disassemble(input, true, budget);
}

fn read_code(code: &CodeObject, budget: &mut Budget) {
    let _ = cpython::disassemble(code);
    let _ = cpython::decompile(code, budget);
    let _ = print::python(&cpython::lift(code, Trigger::Load, budget), true);
}

/// A code object with the given bytecode and few names and constants: the first byte tells the constructor
/// and the number of parameters, the second where the exception table begins.
fn code_of(data: &[u8], budget: &mut Budget) -> Option<CodeObject> {
    let [shape, split, rest @ ..] = data else { return None };
    let (code, table) = rest.split_at(usize::from(*split).min(rest.len()));
    let number = |value: i64| Argument::Constant(Constant::Int(value));
    let text = |value: &str| Argument::Constant(Constant::Text(value.to_owned()));
    let bytes = |value: &[u8]| Argument::Constant(Constant::Bytes(value.to_vec()));
    let names = || Argument::Tuple(["a", "b", "c", "os", "system"].map(text).to_vec());
    let consts = Argument::Tuple(vec![
        Argument::Constant(Constant::None),
        text("id"),
        number(7),
        Argument::Tuple(vec![text("a"), text("b")]),
        Argument::Tuple(Vec::new()),
    ]);
    let modern = shape & 1 == 1;
    let mut arguments = vec![number(i64::from(shape >> 6)), number(0), number(0), number(5), number(10)];
    arguments.push(number(i64::from(*shape & 0x3e)));
    if shape & 0x40 != 0 && !modern {
        arguments.remove(1);
    }
    arguments.extend([bytes(code), consts, names(), names(), text("f.py"), text("f")]);
    if modern {
        arguments.push(text("f"));
    }
    arguments.extend([number(1), bytes(b"")]);
    if modern {
        arguments.push(bytes(table));
    }
    arguments.extend([Argument::Tuple(vec![text("free")]), Argument::Tuple(vec![text("cell")])]);
    cpython::from_constructor(&arguments, budget)
}
