//! [`beside`]: two models, each a file or a folder, compared in all that can be: files, layers, tensors, imported names,
//! metadata, and numbers.

use crate::EngineError;
use crate::body::Inspected;
use crate::difference::{differences, of_tensors};
use crate::inspect::Hashing;
use crate::progress::Progress;
use crate::scan::{ScanOptions, scan};
use crate::siblings::{Side, part};
use crate::weights::{Effort, Weights, compare};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wb_core::{ArtifactPath, Budget, Change, Difference, WeightsCompared};
use wb_formats::Family;

/// How two models are to each other.
#[derive(Debug, Default)]
pub struct Beside {
    /// Whether every file of one is in the other, byte for byte.
    pub same_bytes: bool,
    /// What differs in files, layers, tensors, imported names and metadata.
    pub differences: Vec<Difference>,
    /// What differs in numbers: of each model that is in both.
    pub weights: Vec<WeightsCompared>,
}

/// One of two that are compared: nothing to look at, or how they are to each other.
#[derive(Debug)]
pub enum Looked {
    /// Nothing in the path can be read as a model.
    Nothing(PathBuf),
    /// Both are there.
    Both(Beside),
}

/// Compares the model at `model` with that at `baseline`. Of two folders, files of one name are compared, and models
/// of one name, however they are split into files; a model that is alone in its folder is compared with the one that
/// is alone in the other, whatever they are called.
///
/// # Errors
/// When a path does not exist or cannot be read.
pub fn beside(
    model: &Path,
    baseline: &Path,
    progress: &dyn Progress,
) -> Result<Looked, EngineError> {
    let (new, old) = (Tree::read(model, progress)?, Tree::read(baseline, progress)?);
    for (tree, path) in [(&new, model), (&old, baseline)] {
        if tree.artifacts.is_empty() {
            return Ok(Looked::Nothing(path.to_owned()));
        }
    }
    let mut found = Beside { same_bytes: same_bytes(&new, &old), ..Beside::default() };
    let folders = model.is_dir() && baseline.is_dir();
    if folders {
        found.differences = files(&new, &old);
    }
    for (ours, theirs) in matched(&new, &old) {
        found.differences.extend(structure(&ours, &theirs));
        let of = |tree: &Tree, parts: &[&Inspected]| {
            let held = tree.parts_of(parts);
            Weights::of(
                held,
                |path| tree.on_disk.get(path).map(PathBuf::as_path),
                &mut Budget::default(),
            )
        };
        let (weights, others) = (of(&new, &ours), of(&old, &theirs));
        if weights.tensors.is_empty() || others.tensors.is_empty() {
            continue;
        }
        let (one, two) = (name(&ours), name(&theirs));
        let pair = ((&one, &weights), (&two, &others));
        found.weights.push(compare(pair.0, pair.1, Effort::WHOLE, progress));
    }
    Ok(Looked::Both(found))
}

/// What a path holds.
struct Tree {
    artifacts: Vec<Inspected>,
    on_disk: BTreeMap<ArtifactPath, PathBuf>,
}

impl Tree {
    fn read(path: &Path, progress: &dyn Progress) -> Result<Self, EngineError> {
        let options =
            ScanOptions { hashing: Hashing::All, keep_contents: true, ..ScanOptions::default() };
        let scanned = scan(&[path.to_owned()], options, progress)?;
        Ok(Self { artifacts: scanned.artifacts, on_disk: scanned.on_disk })
    }

    /// Files on disk.
    fn files(&self) -> impl Iterator<Item = &Inspected> {
        self.artifacts.iter().filter(|one| one.artifact.path.root() == one.artifact.path.as_str())
    }

    /// Files and everything in them.
    fn parts_of<'a>(&'a self, files: &'a [&Inspected]) -> impl Iterator<Item = &'a Inspected> {
        files.iter().flat_map(|file| {
            let root = file.artifact.path.as_str();
            self.artifacts.iter().filter(move |one| one.artifact.path.root() == root)
        })
    }

