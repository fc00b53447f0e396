//! What the rules that ship cost for each event: `cargo bench -p wb-sigma`.

use std::time::Instant;
use wb_core::{ArtifactPath, Event};
use wb_logs::ClockHints;
use wb_logs::flows::Connection;
use wb_sigma::{Hits, RuleSet};

/// Times each event is asked about.
const TIMES: u32 = 200_000;

/// A source of events, and a line of it that no rule matches.
const LINES: &[(&str, &str)] = &[
    (
        "zeek-conn",
        r#"{"_path":"conn","ts":1793530800.5,"uid":"C1","id.orig_h":"192.0.2.5","id.orig_p":4000,"id.resp_h":"198.51.100.7","id.resp_p":443,"proto":"tcp","orig_bytes":900}"#,
    ),
    (
        "zeek-dns",
        r#"{"_path":"dns","ts":1793530800.5,"uid":"C1","id.orig_h":"192.0.2.5","id.orig_p":4000,"id.resp_h":"192.0.2.53","id.resp_p":53,"proto":"udp","query":"hub.example"}"#,
    ),
    (
        "zeek-http",
        r#"{"_path":"http","ts":1793530800.5,"uid":"C1","id.orig_h":"192.0.2.5","id.orig_p":4000,"id.resp_h":"198.51.100.7","id.resp_p":80,"method":"GET","host":"hub.example","uri":"/models"}"#,
    ),
    (
        "auditd",
        r#"type=EXECVE msg=audit(1793530800.039:3210): argc=3 a0="python3" a1="/srv/serve.py" a2="--port=8000""#,
    ),
    ("timestamped-text", "2026-03-02 08:05:10 INFO server: request 17 served in 12 ms"),
];

fn main() {
    let started = Instant::now();
    let rules = RuleSet::shipped();
    let took = started.elapsed().as_secs_f64() * 1e3;
    println!("{:<17} {took:>7.1} ms for {} rules", "made ready", rules.rules().len());
    for (source, line) in LINES {
        let mut events: Vec<Event> = Vec::new();
        let artifact = ArtifactPath::from("a.log");
        let mut sink = |event| events.push(event);
        wb_logs::read(&artifact, &mut line.as_bytes(), &ClockHints::default(), &mut sink)
            .expect("text is read");
        let [event] = events.as_slice() else { panic!("{source}: one event") };
        assert_eq!(event.source, *source);
        let mut hits = Hits::default();
        let whole = nanoseconds(|| rules.examine(event, &mut hits));
        assert!(hits.all().is_empty(), "{source}");
        let light = Connection::of(event).map(|connection| {
            nanoseconds(|| {
                std::hint::black_box(rules.wants(&connection));
            })
        });
        let light = light.map_or(String::new(), |ns| format!("{ns:>7.0} ns before it is one"));
        println!("{source:<17} {whole:>7.0} ns an event {light}");
    }
}

/// Nanoseconds that `work` takes, the least of three rounds.
fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let mut round = || {
        let started = Instant::now();
        (0..TIMES).for_each(|_| work());
        started.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
    };
    round().min(round()).min(round())
}
