//! [`Rule`]: what is said about a rule.

use rsigma_parser::{CorrelationRule, Level, SigmaRule};
use wb_core::Severity;

/// A rule, as reports speak of it. Rules live as long as the program.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name in reports: `name`, else `id`, else the title.
    pub name: &'static str,
    /// Its identifier.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// ATT&CK and ATLAS technique ids of its tags.
    pub techniques: &'static [&'static str],
    /// What it looks for.
    pub description: &'static str,
    /// What else it may be.
    pub false_positives: &'static [&'static str],
    /// Its page, for rules that ship.
    pub page: Option<&'static str>,
    /// Whether it only feeds correlations.
    pub silent: bool,
    /// The matches that count, when those before decide.
    pub(crate) new: Option<New>,
}

/// A match counts if the value of `field` is new, after `after` earlier matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New {
    pub(crate) field: &'static str,
    pub(crate) after: usize,
}

/// A text that lives as long as the program: rules are read once.
fn keep(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn all(texts: &[String]) -> &'static [&'static str] {
    texts.iter().map(|text| keep(text)).collect::<Vec<_>>().leak()
}

impl Rule {
    /// Whether one record is enough for a match.
    pub fn is_told_by_itself(&self) -> bool {
        !self.silent && self.new.is_none()
    }

    pub(crate) fn of_detection(
        rule: &SigmaRule,
        page: Option<&'static str>,
    ) -> Result<Self, String> {
        Ok(Self {
            new: new(rule)?,
            ..Self::said(
                [&rule.name, &rule.id],
                &rule.title,
                rule.level,
                &rule.tags,
                &rule.description,
                &rule.falsepositives,
                page,
            )
        })
    }

    pub(crate) fn of_correlation(rule: &CorrelationRule, page: Option<&'static str>) -> Self {
        Self::said(
            [&rule.name, &rule.id],
            &rule.title,
            rule.level,
            &rule.tags,
            &rule.description,
            &rule.falsepositives,
            page,
        )
    }

    fn said(
        [name, id]: [&Option<String>; 2],
        title: &str,
        level: Option<Level>,
        tags: &[String],
        description: &Option<String>,
        false_positives: &[String],
        page: Option<&'static str>,
    ) -> Self {
        let id = keep(id.as_deref().unwrap_or_default());
        let own = id.contains("-without-id-");
        Self {
            name: name.as_deref().map_or_else(|| if own { keep(title) } else { id }, keep),
            id,
            title: keep(title),
            severity: severity(level),
            techniques: techniques(tags),
            description: keep(description.as_deref().unwrap_or_default().trim()),
            false_positives: all(false_positives),
            page,
            silent: false,
            new: None,
        }
    }
}

fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational) => Severity::Info,
        Some(Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

/// Technique ids of tags: `attack.t1059.004`, `atlas.aml.t0010`.
fn techniques(tags: &[String]) -> &'static [&'static str] {
    let of = |tag: &String| {
        let tag = tag.to_ascii_uppercase();
        let id = tag.strip_prefix("ATTACK.").or_else(|| tag.strip_prefix("ATLAS."))?;
        let number = id.strip_prefix("AML.").unwrap_or(id).strip_prefix('T')?;
        number.starts_with(|c: char| c.is_ascii_digit()).then(|| keep(id))
    };
    tags.iter().filter_map(of).collect::<Vec<_>>().leak()
}

fn new(rule: &SigmaRule) -> Result<Option<New>, String> {
    let attribute = |name: &str| rule.custom_attributes.get(name);
    let Some(field) = attribute("weighbridge.new") else { return Ok(None) };
    let field = field.as_str().ok_or("`weighbridge.new` has to be the name of a field")?;
    let after = match attribute("weighbridge.after") {
        None => Some(1),
        Some(count) => count.as_u64().and_then(|count| usize::try_from(count).ok()),
    };
    let after = after.ok_or("`weighbridge.after` has to be a number of matches")?;
    Ok(Some(New { field: keep(field), after }))
}
