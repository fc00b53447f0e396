//! Code that a configuration names and that lies elsewhere: in Python files beside it, in other
//! repositories, in packages. Each becomes a component of the kind [`KIND`], with what it is called in its
//! configuration as name and what it names as class.

use crate::spanned_json::Json;
use wb_core::{Component, Content};

/// The kind of these components.
const KIND: &str = "remote-code";

/// Adds what the configuration `json` names.
pub(super) fn references(json: &Json, content: &mut Content) {
    let mut found = Found { content };
    if let Some(map) = json.get("auto_map") {
        for (key, value) in map.entries() {
            found.each(&format!("auto_map.{key}"), value);
        }
        found.each("auto_map", map);
    }
    if let Some(template) = json.get("custom_pipelines") {
        for (name, pipeline) in template.entries() {
            if let Some(code) = pipeline.get("impl") {
                found.each(&format!("custom_pipelines.{name}"), code);
            }
        }
    }
    kernels(json, &mut found);
    pipeline(json, &mut found);
    loader(json, &mut found);
    service(json, &mut found);
    stored(json, &mut found);
    modules(json, &mut found);
    if let Some(library) =
        json.get("auto_mapping").and_then(|mapping| mapping.get("parent_library"))
    {
        found.each("auto_mapping.parent_library", library);
    }
}

/// Attention and expert kernels that are fetched from a repository (CVE-2026-4372).
fn kernels(json: &Json, found: &mut Found<'_>) {
    for (key, value) in json.entries() {
        let names = key.trim_start_matches('_');
        let kernel = ["attn_implementation", "experts_implementation"];
        if kernel.iter().any(|name| names.starts_with(name)) {
            let repository = |value: &&Json| value.text().is_some_and(|text| text.contains('/'));
            let nested = value.entries().iter().map(|(_, value)| value);
            for value in std::iter::once(value).chain(nested).filter(repository) {
                found.add(key, value);
            }
        }
    }
}

/// Parts of a pipeline of diffusers: each is a library, or a module beside the pipeline, and a class. The
/// pipeline itself is named alike when its code lies beside it; otherwise it is a class of diffusers, all of
/// which say so in their names. Models of diffusers have lists of two names too, and they are no modules.
fn pipeline(json: &Json, found: &mut Found<'_>) {
    let is_pipeline = match json.get("_class_name") {
        Some(class) => class.text().is_none_or(|class| class.contains("Pipeline")),
        None => json.get("_diffusers_version").is_some(),
    };
    if !is_pipeline {
        return;
    }
    for (key, value) in json.entries() {
        if let [library, class] = value.items()
            && let (Some(library), Some(class)) = (library.text(), class.text())
        {
            found.push(key, class, Some(library), value);
        }
    }
}

/// The module that MLflow imports and asks to load the model: `flavors.python_function.loader_module` of an
/// `MLmodel`.
fn loader(json: &Json, found: &mut Found<'_>) {
    const FLAVOR: &str = "python_function";
    const KEY: &str = "loader_module";
    let flavor = json.get("flavors").and_then(|flavors| flavors.get(FLAVOR));
    if let Some(value) = flavor.and_then(|flavor| flavor.get(KEY))
        && let Some(module) = value.text()
    {
        found.push(&format!("flavors.{FLAVOR}.{KEY}"), "_load_pyfunc", Some(module), value);
    }
}

/// The module and the name in it that BentoML imports to serve: `service` of a `bentofile.yaml` or `bento.yaml`, as module
/// or file.
fn service(json: &Json, found: &mut Found<'_>) {
    const OTHERS: [&str; 6] = ["bentoml_version", "include", "python", "docker", "image", "conda"];
    let Some(value) =
        json.get("service").filter(|_| OTHERS.iter().any(|key| json.get(key).is_some()))
    else {
        return;
    };
    if let Some((module, name)) = value.text().and_then(|text| text.rsplit_once(':')) {
        let module = module.strip_suffix(".py").unwrap_or(module).replace('/', ".");
        found.push("service", name, Some(&module), value);
    }
}

/// The module that BentoML imports and asks to load a model: `module` of a `model.yaml`.
fn stored(json: &Json, found: &mut Found<'_>) {
    let written =
        json.get("context").is_some_and(|context| context.get("bentoml_version").is_some());
    let Some(value) = json.get("module").filter(|_| written) else { return };
    if let Some(module) = value.text().filter(|module| !module.is_empty()) {
        found.push("module", "load_model", Some(module), value);
    }
}

/// Modules of sentence-transformers that are not its own.
fn modules(json: &Json, found: &mut Found<'_>) {
    for (index, item) in json.items().iter().enumerate().take(64) {
        if let Some(kind) = item.get("type").filter(|_| item.get("idx").is_some())
            && let Some((module, class)) = kind.text().and_then(|text| text.rsplit_once('.'))
        {
            found.push(&format!("[{index}].type"), class, Some(module), kind);
        }
    }
}

struct Found<'c> {
    content: &'c mut Content,
}

impl Found<'_> {
    /// `value`, or each item of it when it is a list.
    fn each(&mut self, name: &str, value: &Json) {
        self.add(name, value);
        for item in value.items() {
            self.add(name, item);
        }
    }

    fn add(&mut self, name: &str, value: &Json) {
        if let Some(text) = value.text() {
            self.push(name, text, None, value);
        }
    }

    fn push(&mut self, name: &str, class: &str, module: Option<&str>, value: &Json) {
        const MOST: usize = 1_000;
        if self.content.components.len() < MOST {
            self.content.components.push(Component {
                kind: KIND,
                name: name.to_owned(),
                class: class.to_owned(),
                module: module.map(str::to_owned),
                place: name.to_owned(),
                span: Some(value.span),
                settings: Vec::new(),
            });
        }
    }
}
