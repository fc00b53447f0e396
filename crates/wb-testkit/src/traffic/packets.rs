//! Conversations as packets in a capture file: Ethernet or cooked frames, IP, TCP and UDP.

use super::{Conversation, Side, Traffic};
use jiff::{SignedDuration, Timestamp};
use std::net::{IpAddr, SocketAddr};

/// The kind of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileKind {
    /// Microseconds, little-endian.
    #[default]
    Pcap,
    /// Nanoseconds, big-endian.
    PcapNano,
    /// The next generation: blocks.
    PcapNg,
}

/// What frames look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II.
    #[default]
    Ethernet,
    /// Ethernet II with an 802.1Q tag.
    Vlan,
    /// Linux cooked capture.
    Cooked,
    /// Linux cooked capture, version 2.
    Cooked2,
    /// No link layer.
    Raw,
}

/// How packets are written.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The kind of file.
    pub file: FileKind,
    /// What frames look like.
    pub link: Link,
    /// Bytes kept of each packet.
    pub snap: usize,
    /// Bytes of payload in one segment of TCP.
    pub segment: usize,
    /// Whether segments of a message arrive in reverse order.
    pub reversed: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            file: FileKind::Pcap,
            link: Link::Ethernet,
            snap: 262_144,
            segment: 1400,
            reversed: false,
        }
    }
}

/// Time between packets of a conversation.
const STEP: SignedDuration = SignedDuration::from_millis(1);

/// Writes all packets in order of time.
pub(super) fn write(traffic: &Traffic, wire: &Wire) -> Vec<u8> {
    let mut packets: Vec<(Timestamp, Vec<u8>)> = Vec::new();
    for conversation in &traffic.conversations {
        Writer::new(conversation, wire).write(&mut packets);
    }
    packets.sort_by_key(|(time, _)| *time);
    let mut out = header(wire);
    for (time, data) in packets {
        record(&mut out, wire, time, &data);
    }
    out
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH: u8 = 8;
const FIN: u8 = 1;
const RST: u8 = 4;

/// One conversation on its way to packets.
struct Writer<'a> {
    conversation: &'a Conversation,
    wire: &'a Wire,
    now: Timestamp,
    next: [u32; 2],
}

impl<'a> Writer<'a> {
    fn new(conversation: &'a Conversation, wire: &'a Wire) -> Self {
        Self { conversation, wire, now: conversation.time, next: [1_000, 0xffff_ff00] }
    }

    fn write(mut self, out: &mut Vec<(Timestamp, Vec<u8>)>) {
        let messages = self.conversation.messages();
        if !self.conversation.is_tcp() {
            for (side, bytes) in messages {
                let udp = self.udp(side, &bytes);
                self.push(out, side, 17, udp);
            }
            return;
        }
        self.tcp(out, Side::Client, SYN, &[]);
        match self.conversation.state() {
            "silent" => return,
            "refused" => return self.tcp(out, Side::Server, RST | ACK, &[]),
            _ => self.tcp(out, Side::Server, SYN | ACK, &[]),
        }
        self.tcp(out, Side::Client, ACK, &[]);
        for (side, bytes) in messages {
            let from = out.len();
            for chunk in bytes.chunks(self.wire.segment) {
                self.tcp(out, side, ACK | PUSH, chunk);
            }
            if self.wire.reversed {
                let times: Vec<Timestamp> = out[from..].iter().map(|(time, _)| *time).collect();
                out[from..].reverse();
                for (packet, time) in out[from..].iter_mut().zip(times) {
                    packet.0 = time;
                }
            }
        }
        self.tcp(out, Side::Client, FIN | ACK, &[]);
        self.tcp(out, Side::Server, FIN | ACK, &[]);
        self.tcp(out, Side::Client, ACK, &[]);
    }

    fn ends(&self, side: Side) -> (SocketAddr, SocketAddr) {
        match side {
            Side::Client => (self.conversation.source, self.conversation.destination),
            Side::Server => (self.conversation.destination, self.conversation.source),
        }
    }

    fn tcp(&mut self, out: &mut Vec<(Timestamp, Vec<u8>)>, side: Side, flags: u8, payload: &[u8]) {
        let (from, to) = self.ends(side);
        let (own, other) = match side {
            Side::Client => (0, 1),
            Side::Server => (1, 0),
        };
        let mut segment = Vec::new();
        segment.extend(from.port().to_be_bytes());
        segment.extend(to.port().to_be_bytes());
        segment.extend(self.next[own].to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[other] };
        segment.extend(acknowledged.to_be_bytes());
        segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        let begins = u32::from(flags & (SYN | FIN) != 0);
        self.next[own] = self.next[own].wrapping_add(payload.len() as u32).wrapping_add(begins);
        self.push(out, side, 6, segment);
    }

