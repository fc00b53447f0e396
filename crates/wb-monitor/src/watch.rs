//! The watch itself: sensors, monitor and outputs in one loop on one thread.

mod blocking;
mod service;
mod turn;

use crate::alert::Alert;
use crate::bpf::{self, Allowed, Enforcement, Lost, Place, Programs};
use crate::cgroup;
use crate::monitor::{AllowedNetwork, Monitor};
use crate::nftables::{self, Table};
use crate::observation::{Observation, Trouble, What};
use crate::output::Outputs;
use crate::policy::{self, Blocking, Fail, Mode, Policy};
use crate::sensor::files::Files;
use crate::sensor::follow::Follower;
use crate::sensor::kernel::{self, Translator};
use crate::sensor::scanner::Scanner;
use crate::sensor::sockets::Sockets;
use crate::sensor::{self, Clock, process};
use crate::sys::host;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What to watch, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// The policy.
    pub policy: PathBuf,
    /// Which sensors to use; the best ones without it.
    pub tier: Option<Tier>,
    /// When to stop; never without it.
    pub duration: Option<Duration>,
}

/// How much the sensors may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// No privileges: sockets and processes as the kernel tells everybody.
    T0,
    /// Root: files with their processes.
    T1,
    /// Root and programs in the kernel.
    T2,
}

impl Tier {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::T0 => "t0",
            Self::T1 => "t1",
            Self::T2 => "t2",
        }
    }
}

/// What the watch says while it runs.
#[derive(Clone, Debug)]
pub enum Said {
    /// Something about the watch itself.
    Note(String),
    /// An alert.
    Alert(Box<Alert>),
}

/// Why a watch could not begin or go on. Each names the thing and has a hint.
pub type Problem = String;

/// A running watch.
struct Watch<'a> {
    options: &'a Options,
    text: String,
    changed: Option<SystemTime>,
    monitor: Monitor,
    outputs: Outputs,
    scanner: Scanner,
    files: Files,
    held: Vec<turn::Held>,
    programs: Option<Programs>,
    /// Instead of the programs, where there are none.
    sockets: Option<Sockets>,
    /// What refuses instead of them.
    table: Option<Table>,
    /// Whether something more is allowed than the table knows.
    stale: bool,
    /// Streams of other sensors.
    follower: Option<Follower>,
    translator: Translator,
    clock: Clock,
    signals: OwnedFd,
    say: &'a mut dyn FnMut(Said),
}

/// Watches until a signal or the time asks for an end.
///
/// # Errors
/// User: the policy cannot be read, or nothing of what it asks for can be had.
pub fn run(options: &Options, say: &mut dyn FnMut(Said)) -> Result<(), Problem> {
    let signals = host::signals().map_err(|error| format!("signals: {error}"))?;
    let mut watch = Watch::start(options, signals, say)?;
    watch.announce();
    watch.until_the_end()
}

/// Detaches whatever a watch left in the kernel for the policy at `path`. Returns whether there was anything.
///
/// # Errors
/// User: no rights to do so.
pub fn release(path: &Path) -> Result<bool, Problem> {
    let name = pin_name(path);
    let table = nftables::release(&name).map_err(|error| {
        format!("the table of nftables cannot be removed: {error}\nhint: this needs root")
    })?;
    bpf::release(&name)
        .map(|programs| programs || table)
        .map_err(|error| format!("programs cannot be detached: {error}\nhint: this needs root"))
}

/// The name of the pins of a policy: that of its file, with the digest of its path.
fn pin_name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let digest = wb_engine::sha256(whole.to_string_lossy().as_bytes()).to_string();
    digest.chars().take(16).collect()
}

/// How services are enforced under a policy.
fn enforcement(policy: &Policy) -> Enforcement {
    let enforce = policy.mode == Mode::Enforce;
    Enforcement { enforce, fail_closed: enforce && policy.fail == Fail::Closed }
}

