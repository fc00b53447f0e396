//! One recipe of traffic as Zeek logs, Suricata's EVE and packets: all three tell the same flows.

mod common;

use common::events;
use wb_core::Flow;
use wb_logs::flows::FlowTable;
use wb_testkit::traffic::{FileKind, Traffic, Wire};

const RECIPE: &str = "
    2026-05-05T21:59:58Z dns 10.0.0.5:5301 > 10.0.0.53:53 query=hub.example answer=203.0.113.9
    2026-05-05T21:59:59Z dns 10.0.0.6:5302 > 10.0.0.53:53 query=pool.example answer=192.0.2.1
    2026-05-05T22:00:00Z tls 10.0.0.5:40001 > 203.0.113.9:443 sni=hub.example alpn=h2 up=51 down=900 every=300 times=24
    2026-05-05T22:00:03Z http 10.0.0.5:42002 > 198.51.100.7:80 host=cdn.example path=/v1/c body=id=7&h=infer-1
    2026-05-05T22:00:04Z tcp 10.0.0.5:43003 > 198.51.100.8:9000 state=refused every=60 times=5
    2026-05-05T22:00:05Z udp 10.0.0.6:50123 > 192.0.2.1:123 up=48 down=48 every=64 times=10
    2026-05-05T22:00:06Z tls [2001:db8::5]:44001 > [2001:db8::9]:8443 up=1000 down=2000
";

/// What all three must agree on: ends, name, port, first and last attempt in seconds, attempts, regularity and
/// period. The score also weighs bytes, which Suricata counts with their headers.
fn agreed(flows: &[Flow]) -> Vec<String> {
    let mut told: Vec<String> = flows
        .iter()
        .map(|flow| {
            format!(
                "{} > {} ({}) :{} {} to {}, {} times, {} stopped, {} every {:.0} s",
                flow.source,
                flow.destination,
                flow.host.as_deref().unwrap_or("-"),
                flow.port.unwrap_or(0),
                flow.first.as_second(),
                flow.last.as_second(),
                flow.count,
                flow.blocked,
                flow.beacon.state.name(),
                flow.beacon.period_seconds.unwrap_or_default(),
            )
        })
        .collect();
    told.sort();
    told
}

fn flows<'a>(logs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<Flow> {
    let mut table = FlowTable::default();
    for (name, log) in logs {
        let (events, summary) = events(name, log);
        assert_eq!(summary.lines, summary.understood, "{name}");
        for event in &events {
            table.add(event);
        }
    }
    table.finish()
}

#[test]
fn zeek_suricata_and_packets_tell_the_same_flows() {
    let traffic = Traffic::parse(RECIPE).expect("a recipe");
    let zeek = traffic.zeek();
    let by_zeek = flows(zeek.iter().map(|(name, text)| (*name, text.as_bytes())));
    let expected = agreed(&by_zeek);
    assert_eq!(expected.len(), 7);
    assert!(
        expected
            .iter()
            .any(|flow| flow.contains("(hub.example) :443") && flow.contains("24 times")),
        "{expected:#?}"
    );
    for file in [FileKind::Pcap, FileKind::PcapNg] {
        let capture = traffic.capture(&Wire { file, ..Wire::default() });
        let by_packets = flows([("a.pcap", &capture[..])]);
        assert_eq!(agreed(&by_packets), expected);
        // Both count bytes of payload, so they agree to the byte.
        let bytes = |flows: &[Flow]| {
            let mut all: Vec<(String, u64)> =
                flows.iter().map(|flow| (flow.destination.clone(), flow.bytes_out)).collect();
            all.sort();
            all
        };
        assert_eq!(bytes(&by_packets), bytes(&by_zeek));
    }
    let eve = traffic.eve();
    assert_eq!(agreed(&flows([("eve.json", eve.as_bytes())])), expected);
}
