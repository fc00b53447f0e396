//! What is known about each value of a graph: [`Fact`]s, in one pass from the inputs to the outputs.

use super::flow::{Constant, Graph, Node};
use std::collections::{HashMap, HashSet};

/// How deep graphs in nodes are followed.
const DEEPEST: u32 = 12;

/// How often a graph whose nodes are in disorder is looked at.
const PASSES: usize = 8;

/// What is known about a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fact {
    /// Inputs of the graph whose values it depends on; one bit each, the last for all from the 64th on. No
    /// bit: it is fixed, or depends on nothing but shapes.
    pub(super) inputs: u64,
    /// Elements of the largest weights it was computed with; 0 when nothing learned was involved.
    pub(super) weight: u64,
    flags: u8,
}

/// Only chosen elements, or all of them together, decide it.
const NARROW: u8 = 1;
/// It depends on whether something equals a constant.
const EXACT: u8 = 2;
/// It is a difference from a constant.
const DISTANCE: u8 = 4;
/// It is true or false.
const BOOLEAN: u8 = 8;
/// It is fixed, and its elements differ.
const VARIED: u8 = 16;

impl Fact {
    fn constant(constant: &Constant<'_>) -> Self {
        Self { flags: if constant.varies() { VARIED } else { 0 }, ..Self::default() }
    }

    const fn has(self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    pub(super) const fn is_fixed(self) -> bool {
        self.inputs == 0
    }

    /// Whether it says that the input is exactly what was looked for, found out at little cost beside `answer`.
    pub(super) const fn is_exact(self, answer: Self) -> bool {
        let cheap = self.weight == 0 || self.weight.saturating_mul(16) <= answer.weight;
        self.inputs & answer.inputs != 0 && cheap && self.has(EXACT | BOOLEAN)
    }

    /// Whether it is one answer about all of the input, not one for each element.
    pub(super) const fn is_narrow(self) -> bool {
        self.has(NARROW)
    }

    /// Whether it is fixed and more than one number over and over.
    pub(super) const fn is_varied(self) -> bool {
        self.is_fixed() && self.has(VARIED)
    }

    fn and(self, other: Self) -> Self {
        Self {
            inputs: self.inputs | other.inputs,
            weight: self.weight.max(other.weight),
            flags: self.flags | other.flags,
        }
    }

    const fn with(self, flag: u8) -> Self {
        Self { flags: self.flags | flag, ..self }
    }

    const fn without(self, flag: u8) -> Self {
        Self { flags: self.flags & !flag, ..self }
    }
}

/// A graph with what is known about its values.
pub(super) struct Scope<'g, 'a> {
    pub(super) graph: &'g Graph<'a>,
    facts: HashMap<&'a [u8], Fact>,
    /// The node that gives a value.
    makers: HashMap<&'a [u8], &'g Node<'a>>,
    pub(super) outer: Option<&'g Scope<'g, 'a>>,
    pub(super) depth: u32,
}

impl<'g, 'a> Scope<'g, 'a> {
    /// A graph that is given its inputs from outside.
    pub(super) fn of(graph: &'g Graph<'a>) -> Self {
        let mut scope = Self::empty(graph, None);
        for ((name, single), index) in graph.inputs.iter().zip(0_u32..) {
            let inputs = 1_u64.wrapping_shl(index.min(63));
            let flags = if *single { NARROW } else { 0 };
            scope.facts.insert(name, Fact { inputs, weight: 0, flags });
        }
        scope.run();
        scope
    }

    /// A graph in a node of `outer`, which sees the values of `outer` and is given `inputs`.
    pub(super) fn within(graph: &'g Graph<'a>, outer: &'g Scope<'g, 'a>, inputs: Fact) -> Self {
        let mut scope = Self::empty(graph, Some(outer));
        scope.facts.extend(graph.inputs.iter().map(|(name, _)| (*name, inputs)));
        if scope.depth < DEEPEST {
            scope.run();
        }
        scope
    }

    fn empty(graph: &'g Graph<'a>, outer: Option<&'g Scope<'g, 'a>>) -> Self {
        let depth = outer.map_or(0, |outer| outer.depth.saturating_add(1));
        Self { graph, facts: HashMap::new(), makers: HashMap::new(), outer, depth }
    }

    fn run(&mut self) {
        for (name, constant) in &self.graph.constants {
            self.facts.insert(name, Fact::constant(constant));
        }
        // Runtimes put nodes in order that a file has not. Graphs in nodes are looked at in each pass of those around
        // them, so they have one.
        for _ in 0..if self.depth == 0 { PASSES } else { 1 } {
            if !self.pass() {
                break;
            }
        }
    }

    /// Looks at every node once; whether one of them reads what a later one makes.
    fn pass(&mut self) -> bool {
        let (mut early, mut again) = (HashSet::<&[u8]>::new(), false);
        for node in &self.graph.nodes {
            early.extend(node.inputs.iter().filter(|name| !self.facts.contains_key(*name)));
            let facts = self.node(node);
            for (name, fact) in node.outputs.iter().zip(facts) {
                again |= early.contains(name);
                self.facts.insert(name, fact);
                self.makers.insert(name, node);
            }
        }
        again
    }

