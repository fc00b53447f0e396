//! [`Weights`]: the tensors of a model, and the bytes that they lie in.

use super::chunks::{Chunks, Kept};
use super::numbers::Numbers;
use super::outside::Beside;
use super::view::{Axes, View};
use crate::body::Inspected;
use crate::member::{Place, located};
use crate::source::{Data, open};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use wb_core::{ArtifactPath, Budget, Bytes, ChildData, Field, Span, Tensor};
use wb_formats::{Chunked, Outside, Request};

/// Bytes that the numbers of all tensors of a model may be more than those that they lie in.
const REPEATED: u64 = 16 << 30;
/// Said when they are more.
const OFTEN: &str = "it repeats its numbers more often than is compared";

/// The tensors of a model, whichever files they lie in.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    sources: Vec<Source>,
    /// Datasets in chunks, and what of them was decoded.
    chunks: Vec<Chunks>,
    kept: Kept,
    /// Bytes that the numbers of its tensors are more than those that they lie in.
    repeated: u64,
    /// The tensors, in the order of files and of each file.
    pub(crate) tensors: Vec<Held>,
}

/// A tensor and where its numbers are.
#[derive(Debug)]
pub(crate) struct Held {
    /// What it is.
    pub(crate) tensor: Tensor,
    source: usize,
    /// Its numbers among the datasets in chunks.
    chunks: Option<usize>,
    /// How many heads its rows are of, where GGUF says so and its converter may have reordered them.
    pub(crate) heads: Option<u64>,
    /// The format of the file that it lies in.
    pub(crate) format: &'static str,
    /// Why its numbers are not there, when they are not.
    pub(crate) lacks: Option<&'static str>,
}

impl Held {
    /// Bytes of its numbers, each counted where it is repeated.
    pub(crate) fn len(&self) -> u64 {
        let held = self.tensor.span.map_or(0, |span| span.len);
        if self.lacks.is_some() {
            return held;
        }
        bytes_of(&self.tensor).unwrap_or(held)
    }
}

/// The bytes of an artifact.
#[derive(Debug)]
enum Source {
    /// A file, or what lies in it as it is.
    File(Arc<Data>, Span),
    /// Decoded.
    Decoded(Vec<u8>),
}

impl Source {
    fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::File(data, span) => {
                let inside = Bytes::new(data.as_slice()).at_span(*span);
                Bytes::new(inside.map_or(&[][..], Bytes::as_slice))
            }
            Self::Decoded(data) => Bytes::new(data),
        }
    }
}

