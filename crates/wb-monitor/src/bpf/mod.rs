//! The sensor in the kernel: programs on the cgroups of services, and on exec, fork and exit.
//!
//! [`Programs::attach`] loads and attaches everything; [`Programs::drain`] reads what was recorded. With
//! [`Programs::pin`] the programs stay when this process is gone, and what they record meanwhile is read by
//! the next one.

mod assemble;
pub(crate) mod event;
mod programs;
mod types;

use crate::sys::bpf::{self, Hook, Map, MapKind, ProgramKind};
use crate::sys::{host, ring::Ring};
use event::Kernel;
use programs::{ServiceMaps, Shared};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Offsets in the control entry.
pub(crate) mod control {
    pub(crate) const ENFORCE: i16 = 0;
    pub(crate) const FAIL_CLOSED: i16 = 4;
    pub(crate) const ALIVE_UNTIL: i16 = 8;
    pub(crate) const SIZE: usize = 16;
}

/// Bytes of the ring buffer: thousands of events, for the moments when user space is busy or restarts.
const RING: u32 = 4 << 20;

/// Networks a service may be allowed at most.
const ALLOWED: u32 = 16 << 10;

/// Destinations whose bytes are counted per service.
const PEERS: u32 = 8 << 10;

/// How long the programs enforce without hearing from this process, when the policy fails open.
const ALIVE: u64 = 5_000_000_000;

/// Where pins live.
const PINS: &str = "/sys/fs/bpf/weighbridge";

/// How a service is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enforcement {
    /// Whether destinations that are not allowed are refused.
    pub(crate) enforce: bool,
    /// Whether that holds when nobody watches.
    pub(crate) fail_closed: bool,
}

/// A network and port that a service may connect to, until a moment of boot time (0: for ever).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowed {
    pub(crate) network: IpAddr,
    pub(crate) prefix: u8,
    /// Zero: every port.
    pub(crate) port: u16,
    pub(crate) until: u64,
}

/// Where the programs of a service are attached.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The cgroup.
    pub(crate) folder: PathBuf,
    /// Whether it is everybody's: then records do not say the service, which has to be told by the process.
    pub(crate) everybody: bool,
    /// How it is enforced.
    pub(crate) enforcement: Enforcement,
    /// What is allowed from the start.
    pub(crate) allowed: Vec<Allowed>,
}

/// The number that records of everybody's cgroup have.
const EVERYBODY: i32 = -1;

/// All programs, attached.
#[derive(Debug)]
pub(crate) struct Programs {
    ring: Ring,
    ring_map: Map,
    lost: Map,
    lost_before: Lost,
    /// By the policy's order; none where a service has no programs.
    services: Vec<Option<Attached>>,
    tracepoints: Vec<OwnedFd>,
    /// Where all this is pinned.
    pins: Option<PathBuf>,
    /// What could not be had, in words for the person who starts the monitor.
    pub(crate) limits: Vec<String>,
}

/// The programs of one service.
#[derive(Debug)]
pub(crate) struct Attached {
    place: Place,
    cgroup: fs::File,
    inode: u64,
    control: Map,
    allow4: Map,
    allow6: Map,
    peers: Map,
    links: Vec<(Hook, OwnedFd, u32)>,
}

/// The hooks of a service.
const HOOKS: [Hook; 6] =
    [Hook::Connect4, Hook::Connect6, Hook::Sendmsg4, Hook::Sendmsg6, Hook::Ingress, Hook::Egress];

impl Programs {
    /// Loads the programs, fills the lists of what is allowed, and attaches to each service's cgroup, in
    /// this order, so that nothing that is allowed is ever refused.
    pub(crate) fn attach(services: &[Option<Place>]) -> io::Result<Self> {
        let ring_map = Map::create(MapKind::RingBuffer, 0, 0, RING)?;
        let lost = Map::create(MapKind::Array, 4, 8, 2)?;
        let ring = Ring::new(&ring_map)?;
        let mut programs = Self {
            ring,
            ring_map,
            lost,
            lost_before: Lost::default(),
            services: Vec::new(),
            tracepoints: Vec::new(),
            pins: None,
            limits: Vec::new(),
        };
        programs.attach_tracepoints();
        for (index, place) in services.iter().enumerate() {
            let shared = Shared { ring: &programs.ring_map, lost: &programs.lost };
            let attached = place.as_ref().map(|place| Attached::new(index, place, shared));
            programs.services.push(attached.transpose()?);
        }
        Ok(programs)
    }

