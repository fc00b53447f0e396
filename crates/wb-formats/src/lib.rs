//! Files to [`Content`]. One module and one page per format; formats never judge.
//!
//! A format is a `Reader` in its own module and one line in the list below. [`identify`] asks every
//! format about the bytes; [`Format::parse`] reads them and cannot fail: what is odd becomes an oddity,
//! what cannot be read becomes a gap.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::panic
    )
)]

pub use compressed::{decompressed, decompressed_name};
pub use hdf5::{Chunked, chunks as hdf5_chunks};
pub use ncnn::{NcnnWeights, ncnn_weights};
pub use onnx::{Outside, outside as onnx_outside};
pub use raw::raw_tensors;
pub use sweep::sweep;
pub use tensor_bundle::{ShardPlace, places as checkpoint_places};

use std::cmp::Reverse;
use wb_core::{ArtifactPath, Budget, Bytes, Claim, Content, Strength};

#[macro_use]
mod list;

mod carve;
mod compressed;
mod decode;
mod extents;
mod flatbuffer;
mod markup;
#[cfg(test)]
mod mutations;
mod names;
mod native;
mod notes;
mod order;
mod packages;
mod paths;
mod plain_text;
mod planes;
mod prose;
mod protobuf;
mod raw;
mod shelf;
mod spanned_json;
mod storage;
mod sweep;
mod target;
mod template;
mod tensorflow;
mod tensors;
#[cfg(test)]
mod testing;
mod trees;
mod values;

// Specific formats come before the general ones that they refine.
formats! {
    llamafile,
    gguf,
    keras_h5 = "keras-h5",
    hdf5,
    keras,
    keras_config = "keras-config",
    keras_metadata = "keras-metadata",
    safetensors,
    skops,
    torch,
    torch_export = "torch-export",
    torch_serve = "torchserve",
    npz,
    zip,
    torch_legacy = "torch-legacy",
    pickle,
    npy,
    nemo,
    tar,
    gzip,
    bzip2,
    xz,
    zstd,
    lz4,
    zlib,
    openvino,
    pmml,
    xml,
    xgboost,
    lightgbm,
    r_data = "r-data",
    r_lazy = "r-lazy",
    torch7,
    java_object = "java-object",
    msgpack,
    ggml,
    sevenz = "7z",
    rar,
    ar,
    cpio,
    sqlite,
    gdbm,
    berkeley_db = "berkeley-db",
    dbm_dumb = "dbm-dumb",
    ocdbt,
    notebook,
    oci,
    checksums,
    requirements,
    pyc,
    marshal,
    python_source = "python",
    script,
    elf,
    pe,
    mach_o = "mach-o",
    wasm,
    go_template = "go-template",
    jinja_template = "jinja",
    json,
    yaml,
    toml,
    pbtxt,
    dockerfile,
    encoded_text = "encoded-text",
    tflite,
    executorch,
    ort,
    torch_mobile = "torch-mobile",
    mnn,
    tensorrt,
    rknn,
    catboost,
    onnx,
    core_ml = "core-ml",
    core_ml_weights = "core-ml-weights",
    crfsuite,
    fasttext,
    ncnn,
    mxnet,
    caffe,
    cntk,
    paddle,
    paddle_params = "paddle-params",
    saved_model = "saved-model",
    fingerprint,
    meta_graph = "meta-graph",
    tensorflow_graph = "tensorflow-graph",
    tensor_bundle = "tensor-bundle",
    tensor_shard = "tensor-shard",
    media,
    prompt,
    markdown,
}

