//! [`learn`]: knowledge of the callables of packages that do not ship with it.

use crate::EngineError;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;
use wb_core::Capability;
use wb_learn::{Base, Source};
use wb_rules::learned::{Entry, write};

/// Larger files are no source that a person wrote.
const MAX_FILE: u64 = 8 << 20;

/// How many modules are read of one path.
const MAX_MODULES: usize = 50_000;

/// What was learned of packages.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// The book, to be written to a file.
    pub book: Vec<u8>,
    /// How many modules were read.
    pub modules: usize,
    /// How many names the book knows.
    pub names: usize,
    /// How many of them do something outside themselves.
    pub acting: usize,
    /// Modules that could not be read as Python 3, and paths that hold none.
    pub unread: Vec<String>,
}

/// Reads the Python sources under `paths`, without running them, and derives what their callables do. A path
/// is a module, the folder of a package, or a folder that holds packages.
pub fn learn(paths: &[PathBuf]) -> Result<Learned, EngineError> {
    let mut base = Base::on_shipped();
    let mut learned = Learned::default();
    let mut head = String::new();
    for path in paths {
        let sources = sources(path)?;
        let shown = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        if sources.is_empty() {
            learned.unread.push(path.display().to_string());
        }
        // A head is one line for each path.
        let shown = shown.replace(char::is_control, " ");
        head.push_str(&format!("{shown} sha256:{}\n", wb_learn::digest(&sources)));
        learned.modules = learned.modules.saturating_add(sources.len());
        let package = wb_learn::learn(&sources, &base);
        learned.unread.extend(package.unread.iter().cloned());
        base.add(package);
    }
    let entries = wb_learn::publish::entries(&base);
    learned.names = entries.len();
    learned.acting = entries.values().filter(|entry| acts(entry)).count();
    learned.book = write(&head, &entries);
    Ok(learned)
}

fn acts(entry: &Entry) -> bool {
    let acts = |capability| !matches!(capability, Capability::Inert | Capability::Unknown);
    match entry {
        Entry::Function(fact) => acts(fact.capability),
        Entry::Class(built, restored) => acts(built.capability) || acts(restored.capability),
        Entry::Alias(_) => false,
    }
}

/// The modules under a path, in order.
fn sources(path: &Path) -> Result<Vec<Source>, EngineError> {
    if !path.exists() {
        return Err(EngineError::NotFound(path.to_owned()));
    }
    // The folder of a package stands for itself: its name is part of the names of its modules.
    let is_module = path.is_file() || path.join("__init__.py").is_file();
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let root = match absolute.parent() {
        Some(parent) if is_module => parent.to_owned(),
        _ => absolute.clone(),
    };
    let mut sources = Vec::new();
    for entry in WalkDir::new(&absolute).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let at = error.path().unwrap_or(path).to_owned();
            EngineError::Unreadable(at, error.into())
        })?;
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        if !entry.file_type().is_file() || size > MAX_FILE || sources.len() >= MAX_MODULES {
            continue;
        }
        let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let below = below.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let Some(source) = Source::of_file(&below) else { continue };
        let bytes = fs::read(entry.path())
            .map_err(|error| EngineError::Unreadable(entry.path().to_owned(), error))?;
        sources.push(Source { text: String::from_utf8_lossy(&bytes).into_owned(), ..source });
    }
    sources.sort();
    Ok(sources)
}
