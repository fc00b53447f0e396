//! The JSON documents as types: [`CaseDocument`] and [`ScanDocument`]. Member names and meanings are the
//! output contract; members may be added, none may change its meaning without a new version.

use super::reasoning::{
    ComparedObject, DeploymentObject, JudgementObject, LoadsObject, ReachedObject, StepObject,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use wb_core::{EventKind, KeyMoment, Role};

/// The names of every event kind, for the schema.
fn event_kinds() -> Vec<&'static str> {
    EventKind::ALL.iter().map(|kind| kind.name()).collect()
}

/// The names of every key moment and `null`, for the schema.
fn key_moments() -> Vec<Value> {
    KeyMoment::ALL.iter().map(|key| Value::from(key.name())).chain([Value::Null]).collect()
}

/// An incident case, as `weighbridge investigate --format json` prints it.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "weighbridge case")]
pub(super) struct CaseDocument<'a> {
    /// Name and version of this document's shape.
    #[schemars(extend("const" = super::CASE))]
    pub schema: &'static str,
    pub tool: ToolObject<'a>,
    pub conclusion: ConclusionObject<'a>,
    /// Every artifact, by path.
    pub artifacts: Vec<ArtifactObject<'a>>,
    /// Findings, gravest first.
    pub findings: Vec<FindingObject<'a>>,
    pub indicators: Vec<IndicatorObject<'a>>,
    /// The events that matter, in time order.
    pub timeline: Vec<TimelineObject<'a>>,
    pub flows: Vec<FlowObject<'a>>,
    pub integrity: Vec<IntegrityObject<'a>>,
    pub identifiers: Vec<IdentifierObject<'a>>,
    pub facts: FactsObject<'a>,
    pub contradictions: Vec<ContradictionObject<'a>>,
    /// What should be in the supplied evidence and is not.
    pub missing: &'a [String],
    pub candidates: Vec<CandidateObject<'a>>,
    pub recommendations: Vec<RecommendationObject<'a>>,
    /// What is held to be true, and why.
    pub judgements: Vec<JudgementObject<'a>>,
    /// Every stage of the attack, those included that nothing shows; empty when there was none.
    pub kill_chain: Vec<StepObject<'a>>,
    /// What is on record about each deployment and change.
    pub deployments: Vec<DeploymentObject<'a>>,
    pub loads: LoadsObject<'a>,
    /// What payloads would send against what captures show, field by field.
    pub exchanges: Vec<ComparedObject<'a>>,
    /// What else is affected.
    pub blast_radius: Vec<ReachedObject<'a>>,
    pub coverage: Vec<CoverageObject<'a>>,
    /// What is inside each artifact, for those that have something to show.
    pub details: Vec<DetailObject<'a>>,
}

/// What `weighbridge scan --format json` prints: artifacts and findings without a story.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "weighbridge scan")]
pub(super) struct ScanDocument<'a> {
    /// Name and version of this document's shape.
    #[schemars(extend("const" = super::SCAN))]
    pub schema: &'static str,
    pub tool: ToolObject<'a>,
    /// Every artifact, by path.
    pub artifacts: Vec<ArtifactObject<'a>>,
    /// Findings, gravest first.
    pub findings: Vec<FindingObject<'a>>,
    pub indicators: Vec<IndicatorObject<'a>>,
    pub coverage: Vec<CoverageObject<'a>>,
}

/// What `weighbridge gate --format json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "weighbridge gate")]
pub(super) struct GateDocument<'a> {
    /// Name and version of this document's shape.
    #[schemars(extend("const" = super::GATE))]
    pub schema: &'static str,
    pub tool: ToolObject<'a>,
    /// The worst of all decisions; `null` when there was no model to decide on.
    #[schemars(extend("enum" = ["approve", "reject", "review", null]))]
    pub decision: Option<&'static str>,
    /// Every model, and whatever lies beside it and speaks against it.
    pub candidates: Vec<GatedObject<'a>>,
    /// Findings in the candidate, gravest first.
    pub findings: Vec<FindingObject<'a>>,
    pub coverage: Vec<CoverageObject<'a>>,
}

/// A decision on one file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "gated")]
pub(super) struct GatedObject<'a> {
    pub artifact: &'a str,
    /// Lower-case hexadecimal.
    pub sha256: Option<&'a str>,
    #[schemars(extend("enum" = ["approve", "reject", "review"]))]
    pub decision: &'static str,
    pub because: &'a [String],
    /// What differs from the baseline.
    pub differences: Vec<DifferenceObject<'a>>,
}

