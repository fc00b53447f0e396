//! Colour, width, and readers that go away.

use crate::{CASES, case, weighbridge};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use wb_testkit::Run;

/// Columns of reports that go to a pipe.
const WIDTH: usize = 100;

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let quiet = case("quiet-update");
    let has_colour = |arguments: &[&str], name: &str, value: &str| {
        let ended = weighbridge(arguments).env(name, value).end();
        ended.out.contains('\u{1b}') || ended.err.contains('\u{1b}')
    };
    assert!(!has_colour(&["investigate", &quiet], "TERM", "xterm-256color"));
    assert!(!has_colour(&["scan", &quiet], "NO_COLOR", "1"));
    assert!(!has_colour(&["investigate", &quiet, "--color", "never"], "CLICOLOR_FORCE", "1"));
    assert!(has_colour(&["investigate", &quiet, "--color", "always"], "TERM", "xterm-256color"));
    // Whoever asks on the command line means it.
    assert!(has_colour(&["scan", &quiet, "--color", "always"], "NO_COLOR", "1"));
    // JSON is for programs, whatever is asked.
    assert!(!has_colour(
        &["scan", &quiet, "--format", "json", "--color", "always"],
        "TERM",
        "xterm"
    ));
}

/// A terminal, as `script` of util-linux makes one.
#[test]
fn a_person_at_a_terminal_gets_colour_and_a_next_step() {
    if !Run::of("script").args(["-qec", "true", "/dev/null"]).succeeds() {
        eprintln!("not checked: no `script`");
        return;
    }
    let line =
        format!("{} investigate {}", env!("CARGO_BIN_EXE_weighbridge"), case("quiet-update"));
    let run = || Run::of("script").args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    run().end().code(1).prints("\u{1b}[").prints("next: `weighbridge show F1");
    run().env("NO_COLOR", "1").end().code(1).never_says("\u{1b}[");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let quiet = case("quiet-update");
    let plain = weighbridge(&["investigate", &quiet]).end().out;
    let mut coloured = weighbridge(&["investigate", &quiet, "--color", "always"]).end().out;
    while let Some(start) = coloured.find('\u{1b}') {
        let end = coloured[start..].find('m').expect("a colour ends") + start;
        coloured.replace_range(start..=end, "");
    }
    assert_eq!(plain, coloured);
}

/// Lines that are too long although they could have been broken: not commands to copy, code, or a word.
fn overlong(text: &str) -> Vec<&str> {
    let breakable = |line: &&str| {
        let text = line.trim_start();
        let command = text.starts_with("$ ");
        // Payloads and listings: `| code`, `12 > code`, `12 | code`.
        let numbered = text.trim_start_matches(|digit: char| digit.is_ascii_digit()).trim_start();
        let code = numbered.starts_with(['\u{2502}', '>']);
        line.chars().count() > WIDTH && !command && !code && text.contains(' ')
    };
    text.lines().filter(breakable).collect()
}

#[test]
fn reports_fit_a_pipe() {
    for name in CASES {
        let folder = case(name);
        for arguments in [
            ["investigate", &folder].as_slice(),
            &["investigate", &folder, "--brief"],
            &["scan", &folder, "--verbose"],
            &["timeline", &folder],
        ] {
            let ended = weighbridge(arguments).end();
            assert_eq!(overlong(&ended.out), Vec::<&str>::new(), "{name} {arguments:?}");
        }
    }
}

#[test]
fn helps_and_lists_fit_a_pipe() {
    let verbs = ["investigate", "scan", "show", "decompile", "disassemble", "inspect", "diff"];
    let more = ["timeline", "open", "explain", "schema", "completions"];
    for verb in verbs.iter().chain(&more) {
        let ended = weighbridge(&[verb, "--help"]).end();
        assert_eq!(overlong(&ended.code(0).out), Vec::<&str>::new(), "{verb}");
    }
    for arguments in [["--help"].as_slice(), &["explain"]] {
        let ended = weighbridge(arguments).end();
        assert_eq!(overlong(&ended.code(0).out), Vec::<&str>::new(), "{arguments:?}");
    }
}

/// `weighbridge ... | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [
        ["investigate", &case("quiet-update"), "--format", "json"].as_slice(),
        &["timeline", &case("false-alarm")],
        &["decompile", &case("night-shift")],
        &["completions", "bash"],
        &["explain"],
        &["--help"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weighbridge"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut line = String::new();
        let pipe = child.stdout.take().expect("piped");
        BufReader::with_capacity(1, pipe).read_line(&mut line).expect("it prints a line");
        let output = child.wait_with_output().expect("it ends");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(complaint, "", "{arguments:?}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}");
    }
}
