//! A progress bar on standard error for work of more than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use wb_engine::Progress;

/// How long work may take before a bar is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that stays hidden until the work has lasted a second, and always when standard error is no
/// terminal.
#[derive(Debug)]
pub struct Bar {
    began: Instant,
    shown: bool,
    bar: Mutex<ProgressBar>,
}

impl Bar {
    /// A bar for the work that begins now.
    pub fn new() -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { began: Instant::now(), shown, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn with(&self, work: impl FnOnce(&ProgressBar)) {
        if let (true, Ok(bar)) = (self.shown, self.bar.lock()) {
            if bar.is_hidden() && self.began.elapsed() > PATIENCE {
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            }
            work(&bar);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, total: u64) {
        self.with(|bar| {
            bar.reset();
            bar.set_length(total);
            bar.set_message(what.to_owned());
            if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
                bar.set_style(style);
            }
        });
    }

    fn expect(&self, more: u64) {
        self.with(|bar| bar.inc_length(more));
    }

    fn advance(&self, done: u64) {
        self.with(|bar| bar.inc(done));
    }

    fn end(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}