impl Weights {
    /// The weights of the artifacts of a model, which lie in files: `file` says where a file is on disk.
    pub(crate) fn of<'a>(
        parts: impl IntoIterator<Item = &'a Inspected>,
        file: impl Fn(&ArtifactPath) -> Option<&'a Path>,
        budget: &mut Budget,
    ) -> Self {
        let mut weights = Self::default();
        let mut opened: Option<(&str, Arc<Data>)> = None;
        for part in parts.into_iter().filter(|part| !part.content.tensors.is_empty()) {
            let path = &part.artifact.path;
            let root = path.root();
            if opened.as_ref().is_none_or(|(known, _)| *known != root) {
                opened = file(&ArtifactPath::from(root))
                    .and_then(|on_disk| open(on_disk).ok())
                    .map(|data| (root, Arc::new(data)));
            }
            let Some((_, data)) = opened.as_ref().filter(|(known, _)| *known == root) else {
                continue;
            };
            let source = match located(Bytes::new(data.as_slice()), path, budget) {
                Some(Place::Span(span)) => Source::File(Arc::clone(data), span),
                Some(Place::Decoded(decoded)) => Source::Decoded(decoded),
                None => continue,
            };
            let format = part.artifact.format.unwrap_or_default();
            // A member of an archive has no folder with files beside it.
            let on_disk = file(&ArtifactPath::from(root));
            match (format, on_disk.filter(|_| format == "tensor-bundle" || path.as_str() == root)) {
                ("tensor-bundle", Some(index)) => {
                    let tensors = weights.checkpoint(source.bytes(), index, part, budget);
                    weights.tensors.extend(tensors);
                }
                ("onnx", Some(model)) => weights.graph(source, model, part, budget),
                _ => {
                    let known = weights.tensors.len();
                    weights.add(source, format, &part.content.tensors, budget);
                    let added = weights.tensors.iter_mut().skip(known);
                    for held in added.filter(|_| format == "gguf") {
                        held.heads = heads(&part.content.fields, &held.tensor.name);
                    }
                }
            }
        }
        weights
    }

    /// Adds a file of a known format. `known` are its tensors, when its content was kept.
    pub(crate) fn add_file(
        &mut self,
        data: Data,
        format: &'static str,
        path: &ArtifactPath,
        known: &[Tensor],
    ) {
        let mut budget = Budget::default();
        let bytes = Bytes::new(data.as_slice());
        let span = bytes.span();
        let parsed = match wb_formats::format(format) {
            Some(format) if known.is_empty() => {
                (format.parse)(bytes, &Request { path }, &mut budget).tensors
            }
            _ => Vec::new(),
        };
        let tensors = if known.is_empty() { &parsed } else { known };
        self.add(Source::File(Arc::new(data), span), format, tensors, &mut budget);
    }

    /// The tensors of a TensorFlow checkpoint, whose numbers lie in files beside its index
    /// (`tensorflow/core/util/tensor_bundle/naming.h`).
    fn checkpoint(
        &mut self,
        bytes: Bytes<'_>,
        index: &Path,
        part: &Inspected,
        budget: &mut Budget,
    ) -> Vec<Held> {
        let (places, shards) = wb_formats::checkpoint_places(bytes, budget);
        let name = part.artifact.path.file_name();
        let stem = name.strip_suffix(".index").unwrap_or(name);
        let mut opened: BTreeMap<u64, Option<usize>> = BTreeMap::new();
        let mut found = BTreeMap::new();
        for place in places.into_iter().filter(|place| place.shard < shards) {
            let source = *opened.entry(place.shard).or_insert_with(|| {
                let file = format!("{stem}.data-{:05}-of-{shards:05}", place.shard);
                let data = open(&index.with_file_name(file)).ok()?;
                let span = Bytes::new(data.as_slice()).span();
                self.sources.push(Source::File(Arc::new(data), span));
                Some(self.sources.len() - 1)
            });
            found.extend(source.map(|source| (place.name, (source, place.span))));
        }
        let format = part.artifact.format.unwrap_or_default();
        let held = |tensor: &Tensor| {
            let place = found.get(&tensor.name);
            let tensor = Tensor { span: place.map(|(_, span)| *span), ..tensor.clone() };
            let source = place.map_or(usize::MAX, |(source, _)| *source);
            let lacks = self.lacks(source, &tensor, format);
            Held { tensor, source, chunks: None, heads: None, format, lacks }
        };
        part.content.tensors.iter().map(held).collect()
    }

    /// The tensors of an ONNX model, whose numbers may lie in files beside it.
    fn graph(&mut self, source: Source, model: &Path, part: &Inspected, budget: &mut Budget) {
        let outside = wb_formats::onnx_outside(source.bytes(), budget);
        let outside: BTreeMap<usize, Outside> =
            outside.into_iter().map(|place| (place.tensor, place)).collect();
        let at = self.sources.len();
        self.sources.push(source);
        let mut beside = Beside::of(model);
        for (number, tensor) in part.content.tensors.iter().enumerate() {
            let mut tensor = tensor.clone();
            let source = match outside.get(&number) {
                None => Ok(at),
                Some(place) => {
                    let sources = &mut self.sources;
                    beside.number(&place.location, |data| {
                        let span = Bytes::new(data.as_slice()).span();
                        sources.push(Source::File(Arc::new(data), span));
                        sources.len() - 1
                    })
                }
            };
            if let Some(place) = outside.get(&number) {
                let length = place.length.or_else(|| bytes_of(&tensor));
                tensor.span = length.map(|length| Span::new(place.offset, length));
            }
            let (source, lacks) = match source {
                Ok(source) => (source, self.lacks(source, &tensor, "onnx")),
                Err(why) => (usize::MAX, Some(why)),
            };
            self.tensors.push(Held {
                tensor,
                source,
                chunks: None,
                heads: None,
                format: "onnx",
                lacks,
            });
        }
    }

    fn add(
        &mut self,
        source: Source,
        format: &'static str,
        tensors: &[Tensor],
        budget: &mut Budget,
    ) {
        let at = self.sources.len();
        let compressed = format == "npz" && tensors.iter().any(|tensor| tensor.span.is_none());
        let decoded = if compressed { arrays(source.bytes(), budget) } else { Vec::new() };
        let chunked = match format {
            "hdf5" | "keras-h5" if tensors.iter().any(|tensor| tensor.span.is_none()) => {
                self.kept.allow(source.bytes().len());
                wb_formats::hdf5_chunks(source.bytes(), budget).into_iter().collect()
            }
            _ => BTreeMap::new(),
        };
        self.sources.push(source);
        // The pickle inside a PyTorch file lists its tensors again, without their bytes.
        let known: BTreeSet<String> =
            self.tensors.iter().map(|held| held.tensor.name.clone()).collect();
        for tensor in tensors.iter().filter(|it| it.span.is_some() || !known.contains(&it.name)) {
            let decoded = decoded.iter().find(|(name, ..)| *name == tensor.name);
            let (source, tensor) = match decoded {
                Some((_, data, array)) if tensor.span.is_none() => {
                    self.sources.push(Source::Decoded(data.clone()));
                    let name = tensor.name.clone();
                    (self.sources.len() - 1, Tensor { name, ..array.clone() })
                }
                _ => (at, tensor.clone()),
            };
            let (chunks, lacks) = match self.chunked(&tensor, &chunked) {
                Some(Ok(chunks)) => (Some(chunks), None),
                Some(Err(why)) => (None, Some(why)),
                None => {
                    let lacks = self.lacks(source, &tensor, format);
                    (None, lacks.or_else(|| self.repeats(&tensor)))
                }
            };
            self.tensors.push(Held { tensor, source, chunks, heads: None, format, lacks });
        }
    }

    /// Why the numbers of a tensor are not read that are many more than the bytes that they lie in: along an axis that
    /// repeats, few bytes can be said to be any number of numbers.
    fn repeats(&mut self, tensor: &Tensor) -> Option<&'static str> {
        let held = tensor.span.map_or(0, |span| span.len);
        let more = bytes_of(tensor)?.saturating_sub(held);
        let left = REPEATED.saturating_sub(self.repeated).checked_sub(more);
        self.repeated = left.map_or(self.repeated, |left| REPEATED.saturating_sub(left));
        left.is_none().then_some(OFTEN)
    }

    /// The place of a tensor among the datasets in chunks, when it is one; or why it is not read.
    fn chunked(
        &mut self,
        tensor: &Tensor,
        all: &BTreeMap<String, Arc<Chunked>>,
    ) -> Option<Result<usize, &'static str>> {
        let chunked = all.get(&tensor.name).filter(|_| tensor.span.is_none())?;
        let numbers = Numbers::of(&tensor.dtype).filter(|numbers| numbers.is_single())?;
        let at = self.chunks.len();
        let chunks = Chunks::new(at, &tensor.shape, numbers.unit().1, chunked);
        Some(chunks.map(|chunks| {
            self.chunks.push(chunks);
            at
        }))
    }

    /// Why the numbers of a tensor cannot be read.
    fn lacks(&self, source: usize, tensor: &Tensor, format: &str) -> Option<&'static str> {
        let Some(span) = tensor.span else {
            return Some(match format {
                "keras-h5" | "hdf5" => "it lies in the HDF5 file in a way that is not read",
                "tensor-bundle" => "its numbers lie in a file of the checkpoint that is not there",
                "onnx" => "its numbers lie in another file, or in the graph itself",
                _ => "its numbers are compressed, in pieces or in another file",
            });
        };
        let Some(numbers) = Numbers::of(&tensor.dtype) else {
            return Some("its type is none that is compared");
        };
        let elements =
            tensor.shape.iter().try_fold(1, |product: u64, size| product.checked_mul(*size));
        let bytes = elements.and_then(|elements| numbers.bytes(elements));
        let inside = match &tensor.strides {
            None => bytes == Some(span.len),
            Some(strides) => {
                let reach = Axes::of(&tensor.shape, strides).and_then(Axes::reach);
                reach.and_then(|reach| numbers.bytes(reach)).is_some_and(|end| end <= span.len)
            }
        };
        if !inside {
            return Some("its numbers are not as many as its shape says");
        }
        if bytes.is_none() {
            return Some(OFTEN);
        }
        let held = self.sources.get(source).and_then(|source| source.bytes().at_span(span));
        held.is_none().then_some("its numbers are not in the file")
    }

    /// The numbers of a tensor.
    pub(crate) fn view<'a>(&'a self, held: &'a Held) -> Option<View<'a>> {
        if let Some(chunks) = held.chunks.and_then(|at| self.chunks.get(at)) {
            let file = self.sources.get(held.source)?.bytes();
            return View::in_chunks(&held.tensor, file, chunks, &self.kept);
        }
        View::of(&held.tensor, self.bytes(held)?)
    }

    /// The bytes of a tensor, whatever they are.
    pub(crate) fn bytes(&self, held: &Held) -> Option<&[u8]> {
        Some(self.sources.get(held.source)?.bytes().at_span(held.tensor.span?)?.as_slice())
    }

    /// Where a tensor lies: tensors that are the same bytes are one.
    pub(crate) fn place(&self, held: &Held) -> Option<(usize, Span)> {
        Some((held.source, held.tensor.span?))
    }
}

