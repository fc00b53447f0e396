//! A case as `--format json` saved it, read again: what `show` and `gate` work on, so that they need
//! neither the evidence nor a second investigation.

use serde::Deserialize;
use std::fmt;

/// A saved case. Members that are not needed are not read; members may be added to the document.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    schema: String,
    /// The answer in one look.
    pub conclusion: Conclusion,
    /// Every artifact, by path.
    pub artifacts: Vec<Artifact>,
    /// Findings, gravest first.
    pub findings: Vec<Finding>,
    /// What can be looked for elsewhere.
    pub indicators: Vec<Indicator>,
    /// Events that matter, in time order.
    pub timeline: Vec<Entry>,
    /// Connections.
    pub flows: Vec<Flow>,
    /// Recorded digests against files.
    pub integrity: Vec<Integrity>,
    /// Identifiers put together.
    pub identifiers: Vec<Identifier>,
    /// The times and places analysts are asked for.
    #[serde(default)]
    pub facts: Facts,
    /// Evidence that cannot all be the whole truth.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
    /// What is not there.
    pub missing: Vec<String>,
    /// Decisions on candidates.
    pub candidates: Vec<Candidate>,
    /// What to do, in order.
    #[serde(default)]
    pub recommendations: Vec<Recommendation>,
    /// What was read.
    pub coverage: Vec<Coverage>,
    /// What is inside artifacts.
    pub details: Vec<Detail>,
}

/// The answer in one look.
#[derive(Clone, Debug, Deserialize)]
pub struct Conclusion {
    /// Whether anything malicious ran, or stands where it would run.
    pub compromised: bool,
    /// `high`, `medium` or `low`.
    pub confidence: String,
    /// One or two sentences.
    pub summary: String,
}

/// A file or a member of one.
#[derive(Clone, Debug, Deserialize)]
pub struct Artifact {
    /// Where it is.
    pub path: String,
    /// Lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Bytes.
    pub size: u64,
    /// By content.
    pub format: Option<String>,
    /// What it is to the incident.
    pub role: String,
    /// Why.
    pub role_because: Vec<String>,
    /// What the rules make of it.
    pub verdict: String,
    /// Ids of findings in it and in its members.
    pub findings: Vec<String>,
}

/// What a rule says.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    /// `F1` is the gravest.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// How bad, if true.
    pub severity: String,
    /// How sure.
    pub confidence: String,
    /// What it alone makes of the artifact.
    pub verdict: String,
    /// The artifact.
    pub artifact: String,
    /// Where in it.
    pub location: Location,
    /// What is the matter.
    pub headline: String,
    /// The callable.
    pub call: Option<String>,
    /// What would run.
    pub payloads: Vec<Payload>,
    /// What makes it happen.
    pub trigger: Option<String>,
    /// ATLAS and ATT&CK ids.
    pub techniques: Vec<String>,
    /// What can be looked for elsewhere.
    pub indicators: Vec<String>,
    /// Where its indicators were seen again.
    pub seen_again: Vec<SeenAgain>,
    /// What it rests on; the first is its own location.
    pub evidence: Vec<Evidence>,
    /// What to do now.
    pub next: String,
}

/// A place in an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Location {
    /// In the format's own terms.
    pub place: String,
    /// First byte.
    pub offset: Option<u64>,
    /// Bytes.
    pub length: Option<u64>,
    /// Layer, node or template.
    pub component: Option<String>,
    /// Counted from 1.
    pub line: Option<u64>,
}

/// Code with the encodings taken off.
#[derive(Clone, Debug, Deserialize)]
pub struct Payload {
    /// Its language.
    pub kind: String,
    /// Encodings, outermost first.
    pub layers: Vec<String>,
    /// The code.
    pub text: String,
}

/// An indicator in another artifact.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenAgain {
    /// The indicator.
    pub indicator: String,
    /// The artifact.
    pub artifact: String,
    /// Its line.
    pub line: u64,
}

/// Bytes that show something.
#[derive(Clone, Debug, Deserialize)]
pub struct Evidence {
    /// The artifact.
    pub artifact: String,
    /// Where in it.
    pub location: Location,
    /// What they show.
    pub because: String,
}

/// Something that can be looked for elsewhere.
#[derive(Clone, Debug, Deserialize)]
pub struct Indicator {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    pub value: String,
}

