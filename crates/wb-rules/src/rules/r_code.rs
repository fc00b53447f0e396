//! Expressions in R data that run when an object is used, or when a workspace is loaded.

use super::{Draft, Subject};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use wb_core::{
    Capability, Component, Finding, FindingBuilder, Location, Payload, PayloadKind, Severity, Trigger, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "R data with an expression that runs when it is used",
    severity: Severity::Critical,
    techniques: &["AML.T0011.000", "T1204.002"],
    examine,
};

/// Functions of R by what they do.
pub(super) const FUNCTIONS: &str = include_str!("../../data/r_functions.toml");

/// Functions that R itself calls when a workspace is loaded or left (`?Startup`).
const HOOKS: [&str; 7] = [".First", ".Last", ".First.sys", ".onLoad", ".onAttach", ".onUnload", ".Last.lib"];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.format() != "r-data" {
        return Vec::new();
    }
    let parts = subject.content.components.iter();
    parts.filter_map(|part| finding(subject, part).or_else(|| foreign_class(subject, part))).collect()
}

fn finding(subject: &Subject<'_>, part: &Component) -> Option<Finding> {
    let calls = part.setting("calls").unwrap_or_default();
    let mut reached: BTreeMap<Capability, &str> = BTreeMap::new();
    for name in calls.split(' ') {
        if let Some(capability) = capability(name) {
            reached.entry(capability).or_insert(name);
        }
    }
    let gravest = reached.iter().next().map(|(capability, name)| (*capability, *name));
    let hook = part.kind == "closure" && HOOKS.contains(&part.name.as_str());
    let (severity, verdict) = match (part.kind, gravest) {
        ("promise" | "active-binding", Some((deed, _))) if deed <= Capability::ReadFile => (Severity::Critical, Verdict::Malicious),
        ("promise" | "active-binding", _) => (Severity::High, Verdict::Suspicious),
        (_, Some((deed, _))) if hook && deed <= Capability::ReadFile => (Severity::Critical, Verdict::Malicious),
        _ if hook => (Severity::High, Verdict::Suspicious),
        // Closures and calls of honest models parse formulas and evaluate them; they start no programs.
        ("closure" | "call", Some((Capability::RunCommand, _))) => (Severity::High, Verdict::Suspicious),
        _ => return None,
    };
    let what = match (part.kind, hook) {
        ("promise", _) => "a promise runs when the object is used".to_owned(),
        ("active-binding", _) => format!("looking at the variable `{}` runs a function", part.name),
        (_, true) => format!("R calls `{}` when the workspace is loaded or left", part.name),
        _ => format!("a {} is kept in the file", part.kind),
    };
    let through = gravest.map(|(deed, name)| format!(", and reaches `{name}` ({})", deed.name()));
    let location = Location::at(&*part.place, part.span);
    let text = part.setting("expression").unwrap_or_default().to_owned();
    let builder = FindingBuilder::new(
        "r-data-runs-code",
        &subject.artifact.path,
        location,
        format!("{what}{}", through.unwrap_or_default()),
    )
    .severity(severity)
    .verdict(verdict)
    .trigger(Trigger::Load)
    .payloads(vec![Payload { kind: PayloadKind::Text, layers: Vec::new(), text }])
    .techniques(RULE.techniques)
    .next("do not read the file with R before version 4.4; look for the expression's traces where it was read");
    Some(match gravest {
        Some((_, name)) => builder.call(name).build(),
        None => builder.build(),
    })
}

/// An object of a class that R loads a package for, or that maps a file.
fn foreign_class(subject: &Subject<'_>, part: &Component) -> Option<Finding> {
    let package = (part.kind == "altrep").then(|| part.module.as_deref().unwrap_or_default())?;
    let what = match package {
        "base" if part.class.starts_with("mmap_") => "opens the file that its state names",
        "base" => return None,
        _ => "loads the package of its class",
    };
    let class = format!("{package}::{}", part.class);
    let headline = format!("reading an object of the class `{class}` {what}");
    let location = Location::at(&*part.place, part.span);
    let builder = FindingBuilder::new("r-data-runs-code", &subject.artifact.path, location, headline)
        .severity(Severity::High)
        .verdict(Verdict::Suspicious)
        .trigger(Trigger::Load)
        .call(class)
        .techniques(RULE.techniques)
        .next("find out what the package does when it is loaded, and which file is named");
    Some(builder.build())
}

fn capability(name: &str) -> Option<Capability> {
    static TABLE: OnceLock<HashMap<&'static str, Capability>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let groups: HashMap<&'static str, Vec<&'static str>> =
            toml::from_str(FUNCTIONS).expect("the shipped table parses: a test reads it");
        let entries = groups.into_iter().flat_map(|(group, names)| {
            let capability = Capability::from_name(group).unwrap_or(Capability::Unknown);
            names.into_iter().map(move |name| (name, capability))
        });
        entries.collect()
    });
    table.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_named_after_a_capability() {
        let groups: HashMap<&str, Vec<&str>> = toml::from_str(FUNCTIONS).expect("a table");
        assert!(groups.keys().all(|group| Capability::from_name(group).is_some()));
        assert_eq!(capability("system"), Some(Capability::RunCommand));
        assert_eq!(capability("mean"), None);
    }
}