/// How many heads the rows of queries or keys in a GGUF are of (`docs/gguf.md` of ggml, "Attention"); `None` of other
/// tensors, and where each layer has its own number.
fn heads(fields: &[Field], name: &str) -> Option<u64> {
    let value = |path: &str| fields.iter().find(|field| field.path == path).map(|it| &it.value);
    let architecture = value("general.architecture")?;
    let count = |of: &str| value(&format!("{architecture}.attention.{of}"))?.parse::<u64>().ok();
    match name {
        name if name.contains(".attn_q.") => count("head_count"),
        name if name.contains(".attn_k.") => count("head_count_kv").or_else(|| count("head_count")),
        _ => None,
    }
}

/// Bytes that the numbers of a tensor are, by its type and shape.
pub(crate) fn bytes_of(tensor: &Tensor) -> Option<u64> {
    let mut sizes = tensor.shape.iter();
    let elements = sizes.try_fold(1, |product: u64, size| product.checked_mul(*size))?;
    Numbers::of(&tensor.dtype)?.bytes(elements)
}

/// The arrays of a compressed NumPy archive, within the budget: name, bytes, and the array in them.
fn arrays(bytes: Bytes<'_>, budget: &mut Budget) -> Vec<(String, Vec<u8>, Tensor)> {
    let (Some(zip), Some(npy)) = (wb_formats::format("zip"), wb_formats::format("npy")) else {
        return Vec::new();
    };
    let path = ArtifactPath::from("archive");
    let content = (zip.parse)(bytes, &Request { path: &path }, budget);
    let mut found = Vec::new();
    for child in content.children {
        let ChildData::Owned(data) = child.data else { continue };
        let parsed = (npy.parse)(Bytes::new(&data), &Request { path: &path }, budget);
        let name = child.name.strip_suffix(".npy").unwrap_or(&child.name).to_owned();
        found.extend(parsed.tensors.into_iter().next().map(|tensor| (name, data, tensor)));
    }
    found
}
