//! Rules about what a well-formed file would not have: one table, by format and [`OddityKind`].
//!
//! A format reports oddities without judging them; a row says what each is worth. The last rows take what
//! no row before them has, so that no oddity is lost.

use crate::rules::{Rule, Subject};
use wb_core::{Finding, FindingBuilder, Location, Oddity, OddityKind, Severity, Verdict};

/// At most so many findings of one row in one artifact; the last says how many more there are.
const MOST: usize = 32;

#[derive(Debug)]
struct Row {
    rule: Rule,
    /// Names of formats; an empty list is every format.
    formats: &'static [&'static str],
    kinds: &'static [OddityKind],
    /// Part of the oddity's place; empty is everywhere.
    within: &'static str,
    verdict: Verdict,
    headline: &'static str,
    next: &'static str,
}

macro_rules! rows {
    ($($name:literal $title:literal $severity:ident $verdict:ident $techniques:tt
        in $formats:tt $kinds:tt $(within $within:literal)? say $headline:literal do $next:literal)+) => {
        static ROWS: &[Row] = &[$(Row {
            rule: Rule {
                name: $name,
                title: $title,
                severity: Severity::$severity,
                techniques: &$techniques,
                page: include_str!(concat!("../pages/", $name, ".md")),
                examine: |subject| find($name, subject),
            },
            formats: &$formats,
            kinds: &$kinds,
            within: concat!($($within)?),
            verdict: Verdict::$verdict,
            headline: $headline,
            next: $next,
        },)+];
    };
}

use OddityKind::{
    BrokenStream, ChecksumMismatch, Disagreement, DuplicateKey, DuplicateName, EmbeddedExecutable,
    Encrypted, EscapingLink, Expansion, ExternalReference, ExtraStream, FileInTensor,
    HiddenInNumbers, ImpossibleLength, LeadingBytes, Malformed, MisleadingName, NoModel,
    NotNumbers, OpaqueCode, Overlap, PathTraversal, Polyglot, RunsAsOwner, SiblingDiffers,
    TrailingBytes, Truncated, UnownedBytes, UnusualOpcode,
};

