//! Objects that stand for a call, lifted with everything nested in their arguments.
//!
//! - Hydra and NeMo: `_target_`, `_args_`, `_partial_` (CVE-2025-23304; hydra.cc, "Instantiating objects").
//! - LightningCLI: `class_path`, `init_args` (jsonargparse, "Class type and sub-classes").
//! - sentence-transformers: the `type` of an entry of `modules.json`.
//! - jsonpickle: `py/reduce`, `py/object`, `py/function`, `py/type`, `py/repr`.
//! - PyYAML: `!!python/object/apply:`, `!!python/object/new:`, `!!python/object:`, `!!python/name:`,
//!   `!!python/module:` (CVE-2021-37678).

use super::interpolation::{self, Piece};
use crate::spanned_json::{Json, Node};
use wb_core::{
    Budget, CallStyle, Collection, Constant, Gap, Language, Op, OpKind, Program, Span, Trigger,
    ValueId,
};

/// The tags under which PyYAML makes Python objects.
const PYTHON_TAG: &str = "tag:yaml.org,2002:python/";

/// Whether `json` itself stands for a call or for something imported.
pub(super) fn is_call(json: &Json) -> bool {
    if let Some(tag) = python_tag(json) {
        return ["object", "name:", "module:"].iter().any(|kind| tag.starts_with(kind));
    }
    let keys =
        ["_target_", "py/reduce", "py/object", "py/function", "py/type", "py/repr", "py/ref"];
    keys.iter().any(|key| json.get(key).is_some())
        || class_path(json).is_some()
        || module(json).is_some()
}

fn python_tag(json: &Json) -> Option<&str> {
    json.tag.as_deref()?.strip_prefix(PYTHON_TAG)
}

/// The class of a LightningCLI object.
fn class_path(json: &Json) -> Option<&Json> {
    let path = json.get("class_path")?;
    path.text().filter(|text| text.contains('.') && !text.contains(['/', ' '])).map(|_| path)
}

/// The class of a module of sentence-transformers.
fn module(json: &Json) -> Option<&Json> {
    let kind =
        json.get("type").filter(|kind| kind.text().is_some_and(|text| text.contains('.')))?;
    (json.get("idx").is_some() && json.get("path").is_some()).then_some(kind)
}

/// Lifts one value of a configuration, calls in it included.
pub(super) struct Lifter<'a, 'b> {
    root: &'a Json,
    program: Program,
    budget: &'b mut Budget,
    exhausted: bool,
}

impl<'a, 'b> Lifter<'a, 'b> {
    pub(super) fn new(root: &'a Json, path: &str, span: Span, budget: &'b mut Budget) -> Self {
        let mut program = Program::new(Language::Config, Trigger::Load, span);
        path.clone_into(&mut program.place);
        Self { root, program, budget, exhausted: false }
    }

    pub(super) fn finish(mut self, value: ValueId, gaps: &mut Vec<Gap>) -> Program {
        let span = self.program.span;
        if self.exhausted {
            gaps.push(Gap::over(span, "the budget of items ran out in a configuration"));
        }
        self.program.push(Op { span, number: 0, kind: OpKind::Return { value } });
        self.program
    }

    fn push(&mut self, span: Span, kind: OpKind) -> ValueId {
        if self.budget.items(1).is_err() {
            self.exhausted = true;
            // Whatever stands for the value: there is at least one op, or this is the first.
            if !self.program.ops.is_empty() {
                return ValueId(0);
            }
        }
        self.program.push(Op { span, number: 0, kind })
    }

