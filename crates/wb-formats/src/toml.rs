//! TOML: `pyproject.toml`, `Pipfile`, configurations of training runs. Everything becomes fields; packages that
//! it asks for become requirements.
//!
//! Specification: TOML 1.1.0; PEP 621, PEP 735 and the tables of Poetry, uv and Pipenv for what is asked for.

use crate::plain_text;
use crate::requirements::manifest;
use crate::spanned_json::{Json, Node};
use crate::{Family, Reader, Request, json, target};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use wb_core::{Budget, Bytes, Content, Gap, Exhausted, Span, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "TOML document",
    endings: &[".toml", "pipfile"],
    family: Family::Source,
    refines: &[],
    identify,
    parse,
    named: Some(named),
};

/// A configuration is never longer, in bytes.
const LONGEST: usize = 1 << 20;

/// Tables that say what the document is.
const MARKS: [&str; 4] = ["[project]", "[build-system]", "[tool.poetry]", "[[source]]"];

/// Text with one of the tables of a project, that reads as TOML.
fn identify(input: Bytes<'_>) -> Option<Strength> {
    let text = plain_text::text(input, LONGEST)?;
    let marked = MARKS.iter().any(|mark| text.contains(mark));
    (marked && DeTable::parse(text).is_ok()).then_some(Strength::Weak)
}

fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, |text| DeTable::parse(text).is_ok())
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let table = plain_text::text(input, LONGEST).map(|text| (text, DeTable::parse(text)));
    let Some((text, Ok(table))) = table else {
        content.gaps.push(Gap::over(input.span(), "not read as TOML"));
        return content;
    };
    // A byte order mark stands before the text.
    let mark = (input.len() as u64).saturating_sub(text.len() as u64);
    let mut tree = Tree { start: input.offset().saturating_add(mark), budget };
    match tree.table(table.get_ref(), input.span()) {
        Ok(json) => {
            json::flatten(&json, &mut content.fields);
            manifest::project(&json, &mut content);
            target::programs(&json, &mut content, budget);
        }
        Err(limit) => content.gaps.push(crate::decode::exhausted(limit, "the document", input.span())),
    }
    content
}

/// Values of TOML as the tree that every configuration is read as.
struct Tree<'b> {
    /// Where the text begins in the artifact.
    start: u64,
    budget: &'b mut Budget,
}

impl Tree<'_> {
    /// The parser bounds how deeply values nest.
    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Result<Json, Exhausted> {
        self.budget.items(1)?;
        let range = value.span();
        let len = range.end.saturating_sub(range.start);
        let span = Span::new(self.start.saturating_add(range.start as u64), len as u64);
        let node = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, span),
            DeValue::String(text) => Node::Text(text.to_string()),
            DeValue::Integer(number) => Node::Plain(number.to_string()),
            DeValue::Float(number) => Node::Plain(number.to_string()),
            DeValue::Boolean(value) => Node::Plain(value.to_string()),
            DeValue::Datetime(time) => Node::Text(time.to_string()),
            DeValue::Array(items) => {
                Node::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Json { node, span, tag: None })
    }

    fn table(&mut self, table: &DeTable<'_>, span: Span) -> Result<Json, Exhausted> {
        let entries = table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), self.value(value)?)));
        Ok(Json { node: Node::Object(entries.collect::<Result<_, Exhausted>>()?), span, tag: None })
    }
}

#[cfg(test)]
mod tests;
