//! From operations that reach the host to programs: a call of `tensorflow.raw_ops.NAME` with the constants
//! that feed it.

use super::host::{HostOperation, Path, host_operation, leaves_model};
use super::{Library, Node};
use crate::protobuf::Walk;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{
    CallStyle, Collection, Constant, Content, Language, OpKind, Program, Span, Trigger, ValueId,
};

/// How far constants are followed along edges and calls.
const FARTHEST: u32 = 16;
/// How many steps following the inputs of one operation may take.
const STEPS: u64 = 1 << 10;
/// How many callers of one function are asked for its arguments.
const CALLERS: usize = 64;
/// How many inputs of one operation are looked at.
const INPUTS: usize = 16;

/// A constant that feeds an operation: its strings with their bytes.
type Strings = Vec<(Vec<u8>, Span)>;

/// Inputs of an operation: where each comes from, and what it is when it is a constant.
type Inputs<'n> = Vec<(&'n str, Option<Strings>)>;

/// Where a function is called: scope and node.
type Callers<'a> = BTreeMap<&'a str, Vec<(usize, usize)>>;

impl Library {
    /// Lifts every operation that reaches the host.
    pub(super) fn lift(&self, content: &mut Content, walk: &mut Walk<'_>) {
        let found: Vec<(usize, usize, &HostOperation)> = self
            .scopes
            .iter()
            .enumerate()
            .flat_map(|(scope, inside)| {
                let nodes = inside.nodes.iter().enumerate();
                nodes.filter_map(move |(at, node)| {
                    Some((scope, at, host_operation(&node.operation)?))
                })
            })
            .collect();
        if found.is_empty() {
            return;
        }
        let callers = self.callers();
        let at_load = self.at_load();
        for (scope, at, operation) in found {
            let Some(inside) = self.scopes.get(scope) else { continue };
            let Some(node) = inside.nodes.get(at) else { continue };
            if !walk.keeps(node.span) {
                return;
            }
            let (name, inputs) = match operation.path {
                Path::Queue => self.queued(&callers, scope, node),
                _ => (node.operation.as_str(), self.constants(&callers, scope, &node.inputs)),
            };
            if is_lifted(operation, node, &inputs) {
                let load = at_load.contains(&(scope, at));
                let trigger = if load { Trigger::Load } else { Trigger::Inference };
                content.programs.push(program(node, name, trigger, inputs));
            }
        }
    }

