//! Cases to report on: [`compromise`], [`clean`], [`hostile`] and [`scan`].

mod dossiers;
mod hostile;
mod parts;
mod reasoning;

use parts::*;
use std::collections::BTreeMap;
use wb_core::*;
use wb_report::{Scan, Tool};

pub use hostile::hostile;

pub fn tool() -> Tool {
    Tool { version: "0.1.0".into(), rulebook: "5e".repeat(32) }
}

/// A server's model was replaced; the replacement posts the environment to a relay at every load, and
/// the candidate carries a second half of the campaign's identifier.
pub fn compromise() -> Case {
    let findings = findings();
    Case {
        conclusion: Conclusion {
            compromised: Compromise::Yes,
            confidence: Confidence::High,
            summary: "`models/live/triage.pt` runs a shell command whenever it is loaded; it has run in \
                      production since 2026-06-02 and posted the host's environment to \
                      metrics-relay.example. The staged candidate is part of the same campaign."
                .into(),
        },
        artifacts: artifacts(),
        roles: roles(),
        verdicts: verdicts(),
        seen_again: BTreeMap::from([(0, vec![
            SeenAgain {
                indicator: Indicator::new(IndicatorKind::Domain, RELAY),
                record: at(EGRESS, 3),
            },
            SeenAgain {
                indicator: Indicator::new(IndicatorKind::Domain, RELAY),
                record: at(ROLLOUT, 9),
            },
        ])]),
        indicators: indicators(),
        timeline: timeline(),
        flows: flows(),
        integrity: integrity(),
        identifiers: identifiers(),
        answers: answers(),
        contradictions: contradictions(),
        missing: vec![
            "no approval or ticket is recorded in the supplied evidence for the change at 2026-06-02 \
             16:20:11"
                .into(),
            format!("nothing in the supplied evidence records a hash for `{STAGED}`"),
        ],
        candidates: vec![CandidateDecision {
            artifact: STAGED.into(),
            decision: Decision::Reject,
            because: vec![
                "its Lambda layer `score_shift` opens a connection to metrics-relay.example at inference"
                    .into(),
                "it shares the callback address with the compromised production model".into(),
                "no recorded hash vouches for it".into(),
            ],
        }],
        recommendations: recommendations(),
        reasoning: reasoning::reasoning(),
        coverage: coverage(),
        dossiers: dossiers::dossiers(),
        findings,
    }
}

fn contradictions() -> Vec<Contradiction> {
    vec![
        Contradiction {
            what: "the capture has a field `sid` that the payload does not send".into(),
            evidence: vec![
                format!("{LIVE_PICKLE} op 11: the body is the output of `env`"),
                format!("{EGRESS}:3: the body begins with `sid=`"),
            ],
        },
        Contradiction {
            what: "the payload runs at load, but no load is recorded near 2026-06-20 02:11:09"
                .into(),
            evidence: vec![format!("{EGRESS}:3")],
        },
    ]
}

/// The same folder with nothing wrong in it.
pub fn clean() -> Case {
    let full = compromise();
    let mut artifacts = full.artifacts;
    artifacts.retain(|artifact| {
        [BASELINE, ROLLOUT, EGRESS, SUMS, REQUIREMENTS].contains(&artifact.path.as_str())
    });
    let kept = |path: &ArtifactPath| artifacts.iter().any(|artifact| artifact.path == *path);
    Case {
        conclusion: Conclusion {
            compromised: Compromise::No,
            confidence: Confidence::High,
            summary:
                "All 5 artifacts were read to the end. The model runs nothing when it is loaded, \
                      and the logs show no connection to a destination that is not expected."
                    .into(),
        },
        roles: full.roles.into_iter().filter(|(path, _)| kept(path)).collect(),
        verdicts: artifacts
            .iter()
            .map(|artifact| (artifact.path.clone(), Verdict::Clean))
            .collect(),
        findings: Vec::new(),
        seen_again: BTreeMap::new(),
        indicators: Vec::new(),
        timeline: Vec::new(),
        flows: full.flows.into_iter().filter(|flow| !flow.of_compromise).collect(),
        integrity: full.integrity.into_iter().filter(|row| row.matches == Some(true)).collect(),
        identifiers: Vec::new(),
        answers: Answers::default(),
        contradictions: Vec::new(),
        missing: Vec::new(),
        candidates: vec![CandidateDecision {
            artifact: BASELINE.into(),
            decision: Decision::Approve,
            because: vec![
                "safetensors holds no code".into(),
                "its hash is the recorded one".into(),
            ],
        }],
        recommendations: Vec::new(),
        reasoning: Reasoning::default(),
        coverage: artifacts
            .iter()
            .map(|artifact| Coverage {
                artifact: artifact.path.clone(),
                state: ReadState::Read,
                why: "read to the end".into(),
            })
            .collect(),
        dossiers: BTreeMap::new(),
        artifacts,
    }
}

/// A case of nothing at all.
pub fn empty() -> Case {
    let clean = clean();
    Case {
        artifacts: Vec::new(),
        roles: BTreeMap::new(),
        verdicts: BTreeMap::new(),
        flows: Vec::new(),
        integrity: Vec::new(),
        candidates: Vec::new(),
        coverage: Vec::new(),
        ..clean
    }
}

/// What a scan of the same folder finds.
pub fn scan() -> Scan {
    let case = compromise();
    Scan {
        artifacts: case
            .artifacts
            .into_iter()
            .map(|artifact| {
                let verdict = case.verdicts.get(&artifact.path).copied().unwrap_or_default();
                (artifact, verdict)
            })
            .collect(),
        findings: case.findings,
        indicators: case.indicators,
        coverage: case.coverage,
    }
}

/// The compromise with a timeline of `count` entries and as many flows and lines of excerpt.
pub fn large(count: usize) -> Case {
    let mut case = compromise();
    let (entry, flow) = (case.timeline[0].clone(), case.flows[1].clone());
    let step = |index: usize| jiff::SignedDuration::from_secs(60 * index as i64);
    case.timeline.extend((0..count).map(|index| TimelineEntry {
        time: entry.time + step(index),
        key: None,
        summary: format!("request {index} served"),
        ..entry.clone()
    }));
    case.timeline.sort_by_key(|entry| entry.time);
    case.flows.extend(
        (0..count).map(|index| Flow {
            destination: format!("198.51.100.{}", index % 250),
            ..flow.clone()
        }),
    );
    let excerpt = (1..=count as u64).map(|line| (line, format!("line {line}"))).collect();
    case.dossiers.entry(ROLLOUT.into()).or_default().excerpt = excerpt;
    case
}
