//! How fast logs are read, in megabytes a second on one core: `cargo bench -p wb-logs`, or one kind of log
//! with `cargo bench -p wb-logs -- zeek`, and without whole events with `--counted`. `--write FOLDER MEGABYTES` writes
//! the logs to measure the command; `--long NAME MEGABYTES` reads one that is made as it is read, and says how
//! much memory that took.

mod generate;

use generate::{Generator, LOGS, Made};
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;
use wb_core::{ArtifactPath, Event, EventKind};
use wb_logs::flows::{Connection, FlowTable};
use wb_logs::{ClockHints, LogReader, Sink, read};

/// Text measured per kind of log, in megabytes.
const MEGABYTES: usize = 48;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        let folder = arguments.get(at + 1).map_or("logs", String::as_str);
        let megabytes = arguments.get(at + 2).and_then(|text| text.parse().ok()).unwrap_or(100);
        return write(folder, megabytes).expect("a folder to write to");
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--long") {
        let name = arguments.get(at + 1).map_or("zeek-conn", String::as_str);
        let megabytes = arguments.get(at + 2).and_then(|text| text.parse().ok()).unwrap_or(1000);
        return long(name, megabytes);
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let short = arguments.iter().any(|argument| argument == "--counted");
    println!("{:<14} {:>12} {:>12}", "log", "events MB/s", "counted MB/s");
    for (name, generator) in LOGS {
        if wanted.is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        let text = megabytes(*generator, MEGABYTES);
        let whole = if short { 0.0 } else { whole(name, &text[..text.len().min(8 << 20)]) };
        let counted = counted(name, &text);
        println!("{name:<14} {whole:>12.0} {counted:>12.0}");
    }
}

/// Text of about `count` megabytes.
fn megabytes(generator: Generator, count: usize) -> Vec<u8> {
    let mut made = Made::default();
    let mut text = String::new();
    while text.len() < count << 20 {
        generator(&mut made, &mut text);
    }
    text.into_bytes()
}

/// A log that is made as it is read.
struct Endless {
    generator: Generator,
    made: Made,
    text: String,
    at: usize,
    left: usize,
}

impl Read for Endless {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(room)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Endless {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.text.len() {
            self.text.clear();
            self.at = 0;
            while self.left > 0 && self.text.len() < 1 << 18 {
                (self.generator)(&mut self.made, &mut self.text);
            }
            self.left = self.left.saturating_sub(self.text.len());
        }
        Ok(&self.text.as_bytes()[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

/// Reads `megabytes` of a kind of log and prints the peak of memory.
fn long(name: &str, megabytes: usize) {
    let generator = LOGS.iter().find(|(known, _)| *known == name).expect("a kind of log").1;
    let (made, text, left) = (Made::default(), String::new(), megabytes << 20);
    let mut input = Endless { generator, made, text, at: 0, left };
    let mut counted = Counted::default();
    let path = ArtifactPath::from(name);
    let mut reader = LogReader::new(&path, &hints());
    reader.read(&mut input, 0, &mut counted).expect("reading what is made");
    let summary = reader.finish().finish();
    let (ordinary, events) = (counted.ordinary, counted.events);
    let flows = counted.flows.finish_detailed().len();
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
    println!(
        "{name}: {megabytes} MB, {} lines, {flows} flows, {events} events, {ordinary} counted; {peak}",
        summary.lines
    );
}

/// Every record as an event.
fn whole(name: &str, text: &[u8]) -> f64 {
    let mut table = FlowTable::default();
    rate(text, |mut input| {
        read(&ArtifactPath::from(name), &mut input, &hints(), &mut |event| {
            table.add(&event);
        })
        .expect("reading from memory");
    })
}

/// A moment near the records, for those without a year.
fn hints() -> ClockHints {
    ClockHints { near: "2026-03-03T00:00:00Z".parse().ok(), ..ClockHints::default() }
}

/// As an investigation reads: connections aggregated, routine messages counted.
fn counted(name: &str, text: &[u8]) -> f64 {
    let mut counted = Counted::default();
    let path = ArtifactPath::from(name);
    rate(text, |mut input| {
        let mut reader = LogReader::new(&path, &hints());
        reader.read(&mut input, 0, &mut counted).expect("reading from memory");
        let _ = reader.finish();
    })
}

#[derive(Default)]
struct Counted {
    flows: FlowTable,
    ordinary: u64,
    events: u64,
}

impl Sink for Counted {
    fn wants_everything(&self) -> bool {
        false
    }

    fn connection(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) -> bool {
        self.flows.add_connection(artifact, connection);
        true
    }

    fn ordinary(&mut self, _: EventKind) {
        self.ordinary += 1;
    }

    fn event(&mut self, event: Event) {
        self.flows.add(&event);
        self.events += 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "megabytes are far below 2^53")]
fn rate(text: &[u8], read: impl FnOnce(&[u8])) -> f64 {
    let (start, clock) = (processor(), Instant::now());
    read(text);
    let taken = match (start, processor()) {
        (Some(start), Some(end)) => end - start,
        _ => clock.elapsed().as_secs_f64(),
    };
    text.len() as f64 / 1e6 / taken
}

/// Seconds that this thread had a processor, where the kernel tells: other work on the machine does not count.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run are below 2^53")]
fn processor() -> Option<f64> {
    let times = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: u64 = times.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

fn write(folder: &str, megabytes: usize) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, generator) in LOGS {
        let mut file = io::BufWriter::new(std::fs::File::create(format!("{folder}/{name}.log"))?);
        let mut made = Made::default();
        let mut lines = String::new();
        let mut written = 0_usize;
        while written < megabytes << 20 {
            lines.clear();
            for _ in 0..1000 {
                generator(&mut made, &mut lines);
            }
            written += lines.len();
            file.write_all(lines.as_bytes())?;
        }
    }
    Ok(())
}
