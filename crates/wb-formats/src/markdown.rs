//! Markdown beside models: model cards and instructions. The commands that they tell somebody to run are lifted; the
//! rest is text.
//!
//! Specification: CommonMark 0.31.2.

use crate::plain_text::{self, lines};
use crate::{Family, Reader, Request, prose};
use wb_core::{Budget, Bytes, Content, Strength, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "Markdown: model cards and instructions",
    endings: &[".md", ".markdown"],
    family: Family::Media,
    refines: &[],
    identify: |_| None,
    parse,
    named: Some(named),
};

/// Texts longer than this were not written by hand, in bytes.
const LONGEST: usize = 8 << 20;
/// The beginning whose lines are kept to be correlated, in bytes.
const KEPT: u64 = 256 << 10;

fn named(name: &str, input: Bytes<'_>) -> Option<Strength> {
    plain_text::named(name, FORMAT.endings, input, LONGEST, |_| true)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let Some(text) = plain_text::text_or_gap(input, LONGEST, &mut content) else { return content };
    let kept = lines(input, text).take_while(|line| line.span().end() <= KEPT);
    // A key goes over several lines.
    let mut in_key = false;
    for line in kept.filter(|line| !line.text.trim().is_empty()) {
        match content.texts.last_mut().filter(|_| in_key) {
            Some(key) => {
                key.value.push('\n');
                key.value.push_str(line.text);
            }
            None => {
                let (place, value) = (format!("line {}", line.number), line.text.to_owned());
                content.texts.push(Text { place, value, span: None });
            }
        }
        in_key = !line.text.contains("-----END ") && (in_key || line.text.contains("-----BEGIN "));
    }
    prose::read(lines(input, text), "", &mut content, budget);
    content
}
