//! [`find`]: initializers that nothing in the graph reads. A runtime drops them; whatever they hold travels along.

use super::flow::Graph;
use crate::notes::Notes;
use std::collections::HashSet;
use wb_core::{OddityKind, Span};

/// Fewer bytes than this are what an exporter forgot.
const SMALL: u64 = 1 << 10;

/// Tells of the initializers of the graph at `place` that no node, output or quantization reads.
pub(super) fn find(graph: &Graph<'_>, place: &str, notes: &mut Notes) {
    let mut read = HashSet::new();
    collect(graph, &mut read);
    let unused = graph.constants.iter().filter(|(name, _)| !read.contains(*name));
    let mut unused: Vec<(Span, &[u8])> =
        unused.filter_map(|(name, constant)| Some((constant.span()?, *name))).collect();
    unused.sort_unstable();
    let bytes = unused.iter().fold(0_u64, |sum, (span, _)| sum.saturating_add(span.len));
    if let Some((span, name)) = unused.first().filter(|_| bytes >= SMALL) {
        let name: String = String::from_utf8_lossy(name).chars().take(80).collect();
        let others = match unused.len().saturating_sub(1) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let what = format!("no node reads the initializer `{name}`{others}: {bytes} bytes");
        notes.odd(OddityKind::UnownedBytes, place, Some(*span), what);
    }
}

/// What the nodes of a graph and of the graphs in them read, and what these give back.
fn collect<'a>(graph: &Graph<'a>, read: &mut HashSet<&'a [u8]>) {
    read.extend(&graph.outputs);
    read.extend(&graph.annotated);
    for node in &graph.nodes {
        read.extend(&node.inputs);
        for (_, inner) in &node.graphs {
            collect(inner, read);
        }
    }
}
