//! The walk over a configuration. Every object and string is visited, wherever it stands: a scanner that
//! looks at `config.layers` alone misses code in a nested model, a wrapper or a loss.

use super::Source;
use super::code::{self, Expected};
use super::component::{self, component, is_layer};
use super::reference::{Reference, is_tensor_function};
use crate::spanned_json::{Json, Node, Reader as JsonReader, join_key};
use wb_core::{
    Budget, Bytes, CallStyle, Content, Language, Oddity, OddityKind, Op, OpKind, Program, Trigger,
};

/// Walks `json`, the root of a configuration.
pub(super) fn walk(source: &Source<'_>, json: &Json, content: &mut Content, budget: &mut Budget) {
    let mut walk = Walk { source, content, budget };
    let place = source.place;
    let framed = json.text_at("class_name").is_some();
    for (key, value) in json.entries() {
        // What stands beside the configuration of the model (compile_config, versions) is metadata.
        let structural = ["config", "class_name", "module", "registered_name"];
        if !framed || !structural.contains(&key.as_str()) {
            let path = joined(place, key);
            component::fields(source, value, &path, &mut walk.content.fields, walk.budget);
        }
    }
    walk.visit(json, "layers", place, None, Expected::Anything);
}

/// `outer.inner`, where either may be empty.
pub(super) fn joined(outer: &str, inner: &str) -> String {
    let mut path = outer.to_owned();
    if !inner.is_empty() {
        join_key(&mut path, inner);
    }
    path
}

struct Walk<'s, 'c> {
    source: &'s Source<'s>,
    content: &'c mut Content,
    budget: &'c mut Budget,
}

