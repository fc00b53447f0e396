//! [`discover`]: every file under a path, and what could not be looked at.

use crate::EngineError;
use std::path::{Component, Path, PathBuf};
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

/// An entry that is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which, and why.
    pub coverage: Coverage,
    /// Whether it is a link out of the folder.
    pub leaves: bool,
}

/// Folders that hold no evidence but the bookkeeping of other tools.
const BOOKKEEPING: &[&str] = &[".git", ".hg", ".svn"];

/// Every file under `root`, or `root` itself when it is a file, in the order of the file system; and, as
/// errors, the entries that are not looked at. Links are followed only to files inside `root`, and from a
/// snapshot in a cache of Hugging Face to the cache's own blobs, so that neither a loop nor a link out of the
/// folder can lead the search astray.
///
/// # Errors
/// When `root` does not exist or cannot be read at all.
pub fn discover(
    root: &Path,
) -> Result<impl Iterator<Item = Result<Found, Skipped>> + Send + use<>, EngineError> {
    let metadata = std::fs::metadata(root).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => EngineError::NotFound(root.to_owned()),
        _ => EngineError::Unreadable(root.to_owned(), error),
    })?;
    let folder = metadata.is_dir();
    if folder {
        std::fs::read_dir(root).map_err(|error| EngineError::Unreadable(root.to_owned(), error))?;
    }
    let root = root.to_owned();
    let walk = WalkDir::new(&root).follow_root_links(true).into_iter().filter_entry(is_evidence);
    Ok(walk.filter_map(move |entry| match entry {
        Ok(entry) if folder => look_at(&root, entry),
        Ok(entry) => {
            let path = entry.file_name().to_string_lossy().into_owned().into();
            Some(Ok(Found { path, on_disk: entry.into_path() }))
        }
        Err(error) => Some(Err(skipped(&root, error.path(), Why::other(unreadable(&error))))),
    }))
}

/// What an entry under the folder `root` is; `None` for folders, whose entries follow.
fn look_at(root: &Path, entry: DirEntry) -> Option<Result<Found, Skipped>> {
    let kind = entry.file_type();
    let path = entry.into_path();
    let why = if kind.is_dir() {
        return None;
    } else if kind.is_symlink() {
        match link_target(root, &path) {
            Ok(Target::File) => None,
            // Nothing is lost: the folder itself is read.
            Ok(Target::Folder) => return None,
            Err(why) => Some(why),
        }
    } else {
        let other = "neither a file nor a folder (device, pipe or socket)";
        (!kind.is_file()).then(|| Why::other(other.to_owned()))
    };
    Some(match why {
        Some(why) => Err(skipped(root, Some(&path), why)),
        None => Ok(Found { path: name(root, &path), on_disk: path }),
    })
}

/// Why an entry is not looked at.
struct Why {
    words: String,
    leaves: bool,
}

impl Why {
    const fn other(words: String) -> Self {
        Self { words, leaves: false }
    }
}

fn skipped(root: &Path, path: Option<&Path>, why: Why) -> Skipped {
    let artifact = path.map_or_else(|| ArtifactPath::from("."), |path| name(root, path));
    let coverage = Coverage { artifact, state: ReadState::Unread, why: why.words };
    Skipped { coverage, leaves: why.leaves }
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
fn link_target(root: &Path, path: &Path) -> Result<Target, Why> {
    let other = |error: std::io::Error| Why::other(error.to_string());
    let root = root.canonicalize().map_err(other)?;
    let folder = path.parent().unwrap_or(path).canonicalize().map_err(other)?;
    let inside = |target: &Path| target.starts_with(&root) || is_blob_of(&folder, target);
    let outside = |target: &Path| Why {
        words: format!("link to `{}`, outside the folder: not followed", target.display()),
        leaves: true,
    };
    let target = path.canonicalize().map_err(|error| {
        let named = std::fs::read_link(path).map(|named| without_dots(&folder.join(named)));
        match named {
            Ok(named) if !inside(&named) => outside(&named),
            _ => Why::other(format!("link that leads nowhere: {error}")),
        }
    })?;
    if !inside(&target) {
        return Err(outside(&target));
    }
    Ok(if target.is_dir() { Target::Folder } else { Target::File })
}

/// Whether `target` is a blob of the cache of Hugging Face in whose snapshot `folder` lies: the links there lead
/// from `snapshots/REVISION/NAME` to `blobs/DIGEST`, named by a digest of git or SHA-256.
fn is_blob_of(folder: &Path, target: &Path) -> bool {
    let snapshots = folder.ancestors().find(|above| above.ends_with("snapshots"));
    let blobs = snapshots.and_then(Path::parent).map(|cache| cache.join("blobs"));
    let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digest = matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    digest && blobs.is_some_and(|blobs| target.parent() == Some(&blobs))
}

/// `path` with each `..` taken back, as far as its letters tell.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

fn unreadable(error: &walkdir::Error) -> String {
    match error.io_error() {
        Some(error) => format!("cannot be read: {error}"),
        None => error.to_string(),
    }
}
