//! [`load_rules`]: rules of the user, from files and folders.

use crate::EngineError;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;
use wb_sigma::{RuleSet, Text};

/// The largest file of rules.
const LARGEST: u64 = 8 << 20;

/// The rules that ship and those in `paths`: files, and folders of `.yml` and `.yaml` files. They live as long as
/// the program.
///
/// # Errors
/// When a path does not exist or cannot be read, or a rule in it cannot be used.
pub fn load_rules(paths: &[PathBuf]) -> Result<&'static RuleSet, EngineError> {
    if paths.is_empty() {
        return Ok(RuleSet::shipped());
    }
    let mut texts = Vec::new();
    for path in paths {
        if !path.exists() {
            return Err(EngineError::NotFound(path.clone()));
        }
        if path.is_dir() {
            for entry in WalkDir::new(path).sort_by_file_name() {
                let entry =
                    entry.map_err(|error| EngineError::Unreadable(path.clone(), error.into()))?;
                let kind = entry.path().extension().and_then(|extension| extension.to_str());
                if entry.file_type().is_file() && matches!(kind, Some("yml" | "yaml")) {
                    texts.push(read(entry.path())?);
                }
            }
        } else {
            texts.push(read(path)?);
        }
    }
    let rules = RuleSet::with(&texts).map_err(EngineError::BadRules)?;
    Ok(Box::leak(Box::new(rules)))
}

fn read(path: &Path) -> Result<Text, EngineError> {
    let unreadable = |error| EngineError::Unreadable(path.to_owned(), error);
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        let error = std::io::Error::other("it is too large for a file of rules");
        return Err(unreadable(error));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(Text { name: path.display().to_string(), text })
}