/// A format: what it is called, how it is known, how it is read.
#[derive(Debug)]
pub struct Format {
    /// The name in reports, such as `pickle`.
    pub name: &'static str,
    /// One line for `--help` and `explain`.
    pub title: &'static str,
    /// File name endings that usually go with it; evidence of a lie when they belong to another format.
    pub endings: &'static [&'static str],
    /// What kind of thing it is.
    pub family: Family,
    /// The page: what it is, where the specification is, what can hide in it.
    pub page: &'static str,
    /// Whether these bytes are of this format. Looks at as little as it can.
    pub identify: fn(Bytes<'_>) -> Option<Strength>,
    /// Reads the bytes. Total: what cannot be read becomes oddities and gaps.
    pub parse: fn(Bytes<'_>, &Request<'_>, &mut Budget) -> Content,
    /// Names of the general formats that this one is a kind of, as `torch` is of `zip`. When both claim
    /// an artifact, the general one's claim counts as weak: that is no polyglot.
    pub refines: &'static [&'static str],
    /// For text without any mark of its own: whether a file of that name may be taken for this format
    /// although [`Format::identify`] says nothing.
    pub named: Option<fn(&str, Bytes<'_>) -> Option<Strength>>,
}

/// What a format's module provides, as `pub(crate) const FORMAT`; its name and its page come from the list.
pub(crate) struct Reader {
    /// See [`Format::title`].
    pub title: &'static str,
    /// See [`Format::endings`].
    pub endings: &'static [&'static str],
    /// See [`Format::family`].
    pub family: Family,
    /// See [`Format::refines`].
    pub refines: &'static [&'static str],
    /// See [`Format::identify`].
    pub identify: fn(Bytes<'_>) -> Option<Strength>,
    /// See [`Format::parse`].
    pub parse: fn(Bytes<'_>, &Request<'_>, &mut Budget) -> Content,
    /// See [`Format::named`].
    pub named: Option<fn(&str, Bytes<'_>) -> Option<Strength>>,
}

/// What kind of thing a format is, for roles and coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A model or part of one.
    Model,
    /// A container of other files.
    Archive,
    /// One other file, compressed. It is what that file is.
    Stream,
    /// Recorded digests or other facts about files.
    Manifest,
    /// A list of packages.
    Dependencies,
    /// Source code or a configuration.
    Source,
    /// Machine code.
    Native,
    /// Pictures, sounds, fonts and documents, which lie beside a model.
    Media,
}

/// What a parser may know besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The artifact, for names in places; never evidence of what the bytes are.
    pub path: &'a ArtifactPath,
}

/// Every format.
pub fn formats() -> &'static [Format] {
    FORMATS
}

/// Every format's word on `input`: strong claims first, each group in the order of [`formats`]. Two
/// strong claims are two structures in one artifact.
pub fn identify(input: Bytes<'_>) -> Vec<Claim> {
    ranked(&answers(input))
}

/// Like [`identify`], and lets the file name decide for text that has no mark of its own, such as a
/// `requirements.txt` of bare package names: where no claim is strong, claims by name follow.
pub fn identify_named(input: Bytes<'_>, path: &ArtifactPath) -> Vec<Claim> {
    let mut answers = answers(input);
    if answers.iter().all(|(_, strength)| *strength != Strength::Strong) {
        let name = path.file_name();
        let silent = |format: &&Format| answers.iter().all(|(other, _)| other.name != format.name);
        let by_name: Vec<_> = FORMATS
            .iter()
            .filter(silent)
            .filter_map(|format| Some((format, format.named?(name, input)?)))
            .collect();
        answers.extend(by_name);
    }
    ranked(&answers)
}

/// The format of that name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The family of the format of that name.
pub fn family(name: &str) -> Option<Family> {
    format(name).map(|format| format.family)
}

fn answers(input: Bytes<'_>) -> Vec<(&'static Format, Strength)> {
    FORMATS.iter().filter_map(|format| Some((format, (format.identify)(input)?))).collect()
}

/// Claims by strength; what a strong claim refines is weak beside it.
fn ranked(answers: &[(&'static Format, Strength)]) -> Vec<Claim> {
    let refined = |name: &str| {
        answers.iter().any(|(format, strength)| {
            *strength == Strength::Strong && format.refines.contains(&name)
        })
    };
    let mut claims: Vec<Claim> = answers
        .iter()
        .map(|(format, strength)| {
            let strength = if refined(format.name) { Strength::Weak } else { *strength };
            Claim { format: format.name, strength }
        })
        .collect();
    claims.sort_by_key(|claim| Reverse(claim.strength));
    claims
}

#[cfg(test)]
mod tests;
