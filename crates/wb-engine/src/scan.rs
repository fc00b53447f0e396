//! [`scan`]: every file under some paths, each by itself.

use crate::body::{Inspected, LogText};
use crate::constants::{check_constants, is_topology};
use crate::discover::{Found, Skipped, discover};
use crate::inspect::{Hashing, Inspection, Inspector, inspect};
use crate::layouts::{compare_layouts, is_blob, tell_missing_shards};
use crate::progress::Progress;
use crate::raw::{is_concerned, read_raw};
use crate::siblings::{compare_siblings, is_weights};
use crate::source::open;
use crate::{EngineError, sha256};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wb_core::{
    Artifact, ArtifactPath, Budget, Content, Coverage, Limits, Oddity, OddityKind, Origin,
    ReadState, Verdict,
};
use wb_formats::Family;

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions {
    /// The most work one file may cause.
    pub limits: Limits,
    /// Which artifacts are hashed.
    pub hashing: Hashing,
    /// Whether contents are kept.
    pub keep_contents: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), hashing: Hashing::Reported, keep_contents: false }
    }
}

/// What a scan saw.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Every artifact, by path.
    pub artifacts: Vec<Inspected>,
    /// Logs among them, unread.
    pub logs: Vec<crate::logs::LogInput>,
    /// What could not be looked at.
    pub skipped: Vec<Coverage>,
    /// Where files with tensors are on disk, by path; only of those whose contents are kept.
    pub on_disk: BTreeMap<ArtifactPath, PathBuf>,
    /// Files named like weights, to be compared with others of the same model.
    weights: Vec<Found>,
    /// Files named by digests, to be compared with the manifest beside them.
    blobs: Vec<Found>,
    /// Files that no format knows, and the models that may say what lies in them.
    raw: Vec<Found>,
}

/// A file or folder to look at.
pub struct Root<'a> {
    /// Where it is on disk.
    pub path: &'a Path,
    /// Put before the names of what is found below a folder; what a single file is called.
    pub name: Option<String>,
}

impl Root<'_> {
    /// The name of what `discover` calls `path`.
    fn named(&self, path: ArtifactPath, folder: bool) -> ArtifactPath {
        match &self.name {
            None => path,
            Some(name) if folder => format!("{name}/{path}").into(),
            Some(name) => name.as_str().into(),
        }
    }
}

