//! Decisions of the gate.

use super::page::{Ink, Page, Style};
use super::{decision_ink, detail};
use crate::Gate;
use crate::escape::Defang;
use wb_core::{ReadState, Severity};

/// Findings that are printed whole.
const FINDINGS: usize = 20;

/// The decision first, its reasons, then the findings it rests on.
pub fn gate(gate: &Gate, style: &Style) -> String {
    let mut page = Page::new(*style);
    let defang = Defang::of_findings(&gate.findings);
    for (decision, digest) in &gate.candidates {
        let word = decision.decision.name().to_uppercase();
        let ink = decision_ink(decision.decision);
        let path = format!("  {}", decision.artifact);
        page.paragraph(0, 9, &[(ink, &word), (Ink::Strong, &path)]);
        for why in &decision.because {
            page.paragraph(2, 4, &[(Ink::Plain, "- "), (Ink::Plain, &defang.text(why))]);
        }
        if let Some(digest) = digest {
            page.line(2, &[(Ink::Faint, "sha256 "), (Ink::Plain, digest)]);
        }
        if let Some(differences) = gate.differences.get(&decision.artifact)
            && !differences.is_empty()
        {
            page.heading(&format!("AGAINST THE BASELINE ({})", differences.len()));
            detail::print_differences(&mut page, 2, &detail::difference_rows(differences));
        }
    }
    let grave: Vec<_> = gate
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.severity >= Severity::Medium)
        .collect();
    if !grave.is_empty() {
        page.heading(&format!("FINDINGS ({})", grave.len()));
    }
    for (index, finding) in grave.iter().take(FINDINGS) {
        detail::finding(&mut page, *index, finding, &[], &defang);
    }
    page.hidden(grave.len().saturating_sub(FINDINGS), "finding");
    for row in gate.coverage.iter().filter(|row| row.state != ReadState::Read) {
        let text = format!("{}: {}", row.artifact, row.why);
        page.paragraph(2, 4, &[(Ink::Warn, "not read to its end: "), (Ink::Plain, &text)]);
    }
    page.finish()
}
