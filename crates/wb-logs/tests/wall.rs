//! A wall clock that goes through an hour twice tells its zone; records out of order do not.

use jiff::civil::{DateTime, date};
use jiff::{Span, ToSpan as _};
use wb_core::{ArtifactPath, Event, TimeBasis};
use wb_logs::{ClockChange, ClockHints, LogReader, Sink, clock_change, read};

/// A log of a wall clock, and how its lines are written.
struct Log {
    name: &'static str,
    format: &'static str,
    stamps: Vec<DateTime>,
    hints: ClockHints,
}

impl Log {
    fn of(stamps: Vec<DateTime>) -> Self {
        Self { name: "app.log", format: "%F %T", stamps, hints: ClockHints::default() }
    }

    fn text(&self) -> String {
        let line = |(number, stamp): (usize, &DateTime)| {
            format!("{} INFO worker: batch {number} done\n", stamp.strftime(self.format))
        };
        self.stamps.iter().enumerate().map(line).collect()
    }

    fn events(&self, text: &str, hints: &ClockHints) -> (Vec<Event>, wb_logs::Summary) {
        let mut events = Vec::new();
        let path = ArtifactPath::from(self.name);
        let summary = read(&path, &mut text.as_bytes(), hints, &mut |event| events.push(event))
            .expect("reading from memory");
        (events, summary)
    }

