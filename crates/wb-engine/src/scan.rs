//! [`scan`]: every file under some paths, each by itself.

use crate::body::{Inspected, LogText};
use crate::discover::{Discovered, Found, discover};
use crate::inspect::{Hashing, Inspection, Inspector, inspect};
use crate::progress::Progress;
use crate::source::open;
use crate::{EngineError, sha256};
use rayon::prelude::*;
use std::path::PathBuf;
use wb_core::{Artifact, ArtifactPath, Coverage, Limits, Origin, ReadState, Verdict};

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
}

/// Inspects every file under `paths` on all cores. The result does not depend on the order of work.
///
/// # Errors
/// When one of `paths` does not exist or cannot be read. Files below it that cannot be read are reported
/// in [`Scanned::skipped`].
pub fn scan(
    paths: &[PathBuf],
    options: ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned, EngineError> {
    let mut found = Discovered::default();
    for path in paths {
        let more = discover(path)?;
        found.files.extend(prefixed(more.files, path, paths.len() > 1));
        found.skipped.extend(more.skipped);
    }
    Ok(scan_files(found, options, progress))
}

/// Inspects every file that was found.
pub fn scan_files(found: Discovered, options: ScanOptions, progress: &dyn Progress) -> Scanned {
    progress.begin("inspecting", found.files.len() as u64);
    let texts = if options.keep_contents { options.limits.texts } else { 0 };
    let how = Inspector {
        limits: Limits { texts, ..options.limits },
        hashing: options.hashing,
        keep_contents: options.keep_contents,
    };
    let inspected = found
        .files
        .par_iter()
        .with_min_len(16)
        .fold(Scanned::default, |mut scanned, file| {
            scanned.add(inspect_file(file, how));
            progress.advance(1);
            scanned
        })
        .reduce(Scanned::default, Scanned::followed_by);
    progress.end();
    Scanned { skipped: found.skipped, ..Scanned::default() }.followed_by(inspected)
}

impl Scanned {
    fn add(&mut self, inspected: Result<Inspection, Coverage>) {
        match inspected {
            Ok(inspection) => {
                self.artifacts.extend(inspection.artifacts);
                self.logs.extend(inspection.logs);
            }
            Err(coverage) => self.skipped.push(coverage),
        }
    }

    /// Both, in this order: rayon joins neighbours, so the files stay in theirs.
    fn followed_by(mut self, mut next: Self) -> Self {
        self.artifacts.append(&mut next.artifacts);
        self.logs.append(&mut next.logs);
        self.skipped.append(&mut next.skipped);
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
        content: wb_core::Content::default(),
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

/// Names files by the path given on the command line when there are several, so that two folders with
/// the same files stay apart.
fn prefixed(files: Vec<Found>, root: &std::path::Path, several: bool) -> Vec<Found> {
    if !several || !root.is_dir() {
        return files;
    }
    let prefix = root.to_string_lossy();
    let prefix = prefix.trim_end_matches('/');
    files
        .into_iter()
        .map(|file| Found { path: format!("{prefix}/{}", file.path).into(), ..file })
        .collect()
}
