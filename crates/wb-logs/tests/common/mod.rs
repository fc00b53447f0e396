//! Helpers of the tests.

use wb_core::{ArtifactPath, Event};
use wb_logs::{ClockHints, Summary, read};

/// Reads `text` as the log `name`, near the middle of 2026.
pub fn events(name: &str, text: &[u8]) -> (Vec<Event>, Summary) {
    let near = Some("2026-06-15T00:00:00Z".parse().expect("a timestamp"));
    let mut seen = Vec::new();
    let mut input = text;
    let artifact = ArtifactPath::from(name);
    let summary =
        read(&artifact, &mut input, &ClockHints { near, ..ClockHints::default() }, &mut |event| {
            seen.push(event)
        })
        .expect("reading from memory");
    (seen, summary)
}

/// The one event of `line`.
#[allow(dead_code)]
pub fn event(line: &str) -> Event {
    let (events, _) = events("test.log", line.as_bytes());
    assert_eq!(events.len(), 1, "{line}");
    events.into_iter().next().expect("counted above")
}
