//! Lists of packages for pip: `requirements.txt`, constraints. Each requirement is a component, options
//! are fields, comments are texts.
//!
//! Source: pip documentation, "Requirements File Format"; PEP 508; PEP 440. [`Requirement`] is one line.

pub(crate) mod manifest;
mod requirement;

use crate::plain_text::{self, Line, lines};
use crate::{Family, Reader, Request};
use requirement::{Parsed, Requirement};
use wb_core::{Budget, Bytes, Component, Content, Field, Span, Strength, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "List of Python packages for pip",
    endings: &["requirements.txt"],
    family: Family::Dependencies,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// A list of packages is never longer, in bytes.
const LONGEST: usize = 1 << 20;

/// Every line is a requirement or an option, and one of them says more than a bare word.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    evidence(input).filter(|tells| *tells).map(|_| Strength::Weak)
}

/// Bare names are a list of packages only when the file says so.
fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    let name = name.to_ascii_lowercase();
    let usual = name.contains("requirements") || name.starts_with("constraints");
    (usual && name.ends_with(".txt") && evidence(input).is_some()).then_some(Strength::Weak)
}

/// `None` when some line is neither requirement nor option, otherwise whether any line could be nothing
/// else.
fn evidence(input: Bytes<'_>) -> Option<bool> {
    let first = input.byte(0)?;
    if !(first.is_ascii_graphic() || first.is_ascii_whitespace() || first == 0xef) {
        return None;
    }
    let text = plain_text::text(input, LONGEST)?;
    let (mut any, mut tells) = (false, false);
    for (line, _) in logical(lines(input, text)) {
        match requirement::parse(requirement::without_comment(&line).0) {
            Parsed::Nothing => {}
            Parsed::Other => return None,
            Parsed::Option(..) => (any, tells) = (true, true),
            Parsed::Requirement(requirement) => {
                any = true;
                tells |= requirement.tells();
            }
        }
    }
    any.then_some(tells)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text(input, LONGEST) else { return content };
    for (joined, line) in logical(lines(input, text)) {
        if let Err(limit) = budget.items(1) {
            content.gaps.push(crate::decode::exhausted(limit, "the list", line.span()));
            break;
        }
        let (rest, comment) = requirement::without_comment(&joined);
        if let Some(comment) = comment.map(str::trim).filter(|comment| !comment.is_empty()) {
            let (place, value) = (format!("comment in line {}", line.number), comment.to_owned());
            content.texts.push(Text { place, value, span: Some(line.span()) });
        }
        match requirement::parse(rest) {
            Parsed::Requirement(requirement) => {
                let place = format!("line {}", line.number);
                let one = component(&requirement, line.span(), place, Some(line.number));
                content.components.push(one);
            }
            Parsed::Option(name, value) => {
                let (path, value) = (name.to_owned(), value.to_owned());
                content.fields.push(Field { path, value, span: Some(line.span()) });
            }
            Parsed::Other => {
                let (place, value) = (format!("line {}", line.number), rest.trim().to_owned());
                content.texts.push(Text { place, value, span: Some(line.span()) });
            }
            Parsed::Nothing => {}
        }
    }
    indexes(&mut content);
    content
}

/// Lines, with those that end in a backslash joined to the next.
fn logical<'a>(mut lines: impl Iterator<Item = Line<'a>>) -> impl Iterator<Item = (String, Line<'a>)> {
    std::iter::from_fn(move || {
        let first = lines.next()?;
        let mut joined = first.text.to_owned();
        while joined.ends_with('\\') {
            joined.pop();
            match lines.next() {
                Some(next) => joined.push_str(next.text),
                None => break,
            }
        }
        Some((joined, first))
    })
}

fn component(requirement: &Requirement<'_>, span: Span, place: String, line: Option<u64>) -> Component {
    let mut settings = Vec::new();
    let mut set = |path: &str, value: &str| {
        if !value.is_empty() {
            let (path, value) = (path.to_owned(), value.to_owned());
            settings.push(Field { path, value, span: Some(span) });
        }
    };
    set("version", requirement.version);
    set("extras", requirement.extras);
    set("url", requirement.url);
    set("marker", requirement.marker);
    set("options", requirement.options);
    set("line", &line.map(|line| line.to_string()).unwrap_or_default());
    Component {
        kind: "requirement",
        name: requirement.name.to_owned(),
        place,
        span: Some(span),
        settings,
        ..Component::default()
    }
}

/// pip asks every index of the file for every package, so an index belongs to each of them.
pub(crate) fn indexes(content: &mut Content) {
    const MOST: usize = 8;
    const OPTIONS: &[&str] = &["index-url", "extra-index-url", "find-links"];
    let indexes: Vec<Field> = content
        .fields
        .iter()
        .filter(|field| OPTIONS.contains(&field.path.as_str()))
        .take(MOST)
        .map(|field| Field { path: "index".to_owned(), ..field.clone() })
        .collect();
    for component in &mut content.components {
        component.settings.extend(indexes.iter().cloned());
    }
}

#[cfg(test)]
mod tests;
