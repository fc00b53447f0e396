//! [`Lines`]: a file of lines that survives a full disk.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Bytes that wait at the most.
const WAITING: usize = 4 << 20;

/// Bytes at which lines no longer wait for the next second, as long as the file takes them.
const ENOUGH: usize = 256 << 10;

/// A file to which whole lines are appended.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    file: Option<File>,
    /// Lines that are not written yet, with their ends.
    waiting: VecDeque<String>,
    bytes: usize,
    /// Lines that found no room while they waited.
    dropped: u64,
    /// Whether the last attempt to write failed.
    failed: bool,
}

impl Lines {
    /// Lines of the file `path`, which is made when first written.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None, waiting: VecDeque::new(), bytes: 0, dropped: 0, failed: false }
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, line: &str) {
        if self.bytes > ENOUGH && !self.failed {
            // What fails is tried again, and told, when the second is over.
            drop(self.flush());
        }
        if self.bytes + line.len() > WAITING {
            self.dropped += 1;
            return;
        }
        self.bytes += line.len() + 1;
        self.waiting.push_back(format!("{line}\n"));
    }

    /// Writes what waits. What cannot be written waits on; what was lost meanwhile is told by a line of its
    /// own as soon as there is room.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        if self.waiting.is_empty() && self.dropped == 0 {
            return Ok(());
        }
        let result = self.write();
        self.failed = result.is_err();
        if self.failed {
            self.file = None;
        }
        result.map_err(|error| {
            let waiting = self.waiting.len();
            format!(
                "`{}` cannot be written: {error}; {waiting} lines wait, {} were lost",
                self.path.display(),
                self.dropped
            )
        })
    }

    fn write(&mut self) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                File::options().create(true).append(true).open(&self.path)?
            }
        };
        let mut end = file.metadata()?.len();
        while !self.waiting.is_empty() {
            // Many lines at once, for one system call.
            let (mut chunk, mut count) = (String::new(), 0);
            for line in self.waiting.iter().take(512) {
                chunk.push_str(line);
                count += 1;
            }
            if let Err(error) = file.write_all(chunk.as_bytes()) {
                // Half a line would spoil the next one.
                drop(file.set_len(end));
                return Err(error);
            }
            end += chunk.len() as u64;
            self.waiting.drain(..count);
            self.bytes = self.bytes.saturating_sub(chunk.len());
        }
        if self.dropped > 0 {
            let lost = self.dropped;
            let line = crate::record::Record::new(
                jiff::Timestamp::now(),
                "sensor",
                format!("{lost} records were lost because they could not be written"),
            );
            file.write_all(format!("{}\n", line.line()).as_bytes())?;
            self.dropped = 0;
        }
        self.file = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_while_they_cannot_be_written() {
        let scratch = wb_testkit::Scratch::new();
        let blocked = scratch.folder().join("log");
        fs::write(&blocked, "a file where a folder should be").expect("it can be written");
        let mut lines = Lines::new(blocked.join("alerts.jsonl"));
        lines.push("one");
        let error = lines.flush().expect_err("it cannot be written");
        assert!(error.contains("1 lines wait"), "{error}");
        fs::remove_file(&blocked).expect("it is there");
        lines.push("two");
        lines.flush().expect("it can be written now");
        assert_eq!(
            fs::read_to_string(blocked.join("alerts.jsonl")).expect("it is there"),
            "one\ntwo\n"
        );
    }

    #[test]
    fn many_lines_at_once_are_written_and_not_dropped() {
        let scratch = wb_testkit::Scratch::new();
        let path = scratch.folder().join("records.jsonl");
        let mut lines = Lines::new(path.clone());
        let line = "x".repeat(1023);
        for _ in 0..16 << 10 {
            lines.push(&line);
        }
        lines.flush().expect("it can be written");
        assert_eq!(fs::metadata(&path).expect("it is there").len(), 16 << 20);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_loses_nothing_silently() {
        let mut lines = Lines::new("/dev/full".into());
        let line = "x".repeat(1 << 20);
        for _ in 0..6 {
            lines.push(&line);
        }
        let error = lines.flush().expect_err("the device is full");
        assert!(error.contains("3 lines wait, 3 were lost"), "{error}");
    }
}
