//! [`compare_siblings`]: one model's weights twice in a folder, as safetensors and as a pickle, have to be the same.
//!
//! Whoever converts a model for others can change it on the way (HiddenLayer, "Silent Sabotage", 2024). Tensors are
//! matched by name; which of those that share memory is kept, and buffers of whole numbers, differ between
//! libraries and say nothing.

use crate::body::Inspected;
use crate::discover::Found;
use crate::source::open;
use crate::weights::{
    Held, Numbers, TensorPair, Weights, is_in_another_order, is_reordered, paired,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use wb_core::{ArtifactPath, Budget, Content, Oddity, OddityKind, Relation, Span, Tensor, Verdict};

/// Bytes that are compared at the beginning and at the end of each tensor, when weights are not read anyway.
const COMPARED: usize = 64 << 10;
/// Bytes that are added up in all, to see whether a tensor that differs is the other one transposed.
const ADDED_UP: u64 = 4 << 30;
/// Differences of one pair that are told by name.
const NAMED: usize = 5;
/// Shards of one model.
const SHARDS: usize = 1_024;
/// Formats of pickles with weights.
const PICKLED: [&str; 2] = ["torch", "torch-legacy"];

/// The two ways in which weights lie in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// As safetensors.
    Safe,
    /// As a pickle.
    Pickled,
}

/// The files of a model, and of how many shards each says it is one.
type Shards<'a> = Vec<(&'a Found, usize)>;

/// Whether a file is named like weights.
pub(crate) fn is_weights(file: &Found) -> bool {
    part(&file.path).is_some()
}

/// A file of weights by its name: which side, the model, and of how many shards.
pub(crate) fn part(path: &ArtifactPath) -> Option<(Side, String, usize)> {
    let whole = path.as_str();
    let (folder, name) = whole.rsplit_once('/').unwrap_or(("", whole));
    let name = name.to_ascii_lowercase();
    let (stem, side) = [
        (".safetensors", Side::Safe),
        (".bin", Side::Pickled),
        (".pt", Side::Pickled),
        (".pth", Side::Pickled),
        (".ckpt", Side::Pickled),
    ]
    .into_iter()
    .find_map(|(ending, side)| Some((name.strip_suffix(ending)?, side)))?;
    // `model-00001-of-00002`.
    let shard = stem.rsplit_once("-of-").and_then(|(head, count)| {
        let (head, number) = head.rsplit_once('-')?;
        number.parse::<usize>().ok()?;
        Some((head, count.parse::<usize>().ok()?))
    });
    let (stem, count) = shard.unwrap_or((stem, 1));
    let stem = stem.strip_prefix("pytorch_").unwrap_or(stem);
    Some((side, format!("{folder}/{stem}"), count))
}

/// Compares the weights of each model that lies in its folder twice. `whole` says that all of it is read anyway.
pub(crate) fn compare_siblings(artifacts: &mut [Inspected], weights: &[Found], whole: bool) {
    let mut models: BTreeMap<String, BTreeMap<Side, Shards<'_>>> = BTreeMap::new();
    for file in weights {
        let Some((side, model, count)) = part(&file.path) else { continue };
        models.entry(model).or_default().entry(side).or_default().push((file, count));
    }
    for sides in models.values() {
        let (Some(safe), Some(pickled)) = (sides.get(&Side::Safe), sides.get(&Side::Pickled))
        else {
            continue;
        };
        let known = |path: &ArtifactPath| {
            artifacts.binary_search_by(|one| one.artifact.path.cmp(path)).ok()
        };
        let part = |files: &Shards<'_>, formats: &[&str]| {
            let inspected = |(file, _): &(&Found, usize)| {
                artifacts.get(known(&file.path)?).map(|one| (file.on_disk.clone(), one))
            };
            let all: Option<Vec<_>> = files.iter().map(inspected).collect();
            let all = all.filter(|all| {
                let fits = |(_, one): &(_, &Inspected)| {
                    one.artifact.format.is_some_and(|format| formats.contains(&format))
                };
                all.len() <= SHARDS && all.iter().all(fits)
            })?;
            let complete = files.iter().all(|(_, count)| *count == files.len());
            Stored::of(&all, complete)
        };
        let (Some(new), Some(old)) = (part(safe, &["safetensors"]), part(pickled, &PICKLED)) else {
            continue;
        };
        let oddity = new.against(&old, whole);
        let first = safe.iter().map(|(file, _)| &file.path).min().and_then(known);
        if let (Some(oddity), Some(one)) = (oddity, first.and_then(|at| artifacts.get_mut(at))) {
            tell(one, oddity);
        }
    }
}

