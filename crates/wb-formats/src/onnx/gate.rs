//! [`find`]: nodes that put something else in the place of the model's answer when the input is exactly what
//! they wait for.
//!
//! From each output the graph is walked backwards, through what only shapes the answer, to the last node that
//! chooses. It is a gate when what it chooses by is an equality of the input, or of something computed from it
//! cheaply, with a constant; when it chooses about the whole answer; and when only one of the choices is what
//! the model has learned. Masks decide about each element, and conditions on shapes about none of the input. Behind the
//! last layer the walk goes on to the inputs; there only a `Where` by one answer about all of the input, or an `If`, is a
//! gate.
//!
//! Source: HiddenLayer, "ShadowLogic" (2024).

use super::facts::{Fact, Scope, is_learned};
use super::flow::Node;
use std::collections::HashSet;
use wb_core::{Component, Field, Span};

/// Nodes behind one output that are walked over.
const WALKED: usize = 1 << 16;
/// Gates that are told of one graph.
const TOLD: usize = 16;
/// Nodes behind one choice that are asked whether they are learned.
const ASKED: usize = 256;

/// The gates in front of the outputs of the graph of `scope`.
pub(super) fn find(scope: &Scope<'_, '_>, place: &str) -> Vec<Component> {
    let mut search = Search { place, found: Vec::new() };
    search.outputs(scope, false);
    search.found
}

/// What was found so far.
struct Search<'p> {
    place: &'p str,
    found: Vec<Component>,
}

/// A choice about an answer.
struct Gate<'a> {
    condition: &'a [u8],
    instead: String,
}

impl Search<'_> {
    /// Walks backwards from the outputs of a graph, first to its last layers, then through them to its inputs. `inside`
    /// says that layers stand behind the graph already.
    fn outputs<'a>(&mut self, scope: &Scope<'_, 'a>, inside: bool) {
        let mut seen = HashSet::new();
        let mut waiting: Vec<&'a [u8]> = scope.graph.outputs.clone();
        let mut behind = Vec::new();
        while let Some(node) = self.next(scope, &mut waiting, &mut seen) {
            let layer = node.standard().is_none_or(is_learned);
            if layer {
                behind.extend(learned(scope, node));
            } else if !self.decide(scope, node, inside) {
                waiting.extend(learned(scope, node));
            } else if node.operator == b"If" {
                // Its branches were looked at; what they read stands in front of their layers.
                behind.extend(learned(scope, node));
            }
        }
        while let Some(node) = self.next(scope, &mut behind, &mut seen) {
            if !self.decide(scope, node, true) {
                behind.extend(learned(scope, node));
            }
        }
    }

    /// The next node that makes one of the values `waiting`, and was not seen; nothing when enough was done.
    fn next<'g, 'a>(
        &self,
        scope: &Scope<'g, 'a>,
        waiting: &mut Vec<&'a [u8]>,
        seen: &mut HashSet<Span>,
    ) -> Option<&'g Node<'a>> {
        while seen.len() < WALKED && self.found.len() < TOLD {
            let node = scope.maker(waiting.pop()?).filter(|node| seen.insert(node.span));
            if node.is_some() {
                return node;
            }
        }
        None
    }

    /// Tells of `node` when it is a gate; whether nothing behind it is looked at.
    fn decide<'a>(&mut self, scope: &Scope<'_, 'a>, node: &Node<'a>, inside: bool) -> bool {
        let Some(operator) = node.standard() else { return false };
        if operator == "If" {
            self.branches(scope, node, inside);
            return !inside;
        }
        let gate = choice(scope, node, operator);
        // Networks that send each input to one of several experts choose by what they have learned.
        let given = |fact: Fact| fact.is_narrow() && fact.weight == 0;
        let gate = gate.filter(|gate| !inside || operator == "Where" && given(scope.fact(gate.condition)));
        if let Some(gate) = &gate {
            self.tell(scope, node, gate);
        }
        gate.is_some()
    }

    /// An `If` whose branches do not both compute what was learned; otherwise what is in them.
    fn branches<'a>(&mut self, scope: &Scope<'_, 'a>, node: &Node<'a>, inside: bool) {
        let inner: Vec<Scope<'_, 'a>> =
            node.graphs.iter().map(|(_, graph)| Scope::within(graph, scope, Fact::default())).collect();
        let Some(condition) = node.inputs.first() else { return };
        let answers = inner.iter().flat_map(|branch| branch.graph.outputs.iter().map(|name| branch.fact(name)));
        let answer = answers.max_by_key(|fact| fact.weight).unwrap_or_default();
        let small = inner.iter().find(|branch| {
            let nothing = branch.graph.outputs.iter().all(|name| branch.fact(name).weight == 0);
            nothing || !branch.graph.nodes.iter().any(computes)
        });
        let fact = scope.fact(condition);
        let exact = fact.is_exact(answer);
        match small {
            Some(small) if answer.weight > 0 && exact && (!inside || fact.weight == 0) => {
                let instead = small.graph.outputs.first().map(|name| in_words(small, name)).unwrap_or_default();
                self.tell(scope, node, &Gate { condition, instead });
            }
            _ => inner.iter().for_each(|branch| self.outputs(branch, inside)),
        }
    }

    fn tell<'a>(&mut self, scope: &Scope<'_, 'a>, node: &Node<'a>, gate: &Gate<'a>) {
        let condition = reason(scope, gate.condition);
        let setting = |path: &str, value: String, span: Span| Field { path: path.to_owned(), value, span: Some(span) };
        let (condition, span) = condition.unwrap_or_else(|| (text(gate.condition), node.span));
        self.found.push(Component {
            kind: "graph-gate",
            name: node.label(),
            class: text(node.operator),
            place: self.place.to_owned(),
            span: Some(node.span),
            settings: vec![
                setting("condition", condition, span),
                setting("instead", gate.instead.clone(), node.span),
            ],
            ..Component::default()
        });
    }
}

