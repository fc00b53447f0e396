//! Logs that are read in stretches, or as they are decoded, say what short ones say.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use wb_core::Case;
use wb_engine::{InvestigateOptions, Silent, investigate};
use wb_testkit::Scratch;

/// Zeek's connections of one client with `rows` rows, 34 MiB and more from 400,000 on.
fn connections(rows: u32) -> String {
    let mut text =
        "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\t\
                    id.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\n"
            .to_owned();
    for row in 0..rows {
        let at = 1_767_225_600 + u64::from(row);
        let _ = writeln!(
            text,
            "{at}.000000\tC{row:017}\t10.20.0.{}\t40000\t198.51.100.{}\t443\ttcp\tssl\t0.500000\t517\t4096",
            row % 8,
            row % 5
        );
    }
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("written to memory");
    encoder.finish().expect("written to memory")
}

fn case(name: &str, log: &[u8]) -> Case {
    let folder = Scratch::new().with(name, log);
    investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case")
}

/// Source, destination and count of every flow.
fn flows(case: &Case) -> Vec<(String, String, u64)> {
    let flow = |flow: &wb_core::Flow| (flow.source.clone(), flow.destination.clone(), flow.count);
    case.flows.iter().map(flow).collect()
}

#[test]
fn a_compressed_log_says_what_the_plain_one_says() {
    let text = connections(400_000);
    assert!(text.len() > 34 << 20, "{} bytes are held", text.len());
    let plain = case("conn.log", text.as_bytes());
    let packed = case("conn.log.gz", &gzip(text.as_bytes()));
    assert!(!flows(&plain).is_empty());
    assert_eq!(flows(&packed), flows(&plain));
    let log = packed.artifacts.iter().find(|one| one.format == Some("zeek-conn"));
    let log = log.expect("the log is an artifact");
    let same = plain.artifacts.first().expect("the plain log");
    assert_eq!(log.path.as_str(), "conn.log.gz!/conn.log");
    assert_eq!((log.size, log.sha256), (same.size, same.sha256));
}

#[test]
fn a_stream_that_breaks_is_read_up_to_there() {
    let text = connections(500_000);
    let packed = gzip(text.as_bytes());
    let case = case("conn.log.gz", &packed[..packed.len() - 50_000]);
    let total: u64 = flows(&case).iter().map(|(_, _, count)| count).sum();
    assert!(total > 400_000 && total < 500_000, "{total} connections");
    let log = case.coverage.iter().find(|row| row.artifact.as_str().ends_with("!/conn.log"));
    let why = &log.expect("the log has a row").why;
    assert!(why.contains("reading stopped"), "{why}");
}

#[test]
fn what_is_no_log_is_held_as_before() {
    let case = case("weights.bin.gz", &gzip(&[7; 40 << 20]));
    let inside = case.artifacts.iter().find(|one| one.path.as_str().contains("!/"));
    assert_eq!(inside.expect("what was decoded").size, 40 << 20);
}

#[test]
fn a_log_in_utf_16_is_read_to_its_end() {
    let mut text = String::new();
    while text.len() < 3 << 20 {
        text.push_str(
            "2026-01-01T00:00:00Z INFO scheduler: heartbeat of worker is as expected\r\n",
        );
    }
    text.push_str("2026-01-01T01:00:00Z INFO deploy: Model rank.pkl deployed to production\r\n");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let case = case("service.log", &[&b"\xff\xfe"[..], &wide].concat());
    let log = case.coverage.first().expect("the log has a row");
    let lines = text.lines().count();
    assert!(log.why.starts_with(&format!("{lines} of {lines} lines")), "{}", log.why);
    assert!(case.timeline.iter().any(|entry| entry.summary.contains("rank.pkl")));
}
