//! Python source beside or inside a model: what importing it would run.

use crate::script;
use crate::{Family, Reader, Request};
use encoding::{Source, source};
use wb_core::{Budget, Bytes, Content, Limits, Program, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "Python source",
    endings: &[".py", ".pyi"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// Source longer than this is generated data rather than code, in bytes.
const LONGEST: usize = 8 << 20;

/// The text has to hold a line that begins an import, a function or a class before it is parsed: prose of
/// one word per line is valid Python too.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let first = input.byte(0)?;
    if !(first.is_ascii_graphic() || first.is_ascii_whitespace() || first == 0xef) {
        return None;
    }
    let Source::Text(text) = source(input, LONGEST)? else {
        return script::names_python(input).then_some(Strength::Weak);
    };
    if script::names_python(input) {
        return lift(&text).map(|_| Strength::Strong);
    }
    // Code that begins this late is not code.
    if !text.lines().take(2_000).any(opens_code) {
        return None;
    }
    lift(&text).filter(|program| !program.ops.is_empty()).map(|_| Strength::Weak)
}

/// A file called `.py` is Python when it parses, whatever it holds.
fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    match name.ends_with(".py").then(|| source(input, LONGEST)).flatten()? {
        Source::Text(text) => lift(&text).map(|_| Strength::Weak),
        Source::Unknown(_) => Some(Strength::Weak),
    }
}

fn lift(text: &str) -> Option<Program> {
    let mut budget = Budget::new(Limits { items: 1_000_000, ..Limits::default() });
    wb_code::python::lift(text, Trigger::Import, &mut budget)
}

/// Whether a line begins as only code does.
fn opens_code(line: &str) -> bool {
    let line = line.trim_start();
    let rest = ["import ", "from ", "def ", "async def ", "class "]
        .iter()
        .find_map(|word| line.strip_prefix(word).map(|rest| (*word, rest)));
    match rest {
        Some(("from ", rest)) => rest.contains(" import "),
        Some(("import ", rest)) => rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'),
        Some((_, rest)) => rest.contains([':', '(']),
        None => false,
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut gap = |why: String| content.gaps.push(wb_core::Gap::over(input.span(), why));
    let text = match source(input, LONGEST) {
        Some(Source::Text(text)) => text,
        Some(Source::Unknown(name)) => {
            gap(format!("the source is in the encoding `{name}`, which is not read"));
            return content;
        }
        None => "".into(),
    };
    let Some(mut program) = wb_code::python::lift(&text, Trigger::Import, budget) else {
        gap("not parsed as Python".to_owned());
        return content;
    };
    program.span = input.span();
    if text.as_bytes() != input.as_slice().strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.as_slice()) {
        // What was decoded does not stand in the file.
        program.stand_at(input.span());
    }
    content.programs.push(program);
    content
}

mod encoding;
#[cfg(test)]
mod tests;
