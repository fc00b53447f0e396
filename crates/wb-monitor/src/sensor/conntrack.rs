//! Connection tracking (`linux/netfilter/nfnetlink_conntrack.h`): the kernel tells every connection when it
//! begins, also those without a socket of their own and those that only pass through. It names no process. It
//! tells nothing where no rule of a firewall asks that connections be tracked, which is tried at the start.

use super::flows::Tuple;
use crate::sys::netlink::{Family, Netlink, attributes};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

/// Groups of connections that begin and end (`NFNLGRP_CONNTRACK_NEW`, `NFNLGRP_CONNTRACK_DESTROY`).
const GROUPS: u32 = 1 | 1 << 2;

/// Messages of the subsystem (`NFNL_SUBSYS_CTNETLINK`).
const NEW: u16 = 1 << 8;
const DELETE: u16 = 1 << 8 | 2;

/// How long the trial at the start waits for its own connection.
const TRIAL: Duration = Duration::from_millis(200);

/// What tracking tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Track {
    /// A connection began.
    Begun(Tuple),
    /// A connection was forgotten; bytes of the side that began it, when they are counted.
    Gone(Tuple, Option<u64>),
}

/// The sensor.
#[derive(Debug)]
pub(crate) struct Conntrack {
    pub(crate) socket: Netlink,
    /// Whether connections were tracked when this was tried.
    pub(crate) active: bool,
    /// Addresses of this network namespace.
    own: BTreeSet<IpAddr>,
    /// What it cannot tell here.
    pub(crate) limits: Vec<String>,
}

impl Conntrack {
    /// Listens, and tries whether there is something to hear. Needs CAP_NET_ADMIN.
    pub(crate) fn new() -> io::Result<Self> {
        let socket = Netlink::new(Family::Netfilter, GROUPS)?;
        let mut new = Self { socket, active: false, own: own_addresses(), limits: Vec::new() };
        match new.trial() {
            Ok(true) => new.active = true,
            Ok(false) => new.limits.push(
                "connection tracking: nothing is tracked in this network namespace, because no rule of nftables or \
                 iptables asks for it: datagrams without a connection, and what passes through, are not seen"
                    .to_owned(),
            ),
            Err(error) => new.limits.push(format!(
                "connection tracking: whether connections are tracked could not be tried: {error}"
            )),
        }
        let counted = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_acct");
        if new.active && counted.is_ok_and(|text| text.trim() != "1") {
            new.limits.push(
                "connection tracking: bytes are not counted, because `net.netfilter.nf_conntrack_acct` is not 1"
                    .to_owned(),
            );
        }
        Ok(new)
    }

