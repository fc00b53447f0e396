//! Folders of models: who opens, executes, writes and replaces files below them.

use crate::observation::{File, FileKey, What};
use crate::sys::fanotify::{Fanotify, FileEvent, Inotify};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Folders watched at the most.
const FOLDERS: usize = 8192;

/// How deep folders of models are searched.
const DEPTH: usize = 12;

/// The sensor on folders of models.
#[derive(Debug)]
pub(crate) struct Files {
    /// Knows processes; root only.
    processes: Option<Fanotify>,
    /// Knows names alone, but also what is moved to its place.
    names: Inotify,
    folders: HashMap<i32, PathBuf>,
    /// Everything before this moment was read.
    read: Timestamp,
    /// What could not be had, for the person who starts the monitor.
    pub(crate) limits: Vec<String>,
}

/// What a reading gave.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) what: Vec<What>,
    /// Processes that wait for an answer before they may open a file.
    pub(crate) held: Vec<(FileEvent, File)>,
    pub(crate) lost: bool,
    /// All of it happened after this moment.
    pub(crate) since: Timestamp,
}

impl Files {
    /// Watches `folders` and everything below; `holds` asks that opening waits for an answer.
    pub(crate) fn new(folders: &[PathBuf], holds: bool, now: Timestamp) -> io::Result<Self> {
        let mut limits = Vec::new();
        let processes = Fanotify::new(holds).inspect_err(|error| {
            limits.push(format!(
                "fanotify: {error}: loads are seen without the process that makes them, and cannot be held"
            ));
        });
        let names = Inotify::new()?;
        let mut files =
            Self { processes: processes.ok(), names, folders: HashMap::new(), read: now, limits };
        for folder in folders {
            match files.add(folder, 0) {
                Ok(()) => {}
                Err(error) => {
                    files
                        .limits
                        .push(format!("models in `{}` are not watched: {error}", folder.display()));
                }
            }
        }
        Ok(files)
    }

    /// Whether processes are known.
    pub(crate) fn attributes(&self) -> bool {
        self.processes.is_some()
    }

    /// To wait for events.
    pub(crate) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let processes = self.processes.as_ref().map(|queue| queue.fd.as_fd());
        processes.into_iter().chain([self.names.fd.as_fd()]).collect()
    }

    fn add(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH || self.folders.len() >= FOLDERS {
            return Err(io::Error::other("too many folders, or too deep"));
        }
        let watch = self.names.watch(folder, self.processes.is_none())?;
        self.folders.insert(watch, folder.to_owned());
        if let Some(queue) = &self.processes
            && !queue.mark(folder)?
            && depth == 0
        {
            let what =
                "fanotify: this kernel does not tell when a file among the models is executed";
            self.limits.push(what.to_owned());
        }
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                drop(self.add(&entry.path(), depth + 1));
            }
        }
        Ok(())
    }

    /// Every file below the folders.
    pub(crate) fn present(&self) -> Vec<File> {
        let mut files: Vec<File> = self
            .folders
            .values()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
            .filter_map(|entry| at(&entry.path()))
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Reads what has happened.
    pub(crate) fn read(&mut self, now: Timestamp) -> Seen {
        let since = std::mem::replace(&mut self.read, now);
        let mut seen = Seen { since, ..Seen::default() };
        let own = std::process::id();
        if let Some(queue) = &self.processes {
            let found = queue.read().unwrap_or_default();
            seen.lost |= found.overflow;
            for event in found.events {
                let file = of_descriptor(&event.file).filter(|_| event.pid != own);
                let Some(file) = file else {
                    if event.asks {
                        drop(queue.answer(&event, true));
                    }
                    continue;
                };
                let pid = Some(event.pid);
                if event.written {
                    seen.what.push(What::Written { pid, file: file.clone() });
                }
                if event.opened {
                    seen.what.push(What::Opened { pid, file: file.clone(), since });
                }
                if event.executed {
                    seen.what.push(What::Executed { pid: event.pid, file: file.clone() });
                }
                if event.asks {
                    seen.held.push((event, file));
                }
            }
        }
        self.read_names(since, &mut seen);
        seen
    }

    fn read_names(&mut self, since: Timestamp, seen: &mut Seen) {
        for event in self.names.read() {
            let Some(folder) = self.folders.get(&event.watch) else {
                seen.lost |= event.watch < 0;
                continue;
            };
            let path = folder.join(&event.name);
            if event.folder {
                if self.add(&path, 0).is_ok() {
                    let inside = fs::read_dir(&path).into_iter().flatten().flatten();
                    let files = inside.filter_map(|entry| at(&entry.path()));
                    seen.what.extend(files.map(|file| What::Written { pid: None, file }));
                }
                continue;
            }
            let Some(file) = at(&path) else { continue };
            seen.what.push(match event.opened {
                true => What::Opened { pid: None, file, since },
                // Made, and not yet written: what is written is told when it is closed.
                false if event.made => continue,
                false => What::Written { pid: None, file },
            });
        }
    }

    /// Answers a process that waits.
    pub(crate) fn answer(&self, event: &FileEvent, allow: bool) {
        if let Some(queue) = &self.processes {
            drop(queue.answer(event, allow));
        }
    }
}

/// The regular file at `path`.
pub(crate) fn at(path: &Path) -> Option<File> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(File { key: key(&metadata), path: path.to_owned() })
}

/// The regular file behind a descriptor.
fn of_descriptor(file: &OwnedFd) -> Option<File> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let metadata = fs::metadata(&link).ok().filter(fs::Metadata::is_file)?;
    Some(File { key: key(&metadata), path: fs::read_link(link).ok()? })
}

/// Which bytes a file has.
pub(crate) fn key(metadata: &fs::Metadata) -> FileKey {
    FileKey {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        size: metadata.size(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_program_among_the_models_is_seen_when_it_runs_and_not_when_it_is_read() {
        let scratch = wb_testkit::Scratch::new();
        let path = scratch.folder().join("tool");
        fs::copy("/bin/true", &path).expect("it can be copied");
        let folders = [scratch.folder().to_owned()];
        let mut files =
            Files::new(&folders, false, Timestamp::UNIX_EPOCH).expect("inotify is there");
        if !files.attributes() {
            eprintln!("SKIPPED: fanotify is NOT tested here: {:?}", files.limits);
            return;
        }
        let mut seen = |command: &mut Command| {
            let status = command.status().expect("it is there");
            assert!(status.success(), "{status}");
            let found = files.read(Timestamp::UNIX_EPOCH).what.into_iter();
            let executed = |what| match what {
                What::Executed { file, .. } => Some(file.path),
                _ => None,
            };
            found.filter_map(executed).collect::<Vec<_>>()
        };
        assert!(seen(Command::new("cmp").arg(&path).arg("/bin/true")).is_empty());
        assert_eq!(seen(&mut Command::new(&path)), std::slice::from_ref(&path));
    }
}