/// Inspects every file under `paths` on all cores. Where there are several, files are named by the path that
/// was given, so that two folders with the same files stay apart.
///
/// # Errors
/// When one of `paths` does not exist or cannot be read. Files below it that cannot be read are reported
/// in [`Scanned::skipped`].
pub fn scan(
    paths: &[PathBuf],
    options: ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned, EngineError> {
    let several = paths.len() > 1;
    let prefix = |path: &PathBuf| path.to_string_lossy().trim_end_matches('/').to_owned();
    let roots: Vec<Root<'_>> = paths
        .iter()
        .map(|path| Root { path, name: (several && path.is_dir()).then(|| prefix(path)) })
        .collect();
    scan_roots(&roots, options, progress)
}

/// Inspects every file under `roots` on all cores while the search for more goes on. What comes out is in
/// the order of names, whatever the order of work was.
///
/// # Errors
/// When a root does not exist or cannot be read.
pub fn scan_roots(
    roots: &[Root<'_>],
    options: ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned, EngineError> {
    let texts = if options.keep_contents { options.limits.texts } else { 0 };
    let how = Inspector {
        limits: Limits { texts, ..options.limits },
        hashing: options.hashing,
        keep_contents: options.keep_contents,
    };
    progress.begin("inspecting", 0);
    let mut searches = Vec::new();
    for root in roots {
        let folder = root.path.is_dir();
        searches.push(discover(root.path)?.map(move |found| match found {
            Ok(found) => Ok(Found { path: root.named(found.path, folder), ..found }),
            Err(skipped) => {
                let artifact = root.named(skipped.coverage.artifact, folder);
                let coverage = Coverage { artifact, ..skipped.coverage };
                Err(Skipped { coverage, ..skipped })
            }
        }));
    }
    let mut found = searches.into_iter().flatten().inspect(|_| progress.expect(1));
    let look = |mut scanned: Scanned, found: Result<Found, Skipped>| {
        match found {
            Ok(file) => scanned.add(&file, inspect_file(&file, how)),
            Err(skipped) => scanned.skip(skipped),
        }
        progress.advance(1);
        scanned
    };
    // Starting threads takes as long as looking at a model: one file is looked at right here.
    let first: Vec<_> = found.by_ref().take(2).collect();
    let mut scanned = if first.len() < 2 {
        first.into_iter().fold(Scanned::default(), look)
    } else {
        let all = first.into_iter().chain(found).par_bridge();
        all.fold(Scanned::default, look).reduce(Scanned::default, Scanned::and)
    };
    scanned.artifacts.sort_by_cached_key(|one| one.artifact.path.clone());
    scanned.logs.sort_by_cached_key(|log| log.artifact.path.clone());
    scanned.skipped.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    name_compressed_models(&mut scanned.artifacts);
    let weights = std::mem::take(&mut scanned.weights);
    compare_siblings(&mut scanned.artifacts, &weights, how.hashing == Hashing::All);
    let blobs = std::mem::take(&mut scanned.blobs);
    compare_layouts(&mut scanned.artifacts, &blobs);
    tell_missing_shards(&mut scanned.artifacts);
    check_constants(&mut scanned.artifacts, &weights);
    let raw = std::mem::take(&mut scanned.raw);
    read_raw(&mut scanned.artifacts, &raw, how);
    progress.end();
    Ok(scanned)
}

/// A model that is compressed as a whole is a model, and what it decodes to is a part of it: records, roles
/// and commands are about the file as it lies there. `artifacts` are in the order of their paths, so what is in
/// a stream follows it.
fn name_compressed_models(artifacts: &mut [Inspected]) {
    for at in (0..artifacts.len()).rev() {
        let (before, after) = artifacts.split_at_mut(at.saturating_add(1));
        let Some(stream) = before.last_mut().filter(|one| one.family == Some(Family::Stream))
        else {
            continue;
        };
        let inside = stream.artifact.path.member("");
        let first = after.partition_point(|one| one.artifact.path < inside);
        let decoded = after.get(first).filter(|one| one.family == Some(Family::Model));
        if decoded.is_some_and(|one| one.artifact.path.as_str().starts_with(inside.as_str())) {
            stream.family = Some(Family::Model);
        }
    }
}

impl Scanned {
    fn add(&mut self, file: &Found, inspected: Result<Inspection, Coverage>) {
        match inspected {
            Ok(inspection) => {
                if is_weights(file) || is_topology(file) {
                    self.weights.push(file.clone());
                }
                if inspection.artifacts.first().is_some_and(is_concerned) {
                    self.raw.push(file.clone());
                }
                if is_blob(file) {
                    self.blobs.push(file.clone());
                }
                if inspection.artifacts.iter().any(|one| !one.content.tensors.is_empty()) {
                    self.on_disk.insert(file.path.clone(), file.on_disk.clone());
                }
                self.artifacts.extend(inspection.artifacts);
                self.logs.extend(inspection.logs);
            }
            Err(coverage) => self.skipped.push(coverage),
        }
    }

    /// What is not looked at is told; a link out of the folder is a finding as well.
    fn skip(&mut self, skipped: Skipped) {
        if skipped.leaves {
            self.artifacts.push(leaving(&skipped.coverage));
        }
        self.skipped.push(skipped.coverage);
    }

    fn and(mut self, mut other: Self) -> Self {
        self.artifacts.append(&mut other.artifacts);
        self.logs.append(&mut other.logs);
        self.skipped.append(&mut other.skipped);
        self.on_disk.append(&mut other.on_disk);
        self.weights.append(&mut other.weights);
        self.blobs.append(&mut other.blobs);
        self.raw.append(&mut other.raw);
        self
    }
}

/// Opens and inspects one file; a file that cannot be read is reported, not fatal.
fn inspect_file(file: &Found, how: Inspector) -> Result<Inspection, Coverage> {
    let unread =
        |why: String| Coverage { artifact: file.path.clone(), state: ReadState::Unread, why };
    let data = open(&file.on_disk).map_err(|error| unread(format!("cannot be read: {error}")))?;
    let text = LogText::File(file.on_disk.clone());
    let inspected = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        inspect(&file.path, data.as_slice(), text, how)
    }));
    // A panic is a defect of weighbridge, never an answer about the file: the file counts as not read.
    Ok(inspected.unwrap_or_else(|_| {
        let mut inspection = Inspection::default();
        inspection.artifacts.push(unreadable(&file.path, data.as_slice()));
        inspection
    }))
}

/// A link out of the folder, as an artifact of which nothing is read.
fn leaving(coverage: &Coverage) -> Inspected {
    let artifact = Artifact {
        path: coverage.artifact.clone(),
        origin: Origin::File,
        size: 0,
        sha256: None,
        format: None,
        claims: Vec::new(),
    };
    let oddity = Oddity {
        kind: OddityKind::EscapingLink,
        place: "link on disk".to_owned(),
        span: None,
        what: coverage.why.clone(),
    };
    let content = Content { oddities: vec![oddity], ..Content::default() };
    let examined = wb_rules::examine(&artifact, &content, &mut Budget::default());
    Inspected {
        artifact,
        family: None,
        content,
        effects: Vec::new(),
        findings: examined.findings,
        verdict: examined.verdict,
        coverage: coverage.clone(),
    }
}

/// An artifact whose inspection failed inside weighbridge.
fn unreadable(path: &ArtifactPath, data: &[u8]) -> Inspected {
    Inspected {
        artifact: Artifact {
            path: path.clone(),
            origin: Origin::File,
            size: data.len() as u64,
            sha256: Some(sha256(data)),
            format: None,
            claims: Vec::new(),
        },
        family: None,
        content: Content::default(),
        effects: Vec::new(),
        findings: Vec::new(),
        verdict: Verdict::Unknown,
        coverage: Coverage {
            artifact: path.clone(),
            state: ReadState::Unread,
            why: "weighbridge failed on this file: please report it".to_owned(),
        },
    }
}
