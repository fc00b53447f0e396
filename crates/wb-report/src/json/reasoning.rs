//! The members of the case document that say how the case argues.

use crate::time;
use crate::words::record;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use wb_core::{
    Attribute, Compared, DeploymentRow, Ground, Judgement, LoadRow, Loads, ReachKind, Reached,
    Stage, Step,
};

/// Something held to be true, what it rests on, and what would change it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "judgement")]
pub(super) struct JudgementObject<'a> {
    /// The rule that leads from the grounds to the statement.
    pub rule: &'static str,
    pub statement: &'a str,
    #[schemars(extend("enum" = ["observed", "inferred", "missing"]))]
    pub status: &'static str,
    #[schemars(extend("enum" = ["high", "medium", "low"]))]
    pub confidence: &'static str,
    pub grounds: Vec<GroundObject<'a>>,
    pub would_change: &'a str,
}

/// A place in an artifact and what it shows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ground")]
pub(super) struct GroundObject<'a> {
    pub artifact: &'a str,
    /// In words, such as `line 8`.
    pub place: &'a str,
    pub why: &'a str,
}

/// A stage of the attack with its best evidence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "kill_chain_step")]
pub(super) struct StepObject<'a> {
    #[schemars(extend("enum" = Stage::ALL.map(Stage::name)))]
    pub stage: &'static str,
    #[schemars(extend("enum" = ["observed", "inferred", "missing"]))]
    pub status: &'static str,
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
    pub what: &'a str,
    pub grounds: Vec<GroundObject<'a>>,
}

/// What is on record about one deployment or change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "deployment")]
pub(super) struct DeploymentObject<'a> {
    #[schemars(extend("format" = "date-time"))]
    pub began: String,
    /// Its first record, as `path:line`.
    pub record: String,
    #[schemars(extend("enum" = ["deployment", "change", "fetch", "load"]))]
    pub kind: &'static str,
    /// Model files that its records name.
    pub files: &'a [String],
    /// What is said about it, by attribute.
    pub said: BTreeMap<&'static str, SaidObject<'a>>,
    /// Attributes that are not on record and should be.
    #[schemars(extend("items" = lacking()))]
    pub lacks: Vec<&'static str>,
    /// Whether it brought the compromise in.
    pub introduced: bool,
}

fn lacking() -> serde_json::Value {
    serde_json::json!({ "type": "string", "enum": Attribute::ALL.map(Attribute::name) })
}

/// A value and the record that gives it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "said")]
pub(super) struct SaidObject<'a> {
    pub value: &'a str,
    /// As `path:line`.
    pub record: String,
}

/// Loads of models, and the first contact to a destination of the compromise after each.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "loads")]
pub(super) struct LoadsObject<'a> {
    /// Contacts this many seconds after a load are held to follow it.
    pub window_seconds: i64,
    /// Contacts to the compromise.
    pub contacts: usize,
    /// Those that follow a load.
    pub contacts_after_load: usize,
    /// How many times more often than chance; `null` when there is too little to tell.
    pub lift: Option<f64>,
    pub rows: Vec<LoadObject<'a>>,
}

/// One load.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "load")]
pub(super) struct LoadObject<'a> {
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// As `path:line`.
    pub record: String,
    pub file: Option<&'a str>,
    /// Seconds to the next contact, before any further load.
    pub contact_after_seconds: Option<i64>,
}

/// One field of a request: as a payload would send it, and as a capture shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "compared")]
pub(super) struct ComparedObject<'a> {
    pub host: &'a str,
    pub field: &'a str,
    pub payload: Option<&'a str>,
    pub capture: Option<&'a str>,
    /// `null` where one side was not recorded.
    pub agrees: Option<bool>,
    /// As `path:line`.
    pub record: Option<String>,
}

/// Something that the incident reaches.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "reached")]
pub(super) struct ReachedObject<'a> {
    #[serde(rename = "type")]
    #[schemars(extend("enum" = REACHED.map(ReachKind::name)))]
    pub kind: &'static str,
    pub name: &'a str,
    #[schemars(extend("enum" = ["high", "medium", "low"]))]
    pub confidence: &'static str,
    pub grounds: Vec<GroundObject<'a>>,
}

const REACHED: [ReachKind; 4] =
    [ReachKind::Host, ReachKind::File, ReachKind::Secret, ReachKind::Account];

fn grounds(all: &[Ground]) -> Vec<GroundObject<'_>> {
    let each = all.iter().map(|ground| GroundObject {
        artifact: ground.artifact.as_str(),
        place: &ground.place,
        why: &ground.why,
    });
    each.collect()
}

pub(super) fn judgement(judgement: &Judgement) -> JudgementObject<'_> {
    JudgementObject {
        rule: judgement.rule,
        statement: &judgement.statement,
        status: judgement.status.name(),
        confidence: judgement.confidence.name(),
        grounds: grounds(&judgement.grounds),
        would_change: &judgement.would_change,
    }
}

pub(super) fn step(step: &Step) -> StepObject<'_> {
    StepObject {
        stage: step.stage.name(),
        status: step.status.name(),
        time: step.time.map(time::rfc3339),
        what: &step.what,
        grounds: grounds(&step.grounds),
    }
}

pub(super) fn deployment(row: &DeploymentRow) -> DeploymentObject<'_> {
    let said = row.said.iter().map(|(attribute, said)| {
        let object = SaidObject { value: &said.value, record: record(&said.record) };
        (attribute.name(), object)
    });
    DeploymentObject {
        began: time::rfc3339(row.began),
        record: record(&row.record),
        kind: row.kind,
        files: &row.files,
        said: said.collect(),
        lacks: row.lacks.iter().map(|attribute| attribute.name()).collect(),
        introduced: row.introduced,
    }
}

pub(super) fn loads(loads: &Loads) -> LoadsObject<'_> {
    LoadsObject {
        window_seconds: loads.window_seconds,
        contacts: loads.contacts.0,
        contacts_after_load: loads.contacts.1,
        // JSON has no other numbers than finite ones.
        lift: loads.lift.filter(|lift| lift.is_finite()),
        rows: loads.rows.iter().map(load).collect(),
    }
}

fn load(row: &LoadRow) -> LoadObject<'_> {
    LoadObject {
        time: time::rfc3339(row.time),
        record: record(&row.record),
        file: row.file.as_deref(),
        contact_after_seconds: row.contact_after,
    }
}

pub(super) fn compared(compared: &Compared) -> ComparedObject<'_> {
    ComparedObject {
        host: &compared.host,
        field: &compared.field,
        payload: compared.payload.as_deref(),
        capture: compared.capture.as_deref(),
        agrees: compared.agrees,
        record: compared.record.as_ref().map(record),
    }
}

pub(super) fn reached(reached: &Reached) -> ReachedObject<'_> {
    ReachedObject {
        kind: reached.kind.name(),
        name: &reached.name,
        confidence: reached.confidence.name(),
        grounds: grounds(&reached.grounds),
    }
}
