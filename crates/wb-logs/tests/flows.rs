//! Connections joined over logs: what is regular by nature, clocks that differ, names that carry data.

mod common;

use common::events;
use std::fmt::Write;
use wb_core::BeaconState;
use wb_logs::flows::{FlowDetail, FlowTable};

/// Aggregates logs.
fn table(logs: &[(&str, &str)]) -> FlowTable {
    let mut all = FlowTable::default();
    for (name, text) in logs {
        let mut table = FlowTable::default();
        events(name, text.as_bytes()).0.iter().for_each(|event| table.add(event));
        all.merge(table);
    }
    all
}

fn flow<'a>(flows: &'a [FlowDetail], destination: &str) -> &'a FlowDetail {
    flows.iter().find(|detail| detail.flow.destination == destination).expect("a flow")
}

/// A firewall line each minute.
fn firewall(start: i64, destination: &str, port: u16, transport: &str) -> String {
    let mut text = String::new();
    for minute in 0..30 {
        let time = jiff::Timestamp::from_second(start + minute * 60).expect("in range");
        let _ = writeln!(text, "{time} ALLOW {transport} 10.0.0.5:4000 -> {destination}:{port}");
    }
    text
}

const START: i64 = 1_772_000_000;

#[test]
fn what_is_regular_by_nature_is_explained() {
    let log = [
        firewall(START, "192.0.2.123", 123, "UDP"),
        firewall(START, "10.0.0.2", 9090, "TCP"),
        firewall(START, "198.51.100.7", 9090, "TCP"),
        firewall(START, "198.51.100.7", 443, "TCP"),
    ]
    .concat();
    let flows = table(&[("fw.log", &log)]).finish_detailed();
    let innocent = |detail: &FlowDetail| {
        assert_eq!(detail.flow.beacon.state, BeaconState::Periodic);
        detail.flow.beacon.innocent
    };
    assert_eq!(innocent(flow(&flows, "192.0.2.123")), Some("time synchronisation"));
    assert_eq!(innocent(flow(&flows, "10.0.0.2")), Some("collection of metrics"));
    // A far host that looks like a collector is not believed.
    let far = flows.iter().filter(|detail| detail.flow.destination == "198.51.100.7");
    assert!(far.into_iter().all(|detail| innocent(detail).is_none()));
}

/// Lines of a kernel firewall that drops what is sent to 198.51.100.7 at these seconds from these ports.
fn dropped(packets: &[(i64, u16)], transport: &str) -> String {
    let mut text = String::new();
    for (second, port) in packets {
        let time = jiff::Timestamp::from_second(START + second).expect("in range");
        let _ = writeln!(
            text,
            "{time} gw kernel: DROP IN= OUT=eth0 SRC=10.0.0.5 DST=198.51.100.7 LEN=60 PROTO={transport} \
             SPT={port} DPT=443 WINDOW=64240 SYN"
        );
    }
    text
}

#[test]
fn packets_that_are_sent_again_are_one_attempt() {
    // Every five minutes an attempt that is not answered: sent again after 1, 3, 7, 15, 31 and 63 seconds.
    let attempt = |number: i64| {
        let port = 40_000 + u16::try_from(number).expect("few");
        [0, 1, 3, 7, 15, 31, 63].map(|after| (number * 300 + after, port))
    };
    let packets: Vec<(i64, u16)> = (0..12).flat_map(attempt).collect();
    let whole = dropped(&packets, "TCP");
    let flows = table(&[("kern.log", &whole)]).finish_detailed();
    let one = &flow(&flows, "198.51.100.7").flow;
    assert_eq!((one.count, one.blocked), (12, 12));
    assert_eq!((one.beacon.state, one.beacon.period_seconds), (BeaconState::Periodic, Some(300.0)));
    // The same from two halves, the later one first.
    let (early, late) = packets.split_at(packets.len() / 2 + 2);
    let halves = [("b.log", dropped(late, "TCP")), ("a.log", dropped(early, "TCP"))];
    let flows = table(&halves.each_ref().map(|(name, text)| (*name, text.as_str()))).finish();
    assert_eq!((flows[0].count, flows[0].blocked), (12, 12));
}

#[test]
fn packets_that_only_look_sent_again_are_attempts() {
    // From other ports; from the same port a minute later; over UDP.
    let ports: Vec<(i64, u16)> =
        (0..9).map(|second| (second, 40_000 + 7 * second as u16)).collect();
    let minutes: Vec<(i64, u16)> = (0..9).map(|minute| (minute * 60, 40_000)).collect();
    let same: Vec<(i64, u16)> = (0..9).map(|second| (second * 16, 123)).collect();
    for (packets, transport) in [(ports, "TCP"), (minutes, "TCP"), (same, "UDP")] {
        let flows = table(&[("kern.log", &dropped(&packets, transport))]).finish();
        assert_eq!((flows[0].count, flows[0].blocked), (9, 9), "{transport} {packets:?}");
    }
}

#[test]
fn shared_connections_tell_how_far_clocks_are_apart() {
    let ahead = firewall(START + 47, "198.51.100.7", 443, "TCP");
    let mut zeek = String::from("#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\n");
    for minute in 0..30 {
        let _ = writeln!(zeek, "{}.000000\t10.0.0.5\t198.51.100.7\t443", START + minute * 60);
    }
    let skews = table(&[("fw.log", &ahead), ("conn.log", &zeek)]).skews();
    assert_eq!(skews.len(), 1);
    assert_eq!((skews[0].log.as_str(), skews[0].other.as_str()), ("fw.log", "conn.log"));
    assert_eq!((skews[0].seconds, skews[0].shared), (47, 30));
    let same = firewall(START, "198.51.100.7", 443, "TCP");
    assert_eq!(table(&[("fw.log", &same), ("conn.log", &zeek)]).skews(), []);
}

#[test]
fn names_that_carry_data_are_counted_by_domain() {
    let mut text =
        String::from("#path\tdns\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tquery\n");
    for number in 0..150 {
        let _ = writeln!(
            text,
            "{}.0\t10.0.0.5\t10.0.0.2\t53\t{number:036}.t.hub.example",
            START + number
        );
        let _ = writeln!(text, "{}.0\t10.0.0.5\t10.0.0.2\t53\twww.cdn.example", START + number);
    }
    let lookups = table(&[("dns.log", &text)]).lookups();
    let found: Vec<_> =
        lookups.iter().map(|one| (one.domain.as_str(), one.count, one.longest_label)).collect();
    assert_eq!(found, [("cdn.example", 150, 3), ("hub.example", 150, 36)]);
    assert!(lookups[0].names == 1 && (140..=160).contains(&lookups[1].names), "{lookups:?}");
    assert_eq!(lookups[1].first.1.line, 3);
}
