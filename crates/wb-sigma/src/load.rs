//! [`Parsed`]: documents of Sigma read, each checked for what would not be evaluated. What is not supported is an
//! error and never a rule that silently finds nothing.

use crate::mend;
use rsigma_parser::{
    ConditionExpr, CorrelationCondition, CorrelationRule, Detection, DetectionItem, Detections,
    FilterRule, LogSource, Modifier, SigmaCollection, SigmaRule, SigmaValue, parse_sigma_yaml,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A file with rules.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its name, for messages.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// Why a rule cannot be used. User: the rule has to be mended or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// The line on which the document begins.
    pub line: Option<usize>,
    /// The rule's title, when it could be read.
    pub rule: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ", rule `{rule}`")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for LoadError {}

/// Where a document stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    file: String,
    line: Option<usize>,
}

impl Place {
    /// An error in the rule called `title`.
    pub(crate) fn error(&self, title: &str, what: impl Into<String>) -> LoadError {
        LoadError {
            file: self.file.clone(),
            line: self.line,
            rule: Some(title.to_owned()).filter(|title| !title.is_empty()),
            what: what.into(),
        }
    }
}

/// Documents that were read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) rules: Vec<(SigmaRule, Place)>,
    pub(crate) correlations: Vec<(CorrelationRule, Place)>,
    pub(crate) filters: Vec<(FilterRule, Place)>,
}

impl Parsed {
    /// Reads every document of `texts`.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a Text>) -> Result<Self, Vec<LoadError>> {
        let mut parsed = Self::default();
        let mut errors = Vec::new();
        for text in texts {
            for (line, document) in documents(&text.text) {
                let place = Place { file: text.name.clone(), line };
                let title = title(document);
                match parse_sigma_yaml(document).map(SigmaCollection::into_result) {
                    Ok(Ok(collection)) => parsed.take(collection, &place, &mut errors),
                    Ok(Err(all)) => {
                        errors.extend(all.into_iter().map(|what| place.error(&title, what)));
                    }
                    Err(error) => errors.push(place.error(&title, error.to_string())),
                }
            }
        }
        parsed.references(&mut errors);
        if errors.is_empty() { Ok(parsed) } else { Err(errors) }
    }

    fn take(&mut self, collection: SigmaCollection, place: &Place, errors: &mut Vec<LoadError>) {
        let mut check = |title: &str, wrong: Vec<String>| {
            errors.extend(wrong.into_iter().map(|what| place.error(title, what)));
        };
        for mut rule in collection.rules {
            let mut wrong = wrong_in_detections(&rule.detection);
            wrong.extend(mend::detections(&mut rule.detection).err());
            wrong.extend(wrong_in_source(&rule.logsource));
            wrong.extend(wrong_in_attributes(rule.custom_attributes.keys()));
            check(&rule.title, wrong);
            let number = self.rules.len();
            // Matches are told apart by the id, so that every rule needs one.
            rule.id.get_or_insert_with(|| format!("rule-without-id-{number}"));
            self.rules.push((rule, place.clone()));
        }
        for mut rule in collection.correlations {
            check(&rule.title, wrong_in_attributes(rule.custom_attributes.keys()));
            mend::correlation(&mut rule);
            let number = self.correlations.len();
            rule.id.get_or_insert_with(|| format!("correlation-without-id-{number}"));
            self.correlations.push((rule, place.clone()));
        }
        for mut filter in collection.filters {
            let mut wrong = wrong_in_detections(&filter.detection);
            wrong.extend(mend::detections(&mut filter.detection).err());
            wrong.extend(wrong_in_attributes(filter.custom_attributes.keys()));
            check(&filter.title, wrong);
            self.filters.push((filter, place.clone()));
        }
    }

    /// Identifiers stand once, and what correlations refer to is there.
    fn references(&self, errors: &mut Vec<LoadError>) {
        let rules =
            self.rules.iter().map(|(rule, place)| (&rule.id, &rule.name, &rule.title, place));
        let correlations = self
            .correlations
            .iter()
            .map(|(rule, place)| (&rule.id, &rule.name, &rule.title, place));
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, name, title, place) in rules.chain(correlations) {
            let names: BTreeSet<&str> =
                [id, name].into_iter().flatten().map(String::as_str).collect();
            for name in names {
                if let Some(other) = known.insert(name, title) {
                    let what = format!("`{name}` is the id or name of another rule, `{other}`");
                    errors.push(place.error(title, what));
                }
            }
        }
        for (rule, place) in &self.correlations {
            for named in rule.rules.iter().filter(|named| !known.contains_key(named.as_str())) {
                let what = format!("it correlates `{named}`, which is no id or name of a rule");
                errors.push(place.error(&rule.title, what));
            }
            let of_values =
                matches!(&rule.condition, CorrelationCondition::Threshold { field: Some(_), .. });
            let is_correlation = |name: &String| {
                let mut others = self.correlations.iter();
                others.any(|(other, _)| {
                    [&other.id, &other.name].into_iter().flatten().any(|own| own == name)
                })
            };
            if of_values && rule.rules.iter().any(is_correlation) {
                let what = "values of what another correlation found are not supported";
                errors.push(place.error(&rule.title, what));
            }
            if let CorrelationCondition::Extended(expression) = &rule.condition {
                for named in identifiers(expression) {
                    if !rule.rules.contains(&named) {
                        let what =
                            format!("its condition names `{named}`, which is not under `rules`");
                        errors.push(place.error(&rule.title, what));
                    }
                }
            }
        }
    }
}

