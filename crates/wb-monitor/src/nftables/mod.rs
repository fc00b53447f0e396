//! Blocking by the kernel's firewall, where no programs can be had: a table of the watch's own, written through the
//! command `nft`. [`Table`] holds it; [`rules`] writes it; [`log`] reads what it refused.
//!
//! A table belongs to one network namespace, that of the watch. Processes in another one are not refused anything,
//! which [`elsewhere`] finds.

pub(crate) mod log;
pub(crate) mod rules;

use crate::cgroup;
use log::Log;
use rules::{Judged, Rules, Who};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `nft` looks for cgroups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Places of the command, beside those that the environment names.
const PLACES: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

/// The table, in force.
#[derive(Debug)]
pub(crate) struct Table {
    rules: Rules,
    pub(crate) log: Log,
    /// Cgroups of the services and their inodes: the table means these, and not what is made in their place.
    cgroups: Vec<(PathBuf, u64)>,
}

/// What a look at the table found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is in force.
    Holds,
    /// It was gone or no longer meant the service; why.
    Broken(String),
}

impl Table {
    /// Puts a table in force that judges `services`, told by `cgroups` where they are. Returns also how many
    /// packets a table that was there before had refused.
    pub(crate) fn new(
        name: &str,
        fail_closed: bool,
        services: Vec<Judged>,
        cgroups: Vec<PathBuf>,
    ) -> io::Result<(Self, u64)> {
        let log = Log::new().map_err(|error| about("the kernel's log of firewalls", &error))?;
        let name = table_name(name);
        let before = listed(&name).map_or(0, |text| rules::refused(&text));
        let rules = Rules { name, group: log.group, fail_closed, services };
        let mut table = Self { rules, log, cgroups: Vec::new() };
        table.watch_cgroups(cgroups);
        table.write()?;
        Ok((table, before))
    }

    /// The name of the table.
    pub(crate) fn name(&self) -> &str {
        &self.rules.name
    }

    /// Makes the table judge `services`, if that is something new.
    pub(crate) fn judge(&mut self, fail_closed: bool, services: Vec<Judged>) -> io::Result<()> {
        if self.rules.services == services && self.rules.fail_closed == fail_closed {
            return Ok(());
        }
        let new = Rules { fail_closed, services, ..self.rules.clone() };
        let before = std::mem::replace(&mut self.rules, new);
        self.write().inspect_err(|_| self.rules = before)
    }

    /// Tells the table that somebody is there.
    pub(crate) fn heartbeat(&self) -> io::Result<()> {
        nft(&rules::alive(&self.rules.name)).map(drop)
    }

    /// Whether the table still refuses what it should.
    pub(crate) fn state(&self) -> State {
        let changed = self.cgroups.iter().find(|(folder, inode)| inode_of(folder) != Some(*inode));
        if let Some((folder, _)) = changed {
            return State::Broken(format!(
                "the cgroup `{}` was removed or made again",
                folder.display()
            ));
        }
        match listed(&self.rules.name) {
            Some(text) if rules::is_whole(&text, &self.rules.services) => State::Holds,
            Some(_) => State::Broken(format!("the table `{}` was changed", self.rules.name)),
            None => State::Broken(format!("the table `{}` was removed", self.rules.name)),
        }
    }

    /// Puts the table in force again.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        self.write()?;
        let folders = self.cgroups.drain(..).map(|(folder, _)| folder).collect();
        self.watch_cgroups(folders);
        Ok(())
    }

    /// Removes the table: everything passes.
    pub(crate) fn remove(self) -> io::Result<()> {
        nft(&rules::remove(&self.rules.name)).map(drop)
    }

    fn write(&self) -> io::Result<()> {
        nft(&rules::table(&self.rules, crate::sensor::now())).map(drop)
    }

    fn watch_cgroups(&mut self, folders: Vec<PathBuf>) {
        self.cgroups = folders
            .into_iter()
            .filter_map(|folder| inode_of(&folder).map(|inode| (folder, inode)))
            .collect();
    }
}

/// How a service whose cgroup is `folder` is told to `nft`.
pub(crate) fn by_cgroup(folder: &Path) -> Result<Who, String> {
    let root = cgroup::root().ok_or("control groups of version 2 are not mounted")?;
    let level = folder.strip_prefix(&root).map(|below| below.components().count()).unwrap_or(0);
    let path = folder.strip_prefix(CGROUPS).ok().and_then(Path::to_str);
    let plain = |path: &&str| !path.contains(['"', '*', '\n']) && !path.is_empty();
    match path.filter(plain) {
        Some(path) if level > 0 => Ok(Who::Cgroup { path: path.to_owned(), level }),
        _ => Err(format!(
            "`{}` cannot be named to nft, which looks below {CGROUPS}",
            folder.display()
        )),
    }
}

/// Removes the table that a watch left under `name`. Returns whether there was one.
pub(crate) fn release(name: &str) -> io::Result<bool> {
    let name = table_name(name);
    if listed(&name).is_none() {
        return Ok(false);
    }
    nft(&rules::remove(&name)).map(|_| true)
}

/// The first of `pids` that is in another network namespace than this process.
pub(crate) fn elsewhere(pids: impl IntoIterator<Item = u32>) -> Option<u32> {
    let own = fs::read_link("/proc/self/ns/net").ok()?;
    pids.into_iter()
        .find(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|other| other != own))
}

/// Each policy has a table of its own, so that two watches never undo each other.
fn table_name(name: &str) -> String {
    format!("weighbridge_{name}")
}

fn inode_of(folder: &Path) -> Option<u64> {
    fs::metadata(folder).ok().map(|metadata| metadata.ino())
}

fn listed(name: &str) -> Option<String> {
    nft(&format!("list table inet {name}\n")).ok()
}

/// Runs commands of `nft`, all of them or none. Returns what it prints.
fn nft(commands: &str) -> io::Result<String> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for place in PLACES {
        let child = Command::new(place)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match child {
            Ok(mut child) => {
                if let Some(mut input) = child.stdin.take() {
                    input.write_all(commands.as_bytes())?;
                }
                let output = child.wait_with_output()?;
                if output.status.success() {
                    return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
                }
                let what = String::from_utf8_lossy(&output.stderr).into_owned();
                let first = what.lines().next().unwrap_or("it failed and does not say why");
                return Err(io::Error::other(format!("nft: {first}")));
            }
            Err(error) => last = error,
        }
    }
    Err(about("the command `nft`", &last))
}

fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
