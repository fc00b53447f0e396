//! Scripts: text that an interpreter named in its first line runs, and command files by their name. Shell
//! scripts are lifted; of others it is said that they were not read.

use crate::plain_text;
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, Gap, Span, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "Script: shell, PowerShell, batch and others",
    endings: &[".sh", ".bash", ".zsh", ".command", ".ps1", ".bat", ".cmd", ".pl", ".rb"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// Scripts longer than this are generated, in bytes.
const LONGEST: usize = 8 << 20;

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

fn identify(input: Bytes<'_>) -> Option<Strength> {
    interpreter(input)?;
    plain_text::text(input, LONGEST)?;
    // Python has a format of its own, which asks whether the text is Python.
    Some(if names_python(input) { Strength::Weak } else { Strength::Strong })
}

/// Whether the first line gives the text to Python, itself or by a program that starts it.
pub(crate) fn names_python(input: Bytes<'_>) -> bool {
    interpreter(input).is_some_and(|name| ["python", "pypy", "uv"].iter().any(|known| name.starts_with(known)))
}

/// The program in `#!/bin/sh -e` and `#!/usr/bin/env -S bash -e`, without its folder.
fn interpreter(input: Bytes<'_>) -> Option<&str> {
    if !input.starts_with(b"#!") {
        return None;
    }
    let line = input.head(256).as_slice().split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line.get(2..)?).ok()?.trim();
    let mut words = line.split_ascii_whitespace();
    let program = words.next().filter(|program| program.starts_with('/'))?;
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "env" => {
            let mut rest = words.filter(|word| !word.starts_with('-') && !word.contains('='));
            rest.next().map(|word| word.rsplit('/').next().unwrap_or(word))
        }
        "" => None,
        name => Some(name),
    }
}

/// The interpreter that a file name stands for.
fn by_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "sh" | "bash" | "zsh" | "command" => "sh",
        "ps1" | "psm1" => "powershell",
        "bat" | "cmd" => "cmd",
        _ => return None,
    })
}

fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    by_name(name)?;
    plain_text::text(input, LONGEST).map(|_| Strength::Weak)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let interpreter = interpreter(input).or_else(|| by_name(request.path.file_name()));
    let interpreter = interpreter.unwrap_or("unknown");
    let value = interpreter.to_owned();
    content.fields.push(Field { path: "interpreter".to_owned(), value, span: None });
    content.components.push(Component {
        kind: "script",
        name: interpreter.to_owned(),
        class: interpreter.to_owned(),
        place: "line 1".to_owned(),
        span: Some(input.head(128).span()),
        ..Component::default()
    });
    match plain_text::text(input, LONGEST) {
        Some(text) if SHELLS.contains(&interpreter) => {
            let mut program = wb_code::shell::lift(text, Trigger::Run, budget);
            // A byte order mark stands before the text.
            let mark = input.len().saturating_sub(text.len()) as u64;
            for op in &mut program.ops {
                op.span = Span::new(op.span.start.saturating_add(mark), op.span.len);
            }
            program.span = input.span();
            content.programs.push(program);
        }
        Some(_) => {
            let why = format!("scripts for `{interpreter}` are not read");
            content.gaps.push(Gap::over(input.span(), why));
        }
        None => content.gaps.push(Gap::over(input.span(), "not read as text")),
    }
    content
}

#[cfg(test)]
mod tests;
