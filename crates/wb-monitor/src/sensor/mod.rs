//! Sensors: what turns the host into observations. Linux only.

pub(crate) mod conntrack;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod follow;
pub(crate) mod kernel;
pub(crate) mod process;
pub(crate) mod scanner;
pub(crate) mod sockets;

use crate::sys::host;
use jiff::Timestamp;

/// From the time since boot, on which the kernel counts, to the host's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Nanoseconds since 1970 at which the machine was started, as the clock stands now.
    booted: i128,
}

impl Clock {
    pub(crate) fn now() -> Self {
        Self { booted: i128::from(host::wall_time()) - i128::from(host::boot_time()) }
    }

    /// The moment `boot` nanoseconds after the start.
    pub(crate) fn at(self, boot: u64) -> Timestamp {
        Timestamp::from_nanosecond(self.booted + i128::from(boot)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Nanoseconds since the start at a moment, never zero.
    pub(crate) fn boot(self, time: Timestamp) -> u64 {
        u64::try_from((time.as_nanosecond() - self.booted).max(1)).unwrap_or(u64::MAX)
    }

    /// By how many seconds the clock was moved against `before`, when that is more than a second.
    pub(crate) fn jump(self, before: Self) -> Option<f64> {
        let moved = self.booted - before.booted;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let seconds = moved as f64 / 1e9;
        (seconds.abs() > 1.0).then_some(seconds)
    }
}

/// The moment, on the host's clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_nanosecond(i128::from(host::wall_time())).unwrap_or(Timestamp::UNIX_EPOCH)
}
