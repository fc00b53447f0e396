//! JSON: configurations of models, tokenizers and training runs. Everything becomes fields; templates and
//! configurations that name what to call become programs.

mod tokenizer;

use crate::checksums::digests_of;
use crate::spanned_json::{self, Json, Node};
use crate::{Family, Reader, Request, packages, prompt, target};
use serde::de::IgnoredAny;
use wb_core::{Budget, Bytes, Content, Field, Gap, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "JSON document",
    endings: &[".json"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: None,
};

/// Fields that are kept; a tokenizer's vocabulary alone may have hundreds of thousands. Behind them as many again
/// are kept of those that could be an address or a key.
const MOST_FIELDS: usize = 20_000;
/// Fields that are kept in all.
const MOST_KEPT: usize = 2 * MOST_FIELDS;
/// The shortest text that is looked at behind the first fields, in bytes: keys and tokens are longer.
const SHORTEST_TELLING: usize = 16;

/// One document from the first byte to the last. Lines of JSON are a log.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let bytes = input.as_slice();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    let last = bytes.iter().rev().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!((first, last), (b'{', b'}') | (b'[', b']')) {
        return None;
    }
    serde_json::from_slice::<IgnoredAny>(bytes).ok().map(|_| Strength::Weak)
}

fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let reader = spanned_json::Reader::new(input).with_dictionaries();
    if let Some(json) = spanned_json::file(input, reader, &mut content, budget) {
            flatten(&json, &mut content.fields);
            content.digests = digests_of(input, &json);
            target::programs(&json, &mut content, budget);
            packages::read(&json, &mut content, budget);
            tokenizer::read(&json, &mut content);
            prompts(request.path.file_name(), &mut content);
            if content.fields.len() >= MOST_KEPT {
                let why = format!("not all of its values are kept: they are more than {MOST_FIELDS}");
                content.gaps.push(Gap::over(input.span(), why));
            }
    }
    content
}

/// Looks at the texts that a model is told before every conversation: those whose key says so, and all of a
/// configuration of how it answers.
fn prompts(name: &str, content: &mut Content) {
    const SHORTEST: usize = 16;
    let all = name == "generation_config.json";
    let told = |field: &&Field| {
        let key = field.path.rsplit('.').next().unwrap_or_default();
        let says = key.contains("prompt") || key.starts_with("system") || key.contains("instruction");
        field.value.len() >= SHORTEST && (all || says)
    };
    let fields: Vec<Field> = content.fields.iter().filter(told).cloned().collect();
    for field in fields {
        prompt::notice(&field.value, &field.path, field.span.unwrap_or_default(), content);
    }
}

/// Every value of `json` with its path: keys joined by `.`, positions as `[n]`.
pub(crate) fn flatten(json: &Json, fields: &mut Vec<Field>) {
    flatten_below(json, &mut String::new(), fields);
}

/// The reader bounds how deeply values nest.
fn flatten_below(json: &Json, path: &mut String, fields: &mut Vec<Field>) {
    let end = path.len();
    match &json.node {
        _ if fields.len() >= MOST_KEPT => {}
        Node::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                if end > 0 {
                    path.push('.');
                }
                path.push_str(key);
                flatten_below(value, path, fields);
                path.truncate(end);
            }
        }
        Node::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                flatten_below(item, path, fields);
                path.truncate(end);
            }
        }
        _ if fields.len() < MOST_FIELDS || json.text().is_some_and(is_telling) => {
            let (path, value) = (path.clone(), json.display());
            fields.push(Field { path, value, span: Some(json.span) });
        }
        _ => {}
    }
}

/// Whether a text could be an address, a key or a token.
fn is_telling(text: &str) -> bool {
    let plain = text.len() >= SHORTEST_TELLING && text.is_ascii();
    plain && (text.contains("://") || !text.contains(|one: char| one.is_whitespace()))
}

#[cfg(test)]
mod tests;
