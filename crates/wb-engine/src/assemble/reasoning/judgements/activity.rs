//! What the compromise did: whether the payload ran, whether it calls home at loads, whether data left, and
//! whether it has been stopped.

use super::super::{Known, chain, finding_ground};
use crate::assemble::contradictions::in_words;
use crate::assemble::missing::stamp;
use crate::assemble::moments::Moment;
use jiff::SignedDuration;
use wb_core::{Confidence, Ground, Judgement, KeyMoment, Loads, Status, Trigger};

/// Loads that a contact has to follow more often than chance before it is said to.
const TELLING: f64 = 3.0;

/// Whether the payload ran: a process of it is surest, then traffic to where it sends, then a load.
pub fn ran(known: &Known<'_>, loads: &Loads) -> Judgement {
    process_seen(known)
        .or_else(|| destination_contacted(known, loads))
        .or_else(|| something_called_out(known))
        .or_else(|| loaded(known))
        .unwrap_or_else(|| {
            ran_because(
                "nothing in the supplied evidence shows that the payload ran",
                (Status::Missing, Confidence::Low),
                Vec::new(),
                "a record of a load, of a process or of a connection to its destination",
            )
        })
}

fn ran_because(
    statement: &str,
    (status, confidence): (Status, Confidence),
    grounds: Vec<Ground>,
    would_change: &str,
) -> Judgement {
    Judgement {
        rule: "payload-ran",
        statement: statement.to_owned(),
        status,
        confidence,
        grounds,
        would_change: would_change.to_owned(),
    }
}

fn process_seen(known: &Known<'_>) -> Option<Judgement> {
    let (_, ground) = chain::started(known)?;
    Some(ran_because(
        "the payload ran: a process of it is on record",
        (Status::Observed, Confidence::High),
        vec![ground],
        "a record that this process has another parent than the server",
    ))
}

fn destination_contacted(known: &Known<'_>, loads: &Loads) -> Option<Judgement> {
    let named = known.named_by_payload();
    let contacted = known.contacts().any(|detail| {
        let names = detail.flow.host.iter().chain(&*detail.hosts).chain([&detail.flow.destination]);
        names.into_iter().any(|name| named.contains(name.as_str()))
    });
    let after_load = loads
        .rows
        .iter()
        .any(|row| row.contact_after.is_some_and(|after| after <= loads.window_seconds));
    let sure = captured_as_sent(known) || after_load;
    contacted.then(|| {
        ran_because(
            "the payload ran: a destination that it names was contacted",
            (Status::Inferred, if sure { Confidence::High } else { Confidence::Medium }),
            called_out(known),
            "a host log that shows another process making the connections",
        )
    })
}

fn something_called_out(known: &Known<'_>) -> Option<Judgement> {
    known.moments.contains_key(&KeyMoment::FirstOutbound).then(|| {
        ran_because(
            "something called out; that it was this payload is not shown",
            (Status::Inferred, Confidence::Low),
            called_out(known),
            "a payload that names the destination, or a host log that says which process connected",
        )
    })
}

/// The first connection, and what would make it.
fn called_out(known: &Known<'_>) -> Vec<Ground> {
    let finding = known.of_running().next().map(finding_ground);
    known.ground(KeyMoment::FirstOutbound).into_iter().chain(finding).collect()
}

fn loaded(known: &Known<'_>) -> Option<Judgement> {
    let at_load = known.of_running().any(|finding| finding.trigger == Some(Trigger::Load));
    let ground = known.ground(KeyMoment::Loaded).filter(|_| at_load)?;
    Some(ran_because(
        "the payload runs at load, and a load is on record; no connection of it is",
        (Status::Inferred, Confidence::Medium),
        vec![ground],
        "network records of the time of the load, or another file under that name then",
    ))
}

/// Whether a captured request has host and path of one that a payload sends.
fn captured_as_sent(known: &Known<'_>) -> bool {
    let uses = || known.answers.network.iter();
    let bare = |path: &Option<String>| {
        path.as_deref().map(|path| path.split('?').next().unwrap_or_default().to_owned())
    };
    uses().filter(|it| it.seen_in == "capture").any(|capture| {
        uses().any(|sent| {
            sent.seen_in == "payload"
                && sent.host == capture.host
                && bare(&sent.path) == bare(&capture.path)
        })
    })
}

/// Whether contacts follow loads more often than chance would have it, or less.
pub(super) fn follows_loads(loads: &Loads, known: &Known<'_>) -> Option<Judgement> {
    let lift = loads.lift?;
    let (contacts, follow) = loads.contacts;
    let minutes = SignedDuration::from_secs(loads.window_seconds);
    let within = in_words(minutes);
    let at_load = known.of_running().any(|finding| finding.trigger == Some(Trigger::Load));
    // One contact after a load may be chance, however rare.
    let (statement, confidence) = if lift >= TELLING && follow < 2 {
        return None;
    } else if lift >= TELLING {
        let text = format!(
            "connections follow loads: {follow} of {contacts} within {within} of one, {lift:.0} times \
             what chance would give"
        );
        (text, Confidence::High)
    } else if at_load {
        let text = format!(
            "connections do not follow loads: {follow} of {contacts} within {within} of one; the payload \
             goes on by itself, or loads are not all on record"
        );
        (text, Confidence::Medium)
    } else {
        return None;
    };
    let rows = loads.rows.iter().filter(|row| (lift >= TELLING) == row.contact_after.is_some());
    let grounds = rows.map(|row| {
        let why = match row.contact_after {
            Some(after) => format!("a load; the next contact is {after} s later"),
            None => "a load with no contact after it".to_owned(),
        };
        Ground::at(&row.record, why)
    });
    Some(Judgement {
        rule: "contacts-follow-loads",
        statement,
        status: Status::Inferred,
        confidence,
        grounds: grounds.collect(),
        would_change: "records of further loads, or clocks that are apart".to_owned(),
    })
}

