//! Loads and what followed them: whether the compromise calls home when a model is loaded.

use super::Known;
use crate::assemble::contradictions::longest_wait;
use crate::assemble::moments::is_load;
use crate::assemble::roles::base_name;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use wb_core::{EventKind, LoadRow, Loads, RecordRef};

/// A payload that runs at load calls home within this time; clocks may differ by as much.
const WINDOW: SignedDuration = SignedDuration::from_mins(2);

/// Attempts closer than this are one contact: a retry, or one connection in two logs.
const ONE_CONTACT: SignedDuration = SignedDuration::from_secs(5);

/// Records of loads closer than this are of one load, unless they name different files.
const ONE_LOAD: SignedDuration = SignedDuration::from_mins(1);

/// Contacts that are needed before their times say something.
const ENOUGH: usize = 3;

/// The loads that the network records cover. A payload that waits is given the time it waits, and half as
/// much again.
pub fn of(known: &Known<'_>) -> Loads {
    let waits = known
        .of_running()
        .flat_map(|finding| &finding.payloads)
        .filter_map(|payload| longest_wait(&payload.text))
        .max()
        .unwrap_or(SignedDuration::ZERO);
    let window = WINDOW.saturating_add(waits).saturating_add(waits / 2);
    let first = known.flows.iter().map(|detail| detail.flow.first).min();
    let last = known.flows.iter().map(|detail| detail.flow.last).max();
    let contacts = contacts(known);
    let (Some(first), Some(last), false) = (first, last, contacts.is_empty()) else {
        return Loads::default();
    };
    let loads: Vec<(Timestamp, RecordRef, Option<String>)> = loads(known)
        .into_iter()
        .filter(|(time, ..)| time.saturating_add(window).is_ok_and(|end| end >= first))
        .filter(|(time, ..)| *time <= last)
        .collect();
    let follows = contacts.iter().filter(|contact| {
        loads.iter().any(|(time, ..)| within(contact.duration_since(*time), window))
    });
    let counted = (contacts.len(), follows.count());
    let times: Vec<Timestamp> = loads.iter().map(|(time, ..)| *time).collect();
    let rows = loads.into_iter().enumerate().map(|(at, (time, record, file))| {
        let until = times.get(at.saturating_add(1)).copied();
        let next = contacts.iter().copied().find(|contact| *contact >= time);
        let next = next.filter(|contact| until.is_none_or(|until| *contact < until));
        let contact_after = next.map(|contact| contact.duration_since(time).as_secs());
        LoadRow { time, record, file, contact_after }
    });
    Loads {
        rows: rows.collect(),
        window_seconds: window.as_secs(),
        contacts: counted,
        lift: lift(&times, counted, window, (first, last)),
    }
}

fn within(after: SignedDuration, window: SignedDuration) -> bool {
    after >= SignedDuration::ZERO && after <= window
}

/// When destinations of the compromise were contacted, as far as single attempts are known.
fn contacts(known: &Known<'_>) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for detail in known.contacts() {
        let mut seconds = 0.0;
        times.push(detail.flow.first);
        for interval in &detail.flow.intervals {
            seconds += interval;
            let later = SignedDuration::try_from_secs_f64(seconds);
            times.extend(later.ok().and_then(|later| detail.flow.first.checked_add(later).ok()));
        }
    }
    times.sort_unstable();
    times.dedup_by(|later, earlier| later.duration_since(*earlier) <= ONE_CONTACT);
    times
}

/// Every load on record, in time order: several records of one load are one.
fn loads(known: &Known<'_>) -> Vec<(Timestamp, RecordRef, Option<String>)> {
    let mut all: Vec<(Timestamp, RecordRef, Option<String>)> = known
        .body
        .events()
        .filter(|event| event.kind == EventKind::Restart || is_load(event))
        .filter_map(|event| {
            let file = event.field("file.name").map(|file| base_name(file).to_owned());
            Some((event.timestamp()?, event.record.clone(), file))
        })
        .collect();
    all.sort();
    let mut last: BTreeMap<Option<String>, Timestamp> = BTreeMap::new();
    all.retain(|(time, _, file)| {
        let close = |known: &Timestamp| time.duration_since(*known) <= ONE_LOAD;
        let same = match file {
            Some(_) => last.get(file).is_some_and(close) || last.get(&None).is_some_and(close),
            None => last.values().any(close),
        };
        last.insert(file.clone(), *time);
        !same
    });
    all
}

/// How many times more often contacts follow a load than they would by chance over `span`.
fn lift(
    loads: &[Timestamp],
    (contacts, follow): (usize, usize),
    window: SignedDuration,
    (first, last): (Timestamp, Timestamp),
) -> Option<f64> {
    let span = last.duration_since(first).as_secs_f64();
    let mut covered = 0.0;
    let mut end = first;
    for load in loads {
        let from = (*load).max(end);
        let to = load.saturating_add(window).ok()?.min(last);
        covered += to.duration_since(from).as_secs_f64().max(0.0);
        end = end.max(to);
    }
    // Windows that cover most of the records leave nothing to compare with.
    let tells = contacts >= ENOUGH && covered > 0.0 && covered < span / 2.0;
    #[expect(clippy::cast_precision_loss, reason = "counts of contacts are small")]
    let observed = follow as f64 / contacts as f64;
    tells.then(|| observed / (covered / span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).expect("a time of this century")
    }

    #[test]
    fn contacts_after_loads_are_compared_with_chance() {
        let day = (at(0), at(86_400));
        let loads = [at(1_000), at(50_000)];
        let lift = |contacts| lift(&loads, contacts, SignedDuration::from_mins(2), day);
        // Two windows of two minutes are 1 in 360 of a day.
        assert_eq!(lift((4, 4)).map(f64::round), Some(360.0));
        assert_eq!(lift((4, 0)), Some(0.0));
        assert_eq!(lift((2, 2)), None, "two contacts say nothing");
    }

    #[test]
    fn windows_that_overlap_are_counted_once() {
        let loads = [at(1_000), at(1_060)];
        let window = SignedDuration::from_mins(2);
        let lift = lift(&loads, (4, 4), window, (at(0), at(1_800))).expect("enough is known");
        assert_eq!(lift.round(), 10.0);
    }

    #[test]
    fn a_server_that_loads_all_the_time_proves_nothing() {
        let loads: Vec<Timestamp> = (0..60).map(|minute| at(minute * 60)).collect();
        let hour = (at(0), at(3_600));
        assert_eq!(lift(&loads, (9, 9), SignedDuration::from_mins(2), hour), None);
    }
}
