//! The sensor in the kernel, as observations.

use super::{Clock, process};
use crate::bpf::event::{Kernel, Who};
use crate::cgroup;
use crate::names;
use crate::observation::{Connect, Observation, Running, What};
use std::collections::HashMap;

/// Cgroups whose paths are kept.
const MOST: usize = 4096;

/// Translates records of programs.
#[derive(Debug, Default)]
pub(crate) struct Translator {
    /// Paths of cgroups by their number.
    cgroups: HashMap<u64, String>,
}

impl Translator {
    /// Translates a record. `services` is how many services have programs of their own; the number beyond them
    /// is the whole host's. `knows` says whether a process is known already.
    pub(crate) fn translate(
        &mut self,
        record: Kernel,
        services: usize,
        clock: Clock,
        knows: &dyn Fn(u32) -> bool,
    ) -> Vec<Observation> {
        let mut seen = Vec::with_capacity(2);
        let mut add = |boot: u64, what: What| seen.push(Observation { time: clock.at(boot), what });
        match record {
            Kernel::Fork { who } => add(who.time, What::Fork { pid: who.pid, parent: who.parent }),
            Kernel::Exit { who } => add(who.time, What::Exit { pid: who.pid }),
            Kernel::Exec { who, arguments } => {
                if who.parent != 0
                    && !knows(who.parent)
                    && let Some(parent) = process::running(who.parent)
                {
                    add(who.time, What::Runs(parent));
                }
                let running = self.started(&who, arguments);
                add(who.time, What::Runs(running));
            }
            Kernel::Connect { who, service, address, port, udp, passed, .. } => {
                if !knows(who.pid)
                    && let Some(running) = process::running(who.pid)
                {
                    add(who.time, What::Runs(running));
                }
                let service = service as usize;
                add(
                    who.time,
                    What::Connect(Connect {
                        pid: Some(who.pid),
                        program: who.comm,
                        service: (service < services).then_some(service),
                        address,
                        port,
                        host: None,
                        sni: None,
                        transport: if udp { "udp" } else { "tcp" },
                        refused: !passed,
                        bytes_out: None,
                    }),
                );
            }
            Kernel::Answer { service, time, packet } => {
                if let Some(mut answer) = names::read(&packet) {
                    let service = service as usize;
                    answer.service = (service < services).then_some(service);
                    add(time, What::Answer(answer));
                }
            }
        }
        seen
    }

    /// What a process runs now; `/proc` is asked for what the record lacks.
    fn started(&mut self, who: &Who, arguments: Vec<String>) -> Running {
        let known = self.cgroups.get(&who.cgroup).cloned();
        let needed = known.is_none() || who.parent == 0 || arguments.is_empty();
        let read = needed.then(|| process::running(who.pid)).flatten();
        let cgroup = known.or_else(|| read.as_ref()?.cgroup.clone());
        if let Some(path) = &cgroup
            && self.cgroups.len() < MOST
        {
            self.cgroups.insert(who.cgroup, path.clone());
        }
        let of_read = read.as_ref();
        Running {
            pid: who.pid,
            parent: if who.parent == 0 {
                of_read.and_then(|read| read.parent)
            } else {
                Some(who.parent)
            },
            program: who.comm.clone(),
            arguments: if arguments.is_empty() {
                of_read.map(|read| read.arguments.clone()).unwrap_or_default()
            } else {
                arguments
            },
            user: who.user,
            cgroup,
            started: true,
        }
    }

    /// Learns the numbers of a cgroup and of those below it.
    pub(crate) fn learn(&mut self, folder: &std::path::Path, root: &std::path::Path) {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(metadata) = std::fs::metadata(folder) else { return };
        if let Ok(below) = folder.strip_prefix(root)
            && self.cgroups.len() < MOST
        {
            self.cgroups.insert(metadata.ino(), format!("/{}", below.display()));
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.learn(&entry.path(), root);
            }
        }
    }
}

/// The folder of a unit's or container's cgroup below `root`, by its name.
pub(crate) fn find_cgroup(
    root: &std::path::Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Option<std::path::PathBuf> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if wanted(&entry.file_name().to_string_lossy()) {
                return Some(entry.path());
            }
            folders.push(entry.path());
        }
    }
    None
}

/// Where a service's cgroup is, and its path below the root.
pub(crate) fn scope(service: &crate::policy::Service) -> Option<(std::path::PathBuf, String)> {
    let root = cgroup::root()?;
    let folder = match (&service.cgroup, &service.unit, &service.container) {
        (Some(path), ..) => {
            Some(root.join(path.trim_start_matches('/'))).filter(|path| path.is_dir())
        }
        (_, Some(unit), _) => find_cgroup(&root, &|name| name == unit),
        (.., Some(container)) => find_cgroup(&root, &|name| {
            // Runtimes call it `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`.
            name.split(['-', '.', ':'])
                .any(|part| part.len() >= 12 && part.starts_with(container.as_str()))
        }),
        _ => None,
    }?;
    let below = format!("/{}", folder.strip_prefix(&root).ok()?.display());
    Some((folder, below))
}
