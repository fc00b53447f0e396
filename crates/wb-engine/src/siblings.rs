//! [`compare_siblings`]: one model's weights twice in a folder, as safetensors and as a pickle, have to be the same.
//!
//! Whoever converts a model for others can change it on the way (HiddenLayer, "Silent Sabotage", 2024). Tensors are
//! matched by name; which of those that share memory is kept, and buffers of whole numbers, differ between
//! libraries and say nothing.

use crate::body::Inspected;
use crate::discover::Found;
use crate::source::{Data, open};
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, Budget, Bytes, Content, Oddity, OddityKind, Span, Tensor, Verdict};
use wb_formats::Request;

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
enum Side {
    Safe,
    Pickled,
}

/// The files of a model, and of how many shards each says it is one.
type Shards<'a> = Vec<(&'a Found, usize)>;

/// Whether a file is named like weights.
pub(crate) fn is_weights(file: &Found) -> bool {
    part(&file.path).is_some()
}

/// A file of weights by its name: which side, the model, and of how many shards.
fn part(path: &ArtifactPath) -> Option<(Side, String, usize)> {
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
        let is = |files: &[(&Found, usize)], formats: &[&str]| {
            files.iter().all(|(file, _)| {
                let format = known(&file.path).and_then(|at| artifacts.get(at)?.artifact.format);
                format.is_some_and(|format| formats.contains(&format))
            })
        };
        if !is(safe, &["safetensors"]) || !is(pickled, &PICKLED) {
            continue;
        }
        let (Some(new), Some(old)) =
            (Weights::of(safe, "safetensors"), Weights::of(pickled, "torch"))
        else {
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

/// The tensors of a model, and the files that they lie in.
struct Weights {
    files: Vec<Data>,
    tensors: BTreeMap<String, (usize, Tensor)>,
    names: Vec<String>,
    complete: bool,
}

impl Weights {
    fn of(parts: &[(&Found, usize)], format: &str) -> Option<Self> {
        if parts.len() > SHARDS {
            return None;
        }
        let complete = parts.iter().all(|(_, count)| *count == parts.len());
        let mut weights =
            Self { files: Vec::new(), tensors: BTreeMap::new(), names: Vec::new(), complete };
        for (file, _) in parts {
            let data = open(&file.on_disk).ok()?;
            let bytes = Bytes::new(data.as_slice());
            let claim = wb_formats::identify_named(bytes, &file.path).into_iter().next()?;
            let known =
                wb_formats::format(claim.format).filter(|known| known.name.starts_with(format))?;
            let content =
                (known.parse)(bytes, &Request { path: &file.path }, &mut Budget::default());
            let at = weights.files.len();
            weights.files.push(data);
            weights.names.push(file.path.file_name().to_owned());
            for tensor in content.tensors {
                weights.tensors.insert(tensor.name.clone(), (at, tensor));
            }
        }
        Some(weights)
    }

    /// The bytes of a tensor, when they are as many as its shape says.
    fn bytes(&self, file: usize, tensor: &Tensor) -> Option<&[u8]> {
        let data = self.files.get(file)?.as_slice();
        Some(Bytes::new(data).at_span(tensor.span?)?.as_slice())
    }

    /// What stands before the names in a pickle that has more than the weights.
    fn wrapper(&self, names: &Self) -> &'static str {
        const WRAPPERS: [&str; 6] =
            ["", "state_dict.", "model.", "module.", "model_state_dict.", "state_dict.module."];
        let common = |wrapper: &&&str| {
            names
                .tensors
                .keys()
                .filter(|name| self.tensors.contains_key(&format!("{wrapper}{name}")))
                .count()
        };
        // Of those with as many names in common the plainest.
        WRAPPERS.iter().rev().max_by_key(common).copied().unwrap_or_default()
    }

    /// What differs between these weights and those of a pickle.
    fn against(&self, pickled: &Self, whole: bool) -> Option<Oddity> {
        let wrapper = pickled.wrapper(self);
        let others: BTreeMap<&str, &(usize, Tensor)> = pickled
            .tensors
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(wrapper)?, tensor)))
            .collect();
        let common = self.tensors.keys().filter(|name| others.contains_key(name.as_str())).count();
        // With other names for most of them it is another model, or another library's.
        if common == 0 || common.saturating_mul(2) < self.tensors.len().min(others.len()) {
            return None;
        }
        let mut differences = Vec::new();
        let mut left = ADDED_UP;
        for (name, (file, tensor)) in &self.tensors {
            match others.get(name.as_str()) {
                Some((other_file, other)) => {
                    let pair = (self.bytes(*file, tensor), pickled.bytes(*other_file, other));
                    differences.extend(
                        difference(tensor, other, pair, whole, &mut left)
                            .map(|what| (name.as_str(), what)),
                    );
                }
                None if pickled.complete && is_learned(tensor) => {
                    differences.push((name, "is in the safetensors only".to_owned()));
                }
                None => {}
            }
        }
        if self.complete {
            let shared: BTreeSet<(usize, Span)> = others
                .iter()
                .filter(|(name, _)| self.tensors.contains_key(**name))
                .filter_map(|(_, (file, tensor))| Some((*file, tensor.span?)))
                .collect();
            for (name, (file, tensor)) in &others {
                let tied = tensor.span.is_some_and(|span| shared.contains(&(*file, span)));
                if !self.tensors.contains_key(*name) && is_learned(tensor) && !tied {
                    differences.push((name, "is in the pickle only".to_owned()));
                }
            }
        }
        self.oddity(pickled, &differences)
    }

    fn oddity(&self, pickled: &Self, differences: &[(&str, String)]) -> Option<Oddity> {
        let (first, _) = differences.first()?;
        let named: Vec<String> =
            differences.iter().take(NAMED).map(|(name, what)| format!("`{name}` {what}")).collect();
        let more = match differences.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let span = self
            .tensors
            .get(*first)
            .filter(|(file, _)| *file == 0)
            .and_then(|(_, tensor)| tensor.span);
        Some(Oddity {
            kind: OddityKind::SiblingDiffers,
            place: format!("tensor `{first}`"),
            span,
            what: format!("beside `{}`: {}{more}", pickled.names.join("`, `"), named.join(", ")),
        })
    }
}

