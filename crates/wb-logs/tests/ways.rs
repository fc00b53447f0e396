//! The short way gives what the long way gives, in one go and in stretches.

#[path = "../benches/generate/mod.rs"]
mod generate;

use generate::{LOGS, Made};
use wb_core::{ArtifactPath, Event, EventKind};
use wb_logs::flows::{Connection, FlowDetail, FlowTable};
use wb_logs::{ClockHints, LogReader, Part, Sink, Summary};

/// Takes connections as connections, or everything as events.
#[derive(Default)]
struct Reading {
    whole: bool,
    flows: FlowTable,
    light: u64,
    ordinary: u64,
    deciding: Vec<(EventKind, u64, Option<jiff::Timestamp>)>,
}

impl Sink for Reading {
    fn wants_everything(&self) -> bool {
        self.whole
    }

    fn connection(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) -> bool {
        self.light += 1;
        self.flows.add_connection(artifact, connection);
        true
    }

    fn ordinary(&mut self, _: EventKind) {
        self.ordinary += 1;
    }

    fn event(&mut self, event: Event) {
        self.flows.add(&event);
        if !matches!(event.kind, EventKind::Note | EventKind::Health | EventKind::Exchange) {
            self.deciding.push((event.kind, event.record.line, event.timestamp()));
        }
    }
}

fn text(generator: generate::Generator, records: usize) -> String {
    let mut made = Made::default();
    let mut text = String::new();
    (0..records).for_each(|_| generator(&mut made, &mut text));
    text
}

fn hints() -> ClockHints {
    ClockHints {
        near: Some("2026-03-03T00:00:00Z".parse().expect("a timestamp")),
        ..ClockHints::default()
    }
}

fn read(name: &str, text: &str, whole: bool) -> (Vec<FlowDetail>, Summary, Reading) {
    let path = ArtifactPath::from(name);
    let mut reading = Reading { whole, ..Reading::default() };
    let mut reader = LogReader::new(&path, &hints());
    reader.read(&mut text.as_bytes(), 0, &mut reading).expect("reading from memory");
    let flows = std::mem::take(&mut reading.flows).finish_detailed();
    (flows, reader.finish().finish(), reading)
}

fn in_stretches(name: &str, text: &str) -> Option<(Vec<FlowDetail>, Summary)> {
    let path = ArtifactPath::from(name);
    let cuts: Vec<usize> = [4, 7]
        .iter()
        .map(|tenth| text.len() * tenth / 10)
        .map(|at| at + text[at..].find('\n').expect("lines") + 1)
        .collect();
    let mut first = Reading::default();
    let mut reader = LogReader::new(&path, &hints());
    reader.read(&mut &text.as_bytes()[..cuts[0]], 0, &mut first).expect("memory");
    let knowing = reader.fork()?;
    let mut whole: Part = reader.finish();
    for (start, end) in [(cuts[0], cuts[1]), (cuts[1], text.len())] {
        let mut next = Reading::default();
        let mut reader = knowing.fork().expect("it could be forked before");
        reader.read(&mut &text.as_bytes()[start..end], start as u64, &mut next).expect("memory");
        next.flows.shift_lines(whole.lines());
        first.flows.merge(next.flows);
        whole.join(reader.finish());
    }
    Some((first.flows.finish_detailed(), whole.finish()))
}

#[test]
fn both_ways_give_the_same() {
    for (name, generator) in LOGS {
        let text = text(*generator, 400);
        let (whole, whole_summary, _) = read(name, &text, true);
        let (short, short_summary, reading) = read(name, &text, false);
        assert_eq!(whole, short, "{name}");
        assert_eq!(format!("{whole_summary:?}"), format!("{short_summary:?}"), "{name}");
        let network = matches!(
            *name,
            "zeek-conn" | "zeek-ssl" | "zeek-json" | "eve" | "vpc-flow" | "netfilter"
        );
        assert_eq!(reading.light > 350, network, "{name}: {} took the short way", reading.light);
        if let Some((flows, summary)) = in_stretches(name, &text) {
            assert_eq!(whole, flows, "{name} in stretches");
            assert_eq!(format!("{whole_summary:?}"), format!("{summary:?}"), "{name} in stretches");
        } else {
            assert_eq!(*name, "netfilter", "only records without a year must be read in order");
        }
    }
}

#[test]
fn routine_is_counted_and_what_decides_is_kept() {
    let generator = LOGS.iter().find(|(name, _)| *name == "text").expect("listed").1;
    let mut lines = text(generator, 4_600);
    lines.push_str("[2026-03-19 08:05:10] INFO  serving.worker: Loaded model: reviewer-7.pkl\n");
    lines.push_str("[2026-03-19 08:05:11] ALERT unusual outbound traffic to 198.51.100.7\n");
    lines.push_str("[2026-03-19 08:05:12] INFO  serving.worker: metrics pushed\n");
    let (_, summary, reading) = read("app.log", &lines, false);
    assert_eq!((summary.lines, summary.understood), (4_603, 4_603));
    assert!(reading.ordinary > 400, "{}", reading.ordinary);
    let kinds: Vec<EventKind> = reading.deciding.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [EventKind::Load, EventKind::Alert]);
    assert_eq!(reading.deciding[1].1, 4_602);
    let last = summary.range.expect("times").1;
    assert_eq!(last.to_string(), "2026-03-19T08:05:12Z");
}