/// Which tool made the document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "tool")]
pub(super) struct ToolObject<'a> {
    pub version: &'a str,
    /// SHA-256 of rules and knowledge.
    pub rulebook: &'a str,
}

/// The answer in one look.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "conclusion")]
pub(super) struct ConclusionObject<'a> {
    /// Whether anything malicious ran, or stands where it would run.
    pub compromised: bool,
    #[schemars(extend("enum" = ["high", "medium", "low"]))]
    pub confidence: &'static str,
    pub summary: &'a str,
}

/// A file, or a member of one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "artifact")]
pub(super) struct ArtifactObject<'a> {
    /// Relative path with `/`; members of containers follow after `!/`.
    pub path: &'a str,
    /// Lower-case hexadecimal, or `null` when it was not hashed.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Format or log source, by content.
    pub format: Option<&'static str>,
    #[schemars(extend("enum" = Role::ALL.map(Role::name)))]
    pub role: &'static str,
    pub role_because: &'a [String],
    #[schemars(extend("enum" = ["malicious", "suspicious", "unknown", "clean"]))]
    pub verdict: &'static str,
    /// Ids of the findings in it and in its members.
    pub findings: Vec<String>,
}

/// What a rule says about an artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "finding")]
pub(super) struct FindingObject<'a> {
    #[schemars(regex(pattern = r"^F[1-9][0-9]*$"))]
    pub id: String,
    pub rule: &'static str,
    #[schemars(extend("enum" = ["critical", "high", "medium", "low", "info"]))]
    pub severity: &'static str,
    #[schemars(extend("enum" = ["high", "medium", "low"]))]
    pub confidence: &'static str,
    #[schemars(extend("enum" = ["malicious", "suspicious", "unknown", "clean"]))]
    pub verdict: &'static str,
    pub artifact: &'a str,
    pub location: LocationObject<'a>,
    pub headline: &'a str,
    /// Canonical dotted name, where there is one.
    pub call: Option<&'a str>,
    pub payloads: Vec<PayloadObject<'a>>,
    #[schemars(extend("enum" = ["load", "inference", "import", "install", "template", null]))]
    pub trigger: Option<&'static str>,
    /// MITRE ATLAS and ATT&CK ids.
    pub techniques: &'a [&'static str],
    /// Values that can be looked for elsewhere.
    pub indicators: Vec<&'a str>,
    /// Where its indicators were seen outside its artifact.
    pub seen_again: Vec<SeenAgainObject<'a>>,
    /// What it rests on; the first is its own location.
    pub evidence: Vec<EvidenceObject<'a>>,
    /// What to do now.
    pub next: &'a str,
}

/// A place in an artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "location")]
pub(super) struct LocationObject<'a> {
    /// In the format's own terms.
    pub place: &'a str,
    /// First byte, from the start of the artifact.
    pub offset: Option<u64>,
    /// Bytes.
    pub length: Option<u64>,
    /// Layer, node or template.
    pub component: Option<&'a str>,
    /// Counted from 1.
    pub line: Option<u64>,
}

/// Code or data with the encodings taken off.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "payload")]
pub(super) struct PayloadObject<'a> {
    pub kind: &'static str,
    /// Encodings, outermost first.
    pub layers: &'a [String],
    pub text: &'a str,
}

/// An indicator of a finding, seen in another artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "seen_again")]
pub(super) struct SeenAgainObject<'a> {
    pub indicator: &'a str,
    pub artifact: &'a str,
    pub line: u64,
}

/// Bytes that show something.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "evidence")]
pub(super) struct EvidenceObject<'a> {
    pub artifact: &'a str,
    pub location: LocationObject<'a>,
    pub because: &'a str,
}

/// Something that can be seen again elsewhere.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "indicator")]
pub(super) struct IndicatorObject<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub value: &'a str,
    pub sources: Vec<SourceObject<'a>>,
}

/// An artifact and a place in it, in words.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "source")]
pub(super) struct SourceObject<'a> {
    pub artifact: &'a str,
    pub place: &'a str,
}

