//! [`Processes`]: who descends from whom, and which models each has loaded.

use crate::observation::{FileKey, Running};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// A process, by order of appearance: numbers of processes are used again, these are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u64);

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: Option<Id>,
    /// Names of the programs it ran, in order; empty while it runs its parent's.
    images: Vec<String>,
    pub(crate) command: String,
    pub(crate) user: u32,
    /// When it was made; `None` when it was there before the monitor.
    made: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// The service it belongs to, by the policy's order.
    pub(crate) service: Option<usize>,
    loads: Vec<Load>,
}

/// A model file that a process opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) file: FileKey,
    /// It was opened between these two moments.
    pub(crate) since: Timestamp,
    pub(crate) seen: Timestamp,
}

/// A load as a connection sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadedBefore {
    pub(crate) file: FileKey,
    /// The process that loaded it.
    pub(crate) by: Id,
    /// How long before.
    pub(crate) ago: SignedDuration,
}

/// Processes kept at the most, ended ones included.
const MOST: usize = 64 << 10;

/// How long a process is remembered after its end.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// Programs kept per process.
const IMAGES: usize = 8;

/// Loads kept per process: the latest.
const LOADS: usize = 256;

/// Every process that was seen.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    next: u64,
    by_pid: HashMap<u32, Id>,
    all: BTreeMap<Id, Process>,
}

impl Processes {
    /// The process that has the number `pid` now, or had it last.
    pub(crate) fn id(&self, pid: u32) -> Option<Id> {
        self.by_pid.get(&pid).copied()
    }

    pub(crate) fn get(&self, id: Id) -> Option<&Process> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Process> {
        self.all.get_mut(&id)
    }

    /// A process was made.
    pub(crate) fn fork(&mut self, pid: u32, parent: u32, time: Timestamp) -> Id {
        let parent = self.id(parent);
        // It was met before the record of its making was read: what it did meanwhile stays its own.
        if let Some(id) = self.id(pid)
            && let Some(process) = self.all.get_mut(&id)
            && process.ended.is_none()
            && process.made.is_none()
        {
            (process.parent, process.made) = (parent.or(process.parent), Some(time));
            return id;
        }
        let from = parent.and_then(|parent| self.get(parent));
        let process = Process {
            pid,
            parent,
            images: Vec::new(),
            command: from.map(|from| from.command.clone()).unwrap_or_default(),
            user: from.map_or(0, |from| from.user),
            made: Some(time),
            ended: None,
            service: from.and_then(|from| from.service),
            loads: Vec::new(),
        };
        self.add(pid, process)
    }

    /// A process runs a program: one that is known replaced its own, one that is not is added.
    pub(crate) fn run(&mut self, running: &Running, time: Timestamp) -> Id {
        let known = self
            .id(running.pid)
            .filter(|id| self.get(*id).is_some_and(|process| process.ended.is_none()));
        let id = known.unwrap_or_else(|| {
            let parent = running.parent.and_then(|parent| self.id(parent));
            let process = Process {
                pid: running.pid,
                parent,
                images: Vec::new(),
                command: String::new(),
                user: running.user,
                made: running.started.then_some(time),
                ended: None,
                service: parent.and_then(|id| self.get(id)).and_then(|process| process.service),
                loads: Vec::new(),
            };
            self.add(running.pid, process)
        });
        if let Some(process) = self.all.get_mut(&id) {
            if process.images.len() >= IMAGES {
                process.images.remove(1);
            }
            process.images.push(running.program.clone());
            process.command = command_line(&running.arguments, &running.program);
            process.user = running.user;
        }
        id
    }

    /// A process ended. What it had loaded stays known for its children.
    pub(crate) fn exit(&mut self, pid: u32, time: Timestamp) {
        if let Some(process) = self.id(pid).and_then(|id| self.all.get_mut(&id)) {
            process.ended = Some(time);
        }
    }

    /// A process opened a model.
    pub(crate) fn load(&mut self, id: Id, load: Load) {
        if let Some(process) = self.all.get_mut(&id) {
            process.loads.retain(|known| known.file != load.file);
            if process.loads.len() >= LOADS {
                process.loads.remove(0);
            }
            process.loads.push(load);
        }
    }

    /// The models that `id` had loaded before `time`, itself or through what it descends from, the latest
    /// first. A parent's loads count up to the moment when the child was made.
    pub(crate) fn loaded(&self, id: Id, time: Timestamp) -> Vec<LoadedBefore> {
        let mut found: Vec<LoadedBefore> = Vec::new();
        let mut until = time;
        for by in self.line(id) {
            let Some(process) = self.get(by) else { break };
            for load in process.loads.iter().filter(|load| load.since <= until) {
                let ago = time.duration_since(load.seen).max(SignedDuration::ZERO);
                found.push(LoadedBefore { file: load.file, by, ago });
            }
            until = process.made.map_or(until, |made| made.min(until));
        }
        found.sort_by_key(|load| load.ago);
        found
    }

    /// Who opened a file, and when.
    pub(crate) fn loaders(&self, file: FileKey) -> Vec<(Id, Timestamp)> {
        let all = self.all.iter();
        all.filter_map(|(id, process)| {
            let load = process.loads.iter().find(|load| load.file == file)?;
            Some((*id, load.seen))
        })
        .collect()
    }

