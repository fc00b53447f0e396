//! The vocabulary of weighbridge. Read this crate first.
//!
//! A file is [`Bytes`]. A format turns bytes into [`Content`] (what the file holds, and the
//! [`Program`]s that would run) or a log source turns records into [`Event`]s. A rule turns content or
//! events into [`Finding`]s, each resting on [`Evidence`]: a [`Span`] of an artifact. [`Indicator`]s
//! appear in both worlds; joining on them makes a [`Case`].
//!
//! Nothing here reads a file, parses a format or knows JSON. Types own their names and point at their
//! bytes by span, so none has a lifetime except [`Bytes`] itself.

mod artifact;
mod budget;
mod bytes;
mod case;
mod content;
mod coverage;
mod digest;
mod effect;
mod event;
mod finding;
mod indicator;
mod licence;
mod program;
mod reasoning;
mod verdict;
mod weights;

pub use artifact::{Artifact, ArtifactPath, Claim, Origin, Role, RoleAssignment, Strength};
pub use budget::{Budget, Exhausted, Limits};
pub use bytes::{Bytes, Cursor, Span};
pub use case::{
    Answers, Beacon, BeaconParts, BeaconState, CandidateDecision, Case, Change, Compromise,
    Conclusion, Contradiction, Decision, Difference, Dossier, Execution, Flow, Identifier,
    IdentifierPart, IndexedIndicator, Integrity, KeyMoment, Listing, NetworkUse, Phase,
    Recommendation, SeenAgain, Status, SuspiciousComponent, TimelineEntry,
};
pub use content::{
    Child, ChildData, Component, Content, Field, Oddity, OddityKind, RecordedDigest, Strides,
    Tensor, Text,
};
pub use coverage::{Coverage, Gap, ReadState};
pub use digest::{Digest, DigestAlgorithm, Sha256};
pub use effect::{Capability, Effect, Payload, PayloadKind};
pub use event::{Event, EventKind, Instant, Net, NetVerdict, RecordRef, TimeBasis};
pub use finding::{Confidence, Evidence, Finding, FindingBuilder, Location, Severity};
pub use indicator::{Indicator, IndicatorKind};
pub use licence::{Licence, LicenceStanding};
pub use program::{
    CallStyle, Collection, Constant, Language, Op, OpKind, Program, Trigger, ValueId,
};
pub use reasoning::{
    Attribute, Compared, DeploymentRow, Ground, Judgement, LoadRow, Loads, ReachKind, Reached,
    Reasoning, Said, Stage, Step,
};
pub use verdict::Verdict;
pub use weights::{Relation, Statistics, TensorCompared, WeightsCompared};
