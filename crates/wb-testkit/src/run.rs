//! [`Run`]: the command under test, and [`Ended`]: what came of it. Nothing here waits for ever.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a run may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// Variables of the developer's own terminal, which must not change what a test sees.
const OWN_VARIABLES: [&str; 6] =
    ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "RUST_BACKTRACE"];

/// A command about to be run, its output read through pipes.
#[derive(Debug)]
pub struct Run {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Run {
    /// A run of `program` without arguments.
    pub fn of(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        Self { command, input: None }
    }

    /// With these arguments behind those it has.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In this working folder.
    #[must_use]
    pub fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With this on standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Whether it can be started and succeeds; for asking whether an oracle is there.
    pub fn succeeds(mut self) -> bool {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.status().is_ok_and(|status| status.success())
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, or hangs.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let told = format!("{:?}", self.command);
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{told}: {error}"));
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let feeder = child.stdin.take().zip(self.input.take()).map(|(mut pipe, bytes)| {
            // A program that ends early closes the pipe; what it made of it is seen below.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let status = wait(&mut child, &told);
        if let Some(feeder) = feeder {
            feeder.join().expect("the feeder does not panic");
        }
        let text = |reader: JoinHandle<Vec<u8>>| reader.join().expect("the reader does not panic");
        Ended {
            told,
            code: status.code(),
            out: String::from_utf8_lossy(&text(stdout)).into_owned(),
            err: String::from_utf8_lossy(&text(stderr)).into_owned(),
        }
    }
}

/// Reads a pipe to its end beside the program, so that a full pipe never stops it.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is what there is to compare.
            drop(pipe.read_to_end(&mut bytes));
        }
        bytes
    })
}

#[track_caller]
fn wait(child: &mut Child, told: &str) -> ExitStatus {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status,
            Ok(None) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            _ => {
                // It is stopped so that it does not outlive the test; that it ran on is the failure.
                drop(child.kill());
                panic!("{told} did not end within {PATIENCE:?}");
            }
        }
    }
}

/// A run that has ended. Each check returns it, so that checks follow one another.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The command line, for messages.
    pub told: String,
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Its exit code is `code`, and it did not panic.
    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        assert!(!self.err.contains("panicked at"), "{self}");
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Standard output has `text`; line breaks and runs of blanks count as one blank.
    #[track_caller]
    pub fn prints(&self, text: &str) -> &Self {
        assert!(flat(&self.out).contains(&flat(text)), "`{text}` is not printed by {self}");
        self
    }

    /// Neither output has `text`.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let all = flat(&format!("{}\n{}", self.out, self.err));
        assert!(!all.contains(&flat(text)), "`{text}` is said by {self}");
        self
    }

    /// Standard error has `text`; line breaks and runs of blanks count as one blank.
    #[track_caller]
    pub fn complains(&self, text: &str) -> &Self {
        assert!(flat(&self.err).contains(&flat(text)), "no complaint `{text}` by {self}");
        self
    }

    /// Nothing was written to standard error.
    #[track_caller]
    pub fn quiet(&self) -> &Self {
        assert_eq!(self.err, "", "{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { told, code, out, err } = self;
        // The whole of a long report would bury what failed.
        let end = out.char_indices().nth(4_000).map_or(out.len(), |(end, _)| end);
        let (out, cut) = (&out[..end], if end < out.len() { "…\n" } else { "" });
        write!(f, "{told}\ncode: {code:?}\nstandard output:\n{out}{cut}standard error:\n{err}")
    }
}

/// Text on one line, with single blanks: reports wrap where the terminal ends.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}
