//! [`Licences`]: the licences of models, in themselves and in what lies beside them.

use crate::body::{Body, Inspected};
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Licence};
use wb_formats::Family;

/// What the artifact itself says.
pub(crate) fn of_artifact(inspected: &Inspected) -> Vec<Licence> {
    wb_rules::licences(&inspected.artifact, &inspected.content)
}

/// Every licence that is stated in a body of evidence.
pub(crate) struct Licences<'a> {
    /// Artifacts that state one, by path.
    stated: Vec<(&'a ArtifactPath, Vec<Licence>)>,
    /// Those of them that are files and no models, by their folder.
    beside: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Licences<'a> {
    pub(crate) fn of(body: &'a Body) -> Self {
        let (mut stated, mut beside) = (Vec::new(), BTreeMap::<&str, Vec<usize>>::new());
        for one in &body.artifacts {
            let licences = of_artifact(one);
            if licences.is_empty() {
                continue;
            }
            let path = &one.artifact.path;
            let file = !path.as_str().contains(ArtifactPath::MEMBER);
            if file && one.family != Some(Family::Model) {
                beside.entry(folder(path)).or_default().push(stated.len());
            }
            stated.push((path, licences));
        }
        Self { stated, beside }
    }

    /// What the model at `path` says, or a part of it; where it says nothing, what is beside it in its folder: the
    /// model card, the configuration, the text of the licence. Their names stand before the place.
    pub(crate) fn of_model(&self, path: &ArtifactPath) -> Vec<Licence> {
        let inside = format!("{path}{}", ArtifactPath::MEMBER);
        let first = self.stated.partition_point(|(other, _)| *other < path);
        let below = self.stated.iter().skip(first);
        let below = below.take_while(|(other, _)| other.as_str().starts_with(path.as_str()));
        let own = below.filter(|(other, _)| *other == path || other.as_str().starts_with(&inside));
        let found = told(own, path);
        if !found.is_empty() {
            return found;
        }
        let beside = self.beside.get(folder(path)).map_or(&[][..], Vec::as_slice);
        told(beside.iter().filter_map(|at| self.stated.get(*at)), path)
    }
}

fn folder(path: &ArtifactPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The licences of some artifacts, each once, with the artifact before the place unless it is the one at `path`.
fn told<'a>(
    artifacts: impl Iterator<Item = &'a (&'a ArtifactPath, Vec<Licence>)>,
    path: &ArtifactPath,
) -> Vec<Licence> {
    let mut found: BTreeMap<String, Licence> = BTreeMap::new();
    for (other, licences) in artifacts {
        for licence in licences {
            let mut licence = licence.clone();
            if *other != path {
                licence.place = format!("{}: {}", other.file_name(), licence.place);
                licence.span = None;
            }
            found.entry(licence.name().to_owned()).or_insert(licence);
        }
    }
    found.into_values().collect()
}
