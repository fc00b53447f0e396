//! Blobs of container images and of packed models: [`misnamed`] compares the name of one with its bytes,
//! [`compare_layouts`] compares each with what the manifest beside it says.
//!
//! Specification: OCI Image Format 1.1, `image-layout.md` and `descriptor.md`. Ollama keeps its blobs in files named
//! `sha256-HEX` (`server/modelpath.go` of `ollama/ollama`).

use crate::body::Inspected;
use crate::discover::Found;
use crate::sha256;
use crate::siblings::tell;
use crate::source::open;
use std::collections::BTreeMap;
use wb_core::{
    Artifact, ArtifactPath, Budget, Bytes, Component, Oddity, OddityKind, Origin, ReadState,
    Verdict,
};
use wb_formats::Request;

/// Blobs above this are not read for the sake of their names alone, in bytes.
const READ: usize = 256 << 20;
/// A prompt is never longer, in bytes.
const PROMPT: u64 = 1 << 20;
/// The kind of the components that name a shard of weights.
pub(crate) const SHARD: &str = "shard";
/// The format of manifests.
pub(crate) const MANIFEST: &str = "oci";

/// Whether a file is named by a digest as the blobs of Ollama are.
pub(crate) fn is_blob(file: &Found) -> bool {
    digest_in(&file.path).is_some()
}

/// The digest that the name of a blob promises: `blobs/sha256/HEX`, `blobs/sha256-HEX`.
fn digest_in(path: &ArtifactPath) -> Option<&str> {
    let (_, name) = path.as_str().rsplit_once("blobs/")?;
    let hex = name.strip_prefix("sha256").and_then(|rest| rest.strip_prefix(['/', '-']))?;
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (hex.len() == 64 && hex.bytes().all(plain)).then_some(hex)
}

/// What the name of a blob says against its bytes.
pub(crate) fn misnamed(artifact: &Artifact, bytes: Bytes<'_>) -> Option<Oddity> {
    let promised = digest_in(&artifact.path)?;
    let known = artifact.sha256.or_else(|| (bytes.len() <= READ).then(|| sha256(bytes.as_slice())));
    let digest = known?.to_string();
    (digest != promised).then(|| Oddity {
        kind: OddityKind::ChecksumMismatch,
        place: "name of the blob".to_owned(),
        span: Some(bytes.head(16).span()),
        what: format!("it is named `{promised}`, and its bytes have the digest {digest}"),
    })
}

/// Compares the blobs that manifests among `artifacts` name with what they say of them, and reads as prompts those
/// that only a manifest tells from other text. `artifacts` are in the order of their paths; `blobs` are the files
/// that are named by digests.
pub(crate) fn compare_layouts(artifacts: &mut [Inspected], blobs: &[Found]) {
    let mut told: BTreeMap<usize, Vec<Oddity>> = BTreeMap::new();
    let mut prompts = Vec::new();
    for (at, manifest) in artifacts.iter().enumerate() {
        if manifest.artifact.format != Some(MANIFEST) {
            continue;
        }
        for blob in manifest.content.components.iter().filter(|one| one.kind == "blob") {
            let Some(index) = find(artifacts, &manifest.artifact.path, &blob.name) else {
                continue;
            };
            let Some(found) = artifacts.get(index) else { continue };
            told.entry(at).or_default().extend(differences(blob, &found.artifact));
            if blob.class == "application/vnd.ollama.image.system" {
                prompts.push(index);
            }
        }
    }
    for (at, oddities) in told {
        for oddity in oddities {
            if let Some(manifest) = artifacts.get_mut(at) {
                tell(manifest, oddity);
            }
        }
        raise_around(artifacts, at);
    }
    prompts.sort_unstable();
    prompts.dedup();
    for at in prompts {
        read_prompt(artifacts, at, blobs);
    }
}

/// Says in the coverage of each index of weights which of its shards are not there, when others are: the model was not
/// fetched to its end, and what is in them was not looked at.
pub(crate) fn tell_missing_shards(artifacts: &mut [Inspected]) {
    const NAMED: usize = 3;
    let there = |folder: &str, name: &str| {
        let path = ArtifactPath::from(format!("{folder}{name}"));
        artifacts.binary_search_by(|one| one.artifact.path.cmp(&path)).is_ok()
    };
    let mut missing = Vec::new();
    for (at, index) in artifacts.iter().enumerate() {
        let whole = index.artifact.path.as_str();
        let folder = whole.rfind('/').and_then(|end| whole.get(..=end)).unwrap_or("");
        let parts = index.content.components.iter().filter(|part| part.kind == SHARD);
        let (here, gone): (Vec<&str>, Vec<&str>) =
            parts.map(|part| part.name.as_str()).partition(|name| there(folder, name));
        if let (false, [_, ..]) = (here.is_empty(), gone.as_slice()) {
            let named: Vec<String> =
                gone.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let count = here.len().saturating_add(gone.len());
            let why =
                format!("{} of {count} shards are not here: {}", gone.len(), named.join(", "));
            missing.push((at, why));
        }
    }
    for (at, why) in missing {
        if let Some(index) = artifacts.get_mut(at) {
            index.coverage.state = index.coverage.state.max(ReadState::Partial);
            index.coverage.why = format!("{}; {why}", index.coverage.why);
        }
    }
}