/// An event that matters.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "timeline_entry")]
pub(super) struct TimelineObject<'a> {
    /// RFC 3339, UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    #[schemars(extend("enum" = [
        "explicit", "offset-from-name", "zone-from-clock-change", "zone-from-other-log",
        "assumed-utc", "inferred-year"
    ]))]
    pub time_basis: &'static str,
    pub artifact: &'a str,
    /// Counted from 1, in the decompressed text.
    pub line: u64,
    /// Offset of the line's first byte, in the decompressed text.
    pub offset: u64,
    #[schemars(extend("enum" = event_kinds()))]
    pub kind: &'static str,
    #[schemars(extend("enum" = key_moments()))]
    pub key: Option<&'static str>,
    pub summary: &'a str,
    #[schemars(extend("enum" = ["observed", "inferred", "missing"]))]
    pub status: &'static str,
    /// The record itself, cut to a few hundred characters.
    pub raw: &'a str,
}

/// Connections from one source to one destination, host and port.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "flow")]
pub(super) struct FlowObject<'a> {
    pub source: &'a str,
    pub destination: &'a str,
    pub host: Option<&'a str>,
    pub port: Option<u16>,
    #[schemars(extend("format" = "date-time"))]
    pub first: String,
    #[schemars(extend("format" = "date-time"))]
    pub last: String,
    /// Attempts.
    pub count: u64,
    /// Attempts that were stopped.
    pub blocked: u64,
    pub bytes_out: u64,
    pub beacon: BeaconObject,
    /// Whether it goes to a destination of the compromise.
    pub of_compromise: bool,
    /// The record of the first attempt, as `path:line`.
    pub first_record: String,
}

/// Regularity of a flow.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "beacon")]
pub(super) struct BeaconObject {
    #[schemars(extend("enum" = ["periodic", "jittered", "irregular", "insufficient"]))]
    pub state: &'static str,
    /// From 0 (no pattern) to 1 (clockwork).
    pub score: f64,
    /// Median seconds between attempts.
    pub period_seconds: Option<f64>,
    /// What the score is made of, when there were enough attempts.
    pub parts: Option<BeaconPartsObject>,
    /// What innocent traffic of this kind usually is.
    pub innocent: Option<&'static str>,
}

/// The parts of a beacon score, each from 0 to 1.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "beacon_parts")]
pub(super) struct BeaconPartsObject {
    /// Regularity of the intervals.
    pub timestamp: f64,
    /// Regularity of the bytes sent, when records say them.
    pub size: Option<f64>,
    /// Evenness over the active span.
    pub histogram: f64,
    /// How much of the active span has attempts.
    pub duration: f64,
    /// The score over the last day of all records, as RITA v5 computes it.
    pub over_last_day: Option<f64>,
}

/// A recorded digest against a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "integrity")]
pub(super) struct IntegrityObject<'a> {
    pub artifact: &'a str,
    pub actual_sha256: &'a str,
    /// Whole or a prefix; `null` when nothing records one.
    pub recorded_sha256: Option<&'a str>,
    /// The record, as `path:line`.
    pub recorded_in: Option<String>,
    /// `null` when nothing is recorded.
    #[serde(rename = "match")]
    pub matches: Option<bool>,
}

/// An identifier of a campaign, session or incident.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "identifier")]
pub(super) struct IdentifierObject<'a> {
    pub value: &'a str,
    #[schemars(extend("enum" = ["high", "medium", "low"]))]
    pub confidence: &'static str,
    pub parts: Vec<PartObject<'a>>,
    /// Why the parts belong together.
    pub join: &'a str,
}

/// A part of an identifier as it stands in an artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "part")]
pub(super) struct PartObject<'a> {
    pub artifact: &'a str,
    pub place: &'a str,
    pub text: &'a str,
}

/// The answers analysts are asked for; each is absent when it is not known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "facts")]
pub(super) struct FactsObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_before: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introduced_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_outbound_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_outbound_at: Option<String>,
    /// From introduction to detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_seconds: Option<i64>,
    /// From introduction to detection, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_calendar_days: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub execution: Vec<ExecutionObject<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<NetworkObject<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub host_affected: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentObject<'a>>,
}

/// Something that runs.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "execution")]
pub(super) struct ExecutionObject<'a> {
    pub artifact: &'a str,
    pub call: &'a str,
    /// The innermost readable command or code.
    pub command: &'a str,
    #[schemars(extend("enum" = ["load", "inference", "import", "install", "template", null]))]
    pub trigger: Option<&'static str>,
}

/// Something sent over the network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "network")]
pub(super) struct NetworkObject<'a> {
    pub method: Option<&'a str>,
    pub scheme: Option<&'a str>,
    pub host: &'a str,
    pub port: Option<u16>,
    pub path: Option<&'a str>,
    #[schemars(extend("enum" = ["capture", "payload"]))]
    pub seen_in: &'static str,
}

