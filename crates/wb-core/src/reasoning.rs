//! [`Reasoning`]: how a case argues. Judgements with what they rest on, the chain of the attack with its
//! empty links, deployments side by side, loads with what followed them, and how far it all reaches.

use crate::{ArtifactPath, Confidence, RecordRef, Status};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How a case argues. Empty when nothing in it needs an argument.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// What is held to be true, in the order in which a reader asks.
    pub judgements: Vec<Judgement>,
    /// Every stage of the attack, in order; those that nothing shows are [`Status::Missing`].
    pub chain: Vec<Step>,
    /// What is on record about each deployment and change, in time order.
    pub deployments: Vec<DeploymentRow>,
    /// Loads, and what followed them.
    pub loads: Loads,
    /// What payloads would send against what captures show, field by field.
    pub exchanges: Vec<Compared>,
    /// What else is affected, surest first within its kind.
    pub reach: Vec<Reached>,
}

impl Reasoning {
    /// The attributes that any deployment says something about or lacks, in their order.
    pub fn attributes(&self) -> Vec<Attribute> {
        let told = |attribute: &Attribute| {
            let mut rows = self.deployments.iter();
            rows.any(|row| row.said.contains_key(attribute) || row.lacks.contains(attribute))
        };
        Attribute::ALL.into_iter().filter(told).collect()
    }
}

/// A piece of evidence: a place, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ground {
    /// The artifact or log.
    pub artifact: ArtifactPath,
    /// Where in it, in words.
    pub place: String,
    /// What it shows, in one clause.
    pub why: String,
}

impl Ground {
    /// What a place in an artifact shows.
    pub fn new(artifact: &ArtifactPath, place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { artifact: artifact.clone(), place: place.into(), why: why.into() }
    }

    /// What a record shows.
    pub fn at(record: &RecordRef, why: impl Into<String>) -> Self {
        Self::new(&record.artifact, format!("line {}", record.line), why)
    }
}

/// Something held to be true: what it rests on, how sure it is, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The rule that leads from the grounds to the statement, such as `payload-ran`.
    pub rule: &'static str,
    /// The statement, in one sentence without a full stop.
    pub statement: String,
    /// Whether records say so, or it follows from them; missing when nothing shows it.
    pub status: Status,
    /// How sure.
    pub confidence: Confidence,
    /// What it rests on.
    pub grounds: Vec<Ground>,
    /// What would change it, in one sentence without a full stop.
    pub would_change: String,
}

/// The stages of an attack by way of a model, in order: from MITRE ATLAS tactics and ATT&CK's, as far as a
/// model has to go through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Where the model was prepared and offered.
    Source,
    /// How it came into service.
    Introduction,
    /// A process loaded it.
    Load,
    /// Its payload ran.
    Execution,
    /// The payload looked about on the host.
    Discovery,
    /// It called home.
    CommandAndControl,
    /// Data left.
    Exfiltration,
    /// Somebody or something noticed.
    Detection,
    /// It was stopped.
    Containment,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 9] = [
        Self::Source,
        Self::Introduction,
        Self::Load,
        Self::Execution,
        Self::Discovery,
        Self::CommandAndControl,
        Self::Exfiltration,
        Self::Detection,
        Self::Containment,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Introduction => "introduction",
            Self::Load => "load",
            Self::Execution => "execution",
            Self::Discovery => "discovery",
            Self::CommandAndControl => "command and control",
            Self::Exfiltration => "exfiltration",
            Self::Detection => "detection",
            Self::Containment => "containment",
        }
    }

    /// Whether it is the defenders' doing.
    pub const fn is_response(self) -> bool {
        matches!(self, Self::Detection | Self::Containment)
    }
}

/// A stage of the attack with the best evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// Whether a record shows it, or it follows from others; missing when nothing in the evidence does.
    pub status: Status,
    /// When, where that is known.
    pub time: Option<Timestamp>,
    /// What happened, or that nothing shows it.
    pub what: String,
    /// The evidence; none when it is missing.
    pub grounds: Vec<Ground>,
}

/// What a record of a deployment can say about it. A later deployment is compared with earlier ones by
/// these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Who asked for it.
    Requester,
    /// An approval, ticket or change id.
    Approval,
    /// The pipeline run that did it.
    Run,
    /// Where the model came from.
    Source,
    /// The revision of the source, pinned.
    Revision,
    /// A digest of the model.
    Hash,
}

impl Attribute {
    /// Every attribute, in the order of a deployment.
    pub const ALL: [Self; 6] =
        [Self::Requester, Self::Approval, Self::Run, Self::Source, Self::Revision, Self::Hash];

    /// The attribute in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Approval => "approval or ticket",
            Self::Run => "pipeline run",
            Self::Source => "source",
            Self::Revision => "pinned revision",
            Self::Hash => "hash",
        }
    }

    /// Whether every deployment should have it; the others are missed only where earlier deployments had
    /// them.
    pub const fn is_expected(self) -> bool {
        !matches!(self, Self::Run | Self::Revision)
    }
}

/// What is on record about one deployment or change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRow {
    /// When its first record was written.
    pub began: Timestamp,
    /// Its first record.
    pub record: RecordRef,
    /// `deployment`, `change`, `fetch` or `load`.
    pub kind: &'static str,
    /// The model files it names.
    pub files: Vec<String>,
    /// What is said about it, and where.
    pub said: BTreeMap<Attribute, Said>,
    /// Attributes that are not on record, though they are expected or an earlier deployment of the model
    /// had them.
    pub lacks: Vec<Attribute>,
    /// Whether it is the one that brought the compromise in.
    pub introduced: bool,
}

/// A value of an attribute, and the record that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The value, as the record has it.
    pub value: String,
    /// The record.
    pub record: RecordRef,
}

/// Loads of models, and the first contact to a destination of the compromise after each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loads {
    /// Every load that the network records cover, in time order.
    pub rows: Vec<LoadRow>,
    /// Contacts within this many seconds of a load are held to follow it.
    pub window_seconds: i64,
    /// Contacts to the compromise, and how many of them follow a load.
    pub contacts: (usize, usize),
    /// How many times more often contacts follow a load than they would if they fell anywhere in the
    /// records. `None` when there is too little to tell.
    pub lift: Option<f64>,
}

/// One load of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRow {
    /// When.
    pub time: Timestamp,
    /// The record.
    pub record: RecordRef,
    /// The model file, as far as the record names one.
    pub file: Option<String>,
    /// Seconds to the next contact to the compromise, before any further load; `None` when there was none.
    pub contact_after: Option<i64>,
}

/// One field of a request: as a payload would send it, and as a capture shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Where the request goes.
    pub host: String,
    /// `method`, `path`, `scheme`, `port`, or ``field `NAME` `` of the body or query.
    pub field: String,
    /// What the payload would send; `None` when it sends none.
    pub payload: Option<String>,
    /// What was captured; `None` when it was not.
    pub capture: Option<String>,
    /// Whether they agree; `None` where one side was not recorded.
    pub agrees: Option<bool>,
    /// The record, where one record gives the captured value.
    pub record: Option<RecordRef>,
}

/// The kinds of things an incident reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReachKind {
    /// A host, pod or address.
    Host,
    /// A model or other file.
    File,
    /// A secret that the payload could read.
    Secret,
    /// An account that took part in the change.
    Account,
}

impl ReachKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::File => "file",
            Self::Secret => "secret",
            Self::Account => "account",
        }
    }
}

/// Something that the incident reaches, and why it is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What kind of thing.
    pub kind: ReachKind,
    /// Its name.
    pub name: String,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub grounds: Vec<Ground>,
}
