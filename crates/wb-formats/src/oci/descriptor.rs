//! Descriptors: what a manifest or index says of each blob. Each becomes a component of the kind `blob` with the
//! digest as name, the media type as class, and `size` and `title` as settings.

use crate::names;
use crate::spanned_json::{Json, Node};
use wb_core::{Budget, Component, Content, Field, Oddity, OddityKind, Span};

/// The kind of the components.
const KIND: &str = "blob";

/// The name that a blob is stored under by whoever fetches it (OCI Image Format, `annotations.md`).
const TITLE: &str = "org.opencontainers.image.title";

/// Adds the blobs of an index or a manifest, and names them as they are named on disk in its recorded digests.
pub(super) fn read(json: &Json, content: &mut Content, budget: &mut Budget) {
    for key in ["config", "subject"] {
        if let Some(one) = json.get(key) {
            blob(one, key, content);
        }
    }
    for key in ["layers", "manifests", "blobs"] {
        for (index, one) in json.get(key).map(Json::items).unwrap_or_default().iter().enumerate() {
            if let Err(limit) = budget.items(1) {
                content.gaps.push(crate::decode::exhausted(limit, "the blobs", one.span));
                return;
            }
            blob(one, &format!("{key}[{index}]"), content);
        }
    }
    let layers = json.get("layers").map(Json::items).unwrap_or_default();
    let ollama = layers.iter().any(|one| one.text_at("mediaType").is_some_and(|kind| kind.starts_with("application/vnd.ollama.")));
    for digest in &mut content.digests {
        let (algorithm, hex) = (digest.digest.algorithm.name(), &digest.digest.hex);
        digest.file = Some(match ollama {
            true => format!("blobs/{algorithm}-{hex}"),
            false => format!("blobs/{algorithm}/{hex}"),
        });
    }
}

fn blob(json: &Json, place: &str, content: &mut Content) {
    let Node::Object(_) = json.node else { return };
    let digest = json.text_at("digest").unwrap_or_default();
    let setting = |path: &str, value: String| Field { path: path.to_owned(), value, span: Some(json.span) };
    let mut settings = Vec::new();
    match json.get("size").map(|size| (size, size.unsigned())) {
        Some((_, Some(size))) => settings.push(setting("size", size.to_string())),
        Some((size, None)) => {
            let what = format!("the size is `{}`", size.display());
            odd(OddityKind::Malformed, place, size.span, what, content);
        }
        None => {}
    }
    let title = json.get("annotations").and_then(|notes| notes.get(TITLE));
    if let Some((title, text)) = title.and_then(|title| Some((title, title.text()?))) {
        settings.push(setting("title", text.to_owned()));
        path(text, place, title.span, content);
    }
    if let Some(written) = json.get("digest").filter(|_| !is_digest(digest)) {
        // Ollama before 0.1.34 made a path of whatever stood here: CVE-2024-37032.
        if !path(digest, place, written.span, content) {
            odd(OddityKind::Malformed, place, written.span, format!("`{digest}` is no digest"), content);
        }
    }
    content.components.push(Component {
        kind: KIND,
        name: digest.to_owned(),
        class: json.text_at("mediaType").unwrap_or_default().to_owned(),
        module: None,
        place: place.to_owned(),
        span: Some(json.span),
        settings,
    });
}

/// `sha256:HEX` and its kin: an algorithm, a colon, and what no path is made of (`descriptor.md`, "Digests").
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    let plain = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let hex = encoded.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = match algorithm {
        "sha256" => encoded.len() == 64 && hex,
        "sha512" => encoded.len() == 128 && hex,
        _ => plain(encoded, b"=_-"),
    };
    plain(algorithm, b"+._-") && fits
}

/// Adds the files that the list of `docker save` names; each is a path in the archive.
pub(super) fn saved(json: &Json, content: &mut Content) {
    for (index, image) in json.items().iter().enumerate() {
        let layers = image.get("Layers").map(Json::items).unwrap_or_default();
        for (file, key) in image.get("Config").into_iter().map(|file| (file, "Config")).chain(layers.iter().map(|file| (file, "Layers"))) {
            if let Some(text) = file.text() {
                path(text, &format!("[{index}].{key}"), file.span, content);
            }
        }
    }
}

/// Notes a path that leaves the folder; returns whether it does.
fn path(text: &str, place: &str, span: Span, content: &mut Content) -> bool {
    let Some(why) = names::escapes(text) else { return false };
    odd(OddityKind::PathTraversal, place, span, format!("`{text}` leads out of the folder: {why}"), content);
    true
}

fn odd(kind: OddityKind, place: &str, span: Span, what: String, content: &mut Content) {
    crate::notes::note(&mut content.oddities, Oddity { kind, place: place.to_owned(), span: Some(span), what });
}
