//! [`Case`]: everything an investigation concludes, each conclusion with its sources. Reports are views
//! of it; none computes anything of its own.

use crate::{
    Artifact, ArtifactPath, Component, Confidence, Coverage, EventKind, Field, Finding, Indicator,
    Language, Licence, Reasoning, RecordRef, RoleAssignment, Tensor, TimeBasis, Trigger, Verdict,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A whole case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Did anything malicious run, and how sure is that.
    pub conclusion: Conclusion,
    /// Every artifact, by path.
    pub artifacts: Vec<Artifact>,
    /// The role of every artifact.
    pub roles: BTreeMap<ArtifactPath, RoleAssignment>,
    /// The verdict on every artifact.
    pub verdicts: BTreeMap<ArtifactPath, Verdict>,
    /// Findings, gravest first. A finding's id is `F` and its position here, counted from 1.
    pub findings: Vec<Finding>,
    /// Where a finding's indicators were seen outside its artifact: position in `findings` to places.
    pub seen_again: BTreeMap<usize, Vec<SeenAgain>>,
    /// Every indicator with its places.
    pub indicators: Vec<IndexedIndicator>,
    /// The events that matter, in time order.
    pub timeline: Vec<TimelineEntry>,
    /// Connections, aggregated by source, destination and port.
    pub flows: Vec<Flow>,
    /// Recorded digests against files.
    pub integrity: Vec<Integrity>,
    /// Identifiers put together from parts, or shared.
    pub identifiers: Vec<Identifier>,
    /// The answers analysts are asked for.
    pub answers: Answers,
    /// What the evidence says against itself.
    pub contradictions: Vec<Contradiction>,
    /// What should be there and is not, in sentences that say "in the supplied evidence".
    pub missing: Vec<String>,
    /// May each candidate be deployed.
    pub candidates: Vec<CandidateDecision>,
    /// What to do, in order.
    pub recommendations: Vec<Recommendation>,
    /// How it argues.
    pub reasoning: Reasoning,
    /// What was read.
    pub coverage: Vec<Coverage>,
    /// What reports show about each artifact beyond its findings.
    pub dossiers: BTreeMap<ArtifactPath, Dossier>,
}

/// The answer in one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// Whether anything malicious ran, or stands where it would run.
    pub compromised: Compromise,
    /// How sure.
    pub confidence: Confidence,
    /// One or two sentences that a manager can read.
    pub summary: String,
}

/// Whether anything malicious ran, or stands where it would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compromise {
    /// A malicious artifact is in production, or the logs show one at work.
    Yes,
    /// Nothing malicious was found where it would run.
    No,
}

/// An indicator of a finding, seen in another artifact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenAgain {
    /// The indicator.
    pub indicator: Indicator,
    /// Where it was seen again.
    pub record: RecordRef,
}

/// An indicator and every place it was seen in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedIndicator {
    /// The indicator.
    pub indicator: Indicator,
    /// Artifact and place in words.
    pub sources: Vec<(ArtifactPath, String)>,
}

/// Whether something was seen, concluded, or ought to be there and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A record says so.
    Observed,
    /// It follows from other evidence.
    Inferred,
    /// Nothing in the supplied evidence shows it.
    Missing,
}

impl Status {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Missing => "missing",
        }
    }
}

/// The moments every report names; each marks at most one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyMoment {
    /// The change or deployment that brought the malicious artifact in.
    Introduced,
    /// Its first load.
    Loaded,
    /// The earliest connection attempt to a destination of the compromise.
    FirstOutbound,
    /// The first alert about it.
    Detection,
    /// The first attempt that was stopped.
    FirstBlock,
    /// The last attempt.
    LastOutbound,
}

impl KeyMoment {
    /// Every key moment, in the order of a story.
    pub const ALL: [Self; 6] = [
        Self::Introduced,
        Self::Loaded,
        Self::FirstOutbound,
        Self::Detection,
        Self::FirstBlock,
        Self::LastOutbound,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Loaded => "loaded",
            Self::FirstOutbound => "first_outbound",
            Self::Detection => "detection",
            Self::FirstBlock => "first_block",
            Self::LastOutbound => "last_outbound",
        }
    }
}

