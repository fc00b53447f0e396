//! Processes and sockets as the kernel tells everybody: the process connector (`linux/cn_proc.h`), the ends of
//! sockets (`linux/inet_diag.h`) and, for root, the connections that are tracked. Nothing has to be loaded into
//! the kernel for them. None of them names the process of a connection: it is attributed when a list of open
//! sockets showed its owner while it was open, and otherwise it is not.

use super::conntrack::{Conntrack, Track};
use super::flows::{Ended, Flows, Tuple};
use super::{now, process};
use crate::nftables::log::Log;
use crate::observation::{Connect, Observation, What};
use crate::sys::netlink::{Family, Netlink, attributes};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd};

/// Sockets whose processes are kept.
const SOCKETS: usize = 64 << 10;

/// The sensor that needs nothing in the kernel.
#[derive(Debug)]
pub(crate) struct Sockets {
    processes: Option<Netlink>,
    ends: Netlink,
    lists: Netlink,
    /// Connections that are tracked; root only.
    tracking: Option<Conntrack>,
    flows: Flows,
    /// Which process has a socket, by the socket's cookie.
    owners: HashMap<u64, u32>,
    /// The sockets of the last list.
    open: Vec<Socket>,
    /// Ports that connections of this host begin at; an end at another port is that of an accepted one.
    local: std::ops::RangeInclusive<u16>,
    /// What could not be had.
    pub(crate) limits: Vec<String>,
}

impl Sockets {
    /// Listens to the process connector and to tracked connections, where that is allowed, and to ends of sockets.
    /// `tracks` says whether tracked connections are wanted.
    pub(crate) fn new(tracks: bool) -> io::Result<Self> {
        let mut limits = Vec::new();
        let processes = connector().inspect_err(|error| {
            limits.push(format!("process connector: {error}: short processes are not known"));
        });
        let mut tracking = None;
        if tracks {
            match Conntrack::new() {
                Ok(sensor) => {
                    limits.extend(sensor.limits.iter().cloned());
                    tracking = Some(sensor);
                }
                Err(error) => limits.push(format!(
                    "connection tracking: {error}: datagrams without a connection are not seen"
                )),
            }
        }
        Ok(Self {
            processes: processes.ok(),
            // TCP and UDP, of IPv4 and IPv6 (`enum sknetlink_groups`).
            ends: Netlink::new(Family::SockDiag, 0b1111)?,
            lists: Netlink::new(Family::SockDiag, 0)?,
            tracking,
            flows: Flows::default(),
            owners: HashMap::new(),
            open: Vec::new(),
            local: local_ports(),
            limits,
        })
    }

    /// Whether connections are told when they begin.
    pub(crate) fn tracks(&self) -> bool {
        self.tracking.as_ref().is_some_and(|tracking| tracking.active)
    }