    /// The value of `json`. The reader bounds how deeply values nest.
    pub(super) fn value(&mut self, json: &Json) -> ValueId {
        if self.exhausted {
            return ValueId(0);
        }
        if let Some(call) = self.call(json) {
            return call;
        }
        let kind = match &json.node {
            Node::Text(text) => return self.text(text, json.span),
            Node::Plain(plain) => OpKind::Constant(constant(plain)),
            Node::TooDeep => {
                OpKind::Opaque { what: "nested too deeply".to_owned(), uses: Vec::new() }
            }
            Node::Array(items) => {
                let items: Vec<ValueId> = items.iter().map(|item| self.value(item)).collect();
                let tuple = python_tag(json) == Some("tuple");
                let kind = if tuple { Collection::Tuple } else { Collection::List };
                collect(kind, items)
            }
            Node::Object(entries) => {
                let mut items = Vec::new();
                for (key, value) in entries {
                    let key = Constant::Text(key.clone());
                    items.push(self.push(value.span, OpKind::Constant(key)));
                    items.push(self.value(value));
                }
                OpKind::Collect { kind: Collection::Dict, items, total: entries.len() as u64 }
            }
        };
        self.push(json.span, kind)
    }

    /// Text, with `${...}` filled in: other parts of the configuration, and variables of the environment.
    fn text(&mut self, text: &str, span: Span) -> ValueId {
        let mut values = Vec::new();
        for piece in interpolation::pieces(self.root, text) {
            values.push(match piece {
                Piece::Text(text) => self.push(span, OpKind::Constant(Constant::Text(text))),
                Piece::Variable(name) => {
                    let of = self.import("os.environ", span);
                    let key = self.push(span, OpKind::Constant(Constant::Text(name)));
                    self.push(span, OpKind::GetItem { of, key })
                }
            });
        }
        match values.as_slice() {
            [only] => *only,
            _ => self.push(span, collect(Collection::Joined, values)),
        }
    }

    /// The call or the import that `json` itself stands for.
    fn call(&mut self, json: &Json) -> Option<ValueId> {
        if let Some(tag) = python_tag(json) {
            return self.tagged(tag, json);
        }
        if let Some(target) = json.get("_target_") {
            return Some(self.hydra(json, target));
        }
        if let Some(class) = class_path(json) {
            let callee = self.named(class);
            let keywords = self.keywords(json.get("init_args"));
            return Some(self.finish_call(
                json.span,
                callee,
                Vec::new(),
                keywords,
                CallStyle::Call,
            ));
        }
        if let Some(class) = module(json) {
            let callee = self.named(class);
            return Some(self.finish_call(
                json.span,
                callee,
                Vec::new(),
                Vec::new(),
                CallStyle::Call,
            ));
        }
        self.jsonpickle(json)
    }

    fn hydra(&mut self, json: &Json, target: &Json) -> ValueId {
        let mut callee = self.named(target);
        let arguments = json.get("_args_").map(Json::items).unwrap_or_default();
        let mut arguments: Vec<ValueId> = arguments.iter().map(|item| self.value(item)).collect();
        let mut keywords = Vec::new();
        for (key, value) in json.entries() {
            if !(key.starts_with('_') && key.ends_with('_')) {
                keywords.push((key.clone(), self.value(value)));
            }
        }
        let partial = json.get("_partial_").map(Json::display);
        if partial.is_some_and(|partial| partial.eq_ignore_ascii_case("true")) {
            arguments.insert(0, callee);
            callee = self.import("functools.partial", json.span);
        }
        self.finish_call(json.span, callee, arguments, keywords, CallStyle::Call)
    }

    fn jsonpickle(&mut self, json: &Json) -> Option<ValueId> {
        if let Some(reduce) = json.get("py/reduce") {
            let (function, rest) = reduce.items().split_first()?;
            let callee = self.value(function);
            let arguments =
                rest.first().map(|arguments| self.spread(arguments)).unwrap_or_default();
            return Some(self.finish_call(
                json.span,
                callee,
                arguments,
                Vec::new(),
                CallStyle::Call,
            ));
        }
        if let Some(class) = json.get("py/object") {
            let callee = self.named(class);
            let arguments = ["py/newargs", "py/initargs"].iter().find_map(|key| json.get(key));
            let arguments = arguments.map(|arguments| self.spread(arguments)).unwrap_or_default();
            return Some(self.finish_call(
                json.span,
                callee,
                arguments,
                Vec::new(),
                CallStyle::New,
            ));
        }
        if let Some(name) = ["py/function", "py/type"].iter().find_map(|key| json.get(key)) {
            return Some(self.named(name));
        }
        // `module/expression`: imported and evaluated.
        let text = ["py/repr", "py/ref"].iter().find_map(|key| json.text_at(key))?;
        let (module, expression) = text.split_once('/').unwrap_or(("", text));
        let head = if module.is_empty() { String::new() } else { format!("import {module}\n") };
        let callee = self.import("builtins.eval", json.span);
        let code = Constant::Text(format!("{head}{expression}"));
        let code = self.push(json.span, OpKind::Constant(code));
        Some(self.finish_call(json.span, callee, vec![code], Vec::new(), CallStyle::Call))
    }

