//! Drawings as inline SVG. Marks stand at percentages of the width, so that a wider drawing is a closer
//! look; heights are in pixels.

use super::Writer;
use crate::time;
use crate::words;
use jiff::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeMap;
use wb_core::{ArtifactPath, Flow, Status, TimelineEntry};

/// Lanes that are drawn; further sources share the last.
const LANES: usize = 12;
/// Marks that are drawn; key moments always are.
const MARKS: usize = 600;
/// Height of a lane and of a key moment's name, in pixels.
const LANE: usize = 40;
const NAME: usize = 17;

/// One lane per source, a mark per event, a line per key moment. Marks lead to their rows.
pub(super) fn lanes(rows: &[(usize, &TimelineEntry)], writer: &Writer) -> Markup {
    let Some(scale) = Scale::over(rows.iter().map(|(_, entry)| entry.time)) else {
        return html! {};
    };
    let lanes = sources(rows);
    let keys: Vec<_> = rows.iter().filter(|(_, entry)| entry.key.is_some()).collect();
    let top = keys.len() * NAME + 14;
    let drawn = lanes.values().max().map_or(1, |last| last + 1);
    let bottom = top + drawn * LANE;
    // Evenly thinned: a drawing of a thousand marks shows no more than one of a few hundred.
    let every = rows.len().div_ceil(MARKS).max(1);
    let marks = rows
        .iter()
        .enumerate()
        .filter(|(position, (_, entry))| position % every == 0 || entry.key.is_some());
    html! {
        div.chart data-zoom="" {
            div.scroll tabindex="0" role="group" aria-label="Timeline drawing" {
                svg width="100%" height=(bottom + 24) role="img" aria-label="Events by source and time" {
                    @for tick in scale.ticks() {
                        line.grid x1=(percent(scale.at(tick))) x2=(percent(scale.at(tick)))
                            y1=(top) y2=(bottom) {}
                        text x=(percent(scale.at(tick))) y=(bottom + 16) text-anchor="middle" {
                            (scale.label(tick))
                        }
                    }
                    @for (path, lane) in &lanes {
                        @let y = top + lane * LANE + LANE / 2;
                        line.lane x1="0" x2="100%" y1=(y) y2=(y) {}
                        @if *lane + 1 < LANES || lanes.len() <= LANES {
                            text.lane-name x="10" y=(y - 10) { (writer.exact(&words::cut_start(path.as_str(), 44))) }
                        }
                    }
                    @if lanes.len() > LANES {
                        text.lane-name x="10" y=(top + (LANES - 1) * LANE + LANE / 2 - 10) { "other sources" }
                    }
                    @for (position, (_, entry)) in keys.iter().enumerate() {
                        (moment(&scale, position, entry, bottom))
                    }
                    @for (_, (index, entry)) in marks {
                        @let lane = lanes.get(&entry.record.artifact).copied().unwrap_or_default();
                        (mark(&scale, *index, entry, top + lane * LANE + LANE / 2, writer))
                    }
                }
            }
        }
        @if every > 1 { p.note { "The drawing shows one event in " (every) "; the rows below show more." } }
    }
}

/// A key moment: its name on a line of its own, and a rule through the lanes.
fn moment(scale: &Scale, position: usize, entry: &TimelineEntry, bottom: usize) -> Markup {
    let at = scale.at(entry.time);
    let y = position * NAME + 22;
    // Names near the right edge stand left of their rule.
    let (anchor, shift) = if at > 70.0 { ("end", -6) } else { ("start", 6) };
    let name = entry.key.map(|key| key.name().replace('_', " ")).unwrap_or_default();
    html! {
        line.moment x1=(percent(at)) x2=(percent(at)) y1=(y - 9) y2=(bottom) {}
        text.moment-name x=(percent(at)) y=(y) dx=(shift) text-anchor=(anchor) { (name) }
    }
}

fn mark(scale: &Scale, index: usize, entry: &TimelineEntry, y: usize, writer: &Writer) -> Markup {
    let class = match (entry.key, entry.status) {
        (_, Status::Inferred | Status::Missing) => "dot inferred",
        (Some(_), _) => "dot key",
        (None, _) => "dot",
    };
    let title = format!("{} {}", time::clock(entry.time), writer.defang.text(&entry.summary));
    html! {
        a href=(format!("#e{index}")) {
            title { (writer.exact(&title)) }
            circle class=(class) cx=(percent(scale.at(entry.time))) cy=(y)
                r=(if entry.key.is_some() { 6 } else { 5 }) {}
        }
    }
}