    /// To wait for events.
    pub(crate) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let processes = self.processes.as_ref().map(|socket| socket.fd.as_fd());
        let tracking = self.tracking.as_ref().map(|sensor| sensor.socket.fd.as_fd());
        processes.into_iter().chain(tracking).chain([self.ends.fd.as_fd()]).collect()
    }

    /// Reads what has happened, and what `log` says was refused. Returns whether something was lost.
    pub(crate) fn read(
        &mut self,
        user: &dyn Fn(u32) -> Option<usize>,
        log: Option<&mut Log>,
        seen: &mut Vec<Observation>,
    ) -> bool {
        let mut lost = false;
        if let Some(socket) = &self.processes {
            let result = socket.receive(&mut |_, body| seen.extend(process_event(body)));
            lost |= result.unwrap_or(true);
        }
        // Ends first: the beginning of a connection whose end is known by now is in its queue already.
        let mut ends = Vec::new();
        let result = self.ends.receive(&mut |_, body| ends.extend(Socket::read(body)));
        lost |= result.unwrap_or(true);
        let mut gone = Vec::new();
        if let Some(tracking) = &self.tracking {
            let (flows, now) = (&mut self.flows, now());
            let mut full = false;
            let result = tracking.read(&mut |track| match track {
                Track::Begun(tuple) => full |= !flows.begun(tuple, now),
                Track::Gone(tuple, bytes) => gone.push((tuple, bytes)),
            });
            lost |= full | result.unwrap_or(true);
        }
        if let Some(log) = log {
            lost |= self.refused(log, seen);
        }
        if lost {
            self.flows.forget();
        }
        for socket in ends {
            self.ended(&socket, user, seen);
        }
        for (tuple, bytes) in gone {
            if let (Some(pid), Some(bytes)) = (self.flows.gone(&tuple), bytes) {
                seen.push(Observation { time: now(), what: end_of(&tuple, pid, None, bytes) });
            }
        }
        lost
    }

    /// Reads what was refused. Returns whether there was too much of it.
    fn refused(&mut self, log: &mut Log, seen: &mut Vec<Observation>) -> bool {
        let mut refused = Vec::new();
        let result = log.read(&mut |one| refused.push(one));
        let mut lost = result.unwrap_or(true);
        if refused.is_empty() {
            return lost;
        }
        let owners = Owners::new(&self.open, &self.owners);
        for one in refused {
            let (pid, _) = owners.of(&one.tuple).unwrap_or_default();
            lost |= one.tuple.to_port != 0 && !self.flows.refuse(one.tuple);
            let mut what = connect(&one.tuple, pid, Some(one.service), None);
            if let What::Connect(connect) = &mut what {
                (connect.transport, connect.refused) = (one.transport, true);
            }
            seen.push(Observation { time: now(), what });
        }
        lost
    }

    /// A socket has ended: its connections are told, unless they were told before.
    fn ended(
        &mut self,
        socket: &Socket,
        user: &dyn Fn(u32) -> Option<usize>,
        seen: &mut Vec<Observation>,
    ) {
        let pid = self.owners.remove(&socket.cookie);
        // Older kernels say root of every socket that was closed.
        let service = Some(socket.user).filter(|number| *number != 0).and_then(user);
        let mut tell = |time: Timestamp, what: What| seen.push(Observation { time, what });
        if socket.port == 0 {
            for (tuple, time) in self.flows.ended_from(socket.own, socket.own_port) {
                self.flows.tell(tuple, pid);
                tell(time, connect(&tuple, pid, service, None));
            }
            return;
        }
        let tuple = socket.tuple();
        match self.flows.ended(&tuple) {
            Ended::Waited(time) => tell(time, connect(&tuple, pid, service, socket.bytes_out)),
            Ended::Told(before) => {
                if let Some(bytes) = socket.bytes_out {
                    tell(now(), end_of(&tuple, before.or(pid), service, bytes));
                }
            }
            Ended::Unknown if self.local.contains(&socket.own_port) => {
                tell(now(), connect(&tuple, pid, service, socket.bytes_out));
            }
            Ended::Unknown | Ended::Refused => {}
        }
    }

    /// Learns the owners of the sockets that are open now, and tells the tracked connections that are theirs.
    /// `/proc` is searched only when there are new ones.
    pub(crate) fn list(
        &mut self,
        user: &dyn Fn(u32) -> Option<usize>,
        seen: &mut Vec<Observation>,
    ) {
        let mut open = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            self.dump(family, libc::IPPROTO_TCP, &mut open);
            if self.tracking.is_some() {
                self.dump(family, libc::IPPROTO_UDP, &mut open);
            }
        }
        let new: HashMap<u32, u64> = open
            .iter()
            .filter(|socket| socket.inode != 0 && !self.owners.contains_key(&socket.cookie))
            .map(|socket| (socket.inode, socket.cookie))
            .collect();
        if !new.is_empty() && self.owners.len() < SOCKETS {
            for (inode, pid) in owners_of(&new) {
                self.owners.extend(new.get(&inode).map(|cookie| (*cookie, pid)));
            }
        }
        self.open = open;
        let Some(tracking) = &mut self.tracking else { return };
        tracking.refresh();
        let owners = Owners::new(&self.open, &self.owners);
        for (tuple, time, owner) in self.flows.due(now(), &|tuple| owners.of(tuple)) {
            let (pid, of_user) = owner.unwrap_or_default();
            self.flows.tell(tuple, pid);
            let what = connect(&tuple, pid, of_user.and_then(user), None);
            seen.push(Observation { time, what });
        }
    }

    /// Asks for a list of sockets.
    fn dump(&self, family: i32, protocol: i32, open: &mut Vec<Socket>) {
        if self.lists.send(&list_request(family, protocol)).is_err() {
            return;
        }
        // A list comes at once, in as many messages as it needs.
        for _ in 0..64 {
            let mut ended = false;
            drop(self.lists.receive(&mut |kind, body| {
                ended |= kind == NLMSG_DONE || kind == NLMSG_ERROR;
                if let Some(socket) = Socket::read(body).filter(|_| kind == BY_FAMILY) {
                    open.push(Socket { udp: protocol == libc::IPPROTO_UDP, ..socket });
                }
            }));
            if ended {
                break;
            }
        }
    }
}

