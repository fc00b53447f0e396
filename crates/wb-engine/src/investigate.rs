//! [`investigate`]: a folder to a case.

use crate::EngineError;
use crate::assemble::assemble;
use crate::body::{Body, LogRead};
use crate::inspect::Hashing;
use crate::logs::read_logs;
use crate::progress::Progress;
use crate::scan::{Root, ScanOptions, scan_roots};
use std::collections::BTreeMap;
use std::path::Path;
use wb_core::{ArtifactPath, Case, Limits, Role};
use wb_sigma::{Match, Rule, RuleSet};

/// How to investigate.
#[derive(Clone, Debug)]
pub struct InvestigateOptions {
    /// Roles given by hand, by path.
    pub roles: BTreeMap<ArtifactPath, Role>,
    /// The most work one file may cause.
    pub limits: Limits,
    /// Rules that are asked about every event of the logs.
    pub rules: &'static RuleSet,
}

impl Default for InvestigateOptions {
    fn default() -> Self {
        Self { roles: BTreeMap::new(), limits: Limits::default(), rules: RuleSet::shipped() }
    }
}

/// Investigates the folder `root`.
///
/// # Errors
/// When `root` does not exist or cannot be read, or a role is given to a path that is not in it.
pub fn investigate(
    root: &Path,
    options: &InvestigateOptions,
    progress: &dyn Progress,
) -> Result<Case, EngineError> {
    let body = gather(root, options, progress)?;
    if let Some(path) = options.roles.keys().find(|path| !holds(&body, path)) {
        return Err(EngineError::NoSuchArtifact(path.to_string()));
    }
    progress.begin("assembling the case", 0);
    let case = assemble(body, &options.roles);
    progress.end();
    Ok(case)
}

/// Inspects every file and reads every log under `root`.
fn gather(
    root: &Path,
    options: &InvestigateOptions,
    progress: &dyn Progress,
) -> Result<Body, EngineError> {
    let how = ScanOptions { limits: options.limits, hashing: Hashing::All, keep_contents: true };
    let scanned = scan_roots(&[Root { path: root, name: None }], how, progress)?;
    progress.begin("reading logs", 0);
    let (logs, flows) = read_logs(scanned.logs, options.rules);
    let detections = judged(&logs, options.rules);
    progress.end();
    let (artifacts, skipped, on_disk) = (scanned.artifacts, scanned.skipped, scanned.on_disk);
    let lookups = flows.lookups();
    let flows = flows.finish_detailed();
    Ok(Body { artifacts, logs, flows, lookups, detections, skipped, on_disk })
}

/// What the hits of all logs come to, each with its rule.
fn judged(logs: &[LogRead], rules: &RuleSet) -> Vec<(Rule, Match)> {
    let matches = rules.judge(logs.iter().flat_map(|log| log.hits.all()));
    let named = |found: Match| Some((*rules.rules().get(found.rule)?, found));
    matches.into_iter().filter_map(named).collect()
}

fn holds(body: &Body, path: &ArtifactPath) -> bool {
    body.artifact(path).is_some() || body.logs.iter().any(|log| log.artifact.path == *path)
}
