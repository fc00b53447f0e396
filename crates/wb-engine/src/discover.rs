//! [`discover`]: every file under a path, and what could not be looked at.

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
}

/// Folders that hold no evidence but the bookkeeping of other tools.
const BOOKKEEPING: &[&str] = &[".git", ".hg", ".svn"];

/// Finds every file under `root`, or `root` itself when it is a file, hands each to `found` at once, in the
/// order of the file system, and returns the entries that were not looked at, by path. Links are followed
/// only to files inside `root`, so that neither a loop nor a link out of the folder can lead the search
/// astray.
///
/// # Errors
/// When `root` does not exist or cannot be read at all. Anything below it that cannot be read is
/// among the entries returned.
pub fn discover(root: &Path, found: &mut dyn FnMut(Found)) -> Result<Vec<Coverage>, EngineError> {
    let metadata = std::fs::metadata(root).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => EngineError::NotFound(root.to_owned()),
        _ => EngineError::Unreadable(root.to_owned(), error),
    })?;
    if !metadata.is_dir() {
        let name = root.file_name().unwrap_or(root.as_os_str());
        let path = name.to_string_lossy().into_owned().into();
        found(Found { path, on_disk: root.to_owned() });
        return Ok(Vec::new());
    }
    let mut search = Search { root, found, skipped: Vec::new() };
    std::fs::read_dir(root).map_err(|error| EngineError::Unreadable(root.to_owned(), error))?;
    let walk = WalkDir::new(root).follow_links(false).into_iter().filter_entry(is_evidence);
    for entry in walk {
        match entry {
            Ok(entry) => search.add(entry),
            Err(error) => search.skip(error.path(), unreadable(&error)),
        }
    }
    let mut skipped = search.skipped;
    skipped.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    Ok(skipped)
}

/// A search under one folder.
struct Search<'a> {
    root: &'a Path,
    found: &'a mut dyn FnMut(Found),
    skipped: Vec<Coverage>,
}

impl Search<'_> {
    fn add(&mut self, entry: DirEntry) {
        let kind = entry.file_type();
        if kind.is_dir() {
            return;
        }
        let path = entry.into_path();
        if kind.is_symlink() {
            match link_target(self.root, &path) {
                Ok(Target::File) => self.hand_over(path),
                // Nothing is lost: the folder itself is read.
                Ok(Target::Folder) => {}
                Err(why) => self.skip(Some(&path), why),
            }
        } else if kind.is_file() {
            self.hand_over(path);
        } else {
            let why = "neither a file nor a folder (device, pipe or socket)";
            self.skip(Some(&path), why.into());
        }
    }

    fn hand_over(&mut self, on_disk: PathBuf) {
        (self.found)(Found { path: name(self.root, &on_disk), on_disk });
    }

    fn skip(&mut self, path: Option<&Path>, why: String) {
        let artifact = path.map_or_else(|| ArtifactPath::from("."), |path| name(self.root, path));
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
