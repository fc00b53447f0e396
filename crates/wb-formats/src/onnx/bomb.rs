//! [`find`]: nodes that fill the memory, or never come to an end, by what the graph itself fixes; and functions
//! that call themselves, or each other so often that nothing can be made of them.

use super::facts::{Fact, Scope};
use super::flow::{Graph, Node};
use crate::notes::Notes;
use crate::protobuf::Fields;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{Bytes, OddityKind};

/// Elements of one tensor, or rounds of a loop, that no model needs.
const TOO_MANY: u64 = 1 << 31;
/// Nodes of all functions, each written out where it is called, that no model needs.
const TOO_LONG: u64 = 1 << 26;
/// Nodes of one graph that no exporter writes.
const TOO_WIDE: usize = 1 << 19;
/// Steps from a shape to all of the constants that it is made of.
const STEPS: u32 = 64;
/// Axes of a shape.
const AXES: usize = 64;

/// Tells what is too large in the graph of `scope`, and in those in its nodes. `rounds` is how often it runs.
pub(super) fn find(scope: &Scope<'_, '_>, rounds: u64, place: &str, notes: &mut Notes) {
    for node in &scope.graph.nodes {
        let what = node.standard().and_then(|operator| size(scope, node, operator));
        let repeats = trips(scope, node);
        let all = repeats.map(|count| count.saturating_mul(rounds));
        let what = what.or_else(|| {
            let rounds = all.filter(|rounds| *rounds >= TOO_MANY)?;
            Some(format!("the loop `{}` runs {} times, whatever happens in it", node.label(), many(rounds)))
        });
        if let Some(what) = what {
            notes.odd(OddityKind::Expansion, place, Some(node.span), what);
        }
        for (_, graph) in &node.graphs {
            let inner = Scope::within(graph, scope, Fact::default());
            find(&inner, all.unwrap_or(rounds), place, notes);
        }
    }
}

/// Tells when the graph of `model` has so many nodes that loading it is the attack.
pub(super) fn nodes(model: Bytes<'_>, notes: &mut Notes) {
    let parts = |bytes, number| {
        let mut fields = Fields::of(bytes);
        std::iter::from_fn(move || fields.next().ok().flatten()).filter(move |field| field.number == number)
    };
    let graphs = parts(model, 7).filter_map(|field| field.bytes());
    let count = graphs.map(|graph| parts(graph, 1).count()).max().unwrap_or_default();
    if count > TOO_WIDE {
        notes.odd(OddityKind::Expansion, "graph", Some(model.span()), format!("the graph has {count} nodes"));
    }
}

/// What is too large in what `node` makes.
fn size(scope: &Scope<'_, '_>, node: &Node<'_>, operator: &str) -> Option<String> {
    let operand = |at: usize| node.inputs.get(at).and_then(|name| integers(scope, name));
    let count = match operator {
        "ConstantOfShape" => product(&operand(0)?),
        "Expand" => product(&operand(1)?),
        "Tile" => {
            let held = node.inputs.first().and_then(|name| scope.constant(name));
            product(&operand(1)?).saturating_mul(held.map_or(1, |constant| constant.elements.max(1)))
        }
        "Resize" => product(&operand(3)?),
        "Pad" => operand(1)?.iter().map(|pad| pad.unsigned_abs()).max()?,
        "OneHot" => operand(1)?.first()?.unsigned_abs(),
        "Range" => {
            let first = |at| operand(at).and_then(|values| values.first().copied());
            let (start, limit, delta) = (first(0)?, first(1)?, first(2)?);
            limit.abs_diff(start).checked_div(delta.unsigned_abs())?
        }
        "RandomNormal" | "RandomUniform" => product(&node.value.as_ref()?.integers()),
        _ => return None,
    };
    let told = || format!("`{operator}` makes `{}` of {} elements", node.label(), many(count));
    (count >= TOO_MANY).then(told)
}

/// How often the body of a `Loop` runs, when nothing but the graph decides it.
fn trips(scope: &Scope<'_, '_>, node: &Node<'_>) -> Option<u64> {
    let body = node.graph("body").filter(|_| node.standard() == Some("Loop"))?;
    let count = match node.inputs.first() {
        Some(name) if !name.is_empty() => integers(scope, name)?.first()?.unsigned_abs(),
        _ => u64::MAX,
    };
    let begins = node.inputs.get(1).is_none_or(|name| name.is_empty() || is_true(scope, name));
    let inner = Scope::within(body, scope, Fact::default());
    let goes_on = body.outputs.first().is_some_and(|name| is_true(&inner, name) || is_handed_on(&inner, name));
    (begins && goes_on).then_some(count)
}

fn is_true(scope: &Scope<'_, '_>, name: &[u8]) -> bool {
    integers(scope, name).and_then(|values| values.first().copied()).is_some_and(|value| value != 0)
}

