//! The examples of the pages: every line of a `log NAME` block is read as NAME, none of a `not NAME` block; a
//! `traffic NAME` block is a recipe of packets.

mod common;

use common::events;
use wb_logs::sources;
use wb_testkit::traffic::{Traffic, Wire};

/// The blocks of a page: what the fence says, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn examples_are_read_as_their_source() {
    for source in sources() {
        let traffic = format!("traffic {}", source.name);
        let packets: Vec<_> =
            blocks(source.page).into_iter().filter(|(info, _)| *info == traffic).collect();
        for (_, recipe) in &packets {
            read_as_packets(source.name, recipe);
        }
        if !packets.is_empty() {
            continue;
        }
        let wanted = format!("log {}", source.name);
        let examples: Vec<_> =
            blocks(source.page).into_iter().filter(|(info, _)| *info == wanted).collect();
        assert!(!examples.is_empty(), "the page of `{}` has no example", source.name);
        for (_, text) in examples {
            let (events, summary) = events("example.log", text.as_bytes());
            assert!(!events.is_empty(), "{text}");
            for event in events {
                assert_eq!(event.source, source.name, "{}", event.message);
            }
            if source.name != "unknown-text" {
                assert_eq!(summary.not_understood, [0_u64; 0], "{text}");
            }
        }
    }
}

/// A recipe of traffic, written as a capture file, has a record of the source `name`.
fn read_as_packets(name: &str, recipe: &str) {
    let traffic = Traffic::parse(recipe).expect("a recipe of traffic");
    let (events, summary) = events("example.pcap", &traffic.capture(&Wire::default()));
    assert!(events.iter().any(|event| event.source == name), "{recipe}");
    assert_eq!(summary.lines, summary.understood, "{recipe}");
}

#[test]
fn neighbours_are_not() {
    let mut seen = 0;
    for source in sources() {
        let name = format!("not {}", source.name);
        for (_, text) in blocks(source.page).into_iter().filter(|(info, _)| *info == name) {
            seen += 1;
            for event in events("example.log", text.as_bytes()).0 {
                assert_ne!(event.source, source.name, "{}", event.message);
            }
        }
    }
    assert!(seen >= 12);
}

#[test]
fn names_are_written_once() {
    let mut names: Vec<_> = sources().iter().map(|source| source.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
