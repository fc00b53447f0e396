//! Broken and hostile text: nothing panics, nothing is lost, and problems are named.

mod common;

use common::events;
use wb_core::{Bytes, EventKind};
use wb_logs::{recognise, sources};

/// All examples of all pages, as one log of many formats.
fn every_format() -> Vec<u8> {
    let mut text = Vec::new();
    for source in sources() {
        let mut inside = false;
        for line in source.page.lines() {
            if line.starts_with("```") {
                inside = !inside;
            } else if inside {
                text.extend_from_slice(line.as_bytes());
                text.push(b'\n');
            }
        }
    }
    text
}

#[test]
fn cut_lines_are_read_as_far_as_they_go() {
    for source in sources() {
        for line in source.page.lines() {
            for end in (0..line.len()).step_by(5) {
                let part = &line.as_bytes()[..end];
                let (seen, summary) = events("cut.log", part);
                assert!(seen.len() <= 1 && summary.lines <= 1, "{seen:?}");
                let _ = recognise(Bytes::new(part));
            }
        }
    }
}

#[test]
fn mutations_never_panic_and_never_lose_a_line() {
    let text = every_format();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).expect("64 bit")
    };
    for _ in 0..30 {
        let mut broken = text.clone();
        for _ in 0..200 {
            let at = random() % broken.len();
            match random() % 4 {
                0 => broken[at] = u8::try_from(random() % 256).expect("a byte"),
                1 => broken[at] = b"\0\"{}[]=:\n\t\\,(-"[random() % 14],
                2 => {
                    broken.remove(at);
                }
                _ => broken.insert(at, b"0123456789=\"[{<"[random() % 15]),
            }
        }
        let (seen, summary) = events("broken.log", &broken);
        let lines =
            broken.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
        assert!(summary.lines >= lines);
        assert!(!seen.is_empty());
        let _ = recognise(Bytes::new(&broken));
    }
}

#[test]
fn what_is_not_understood_is_counted_and_kept() {
    let (seen, summary) = events(
        "mixed.log",
        b"[2026-03-02 08:05:10] INFO  started\nfree words from 198.51.100.7\n\n[2026-03-02 08:05:11] INFO  more\n",
    );
    assert_eq!((summary.lines, summary.understood), (4, 3));
    assert_eq!(summary.not_understood, [2]);
    assert_eq!(
        (seen[1].kind, seen[1].message.as_str()),
        (EventKind::Note, "free words from 198.51.100.7")
    );
    let (aside, _) = events("x.log", b"it happened at 2026-03-02T08:05:10Z, they say\n");
    assert_eq!(
        aside[0].timestamp().map(|time| time.to_string()).as_deref(),
        Some("2026-03-02T08:05:10Z")
    );
    assert!(seen[1].net.as_ref().is_some_and(|net| net.source.as_deref() == Some("198.51.100.7")));
}

#[test]
fn a_line_of_ten_megabytes_is_counted_and_its_beginning_read() {
    let mut text = b"[2026-03-02 08:05:10] INFO  Loaded model: a.pkl ".to_vec();
    text.resize(10 << 20, b'x');
    text.extend_from_slice(b"\n[2026-03-02 08:05:11] INFO  Model deployed\n");
    let (seen, summary) = events("long.log", &text);
    assert_eq!((seen.len(), summary.lines), (2, 2));
    assert_eq!(seen[0].field("file.name"), Some("a.pkl"));
    assert!(seen[0].message.len() <= 4000);
    assert_eq!(seen[1].record.offset, (10 << 20) + 1);
    assert!(summary.problems[0].contains("line 1 has 10485760 bytes"), "{:?}", summary.problems);
}

#[test]
fn encodings_and_colours() {
    let line = "[2026-03-02 08:05:10] \u{1b}[33mWARN\u{1b}[0m  Loaded model: a.pkl\r\n";
    let wide: Vec<u8> =
        [0xfeff].into_iter().chain(line.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend_from_slice(line.as_bytes());
    let mut broken = line.replace("a.pkl", "a.pkl \u{1}").into_bytes();
    broken.extend_from_slice(b"\xff\xfe\n");
    for text in [line.as_bytes(), &wide, &marked, &broken] {
        let (seen, _) = events("x.log", text);
        assert_eq!(seen[0].field("file.name"), Some("a.pkl"));
        assert_eq!(seen[0].level.as_deref(), Some("warn"));
        assert_eq!(recognise(Bytes::new(text)), Some("bracketed-text"));
    }
}

#[test]
fn the_last_line_may_be_cut() {
    let whole =
        "{\"ts\":\"2026-05-02T14:00:03Z\",\"actor\":\"a\",\"event\":\"model_version.created\"}\n"
            .repeat(3);
    let (_, summary) = events("a.jsonl", whole.as_bytes());
    assert_eq!(summary.problems, Vec::<String>::new());
    let (_, summary) = events("a.jsonl", &whole.as_bytes()[..whole.len() - 20]);
    assert_eq!(summary.problems, ["line 3, the last, is cut"]);
}

#[test]
fn empty_text_is_no_log() {
    let (seen, summary) = events("empty.log", b"");
    assert_eq!((seen.len(), summary.lines), (0, 0));
    assert_eq!(recognise(Bytes::new(b"")), None);
    assert_eq!(recognise(Bytes::new(b"\n\n")), None);
}

#[test]
fn what_is_no_log_is_not_taken_for_one() {
    for (name, text) in [
        ("requirements", "torch==2.1.0\ntransformers==4.36.2\n# 2026-01-01 pinned\n"),
        ("readme", "# Model\n\nReleased 2026-01-02 10:00:00 by the team.\n\n- one\n- two: three\n"),
        ("settings", "{\n  \"model\": \"x\",\n  \"created\": \"2026-01-02T10:00:00Z\"\n}\n"),
        (
            "one-line settings",
            "{\"hidden_size\": 768, \"model_type\": \"bert\", \"timestamp\": \"2026-01-02T10:00:00Z\"}",
        ),
        (
            "checksums",
            "72fc832e10ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777  a.pkl\n1708053227ff6f919d7ec30d3dec08e10586f27408a5b3086ef813ec7685c777  b.pkl\n",
        ),
        ("python", "import os\n\ndef main():\n    return \"2026-01-02 10:00:00\"\n"),
        ("numbers", "epoch,loss\n1,0.5\n2,0.4\n"),
        ("numbers", "1708053227 1708053228 0.5\n1708053229 1708053230 0.4\n"),
        ("yaml", "time: 2026-01-02\nmodel:\n  name: x\n"),
        ("pickle", "\u{80}\u{4}ccopy_reg\n_reconstructor\n"),
        ("binary", "\0\0\0\u{1}abc\0"),
    ] {
        assert_eq!(recognise(Bytes::new(text.as_bytes())), None, "{name}");
    }
}

#[test]
fn every_source_is_recognised_by_its_own_examples() {
    for source in sources() {
        let fence = format!("```log {}\n", source.name);
        let Some((_, rest)) = source.page.split_once(&fence) else { continue };
        let text = rest.split("```").next().expect("split gives one part");
        if source.name != "unknown-text" {
            assert_eq!(recognise(Bytes::new(text.as_bytes())), Some(source.name), "{text}");
        }
    }
}
