//! A log whose clock falls back an hour is read in the zone that this tells, everywhere that it is read.

use wb_core::{Case, TimeBasis};
use wb_engine::{InvestigateOptions, Silent, investigate};
use wb_testkit::Scratch;

/// A night of wall-clock time, a record a minute, in which the clock falls back at `hour` on `day`; one record
/// deploys a model half an hour after.
fn night(day: &str, hour: u32) -> String {
    let mut text = String::new();
    for minute in 0..600_u32 {
        let wall = if minute < hour * 60 { minute } else { minute - 60 };
        let words = if minute == hour * 60 + 30 {
            "Model rank.pkl deployed to production".to_owned()
        } else {
            format!("heartbeat {minute} ok")
        };
        text.push_str(&format!("{day} {:02}:{:02}:00 INFO {words}\n", wall / 60, wall % 60));
    }
    text
}

fn case(log: &str) -> Case {
    let folder = Scratch::new().with("deploy.log", log.as_bytes());
    investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case")
}

fn deployed(case: &Case) -> (String, TimeBasis) {
    let mut times = case.timeline.iter().filter(|entry| entry.summary.contains("deployed"));
    let entry = times.next().expect("the deployment");
    (entry.time.to_string(), entry.time_basis)
}

fn said(case: &Case) -> &str {
    &case.coverage.iter().find(|log| log.artifact.as_str() == "deploy.log").expect("the log").why
}

#[test]
fn the_timeline_is_in_utc_and_the_coverage_says_how_it_is_known() {
    let case = case(&night("2025-10-26", 3));
    let expected = ("2025-10-26T01:30:00Z".to_owned(), TimeBasis::ZoneFromClockChange);
    assert_eq!(deployed(&case), expected);
    let said = said(&case);
    assert!(said.contains("falls back an hour after 2025-10-26 02:59:00, at line 181"), "{said}");
    assert!(said.contains("are read as UTC+2, then UTC+1"), "{said}");
    assert!(!said.contains("backwards"), "{said}");
}

#[test]
fn a_zone_that_is_not_known_is_not_guessed() {
    let case = case(&night("2025-11-02", 2));
    assert_eq!(deployed(&case), ("2025-11-02T01:30:00Z".to_owned(), TimeBasis::AssumedUtc));
    let said = said(&case);
    assert!(said.contains("which zone it is in is not known"), "{said}");
    let other = self::case(&night("2025-11-03", 2));
    assert!(!self::said(&other).contains("falls back"), "{}", self::said(&other));
}

/// A case over several logs.
fn folder(logs: &[(&str, &str)]) -> Case {
    let folder =
        logs.iter().fold(Scratch::new(), |folder, (name, text)| folder.with(name, text.as_bytes()));
    investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case")
}

fn why<'a>(case: &'a Case, log: &str) -> &'a str {
    &case.coverage.iter().find(|row| row.artifact.as_str() == log).expect("the log").why
}

#[test]
fn a_log_is_read_in_the_zone_of_the_one_that_it_was_rotated_with() {
    let later = "2025-11-20 09:30:00 INFO Model rank.pkl deployed to production\n\
                 2025-11-20 09:31:00 INFO heartbeat ok\n";
    let plain = night("2025-10-26", 3).replace("Model rank.pkl deployed to production", "ok");
    let case = folder(&[("deploy.log.1", &plain), ("deploy.log", later)]);
    assert_eq!(
        deployed(&case),
        ("2025-11-20T08:30:00Z".to_owned(), TimeBasis::ZoneFromClockChange)
    );
    assert!(why(&case, "deploy.log").contains("read in that of `deploy.log.1`"));
    // Another program's log is not of the set.
    let case = folder(&[("other.log.1", &plain), ("deploy.log", later)]);
    assert_eq!(deployed(&case), ("2025-11-20T09:30:00Z".to_owned(), TimeBasis::AssumedUtc));
}

/// Twelve connections at odd moments: as Zeek's log, and as a firewall's with its clock `ahead` by so many seconds.
fn shared(ahead: i64) -> (String, String) {
    let mut zeek = String::from("#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\n");
    let mut wall = String::from("2026-03-02 12:00:30 INFO Model rank.pkl deployed to production\n");
    for number in 0..12_i64 {
        let second = 1_772_445_600 + number * number * 37;
        zeek.push_str(&format!("{second}.000000\t10.0.0.5\t198.51.100.7\t443\n"));
        let shown = jiff::Timestamp::from_second(second + ahead).expect("in range");
        let shown = shown.strftime("%F %T");
        wall.push_str(&format!("{shown} ALLOW TCP 10.0.0.5:4000 -> 198.51.100.7:443\n"));
    }
    (zeek, wall)
}

#[test]
fn connections_that_another_log_has_too_tell_the_zone() {
    let (zeek, wall) = shared(7200 + 3);
    let case = folder(&[("conn.log", &zeek), ("gateway.log", &wall)]);
    assert_eq!(deployed(&case), ("2026-03-02T10:00:30Z".to_owned(), TimeBasis::ZoneFromOtherLog));
    let said = why(&case, "gateway.log");
    assert!(said.contains("12 connections are in `conn.log` too, earlier there"), "{said}");
    assert!(said.contains("they are read as UTC+2"), "{said}");
    assert_eq!(case.flows.iter().map(|flow| flow.count).collect::<Vec<_>>(), [12]);
}

#[test]
fn clocks_that_differ_by_no_zone_are_only_told() {
    for ahead in [47, 1_300, 15 * 3600] {
        let (zeek, wall) = shared(ahead);
        let case = folder(&[("conn.log", &zeek), ("gateway.log", &wall)]);
        assert_eq!(deployed(&case).1, TimeBasis::AssumedUtc, "{ahead}");
        let said = why(&case, "gateway.log").to_owned() + why(&case, "conn.log");
        assert!(said.contains(&format!("{ahead} seconds")), "{said}");
    }
}