    fn change_in(&self, text: &str) -> Option<ClockChange> {
        let (_, summary) = self.events(text, &self.hints);
        let path = ArtifactPath::from(self.name);
        let open = &mut || Ok(Box::new(text.as_bytes()) as Box<dyn std::io::BufRead + '_>);
        clock_change(&path, open, &self.hints, &summary).expect("reading from memory")
    }

    fn change(&self) -> Option<ClockChange> {
        self.change_in(&self.text())
    }

    /// Moments and bases of the records when the log is read in the zone that its clock tells.
    fn read(&self) -> Vec<(String, TimeBasis)> {
        let zone = self.change().expect("a change").zone.expect("a zone");
        let hints = ClockHints { zone: Some(zone), ..self.hints.clone() };
        let (events, _) = self.events(&self.text(), &hints);
        let times = events.iter().map(|event| event.time.expect("a time"));
        times.map(|time| (time.timestamp.to_string(), time.basis)).collect()
    }
}

/// From `from` until before `until`, one every `step`.
fn every(step: Span, from: DateTime, until: DateTime) -> Vec<DateTime> {
    from.series(step).take_while(|stamp| *stamp < until).collect()
}

fn october(day: i8, hour: i8, minute: i8) -> DateTime {
    date(2025, 10, day).at(hour, minute, 0, 0)
}

/// A night of a clock that falls back at three to two, with a record every `step`.
fn night(step: Span) -> Vec<DateTime> {
    let mut stamps = every(step, october(25, 20, 0), october(26, 3, 0));
    stamps.extend(every(step, october(26, 2, 0), october(26, 9, 0)));
    stamps
}

fn line_of(stamps: &[DateTime], stamp: DateTime) -> Vec<usize> {
    stamps.iter().enumerate().filter(|(_, known)| **known == stamp).map(|(line, _)| line).collect()
}

#[test]
fn the_hour_that_comes_twice_tells_the_zone() {
    for step in [20.seconds(), 1.minute(), 6.minutes(), 15.minutes()] {
        let log = Log::of(night(step));
        let times = log.read();
        let at = |line: usize| times[line].0.as_str();
        assert_eq!(at(0), "2025-10-25T18:00:00Z");
        let [first, second] = line_of(&log.stamps, october(26, 2, 0))[..] else {
            panic!("the hour comes twice: {step}")
        };
        assert_eq!((at(first), at(second)), ("2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"));
        assert!(times.is_sorted(), "{step}");
        assert!(times.iter().all(|(_, basis)| *basis == TimeBasis::ZoneFromClockChange));
    }
    let log = Log::of(night(1.minute()));
    assert_eq!(
        log.change().expect("a change").note,
        "its clock falls back an hour after 2025-10-26 02:59:00, at line 421, where clocks of zones such as \
         Europe/Amsterdam do: its times name no zone and are read as UTC+2, then UTC+1"
    );
}

#[test]
fn records_at_random_tell_it_as_well() {
    // Minimal standard generator of Park and Miller.
    let mut state = 1_u64;
    let mut seconds = move || {
        state = state * 16_807 % 2_147_483_647;
        i64::try_from(state % 240).expect("small")
    };
    let mut stamps = Vec::new();
    let mut now = jiff::Timestamp::from_second(1_761_422_400).expect("2025-10-25 20:00 UTC");
    for _ in 0..400 {
        now += jiff::SignedDuration::from_secs(seconds());
        let summer = now.as_second() < 1_761_440_400;
        stamps.push(jiff::tz::Offset::constant(if summer { 2 } else { 1 }).to_datetime(now));
    }
    let log = Log::of(stamps);
    let times = log.read();
    assert!(times.is_sorted());
    assert_eq!(times.last().map(|(time, _)| time.clone()), Some(now.to_string()));
}

#[test]
fn the_offsets_hold_until_the_next_change_of_the_zone() {
    let mut stamps =
        every(1.hour(), date(2025, 2, 1).at(12, 0, 0, 0), date(2025, 2, 2).at(0, 0, 0, 0));
    stamps.extend(every(
        1.hour(),
        date(2025, 7, 1).at(12, 0, 0, 0),
        date(2025, 7, 2).at(0, 0, 0, 0),
    ));
    let before = stamps.len();
    stamps.extend(night(1.minute()));
    stamps.push(date(2026, 7, 1).at(12, 0, 0, 0));
    let times = Log::of(stamps).read();
    let ends = [&times[0], &times[before - 12], times.last().expect("the last")];
    assert_eq!(
        ends.map(|(time, _)| time.as_str()),
        ["2025-02-01T11:00:00Z", "2025-07-01T10:00:00Z", "2026-07-01T10:00:00Z"]
    );
}

#[test]
fn threads_that_write_at_the_change_are_read_right() {
    let mut stamps = night(1.minute());
    let at = line_of(&stamps, october(26, 2, 0))[1];
    stamps.insert(at + 1, date(2025, 10, 26).at(2, 59, 59, 0));
    stamps.insert(at + 2, date(2025, 10, 26).at(2, 0, 1, 0));
    stamps.insert(at, date(2025, 10, 26).at(2, 59, 58, 0));
    let times = Log::of(stamps).read();
    let around: Vec<&str> = times[at..at + 4].iter().map(|(time, _)| &time[11..19]).collect();
    assert_eq!(around, ["00:59:58", "01:00:00", "00:59:59", "01:00:01"]);
}

#[test]
fn times_without_a_year_have_a_zone_too() {
    let near = "2025-10-30T00:00:00Z".parse().ok();
    let log = Log {
        format: "%b %e %T host",
        hints: ClockHints { near, ..ClockHints::default() },
        ..Log::of(night(1.minute()))
    };
    let times = log.read();
    assert_eq!(times[0], ("2025-10-25T18:00:00Z".to_owned(), TimeBasis::InferredYear));
    assert!(times.is_sorted());
}

#[test]
fn where_several_zones_fall_back_so_none_is_guessed() {
    let november = |day, hour, minute| date(2025, 11, day).at(hour, minute, 0, 0);
    let mut stamps = every(1.minute(), november(1, 20, 0), november(2, 2, 0));
    stamps.extend(every(1.minute(), november(2, 1, 0), november(2, 5, 0)));
    let change = Log::of(stamps).change().expect("a change");
    assert_eq!(change.zone, None);
    assert_eq!(
        change.note,
        "its clock falls back an hour after 2025-11-02 01:59:00, at line 361, where clocks of several zones do \
         (UTC-9, then UTC-10 in America/Adak; UTC-8, then UTC-9 in America/Anchorage; UTC-7, then UTC-8 in \
         America/Los_Angeles; 6 others): which zone it is in is not known, and its times are read as UTC"
    );
}

/// A night of a clock that falls back at two to one: that of London, or of Jerusalem.
fn london() -> Vec<DateTime> {
    let mut stamps = every(1.minute(), october(25, 20, 0), october(26, 2, 0));
    stamps.extend(every(1.minute(), october(26, 1, 0), october(26, 5, 0)));
    stamps
}

#[test]
fn an_hour_that_a_zone_skips_rules_it_out() {
    assert_eq!(Log::of(london()).change().expect("a change").zone, None);
    // Jerusalem skipped this hour, London did not.
    let mut stamps = vec![date(2025, 3, 28).at(2, 30, 0, 0)];
    stamps.extend(london());
    assert_eq!(Log::of(stamps).read()[1].0, "2025-10-25T19:00:00Z");
    // London skipped this one.
    let mut stamps = vec![date(2025, 3, 30).at(1, 30, 0, 0)];
    stamps.extend(london());
    assert_eq!(Log::of(stamps).read()[1].0, "2025-10-25T17:00:00Z");
    // Here is one in the hour that all of Central Europe skips: the log is not of there.
    let mut stamps = vec![date(2025, 3, 30).at(2, 30, 0, 0)];
    stamps.extend(night(1.minute()));
    assert!(Log::of(stamps).change().is_none());
}

fn is_no_change(stamps: Vec<DateTime>, why: &str) {
    let change = Log::of(stamps).change();
    assert!(change.is_none(), "{why}: {change:?}");
}

/// A night without a change, but for the records that `late` gives, which stand where the hour ends.
fn with_late(late: Vec<DateTime>, hour_ends: i8) -> Vec<DateTime> {
    let mut stamps = every(1.minute(), october(25, 20, 0), october(26, 2, hour_ends));
    stamps.extend(late);
    stamps.extend(every(1.minute(), october(26, 2, hour_ends), october(26, 9, 0)));
    stamps
}

#[test]
fn records_out_of_order_are_no_change() {
    is_no_change(with_late(vec![october(26, 2, 1)], 59), "a single late line");
    let late = every(15.minutes(), october(26, 2, 1), october(26, 3, 0));
    is_no_change(with_late(late, 59), "late lines");
    let late = every(1.minute(), october(26, 2, 5), october(26, 2, 45));
    is_no_change(with_late(late, 50), "a batch that came late");
    let mut often = Vec::new();
    for hour in 0..9 {
        often.extend(every(1.minute(), october(26, hour, 0), october(26, hour + 1, 0)));
        often.extend(every(1.minute(), october(26, hour, 0), october(26, hour + 1, 0)));
    }
    is_no_change(often, "batches that come late each hour");
}

#[test]
fn parts_in_the_wrong_order_are_no_change() {
    let part = |from, until| every(1.minute(), from, until);
    let halves = [
        part(october(26, 0, 0), october(26, 2, 0)),
        part(october(26, 2, 30), october(26, 3, 0)),
        part(october(26, 2, 0), october(26, 2, 30)),
        part(october(26, 3, 0), october(26, 9, 0)),
    ];
    is_no_change(halves.concat(), "halves of the hour");
    is_no_change(halves[1..3].concat(), "halves of the hour alone");
    let days =
        [part(october(26, 2, 0), october(26, 9, 0)), part(october(25, 2, 0), october(26, 3, 0))];
    is_no_change(days.concat(), "the later day first");
}

#[test]
fn a_clock_that_steps_back_an_hour_at_another_time_has_no_zone() {
    let step = |day, hour| {
        let mut stamps = every(1.minute(), october(day, 0, 0), october(day, hour, 0));
        stamps.extend(every(1.minute(), october(day, hour - 1, 0), october(day, 20, 0)));
        stamps
    };
    is_no_change(step(24, 3), "two days before");
    is_no_change(step(26, 12), "at noon");
    let mut stamps = every(1.minute(), october(26, 0, 0), october(26, 2, 40));
    stamps.extend(every(1.minute(), october(26, 2, 5), october(26, 9, 0)));
    is_no_change(stamps, "by half an hour: then much would be missing");
    let mut twice = step(24, 12);
    twice.extend(night(1.minute()));
    is_no_change(twice, "once more by an hour, which no zone does");
}

#[test]
fn lines_that_come_again_are_a_copy() {
    let log = Log::of(night(1.minute()));
    let text = log.text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first: Vec<&str> = lines[..420].to_vec();
    let again = [&first[..], &first[360..], &lines[480..]].concat().concat();
    assert!(log.change_in(&again).is_none());
}

#[test]
fn a_log_that_says_its_zone_is_asked_nothing() {
    let explicit = Log { format: "%FT%TZ", ..Log::of(night(1.minute())) };
    assert!(explicit.change().is_none());
    let named = Log { name: "app_+0200.log", ..Log::of(night(1.minute())) };
    assert!(named.change().is_none());
}

#[test]
fn a_log_read_in_stretches_has_the_same_times() {
    let log = Log::of(night(1.minute()));
    let text = log.text();
    let path = ArtifactPath::from(log.name);
    // Before the change, right at it, and after it.
    let starts: Vec<usize> = text.match_indices("\n2025").map(|(at, _)| at + 1).collect();
    for cut in [starts[200], starts[419], starts[470]] {
        let read = |hints: &ClockHints| {
            let mut times = Vec::new();
            let mut sink = Times(&mut times);
            let mut reader = LogReader::new(&path, hints);
            reader.read(&mut &text.as_bytes()[..cut], 0, &mut sink).expect("memory");
            let mut next = reader.fork().expect("a log of records");
            let mut whole = reader.finish();
            next.read(&mut &text.as_bytes()[cut..], cut as u64, &mut sink).expect("memory");
            whole.join(next.finish());
            (times, whole.finish())
        };
        let (_, summary) = read(&ClockHints::default());
        let open = &mut || Ok(Box::new(text.as_bytes()) as Box<dyn std::io::BufRead + '_>);
        let change = clock_change(&path, open, &ClockHints::default(), &summary).expect("memory");
        let zone = change.expect("a change").zone;
        let (times, _) = read(&ClockHints { zone, ..ClockHints::default() });
        let expected: Vec<String> = log.read().into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, expected, "cut at {cut}");
    }
}

/// Takes the times of events.
struct Times<'a>(&'a mut Vec<String>);

impl Sink for Times<'_> {
    fn event(&mut self, event: Event) {
        self.0.extend(event.timestamp().map(|time| time.to_string()));
    }
}

#[test]
fn spring_alone_proves_nothing() {
    let march = |hour| date(2025, 3, 30).at(hour, 0, 0, 0);
    let mut stamps = every(1.minute(), march(0), march(2));
    stamps.extend(every(1.minute(), march(3), march(9)));
    is_no_change(stamps, "an hour of silence");
}