/// An event that matters to the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub time: Timestamp,
    /// How the time is known.
    pub time_basis: TimeBasis,
    /// The record.
    pub record: RecordRef,
    /// What happened, in one word.
    pub kind: EventKind,
    /// Which key moment it is, if any.
    pub key: Option<KeyMoment>,
    /// What happened, in one line.
    pub summary: String,
    /// Observed or inferred.
    pub status: Status,
    /// The raw record, cut to a few hundred characters.
    pub raw: String,
}

/// Connections from one source to one destination, host and port.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Source address or host.
    pub source: String,
    /// Destination address; the host name when no address is known.
    pub destination: String,
    /// Host name of the destination, when a record or a DNS answer gives it.
    pub host: Option<String>,
    /// Destination port.
    pub port: Option<u16>,
    /// First attempt.
    pub first: Timestamp,
    /// Last attempt.
    pub last: Timestamp,
    /// Attempts.
    pub count: u64,
    /// Attempts that were stopped.
    pub blocked: u64,
    /// Bytes sent, as far as records say.
    pub bytes_out: u64,
    /// Regularity.
    pub beacon: Beacon,
    /// Whether it goes to a destination of the compromise.
    pub of_compromise: bool,
    /// The record of the first attempt.
    pub first_record: RecordRef,
    /// Seconds between attempts, for plots; at most a few hundred.
    pub intervals: Vec<f64>,
}

impl Flow {
    /// Whether it went on after `block`, sent something, and nothing stopped any of it: a way out that the
    /// block does not cover.
    pub fn passed_after(&self, block: Timestamp) -> bool {
        self.blocked == 0 && self.bytes_out > 0 && self.last > block
    }
}

/// How regular the attempts of a flow are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beacon {
    /// In one word.
    pub state: BeaconState,
    /// From 0 (no pattern) to 1 (clockwork).
    pub score: f64,
    /// Median seconds between attempts.
    pub period_seconds: Option<f64>,
    /// What the score is made of, when there were enough attempts.
    pub parts: Option<BeaconParts>,
    /// What innocent traffic of this kind usually is, such as `name resolution`.
    pub innocent: Option<&'static str>,
}

/// The parts of a beacon score, each from 0 to 1: those of RITA v5, over the flow's own active span, so that
/// a short log is not held against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeaconParts {
    /// Regularity of the intervals: symmetry (Bowley skewness) and spread (median absolute deviation).
    pub timestamp: f64,
    /// The same of the bytes sent; `None` when records do not say them.
    pub size: Option<f64>,
    /// Evenness over the active span.
    pub histogram: f64,
    /// How much of the active span has attempts.
    pub duration: f64,
    /// The score as RITA v5 computes it, over the last day of all records; `None` when that day has too few
    /// attempts.
    pub over_last_day: Option<f64>,
}

/// Regularity in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BeaconState {
    /// Nearly the same interval every time.
    Periodic,
    /// Around one interval, spread on purpose or by load.
    Jittered,
    /// No common interval.
    Irregular,
    /// Too few attempts to tell.
    Insufficient,
}

impl BeaconState {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Jittered => "jittered",
            Self::Irregular => "irregular",
            Self::Insufficient => "insufficient",
        }
    }
}

/// A recorded digest against a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integrity {
    /// The file.
    pub artifact: ArtifactPath,
    /// Its SHA-256 as measured.
    pub actual: String,
    /// The digest as recorded, whole or a prefix; `None` when nothing records one.
    pub recorded: Option<String>,
    /// The record.
    pub recorded_in: Option<RecordRef>,
    /// Whether they agree; `None` when nothing is recorded.
    pub matches: Option<bool>,
}

/// An identifier of a campaign, session or incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The whole value.
    pub value: String,
    /// How sure.
    pub confidence: Confidence,
    /// Its parts in order, each with its place.
    pub parts: Vec<IdentifierPart>,
    /// Why the parts belong together.
    pub join: String,
}

/// A part of an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierPart {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// Where in it, in words.
    pub place: String,
    /// The part as it stands there.
    pub text: String,
}

