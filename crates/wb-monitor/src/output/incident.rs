//! A folder for each incident, which `weighbridge investigate` reads: what was seen before and after, the
//! ledger of models, the policy with its approved digests, and the model itself.

use super::lines::Lines;
use crate::alert::{Alert, Model};
use crate::policy::Policy;
use crate::record;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::PathBuf;
use wb_core::Severity;

/// How long before an alert records are kept for its folder.
const BEFORE: SignedDuration = SignedDuration::from_mins(10);

/// How long after its last alert an incident's folder is written to.
const AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Bytes of records kept for folders to come.
const KEPT: usize = 6 << 20;

/// A model to be copied into a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copying {
    pub(crate) model: Model,
    pub(crate) to: PathBuf,
}

/// The folders of incidents.
#[derive(Debug)]
pub(crate) struct Incidents {
    root: PathBuf,
    policy: String,
    approved: String,
    /// The latest records, oldest first.
    recent: VecDeque<(Timestamp, String)>,
    bytes: usize,
    open: Option<Open>,
}

/// The incident that is being written.
#[derive(Debug)]
struct Open {
    folder: PathBuf,
    records: Lines,
    until: Timestamp,
    /// Models that were copied, by digest.
    copied: BTreeSet<String>,
    /// Files of the folder that are not written yet.
    files: Vec<(PathBuf, String)>,
}

impl Incidents {
    pub(crate) fn new(root: PathBuf, policy: &Policy, text: &str) -> Self {
        let approved =
            policy.approved.iter().map(|one| format!("{}  models/{}\n", one.sha256, one.name));
        Self {
            root,
            policy: text.to_owned(),
            approved: approved.collect(),
            recent: VecDeque::new(),
            bytes: 0,
            open: None,
        }
    }

    /// Takes a record.
    pub(crate) fn record(&mut self, time: Timestamp, line: &str) {
        if let Some(open) = &mut self.open {
            open.records.push(line);
        }
        self.bytes += line.len();
        self.recent.push_back((time, line.to_owned()));
        let old = |(then, _): &(Timestamp, String)| time.duration_since(*then) > BEFORE;
        while self.bytes > KEPT || self.recent.front().is_some_and(old) {
            let Some((_, line)) = self.recent.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(line.len());
        }
    }

    /// Takes an alert: a grave one opens a folder, unless one is open.
    pub(crate) fn alert(
        &mut self,
        alert: &Alert,
        ledger: &dyn Fn() -> Vec<String>,
    ) -> Vec<Copying> {
        if alert.severity < Severity::High || alert.service.is_empty() && alert.model.is_none() {
            return Vec::new();
        }
        let until = alert.last.checked_add(AFTER).unwrap_or(Timestamp::MAX);
        if self.open.is_none() {
            let name =
                format!("{}-{}-{}", alert.time.strftime("%Y%m%dT%H%M%SZ"), alert.rule, alert.id);
            let folder = self.root.join(name);
            let mut records = Lines::new(folder.join("watch.jsonl"));
            self.recent.iter().for_each(|(_, line)| records.push(line));
            let files = vec![
                (folder.join("policy.toml"), self.policy.clone()),
                (folder.join("approved.sha256"), self.approved.clone()),
            ];
            self.open = Some(Open { folder, records, until, copied: BTreeSet::new(), files });
        }
        let Some(open) = &mut self.open else { return Vec::new() };
        open.until = open.until.max(until);
        let entries: String = ledger().iter().map(|line| format!("{line}\n")).collect();
        open.files.retain(|(path, _)| path.file_name() != Some("ledger.jsonl".as_ref()));
        open.files.push((open.folder.join("ledger.jsonl"), entries));
        let Some(model) = alert.model.clone() else { return Vec::new() };
        let Some(digest) = model.sha256.clone() else { return Vec::new() };
        if !open.copied.insert(digest.clone()) {
            return Vec::new();
        }
        let name = crate::ledger::file_name(std::path::Path::new(&model.path));
        let taken = open.folder.join("models").join(&name).exists();
        let name =
            if taken { format!("{}-{name}", digest.get(..8).unwrap_or_default()) } else { name };
        vec![Copying { model, to: open.folder.join("models").join(name) }]
    }

    /// Writes what waits, and closes the folder of an incident that is over.
    pub(crate) fn flush(&mut self, now: Timestamp) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let told = |error: std::io::Error| format!("`{}`: {error}", open.folder.display());
        fs::create_dir_all(open.folder.join("models")).map_err(told)?;
        while let Some((path, text)) = open.files.last() {
            if !text.is_empty() {
                fs::write(path, text).map_err(told)?;
            }
            open.files.pop();
        }
        open.records.flush()?;
        if now > open.until {
            self.open = None;
        }
        Ok(())
    }
}

/// A record that says a model was copied, or why not.
pub(crate) fn note(time: Timestamp, copying: &Copying, why_not: Option<&str>) -> String {
    let message = match why_not {
        None => format!("{} is kept as {}", copying.model.path, copying.to.display()),
        Some(why) => format!("{} is not kept: {why}", copying.model.path),
    };
    record::Record::new(time, "ledger", message).of(Some(&copying.model)).line()
}
