//! Packet captures: `pcap` and `pcapng` files as events.
//!
//! [`file::Packets`] finds the records, [`layers::frame`] reads headers down to TCP and UDP, [`Connections`]
//! puts packets together, [`application::Application`] reads what is said first, and [`report::Reporter`]
//! makes events of it. A record's place is its number in the file, as Wireshark counts. Memory is bounded
//! by the connections that are open at once.

mod application;
mod connection;
mod dns;
mod file;
mod http;
mod layers;
mod report;
mod stream;
mod tls;

pub(crate) use file::is_capture;

use crate::Summary;
use connection::{Connection, End};
use file::{Packet, Packets};
use jiff::Timestamp;
use layers::{Frame, Segment, Transport};
use report::{Moment, Reporter};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use wb_core::{ArtifactPath, Event};

/// Connections that are followed at once.
const MOST_OPEN: usize = 1 << 16;

/// Bytes held for reassembly in all.
const MOST_HELD: usize = 64 << 20;

/// Seconds without a packet after which a conversation of datagrams is over, a connection that never came
/// about, and one that was closed.
const IDLE_DATAGRAMS: i64 = 60;
const IDLE_ATTEMPT: i64 = 300;
const IDLE_CLOSED: i64 = 60;

/// Reads a capture file and hands its events to `sink`: exchanges when they are seen, connections when they
/// are over.
///
/// # Errors
/// Only what reading from `input` returns: broken records are never an error.
pub fn read(
    artifact: &ArtifactPath,
    input: &mut dyn BufRead,
    sink: &mut dyn FnMut(Event),
) -> io::Result<Summary> {
    let Some(mut packets) = Packets::open(input)? else { return Ok(Summary::default()) };
    let mut connections = Connections::new(Reporter { artifact, sink, counts: BTreeMap::new() });
    while let Some(packet) = packets.next()? {
        connections.packet(&packet);
    }
    let notes = std::mem::take(&mut packets.notes);
    connections.finish();
    Ok(connections.summary(&notes))
}

/// Hands what each record of a capture says to `visit`, in order: its number, its offset in the file, and its
/// events in words. This is the text of a capture, for searches and excerpts.
///
/// # Errors
/// Only what reading from `input` returns.
pub fn records(input: &mut dyn BufRead, visit: &mut dyn FnMut(u64, u64, &str)) -> io::Result<()> {
    let mut said: BTreeMap<(u64, u64), String> = BTreeMap::new();
    read(&ArtifactPath::from(""), input, &mut |event| {
        let text = said.entry((event.record.line, event.record.offset)).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&event.message);
    })?;
    for ((number, offset), text) in said {
        visit(number, offset, &text);
    }
    Ok(())
}

/// What was odd about packets.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    packets: u64,
    read: u64,
    /// Packets that the capture kept a part of.
    snapped: u64,
    fragments: u64,
    broken: u64,
    untimed: u64,
    /// Frames of a link layer that is not read, and its number.
    unknown_link: Option<(u32, u64)>,
    /// Connections whose first bytes were not read for want of memory.
    given_up: u64,
    /// Connections that were told before their end for want of memory.
    told_early: u64,
}

/// Both ends, the lower first, and the protocol.
type Key = (End, End, u8);

/// The connections of a capture.
struct Connections<'a> {
    open: HashMap<Key, Connection>,
    reporter: Reporter<'a>,
    tally: Tally,
    held: usize,
    now: i64,
    swept: i64,
    /// Packets since then.
    unpaid: usize,
    range: Option<(Timestamp, Timestamp)>,
}