/// Whether data left: bytes in attempts that nothing stopped.
pub(super) fn data_left(known: &Known<'_>) -> Judgement {
    let count = |count: fn(&wb_core::Flow) -> u64| {
        known.contacts().map(|detail| count(&detail.flow)).sum::<u64>()
    };
    let (attempts, blocked) = (count(|flow| flow.count), count(|flow| flow.blocked));
    let bytes = count(|flow| if flow.count > flow.blocked { flow.bytes_out } else { 0 });
    let contacts = known.contacts().map(|detail| {
        let flow = &detail.flow;
        let mut why = format!("{}, {} stopped", attempts_in_words(flow.count), flow.blocked);
        // Records that do not count bytes say nothing about them.
        if flow.bytes_out > 0 {
            why.push_str(&format!(", {} bytes sent", flow.bytes_out));
        }
        Ground::at(&flow.first_record, why)
    });
    let grounds = contacts.collect();
    Judgement { grounds, ..how_much_left(attempts, attempts.saturating_sub(blocked), bytes) }
}

/// What `attempts`, of which some `passed` with some `bytes`, say about data that left.
fn how_much_left(attempts: u64, passed: u64, bytes: u64) -> Judgement {
    let (statement, status, confidence, would_change) = match (attempts, passed, bytes) {
        (0, ..) => (
            "nothing in the supplied evidence shows that data left".to_owned(),
            Status::Missing,
            Confidence::Low,
            "network records of the time since it was loaded",
        ),
        (_, 0, _) => (
            "no data is known to have left: every attempt on record was stopped".to_owned(),
            Status::Inferred,
            Confidence::Medium,
            "a record of an attempt that was not stopped, or of the time before these records begin",
        ),
        (_, _, 0) => (
            format!(
                "data may have left: {passed} of {attempts} attempts were not stopped, and no record \
                 says how much they sent"
            ),
            Status::Inferred,
            Confidence::Medium,
            "a capture or proxy log that shows what was sent",
        ),
        _ => (
            format!(
                "data left: {bytes} bytes in {} that nothing stopped",
                attempts_in_words(passed)
            ),
            Status::Observed,
            Confidence::High,
            "records that show these attempts failed to connect",
        ),
    };
    Judgement {
        rule: "data-left",
        statement,
        status,
        confidence,
        grounds: Vec::new(),
        would_change: would_change.to_owned(),
    }
}

fn attempts_in_words(count: u64) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

/// The connection that went on longest after the first block, when nothing stopped any of it.
fn open_after<'a>(known: &'a Known<'_>, block: &Moment) -> Option<&'a wb_core::Flow> {
    let open = known.contacts().map(|detail| &detail.flow);
    let open = open.filter(|flow| flow.passed_after(block.time.timestamp));
    open.max_by_key(|flow| flow.last)
}

/// Whether it has been stopped, as far as the last attempts tell.
pub(super) fn stopped(known: &Known<'_>) -> Option<Judgement> {
    let last = known.contacts().max_by_key(|detail| detail.flow.last)?;
    let block = known.moments.get(&KeyMoment::FirstBlock);
    let all_stopped = known.contacts().all(|detail| detail.flow.count == detail.flow.blocked);
    let none_stopped = known.contacts().all(|detail| detail.flow.blocked == 0) && block.is_none();
    let (statement, status, confidence) = if none_stopped {
        let text =
            format!("it is not contained: no attempt was stopped up to {}", stamp(last.flow.last));
        (text, Status::Observed, Confidence::High)
    } else if all_stopped {
        (
            "it is contained as far as the records go: every attempt was stopped".to_owned(),
            Status::Observed,
            Confidence::Medium,
        )
    } else if let Some((block, open)) =
        block.and_then(|block| Some((block, open_after(known, block)?)))
    {
        let text = format!(
            "it is not contained: attempts were stopped from {} on, others went through to {} until {}",
            stamp(block.time.timestamp),
            open.host.as_deref().unwrap_or(&open.destination),
            stamp(open.last)
        );
        (text, Status::Observed, Confidence::High)
    } else {
        let since = block.map(|moment| format!(" from {} on", stamp(moment.time.timestamp)));
        let text = format!(
            "attempts were stopped{}, others went through before or beside",
            since.unwrap_or_default()
        );
        (text, Status::Observed, Confidence::Medium)
    };
    let mut grounds: Vec<Ground> = known.ground(KeyMoment::FirstBlock).into_iter().collect();
    grounds.push(Ground::at(&last.last_record, "the last attempt on record"));
    Some(Judgement {
        rule: "contained",
        statement,
        status,
        confidence,
        grounds,
        would_change: "records from after the last one supplied, or of another way out".to_owned(),
    })
}
