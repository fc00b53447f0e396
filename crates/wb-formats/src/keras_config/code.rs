//! Strings that are code or files, and configuration values as values of a program.

use super::Source;
use super::bindings;
use super::component;
use super::literal::{self, Decoded};
use crate::pyc;
use crate::spanned_json::{Json, Node};
use wb_code::cpython;
use wb_core::{
    Budget, Bytes, Child, ChildData, Collection, Constant, Content, Gap, Oddity, OddityKind,
    OpKind, Program, Span, Trigger, ValueId,
};

/// What a string has to be where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Nothing special; it may be code all the same.
    Anything,
    /// A marshalled function.
    Code,
    /// A module as `torch.save` writes it: CVE-2025-49655.
    TorchModule,
}

/// Where a string stands.
pub(super) struct Place<'a> {
    pub(super) place: &'a str,
    pub(super) key: &'a str,
    pub(super) layer: Option<&'a Json>,
    pub(super) expected: Expected,
}

/// Longest code that is decoded, in bytes.
const CODE: usize = 4 << 20;
/// Longest embedded file that is decoded, in bytes.
const FILE: usize = 1 << 30;
/// No code object is shorter, in characters of its encoding.
const SHORTEST: usize = 40;

/// First base64 digits of files that may be embedded: zip, and pickles of protocols 2 to 5.
const FILES: &[&str] = &["UEsDB", "gAJ", "gAN", "gAR", "gAS", "gAV", "gAW"];

/// Looks at a string: code becomes a program, an embedded file a child.
pub(super) fn string(
    source: &Source<'_>,
    json: &Json,
    text: &str,
    place: &Place<'_>,
    content: &mut Content,
    budget: &mut Budget,
) {
    let long = text.len() >= SHORTEST;
    let Some(raw) = source.text.at_span(json.span) else { return };
    let digits = literal::first_digits(text, 5);
    // The first byte of a marshalled code object is `c`, or `c` with the reference flag.
    let like_code = digits.starts_with("4w")
        || digits.starts_with("Yw")
        || text.starts_with('\u{e3}')
        || text.starts_with("c\0");
    if place.expected == Expected::Code || (long && like_code) {
        let program = program(source, json, raw, place, budget);
        match program {
            Some(mut program) => {
                let odd = pyc::unfollowed(&program, place.place, source.span(json.span));
                content.oddities.extend(odd);
                program.place = place.place.to_owned();
                program.component = place.layer.map(component::name);
                content.programs.push(program);
            }
            None if place.expected == Expected::Code => opaque(source, json, place, content),
            None => {}
        }
        return;
    }
    let like_file = long && FILES.iter().any(|start| digits.starts_with(start));
    if like_file || (place.expected == Expected::TorchModule && !text.is_empty()) {
        file(raw, place, content, budget);
    }
}

fn program(
    source: &Source<'_>,
    json: &Json,
    raw: Bytes<'_>,
    place: &Place<'_>,
    budget: &mut Budget,
) -> Option<Program> {
    let decoders = [literal::base64, literal::raw_unicode];
    decoders.into_iter().find_map(|decode| {
        let decoded: Decoded = decode(raw, CODE);
        budget.decoded_bytes(decoded.data.len() as u64).ok()?;
        let code = cpython::read_marshal(Bytes::new(&decoded.data), None, budget).ok()?;
        let values = bindings::bindings(&code, place);
        let mut program = cpython::lift_bound(&code, &values, Trigger::Inference, budget);
        program.source = Some(cpython::decompile(&code, budget).text);
        match source.packed {
            None => decoded.relocate(&mut program, source.span(json.span)),
            Some(packed) => program.stand_at(packed),
        }
        Some(program)
    })
}

