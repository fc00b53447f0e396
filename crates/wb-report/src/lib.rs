//! A [`Case`](wb_core::Case) as text, JSON, HTML, SARIF and in the formats of other programs. Reports are
//! views: they compute nothing.
//!
//! - [`text`]: for a terminal; the first 25 lines answer the analyst
//! - [`json`]: for machines; versioned, with a published schema
//! - [`html`]: one self-contained page
//! - [`sarif`]: for code-scanning tools
//! - [`saved`]: a case read again from its JSON
//! - [`export`]: the files that a case can be taken in, those above and others, as one list
//! - [`events`]: the events of logs as JSON lines, CSV, Timesketch's JSON lines and Parquet
//! - [`escape`]: what makes hostile text harmless in each of them

pub mod escape;
pub mod events;
pub mod export;
pub mod html;
pub mod json;
pub mod sarif;
pub mod saved;
pub mod text;
mod time;
mod words;

pub use time::duration;

use std::collections::BTreeMap;
use wb_core::{
    Artifact, ArtifactPath, CandidateDecision, Coverage, Decision, Difference, Finding,
    IndexedIndicator, Verdict, WeightsCompared,
};

/// Which tool made a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Version of weighbridge.
    pub version: String,
    /// SHA-256 of rules and knowledge, lower-case hexadecimal.
    pub rulebook: String,
}

/// What `scan` found: artifacts without a story.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Every artifact with its verdict, by path.
    pub artifacts: Vec<(Artifact, Verdict)>,
    /// Findings, gravest first.
    pub findings: Vec<Finding>,
    /// Every indicator with its places.
    pub indicators: Vec<IndexedIndicator>,
    /// What was read.
    pub coverage: Vec<Coverage>,
}

/// What the gate decided on a model that is to be deployed.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The worst decision; `None` when there was no model to decide on.
    pub decision: Option<Decision>,
    /// Decisions with the digest of what was decided on.
    pub candidates: Vec<(CandidateDecision, Option<String>)>,
    /// Findings in the candidate, gravest first.
    pub findings: Vec<Finding>,
    /// What differs from the baseline, by model.
    pub differences: BTreeMap<ArtifactPath, Vec<Difference>>,
    /// What was read.
    pub coverage: Vec<Coverage>,
}

/// How two models differ.
#[derive(Clone, Copy, Debug)]
pub struct Diff<'a> {
    /// Whether every file of one is in the other, byte for byte.
    pub same_bytes: bool,
    /// What differs in files, layers, tensors, imported names and metadata.
    pub differences: &'a [Difference],
    /// What differs in numbers.
    pub weights: &'a [WeightsCompared],
}

/// The id of the finding at `index`: `F1` is the first.
pub fn finding_id(index: usize) -> String {
    format!("F{}", index.saturating_add(1))
}

/// The findings in an artifact and in its members, with their positions.
fn findings_in<'a>(
    path: &'a ArtifactPath,
    findings: &'a [Finding],
) -> impl Iterator<Item = (usize, &'a Finding)> {
    findings.iter().enumerate().filter(|(_, finding)| {
        finding
            .artifact
            .as_str()
            .strip_prefix(path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(ArtifactPath::MEMBER))
    })
}