/// An event that matters.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// RFC 3339, UTC.
    pub time: String,
    /// How the time is known.
    pub time_basis: String,
    /// The log.
    pub artifact: String,
    /// Counted from 1.
    pub line: u64,
    /// Offset of the line.
    pub offset: u64,
    /// What happened, in one word.
    pub kind: String,
    /// Which key moment it is.
    pub key: Option<String>,
    /// What happened.
    pub summary: String,
    /// `observed`, `inferred` or `missing`.
    pub status: String,
    /// The record.
    pub raw: String,
}

/// Connections from one source to one destination.
#[derive(Clone, Debug, Deserialize)]
pub struct Flow {
    /// Who asked.
    pub source: String,
    /// Where to.
    pub destination: String,
    /// Its name.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Attempts.
    pub count: u64,
    /// Attempts that were stopped.
    pub blocked: u64,
    /// Bytes that the source sent.
    #[serde(default)]
    pub bytes_out: u64,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub first: String,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub last: String,
    /// How regular it is.
    #[serde(default)]
    pub beacon: Beacon,
    /// The record of the first attempt, as `path:line`.
    #[serde(default)]
    pub first_record: String,
    /// Whether it goes to a destination of the compromise.
    pub of_compromise: bool,
}

/// How regular a flow is.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Beacon {
    /// `periodic`, `jittered`, `irregular` or `insufficient`.
    pub state: String,
    /// From 0 (no pattern) to 1 (clockwork).
    pub score: f64,
    /// Median seconds between attempts.
    pub period_seconds: Option<f64>,
}

/// The times and places analysts are asked for; absent where not known.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Where models came from before.
    pub source_before: Option<String>,
    /// Where they came from afterwards.
    pub source_after: Option<String>,
    /// When the compromise came in.
    pub introduced_at: Option<String>,
    /// When it was loaded.
    pub loaded_at: Option<String>,
    /// When it first called out.
    pub first_outbound_at: Option<String>,
    /// When it was noticed.
    pub detected_at: Option<String>,
    /// When it was first stopped.
    pub blocked_at: Option<String>,
    /// Hosts that it ran on.
    pub host_affected: Vec<String>,
}

/// Pieces of evidence that cannot both be the whole truth.
#[derive(Clone, Debug, Deserialize)]
pub struct Contradiction {
    /// What does not fit.
    pub what: String,
    /// What says so.
    pub evidence: Vec<String>,
}

/// Something to do.
#[derive(Clone, Debug, Deserialize)]
pub struct Recommendation {
    /// `contain`, `eradicate`, `recover` or `prevent`.
    pub phase: String,
    /// What.
    pub what: String,
    /// The command that does it.
    pub command: Option<String>,
}

/// A recorded digest against a file.
#[derive(Clone, Debug, Deserialize)]
pub struct Integrity {
    /// The file.
    pub artifact: String,
    /// As measured.
    pub actual_sha256: String,
    /// As recorded, whole or a prefix.
    pub recorded_sha256: Option<String>,
    /// Where.
    pub recorded_in: Option<String>,
    /// Whether they agree.
    #[serde(rename = "match")]
    pub matches: Option<bool>,
}

/// An identifier and its parts.
#[derive(Clone, Debug, Deserialize)]
pub struct Identifier {
    /// The whole.
    pub value: String,
    /// How sure.
    pub confidence: String,
    /// In order.
    pub parts: Vec<Part>,
    /// Why the parts belong together.
    #[serde(default)]
    pub join: String,
}

/// A part of an identifier.
#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    /// The artifact.
    pub artifact: String,
    /// Where in it.
    pub place: String,
    /// As it stands there.
    pub text: String,
}

/// May it be deployed.
#[derive(Clone, Debug, Deserialize)]
pub struct Candidate {
    /// The candidate.
    pub artifact: String,
    /// `approve`, `review` or `reject`.
    pub decision: String,
    /// Why.
    pub because: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Deserialize)]
pub struct Coverage {
    /// The artifact.
    pub artifact: String,
    /// `read`, `partial` or `unread`.
    pub state: String,
    /// Why.
    pub why: String,
}

