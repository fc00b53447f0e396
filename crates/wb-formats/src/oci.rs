//! Documents of container images and of models packed like them: the mark of a layout, indexes, manifests,
//! configurations, and the list of `docker save`.
//!
//! Specifications: OCI Image Format 1.1 (`image-layout.md`, `image-index.md`, `manifest.md`, `config.md`,
//! `descriptor.md`); Docker "Image Manifest Version 2, Schema 2" and "Image Specification v1.2"; the model
//! specification of ModelPack; KitOps; `server/manifest.go` of `ollama/ollama`.

mod config;
mod descriptor;

use crate::checksums::digests_of;
use crate::spanned_json::{self, Json};
use crate::{Family, Reader, Request, json};
use wb_core::{Budget, Bytes, Content, Limits, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "Manifest or configuration of a container image or of a packed model",
    endings: &["manifest.json", "index.json", "oci-layout"],
    family: Family::Manifest,
    refines: &["json", "checksums"],
    identify,
    parse,
    named: None,
};

/// Registries refuse manifests above 4 MiB; a configuration with a long history is not much longer, in bytes.
const LONGEST: usize = 8 << 20;

/// Keys of which each of these documents has one.
const MARKS: [&[u8]; 5] =
    [b"\"schemaVersion\"", b"\"imageLayoutVersion\"", b"\"diff_ids\"", b"\"diffIds\"", b"\"RepoTags\""];

/// Which of the documents it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `oci-layout`.
    Layout,
    /// A list of manifests.
    Index,
    /// The parts of one image or model.
    Manifest,
    /// What an image runs, or what a model is.
    Config,
    /// `manifest.json` of `docker save`.
    Saved,
}

fn identify(input: Bytes<'_>) -> Option<Strength> {
    let first = input.as_slice().iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') || input.len() > LONGEST || !MARKS.iter().any(|mark| input.find(mark).is_some()) {
        return None;
    }
    let mut budget = Budget::new(Limits { items: 400_000, ..Limits::default() });
    let mut reader = spanned_json::Reader::new(input);
    let json = reader.value(&mut budget).ok()?;
    (reader.rest().is_empty() && kind(&json).is_some()).then_some(Strength::Strong)
}

fn kind(json: &Json) -> Option<Kind> {
    let has = |key: &str| json.get(key).is_some();
    let lists = |key: &str| json.get(key).is_some_and(|list| list.entries().is_empty() && list.text().is_none());
    if json.text_at("imageLayoutVersion").is_some() {
        return Some(Kind::Layout);
    }
    let second = json.get("schemaVersion").and_then(Json::unsigned) == Some(2);
    if second && lists("manifests") {
        return Some(Kind::Index);
    }
    if second && has("config") && lists("layers") {
        return Some(Kind::Manifest);
    }
    let of_image = json.get("rootfs").is_some_and(|files| files.get("diff_ids").is_some());
    if of_image || json.get("modelfs").is_some_and(|files| files.get("diffIds").is_some()) {
        return Some(Kind::Config);
    }
    let saved = |item: &Json| item.get("Config").is_some() && item.get("Layers").is_some() && item.get("RepoTags").is_some();
    (!json.items().is_empty() && json.items().iter().all(saved)).then_some(Kind::Saved)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = Content::default();
    let reader = spanned_json::Reader::new(input);
    if let Some(json) = spanned_json::file(input, reader, &mut content, budget) {
            json::flatten(&json, &mut content.fields);
            content.digests = digests_of(input, &json);
            match kind(&json) {
                Some(Kind::Index | Kind::Manifest) => descriptor::read(&json, &mut content, budget),
                Some(Kind::Config) => config::read(&json, &mut content, budget),
                Some(Kind::Saved) => descriptor::saved(&json, &mut content),
                Some(Kind::Layout) | None => {}
            }
    }
    content
}

#[cfg(test)]
mod tests;