fn opaque(source: &Source<'_>, json: &Json, place: &Place<'_>, content: &mut Content) {
    let span = source.span(json.span);
    let layer = place.layer.map(component::name).unwrap_or_default();
    content.oddities.push(Oddity {
        kind: OddityKind::OpaqueCode,
        place: place.place.to_owned(),
        span: Some(span),
        what: format!("the function of `{layer}` is no code object of a known Python version"),
    });
    content.gaps.push(Gap::over(span, format!("code of `{layer}` was not decoded")));
}

fn file(raw: Bytes<'_>, place: &Place<'_>, content: &mut Content, budget: &mut Budget) {
    let limit = usize::try_from(budget.decoded_bytes_left()).unwrap_or(FILE).min(FILE);
    let decoded = literal::base64(raw, limit);
    let enough =
        budget.decoded_bytes(decoded.data.len() as u64).is_ok() && decoded.data.len() < limit;
    if !enough {
        content
            .gaps
            .push(Gap::somewhere(format!("{}: budget of decoded bytes ran out", place.place)));
    }
    if !decoded.data.is_empty() {
        let layer = place.layer.map(component::name).unwrap_or_default();
        let name = format!("{layer}.{}", place.key);
        content.children.push(Child { name, data: ChildData::Owned(decoded.data) });
    }
}

/// Turns configuration values into ops of a program.
pub(super) struct Values<'s, 'p> {
    pub(super) source: &'s Source<'s>,
    pub(super) program: &'p mut Program,
}

impl Values<'_, '_> {
    /// The value of a name.
    pub(super) fn load(&mut self, name: &str, span: Span) -> ValueId {
        self.push(span, OpKind::Load { name: name.to_owned() })
    }

    /// The entries of an object as keyword arguments.
    pub(super) fn keywords(&mut self, json: Option<&Json>) -> Vec<(String, ValueId)> {
        let entries = json.map(Json::entries).unwrap_or_default();
        entries.iter().map(|(key, value)| (key.clone(), self.value(value))).collect()
    }

    /// The arguments in `inbound_nodes`, with which a functional model calls its layers while it is loaded.
    pub(super) fn inbound(
        &mut self,
        nodes: Option<&Json>,
    ) -> (Vec<ValueId>, Vec<(String, ValueId)>) {
        let Some(node) = nodes.and_then(|nodes| nodes.items().first()) else {
            return (Vec::new(), Vec::new());
        };
        let arguments = node.get("args").unwrap_or(node).items();
        let arguments = arguments.iter().map(|argument| self.value(argument)).collect();
        (arguments, self.keywords(node.get("kwargs")))
    }

    fn value(&mut self, json: &Json) -> ValueId {
        let kind = match &json.node {
            Node::Text(text) => OpKind::Constant(Constant::Text(text.clone())),
            Node::Plain(plain) => OpKind::Constant(plain_constant(plain)),
            Node::TooDeep => {
                OpKind::Opaque { what: "nested too deeply".to_owned(), uses: Vec::new() }
            }
            Node::Array(items) => {
                let items: Vec<ValueId> = items.iter().map(|item| self.value(item)).collect();
                let total = items.len() as u64;
                OpKind::Collect { kind: Collection::List, items, total }
            }
            Node::Object(entries) => {
                let mut items = Vec::new();
                for (key, value) in entries {
                    let text = Constant::Text(key.clone());
                    items.push(self.push(self.source.span(value.span), OpKind::Constant(text)));
                    items.push(self.value(value));
                }
                OpKind::Collect { kind: Collection::Dict, items, total: entries.len() as u64 }
            }
        };
        self.push(self.source.span(json.span), kind)
    }

    fn push(&mut self, span: Span, kind: OpKind) -> ValueId {
        self.program.step(span, kind)
    }
}

pub(super) fn plain_constant(plain: &str) -> Constant {
    match plain {
        "null" => Constant::None,
        "true" => Constant::Bool(true),
        "false" => Constant::Bool(false),
        _ => plain
            .parse()
            .map(Constant::Int)
            .or_else(|_| plain.parse().map(Constant::Float))
            .unwrap_or_else(|_| Constant::Other(plain.to_owned())),
    }
}