/// Whether a tensor is of the kind that training changes.
fn is_learned(tensor: &Tensor) -> bool {
    let dtype = element(&tensor.dtype);
    dtype.contains("float") && tensor.shape.iter().all(|size| *size > 0)
}

/// The element type as PyTorch names it.
fn element(dtype: &str) -> String {
    let lower = dtype.to_ascii_lowercase();
    let known = [
        ("bf16", "bfloat16"),
        ("f8_e4m3", "float8_e4m3fn"),
        ("f8_e5m2", "float8_e5m2"),
        ("c64", "complex64"),
    ];
    if let Some((_, name)) = known.iter().find(|(short, _)| *short == lower) {
        return (*name).to_owned();
    }
    let bits = |prefix: &str| lower.strip_prefix(prefix).filter(|bits| bits.parse::<u8>().is_ok());
    [("f", "float"), ("i", "int"), ("u", "uint")]
        .iter()
        .find_map(|(short, long)| bits(short).map(|bits| format!("{long}{bits}")))
        .unwrap_or(lower)
}

/// How a tensor differs from the other one of its name.
fn difference(
    new: &Tensor,
    old: &Tensor,
    bytes: (Option<&[u8]>, Option<&[u8]>),
    whole: bool,
    left: &mut u64,
) -> Option<String> {
    if new.shape != old.shape {
        return Some(format!("has the shape {:?} instead of {:?}", new.shape, old.shape));
    }
    let (dtype, other) = (element(&new.dtype), element(&old.dtype));
    if dtype != other {
        return Some(format!("is of the type {dtype} instead of {other}"));
    }
    let numbers = new.shape.iter().fold(1, |product: u64, size| product.saturating_mul(*size));
    // A view of a larger storage has no bytes of its own in one piece.
    let (Some(new), Some(old)) = bytes else { return None };
    if new.len() != old.len() || is_same(new, old, whole) {
        return None;
    }
    let cost = (new.len() as u64).saturating_mul(2);
    *left = left.checked_sub(cost)?;
    (sum(new, numbers) != sum(old, numbers)).then(|| "has other numbers".to_owned())
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

/// The bytes added up by their place in a number: the same however rows and columns of numbers are ordered.
fn sum(bytes: &[u8], numbers: u64) -> [u64; 16] {
    let size =
        (bytes.len() as u64).checked_div(numbers).and_then(|size| usize::try_from(size).ok());
    let mut sums = [0_u64; 16];
    for number in bytes.chunks(size.unwrap_or(1).clamp(1, 16)) {
        for (sum, byte) in sums.iter_mut().zip(number) {
            *sum = sum.wrapping_add(u64::from(*byte));
        }
    }
    sums
}