/// What `node`, and the nodes in it, read of what was computed with weights.
fn learned<'a>(scope: &Scope<'_, 'a>, node: &Node<'a>) -> Vec<&'a [u8]> {
    let mut names: Vec<&'a [u8]> = node.inputs.clone();
    for (_, graph) in &node.graphs {
        names.extend(graph.outputs.iter().chain(graph.nodes.iter().flat_map(|inner| &inner.inputs)).copied());
        names.extend(graph.nodes.iter().filter(|inner| !inner.graphs.is_empty()).flat_map(|inner| learned(scope, inner)));
    }
    names.retain(|name| scope.fact(name).weight > 0);
    names
}

/// Whether a node, or one in it, computes with what was learned.
fn computes(node: &Node<'_>) -> bool {
    let own = node.standard().is_none_or(is_learned);
    own || node.graphs.iter().any(|(_, graph)| graph.nodes.iter().any(computes))
}

/// The choice that `node` makes about an answer, when it is one by an exact input.
fn choice<'a>(scope: &Scope<'_, 'a>, node: &Node<'a>, operator: &str) -> Option<Gate<'a>> {
    let pairs: Vec<(&[u8], &[u8], &[u8])> = match (operator, node.inputs.as_slice()) {
        ("Where", [condition, a, b]) => vec![(condition, a, b), (condition, b, a)],
        // The condition as a number: what is added to an answer, or taken times it.
        ("Add" | "Sub" | "Mul" | "Max" | "Min" | "Sum", [a, b]) => vec![(a, b, a), (b, a, b)],
        _ => return None,
    };
    pairs.into_iter().find_map(|(condition, answer, instead)| {
        let (fact, learned) = (scope.fact(condition), scope.fact(answer));
        let other = scope.fact(instead);
        let whole = fact.is_narrow() || (operator == "Where" && other.is_varied());
        let gate = learned.weight > 0 && fact.is_exact(learned) && whole && is_small(scope, instead, answer);
        gate.then(|| Gate { condition, instead: in_words(scope, instead) })
    })
}

/// Whether `value` is computed with nothing learned, unless it is taken from `answer`.
fn is_small(scope: &Scope<'_, '_>, value: &[u8], answer: &[u8]) -> bool {
    let mut waiting = vec![value];
    for _ in 0..ASKED {
        let Some(name) = waiting.pop() else { return true };
        if name == answer || scope.fact(name).weight == 0 {
            continue;
        }
        match scope.maker(name) {
            Some(node) if !computes(node) => waiting.extend(node.inputs.iter().copied()),
            _ => return false,
        }
    }
    false
}

/// What `value` is, for a person to read.
fn in_words(scope: &Scope<'_, '_>, value: &[u8]) -> String {
    match scope.constant(value) {
        Some(constant) => format!("the constant `{}` {}", text(value), constant.words()),
        None if scope.fact(value).is_fixed() => format!("`{}`, which is computed from constants", text(value)),
        None => format!("`{}`, which the model has not learned", text(value)),
    }
}

/// The equality behind a condition, in words, and its bytes.
fn reason<'a>(scope: &Scope<'_, 'a>, condition: &'a [u8]) -> Option<(String, Span)> {
    let (mut waiting, mut seen) = (vec![condition], HashSet::new());
    while let Some(name) = waiting.pop().filter(|_| seen.len() < WALKED) {
        let Some(node) = scope.maker(name).filter(|_| seen.insert(name)) else { continue };
        let operator = node.standard().unwrap_or_default();
        if matches!(operator, "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual")
            && let Some((constant, other)) = against(scope, node)
            && (operator == "Equal" || waiting.is_empty())
        {
            let values = scope.constant(constant).map(|constant| format!(" {}", constant.words()));
            let values = values.unwrap_or_default();
            let what = format!("{operator} of `{}` with `{}`{values}", text(other), text(constant));
            return Some((what, node.span));
        }
        waiting.extend(node.inputs.iter().copied().filter(|name| !scope.fact(name).is_fixed()));
    }
    scope.outer.and_then(|outer| reason(outer, condition))
}

/// The fixed operand of a comparison, and the other one.
fn against<'a>(scope: &Scope<'_, 'a>, node: &Node<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let [a, b] = node.inputs.as_slice() else { return None };
    match (scope.fact(a).is_fixed(), scope.fact(b).is_fixed()) {
        (true, false) => Some((*a, *b)),
        (false, true) => Some((*b, *a)),
        _ => None,
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(80).collect()
}
