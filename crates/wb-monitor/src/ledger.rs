//! [`Ledger`]: which model files there are, what the scanner made of them, and what lay at a path before.

use crate::alert;
use crate::observation::{File, FileKey, Scan};
use crate::policy::Approved;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use wb_core::Verdict;

/// Files kept at the most.
const MOST: usize = 16 << 10;

/// A file below a folder of models.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// `None` until the scanner is done.
    pub(crate) scan: Option<Scan>,
    /// When it was seen first.
    pub(crate) seen: Timestamp,
    /// Whether a service opened it.
    pub(crate) loaded: bool,
    /// The digest of what had lain at the same path before.
    pub(crate) before: Option<String>,
}

impl Entry {
    /// The file's name.
    pub(crate) fn name(&self) -> String {
        file_name(&self.path)
    }

    /// Whether it counts as a model: by its format, by what was found in it, or as long as nobody knows.
    pub(crate) fn is_model(&self) -> bool {
        self.scan.as_ref().is_none_or(|scan| scan.is_model || scan.verdict >= Verdict::Suspicious)
    }

    /// What alerts say of it.
    pub(crate) fn model(&self) -> alert::Model {
        alert::Model {
            path: self.path.display().to_string(),
            sha256: self.scan.as_ref().map(|scan| scan.sha256.clone()),
            verdict: self.scan.as_ref().map(|scan| scan.verdict.name().to_owned()),
        }
    }
}

/// The name of a file without its folders.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Every model file that was seen.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<FileKey, Entry>,
    /// The digest of what lay at a path last.
    latest: HashMap<PathBuf, String>,
}

impl Ledger {
    /// Notes a file. Returns whether it has to be scanned.
    pub(crate) fn note(&mut self, file: &File, loaded: bool, seen: Timestamp) -> bool {
        if self.entries.len() >= MOST && !self.entries.contains_key(&file.key) {
            self.entries.retain(|_, entry| entry.loaded);
        }
        let before = self.latest.get(&file.path).cloned();
        let known = self.entries.get_mut(&file.key);
        if let Some(entry) = known {
            entry.loaded |= loaded;
            if let Some(scan) = &entry.scan {
                self.latest.insert(file.path.clone(), scan.sha256.clone());
            }
            return false;
        }
        let entry = Entry { path: file.path.clone(), scan: None, seen, loaded, before };
        self.entries.insert(file.key, entry);
        true
    }

    /// Notes what the scanner found.
    pub(crate) fn scanned(&mut self, key: FileKey, scan: Scan) -> Option<&Entry> {
        let entry = self.entries.get_mut(&key)?;
        self.latest.insert(entry.path.clone(), scan.sha256.clone());
        entry.scan = Some(scan);
        Some(entry)
    }

    pub(crate) fn get(&self, key: FileKey) -> Option<&Entry> {
        self.entries.get(&key)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&FileKey, &Entry)> {
        self.entries.iter()
    }

    /// A loaded model first, that names `destination` in its code.
    pub(crate) fn naming(&self, destinations: &[&str]) -> Option<(FileKey, &Entry, String)> {
        let mut found: Vec<(FileKey, &Entry, String)> = self
            .entries
            .iter()
            .filter_map(|(key, entry)| {
                let scan =
                    entry.scan.as_ref().filter(|scan| scan.verdict >= Verdict::Suspicious)?;
                let named = destinations.iter().find(|one| scan.destinations.contains(**one))?;
                Some((*key, entry, (*named).to_owned()))
            })
            .collect();
        found.sort_by_key(|(_, entry, _)| !entry.loaded);
        found.into_iter().next()
    }
}

/// Why a model must not be loaded, if the policy lists what may.
pub(crate) fn disapproval(approved: &[Approved], name: &str, sha256: &str) -> Option<String> {
    if approved.is_empty() || approved.iter().any(|one| one.sha256.eq_ignore_ascii_case(sha256)) {
        return None;
    }
    let expected = approved.iter().find(|one| one.name == name);
    Some(match expected {
        Some(one) => format!("the policy approves `{name}` with sha256 {}", one.sha256),
        None => format!("the policy approves no model called `{name}`"),
    })
}
