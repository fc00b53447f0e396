//! Decision trees as lists of children: whether every child exists, and no node is its own ancestor. Libraries
//! follow these numbers in native code without looking.

use crate::notes::note;
use wb_core::{Oddity, OddityKind, Span};

/// Where a child leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// To no further node.
    Leaf,
    /// To the node of that number.
    Node(usize),
    /// To a number that no node can have.
    Outside(i64),
}

/// A tree, for those who look at it.
pub(crate) struct Tree {
    /// What it is called in an oddity: `tree 3`.
    pub name: String,
    /// Its bytes.
    pub span: Span,
}

impl Tree {
    /// Reports what is odd about the tree.
    pub(crate) fn odd(&self, kind: OddityKind, what: String, oddities: &mut Vec<Oddity>) {
        let (place, span) = (self.name.clone(), Some(self.span));
        note(oddities, Oddity { kind, place, span, what });
    }

    /// Follows the children from the first node on.
    pub(crate) fn check(&self, children: &[[Edge; 2]], oddities: &mut Vec<Oddity>) {
        let count = children.len();
        for (node, child) in
            children.iter().enumerate().flat_map(|(node, pair)| pair.map(|edge| (node, edge)))
        {
            let target = match child {
                Edge::Leaf => continue,
                Edge::Node(child) if child < count => continue,
                Edge::Node(child) => i64::try_from(child).unwrap_or(i64::MAX),
                Edge::Outside(child) => child,
            };
            let what = format!("node {node} leads to node {target} of {count}");
            self.odd(OddityKind::ImpossibleLength, what, oddities);
            return;
        }
        let mut seen = vec![false; count];
        let mut waiting = vec![0_usize];
        while let Some(node) = waiting.pop() {
            let (Some(seen), Some(pair)) = (seen.get_mut(node), children.get(node)) else {
                continue;
            };
            if std::mem::replace(seen, true) {
                let what = format!("two ways lead to node {node}");
                self.odd(OddityKind::Malformed, what, oddities);
                return;
            }
            waiting.extend(pair.iter().filter_map(|edge| match edge {
                Edge::Node(child) => Some(*child),
                _ => None,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(children: &[[Edge; 2]]) -> Vec<OddityKind> {
        let mut oddities = Vec::new();
        let tree = Tree { name: "tree 0".to_owned(), span: Span::default() };
        tree.check(children, &mut oddities);
        oddities.into_iter().map(|oddity| oddity.kind).collect()
    }

    #[test]
    fn children_have_to_exist_and_lead_downwards() {
        use Edge::{Leaf, Node, Outside};
        assert_eq!(kinds(&[[Node(1), Node(2)], [Leaf, Leaf], [Leaf, Leaf]]), []);
        assert_eq!(kinds(&[]), []);
        assert_eq!(kinds(&[[Node(9), Leaf]]), [OddityKind::ImpossibleLength]);
        assert_eq!(kinds(&[[Outside(-7), Leaf]]), [OddityKind::ImpossibleLength]);
        assert_eq!(kinds(&[[Node(1), Leaf], [Node(0), Leaf]]), [OddityKind::Malformed]);
        assert_eq!(kinds(&[[Node(1), Node(1)], [Leaf, Leaf]]), [OddityKind::Malformed]);
    }
}
