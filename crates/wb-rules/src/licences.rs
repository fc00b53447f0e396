//! [`licences`]: what an artifact says about the terms it may be used under. Data is in `data/licences.toml`;
//! identifiers and expressions are those of the SPDX License List, which the crate `spdx` carries.

use serde::Deserialize;
use spdx::{Expression, LicenseItem, LicenseReq, ParseMode, identifiers};
use std::sync::OnceLock;
use wb_core::{Artifact, Content, Field, Licence, LicenceStanding, Span};

/// Where licences stand and what they restrict.
pub(crate) const TABLE: &str = include_str!("../data/licences.toml");

/// A field that holds more is a text and no identifier, in bytes.
const LONGEST: usize = 200;
/// Lines at the beginning of a text in which its title may stand.
const TITLE: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    fields: Vec<String>,
    names: Vec<String>,
    restricted: Vec<Restricted>,
    own: Vec<Own>,
    alias: Vec<Alias>,
    title: Vec<Title>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restricted {
    part: String,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    names: Vec<String>,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alias {
    id: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Title {
    id: String,
    lines: Vec<String>,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(TABLE).expect("the shipped table parses: a test reads it"))
}

/// Every licence that an artifact states: in fields that are made for it, and as the title of a text.
pub fn licences(artifact: &Artifact, content: &Content) -> Vec<Licence> {
    let fields = content.fields.iter().filter(|field| table().fields.contains(&field.path));
    let stated = fields.filter(|field| (1..=LONGEST).contains(&field.value.trim().len()));
    let mut found: Vec<Licence> = stated
        .map(|field| {
            let field = named(field, content);
            licence(field.value.trim(), &field.path, field.span)
        })
        .collect();
    // A text of its own, not one of the many files that name their licence in passing.
    if matches!(artifact.format, None | Some("markdown")) {
        found.extend(title(content));
    }
    found.dedup_by(|a, b| a.written == b.written);
    found
}

/// The field itself, or the one beside it that says what the licence `other` is called.
fn named<'a>(field: &'a Field, content: &'a Content) -> &'a Field {
    if !field.value.trim().eq_ignore_ascii_case("other") {
        return field;
    }
    let name = content.fields.iter().find(|other| table().names.contains(&other.path));
    name.filter(|name| (1..=LONGEST).contains(&name.value.trim().len())).unwrap_or(field)
}

/// The licence with whose title a text begins.
fn title(content: &Content) -> Option<Licence> {
    let mut lines = content.texts.iter().filter(|text| text.place.starts_with("line "));
    let texts: Vec<_> = lines.by_ref().take(TITLE).collect();
    let plain = |text: &str| {
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || c == '#' || c == '*').collect();
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    let read: Vec<String> = texts.iter().map(|text| plain(&text.value)).collect();
    for (at, text) in texts.iter().enumerate() {
        let begins = |title: &&Title| {
            let here = read.iter().skip(at).zip(&title.lines);
            // The first line is the title and nothing else; a version may be followed by its date.
            read.len().saturating_sub(at) >= title.lines.len()
                && here.enumerate().all(|(line, (read, known))| {
                    if line == 0 { read == known } else { read.starts_with(known.as_str()) }
                })
        };
        if let Some(title) = table().title.iter().find(begins) {
            let place = format!("title in {}", text.place);
            return Some(licence(&title.id, &place, text.span));
        }
    }
    None
}

/// What is known of a licence that is written so.
fn licence(written: &str, place: &str, span: Option<Span>) -> Licence {
    let (place, written) = (place.to_owned(), written.to_owned());
    let lower = written.to_lowercase();
    if let Some(own) = table().own.iter().find(|own| own.names.contains(&lower)) {
        let (standing, restricts) = (LicenceStanding::Restricted, own.what.clone());
        return Licence { written, spdx: None, standing, restricts, place, span };
    }
    let alias = table().alias.iter().find(|alias| alias.names.contains(&lower));
    let expression = canonical(alias.map_or(&written, |alias| &alias.id));
    let Some((spdx, expression)) = expression else {
        let standing = LicenceStanding::Unknown;
        return Licence { written, spdx: None, standing, restricts: String::new(), place, span };
    };
    let mut why: Vec<&str> = Vec::new();
    let free = expression.evaluate(|requirement| {
        let row = restriction(requirement);
        why.extend(row.map(|row| row.what.as_str()).filter(|what| !why.contains(what)));
        row.is_none()
    });
    let (standing, restricts) = match free {
        true => (LicenceStanding::Open, String::new()),
        false => (LicenceStanding::Restricted, why.join("; ")),
    };
    Licence { written, spdx: Some(spdx), standing, restricts, place, span }
}

/// The row that says what a licence of an expression restricts.
fn restriction(requirement: &LicenseReq) -> Option<&'static Restricted> {
    let name = match &requirement.license {
        LicenseItem::Spdx { id, .. } => id.name,
        LicenseItem::Other { .. } => return None,
    };
    table().restricted.iter().find(|row| name.contains(row.part.as_str()))
}