    fn udp(&self, side: Side, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.ends(side);
        let mut datagram = Vec::new();
        datagram.extend(from.port().to_be_bytes());
        datagram.extend(to.port().to_be_bytes());
        datagram.extend((payload.len() as u16 + 8).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(payload);
        datagram
    }

    fn push(
        &mut self,
        out: &mut Vec<(Timestamp, Vec<u8>)>,
        side: Side,
        protocol: u8,
        body: Vec<u8>,
    ) {
        let (from, to) = self.ends(side);
        let (ether_type, packet) = network(from.ip(), to.ip(), protocol, &body);
        out.push((self.now, frame(self.wire.link, ether_type, &packet)));
        self.now += STEP;
    }
}

fn network(from: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> (u16, Vec<u8>) {
    let mut packet = Vec::new();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend((body.len() as u16 + 20).to_be_bytes());
            packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = checksum(&packet).to_be_bytes();
            packet[10..12].copy_from_slice(&sum);
            packet.extend(body);
            (0x0800, packet)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((body.len() as u16 + 8).to_be_bytes());
            packet.extend([0, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            // Hop-by-hop options, so that extension headers are met.
            packet.extend([protocol, 0, 1, 4, 0, 0, 0, 0]);
            packet.extend(body);
            (0x86dd, packet)
        }
        _ => panic!("both ends speak the same version of IP"),
    }
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 =
        header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn frame(link: Link, ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let kind = ether_type.to_be_bytes();
    let head: Vec<u8> = match link {
        Link::Ethernet => [&[2; 6][..], &[4; 6], &kind].concat(),
        Link::Vlan => [&[2; 6][..], &[4; 6], &[0x81, 0, 0, 7], &kind].concat(),
        Link::Cooked => [&[0, 0, 0, 1, 0, 6][..], &[4; 8], &kind].concat(),
        Link::Cooked2 => [&kind[..], &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[4; 8]].concat(),
        Link::Raw => Vec::new(),
    };
    [&head, packet].concat()
}

fn link_type(link: Link) -> u32 {
    match link {
        Link::Ethernet | Link::Vlan => 1,
        Link::Cooked => 113,
        Link::Cooked2 => 276,
        Link::Raw => 101,
    }
}

fn header(wire: &Wire) -> Vec<u8> {
    let mut out = Vec::new();
    let (snap, link) = (wire.snap as u32, link_type(wire.link));
    match wire.file {
        FileKind::Pcap => {
            out.extend([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(snap.to_le_bytes());
            out.extend(link.to_le_bytes());
        }
        FileKind::PcapNano => {
            out.extend([0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(snap.to_be_bytes());
            out.extend(link.to_be_bytes());
        }
        FileKind::PcapNg => {
            let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
            block(&mut out, 0x0a0d_0d0a, &section);
            // Nanoseconds: option 9, one byte, and the end of options.
            let options = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
            let interface =
                [&(link as u16).to_le_bytes()[..], &[0, 0], &snap.to_le_bytes(), &options].concat();
            block(&mut out, 1, &interface);
        }
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = (padded as u32 + 12).to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(length);
    out.extend(body);
    out.resize(out.len() + padded - body.len(), 0);
    out.extend(length);
}

fn record(out: &mut Vec<u8>, wire: &Wire, time: Timestamp, data: &[u8]) {
    let kept = &data[..data.len().min(wire.snap)];
    let sizes = [kept.len() as u32, data.len() as u32];
    let nanoseconds = time.as_nanosecond();
    let seconds = time.as_second() as u32;
    let fraction = (nanoseconds % 1_000_000_000) as u32;
    match wire.file {
        FileKind::Pcap => {
            for field in [seconds, fraction / 1000, sizes[0], sizes[1]] {
                out.extend(field.to_le_bytes());
            }
            out.extend(kept);
        }
        FileKind::PcapNano => {
            for field in [seconds, fraction, sizes[0], sizes[1]] {
                out.extend(field.to_be_bytes());
            }
            out.extend(kept);
        }
        FileKind::PcapNg => {
            let ticks = nanoseconds as u64;
            let mut body = Vec::new();
            for field in [0, (ticks >> 32) as u32, ticks as u32, sizes[0], sizes[1]] {
                body.extend(field.to_le_bytes());
            }
            body.extend(kept);
            block(out, 6, &body);
        }
    }
}
