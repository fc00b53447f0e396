//! Versions that a file records of the library that loads it, with what is known to be unsafe about loading with them.

use super::{Draft, Subject};
use semver::Version;
use serde::Deserialize;
use std::sync::OnceLock;
use wb_core::{Evidence, Field, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A file of a library that is known to be unsafe to load models with",
    severity: Severity::Info,
    techniques: &["AML.T0010.001"],
    examine,
};

/// What is known, and where files say which version they are of.
pub(super) const TABLE: &str = include_str!("../../data/loader_weaknesses.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    recorded: Vec<Recorded>,
    weakness: Vec<Weakness>,
}

/// Where the version of a package stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    package: String,
    formats: Vec<String>,
    field: String,
}

/// One CVE over one range of versions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weakness {
    package: String,
    /// Formats that it is about; all of them when there are none.
    #[serde(default)]
    formats: Vec<String>,
    first: String,
    fixed: String,
    cve: String,
    what: String,
    /// Where the range was read; for whoever checks the table.
    #[serde(rename = "source")]
    _source: String,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(TABLE).expect("the shipped table parses: a test reads it"))
}

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let format = subject.format();
    let mut findings: Vec<Finding> = Vec::new();
    for recorded in table().recorded.iter().filter(|one| one.formats.iter().any(|name| name == format)) {
        let field = subject.content.fields.iter().find(|field| recorded.stands_in(field));
        findings.extend(field.and_then(|field| finding(subject, recorded, field)));
    }
    findings
}

impl Recorded {
    fn stands_in(&self, field: &Field) -> bool {
        self.field.strip_prefix('*').map_or(field.path == self.field, |end| field.path.ends_with(end))
    }
}

impl Weakness {
    fn has(&self, package: &str, format: &str, version: &Version) -> bool {
        let about = self.formats.is_empty() || self.formats.iter().any(|name| name == format);
        let range = read(&self.first).zip(read(&self.fixed));
        about && self.package == package && range.is_some_and(|(first, fixed)| first <= *version && *version < fixed)
    }
}

/// A version as PyPI writes them, in the terms of Semantic Versioning: three numbers, and what makes it an earlier
/// one. What is built or added afterwards (`+cu118`, `.post1`) makes no difference.
fn read(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('v');
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut numbers = numbers.trim_end_matches('.').split('.').map(str::parse::<u64>);
    let mut version = Version::new(numbers.next()?.ok()?, 0, 0);
    version.minor = numbers.next().transpose().ok()?.unwrap_or(0);
    version.patch = numbers.next().transpose().ok()?.unwrap_or(0);
    let rest = rest.trim_start_matches(['-', '_']);
    let kind: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    if ["a", "b", "c", "rc", "alpha", "beta", "dev"].contains(&&*kind) {
        let number: String = rest.chars().skip(kind.len()).skip_while(|c| *c == '.').take_while(char::is_ascii_digit).collect();
        let number = number.parse::<u64>().unwrap_or(0);
        version.pre = semver::Prerelease::new(&format!("{kind}.{number}")).ok()?;
    }
    Some(version)
}

/// The first version after `version` that has none of the weaknesses.
fn first_without(package: &str, format: &str, version: &Version) -> Option<&'static str> {
    let fixed = table().weakness.iter().filter(|one| one.package == package).map(|one| one.fixed.as_str());
    let later = fixed.filter_map(|text| Some((read(text)?, text))).filter(|(fixed, _)| fixed > version);
    let clear = |at: &Version| !table().weakness.iter().any(|one| one.has(package, format, at));
    later.filter(|(fixed, _)| clear(fixed)).min().map(|(_, text)| text)
}

fn finding(subject: &Subject<'_>, recorded: &Recorded, field: &Field) -> Option<Finding> {
    let version = read(&field.value)?;
    let package = &recorded.package;
    let known: Vec<&Weakness> =
        table().weakness.iter().filter(|one| one.has(package, subject.format(), &version)).collect();
    known.first()?;
    let fixed = first_without(package, subject.format(), &version)?;
    let names: Vec<&str> = known.iter().map(|one| one.cve.as_str()).collect();
    let written = field.value.trim();
    let headline = format!(
        "`{package}` {written} is recorded, and loading models with it is unsafe ({}); {fixed} is the first without that",
        names.join(", ")
    );
    let location = Location::at(&*field.path, field.span);
    let artifact = &subject.artifact.path;
    let mut builder = FindingBuilder::new("loader-known-weakness", artifact, location.clone(), headline)
        .severity(RULE.severity)
        .verdict(Verdict::Clean)
        .techniques(RULE.techniques)
        .next("find out which version loads the model where it is used, and update that; the file need not change");
    for one in known {
        let because = format!("{}: {} (before {})", one.cve, one.what, one.fixed);
        builder = builder.evidence(Evidence { artifact: artifact.clone(), location: location.clone(), because });
    }
    Some(builder.build())
}

#[cfg(test)]
mod tests;
