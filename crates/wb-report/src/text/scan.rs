//! What `weighbridge scan` prints: the artifacts with findings, and one line that sums up.

use super::page::{Ink, Page, Style};
use super::{counted, detail, verdict_ink};
use crate::Scan;
use crate::escape::Defang;
use std::fmt::Write as _;
use wb_core::{ReadState, Span, Verdict};

/// Artifacts not read to the end that are listed.
const GAPS: usize = 50;

/// One block for each artifact that has findings of its own, then what was not read to its end; clean
/// artifacts are counted in the last line, and listed when `verbose`.
pub fn scan(scan: &Scan, verbose: bool, style: &Style) -> String {
    let mut page = Page::new(*style);
    let defang = Defang::of_findings(&scan.findings);
    for (artifact, verdict) in &scan.artifacts {
        let findings: Vec<_> = scan
            .findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.artifact == artifact.path)
            .collect();
        if findings.is_empty() && !verbose {
            continue;
        }
        let word = verdict.name().to_uppercase();
        let format = format!("  {}", artifact.format.unwrap_or("unknown format"));
        page.paragraph(
            0,
            2,
            &[
                (verdict_ink(*verdict), &word),
                (Ink::Plain, "  "),
                (Ink::Strong, artifact.path.as_str()),
                (Ink::Faint, &format),
            ],
        );
        for (index, finding) in findings {
            detail::finding(&mut page, index, finding, &[], &defang);
            page.blank();
        }
    }
    if verbose {
        page.blank();
    }
    let gaps: Vec<_> = scan.coverage.iter().filter(|row| row.state != ReadState::Read).collect();
    if !gaps.is_empty() {
        page.line(0, &[(Ink::Warn, "NOT READ TO THE END")]);
        for row in gaps.iter().take(GAPS) {
            let text = format!("{}: {}", row.artifact, row.why);
            page.paragraph(2, 4, &[(Ink::Plain, &text)]);
        }
        if gaps.len() > GAPS {
            let rest = format!("… {} more; `--format json` holds all", gaps.len() - GAPS);
            page.line(2, &[(Ink::Faint, &rest)]);
        }
        page.blank();
    }
    sum_up(&mut page, scan);
    page.finish()
}

fn sum_up(page: &mut Page, scan: &Scan) {
    let of =
        |wanted: Verdict| scan.artifacts.iter().filter(|(_, verdict)| *verdict == wanted).count();
    let worst = scan.artifacts.iter().map(|(_, verdict)| *verdict).max();
    let Some(worst) = worst else {
        page.line(0, &[(Ink::Warn, "nothing to look at")]);
        return;
    };
    let counts: Vec<String> =
        [Verdict::Malicious, Verdict::Suspicious, Verdict::Unknown, Verdict::Clean]
            .into_iter()
            .filter(|verdict| of(*verdict) > 0)
            .map(|verdict| format!("{} {}", of(verdict), verdict.name()))
            .collect();
    let text = format!(
        "{}: {}; {}",
        counted(scan.artifacts.len() as u64, "artifact"),
        counts.join(", "),
        match scan.findings.len() {
            0 => "no findings".to_owned(),
            count => counted(count as u64, "finding"),
        }
    );
    page.line(0, &[(verdict_ink(worst), &text)]);
}

/// Bytes of a file as offset, hexadecimal and text, sixteen to a line: those of `window`, with a `>`
/// before every line that holds bytes of `mark`. What lies past the end of `data` is not shown.
pub fn hex(data: &[u8], window: Span, mark: Span) -> String {
    let position =
        |offset: u64| usize::try_from(offset).map_or(data.len(), |at| at.min(data.len()));
    let (start, end) = (position(window.start), position(window.end()));
    let shown = data.get(start..end).unwrap_or_default();
    let mut out = String::new();
    for (number, line) in shown.chunks(16).enumerate() {
        let offset = (start + number * 16) as u64;
        let marked = offset < mark.end() && mark.start < offset + line.len() as u64;
        let _ = write!(out, "\n{} {offset:08x} ", if marked { '>' } else { ' ' });
        for (column, byte) in line.iter().enumerate() {
            let _ = write!(out, "{}{byte:02x}", if column == 8 { "  " } else { " " });
        }
        // Writing to a string cannot fail.
        let missing = (16 - line.len()) * 3 + usize::from(line.len() <= 8);
        let _ = write!(out, "{:missing$}  ", "");
        out.extend(line.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
    }
    out.push('\n');
    out
}
