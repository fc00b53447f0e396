//! The events of logs for a terminal: first what a reader needs to find the beginning, then every event.

use super::page::{Ink, Page, Style};
use super::records::Records;
use crate::time;
use crate::words::counted;
use jiff::Timestamp;
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Event, KeyMoment, RecordRef, TimelineEntry};

/// Heights of a column of activity.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns of activity at the most.
const WIDEST: usize = 72;

/// Notes that are printed.
const NOTES: usize = 8;

/// What is printed of logs.
#[derive(Clone, Debug, Default)]
pub struct Timeline<'a> {
    /// The events, in time order.
    pub events: &'a [Event],
    /// What each of them says, in one line.
    pub words: &'a [String],
    /// The names of the rules that match each of them.
    pub rules: &'a [Vec<&'static str>],
    /// How many others the filters left out.
    pub left_out: u64,
    /// Logs that were read.
    pub logs: usize,
    /// The key moments of the case, in time order.
    pub moments: &'a [TimelineEntry],
    /// Why there are no key moments, when there are none.
    pub unmarked: Option<&'a str>,
    /// What was odd about logs: gaps, clocks that jump, sources that were cut.
    pub notes: &'a [(ArtifactPath, String)],
}

/// Prints logs: their span, activity, key moments and oddities on the first screen, then every event, at most
/// three lines each. Events without a time come first; nothing is left out.
pub fn events(timeline: &Timeline<'_>, style: &Style) -> String {
    let mut page = Page::new(*style);
    span(&mut page, timeline);
    activity(&mut page, timeline);
    moments(&mut page, timeline);
    notes(&mut page, timeline);
    page.heading("EVENTS (UTC)");
    let marks = marks(timeline.moments);
    let records =
        Records::new(timeline.events.iter().map(|event| &event.record), page.columns() / 4);
    let words = timeline.words.iter().map(String::as_str).chain(std::iter::repeat(""));
    let rules = timeline.rules.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..]));
    for ((event, words), rules) in timeline.events.iter().zip(words).zip(rules) {
        let clock = event.timestamp().map_or_else(|| "no time".to_owned(), time::clock);
        let clock = format!("{clock:<21}");
        let kind = format!("{:<10}", event.kind.name());
        let host = event.host.as_ref().map(|host| format!("{host}  ")).unwrap_or_default();
        let mark = event.timestamp().and_then(|when| marks.get(&(&event.record, when)));
        let mark = mark.map(|names| format!("{names}  ")).unwrap_or_default();
        let found: String = rules.iter().map(|name| format!("{name}  ")).collect();
        let pieces = [
            (Ink::Plain, clock.as_str()),
            (Ink::Strong, &kind),
            (Ink::Faint, &records.cell(&event.record)),
            (Ink::Bad, &mark),
            (Ink::Bad, &found),
            (Ink::Faint, &host),
            (Ink::Plain, words),
        ];
        page.block(0, 33 + records.width(), &pieces, 3);
    }
    page.finish()
}

/// Names of key moments, by record and time: an export may hold all its records in one line.
fn marks(moments: &[TimelineEntry]) -> BTreeMap<(&RecordRef, Timestamp), String> {
    let mut marks: BTreeMap<(&RecordRef, Timestamp), String> = BTreeMap::new();
    for entry in moments {
        let Some(key) = entry.key else { continue };
        let names = marks.entry((&entry.record, entry.time)).or_default();
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(&name(key));
    }
    marks
}

fn name(key: KeyMoment) -> String {
    key.name().replace('_', " ").to_uppercase()
}

/// First and last time of the events.
fn range(timeline: &Timeline<'_>) -> Option<(Timestamp, Timestamp)> {
    let mut times = timeline.events.iter().filter_map(Event::timestamp);
    let first = times.next()?;
    Some(times.fold((first, first), |(low, high), time| (low.min(time), high.max(time))))
}

fn span(page: &mut Page, timeline: &Timeline<'_>) {
    let mut text = format!(
        "{} in {}",
        counted(timeline.events.len() as u64, "event"),
        counted(timeline.logs as u64, "log")
    );
    if let Some((first, last)) = range(timeline) {
        let elapsed = time::elapsed(last.as_second().saturating_sub(first.as_second()));
        text.push_str(&format!(
            ", {} to {} UTC ({elapsed})",
            time::clock(first),
            time::clock(last)
        ));
    }
    if timeline.left_out > 0 {
        text.push_str(&format!(
            "; {} others left out by the filters",
            super::grouped(timeline.left_out)
        ));
    }
    page.paragraph(0, 2, &[(Ink::Strong, "TIMELINE "), (Ink::Plain, &text)]);
}

