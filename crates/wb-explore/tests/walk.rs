//! A case as a person walks it: keys in, screens out.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wb_explore::{Explorer, Key};

fn event(number: u64, log: &str, summary: &str) -> Value {
    let time = format!("2026-04-09T{:02}:{:02}:00Z", number / 60 % 24, number % 60);
    json!({"time": time, "time_basis": "explicit", "artifact": log, "line": number, "offset": 0,
        "kind": "connection", "key": null, "summary": summary, "status": "observed", "raw": summary})
}

fn location(place: &str) -> Value {
    json!({"place": place, "offset": 4, "length": 2, "component": null, "line": null})
}

/// A case with one of everything.
fn case() -> Value {
    json!({
        "schema": wb_report::json::CASE,
        "conclusion": {"compromised": true, "confidence": "high", "summary": "A model calls hub.example."},
        "facts": {"introduced_at": "2026-04-09T00:01:00Z", "host_affected": ["scorer-1"]},
        "artifacts": [
            {"path": "model.pkl", "sha256": "ab".repeat(32), "size": 64, "format": "pickle",
             "role": "production", "role_because": ["a log names it"], "verdict": "malicious", "findings": ["F1"]},
            {"path": "logs/out.log", "sha256": null, "size": 10, "format": "text",
             "role": "log", "role_because": [], "verdict": "clean", "findings": []}],
        "findings": [{"id": "F1", "rule": "pickle-runs-command", "severity": "critical", "confidence": "high",
            "verdict": "malicious", "artifact": "model.pkl", "location": location("opcode 3"),
            "headline": "runs a command that calls hub.example", "call": "os.system", "trigger": "load",
            "payloads": [{"kind": "shell", "layers": ["base64"], "text": "echo hub.example"}],
            "techniques": ["T1059"], "indicators": ["hub.example"],
            "seen_again": [{"indicator": "hub.example", "artifact": "logs/out.log", "line": 2}],
            "evidence": [{"artifact": "model.pkl", "location": location("opcode 3"), "because": "REDUCE"}],
            "next": "Take the model out of service."}],
        "indicators": [{"type": "domain", "value": "hub.example", "sources": []}],
        "timeline": [event(1, "logs/in.log", "model replaced"), event(2, "logs/out.log", "asks hub.example"),
            event(60, "logs/out.log", "asks mirror.internal")],
        "flows": [{"source": "scorer-1", "destination": "203.0.113.9", "host": "hub.example", "port": 443,
            "count": 3, "blocked": 1, "of_compromise": true}],
        "integrity": [],
        "identifiers": [{"value": "camp-7", "confidence": "high", "parts": [
            {"artifact": "model.pkl", "place": "metadata", "text": "camp"}]}],
        "contradictions": [{"what": "two schemes for hub.example", "evidence": ["capture says https"]}],
        "missing": ["no DNS log"],
        "candidates": [{"artifact": "model.pkl", "decision": "reject", "because": ["F1"]}],
        "recommendations": [{"order": 1, "phase": "contain", "what": "Block hub.example", "command": "echo block"}],
        "coverage": [{"artifact": "logs/odd.bin", "state": "partial", "why": "budget"}],
        "details": [{"artifact": "model.pkl", "components": 0, "tensors": 0, "fields": 0,
            "listings": [{"place": "pickle", "language": "pickle", "text": "a = 1\nos.system(c)", "marks": [2]}],
            "differences": [{"baseline": "old.pkl", "what": "layer", "name": "dense_9", "change": "added", "detail": "4x4"}],
            "excerpt": []}],
    })
}

fn explorer(case: &Value) -> Explorer {
    let case = wb_report::saved::read(&case.to_string()).expect("a case");
    Explorer::new(case, false)
}

fn drawn(explorer: &mut Explorer, columns: u16, lines: u16) -> TestBackend {
    explorer.resize(columns, lines);
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).expect("a backend");
    terminal.draw(|frame| explorer.draw(frame.area(), frame.buffer_mut())).expect("drawn");
    terminal.backend().clone()
}

