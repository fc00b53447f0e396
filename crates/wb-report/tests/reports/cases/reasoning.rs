//! How the compromise is argued.

use super::parts::*;
use std::collections::BTreeMap;
use wb_core::*;

fn ground(artifact: &str, line: u64, why: &str) -> Ground {
    Ground::at(&at(artifact, line), why)
}

pub fn reasoning() -> Reasoning {
    Reasoning {
        judgements: judgements(),
        chain: chain(),
        deployments: deployments(),
        loads: Loads {
            rows: vec![
                LoadRow {
                    time: time("2026-06-02T16:20:44Z"),
                    record: at(ROLLOUT, 7),
                    file: Some("triage.pt".into()),
                    contact_after: Some(3),
                },
                LoadRow {
                    time: time("2026-06-20T02:11:05Z"),
                    record: at(ROLLOUT, 9),
                    file: None,
                    contact_after: None,
                },
            ],
            window_seconds: 120,
            contacts: (4, 3),
            lift: Some(61.25),
        },
        exchanges: exchanges(),
        reach: vec![
            Reached {
                kind: ReachKind::Host,
                name: "10.4.0.17".into(),
                confidence: Confidence::High,
                grounds: vec![ground(EGRESS, 3, "tried to reach it 4 times")],
            },
            Reached {
                kind: ReachKind::File,
                name: LIVE.into(),
                confidence: Confidence::High,
                grounds: vec![Ground::new(&LIVE.into(), "whole file", "it is malicious")],
            },
            Reached {
                kind: ReachKind::Secret,
                name: "AWS_SECRET_ACCESS_KEY".into(),
                confidence: Confidence::Medium,
                grounds: Vec::new(),
            },
        ],
    }
}

fn judgements() -> Vec<Judgement> {
    vec![
        Judgement {
            rule: "payload-ran",
            statement: format!(
                "the payload ran: a destination that it names, {RELAY}, was contacted"
            ),
            status: Status::Inferred,
            confidence: Confidence::High,
            grounds: vec![
                ground(EGRESS, 3, "10.4.0.17 first tries to reach it"),
                Ground::new(&LIVE_PICKLE.into(), "op 11", "names it"),
            ],
            would_change: "a host log that shows another process making the connections".into(),
        },
        Judgement {
            rule: "data-left",
            statement: "nothing in the supplied evidence shows that data left".into(),
            status: Status::Missing,
            confidence: Confidence::Low,
            grounds: Vec::new(),
            would_change: "network records of the time since it was loaded".into(),
        },
    ]
}

fn exchanges() -> Vec<Compared> {
    vec![
        Compared {
            host: RELAY.into(),
            field: "method".into(),
            payload: Some("POST".into()),
            capture: Some("POST".into()),
            agrees: Some(true),
            record: None,
        },
        Compared {
            host: RELAY.into(),
            field: "field `sid`".into(),
            payload: None,
            capture: Some("relay{".into()),
            agrees: Some(false),
            record: Some(at(EGRESS, 3)),
        },
    ]
}

fn chain() -> Vec<Step> {
    Stage::ALL
        .into_iter()
        .map(|stage| match stage {
            Stage::Introduction => Step {
                stage,
                status: Status::Observed,
                time: Some(time("2026-06-02T16:20:11Z")),
                what: "Model update requested".into(),
                grounds: vec![ground(ROLLOUT, 5, "Model update requested")],
            },
            Stage::Execution => Step {
                stage,
                status: Status::Inferred,
                time: None,
                what: "the connection is one that its payload makes".into(),
                grounds: vec![ground(EGRESS, 3, "first attempt")],
            },
            _ => Step {
                stage,
                status: Status::Missing,
                time: None,
                what: "nothing on record shows it".into(),
                grounds: Vec::new(),
            },
        })
        .collect()
}

fn deployments() -> Vec<DeploymentRow> {
    let said = |value: &str, line| Said { value: value.into(), record: at(ROLLOUT, line) };
    vec![
        DeploymentRow {
            began: time("2026-05-04T09:12:00Z"),
            record: at(ROLLOUT, 1),
            kind: "deployment",
            files: vec!["triage-2.3.safetensors".into()],
            said: BTreeMap::from([
                (Attribute::Requester, said("release-bot", 1)),
                (Attribute::Approval, said("CHG-204", 2)),
                (Attribute::Hash, said("1919191919191919", 3)),
            ]),
            lacks: vec![Attribute::Source],
            introduced: false,
        },
        DeploymentRow {
            began: time("2026-06-02T16:20:11Z"),
            record: at(ROLLOUT, 5),
            kind: "deployment",
            files: vec!["triage.pt".into()],
            said: BTreeMap::from([(Attribute::Requester, said("ops", 5))]),
            lacks: vec![Attribute::Approval, Attribute::Source, Attribute::Hash],
            introduced: true,
        },
    ]
}
