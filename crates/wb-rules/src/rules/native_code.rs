//! Machine code, with the functions it asks the system for.

use super::{Draft, Subject};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use wb_core::{Capability, Component, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "Machine code, which loading or importing it runs",
    severity: Severity::High,
    techniques: &["AML.T0011.000", "T1129"],
    examine,
};

/// Functions of operating systems by what they do.
pub(super) const FUNCTIONS: &str = include_str!("../../data/native_functions.toml");

/// Functions that are named one by one in a headline.
const NAMED: usize = 6;

/// Endings under which machine code is expected.
const EXPECTED: [&str; 14] = [
    ".so", ".dll", ".pyd", ".dylib", ".exe", ".wasm", ".o", ".ko", ".sys", ".elf", ".cubin", ".hsaco", ".node", ".llamafile",
];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let components = &subject.content.components;
    let Some(image) = components.iter().find(|part| part.kind == "image") else { return Vec::new() };
    let imports = components.iter().filter(|part| part.kind == "import");
    let mut reached: BTreeMap<Capability, Vec<&str>> = BTreeMap::new();
    for import in imports {
        if let Some(capability) = capability(import) {
            let names = reached.entry(capability).or_default();
            if !names.contains(&import.name.as_str()) {
                names.push(&import.name);
            }
        }
    }
    let name = subject.artifact.path.file_name().to_ascii_lowercase();
    let expected = EXPECTED.iter().any(|ending| name.ends_with(ending) || name.contains(".so."));
    let member = subject.artifact.path.root() != subject.artifact.path.as_str();
    // Code that stands where a file of another name is expected is hidden there.
    let (severity, verdict) = match (expected, member && subject.format() != "llamafile") {
        (false, true) => (Severity::High, Verdict::Suspicious),
        _ => (Severity::Medium, Verdict::Unknown),
    };
    let class = image.class.trim_start_matches("an ").trim_start_matches("a ");
    let headline = format!("the file is {} {class} for {}{}", article(class), image.name, words(&reached));
    let location = Location::at("header", image.span);
    let finding = FindingBuilder::new("native-code", &subject.artifact.path, location, headline)
        .severity(severity)
        .verdict(verdict)
        .techniques(RULE.techniques)
        .next("have it analysed as a program, or build it from its source; it runs with all rights of who loads it");
    vec![finding.build()]
}

fn article(class: &str) -> &'static str {
    if class.starts_with(['a', 'e', 'i', 'o', 'u', 'E', 'M']) { "an" } else { "a" }
}

/// `, imports system (run-command), connect (network)`, the gravest first.
fn words(reached: &BTreeMap<Capability, Vec<&str>>) -> String {
    let all = reached.iter().flat_map(|(capability, names)| {
        names.iter().map(move |name| format!("`{name}` ({})", capability.name()))
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        return String::new();
    }
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = all.iter().take(NAMED).map(String::as_str).collect();
    format!(", and imports {}{more}", named.join(", "))
}

/// What an imported function does. Windows has two spellings of those that take text.
fn capability(import: &Component) -> Option<Capability> {
    static TABLE: OnceLock<HashMap<&'static str, Capability>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let groups: HashMap<&'static str, Vec<&'static str>> =
            toml::from_str(FUNCTIONS).expect("the shipped table parses: a test reads it");
        groups
            .into_iter()
            .flat_map(|(capability, names)| {
                let capability = Capability::from_name(capability).unwrap_or(Capability::Unknown);
                names.into_iter().map(move |name| (name, capability))
            })
            .collect()
    });
    // Versioned names: `system@GLIBC_2.2.5`.
    let name = import.name.split('@').next().unwrap_or(&import.name);
    let narrow = name.strip_suffix(['A', 'W']).unwrap_or(name);
    table.get(name).or_else(|| table.get(narrow)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(name: &str) -> Component {
        Component { kind: "import", name: name.to_owned(), ..Component::default() }
    }

    #[test]
    fn functions_are_known_in_each_spelling() {
        assert_eq!(capability(&import("system")), Some(Capability::RunCommand));
        assert_eq!(capability(&import("CreateProcessW")), Some(Capability::RunCommand));
        assert_eq!(capability(&import("getaddrinfo@GLIBC_2.2.5")), Some(Capability::Network));
        assert_eq!(capability(&import("memcpy")), None);
    }

    #[test]
    fn every_group_is_named_after_a_capability() {
        let groups: HashMap<&str, Vec<&str>> = toml::from_str(FUNCTIONS).expect("a table");
        for group in groups.keys() {
            assert!(Capability::from_name(group).is_some(), "{group}");
        }
    }
}
