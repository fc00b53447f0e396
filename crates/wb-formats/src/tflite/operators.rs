//! Operators: built in, custom, and those of TensorFlow that run through the Flex delegate.

use crate::flatbuffer::{Table, Walk};
use crate::tensorflow;
use wb_core::{
    Bytes, CallStyle, Component, Constant, OpKind, Program, Trigger,
};

/// Operators by number (`enum BuiltinOperator`), one a line.
const BUILTIN: &str = include_str!("operators.txt");
/// The number that stands for an operator with a name of its own.
const CUSTOM: usize = 32;
/// How operators of TensorFlow are called.
const FLEX: &str = "Flex";
/// Strings of one constant that are read.
const STRINGS: usize = 64;

/// An operator as `operator_codes` names it.
pub(super) struct Code {
    /// Its name, without the `Flex` of operators of TensorFlow.
    pub name: String,
    /// `custom` or `tensorflow` for those that the runtime does not have by itself.
    pub module: Option<&'static str>,
}

impl Code {
    /// Numbers above 127 stand in the newer of two slots.
    pub(super) fn read(code: &Table<'_>, walk: &mut Walk<'_>) -> Self {
        let old = usize::from(code.u8(0).unwrap_or(0));
        let number = (code.u32(3).unwrap_or(0) as usize).max(old);
        if number != CUSTOM {
            let name = BUILTIN.lines().nth(number).filter(|name| !name.is_empty());
            let name = name.map_or_else(|| format!("operator {number}"), str::to_owned);
            return Self { name, module: None };
        }
        let name = walk.some("operator_codes", code.text(1)).unwrap_or_default();
        match name.strip_prefix(FLEX) {
            Some(inner) if inner.starts_with(|c: char| c.is_ascii_uppercase()) => {
                Self { name: inner.to_owned(), module: Some("tensorflow") }
            }
            _ => Self { name, module: Some("custom") },
        }
    }
}

/// The call that a TensorFlow operator stands for, when it reaches the host. Its arguments are the strings
/// that feed it.
pub(super) fn lift(node: &Component, inputs: &[&(String, Option<Bytes<'_>>)]) -> Option<Program> {
    let flex = node.module.as_deref() == Some("tensorflow");
    if !flex || !tensorflow::reaches_host(&node.class) {
        return None;
    }
    let span = node.span?;
    let mut program = Program::of_component(node, Trigger::Inference, span);
    let (module, name) = ("tensorflow.raw_ops".to_owned(), node.class.clone());
    let callee = program.step(span, OpKind::Import { module, name });
    let mut arguments = Vec::new();
    for (name, bytes) in inputs {
        let constant = bytes.and_then(|bytes| Some((strings(bytes)?, bytes.span())));
        arguments.push(match constant {
            Some((text, span)) => program.step(span, OpKind::Constant(Constant::Text(text))),
            None => {
                let what = format!("tensor `{name}`");
                program.step(span, OpKind::Opaque { what, uses: Vec::new() })
            }
        });
    }
    let (keywords, style) = (Vec::new(), CallStyle::Call);
    program.step(span, OpKind::Call { callee, arguments, keywords, style });
    Some(program)
}

/// The strings of a tensor of strings: a count, the offsets, the text (`tensorflow/lite/string_util.h`).
fn strings(bytes: Bytes<'_>) -> Option<String> {
    let count = usize::try_from(bytes.u32_le(0)?).ok().filter(|count| *count > 0)?;
    let offset = |index: usize| {
        let at = index.checked_add(1)?.checked_mul(4)?;
        usize::try_from(bytes.u32_le(at)?).ok()
    };
    let mut all = Vec::new();
    for index in 0..count.min(STRINGS) {
        let (start, end) = (offset(index)?, offset(index.checked_add(1)?)?);
        let text = bytes.slice(start, end.checked_sub(start)?)?;
        all.push(std::str::from_utf8(text.as_slice()).ok()?);
    }
    Some(all.join("\n"))
}
