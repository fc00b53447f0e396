//! Every format is read from a file that its own framework wrote, and has a seed for the fuzz targets.
//!
//! `data/written.toml` says who wrote each file with which script, and what the reading has to hold; the files are
//! committed, because the frameworks are large.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wb_core::{ArtifactPath, Budget, Bytes, Child, ChildData, Constant, Content, OpKind};
use wb_formats::{Request, formats, identify_named};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    file: Vec<File>,
    /// Why no framework wrote a file, by format.
    without: BTreeMap<String, String>,
}

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Below `data`.
    name: String,
    format: String,
    /// Who wrote it.
    #[serde(rename = "by")]
    _by: String,
    /// With what; below `data`.
    script: String,
    /// Lines that [`lines`] gives for it, among others.
    #[serde(default)]
    holds: Vec<String>,
    /// What is not read of it.
    #[serde(default)]
    unread: Vec<String>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn written() -> Written {
    let text = std::fs::read_to_string(data().join("written.toml")).expect("the table is there");
    toml::from_str(&text).expect("a readable table")
}

/// What a file holds, a line each; what a child holds follows the child's name.
fn lines(input: Bytes<'_>, content: &Content, depth: u32) -> Vec<String> {
    let tensors = content.tensors.iter();
    let tensors = tensors.map(|one| format!("tensor {} {} {:?}", one.name, one.dtype, one.shape));
    let parts = content.components.iter().map(|one| match &one.module {
        Some(module) => format!("{} {} {module}.{}", one.kind, one.name, one.class),
        None => format!("{} {} {}", one.kind, one.name, one.class),
    });
    let settings = content.components.iter().flat_map(|one| {
        let setting = |path, value| format!("setting {} {path} = {value}", one.name);
        one.settings.iter().map(move |field| setting(&field.path, &field.value))
    });
    let programs = content.programs.iter().flat_map(|one| {
        let source = one.source.as_deref().unwrap_or_default().lines();
        let source = source.map(|line| format!("source {line}"));
        let ops = one.ops.iter().filter_map(|op| match &op.kind {
            OpKind::Import { module, .. } => Some(format!("imports {module}")),
            OpKind::Load { name } | OpKind::GetAttribute { name, .. } => {
                Some(format!("uses {name}"))
            }
            OpKind::Constant(Constant::Text(text)) => Some(format!("says {text}")),
            _ => None,
        });
        std::iter::once(format!("program {}", one.place)).chain(source).chain(ops)
    });
    let fields = content.fields.iter().map(|one| format!("field {} = {}", one.path, one.value));
    let texts = content.texts.iter().map(|one| format!("text {}", one.value));
    let digests = content.digests.iter().map(|one| {
        let (algorithm, hex) = (one.digest.algorithm.name(), &one.digest.hex);
        format!("digest {algorithm}:{hex} of {}", one.file.as_deref().unwrap_or_default())
    });
    let children = content.children.iter().flat_map(|child| of_child(input, child, depth));
    let lines = tensors.chain(parts).chain(settings).chain(programs).chain(fields).chain(texts);
    lines.chain(digests).chain(children).collect()
}

/// The name of a child, its format, and what it holds.
fn of_child(input: Bytes<'_>, child: &Child, depth: u32) -> Vec<String> {
    let mut lines = vec![format!("child {}", child.name)];
    let bytes = match &child.data {
        ChildData::Owned(bytes) => Bytes::new(bytes),
        ChildData::Span(span) => input.at_span(*span).expect("a child lies in its file"),
    };
    let path = ArtifactPath::from(child.name.as_str());
    let Some(first) = identify_named(bytes, &path).into_iter().next() else { return lines };
    lines.push(format!("child {} is {}", child.name, first.format));
    if depth > 0 {
        let reader = wb_formats::format(first.format).expect("a format of that name");
        let content = (reader.parse)(bytes, &Request { path: &path }, &mut Budget::default());
        let mut inner = crate::lines(bytes, &content, depth - 1);
        inner.extend(content.oddities.iter().map(|odd| format!("odd {}", odd.what)));
        lines.extend(inner.into_iter().map(|line| format!("{}: {line}", child.name)));
    }
    lines
}

/// Formats that claim a file, the first one first.
fn claims(path: &Path, bytes: &[u8]) -> Vec<&'static str> {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let claims = identify_named(Bytes::new(bytes), &ArtifactPath::from(name.as_str()));
    claims.into_iter().map(|claim| claim.format).collect()
}

#[test]
fn what_frameworks_wrote_is_read() {
    let mut wrong = Vec::new();
    for file in written().file {
        let path = data().join(&file.name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let first = claims(&path, &bytes).first().copied();
        if first != Some(&file.format) {
            wrong.push(format!("{} is taken for {first:?}", file.name));
            continue;
        }
        let reader = wb_formats::format(&file.format).expect("a format of that name");
        let request = ArtifactPath::from(file.name.as_str());
        let content =
            (reader.parse)(Bytes::new(&bytes), &Request { path: &request }, &mut Budget::default());
        let found = lines(Bytes::new(&bytes), &content, 3);
        for line in file.holds.iter().filter(|line| !found.contains(line)) {
            wrong.push(format!("{} lacks `{line}` among\n  {}", file.name, found.join("\n  ")));
        }
        let odd = found.iter().filter(|line| line.contains(": odd ") && !file.holds.contains(line));
        wrong.extend(odd.map(|line| format!("{}: {line}", file.name)));
        let unread: Vec<&str> = content.gaps.iter().map(|gap| gap.why.as_str()).collect();
        if unread != file.unread {
            wrong.push(format!("{}: {unread:?} is not read", file.name));
        }
        wrong.extend(content.oddities.iter().map(|odd| format!("{}: {}", file.name, odd.what)));
        if file.script.starts_with("make_") && !data().join(&file.script).exists() {
            wrong.push(format!("{}: there is no `{}`", file.name, file.script));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_format_was_written_by_its_framework() {
    let written = written();
    // Some are too long to be kept as they are, and stand in a compressed file.
    let inner = written.file.iter().flat_map(|file| &file.holds);
    let inner = inner.filter_map(|line| line.strip_prefix("child ")?.rsplit_once(" is "));
    let files = written.file.iter().map(|file| file.format.as_str());
    let with: BTreeSet<&str> = files.chain(inner.map(|(_, format)| format)).collect();
    for format in formats() {
        let (with, without) =
            (with.contains(format.name), written.without.contains_key(format.name));
        assert!(with != without, "{}: a file, or the reason why there is none", format.name);
    }
}

#[test]
fn every_format_has_a_seed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/formats");
    let entries = std::fs::read_dir(folder).expect("the seeds are there");
    let mut seeded = BTreeSet::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a readable seed");
        seeded.extend(claims(&path, &bytes).first().copied());
    }
    let missing: Vec<&str> =
        formats().iter().map(|format| format.name).filter(|name| !seeded.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}