    /// The models, by name: the files of one that is split together, weights that lie there twice once.
    fn models(&self) -> BTreeMap<String, Vec<&Inspected>> {
        let mut named: BTreeMap<String, BTreeMap<Option<Side>, Vec<&Inspected>>> = BTreeMap::new();
        for file in self.files().filter(|file| file.family == Some(Family::Model)) {
            let (side, name) = match part(&file.artifact.path) {
                Some((side, name, _)) => (Some(side), name),
                None => (None, file.artifact.path.as_str().to_owned()),
            };
            named.entry(name).or_default().entry(side).or_default().push(file);
        }
        let first = |(name, mut sides): (String, BTreeMap<_, Vec<_>>)| {
            sides.pop_first().map(|(_, files)| (name, files))
        };
        named.into_iter().filter_map(first).collect()
    }
}

fn same_bytes(new: &Tree, old: &Tree) -> bool {
    let digests = |tree: &Tree| -> BTreeMap<String, _> {
        let files: Vec<_> = tree.files().collect();
        // Two files are compared whatever they are called.
        let name = |file: &Inspected| match files.len() {
            1 => String::new(),
            _ => file.artifact.path.as_str().to_owned(),
        };
        files.iter().map(|file| (name(file), file.artifact.sha256)).collect()
    };
    digests(new) == digests(old)
}

/// Files that are in one of two folders only, and files of one name with other bytes.
fn files(new: &Tree, old: &Tree) -> Vec<Difference> {
    let all = |tree: &'_ Tree| -> BTreeMap<ArtifactPath, Option<wb_core::Sha256>> {
        tree.files().map(|file| (file.artifact.path.clone(), file.artifact.sha256)).collect()
    };
    let (new, old) = (all(new), all(old));
    let paths: BTreeSet<&ArtifactPath> = new.keys().chain(old.keys()).collect();
    let told = |path: &ArtifactPath| {
        let change = match (new.get(path), old.get(path)) {
            (Some(_), None) => Change::Added,
            (None, Some(_)) => Change::Removed,
            (one, two) if one != two => Change::Changed,
            _ => return None,
        };
        let (name, detail) = (path.to_string(), String::new());
        Some(Difference { baseline: path.clone(), what: "file", name, change, detail })
    };
    paths.into_iter().filter_map(told).collect()
}

/// A model of each, as its files.
type Models<'a> = (Vec<&'a Inspected>, Vec<&'a Inspected>);

/// Models of one name; or the only two there are.
fn matched<'a>(new: &'a Tree, old: &'a Tree) -> Vec<Models<'a>> {
    let (mut ours, mut theirs) = (new.models(), old.models());
    let alone = |tree: &'a Tree| -> Option<Vec<&'a Inspected>> {
        let mut files = tree.files();
        files.next().filter(|_| files.next().is_none()).map(|file| vec![file])
    };
    if let (Some(one), Some(two)) = (alone(new), alone(old)) {
        return vec![(one, two)];
    }
    let both: Vec<String> =
        ours.keys().filter(|name| theirs.contains_key(*name)).cloned().collect();
    let mut pairs: Vec<Models<'a>> =
        both.iter().filter_map(|name| Some((ours.remove(name)?, theirs.remove(name)?))).collect();
    let weights = |models: &BTreeMap<String, Vec<&'a Inspected>>| {
        let with =
            |files: &&Vec<&'a Inspected>| files.iter().any(|file| !file.content.tensors.is_empty());
        let mut found = models.values().filter(with);
        found.next().filter(|_| found.next().is_none()).cloned()
    };
    if let (Some(one), Some(two)) = (weights(&ours), weights(&theirs)) {
        pairs.push((one, two));
    }
    pairs
}

/// What differs in the structure of two models.
fn structure(ours: &[&Inspected], theirs: &[&Inspected]) -> Vec<Difference> {
    if let ([one], [two]) = (ours, theirs) {
        return differences(one, two);
    }
    let list = |files: &[&Inspected]| -> Vec<wb_core::Tensor> {
        files.iter().flat_map(|file| file.content.tensors.iter().cloned()).collect()
    };
    let format = |files: &[&Inspected]| files.first().and_then(|file| file.artifact.format);
    of_tensors(&list(ours), &list(theirs), format(ours) != format(theirs), &name(theirs))
}

/// What a model is called: its first file.
fn name(files: &[&Inspected]) -> ArtifactPath {
    files.first().map_or_else(|| ArtifactPath::from(""), |file| file.artifact.path.clone())
}