/// Owners of connections, by the sockets that are open.
struct Owners<'a> {
    connected: HashMap<Tuple, &'a Socket>,
    /// Sockets that send datagrams to anybody, by their port; none where two of them share one.
    open: HashMap<u16, Option<&'a Socket>>,
    pids: &'a HashMap<u64, u32>,
}

impl<'a> Owners<'a> {
    fn new(sockets: &'a [Socket], pids: &'a HashMap<u64, u32>) -> Self {
        let mut owners = Self { connected: HashMap::new(), open: HashMap::new(), pids };
        // What its process has closed already is nobody's, and its user is not told.
        for socket in sockets.iter().filter(|socket| socket.inode != 0) {
            if socket.port != 0 {
                owners.connected.insert(socket.tuple(), socket);
            } else if socket.udp {
                let entry = owners.open.entry(socket.own_port);
                entry.and_modify(|known| *known = None).or_insert(Some(socket));
            }
        }
        owners
    }

    /// Process and user of the one socket that a connection can be of.
    fn of(&self, tuple: &Tuple) -> Option<(Option<u32>, Option<u32>)> {
        let open = || {
            let socket = (*self.open.get(&tuple.from_port).filter(|_| tuple.udp)?)?;
            (socket.own.is_unspecified() || socket.own == tuple.from).then_some(socket)
        };
        let socket = self.connected.get(tuple).copied().or_else(open)?;
        Some((self.pids.get(&socket.cookie).copied(), Some(socket.user)))
    }
}

/// A connection as an observation.
fn connect(
    tuple: &Tuple,
    pid: Option<u32>,
    service: Option<usize>,
    bytes_out: Option<u64>,
) -> What {
    What::Connect(Connect {
        pid,
        program: String::new(),
        service,
        address: tuple.to,
        port: tuple.to_port,
        host: None,
        sni: None,
        transport: transport(tuple),
        refused: false,
        bytes_out,
    })
}

/// The end of a connection that was told before.
fn end_of(tuple: &Tuple, pid: Option<u32>, service: Option<usize>, bytes: u64) -> What {
    let (address, port) = (tuple.to, tuple.to_port);
    What::Ended { pid, service, address, port, transport: transport(tuple), bytes }
}

fn transport(tuple: &Tuple) -> &'static str {
    if tuple.udp { "udp" } else { "tcp" }
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Asks for sockets, and is the type of each of them (`SOCK_DIAG_BY_FAMILY`).
const BY_FAMILY: u16 = 20;

/// Which processes have sockets, as far as `/proc` may be read.
fn owners_of(inodes: &HashMap<u32, u64>) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        for descriptor in fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(link) = fs::read_link(descriptor.path()) else { continue };
            let link = link.to_string_lossy();
            let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(inode) = inode.and_then(|inode| inode.parse().ok())
                && inodes.contains_key(&inode)
            {
                found.push((inode, pid));
            }
        }
    }
    found
}

fn local_ports() -> std::ops::RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ports = text.split_whitespace().filter_map(|port| port.parse().ok());
    ports.next().unwrap_or(32768)..=ports.next().unwrap_or(60999)
}

/// Asks for all sockets of a family and protocol that somebody has and that do not listen (`struct
/// inet_diag_req_v2`).
fn list_request(family: i32, protocol: i32) -> Vec<u8> {
    const REQUEST_DUMP: u16 = 0x301;
    let mut message = Vec::with_capacity(72);
    message.extend(72_u32.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([family, protocol].map(|number| u8::try_from(number).unwrap_or(0)));
    message.extend([0; 2]);
    // Every state but listening, and the wait after the end, in which a connection is nobody's.
    const LISTEN: u32 = 1 << 10;
    const TIME_WAIT: u32 = 1 << 6;
    message.extend((0xfff & !(LISTEN | TIME_WAIT)).to_ne_bytes());
    message.extend([0; 48]);
    message
}

/// A socket as `struct inet_diag_msg` and its attributes tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Socket {
    own: IpAddr,
    own_port: u16,
    address: IpAddr,
    port: u16,
    cookie: u64,
    user: u32,
    inode: u32,
    udp: bool,
    bytes_out: Option<u64>,
}