/// Activity over time, one character per stretch, with the first letter of each key moment under it.
fn activity(page: &mut Page, timeline: &Timeline<'_>) {
    let Some((first, last)) = range(timeline) else { return };
    let columns = page.columns().saturating_sub(14).clamp(10, WIDEST);
    let whole = last.as_second().saturating_sub(first.as_second()).saturating_add(1);
    // Saturates: a column is at least a second.
    let stretch = (whole as u64).div_ceil(columns as u64).max(1);
    let place = |time: Timestamp| {
        let since = time.as_second().saturating_sub(first.as_second()).max(0) as u64;
        (since / stretch) as usize
    };
    let mut counts = vec![0_u64; columns];
    for time in timeline.events.iter().filter_map(Event::timestamp) {
        if let Some(count) = counts.get_mut(place(time)) {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let bar: String = counts.iter().map(|count| height(*count, most)).collect();
    page.line(2, &[(Ink::Faint, "activity  "), (Ink::Plain, bar.trim_end())]);
    let mut letters = vec![' '; columns];
    for entry in timeline.moments {
        if let (Some(key), Some(letter)) = (entry.key, letters.get_mut(place(entry.time)))
            && *letter == ' '
        {
            *letter = name(key).chars().next().unwrap_or(' ');
        }
    }
    let letters: String = letters.into_iter().collect();
    if !letters.trim().is_empty() {
        page.line(2, &[(Ink::Faint, "          "), (Ink::Bad, letters.trim_end())]);
    }
    let scale = format!(
        "each column {}, at most {}",
        time::elapsed(i64::try_from(stretch).unwrap_or(i64::MAX)),
        counted(most, "event")
    );
    page.line(2, &[(Ink::Faint, "          "), (Ink::Faint, &scale)]);
}

fn height(count: u64, most: u64) -> char {
    if count == 0 || most == 0 {
        return ' ';
    }
    let step = (count * (HEIGHTS.len() as u64 - 1)).div_ceil(most).min(7);
    HEIGHTS.get(step as usize).copied().unwrap_or('█')
}

/// When it began, and the other moments of the case.
fn moments(page: &mut Page, timeline: &Timeline<'_>) {
    let introduced = timeline.moments.iter().find(|entry| entry.key == Some(KeyMoment::Introduced));
    let Some(began) = introduced.or_else(|| timeline.moments.first()) else {
        if let Some(why) = timeline.unmarked {
            page.paragraph(2, 4, &[(Ink::Faint, why)]);
        }
        return;
    };
    page.line(
        2,
        &[(Ink::Bad, "IT BEGAN "), (Ink::Strong, &time::clock(began.time)), (Ink::Plain, " UTC")],
    );
    let records =
        Records::new(timeline.moments.iter().map(|entry| &entry.record), page.columns() / 4);
    for entry in timeline.moments {
        let Some(key) = entry.key else { continue };
        let pieces = [
            (Ink::Plain, format!("{}  ", time::clock(entry.time))),
            (Ink::Strong, format!("{:<15}", name(key))),
            (Ink::Faint, records.cell(&entry.record)),
            (Ink::Plain, entry.summary.clone()),
        ];
        let pieces: Vec<(Ink, &str)> =
            pieces.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
        page.block(4, 6, &pieces, 2);
    }
}

fn notes(page: &mut Page, timeline: &Timeline<'_>) {
    for (artifact, note) in timeline.notes.iter().take(NOTES) {
        page.paragraph(
            2,
            4,
            &[(Ink::Warn, "! "), (Ink::Faint, &format!("{artifact}: ")), (Ink::Plain, note)],
        );
    }
    let more = timeline.notes.len().saturating_sub(NOTES);
    if more > 0 {
        let text = format!(
            "… {}; `weighbridge investigate` lists all under coverage",
            counted(more as u64, "further note")
        );
        page.line(2, &[(Ink::Faint, &text)]);
    }
}