    /// Whether a datagram from this process to itself is told.
    fn trial(&self) -> io::Result<bool> {
        let (from, to) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        let ports = (from.local_addr()?.port(), to.local_addr()?.port());
        from.send_to(b"?", to.local_addr()?)?;
        let start = Instant::now();
        let mut told = false;
        while !told && start.elapsed() < TRIAL {
            self.socket.receive(&mut |kind, body| {
                told |= matches!(
                    track(kind, body),
                    Some(Track::Begun(tuple)) if (tuple.from_port, tuple.to_port) == ports
                );
            })?;
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(told)
    }

    /// Hands what has happened to `each`. What others began towards this host is left out. Returns whether
    /// something was lost.
    pub(crate) fn read(&self, each: &mut dyn FnMut(Track)) -> io::Result<bool> {
        self.socket.receive(&mut |kind, body| match track(kind, body) {
            Some(Track::Begun(tuple)) if self.is_own(tuple.to) && !self.is_own(tuple.from) => {}
            Some(track) => each(track),
            None => {}
        })
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains(&address)
    }

    /// Learns the addresses of the host again.
    pub(crate) fn refresh(&mut self) {
        self.own = own_addresses();
    }
}

/// What a message says about a connection of TCP or UDP.
fn track(kind: u16, body: &[u8]) -> Option<Track> {
    // The attributes follow four bytes that every message of netfilter has (`struct nfgenmsg`).
    let whole = body.get(4..)?;
    let tuple = tuple(find(whole, 1)?)?;
    match kind {
        NEW => Some(Track::Begun(tuple)),
        DELETE => {
            let bytes = find(whole, 9).and_then(|counters| find(counters, 2));
            let bytes = bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
            Some(Track::Gone(tuple, bytes))
        }
        _ => None,
    }
}

/// A tuple: addresses (`CTA_TUPLE_IP`) and protocol with ports (`CTA_TUPLE_PROTO`).
fn tuple(bytes: &[u8]) -> Option<Tuple> {
    let (addresses, protocol) = (find(bytes, 1)?, find(bytes, 2)?);
    let address = |v4: u16, v6: u16| {
        let short = find(addresses, v4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let long = || find(addresses, v6).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        short.map(IpAddr::from).or_else(|| Some(Ipv6Addr::from(long()?).to_canonical()))
    };
    let port = |kind: u16| Some(u16::from_be_bytes(find(protocol, kind)?.try_into().ok()?));
    let udp = match find(protocol, 1)?.first()? {
        6 => false,
        17 => true,
        _ => return None,
    };
    let (from, to) = (address(1, 3)?, address(2, 4)?);
    Some(Tuple { udp, from, from_port: port(2)?, to, to_port: port(3)? })
}

/// The value of the first attribute of a kind.
fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

/// Addresses of this network namespace: those that routes call local, and those of IPv6.
fn own_addresses() -> BTreeSet<IpAddr> {
    let trie = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut own = local_routes(&trie);
    let six = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    own.extend(six.lines().filter_map(|line| {
        let digits = u128::from_str_radix(line.split(' ').next()?, 16).ok()?;
        Some(IpAddr::from(Ipv6Addr::from(digits)))
    }));
    own
}

/// Addresses in the kernel's table of routes that are followed by `/32 host LOCAL`.
fn local_routes(trie: &str) -> BTreeSet<IpAddr> {
    let mut own = BTreeSet::new();
    let mut last: Option<IpAddr> = None;
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            own.extend(last);
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute, padded.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).expect("it is short");
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(protocol: u8, counters: bool) -> Vec<u8> {
        let addresses = [attribute(1, &[192, 0, 2, 10]), attribute(2, &[192, 0, 2, 66])].concat();
        let ports = [
            attribute(1, &[protocol]),
            attribute(2, &40_000_u16.to_be_bytes()),
            attribute(3, &443_u16.to_be_bytes()),
        ];
        let nested = 0x8000;
        let tuple =
            [attribute(nested | 1, &addresses), attribute(nested | 2, &ports.concat())].concat();
        let mut body = vec![2, 0, 0, 0];
        body.extend(attribute(nested | 1, &tuple));
        if counters {
            let counters =
                [attribute(1, &3_u64.to_be_bytes()), attribute(2, &180_u64.to_be_bytes())];
            body.extend(attribute(nested | 9, &counters.concat()));
        }
        body
    }

    #[test]
    fn messages_are_read_as_the_kernel_writes_them() {
        let (from, to) = (IpAddr::from([192, 0, 2, 10]), IpAddr::from([192, 0, 2, 66]));
        let tuple = Tuple { udp: false, from, from_port: 40_000, to, to_port: 443 };
        assert_eq!(track(NEW, &message(6, false)), Some(Track::Begun(tuple)));
        assert_eq!(track(DELETE, &message(6, true)), Some(Track::Gone(tuple, Some(180))));
        assert_eq!(track(DELETE, &message(6, false)), Some(Track::Gone(tuple, None)));
        assert_eq!(track(NEW, &message(1, false)), None, "neither TCP nor UDP");
        let whole = message(6, false);
        for cut in 0..whole.len() {
            assert_eq!(whole.get(..cut).and_then(|part| track(NEW, part)), None, "cut at {cut}");
        }
    }

    #[test]
    fn the_addresses_of_the_host_are_its_own_and_those_of_its_networks_are_not() {
        let trie = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.0\n        /24 link UNICAST\n     \
                    |-- 192.0.2.10\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(local_routes(trie), BTreeSet::from([IpAddr::from([192, 0, 2, 10])]));
    }

    #[test]
    fn whether_connections_are_tracked_is_said() {
        match Conntrack::new() {
            Ok(sensor) => assert!(
                sensor.active || sensor.limits.iter().any(|limit| limit.contains("no rule")),
                "{:?}",
                sensor.limits
            ),
            Err(error) => eprintln!("SKIPPED: connection tracking cannot be heard here: {error}"),
        }
    }
}