/// The screen as text, without the blanks at the ends of lines.
fn screen(explorer: &mut Explorer, columns: u16, lines: u16) -> String {
    let backend = drawn(explorer, columns, lines);
    let cells: Vec<&str> = backend.buffer().content().iter().map(|cell| cell.symbol()).collect();
    let rows = cells.chunks(usize::from(columns)).map(|row| row.concat().trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n")
}

fn press(explorer: &mut Explorer, keys: &str) {
    for key in keys.chars() {
        explorer.press(match key {
            '\n' => Key::Enter,
            '\u{1b}' => Key::Escape,
            '\t' => Key::Tab,
            key => Key::Char(key),
        });
    }
}

/// What a screen of 80 columns shows after keys.
fn after(keys: &str) -> String {
    let mut explorer = explorer(&case());
    press(&mut explorer, keys);
    screen(&mut explorer, 80, 24)
}

/// The rows of the screen after keys.
fn rows(keys: &str) -> Vec<String> {
    let lines = after(keys);
    lines.lines().skip(2).take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_first_screen_is_the_answer() {
    let screen = after("");
    for word in [
        "[1 Summary]",
        "8 Advi",
        "COMPROMISED",
        "introduced  2026-04-09T00:01:00Z",
        "detected    not in what was supplied",
        "1 malicious, 1 clean",
        "hub[.]example",
        "? help",
    ] {
        assert!(screen.contains(word), "{word} in\n{screen}");
    }
}

#[test]
fn each_view_has_its_rows() {
    assert_eq!(
        rows("2"),
        [
            "> 2026-04-09 00:01:00  model replaced  [logs/in.log:1]",
            "  2026-04-09 00:02:00  CRITICAL · asks hub[.]example  [logs/out.log:2]",
            "  2026-04-09 01:00:00  asks mirror.internal  [logs/out.log:60]",
        ]
    );
    assert_eq!(rows("3"), ["> F1   CRITICAL runs a command that calls hub[.]example  [model.pkl]"]);
    assert_eq!(
        rows("4"),
        [
            "> MALICIOUS  production model.pkl  [pickle]",
            "  CLEAN      log        logs/out.log  [text]",
        ]
    );
    assert_eq!(rows("5"), ["> COMPROMISE scorer-1 to hub[.]example:443  3 attempts, 1 blocked,"]);
    assert_eq!(rows("6"), ["> identifier  camp-7  (1 parts)", "  domain      hub[.]example"]);
    assert_eq!(
        rows("7"),
        [
            "> CONTRADICTION  two schemes for hub[.]example",
            "  MISSING        no DNS log",
            "  PARTIAL        logs/odd.bin: budget",
        ]
    );
    assert_eq!(rows("8"), ["> contain    Block hub[.]example", "  REJECT     model.pkl: F1"]);
}

#[test]
fn what_is_opened_shows_all_of_it() {
    let finding = after("3\n");
    for word in [
        "pickle-runs-command",
        "shell, taken out of base64",
        "│ echo hub.example",
        "> os.system(c)",
    ] {
        assert!(finding.contains(word), "{word} in\n{finding}");
    }
    assert!(after("4\n").contains("dense_9"));
    assert!(after("2j\n").contains("F1 runs a command"));
    assert!(after("5\n").contains("203[.]0[.]113[.]9"));
    assert!(after("6\n").contains("`camp` in model.pkl, metadata"));
    assert!(after("7\n").contains("capture says https"));
    assert!(after("8\n").contains("$ echo block"));
    assert_eq!(rows("3\n\u{1b}"), rows("3"));
}

#[test]
fn exact_values_are_shown_when_asked_for() {
    assert!(after("3y").contains("calls hub.example"));
    assert!(after("3y").contains("EXACT VALUES"));
    assert_eq!(after("3yy"), after("3"));
}

#[test]
fn events_are_filtered_by_words_source_severity_and_time() {
    assert_eq!(rows("2/ASKS mirror\n").len(), 1);
    assert_eq!(rows("2/nothing\n"), ["  None is left; Esc takes filters away."]);
    assert_eq!(rows("2/nothing\n\u{1b}").len(), 3);
    // Sources in order: the first is `logs/in.log`, after the last come all.
    assert_eq!(rows("2s").len(), 1);
    assert_eq!(rows("2ss").len(), 2);
    assert_eq!(rows("2sss").len(), 3);
    // Only the second event has a finding.
    assert_eq!(rows("2v").len(), 1);
    assert_eq!(rows("2vvvvvv").len(), 3);
    assert_eq!(rows("2t00:01 5m\n").len(), 2);
    assert!(rows("2t00:50\n")[2].starts_with("> 2026-04-09 01:00"));
    assert!(after("2tsoon\n").contains("a time is `2026-04-09 03:14`"));
    assert_eq!(rows("2sx").len(), 3);
}

#[test]
fn views_follow_each_other_and_q_leaves() {
    assert!(after("\t\t").contains("[3 Findings]"));
    assert!(after("?").contains("Exact values in place of defanged ones"));
    assert_eq!(after("?\u{1b}"), after(""));
    let mut walked = explorer(&case());
    walked.press(Key::BackTab);
    assert!(screen(&mut walked, 80, 24).contains("[8 Advice]"));
    // In a prompt `q` is a letter.
    press(&mut walked, "/q");
    assert!(!walked.has_ended());
    press(&mut walked, "\nq");
    assert!(walked.has_ended());
}

#[test]
fn lines_with_words_are_found_in_what_is_opened() {
    let mut walked = explorer(&case());
    press(&mut walked, "3\n");
    walked.resize(80, 8);
    press(&mut walked, "/os.system(c)\n");
    assert!(
        screen(&mut walked, 80, 8).lines().nth(2).is_some_and(|line| line.contains("os.system(c)"))
    );
}

#[test]
fn a_terminal_is_not_commanded_by_evidence() {
    let hostile = "a\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}gpj\u{200b}\r\n.pkl";
    let mut case = case();
    let raw = case.to_string().replace("model.pkl", &json!(hostile).to_string().replace('"', ""));
    case = serde_json::from_str(&raw).expect("a case");
    case["missing"] = json!([hostile]);
    case["recommendations"][0]["command"] = json!(hostile);
    case["flows"][0]["source"] = json!(hostile);
    case["details"][0]["listings"][0]["text"] = json!(hostile);
    let mut walked = explorer(&case);
    let mut seen = String::new();
    for view in '1'..='8' {
        for keys in ["", "\n", "y", "y"] {
            press(&mut walked, &format!("{view}{keys}"));
            seen.push_str(&screen(&mut walked, 100, 40));
        }
    }
    assert!(seen.contains("a\\x1b[2J\\x1b]0;x\\x07\\x9b31m\\u{202e}gpj\\u{200b}\\r\\n.pkl"));
    let obeyed = |it: char| it != '\n' && wb_report::escape::is_hostile(it);
    assert_eq!(seen.chars().find(|it| obeyed(*it)), None);
    // What is typed is hostile as well: a paste may hold anything.
    press(&mut walked, "/\u{202e}\u{7}");
    assert_eq!(screen(&mut walked, 100, 40).chars().find(|it| obeyed(*it)), None);
}

#[test]
fn colour_is_used_only_when_asked_for_and_tells_nothing_alone() {
    let read = || wb_report::saved::read(&case().to_string()).expect("a case");
    let colours = |color| {
        let mut walked = Explorer::new(read(), color);
        press(&mut walked, "3");
        let backend = drawn(&mut walked, 80, 24);
        let colours =
            backend.buffer().content().iter().filter(|cell| cell.fg != Color::Reset).count();
        (colours > 0, screen(&mut walked, 80, 24))
    };
    let (plain, coloured) = (colours(false), colours(true));
    assert!(!plain.0 && coloured.0);
    assert_eq!(plain.1, coloured.1);
}

#[test]
fn no_size_of_a_terminal_is_too_small() {
    for (columns, lines) in [(1, 1), (2, 2), (1, 40), (200, 1), (5, 3), (20, 4), (400, 120)] {
        let mut walked = explorer(&case());
        for view in '1'..='8' {
            for keys in ["", "\n", "?", "?", "jGkglh", "/x"] {
                press(&mut walked, &format!("\u{1b}{view}{keys}"));
                walked.press(Key::PageDown);
                drawn(&mut walked, columns, lines);
            }
        }
    }
    // Nor is a case that has nothing.
    let empty = json!({"schema": wb_report::json::CASE,
        "conclusion": {"compromised": false, "confidence": "low", "summary": ""},
        "artifacts": [], "findings": [], "indicators": [], "timeline": [], "flows": [], "integrity": [],
        "identifiers": [], "missing": [], "candidates": [], "coverage": [], "details": []});
    let mut walked = explorer(&empty);
    press(&mut walked, "2t03:00\nsv\njG\u{1b}");
    assert!(screen(&mut walked, 80, 24).contains("The case has none."));
}

#[test]
fn a_hundred_thousand_events_are_drawn_at_once() {
    let mut case = case();
    let events = (0..100_000).map(|number| event(number, "logs/out.log", "asks hub.example"));
    case["timeline"] = events.collect();
    let mut walked = explorer(&case);
    press(&mut walked, "2G");
    assert!(screen(&mut walked, 100, 50).contains("100000 of 100000"));
    let start = Instant::now();
    for _ in 0..20 {
        press(&mut walked, "k");
        drawn(&mut walked, 100, 50);
    }
    let frame = start.elapsed() / 20;
    eprintln!("a frame of 100,000 events: {frame:?}");
    // Generous, since tests run unoptimised and beside each other.
    assert!(frame < Duration::from_millis(100), "{frame:?}");
}
