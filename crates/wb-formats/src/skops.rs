//! skops: scikit-learn models as a zip archive with a graph of nodes in `schema.json` and arrays beside it. A
//! node names a class or function, which the loader imports and calls.
//!
//! Specification: "Secure persistence with skops" and `skops/io/_general.py` in `skops-dev/skops`.

use crate::spanned_json::{self, Json, Node};
use crate::zip::{self, Entry};
use crate::{Family, Reader, Request};
use wb_core::{
    Budget, Bytes, CallStyle, Collection, Component, Constant, Content, Field, Language, Oddity, OddityKind, OpKind,
    Program, Span, Strength, Trigger, ValueId,
};

pub(crate) const FORMAT: Reader = Reader {
    title: "skops model of scikit-learn",
    endings: &[".skops"],
    family: Family::Model,
    refines: &["zip"],
    identify,
    parse,
    named: None,
};

/// The member with the graph.
const SCHEMA: &str = "schema.json";

/// How many nodes with an unknown loader are told.
const MOST: usize = 20;

/// How much of it is looked at to find a node, in bytes.
const HEAD: usize = 4096;

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let there = zip::is_zip(input) && zip::any_name(input, |name| name == SCHEMA.as_bytes());
    if !there {
        return None;
    }
    let mut budget = Budget::default();
    let entries = zip::entries(input, &mut budget).entries;
    let schema = entries.iter().find(|entry| entry.name == SCHEMA)?;
    let packed;
    let head = match schema.method {
        0 => input.at_span(schema.data)?.head(HEAD),
        _ => {
            packed = zip::head(input, schema, &mut budget)?;
            Bytes::new(&packed)
        }
    };
    let node = [&b"\"__loader__\""[..], b"\"__class__\""].iter().all(|key| head.find(key).is_some());
    node.then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    for entry in zip::open(input, &mut content, budget) {
        if entry.name == SCHEMA && schema(input, &entry, &mut content, budget).is_some() {
            continue;
        }
        zip::child(input, &entry, &mut content, budget);
    }
    crate::names::tell_apart(&mut content.children);
    content
}

/// Lifts the graph.
fn schema(input: Bytes<'_>, entry: &Entry, content: &mut Content, budget: &mut Budget) -> Option<()> {
    let member = zip::data(input, entry, content, budget)?;
    // Spans in a stored member are offsets in the archive; a compressed one is named as a whole.
    let stored = entry.method == 0;
    let Some(json) = spanned_json::document(member.bytes(), SCHEMA, content, budget) else {
        return Some(());
    };
    for key in ["protocol", "_skops_version"] {
        if let Some(value) = json.get(key) {
            let (path, value) = (key.to_owned(), value.display());
            content.fields.push(Field { path, value, span: Some(entry.data) });
        }
    }
    let program = Program::new(Language::Config, Trigger::Load, entry.data);
    let whole = (!stored).then_some(entry.data);
    let mut graph = Graph { program, components: Vec::new(), unknown: Vec::new(), whole };
    graph.program.place = SCHEMA.to_owned();
    let value = graph.node(&json, "");
    graph.push(json.span, OpKind::Return { value });
    content.programs.push(graph.program);
    content.components.append(&mut graph.components);
    for (place, span, loader) in graph.unknown.into_iter().take(MOST) {
        let what = format!("skops has no loader `{loader}`");
        content.oddities.push(Oddity { kind: OddityKind::Malformed, place, span: Some(span), what });
    }
    Some(())
}

/// Nodes whose class or function is called: `gettype` of what they name, and what they hold as its arguments.
const CALLS: [&str; 10] = [
    "OperatorFuncNode",
    "PartialNode",
    "ConstructorFromReduceNode",
    "DictNode",
    "ListNode",
    "SetNode",
    "TupleNode",
    "NdArrayNode",
    "RandomStateNode",
    "RandomGeneratorNode",
];