/// The answers analysts are asked for; absent when not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Where the model came from before the change.
    pub source_before: Option<String>,
    /// The first parts of both that differ, before and after, when the second could be taken for the first.
    pub source_look_alike: Option<(String, String)>,
    /// Where it came from after.
    pub source_after: Option<String>,
    /// When each key moment was.
    pub moments: BTreeMap<KeyMoment, Timestamp>,
    /// Seconds from introduction to detection.
    pub dwell_seconds: Option<i64>,
    /// Calendar days (UTC) from introduction to detection.
    pub dwell_calendar_days: Option<i64>,
    /// What runs.
    pub execution: Vec<Execution>,
    /// What is sent where.
    pub network: Vec<NetworkUse>,
    /// Hosts that are affected.
    pub host_affected: Vec<String>,
    /// Layers and other parts of models that are suspicious.
    pub components: Vec<SuspiciousComponent>,
}

/// Something that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// The callable.
    pub call: String,
    /// The innermost readable command or code.
    pub command: String,
    /// What makes it run.
    pub trigger: Option<Trigger>,
}

/// Something sent over the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkUse {
    /// HTTP method.
    pub method: Option<String>,
    /// Scheme, such as `https`.
    pub scheme: Option<String>,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
    /// Path and query.
    pub path: Option<String>,
    /// `capture` or `payload`.
    pub seen_in: &'static str,
}

/// A part of a model that is suspicious.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspiciousComponent {
    /// The artifact.
    pub artifact: ArtifactPath,
    /// What it is, such as `Lambda layer`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Why it is suspicious.
    pub why: String,
}

/// Two pieces of evidence that cannot both be the whole truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What does not fit, in one sentence.
    pub what: String,
    /// Where each side stands.
    pub evidence: Vec<String>,
}

/// May it be deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Nothing speaks against it.
    Approve,
    /// A person must look first.
    Review,
    /// No.
    Reject,
}

impl Decision {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Review => "review",
            Self::Reject => "reject",
        }
    }
}

/// The decision on a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateDecision {
    /// The candidate.
    pub artifact: ArtifactPath,
    /// The decision.
    pub decision: Decision,
    /// Its reasons.
    pub because: Vec<String>,
}

/// The phases of a response, after NIST SP 800-61.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Stop it from getting worse, and keep the evidence.
    Contain,
    /// Remove it.
    Eradicate,
    /// Return to service.
    Recover,
    /// Keep the next one out.
    Prevent,
}

impl Phase {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::Eradicate => "eradicate",
            Self::Recover => "recover",
            Self::Prevent => "prevent",
        }
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Which phase it belongs to.
    pub phase: Phase,
    /// What to do.
    pub what: String,
    /// The command that does it, filled in, where there is one.
    pub command: Option<String>,
}

/// What a report shows about one artifact beyond its findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dossier {
    /// Layers, nodes and other parts.
    pub components: Vec<Component>,
    /// Tensors.
    pub tensors: Vec<Tensor>,
    /// Metadata.
    pub fields: Vec<Field>,
    /// The terms that it says it may be used under.
    pub licences: Vec<Licence>,
    /// What would run, as readable text.
    pub listings: Vec<Listing>,
    /// What differs from the baseline.
    pub differences: Vec<Difference>,
    /// Raw records that the case refers to and their neighbours: line number and text, in order.
    pub excerpt: Vec<(u64, String)>,
}

/// Code as readable text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Where it stands in the artifact.
    pub place: String,
    /// What it was written in.
    pub language: Language,
    /// The text, lines separated by `\n`.
    pub text: String,
    /// Lines that findings point at, counted from 1.
    pub marks: Vec<usize>,
}

/// One difference from a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The baseline it was compared with.
    pub baseline: ArtifactPath,
    /// `layer`, `tensor`, `global`, `field`; `weights` for the numbers of a tensor or of all; `file`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Added, removed or changed.
    pub change: Change,
    /// Values before and after, in words.
    pub detail: String,
}

/// The ways in which something can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is not in the baseline.
    Added,
    /// It is only in the baseline.
    Removed,
    /// It is in both and not the same.
    Changed,
}

impl Change {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}