/// Whether the condition that a body gives is the one that it was given.
fn is_handed_on<'a>(body: &Scope<'_, 'a>, mut name: &'a [u8]) -> bool {
    for _ in 0..STEPS {
        if body.graph.inputs.get(1).is_some_and(|(given, _)| *given == name) {
            return true;
        }
        let Some(node) = body.maker(name) else { return false };
        match (node.operator, node.inputs.as_slice()) {
            (b"Identity" | b"Cast", [operand]) => name = operand,
            _ => return false,
        }
    }
    false
}

/// The whole numbers that the graph fixes for `name`, as far as they can be told.
fn integers(scope: &Scope<'_, '_>, name: &[u8]) -> Option<Vec<i64>> {
    let mut left = STEPS;
    traced(scope, name, &mut left)
}

/// The same, with so many steps left in all.
fn traced(scope: &Scope<'_, '_>, name: &[u8], left: &mut u32) -> Option<Vec<i64>> {
    if let Some(constant) = scope.constant(name) {
        return Some(constant.integers()).filter(|values| !values.is_empty());
    }
    *left = left.checked_sub(1)?;
    let Some(node) = scope.maker(name) else {
        return traced(scope.outer?, name, left);
    };
    let mut operand = |at: usize| traced(scope, node.inputs.get(at)?, left);
    match node.standard()? {
        "Identity" | "Cast" | "Unsqueeze" | "Squeeze" | "Reshape" | "Flatten" => operand(0),
        "Concat" => {
            let parts: Option<Vec<Vec<i64>>> = (0..node.inputs.len().min(AXES)).map(operand).collect();
            Some(parts?.concat()).filter(|values| values.len() <= AXES)
        }
        "Mul" => paired(&operand(0)?, &operand(1)?, i64::saturating_mul),
        "Add" => paired(&operand(0)?, &operand(1)?, i64::saturating_add),
        _ => None,
    }
}

/// Numbers of two lists, one by one, where one of the lists may be a single number.
fn paired(a: &[i64], b: &[i64], with: fn(i64, i64) -> i64) -> Option<Vec<i64>> {
    match (a, b) {
        (_, [one]) => Some(a.iter().map(|value| with(*value, *one)).collect()),
        ([one], _) => Some(b.iter().map(|value| with(*value, *one)).collect()),
        _ if a.len() == b.len() => Some(a.iter().zip(b).map(|(a, b)| with(*a, *b)).collect()),
        _ => None,
    }
}

/// Elements of a shape; an axis that stays as it is counts as one.
fn product(shape: &[i64]) -> u64 {
    shape.iter().fold(1, |product: u64, size| product.saturating_mul(u64::try_from(*size).unwrap_or(1)))
}

fn many(count: u64) -> String {
    if count == u64::MAX { "endlessly many".to_owned() } else { count.to_string() }
}

/// Tells functions that call themselves, and those that are too long when each is written out where it is called.
pub(super) fn functions(functions: &[Graph<'_>], graph: &Graph<'_>, notes: &mut Notes) {
    let known: BTreeMap<Key<'_>, &Graph<'_>> =
        functions.iter().map(|function| ((function.domain, function.name), function)).collect();
    let mut lengths = BTreeMap::new();
    let mut open = BTreeSet::new();
    let length = written_out(graph, &known, &mut lengths, &mut open, AXES);
    let what = match length {
        Err((_, name)) => {
            let name = String::from_utf8_lossy(name).into_owned();
            format!("the function `{name}` calls itself, through others or at once")
        }
        Ok(length) if length >= TOO_LONG => {
            format!("the functions, each written out where it is called, are {} nodes", many(length))
        }
        Ok(_) => return,
    };
    notes.odd(OddityKind::Expansion, "functions", None, what);
}

type Key<'a> = (&'a [u8], &'a [u8]);

/// Nodes of `graph` with those of the functions that it calls.
///
/// # Errors
/// The function that calls itself, or that is called too deep.
fn written_out<'a>(
    graph: &Graph<'a>,
    known: &BTreeMap<Key<'a>, &Graph<'a>>,
    lengths: &mut BTreeMap<Key<'a>, u64>,
    open: &mut BTreeSet<Key<'a>>,
    depth: usize,
) -> Result<u64, Key<'a>> {
    let mut total = 0_u64;
    for node in &graph.nodes {
        let key = (node.domain, node.operator);
        let mut own = 1;
        if let Some(function) = known.get(&key) {
            own = match lengths.get(&key) {
                Some(length) => *length,
                None if depth == 0 || !open.insert(key) => return Err(key),
                None => {
                    let length = written_out(function, known, lengths, open, depth.saturating_sub(1))?;
                    open.remove(&key);
                    lengths.insert(key, length);
                    length
                }
            };
        }
        for (_, inner) in &node.graphs {
            let inner = written_out(inner, known, lengths, open, depth.saturating_sub(1))?;
            own = own.saturating_add(inner);
        }
        total = total.saturating_add(own);
    }
    Ok(total)
}
