//! `weighbridge show`: one finding with its bytes.

use super::{Ended, Outcome};
use crate::cli::Show;
use crate::terminal::{Terminal, print};
use std::fmt;
use std::path::Path;
use wb_core::{Finding, Span};
use wb_report::{escape, finding_id, text};

/// Bytes shown before and after the finding's own.
const AROUND: u64 = 32;

/// Bytes shown at the most.
const MOST: u64 = 512;

/// Shows a finding and prints its bytes.
pub fn run(arguments: &Show, terminal: Terminal) -> Ended {
    let case = super::investigate::case_of(&arguments.folder, &[])?;
    let wanted = arguments.finding.to_ascii_uppercase();
    let position = (0..case.findings.len()).find(|index| finding_id(*index) == wanted);
    let Some((position, finding)) = position.and_then(|at| Some((at, case.findings.get(at)?)))
    else {
        return Err(Box::new(NoSuchFinding { wanted, count: case.findings.len() }));
    };
    let style = text::Style { width: terminal.width, color: terminal.color };
    let mut out = text::finding(position, finding, &style);
    out.push_str(&bytes_of(&arguments.folder, finding));
    print(&out)?;
    Ok(Outcome::NothingFound)
}

/// A hexadecimal view of the finding's bytes, with offsets in its artifact.
fn bytes_of(folder: &Path, finding: &Finding) -> String {
    let Some(span) = finding.location.span else { return String::new() };
    match wb_engine::bytes_of(folder, &finding.artifact) {
        Ok(data) => text::hex(&data, window(span), span),
        Err(error) => {
            let name = escape::terminal(finding.artifact.as_str());
            format!("\n`{name}` cannot be read again: {error}\n")
        }
    }
}

/// The bytes to show: those of `span` and some around it.
fn window(span: Span) -> Span {
    let start = span.start.saturating_sub(AROUND) & !15;
    let end = span.end().saturating_add(AROUND).min(start.saturating_add(MOST));
    Span::new(start, end.saturating_sub(start))
}

/// User: the folder has no finding of that number.
#[derive(Debug)]
struct NoSuchFinding {
    wanted: String,
    count: usize,
}

impl fmt::Display for NoSuchFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no finding `{}`\nhint: ", self.wanted)?;
        match self.count {
            0 => write!(f, "nothing was found in this folder"),
            count => write!(f, "findings of this folder are F1 to F{count}"),
        }
    }
}

impl std::error::Error for NoSuchFinding {}
