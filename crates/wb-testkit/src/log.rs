//! Log lines by recipe: single ones and repeated ones, sorted by time.

use jiff::{SignedDuration, Timestamp, tz::Offset};
use serde::Deserialize;

/// A line, written once or many times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// When the first is written.
    pub at: Timestamp,
    /// The line. `{iso}`, `{plain}`, `{syslog}`, `{epoch}`, `{micros}` stand for its time, `{n}` for its
    /// number from 0, `{port}` for a port that changes.
    pub line: String,
    /// How many there are.
    #[serde(default = "once")]
    pub count: u32,
    /// Seconds between them.
    #[serde(default)]
    pub every: i64,
    /// Seconds by which each is early or late at the most.
    #[serde(default)]
    pub jitter: i64,
}

const fn once() -> u32 {
    1
}

/// Writes all lines in the order of time.
///
/// # Errors
/// When a time leaves the calendar.
pub fn write(all: &[Lines]) -> Result<String, String> {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for (position, block) in all.iter().enumerate() {
        for number in 0..block.count {
            let noise = scatter(position as u64, u64::from(number));
            let span = block.jitter.saturating_mul(2).saturating_add(1);
            let early = i64::try_from(noise % 10_007).unwrap_or(0) % span.max(1) - block.jitter;
            let offset = block.every.saturating_mul(i64::from(number)).saturating_add(early);
            let time = block
                .at
                .checked_add(SignedDuration::from_secs(if number == 0 { 0 } else { offset }))
                .map_err(|error| error.to_string())?;
            lines.push((time, filled(&block.line, time, number, noise)));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    Ok(lines.into_iter().map(|(_, line)| line + "\n").collect())
}

fn filled(line: &str, time: Timestamp, number: u32, noise: u64) -> String {
    let civil = Offset::UTC.to_datetime(time);
    let replacements = [
        ("{iso}", civil.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("{plain}", civil.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        ("{syslog}", civil.strftime("%b %e %H:%M:%S").to_string()),
        ("{epoch}", time.as_second().to_string()),
        ("{micros}", time.as_microsecond().to_string()),
        ("{n}", number.to_string()),
        ("{port}", (32_768 + noise % 28_000).to_string()),
    ];
    let mut line = line.to_owned();
    for (name, value) in replacements {
        line = line.replace(name, &value);
    }
    line
}

/// Numbers that look random and are the same every time (SplitMix64).
fn scatter(block: u64, number: u64) -> u64 {
    let mut z = block.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number.wrapping_mul(0x5851));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
