//! [`explain`]: what is known about a rule or a callable, in words.

use crate::{knowledge, rules};
use wb_core::Severity;

/// What is known about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The name: of a rule, or the canonical name of a callable or command.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// The rest, as Markdown.
    pub text: String,
    /// Where it is written down, as a path below `crates/wb-rules`.
    pub source: String,
}

/// Explains a rule by its name, a callable by its dotted name or a shell command by its name; `None` when
/// nothing is known.
pub fn explain(name: &str) -> Option<Explanation> {
    rule(name).or_else(|| callable(name)).or_else(|| command(name))
}

fn rule(name: &str) -> Option<Explanation> {
    let rule = rules().iter().find(|rule| rule.name == name)?;
    let gravest = match rule.severity {
        Severity::Info => "information only".to_owned(),
        severity => format!("at most {}", severity.name()),
    };
    Some(Explanation {
        name: rule.name.to_owned(),
        title: rule.title.to_owned(),
        text: format!(
            "{}\n\nSeverity: {gravest}\nTechniques: {}\n",
            rule.page.trim_end(),
            rule.techniques.join(", ")
        ),
        source: format!("pages/{}.md", rule.name),
    })
}

fn callable(name: &str) -> Option<Explanation> {
    let known = knowledge::table().known(name)?;
    let derived = knowledge::table().derived(&known);
    let mut explanation = describe(name, known)?;
    if let Some(derived) = derived {
        explanation
            .text
            .push_str(&format!("\nIts source says the same: it {}.\n", derived.fact.why));
    }
    Some(explanation)
}

fn command(name: &str) -> Option<Explanation> {
    describe(name, knowledge::table().known_command(name)?)
}

fn describe(name: &str, known: knowledge::Known<'_>) -> Option<Explanation> {
    let fact = &known.fact;
    let mut text =
        format!("`{}` {}.\nCapability: {}\n", known.canonical, fact.why, fact.capability.name());
    if known.canonical != name {
        text.push_str(&format!("`{name}` is another name of it.\n"));
    }
    let argument = match (fact.argument, fact.keyword.as_deref()) {
        (Some(at), Some(keyword)) => Some(format!("{} (`{keyword}=`)", at.checked_add(1)?)),
        (Some(at), None) => Some(at.checked_add(1)?.to_string()),
        (None, Some(keyword)) => Some(format!("`{keyword}=`")),
        (None, None) => None,
    };
    if let Some(argument) = argument {
        text.push_str(&format!("The argument that matters: {argument}\n"));
    }
    Some(Explanation {
        name: known.canonical,
        title: fact.capability.name().to_owned(),
        text,
        source: format!("data/{}", fact.origin),
    })
}