/// What is inside an artifact.
#[derive(Clone, Debug, Deserialize)]
pub struct Detail {
    /// The artifact.
    pub artifact: String,
    /// Layers, nodes and other parts.
    pub components: usize,
    /// Tensors.
    pub tensors: usize,
    /// Metadata values.
    pub fields: usize,
    /// What would run, as text.
    pub listings: Vec<Listing>,
    /// What differs from the baseline.
    pub differences: Vec<Difference>,
    /// Records that the case refers to, and their neighbours.
    pub excerpt: Vec<Line>,
}

/// Code as text.
#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    /// Where it stands.
    pub place: String,
    /// What it was written in.
    pub language: String,
    /// The text.
    pub text: String,
    /// Lines that findings point at, counted from 1.
    pub marks: Vec<usize>,
}

/// One difference from a baseline.
#[derive(Clone, Debug, Deserialize)]
pub struct Difference {
    /// The baseline.
    pub baseline: String,
    /// `layer`, `tensor`, `global`, `field`.
    pub what: String,
    /// Its name.
    pub name: String,
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// Before and after.
    pub detail: String,
}

/// A line of a log.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// Counted from 1.
    pub line: u64,
    /// Its text.
    pub text: String,
}

/// User: the file holds no case.
#[derive(Debug)]
pub enum NotACase {
    /// It is no such JSON.
    NoCase(serde_json::Error),
    /// It is a document of another kind or version.
    Other(String),
}

impl fmt::Display for NotACase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCase(error) => write!(f, "it holds no case: {error}")?,
            Self::Other(schema) => write!(f, "it holds `{schema}`, not `{}`", crate::json::CASE)?,
        }
        f.write_str("\nhint: `weighbridge investigate DIR --format json > case.json` saves a case")
    }
}

impl std::error::Error for NotACase {}

/// Reads a saved case.
///
/// # Errors
/// When `text` is not what `--format json` prints for a case.
pub fn read(text: &str) -> Result<Case, NotACase> {
    let case: Case = serde_json::from_str(text).map_err(NotACase::NoCase)?;
    if case.schema == crate::json::CASE { Ok(case) } else { Err(NotACase::Other(case.schema)) }
}

/// Something of a case that can be shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A finding.
    Finding(&'a Finding),
    /// An event and its number.
    Entry(usize, &'a Entry),
    /// An artifact.
    Artifact(&'a Artifact),
}

impl Case {
    /// What `name` names: `F1` a finding, `E1` an event by its number in the timeline, `PATH:LINE` an event
    /// by its record, a path or the end of one, or the beginning of a digest, an artifact. All that fit when
    /// several do.
    pub fn named(&self, name: &str) -> Vec<Shown<'_>> {
        let id = name.to_ascii_uppercase();
        if let Some(finding) = self.findings.iter().find(|finding| finding.id == id) {
            return vec![Shown::Finding(finding)];
        }
        let number = id.strip_prefix('E').and_then(|number| number.parse::<usize>().ok());
        if let Some((at, entry)) =
            number.and_then(|at| Some((at, self.timeline.get(at.checked_sub(1)?)?)))
        {
            return vec![Shown::Entry(at, entry)];
        }
        if let Some((path, line)) = name.rsplit_once(':')
            && let Ok(line) = line.parse::<u64>()
        {
            let of_line =
                |(_, entry): &(usize, &Entry)| entry.line == line && is_end(&entry.artifact, path);
            let found: Vec<_> = (1..).zip(&self.timeline).filter(of_line).collect();
            if !found.is_empty() {
                return found.into_iter().map(|(at, entry)| Shown::Entry(at, entry)).collect();
            }
        }
        self.artifacts(name).into_iter().map(Shown::Artifact).collect()
    }

    fn artifacts(&self, name: &str) -> Vec<&Artifact> {
        if let Some(exact) = self.artifacts.iter().find(|artifact| artifact.path == name) {
            return vec![exact];
        }
        let digest = name.to_ascii_lowercase();
        let is_digest = digest.len() >= 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = |artifact: &&Artifact| {
            is_end(&artifact.path, name)
                || (is_digest
                    && artifact.sha256.as_deref().is_some_and(|all| all.starts_with(&digest)))
        };
        self.artifacts.iter().filter(fits).collect()
    }

    /// What is inside the artifact at `path`.
    pub fn detail(&self, path: &str) -> Option<&Detail> {
        self.details.iter().find(|detail| detail.artifact == path)
    }
}

/// Whether `end` is `path` or its last components.
fn is_end(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
