//! OmegaConf's `${...}`: other parts of the configuration, and variables of the environment
//! (omegaconf.readthedocs.io, "Variable interpolation" and "Built-in resolvers").

use crate::spanned_json::{Json, Node};

/// How often what an interpolation yields is looked at again: enough for a chain, and it ends.
const MAX_ROUNDS: u32 = 8;

/// The most pieces that one text becomes.
const MOST_PIECES: usize = 256;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands, or filled in.
    Text(String),
    /// The value of a variable of the environment.
    Variable(String),
}

/// Whether `text` takes a variable of the environment in.
pub(super) fn reads_environment(text: &str) -> bool {
    ["${oc.env:", "${env:", "${oc.decode:${oc.env:"].iter().any(|begin| text.contains(begin))
}

/// The pieces of `text`, with references to the configuration `root` filled in. Never empty.
pub(super) fn pieces(root: &Json, text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    add(root, text, MAX_ROUNDS, &mut pieces);
    if pieces.is_empty() {
        pieces.push(Piece::Text(String::new()));
    }
    pieces
}

fn add(root: &Json, text: &str, rounds: u32, pieces: &mut Vec<Piece>) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some(end) = closing(after).filter(|_| pieces.len() < MOST_PIECES) else { break };
        push(pieces, before);
        let inner = after.get(..end).unwrap_or_default();
        rest = after.get(end.saturating_add(1)..).unwrap_or_default();
        resolve(root, inner, rounds, pieces);
    }
    push(pieces, rest);
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        last.push_str(text);
    } else {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn resolve(root: &Json, inner: &str, rounds: u32, pieces: &mut Vec<Piece>) {
    let Some(rounds) = rounds.checked_sub(1) else { return push(pieces, inner) };
    let (resolver, argument) = inner.split_once(':').unwrap_or(("", inner));
    match resolver {
        "oc.env" | "env" => {
            let name = argument.split(',').next().unwrap_or_default().trim();
            pieces.push(Piece::Variable(name.to_owned()));
        }
        "oc.decode" | "oc.create" => add(root, argument, rounds, pieces),
        "" | "oc.select" => {
            let path = argument.split(',').next().unwrap_or_default().trim();
            match find(root, path) {
                Some(text) => add(root, &text, rounds, pieces),
                None => push(pieces, &format!("${{{inner}}}")),
            }
        }
        _ => push(pieces, &format!("${{{inner}}}")),
    }
}

/// Where the brace that closes an interpolation stands.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth = depth.saturating_add(1),
            b'}' if depth == 0 => return Some(at),
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The text at `path` in the configuration: keys and positions with dots or brackets between.
fn find(root: &Json, path: &str) -> Option<String> {
    let mut at = root;
    for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        at = match &at.node {
            Node::Object(_) => at.get(step)?,
            Node::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    matches!(at.node, Node::Text(_) | Node::Plain(_)).then(|| at.display())
}