rows! {
    "pickle-trailing-bytes" "Bytes after the end of a pickle"
        Medium Suspicious ["AML.T0018.002", "T1027"]
        in ["pickle", "torch-legacy"] [TrailingBytes, UnownedBytes]
        say "bytes follow the end of the pickle"
        do "look at the bytes: a loader that seeks can run or read them"
    "pickle-leading-bytes" "Bytes before the beginning of a pickle"
        Medium Suspicious ["T1027"]
        in ["pickle", "torch-legacy"] [LeadingBytes]
        say "bytes stand before the pickle"
        do "look at the bytes: they can hide the pickle from tools that look at the beginning"
    "pickle-extra-stream" "More than one pickle in a file that should hold one"
        Low Clean ["AML.T0076"]
        in [] [ExtraStream]
        say "the file holds more than one pickle"
        do "read what each of the pickles does; every one of them was analysed here"
    "pickle-expansion" "A pickle whose containers hold each other so often that nothing can walk over them"
        Medium Suspicious ["AML.T0029", "T1499.004"]
        in ["pickle", "torch-legacy"] [Expansion]
        say "whoever prints, compares or copies what the pickle holds never comes to an end"
        do "do not load it; ask for the file again from its source"
    "pickle-broken-stream" "A pickle that cannot be loaded to its end"
        Medium Unknown ["AML.T0076"]
        in [] [BrokenStream]
        say "the pickle breaks off: what stands before the break still runs"
        do "ask for the file again from its source, and compare"
    "pickle-unusual-opcode" "A pickle opcode used as no pickler uses it"
        Low Clean ["T1027"]
        in [] [UnusualOpcode]
        say "the pickle was not written by a pickler"
        do "find out what wrote this file"
    "pickle-not-a-model" "A pickle whose object is no model"
        Low Clean ["AML.T0074"]
        in [] [NoModel]
        say "the pickled object is no model"
        do "make sure this is the file that was meant"
    "keras-external-file" "A Keras layer that reads a file when the model is loaded"
        High Suspicious ["AML.T0037", "T1005"]
        in ["keras", "keras-h5", "keras-config", "keras-metadata", "saved-model"] [ExternalReference] within "config."
        say "a layer takes its data from a file on the host that loads it"
        do "do not load it where secrets are readable; ask for a model that holds its own data (CVE-2025-12058, CVE-2026-1462)"
    "hdf5-external-reference" "An HDF5 file that takes data from another file"
        High Suspicious ["AML.T0037", "T1005"]
        in ["hdf5", "keras-h5"] [ExternalReference, EscapingLink]
        say "the file takes data from another file on the host that loads it"
        do "do not load it where secrets are readable; ask for a file that holds its own data (CVE-2026-1669)"
    "onnx-external-data" "An ONNX model that keeps weights in a file beside it"
        Info Clean []
        in ["onnx"] [ExternalReference]
        say "weights lie in another file"
        do "keep that file with the model, and record its digest as well"
    "onnx-external-path" "An ONNX model whose weights lie outside its folder"
        High Malicious ["AML.T0037", "T1005"]
        in ["onnx"] [PathTraversal]
        say "the model reads a file outside its folder when it is loaded"
        do "do not load it where secrets are readable (CVE-2022-25882, CVE-2024-27318)"
    "graph-expands" "A graph that fills the memory or never ends when it runs"
        Medium Suspicious ["AML.T0029", "T1499.004"]
        in ["onnx"] [Expansion]
        say "running the graph fills the memory or never ends"
        do "do not load it without limits on memory and time; ask for the model again from its source"
    "onnx-impossible-tensor" "An ONNX tensor whose size or place cannot be"
        Medium Suspicious ["AML.T0029", "T1203"]
        in ["onnx"] [ImpossibleLength] within "tensor `"
        say "a tensor is not what the runtime expects"
        do "do not load it in a process with secrets: native code follows these numbers"
    "saved-model-asset-path" "A TensorFlow model with an asset outside its folder"
        High Malicious ["AML.T0037", "T1005"]
        in ["saved-model", "meta-graph"] [PathTraversal]
        say "the model opens a file outside its folder when it is loaded"
        do "do not load it where secrets are readable; ask for a model that holds its own assets"
    "xml-external-entity" "An XML document that takes in another file"
        High Suspicious ["AML.T0037", "T1005"]
        in ["xml", "openvino", "pmml"] [ExternalReference] within "entity"
        say "whoever reads the document takes in another file or address"
        do "do not read it with a parser that resolves entities; ask for a document without a document type"
    "xml-entity-expansion" "An XML document whose entities expand far beyond its size"
        Medium Suspicious ["AML.T0029", "T1499.004"]
        in ["xml", "openvino", "pmml"] [Expansion]
        say "reading the document fills the memory"
        do "do not read it with a parser that expands entities"
    "core-ml-linked-model" "A Core ML model that is taken from another file"
        Medium Suspicious ["AML.T0018.001"]
        in ["core-ml"] [ExternalReference]
        say "what runs is another model, looked for by name"
        do "find that model, and look at it"
    "core-ml-path" "A Core ML model with a file outside its package"
        High Malicious ["AML.T0037", "T1005"]
        in ["core-ml"] [PathTraversal]
        say "the model reads a file outside its package when it is loaded"
        do "do not load it; ask for a model that holds its own data"
    "checkpoint-path" "A list of checkpoints that leads out of its folder"
        Low Clean ["AML.T0010.003"]
        in ["pbtxt"] [ExternalReference] within "model_checkpoint_path"
        say "the checkpoint that is restored lies in another folder"
        do "make sure that the checkpoint beside the list is the one that is restored; machines that train write such paths too"
    "triton-environment-outside" "A model of Triton that runs in an environment from outside its folder"
        Low Clean ["AML.T0010.001"]
        in ["pbtxt"] [ExternalReference] within "EXECUTION_ENV_PATH"
        say "the packages that the model runs with lie outside its folder"
        do "look at that archive too: what it holds runs when the model is served"
    "torchserve-outside-archive" "A TorchServe archive that takes its handler or weights from elsewhere"
        High Suspicious ["AML.T0010.003", "AML.T0011.000"]
        in ["torchserve"] [PathTraversal, ExternalReference] within "model."
        say "what is served is not in the archive"
        do "ask for an archive that holds its own handler and weights"
    "external-reference" "A model that refers to a file outside itself"
        Medium Suspicious ["AML.T0037", "T1005"]
        in [] [ExternalReference]
        say "the model refers to a file outside itself"
        do "check that the file named belongs to the model"
    "safetensors-odd-structure" "A safetensors file whose structure is not what the format allows"
        Medium Suspicious ["AML.T0018.002"]
        in ["safetensors"] [Malformed, ImpossibleLength, Overlap, Disagreement, UnownedBytes, TrailingBytes, LeadingBytes, DuplicateName, DuplicateKey]
        say "the tensors do not fill the file as safetensors requires"
        do "ask for the file again from its source, and compare"
    "safetensors-header-bloat" "A safetensors header that takes time and memory to read"
        Medium Suspicious ["AML.T0029", "T1499.004"]
        in ["safetensors"] [Expansion]
        say "reading the header takes more time and memory than any model needs"
        do "do not load it without limits on memory and time; ask for the model again from its source"
    "gguf-odd-structure" "A GGUF file whose structure is not what the format allows"
        High Suspicious ["AML.T0029", "T1203"]
        in ["gguf"] [Malformed, ImpossibleLength, Overlap, Disagreement, UnownedBytes, TrailingBytes, LeadingBytes, DuplicateName, DuplicateKey]
        say "the header does not agree with the file"
        do "do not load it: readers have corrupted memory on such headers (CVE-2024-21836, CVE-2026-33298)"
    "tokenizer-shares-id" "A tokenizer with one id for two words"
        Medium Suspicious ["AML.T0018.000"]
        in ["json"] [Disagreement] within "model.vocab"
        say "what is decoded may be another word than was meant"
        do "compare the vocabulary with the one that the model's authors published"
    "blob-not-its-digest" "A blob whose bytes are not those of the digest that names it"
        High Suspicious ["AML.T0010.003", "T1565.001"]
        in [] [ChecksumMismatch] within "name of the blob"
        say "the bytes are not those that the name promises"
        do "fetch the blob again from its registry, and find out who changed it: whoever does not check the digest loads it"
    "blob-not-as-described" "A blob that is not what its manifest says"
        Medium Suspicious ["AML.T0010.003", "AML.T0074"]
        in ["oci"] [Disagreement]
        say "a blob is not what the manifest says of it"
        do "fetch the image or model again from its registry, and compare the digest of the manifest with the published one"
    "link-leaves-folder" "A link that leads out of the folder of a model"
        High Unknown ["AML.T0037", "T1005"]
        in [] [EscapingLink] within "link on disk"
        say "whoever reads the folder reads a file outside it"
        do "take the link out, and find out who put it there; a repository has no reason to name files of the host"
    "sibling-weights-differ" "Weights that differ from the ones of the same model beside them"
        Low Clean ["AML.T0018.000"]
        in [] [SiblingDiffers]
        say "the model lies here twice, and is not the same"
        do "compare both with what the model's authors published; loaders prefer the safetensors"
    "manifest-names-path" "A manifest that names a file outside the folder"
        High Malicious ["T1204.002", "T1574"]
        in ["oci"] [PathTraversal]
        say "whoever stores what the manifest names writes outside the folder"
        do "do not pull or unpack it; look for the named path where it was (CVE-2024-37032)"
    "archive-path-traversal" "An archive member that would leave the folder it is extracted to"
        High Malicious ["T1204.002", "T1574"]
        in [] [PathTraversal, EscapingLink]
        say "extracting this archive writes outside the folder"
        do "do not extract it; look for the named path where it was extracted"
    "archive-member-runs-as-owner" "An archive member that would run with its owner's rights"
        Medium Suspicious ["T1548.001"]
        in [] [RunsAsOwner]
        say "a member asks to run as its owner or group once it is extracted"
        do "do not extract it as root; a model needs no such file"
    "skops-unknown-node" "A node that skops has no loader for"
        High Suspicious ["AML.T0011.000", "AML.T0018.002"]
        in ["skops"] [Malformed] within "node"
        say "the file asks for a loader that is no part of skops"
        do "do not load it with a reader that adds loaders of its own; ask the author what wrote it"
    "zip-header-mismatch" "A zip whose two descriptions of a member differ"
        High Suspicious ["AML.T0076", "T1027"]
        in ["zip", "torch", "torch-export", "keras", "npz", "skops", "torchserve"] [Disagreement, DuplicateName, Overlap, ChecksumMismatch]
        say "readers of this archive may see different contents"
        do "compare what each reader sees (CVE-2025-1944, CVE-2025-10156)"
    "zip-hidden-bytes" "Bytes in a zip that no member owns"
        Medium Suspicious ["T1027"]
        in ["zip", "torch", "torch-export", "keras", "npz", "skops", "torchserve"] [UnownedBytes, LeadingBytes, TrailingBytes]
        say "bytes of the archive belong to no member"
        do "look at the bytes: a reader that does not use the directory may find members there"
    "tree-out-of-bounds" "A decision tree whose numbers lead out of it"
        High Suspicious ["AML.T0029", "T1203"]
        in ["xgboost", "lightgbm", "catboost"] [ImpossibleLength, Malformed, Disagreement]
        say "the numbers of a tree do not hold together"
        do "do not predict with it: native code follows these numbers without looking"
    "runtime-odd-structure" "A model of a native runtime whose numbers lead out of it"
        High Suspicious ["AML.T0029", "T1203"]
        in ["tflite", "executorch", "ort", "torch-mobile", "ncnn", "mnn", "openvino"] [ImpossibleLength, Disagreement]
        say "the structure is not what the runtime expects"
        do "do not load it in a process with secrets: native code follows these numbers"
    "archive-encrypted-member" "An archive member that is encrypted or said to be"
        Medium Unknown ["AML.T0076", "T1027"]
        in [] [Encrypted]
        say "a member could not be read because it is encrypted or said to be"
        do "ask for the file without encryption"
    "archive-expansion" "An archive that expands far beyond its size"
        Medium Unknown ["AML.T0029"]
        in [] [Expansion]
        say "the archive expands far beyond its size"
        do "do not extract it without a limit"
    "misleading-name" "A file whose name says another format than its content"
        Medium Unknown ["AML.T0074", "T1036.008"]
        in [] [MisleadingName]
        say "the name says another format than the content"
        do "find out why it was named so: tools that trust the name do not look inside"
    "polyglot-file" "A file that is of two formats at once"
        High Suspicious ["AML.T0076", "T1036.008"]
        in [] [Polyglot]
        say "the file is of two formats at once"
        do "find out which of them the loader reads; both were analysed here"
    "embedded-executable" "An executable, script or library inside a model"
        High Suspicious ["AML.T0018.002", "T1027.009"]
        in [] [EmbeddedExecutable]
        say "the model carries an executable"
        do "take the executable out and have it analysed; look for what would start it"
    "tensor-holds-file" "An executable or archive inside a tensor"
        High Suspicious ["AML.T0018.002", "T1027.009"]
        in [] [FileInTensor]
        say "the weights carry a file"
        do "take the file out and have it analysed; look for the code that would take it out of the weights"
    "weights-hide-file" "A file in the low bits of weights"
        High Suspicious ["AML.T0018.002", "T1027.003"]
        in [] [HiddenInNumbers]
        say "the weights carry a file in bits that the model hardly needs"
        do "have the file analysed; look for the code that would take it out of the weights"
    "weights-not-numbers" "A tensor that holds no number"
        Low Clean ["AML.T0029"]
        in [] [NotNumbers]
        say "a tensor holds nothing that a model computes with"
        do "compare the tensor with the one that the model's authors published"
    "numpy-odd-header" "A NumPy array whose header says what NumPy never writes"
        Medium Suspicious ["AML.T0029", "T1203"]
        in ["npy"] [Malformed, ImpossibleLength]
        say "the header of the array is none that NumPy writes"
        do "do not load it; ask for the file again from its source, and compare"
    "raw-weights-hidden-bytes" "Bytes in a file of weights that no tensor owns"
        Medium Suspicious ["AML.T0018.002", "T1027"]
        in [""] [UnownedBytes, TrailingBytes, Overlap]
        say "the tensors that the model names do not fill its file of weights"
        do "look at the bytes; ask for the file again from its source, and compare"
    "duplicate-key" "A key that appears twice in one object"
        Medium Suspicious ["T1027"]
        in [] [DuplicateKey]
        say "a key appears twice: readers may take different values"
        do "compare the two values"
    "opaque-code" "Code that could not be read"
        Medium Unknown ["T1027"]
        in [] [OpaqueCode]
        say "the model carries code that could not be read"
        do "do not run it; ask for its source"
    "bytes-outside-structure" "Bytes that no part of the format owns"
        Low Clean ["T1027"]
        in [] [LeadingBytes, TrailingBytes, UnownedBytes]
        say "bytes lie outside the format's own structure"
        do "look at the bytes if the file matters"
    "damaged-structure" "A file that does not hold together"
        Low Unknown ["AML.T0076"]
        in [] [Truncated, Malformed, ImpossibleLength, DuplicateName, Overlap, Disagreement, ChecksumMismatch]
        say "the file does not hold together, so not all of it was read"
        do "ask for the file again from its source, and compare"
}