impl Socket {
    fn read(body: &[u8]) -> Option<Self> {
        let family = i32::from(*body.first()?);
        let address = |at: usize| {
            let address: [u8; 16] = body.get(at..at + 16)?.try_into().ok()?;
            match family {
                libc::AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(address.get(..4)?).ok()?)),
                libc::AF_INET6 => Some(Ipv6Addr::from(address).to_canonical()),
                _ => None,
            }
        };
        let word = |at: usize| body.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let port = |at: usize| body.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
        let mut socket = Self {
            own: address(8)?,
            own_port: port(4)?,
            address: address(24)?,
            port: port(6)?,
            cookie: u64::from(word(44)?) | u64::from(word(48)?) << 32,
            user: word(64)?,
            inode: word(68)?,
            udp: false,
            bytes_out: None,
        };
        for (kind, value) in attributes(body.get(72..)?) {
            match kind {
                // `struct tcp_info`: bytes that the other side has acknowledged.
                2 => {
                    socket.bytes_out = value
                        .get(120..128)
                        .and_then(|eight| Some(u64::from_ne_bytes(eight.try_into().ok()?)))
                }
                10 => socket.udp = value.first() == Some(&17),
                _ => {}
            }
        }
        Some(socket)
    }

    /// The connection, from this side.
    fn tuple(&self) -> Tuple {
        let (from, to) = (self.own, self.address);
        Tuple { udp: self.udp, from, from_port: self.own_port, to, to_port: self.port }
    }
}

/// Subscribes to events of processes: a message of the connector (index 1, value 1) with the word "listen".
fn connector() -> io::Result<Netlink> {
    let socket = Netlink::new(Family::Connector, 1)?;
    let mut message = Vec::with_capacity(40);
    message.extend(40_u32.to_ne_bytes());
    message.extend(NLMSG_DONE.to_ne_bytes());
    message.extend([0; 10]);
    for word in [1_u32, 1, 0, 0] {
        message.extend(word.to_ne_bytes());
    }
    message.extend(4_u16.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(1_u32.to_ne_bytes());
    socket.send(&message)?;
    Ok(socket)
}

/// An event of a process (`struct proc_event` behind the connector's header of twenty bytes).
fn process_event(body: &[u8]) -> Option<Observation> {
    let word = |at: usize| body.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let what = match word(20)? {
        1 => {
            let (parent, thread, pid) = (word(40)?, word(44)?, word(48)?);
            if thread != pid {
                return None;
            }
            What::Fork { pid, parent }
        }
        2 => {
            let mut running = process::running(word(40)?)?;
            running.started = true;
            What::Runs(running)
        }
        0x8000_0000 if word(36)? == word(40)? => What::Exit { pid: word(40)? },
        _ => return None,
    };
    Some(Observation { time: now(), what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_end_of_a_connection_is_seen_with_its_owner() {
        let mut sockets = match Sockets::new(true) {
            Ok(sockets) => sockets,
            Err(error) => {
                eprintln!("SKIPPED: ends of sockets cannot be heard here: {error}");
                return;
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let port = listener.local_addr().expect("it is bound").port();
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        sockets.list(&|_| None, &mut Vec::new());
        drop(stream);
        drop(listener);
        let mut found = Vec::new();
        for _ in 0..100 {
            sockets.read(&|_| None, None, &mut found);
            std::thread::sleep(std::time::Duration::from_millis(20));
            let own = found.iter().find_map(|seen| match &seen.what {
                What::Connect(connect) if connect.port == port => Some(connect.pid),
                _ => None,
            });
            if let Some(pid) = own {
                assert_eq!(pid, Some(std::process::id()), "the list showed its owner");
                return;
            }
        }
        panic!("the end was not told: {found:?}");
    }

    #[test]
    fn a_connection_that_waits_after_its_end_is_nobodys() {
        let Ok(sockets) = Sockets::new(false) else {
            eprintln!("SKIPPED: sockets cannot be listed here");
            return;
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let to = listener.local_addr().expect("it is bound");
        let (kept, ended) = (TcpStream::connect(to), TcpStream::connect(to));
        let (kept, ended) = (kept.expect("it listens"), ended.expect("it listens"));
        let ports = [&kept, &ended].map(|stream| stream.local_addr().expect("it is bound").port());
        // Who ends first waits: this side, and then the other one.
        drop(ended);
        drop((listener.accept(), listener.accept()));
        let mut open = Vec::new();
        sockets.dump(libc::AF_INET, libc::IPPROTO_TCP, &mut open);
        let listed = ports.map(|port| {
            open.iter().any(|socket| socket.own_port == port && socket.port == to.port())
        });
        assert_eq!(listed, [true, false]);
        drop(kept);
    }
}