/// Nodes that make an object and give it its state.
const RESTORES: [&str; 9] = [
    "ObjectNode",
    "CachedNode",
    "DefaultDictNode",
    "ReduceNode",
    "TreeNode",
    "SGDNode",
    "LossNode",
    "QuantileForestNode",
    "_DictWithDeprecatedKeysNode",
];

/// Whether a node only takes its items: a value whose class the loader does not ask for, or one of the collections of
/// Python and NumPy.
fn is_collection(loader: &str, module: &str, class: &str) -> bool {
    match loader {
        "SliceNode" | "BytesNode" | "BytearrayNode" | "SparseMatrixNode" | "DTypeNode" | "MaskedArrayNode" => true,
        "DictNode" | "ListNode" | "SetNode" | "TupleNode" => {
            matches!(
                (module, class),
                ("builtins", "dict" | "list" | "set" | "frozenset" | "tuple")
                    | ("collections", "OrderedDict" | "Counter" | "defaultdict")
            )
        }
        "NdArrayNode" => module == "numpy",
        _ => false,
    }
}

struct Graph {
    program: Program,
    components: Vec<Component>,
    /// Nodes whose loader is none of skops: place, bytes, loader.
    unknown: Vec<(String, Span, String)>,
    /// The bytes of the member, when those of its parts cannot be named.
    whole: Option<Span>,
}

impl Graph {
    fn push(&mut self, span: Span, kind: OpKind) -> ValueId {
        self.program.step(self.whole.unwrap_or(span), kind)
    }

    /// The value that a node stands for, after all nodes below it.
    fn node(&mut self, json: &Json, place: &str) -> ValueId {
        let Some(loader) = json.text_at("__loader__") else { return self.below(json, place) };
        let module = json.text_at("__module__").unwrap_or_default().to_owned();
        let class = json.text_at("__class__").unwrap_or_default().to_owned();
        let inner: Vec<ValueId> = json
            .entries()
            .iter()
            .filter(|(_, value)| matches!(value.node, Node::Object(_) | Node::Array(_)))
            .map(|(key, value)| self.node(value, &join(place, key)))
            .collect();
        let total = inner.len() as u64;
        match loader {
            "JsonNode" => {
                let text = json.text_at("content").unwrap_or_default().to_owned();
                self.push(json.span, OpKind::Constant(Constant::Text(text)))
            }
            _ if is_collection(loader, &module, &class) => {
                let kind = Collection::List;
                self.push(json.span, OpKind::Collect { kind, items: inner, total })
            }
            "TypeNode" | "FunctionNode" => self.push(json.span, OpKind::Import { module, name: class }),
            "MethodNode" => {
                let content = json.get("content");
                let name = content.and_then(|content| content.text_at("func")).unwrap_or_default().to_owned();
                match inner.last() {
                    Some(of) => self.push(json.span, OpKind::GetAttribute { of: *of, name }),
                    None => self.push(json.span, OpKind::Import { module, name: class }),
                }
            }
            _ => self.object(json, place, module, class, inner),
        }
    }

    /// An object of a class: created without calling it, then given its state. Functions of `operator` and
    /// partial ones are called.
    fn object(
        &mut self,
        json: &Json,
        place: &str,
        module: String,
        class: String,
        arguments: Vec<ValueId>,
    ) -> ValueId {
        let loader = json.text_at("__loader__").unwrap_or_default();
        let called = CALLS.contains(&loader);
        if !called && !RESTORES.contains(&loader) {
            self.unknown.push((join("node", place), self.whole.unwrap_or(json.span), loader.to_owned()));
        }
        self.components.push(Component {
            kind: "object",
            name: place.to_owned(),
            class: class.clone(),
            module: Some(module.clone()),
            place: join(SCHEMA, place),
            span: Some(self.whole.unwrap_or(json.span)),
            settings: Vec::new(),
        });
        let callee = self.push(json.span, OpKind::Import { module, name: class });
        let style = if called { CallStyle::Call } else { CallStyle::New };
        let kind = OpKind::Call { callee, arguments, keywords: Vec::new(), style };
        self.push(json.span, kind)
    }