    /// The inputs of a node in `scope`, with the strings of those that are constants.
    fn constants<'n>(
        &self,
        callers: &Callers<'_>,
        scope: usize,
        inputs: &'n [String],
    ) -> Inputs<'n> {
        let mut steps = STEPS;
        let inputs = inputs.iter().filter(|input| !input.starts_with('^')).take(INPUTS);
        inputs
            .map(|input| {
                let strings = self.resolve(callers, scope, input, FARTHEST, &mut steps);
                (input.as_str(), strings)
            })
            .collect()
    }

    /// The reader that `node` reads with, and what is put into the queue that it takes names of files from.
    fn queued<'n>(
        &'n self,
        callers: &Callers<'_>,
        scope: usize,
        node: &'n Node,
    ) -> (&'n str, Inputs<'n>) {
        let made_by = |inputs: &'n [String], at: usize| self.source(scope, inputs.get(at)?);
        let reader = made_by(&node.inputs, 0).map_or(&node.operation, |reader| &reader.operation);
        let queue = made_by(&node.inputs, 1).map(|queue| &queue.name);
        let nodes = self.scopes.get(scope).into_iter().flat_map(|inside| &inside.nodes);
        let into_it = nodes.filter(|other| {
            other.operation.starts_with("QueueEnqueue")
                && queue.is_some()
                && made_by(&other.inputs, 0).map(|queue| &queue.name) == queue
        });
        let parts = into_it.take(INPUTS).flat_map(|other| {
            let parts = other.inputs.get(1..).unwrap_or_default();
            self.constants(callers, scope, parts)
        });
        (reader, parts.collect())
    }

    /// The node of `scope` that makes what `input` is.
    fn source(&self, scope: usize, input: &str) -> Option<&Node> {
        let inside = self.scopes.get(scope)?;
        let mut name = input;
        for _ in 0..FARTHEST {
            let node = inside.nodes.get(*inside.by_name.get(name.split(':').next()?)?)?;
            if !matches!(node.operation.as_str(), "Identity" | "Enter" | "Switch" | "RefIdentity") {
                return Some(node);
            }
            name = node.inputs.first()?;
        }
        None
    }

    /// The strings that `input` of a node in `scope` is, where it is a constant.
    fn resolve(
        &self,
        callers: &Callers<'_>,
        scope: usize,
        input: &str,
        farthest: u32,
        steps: &mut u64,
    ) -> Option<Strings> {
        let farthest = farthest.checked_sub(1)?;
        *steps = steps.checked_sub(1)?;
        let inside = self.scopes.get(scope)?;
        let name = input.split(':').next().unwrap_or(input);
        if let Some(node) = inside.by_name.get(name).and_then(|at| inside.nodes.get(*at)) {
            if scope == 0 && self.replaced.contains(&node.name) {
                return None;
            }
            return match node.operation.as_str() {
                "Const" | "HostConst" if !node.constant.is_empty() => Some(node.constant.clone()),
                "Identity"
                | "IdentityN"
                | "StopGradient"
                | "PreventGradient"
                | "Enter"
                | "PlaceholderWithDefault"
                | "Reshape"
                | "ExpandDims"
                | "Squeeze"
                | "Snapshot"
                | "RandomShuffle"
                | "EnsureShape"
                | "ZipDataset"
                | "TensorDataset" => {
                    self.resolve(callers, scope, node.inputs.first()?, farthest, steps)
                }
                "StringJoin" => self.joined(callers, scope, node, farthest, steps),
                _ => None,
            };
        }
        let position = *inside.arguments.get(name)?;
        let places = callers.get(inside.function.as_deref()?)?;
        places.iter().take(CALLERS).find_map(|(scope, at)| {
            let node = self.scopes.get(*scope)?.nodes.get(*at)?;
            // A branch is chosen by the first input, which is not handed on.
            let chosen = ["If", "StatelessIf", "Case", "StatelessCase"];
            let skipped = usize::from(chosen.contains(&node.operation.as_str()));
            let input = node.inputs.get(position.saturating_add(skipped))?;
            self.resolve(callers, *scope, input, farthest, steps)
        })
    }

    /// A string that is put together from constants.
    fn joined(
        &self,
        callers: &Callers<'_>,
        scope: usize,
        node: &Node,
        farthest: u32,
        steps: &mut u64,
    ) -> Option<Strings> {
        let separator = node.texts.iter().find(|(key, ..)| key == "separator");
        let separator = separator.map(|(_, text, _)| text.as_slice()).unwrap_or_default();
        let mut whole: Vec<u8> = Vec::new();
        let inputs = node.inputs.iter().filter(|input| !input.starts_with('^')).take(INPUTS);
        for (index, input) in inputs.enumerate() {
            let part = self.resolve(callers, scope, input, farthest, steps)?;
            if index > 0 {
                whole.extend_from_slice(separator);
            }
            whole.extend(part.into_iter().next()?.0);
        }
        Some(vec![(whole, node.span)])
    }

    fn callers(&self) -> Callers<'_> {
        let mut callers: Callers<'_> = BTreeMap::new();
        for (scope, inside) in self.scopes.iter().enumerate() {
            for (at, node) in inside.nodes.iter().enumerate() {
                for function in node.called() {
                    callers.entry(function).or_default().push((scope, at));
                }
            }
        }
        callers
    }

    /// Nodes that run when the model is loaded: those that the initialisers depend on, and all of the
    /// functions that are called from there.
    fn at_load(&self) -> BTreeSet<(usize, usize)> {
        let functions: BTreeMap<&str, usize> = self
            .scopes
            .iter()
            .enumerate()
            .filter_map(|(scope, inside)| Some((inside.function.as_deref()?, scope)))
            .collect();
        let (mut reached, mut called) = (BTreeSet::new(), BTreeSet::new());
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        let graph = self.scopes.first();
        waiting
            .extend(self.started.iter().filter_map(|name| Some((0, *graph?.by_name.get(name)?))));
        while let Some((scope, at)) = waiting.pop() {
            if !reached.insert((scope, at)) {
                continue;
            }
            let Some(inside) = self.scopes.get(scope) else { continue };
            let Some(node) = inside.nodes.get(at) else { continue };
            waiting.extend(node.inputs.iter().filter_map(|input| {
                let name = input.trim_start_matches('^').split(':').next()?;
                Some((scope, *inside.by_name.get(name)?))
            }));
            for callee in node.called().filter_map(|function| functions.get(function)) {
                if called.insert(*callee) {
                    let count = self.scopes.get(*callee).map_or(0, |inside| inside.nodes.len());
                    waiting.extend((0..count).map(|at| (*callee, at)));
                }
            }
        }
        reached
    }
}