/// The lane of every source, in the order in which sources first speak.
fn sources(rows: &[(usize, &TimelineEntry)]) -> BTreeMap<ArtifactPath, usize> {
    let mut lanes = BTreeMap::new();
    for (_, entry) in rows {
        if !lanes.contains_key(&entry.record.artifact) {
            lanes.insert(entry.record.artifact.clone(), lanes.len().min(LANES - 1));
        }
    }
    lanes
}

/// From time to a percentage of the width.
struct Scale {
    first: i64,
    last: i64,
}

impl Scale {
    fn over(times: impl Iterator<Item = Timestamp> + Clone) -> Option<Self> {
        let seconds = times.map(Timestamp::as_second);
        Some(Self { first: seconds.clone().min()?, last: seconds.max()? })
    }

    /// Between 4 and 96, so that marks and labels at the ends are whole.
    fn at(&self, time: Timestamp) -> f64 {
        let span = (self.last - self.first).max(1) as f64;
        4.0 + 92.0 * (time.as_second() - self.first) as f64 / span
    }

    /// At most eight round moments.
    fn ticks(&self) -> Vec<Timestamp> {
        const STEPS: [i64; 18] = [
            1,
            5,
            15,
            60,
            300,
            900,
            3_600,
            10_800,
            21_600,
            43_200,
            86_400,
            172_800,
            604_800,
            1_209_600,
            2_592_000,
            7_776_000,
            31_536_000,
            315_360_000,
        ];
        let span = self.last - self.first;
        let step = STEPS.into_iter().find(|step| span / step < 8).unwrap_or(3_153_600_000);
        let mut at = self.first.div_euclid(step) * step;
        let mut ticks = Vec::new();
        while at <= self.last && ticks.len() < 16 {
            if at >= self.first {
                ticks.extend(Timestamp::from_second(at));
            }
            at += step;
        }
        ticks
    }

    fn label(&self, tick: Timestamp) -> String {
        let format = if self.last - self.first > 6 * 86_400 { "%Y-%m-%d" } else { "%m-%d %H:%M" };
        tick.strftime(format).to_string()
    }
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// The next round duration, in seconds.
fn round_up(seconds: f64) -> f64 {
    const ROUND: [f64; 20] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0,
        7_200.0, 14_400.0, 28_800.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
    ];
    ROUND.into_iter().find(|round| *round >= seconds).unwrap_or(seconds)
}

/// Seconds between the attempts of a flow, in their order, with the median as a line.
pub(super) fn intervals(flow: &Flow) -> Markup {
    let values: Vec<f64> = flow
        .intervals
        .iter()
        .copied()
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .take(400)
        .collect();
    if values.len() < 3 {
        return html! {};
    }
    // A few long gaps must not flatten the rest: what is above the ninth decile and a half is cut.
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let decile = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(1.0);
    let top = round_up(decile * 1.5);
    let y = |seconds: f64| 120.0 - 104.0 * (seconds / top).min(1.0);
    let x = |index: usize| 7.0 + 91.0 * index as f64 / (values.len() - 1) as f64;
    let period = flow.beacon.period_seconds.filter(|period| period.is_finite() && *period >= 0.0);
    let high = values.iter().filter(|seconds| **seconds > top).count();
    html! {
        div.chart {
            svg width="100%" height="146" role="img" aria-label="Seconds between attempts" {
                line.lane x1="7%" x2="98%" y1="120" y2="120" {}
                text x="6.4%" y="124" text-anchor="end" { "0" }
                text x="6.4%" y="20" text-anchor="end" { (time::period(top)) }
                @if let Some(period) = period {
                    line.period x1="7%" x2="98%" y1=(format!("{:.1}", y(period))) y2=(format!("{:.1}", y(period))) {}
                    text x="98%" y=(format!("{:.1}", y(period) - 5.0)) text-anchor="end" {
                        "median " (time::period(period))
                    }
                }
                @for (index, seconds) in values.iter().enumerate() {
                    circle.point cx=(percent(x(index))) cy=(format!("{:.1}", y(*seconds))) r="2.4" {}
                }
                text x="7%" y="139" { "time between attempts, in their order" }
                @if high > 0 {
                    text x="98%" y="139" text-anchor="end" { (high) " longer, drawn at the top" }
                }
            }
        }
    }
}
