//! Reports for a terminal. A case begins with its answer ([`summary`]: at most 25 lines), detail
//! follows; everything fits 100 columns without colour and says in words what colour would say.

mod answer;
mod detail;
mod inventory;
mod page;
mod scan;
mod story;
mod table;

use crate::Tool;
use crate::escape::Defang;
use page::{Ink, Page};
use wb_core::{Case, Decision, Flow, Severity, Span, Verdict};

pub use inventory::{differences, events, inspect, timeline};
pub use page::Style;
pub use scan::scan;
pub use table::table;

/// The report of a case: the answer in at most 25 lines, then everything it rests on.
pub fn case(case: &Case, tool: &Tool, style: &Style) -> String {
    let mut page = Page::new(*style);
    let defang = Defang::of_case(case);
    answer::print(&mut page, case, &defang);
    detail::findings(&mut page, case, &defang);
    story::timeline(&mut page, case, &defang);
    story::flows(&mut page, case, &defang);
    detail::integrity(&mut page, case);
    detail::differences(&mut page, case);
    story::identifiers(&mut page, case);
    story::candidates(&mut page, case, &defang);
    story::contradictions(&mut page, case, &defang);
    story::missing(&mut page, case, &defang);
    story::recommendations(&mut page, case, &defang);
    detail::artifacts(&mut page, case);
    detail::coverage(&mut page, &case.coverage);
    page.blank();
    let maker = format!("weighbridge {}, rulebook {}", tool.version, tool.rulebook);
    page.line(0, &[(Ink::Faint, &maker)]);
    page.finish()
}

/// The answer alone: at most 25 lines with the verdict, the five times, what runs and where it goes,
/// identity and hashes, identifiers, contradictions and the first things to do.
pub fn summary(case: &Case, style: &Style) -> String {
    let mut page = Page::new(*style);
    answer::print(&mut page, case, &Defang::of_case(case));
    page.finish()
}

/// `1 file`, `2 files`.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart: `1,588,112`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in words: exact below ten thousand, then in decimal units.
fn bytes(count: u64) -> String {
    let units =
        [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    match units.into_iter().rev().find(|(_, size)| count >= 10_000 && count >= *size) {
        None => format!("{} B", grouped(count)),
        // Two significant digits say enough.
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / size as f64),
    }
}

/// Host, address and port of a flow.
fn destination(flow: &Flow) -> String {
    let port = flow.port.map(|port| format!(":{port}")).unwrap_or_default();
    match &flow.host {
        Some(host) if *host != flow.destination => format!("{host}{port} ({})", flow.destination),
        _ => format!("{}{port}", flow.destination),
    }
}

/// A span in words: `offset 214, 1 byte`.
fn decimal_offset(span: Span) -> String {
    format!("offset {}, {}", span.start, counted(span.len, "byte"))
}

/// The shape of a tensor: `[768, 14]`.
fn shape(shape: &[u64]) -> String {
    let axes: Vec<String> = shape.iter().take(16).map(u64::to_string).collect();
    format!("[{}{}]", axes.join(", "), if shape.len() > 16 { ", …" } else { "" })
}

const fn verdict_ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Malicious => Ink::Bad,
        Verdict::Suspicious | Verdict::Unknown => Ink::Warn,
        Verdict::Clean => Ink::Good,
    }
}

const fn severity_ink(severity: Severity) -> Ink {
    match severity {
        Severity::Critical | Severity::High => Ink::Bad,
        Severity::Medium => Ink::Warn,
        Severity::Low | Severity::Info => Ink::Plain,
    }
}

const fn decision_ink(decision: Decision) -> Ink {
    match decision {
        Decision::Approve => Ink::Good,
        Decision::Review => Ink::Warn,
        Decision::Reject => Ink::Bad,
    }
}