/// A part of a model that is suspicious.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "component")]
pub(super) struct ComponentObject<'a> {
    pub artifact: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
    pub why: &'a str,
}

/// Two pieces of evidence that cannot both be the whole truth.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "contradiction")]
pub(super) struct ContradictionObject<'a> {
    pub what: &'a str,
    pub evidence: &'a [String],
}

/// May a candidate be deployed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "candidate")]
pub(super) struct CandidateObject<'a> {
    pub artifact: &'a str,
    #[schemars(extend("enum" = ["approve", "reject", "review"]))]
    pub decision: &'static str,
    pub because: &'a [String],
}

/// Something to do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "recommendation")]
pub(super) struct RecommendationObject<'a> {
    /// Counted from 1.
    pub order: usize,
    #[schemars(extend("enum" = ["contain", "eradicate", "recover", "prevent"]))]
    pub phase: &'static str,
    pub what: &'a str,
    /// The command that does it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
}

/// What was read of an artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "coverage")]
pub(super) struct CoverageObject<'a> {
    pub artifact: &'a str,
    #[schemars(extend("enum" = ["read", "partial", "unread"]))]
    pub state: &'static str,
    pub why: &'a str,
}

/// What is inside an artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "detail")]
pub(super) struct DetailObject<'a> {
    pub artifact: &'a str,
    /// How many layers, nodes and other parts it has.
    pub components: usize,
    /// How many tensors it has.
    pub tensors: usize,
    /// How many metadata values it has.
    pub fields: usize,
    /// What would run, as readable text.
    pub listings: Vec<ListingObject<'a>>,
    /// What differs from the baseline.
    pub differences: Vec<DifferenceObject<'a>>,
    /// Raw records that the case refers to, and their neighbours.
    pub excerpt: Vec<ExcerptObject<'a>>,
}

/// Code as readable text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "listing")]
pub(super) struct ListingObject<'a> {
    pub place: &'a str,
    pub language: &'static str,
    pub text: &'a str,
    /// Lines that findings point at, counted from 1.
    pub marks: &'a [usize],
}

/// One difference from a baseline.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "difference")]
pub(super) struct DifferenceObject<'a> {
    pub baseline: &'a str,
    /// `layer`, `tensor`, `global`, `field`, `weights`, `file`.
    pub what: &'static str,
    pub name: &'a str,
    #[schemars(extend("enum" = ["added", "removed", "changed"]))]
    pub change: &'static str,
    pub detail: &'a str,
}

/// A line of a text artifact.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "excerpt_line")]
pub(super) struct ExcerptObject<'a> {
    /// Counted from 1.
    pub line: u64,
    pub text: &'a str,
}

/// What an artifact holds, as `weighbridge inspect --format json` prints it.
#[derive(Serialize)]
pub(super) struct InventoryObject<'a> {
    pub path: &'a str,
    pub sha256: Option<String>,
    pub size: u64,
    pub format: Option<&'static str>,
    pub components: Vec<PartOfModelObject<'a>>,
    pub tensors: Vec<TensorObject<'a>>,
    pub fields: Vec<FieldObject<'a>>,
    pub licences: Vec<LicenceObject<'a>>,
    pub listings: Vec<ListingObject<'a>>,
}

/// A licence that the artifact states.
#[derive(Serialize)]
pub(super) struct LicenceObject<'a> {
    /// The identifier of the SPDX License List, or else what is written.
    pub name: &'a str,
    pub written: &'a str,
    pub spdx: Option<&'a str>,
    /// `open`, `restricted` or `unknown`.
    pub standing: &'static str,
    /// What it restricts; empty when it restricts nothing.
    pub restricts: &'a str,
    pub place: &'a str,
}

/// A layer, node or requirement.
#[derive(Serialize)]
pub(super) struct PartOfModelObject<'a> {
    pub kind: &'static str,
    pub name: &'a str,
    pub class: &'a str,
    pub module: Option<&'a str>,
    pub place: &'a str,
    pub settings: Vec<FieldObject<'a>>,
}

/// A tensor.
#[derive(Serialize)]
pub(super) struct TensorObject<'a> {
    pub name: &'a str,
    pub dtype: &'a str,
    pub shape: &'a [u64],
    pub offset: Option<u64>,
    pub length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<super::diff::StatisticsObject>,
}

/// A setting or a metadata value.
#[derive(Serialize)]
pub(super) struct FieldObject<'a> {
    pub path: &'a str,
    pub value: &'a str,
}