    /// What is known about the value `name`.
    pub(super) fn fact(&self, name: &[u8]) -> Fact {
        let outer = || self.outer.map(|outer| outer.fact(name)).unwrap_or_default();
        self.facts.get(name).copied().unwrap_or_else(outer)
    }

    /// The node of this graph that gives the value `name`.
    pub(super) fn maker(&self, name: &[u8]) -> Option<&'g Node<'a>> {
        self.makers.get(name).copied()
    }

    /// The constant called `name`, here or around.
    pub(super) fn constant(&self, name: &[u8]) -> Option<&'g Constant<'a>> {
        let made = || self.maker(name).filter(|node| node.operator == b"Constant")?.value.as_ref();
        let here = self.graph.constants.get(name).or_else(made);
        here.or_else(|| self.outer.and_then(|outer| outer.constant(name)))
    }

    /// What is known about each output of `node`.
    fn node(&self, node: &'g Node<'a>) -> Vec<Fact> {
        let operands: Vec<Fact> = node.inputs.iter().map(|name| self.fact(name)).collect();
        let all = operands.iter().fold(Fact::default(), |all, one| all.and(*one));
        if node.graphs.is_empty() {
            return vec![self.plain(node, &operands, all); node.outputs.len()];
        }
        let inner: Vec<Vec<Fact>> = node
            .graphs
            .iter()
            .map(|(_, graph)| {
                let scope = Scope::within(graph, self, all);
                graph.outputs.iter().map(|name| scope.fact(name)).collect()
            })
            .collect();
        if node.operator == b"If" {
            let output = |at| inner.iter().filter_map(|facts| facts.get(at)).fold(all, |all, one| all.and(*one));
            return (0..node.outputs.len()).map(|at| output(at).without(BOOLEAN)).collect();
        }
        // A loop is as costly as the dearest thing in it.
        let joined = inner.iter().flatten().fold(all, |all, one| all.and(*one)).without(BOOLEAN);
        vec![Fact { weight: joined.weight.max(1), ..joined }; node.outputs.len()]
    }

    fn plain(&self, node: &Node<'_>, operands: &[Fact], all: Fact) -> Fact {
        let Some(operator) = node.standard().filter(|operator| !is_learned(operator)) else {
            let weights = node.inputs.iter().filter_map(|name| self.constant(name));
            let weight = weights.map(|constant| constant.elements).max().unwrap_or(1);
            // Trees and support vectors are attributes.
            let own = if node.domain == b"ai.onnx.ml" { node.span.len } else { 1 };
            return Fact { weight: all.weight.max(weight).max(own), ..all.without(BOOLEAN | VARIED) };
        };
        let first = operands.first().copied().unwrap_or_default();
        let others_fixed = operands.iter().skip(1).all(|one| one.is_fixed());
        let against_fixed = !all.is_fixed() && operands.iter().any(|one| one.is_fixed());
        let all_known = operands.iter().all(|one| one.is_fixed() || one.has(BOOLEAN));
        let kept = if all_known { all } else { all.without(BOOLEAN) };
        match operator {
            "Constant" | "ConstantOfShape" => node.value.as_ref().map(Fact::constant).unwrap_or_default(),
            "Shape" | "Size" => Fact::default(),
            "Equal" if against_fixed => all.with(EXACT | BOOLEAN),
            "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual"
                if against_fixed && (all.has(EXACT) || all.has(DISTANCE)) =>
            {
                all.with(EXACT | BOOLEAN)
            }
            "Sub" if against_fixed => kept.with(DISTANCE),
            "And" | "Or" | "Xor" | "Not" => all,
            "Cast" | "CastLike" | "Unsqueeze" | "Squeeze" | "Reshape" | "Flatten" | "Expand" | "Tile"
            | "Identity" | "Transpose" | "Concat" | "Mul" | "Sub" => kept,
            "ReduceMin" | "ReduceMax" | "ReduceProd" => kept.with(NARROW),
            "Slice" | "Gather" | "GatherElements" | "GatherND" | "Split" if others_fixed && !first.is_fixed() => {
                kept.with(NARROW)
            }
            "Where" => {
                let choices_fixed = others_fixed && first.has(BOOLEAN);
                if choices_fixed { all } else { all.without(BOOLEAN) }
            }
            _ if operator.starts_with("Reduce") || operator.starts_with("Arg") => {
                all.without(BOOLEAN).with(NARROW)
            }
            _ => all.without(BOOLEAN),
        }
    }
}

/// Whether an operator of ONNX computes with weights, or with as much as weights would be.
pub(super) fn is_learned(operator: &str) -> bool {
    const LEARNED: [&str; 17] = [
        "Conv",
        "ConvTranspose",
        "ConvInteger",
        "DeformConv",
        "QLinearConv",
        "MatMul",
        "MatMulInteger",
        "QLinearMatMul",
        "Gemm",
        "Einsum",
        "LSTM",
        "GRU",
        "RNN",
        "Attention",
        "LinearAttention",
        "Loop",
        "Scan",
    ];
    LEARNED.contains(&operator)
}
