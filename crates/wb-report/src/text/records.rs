//! [`Records`]: a column of short names for records, for lists of events.

use super::page::{shorten, width_of};
use super::table::fit;
use crate::escape;
use std::collections::{BTreeMap, BTreeSet};
use wb_core::{ArtifactPath, RecordRef};

/// Names of records, padded to one width. An artifact is called by its own name where no other in the
/// list has the same, else by its path.
pub(super) struct Records {
    names: BTreeMap<ArtifactPath, String>,
    most: usize,
    widest: usize,
}

impl Records {
    /// Names for all of `records`, of at most `most` columns.
    pub fn new<'a>(records: impl Iterator<Item = &'a RecordRef> + Clone, most: usize) -> Self {
        let paths: BTreeSet<&ArtifactPath> =
            records.clone().map(|record| &record.artifact).collect();
        let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
        for path in &paths {
            *owners.entry(path.file_name()).or_default() += 1;
        }
        let name = |path: &ArtifactPath| {
            let unique = owners.get(path.file_name()) == Some(&1);
            let name = if unique { path.file_name() } else { path.as_str() };
            escape::terminal(&shorten(name, 100)).into_owned()
        };
        let names = paths.iter().map(|path| ((*path).clone(), name(path))).collect();
        let mut new = Self { names, most, widest: 0 };
        new.widest = records.map(|record| width_of(&new.name(record))).max().unwrap_or_default();
        new
    }

    /// Columns of the widest name.
    pub fn width(&self) -> usize {
        self.widest
    }

    /// The name of a record, padded, with a gap after it.
    pub fn cell(&self, record: &RecordRef) -> String {
        let name = self.name(record);
        let fill = self.widest.saturating_sub(width_of(&name)) + 2;
        format!("{name}{}", " ".repeat(fill))
    }

    fn name(&self, record: &RecordRef) -> String {
        let name = self.names.get(&record.artifact).map_or("", String::as_str);
        let line = format!(":{}", record.line);
        format!("{}{line}", fit(name, self.most.saturating_sub(line.len())))
    }
}
