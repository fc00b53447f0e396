//! The two ways of writing a time that make up most of large logs, read by position.

use super::Stamp;
use jiff::Timestamp;
use jiff::civil::{Date, Time};

/// Seconds since 1970 with up to nine digits of fraction: `1713527989.516034`.
pub(super) fn seconds(text: &str) -> Option<(Stamp, &str)> {
    let (seconds, rest) = text.as_bytes().split_first_chunk::<10>()?;
    let seconds = digits(seconds)?;
    let (fraction, length) = match rest {
        [b'.', rest @ ..] => fraction(rest),
        _ => (0, 0),
    };
    let used = if length == 0 { 10 } else { length.saturating_add(11) };
    let rest = text.get(used..)?;
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b',');
    if length > 9 || rest.as_bytes().first().is_some_and(goes_on) || !PLAUSIBLE.contains(&seconds) {
        return None;
    }
    Some((Stamp::Exact(Timestamp::new(seconds, fraction).ok()?), rest))
}

/// Seconds of moments from 2000 to 2100.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Seconds since 1970 as a number that JSON has, to the microsecond.
pub(crate) fn number(seconds: f64) -> Option<Stamp> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds up to 2100 in microseconds are below 2^53"
    )]
    let microseconds = (seconds * 1e6).round() as i64;
    let whole = microseconds.div_euclid(1_000_000);
    let timestamp = Timestamp::from_microsecond(microseconds).ok()?;
    PLAUSIBLE.contains(&whole).then_some(Stamp::Exact(timestamp))
}

/// `2026-03-02T08:05:10.123`, with a space or `T` between, and what follows: a zone, perhaps.
pub(super) fn date_time(text: &str) -> Option<(Date, Time, &str)> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T' | b' ',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
    ] = *head
    else {
        return None;
    };
    let year = i16::try_from(digits(&[y0, y1, y2, y3])?)
        .ok()
        .filter(|year| (1970..2200).contains(year))?;
    let date = Date::new(year, two(m0, m1)?, two(d0, d1)?).ok()?;
    let (nanosecond, length) = match rest {
        [b'.' | b',', rest @ ..] => fraction(rest),
        _ => (0, 0),
    };
    let used = if length == 0 { 19 } else { length.saturating_add(20) };
    let rest = text.get(used..)?;
    if rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((date, Time::new(two(h0, h1)?, two(n0, n1)?, two(s0, s1)?, nanosecond).ok()?, rest))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'));
    i8::try_from(digit(tens)?.saturating_mul(10).saturating_add(digit(ones)?)).ok()
}

/// The digits that `bytes` begin with, as nanoseconds, and how many there are.
fn fraction(bytes: &[u8]) -> (i32, usize) {
    let mut value = 0_i32;
    let mut length = 0_usize;
    for byte in bytes.iter().take_while(|byte| byte.is_ascii_digit()) {
        if length < 9 {
            value = value.saturating_mul(10).saturating_add(i32::from(byte.wrapping_sub(b'0')));
        }
        length = length.saturating_add(1);
    }
    let missing = u32::try_from(9_usize.saturating_sub(length)).unwrap_or(0);
    (value.saturating_mul(10_i32.saturating_pow(missing)), length)
}

#[cfg(test)]
mod tests {
    use crate::stamp::{Stamp, any_epoch, parse_prefix};

    #[test]
    fn the_fixed_ways_agree_with_the_general_ones() {
        for text in ["1713527989.516034\tx", "1713527989", "1713527989.5", "1713527989.123456789 x"]
        {
            let (fixed, rest) = super::seconds(text).expect("an epoch");
            assert_eq!(any_epoch(text), Some((fixed, rest)), "{text}");
        }
        for text in [
            "1713527989.5.6",
            "171352798",
            "1713527989516",
            "1713527989x",
            "0000000001",
            "171352798a",
        ] {
            assert_eq!(super::seconds(text), None, "{text}");
        }
        for text in
            ["2026-03-02T08:05:10.123Z x", "2026-03-02 08:05:10,5 +0100", "2026-03-02T08:05:10"]
        {
            assert!(super::date_time(text).is_some(), "{text}");
        }
        for text in [
            "2026-13-02T08:05:10",
            "2026-03-02T08:05:60",
            "2026-03-02_08:05:10",
            "2026-03-02T08:05:1x",
        ] {
            assert!(super::date_time(text).is_none(), "{text}");
        }
        let leap = parse_prefix("2026-03-02T08:05:60Z").expect("a leap second").0;
        assert!(matches!(leap, Stamp::Exact(_)));
        assert_eq!(
            super::number(1_713_527_989.516_034),
            super::seconds("1713527989.516034").map(|(stamp, _)| stamp)
        );
        assert_eq!(super::number(1e15), None);
    }
}
