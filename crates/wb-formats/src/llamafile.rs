//! llamafile: one file that is a program for several systems and a zip archive with the weights. Starting
//! it starts what the program and the member `.args` say.
//!
//! Specification: the README of `Mozilla-Ocho/llamafile` ("How llamafile works", "Creating llamafiles") and its
//! `llamafile/zipalign.c`, and "Actually Portable Executable" in `jart/cosmopolitan`.

use crate::{Family, Reader, Request, storage, zip};
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Field, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "llamafile: a program with its weights in a zip archive",
    endings: &[".llamafile", ".exe"],
    family: Family::Model,
    refines: &["zip", "pe", "elf", "mach-o", "script"],
    identify,
    parse,
    named: None,
};

/// An executable of several systems begins with the magic number of one and the quoting of a shell.
const PORTABLE: [&[u8]; 2] = [b"MZqFpD='", b"jartsr='"];

/// Longest list of arguments that is kept, in bytes.
const ARGUMENTS: usize = 64 << 10;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    if program(input).is_none() || !zip::is_zip(input) {
        return None;
    }
    zip::any_name(input, |name| name.ends_with(b".gguf") || name == b".args").then_some(Strength::Strong)
}

/// What kind of program the file begins with.
fn program(input: Bytes<'_>) -> Option<&'static str> {
    if PORTABLE.iter().any(|start| input.starts_with(start)) {
        return Some("portable executable");
    }
    storage::executable(input)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let entries = zip::open(input, &mut content, budget);
    // The program in front of the archive is what makes it a llamafile; it is a child like the members.
    if let Some(span) = zip::take_prefix(&mut content) {
        let name = "bytes before the archive".to_owned();
        content.children.push(Child { name, data: ChildData::Span(span) });
    }
    // `zipalign` adds the weights behind the archive that the program brings along.
    zip::take_earlier_directories(input, &mut content);
    content.components.push(Component {
        kind: "image",
        name: "several machines".to_owned(),
        class: program(input).unwrap_or("executable").to_owned(),
        place: "bytes before the archive".to_owned(),
        span: Some(input.head(64).span()),
        ..Component::default()
    });
    for entry in entries {
        if entry.name == ".args"
            && let Some(member) = zip::data(input, &entry, &mut content, budget)
        {
            let text = String::from_utf8_lossy(member.bytes().head(ARGUMENTS).as_slice()).into_owned();
            for (index, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
                let (path, value) = (format!(".args[{index}]"), line.to_owned());
                content.fields.push(Field { path, value, span: Some(entry.data) });
            }
        }
        zip::child(input, &entry, &mut content, budget);
    }
    crate::names::tell_apart(&mut content.children);
    content
}

#[cfg(test)]
mod tests;