/// A network as the kernel's list takes it.
fn to_kernel(one: AllowedNetwork, clock: Clock) -> Allowed {
    Allowed {
        network: one.network.address,
        prefix: one.network.prefix,
        port: one.port,
        until: one.until.map_or(0, |until| clock.boot(until)),
    }
}

impl<'a> Watch<'a> {
    fn start(
        options: &'a Options,
        signals: OwnedFd,
        say: &'a mut dyn FnMut(Said),
    ) -> Result<Self, Problem> {
        let (policy, text) = policy::read_with_text(&options.policy)?;
        let places: Vec<_> = policy.services.iter().map(kernel::scope).collect();
        let missing: Vec<&str> = policy
            .services
            .iter()
            .zip(&places)
            .filter(|(service, place)| place.is_none() && service.is_in_cgroup())
            .map(|(service, _)| service.name.as_str())
            .collect();
        if let Some(name) = missing.first() {
            return Err(format!(
                "the cgroup of service `{name}` does not exist\nhint: start the service, or name a slice, which is there \
                 before it"
            ));
        }
        let scopes =
            places.iter().map(|place| place.as_ref().map(|(_, below)| below.clone())).collect();
        let mut monitor = Monitor::new(policy, scopes);
        let now = sensor::now();
        monitor.tick(now);
        let policy = monitor.policy().clone();
        let place = |name: &str| policy.services.iter().position(|service| service.name == name);
        let follower = (!policy.follow.is_empty())
            .then(|| Follower::start(&policy.follow, &place))
            .transpose()
            .map_err(|error| format!("streams cannot be followed: {error}"))?;
        let mut watch = Self {
            options,
            changed: modified(&options.policy),
            outputs: Outputs::new(&policy, &text, &host_name()),
            text,
            scanner: Scanner::start().map_err(|error| format!("scanner: {error}"))?,
            files: Files::new(&policy.models, policy.hold_loads, now)
                .map_err(|error| format!("models cannot be watched: {error}"))?,
            held: Vec::new(),
            programs: None,
            sockets: None,
            table: None,
            stale: false,
            follower,
            translator: Translator::default(),
            clock: Clock::now(),
            signals,
            monitor,
            say,
        };
        let folders: Vec<Option<PathBuf>> =
            places.into_iter().map(|place| place.map(|(folder, _)| folder)).collect();
        let why = watch.attach(&folders)?;
        watch.look_around();
        if let Some(why) = why {
            watch.begin_table(&why)?;
        }
        Ok(watch)
    }

    /// Attaches the programs, unless the tier forbids it or the kernel refuses. Returns why there are none.
    fn attach(&mut self, folders: &[Option<PathBuf>]) -> Result<Option<String>, Problem> {
        if self.options.tier.is_some_and(|tier| tier < Tier::T2) {
            return self.without_programs("the tier that was asked for has none");
        }
        let how = enforcement(self.monitor.policy());
        if how.enforce && self.monitor.policy().blocking == Blocking::Nftables {
            return self.without_programs("the policy asks for nftables");
        }
        let root = cgroup::root();
        let mut places = Vec::new();
        for (index, folder) in folders.iter().enumerate() {
            let allowed = self.allowed(index);
            let service = self.monitor.policy().services.get(index);
            let by_process = service.is_some_and(|one| one.user.is_some() || one.command.is_some());
            let watched = places.iter().flatten().any(|place: &Place| place.everybody);
            places.push(match (folder, &root) {
                (Some(folder), _) => Some(Place {
                    folder: folder.clone(),
                    everybody: false,
                    enforcement: how,
                    allowed,
                }),
                // Told by user or command line: the whole host is observed, and processes are picked.
                (None, Some(root)) if by_process && !watched => Some(Place {
                    folder: root.clone(),
                    everybody: true,
                    enforcement: Enforcement::default(),
                    allowed: Vec::new(),
                }),
                _ => None,
            });
            if let (Some(folder), Some(root)) = (folder, &root) {
                self.translator.learn(folder, root);
            }
        }
        match Programs::attach(&places) {
            Ok(mut programs) => {
                if how.fail_closed {
                    let kept = programs.pin(&pin_name(&self.options.policy)).map_err(|error| {
                        format!(
                            "programs cannot be kept in the kernel: {error}\nhint: `fail = \"closed\"` needs the bpf file \
                             system; mount it at /sys/fs/bpf, or choose `fail = \"open\"`"
                        )
                    })?;
                    self.programs = Some(programs);
                    self.catch_up(kept);
                } else {
                    drop(bpf::release(&pin_name(&self.options.policy)));
                    self.programs = Some(programs);
                }
                drop(nftables::release(&pin_name(&self.options.policy)));
                Ok(None)
            }
            Err(error) if self.options.tier == Some(Tier::T2) => Err(format!(
                "programs cannot be attached: {error}\nhint: blocking needs root, cgroups of version 2 and a kernel of 5.8 \
                 or newer; `mode = \"alert\"` does without"
            )),
            Err(error) => self.without_programs(&error.to_string()),
        }
    }

