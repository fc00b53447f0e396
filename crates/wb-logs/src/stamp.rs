//! [`Stamp`]: a timestamp as written, and the many ways to write one.

pub(crate) mod fixed;

use crate::scan::Scan;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A timestamp as a record gives it, before the year or zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// Date, time and zone, or an epoch.
    Exact(Timestamp),
    /// Date and time without a zone.
    Local(DateTime),
    /// Month, day and time.
    NoYear(i8, i8, Time),
    /// Time of day alone.
    NoDate(Time),
}

/// The timestamp at the start of `text`, and what follows it. A bare epoch counts only when it has a
/// fraction or is followed by a word, so that columns of numbers are no log.
pub(crate) fn parse_prefix(text: &str) -> Option<(Stamp, &str)> {
    let first = text.as_bytes().first()?;
    if first.is_ascii_digit() {
        iso(text)
            .or_else(|| compact(text))
            .or_else(|| apache(text))
            .or_else(|| day_first(text))
            .or_else(|| month_day(text))
            .or_else(|| time_of_day(text))
            .or_else(|| epoch_prefix(text))
    } else if first.is_ascii_alphabetic() {
        glog(text).or_else(|| named_month(text))
    } else {
        None
    }
}

/// The timestamp that `text` is as a whole: the value of a field.
pub(crate) fn parse_whole(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if let Some((stamp, rest)) = epoch(text)
        && rest.is_empty()
    {
        return Some(stamp);
    }
    let (stamp, rest) = parse_prefix(text).or_else(|| date_only(text))?;
    let rest = rest.trim();
    (rest.is_empty() || rest.starts_with('[') || rest.starts_with("m=")).then_some(stamp)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by magnitude; seconds and
/// milliseconds may have a fraction. Moments before 2000 or after 2100 are no epoch.
pub(crate) fn epoch(text: &str) -> Option<(Stamp, &str)> {
    fixed::seconds(text).or_else(|| any_epoch(text))
}

fn any_epoch(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let value = scan.digits(10, 19)?;
    let digits = text.len().saturating_sub(scan.rest().len());
    let unit: i64 = match digits {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut nanoseconds = i128::from(value).saturating_mul(i128::from(unit));
    if digits <= 13 {
        let fraction = fraction(&mut scan).unwrap_or(0);
        let scaled =
            i128::from(fraction).saturating_mul(i128::from(unit)).checked_div(1_000_000_000)?;
        nanoseconds = nanoseconds.saturating_add(scaled);
    }
    let plausible = 946_684_800_000_000_000..4_102_444_800_000_000_000;
    if !scan.at_boundary() || !plausible.contains(&nanoseconds) {
        return None;
    }
    Some((Stamp::Exact(Timestamp::from_nanosecond(nanoseconds).ok()?), scan.rest()))
}

fn epoch_prefix(text: &str) -> Option<(Stamp, &str)> {
    let (stamp, rest) = epoch(text)?;
    let fraction = text.as_bytes().get(10) == Some(&b'.');
    let words = rest.bytes().any(|byte| byte.is_ascii_alphabetic());
    ((fraction || words) && rest.starts_with([' ', '\t', ':', ']', '|', ',']))
        .then_some((stamp, rest))
}

/// RFC 3339 and its relatives: `-`, `/` or `.` between the parts of the date, `T`, a space, `_` or ` - `
/// before the time, a comma or dot before the fraction, offsets with or without a colon, zone names.
fn iso(text: &str) -> Option<(Stamp, &str)> {
    if let Some((date, time, rest)) = fixed::date_time(text) {
        return Some(zoned(Scan::new(rest), date.to_datetime(time)));
    }
    let mut scan = Scan::new(text);
    let year = scan.exactly(4)?;
    let separator = scan.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    scan.eat(separator);
    let month = scan.digits(1, 2)?;
    if !scan.eat(separator) {
        return None;
    }
    let day = scan.exactly(2).or_else(|| scan.digits(1, 2))?;
    let _ = scan.eat_str(" - ")
        || scan.eat(b'T')
        || scan.eat(b't')
        || scan.eat(b'_')
        || scan.eat(b':')
        || scan.spaces() > 0;
    finish(scan, date(year, month, day)?)
}

/// `20260302T080510Z`, `20260302 08:05:10`.
fn compact(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let (year, month, day) = (scan.exactly(4)?, scan.exactly(2)?, scan.exactly(2)?);
    if !scan.eat(b'T') && scan.spaces() == 0 {
        return None;
    }
    let date = date(year, month, day)?;
    let mut dense = scan;
    if let (Some(hour), Some(minute), Some(second)) =
        (dense.exactly(2), dense.exactly(2), dense.exactly(2))
    {
        let time = time(hour, minute, second, fraction(&mut dense).unwrap_or(0))?;
        return Some(zoned(dense, date.to_datetime(time)));
    }
    finish(scan, date)
}

/// `26/Jan/2024:14:32:10 +0000`, as web servers write it.
fn apache(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let day = scan.digits(1, 2)?;
    let separator = scan.peek().filter(|byte| matches!(byte, b'/' | b'-' | b' '))?;
    scan.eat(separator);
    let month = month_number(scan.letters())?;
    if !scan.eat(separator) {
        return None;
    }
    let year = scan.exactly(4)?;
    if !scan.eat(b':') && scan.spaces() == 0 {
        return None;
    }
    finish(scan, date(year, month, day)?)
}

/// `26.01.2024 14:32:10`: the day first, told by the dots.
fn day_first(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let day = scan.exactly(2)?;
    let month = scan.eat(b'.').then(|| scan.exactly(2))??;
    let year = scan.eat(b'.').then(|| scan.exactly(4))??;
    let _ = scan.eat(b',');
    if scan.spaces() == 0 {
        return None;
    }
    finish(scan, date(year, month, day)?)
}

/// `02-07 19:23:56`: month and day, as vLLM and Android write it.
fn month_day(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let month = scan.exactly(2)?;
    if !scan.eat(b'-') && !scan.eat(b'/') {
        return None;
    }
    let day = scan.exactly(2)?;
    if scan.spaces() == 0 {
        return None;
    }
    without_year(scan, month, day)
}

/// `11:29:42.550475`: what packet dumps print.
fn time_of_day(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let time = clock_time(&mut scan, true)?;
    scan.rest()
        .starts_with([' ', '\t', ']', ':', ',', '|'])
        .then(|| (Stamp::NoDate(time), scan.rest()))
}

/// `I0120 10:28:48.767944`: severity, month and day; newer versions write the year too.
fn glog(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    if !matches!(scan.peek(), Some(b'I' | b'W' | b'E' | b'F' | b'D')) {
        return None;
    }
    let _ = scan.letters();
    let mut long = scan;
    if let (Some(year), Some(month), Some(day)) =
        (long.exactly(4), long.exactly(2), long.exactly(2))
    {
        let _ = long.spaces();
        return finish(long, date(year, month, day)?);
    }
    let (month, day) = (scan.exactly(2)?, scan.exactly(2)?);
    if scan.spaces() == 0 {
        return None;
    }
    without_year(scan, month, day)
}

/// `Nov  2 22:00:05`, `Nov 2 2026 22:00:05`, `Fri Feb 16 03:13:47 2024 UTC`, `Fri, 16 Feb 2024 03:13:47 GMT`.
fn named_month(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let mut word = scan.letters();
    if is_weekday(word) {
        let _ = scan.eat(b',');
        let _ = scan.spaces();
        if scan.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return apache(scan.rest());
        }
        word = scan.letters();
    }
    let month = month_number(word)?;
    if scan.spaces() == 0 {
        return None;
    }
    let day = scan.digits(1, 2)?;
    let _ = scan.eat(b',');
    if scan.spaces() == 0 {
        return None;
    }
    let mut with_year = scan;
    if let Some(year) = with_year.digits(4, 4)
        && with_year.spaces() > 0
    {
        return finish(with_year, date(year, month, day)?);
    }
    let mut trailing = scan;
    let time = clock_time(&mut trailing, true)?;
    let mut year_scan = trailing;
    let _ = year_scan.spaces();
    let zone_first = zone(&mut year_scan);
    let _ = year_scan.spaces();
    if let Some(year) = year_scan.digits(4, 4).filter(|year| (1970..2100).contains(year))
        && year_scan.at_boundary()
    {
        let civil = date(year, month, day)?.to_datetime(time);
        return Some(match zone_first {
            Some(offset) => (exact(civil, offset)?, year_scan.rest()),
            None => zoned(year_scan, civil),
        });
    }
    without_year(scan, month, day)
}

fn date_only(text: &str) -> Option<(Stamp, &str)> {
    let mut scan = Scan::new(text);
    let year = scan.exactly(4)?;
    let month = scan.eat(b'-').then(|| scan.exactly(2))??;
    let day = scan.eat(b'-').then(|| scan.exactly(2))??;
    Some((Stamp::Local(date(year, month, day)?.to_datetime(Time::midnight())), scan.rest()))
}

/// Reads the time and the zone after a date.
fn finish(mut scan: Scan<'_>, date: Date) -> Option<(Stamp, &str)> {
    let time = clock_time(&mut scan, false)?;
    Some(zoned(scan, date.to_datetime(time)))
}

/// Reads the zone, if there is one.
fn zoned(scan: Scan<'_>, civil: DateTime) -> (Stamp, &str) {
    let mut with_zone = scan;
    if let Some(offset) = zone(&mut with_zone)
        && let Some(stamp) = exact(civil, offset)
    {
        return (stamp, with_zone.rest());
    }
    (Stamp::Local(civil), scan.rest())
}

fn without_year(mut scan: Scan<'_>, month: i64, day: i64) -> Option<(Stamp, &str)> {
    let time = clock_time(&mut scan, true)?;
    // 2000 was a leap year, so 29 February is let through.
    let date = date(2000, month, day)?;
    Some((Stamp::NoYear(date.month(), date.day(), time), scan.rest()))
}

/// `14:32:10.123`; seconds may be left out unless `seconds` asks for them.
fn clock_time(scan: &mut Scan<'_>, seconds: bool) -> Option<Time> {
    let mut next = *scan;
    let hour = next.digits(1, 2)?;
    if !next.eat(b':') {
        return None;
    }
    let minute = next.exactly(2)?;
    let (second, nanosecond) = if next.eat(b':') {
        (next.exactly(2)?, fraction(&mut next).unwrap_or(0))
    } else if seconds {
        return None;
    } else {
        (0, 0)
    };
    if next.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let time = time(hour, minute, second, nanosecond)?;
    *scan = next;
    Some(time)
}

/// The digits after a comma or dot, as nanoseconds; digits beyond the ninth are dropped.
fn fraction(scan: &mut Scan<'_>) -> Option<i64> {
    let mut next = *scan;
    if !next.eat(b'.') && !next.eat(b',') {
        return None;
    }
    let mut value: i64 = 0;
    let mut count = 0_u32;
    while let Some(byte) = next.peek().filter(u8::is_ascii_digit) {
        next.eat(byte);
        if count < 9 {
            value = value.saturating_mul(10).saturating_add(i64::from(byte.wrapping_sub(b'0')));
        }
        count = count.saturating_add(1);
    }
    if count == 0 {
        return None;
    }
    *scan = next;
    Some(value.saturating_mul(10_i64.saturating_pow(9_u32.saturating_sub(count.min(9)))))
}

/// `Z`, `+02:00`, `+0200`, `+02`, ` UTC`, ` -0500`, and the zone names that mean one offset only.
pub(crate) fn zone(scan: &mut Scan<'_>) -> Option<Offset> {
    let mut next = *scan;
    let spaced = next.spaces() > 0;
    let offset = match next.peek()? {
        b'Z' | b'z' if !spaced => {
            next.eat_str("Z");
            next.eat_str("z");
            Offset::UTC
        }
        sign @ (b'+' | b'-') => {
            next.eat(sign);
            numeric_offset(&mut next, sign == b'-', spaced)?
        }
        b'A'..=b'Z' => named_offset(next.letters())?,
        _ => return None,
    };
    if !next.at_boundary() {
        return None;
    }
    *scan = next;
    Some(offset)
}

fn numeric_offset(scan: &mut Scan<'_>, negative: bool, spaced: bool) -> Option<Offset> {
    let hours = scan.exactly(2)?;
    let colon = scan.eat(b':');
    let minutes = scan.exactly(2);
    if minutes.is_none() && (colon || spaced) {
        return None;
    }
    let seconds =
        hours.saturating_mul(3600).saturating_add(minutes.unwrap_or(0).saturating_mul(60));
    let seconds = i32::try_from(if negative { seconds.saturating_neg() } else { seconds }).ok()?;
    (seconds.abs() <= 18 * 3600).then(|| Offset::from_seconds(seconds).ok())?
}

/// Offsets of zone names. Names with several meanings (`CST`, `IST`, `BST`) are left out.
fn named_offset(name: &str) -> Option<Offset> {
    const NAMES: &[(&str, i32)] = &[
        ("UTC", 0),
        ("GMT", 0),
        ("Z", 0),
        ("CET", 3600),
        ("CEST", 7200),
        ("EET", 7200),
        ("EEST", 10800),
        ("WET", 0),
        ("WEST", 3600),
        ("MSK", 10800),
        ("EST", -18000),
        ("EDT", -14400),
        ("MST", -25200),
        ("MDT", -21600),
        ("PST", -28800),
        ("PDT", -25200),
        ("JST", 32400),
        ("KST", 32400),
        ("AEST", 36000),
        ("AEDT", 39600),
    ];
    let seconds = NAMES.iter().find(|(known, _)| *known == name)?.1;
    Offset::from_seconds(seconds).ok()
}

fn exact(civil: DateTime, offset: Offset) -> Option<Stamp> {
    offset.to_timestamp(civil).ok().map(Stamp::Exact)
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    if !(1970..2200).contains(&year) {
        return None;
    }
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A time of day; a leap second is the last nanosecond of its minute.
fn time(hour: i64, minute: i64, second: i64, nanosecond: i64) -> Option<Time> {
    let (second, nanosecond) = if second == 60 { (59, 999_999_999) } else { (second, nanosecond) };
    Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        i32::try_from(nanosecond).ok()?,
    )
    .ok()
}

fn month_number(name: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const LONG: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let position = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(month))
        .or_else(|| LONG.iter().position(|month| name.eq_ignore_ascii_case(month)))?;
    i64::try_from(position).ok()?.checked_add(1)
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    DAYS.iter().any(|day| word.eq_ignore_ascii_case(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, rest: &str) {
        let (stamp, left) = parse_prefix(text).unwrap_or_else(|| panic!("no timestamp in {text}"));
        let shown = match stamp {
            Stamp::Exact(at) => at.to_string(),
            Stamp::Local(at) => at.to_string(),
            Stamp::NoYear(month, day, time) => format!("{month:02}-{day:02} {time}"),
            Stamp::NoDate(time) => time.to_string(),
        };
        assert_eq!((shown.as_str(), left), (expected, rest), "{text}");
    }

    #[test]
    fn the_many_ways_to_write_a_moment() {
        check("2026-03-02 08:05:10] INFO", "2026-03-02T08:05:10", "] INFO");
        check("2026-03-10 09:12:44 UTC [INFO ]", "2026-03-10T09:12:44Z", " [INFO ]");
        check(
            "2026-02-11T10:00:00.1234567Z ##[group]",
            "2026-02-11T10:00:00.1234567Z",
            " ##[group]",
        );
        check("2022-07-10T23:50:05.533101+0000", "2022-07-10T23:50:05.533101Z", "");
        check("2026-01-01T00:30:00+02:00 x", "2025-12-31T22:30:00Z", " x");
        check("2023-11-11T19:44:51,593 [INFO ]", "2023-11-11T19:44:51.593", " [INFO ]");
        check("2023/10/06 - 13:41:53 | 200", "2023-10-06T13:41:53", " | 200");
        check("26/Jan/2024:14:32:10 -0500] \"GET", "2024-01-26T19:32:10Z", "] \"GET");
        check("20260302T080510Z x", "2026-03-02T08:05:10Z", " x");
        check("1708053227.500 x", "2024-02-16T03:13:47.5Z", " x");
        check("1708053227000 done", "2024-02-16T03:13:47Z", " done");
        check("Nov  2 22:00:05 host", "11-02 22:00:05", " host");
        check("Jun 08 2026 14:34:33: %ASA", "2026-06-08T14:34:33", ": %ASA");
        check("Fri Feb 16 03:13:47 2024 UTC", "2024-02-16T03:13:47Z", "");
        check("Fri Feb 16 03:13:47 UTC 2024 x", "2024-02-16T03:13:47Z", " x");
        check("Fri, 16 Feb 2024 03:13:47 GMT", "2024-02-16T03:13:47Z", "");
        check("I0120 10:28:48.767944 1 model", "01-20 10:28:48.767944", " 1 model");
        check("02-07 19:23:56 runner", "02-07 19:23:56", " runner");
        check("11:29:42.550475 IP", "11:29:42.550475", " IP");
        check("2026-06-30 23:59:60Z", "2026-06-30T23:59:59.999999999Z", "");
    }

    #[test]
    fn numbers_and_words_that_are_no_moment() {
        for text in [
            "1708053227 1708053228 0.5",
            "17080532270 x",
            "1.2.3.4 - -",
            "2026-13-02 08:05:10",
            "2026-02-30 08:05:10",
            "torch==2.1.0",
            "May be",
            "Marching 12 10:00:00",
            "3.14159",
            "12345678901234567890 x",
            "2026-03-02 25:00:00",
            "72fc832e10ff6f919d7ec30d3dec08e1",
        ] {
            assert_eq!(parse_prefix(text), None, "{text}");
        }
    }

    #[test]
    fn whole_values() {
        let at = |text: &str| match parse_whole(text) {
            Some(Stamp::Exact(at)) => at.as_second(),
            other => panic!("{text}: {other:?}"),
        };
        for text in ["1708053227", "1708053227000", "1708053227000000", "1708053227000000000"] {
            assert_eq!(at(text), 1_708_053_227, "{text}");
        }
        assert_eq!(parse_whole("424805057484"), None);
        assert_eq!(parse_whole("2026-01-01T00:00:00Z and more"), None);
    }
}
