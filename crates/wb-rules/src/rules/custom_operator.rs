//! Operators that are no part of the runtime they are for.

use super::{Draft, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use wb_core::{Component, Finding, FindingBuilder, Location, Severity, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "An operator that the runtime does not have by itself",
    severity: Severity::High,
    techniques: &["AML.T0018.001"],
    examine,
};

/// The module of operators that have a name alone.
const CUSTOM: &str = "custom";

/// Domains and operators that runtimes bring along, or that are published with their source.
pub(super) const KNOWN: &str = include_str!("../../data/known_operators.toml");

/// Operators that TensorFlow 2.21 registers, one a line and sorted: what `TF_GetAllOpList` of its C interface gives.
pub(super) const REGISTRY: &str = include_str!("../../data/tensorflow_operators.txt");

/// What is known for the models of one runtime.
#[derive(Debug, Default, serde::Deserialize)]
struct Runtime {
    /// Formats of its models.
    #[serde(borrow)]
    formats: Vec<&'static str>,
    /// Domains or namespaces that it has; one that ends with a dot stands for all below it.
    #[serde(borrow, default)]
    domains: Vec<&'static str>,
    /// Operators with a name of their own that are published with their source.
    #[serde(borrow, default)]
    operators: Vec<&'static str>,
    /// Beginnings of the names of such operators.
    #[serde(borrow, default)]
    namespaces: Vec<&'static str>,
    /// Whether its own operators are those of [`REGISTRY`]; those of other runtimes have a module that says so.
    #[serde(default)]
    registry: bool,
}

fn runtime(format: &str) -> Option<&'static Runtime> {
    static TABLE: OnceLock<BTreeMap<&'static str, Runtime>> = OnceLock::new();
    let table = TABLE
        .get_or_init(|| toml::from_str(KNOWN).expect("the shipped table parses: a test reads it"));
    table.values().find(|runtime| runtime.formats.contains(&format))
}

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(runtime) = runtime(subject.format()) else { return Vec::new() };
    // An operator may be used a hundred times; it is one thing to look at.
    let mut found: BTreeMap<(&str, &str), (&Component, usize)> = BTreeMap::new();
    for node in subject.content.components.iter().filter(|part| part.kind == "node") {
        let module = match node.module.as_deref() {
            Some(module) => module,
            None if runtime.registry && !is_registered(&node.class) => CUSTOM,
            None => continue,
        };
        if !runtime.knows(module, &node.class) {
            found.entry((module, &node.class)).or_insert((node, 0)).1 += 1;
        }
    }
    found.into_iter().map(|((module, class), (node, count))| finding(subject, module, class, node, count)).collect()
}

impl Runtime {
    fn knows(&self, module: &str, class: &str) -> bool {
        let domain = |domain: &&str| {
            *domain == module || domain.ends_with('.') && module.starts_with(*domain)
        };
        self.domains.iter().any(domain)
            || self.operators.contains(&class)
            || self.namespaces.iter().any(|namespace| class.starts_with(namespace))
    }
}

/// Whether TensorFlow itself has the operator.
fn is_registered(class: &str) -> bool {
    static TABLE: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    TABLE.get_or_init(|| REGISTRY.lines().collect()).contains(class)
}

fn finding(subject: &Subject<'_>, module: &str, class: &str, node: &Component, count: usize) -> Finding {
    let location =
        Location { component: Some(node.name.clone()), ..Location::at(&*node.place, node.span) };
    let name = if module == CUSTOM { class.to_owned() } else { format!("{module}::{class}") };
    let nodes = if count == 1 { "one node is".to_owned() } else { format!("{count} nodes are") };
    let headline = format!("{nodes} of the operator `{name}`, which the runtime does not have");
    // What no registry of TensorFlow has is a library of its own.
    let registry = runtime(subject.format()).is_some_and(|runtime| runtime.registry);
    let severity = if registry && module == CUSTOM { Severity::High } else { Severity::Medium };
    FindingBuilder::new("custom-operator", &subject.artifact.path, location, headline)
        .severity(severity)
        .verdict(Verdict::Unknown)
        .call(name)
        .techniques(RULE.techniques)
        .next("ask for the source of the operator: it is native code that the model cannot run without")
        .build()
}
