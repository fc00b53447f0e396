//! Large logs stay on their short ways: the pack asks for no event where there would be none.

use wb_core::EventKind;
use wb_logs::flows::{Connection, Part};
use wb_sigma::RuleSet;

/// A connection to nothing that matters.
fn connection(by: &'static str, kind: EventKind) -> Connection<'static> {
    Connection {
        by,
        kind,
        time: None,
        line: 1,
        offset: 0,
        source: "192.0.2.5",
        packet_port: None,
        destination: "198.51.100.7",
        port: Some(443),
        host: "hub.example",
        transport: "tcp",
        bytes_out: Some(1),
        blocked: false,
        part: Part::Attempt,
        method: "GET",
        path: "/models",
        answers: &[],
    }
}

#[test]
fn connections_that_matter_to_no_rule_become_no_events() {
    let rules = RuleSet::shipped();
    for (by, kind) in [
        ("zeek-conn", EventKind::Connect),
        ("zeek-dns", EventKind::Dns),
        ("zeek-http", EventKind::Exchange),
        ("zeek-ssl", EventKind::Exchange),
        ("suricata-eve", EventKind::Connect),
        ("suricata-eve", EventKind::Exchange),
        ("vpc-flow", EventKind::Connect),
        ("netfilter", EventKind::Block),
    ] {
        assert!(!rules.wants(&connection(by, kind)), "{by} {}", kind.name());
    }
    let request = Connection {
        host: "169.254.169.254",
        path: "/latest/meta-data/iam/security-credentials/",
        ..connection("zeek-http", EventKind::Exchange)
    };
    assert!(rules.wants(&request), "who asked is told by the event");
}

#[test]
fn messages_that_differ_in_numbers_are_counted_wherever_they_were() {
    let rules = RuleSet::shipped();
    for source in wb_logs::sources() {
        for kind in [EventKind::Note, EventKind::Health] {
            assert!(
                !rules.tells_numbers_apart(source.name, kind),
                "{} {}",
                source.name,
                kind.name()
            );
        }
    }
    assert!(!rules.tells_numbers_apart("web-access", EventKind::Exchange));
}
