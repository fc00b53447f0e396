//! Reports for a terminal. A case begins with its answer ([`summary`]: at most 25 lines), detail
//! follows; everything fits 100 columns without colour and says in words what colour would say.

mod answer;
mod detail;
mod events;
mod gate;
mod inventory;
mod page;
mod reasoning;
mod records;
mod saved;
mod scan;
mod story;
mod table;

use crate::Tool;
use crate::escape::Defang;
use crate::words::{bytes, counted, destination, grouped, shape};
use page::{Ink, Page};
use wb_core::{Case, Decision, Severity, Verdict};

pub use events::{Timeline, events};
pub use gate::gate;
pub use inventory::{between, differences, inspect, statistics, timeline, weights};
pub use page::Style;
pub use saved::{Sheet, sheet, shown, shown_as};
pub use scan::{hex, scan};
pub use table::table;

/// The report of a case: the answer in at most 25 lines, then everything it rests on.
pub fn case(case: &Case, tool: &Tool, style: &Style) -> String {
    let mut page = Page::new(*style);
    let defang = Defang::of_case(case);
    answer::print(&mut page, case, &defang);
    detail::findings(&mut page, case, &defang);
    reasoning::chain(&mut page, case, &defang);
    story::timeline(&mut page, case, &defang);
    reasoning::deployments(&mut page, case);
    story::flows(&mut page, case, &defang);
    reasoning::loads(&mut page, case);
    reasoning::exchanges(&mut page, case, &defang);
    detail::integrity(&mut page, case);
    detail::differences(&mut page, case);
    story::identifiers(&mut page, case);
    story::candidates(&mut page, case, &defang);
    reasoning::judgements(&mut page, case, &defang);
    story::contradictions(&mut page, case, &defang);
    story::missing(&mut page, case, &defang);
    reasoning::reach(&mut page, case, &defang);
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