/// Lets the rules look at what was found, and adds what they say.
pub(crate) fn tell(one: &mut Inspected, oddity: Oddity) {
    let content = Content { oddities: vec![oddity], ..Content::default() };
    let examined = wb_rules::examine(&one.artifact, &content, &mut Budget::default());
    one.content.oddities.extend(content.oddities);
    one.verdict = one.verdict.max(
        examined.findings.iter().fold(Verdict::Clean, |worst, finding| worst.max(finding.verdict)),
    );
    one.findings.extend(examined.findings);
}

/// The weights as they are stored once, and the names of its files.
struct Stored {
    weights: Weights,
    names: Vec<String>,
    complete: bool,
}

impl Stored {
    /// The weights of files whose formats are known; what was read of them before is not read again.
    fn of(parts: &[(PathBuf, &Inspected)], complete: bool) -> Option<Self> {
        let mut stored = Self { weights: Weights::default(), names: Vec::new(), complete };
        for (on_disk, one) in parts {
            let path = &one.artifact.path;
            let data = open(on_disk).ok()?;
            stored.weights.add_file(data, one.artifact.format?, path, &one.content.tensors);
            stored.names.push(path.file_name().to_owned());
        }
        Some(stored)
    }

    fn tensors(&self) -> Vec<&Tensor> {
        self.weights.tensors.iter().map(|held| &held.tensor).collect()
    }

    /// What differs between these weights and those of a pickle.
    fn against(&self, pickled: &Self, whole: bool) -> Option<Oddity> {
        let (ours, theirs) = (self.tensors(), pickled.tensors());
        let pairs = paired(&ours, &theirs, false);
        // With other names for most of them it is another model, or another library's.
        if pairs.is_empty() || pairs.len().saturating_mul(2) < ours.len().min(theirs.len()) {
            return None;
        }
        let pairs: BTreeMap<usize, usize> = pairs.into_iter().collect();
        let mut differences: Vec<(&Held, String)> = Vec::new();
        let mut left = ADDED_UP;
        for (at, one) in self.weights.tensors.iter().enumerate() {
            let two = pairs.get(&at).and_then(|two| pickled.weights.tensors.get(*two));
            match two {
                Some(two) => {
                    let (new, old) = (&self.weights, &pickled.weights);
                    let what = difference(&TensorPair { new, old, one, two }, whole, &mut left);
                    differences.extend(what.map(|what| (one, what)));
                }
                None if pickled.complete && is_learned(&one.tensor) => {
                    differences.push((one, "is in the safetensors only".to_owned()));
                }
                None => {}
            }
        }
        if self.complete {
            let wrapper = wrapper(&ours, &theirs, &pairs);
            let paired: BTreeSet<usize> = pairs.values().copied().collect();
            let only = |(at, _): &(usize, &Held)| !paired.contains(at);
            let place = |held: &Held| pickled.weights.place(held);
            let (alone, shared): (Vec<_>, Vec<_>) =
                pickled.weights.tensors.iter().enumerate().partition(only);
            let shared: BTreeSet<(usize, Span)> =
                shared.iter().filter_map(|(_, held)| place(held)).collect();
            for (_, held) in alone {
                let tied = place(held).is_some_and(|place| shared.contains(&place));
                // What lies beside the weights, such as the state of an optimiser, is none of them.
                let inside = held.tensor.name.starts_with(&wrapper);
                if is_learned(&held.tensor) && inside && !tied {
                    differences.push((held, "is in the pickle only".to_owned()));
                }
            }
        }
        self.oddity(pickled, &differences)
    }

    fn oddity(&self, pickled: &Self, differences: &[(&Held, String)]) -> Option<Oddity> {
        let (first, _) = differences.first()?;
        let named: Vec<String> = differences
            .iter()
            .take(NAMED)
            .map(|(held, what)| format!("`{}` {what}", held.tensor.name))
            .collect();
        let more = match differences.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let own = self.weights.tensors.iter().find(|held| held.tensor.name == first.tensor.name);
        let span = own
            .and_then(|held| self.weights.place(held))
            .and_then(|(file, span)| (file == 0).then_some(span));
        Some(Oddity {
            kind: OddityKind::SiblingDiffers,
            place: format!("tensor `{}`", first.tensor.name),
            span,
            what: format!("beside `{}`: {}{more}", pickled.names.join("`, `"), named.join(", ")),
        })
    }
}

/// What stands before most names in a pickle that has more than the weights.
fn wrapper(ours: &[&Tensor], theirs: &[&Tensor], pairs: &BTreeMap<usize, usize>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (one, two) in pairs {
        let names = (ours.get(*one), theirs.get(*two));
        let (Some(own), Some(other)) = names else { continue };
        if let Some(before) = other.name.strip_suffix(own.name.as_str()) {
            *counts.entry(before).or_default() += 1;
        }
    }
    // Of those before as many names the plainest.
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or_else(String::new, |(before, _)| before.to_owned())
}

