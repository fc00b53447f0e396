//! The records of a capture are packets: places in one are said as `packet 5`, not `line 5`.

use crate::body::Body;
use std::collections::BTreeSet;
use wb_core::{ArtifactPath, Identifier, IndexedIndicator};

/// Names packets among the places of indicators.
pub fn named_in_index(body: &Body, mut index: Vec<IndexedIndicator>) -> Vec<IndexedIndicator> {
    let captures = captures(body);
    for (artifact, place) in index.iter_mut().flat_map(|indexed| &mut indexed.sources) {
        name(&captures, artifact, place);
    }
    index
}

/// Names packets among the places of parts of identifiers.
pub fn named_in_identifiers(body: &Body, mut all: Vec<Identifier>) -> Vec<Identifier> {
    let captures = captures(body);
    for part in all.iter_mut().flat_map(|identifier| &mut identifier.parts) {
        name(&captures, &part.artifact, &mut part.place);
    }
    all
}

fn captures(body: &Body) -> BTreeSet<&ArtifactPath> {
    let captures = body.logs.iter().filter(|log| log.unit() == "packet");
    captures.map(|log| &log.artifact.path).collect()
}

fn name(captures: &BTreeSet<&ArtifactPath>, artifact: &ArtifactPath, place: &mut String) {
    if captures.contains(artifact)
        && let Some(number) = place.strip_prefix("line ")
    {
        *place = format!("packet {number}");
    }
}
