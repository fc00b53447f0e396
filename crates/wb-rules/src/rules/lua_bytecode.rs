//! Functions of Lua in a model, as bytecode.

use super::{Draft, Subject};
use wb_core::{
    Component, Confidence, Finding, FindingBuilder, Location, Severity, Trigger, Verdict,
};

pub(super) const RULE: Draft = Draft {
    title: "A model that carries functions of Lua as bytecode",
    severity: Severity::Critical,
    techniques: &["AML.T0018.002", "AML.T0011.000", "T1059.011"],
    examine,
};

/// What reaches out of Lua, one a line: a table and a field of it, or a global alone (reference manuals of Lua 5.1 and
/// LuaJIT).
pub(super) const FUNCTIONS: &str = include_str!("../../data/lua_functions.txt");

fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let functions = subject.content.components.iter();
    let functions = functions.filter(|part| part.kind == "function" && subject.format() == "torch7");
    functions.map(|function| finding(subject, function)).collect()
}

fn finding(subject: &Subject<'_>, function: &Component) -> Finding {
    let reached = reached(function);
    let through = match reached {
        Some(name) => format!(", and names `{name}`"),
        None => String::new(),
    };
    let headline = format!("the object `{}` is a function ({}){through}", function.name, function.class);
    let location = Location {
        component: Some(function.name.clone()),
        ..Location::at(&*function.place, function.span)
    };
    let (severity, verdict) = match reached {
        Some(_) => (RULE.severity, Verdict::Malicious),
        None => (Severity::Medium, Verdict::Unknown),
    };
    let builder = FindingBuilder::new("lua-bytecode", &subject.artifact.path, location, headline)
        .severity(severity)
        .confidence(Confidence::Medium)
        .verdict(verdict)
        .trigger(Trigger::Inference)
        .techniques(RULE.techniques)
        .next("do not load it; ask for the model as weights, and for the source of its functions");
    match reached {
        Some(name) => builder.call(name).build(),
        None => builder.build(),
    }
}

/// What reaches out of Lua and has all of its names among those that one function uses.
fn reached(function: &Component) -> Option<&'static str> {
    let names = |name: &str, path: &str| {
        function.settings.iter().any(|field| field.path == path && field.value == name)
    };
    let lines = FUNCTIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.into_iter().find(|line| {
        let first = line.split('.').next().unwrap_or(line);
        let places = function.settings.iter().filter(|field| field.value == first);
        places.into_iter().any(|place| line.split('.').all(|name| names(name, &place.path)))
    })
}
