//! Control groups: where they are mounted and which one a process is in.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder at which version 2 of control groups is mounted.
pub(crate) fn root() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let found = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    found
        .filter(|parts| parts.get(2) == Some(&"cgroup2"))
        .find_map(|parts| parts.get(1).map(PathBuf::from))
}

/// The cgroup of a process, as a path below [`root`] that begins with `/`.
pub(crate) fn of_process(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// Whether `cgroup` is `folder` or lies below it.
pub(crate) fn is_below(cgroup: &str, folder: &str) -> bool {
    Path::new(cgroup).starts_with(Path::new(folder))
}
