//! `weighbridge show`: one finding with its bytes.

use super::{Ended, Outcome};
use crate::cli::Show;
use crate::terminal::{Terminal, print};
use std::fmt;
use wb_core::{ArtifactPath, Finding, Span};
use wb_report::{finding_id, text};

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

/// A hexadecimal view of the finding's bytes. Members that had to be decoded have none on disk.
fn bytes_of(folder: &std::path::Path, finding: &Finding) -> String {
    let Some(span) = finding.location.span else { return String::new() };
    if finding.artifact.as_str().contains(ArtifactPath::MEMBER) {
        return format!(
            "\nbytes {}..{} of `{}`, which is inside a container\n",
            span.start,
            span.end(),
            finding.artifact
        );
    }
    let path =
        if folder.is_dir() { folder.join(finding.artifact.as_str()) } else { folder.to_owned() };
    match wb_engine::open(&path) {
        Ok(data) => text::hex(data.as_slice(), window(span), span),
        Err(error) => format!("\n`{}` cannot be read again: {error}\n", finding.artifact),
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