/// The names in a condition.
fn identifiers(expression: &ConditionExpr) -> Vec<String> {
    match expression {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            parts.iter().flat_map(identifiers).collect()
        }
        ConditionExpr::Not(inner) => identifiers(inner),
        ConditionExpr::Identifier(name) => vec![name.clone()],
        ConditionExpr::Selector { .. } => Vec::new(),
    }
}

/// The documents of a text with their first lines. A text whose documents act on each other is one.
fn documents(text: &str) -> Vec<(Option<usize>, &str)> {
    if text.lines().any(|line| line.starts_with("action:")) {
        return vec![(None, text)];
    }
    let mut found = Vec::new();
    let (mut start, mut first, mut offset) = (0, 1, 0);
    let mut add = |from: usize, to: usize, line: usize| {
        if let Some(document) = text.get(from..to).filter(|document| has_content(document)) {
            found.push((Some(line), document));
        }
    };
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            add(start, offset, first);
            (start, first) = (offset + line.len(), number + 2);
        }
        offset += line.len();
    }
    add(start, text.len(), first);
    found
}

fn has_content(document: &str) -> bool {
    document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
}

/// The title of a document, for errors before it is a rule.
fn title(document: &str) -> String {
    let title = document.lines().find_map(|line| line.strip_prefix("title:"));
    title.unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
}

fn wrong_in_attributes<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let foreign = names.filter(|name| name.starts_with("rsigma."));
    foreign.map(|name| format!("the attribute `{name}` is not supported")).collect()
}

fn wrong_in_source(source: &LogSource) -> Vec<String> {
    let mut wrong = Vec::new();
    if source.product.is_none() && source.category.is_none() && source.service.is_none() {
        wrong.push("its `logsource` names no product, category or service".to_owned());
    }
    let mut more: Vec<&String> = source.custom.keys().collect();
    more.sort();
    wrong.extend(more.into_iter().map(|name| format!("`logsource.{name}` is not supported")));
    wrong
}

fn wrong_in_detections(detections: &Detections) -> Vec<String> {
    let mut wrong = Vec::new();
    if detections.timeframe.is_some() {
        wrong.push("`timeframe` is not supported; a correlation rule says the same".to_owned());
    }
    let mut names: Vec<&String> = detections.named.keys().collect();
    names.sort();
    for name in names {
        let Some(detection) = detections.named.get(name) else { continue };
        each(detection, &mut |part| {
            let what = match part {
                Part::Item(item) if item.field.has_modifier(Modifier::Expand) => {
                    "placeholders (`expand`) are not supported: nothing here gives them values"
                }
                Part::Array => {
                    "matching within arrays is not supported: fields of events are texts"
                }
                _ => return,
            };
            wrong.push(format!("`detection.{name}`: {what}"));
        });
    }
    wrong
}

/// A part of a detection.
pub(crate) enum Part<'a> {
    /// A field and what it is compared with.
    Item(&'a DetectionItem),
    /// Texts that may stand anywhere.
    Keywords(&'a [SigmaValue]),
    /// Something about the members of an array.
    Array,
}

/// Visits the parts of a detection.
pub(crate) fn each<'a>(detection: &'a Detection, visit: &mut dyn FnMut(Part<'a>)) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(|item| visit(Part::Item(item))),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter().for_each(|part| each(part, visit));
        }
        Detection::Keywords(values) => visit(Part::Keywords(values)),
        Detection::ArrayMatch { .. } => visit(Part::Array),
        Detection::Conditional { named, .. } => named.values().for_each(|part| each(part, visit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let text = Text { name: "own.yml".to_owned(), text: text.to_owned() };
        match Parsed::of([text].iter()) {
            Ok(_) => Vec::new(),
            Err(all) => all.iter().map(LoadError::to_string).collect(),
        }
    }

    const RULE: &str = "title: One\nid: one\nlogsource: { product: linux }\n";

    #[test]
    fn what_is_not_supported_names_the_rule_and_the_place() {
        let text = format!(
            "{RULE}detection: {{ a: {{ Image: x }}, condition: a }}\n---\ntitle: Two\nlogsource: {{ product: linux }}\n\
             detection: {{ pick: {{ User|expand: '%admins%' }}, condition: pick }}\n"
        );
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("`own.yml` line 6, rule `Two`: `detection.pick`: placeholders"),
            "{found:?}"
        );
    }

    #[test]
    fn an_unknown_modifier_and_an_old_aggregation_are_errors() {
        let found =
            errors(&format!("{RULE}detection: {{ a: {{ Image|sounds: x }}, condition: a }}\n"));
        assert!(found.iter().any(|error| error.contains("sounds")), "{found:?}");
        let found = errors(&format!(
            "{RULE}detection: {{ a: {{ Image: x }}, timeframe: 5m, condition: a }}\n"
        ));
        assert!(found.iter().any(|error| error.contains("timeframe")), "{found:?}");
        let found = errors(&format!(
            "{RULE}detection: {{ a: {{ Image: x }}, condition: 'a | count() > 3' }}\n"
        ));
        assert!(!found.is_empty());
    }

    #[test]
    fn a_correlation_of_what_is_not_there_is_an_error() {
        let found = errors(
            "title: Many\ncorrelation:\n  type: event_count\n  rules: [nothing]\n  timespan: 1m\n  condition: { gte: 3 }\n",
        );
        assert!(found[0].contains("`nothing`"), "{found:?}");
    }

    #[test]
    fn two_rules_with_one_id_are_an_error_and_a_rule_without_is_not() {
        let rule = format!("{RULE}detection: {{ a: {{ Image: x }}, condition: a }}\n");
        assert!(errors(&format!("{rule}---\n{rule}"))[0].contains("another rule"));
        assert_eq!(errors(&rule.replace("id: one\n", "")), [""; 0]);
    }
}
