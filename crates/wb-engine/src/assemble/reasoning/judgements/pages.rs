//! What is written about each rule that leads to a judgement: the sections of `pages/reasoning.md`.

/// A rule that leads to judgements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgementRule {
    /// Its name, such as `payload-ran`.
    pub name: &'static str,
    /// What it decides, in one line.
    pub title: &'static str,
    /// Its page, in Markdown.
    pub page: String,
}

/// Every rule, in the order in which a reader asks.
pub fn judgement_rules() -> Vec<JudgementRule> {
    let sections = include_str!("../../../../pages/reasoning.md").split("\n## ").skip(1);
    let rules = sections.filter_map(|section| {
        let (name, text) = section.split_once('\n')?;
        let title = text.trim().lines().next()?;
        Some(JudgementRule { name, title, page: format!("# {section}") })
    });
    rules.collect()
}
