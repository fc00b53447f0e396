//! Configurations that name code which lies elsewhere, to be imported when the model is loaded.

use super::{Draft, Subject};
use crate::knowledge;
use wb_core::{Component, Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A configuration that names code in another place",
    severity: Severity::Critical,
    techniques: &["AML.T0010.003", "AML.T0011.000", "T1195.002"],
    examine,
};

/// Modules of diffusers that hold classes of pipelines, one a line.
pub(crate) const PIPELINES: &str = include_str!("../../data/diffusers_pipelines.txt");

/// Kernels by names of implementations; anything with an owner is fetched from a repository.
const KERNEL_OWNERS: [&str; 1] = ["kernels-community"];

/// Libraries whose modules and classes a configuration may name.
const LIBRARIES: [&str; 6] =
    ["bentoml", "diffusers", "mlflow", "onnxruntime", "sentence_transformers", "transformers"];

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let components = subject.content.components.iter().filter(|one| one.kind == "remote-code");
    components.filter_map(|named| finding(subject, named)).collect()
}

/// What a name leads to, how bad that is, and what it makes of the artifact.
fn graded(named: &Component) -> Option<(String, Severity, Verdict)> {
    let (name, class) = (&named.name, &named.class);
    if name.contains("implementation") {
        let owner = class.split('/').next().unwrap_or_default();
        let what = format!("`{name}` fetches and runs kernels of the repository `{class}`");
        // Loaded without consent by transformers 4.56 to 5.2: CVE-2026-4372.
        return Some(match KERNEL_OWNERS.contains(&owner) {
            true => (what, Severity::Medium, Verdict::Unknown),
            false => (what, Severity::Critical, Verdict::Malicious),
        });
    }
    let library = match &named.module {
        Some(module) => module,
        None if name.ends_with("parent_library") => class,
        None => return Some(from_repository(name, class)),
    };
    // The service of BentoML lies beside its description, where it is read as a file of its own.
    if name == "service" {
        let root = library.split('.').next().unwrap_or(library);
        let what = format!("`{name}` imports the module `{library}`, which is none of the files beside it");
        let known = knowledge::table().knows_package(root);
        return known.then_some((what, Severity::Medium, Verdict::Suspicious));
    }
    if is_known(library) {
        return None;
    }
    let what = format!("`{name}` imports the module `{library}`, which nobody vouches for");
    Some((what, Severity::High, Verdict::Suspicious))
}

/// Python files beside the configuration, or in another repository: `owner/name--file.Class`.
fn from_repository(name: &str, class: &str) -> (String, Severity, Verdict) {
    match class.split_once("--") {
        Some((repository, class)) => (
            format!("`{name}` imports `{class}` from another repository, `{repository}`"),
            Severity::High,
            Verdict::Suspicious,
        ),
        None => (
            format!("`{name}` imports `{class}` from the files beside it"),
            Severity::Low,
            Verdict::Unknown,
        ),
    }
}

fn is_known(library: &str) -> bool {
    let root = library.split('.').next().unwrap_or(library);
    LIBRARIES.contains(&root)
        || PIPELINES.lines().any(|known| known == library)
        || (library != root && knowledge::table().knows_package(root))
}

fn finding(subject: &Subject<'_>, named: &Component) -> Option<Finding> {
    let (what, severity, verdict) = graded(named)?;
    let location = Location::at(&*named.place, named.span);
    let builder =
        FindingBuilder::new("config-names-remote-code", &subject.artifact.path, location, what)
            .severity(severity)
            .verdict(verdict)
            .trigger(Trigger::Load)
            .techniques(RULE.techniques)
            .next("read the code that is named, at the revision that will be used, before loading the model with `trust_remote_code`");
    Some(builder.build())
}
