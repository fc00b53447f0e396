//! `weighbridge timeline`: the events of logs on one clock.

use super::{Ended, Outcome};
use crate::cli::Timeline;
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use wb_core::{Event, EventKind};
use wb_engine::{Hashing, ScanOptions};
use wb_report::text;

/// Reads logs and prints their events in time order.
pub fn run(arguments: &Timeline, terminal: Terminal) -> Ended {
    if let Some(unknown) = arguments.kind.iter().find(|kind| !is_kind(kind)) {
        let kinds: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(format!(
            "`{unknown}` is no kind of event\nhint: kinds are {}",
            kinds.join(", ")
        )
        .into());
    }
    let options = ScanOptions { hashing: Hashing::Off, ..ScanOptions::default() };
    let scanned = wb_engine::scan(&arguments.logs, options, &Bar::new())?;
    if scanned.logs.is_empty() {
        let outcome = super::nothing_but(&scanned.skipped);
        messages::note("none of the files reads as a log");
        messages::hint("`weighbridge explain` lists the log sources that are read");
        return Ok(outcome);
    }
    let mut events = wb_engine::all_events(scanned.logs);
    events.retain(|event| wanted(event, arguments));
    events.sort_by(|a, b| (a.timestamp(), &a.record).cmp(&(b.timestamp(), &b.record)));
    let style = text::Style { width: terminal.width, color: terminal.color };
    print(&text::events(&events, &style))?;
    Ok(Outcome::NothingFound)
}

fn is_kind(name: &str) -> bool {
    EventKind::ALL.iter().any(|kind| kind.name() == name)
}

fn wanted(event: &Event, arguments: &Timeline) -> bool {
    let kind =
        arguments.kind.is_empty() || arguments.kind.iter().any(|kind| kind == event.kind.name());
    let text = arguments.contains.as_ref().is_none_or(|text| {
        event.message.contains(text.as_str())
            || event.fields.values().any(|value| value.contains(text.as_str()))
    });
    let time = event.timestamp();
    let from = arguments.from.is_none_or(|from| time.is_some_and(|time| time >= from));
    let to = arguments.to.is_none_or(|to| time.is_some_and(|time| time <= to));
    kind && text && from && to
}
