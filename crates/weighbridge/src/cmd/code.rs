//! `weighbridge decompile` and `weighbridge disassemble`: the code in a file, whatever holds it.

use super::{Ended, Outcome};
use crate::cli::{CodeOf, Disassemble};
use crate::messages;
use crate::terminal::print;
use std::path::Path;
use wb_core::{Budget, Bytes};
use wb_engine::{Hashing, ScanOptions, Scanned, Silent};
use wb_report::escape;

/// Prints what code in a file would do, as Python.
pub fn decompile(arguments: &CodeOf) -> Ended {
    let whole = arguments.exact.then(|| pickle_text(&arguments.file)).transpose()?.flatten();
    let out = match whole {
        Some(text) => text,
        None => {
            let scanned = scan(&arguments.file)?;
            let out = programs(&scanned);
            if out.is_empty() && scanned.artifacts.is_empty() {
                return Ok(super::nothing_but(&scanned.skipped));
            }
            out
        }
    };
    if out.is_empty() {
        messages::note(&format!("`{}` holds no code", arguments.file.display()));
        messages::hint("`weighbridge inspect` lists what else a file holds");
        return Ok(Outcome::NothingToLookAt);
    }
    print(&escape::terminal_text(out.trim_end()))?;
    print("\n")?;
    Ok(Outcome::NothingFound)
}

/// A raw pickle in full, so that the text builds the same object.
fn pickle_text(file: &Path) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let data = open(file)?;
    let bytes = Bytes::new(data.as_slice());
    if !wb_code::pickle::is_pickle(bytes) {
        return Ok(None);
    }
    let mut budget = Budget::default();
    let lifted = wb_code::pickle::lift(
        bytes,
        wb_core::Trigger::Load,
        wb_code::pickle::Detail::Full,
        &mut budget,
    );
    let texts: Vec<String> =
        lifted.programs.iter().map(|program| wb_code::print::python(program, false).text).collect();
    Ok(Some(texts.join("\n")))
}

/// Every program in a file and in what is nested in it, as text under a title.
fn programs(scanned: &Scanned) -> String {
    let mut out = String::new();
    for inspected in &scanned.artifacts {
        for program in &inspected.content.programs {
            let mut title = format!("{} in {}", program.language.name(), inspected.artifact.path);
            if let Some(component) = &program.component {
                title.push_str(&format!(", `{component}`"));
            } else if !program.place.is_empty() {
                title.push_str(&format!(", {}", program.place));
            }
            let printed = || wb_code::print::python(program, true).text;
            let text = program.source.clone().unwrap_or_else(printed);
            let text = match text.trim_end() {
                "" => "# plain data: it calls nothing",
                text => text,
            };
            out.push_str(&format!("# {title} (runs at {})\n{text}\n\n", program.trigger.name()));
        }
    }
    out
}

/// A file and what is nested in it, contents kept.
fn scan(file: &Path) -> Result<Scanned, wb_engine::EngineError> {
    let options =
        ScanOptions { hashing: Hashing::Off, keep_contents: true, ..ScanOptions::default() };
    wb_engine::scan(&[file.to_owned()], options, &Silent)
}

/// Prints the instructions of code in a file.
pub fn disassemble(arguments: &Disassemble) -> Ended {
    let data = open(&arguments.file)?;
    let bytes = Bytes::new(data.as_slice());
    let mut budget = Budget::default();
    let text = if wb_code::pickle::is_pickle(bytes) {
        wb_code::pickle::disassemble(bytes, arguments.trace, &mut budget)
    } else if let Ok(pyc) = wb_code::cpython::read_pyc(bytes, &mut budget) {
        wb_code::cpython::disassemble(&pyc.code)
    } else if let Ok(code) = wb_code::cpython::read_marshal(bytes, None, &mut budget) {
        wb_code::cpython::disassemble(&code)
    } else {
        return members(&arguments.file, arguments.trace);
    };
    print(&escape::terminal_text(&text))?;
    Ok(Outcome::NothingFound)
}

/// Disassembles the pickles inside a container.
fn members(file: &Path, trace: bool) -> Ended {
    let scanned = scan(file)?;
    let mut shown = 0;
    for inspected in scanned.artifacts.iter().filter(|found| !found.content.programs.is_empty()) {
        let Ok(data) = wb_engine::bytes_of(file, &inspected.artifact.path) else { continue };
        let bytes = Bytes::new(&data);
        for program in &inspected.content.programs {
            let Some(code) =
                bytes.at_span(program.span).filter(|code| wb_code::pickle::is_pickle(*code))
            else {
                continue;
            };
            let mut budget = Budget::default();
            let text = wb_code::pickle::disassemble(code, trace, &mut budget);
            let title = format!("# {}, {}\n", inspected.artifact.path, program.place);
            print(&escape::terminal_text(&title))?;
            print(&escape::terminal_text(&text))?;
            shown += 1;
        }
    }
    if shown == 0 {
        messages::note(&format!("`{}` holds no pickle or code object", file.display()));
        messages::hint("`weighbridge decompile` shows code of other kinds");
        return Ok(Outcome::NothingToLookAt);
    }
    Ok(Outcome::NothingFound)
}

fn open(file: &Path) -> Result<wb_engine::Data, wb_engine::EngineError> {
    wb_engine::open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => wb_engine::EngineError::NotFound(file.to_owned()),
        _ => wb_engine::EngineError::Unreadable(file.to_owned(), error),
    })
}
