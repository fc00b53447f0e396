//! What the kernel's log of firewalls (`linux/netfilter/nfnetlink_log.h`) tells of packets that were refused.

use crate::sensor::flows::Tuple;
use crate::sys::netlink::{Family, Netlink, attributes};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// The first group that is tried; another program may have taken it.
const GROUP: u16 = 22_338;
/// Groups that are tried.
const GROUPS: u16 = 16;

/// Messages of the subsystem (`NFNL_SUBSYS_ULOG`).
const PACKET: u16 = 4 << 8;
const CONFIG: u16 = 4 << 8 | 1;

/// A packet that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The service's place in the policy.
    pub(crate) service: usize,
    /// Where from and where to; ports are zero where the protocol has none.
    pub(crate) tuple: Tuple,
    /// `tcp`, `udp`, `icmp`, or `other`.
    pub(crate) transport: &'static str,
}

/// A listener to one group of the log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) socket: Netlink,
    pub(crate) group: u16,
    /// The number that the next packet has.
    next: Option<u32>,
    /// Packets that were refused and could not be read.
    pub(crate) lost: u64,
}

impl Log {
    /// Listens to the first group that nobody else listens to. Needs CAP_NET_ADMIN.
    pub(crate) fn new() -> io::Result<Self> {
        let mut last = io::Error::other("no group is free");
        for group in GROUP..GROUP + GROUPS {
            let socket = Netlink::new(Family::Netfilter, 0)?;
            match configure(&socket, group) {
                Ok(()) => return Ok(Self { socket, group, next: None, lost: 0 }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Hands what was refused to `each`. How much was lost, by the numbers that packets have, stands in
    /// [`Log::lost`]; returns whether the queue was full.
    pub(crate) fn read(&mut self, each: &mut dyn FnMut(Refused)) -> io::Result<bool> {
        let (mut lost, mut next) = (0, self.next);
        let full = self.socket.receive(&mut |kind, body| {
            if kind != PACKET {
                return;
            }
            let Some((number, refused)) = packet(body) else { return };
            if let (Some(number), Some(expected)) = (number, next) {
                lost += u64::from(number.wrapping_sub(expected));
            }
            next = number.map(|number| number.wrapping_add(1));
            refused.into_iter().for_each(&mut *each);
        })?;
        (self.next, self.lost) = (next, self.lost + lost);
        Ok(full)
    }
}

/// Asks for the packets of a group: their heads, numbered, each at once, so that it is told before its socket ends.
fn configure(socket: &Netlink, group: u16) -> io::Result<()> {
    let bind = attribute(1, &[1]);
    // As much of a packet as the rule says, and no more.
    let copy = attribute(2, &[0, 0, 0, 128, 2, 0]);
    let at_once = attribute(5, &1_u32.to_be_bytes());
    let numbered = attribute(6, &1_u16.to_be_bytes());
    asked(socket, group, &bind)?;
    asked(socket, group, &[copy, at_once, numbered].concat())
}

/// Sends a request about a group, and waits for the kernel's word on it.
fn asked(socket: &Netlink, group: u16, attributes: &[u8]) -> io::Result<()> {
    const REQUEST_ACKNOWLEDGED: u16 = 5;
    const ERROR: u16 = 2;
    let length = u32::try_from(20 + attributes.len()).map_err(io::Error::other)?;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([CONFIG, REQUEST_ACKNOWLEDGED].map(u16::to_ne_bytes).concat());
    message.extend([0; 8]);
    message.extend([0, 0]);
    message.extend(group.to_be_bytes());
    message.extend(attributes);
    socket.send(&message)?;
    let (mut answer, start) = (None, Instant::now());
    while answer.is_none() && start.elapsed() < Duration::from_secs(1) {
        socket.receive(&mut |kind, body| {
            let code = body.get(..4).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
            answer = code.filter(|_| kind == ERROR).or(answer);
        })?;
    }
    match answer {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::from(io::ErrorKind::TimedOut)),
    }
}

/// An attribute, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(4);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A packet's number and, when its prefix names a service, what was refused.
fn packet(body: &[u8]) -> Option<(Option<u32>, Option<Refused>)> {
    let (mut number, mut service, mut payload) = (None, None, None);
    for (kind, value) in attributes(body.get(4..)?) {
        match kind {
            9 => payload = Some(value),
            10 => {
                let text = value.strip_suffix(&[0]).unwrap_or(value);
                let text = std::str::from_utf8(text).unwrap_or_default();
                service = super::rules::service_of(text);
            }
            12 => number = value.try_into().ok().map(u32::from_be_bytes),
            _ => {}
        }
    }
    let refused = service.zip(payload.and_then(destination));
    let refused =
        refused.map(|(service, (tuple, transport))| Refused { service, tuple, transport });
    Some((number, refused))
}

/// Where a packet of IP goes.
fn destination(packet: &[u8]) -> Option<(Tuple, &'static str)> {
    let v6 = packet.first()? >> 4 == 6;
    let (protocol, rest) = match v6 {
        true => (*packet.get(6)?, packet.get(40..)?),
        false => (*packet.get(9)?, packet.get(usize::from(packet.first()? & 15) * 4..)?),
    };
    let address = |at: usize| {
        let long = || <[u8; 16]>::try_from(packet.get(at..at + 16)?).ok();
        let short = || <[u8; 4]>::try_from(packet.get(at..at + 4)?).ok();
        if v6 { long().map(|long| Ipv6Addr::from(long).into()) } else { short().map(IpAddr::from) }
    };
    let (from, to) = if v6 { (address(8)?, address(24)?) } else { (address(12)?, address(16)?) };
    let port = |at: usize| {
        let bytes = rest.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u16::from_be_bytes)
    };
    let (transport, ports) = match protocol {
        6 => ("tcp", true),
        17 => ("udp", true),
        1 | 58 => ("icmp", false),
        _ => ("other", false),
    };
    let (from_port, to_port) = if ports { (port(0), port(2)) } else { (0, 0) };
    Some((Tuple { udp: protocol == 17, from, from_port, to, to_port }, transport))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(prefix: &[u8], packet: &[u8]) -> Vec<u8> {
        let parts =
            [attribute(10, prefix), attribute(12, &7_u32.to_be_bytes()), attribute(9, packet)];
        [vec![2, 0, 0, 0], parts.concat()].concat()
    }

    #[test]
    fn what_was_refused_is_read_from_the_head_of_its_packet() {
        let mut packet4 = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
        packet4.extend([192, 0, 2, 10, 192, 0, 2, 66]);
        packet4.extend([0x9c, 0x40, 0x1f, 0x90, 0, 0]);
        let (from, to) = (IpAddr::from([192, 0, 2, 10]), IpAddr::from([192, 0, 2, 66]));
        let tuple = Tuple { udp: false, from, from_port: 40_000, to, to_port: 8080 };
        let refused = Refused { service: 3, tuple, transport: "tcp" };
        let whole = message(b"weighbridge 3\0", &packet4);
        assert_eq!(packet(&whole), Some((Some(7), Some(refused))));
        assert_eq!(packet(&message(b"other\0", &packet4)), Some((Some(7), None)));
        let mut packet6 = vec![0x60, 0, 0, 0, 0, 8, 58, 64];
        packet6.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        packet6.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 128, 0, 9, 9]);
        let (tuple, transport) = destination(&packet6).expect("a packet");
        assert_eq!((tuple.to.to_string().as_str(), transport), ("2001:db8::2", "icmp"));
        assert_eq!((tuple.to_port, destination(&[0x45])), (0, None), "no port is made up");
    }
}
