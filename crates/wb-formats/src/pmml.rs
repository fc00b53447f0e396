//! PMML: models of statistics and data mining as XML.
//!
//! Specification: Predictive Model Markup Language 4.4, Data Mining Group.

use crate::notes::Notes;
use crate::xml::{self, Part, attribute};
use crate::{Family, Reader, Request};
use wb_core::{Budget, Bytes, Component, Content, Field, OddityKind, Strength, Text};

pub(crate) const FORMAT: Reader = Reader {
    title: "PMML model",
    endings: &[".pmml"],
    family: Family::Model,
    refines: &["xml"],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    (xml::root(input)? == "PMML").then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let mut notes = Notes::default();
    let (mut open, mut schemas) = (Vec::<String>::new(), Vec::new());
    xml::read(input, &mut notes, budget, |part| match part {
        Part::Open { name, attributes, span } => {
            let span = Some(*span);
            let value = |name| attribute(attributes, name).unwrap_or_default().to_owned();
            schemas.extend(attributes.iter().filter_map(|(key, value)| Some((foreign_schema(key, value)?, span))));
            match *name {
                "PMML" | "Header" | "Application" => {
                    for (key, value) in *attributes {
                        let (path, value) = (format!("{name}.{key}"), value.clone());
                        content.fields.push(Field { path, value, span });
                    }
                }
                // Whatever a producer likes to add; consumers may give it a meaning.
                "Extension" => {
                    let place = format!("Extension {}", value("name"));
                    for text in [value("extender"), value("value")] {
                        if !text.is_empty() {
                            content.texts.push(Text { place: place.clone(), value: text, span });
                        }
                    }
                }
                _ if is_model(name, &open) => content.components.push(Component {
                    kind: "estimator",
                    name: value("modelName"),
                    class: (*name).to_owned(),
                    module: None,
                    place: format!("PMML.{name}"),
                    span,
                    settings: settings(attributes, span),
                }),
                _ => {}
            }
            open.push((*name).to_owned());
        }
        Part::Text { text, span } => {
            if let Some(place) = open.iter().find(|name| matches!(name.as_str(), "Extension" | "Annotation")) {
                let (place, value) = (place.clone(), (*text).to_owned());
                content.texts.push(Text { place, value, span: Some(*span) });
            }
        }
        Part::Close => {
            open.pop();
        }
    });
    for (target, span) in schemas {
        let what = format!("the schema is read from `{target}`");
        notes.odd(OddityKind::ExternalReference, "schema", span, what);
    }
    content.oddities = notes.oddities;
    content.gaps = notes.gaps;
    content
}

/// The address of a schema that a parser may fetch, when it is none of those that everybody names, and no file beside the
/// model (XML Schema Part 1, 4.3.2).
fn foreign_schema(key: &str, value: &str) -> Option<String> {
    const AUTHORITIES: [&str; 2] = ["dmg.org", "w3.org"];
    let local = key.rsplit(':').next().unwrap_or(key);
    let foreign = |target: &&str| match target.split_once("://") {
        Some(("http" | "https", rest)) => {
            let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
            !AUTHORITIES.iter().any(|known| host == *known || host.strip_suffix(known).is_some_and(|sub| sub.ends_with('.')))
        }
        Some(_) => true,
        None => crate::names::escapes(target).is_some(),
    };
    // Pairs of a name and the place of its schema; names are fetched by nobody.
    match local {
        "schemaLocation" => value.split_ascii_whitespace().skip(1).step_by(2).find(foreign).map(str::to_owned),
        "noNamespaceSchemaLocation" => Some(value).filter(foreign).map(str::to_owned),
        _ => None,
    }
}

/// Models stand directly below the root.
fn is_model(name: &str, open: &[String]) -> bool {
    let named = ["Model", "Network", "Regression", "Scorecard"].iter().any(|end| name.ends_with(end));
    named && open.len() == 1
}

fn settings(attributes: &[(String, String)], span: Option<wb_core::Span>) -> Vec<Field> {
    let field = |(path, value): &(String, String)| Field { path: path.clone(), value: value.clone(), span };
    attributes.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, oddities, parse, survive};

    /// The shape of the examples of the Data Mining Group.
    const MODEL: &str = "<?xml version=\"1.0\"?>\
        <PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\">\
        <Header copyright=\"example\"><Application name=\"tool\" version=\"1\"/></Header>\
        <DataDictionary><DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/></DataDictionary>\
        <RegressionModel modelName=\"tiny\" functionName=\"regression\">\
        <Extension name=\"note\" value=\"trained by hand\"/>\
        <RegressionTable intercept=\"1.0\"/></RegressionModel></PMML>";

    #[test]
    fn header_models_and_extensions_are_read() {
        assert_eq!(claims(MODEL.as_bytes()), "pmml (xml)");
        let content = parse("pmml", MODEL.as_bytes());
        let model = &content.components[0];
        assert_eq!((&*model.class, &*model.name), ("RegressionModel", "tiny"));
        assert!(content.fields.iter().any(|field| field.path == "Application.name"));
        assert_eq!(content.texts[0].value, "trained by hand");
        assert_eq!(oddities(&content), [""; 0]);
    }

    #[test]
    fn entities_of_other_files_are_told() {
        let doctype = "<!DOCTYPE PMML [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><PMML ";
        let text = MODEL.replace("<PMML ", doctype);
        assert_eq!(claims(text.as_bytes()), "pmml (xml)");
        assert_eq!(oddities(&parse("pmml", text.as_bytes())), ["external-reference entity x"]);
    }

    #[test]
    fn damage_is_survived() {
        survive("pmml", MODEL.as_bytes());
    }
}