/// The rules of the table.
pub(crate) fn rules() -> impl Iterator<Item = Rule> {
    ROWS.iter().map(|row| row.rule)
}

fn find(name: &'static str, subject: &Subject<'_>) -> Vec<Finding> {
    let format = subject.format();
    let mine = |oddity: &&Oddity| row(format, oddity).is_some_and(|row| row.rule.name == name);
    let all: Vec<&Oddity> = subject.content.oddities.iter().filter(mine).collect();
    let mut findings: Vec<Finding> = all
        .iter()
        .take(MOST)
        .filter_map(|oddity| row(format, oddity).map(|row| finding(row, subject, oddity)))
        .collect();
    let more = all.len().saturating_sub(MOST);
    if let Some(last) = findings.last_mut().filter(|_| more > 0) {
        last.headline.push_str(&format!(" (and {more} more)"));
    }
    findings
}

fn row(format: &str, oddity: &Oddity) -> Option<&'static Row> {
    ROWS.iter().find(|row| {
        let here = row.formats.is_empty() || row.formats.contains(&format);
        here && row.kinds.contains(&oddity.kind) && oddity.place.contains(row.within)
    })
}

fn finding(row: &Row, subject: &Subject<'_>, oddity: &Oddity) -> Finding {
    let place = if oddity.place.is_empty() { subject.format() } else { &oddity.place };
    let (severity, verdict) = weigh(row, subject, oddity);
    FindingBuilder::new(
        row.rule.name,
        &subject.artifact.path,
        Location::at(place, oddity.span),
        format!("{}: {}", row.headline, oddity.what),
    )
    .severity(severity)
    .verdict(verdict)
    .techniques(row.rule.techniques)
    .next(row.next)
    .build()
}

/// A pickle that calls itself a data-only format asks to be loaded by those who avoid pickles.
fn weigh(row: &Row, subject: &Subject<'_>, oddity: &Oddity) -> (Severity, Verdict) {
    const CARRIES_CODE: [&str; 4] = ["pickle", "torch", "joblib", "keras"];
    const DATA_ONLY: [&str; 12] = [
        ".safetensors",
        ".gguf",
        ".ggml",
        ".json",
        ".txt",
        ".csv",
        ".png",
        ".jpg",
        ".md",
        ".yaml",
        ".yml",
        ".onnx",
    ];
    let name = subject.artifact.path.file_name().to_ascii_lowercase();
    let disguised = oddity.kind == MisleadingName
        && CARRIES_CODE.iter().any(|format| subject.format().contains(format))
        && DATA_ONLY.iter().any(|ending| name.ends_with(ending));
    // A document type or a schema that is elsewhere is taken in as an entity is.
    let taken_in = matches!(oddity.kind, ExternalReference | Expansion)
        && matches!(subject.format(), "xml" | "pmml");
    match disguised || taken_in {
        true => (Severity::High, Verdict::Suspicious),
        false => (row.rule.severity, row.verdict),
    }
}
