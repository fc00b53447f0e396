//! Tokenizers that put words into what the model is told or says.

use super::{Draft, Subject};
use wb_core::{Component, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A tokenizer that puts words into the text",
    severity: Severity::Medium,
    techniques: &["AML.T0018.000", "AML.T0051"],
    examine,
};

/// The shortest run of letters that is a word: marks of spaces and quotes have none.
const WORD: usize = 3;

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let steps = subject.content.components.iter().filter(|step| step.kind == "text-step");
    steps.filter_map(|step| finding(subject, step)).collect()
}

/// Words and addresses. A special token of the vocabulary, as an end of a line may have one, is none of them.
fn has_words(text: &str) -> bool {
    text.contains("://") || text.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() >= WORD)
}

fn finding(subject: &Subject<'_>, step: &Component) -> Option<Finding> {
    let text = step.setting("content").filter(|text| has_words(text))?;
    if step.setting("known").is_some() && !text.contains(char::is_whitespace) && !text.contains("://") {
        return None;
    }
    let whose = if step.place.starts_with("decoder") { "the model's answer" } else { "what the model is told" };
    let shown: String = text.chars().take(200).collect();
    let headline = match step.setting("pattern") {
        Some(pattern) => format!("`{shown}` is put into {whose} in place of `{pattern}`"),
        None => format!("`{shown}` is put before {whose}"),
    };
    let location = Location::at(&*step.place, step.span);
    let builder = FindingBuilder::new("tokenizer-adds-text", &subject.artifact.path, location, headline)
        .severity(RULE.severity)
        .verdict(Verdict::Suspicious)
        .techniques(RULE.techniques)
        .next("compare the tokenizer with the one that the model's authors published");
    Some(builder.build())
}
