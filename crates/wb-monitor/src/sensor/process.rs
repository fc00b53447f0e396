//! What `/proc` tells of processes. Processes end while it is read: what is gone is left out.

use crate::cgroup;
use crate::observation::Running;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// The process `pid` as it runs now.
pub(crate) fn running(pid: u32) -> Option<Running> {
    let folder = format!("/proc/{pid}");
    let (program, parent, _) = status(pid)?;
    let arguments = fs::read(format!("{folder}/cmdline")).unwrap_or_default();
    let arguments: Vec<String> = arguments
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    let user = fs::metadata(&folder).ok()?.uid();
    let cgroup = cgroup::of_process(pid);
    Some(Running { pid, parent: Some(parent), program, arguments, user, cgroup, started: false })
}

/// Every process, those that were started first before others.
pub(crate) fn all() -> Vec<Running> {
    let mut found: Vec<(u64, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((status(pid)?.2, pid)))
        .collect();
    found.sort_unstable();
    found.into_iter().filter_map(|(_, pid)| running(pid)).collect()
}

/// Program, parent and start of a process, from `/proc/PID/stat` (proc_pid_stat(5)).
fn status(pid: u32) -> Option<(String, u32, u64)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (head, rest) = text.rsplit_once(')')?;
    let program = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some((program, fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

/// Files that a process has open or mapped.
pub(crate) fn files(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| path.is_absolute())
        .collect();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mapped = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    files.extend(mapped.map(PathBuf::from));
    files.sort();
    files.dedup();
    files
}
