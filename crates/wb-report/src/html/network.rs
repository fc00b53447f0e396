//! Who talked to what, as a drawing: sources on the left, destinations on the right, a line for each pair.
//! Thicker lines are more attempts; lines of the compromise are drawn last, and their ends are named so.

use super::Writer;
use crate::words;
use maud::{Markup, html};
use std::collections::BTreeMap;
use wb_core::{Case, Flow};

/// Ends that are drawn on each side; the rest is in the table.
const ENDS: usize = 16;

/// Height of one end, in pixels.
const END: usize = 26;

/// Longest name, in characters.
const NAME: usize = 42;

/// One line between a source and a destination: all flows of the pair.
#[derive(Default)]
struct Line {
    attempts: u64,
    blocked: u64,
    of_compromise: bool,
}

/// The drawing; nothing where there are fewer than two connections.
pub(super) fn graph(case: &Case, writer: &Writer) -> Markup {
    if case.flows.len() < 2 {
        return html! {};
    }
    let mut flows: Vec<&Flow> = case.flows.iter().collect();
    flows.sort_by_key(|flow| (!flow.of_compromise, std::cmp::Reverse(flow.count), flow.first));
    let mut sources: Vec<&str> = Vec::new();
    let mut destinations: Vec<String> = Vec::new();
    let mut lines: BTreeMap<(usize, usize), Line> = BTreeMap::new();
    let mut left_out = 0_usize;
    for flow in flows {
        let source = place(&mut sources, |known| *known == flow.source, || flow.source.as_str());
        let name = words::destination(flow);
        let to = place(&mut destinations, |known| *known == name, || name.clone());
        let (Some(source), Some(to)) = (source, to) else {
            left_out += 1;
            continue;
        };
        let line = lines.entry((source, to)).or_default();
        line.attempts += flow.count;
        line.blocked += flow.blocked;
        line.of_compromise |= flow.of_compromise;
    }
    let height = sources.len().max(destinations.len()) * END + 16;
    let mut drawn: Vec<(&(usize, usize), &Line)> = lines.iter().collect();
    drawn.sort_by_key(|(_, line)| line.of_compromise);
    let hostile = |end: usize, side: fn(&(usize, usize)) -> usize| {
        drawn.iter().any(|(ends, line)| side(ends) == end && line.of_compromise)
    };
    html! {
        div.chart {
            svg width="100%" height=(height) role="img" aria-label="Who talked to what" {
                @for (ends, line) in &drawn {
                    (edge(y(ends.0, sources.len(), height), y(ends.1, destinations.len(), height), line))
                }
                @for (index, name) in sources.iter().enumerate() {
                    (end(name, "31%", "end", y(index, sources.len(), height), hostile(index, |ends| ends.0), writer))
                }
                @for (index, name) in destinations.iter().enumerate() {
                    (end(name, "62%", "start", y(index, destinations.len(), height), hostile(index, |ends| ends.1), writer))
                }
            }
        }
        @if left_out > 0 { p.note { (words::counted(left_out as u64, "connection")) " not drawn." } }
    }
}

/// The place of an end on its side, which is added while there is room.
fn place<T>(ends: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl Fn() -> T) -> Option<usize> {
    let known = ends.iter().position(is);
    if known.is_none() && ends.len() < ENDS {
        ends.push(new());
        return ends.len().checked_sub(1);
    }
    known
}

/// Ends are spread evenly over the height.
fn y(index: usize, all: usize, height: usize) -> usize {
    height * (2 * index + 1) / (2 * all.max(1))
}

fn edge(from: usize, to: usize, line: &Line) -> Markup {
    let class = match (line.of_compromise, line.blocked >= line.attempts) {
        (true, true) => "edge hostile stopped",
        (true, false) => "edge hostile",
        (false, true) => "edge stopped",
        (false, false) => "edge",
    };
    let width = 1 + line.attempts.checked_ilog10().unwrap_or_default();
    html! {
        line class=(class) x1="32%" x2="61%" y1=(from) y2=(to) stroke-width=(width) {
            title {
                (words::counted(line.attempts, "attempt")) ", " (words::grouped(line.blocked)) " blocked"
            }
        }
    }
}

fn end(name: &str, x: &str, anchor: &str, y: usize, hostile: bool, writer: &Writer) -> Markup {
    let name = writer.exact(&writer.defang.text(&words::cut(name, NAME)));
    html! {
        text.end.hostile[hostile] x=(x) y=(y + 4) text-anchor=(anchor) {
            (name) @if hostile && anchor == "start" { " (compromise)" }
        }
    }
}
