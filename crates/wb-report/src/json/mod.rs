//! Cases and scans as JSON, and the [JSON Schema](schema) of each. Same input, same bytes.

mod convert;
mod diff;
mod model;
mod reasoning;

use crate::{Diff, Gate, Scan, Tool, escape};
use model::{CaseDocument, GateDocument, ScanDocument};
use schemars::generate::SchemaSettings;
use serde::Serialize;
use std::collections::BTreeMap;
use wb_core::{Artifact, Case, Dossier, Statistics};

/// Value of `schema` in a case.
pub const CASE: &str = "weighbridge.case/1";
/// Value of `schema` in a scan.
pub const SCAN: &str = "weighbridge.scan/1";

/// Value of `schema` in a decision of the gate.
pub const GATE: &str = "weighbridge.gate/1";

/// Value of `schema` in a comparison of two models.
pub const DIFF: &str = "weighbridge.diff/1";

/// A case as one pretty-printed object (`weighbridge.case/1`), ending in a line feed.
pub fn case(case: &Case, tool: &Tool) -> String {
    print(&convert::case(case, tool))
}

/// A scan as one pretty-printed object (`weighbridge.scan/1`), ending in a line feed.
pub fn scan(scan: &Scan, tool: &Tool) -> String {
    print(&convert::scan(scan, tool))
}

/// A decision of the gate as one pretty-printed object (`weighbridge.gate/1`), ending in a line feed.
pub fn gate(gate: &Gate, tool: &Tool) -> String {
    print(&convert::gate(gate, tool))
}

/// A comparison of two models as one pretty-printed object (`weighbridge.diff/1`), ending in a line feed.
pub fn diff(diff: &Diff<'_>, tool: &Tool) -> String {
    print(&diff::convert(diff, tool))
}

/// What artifacts hold, as one pretty-printed list: layers, tensors with their figures where these are given, metadata, code. Its shape is not
/// versioned.
pub fn inspect(artifacts: &[(&Artifact, Dossier, BTreeMap<String, Statistics>)]) -> String {
    let list: Vec<_> = artifacts
        .iter()
        .map(|(artifact, dossier, statistics)| convert::inventory(artifact, dossier, statistics))
        .collect();
    print(&list)
}

/// The documents that have a published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// What [`case`] prints.
    Case,
    /// What [`scan`] prints.
    Scan,
    /// What [`gate`] prints.
    Gate,
    /// What [`diff`](fn@diff) prints.
    Diff,
}

impl Document {
    /// Every document.
    pub const ALL: [Self; 4] = [Self::Case, Self::Scan, Self::Gate, Self::Diff];

    /// The name in `weighbridge schema NAME`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Scan => "scan",
            Self::Gate => "gate",
            Self::Diff => "diff",
        }
    }
}

/// The JSON Schema (draft 2020-12) of a document, pretty-printed. Members may be added later, so it
/// allows members that it does not name.
pub fn schema(document: Document) -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    print(&match document {
        Document::Case => generator.into_root_schema_for::<CaseDocument<'_>>(),
        Document::Scan => generator.into_root_schema_for::<ScanDocument<'_>>(),
        Document::Gate => generator.into_root_schema_for::<GateDocument<'_>>(),
        Document::Diff => generator.into_root_schema_for::<diff::DiffDocument<'_>>(),
    })
}

/// Pretty-prints a document, safe to show in a terminal.
pub(crate) fn print(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document)
        .expect("documents have string keys and finite numbers only");
    text.push('\n');
    escape::json(text)
}