/// An expression with every identifier as the list writes it: people write them in lower case.
fn canonical(written: &str) -> Option<(String, Expression)> {
    let spaced = written.replace('(', " ( ").replace(')', " ) ");
    let mut words = Vec::new();
    for word in spaced.split_whitespace() {
        let operator = ["AND", "OR", "WITH", "(", ")"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(word));
        let plus = if word.ends_with('+') { "+" } else { "" };
        let name = word.trim_end_matches('+');
        let licence = || {
            identifiers::LICENSES
                .iter()
                .map(|one| one.name)
                .find(|known| known.eq_ignore_ascii_case(name))
        };
        let exception = || {
            identifiers::EXCEPTIONS
                .iter()
                .map(|one| one.name)
                .find(|known| known.eq_ignore_ascii_case(name))
        };
        words.push(match operator {
            Some(operator) => operator.to_owned(),
            None => format!("{}{plus}", licence().or_else(exception)?),
        });
    }
    let text = words.join(" ").replace("( ", "(").replace(" )", ")");
    let parsed = Expression::parse_mode(&text, ParseMode::LAX).ok()?;
    Some((text, parsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wb_core::{Origin, Text};

    fn stated(fields: &[(&str, &str)]) -> Vec<String> {
        let field = |(path, value): &(&str, &str)| Field {
            path: (*path).to_owned(),
            value: (*value).to_owned(),
            span: None,
        };
        told(
            Some("json"),
            &Content { fields: fields.iter().map(field).collect(), ..Content::default() },
        )
    }

    fn told(format: Option<&'static str>, content: &Content) -> Vec<String> {
        let path = "LICENSE".into();
        let artifact = Artifact {
            path,
            origin: Origin::File,
            size: 9,
            sha256: None,
            format,
            claims: Vec::new(),
        };
        licences(&artifact, content)
            .iter()
            .map(|one| format!("{} {}", one.name(), one.standing.name()))
            .collect()
    }

    fn text(format: Option<&'static str>, lines: &[&str]) -> Vec<String> {
        let line = |(at, value): (usize, &&str)| Text {
            place: format!("line {}", at + 1),
            value: (*value).to_owned(),
            span: None,
        };
        told(
            format,
            &Content { texts: lines.iter().enumerate().map(line).collect(), ..Content::default() },
        )
    }

    #[test]
    fn identifiers_are_known_however_they_are_written() {
        assert_eq!(stated(&[("license", "apache-2.0")]), ["Apache-2.0 open"]);
        assert_eq!(stated(&[("general.license", "MIT License")]), ["MIT open"]);
        assert_eq!(stated(&[("license", "(mit OR gpl-3.0-only)")]), ["(MIT OR GPL-3.0-only) open"]);
        assert_eq!(
            stated(&[("license", "Apache-2.0 WITH LLVM-exception")]),
            ["Apache-2.0 WITH LLVM-exception open"]
        );
    }

    #[test]
    fn what_restricts_use_is_named() {
        for (written, told) in [
            ("cc-by-nc-4.0", "CC-BY-NC-4.0 restricted"),
            ("agpl-3.0", "AGPL-3.0 restricted"),
            ("MIT AND GPL-2.0-or-later", "MIT AND GPL-2.0-or-later restricted"),
            ("llama3.1", "llama3.1 restricted"),
            ("Gemma", "Gemma restricted"),
            ("creativeml-openrail-m", "creativeml-openrail-m restricted"),
        ] {
            assert_eq!(stated(&[("license", written)]), [told]);
        }
    }

    #[test]
    fn what_nobody_knows_is_said_to_be_unknown() {
        assert_eq!(stated(&[("license", "example-terms-1.0")]), ["example-terms-1.0 unknown"]);
        assert_eq!(stated(&[("license", "other"), ("license_name", "qwen")]), ["qwen restricted"]);
        assert_eq!(stated(&[("license", "other")]), ["other unknown"]);
        assert!(
            stated(&[("notes.license", "mit"), ("license", ""), ("license", &"x".repeat(300))])
                .is_empty()
        );
    }

    #[test]
    fn texts_are_known_by_their_titles() {
        assert_eq!(
            text(None, &["                  Apache License", "    Version 2.0, January 2004"]),
            ["Apache-2.0 open"]
        );
        assert_eq!(
            text(Some("markdown"), &["# LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "text"]),
            ["llama3.1 restricted"]
        );
        assert_eq!(
            text(
                None,
                &[
                    "Copyright Example",
                    "GNU AFFERO GENERAL PUBLIC LICENSE",
                    "Version 3, 19 November 2007"
                ]
            ),
            ["AGPL-3.0-only restricted"]
        );
        assert!(text(None, &["Apache License", "and more"]).is_empty());
        assert!(text(None, &["This is under the MIT License, too"]).is_empty());
        assert!(text(Some("python"), &["MIT License"]).is_empty());
    }

    #[test]
    fn every_identifier_of_the_table_is_one() {
        for title in &table().title {
            assert_ne!(
                licence(&title.id, "", None).standing,
                LicenceStanding::Unknown,
                "{}",
                title.id
            );
        }
        for alias in &table().alias {
            assert!(canonical(&alias.id).is_some(), "{}", alias.id);
        }
    }
}
