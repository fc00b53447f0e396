//! Compiled Python: the code object of a module behind a header. Importing the module runs it.
//!
//! Specification: `Lib/importlib/_bootstrap_external.py` of CPython, and PEP 552.

use crate::{Family, Reader, Request};
use wb_code::cpython::{self, CodeObject, NotCode, Pyc};
use wb_core::{
    Budget, Bytes, Content, Field, Gap, Limits, Oddity, OddityKind, Program, Span, Strength,
    Trigger,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "Python bytecode",
    endings: &[".pyc", ".pyo"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// What telling the format may cost: its code object is read to the end.
pub(crate) const TELLING: Limits =
    Limits { depth: 1, decoded_bytes: 0, steps: 2_000_000, items: 200_000, texts: 0 };

/// A magic number, its line end, and a code object where the version has it.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    if input.byte(2) != Some(b'\r') || input.byte(3) != Some(b'\n') {
        return None;
    }
    match cpython::read_pyc(input, &mut Budget::new(TELLING)) {
        Ok(pyc) => pyc.version.map(|_| Strength::Strong),
        // A damaged one has the type code of a code object behind its header all the same.
        Err(_) => damaged(input).then_some(Strength::Weak),
    }
}

/// Whether a code object begins where a header of 8, 12 or 16 bytes ends, and the number is a known one.
fn damaged(input: Bytes<'_>) -> bool {
    let begins = |at: usize| input.byte(at).is_some_and(|byte| byte & 0x7f == b'c');
    cpython::is_pyc(input) && [8, 12, 16].into_iter().any(begins)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    match cpython::read_pyc(input, budget) {
        Ok(pyc) => module(input, &pyc, &mut content, budget),
        Err(error) => content.gaps.push(unread(input, &error)),
    }
    content
}

fn module(input: Bytes<'_>, pyc: &Pyc, content: &mut Content, budget: &mut Budget) {
    let header = input.slice(0, 16).map(|header| header.span());
    code(input, &pyc.code, header, Trigger::Import, content, budget);
    let times = [("source time", pyc.source_time), ("source size", pyc.source_size)];
    for (path, number) in times {
        let value = number.map(|number| number.to_string());
        content.fields.extend(value.map(|value| Field { path: path.to_owned(), value, span: header }));
    }
}

/// Adds what a code object that ends `input` is and does, with the source that it was compiled from; `header` is
/// what stands before it.
pub(crate) fn code(
    input: Bytes<'_>,
    code: &CodeObject,
    header: Option<Span>,
    trigger: Trigger,
    content: &mut Content,
    budget: &mut Budget,
) {
    for (path, value) in [("version", code.version.to_string()), ("source file", code.filename.clone())] {
        content.fields.push(Field { path: path.to_owned(), value, span: header });
    }
    let end = code.span.end();
    if let Some(rest) = input.span().end().checked_sub(end).filter(|rest| *rest > 0) {
        content.oddities.push(Oddity {
            kind: OddityKind::TrailingBytes,
            place: String::new(),
            span: Some(Span::new(end, rest)),
            what: format!("{rest} bytes follow the code object"),
        });
    }
    function(code, trigger, content, budget);
}

/// Adds what a code object does, with the source that it was compiled from.
pub(crate) fn function(code: &CodeObject, trigger: Trigger, content: &mut Content, budget: &mut Budget) {
    for doubt in &code.doubts {
        content.oddities.push(Oddity {
            kind: OddityKind::Malformed,
            place: code.name.clone(),
            span: code.code_span,
            what: format!("the bytecode does not fit its version: {doubt}"),
        });
    }
    let decompiled = cpython::decompile(code, budget);
    let mut program = cpython::lift(code, trigger, budget);
    content.oddities.extend(unfollowed(&program, &code.name, program.span));
    program.source = Some(decompiled.text);
    content.programs.push(program);
}

/// What is odd about a program whose instructions could not all be followed.
pub(crate) fn unfollowed(program: &Program, place: &str, span: Span) -> Option<Oddity> {
    (program.unfollowed > 0).then(|| Oddity {
        kind: OddityKind::OpaqueCode,
        place: place.to_owned(),
        span: Some(span),
        what: format!(
            "Python would fail at {} of its instructions or read astray; what they do is not known",
            program.unfollowed
        ),
    })
}

/// What could not be read as a code object.
pub(crate) fn unread(input: Bytes<'_>, error: &NotCode) -> Gap {
    Gap::over(input.span(), format!("not read as bytecode: {}", error.0))
}

#[cfg(test)]
mod tests;
