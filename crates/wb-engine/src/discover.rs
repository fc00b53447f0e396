//! [`discover`]: every file under a path, in a fixed order, and what could not be looked at.

use crate::EngineError;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};
use wb_core::{ArtifactPath, Coverage, ReadState};

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name in the case: relative to where the search began, with `/`.
    pub path: ArtifactPath,
    /// Where it is on disk.
    pub on_disk: PathBuf,
    /// Size in bytes; 0 when it was not asked for.
    pub size: u64,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Files, by path.
    pub files: Vec<Found>,
    /// Entries that were not looked at, and why.
    pub skipped: Vec<Coverage>,
}

/// Folders that hold no evidence but the bookkeeping of other tools.
const BOOKKEEPING: &[&str] = &[".git", ".hg", ".svn"];

/// Finds every file under `root`, or `root` itself when it is a file. Links are followed only to files
/// inside `root`, so that neither a loop nor a link out of the folder can lead the search astray.
///
/// # Errors
/// When `root` does not exist or cannot be read at all. Anything below it that cannot be read is
/// reported in [`Discovered::skipped`].
pub fn discover(root: &Path) -> Result<Discovered, EngineError> {
    let metadata = std::fs::metadata(root).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => EngineError::NotFound(root.to_owned()),
        _ => EngineError::Unreadable(root.to_owned(), error),
    })?;
    let mut discovered = Discovered::default();
    if !metadata.is_dir() {
        let name = root.file_name().unwrap_or(root.as_os_str());
        discovered.files.push(Found {
            path: name.to_string_lossy().into_owned().into(),
            on_disk: root.to_owned(),
            size: metadata.len(),
        });
        return Ok(discovered);
    }
    std::fs::read_dir(root).map_err(|error| EngineError::Unreadable(root.to_owned(), error))?;
    let walk = WalkDir::new(root).follow_links(false).into_iter().filter_entry(is_evidence);
    for entry in walk {
        match entry {
            Ok(entry) => discovered.add(root, &entry),
            Err(error) => discovered.skip(root, error.path(), unreadable(&error)),
        }
    }
    discovered.files.sort_by(|a, b| a.path.cmp(&b.path));
    discovered.skipped.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    Ok(discovered)
}

impl Discovered {
    fn add(&mut self, root: &Path, entry: &DirEntry) {
        let kind = entry.file_type();
        if kind.is_dir() {
            return;
        }
        let path = entry.path();
        if kind.is_symlink() {
            match link_target(root, path) {
                Ok(Target::File) => self.push(root, path),
                // Nothing is lost: the folder itself is read.
                Ok(Target::Folder) => {}
                Err(why) => self.skip(root, Some(path), why),
            }
        } else if kind.is_file() {
            self.push(root, path);
        } else {
            self.skip(
                root,
                Some(path),
                "neither a file nor a folder (device, pipe or socket)".into(),
            );
        }
    }

    fn push(&mut self, root: &Path, path: &Path) {
        self.files.push(Found { path: name(root, path), on_disk: path.to_owned(), size: 0 });
    }

    fn skip(&mut self, root: &Path, path: Option<&Path>, why: String) {
        let artifact = path.map_or_else(|| ArtifactPath::from("."), |path| name(root, path));
        self.skipped.push(Coverage { artifact, state: ReadState::Unread, why });
    }
}

fn is_evidence(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    !(entry.file_type().is_dir() && BOOKKEEPING.iter().any(|folder| name == *folder))
}

/// The name of `path` in the case. The walk makes its paths by adding to `root` as it was given, so what
/// comes after is a matter of bytes.
fn name(root: &Path, path: &Path) -> ArtifactPath {
    let whole = path.to_string_lossy();
    let relative = whole.strip_prefix(&*root.to_string_lossy()).unwrap_or(&whole);
    let relative = relative.trim_start_matches(std::path::MAIN_SEPARATOR);
    if std::path::MAIN_SEPARATOR == '/' {
        return relative.into();
    }
    relative.replace(std::path::MAIN_SEPARATOR, "/").into()
}

/// Where a link inside the folder leads to.
enum Target {
    /// A file, which is read under the link's name as well.
    File,
    /// A folder, which is read under its own name.
    Folder,
}

/// What in `root` the link at `path` leads to; otherwise why it is not followed.
fn link_target(root: &Path, path: &Path) -> Result<Target, String> {
    let target =
        path.canonicalize().map_err(|error| format!("link that leads nowhere: {error}"))?;
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    if !target.starts_with(&root) {
        return Err(format!("link to `{}`, outside the folder: not followed", target.display()));
    }
    Ok(if target.is_dir() { Target::Folder } else { Target::File })
}

fn unreadable(error: &walkdir::Error) -> String {
    match error.io_error() {
        Some(error) => format!("cannot be read: {error}"),
        None => error.to_string(),
    }
}