/// Whether a tensor is of the kind that training changes.
fn is_learned(tensor: &Tensor) -> bool {
    let learned = Numbers::of(&tensor.dtype).is_some_and(Numbers::is_learned);
    learned && tensor.shape.iter().all(|size| *size > 0)
}

/// The element type as PyTorch names it.
fn element(dtype: &str) -> String {
    let lower = dtype.to_ascii_lowercase();
    match (lower.as_str(), Numbers::of(dtype)) {
        ("bool", _) => lower,
        ("c64", _) => "complex64".to_owned(),
        (_, Some(numbers)) => numbers.name().to_owned(),
        (_, None) => lower,
    }
}

/// How a tensor differs from the other one of its name.
fn difference(beside: &TensorPair<'_>, whole: bool, left: &mut u64) -> Option<String> {
    let (new, old) = (&beside.one.tensor, &beside.two.tensor);
    if new.shape != old.shape {
        return Some(format!("has the shape {:?} instead of {:?}", new.shape, old.shape));
    }
    let (dtype, other) = (element(&new.dtype), element(&old.dtype));
    if dtype != other {
        return Some(format!("is of the type {dtype} instead of {other}"));
    }
    let numbers = new.shape.iter().fold(1, |product: u64, size| product.saturating_mul(*size));
    let bytes = (beside.new.bytes(beside.one), beside.old.bytes(beside.two));
    let (Some(new), Some(old)) = bytes else { return None };
    if beside.one.tensor.strides.is_some() || beside.two.tensor.strides.is_some() {
        return strided(beside, whole, left);
    }
    if new.len() != old.len() || is_same(new, old, whole) {
        return None;
    }
    let cost = (new.len() as u64).saturating_mul(2);
    *left = left.checked_sub(cost)?;
    if is_reordered(new, old, numbers) {
        return None;
    }
    let told = if whole { beside.told(&|_| ()).ok().flatten() } else { None };
    match told {
        Some(told) if told.relation == Relation::Changed => {
            Some(format!("has other numbers ({})", told.words))
        }
        _ => Some("has other numbers".to_owned()),
    }
}

/// How a tensor differs from the other one of its name, where one of them is a view of numbers that do not lie row by
/// row.
fn strided(beside: &TensorPair<'_>, whole: bool, left: &mut u64) -> Option<String> {
    let (new, old) = (beside.new.view(beside.one)?, beside.old.view(beside.two)?);
    if whole {
        *left = left.checked_sub(new.len().saturating_mul(2))?;
        let told = beside.told(&|_| ()).ok().flatten()?;
        let changed = told.relation == Relation::Changed;
        return changed.then(|| format!("has other numbers ({})", told.words));
    }
    let all = usize::try_from(new.elements).ok()?;
    let some = COMPARED / new.numbers.unit().1.max(1);
    let ends = [0..some.min(all), all.saturating_sub(some)..all];
    let differs = |range: &Range<usize>| {
        let both = (new.read(range), old.read(range));
        both.0.is_some() && both.1.is_some() && both.0 != both.1
    };
    if !ends.iter().any(differs) {
        return None;
    }
    *left = left.checked_sub(new.len().saturating_mul(2))?;
    (!is_in_another_order(new, old)).then(|| "has other numbers".to_owned())
}

fn is_same(new: &[u8], old: &[u8], whole: bool) -> bool {
    let head = |bytes: &[u8]| bytes.len().min(COMPARED);
    let tail = |bytes: &[u8]| bytes.len().saturating_sub(COMPARED);
    if whole {
        new == old
    } else {
        new.get(..head(new)) == old.get(..head(old)) && new.get(tail(new)..) == old.get(tail(old)..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_the_weights_has_another_wrapper() {
        let tensor = |name: &str| Tensor {
            name: name.to_owned(),
            dtype: "F32".to_owned(),
            shape: vec![2],
            span: None,
            strides: None,
        };
        let ours = [tensor("a.w"), tensor("b.w")];
        let theirs = [tensor("state.a.w"), tensor("optimizer.a.m"), tensor("state.b.w")];
        let (ours, theirs): (Vec<_>, Vec<_>) = (ours.iter().collect(), theirs.iter().collect());
        let pairs = paired(&ours, &theirs, false).into_iter().collect();
        assert_eq!(pairs, BTreeMap::from([(0, 0), (1, 2)]));
        assert_eq!(wrapper(&ours, &theirs, &pairs), "state.");
    }
}