    /// A value under a tag of PyYAML.
    fn tagged(&mut self, tag: &str, json: &Json) -> Option<ValueId> {
        let (kind, name) = tag.split_once(':')?;
        let callee = self.import(name, json.span);
        let style = match kind {
            "name" | "module" => return Some(callee),
            "object/apply" => CallStyle::Call,
            "object/new" | "object" => CallStyle::New,
            _ => return None,
        };
        // The arguments are the sequence, or stand under `args` and `kwds` of the mapping; the mapping of
        // `object` is the state.
        let state = match json.node {
            Node::Object(_) if kind == "object" => Some(self.plain(json)),
            Node::Object(_) => json.get("state").map(|state| self.value(state)),
            _ => None,
        };
        let (arguments, keywords) = match json.node {
            Node::Object(_) if kind != "object" => {
                let arguments = json.get("args").map(|args| self.spread(args)).unwrap_or_default();
                (arguments, self.keywords(json.get("kwds")))
            }
            _ => (self.spread(json), Vec::new()),
        };
        let made = self.finish_call(json.span, callee, arguments, keywords, style);
        if let Some(state) = state {
            self.push(json.span, OpKind::Build { of: made, state });
        }
        Some(made)
    }

    /// The value of `json` without its tag.
    fn plain(&mut self, json: &Json) -> ValueId {
        self.value(&Json { tag: None, ..json.clone() })
    }

    /// The items of a list of arguments; `{"py/tuple": [...]}` is one too.
    fn spread(&mut self, json: &Json) -> Vec<ValueId> {
        let list = json.get("py/tuple").unwrap_or(json);
        list.items().iter().map(|item| self.value(item)).collect()
    }

    fn keywords(&mut self, json: Option<&Json>) -> Vec<(String, ValueId)> {
        let entries = json.map(Json::entries).unwrap_or_default();
        entries.iter().map(|(key, value)| (key.clone(), self.value(value))).collect()
    }

    /// What a target names: a dotted name, or a nested object that yields a callable.
    fn named(&mut self, json: &Json) -> ValueId {
        let Some(text) = json.text() else { return self.value(json) };
        match interpolation::pieces(self.root, text).as_slice() {
            [Piece::Text(name)] => self.import(name, json.span),
            _ => self.text(text, json.span),
        }
    }

    fn import(&mut self, dotted: &str, span: Span) -> ValueId {
        let dotted = dotted.trim();
        let (module, name) = dotted.rsplit_once('.').unwrap_or(("builtins", dotted));
        let (module, name) = (module.to_owned(), name.to_owned());
        self.push(span, OpKind::Import { module, name })
    }

    fn finish_call(
        &mut self,
        span: Span,
        callee: ValueId,
        arguments: Vec<ValueId>,
        keywords: Vec<(String, ValueId)>,
        style: CallStyle,
    ) -> ValueId {
        self.push(span, OpKind::Call { callee, arguments, keywords, style })
    }
}

fn collect(kind: Collection, items: Vec<ValueId>) -> OpKind {
    let total = items.len() as u64;
    OpKind::Collect { kind, items, total }
}

fn constant(plain: &str) -> Constant {
    match plain {
        "null" => Constant::None,
        "true" => Constant::Bool(true),
        "false" => Constant::Bool(false),
        number => number.parse().map_or_else(|_| Constant::Other(number.to_owned()), Constant::Int),
    }
}
