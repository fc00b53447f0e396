//! A [`Case`](wb_core::Case) as text, JSON, HTML and SARIF. Reports are views: they compute nothing.

use wb_core::{Artifact, Coverage, Finding, IndexedIndicator, Verdict};

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