impl Walk<'_, '_> {
    /// Visits `json`, found under `key` at `place`, inside `layer`. Nesting is bounded by the reader.
    fn visit(
        &mut self,
        json: &Json,
        key: &str,
        place: &str,
        layer: Option<&Json>,
        expected: Expected,
    ) {
        match &json.node {
            Node::Object(entries) => self.object(json, entries, key, place, layer, expected),
            Node::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    // Keras 1 and 2 write a function as its code, its defaults and its closure.
                    let expected = if index == 0 { expected } else { Expected::Anything };
                    self.visit(item, key, &format!("{place}[{index}]"), layer, expected);
                }
            }
            Node::Text(text) => {
                let place = code::Place { place, key, layer, expected };
                code::string(self.source, json, text, &place, self.content, self.budget);
                self.inside(json, text, place.place);
            }
            Node::Plain(_) | Node::TooDeep => {}
        }
    }

    /// A configuration that stands in a configuration as a string, as `json.dumps` of what `to_json` gives. Each is
    /// shorter than the one around it.
    fn inside(&mut self, json: &Json, text: &str, place: &str) {
        if !super::is_configuration(text) || !text.contains("\"config\"") {
            return;
        }
        let bytes = Bytes::new(text.as_bytes());
        if let Ok(inner) = JsonReader::new(bytes).value(self.budget) {
            let packed = Some(self.source.span(json.span));
            walk(&Source { text: bytes, packed, place }, &inner, self.content, self.budget);
        }
    }

    fn object(
        &mut self,
        json: &Json,
        entries: &[(String, Json)],
        key: &str,
        place: &str,
        layer: Option<&Json>,
        expected: Expected,
    ) {
        let class = json.text_at("class_name").unwrap_or("");
        let is_layer = is_layer(json, key);
        if is_layer && self.budget.items(1).is_ok() {
            let component = component(self.source, json, place, self.budget);
            self.content.components.push(component);
        }
        let layer = if is_layer { Some(json) } else { layer };
        if !class.is_empty() {
            self.references(json, class, key, place, layer);
        }
        if is_layer {
            self.outside_files(json, class, place);
        }
        let inside = |name: &str| match (class, name) {
            ("__lambda__", "config" | "code") => Expected::Code,
            ("__tuple__", "items") => expected,
            ("TorchModuleWrapper", "config") => Expected::TorchModule,
            _ if expected == Expected::Code && name == "code" => Expected::Code,
            _ if expected == Expected::TorchModule && name == "module" => Expected::TorchModule,
            _ => Expected::Anything,
        };
        for (name, value) in entries {
            let place = joined(place, name);
            if class == "Lambda" && name == "config" {
                self.lambda(value, &place, layer);
            } else {
                // In Keras 1 the configuration of a Sequential model is the list of its layers.
                let layers = name == "config" && !value.items().is_empty();
                let key = if layers { "layers" } else { name };
                self.visit(value, key, &place, layer, inside(name));
            }
        }
    }

    /// The configuration of a Lambda layer: its functions are code, or the name of a function.
    fn lambda(&mut self, config: &Json, place: &str, layer: Option<&Json>) {
        for (name, value) in config.entries() {
            let is_function = ["function", "output_shape", "mask"].contains(&name.as_str());
            let kind = config.text_at(&format!("{name}_type"));
            let listed = value.items().first().is_some_and(|first| first.text().is_some())
                || value.text_at("class_name") == Some("__tuple__");
            let expected = match (is_function, kind) {
                (true, Some("lambda")) => Expected::Code,
                (true, Some("function" | "raw")) => Expected::Anything,
                (true, _) if listed => Expected::Code,
                _ => Expected::Anything,
            };
            self.visit(value, name, &joined(place, name), layer, expected);
        }
    }

    /// A program for what `json` would have imported and called, unless Keras itself provides it.
    fn references(
        &mut self,
        json: &Json,
        class: &str,
        key: &str,
        place: &str,
        layer: Option<&Json>,
    ) {
        let function = class == "function";
        let config = json.get("config");
        let named = match class {
            "function" => config.and_then(Json::text),
            "__typespec__" => json.text_at("spec_name"),
            _ => Some(class),
        };
        let operation = ["TFOpLambda", "SlicingOpLambda"].contains(&class);
        let operation = config.filter(|_| operation).and_then(|config| config.text_at("function"));
        let (module, name) = match (operation, json.text_at("module"), named) {
            (Some(operation), _, _) if !is_tensor_function(operation) => ("tensorflow", operation),
            (None, Some(module), Some(name)) => (module, name),
            _ => return,
        };
        if operation.is_none() && (Reference { module, name, function }).is_ordinary() {
            return;
        }
        let span = self.source.span(json.span);
        let mut program = Program::new(Language::Config, Trigger::Load, span);
        program.place = place.to_owned();
        program.component = layer.map(component::name);
        let (module, name) = (module.to_owned(), name.to_owned());
        let callee = program.push(Op { span, number: 0, kind: OpKind::Import { module, name } });
        let mut calls = code::Values { source: self.source, program: &mut program };
        let (arguments, keywords) = match layer {
            // A Lambda layer calls its function with its inputs and with what `arguments` says.
            Some(layer) if key == "function" && layer.text_at("class_name") == Some("Lambda") => {
                let settings = layer.get("config").and_then(|config| config.get("arguments"));
                (vec![calls.load("inputs", span)], calls.keywords(settings))
            }
            _ if json.get("inbound_nodes").is_some() => calls.inbound(json.get("inbound_nodes")),
            _ if function => (Vec::new(), Vec::new()),
            _ => (Vec::new(), calls.keywords(config)),
        };
        let style = CallStyle::Call;
        let call = OpKind::Call { callee, arguments, keywords, style };
        program.push(Op { span, number: 1, kind: call });
        self.content.programs.push(program);
    }

    /// Layers that read files or models beside the configuration: CVE-2025-12058, CVE-2026-1462. A
    /// vocabulary that is a string is the path or URL of one; in a list, the vocabulary itself.
    fn outside_files(&mut self, json: &Json, class: &str, place: &str) {
        let Some(config) = json.get("config") else { return };
        let keys: &[&str] = match class {
            "TFSMLayer" => &["filepath"],
            "StringLookup" | "IntegerLookup" | "IndexLookup" | "TextVectorization" => {
                &["vocabulary", "idf_weights"]
            }
            _ => return,
        };
        for key in keys {
            let Some(value) = config.get(key) else { continue };
            let Some(path) = value.text().filter(|path| !path.is_empty()) else { continue };
            self.content.oddities.push(Oddity {
                kind: OddityKind::ExternalReference,
                place: format!("{place}.config.{key}"),
                span: Some(self.source.span(value.span)),
                what: format!("layer of class `{class}` reads `{path}`"),
            });
        }
    }
}