    fn attach_tracepoints(&mut self) {
        let types = fs::read("/sys/kernel/btf/vmlinux").unwrap_or_default();
        let offsets = types::Offsets::read(&types);
        let shared = Shared { ring: &self.ring_map, lost: &self.lost };
        let mut wanted = vec![
            ("sched_process_exec", programs::exec(shared, offsets)),
            ("sched_process_exit", programs::exit(shared)),
        ];
        match offsets {
            Some(offsets) => wanted.push(("sched_process_fork", programs::fork(shared, offsets))),
            None => self.limits.push(
                "the kernel has no type information: arguments and parents are read from /proc, where \
                 those of very short processes are missing"
                    .to_owned(),
            ),
        }
        for (name, code) in wanted {
            let link = bpf::load(ProgramKind::Tracepoint, &code)
                .and_then(|program| bpf::attach_tracepoint(&program, name));
            match link {
                Ok(link) => self.tracepoints.push(link),
                Err(error) => self.limits.push(format!("tracepoint {name}: {error}")),
            }
        }
    }

    /// To wait for records.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.ring_map.fd.as_fd()
    }

    /// Hands records to `each`, at most `most`.
    pub(crate) fn drain(&mut self, most: usize, each: &mut dyn FnMut(Kernel)) -> usize {
        self.ring.drain(most, &mut |bytes| {
            if let Some(record) = Kernel::read(bytes) {
                each(record);
            }
        })
    }

    /// How many records were lost since this was asked last.
    pub(crate) fn lost(&mut self) -> Lost {
        let (now, before) = (Lost::read(&self.lost), self.lost_before);
        self.lost_before = now;
        Lost {
            connections: now.connections.saturating_sub(before.connections),
            others: now.others.saturating_sub(before.others),
        }
    }

    /// Records nothing more, so that what was recorded can be read to its end. What is pinned goes on.
    pub(crate) fn detach(&mut self) {
        if self.pins.is_none() {
            self.services.clear();
            self.tracepoints.clear();
        }
    }

    /// Tells the programs that somebody is there, and how to enforce.
    pub(crate) fn heartbeat(&self, enforcement: &[Enforcement]) -> io::Result<()> {
        for (service, how) in self.services.iter().zip(enforcement) {
            if let Some(service) = service.as_ref().filter(|service| !service.place.everybody) {
                service.set_control(*how)?;
            }
        }
        Ok(())
    }

    /// Allows a service one more network.
    pub(crate) fn allow(&self, service: usize, allowed: Allowed) -> io::Result<()> {
        self.attached(service).map_or(Ok(()), |service| service.allow(allowed))
    }

    /// Makes the list of what a service is allowed equal to `allowed`: what is new is added before what is
    /// gone is removed.
    pub(crate) fn replace(&self, service: usize, allowed: &[Allowed]) -> io::Result<()> {
        let Some(service) = self.attached(service) else { return Ok(()) };
        let mut keys = std::collections::BTreeSet::new();
        for one in allowed {
            service.allow(*one)?;
            keys.insert(key(*one));
        }
        for map in [&service.allow4, &service.allow6] {
            for old in map.keys()?.iter().filter(|old| !keys.contains(*old)) {
                map.remove(old)?;
            }
        }
        Ok(())
    }

    fn attached(&self, service: usize) -> Option<&Attached> {
        self.services.get(service)?.as_ref()
    }

    /// Bytes sent so far by each service to each destination it connected to.
    pub(crate) fn sent(&self, service: usize) -> Vec<(IpAddr, u16, u64)> {
        let Some(service) = self.attached(service) else { return Vec::new() };
        let keys = service.peers.keys().unwrap_or_default();
        keys.iter()
            .filter_map(|key| {
                let address: [u8; 16] = key.get(..16)?.try_into().ok()?;
                let port = u16::from_be_bytes(key.get(16..18)?.try_into().ok()?);
                let counts = service.peers.get(key).ok()??;
                let bytes = u64::from_ne_bytes(counts.get(..8)?.try_into().ok()?);
                Some((IpAddr::from(address).to_canonical(), port, bytes))
            })
            .collect()
    }

    /// Services whose programs are no longer all attached, with why.
    pub(crate) fn detached(&self) -> Vec<(usize, String)> {
        let services = self.services.iter().enumerate();
        services
            .filter_map(|(index, service)| Some((index, service.as_ref()?.detached()?)))
            .collect()
    }

    /// Attaches a service again, after its cgroup was made anew.
    pub(crate) fn reattach(
        &mut self,
        index: usize,
        enforcement: Enforcement,
        allowed: &[Allowed],
    ) -> io::Result<()> {
        let shared = Shared { ring: &self.ring_map, lost: &self.lost };
        if let Some(Some(service)) = self.services.get_mut(index) {
            let allowed = allowed.to_vec();
            let place = Place { enforcement, allowed, ..service.place.clone() };
            *service = Attached::new(index, &place, shared)?;
            if let Some(pins) = &self.pins {
                service.pin(index, pins)?;
            }
        }
        Ok(())
    }

    /// Keeps programs and their records when this process is gone, in place of what an earlier process kept
    /// under `name`. Returns what had been recorded since then, and how much of it was lost.
    pub(crate) fn pin(&mut self, name: &str) -> io::Result<Kept> {
        if self.pins.is_some() {
            return Ok(Kept::default());
        }
        let (root, now) = (pins()?.join(name), host::boot_time());
        let kept = kept(&root);
        let folder = root.join(now.to_string());
        fs::create_dir_all(&folder)?;
        bpf::pin(&self.ring_map.fd, &folder.join("ring"))?;
        bpf::pin(&self.lost.fd, &folder.join("lost"))?;
        for (number, link) in self.tracepoints.iter().enumerate() {
            bpf::pin(link, &folder.join(format!("tracepoint-{number}")))?;
        }
        for (number, service) in self.services.iter().enumerate() {
            let Some(service) = service else { continue };
            service.pin(number, &folder)?;
        }
        remove_pins(&root, Some(&folder))?;
        self.pins = Some(folder);
        Ok(kept)
    }

    /// No longer keeps anything when this process is gone.
    pub(crate) fn unpin(&mut self, name: &str) -> io::Result<()> {
        self.pins = None;
        release(name).map(drop)
    }
}

