//! The timeline: drawn as lanes, and as rows that open to the raw record.

use super::{Writer, chart, headed};
use crate::time;
use crate::words::{self, status_word};
use maud::{Markup, html};
use std::collections::BTreeSet;
use wb_core::{Case, Status, TimelineEntry};

/// Rows that are written; key moments always are.
const ROWS: usize = 1_500;
/// Lines shown before and after a record.
const AROUND: u64 = 4;

/// The entries that get a row, with their positions.
fn shown(case: &Case) -> Vec<(usize, &TimelineEntry)> {
    let keys = case.timeline.iter().filter(|entry| entry.key.is_some()).count();
    let mut room = ROWS.saturating_sub(keys);
    case.timeline
        .iter()
        .enumerate()
        .filter(|(_, entry)| {
            let shown = entry.key.is_some() || room > 0;
            room = room.saturating_sub(usize::from(entry.key.is_none()));
            shown
        })
        .collect()
}

/// The section: drawing, filter, rows.
pub(super) fn section(case: &Case, writer: &Writer) -> Markup {
    if case.timeline.is_empty() {
        return html! {};
    }
    let rows = shown(case);
    let hidden = case.timeline.len() - rows.len();
    let kinds: BTreeSet<&str> = rows.iter().map(|(_, entry)| entry.kind.name()).collect();
    let sources: BTreeSet<&str> =
        rows.iter().map(|(_, entry)| entry.record.artifact.as_str()).collect();
    headed(
        "timeline",
        "Timeline",
        "UTC; a row opens to its record",
        html! {
            (chart::lanes(&rows, writer))
            form.filter hidden role="search" aria-label="Filter the timeline" {
                input type="search" name="text" placeholder="filter: words in summary or record"
                    aria-label="words" autocomplete="off";
                select name="kind" aria-label="kind" {
                    option value="" { "every kind" }
                    @for kind in kinds { option value=(kind) { (kind) } }
                }
                select name="source" aria-label="source" {
                    option value="" { "every source" }
                    @for source in sources {
                        option value=(writer.exact(source)) { (writer.exact(source)) }
                    }
                }
                label { input type="checkbox" name="key"; "key moments" }
                output {}
            }
            div.rows { @for (index, entry) in &rows { (row(case, *index, entry, writer)) } }
            @if hidden > 0 {
                p.note { (hidden) " events are not shown; the JSON report holds all of them." }
            }
        },
    )
}

fn row(case: &Case, index: usize, entry: &TimelineEntry, writer: &Writer) -> Markup {
    let key = entry.key.map(|key| key.name());
    let record = words::record(&entry.record);
    // The column is narrow: the file's own name, the whole path as its title.
    let name = words::cut_start(entry.record.artifact.file_name(), 16);
    let name = format!("{name}:{}", entry.record.line);
    let status = match entry.status {
        Status::Observed => "tag",
        Status::Inferred | Status::Missing => "tag inferred",
    };
    html! {
        details id=(format!("e{index}")) data-kind=(entry.kind.name()) data-key=[key]
            data-source=(writer.exact(entry.record.artifact.as_str())) {
            summary {
                span.when { (time::clock(entry.time)) }
                span class=(status) { (status_word(entry.status)) }
                span.from title=(writer.exact(&record)) { (writer.exact(&name)) }
                span.what {
                    @if let Some(key) = key { (super::chip("bad", &key.replace('_', " "))) }
                    (writer.prose(&entry.summary))
                }
            }
            div.body { (raw(case, entry, writer)) }
        }
    }
}

/// The record with its neighbours, as far as the case keeps them.
fn raw(case: &Case, entry: &TimelineEntry, writer: &Writer) -> Markup {
    let excerpt =
        case.dossiers.get(&entry.record.artifact).map_or(&[][..], |dossier| &dossier.excerpt);
    let line = entry.record.line;
    let from = excerpt.partition_point(|(number, _)| *number < line.saturating_sub(AROUND));
    let near: Vec<&(u64, String)> = excerpt
        .iter()
        .skip(from)
        .take_while(|(number, _)| *number <= line.saturating_add(AROUND))
        .collect();
    let known = near.iter().any(|(number, _)| *number == line);
    html! {
        p.note {
            (writer.record(&entry.record)) ", offset " (entry.record.offset) ", " (entry.kind.name())
            @if let Some(basis) = words::basis(entry.time_basis) { ", " (basis) }
        }
        pre.raw {
            @if known {
                @for (number, text) in near {
                    span.l.hit[*number == line] data-n=(number) { (writer.exact(text)) "\n" }
                }
            } @else {
                span.l.hit data-n=(line) { (writer.exact(&entry.raw)) "\n" }
            }
        }
    }
}