    /// The nodes in plain objects and lists.
    fn below(&mut self, json: &Json, place: &str) -> ValueId {
        let mut items: Vec<ValueId> = Vec::new();
        for (key, value) in json.entries() {
            if matches!(value.node, Node::Object(_) | Node::Array(_)) {
                items.push(self.node(value, &join(place, key)));
            }
        }
        for (index, item) in json.items().iter().enumerate() {
            if matches!(item.node, Node::Object(_) | Node::Array(_)) {
                items.push(self.node(item, &format!("{place}[{index}]")));
            }
        }
        let total = items.len() as u64;
        self.push(json.span, OpKind::Collect { kind: Collection::List, items, total })
    }
}

/// The way to a node in a few words: `content` is left out.
fn join(place: &str, key: &str) -> String {
    match (place, key) {
        (place, "content" | "") => place.to_owned(),
        ("", key) => key.to_owned(),
        (place, key) => format!("{}.{key}", place.get(place.ceil_char_boundary(place.len().saturating_sub(256))..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Zip, claims, oddities, parse, survive};
    use wb_core::{Content, OpKind};

    const REAL: &[u8] = include_bytes!("../tests/data/real.skops");

    fn model(node: &str) -> Vec<u8> {
        Zip::new().stored("schema.json", node.as_bytes()).finish()
    }

    fn imports(content: &Content) -> Vec<String> {
        let ops = content.programs.iter().flat_map(|program| &program.ops);
        ops.filter_map(|op| match &op.kind {
            OpKind::Import { module, name } => Some(format!("{module}.{name}")),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_model_that_skops_wrote_is_read() {
        assert_eq!(claims(REAL), "skops (zip)");
        let content = parse("skops", REAL);
        assert_eq!(oddities(&content), [""; 0]);
        let names = imports(&content);
        for name in ["sklearn.pipeline.Pipeline", "numpy.log1p", "sklearn.linear_model._logistic.LogisticRegression"] {
            assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
        }
        assert_eq!(content.components.last().map(|object| &*object.class), Some("Pipeline"));
        assert!(content.children.iter().all(|child| child.name.ends_with(".npy")));
    }

    #[test]
    fn nodes_that_name_functions_and_methods_are_lifted() {
        let function = r#"{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}"#;
        assert_eq!(imports(&parse("skops", &model(function))), ["os.system"]);
        let operator = r#"{"__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode",
            "attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [
            {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "\"system\""}]}}"#;
        let content = parse("skops", &model(operator));
        assert_eq!(imports(&content), ["operator.methodcaller"]);
        let call = content.programs[0].ops.iter().any(|op| matches!(&op.kind, OpKind::Call { arguments, .. } if arguments.len() == 1));
        assert!(call);
    }

    #[test]
    fn collections_call_the_class_that_they_name() {
        let node = |loader: &str, module: &str, class: &str| {
            model(&format!(r#"{{"__class__": "{class}", "__module__": "{module}", "__loader__": "{loader}", "content": []}}"#))
        };
        for loader in ["DictNode", "ListNode", "SetNode", "TupleNode", "NdArrayNode"] {
            assert_eq!(imports(&parse("skops", &node(loader, "os", "system"))), ["os.system"], "{loader}");
        }
        assert_eq!(imports(&parse("skops", &node("DictNode", "collections", "OrderedDict"))), [""; 0]);
        assert_eq!(imports(&parse("skops", &node("NdArrayNode", "numpy", "ndarray"))), [""; 0]);
        let own = parse("skops", &node("OwnNode", "builtins", "dict"));
        assert_eq!(oddities(&own), ["malformed node"]);
    }

    #[test]
    fn other_archives_are_none() {
        let bytes = Zip::new().stored("schema.json", b"{\"type\": \"object\"}").finish();
        assert_eq!(claims(&bytes), "zip");
    }

    #[test]
    fn damage_is_survived() {
        survive("skops", &model(r#"{"__class__": "A", "__module__": "b", "__loader__": "ObjectNode", "content": {}}"#));
    }
}
