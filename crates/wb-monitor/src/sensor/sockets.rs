//! Processes and sockets as the kernel tells everybody: the process connector (`linux/cn_proc.h`) and the ends
//! of sockets (`linux/inet_diag.h`). Nothing has to be loaded into the kernel for them. A socket's end does not
//! name its process: it is attributed when a list of open sockets showed its owner while it was open, and
//! otherwise it is not.

use super::{now, process};
use crate::observation::{Connect, Observation, What};
use crate::sys::netlink::{Family, Netlink};
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
    /// Which process has a socket, by the socket's cookie.
    owners: HashMap<u64, u32>,
    /// Ports that connections of this host begin at; an end at another port is that of an accepted one.
    local: std::ops::RangeInclusive<u16>,
    /// What could not be had.
    pub(crate) limits: Vec<String>,
}

impl Sockets {
    /// Listens to the process connector, where that is allowed, and to ends of sockets.
    pub(crate) fn new() -> io::Result<Self> {
        let mut limits = Vec::new();
        let processes = connector().inspect_err(|error| {
            limits.push(format!("process connector: {error}: short processes are not known"));
        });
        Ok(Self {
            processes: processes.ok(),
            // TCP and UDP, of IPv4 and IPv6 (`enum sknetlink_groups`).
            ends: Netlink::new(Family::SockDiag, 0b1111)?,
            lists: Netlink::new(Family::SockDiag, 0)?,
            owners: HashMap::new(),
            local: local_ports(),
            limits,
        })
    }

    /// To wait for events.
    pub(crate) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let processes = self.processes.as_ref().map(|socket| socket.fd.as_fd());
        processes.into_iter().chain([self.ends.fd.as_fd()]).collect()
    }

    /// Reads what has happened. Returns whether something was lost.
    pub(crate) fn read(
        &mut self,
        user: &dyn Fn(u32) -> Option<usize>,
        seen: &mut Vec<Observation>,
    ) -> bool {
        let mut lost = false;
        if let Some(socket) = &self.processes {
            let result = socket.receive(&mut |_, body| seen.extend(process_event(body)));
            lost |= result.unwrap_or(true);
        }
        let (owners, local) = (&mut self.owners, &self.local);
        let result = self.ends.receive(&mut |_, body| {
            let Some(socket) = Socket::read(body) else { return };
            let pid = owners.remove(&socket.cookie);
            if socket.port == 0 || !local.contains(&socket.own_port) {
                return;
            }
            let what = What::Connect(Connect {
                pid,
                program: String::new(),
                service: user(socket.user),
                address: socket.address,
                port: socket.port,
                host: None,
                transport: if socket.udp { "udp" } else { "tcp" },
                refused: false,
                bytes_out: socket.bytes_out,
            });
            seen.push(Observation { time: now(), what });
        });
        lost | result.unwrap_or(true)
    }

    /// Learns the owners of the sockets that are open now. `/proc` is searched only when there are new ones.
    pub(crate) fn list(&mut self) {
        let mut new: HashMap<u32, u64> = HashMap::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            if self.lists.send(&list_request(family)).is_err() {
                return;
            }
            // A list comes at once, in as many messages as it needs.
            for _ in 0..64 {
                let mut ended = false;
                let owners = &self.owners;
                drop(self.lists.receive(&mut |kind, body| {
                    ended |= kind == NLMSG_DONE || kind == NLMSG_ERROR;
                    if let Some(socket) = Socket::read(body)
                        && socket.inode != 0
                        && !owners.contains_key(&socket.cookie)
                    {
                        new.insert(socket.inode, socket.cookie);
                    }
                }));
                if ended {
                    break;
                }
            }
        }
        if !new.is_empty() && self.owners.len() < SOCKETS {
            for (inode, pid) in owners_of(&new) {
                self.owners.extend(new.get(&inode).map(|cookie| (*cookie, pid)));
            }
        }
    }
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

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

/// Asks for all connected TCP sockets of a family (`struct inet_diag_req_v2`).
fn list_request(family: i32) -> Vec<u8> {
    const BY_FAMILY: u16 = 20;
    const REQUEST_DUMP: u16 = 0x301;
    let mut message = Vec::with_capacity(72);
    message.extend(72_u32.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([u8::try_from(family).unwrap_or(0), 6, 0, 0]);
    // Every state but listening.
    message.extend((0xfff_u32 & !(1 << 10)).to_ne_bytes());
    message.extend([0; 48]);
    message
}

/// A socket as `struct inet_diag_msg` and its attributes tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Socket {
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
        let address: [u8; 16] = body.get(24..40)?.try_into().ok()?;
        let address = match i32::from(*body.first()?) {
            libc::AF_INET => IpAddr::from(<[u8; 4]>::try_from(address.get(..4)?).ok()?),
            libc::AF_INET6 => IpAddr::from(Ipv6Addr::from(address)).to_canonical(),
            _ => return None,
        };
        let word = |at: usize| body.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let port = |at: usize| body.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
        let mut socket = Self {
            own_port: port(4)?,
            address,
            port: port(6)?,
            cookie: u64::from(word(44)?) | u64::from(word(48)?) << 32,
            user: word(64)?,
            inode: word(68)?,
            udp: false,
            bytes_out: None,
        };
        let mut rest = body.get(72..)?;
        while let (Some(length), Some(kind)) = (half(rest, 0), half(rest, 2)) {
            let Some(value) = rest.get(4..usize::from(length)) else { break };
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
            rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        }
        Some(socket)
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
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
        let mut sockets = match Sockets::new() {
            Ok(sockets) => sockets,
            Err(error) => {
                eprintln!("SKIPPED: ends of sockets cannot be heard here: {error}");
                return;
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let port = listener.local_addr().expect("it is bound").port();
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        sockets.list();
        drop(stream);
        drop(listener);
        let mut found = Vec::new();
        for _ in 0..100 {
            sockets.read(&|_| None, &mut found);
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
}
