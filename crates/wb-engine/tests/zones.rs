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