impl<'a> Connections<'a> {
    fn new(reporter: Reporter<'a>) -> Self {
        Self {
            open: HashMap::new(),
            reporter,
            tally: Tally::default(),
            held: 0,
            now: i64::MIN,
            swept: i64::MIN,
            unpaid: 0,
            range: None,
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let tally = &mut self.tally;
        tally.packets = tally.packets.saturating_add(1);
        if (packet.data.len() as u64) < packet.original {
            tally.snapped = tally.snapped.saturating_add(1);
        }
        match packet.time {
            Some(time) => self.clock(time),
            None => tally.untimed = tally.untimed.saturating_add(1),
        }
        let tally = &mut self.tally;
        let counted = match layers::frame(packet.link, packet.data) {
            Frame::Segment(segment) => {
                tally.read = tally.read.saturating_add(1);
                return self.segment(&segment, packet);
            }
            Frame::Other => &mut tally.read,
            Frame::Fragment => {
                tally.read = tally.read.saturating_add(1);
                &mut tally.fragments
            }
            Frame::Broken => &mut tally.broken,
            Frame::UnknownLink => &mut tally.unknown_link.get_or_insert((packet.link, 0)).1,
        };
        *counted = counted.saturating_add(1);
    }

    /// Notes the time of a packet, and looks now and then for what is over.
    fn clock(&mut self, time: Timestamp) {
        self.range = Some(match self.range {
            None => (time, time),
            Some((first, last)) => (first.min(time), last.max(time)),
        });
        self.now = self.now.max(time.as_second());
        if self.swept == i64::MIN {
            self.swept = self.now;
        }
        // Looking costs as much as there are connections, so that many packets have to pay for it.
        self.unpaid = self.unpaid.saturating_add(1);
        if self.now.saturating_sub(self.swept) >= 10
            && self.unpaid.saturating_mul(8) >= self.open.len()
        {
            self.swept = self.now;
            self.unpaid = 0;
            let now = self.now;
            self.tell(|connection| is_over(connection, now));
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, packet: &Packet<'_>) {
        let one = (segment.source, segment.source_port);
        let two = (segment.destination, segment.destination_port);
        let protocol = match segment.transport {
            Transport::Tcp { .. } => 6,
            Transport::Udp => 17,
            Transport::Icmp => 1,
            Transport::Other(number) => number,
        };
        let key = (one.min(two), one.max(two), protocol);
        let moment = Moment { time: packet.time, number: packet.number, offset: packet.offset };
        let known = self.open.get(&key);
        let stale = known.is_some_and(|known| {
            known.is_another(segment) || (protocol != 6 && is_over(known, self.now))
        });
        let full = known.is_none() && self.open.len() >= MOST_OPEN;
        if stale && let Some(old) = self.open.remove(&key) {
            self.end(old);
        } else if full {
            self.make_room();
        }
        let connection = self.open.entry(key).or_insert_with(|| Connection::begin(segment, moment));
        let before = connection.held();
        connection.take(segment, packet.original, moment, &mut self.reporter);
        let mut after = connection.held();
        if after > before && self.held.saturating_sub(before).saturating_add(after) > MOST_HELD {
            connection.give_up();
            after = 0;
            self.tally.given_up = self.tally.given_up.saturating_add(1);
        }
        self.held = self.held.saturating_sub(before).saturating_add(after);
    }

    /// Ends the connections for which `over` holds, in the order of their first packets.
    fn tell(&mut self, over: impl Fn(&Connection) -> bool) {
        let done = |(key, connection): (&Key, &Connection)| {
            over(connection).then_some((connection.first.number, *key))
        };
        let mut keys: Vec<(u64, Key)> = self.open.iter().filter_map(done).collect();
        keys.sort_unstable();
        for (_, key) in keys {
            if let Some(connection) = self.open.remove(&key) {
                self.end(connection);
            }
        }
    }

    fn end(&mut self, connection: Connection) {
        self.held = self.held.saturating_sub(connection.held());
        connection.finish(&mut self.reporter);
    }

    /// Tells the half of the connections that was silent longest.
    fn make_room(&mut self) {
        let mut last: Vec<u64> =
            self.open.values().map(|connection| connection.last.number).collect();
        let middle = last.len() / 2;
        let (_, median, _) = last.select_nth_unstable(middle);
        let limit = *median;
        let before = self.open.len();
        self.tell(|connection| connection.last.number < limit);
        let told = before.saturating_sub(self.open.len()) as u64;
        self.tally.told_early = self.tally.told_early.saturating_add(told);
    }

    fn finish(&mut self) {
        self.tell(|_| true);
    }

    fn summary(self, notes: &file::FileNotes) -> Summary {
        Summary {
            lines: self.tally.packets,
            understood: self.tally.read,
            sources: self.reporter.counts,
            range: self.range,
            problems: problems(&self.tally, notes),
            ..Summary::default()
        }
    }
}

/// Whether nothing more is expected of a connection at `now`, in seconds.
fn is_over(connection: &Connection, now: i64) -> bool {
    let Some(last) = connection.last.time else { return false };
    let idle = now.saturating_sub(last.as_second());
    match connection.transport {
        Transport::Tcp { .. } if connection.is_closed() => idle > IDLE_CLOSED,
        Transport::Tcp { .. } => {
            connection.progress.begun.is_some()
                && !connection.progress.agreed
                && idle > IDLE_ATTEMPT
        }
        _ => idle > IDLE_DATAGRAMS,
    }
}

/// What was not read, one sentence each.
fn problems(tally: &Tally, notes: &file::FileNotes) -> Vec<String> {
    let mut all = Vec::new();
    let packets =
        |count: u64| if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") };
    if notes.cut {
        all.push("the file is cut within its last record".to_owned());
    }
    if let Some((offset, stretches)) = notes.damaged {
        all.push(format!(
            "{} bytes are damaged and were skipped ({stretches} stretches, the first at byte {offset})",
            notes.skipped
        ));
    }
    if tally.snapped > 0 {
        all.push(format!(
            "{} kept only in part (snap length): bytes are counted, what was said may be missed",
            packets(tally.snapped)
        ));
    }
    if tally.fragments > 0 {
        all.push(format!(
            "{} are later fragments, which were not put together",
            packets(tally.fragments)
        ));
    }
    if tally.broken > 0 {
        all.push(format!("{} with cut or broken headers", packets(tally.broken)));
    }
    if let Some((link, count)) = tally.unknown_link {
        all.push(format!("{} of a link layer that is not read (type {link})", packets(count)));
    }
    if tally.untimed > 0 {
        all.push(format!("{} without a time", packets(tally.untimed)));
    }
    if tally.given_up > 0 {
        all.push(format!(
            "the first bytes of {} connections were not read: too many at once",
            tally.given_up
        ));
    }
    if tally.told_early > 0 {
        all.push(format!(
            "more than {MOST_OPEN} connections at once: {} were told before their end, and later packets of them count again",
            tally.told_early
        ));
    }
    all
}