/// What programs recorded while nobody read it.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) records: Vec<Kernel>,
    pub(crate) lost: Lost,
}

/// Records that found no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Of connections.
    pub(crate) connections: u64,
    /// Of processes and name servers.
    pub(crate) others: u64,
}

impl Lost {
    fn read(map: &Map) -> Self {
        Self {
            connections: counter(map, programs::LOST_CONNECTIONS),
            others: counter(map, programs::LOST_OTHERS),
        }
    }
}

/// Detaches whatever an earlier process left under `name`. Returns whether there was anything.
pub(crate) fn release(name: &str) -> io::Result<bool> {
    let root = pins()?.join(name);
    let there = root.exists();
    remove_pins(&root, None)?;
    drop(fs::remove_dir(&root));
    Ok(there)
}

/// Reads the ring buffers that earlier processes kept.
fn kept(root: &Path) -> Kept {
    let mut kept = Kept::default();
    for folder in fs::read_dir(root).into_iter().flatten().flatten() {
        let folder = folder.path();
        let ring = Map::pinned(&folder.join("ring")).and_then(|map| Ring::new(&map));
        if let Ok(mut ring) = ring {
            ring.drain(usize::MAX, &mut |bytes| kept.records.extend(Kernel::read(bytes)));
        }
        if let Ok(map) = Map::pinned(&folder.join("lost")) {
            let lost = Lost::read(&map);
            kept.lost.connections += lost.connections;
            kept.lost.others += lost.others;
        }
    }
    kept
}

/// The folder of pins; the file system is mounted where it is not.
fn pins() -> io::Result<PathBuf> {
    let root = Path::new(PINS);
    if fs::create_dir(root).is_err() && !root.is_dir() {
        host::mount_bpf(Path::new("/sys/fs/bpf"))?;
        fs::create_dir_all(root)?;
    }
    Ok(root.to_owned())
}

fn remove_pins(root: &Path, except: Option<&Path>) -> io::Result<()> {
    for folder in fs::read_dir(root).into_iter().flatten().flatten() {
        let folder = folder.path();
        if Some(folder.as_path()) == except {
            continue;
        }
        for pin in fs::read_dir(&folder)?.flatten() {
            fs::remove_file(pin.path())?;
        }
        fs::remove_dir(&folder)?;
    }
    Ok(())
}

