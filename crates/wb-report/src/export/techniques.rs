//! [`Technique`]s by id, with the names that other programs know them by.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use wb_core::{Case, Finding};

/// A technique of ATLAS or ATT&CK.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Technique {
    id: String,
    /// As the matrix writes it.
    pub name: String,
    /// The short names of its tactics.
    pub tactics: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    technique: Vec<Technique>,
}

static TECHNIQUES: LazyLock<BTreeMap<String, Technique>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("../../data/techniques.toml"))
        .expect("the table is part of the program, and a test reads it");
    table.technique.into_iter().map(|technique| (technique.id.clone(), technique)).collect()
});

/// The technique called `id`, when its name is known.
pub(super) fn known(id: &str) -> Option<&'static Technique> {
    TECHNIQUES.get(id)
}

/// Whether a technique is one of MITRE ATLAS.
pub(super) fn is_atlas(id: &str) -> bool {
    id.starts_with("AML.")
}

/// The page of a technique.
pub(super) fn page(id: &str) -> String {
    if is_atlas(id) {
        return format!("https://atlas.mitre.org/techniques/{id}");
    }
    format!("https://attack.mitre.org/techniques/{}", id.replace('.', "/"))
}

/// Every technique that the findings of a case name, with those findings and their positions.
pub(super) fn of_case(case: &Case) -> BTreeMap<&'static str, Vec<(usize, &Finding)>> {
    let mut all: BTreeMap<&'static str, Vec<(usize, &Finding)>> = BTreeMap::new();
    for (index, finding) in case.findings.iter().enumerate() {
        for technique in &finding.techniques {
            all.entry(technique).or_default().push((index, finding));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert_eq!(known("T1059.004").expect("it is listed").name, "Unix Shell");
        assert!(known("T0000").is_none());
        assert_eq!(page("T1059.004"), "https://attack.mitre.org/techniques/T1059/004");
        assert_eq!(page("AML.T0011.000"), "https://atlas.mitre.org/techniques/AML.T0011.000");
    }
}
