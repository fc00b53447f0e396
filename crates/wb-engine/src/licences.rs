//! [`of_model`]: the licences of a model, in itself and in what lies beside it.

use crate::body::{Body, Inspected};
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Licence};
use wb_formats::Family;

/// What the artifact itself says.
pub(crate) fn of_artifact(inspected: &Inspected) -> Vec<Licence> {
    wb_rules::licences(&inspected.artifact, &inspected.content)
}

/// What the model at `path` says, or a part of it; where it says nothing, what is beside it in its folder: the model
/// card, the configuration, the text of the licence. Their names stand before the place.
pub(crate) fn of_model(body: &Body, path: &ArtifactPath) -> Vec<Licence> {
    let whole = path.as_str();
    let inside = format!("{whole}{}", ArtifactPath::MEMBER);
    let own = body.artifacts.iter().filter(|one| {
        one.artifact.path == *path || one.artifact.path.as_str().starts_with(&inside)
    });
    let found = told(own, path);
    if !found.is_empty() {
        return found;
    }
    let folder = whole.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = body.artifacts.iter().filter(|one| {
        let other = one.artifact.path.as_str();
        let there = other.rsplit_once('/').map_or("", |(folder, _)| folder);
        there == folder
            && !other.contains(ArtifactPath::MEMBER)
            && one.family != Some(Family::Model)
    });
    told(beside, path)
}

/// The licences of some artifacts, each once, with the artifact before the place unless it is the one at `path`.
fn told<'a>(artifacts: impl Iterator<Item = &'a Inspected>, path: &ArtifactPath) -> Vec<Licence> {
    let mut found: BTreeMap<String, Licence> = BTreeMap::new();
    for one in artifacts {
        for mut licence in of_artifact(one) {
            if one.artifact.path != *path {
                licence.place = format!("{}: {}", one.artifact.path.file_name(), licence.place);
                licence.span = None;
            }
            found.entry(licence.name().to_owned()).or_insert(licence);
        }
    }
    found.into_values().collect()
}
