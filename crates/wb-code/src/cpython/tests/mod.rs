//! Tests: [`recipe`] puts bytecode together from text, [`fixtures`] holds what compilers wrote.

mod construct;
mod decompile;
mod fixtures;
mod hostile;
mod lift;
mod marshal;
mod oracle;

use super::opcodes::Opcodes;
use super::{CodeObject, Value, Version, lift as lift_code, read_marshal};
use wb_core::{Budget, Bytes, Collection, Constant, OpKind, Program, Span, Trigger, ValueId};

/// Decodes a fixture.
fn decode(base64: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(base64.as_bytes()).expect("fixtures are base64")
}

/// Reads a fixture without a hint.
fn read(base64: &str) -> CodeObject {
    read_marshal(Bytes::new(&decode(base64)), None, &mut Budget::default()).expect("marshal")
}

/// Bytecode from lines of `OPCODE argument`, with texts as constants (after None) and names. Local
/// variables are `x` (a parameter), `y` and `z`.
fn recipe(version: Version, lines: &str, consts: &[&str], names: &[&str]) -> CodeObject {
    let table = Opcodes::of(version);
    let mut code = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, argument) = line.split_once(' ').unwrap_or((line, "0"));
        let number = (0..=255).find(|number| table.get(*number).is_some_and(|op| op.name == name));
        let number = number.unwrap_or_else(|| panic!("{version} has no {name}"));
        let argument: u16 = argument.parse().expect("a number");
        let [low, high] = argument.to_le_bytes();
        match version {
            _ if version >= Version::three(6) => code.extend([number, low]),
            _ if number >= 90 => code.extend([number, low, high]),
            _ => code.push(number),
        }
        let caches = table.get(number).map_or(0, |op| op.caches);
        code.extend(std::iter::repeat_n(0, usize::from(caches) * 2));
    }
    let texts = consts.iter().map(|text| Value::Text((*text).into()));
    CodeObject {
        version,
        name: "<lambda>".into(),
        qualname: "<lambda>".into(),
        filename: "m.py".into(),
        first_line: 1,
        argument_count: 1,
        positional_only_count: 0,
        keyword_only_count: 0,
        stack_size: 8,
        flags: 0x43,
        code,
        code_span: None,
        span: Span::default(),
        consts: std::iter::once(Value::None).chain(texts).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        locals: ["x", "y", "z"].map(str::to_owned).to_vec(),
        cells: Vec::new(),
        free: Vec::new(),
        line_table: Vec::new(),
        exception_table: Vec::new(),
        doubts: Vec::new(),
    }
}

/// The calls of a program and of what it defines, as Python expressions.
fn calls(program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    for (index, op) in program.ops.iter().enumerate() {
        match &op.kind {
            OpKind::Call { .. } => {
                found.push(show(program, ValueId(u32::try_from(index).expect("few ops"))));
            }
            OpKind::Define { body, .. } => found.extend(calls(body)),
            _ => {}
        }
    }
    found
}

/// The calls of a code object.
fn check(code: &CodeObject) -> Vec<String> {
    calls(&lift_code(code, Trigger::Inference, &mut Budget::default()))
}

/// The value as a Python expression.
fn show(program: &Program, id: ValueId) -> String {
    let many =
        |ids: &[ValueId]| ids.iter().map(|id| show(program, *id)).collect::<Vec<_>>().join(", ");
    match &program.op(id).expect("ids name ops").kind {
        OpKind::Constant(Constant::Text(text)) => format!("'{text}'"),
        OpKind::Constant(Constant::Int(value)) => value.to_string(),
        OpKind::Constant(Constant::Bool(true)) => "True".to_owned(),
        OpKind::Constant(constant) => format!("{constant:?}"),
        OpKind::Import { module, name } if name.is_empty() => format!("<{module}>"),
        OpKind::Import { module, name } => format!("<{module}>.{name}"),
        OpKind::Load { name } => name.clone(),
        OpKind::GetAttribute { of, name } => format!("{}.{name}", show(program, *of)),
        OpKind::GetItem { of, key } => format!("{}[{}]", show(program, *of), show(program, *key)),
        OpKind::Call { callee, arguments, keywords, .. } => {
            let mut shown: Vec<String> = arguments.iter().map(|id| show(program, *id)).collect();
            shown
                .extend(keywords.iter().map(|(name, id)| format!("{name}={}", show(program, *id))));
            format!("{}({})", show(program, *callee), shown.join(", "))
        }
        OpKind::Collect { kind: Collection::Joined, items, .. } => format!("f({})", many(items)),
        OpKind::Collect { kind, items, .. } => format!("{kind:?}({})", many(items)),
        OpKind::Define { name, .. } => format!("<function {name}>"),
        OpKind::Opaque { what, uses } => format!("({what} {})", many(uses)),
        other => format!("{other:?}"),
    }
}
