//! Lambda layers whose function is only named.

use super::{Draft, Subject};
use crate::keras::{is_keras_function, is_layer};
use crate::knowledge;
use wb_core::{Capability, Component, Finding, FindingBuilder, Location, Severity, Trigger, Verdict};

pub(super) const RULE: Draft = Draft {
    title: "A Lambda layer whose function is not in the file",
    severity: Severity::Medium,
    techniques: &["AML.T0018.001"],
    examine,
};

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let layers = subject.content.components.iter();
    let lambdas = layers.filter(|layer| is_layer(layer) && layer.class == "Lambda");
    lambdas.filter_map(|layer| finding(subject, layer, named_function(subject, layer)?)).collect()
}

/// The function's name, when the layer has no code of its own.
fn named_function<'a>(subject: &Subject<'_>, layer: &'a Component) -> Option<&'a str> {
    let own = |name: Option<&str>| name == Some(layer.name.as_str());
    let programs = &subject.content.programs;
    if programs.iter().any(|program| own(program.component.as_deref())) {
        return None;
    }
    let inline = matches!(layer.setting("function.class_name"), Some("__lambda__"))
        || layer.setting("function_type") == Some("lambda");
    if inline {
        return None;
    }
    // Keras 3 writes an object with the name in `config`, Keras 2 the bare name.
    let name = layer.setting("function.config").or_else(|| layer.setting("function"))?;
    let identifier = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>');
    let named = !name.is_empty() && name.len() < 256 && name.chars().all(identifier);
    (named && !is_vouched_for(layer, name)).then_some(name)
}

/// Whether the function is one of Keras, or of a module whose functions are known to compute only.
fn is_vouched_for(layer: &Component, name: &str) -> bool {
    // Keras 3 writes `builtins` for the functions it knows by their bare names, Keras 2 often nothing.
    let module = layer.setting("function.module").or_else(|| layer.setting("module"));
    match module.filter(|module| !matches!(*module, "builtins" | "null" | "")) {
        None => is_keras_function(name),
        Some(module) => {
            let known = knowledge::table().known(&format!("{module}.{name}"));
            known.is_some_and(|known| known.fact.capability == Capability::Inert)
        }
    }
}

fn finding(subject: &Subject<'_>, layer: &Component, function: &str) -> Option<Finding> {
    let location = Location {
        component: Some(layer.name.clone()),
        ..Location::at(&*layer.place, layer.span)
    };
    let headline = format!(
        "the Lambda layer `{}` calls the function `{function}`, which is not in the file",
        layer.name
    );
    let finding =
        FindingBuilder::new("keras-lambda-unresolved", &subject.artifact.path, location, headline)
            .severity(RULE.severity)
            .verdict(Verdict::Suspicious)
            .call(function)
            .trigger(Trigger::Inference)
            .techniques(RULE.techniques)
            .next("ask for the source of the function and read it: whatever is registered under its name runs")
            .build();
    Some(finding)
}