    /// Listens to sockets instead. Returns why.
    fn without_programs(&mut self, why: &str) -> Result<Option<String>, Problem> {
        (self.say)(Said::Note(format!("no programs in the kernel: {why}")));
        let tracks = self.options.tier != Some(Tier::T0);
        let sockets = Sockets::new(tracks).map_err(|error| {
            format!("ends of sockets cannot be heard: {error}\nhint: this sensor needs a kernel of 4.7 or newer")
        })?;
        self.sockets = Some(sockets);
        Ok(Some(why.to_owned()))
    }

    /// What programs recorded while nobody was there.
    fn catch_up(&mut self, kept: bpf::Kept) {
        if kept.records.is_empty() && kept.lost == Lost::default() {
            return;
        }
        let count = kept.records.len();
        (self.say)(Said::Note(format!(
            "{count} events from the time without a watch are read now"
        )));
        for record in kept.records {
            self.kernel(record);
        }
        self.lost_in_kernel(kept.lost, "while nobody watched");
    }

    /// Processes that run and models that lie there already.
    fn look_around(&mut self) {
        let now = sensor::now();
        let folders = self.monitor.policy().models.clone();
        for file in self.files.present() {
            self.observe(Observation { time: now, what: What::Present { file } });
        }
        for running in process::all() {
            let pid = running.pid;
            self.observe(Observation { time: now, what: What::Runs(running) });
            for path in process::files(pid) {
                let below = folders.iter().any(|folder| path.starts_with(folder));
                if let Some(file) = below.then(|| sensor::files::at(&path)).flatten() {
                    let what =
                        What::Opened { pid: Some(pid), file, since: jiff::Timestamp::UNIX_EPOCH };
                    self.observe(Observation { time: now, what });
                }
            }
        }
    }

    /// What a service may connect to, for the kernel.
    fn allowed(&self, service: usize) -> Vec<Allowed> {
        self.monitor.allowed(service).into_iter().map(|one| to_kernel(one, self.clock)).collect()
    }

    /// Tells what found no room in the kernel.
    fn lost_in_kernel(&mut self, lost: Lost, when: &str) {
        if lost.connections > 0 {
            self.lost(lost.connections, "connections", when);
        }
        if lost.others > 0 {
            self.lost(lost.others, "events of processes and name servers", when);
        }
    }

    /// Tells that events of a kind were lost.
    fn lost(&mut self, count: u64, of: &str, when: &str) {
        let what = Some(format!("{count} {of} were lost {when}"));
        let trouble = Trouble { rule: "events-lost", subject: "kernel".to_owned(), what, count };
        self.observe(Observation { time: sensor::now(), what: What::Trouble(trouble) });
    }
}

/// The host's name.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// When a file was changed last.
fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
