//! Times and durations in words, [`duration`] back from them: [`rfc3339`] for machines, [`clock`] and [`elapsed`] for people.

use jiff::Timestamp;
use std::time::Duration;

/// RFC 3339 in UTC with `Z`; fractions of a second only when there are any.
pub fn rfc3339(time: Timestamp) -> String {
    time.to_string()
}

/// Date and time of day in UTC, to the second: `2026-04-09 03:13:47`.
pub fn clock(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A duration in its two or more largest units, the smallest being the second: `20 d 9 h 32 min 58 s`.
pub fn elapsed(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let all = seconds.unsigned_abs();
    let parts =
        [(all / 86_400, "d"), (all / 3600 % 24, "h"), (all / 60 % 60, "min"), (all % 60, "s")];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "0 s".to_owned() } else { format!("{sign}{}", words.join(" ")) }
}

/// The duration that a number and its unit say: `90s`, `10m` or `10min`, `2h`, `1d`.
pub fn duration(text: &str) -> Option<Duration> {
    let at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// A period in seconds, readable: `300 s` stays, longer ones are split, fractions below ten are kept.
pub fn period(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    // Saturates; a period beyond 64 bits of seconds is no period.
    let whole = seconds.round() as i64;
    if whole < 600 { format!("{whole} s") } else { elapsed(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_without_needless_fractions() {
        let whole: Timestamp = "2026-04-09T05:13:47+02:00".parse().expect("a timestamp");
        assert_eq!(rfc3339(whole), "2026-04-09T03:13:47Z");
        assert_eq!(clock(whole), "2026-04-09 03:13:47");
        let fraction: Timestamp = "2026-04-09T03:13:47.250Z".parse().expect("a timestamp");
        assert_eq!(rfc3339(fraction), "2026-04-09T03:13:47.25Z");
    }

    #[test]
    fn durations_name_their_units() {
        assert_eq!(elapsed(1_773_704), "20 d 12 h 41 min 44 s");
        assert_eq!(elapsed(0), "0 s");
        assert_eq!(elapsed(-61), "-1 min 1 s");
        assert_eq!(elapsed(i64::MIN), "-106751991167300 d 15 h 30 min 8 s");
        assert_eq!(period(300.2), "300 s");
        assert_eq!(period(f64::NAN), "unknown");
    }
}