fn counter(map: &Map, number: i32) -> u64 {
    let value = map.get(&number.to_ne_bytes()).ok().flatten();
    value.and_then(|value| value.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

impl Attached {
    fn new(index: usize, place: &Place, shared: Shared<'_>) -> io::Result<Self> {
        let cgroup = fs::File::open(&place.folder)?;
        let mut service = Self {
            place: Place { allowed: Vec::new(), ..place.clone() },
            inode: cgroup.metadata()?.ino(),
            cgroup,
            control: Map::create(MapKind::Array, 4, control::SIZE as u32, 1)?,
            allow4: Map::create(MapKind::LpmTrie, 12, 8, ALLOWED)?,
            allow6: Map::create(MapKind::LpmTrie, 24, 8, ALLOWED)?,
            peers: Map::create(MapKind::LruHash, 20, 16, PEERS)?,
            links: Vec::new(),
        };
        for one in &place.allowed {
            service.allow(*one)?;
        }
        service.set_control(place.enforcement)?;
        let number = if place.everybody { Ok(EVERYBODY) } else { i32::try_from(index) };
        let number = number.map_err(io::Error::other)?;
        for hook in HOOKS {
            let (maps, kind) = (service.maps(), ProgramKind::Address(hook));
            let program = match hook {
                Hook::Ingress => {
                    bpf::load(ProgramKind::Packet(hook), &programs::answers(number, shared))
                }
                Hook::Egress => bpf::load(ProgramKind::Packet(hook), &programs::bytes_sent(maps)),
                _ => bpf::load(kind, &programs::address(hook, number, shared, maps)),
            }?;
            let link = bpf::attach(&program, service.cgroup.as_fd(), hook)?;
            service.links.push((hook, link, bpf::program_id(&program)?));
        }
        Ok(service)
    }

    /// Pins the links, in place of those that were pinned for the service before.
    fn pin(&self, number: usize, folder: &Path) -> io::Result<()> {
        for (hook, link, _) in &self.links {
            let path = folder.join(format!("service-{number}-{}", *hook as u32));
            drop(fs::remove_file(&path));
            bpf::pin(link, &path)?;
        }
        Ok(())
    }

    fn maps(&self) -> ServiceMaps<'_> {
        ServiceMaps {
            control: &self.control,
            allow4: &self.allow4,
            allow6: &self.allow6,
            peers: &self.peers,
        }
    }

    fn set_control(&self, how: Enforcement) -> io::Result<()> {
        let mut value = Vec::with_capacity(control::SIZE);
        value.extend(u32::from(how.enforce).to_ne_bytes());
        value.extend(u32::from(how.fail_closed).to_ne_bytes());
        value.extend(host::boot_time().saturating_add(ALIVE).to_ne_bytes());
        self.control.set(&0_u32.to_ne_bytes(), &value)
    }

    fn allow(&self, allowed: Allowed) -> io::Result<()> {
        let map = if allowed.network.is_ipv4() { &self.allow4 } else { &self.allow6 };
        map.set(&key(allowed), &allowed.until.to_ne_bytes())
    }

    /// Why the programs are not all attached; `None` when they are.
    fn detached(&self) -> Option<String> {
        let folder = self.place.folder.display();
        match fs::metadata(&self.place.folder) {
            Err(_) => return Some(format!("the cgroup `{folder}` is gone")),
            Ok(found) if found.ino() != self.inode => {
                return Some(format!("the cgroup `{folder}` was removed and made again"));
            }
            Ok(_) => {}
        }
        let missing = self.links.iter().find(|(hook, _, id)| {
            bpf::attached(self.cgroup.as_fd(), *hook).is_ok_and(|ids| !ids.contains(id))
        })?;
        Some(format!("the program on {:?} of `{folder}` was detached", missing.0))
    }
}

/// The key of a network in its trie: bits that count, port, two zeros, address.
fn key(allowed: Allowed) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.extend((u32::from(allowed.prefix) + 32).to_ne_bytes());
    key.extend(allowed.port.to_be_bytes());
    key.extend([0, 0]);
    match allowed.network {
        IpAddr::V4(address) => key.extend(address.octets()),
        IpAddr::V6(address) => key.extend(address.octets()),
    }
    key
}

#[cfg(test)]
mod tests;
