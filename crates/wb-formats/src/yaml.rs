//! YAML: configurations of training runs and of models. Everything becomes fields; what names a callable to be
//! called becomes a program, as in JSON.

mod tree;

use crate::plain_text;
use crate::requirements::manifest;
use crate::spanned_json::Json;
use crate::{Family, Reader, Request, json, packages, target};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "YAML document",
    endings: &[".yaml", ".yml"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// A configuration is never longer, in bytes.
const LONGEST: usize = 4 << 20;

/// What no prose, log or source holds, and what makes a configuration worth reading under any name.
const MARKS: [&str; 6] =
    ["_target_:", "class_path:", "loader_module:", "!!python/", "tag:yaml.org,2002:python/", "%YAML"];

/// Text that holds the mark of a configuration that is instantiated, and reads as YAML. JSON is read as JSON.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = plain_text::text(input, LONGEST).filter(|text| !text.starts_with(['{', '[', '<']))?;
    let marked = MARKS.iter().any(|mark| memchr::memmem::find(text.as_bytes(), mark.as_bytes()).is_some());
    (marked && tree::is_document(text)).then_some(Strength::Weak)
}

/// A file called `.yaml` is one when it reads as a mapping or a list.
fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, tree::is_document)
}

/// The documents of `input`, as far as it is YAML.
pub(crate) fn documents(input: Bytes<'_>, budget: &mut Budget) -> Vec<Json> {
    plain_text::text(input, LONGEST).map_or_else(Vec::new, |text| tree::read(input, text, budget).documents)
}

/// Adds every value of `text`, the text of `input`, which stands as YAML at the head of another file.
pub(crate) fn head(input: Bytes<'_>, text: &str, content: &mut Content, budget: &mut Budget) {
    for document in &tree::read(input, text, budget).documents {
        json::flatten(document, &mut content.fields);
    }
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, LONGEST, &mut content) else { return content };
    let read = tree::read(input, text, budget);
    for document in &read.documents {
        json::flatten(document, &mut content.fields);
        manifest::environment(document, &mut content);
        target::programs(document, &mut content, budget);
        packages::read(document, &mut content, budget);
    }
    content.oddities.extend(read.oddities);
    content.gaps.extend(read.gaps);
    content
}

#[cfg(test)]
mod tests;