    /// The process and what it descends from, nearest first.
    pub(crate) fn line(&self, id: Id) -> Vec<Id> {
        let mut line = vec![id];
        while let Some(parent) = line.last().and_then(|last| self.get(*last)?.parent)
            && line.len() < 32
        {
            line.push(parent);
        }
        line
    }

    /// The programs from this process up, as far as its service reaches: `curl <- sh <- python3`. The program
    /// of the process `loader` is followed by `note`.
    pub(crate) fn chain(&self, id: Id, loader: Option<(Id, &str)>) -> String {
        self.chain_since(id, loader, usize::MAX)
    }

    /// How many programs a process has run.
    pub(crate) fn programs_run(&self, id: Id) -> usize {
        self.get(id).map_or(0, |process| process.images.len())
    }

    /// The same as [`Self::chain`] at the time when the process itself had run `programs` programs.
    pub(crate) fn chain_since(
        &self,
        id: Id,
        loader: Option<(Id, &str)>,
        programs: usize,
    ) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut waiting = None;
        let service = self.get(id).and_then(|process| process.service);
        for by in self.line(id) {
            let Some(process) =
                self.get(by).filter(|process| process.service == service || by == id)
            else {
                break;
            };
            let note =
                loader.filter(|(loader, _)| *loader == by).map(|(_, note)| note).or(waiting.take());
            let own = if by == id { programs } else { usize::MAX };
            let mut images = process.images.iter().take(own).rev();
            match (images.next(), note) {
                // It runs its parent's program, which is where its loads are told.
                (None, note) => waiting = note,
                (Some(name), Some(note)) => names.push(format!("{name} ({note})")),
                (Some(name), None) => names.push(name.clone()),
            }
            names.extend(images.cloned());
        }
        names.dedup();
        names.join(" <- ")
    }

    /// The name of the program that a process runs.
    pub(crate) fn program(&self, id: Id) -> &str {
        let line = self.line(id);
        let mut names = line.iter().filter_map(|id| self.get(*id)?.images.last());
        names.next().map_or("?", String::as_str)
    }

    /// Forgets processes that ended long ago.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let room = self.all.len() <= MOST;
        let old = |process: &Process| {
            process.ended.is_some_and(|ended| !room || now.duration_since(ended) > REMEMBERED)
        };
        let all = &mut self.all;
        all.retain(|_, process| !old(process));
        self.by_pid.retain(|_, id| all.contains_key(id));
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    fn add(&mut self, pid: u32, process: Process) -> Id {
        let id = Id(self.next);
        self.next += 1;
        self.by_pid.insert(pid, id);
        self.all.insert(id, process);
        if self.all.len() > 2 * MOST {
            self.all.pop_first();
        }
        id
    }
}

/// Arguments as one line, bounded.
pub(crate) fn command_line(arguments: &[String], program: &str) -> String {
    let line = if arguments.is_empty() { program.to_owned() } else { arguments.join(" ") };
    line.chars().take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).expect("a time")
    }

    fn runs(pid: u32, program: &str) -> Running {
        Running { pid, program: program.to_owned(), started: true, ..Running::default() }
    }

    fn file(inode: u64) -> FileKey {
        FileKey { device: 1, inode, modified: 0, size: 1 }
    }

    fn load(inode: u64, time: i64) -> Load {
        Load { file: file(inode), since: at(time - 1), seen: at(time) }
    }

    #[test]
    fn loads_are_inherited_over_fork_and_exec() {
        let mut processes = Processes::default();
        let server = processes.run(&runs(10, "python3"), at(0));
        processes.load(server, load(1, 1000));
        processes.fork(11, 10, at(1300));
        processes.run(&runs(11, "sh"), at(1301));
        let curl = processes.fork(12, 11, at(1310));
        processes.run(&runs(12, "curl"), at(1311));
        processes.exit(11, at(1312));
        let loaded = processes.loaded(curl, at(1400));
        assert_eq!(loaded.first().map(|load| (load.by, load.ago.as_millis())), Some((server, 400)));
        let chain = processes.chain(curl, Some((server, "loaded a.pkl")));
        assert_eq!(chain, "curl <- sh <- python3 (loaded a.pkl)");
    }

    #[test]
    fn what_a_parent_loads_after_the_fork_is_not_its_childs() {
        let mut processes = Processes::default();
        let server = processes.run(&runs(10, "python3"), at(0));
        let child = processes.fork(11, 10, at(500));
        processes.load(server, load(1, 1000));
        assert_eq!(processes.loaded(child, at(2000)), Vec::new());
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let mut processes = Processes::default();
        let first = processes.run(&runs(10, "python3"), at(0));
        processes.load(first, load(1, 1));
        processes.exit(10, at(2));
        let second = processes.run(&runs(10, "cron"), at(3));
        assert!(processes.loaded(second, at(4)).is_empty());
        processes.forget(at(20 * 60 * 1000));
        assert_eq!(processes.len(), 1, "who ended is forgotten, who runs is not");
    }
}