/// The blob of that digest: in `blobs/` of the folder of the manifest or of one above it, archives that the manifest
/// lies in counting as folders.
fn find(artifacts: &[Inspected], manifest: &ArtifactPath, digest: &str) -> Option<usize> {
    let (algorithm, hex) = digest.split_once(':')?;
    let mut above = manifest.as_str();
    loop {
        above = above.rsplit_once('/').map_or("", |(above, _)| above);
        let start = if above.is_empty() { String::new() } else { format!("{above}/") };
        for name in [format!("{algorithm}/{hex}"), format!("{algorithm}-{hex}")] {
            let path = ArtifactPath::from(format!("{start}blobs/{name}"));
            if let Ok(at) = artifacts.binary_search_by(|one| one.artifact.path.cmp(&path)) {
                return Some(at);
            }
        }
        if above.is_empty() {
            return None;
        }
    }
}

/// How a blob differs from what the manifest says of it.
fn differences(blob: &Component, found: &Artifact) -> Vec<Oddity> {
    let odd = |what: String| Oddity {
        kind: OddityKind::Disagreement,
        place: blob.place.clone(),
        span: blob.span,
        what,
    };
    let mut all = Vec::new();
    if let Some(size) = blob.setting("size").filter(|size| **size != *found.size.to_string()) {
        let actual = found.size;
        all.push(odd(format!("`{}` should have {size} bytes, and has {actual}", blob.name)));
    }
    if let Some(promised) = promised(&blob.class) {
        let is = |format: &str| {
            found.format == Some(format) || found.claims.iter().any(|claim| claim.format == format)
        };
        if !promised.iter().any(|format| is(format)) {
            let actual = found.format.unwrap_or("of no known format");
            let (name, class) = (&blob.name, &blob.class);
            all.push(odd(format!("`{name}` is of the type `{class}`, and its bytes are {actual}")));
        }
    }
    all
}

/// Formats of which one has to be that of a blob of this media type; nothing for types that say none.
fn promised(media: &str) -> Option<&'static [&'static str]> {
    let model = media.strip_prefix("application/vnd.ollama.image.");
    match model {
        Some("model" | "projector") => return Some(&["gguf"]),
        Some("tensor") => return Some(&["safetensors"]),
        _ => {}
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| media.ends_with(ending));
    if ends(&["tar+gzip", "tar.gzip"]) {
        return Some(&["gzip"]);
    }
    if ends(&["tar+zstd", "tar.zstd"]) {
        return Some(&["zstd"]);
    }
    if ends(&[".tar"]) {
        return Some(&["tar"]);
    }
    ends(&["+json"]).then_some(&["json"])
}

/// Reads the file `at` as a prompt, and lets the rules look at it.
fn read_prompt(artifacts: &mut [Inspected], at: usize, blobs: &[Found]) {
    let Some(one) = artifacts.get_mut(at) else { return };
    let artifact = &one.artifact;
    if artifact.origin != Origin::File || artifact.size > PROMPT {
        return;
    }
    let file = blobs.iter().find(|file| file.path == artifact.path);
    let data = file.and_then(|file| open(&file.on_disk).ok());
    let (Some(data), Some(prompt)) = (data, wb_formats::format("prompt")) else { return };
    let mut budget = Budget::default();
    let request = Request { path: &artifact.path };
    let mut content = (prompt.parse)(Bytes::new(data.as_slice()), &request, &mut budget);
    // The text itself is known already.
    content.texts.clear();
    let examined = wb_rules::examine(artifact, &content, &mut budget);
    one.verdict = one.verdict.max(examined.verdict);
    one.findings.extend(examined.findings);
    one.content.components.append(&mut content.components);
}

/// What an artifact lies in is no better than it.
fn raise_around(artifacts: &mut [Inspected], at: usize) {
    let Some((path, verdict)) =
        artifacts.get(at).map(|one| (one.artifact.path.clone(), one.verdict))
    else {
        return;
    };
    if verdict == Verdict::Clean {
        return;
    }
    for (end, _) in path.as_str().match_indices(ArtifactPath::MEMBER) {
        let around = ArtifactPath::from(path.as_str().get(..end).unwrap_or_default());
        if let Ok(around) = artifacts.binary_search_by(|one| one.artifact.path.cmp(&around))
            && let Some(around) = artifacts.get_mut(around)
        {
            around.verdict = around.verdict.max(verdict);
        }
    }
}