impl Node {
    /// Functions that the node calls: those its attributes name, and one that is called like it.
    fn called(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(String::as_str).chain([self.operation.as_str()])
    }
}

fn is_lifted(operation: &HostOperation, node: &Node, inputs: &Inputs<'_>) -> bool {
    let leaves = |text: &[u8]| std::str::from_utf8(text).is_ok_and(leaves_model);
    match operation.path {
        Path::Any => true,
        Path::Input | Path::Queue => {
            let strings = inputs.iter().filter_map(|(_, strings)| strings.as_ref());
            strings.flatten().any(|(text, _)| leaves(text))
        }
        Path::Attribute(wanted) => {
            node.texts.iter().any(|(key, text, _)| key == wanted && leaves(text))
        }
    }
}

fn program(node: &Node, name: &str, trigger: Trigger, inputs: Inputs<'_>) -> Program {
    let mut program = Program::new(Language::Config, trigger, node.span);
    program.place.clone_from(&node.place);
    program.component = Some(node.name.clone());
    let (module, name) = ("tensorflow.raw_ops".to_owned(), name.to_owned());
    let callee = program.step(node.span, OpKind::Import { module, name });
    let arguments = inputs
        .into_iter()
        .map(|(input, strings)| match strings {
            Some(strings) => constant(&mut program, node.span, strings),
            None => {
                let what = format!("output of node `{input}`");
                program.step(node.span, OpKind::Opaque { what, uses: Vec::new() })
            }
        })
        .collect();
    let mut keywords = Vec::new();
    for (key, text, span) in node.texts.iter().filter(|(key, ..)| !key.starts_with('_')) {
        keywords.push((key.clone(), program.step(*span, text_constant(text.clone()))));
    }
    let call = OpKind::Call { callee, arguments, keywords, style: CallStyle::Call };
    program.step(node.span, call);
    program
}

fn constant(program: &mut Program, node: Span, strings: Strings) -> ValueId {
    let mut items: Vec<ValueId> =
        strings.into_iter().map(|(text, span)| program.step(span, text_constant(text))).collect();
    match (items.len(), items.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            items.extend(last);
            let total = items.len() as u64;
            program.step(node, OpKind::Collect { kind: Collection::List, items, total })
        }
    }
}

fn text_constant(text: Vec<u8>) -> OpKind {
    OpKind::Constant(match String::from_utf8(text) {
        Ok(text) => Constant::Text(text),
        Err(error) => Constant::Bytes(error.into_bytes()),
    })
}
